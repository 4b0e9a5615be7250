"""Each set of rights over places and over the directory, through the connector and a simulated tenant, in one scan.

For each set: somebody who has it, somebody one action short, at another place, denied, split over a group, and with
nobody to become.
"""

from collections.abc import Iterator, Mapping

import pytest

from nhiscan import plugins
from nhiscan.collect import scan
from nhiscan.inventory import open_inventory
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_azure import CONNECTOR
from nhiscan_azure.analyzer.catalogue import catalogue
from nhiscan_azure.analyzer.definitions import CONTROL, DATA
from nhiscan_azure.analyzer.escalation.sets import Set, sets
from nhiscan_azure.simulated import (
    Application,
    Assignment,
    Denial,
    Directory,
    DirectoryRole,
    Group,
    ManagedIdentity,
    Resource,
    ResourceGroup,
    Role,
    RoleHolder,
    SimulatedAzure,
    Subscription,
    User,
    Vault,
    World,
)

NOW = at("2026-11-02T09:00:00")
BEFORE = NOW - 400 * 86_400
DEFINITION = next(one for one in sets() if one.gain == "own-definition")
OVER_PLACES = [one for one in sets() if one.all_of and one != DEFINITION]
WITH_TARGETS = [one for one in OVER_PLACES if one.gain.endswith("-identity")]
OVER_DIRECTORY = [one for one in sets() if one.way is not None and catalogue().ways[one.way].actions]
DEFINERS = (Assignment("definer", "writes here"), Assignment("lesser-definer", "writes everywhere"))
TYPES = sorted({kind for one in sets() for kind in one.runs})


def role(name: str, one: Set, actions: tuple[str, ...]) -> Role:
    # a role that gives nothing cannot be made
    control = (*(actions if one.plane == CONTROL else ()), "Microsoft.Support/operations/read")
    return Role(name, control, data_actions=actions if one.plane == DATA else ())


def roles() -> Iterator[Role]:
    for one in OVER_PLACES:
        some = (*one.all_of, *one.anywhere[:1])
        yield role(f"{one.id} all", one, some)
        yield role(f"{one.id} first", one, one.all_of[:1])
        yield role(f"{one.id} rest", one, some[1:])


def resources(name: str) -> tuple[Resource | ManagedIdentity | Vault, ...]:
    """One of each type that runs code, with an identity of its own, and a user-assigned identity."""
    made = tuple(Resource(kind, f"{name}-{place}", system=True) for place, kind in enumerate(TYPES))
    return (*made, ManagedIdentity(f"{name}-shared"), Vault(f"{name}-vault"))


def world() -> World:
    people = [
        f"{one.id}-{what}" for one in OVER_PLACES for what in ("has", "short", "wrong", "denied", "split", "calm")
    ]
    people += [f"{one.id}-has" for one in OVER_DIRECTORY]
    here = ResourceGroup(
        "here",
        resources("strong"),
        assignments=tuple(
            given
            for one in OVER_PLACES
            for given in (
                Assignment(f"{one.id}-has", f"{one.id} all"),
                Assignment(f"{one.id}-short", f"{one.id} rest"),
                Assignment(f"{one.id}-denied", f"{one.id} all"),
                Assignment(f"{one.id}-split", f"{one.id} rest"),
                Assignment(f"{one.id}-group", f"{one.id} first"),
            )
        ),
        denials=tuple(
            Denial(one.id, one.all_of[:1], principals=(f"{one.id}-denied",))
            for one in OVER_PLACES
            if one.plane == CONTROL
        ),
    )
    calm = ResourceGroup(
        "calm",
        resources("weak"),
        assignments=tuple(Assignment(f"{one.id}-calm", f"{one.id} all") for one in WITH_TARGETS),
    )
    away = ResourceGroup(
        "away", (), assignments=tuple(Assignment(f"{one.id}-wrong", f"{one.id} all") for one in WITH_TARGETS)
    )
    strong = [*(f"strong-{place}" for place in range(len(TYPES))), "strong-shared"]
    owners = tuple(Assignment(name, "Owner") for name in (*strong, "strong-group", "strong-user", "strong-app"))
    actions = [(one, catalogue().ways[one.way or ""].actions[0]) for one in OVER_DIRECTORY]
    return World(
        Directory(
            users=(User("strong-user"), User("root")),
            groups=(
                *(Group(f"{one.id}-group", (f"{one.id}-split",)) for one in OVER_PLACES),
                Group("strong-group"),
                Group("strong-roles", role_assignable=True),
            ),
            applications=tuple(
                Application(name, BEFORE) for name in (*people, "strong-app", "definer", "lesser-definer")
            ),
            roles=tuple(DirectoryRole(f"{one.id} role", (action,)) for one, action in actions),
            holders=(
                RoleHolder("Global Administrator", "root"),
                RoleHolder("Global Administrator", "strong-roles"),
                *(RoleHolder(f"{one.id} role", f"{one.id}-has") for one, _ in actions),
            ),
        ),
        subscriptions=(
            Subscription("live", (here, calm, away), assignments=DEFINERS),
            Subscription("lab", (), assignments=owners),
        ),
        roles=(
            *roles(),
            Role("writes here", DEFINITION.all_of, scopes=("live",)),
            Role("writes everywhere", DEFINITION.all_of),
        ),
    )


Found = Mapping[str, Mapping[str, tuple[str, str, str | None]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Name of a principal -> method -> (outcome, confidence, name of the target)."""
    folder = tmp_path_factory.mktemp("sets")
    with SimulatedAzure(world(), clock=SimulatedClock(NOW)) as azure, environment(azure.environment):
        inventory = open_inventory(str(folder / "inventory.db"))
        outcome = scan(
            inventory,
            [(CONNECTOR, azure.settings)],
            finish=lambda _: None,
            clock=azure.clock,
            sleep=lambda _: None,
            run_id=lambda: "sets",
            analyzers=plugins.analyzers(),
        )
        assert outcome.number is not None
        paths: dict[str, dict[str, tuple[str, str, str | None]]] = {}
        with inventory.bound(outcome.number) as bound:
            query = (
                "SELECT i.name, e.method, e.outcome, e.confidence, t.name FROM escalation_path e"
                " JOIN identity i ON i.key = e.principal LEFT JOIN identity t ON t.key = e.target"
                " WHERE i.kind <> 'application'"
            )
            for name, method, *rest in bound.sql.rows(query):
                paths.setdefault(name, {})[method] = tuple(rest)
    return paths


def ways(found: Found, one: Set, what: str) -> Mapping[str, tuple[str, str, str | None]]:
    return found.get(f"{one.id}-{what}", {})


@pytest.mark.parametrize("one", OVER_PLACES, ids=lambda one: one.id)
def test_whoever_has_it_has_the_way(found: Found, one: Set) -> None:
    for what in ("has", "split"):
        outcome, confidence, target = ways(found, one, what)[one.id]
        assert confidence == ("possible" if one.needs else "proven")
        if one in WITH_TARGETS:
            assert (outcome, (target or "").startswith("strong-")) == ("administrator", True)


@pytest.mark.parametrize("one", OVER_PLACES, ids=lambda one: one.id)
def test_what_takes_it_away(found: Found, one: Set) -> None:
    assert one.id not in ways(found, one, "short")
    if one.plane == CONTROL:
        assert one.id not in ways(found, one, "denied")
    for what in ("wrong", "calm"):
        assert one.id not in ways(found, one, what)


@pytest.mark.parametrize("one", OVER_DIRECTORY, ids=lambda one: one.id)
def test_ways_over_the_directory_by_custom_roles(found: Found, one: Set) -> None:
    outcome, confidence, target = ways(found, one, "has")[one.id]
    assert (outcome, confidence) == ("administrator", "possible" if one.needs else "proven")
    expected = {"group": "strong-group", "role-group": "strong-roles", "tenant": f"{one.id}-has"}
    if one.gain in expected:
        assert target == expected[one.gain]


def test_a_custom_role_is_written_wherever_it_may_be_assigned(found: Found) -> None:
    assert found["definer"][DEFINITION.id] == ("administrator", "proven", "definer")
    assert "lesser-definer" not in found

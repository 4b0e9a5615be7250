"""Every set of permissions, through the connector and a simulated Google Cloud: who has it, and who lacks one thing.

One world holds an account for each set and each case. It is scanned once. Of each account the exact methods are
asserted, those that must not be there included.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from nhiscan import plugins
from nhiscan.collect import scan
from nhiscan.inventory import open_inventory
from nhiscan.model import EffectiveAccess, EscalationPath
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_gcp import CONNECTOR
from nhiscan_gcp.analyzer.escalation.sets import ACT_AS, Set, sets
from nhiscan_gcp.simulated import (
    ApiKey,
    Binding,
    Condition,
    Folder,
    Organization,
    Pool,
    Project,
    Provider,
    Role,
    ServiceAccount,
    SimulatedGcp,
    Workload,
    World,
)

NOW = at("2026-11-02T09:00:00")
BEFORE = NOW - 400 * 86_400
ROOT, FOLDER = "600000000001", "610000000001"
TARGETS, NUMBER, OTHER, SOURCE, PRIZE = "targets-live", "710000000001", "other-live", "source-live", "prize-live"
BOSS, PLAIN, MIDDLE = (f"{name}@{TARGETS}.iam.gserviceaccount.com" for name in ("boss", "plain", "middle"))
COMPUTE = f"{NUMBER}-compute@developer.gserviceaccount.com"
AGENTS = tuple(f"serviceAccount:{NUMBER}@{kind}.gserviceaccount.com" for kind in ("cloudservices", "cloudbuild"))
CREATE_VM = "compute.instances.create"
ACROSS = "gcp-attach-across-projects"
LEVELS = Condition("from work", "'accessPolicies/1/accessLevels/work' in request.auth.access_levels")
OVER = Condition("over", "request.time < timestamp('2026-01-01T00:00:00Z')")


@dataclass(frozen=True)
class Case:
    """An account and what must be found of it."""

    set: Set
    variant: str
    name: str
    methods: frozenset[str]


@dataclass
class Making:
    """The world while it is filled. Bindings by place: "root", "folder", a project, or an account's name."""

    cases: list[Case] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    custom: list[Role] = field(default_factory=list)
    accounts: list[ServiceAccount] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)

    def bind(self, place: str, role: str, member: str, condition: Condition | None = None) -> None:
        self.bindings.setdefault(place, []).append(Binding(role, (member,), condition))


def member(name: str) -> str:
    return f"serviceAccount:{name}@{SOURCE}.iam.gserviceaccount.com"


def expected(
    here: Iterable[str], *, on_account: Iterable[str] | None = None, there: Iterable[str] = ()
) -> frozenset[str]:
    """The methods of an account that holds permissions ``here`` (in the project of the targets), ``on_account`` (on the
    privileged account; None: the same) and ``there`` (in another project).
    """
    project = set(here)
    account = project if on_account is None else set(on_account)
    found = set()
    for one in sets():
        if one.id == ACROSS:
            if ACT_AS in account and CREATE_VM in set(there) and CREATE_VM not in project:
                found.add(one.id)
        elif one.gain not in ("policy", "role") and all(
            need.permission in (account if need.on == "account" else project) for need in one.all_of
        ):
            found.add(one.id)
    return frozenset(found)


def make(making: Making, one: Set, number: int) -> None:
    """All cases of one set."""
    every = [need.permission for need in one.all_of]
    if one.id == ACROSS:
        across(making, one, number)
        return
    if one.gain in ("policy", "role"):
        own(making, one, number)
        return
    case = Maker(making, one, number)
    case("has", expected(every), {TARGETS: every})
    case("above", expected(every), {"folder": every})
    for missing in every if len(every) > 1 else ():
        left = [name for name in every if name != missing]
        short = missing.rpartition("/")[2].replace(".", "-").lower()
        case(f"short-{short}", expected(left), {TARGETS: left})
    case("other-project", expected([], there=every), {OTHER: every})
    of_account = [need.permission for need in one.all_of if need.on == "account"]
    of_project = [name for name in every if name not in of_account]
    if of_account:
        target = MIDDLE if one.gain == "delegated" else BOSS
        case("on-account", expected(of_project, on_account=of_account), {TARGETS: of_project, target: of_account})
        case("other-target", expected(of_project, on_account=[]), {TARGETS: of_project, PLAIN: of_account})
    if of_project:
        on_account = [*of_project, *of_account]
        case("only-on-account", expected([], on_account=on_account), {BOSS: on_account})
    if len(every) > 1:
        case("split", expected(every), {"folder": every[:1], TARGETS: every[1:]})
        case("split-elsewhere", expected(every[1:], there=every[:1]), {OTHER: every[:1], TARGETS: every[1:]})
    case("conditional", expected(every), {TARGETS: every}, condition=LEVELS)
    case("over", frozenset(), {TARGETS: every}, condition=OVER)
    case("unread", frozenset(), {TARGETS: every}, listed=False)


class Maker:
    """Makes the cases of one set."""

    def __init__(self, making: Making, one: Set, number: int) -> None:
        self.making, self.set, self.number = making, one, number
        self.count = 0

    def __call__(
        self,
        variant: str,
        methods: frozenset[str],
        places: Mapping[str, Sequence[str]],
        *,
        condition: Condition | None = None,
        listed: bool = True,
    ) -> str:
        """``places``: permissions by place. ``listed``: Google lists the role."""
        name = f"s{self.number}-{self.count}"
        self.count += 1
        self.making.accounts.append(ServiceAccount(name, BEFORE, display_name=f"{self.set.id} {variant}"))
        for place, permissions in places.items():
            role = f"roles/test.s{self.number}x{self.count}x{len(self.making.roles)}"
            if permissions:
                self.making.bind(place, role, member(name), condition)
                if listed:
                    self.making.roles.append(Role(role, tuple(permissions)))
        self.making.cases.append(Case(self.set, variant, name, methods))
        return name


def across(making: Making, one: Set, number: int) -> None:
    case = Maker(making, one, number)
    case("has", frozenset({one.id}), {OTHER: [CREATE_VM], BOSS: [ACT_AS]})
    case("short-create", frozenset(), {BOSS: [ACT_AS]})
    case("short-actas", frozenset(), {OTHER: [CREATE_VM]})
    case("other-target", frozenset(), {OTHER: [CREATE_VM], PLAIN: [ACT_AS]})
    case("same-project", frozenset(), {TARGETS: [CREATE_VM], BOSS: [ACT_AS]})
    case("conditional", frozenset({one.id}), {OTHER: [CREATE_VM], BOSS: [ACT_AS]}, condition=LEVELS)
    case("over", frozenset(), {OTHER: [CREATE_VM], BOSS: [ACT_AS]}, condition=OVER)
    case("unread", frozenset(), {OTHER: [CREATE_VM], BOSS: [ACT_AS]}, listed=False)


def own(making: Making, one: Set, number: int) -> None:
    """Sets by which an account changes its own rights."""
    case = Maker(making, one, number)
    permission = one.all_of[0].permission
    if one.gain == "policy":
        place = {"organization": "root", "folder": "folder", "project": OTHER}[one.node or ""]
        case("has", frozenset({one.id}), {place: [permission]})
        case("conditional", frozenset({one.id}), {place: [permission]}, condition=LEVELS)
        case("over", frozenset(), {place: [permission]}, condition=OVER)
        case("unread", frozenset(), {place: [permission]}, listed=False)
        case("above", frozenset({one.id}), {"root": [permission]})
        below = {"organization": "folder", "folder": OTHER, "project": PLAIN}[one.node or ""]
        case("too-low", frozenset(), {below: [permission]})
        return
    for variant, custom, where, methods, condition in (
        ("has", True, TARGETS, {one.id}, None),
        ("above", True, "folder", {one.id}, None),
        ("other-project", True, OTHER, set[str](), None),
        ("predefined", False, TARGETS, set[str](), None),
        ("conditional", True, TARGETS, {one.id}, LEVELS),
        ("over", True, TARGETS, set[str](), OVER),
    ):
        name = case(variant, frozenset(methods), {where: [permission]}, condition=condition)
        if custom:
            making.custom.append(Role(f"own{case.count}", ("pubsub.topics.get",)))
            making.bind(TARGETS, f"projects/{TARGETS}/roles/own{case.count}", member(name))


def made() -> Making:
    making = Making()
    for number, one in enumerate(sets()):
        make(making, one, number)
    making.roles.append(
        Role(
            "roles/test.boss",
            ("resourcemanager.projects.setIamPolicy", "storage.objects.get", "run.routes.invoke"),
        )
    )
    making.roles.append(Role("roles/test.token", ("iam.serviceAccounts.getAccessToken",)))
    for who in (f"serviceAccount:{BOSS}", f"serviceAccount:{COMPUTE}", *AGENTS):
        making.bind(PRIZE, "roles/test.boss", who)
    making.bind(BOSS, "roles/test.token", f"serviceAccount:{MIDDLE}")
    pool = f"projects/{NUMBER}/locations/global/workloadIdentityPools/outside"
    making.bind(BOSS, "roles/test.token", f"principalSet://iam.googleapis.com/{pool}/*")
    return making


def world(making: Making) -> World:
    bound = {place: tuple(some) for place, some in making.bindings.items()}
    targets = Project(
        TARGETS,
        BEFORE,
        parent=FOLDER,
        number=NUMBER,
        accounts=(
            ServiceAccount("boss", BEFORE, bindings=bound.get(BOSS, ())),
            ServiceAccount("plain", BEFORE, bindings=bound.get(PLAIN, ())),
            ServiceAccount("middle", BEFORE, bindings=bound.get(MIDDLE, ())),
            ServiceAccount("compute", BEFORE, email=COMPUTE),
        ),
        api_keys=(ApiKey("acts", BEFORE, service_account=BOSS),),
        pools=(Pool("outside", (Provider("idp", "https://idp.example.com", condition="assertion.sub == 'x'"),)),),
        roles=tuple(making.custom),
        bindings=bound.get(TARGETS, ()),
        workloads=tuple(Workload(kind, kind, BOSS) for kind in ("instance", "function", "service", "job", "version")),
    )
    return World(
        (
            targets,
            Project(OTHER, BEFORE, accounts=(ServiceAccount("idle", BEFORE),), bindings=bound.get(OTHER, ())),
            Project(PRIZE, BEFORE, bindings=bound.get(PRIZE, ())),
            Project(SOURCE, BEFORE, accounts=tuple(making.accounts)),
        ),
        organization=Organization(ROOT, "example.com", bindings=bound.get("root", ())),
        folders=(Folder(FOLDER, "Targets", bindings=bound.get("folder", ())),),
        roles=tuple(making.roles),
    )


MADE = made()


@dataclass(frozen=True)
class Found:
    """What the scan has derived."""

    paths: Mapping[str, Mapping[str, EscalationPath]]  # name of the account -> method -> row
    names: Mapping[str, str]  # key of an identity -> its e-mail or name
    unread: frozenset[str]  # names of accounts of which a role was not read


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("escalation")
    with (
        SimulatedGcp(world(MADE), clock=SimulatedClock(NOW)) as gcp,
        environment(gcp.environment, remove=gcp.remove),
    ):
        inventory = open_inventory(str(folder / "inventory.db"))
        outcome = scan(
            inventory,
            [(CONNECTOR, gcp.settings)],
            finish=lambda _: None,
            clock=gcp.clock,
            sleep=lambda _: None,
            run_id=lambda: "escalation",
            analyzers=plugins.analyzers(),
        )
        assert outcome.number is not None
        with inventory.bound(outcome.number) as bound_scan:
            names: dict[str, str] = dict(bound_scan.sql.rows("SELECT key, name FROM identity"))
            columns = ", ".join(EscalationPath._fields)
            rows = [EscalationPath(*row) for row in bound_scan.sql.rows(f"SELECT {columns} FROM escalation_path")]
            columns = ", ".join(EffectiveAccess._fields)
            access = [EffectiveAccess(*row) for row in bound_scan.sql.rows(f"SELECT {columns} FROM effective_access")]
    paths: dict[str, dict[str, EscalationPath]] = {}
    for row in rows:
        paths.setdefault(names[row.principal].partition("@")[0], {})[row.method] = row
    unread = frozenset(names[row.principal].partition("@")[0] for row in access if row.capability == "unknown")
    return Found(paths, names, unread)


@pytest.mark.parametrize("case", MADE.cases, ids=lambda case: f"{case.set.id}-{case.variant}")
def test_the_methods_are_those_whose_prerequisites_are_met_and_no_others(found: Found, case: Case) -> None:
    assert set(found.paths.get(case.name, ())) - {"chain"} == case.methods
    assert (case.name in found.unread) == (case.variant == "unread")


def of(variant: str) -> list[Case]:
    return [case for case in MADE.cases if case.variant == variant]


def target_of(one: Set) -> set[str]:
    if one.gain == "agent":
        return {"", COMPUTE}
    return {"outside"} if one.gain == "pool" else {BOSS, COMPUTE}


@pytest.mark.parametrize("case", of("has"), ids=lambda case: case.set.id)
def test_a_way_says_where_it_leads_and_how_certain_it_is(found: Found, case: Case) -> None:
    row = found.paths[case.name][case.set.id]
    one = case.set
    unseen = one.needs is not None and one.runs is None
    assert row.outcome == ("more" if one.only or one.gain == "pool" else "administrator")
    assert (row.category, row.hops) == (one.category, 1)
    assert row.grade == ("needs_resource" if unseen else "exploitable_now")
    assert row.confidence == ("possible" if unseen else "conditional")
    assert row.reason == "deny-policy-unread" + (",resource-unread" if unseen else "")
    assert row.needs == (one.needs if unseen else None)
    assert (row.conditional, row.conditions) == (0, None)
    target = found.names[row.target] if row.target else ""
    if one.gain in ("policy", "role"):
        assert row.target == row.principal
    else:
        assert target in target_of(one)


@pytest.mark.parametrize("case", of("has"), ids=lambda case: case.set.id)
def test_every_permission_of_a_hop_has_its_binding(found: Found, case: Case) -> None:
    row = found.paths[case.name][case.set.id]
    (step,) = json.loads(row.steps)
    assert (step["from"], step["method"]) == (row.principal, case.set.id)
    assert step["to"] == (row.target or AGENTS[0]) or step["to"] in AGENTS
    own = [allow for allow in step["allows"] if allow["grant"].startswith(member(case.name))]
    assert {allow["action"] for allow in own} == {need.permission for need in case.set.all_of}
    assert row.via in {allow["grant"] for allow in own} or case.set.gain == "delegated"
    assert row.action in {allow["action"] for allow in step["allows"]}
    assert step["why"].startswith(case.name)
    assert step["fix"] == case.set.fix


@pytest.mark.parametrize("case", of("conditional"), ids=lambda case: case.set.id)
def test_a_condition_that_only_a_request_decides_makes_a_way_conditional(found: Found, case: Case) -> None:
    row = found.paths[case.name][case.set.id]
    assert (row.grade, row.conditional) == ("conditional", 1)
    assert json.loads(row.conditions or "[]") == ["request.auth.access_levels"]
    assert "condition" in (row.reason or "").split(",")


@pytest.mark.parametrize("case", of("split"), ids=lambda case: case.set.id)
def test_what_is_bound_in_several_places_is_one_way(found: Found, case: Case) -> None:
    (step,) = json.loads(found.paths[case.name][case.set.id].steps)
    assert {allow["resource"] for allow in step["allows"]} == {f"folders/{FOLDER}", f"projects/{TARGETS}"}


def test_nobody_is_found_for_whom_there_is_no_case(found: Found) -> None:
    others = {"boss", "middle", "outside", COMPUTE.partition("@")[0]}
    assert set(found.paths) <= {case.name for case in MADE.cases} | others
    assert set(found.paths["boss"]) == {"gcp-set-project-policy"}
    assert set(found.paths["middle"]) == {"gcp-get-access-token"}

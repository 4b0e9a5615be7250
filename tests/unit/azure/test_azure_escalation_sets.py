"""Each set of rights, with what takes the way away: one right short, the wrong place, a denial, nobody to become."""

import json
from collections.abc import Mapping

import pytest

from nhiscan.model import EscalationPath, Identity
from nhiscan_azure.analyzer.catalogue import catalogue
from nhiscan_azure.analyzer.definitions import DATA
from nhiscan_azure.analyzer.escalation.search import Search
from nhiscan_azure.analyzer.escalation.sets import BY_RELATION, UNSEEN_GAIN, Set, sets
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.sketch import GROUP, OTHER_SUB, OWNER, READER, SUB, TENANT_ID, Sketch, block

ELSEWHERE = f"{SUB}/resourcegroups/elsewhere"
SOMEBODY = ("any-application", "group", "role-group", "user")
SUBSCRIPTION = "azure/subscription/30000000-0000-0000-0000-000000000001"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
OVER_PLACES = [one for one in sets() if one.all_of]
WITH_TARGETS = [one for one in OVER_PLACES if one.gain.endswith("-identity")]
OVER_DIRECTORY = [one for one in sets() if one.way is not None]
ids = [one.id for one in OVER_PLACES]


def ways_of(sketch: Sketch, who: str) -> Mapping[str, EscalationPath]:
    return {row.method: row for row in Search(Estate(sketch.records)).paths() if row.principal == who}


def target(sketch: Sketch, one: Set, *, strong: bool = True) -> str | None:
    """What a set over places leads to; without ``strong`` it has nothing."""
    found = None
    if one.gain == "vault-secrets":
        place = f"{GROUP}/providers/microsoft.keyvault/vaults/it"
        key = f"{SUBSCRIPTION}/resource/{place}"
        vault = Identity(key, SUBSCRIPTION, "resource", place, "it", path="microsoft.keyvault/vaults")
        sketch.records.add(vault)
    if one.gain == "running-identity":
        (kind,) = one.runs
        found = sketch.system_identity(f"{GROUP}/providers/{kind}/it")
    elif one.gain in ("assigned-identity", "user-assigned-identity"):
        found = sketch.user_identity(f"{GROUP}/providers/microsoft.managedidentity/userassignedidentities/it")
    if found is not None and strong:
        sketch.assign(found, OWNER, OTHER_SUB)
    return found


def actions(one: Set) -> list[str]:
    return [*one.all_of, *one.anywhere[:1]]


def role(sketch: Sketch, one: Set, names: list[str]) -> str:
    found = block(data=names) if one.plane == DATA else block(*names)
    return sketch.role("custom", found)


def confidence(one: Set) -> str:
    return "possible" if one.needs is not None else "proven"


# --- over places ---


@pytest.mark.parametrize("one", OVER_PLACES, ids=ids)
def test_whoever_holds_a_set_over_a_place_has_the_way(one: Set) -> None:
    sketch = Sketch()
    reached = target(sketch, one)
    who = sketch.principal("ci")
    given = sketch.assign(who, role(sketch, one, actions(one)), GROUP)
    row = ways_of(sketch, who)[one.id]
    (step,) = json.loads(row.steps)
    expected = reached or (None if one.gain == UNSEEN_GAIN else who)
    assert (row.target, row.category, row.confidence) == (expected, one.category, confidence(one))
    assert row.needs == one.needs
    assert row.outcome == ("administrator" if reached is not None else "more")
    assert row.grade == ("needs_resource" if one.needs else "exploitable_now")
    assert [allow["action"] for allow in step["allows"]] == actions(one)
    assert {allow["grant"] for allow in step["allows"]} == {given}
    assert row.via == given
    assert row.action in actions(one)


@pytest.mark.parametrize("one", OVER_PLACES, ids=ids)
def test_on_a_whole_subscription_it_ends_in_administrator_rights(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one)
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, actions(one)), SUB)
    outcome = "more" if one.gain == "vault-secrets" else "administrator"
    assert ways_of(sketch, who)[one.id].outcome == outcome


@pytest.mark.parametrize("one", OVER_PLACES, ids=ids)
def test_one_action_short_is_no_way(one: Set) -> None:
    for missing in one.all_of:
        sketch = Sketch()
        target(sketch, one)
        who = sketch.principal("ci")
        sketch.assign(who, role(sketch, one, [name for name in actions(one) if name != missing]), GROUP)
        assert one.id not in ways_of(sketch, who)


@pytest.mark.parametrize("one", [one for one in OVER_PLACES if one.anywhere], ids=lambda one: one.id)
def test_without_something_to_make_it_is_no_way(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one)
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, list(one.all_of)), GROUP)
    assert one.id not in ways_of(sketch, who)
    sketch.assign(who, role(sketch, one, list(one.anywhere[-1:])), OTHER_SUB)
    assert one.id in ways_of(sketch, who)


@pytest.mark.parametrize("one", WITH_TARGETS, ids=lambda one: one.id)
def test_at_another_place_it_is_no_way(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one)
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, actions(one)), ELSEWHERE)
    assert one.id not in ways_of(sketch, who)


@pytest.mark.parametrize("one", WITH_TARGETS, ids=lambda one: one.id)
def test_with_nobody_to_become_it_is_no_way(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one, strong=False)
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, actions(one)), GROUP)
    assert one.id not in ways_of(sketch, who)


@pytest.mark.parametrize("one", OVER_PLACES, ids=ids)
def test_what_is_denied_is_no_way(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one)
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, actions(one)), GROUP)
    if one.plane == DATA:
        sketch.deny(GROUP, permissions=[block(data=list(one.all_of))])
    else:
        sketch.deny(GROUP, one.all_of[0])
    assert one.id not in ways_of(sketch, who)


@pytest.mark.parametrize("one", OVER_PLACES, ids=ids)
def test_a_set_may_be_split_over_a_group_and_places_above(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one)
    who = sketch.principal("ci")
    first, rest = one.all_of[:1], [name for name in actions(one) if name != one.all_of[0]]
    sketch.assign(sketch.group("team", who), role(sketch, one, list(first)), GROUP)
    if rest:
        sketch.assign(who, role(sketch, one, rest), SUB)
    row = ways_of(sketch, who)[one.id]
    assert row.confidence == confidence(one)
    assert len(json.loads(row.steps)[0]["allows"]) == len(actions(one))


@pytest.mark.parametrize("one", OVER_PLACES, ids=ids)
def test_a_condition_makes_it_hang_on_the_request(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one)
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, actions(one)), GROUP, "@Environment[isPrivateLink] BoolEquals true")
    row = ways_of(sketch, who)[one.id]
    assert row.confidence == ("possible" if one.needs else "conditional")
    if not one.needs:
        assert (row.grade, row.conditional, row.reason) == ("conditional", 1, "condition")
        assert json.loads(row.conditions or "[]") == ["environment[isprivatelink]"]


@pytest.mark.parametrize("one", WITH_TARGETS, ids=lambda one: one.id)
def test_whoever_has_as_much_gets_nothing_more(one: Set) -> None:
    sketch = Sketch()
    target(sketch, one)
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, actions(one)), GROUP)
    sketch.assign(who, OWNER, OTHER_SUB)
    assert one.id not in ways_of(sketch, who)


# --- over the directory ---


def reach_of(sketch: Sketch, one: Set) -> str | None:
    """What a set over the directory leads to."""
    if one.gain == "any-application":
        found = sketch.principal("billing")
        sketch.assign(found, OWNER)
        return found
    if one.gain in ("user", "tenant-person"):
        found = sketch.user("admin")
        if one.gain == "user":
            sketch.assign(found, OWNER)
        else:
            sketch.directory_role(found, GLOBAL)
        return found
    if one.gain == "group":
        found = sketch.group("owners")
        sketch.assign(found, OWNER)
        return found
    if one.gain == "role-group":
        found = sketch.group("administrators", assignable=True)
        sketch.directory_role(found, GLOBAL)
        return found
    return None


def give(sketch: Sketch, who: str, one: Set) -> str:
    """A role or permission that has the way of a set and needs nothing else, where there is one."""
    known = catalogue()
    rated = sorted(
        (rated.needs is not None, rated.id)
        for rated in known.permissions.values()
        if one.way in rated.ways and rated.path != "unsettled"
    )
    if rated:
        return sketch.permission(who, known.permissions[rated[0][1]].name, rated[0][1])
    template = next(rated.id for rated in known.directory_roles.values() if one.way in rated.ways)
    return sketch.directory_role(who, template)


@pytest.mark.parametrize("one", OVER_DIRECTORY, ids=lambda one: one.id)
def test_whoever_has_a_way_over_the_directory_has_it(one: Set) -> None:
    sketch = Sketch()
    reached = reach_of(sketch, one)
    who = sketch.principal("ci")
    given = give(sketch, who, one)
    row = ways_of(sketch, who)[one.id]
    expected = reached or (None if one.gain == UNSEEN_GAIN else who)
    assert (row.target, row.outcome, row.category) == (expected, "administrator", one.category)
    assert (row.via, row.needs) == (given, one.needs)
    assert row.confidence in (confidence(one), "conditional")  # a role whose definition was not read


@pytest.mark.parametrize("one", [one for one in OVER_DIRECTORY if one.gain in SOMEBODY], ids=lambda one: one.id)
def test_over_the_directory_too_somebody_has_to_be_there(one: Set) -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    give(sketch, who, one)
    assert one.id not in ways_of(sketch, who)


@pytest.mark.parametrize("one", OVER_DIRECTORY, ids=lambda one: one.id)
def test_a_role_over_a_unit_is_none_over_the_tenant(one: Set) -> None:
    template = next((rated.id for rated in catalogue().directory_roles.values() if one.way in rated.ways), None)
    if template is None:
        assert one.way in ("consent", "method", "owner", "device", "role-group", "assign")
        return
    sketch = Sketch()
    reach_of(sketch, one)
    who = sketch.principal("ci")
    given = sketch.directory_role(who, template, over="/administrativeUnits/aaaa")
    if one.gain not in ("user", "group", "role-group"):
        assert one.id not in ways_of(sketch, who)
        return
    row = ways_of(sketch, who)[one.id]  # nobody reads who is in the unit
    assert (row.confidence, row.grade, row.via) == ("possible", "needs_resource", given)
    assert row.needs


def test_a_role_over_one_application_is_a_way_to_its_principal_alone() -> None:
    sketch = Sketch()
    application, principal = sketch.application("billing")
    other = sketch.principal("other")
    for one in (principal, other):
        sketch.assign(one, OWNER)
    who = sketch.principal("ci")
    custom = "80000000-0000-0000-0000-000000000001"
    sketch.directory_role(who, custom, "microsoft.directory/applications/credentials/update", over=application)
    row = ways_of(sketch, who)["entra-any-application"]
    assert (row.target, row.targets, row.confidence) == (principal, 1, "proven")


@pytest.mark.parametrize(
    "one", [one for one in OVER_DIRECTORY if catalogue().ways[one.way or ""].actions], ids=lambda one: one.id
)
def test_a_custom_role_has_the_way_by_each_of_its_actions(one: Set) -> None:
    for action in catalogue().ways[one.way or ""].actions:
        sketch = Sketch()
        reach_of(sketch, one)
        who = sketch.principal("ci")
        given = sketch.directory_role(who, "80000000-0000-0000-0000-000000000001", action.upper())
        row = ways_of(sketch, who)[one.id]
        assert row.via == given
        assert json.loads(row.steps)[0]["allows"][0]["action"] == action.upper()


def test_an_administrator_of_the_tenant_needs_no_way() -> None:
    sketch = Sketch()
    for one in OVER_DIRECTORY:
        reach_of(sketch, one)
    who = sketch.principal("root")
    sketch.directory_role(who, GLOBAL, "microsoft.directory/allEntities/allProperties/allTasks")
    assert ways_of(sketch, who) == {}


# --- relations ---


def test_an_owner_becomes_the_application() -> None:
    sketch = Sketch()
    application, principal = sketch.application("billing")
    sketch.assign(principal, OWNER)
    ann = sketch.user("ann")
    relation = sketch.owns(ann, application)
    row = ways_of(sketch, ann)["entra-application-owner"]
    (step,) = json.loads(row.steps)
    assert (row.target, row.outcome, row.confidence, row.via) == (principal, "administrator", "proven", None)
    assert step["allows"] == [{"action": "owner", "conditions": [], "grant": relation, "resource": "", "statement": ""}]


@pytest.mark.parametrize(
    ("permission", "id_", "sure"),
    [
        (None, "", "possible"),
        ("User.Read.All", "df021288-bdef-4463-88db-98f22de89214", "possible"),
        ("Application.ReadWrite.OwnedBy", "18a4783c-866b-4cc7-a460-3d5e5662c884", "proven"),
    ],
)
def test_a_program_that_owns_needs_a_permission(permission: str | None, id_: str, sure: str) -> None:
    sketch = Sketch()
    application, principal = sketch.application("billing")
    sketch.assign(principal, OWNER)
    deployer = sketch.principal("deployer")
    sketch.owns(deployer, application)
    if permission is not None:
        sketch.permission(deployer, permission, id_)
    row = ways_of(sketch, deployer)["entra-application-owner"]
    assert (row.confidence, row.target) == (sure, principal)
    assert (row.needs is None) == (sure == "proven")


def test_the_owner_of_a_principal_depends_on_the_vendor() -> None:
    sketch = Sketch()
    ours, theirs = sketch.principal("ours"), sketch.vendor("theirs")
    for one in (ours, theirs):
        sketch.assign(one, OWNER)
    ann, bob = sketch.user("ann"), sketch.user("bob")
    sketch.owns(ann, ours)
    sketch.owns(bob, theirs)
    assert ways_of(sketch, ann)["entra-principal-owner"].confidence == "proven"
    row = ways_of(sketch, bob)["entra-principal-owner"]
    assert (row.confidence, row.grade) == ("possible", "needs_resource")
    assert "vendor" in (row.needs or "")


def test_a_locked_principal_takes_no_credential_and_its_application_does() -> None:
    sketch = Sketch()
    tags = '{"servicePrincipalLockConfiguration":"credentials"}'
    application, principal = sketch.application("billing", tags=tags)
    sketch.assign(principal, OWNER)
    ann, bob = sketch.user("ann"), sketch.user("bob")
    sketch.owns(ann, principal)
    sketch.owns(bob, application)
    assert ways_of(sketch, ann) == {}
    assert set(ways_of(sketch, bob)) == {"entra-application-owner"}


def test_a_disabled_principal_lets_its_owner_in_once_it_is_enabled() -> None:
    sketch = Sketch()
    application, principal = sketch.application("billing", state="disabled")
    sketch.assign(principal, OWNER)
    ann = sketch.user("ann")
    sketch.owns(ann, application)
    row = ways_of(sketch, ann)["entra-application-owner"]
    assert (row.confidence, row.needs) == ("possible", "somebody who enables that identity again")


@pytest.mark.parametrize(("scopes", "way"), [([GROUP], True), ([SUB], False), ([GROUP, OTHER_SUB], False)])
def test_a_custom_role_is_written_wherever_it_may_be_assigned(scopes: list[str], way: bool) -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, sketch.role("mine", block("Microsoft.Web/sites/read"), scopes=scopes), GROUP)
    writes = sketch.role("writes", block("Microsoft.Authorization/roleDefinitions/write"), scopes=[SUB])
    sketch.assign(who, writes, GROUP)
    assert ("azure-role-definition" in ways_of(sketch, who)) is way


def test_whoever_reads_the_secrets_of_a_vault_gets_nothing_more_there() -> None:
    (one,) = (one for one in OVER_PLACES if one.id == "azure-vault-access-policy")
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, role(sketch, one, actions(one)), SUB)
    assert ways_of(sketch, who) == {}  # there is no vault
    target(sketch, one)
    assert set(ways_of(sketch, who)) == {one.id}
    sketch.assign(who, sketch.role("reads", block(data=["Microsoft.KeyVault/vaults/secrets/*"])), GROUP)
    assert ways_of(sketch, who) == {}


def test_consent_for_all_users_is_nothing_that_an_owner_gains() -> None:
    sketch = Sketch()
    application, principal = sketch.application("portal")
    sketch.permission(principal, "User.Read", "x", "delegated_permission")
    ann = sketch.user("ann")
    sketch.owns(ann, application)
    assert ways_of(sketch, ann) == {}


def test_an_owner_of_nothing_more_gets_nothing_more() -> None:
    sketch = Sketch()
    application, principal = sketch.application("billing")
    sketch.assign(principal, READER)
    ann = sketch.user("ann")
    sketch.owns(ann, application)
    sketch.assign(ann, OWNER)
    assert ways_of(sketch, ann) == {}


def test_an_owner_of_a_group_joins_it() -> None:
    sketch = Sketch()
    group = sketch.group("owners", assignable=True)
    sketch.assign(group, OWNER)
    ann = sketch.user("ann")
    sketch.owns(ann, group)
    row = ways_of(sketch, ann)["entra-group-owner"]
    assert (row.target, row.outcome, row.confidence) == (group, "administrator", "proven")
    assert "can join owners" in json.loads(row.steps)[0]["why"]


def test_a_managed_identity_is_taken_for_a_credential() -> None:
    sketch = Sketch()
    application, principal = sketch.application("billing")
    sketch.assign(principal, OWNER)
    identity = sketch.user_identity(f"{GROUP}/providers/microsoft.managedidentity/userassignedidentities/it")
    shown = {
        "issuer": f"https://login.microsoftonline.com/{TENANT_ID}/v2.0",
        "subject": identity.rpartition("/")[2],
        "audiences": ["api://AzureADTokenExchange"],
    }
    credential = sketch.federated(application, "mi", shown)
    row = ways_of(sketch, identity)["entra-federated-principal"]
    assert (row.target, row.confidence, row.category) == (principal, "proven", "assume_role")
    assert json.loads(row.steps)[0]["allows"][0]["grant"] == credential


def test_the_issuer_of_another_tenant_lets_no_identity_of_ours_in() -> None:
    sketch = Sketch()
    application, principal = sketch.application("billing")
    sketch.assign(principal, OWNER)
    identity = sketch.user_identity(f"{GROUP}/providers/microsoft.managedidentity/userassignedidentities/it")
    shown = {"issuer": "https://login.microsoftonline.com/other/v2.0", "subject": identity.rpartition("/")[2]}
    sketch.federated(application, "mi", shown)
    assert ways_of(sketch, identity) == {}


def test_every_set_is_tested_here() -> None:
    assert {one.id for one in sets()} == {one.id for one in (*OVER_PLACES, *OVER_DIRECTORY)} | {
        one.id for one in sets() if one.gain in BY_RELATION
    }

"""Ways over several hops, whom somebody reaches, and how far rights go all in all."""

import json

import pytest

from nhiscan.model import PRIVILEGE_LEVELS, EscalationPath, Privilege
from nhiscan_azure.analyzer import ANALYZER
from nhiscan_azure.sketch import (
    ACCESS_ADMINISTRATOR,
    CONTRIBUTOR,
    GROUP,
    OTHER_SUB,
    OWNER,
    READER,
    ROOT_GROUP,
    SUB,
    TENANT,
    Sketch,
    block,
)

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
GIVES_ROLES = "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"
ANY_APP = "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"
VM = f"{GROUP}/providers/microsoft.compute/virtualmachines/vm1"


def paths(sketch: Sketch) -> dict[str, EscalationPath]:
    return {row.key: row for row in ANALYZER.derive(sketch.records) if isinstance(row, EscalationPath)}


def privilege(sketch: Sketch, who: str) -> Privilege:
    found = {row.key: row for row in ANALYZER.derive(sketch.records) if isinstance(row, Privilege)}
    return found[who]


def stops(row: EscalationPath) -> list[str | None]:
    steps = json.loads(row.steps)
    return [steps[0]["from"], *(step["to"] for step in steps)]


def to_the_tenant(sketch: Sketch) -> tuple[str, str, str, str]:
    """A pipeline that writes a web app, whose identity owns nothing and changes any application; one gives roles."""
    site = f"{GROUP}/providers/microsoft.web/sites/shop"
    pipeline, web = sketch.principal("pipeline"), sketch.system_identity(site)
    application, billing = sketch.application("billing")
    sketch.assign(pipeline, sketch.role("deploy", block("Microsoft.Web/sites/*")), GROUP)
    sketch.permission(web, "Application.ReadWrite.All", ANY_APP)
    sketch.permission(billing, "RoleManagement.ReadWrite.Directory", GIVES_ROLES)
    return pipeline, web, application, billing


def test_a_chain_names_every_hop_with_its_grant() -> None:
    sketch = Sketch()
    pipeline, web, _, billing = to_the_tenant(sketch)
    row = paths(sketch)[f"{pipeline}|chain"]
    assert stops(row) == [pipeline, web, billing, billing]
    assert (row.hops, row.outcome, row.confidence, row.grade) == (3, "administrator", "proven", "exploitable_now")
    grants = [step["allows"][0]["grant"].split("|")[1] for step in json.loads(row.steps)]
    assert grants == ["role_assignment", "app_role", "app_role"]
    assert row.action == "graph:RoleManagement.ReadWrite.Directory"
    found = privilege(sketch, pipeline)
    assert (found.level, found.path, found.hops) == ("escalates_to_administrator", row.key, 3)


def test_an_application_has_the_ways_of_its_principal() -> None:
    sketch = Sketch()
    _, _, application, billing = to_the_tenant(sketch)
    found = paths(sketch)
    assert found[f"{application}|entra-role-assignment"].steps == found[f"{billing}|entra-role-assignment"].steps
    mine, its = privilege(sketch, application), privilege(sketch, billing)
    assert mine.path == f"{application}|entra-role-assignment"
    assert mine == its._replace(key=mine.key, path=mine.path)


def test_two_goals_two_chains() -> None:
    sketch = Sketch()
    pipeline, web, _, billing = to_the_tenant(sketch)
    near = sketch.system_identity(VM)
    sketch.assign(near, OWNER)
    middle = sketch.system_identity(f"{GROUP}/providers/microsoft.web/sites/other")
    sketch.assign(middle, sketch.role("run", block("Microsoft.Compute/virtualMachines/*")), GROUP)
    found = paths(sketch)
    assert stops(found[f"{pipeline}|chain"]) == [pipeline, middle, near]
    assert stops(found[f"{pipeline}|chain-to-tenant"]) == [pipeline, web, billing, billing]


def test_the_most_certain_way_goes_before_the_shortest() -> None:
    sketch = Sketch()
    pipeline, web, _, billing = to_the_tenant(sketch)
    sketch.permission(pipeline, "Domain.ReadWrite.All", "7e05723c-0bb0-42da-be95-ae9f08a6e53c")  # possible, one hop
    found = paths(sketch)
    assert found[f"{pipeline}|entra-federation"].confidence == "possible"
    assert privilege(sketch, pipeline).path == f"{pipeline}|chain"
    assert stops(found[f"{pipeline}|chain"]) == [pipeline, web, billing, billing]


def test_a_chain_is_as_certain_as_its_least_certain_hop() -> None:
    sketch = Sketch()
    pipeline = sketch.principal("pipeline")
    middle, end = sketch.system_identity(VM), sketch.system_identity(f"{GROUP}/providers/microsoft.web/sites/shop")
    open_ = "@Environment[isPrivateLink] BoolEquals true"
    sketch.assign(pipeline, sketch.role("run", block("Microsoft.Compute/*")), GROUP, open_)
    sketch.assign(middle, sketch.role("deploy", block("Microsoft.Web/*")), GROUP)
    sketch.assign(end, OWNER)
    row = paths(sketch)[f"{pipeline}|chain"]
    assert (row.hops, row.confidence, row.grade, row.reason) == (2, "conditional", "conditional", "condition")


def test_over_a_group_and_an_owner_to_a_subscription() -> None:
    sketch = Sketch()
    ann = sketch.user("ann")
    application, deployer = sketch.application("deployer")
    group = sketch.group("operators")
    sketch.owns(ann, application)
    sketch.permission(deployer, "GroupMember.ReadWrite.All", "dbaae8cf-10b5-4b86-a4a1-f871c94c6695")
    sketch.assign(group, ACCESS_ADMINISTRATOR)
    row = paths(sketch)[f"{ann}|chain"]
    assert stops(row) == [ann, deployer, group, group]
    assert [step["method"] for step in json.loads(row.steps)] == [
        "entra-application-owner",
        "entra-group-members",
        "azure-role-assignment",
    ]


def test_chains_go_round_no_circle() -> None:
    sketch = Sketch()
    first, one = sketch.application("one")
    second, two = sketch.application("two")
    sketch.owns(sketch.user("ann"), first)
    for owner, owned in ((one, second), (two, first)):
        sketch.owns(owner, owned)
        sketch.permission(owner, "Application.ReadWrite.OwnedBy", "18a4783c-866b-4cc7-a460-3d5e5662c884")
    access = ANALYZER.open(sketch.records) if ANALYZER.open is not None else None
    assert access is not None
    assert access.reaches(one) == [two]
    assert set(access.reached_by(two)) == {one, f"{TENANT}/object/40000000-0000-0000-0000-000000000005"}
    assert not [row for row in paths(sketch).values() if row.principal in (one, two)]  # neither has more


def test_an_administrator_of_the_tenant_reaches_everybody() -> None:
    sketch = Sketch()
    root = sketch.user("root")
    sketch.directory_role(root, GLOBAL, "microsoft.directory/allEntities/allProperties/allTasks")
    others = [sketch.principal("a"), sketch.user("b"), sketch.system_identity(VM)]
    sketch.group("c", others[1])
    found = privilege(sketch, root)
    assert (found.level, found.reaches, found.reached_by) == ("administrator", 3, 0)
    assert privilege(sketch, others[0]).reached_by == 1
    assert ANALYZER.open is not None
    assert ANALYZER.open(sketch.records).reaches(root) == sorted(others)


def test_an_owner_of_a_subscription_is_told_of_the_tenant_and_of_others_alone() -> None:
    sketch = Sketch()
    who = sketch.principal("owner")
    sketch.assign(who, OWNER)
    small = sketch.system_identity(VM)
    sketch.assign(small, READER, OTHER_SUB)
    assert paths(sketch) == {}
    sketch.directory_role(small, GLOBAL)
    found = {row.method for row in paths(sketch).values() if row.principal == who}
    assert "azure-vm-run-command" in found
    assert privilege(sketch, who).level == "administrator"


@pytest.mark.parametrize(
    ("role", "place", "level"),
    [
        (OWNER, SUB, "administrator"),
        (OWNER, ROOT_GROUP, "administrator"),
        (OWNER, "/", "administrator"),
        (OWNER, GROUP, "permissions_management"),
        (ACCESS_ADMINISTRATOR, SUB, "escalates_to_administrator"),
        (ACCESS_ADMINISTRATOR, GROUP, "escalates"),
        (CONTRIBUTOR, SUB, "write"),
        (READER, SUB, "read"),
    ],
)
def test_the_same_role_at_three_places_is_three_levels(role: str, place: str, level: str) -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, role, place)
    found = privilege(sketch, who)
    assert (found.level, found.confidence, found.effect) == (level, "proven", "allowed")
    assert found.level in PRIVILEGE_LEVELS


def test_custom_roles_come_to_the_same_as_those_they_copy() -> None:
    sketch = Sketch()
    owner, split, contributor = (sketch.principal(name) for name in ("owner", "split", "contributor"))
    sketch.assign(owner, sketch.role("Innocent", block("*/read", "*/write", "*/delete", "*/action")))
    sketch.assign(split, CONTRIBUTOR)
    sketch.assign(split, sketch.role("Helper", block("Microsoft.Authorization/roleAssignments/*")))
    sketch.assign(contributor, sketch.role("All", block("*", less=["Microsoft.Authorization/*/write"])))
    assert privilege(sketch, owner).level == "administrator"
    assert privilege(sketch, split).level == "administrator"
    assert privilege(sketch, contributor).level == "write"


def test_a_condition_on_roles_grades_by_what_it_lets_through() -> None:
    sketch = Sketch()
    start = (
        "!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}) OR "
        "@Request[Microsoft.Authorization/roleAssignments:"
    )
    reader, people, strong = (sketch.principal(name) for name in ("reader", "people", "strong"))
    sketch.assign(
        reader, ACCESS_ADMINISTRATOR, SUB, f"{start}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{READER}}}"
    )
    sketch.assign(people, ACCESS_ADMINISTRATOR, SUB, f"{start}PrincipalType] StringEqualsIgnoreCase 'User'")
    sketch.assign(strong, ACCESS_ADMINISTRATOR, SUB, f"{start}RoleDefinitionId] GuidNotEquals {{{OWNER}}}")
    found = paths(sketch)
    assert f"{reader}|azure-role-assignment" not in found  # it may give Reader, and reads everything already
    assert f"{people}|azure-role-assignment" not in found
    row = found[f"{strong}|azure-role-assignment"]
    assert (row.outcome, row.confidence) == ("administrator", "proven")
    assert "User Access Administrator" in json.loads(row.steps)[0]["why"]


def test_what_a_condition_leaves_may_still_be_more() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    only = f"@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {{{CONTRIBUTOR}}}"
    sketch.assign(who, sketch.role("giver", block("Microsoft.Authorization/roleAssignments/write")), SUB, only)
    sketch.assign(sketch.principal("other"), CONTRIBUTOR, OTHER_SUB)
    row = paths(sketch)[f"{who}|azure-role-assignment"]
    assert (row.outcome, row.confidence) == ("more", "proven")
    assert "give the role Contributor" in json.loads(row.steps)[0]["why"]


def test_an_eligible_administrator_is_told_from_an_active_one() -> None:
    sketch = Sketch()
    ann = sketch.user("ann")
    sketch.assign(ann, OWNER, kind="eligible_assignment")
    found = privilege(sketch, ann)
    assert (found.level, found.confidence, found.reason) == ("administrator", "conditional", "eligible")


def test_a_denied_administrator_is_named_with_what_denies() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, OWNER)
    deny = sketch.deny(SUB, "*")
    found = privilege(sketch, who)
    assert (found.granted, found.effect, found.level) == ("administrator", "denied", "none")
    assert json.loads(found.limited_by or "") == [f"deny_assignment|{deny}|"]


@pytest.mark.parametrize(
    ("scope", "need", "reason"),
    [
        (TENANT, "access_grant:app_role", "grants-unread"),
        (TENANT, "relation:member_of", "membership-unread"),
        (TENANT, "scope:management_group", "grants-unread"),
        ("azure/subscription/30000000-0000-0000-0000-000000000002", "access_grant:role_assignment", "grants-unread"),
    ],
)
def test_what_was_not_read_makes_nothing_clean(scope: str, need: str, reason: str) -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    assert privilege(sketch, who).level == "none"
    sketch.records.gap(scope, need)
    found = privilege(sketch, who)
    assert (found.level, found.confidence, found.reason) == ("unknown", "conditional", reason)

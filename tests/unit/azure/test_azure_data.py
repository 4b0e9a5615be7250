"""The shipped facts: conditions, roles, permissions and sets, and what is said of broken ones."""

import re
from copy import deepcopy
from typing import Any

import pytest

from nhiscan.model import ACCESS_CAPABILITIES, ESCALATION_CATEGORIES
from nhiscan_azure.analyzer import conditions, patterns
from nhiscan_azure.analyzer.catalogue import BadCatalogue, Catalogue, catalogue, load
from nhiscan_azure.analyzer.conditions import PRINCIPAL_TYPE, ROLE, read
from nhiscan_azure.analyzer.escalation import sets as module
from nhiscan_azure.analyzer.escalation.sets import BadSets, sets
from nhiscan_azure.sketch import CONTRIBUTOR, OWNER, READER

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WRITE = "microsoft.authorization/roleassignments/write"


def test_the_lists_are_whole() -> None:
    known = catalogue()
    assert (len(known.directory_roles), len(known.permissions), len(known.built_in)) == (33, 41, 38)
    assert all(
        GUID.fullmatch(id_) for some in (known.directory_roles, known.permissions, known.built_in) for id_ in some
    )
    assert known.built_in[OWNER].level == "administrator"
    assert {one.path for one in known.directory_roles.values()} == {"direct", "indirect", "unsettled"}
    assert {one.capability for one in known.actions} < set(ACCESS_CAPABILITIES)


def test_every_way_of_a_role_or_permission_is_in_some_set_or_is_no_control() -> None:
    known = catalogue()
    used = {way for one in (*known.directory_roles.values(), *known.permissions.values()) for way in one.ways}
    in_sets = {one.way for one in sets()}
    # the rest: the tenant itself, what an owner does, and what is no control over the tenant
    assert used - in_sets == {"self", "app-owned", "lockout", "partner", "helper", "policy"}


def test_permissions_that_give_data_are_told_from_control() -> None:
    known = catalogue()
    assert known.is_data("Mail.ReadWrite")
    assert known.is_data("sites.fullcontrol.all")
    assert not known.is_data("Application.ReadWrite.All")
    assert known.unrated("AgentIdentity.ReadWrite.All")
    assert not known.unrated("User.Read.All")


@pytest.mark.parametrize(
    ("file", "entry", "key", "value", "problem"),
    [
        ("actions.toml", "actions", "plane", "sideways", "plane or capability"),
        ("actions.toml", "actions", "names", ["A/b/write", "a/B/write"], "stands twice"),
        ("directory-roles.toml", "roles", "ways", ["magic"], "path or way"),
        ("directory-roles.toml", "roles", "path", "crooked", "path or way"),
        ("built-in-roles.toml", "roles", "level", "god", "level"),
    ],
)
def test_a_broken_list_is_told(file: str, entry: str, key: str, value: Any, problem: str) -> None:
    names = ("actions.toml", "ways.toml", "directory-roles.toml", "graph-permissions.toml", "built-in-roles.toml")
    loaded = {name: load(name) for name in names}
    loaded[file] = deepcopy(loaded[file])
    loaded[file][entry][0][key] = value
    with pytest.raises(BadCatalogue) as raised:
        Catalogue(*(loaded[name] for name in names))
    assert any(problem in text for text in raised.value.problems)


# --- sets ---


def test_the_sets_are_whole() -> None:
    found = sets()
    assert len(found) >= 50
    assert {one.gain for one in found} == module.GAINS
    assert {one.category for one in found} == set(ESCALATION_CATEGORIES) - {"chain"}
    assert [one.id for one in found] == sorted(one.id for one in found)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "Bad Id"}, "is no id"),
        ({"category": "chain"}, "category or gain"),
        ({"all_of": ["Microsoft.Nothing/here/write"]}, "does not have"),
        ({"all_of": []}, "needs actions"),
        ({"way": "app"}, "needs a way"),
        ({"runs": []}, "types of resources"),
        ({"runs": ["Microsoft.Compute/virtualMachines"]}, "lower case"),
        ({"anywhere": ["Microsoft.Web/sites/write"]}, "held anywhere"),
        ({"references": ["https://example.com/"]}, "documentation"),
        ({"why": "No stop"}, "does not say"),
    ],
)
def test_a_broken_set_is_told(changes: dict[str, Any], problem: str) -> None:
    whole = {
        "id": "one",
        "category": "existing_passrole",
        "gain": "running-identity",
        "all_of": ["Microsoft.Web/sites/write"],
        "runs": ["microsoft.web/sites"],
        "why": "It works.",
        "fix": "Take it away.",
        "references": ["https://learn.microsoft.com/azure"],
        "found": "list",
    }
    assert module.read({"sets": [whole]})[0].id == "one"
    with pytest.raises(BadSets) as raised:
        module.read({"sets": [whole | changes]})
    assert any(problem in text for text in raised.value.problems)
    with pytest.raises(BadSets, match="stands twice"):
        module.read({"sets": [whole, whole]})


# --- conditions ---


@pytest.mark.parametrize(
    ("text", "facts", "holds"),
    [
        ("ActionMatches{'Microsoft.Authorization/*'}", {}, True),
        ("!(ActionMatches{'Microsoft.Authorization/*'})", {}, False),
        ("NOT ActionMatches{'Microsoft.Web/*'}", {}, True),
        ("ActionMatches{'microsoft.authorization/roleassignments/*'} AND @Resource[a] StringEquals 'b'", {}, None),
        ("ActionMatches{'x/y'} && @Resource[a] StringEquals 'b'", {}, False),
        ("ActionMatches{'*'} || @Resource[a] StringEquals 'b'", {}, True),
        ("@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {A}", {ROLE: OWNER}, False),
        ("@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {O}", {ROLE: OWNER}, True),
        ("@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {O}", {}, None),
        (
            "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {O, A}",
            {ROLE: OWNER},
            False,
        ),
        (
            "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {O, A}",
            {ROLE: CONTRIBUTOR},
            True,
        ),
        (
            "@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEqualsIgnoreCase 'ServicePrincipal'",
            {PRINCIPAL_TYPE: "serviceprincipal"},
            True,
        ),
        (
            "@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringLike 'S*'",
            {PRINCIPAL_TYPE: "S"},
            None,
        ),
        ("Exists @Resource[x]", {}, None),
        ("SubOperationMatches{'Blob.List'}", {}, None),
        ("@Principal[a] StringEquals @Resource[b]", {}, None),
    ],
)
def test_conditions_have_three_answers(text: str, facts: dict[str, str], holds: bool | None) -> None:
    condition = read(text.replace("{O", f"{{{OWNER}").replace("A}", f"{READER}}}"))
    assert condition.readable
    assert condition.holds(WRITE, facts) is holds


@pytest.mark.parametrize(
    "text",
    ["", "(", "()", "ActionMatches{}", "ActionMatches{'a','b'}", "@Resource[a]", "a b c", "(" * 500, "x" * 9_000, "'"],
)
def test_what_is_no_condition_hangs_on_the_request(text: str) -> None:
    condition = conditions.Condition(text)
    assert not condition.readable
    assert condition.holds(WRITE, {}) is None


def test_a_condition_about_some_of_a_pattern_hangs_on_which() -> None:
    condition = read("!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})")
    assert condition.holds("*", {}) is None
    assert condition.holds("microsoft.web/*", {}) is True


# --- patterns ---


@pytest.mark.parametrize(
    ("pattern", "other", "covers", "meet"),
    [
        ("*", "a/b", True, True),
        ("a/*", "a/", True, True),
        ("a/*/c", "a/c", False, False),
        ("a/*/c", "a/b/b/c", True, True),
        ("*/read", "a/*", False, True),
        ("a/*", "*/read", False, True),
        ("a/*", "b/*", False, False),
        ("a*b*c", "axbybc", True, True),
        ("a*b*c", "axc", False, False),
        ("a/b*", "a/bc/*", True, True),
        ("**", "a", True, True),
    ],
)
def test_patterns_cover_and_meet(pattern: str, other: str, covers: bool, meet: bool) -> None:
    assert patterns.matches(pattern, other) is covers
    assert patterns.meets(pattern, other) is meet
    assert patterns.meets(other, pattern) is meet

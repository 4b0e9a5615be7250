"""What service accounts may do: inheritance, roles, conditions, members of all kinds."""

import json
from collections.abc import Iterable

import pytest

from nhiscan.model import AccessUse, EffectiveAccess, EscalationPath, Privilege, Scope, Trust
from nhiscan_gcp.analyzer import ANALYZER
from nhiscan_gcp.sketch import ORGANIZATION, TOP, Sketch

READ = "compute.instances.get"
TOKEN = "iam.serviceAccounts.getAccessToken"
PAST, FUTURE = "timestamp('2020-01-01T00:00:00Z')", "timestamp('2040-01-01T00:00:00Z')"
SHOP = "gcp/project/shop"


@pytest.fixture
def sketch() -> Sketch:
    """A folder with the projects shop and lab, and the account ci in shop."""
    found = Sketch()
    folder = found.folder("1")
    found.project("shop", folder)
    found.project("lab", folder)
    found.account("ci", "shop")
    found.role("roles/reader", [READ])
    found.role("roles/token", [TOKEN])
    found.role("roles/policy", ["resourcemanager.projects.setIamPolicy"])
    return found


def key_of(sketch: Sketch, name: str, project: str = "shop") -> str:
    scope = f"gcp/project/{project}"
    return next(one.key for one in sketch.records.identities(scope) if one.name.startswith(f"{name}@"))


def verdict(sketch: Sketch, action: str, resource: str, name: str = "ci") -> tuple[str, tuple[str, ...]]:
    assert ANALYZER.open is not None
    found = ANALYZER.open(sketch.records).decide(key_of(sketch, name), action, resource)
    return found.verdict, found.reasons


def rows(sketch: Sketch) -> Iterable[object]:
    return list(ANALYZER.derive(sketch.records))


def capabilities(sketch: Sketch, key: str) -> dict[str, EffectiveAccess]:
    return {
        row.capability if row.capability != "level" else row.level: row
        for row in rows(sketch)
        if isinstance(row, EffectiveAccess) and row.principal == key
    }


def privilege(sketch: Sketch, key: str) -> Privilege:
    return next(row for row in rows(sketch) if isinstance(row, Privilege) and row.key == key)


CI = "serviceAccount:ci@shop.iam.gserviceaccount.com"
ROOT = f"organizations/{ORGANIZATION}"
INSIDE = "projects/shop/zones/a/instances/b"


def all_of(node: str, kind: str = "ServiceAccount") -> str:
    """All accounts of a node, as a member."""
    return f"principalSet://cloudresourcemanager.googleapis.com/{node}/type/{kind}"


TRICKY: list[tuple[str, str, str, str | None, str, str]] = [
    # what is tried, member, place, condition, resource that is asked about, verdict
    ("on the project itself", CI, SHOP, None, "projects/shop", "conditional"),
    ("on the project, asked about another", CI, SHOP, None, "projects/lab", "denied"),
    ("on the folder above", CI, "gcp/folder/1", None, "projects/lab", "conditional"),
    ("on the organisation", CI, TOP, None, "projects/lab", "conditional"),
    ("on the organisation, asked about it", CI, TOP, None, ROOT, "conditional"),
    ("on the project, asked about the folder above", CI, SHOP, None, "folders/1", "denied"),
    ("on the folder, asked about the organisation", CI, "gcp/folder/1", None, ROOT, "denied"),
    ("asked about something inside the project", CI, SHOP, None, INSIDE, "conditional"),
    ("asked about something inside another project", CI, SHOP, None, "projects/lab/zones/a/instances/b", "denied"),
    ("asked about nothing in particular", CI, SHOP, None, "*", "conditional"),
    ("asked about what does not exist", CI, SHOP, None, "projects/nowhere", "denied"),
    ("given to another account", "serviceAccount:cd@shop.iam.gserviceaccount.com", SHOP, None, "*", "denied"),
    ("given to the account as it was deleted", f"deleted:{CI}?uid=1", SHOP, None, "*", "denied"),
    ("given to a user", "user:ci@shop.iam.gserviceaccount.com", SHOP, None, "*", "denied"),
    ("given to everybody", "allUsers", SHOP, None, "projects/shop", "conditional"),
    ("given to everybody who signs in", "allAuthenticatedUsers", SHOP, None, "projects/shop", "conditional"),
    ("given to the domain", "domain:example.com", SHOP, None, "projects/shop", "denied"),
    ("given to a group", "group:all@example.com", SHOP, None, "projects/shop", "unknown"),
    ("given to a group elsewhere", "group:all@example.com", "gcp/project/lab", None, "projects/shop", "denied"),
    ("given to all accounts of the folder", all_of("folders/1"), SHOP, None, "*", "conditional"),
    ("given to all accounts of the organisation", all_of(ROOT), SHOP, None, "*", "conditional"),
    ("given to all accounts of another folder", all_of("folders/2"), SHOP, None, "*", "denied"),
    ("given to all accounts of the project, by its id", all_of("projects/shop"), SHOP, None, "*", "conditional"),
    ("given to all accounts of a project that nobody knows", all_of("projects/77"), SHOP, None, "*", "unknown"),
    ("given to all agents of the project", all_of("projects/shop", "ServiceAgent"), SHOP, None, "*", "denied"),
    ("given to a pod of the same name", "serviceAccount:shop.svc.id.goog[ci/ci]", SHOP, None, "*", "denied"),
    ("given to what nobody knows", "somebody:ci", SHOP, None, "*", "denied"),
    ("not over yet", CI, SHOP, f"request.time < {FUTURE}", "projects/shop", "conditional"),
    ("over", CI, SHOP, f"request.time < {PAST}", "projects/shop", "denied"),
    ("not begun", CI, SHOP, f"request.time > {FUTURE}", "projects/shop", "denied"),
    (
        "between two times",
        CI,
        SHOP,
        f"request.time > {PAST} && request.time < {FUTURE}",
        "projects/shop",
        "conditional",
    ),
    (
        "for resources that begin so",
        CI,
        SHOP,
        "resource.name.startsWith('projects/shop/zones/a/')",
        INSIDE,
        "conditional",
    ),
    (
        "for resources that begin otherwise",
        CI,
        SHOP,
        "resource.name.startsWith('projects/shop/zones/c/')",
        INSIDE,
        "denied",
    ),
    (
        "for one resource, asked about it",
        CI,
        SHOP,
        "resource.name == 'projects/shop/zones/a/instances/b'",
        INSIDE,
        "conditional",
    ),
    (
        "for one resource, asked about another",
        CI,
        SHOP,
        "resource.name == 'projects/shop/zones/a/instances/c'",
        INSIDE,
        "denied",
    ),
    (
        "for projects, asked about the project",
        CI,
        SHOP,
        "resource.type == 'cloudresourcemanager.googleapis.com/Project'",
        "projects/shop",
        "conditional",
    ),
    (
        "for buckets, asked about the project",
        CI,
        SHOP,
        "resource.type == 'storage.googleapis.com/Bucket'",
        "projects/shop",
        "denied",
    ),
    (
        "for all but buckets, asked about the project",
        CI,
        SHOP,
        "resource.type != 'storage.googleapis.com/Bucket'",
        "projects/shop",
        "conditional",
    ),
    (
        "for another service or a name",
        CI,
        SHOP,
        "resource.service == 'storage.googleapis.com' || resource.name.startsWith('projects/shop')",
        INSIDE,
        "conditional",
    ),
    (
        "with access levels",
        CI,
        SHOP,
        "'accessPolicies/1/accessLevels/a' in request.auth.access_levels",
        "projects/shop",
        "conditional",
    ),
    (
        "with access levels, and over",
        CI,
        SHOP,
        f"'a' in request.auth.access_levels && request.time < {PAST}",
        "projects/shop",
        "denied",
    ),
    (
        "with access levels, or for ever",
        CI,
        SHOP,
        f"'a' in request.auth.access_levels || request.time > {PAST}",
        "projects/shop",
        "conditional",
    ),
    ("with a tag", CI, SHOP, "resource.matchTag('1/env', 'prod')", "projects/shop", "conditional"),
    ("at an hour", CI, SHOP, "request.time.getHours('UTC') < 9", "projects/shop", "conditional"),
    ("with what is no condition", CI, SHOP, "request.time < x <", "projects/shop", "conditional"),
    ("with an attribute that nobody knows", CI, SHOP, "made.up == 'x'", "projects/shop", "conditional"),
    (
        "with an attribute that nobody knows, denied anyway",
        CI,
        SHOP,
        "made.up == 'x' && false",
        "projects/shop",
        "denied",
    ),
]
HANGS = {
    "with access levels": "condition",
    "with a tag": "condition",
    "at an hour": "condition",
    "with what is no condition": "unknown-condition-key",
    "with an attribute that nobody knows": "unknown-condition-key",
}
"""Those of which a request decides; the others that are not denied hang on nothing but what was not read."""


@pytest.mark.parametrize(("what", "member", "place", "condition", "resource", "wanted"), TRICKY)
def test_tricky_bindings(
    sketch: Sketch, what: str, member: str, place: str, condition: str | None, resource: str, wanted: str
) -> None:
    sketch.bind(member, "roles/reader", place, condition)
    found, reasons = verdict(sketch, READ, resource)
    assert found == wanted
    if wanted == "conditional":
        assert set(reasons) == {"deny-policy-unread", *([HANGS[what]] if what in HANGS else [])}
    elif wanted == "unknown":
        assert reasons == ("membership-unread",)
    else:
        assert reasons == ()
    assert verdict(sketch, "compute.instances.delete", resource)[0] != "conditional"


def test_a_project_by_its_number(sketch: Sketch) -> None:
    """The default account of Compute Engine tells the number."""
    sketch.account("77-compute@developer.gserviceaccount.com", "shop")
    sketch.bind(all_of("projects/77"), "roles/reader", SHOP)
    assert verdict(sketch, READ, "*")[0] == "conditional"
    sketch.bind(CI, "roles/token", SHOP, "resource.name == 'projects/77'")
    assert verdict(sketch, TOKEN, "projects/shop")[0] == "conditional"


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (None, "conditional"),
        ("resource.type == 'iam.googleapis.com/ServiceAccount'", "conditional"),
        ("resource.type == 'compute.googleapis.com/Instance'", "denied"),
        ("resource.name.endsWith('/target@lab.iam.gserviceaccount.com')", "conditional"),
        ("resource.name.endsWith('/other@lab.iam.gserviceaccount.com')", "denied"),
        ("resource.name.startsWith('projects/_/buckets/')", "denied"),
        ("resource.type != 'storage.googleapis.com/Object' || resource.name.startsWith('x')", "conditional"),
    ],
)
def test_conditions_on_accounts(sketch: Sketch, condition: str | None, wanted: str) -> None:
    """They may have no name and no type: what all of that agrees on is decided."""
    target = sketch.account("target", "lab")
    sketch.bind(CI, "roles/token", "gcp/project/lab", condition)
    assert verdict(sketch, TOKEN, target)[0] == wanted
    assert verdict(sketch, TOKEN, "target@lab.iam.gserviceaccount.com")[0] == wanted
    assert verdict(sketch, TOKEN, "projects/lab/serviceAccounts/target@lab.iam.gserviceaccount.com")[0] == wanted


def test_a_right_on_one_account_is_none_on_another(sketch: Sketch) -> None:
    one, other = sketch.account("one", "lab"), sketch.account("other", "lab")
    sketch.bind(CI, "roles/token", one)
    assert verdict(sketch, TOKEN, one)[0] == "conditional"
    assert verdict(sketch, TOKEN, other)[0] == "denied"
    assert verdict(sketch, TOKEN, "projects/lab")[0] == "denied"


# --- roles ---


def test_a_custom_role_that_is_switched_off_gives_nothing(sketch: Sketch) -> None:
    sketch.role("projects/shop/roles/off", [READ], stage="DISABLED")
    sketch.bind(CI, "projects/shop/roles/off", SHOP)
    assert verdict(sketch, READ, "projects/shop")[0] == "denied"
    assert capabilities(sketch, key_of(sketch, "ci")) == {}


def test_a_custom_role_that_is_gone_gives_nothing(sketch: Sketch) -> None:
    sketch.bind(CI, "projects/shop/roles/gone", SHOP)
    assert verdict(sketch, READ, "projects/shop")[0] == "denied"
    assert privilege(sketch, key_of(sketch, "ci")).level == "none"


def test_a_custom_role_is_unknown_where_roles_were_not_read(sketch: Sketch) -> None:
    sketch.bind(CI, "projects/shop/roles/gone", SHOP)
    sketch.records.gap(SHOP, "policy:role_definition")
    assert verdict(sketch, READ, "projects/shop") == ("unknown", ("document-unread", "unknown-action"))
    found = privilege(sketch, key_of(sketch, "ci"))
    assert (found.level, found.confidence, found.reason) == ("unknown", "possible", "document-unread")


def test_a_custom_role_of_the_organisation(sketch: Sketch) -> None:
    name = f"organizations/{ORGANIZATION}/roles/mine"
    sketch.role(name, [READ])
    sketch.bind(CI, name, SHOP)
    assert verdict(sketch, READ, "projects/shop")[0] == "conditional"


def test_a_role_of_an_organisation_that_nobody_planned_is_unknown(sketch: Sketch) -> None:
    sketch.bind(CI, "organizations/999/roles/theirs", SHOP)
    assert verdict(sketch, READ, "projects/shop") == ("unknown", ("document-unread", "unknown-action"))


def test_a_role_that_was_not_read_is_a_row_of_its_own(sketch: Sketch) -> None:
    grant = sketch.bind(CI, "roles/unheard", SHOP)
    row = capabilities(sketch, key_of(sketch, "ci"))["unknown"]
    assert (row.via, row.resource, row.reason, row.confidence) == (
        grant,
        "projects/shop",
        "document-unread",
        "possible",
    )


# --- rows ---


def test_the_rows_of_an_account(sketch: Sketch) -> None:
    sketch.role("roles/mixed", [READ, TOKEN, "iam.serviceAccounts.actAs", "secretmanager.versions.access", "a.b.frob"])
    wide = sketch.bind(CI, "roles/mixed", "gcp/folder/1")
    sketch.bind(CI, "roles/reader", SHOP)
    found = capabilities(sketch, key_of(sketch, "ci"))
    assert set(found) == {"pass_role", "assume_role", "credential_exposure", "secret_read", "write", "read"}
    assert {row.via for row in found.values()} == {wide}
    assert found["write"].action == f"a.b.frob,iam.serviceAccounts.actAs,{TOKEN}"
    assert found["write"].service == "a,iam"
    assert (found["read"].resource, found["read"].everywhere, found["read"].actions) == ("folders/1", 1, 2)
    assert all(row.reason == "deny-policy-unread" and row.conditional == 0 for row in found.values())


@pytest.mark.parametrize(
    ("place", "permission", "resource"),
    [
        (SHOP, "resourcemanager.projects.setIamPolicy", "projects/shop"),
        ("gcp/folder/1", "resourcemanager.projects.setIamPolicy", "folders/1"),
        ("gcp/folder/1", "resourcemanager.folders.setIamPolicy", "folders/1"),
        (TOP, "resourcemanager.organizations.setIamPolicy", f"organizations/{ORGANIZATION}"),
    ],
)
def test_who_sets_policies_is_an_administrator(sketch: Sketch, place: str, permission: str, resource: str) -> None:
    sketch.role("roles/admin", [permission])
    sketch.bind(CI, "roles/admin", place)
    row = capabilities(sketch, key_of(sketch, "ci"))["administrator"]
    assert (row.resource, row.action, row.everywhere) == (resource, permission, 1)
    assert privilege(sketch, key_of(sketch, "ci")).level == "administrator"


def test_a_policy_that_cannot_be_set_where_the_role_is_bound_makes_no_administrator(sketch: Sketch) -> None:
    sketch.role("roles/admin", ["resourcemanager.organizations.setIamPolicy"])
    sketch.bind(CI, "roles/admin", SHOP)
    assert "administrator" not in capabilities(sketch, key_of(sketch, "ci"))


@pytest.mark.parametrize(
    ("roles", "level", "conditional"),
    [("'roles/pubsub.viewer'", "permissions_management", 1), ("'roles/owner'", "administrator", 0),
     ("'projects/shop/roles/x'", "administrator", 1)],
)  # fmt: skip
def test_limits_on_giving_roles(sketch: Sketch, roles: str, level: str, conditional: int) -> None:
    limit = f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{roles}])"
    sketch.bind(CI, "roles/policy", SHOP, limit)
    found = privilege(sketch, key_of(sketch, "ci"))
    assert (found.level, found.conditional) == (level, conditional)


def test_groups_with_more_are_said(sketch: Sketch) -> None:
    sketch.bind(CI, "roles/reader", SHOP)
    assert privilege(sketch, key_of(sketch, "ci")).reason == "deny-policy-unread"
    sketch.bind("group:admins@example.com", "roles/policy", "gcp/project/lab")
    assert privilege(sketch, key_of(sketch, "ci")).reason == "deny-policy-unread,membership-unread"


def test_what_is_above_and_was_not_read_is_said() -> None:
    sketch = Sketch()
    sketch.project("shop", "gcp/folder/404")
    sketch.account("ci", "shop")
    found = privilege(sketch, key_of(sketch, "ci"))
    assert (found.level, found.reason, found.confidence) == ("none", "grants-unread", "conditional")
    assert verdict(sketch, READ, "projects/shop") == ("unknown", ("grants-unread", "unknown-action"))


def test_a_project_of_no_organisation_has_nothing_above() -> None:
    sketch = Sketch()
    sketch.project("shop", None)
    sketch.account("ci", "shop")
    assert verdict(sketch, READ, "projects/shop")[0] == "denied"


def test_who_can(sketch: Sketch) -> None:
    sketch.bind(CI, "roles/reader", SHOP)
    sketch.account("cd", "shop")
    assert ANALYZER.open is not None
    opened = ANALYZER.open(sketch.records)
    assert [key for key, _ in opened.who_can(READ, "projects/shop")] == [key_of(sketch, "ci")]
    assert list(opened.who_can(READ, "projects/lab")) == []
    assert opened.decide("nobody", READ, "*").verdict == "unknown"
    assert opened.right_sized(key_of(sketch, "ci")) is None


def test_roles_with_what_was_used(sketch: Sketch) -> None:
    key = key_of(sketch, "ci")
    sketch.role("roles/much", [READ, "compute.instances.delete", "storage.objects.get", "pubsub.topics.get"])
    for place in (SHOP, "gcp/folder/1"):
        sketch.bind(CI, "roles/much", place)
    sketch.bind(CI, "roles/reader", SHOP, f"request.time < {FUTURE}")
    for service, action, used_at in (
        ("compute", None, 1),
        ("compute", READ, 1),
        ("storage", None, None),
        ("compute", "compute.instances.start", 1),
    ):
        row = "|".join(filter(None, (SHOP, key, service, action)))
        sketch.records.add(AccessUse(row, SHOP, key, service, action, used_at, None, 90))
    assert ANALYZER.open is not None
    found = json.loads(ANALYZER.open(sketch.records).right_sized(key) or "{}")
    (role,) = found["roles"]
    assert (role["resource"], role["includedPermissions"]) == ("projects/shop", [READ, "pubsub.topics.get"])
    assert found["unchanged"] == [
        {"resource": "folders/1", "role": "roles/much"},
        {"resource": "projects/shop", "role": "roles/reader", "condition": f"request.time < {FUTURE}"},
    ]


# --- trust ---


def trusted(sketch: Sketch, key: str) -> list[Trust]:
    return [row for row in rows(sketch) if isinstance(row, Trust) and row.identity == key]


MEMBERS = [
    ("user:ann@example.com", "identity", 0, 1, "proven"),
    ("user:ann@elsewhere.com", "identity", 1, 0, "possible"),
    ("user:ann@gmail.com", "identity", 1, 0, "proven"),
    ("group:staff@example.com", "identity", 0, 1, "conditional"),
    ("domain:example.com", "account", 0, 1, "proven"),
    ("domain:partner.com", "account", 1, 0, "possible"),
    ("allUsers", "anybody", 1, 0, "proven"),
    ("allAuthenticatedUsers", "anybody", 1, 0, "proven"),
    ("serviceAccount:cd@lab.iam.gserviceaccount.com", "identity", 1, 1, "proven"),
    ("serviceAccount:cd@theirs.iam.gserviceaccount.com", "identity", 1, 0, "proven"),
    ("serviceAccount:service-1@theirs.iam.gserviceaccount.com", "identity", 1, 0, "proven"),
    ("serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com", "service", 1, 0, "proven"),
    ("serviceAccount:1@cloudbuild.gserviceaccount.com", "service", 1, 0, "proven"),
    ("serviceAccount:shop.svc.id.goog[default/ci]", "federated", 0, 1, "proven"),
    ("serviceAccount:theirs.svc.id.goog[default/ci]", "federated", 1, 0, "proven"),
    ("deleted:serviceAccount:old@shop.iam.gserviceaccount.com?uid=1", "deleted", 0, 0, "proven"),
    (all_of("folders/1"), "account", 0, 1, "proven"),
    ("principalSet://iam.googleapis.com/locations/global/workforcePools/staff/*", "federated", 1, 0, "proven"),
    ("whoever:x", "unknown", 1, 0, "proven"),
]


@pytest.mark.parametrize(("member", "kind", "external", "inside", "confidence"), MEMBERS)
def test_who_may_become_an_account(
    sketch: Sketch, member: str, kind: str, external: int, inside: int, confidence: str
) -> None:
    key = key_of(sketch, "ci")
    sketch.bind(member, "roles/token", key)
    (row,) = trusted(sketch, key)
    assert (row.principal, row.principal_kind, row.external, row.organization) == (member, kind, external, inside)
    assert row.confidence == confidence


def test_without_an_organisation_nobody_knows_which_domain_is_its_own() -> None:
    sketch = Sketch()
    sketch.project("shop", "gcp/folder/404")
    sketch.role("roles/token", [TOKEN])
    key = sketch.account("ci", "shop")
    sketch.records.add(Scope(TOP, "gcp", "organization", ORGANIZATION, None))
    for member in ("user:ann@example.com", "user:eve@gmail.com"):
        sketch.bind(member, "roles/token", key)
    found = {row.principal: (row.external, row.confidence, row.reason) for row in trusted(sketch, key)}
    assert found == {
        "user:ann@example.com": (0, "possible", "domain-unread"),
        "user:eve@gmail.com": (1, "proven", None),
    }


def test_inherited_doors(sketch: Sketch) -> None:
    key = key_of(sketch, "ci")
    sketch.bind("user:ann@example.com", "roles/token", SHOP)
    sketch.bind("user:bob@example.com", "roles/reader", SHOP)
    sketch.bind(CI, "roles/token", SHOP)
    sketch.bind("serviceAccount:1@cloudservices.gserviceaccount.com", "roles/token", SHOP)
    sketch.bind("user:eve@example.com", "roles/token", SHOP, f"request.time < {PAST}")
    (row,) = trusted(sketch, key)
    assert (row.principal, row.statement) == ("user:ann@example.com", "roles/token on projects/shop")


def test_members_of_the_organisation_above_the_project_stand_together(sketch: Sketch) -> None:
    key = key_of(sketch, "ci")
    sketch.role("roles/act", ["iam.serviceAccounts.actAs"])
    for member in ("user:ann@example.com", "group:staff@example.com", "serviceAccount:cd@lab.iam.gserviceaccount.com"):
        sketch.bind(member, "roles/token", "gcp/folder/1")
    sketch.bind("user:ann@example.com", "roles/act", "gcp/folder/1")
    sketch.bind("user:eve@gmail.com", "roles/token", "gcp/folder/1")
    sketch.bind("allUsers", "roles/token", TOP)
    sketch.bind("group:staff@example.com", "roles/token", TOP)
    found = {row.principal: row for row in trusted(sketch, key)}
    assert set(found) == {"folders/1", ROOT, "user:eve@gmail.com", "allUsers"}
    inside = found["folders/1"]
    assert (inside.principal_kind, inside.external, inside.organization) == ("account", 0, 1)
    assert inside.statement == "roles/act and 1 more on folders/1, given to 3 of the organisation"
    assert (found[ROOT].confidence, found[ROOT].reason) == ("conditional", "membership-unread")


def test_an_agent_of_another_project_is_told(sketch: Sketch) -> None:
    key = key_of(sketch, "ci")
    sketch.account("1-compute@developer.gserviceaccount.com", "lab")
    sketch.bind("serviceAccount:1@cloudservices.gserviceaccount.com", "roles/token", SHOP)
    (row,) = trusted(sketch, key)
    assert (row.principal_kind, row.principal_scope, row.external) == ("service", "gcp/project/lab", 1)


def test_a_role_that_nobody_read_may_be_a_door(sketch: Sketch) -> None:
    key = key_of(sketch, "ci")
    sketch.bind("user:ann@example.com", "roles/unheard", key)
    (row,) = trusted(sketch, key)
    assert (row.confidence, row.reason) == ("possible", "document-unread")


def test_no_key_comes_twice(sketch: Sketch) -> None:
    sketch.bind(sketch.account("cd", "lab"), "roles/policy", "gcp/project/lab")
    for member in (
        "allUsers",
        CI,
        "serviceAccount:shop.svc.id.goog[a/b]",
        "serviceAccount:cd@lab.iam.gserviceaccount.com",
        "group:a@example.com",
    ):
        for place in (SHOP, "gcp/project/lab", "gcp/folder/1", key_of(sketch, "ci")):
            sketch.bind(member, "roles/token", place)
    keys = [(type(row), row.key) for row in rows(sketch)]  # type: ignore[attr-defined]
    assert len(keys) == len(set(keys))
    assert any(isinstance(row, EscalationPath) for row in rows(sketch))

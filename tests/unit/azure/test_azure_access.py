"""Rows of `effective_access` and `trust`: what stands in which column."""

import json
from typing import Any

import pytest

from nhiscan.model import (
    ACCESS_CAPABILITIES,
    ACCESS_EFFECTS,
    ACCESS_LEVELS,
    ACCESS_REASONS,
    CONFIDENCES,
    TRUST_PRINCIPAL_KINDS,
    TRUST_WIDTHS,
    Derived,
    EffectiveAccess,
    EscalationPath,
    Privilege,
    Setting,
    Trust,
)
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
    TENANT_ID,
    VENDOR,
    Sketch,
    block,
)

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
LOCKS = "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9"
APPS = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
GIVES_ROLES = "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"
SUBSCRIPTION = "azure/subscription/30000000-0000-0000-0000-000000000001"


def derived(sketch: Sketch) -> list[Derived]:
    return list(ANALYZER.derive(sketch.records))


def rows(sketch: Sketch, who: str, capability: str | None = None) -> list[EffectiveAccess]:
    return [
        row
        for row in derived(sketch)
        if isinstance(row, EffectiveAccess) and row.principal == who and capability in (None, row.capability)
    ]


def trusts(sketch: Sketch, who: str) -> list[Trust]:
    return [row for row in derived(sketch) if isinstance(row, Trust) and row.identity == who]


@pytest.mark.parametrize(
    ("role", "place", "capability", "everywhere", "level"),
    [
        (OWNER, "/", "administrator", 1, "administrator"),
        (OWNER, ROOT_GROUP, "administrator", 1, "administrator"),
        (OWNER, SUB, "administrator", 1, "administrator"),
        (OWNER, GROUP, "scope_administrator", 0, "permissions_management"),
        (CONTRIBUTOR, SUB, "exclusion", 1, "write"),
        (CONTRIBUTOR, GROUP, "exclusion", 0, "write"),
        (ACCESS_ADMINISTRATOR, SUB, "permissions_management", 1, "permissions_management"),
    ],
)
def test_wide_roles_are_told_with_their_place(
    role: str, place: str, capability: str, everywhere: int, level: str
) -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    given = sketch.assign(who, role, place)
    (row,) = rows(sketch, who, capability)
    assert (row.resource, row.everywhere, row.level, row.via) == (place, everywhere, level, given)
    assert (row.effect, row.confidence, row.conditional, row.reason) == ("allowed", "proven", 0, None)


def test_what_a_wide_role_leaves_out_is_named() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, sketch.role("most", block("*", less=["Microsoft.Authorization/*/write", "Microsoft.Billing/*"])))
    (row,) = rows(sketch, who, "exclusion")
    assert row.action == "not:Microsoft.Authorization/*/write,Microsoft.Billing/*"


def test_a_role_above_is_told_once() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    for place in (ROOT_GROUP, SUB, GROUP):
        sketch.assign(who, OWNER, place)
    assert [row.resource for row in rows(sketch, who, "administrator")] == [ROOT_GROUP]
    assert not rows(sketch, who, "scope_administrator")


def test_capabilities_are_told_by_action_not_by_name() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    blocks = (
        block("Microsoft.Compute/virtualMachines/*", "Microsoft.Storage/storageAccounts/listKeys/action"),
        block(data=["Microsoft.KeyVault/vaults/secrets/*"]),
    )
    sketch.assign(who, sketch.role("Harmless Reader", *blocks), GROUP)
    found = {row.capability: row for row in rows(sketch, who)}
    assert "Microsoft.Compute/virtualMachines/runCommand/action" in found["code_execution"].action
    assert found["credential_exposure"].action == "Microsoft.Storage/storageAccounts/listKeys/action"
    assert found["secret_read"].action == "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    assert found["secret_read"].statement == "2"
    assert {row.resource for row in found.values()} == {GROUP}


def test_capabilities_of_a_whole_subscription_and_of_less_are_two_rows() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    run = sketch.role("run", block("Microsoft.Compute/virtualMachines/runCommand/action"))
    sketch.assign(who, run, GROUP)
    sketch.assign(who, run, OTHER_SUB)
    found = rows(sketch, who, "code_execution")
    assert {(row.everywhere, row.resource) for row in found} == {(1, OTHER_SUB), (0, GROUP)}


def test_a_whole_service_is_told() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, sketch.role("stores", block("Microsoft.Storage/*", "Microsoft.Web/sites/read")))
    (row,) = rows(sketch, who, "service_administrator")
    assert (row.service, row.action, row.everywhere) == ("microsoft.storage", "Microsoft.Storage/*", 1)
    levels = {row.level: row for row in rows(sketch, who, "level")}
    assert levels["read"].action == "Microsoft.Web/sites/read"
    assert levels["write"].service == "microsoft.storage"


def test_rights_through_a_group_name_the_grant_of_the_group() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    group = sketch.group("owners", who)
    given = sketch.assign(group, OWNER)
    (row,) = rows(sketch, who, "administrator")
    assert row.via == given
    assert rows(sketch, group, "administrator")


def test_an_application_has_the_rows_of_its_principal() -> None:
    sketch = Sketch()
    application, principal = sketch.application("ci")
    sketch.assign(principal, OWNER)
    mine, its = rows(sketch, application), rows(sketch, principal)
    assert mine
    assert [row._replace(key="", principal="") for row in mine] == [row._replace(key="", principal="") for row in its]
    assert {row.key for row in mine}.isdisjoint(row.key for row in its)


def test_conditions_are_told_with_what_they_ask_for() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, OWNER, SUB, "@Environment[isPrivateLink] BoolEquals true")
    (row,) = rows(sketch, who, "administrator")
    assert (row.conditional, row.confidence, row.reason) == (1, "conditional", "condition")
    assert json.loads(row.conditions or "") == ["environment[isprivatelink]"]


# --- not read ---


def test_a_definition_that_was_not_read_is_unknown_with_what_the_list_says() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.built_in(OWNER, read=False)
    policy = f"{TENANT}/role_definition/{OWNER}"
    given = sketch.assign(who, policy)
    (row,) = rows(sketch, who)
    assert (row.capability, row.level, row.action, row.statement) == ("unknown", "administrator", "Owner", OWNER)
    assert (row.confidence, row.reason, row.via) == ("possible", "document-unread", given)


def test_of_a_role_that_nobody_knows_nothing_is_said() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, sketch.role("gone", text=None))
    (row,) = rows(sketch, who)
    assert (row.capability, row.level, row.action, row.reason) == ("unknown", "unknown", "unknown", "document-unread")


def test_what_can_be_read_of_a_broken_definition_counts() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, sketch.role("half", text=json.dumps({"permissions": [{"actions": ["*", 7]}, "no block"]})))
    assert {row.capability for row in rows(sketch, who)} >= {"unknown", "administrator"}
    (row,) = rows(sketch, who, "administrator")
    assert (row.confidence, row.reason) == ("conditional", "document-unreadable")


@pytest.mark.parametrize(
    ("scope", "need", "service"),
    [
        (SUBSCRIPTION, "access_grant:role_assignment", "*"),
        (TENANT, "access_grant:directory_role", "microsoft.directory"),
        (TENANT, "access_grant:app_role", "microsoft.directory"),
    ],
)
def test_assignments_that_were_not_read_are_unknown_for_everybody(scope: str, need: str, service: str) -> None:
    sketch = Sketch()
    who = [sketch.principal("ci"), sketch.user("ann")]
    sketch.records.gap(scope, need)
    for one in who:
        (row,) = rows(sketch, one)
        assert (row.capability, row.service, row.reason, row.resource) == ("unknown", service, "grants-unread", scope)


def test_denials_that_were_not_read_leave_nothing_proven() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, OWNER)
    sketch.directory_role(who, GLOBAL, "microsoft.directory/allEntities/allProperties/allTasks")
    sketch.records.gap(SUBSCRIPTION, "access_grant:deny_assignment")
    found = {row.service: row for row in rows(sketch, who, "administrator")}
    assert (found["*"].confidence, found["*"].reason) == ("conditional", "deny-policy-unread")
    assert found["microsoft.directory"].confidence == "proven"


def test_what_is_denied_is_named() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    given = sketch.assign(who, OWNER)
    deny = sketch.deny(SUB, "*")
    (row,) = rows(sketch, who)
    assert (row.capability, row.effect, row.via) == ("administrator", "denied", given)
    assert json.loads(row.limited_by or "") == [f"deny_assignment|{deny}|"]


# --- over the directory ---


def test_a_role_of_the_directory_is_told_by_what_it_comes_to() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    apps = sketch.directory_role(who, APPS, "microsoft.directory/applications/credentials/update", name="Renamed")
    sketch.directory_role(who, LOCKS, "microsoft.directory/conditionalAccessPolicies/create", name="Lockers")
    found = {row.capability: row for row in rows(sketch, who) if row.capability != "level"}
    assert set(found) == {"credential_creation", "lockout"}
    row = found["credential_creation"]
    assert (row.service, row.action, row.statement, row.via) == ("microsoft.directory", "Renamed", APPS, apps)
    assert (row.level, row.everywhere, row.resource) == ("permissions_management", 1, "directory:/")
    assert found["lockout"].level == "write"


def test_permissions_that_lead_straight_to_the_tenant_have_its_level() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.permission(who, "RoleManagement.ReadWrite.Directory", GIVES_ROLES)
    (row,) = rows(sketch, who, "permissions_management")
    assert (row.service, row.level, row.confidence) == ("microsoft.graph", "administrator", "proven")
    assert (row.action, row.statement) == ("RoleManagement.ReadWrite.Directory", GIVES_ROLES)


def test_permissions_are_known_by_id_whatever_they_are_called() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.permission(who, "Harmless.Read", GIVES_ROLES)
    sketch.permission(who, "RoleManagement.ReadWrite.Directory", "70000000-0000-0000-0000-000000000001")
    assert len(rows(sketch, who, "permissions_management")) == 1


def test_permissions_that_need_another_are_possible() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.permission(who, "RoleManagementPolicy.ReadWrite.Directory", "31e08e0a-d3f7-4ca2-ac39-7343fb83e8ad")
    (row,) = rows(sketch, who, "guardrail_removal")
    assert row.confidence == "possible"


def test_permissions_for_data_are_no_control() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.permission(who, "Mail.ReadWrite", "e2a3a72e-5f79-4c64-b1b1-878b674786c9")
    (row,) = rows(sketch, who, "secret_read")
    assert (row.service, row.action, row.level) == ("microsoft.graph", "Mail.ReadWrite", "write")


def test_consent_for_all_users_hangs_on_a_user() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.permission(who, "RoleManagement.ReadWrite.Directory", "x", "delegated_permission")
    (row,) = rows(sketch, who, "permissions_management")
    assert (row.reason, row.confidence, row.conditional) == ("delegated", "conditional", 1)
    assert not [row for row in derived(sketch) if isinstance(row, EscalationPath)]


def test_eligible_is_told_from_active() -> None:
    sketch = Sketch()
    who = sketch.user("ann")
    sketch.assign(who, OWNER, kind="eligible_assignment")
    (row,) = rows(sketch, who, "administrator")
    assert (row.reason, row.confidence) == ("eligible", "conditional")


# --- trust ---


def credential(**changes: Any) -> dict[str, Any]:
    whole = {
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": "repo:shop/web:ref:refs/heads/main",
        "audiences": ["api://AzureADTokenExchange"],
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def flexible(expression: str, **changes: Any) -> dict[str, Any]:
    return credential(subject=None, claimsMatchingExpression={"value": expression, "languageVersion": 1}, **changes)


@pytest.mark.parametrize(
    ("restrictions", "width"),
    [
        (credential(), None),
        (credential(subject="repo:shop/web:environment:production"), None),
        (credential(subject="repo:shop/web:pull_request"), "wide-subject"),
        (credential(subject="repo:shop/*"), None),  # a plain subject has no wildcards
        (credential(audiences=[]), "no-audience"),
        (flexible("claims['sub'] matches 'repo:shop/*:ref:refs/heads/*'"), "wide-subject"),
        (flexible("claims['sub'] matches 'repo:*'"), "any-subject"),
        (flexible("claims['sub'] matches '*'"), "any-subject"),
        (flexible("claims['sub'] eq 'repo:shop/web:ref:refs/heads/main'"), None),
        (flexible("claims['repository_owner'] eq 'shop'"), "no-subject"),
        (
            flexible(
                "claims['sub'] matches 'repo:shop/web:*' and claims['job_workflow_ref'] eq 'shop/w/.github/x.yml@main'"
            ),
            "wide-subject",
        ),
        (flexible("claims['sub'] matches 'project_path:*'", issuer="https://gitlab.com"), "any-subject"),
    ],
)
def test_federated_credentials_that_let_in_too_much(restrictions: dict[str, Any], width: str | None) -> None:
    sketch = Sketch()
    application, _ = sketch.application("ci")
    sketch.federated(application, "github", restrictions)
    (row,) = trusts(sketch, application)
    assert (row.principal_kind, row.principal, row.external) == ("federated", restrictions["issuer"], 1)
    assert (row.width, row.statement, row.confidence) == (width, "github", "proven")
    assert row.audience == int(bool(restrictions.get("audiences")))


@pytest.mark.parametrize(
    ("restrictions", "reason"),
    [
        (None, "document-unread"),
        ("no object", "document-unreadable"),
        (credential(subject=None), "document-unreadable"),
        (flexible("claims['sub'] resembles 'x'"), "document-unreadable"),
    ],
)
def test_federated_credentials_that_nobody_can_read_are_unknown(restrictions: Any, reason: str) -> None:
    sketch = Sketch()
    application, _ = sketch.application("ci")
    sketch.federated(application, "github", restrictions)
    (row,) = trusts(sketch, application)
    assert (row.principal_kind, row.confidence, row.reason) == ("unknown", "possible", reason)


def test_a_credential_of_a_user_assigned_identity_is_about_the_managed_identity() -> None:
    sketch = Sketch()
    place = f"{GROUP}/providers/microsoft.managedidentity/userassignedidentities/it"
    identity = sketch.user_identity(place)
    sketch.federated(f"{SUBSCRIPTION}/resource/{place}", "aks", credential(issuer="https://oidc.example.com/1"))
    (row,) = trusts(sketch, identity)
    assert (row.principal_kind, row.width) == ("federated", None)


def test_the_own_tenant_is_not_outside() -> None:
    sketch = Sketch()
    application, _ = sketch.application("ci")
    sketch.federated(application, "mi", credential(issuer=f"https://login.microsoftonline.com/{TENANT_ID}/v2.0"))
    (row,) = trusts(sketch, application)
    assert (row.external, row.principal_scope) == (0, TENANT)


def test_vendors_and_registrations_for_everybody() -> None:
    sketch = Sketch()
    vendor = sketch.vendor("parcel")
    ours, principal = sketch.application("portal", audience="AzureADMultipleOrgs")
    microsoft = sketch.identity("service_principal", "Office", publisher=VENDOR, provider_managed=1)
    (row,) = trusts(sketch, vendor)
    assert (row.principal_kind, row.principal, row.principal_scope) == ("tenant", VENDOR, f"azure/tenant/{VENDOR}")
    (row,) = trusts(sketch, ours)
    assert (row.principal_kind, row.principal, row.external) == ("any_tenant", "AzureADMultipleOrgs", 1)
    assert trusts(sketch, principal) == trusts(sketch, microsoft) == []


def test_owners_can_change_what_they_own() -> None:
    sketch = Sketch()
    application, _ = sketch.application("ci")
    ann, gus = sketch.user("ann"), sketch.user("gus", path="Guest")
    program = sketch.principal("deployer")
    for owner in (ann, gus, program):
        sketch.owns(owner, application)
    found = {row.principal: row for row in trusts(sketch, application)}
    assert (found[ann].principal_kind, found[ann].external, found[ann].confidence) == ("owner", 0, "proven")
    assert found[gus].external == 1
    assert (found[program].confidence, found[program].reason) == ("possible", "resource-unread")


# --- all rows ---


def test_rows_speak_the_vocabulary_and_have_keys_of_their_own() -> None:
    sketch = Sketch()
    application, who = sketch.application("ci", audience="AzureADMultipleOrgs")
    ann = sketch.user("ann")
    sketch.group("team", who, ann)
    for place in (SUB, GROUP, ROOT_GROUP):
        for role in (OWNER, CONTRIBUTOR, READER):
            sketch.assign(who, role, place)
    for template in (GLOBAL, LOCKS, APPS):
        sketch.directory_role(ann, template)
    sketch.permission(who, "RoleManagement.ReadWrite.Directory", GIVES_ROLES)
    sketch.permission(who, "Strange", "70000000-0000-0000-0000-000000000001")
    sketch.owns(ann, application)
    sketch.federated(application, "github", credential())
    sketch.assign(ann, sketch.role("gone", text=None))
    found = derived(sketch)
    assert len({(type(row), row.key) for row in found}) == len(found)
    for row in found:
        if isinstance(row, EffectiveAccess):
            assert row.capability in ACCESS_CAPABILITIES
            assert row.level in ACCESS_LEVELS
            assert row.effect in ACCESS_EFFECTS
        if isinstance(row, Trust):
            assert row.principal_kind in TRUST_PRINCIPAL_KINDS
            assert row.width is None or row.width in TRUST_WIDTHS
        if isinstance(row, EffectiveAccess | EscalationPath | Privilege | Trust):
            assert row.confidence in CONFIDENCES
            assert set((row.reason or "condition").split(",")) <= set(ACCESS_REASONS)
    assert found == derived(sketch)


def test_classic_administrators_own_their_subscription() -> None:
    sketch = Sketch()
    ann = sketch.user("ann")
    sketch._alias(ann, "email", "ann@example.com")
    sketch.assign("ann@example.com", "CoAdministrator", SUB, kind="classic_administrator")
    (row,) = rows(sketch, ann, "administrator")
    assert (row.resource, row.confidence) == (SUB, "proven")


def test_an_owner_who_may_give_lesser_roles_only_is_no_administrator() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    only = (
        "!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}) OR "
        f"@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {{{READER}}}"
    )
    sketch.assign(who, OWNER, SUB, only)
    found = {row.capability: row for row in rows(sketch, who)}
    assert "administrator" not in found
    assert (found["exclusion"].action, found["exclusion"].confidence) == (
        "not:Microsoft.Authorization/roleAssignments/write",
        "proven",
    )
    level = next(row for row in derived(sketch) if isinstance(row, Privilege) and row.key == who)
    assert level.granted == "permissions_management"
    assert str(level.path).endswith("|azure-policy-remediation")  # what else the role gives may still be a way
    assert level.confidence == "possible"


def test_what_nobody_has_rated_is_unsettled() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.permission(who, "AgentIdentity.Create.All", "70000000-0000-0000-0000-000000000001")
    custom = "80000000-0000-0000-0000-000000000001"
    sketch.directory_role(who, custom, "microsoft.directory/users/standard/read", name="Novelty")
    sketch.records.add(Setting(f"{TENANT}|privileged_role.{custom}", TENANT, f"privileged_role.{custom}", 1))
    found = {row.action: row for row in rows(sketch, who, "permissions_management")}
    assert set(found) == {"AgentIdentity.Create.All", "Novelty"}
    assert {(row.level, row.confidence, row.reason) for row in found.values()} == {
        ("unknown", "possible", "unknown-action")
    }


def test_what_can_only_give_more_takes_no_certainty_away() -> None:
    sketch = Sketch()
    who, other = sketch.principal("ci"), sketch.principal("other")
    sketch.assign(who, OWNER)
    sketch.assign(other, READER)
    sketch.assign(who, sketch.role("gone", text=None))
    for scope, need in ((SUBSCRIPTION, "access_grant:role_assignment"), (TENANT, "relation:member_of")):
        sketch.records.gap(scope, need)
    (row,) = rows(sketch, who, "administrator")
    assert (row.confidence, row.reason) == ("proven", None)
    assert {row.reason for row in rows(sketch, who, "unknown")} == {"document-unread", "grants-unread"}
    levels = {row.key: row for row in derived(sketch) if isinstance(row, Privilege)}
    assert (levels[who].level, levels[who].confidence, levels[who].reason) == ("administrator", "proven", None)
    assert (levels[other].level, levels[other].reason) == ("read", "grants-unread,membership-unread")

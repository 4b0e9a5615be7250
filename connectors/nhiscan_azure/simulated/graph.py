"""Microsoft Graph: its methods, with the permissions that each needs and what it answers."""

import re
from collections.abc import Callable
from typing import Any

from nhiscan_azure.simulated import policies, reports
from nhiscan_azure.simulated.answers import Refusal, no_governance, no_object
from nhiscan_azure.simulated.calling import EXPANDED, READS, Call, Method, is_kind, kind_of
from nhiscan_azure.simulated.ids import is_guid, stamp

Json = dict[str, Any]
_LIST = ("$select", "$filter", "$top", "$count", "$orderby")
_ID = r"(?P<id>[^/()]+)"
_CAST = r"(?:/(?:microsoft\.)?graph\.(?P<cast>user|group|servicePrincipal|application))?"
MOST_IDS = 1_000
PREMIUM = ("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "eec0eb4f-6444-4f95-aba0-50c24d67f998")
"""Service plans of Entra ID P1 and P2."""
_APPLICATIONS = READS["application"]
_GROUPS = READS["group"]
_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")
_ROLES = ("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory")
_POLICY = ("Policy.Read.All",)


# --- the directory ---


def _organization(call: Call) -> Json:
    directory = call.directory
    declared = directory.world.directory
    domain = {"capabilities": "Email", "isDefault": True, "isInitial": True, "name": declared.domain, "type": "Managed"}
    item = {
        "id": directory.tenant,
        "deletedDateTime": None,
        "assignedPlans": [
            {
                "assignedDateTime": stamp(declared.created_at),
                "capabilityStatus": "Enabled",
                "service": "AADPremiumService",
                "servicePlanId": plan,
            }
            for plan in PREMIUM[: declared.premium]
        ],
        "businessPhones": [],
        "city": None,
        "country": None,
        "countryLetterCode": "DE",
        "createdDateTime": stamp(declared.created_at),
        "displayName": declared.title,
        "marketingNotificationEmails": [],
        "onPremisesSyncEnabled": None,
        "preferredLanguage": "en",
        "provisionedPlans": [],
        "technicalNotificationMails": [f"security@{declared.domain}"],
        "tenantType": "AAD",
        "verifiedDomains": [domain],
    }
    return call.many([item], "organization")


def _applications(call: Call) -> Json:
    kinds = ("application", "agentIdentityBlueprint")
    return call.many(call.directory.of_type(*kinds), "application", expands={"owners": _owned(call)})


def _blueprints(call: Call) -> Json:
    return call.many(call.directory.of_type("agentIdentityBlueprint"), "agentIdentityBlueprint")


def _principals(call: Call) -> Json:
    kinds = ("servicePrincipal", "agentIdentity", "agentIdentityBlueprintPrincipal")
    return call.many(call.directory.of_type(*kinds), "servicePrincipal", expands={"owners": _owned(call)})


def _agents(call: Call) -> Json:
    return call.many(call.directory.of_type("agentIdentity"), "agentIdentity")


def _blueprint_principals(call: Call) -> Json:
    return call.many(call.directory.of_type("agentIdentityBlueprintPrincipal"), "agentIdentityBlueprintPrincipal")


def _users(call: Call) -> Json:
    return call.many(call.directory.of_type("user"), "user")


def _groups(call: Call) -> Json:
    return call.many(call.directory.of_type("group"), "group", expands={"owners": _owned(call)})


def _owned(call: Call) -> Callable[[Json], list[Json]]:
    """The relation ``owners`` as ``$expand`` shows it: not more than twenty."""

    def owners(item: Json) -> list[Json]:
        objects = call.directory.objects
        ids = [one for one in call.directory.owners.get(item["id"], ()) if one in objects]
        shown = [call.readable(objects[one]) for one in ids[:EXPANDED]]
        return [{name: value for name, value in one.items() if name != "signInActivity"} for one in shown]

    return owners


def _one(entity: str) -> Callable[[Call], Json]:
    def answer(call: Call) -> Json:
        return call.one(call.object(entity), entity)

    return answer


def _by_app_id(kind: str) -> Callable[[Call], Json]:
    def answer(call: Call) -> Json:
        wanted = call.match["app"].lower()
        for item in call.directory.of_type(kind):
            if item["appId"] == wanted:
                return call.one(item, kind)
        raise no_object(wanted)

    return answer


def _owners(kind: str) -> Callable[[Call], Json]:
    def answer(call: Call) -> Json:
        return call.objects(call.directory.owners.get(call.object(kind)["id"], ()))

    return answer


def _members(call: Call) -> Json:
    return call.objects(call.directory.members.get(call.object("group")["id"], ()))


def _transitive_members(call: Call) -> Json:
    return call.objects(call.directory.transitive(call.object("group")["id"]))


def _member_of(call: Call) -> Json:
    """The groups that somebody is in, also through other groups."""
    object_id = call.object("servicePrincipal", "user", "group")["id"]
    directory = call.directory
    return call.objects(group for group in directory.members if object_id in directory.transitive(group))


def _federated(kind: str) -> Callable[[Call], Json]:
    def answer(call: Call) -> Json:
        found = call.directory.federated.get(call.object(kind)["id"], [])
        return call.many(found, "federatedIdentityCredential")

    return answer


def _assigned(kind: str, end: str) -> Callable[[Call], Json]:
    """App role assignments, from the side of who holds them (principalId) or of whose they are (resourceId)."""

    def answer(call: Call) -> Json:
        object_id = call.object(kind)["id"]
        found = [one for one in call.directory.app_roles if one[end] == object_id]
        return call.many(found, "appRoleAssignment")

    return answer


def _grants(call: Call) -> Json:
    return call.many(call.directory.grants, "oAuth2PermissionGrant")


def _by_ids(call: Call) -> Json:
    """Which of up to a thousand ids are somebody."""
    ids, kinds = call.body.get("ids"), call.body.get("types", ["directoryObject"])
    if not isinstance(ids, list) or not isinstance(kinds, list) or set(call.body) - {"ids", "types"}:
        raise Refusal(400, "Request_BadRequest", "Invalid value specified for property 'ids' of the request.")
    if len(ids) > MOST_IDS:
        raise Refusal(400, "Request_BadRequest", f"The number of ids exceeds the maximum of {MOST_IDS}.")
    for one in ids:
        if not isinstance(one, str) or not is_guid(one):
            raise Refusal(400, "Request_BadRequest", f"Invalid GUID:{one}")
    found = [call.directory.objects[one.lower()] for one in ids if one.lower() in call.directory.objects]
    if "directoryObject" not in kinds:
        found = [one for one in found if any(is_kind(kind_of(one), str(kind)) for kind in kinds)]
    return call.many([call.readable(one) for one in found], "directoryObject", default=MOST_IDS, most=MOST_IDS)


# --- directory roles ---


def _role_definitions(call: Call) -> Json:
    return call.many(call.directory.role_definitions(), "unifiedRoleDefinition")


def _privileged(call: Call) -> Json:
    """Beta: the same roles, and which of them Microsoft calls privileged. None of its own making is."""
    found = [
        {**one, "isPrivileged": one["isBuiltIn"] and "Administrator" in one["displayName"]}
        for one in call.directory.role_definitions()
    ]
    return call.many(found, "betaRoleDefinition")


def _role_assignments(call: Call) -> Json:
    found = [
        {
            "id": key,
            "principalId": held["principalId"],
            "principalOrganizationId": call.directory.tenant,
            "roleDefinitionId": held["roleDefinitionId"],
            "directoryScopeId": held["directoryScopeId"],
            "appScopeId": None,
            "condition": None,
        }
        for key, held in call.directory.role_holders(eligible=False)
    ]
    return call.many(found, "unifiedRoleAssignment", expands={"principal": _principal_of(call)})


def _principal_of(call: Call) -> Callable[[Json], Any]:
    def principal(item: Json) -> Json | None:
        found = call.directory.objects.get(item["principalId"])
        if found is None:
            return None
        return {name: value for name, value in call.readable(found).items() if name != "signInActivity"}

    return principal


def _schedules(*, eligible: bool) -> Callable[[Call], Json]:
    """Instances of Privileged Identity Management, which the tenant needs a licence for."""
    entity = "unifiedRoleEligibilityScheduleInstance" if eligible else "unifiedRoleAssignmentScheduleInstance"

    def answer(call: Call) -> Json:
        if call.directory.world.directory.premium < 2:
            raise no_governance()
        found = []
        for key, held in call.directory.role_holders(eligible=eligible):
            shown: Json = {
                "id": key,
                "principalId": held["principalId"],
                "roleDefinitionId": held["roleDefinitionId"],
                "directoryScopeId": held["directoryScopeId"],
                "appScopeId": None,
                "startDateTime": held["start"],
                "endDateTime": held["end"],
                "memberType": "Direct",
            }
            schedule = call.directory.ids.guid("directory schedule", key)
            if eligible:
                shown["roleEligibilityScheduleId"] = schedule
            else:
                shown["roleAssignmentScheduleId"] = schedule
                shown["roleAssignmentOriginId"] = key
                shown["assignmentType"] = "Activated" if held["activated"] else "Assigned"
            found.append(shown)
        return call.many(found, entity, expands={"principal": _principal_of(call)})

    return answer


def _method(
    verb: str,
    path: str,
    action: str,
    permissions: tuple[str, ...],
    entity: str,
    answer: Callable[[Call], Any],
    *,
    known: tuple[str, ...] = _LIST,
    style: str = "directory",
    many: bool = True,
    version: str = "v1.0",
) -> Method:
    return Method(version, verb, re.compile(path), f"graph.{action}", permissions, known, entity, answer, style, many)


_EXPAND = (*_LIST, "$expand")
_APP_GUID = r"\(appId='(?P<app>[^']+)'\)"
_PREMIUM = ("AuditLog.Read.All",)

METHODS: tuple[Method, ...] = (
    _method("GET", "organization", "organization", (*_DIRECTORY, "Organization.Read.All", "User.Read.All"),
            "organization", _organization),
    _method("GET", "applications", "applications.list", _APPLICATIONS, "application", _applications, known=_EXPAND),
    _method("GET", r"applications/(?:microsoft\.)?graph\.agentIdentityBlueprint", "agentIdentityBlueprints.list",
            ("AgentIdentityBlueprint.Read.All",), "agentIdentityBlueprint", _blueprints),
    _method("GET", f"applications{_APP_GUID}", "applications.get", _APPLICATIONS, "application",
            _by_app_id("application"), known=("$select",), many=False),
    _method("GET", f"applications/{_ID}", "applications.get", _APPLICATIONS, "application", _one("application"),
            known=("$select",), many=False),
    _method("GET", f"applications/{_ID}/owners{_CAST}", "applications.owners", _APPLICATIONS, "directoryObject",
            _owners("application")),
    _method("GET", f"applications/{_ID}/federatedIdentityCredentials", "applications.federatedIdentityCredentials",
            ("Application.Read.All", "Application.ReadWrite.All"), "federatedIdentityCredential",
            _federated("application")),
    _method("GET", "servicePrincipals", "servicePrincipals.list", _APPLICATIONS, "servicePrincipal", _principals,
            known=_EXPAND),
    _method("GET", r"servicePrincipals/(?:microsoft\.)?graph\.agentIdentity", "agentIdentities.list",
            ("AgentIdentity.Read.All",), "agentIdentity", _agents),
    _method("GET", r"servicePrincipals/(?:microsoft\.)?graph\.agentIdentityBlueprintPrincipal",
            "agentIdentityBlueprintPrincipals.list", ("AgentIdentityBlueprintPrincipal.Read.All",),
            "agentIdentityBlueprintPrincipal", _blueprint_principals),
    _method("GET", f"servicePrincipals{_APP_GUID}", "servicePrincipals.get", _APPLICATIONS, "servicePrincipal",
            _by_app_id("servicePrincipal"), known=("$select",), many=False),
    _method("GET", f"servicePrincipals/{_ID}", "servicePrincipals.get", _APPLICATIONS, "servicePrincipal",
            _one("servicePrincipal"), known=("$select",), many=False),
    _method("GET", f"servicePrincipals/{_ID}/owners{_CAST}", "servicePrincipals.owners", _APPLICATIONS,
            "directoryObject", _owners("servicePrincipal")),
    _method("GET", f"servicePrincipals/{_ID}/federatedIdentityCredentials",
            "servicePrincipals.federatedIdentityCredentials", ("Application.Read.All", "Application.ReadWrite.All"),
            "federatedIdentityCredential", _federated("servicePrincipal")),
    _method("GET", f"servicePrincipals/{_ID}/appRoleAssignedTo", "servicePrincipals.appRoleAssignedTo", _APPLICATIONS,
            "appRoleAssignment", _assigned("servicePrincipal", "resourceId")),
    _method("GET", f"servicePrincipals/{_ID}/appRoleAssignments", "servicePrincipals.appRoleAssignments",
            _APPLICATIONS, "appRoleAssignment", _assigned("servicePrincipal", "principalId")),
    _method("GET", f"servicePrincipals/{_ID}/transitiveMemberOf{_CAST}", "servicePrincipals.transitiveMemberOf",
            _APPLICATIONS, "directoryObject", _member_of),
    _method("GET", "oauth2PermissionGrants", "oauth2PermissionGrants.list",
            (*_DIRECTORY, "DelegatedPermissionGrant.ReadWrite.All"), "oAuth2PermissionGrant", _grants),
    _method("GET", "users", "users.list", READS["user"], "user", _users),
    _method("GET", f"users/{_ID}", "users.get", READS["user"], "user", _one("user"), known=("$select",), many=False),
    _method("GET", "groups", "groups.list", _GROUPS, "group", _groups, known=_EXPAND),
    _method("GET", f"groups/{_ID}", "groups.get", _GROUPS, "group", _one("group"), known=("$select",), many=False),
    _method("GET", f"groups/{_ID}/members{_CAST}", "groups.members", _GROUPS, "directoryObject", _members),
    _method("GET", f"groups/{_ID}/transitiveMembers{_CAST}", "groups.transitiveMembers", _GROUPS, "directoryObject",
            _transitive_members),
    _method("GET", f"groups/{_ID}/owners{_CAST}", "groups.owners", _GROUPS, "directoryObject", _owners("group")),
    _method("GET", f"groups/{_ID}/appRoleAssignments", "groups.appRoleAssignments",
            (*_DIRECTORY, "AppRoleAssignment.ReadWrite.All"), "appRoleAssignment", _assigned("group", "principalId")),
    _method("POST", "directoryObjects/getByIds", "directoryObjects.getByIds", _DIRECTORY, "directoryObject", _by_ids,
            known=("$select",)),
    _method("GET", "roleManagement/directory/roleDefinitions", "roleManagement.roleDefinitions",
            (*_ROLES, "RoleManagement.Read.All", *_DIRECTORY), "unifiedRoleDefinition", _role_definitions),
    _method("GET", "roleManagement/directory/roleDefinitions", "beta.roleManagement.roleDefinitions",
            (*_ROLES, "RoleManagement.Read.All", *_DIRECTORY), "unifiedRoleDefinition", _privileged, version="beta"),
    _method("GET", "roleManagement/directory/roleAssignments", "roleManagement.roleAssignments",
            (*_ROLES, *_DIRECTORY), "unifiedRoleAssignment", _role_assignments, known=_EXPAND),
    _method("GET", "roleManagement/directory/roleEligibilityScheduleInstances",
            "roleManagement.roleEligibilityScheduleInstances",
            ("RoleEligibilitySchedule.Read.Directory", "RoleManagement.Read.All", *_ROLES),
            "unifiedRoleEligibilityScheduleInstance", _schedules(eligible=True), known=_EXPAND, style="governance"),
    _method("GET", "roleManagement/directory/roleAssignmentScheduleInstances",
            "roleManagement.roleAssignmentScheduleInstances",
            ("RoleAssignmentSchedule.Read.Directory", "RoleManagement.Read.All", *_ROLES),
            "unifiedRoleAssignmentScheduleInstance", _schedules(eligible=False), known=_EXPAND, style="governance"),
    _method("GET", "policies/defaultAppManagementPolicy", "policies.defaultAppManagementPolicy",
            (*_POLICY, "Policy.ReadWrite.ApplicationConfiguration"), "tenantAppManagementPolicy",
            policies.management_policy, known=("$select",), style="policies", many=False),
    _method("GET", "policies/authorizationPolicy", "policies.authorizationPolicy", _POLICY, "authorizationPolicy",
            policies.authorization_policy, known=("$select",), style="policies", many=False),
    _method("GET", "policies/adminConsentRequestPolicy", "policies.adminConsentRequestPolicy",
            (*_POLICY, *_DIRECTORY), "adminConsentRequestPolicy", policies.consent_requests, known=("$select",),
            style="policies", many=False),
    _method("GET", "reports/servicePrincipalSignInActivities", "reports.servicePrincipalSignInActivities", _PREMIUM,
            "servicePrincipalSignInActivity", reports.sign_ins, known=("$top", "$filter"), style="reports",
            version="beta"),
    _method("GET", "reports/appCredentialSignInActivities", "reports.appCredentialSignInActivities", _PREMIUM,
            "appCredentialSignInActivity", reports.credentials, known=("$top", "$filter"), style="reports",
            version="beta"),
)  # fmt: skip

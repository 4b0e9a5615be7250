"""The permission of Microsoft Graph behind each call: a refusal of Graph does not name the one that is missing."""

_APPLICATION, _DIRECTORY = "Application.Read.All", "Directory.Read.All"
_ROLES, _POLICY, _REPORTS = "RoleManagement.Read.Directory", "Policy.Read.All", "AuditLog.Read.All"

NEEDED = {
    "graph.agentIdentities": "AgentIdentity.Read.All",
    "graph.applications": _APPLICATION,
    "graph.applications.count": _APPLICATION,
    "graph.applications.federatedIdentityCredentials": _APPLICATION,
    "graph.authorizationPolicy": _POLICY,
    "graph.beta.roleDefinitions": _ROLES,
    "graph.defaultAppManagementPolicy": _POLICY,
    "graph.directoryObjects.getByIds": _DIRECTORY,
    "graph.groups.transitiveMembers": _DIRECTORY,
    "graph.oauth2PermissionGrants": _DIRECTORY,
    "graph.organization": _DIRECTORY,
    "graph.owners": _APPLICATION,
    "graph.reports.appCredentialSignInActivities": _REPORTS,
    "graph.reports.servicePrincipalSignInActivities": _REPORTS,
    "graph.roleAssignments": _ROLES,
    "graph.roleDefinitions": _ROLES,
    "graph.roleEligibilityScheduleInstances": _ROLES,
    "graph.servicePrincipals": _APPLICATION,
    "graph.servicePrincipals.appRoleAssignedTo": _APPLICATION,
    "graph.servicePrincipals.count": _APPLICATION,
    "graph.users": _DIRECTORY,
    "graph.users.count": _DIRECTORY,
    "graph.users.employeeLeaveDateTime": "User-LifeCycleInfo.Read.All",
    "graph.users.get": _DIRECTORY,
}
"""Operation of the transcript -> the least permission of an application for it."""

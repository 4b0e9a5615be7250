"""Policies of the tenant as Microsoft Graph shows them: on secrets of applications, on consent, on users."""

from nhiscan_azure.simulated.calling import Call, Json

NO_ID = "00000000-0000-0000-0000-000000000000"


def management_policy(call: Call) -> Json:
    policies = call.directory.world.directory.policies
    found: Json = {
        "id": NO_ID,
        "deletedDateTime": None,
        "displayName": "Default app management tenant policy",
        "description": "Default tenant policy that enforces app management restrictions on applications.",
        "isEnabled": policies.management_enabled,
    }
    for name, restrictions in (
        ("applicationRestrictions", policies.applications),
        ("servicePrincipalRestrictions", policies.principals),
    ):
        passwords, keys = call.directory.restrictions(restrictions)
        found[name] = {"passwordCredentials": passwords, "keyCredentials": keys}
    found["applicationRestrictions"]["identifierUris"] = None
    return call.one(found, "tenantAppManagementPolicy")


def authorization_policy(call: Call) -> Json:
    policies = call.directory.world.directory.policies
    found: Json = {
        "id": "authorizationPolicy",
        "deletedDateTime": None,
        "displayName": "Authorization Policy",
        "description": "Used to manage authorization related settings across the company.",
        "allowedToSignUpEmailBasedSubscriptions": True,
        "allowedToUseSSPR": True,
        "allowEmailVerifiedUsersToJoinOrganization": False,
        "allowInvitesFrom": policies.invites,
        "allowUserConsentForRiskyApps": policies.risky_consent,
        "blockMsolPowerShell": False,
        "guestUserRoleId": policies.guest_role,
        "defaultUserRolePermissions": {
            "allowedToCreateApps": policies.users_create_apps,
            "allowedToCreateSecurityGroups": True,
            "allowedToCreateTenants": True,
            "allowedToReadBitlockerKeysForOwnedDevice": True,
            "allowedToReadOtherUsers": True,
            "permissionGrantPoliciesAssigned": list(policies.consent),
        },
    }
    return call.one(found, "authorizationPolicy")


def consent_requests(call: Call) -> Json:
    policies = call.directory.world.directory.policies
    found: Json = {
        "isEnabled": policies.admin_consent_requests,
        "notifyReviewers": policies.admin_consent_requests,
        "remindersEnabled": policies.admin_consent_requests,
        "requestDurationInDays": 30 if policies.admin_consent_requests else 0,
        "reviewers": [],
        "version": 0,
    }
    return call.one(found, "adminConsentRequestPolicy")

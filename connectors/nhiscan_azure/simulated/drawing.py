"""Objects of Entra ID as Microsoft Graph shows them."""

from collections.abc import Callable, Iterable
from typing import Any

from nhiscan_azure.simulated.entra import (
    Application,
    Certificate,
    Federated,
    Group,
    Permission,
    Secret,
    ServicePrincipal,
    User,
)
from nhiscan_azure.simulated.ids import Ids, maybe, stamp

Json = dict[str, Any]
_FOREVER = "2299-12-31T00:00:00Z"


class Drawing:
    """Makes the objects of one tenant. ``plant(name)`` gives a secret that must never be seen again."""

    def __init__(self, ids: Ids, plant: Callable[[str], str], tenant: str, domain: str) -> None:
        self._ids = ids
        self._plant = plant
        self._tenant = tenant
        self._domain = domain

    def user(self, user: User, object_id: str) -> Json:
        domain = self._domain
        address = user.address or f"{user.name}@{domain}"
        if user.guest:
            address = f"{address.replace('@', '_')}#EXT#@{domain}"
        activity = None
        if user.signed_in_at is not None:
            activity = {
                "lastSignInDateTime": stamp(user.signed_in_at),
                "lastSignInRequestId": self._ids.guid("sign-in", user.name),
                "lastNonInteractiveSignInDateTime": "0001-01-01T00:00:00Z",
                "lastNonInteractiveSignInRequestId": None,
                "lastSuccessfulSignInDateTime": stamp(user.signed_in_at),
                "lastSuccessfulSignInRequestId": self._ids.guid("sign-in", user.name),
            }
        return {
            "@odata.type": "#microsoft.graph.user",
            "id": object_id,
            "deletedDateTime": None,
            "accountEnabled": user.enabled,
            "businessPhones": [],
            "createdDateTime": stamp(user.created_at),
            "department": None,
            "displayName": user.title or user.name,
            "employeeHireDate": maybe(user.hired_at),
            "employeeId": None,
            "employeeLeaveDateTime": maybe(user.left_at),
            "givenName": None,
            "jobTitle": None,
            "mail": user.address or f"{user.name}@{domain}",
            "mobilePhone": None,
            "officeLocation": None,
            "onPremisesSyncEnabled": None,
            "preferredLanguage": None,
            "signInActivity": activity,
            "surname": None,
            "userPrincipalName": address,
            "userType": "Guest" if user.guest else "Member",
        }

    def group(self, group: Group, object_id: str) -> Json:
        return {
            "@odata.type": "#microsoft.graph.group",
            "id": object_id,
            "deletedDateTime": None,
            "createdDateTime": stamp(group.created_at),
            "description": None,
            "displayName": group.name,
            "groupTypes": [],
            "isAssignableToRole": group.role_assignable or None,
            "mail": None,
            "mailEnabled": False,
            "mailNickname": group.name.replace(" ", ""),
            "membershipRule": None,
            "onPremisesSyncEnabled": None,
            "securityEnabled": True,
            "visibility": None,
        }

    def application(self, application: Application, object_id: str, app_id: str, required: list[Json]) -> Json:
        """``required`` is requiredResourceAccess."""
        lock = None
        if application.locked is not None:
            lock = {
                "isEnabled": application.locked,
                "allProperties": application.locked,
                "credentialsWithUsageVerify": None,
                "credentialsWithUsageSign": None,
                "tokenEncryptionKeyId": None,
            }
        kind = "agentIdentityBlueprint" if application.blueprint else "application"
        return {
            "@odata.type": f"#microsoft.graph.{kind}",
            "id": object_id,
            "deletedDateTime": None,
            "appId": app_id,
            "appRoles": self.offers(application.name, application.offers, "Role"),
            "createdByAppId": application.created_by,
            "createdDateTime": stamp(application.created_at),
            "description": None,
            "disabledByMicrosoftStatus": None,
            "displayName": application.name,
            "identifierUris": [],
            "isDisabled": application.disabled,
            "isFallbackPublicClient": None,
            "keyCredentials": self.certificates(object_id, application.certificates),
            "notes": application.notes,
            "passwordCredentials": self.secrets(object_id, application.secrets),
            "publisherDomain": self._domain,
            "requiredResourceAccess": required,
            "serviceManagementReference": application.reference,
            "servicePrincipalLockConfiguration": lock,
            "signInAudience": application.audience,
            "tags": list(application.tags),
            "tokenEncryptionKeyId": None,
            "verifiedPublisher": _publisher(None, self._ids),
            "web": {"redirectUris": list(application.redirects), "homePageUrl": None, "logoutUrl": None},
        }

    def principal(
        self, declared: ServicePrincipal, name: str, object_id: str, app_id: str, offers: tuple[Permission, ...]
    ) -> Json:
        managed = declared.kind == "ManagedIdentity"
        return {
            "@odata.type": "#microsoft.graph.servicePrincipal",
            "id": object_id,
            "deletedDateTime": None,
            "accountEnabled": declared.enabled,
            "alternativeNames": list(declared.alternative_names),
            "appDescription": None,
            "appDisplayName": None if managed else name,
            "appId": app_id,
            "appOwnerOrganizationId": None if managed else declared.tenant or self._tenant,
            "appRoleAssignmentRequired": declared.assignment_required,
            "appRoles": self.offers(name, offers, "Role"),
            "createdByAppId": None,
            "disabledByMicrosoftStatus": declared.disabled_by_microsoft,
            "displayName": name,
            "homepage": None,
            "isDisabled": None,
            "keyCredentials": self.certificates(object_id, declared.certificates),
            "loginUrl": None,
            "notes": declared.notes,
            "oauth2PermissionScopes": self.offers(name, offers, "Scope"),
            "passwordCredentials": self.secrets(object_id, declared.secrets),
            "preferredSingleSignOnMode": declared.single_sign_on,
            "preferredTokenSigningKeyThumbprint": None,
            "replyUrls": [],
            "servicePrincipalNames": [app_id],
            "servicePrincipalType": declared.kind,
            "signInAudience": None if managed else "AzureADMyOrg" if declared.tenant is None else "AzureADMultipleOrgs",
            "tags": list(declared.tags),
            "tokenEncryptionKeyId": None,
            "verifiedPublisher": _publisher(declared.publisher, self._ids),
        }

    def permission_id(self, name: str, one: Permission) -> str:
        """Of what the application of a name offers."""
        return one.id or self._ids.guid("permission", name, one.kind, one.value)

    def offers(self, name: str, offers: Iterable[Permission], kind: str) -> list[Json]:
        """AppRoles (``kind`` "Role") or oauth2PermissionScopes ("Scope")."""
        found: list[Json] = []
        for one in offers:
            if one.kind != kind:
                continue
            role = self.permission_id(name, one)
            title = one.title or one.value
            if kind == "Role":
                found.append(
                    {
                        "allowedMemberTypes": ["Application"],
                        "description": title,
                        "displayName": title,
                        "id": role,
                        "isEnabled": one.enabled,
                        "origin": "Application",
                        "value": one.value,
                    }
                )
            else:
                found.append(
                    {
                        "adminConsentDescription": title,
                        "adminConsentDisplayName": title,
                        "id": role,
                        "isEnabled": one.enabled,
                        "type": "User",
                        "userConsentDescription": None,
                        "userConsentDisplayName": None,
                        "value": one.value,
                    }
                )
        return found

    def secret_id(self, object_id: str, number: int, secret: Secret) -> str:
        return secret.id or self._ids.guid("secret", object_id, str(number))

    def certificate_id(self, object_id: str, number: int, certificate: Certificate) -> str:
        return certificate.id or self._ids.guid("certificate", object_id, str(number))

    def secrets(self, object_id: str, secrets: Iterable[Secret]) -> list[Json]:
        """``secretText`` is null in the real lists; here it is planted."""
        return [
            {
                "customKeyIdentifier": None,
                "displayName": one.name,
                "endDateTime": _FOREVER if one.end is None else stamp(one.end),
                "hint": one.hint or self._ids.token("hint", object_id, str(number))[:3],
                "keyId": self.secret_id(object_id, number, one),
                "secretText": self._plant(f"secret {object_id} {number}"),
                "startDateTime": stamp(one.start),
            }
            for number, one in enumerate(secrets)
        ]

    def certificates(self, object_id: str, certificates: Iterable[Certificate]) -> list[Json]:
        """``key`` comes only when one object is asked for it; here it is planted in every answer."""
        return [
            {
                "customKeyIdentifier": self._ids.binary("thumbprint", object_id, one.name or str(number)),
                "displayName": one.name,
                "endDateTime": _FOREVER if one.end is None else stamp(one.end),
                "key": self._plant(f"certificate {object_id} {number}"),
                "keyId": self.certificate_id(object_id, number, one),
                "startDateTime": stamp(one.start),
                "type": one.type,
                "usage": one.usage,
            }
            for number, one in enumerate(certificates)
        ]

    def federated(self, credentials: Iterable[Federated], object_id: str) -> list[Json]:
        return [
            {
                "id": self._ids.guid("federated", object_id, one.name),
                "name": one.name,
                "issuer": one.issuer,
                "subject": one.subject,
                "description": one.description,
                "audiences": list(one.audiences),
            }
            for one in credentials
        ]


def _publisher(name: str | None, ids: Ids) -> Json:
    if name is None:
        return {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None}
    number = str(int.from_bytes(ids.digest("publisher", name)[:3]))
    return {"displayName": name, "verifiedPublisherId": number, "addedDateTime": "2021-03-01T00:00:00Z"}

"""How the services refuse: errors in the shape of Microsoft Graph, of ARM and of the login service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

REASONS = {
    200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


@dataclass
class Refusal(Exception):
    """A call that is not answered with what it asked for."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    details: tuple[tuple[str, str], ...] = ()  # ARM: (code, message)
    inner: bool = False  # Graph: with an innerError, as its directory answers

    def body(self) -> Json:
        error: Json = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [{"code": code, "message": message} for code, message in self.details]
        return {"error": error}


def bad_request(message: str) -> Refusal:
    """Graph: a request that is not well formed."""
    return Refusal(400, "BadRequest", message)


def unsupported(message: str) -> Refusal:
    """Graph: a query that the directory cannot answer."""
    return Refusal(400, "Request_UnsupportedQuery", message)


def no_object(object_id: str) -> Refusal:
    """Graph: no such object."""
    return Refusal(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present.",
    )


def no_privilege() -> Refusal:
    """Graph: a permission is missing; which one is not told."""
    return Refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def no_scope(permissions: tuple[str, ...], style: str) -> Refusal:
    """Graph: services behind it that tell which permission is missing, each in its words."""
    if style == "governance":
        return Refusal(
            403,
            "PermissionScopeNotGranted",
            f"Authorization failed due to missing permission scope {','.join(permissions)}.",
        )
    if style == "reports":
        return Refusal(
            403,
            "Authentication_MSGraphPermissionMissing",
            "The principal does not have required Microsoft Graph permission(s): "
            f"{', '.join(permissions[:1])} to call this API. For more information about Microsoft Graph permissions, "
            "please visit https://learn.microsoft.com/graph/permissions-overview.",
        )
    if style == "policies":
        return Refusal(403, "AccessDenied", "You cannot perform the requested operation, required scopes are missing "
                       "in the token.")  # fmt: skip
    return no_privilege()


def no_premium() -> Refusal:
    """Graph: a report that needs Entra ID P1."""
    return Refusal(
        403,
        "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        "Neither tenant is B2C or tenant doesn't have premium license",
    )


def no_governance() -> Refusal:
    """Graph and ARM: Privileged Identity Management needs Entra ID P2."""
    return Refusal(
        400,
        "AadPremiumLicenseRequired",
        "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
    )


def bad_token(why: str) -> Refusal:
    return Refusal(401, "InvalidAuthenticationToken", why)


def no_authorization(client: str, object_id: str, action: str, scope: str) -> Refusal:
    """ARM: an action that no role of the caller has; whether the scope exists is not told."""
    return Refusal(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    )

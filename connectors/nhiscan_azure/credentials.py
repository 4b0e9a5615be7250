"""Who asks: the credentials of azure-identity, and what a token says about its holder."""

import base64
import binascii
import json
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.identity import DefaultAzureCredential

from nhiscan_azure.endpoints import Endpoints


class OfTenant:
    """Credentials that ask for tokens of one tenant, whichever is their own."""

    def __init__(self, inner: TokenCredential, tenant: str) -> None:
        self._inner = inner
        self._tenant = tenant

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        options["tenant_id"] = self._tenant
        return self._inner.get_token(*scopes, **options)

    def close(self) -> None:
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


def credential(where: Endpoints, tenant: str | None) -> TokenCredential:
    """Every usual way to sign in: environment, workload identity, managed identity, az, azd, PowerShell.

    The metadata of a login service that is none of Microsoft's is not asked for at Microsoft's.
    """
    options: dict[str, Any] = {"authority": where.login} if _named(where) else {}
    if where.private:
        options["disable_instance_discovery"] = True
    if tenant:
        options["additionally_allowed_tenants"] = [tenant]
    found = DefaultAzureCredential(**options)
    return OfTenant(found, tenant) if tenant else found


def _named(where: Endpoints) -> bool:
    """Whether the login service is another than the usual one, which AZURE_AUTHORITY_HOST may replace."""
    return where.login != "https://login.microsoftonline.com"


def claims(token: str) -> dict[str, Any]:
    """What an access token says, unchecked: it was just fetched. Empty where it is not a JSON Web Token."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}

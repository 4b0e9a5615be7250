"""The login service: where its token endpoint is, and tokens for one audience each.

A client shows its secret, an assertion signed with its certificate, or one signed by somebody whom a federated
credential of the application names. Dates in assertions are not checked: clients stamp them with real time, and the
simulated clock stands elsewhere.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from nhiscan_azure.simulated.ids import Ids

LIFETIME = 3_599  # seconds
GRANT = "client_credentials"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Json = dict[str, Any]
_PADDINGS: Mapping[str, padding.AsymmetricPadding] = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH),
}


@dataclass(frozen=True)
class Client:
    """An application that may sign in: by its secret, or by assertions of the issuer and subject given."""

    name: str
    app_id: str
    object_id: str  # of its service principal
    secret: str
    issuer: str
    subject: str
    key: rsa.RSAPublicKey


class Login:
    """``watch(name, token)`` is told of each token given out: none may ever be seen anywhere."""

    def __init__(self, tenant: str, client: Client, ids: Ids, watch: Callable[[str, str], None]) -> None:
        self._tenant = tenant
        self.client = client
        self._ids = ids
        self._watch = watch
        self._lock = threading.Lock()
        self._issued: dict[str, tuple[str, int]] = {}  # token -> (audience, expires at)
        self.granted: Callable[[], Iterable[str]] = tuple
        """The permissions of Microsoft Graph that a token for it names."""
        self.audiences: tuple[str, ...] = ()
        """The addresses of ARM and, last, Graph: nothing else gives out tokens."""

    def document(self, tenant: str, base: str) -> tuple[int, Json]:
        """The OpenID configuration of a tenant."""
        if not self._is_own(tenant):
            return 400, _error("invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.", 90002)
        return 200, {
            "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/{tenant}/v2.0",
            "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/devicecode",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat"],
        }

    def exchange(self, tenant: str, form: Mapping[str, str], now: int) -> tuple[int, Json]:
        """Status and body of the answer to a request for a token."""
        if not self._is_own(tenant):
            return 400, _error("invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.", 90002)
        if form.get("grant_type") != GRANT:
            return 400, _error("unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.",
                               70003)  # fmt: skip
        if form.get("client_id", "").lower() != self.client.app_id:
            return 400, _error(
                "unauthorized_client",
                f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found in the directory.",
                700016,
            )
        if refused := self._refused(form):
            return refused
        audience = form.get("scope", "").split(" ")[0].removesuffix("/.default").rstrip("/")
        if audience not in self.audiences or not form.get("scope", "").split(" ")[0].endswith("/.default"):
            return 400, _error("invalid_resource", "AADSTS500011: The resource principal was not found.", 500011)
        with self._lock:
            token = self._token(audience, now)
            self._issued[token] = (audience, now + LIFETIME)
            self._watch(f"token {len(self._issued)}", token)
        return 200, {
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": token,
        }

    def _token(self, audience: str, now: int) -> str:
        """What looks like a token of Microsoft's: its claims tell who holds it. Nobody can check its signature."""
        claims: Json = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant}/",
            "iat": now,
            "exp": now + LIFETIME,
            "app_displayname": self.client.name,
            "appid": self.client.app_id,
            "appidacr": "1",
            "idtyp": "app",
            "oid": self.client.object_id,
            "sub": self.client.object_id,
            "tid": self._tenant,
            "ver": "1.0",
        }
        if audience == self.audiences[-1]:
            claims["roles"] = sorted(self.granted())
        parts = ({"typ": "JWT", "alg": "RS256"}, claims)
        signed = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
        return f"{signed}.{self._ids.token('access', audience, str(len(self._issued)))}"

    def why_not(self, authorization: str, audience: str, now: int) -> str | None:
        """Why an ``Authorization`` header does not open ``audience``; None: it does."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            return "Access token is empty."
        meant, expires_at = self._issued.get(token, ("", 0))
        if not meant:
            return "Access token validation failure. Invalid token."
        if meant != audience:
            return "Access token validation failure. Invalid audience."
        return None if now < expires_at else "Lifetime validation failed, the token is expired."

    def _is_own(self, tenant: str) -> bool:
        return tenant.lower() == self._tenant

    def _refused(self, form: Mapping[str, str]) -> tuple[int, Json] | None:
        if form.get("client_assertion_type") == ASSERTION:
            if self._signed(form.get("client_assertion", "")):
                return None
            return 401, _error(
                "invalid_client",
                "AADSTS700213: No matching federated identity record found for presented assertion subject.",
                700213,
            )
        if form.get("client_secret") == self.client.secret:
            return None
        return 401, _error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 7000215)

    def _signed(self, assertion: str) -> bool:
        try:
            signed, _, signature = assertion.rpartition(".")
            claims = json.loads(_unpadded(signed.partition(".")[2]))
            who = (claims["iss"], claims["sub"])
            named = who in ((self.client.issuer, self.client.subject), (self.client.app_id, self.client.app_id))
            header = json.loads(_unpadded(signed.partition(".")[0]))
            self.client.key.verify(_unpadded(signature), signed.encode(), _PADDINGS[header["alg"]], hashes.SHA256())
        except (ValueError, KeyError, TypeError, InvalidSignature):
            return False
        return named


def _error(error: str, description: str, code: int) -> Json:
    return {"error": error, "error_description": description, "error_codes": [code]}


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

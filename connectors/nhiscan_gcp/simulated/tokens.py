"""The token endpoint: an assertion signed with the key of a service account, against a bearer token."""

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from nhiscan_gcp.simulated.ids import Ids

LIFETIME = 3_600  # seconds
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Json = dict[str, Any]


class Tokens:
    """Gives out tokens for the accounts it knows. ``issued`` are all of them: none may ever be seen anywhere."""

    def __init__(self, ids: Ids, keys: dict[str, rsa.RSAPublicKey], watch: Callable[[str, str], None]) -> None:
        """``watch(name, token)`` is told of each token given out."""
        self._ids = ids
        self._keys = keys  # e-mail -> public key
        self._watch = watch
        self._lock = threading.Lock()
        self.issued: dict[str, tuple[str, int]] = {}  # token -> (e-mail, expires at)

    def exchange(self, form: dict[str, str], now: int) -> tuple[int, Json, dict[str, str]]:
        """Status, body and headers of the answer to a request for a token.

        The signature is checked; the dates are not: clients stamp them with real time, and the simulated clock stands
        elsewhere.
        """
        email = self._signed_by(form.get("assertion", "")) if form.get("grant_type") == GRANT else None
        if email is None:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, {}
        with self._lock:
            token = "ya29-" + self._ids.hex(60, "token", email, str(len(self.issued)))
            self.issued[token] = (email, now + LIFETIME)
            self._watch(f"token {len(self.issued)}", token)
        return 200, {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"}, {}

    def caller(self, authorization: str, now: int) -> str | None:
        """Who sends an ``Authorization`` header; None for nobody.

        Besides tokens of ours an assertion that an account has signed for itself is taken, as Google's APIs do: client
        libraries send one over gRPC.
        """
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            return None
        if token.count(".") == 2:
            return self._signed_by(token)
        email, expires_at = self.issued.get(token, ("", 0))
        return email if email and now < expires_at else None

    def _signed_by(self, assertion: str) -> str | None:
        try:
            signed, _, signature = assertion.rpartition(".")
            claims = json.loads(_unpadded(signed.partition(".")[2]))
            email = str(claims["iss"])
            self._keys[email].verify(_unpadded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, KeyError, InvalidSignature):
            return None
        return email


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

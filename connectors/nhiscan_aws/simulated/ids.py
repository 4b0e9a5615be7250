"""Identifiers in AWS's form, made from the seed and from what they name: the same world gives the same ids."""

import base64
import hashlib

from nhiscan_aws.simulated.world import Key

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

USER, ROLE, GROUP, POLICY, PROFILE, KEY, SESSION = "AIDA", "AROA", "AGPA", "ANPA", "AIPA", "AKIA", "ASIA"
LENGTH = {USER: 21, ROLE: 21, GROUP: 21, POLICY: 21, PROFILE: 21, KEY: 20, SESSION: 20}


class Ids:
    """``ids.make(USER, account, name)`` and the like. Parts that are equal give ids that are equal."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def make(self, prefix: str, *parts: object) -> str:
        """An id of a kind. It starts as AWS's do: the prefix, then letters that stand for the account."""
        account = str(parts[0]) if parts else ""
        shard = self._letters("account", account)[:4]
        return (prefix + shard + self._letters(prefix, *parts))[: LENGTH[prefix]]

    def key(self, account: str, user: str, number: int, key: Key) -> str:
        """The id of a user's n-th declared key: as given, or made."""
        return key.id or self.make(KEY, account, "key", user, number, key.created_at)

    def secret(self, key_id: str) -> str:
        """The secret part of an access key: 40 characters."""
        digest = hashlib.sha512(f"{self._seed} secret {key_id}".encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)[:40]

    def token(self, *parts: object) -> str:
        """A session token."""
        digest = (
            hashlib.sha512(self._text("token", *parts)).digest() + hashlib.sha512(self._text("more", *parts)).digest()
        )
        return "FwoGZXIvYXdzE" + base64.b64encode(digest * 2).decode().rstrip("=")

    def request(self, *parts: object) -> str:
        """A request id in the form of a UUID."""
        digest = hashlib.sha256(self._text("request", *parts)).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"

    def order(self, *parts: object) -> str:
        """A text to sort by where an order has to look arbitrary and stay the same."""
        return hashlib.sha256(self._text("order", *parts)).hexdigest()

    def _letters(self, *parts: object) -> str:
        return base64.b32encode(hashlib.sha256(self._text(*parts)).digest()).decode()

    def _text(self, *parts: object) -> bytes:
        return "\x1f".join(str(part) for part in (self._seed, *parts)).encode()

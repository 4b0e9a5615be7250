"""Guids, times and tokens of the simulated tenant: all follow from the seed and from what they are for."""

import base64
import hashlib
import re
from datetime import UTC, datetime

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class Ids:
    """The same seed gives the same ids."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def digest(self, *parts: str) -> bytes:
        return hashlib.sha256("\0".join((str(self._seed), *parts)).encode()).digest()

    def guid(self, *parts: str) -> str:
        text = self.digest("guid", *parts).hex()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"

    def binary(self, *parts: str) -> str:
        """Twenty bytes in base64, such as the thumbprint of a certificate."""
        return base64.b64encode(self.digest("binary", *parts)[:20]).decode()

    def token(self, *parts: str) -> str:
        return base64.urlsafe_b64encode(self.digest("token", *parts)).decode().rstrip("=")


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None


def stamp(at: int) -> str:
    """A time as Microsoft Graph writes it, in whole seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe(at: int | None) -> str | None:
    """A time, or nothing."""
    return None if at is None else stamp(at)


def fine(at: int) -> str:
    """A time as ARM writes it, with seven digits behind the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")

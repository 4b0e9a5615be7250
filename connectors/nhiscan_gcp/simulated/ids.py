"""Numbers, ids and tokens of the simulated cloud: all follow from the seed and from what they are for."""

import hashlib
from datetime import UTC, datetime


class Ids:
    """The same seed gives the same ids."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def digest(self, *parts: str) -> bytes:
        return hashlib.sha256("\0".join((str(self._seed), *parts)).encode()).digest()

    def digits(self, length: int, *parts: str) -> str:
        """A number of ``length`` digits that does not begin with 0."""
        number = int.from_bytes(self.digest("digits", *parts)) % (9 * 10 ** (length - 1))
        return str(number + 10 ** (length - 1))

    def hex(self, length: int, *parts: str) -> str:
        return self.digest("hex", *parts).hex()[:length]

    def etag(self, *parts: str) -> str:
        """Base64 text, as Google's etags are."""
        import base64

        return base64.b64encode(self.digest("etag", *parts)[:6]).decode()

    def uuid(self, *parts: str) -> str:
        text = self.hex(32, "uuid", *parts)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def stamp(at: int) -> str:
    """A time as Google's JSON writes it, in whole seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(at: int) -> str:
    """A day as Policy Analyzer writes it: always seven in the morning."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT07:00:00Z")

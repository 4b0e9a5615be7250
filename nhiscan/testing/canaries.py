"""Strings planted as secrets that must never turn up: not in a database, a log, a transcript or a package."""

import contextlib
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path


class Canaries:
    """Makes planted secrets and looks for them. The same seed makes the same secrets."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._planted: dict[str, str] = {}

    def plant(self, name: str, length: int = 40) -> str:
        """A secret under a name, letters and digits only; asking again gives the same one."""
        if name not in self._planted:
            digest = hashlib.sha512(f"canary {self._seed} {name}".encode()).hexdigest()
            self._planted[name] = ("canary" + digest)[:length]
        return self._planted[name]

    def watch(self, name: str, secret: str) -> None:
        """Look for a secret that the simulated cloud made by itself. Texts under 16 characters raise ValueError."""
        if len(secret) < 16:
            raise ValueError("too short to be told from other text")
        self._planted[name] = secret

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._planted.values()))

    def in_bytes(self, data: bytes) -> list[str]:
        """Names of the planted secrets that stand in some bytes, compressed (gzip, zlib) or not."""
        texts = [data, *_unpacked(data)]
        return [name for name, secret in list(self._planted.items()) if any(secret.encode() in text for text in texts)]

    def in_files(self, places: Iterable[Path]) -> dict[Path, list[str]]:
        """File -> names of the planted secrets found in it, for files and for whole folders."""
        found = {}
        for place in places:
            for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if path.is_file() and (names := self.in_bytes(path.read_bytes())):
                    found[path] = names
        return found


def _unpacked(data: bytes) -> Iterator[bytes]:
    """What lies compressed inside some bytes, wherever it starts (a blob in a database page, say)."""
    for magic, window in ((b"\x1f\x8b\x08", 31), (b"\x78\x9c", 15), (b"\x78\xda", 15), (b"\x78\x01", 15)):
        start = data.find(magic)
        while start >= 0:
            unpacker = zlib.decompressobj(window)
            with contextlib.suppress(zlib.error):
                yield unpacker.decompress(data[start:])
            start = data.find(magic, start + 1)

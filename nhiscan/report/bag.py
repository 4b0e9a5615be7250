"""BagIt 1.0 with SHA-256 manifests: hashing while writing, the tag files, and reading them back.

A bag is a folder. What is delivered lies below ``data/``; ``manifest-sha256.txt`` lists it, ``tagmanifest-sha256.txt``
lists the files beside it, and ``tagmanifest-sha256.txt.sig`` signs that list. Both lists have the form that
``sha256sum`` prints and ``sha256sum -c`` reads: 64 lower-case hex digits, two blanks, the path from the bag's root.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

BAGIT = "bagit.txt"
INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = "tagmanifest-sha256.txt.sig"
VERIFY = "VERIFY.txt"
TAG_FILES = (VERIFY, INFO, BAGIT, MANIFEST)  # what the tag manifest lists, sorted by code point
DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
NAME = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)*")
"""Alphabet of payload names: with it neither ``sha256sum`` nor BagIt ever has to escape anything."""


class BadName(ValueError):
    """A file name outside the alphabet, or one that differs from another by case alone."""


class Entry(NamedTuple):
    """A file of the payload: SHA-256 in hex and size in bytes."""

    sha256: str
    size: int


_HELD = 500  # pieces of text that are encoded, hashed and written at once


class HashedFile:
    """A file being written: every byte goes to the disk and into the hash at once. Text is UTF-8, LF stays LF."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._held: list[str] = []
        self._size = 0

    def write(self, text: str) -> None:
        self._held.append(text)
        if len(self._held) == _HELD:
            self._flush()

    def _flush(self) -> None:
        data = "".join(self._held).encode()
        self._held.clear()
        self._hash.update(data)
        self._size += len(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    @property
    def entry(self) -> Entry:
        """Digest and size of what was written so far."""
        self._flush()
        return Entry(self._hash.hexdigest(), self._size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class Payload:
    """The files below ``data/`` of a bag that is being made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, Entry] = {}
        self._folded: set[str] = set()

    def open(self, name: str) -> "PayloadFile":
        """Start a payload file; ``name`` is its path from the bag's root, below ``data/``. Raises BadName."""
        if not NAME.fullmatch(name) or not name.startswith("data/"):
            raise BadName(f"{name!r}: payload names use letters, digits, '.', '_', '-' and '/' below data/ only")
        if name.lower() in self._folded:
            raise BadName(f"{name!r}: the name is taken, or differs from another by case alone")
        self._folded.add(name.lower())
        return PayloadFile(self, name)

    def put(self, name: str, text: str) -> None:
        with self.open(name) as file:
            file.write(text)


class PayloadFile(HashedFile):
    """A payload file that enters itself into the list when it is closed without an error."""

    def __init__(self, payload: Payload, name: str) -> None:
        super().__init__(payload.root / name)
        self._payload = payload
        self._name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._payload.files[self._name] = self.entry
        finally:
            super().__exit__(kind, error, trace)


def seal(payload: Payload, info: Mapping[str, str], verify_text: str) -> bytes:
    """Write the tag files of a bag whose payload is complete; gives the bytes of the tag manifest, to be signed."""
    files = payload.files
    labels = {**info, "Payload-Oxum": f"{sum(entry.size for entry in files.values())}.{len(files)}"}
    texts = {
        BAGIT: DECLARATION,
        INFO: "".join(f"{label}: {one_line(labels[label])}\n" for label in sorted(labels)),
        MANIFEST: "".join(f"{files[name].sha256}  {name}\n" for name in sorted(files)),
        VERIFY: verify_text,
    }
    for name, text in texts.items():
        (payload.root / name).write_bytes(text.encode())
    tags = "".join(f"{hashlib.sha256(texts[name].encode()).hexdigest()}  {name}\n" for name in TAG_FILES).encode()
    (payload.root / TAG_MANIFEST).write_bytes(tags)
    return tags


def one_line(value: str) -> str:
    """A value for bag-info.txt: a line break in it would add a label, so white space is folded to single blanks."""
    return " ".join(value.split())


def digest_of(path: Path) -> Entry:
    """Hash a file without reading it into memory. Raises OSError; does not follow a symbolic link."""
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return Entry(digest.hexdigest(), size)


_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def parse_manifest(text: str) -> tuple[dict[str, str], list[str]]:
    """Path -> SHA-256 of a manifest, and what is wrong with it ("line 3: ..."). Never raises."""
    entries: dict[str, str] = {}
    wrong: list[str] = []
    if text and not text.endswith("\n"):
        wrong.append("the last line is cut off")
    folded: set[str] = set()
    for number, line in enumerate(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"), 1):
        match = _LINE.fullmatch(line)
        if not match:
            wrong.append(f"line {number}: not '<sha256>  <path>'")
            continue
        name = match[2]
        if not NAME.fullmatch(name):
            wrong.append(f"line {number}: the path uses characters that a package never uses")
        elif name.lower() in folded:
            wrong.append(f"line {number}: the path is listed twice, or differs from another by case alone")
        else:
            folded.add(name.lower())
            entries[name] = match[1]
    return entries, wrong


def parse_info(text: str) -> dict[str, str]:
    """Labels of bag-info.txt. Lines of another form are left out: the tag manifest holds their bytes anyway."""
    pairs = (line.partition(": ") for line in text.splitlines())
    return {label: value for label, colon, value in pairs if colon}

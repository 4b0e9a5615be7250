"""The bag itself: which files there are, whether each is the one that was listed, and who signed the list."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from nhiscan.report import bag, sshsig
from nhiscan.report.keys import PRINCIPAL
from nhiscan.verify.outcome import Check

_MANIFEST_CAP = 64 << 20  # bytes
_TAG_CAP = 1 << 20
FILES, HASHES, SIGNATURE = "files", "hashes", "signature"
Bad = Callable[[str, str], None]


class Found(NamedTuple):
    """What lies in the folder: regular files with their size, everything else with its kind, empty folders."""

    files: dict[str, int]
    odd: dict[str, str]
    empty: list[str]


def walk(root: Path) -> Found:
    """Look at everything below ``root`` without following a link. Folders that cannot be listed are odd."""
    files: dict[str, int] = {}
    odd: dict[str, str] = {}
    empty: list[str] = []
    todo = [""]
    while todo:
        folder = todo.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError as error:
            odd[folder] = f"cannot be listed: {error.strerror}"
            continue
        if folder and not entries:
            empty.append(folder)
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            mode = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(mode.st_mode):
                todo.append(name)
            elif stat.S_ISREG(mode.st_mode):
                files[name] = mode.st_size
            else:
                odd[name] = "is a symbolic link" if stat.S_ISLNK(mode.st_mode) else "is no regular file"
    return Found(files, odd, sorted(empty))


def read_tag(root: Path, name: str, cap: int = _TAG_CAP) -> str | None:
    """The text of a file beside the payload, or None where it is missing, too large, or no UTF-8."""
    try:
        with os.fdopen(os.open(root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            data = file.read(cap + 1)
        return None if len(data) > cap else data.decode()
    except (OSError, UnicodeDecodeError):
        return None


def check_files(root: Path, found: Found) -> tuple[list[Check], dict[str, str]]:
    """Names, lists, hashes, Payload-Oxum. Gives the checks and what the payload manifest lists (path -> SHA-256)."""
    wrong: list[Check] = []

    def bad(name: str, message: str) -> None:
        wrong.append(Check(name, ok=False, message=message))

    for name, kind in sorted(found.odd.items()):
        bad(FILES, f"{name}: {kind}; a package holds regular files only")
    folded: dict[str, str] = {}
    for name in sorted(found.files):
        if not bag.NAME.fullmatch(name):
            bad(FILES, f"{name!r}: the name uses characters that a package never uses")
        other = folded.setdefault(name.lower(), name)
        if other != name:
            bad(FILES, f"{name}: differs from {other} by case alone")
    if "fetch.txt" in found.files:
        bad(FILES, "fetch.txt: a package holds its whole payload and never names a file to fetch")
    declaration = read_tag(root, bag.BAGIT)
    if declaration is not None and declaration != bag.DECLARATION:
        bad(FILES, f"{bag.BAGIT}: does not declare BagIt 1.0 in UTF-8")
    payload = _manifest(root, bag.MANIFEST, bad)
    tags = _manifest(root, bag.TAG_MANIFEST, bad)
    for name in [name for name in payload if not name.startswith("data/")]:
        bad(FILES, f"{bag.MANIFEST}: lists {name}, which is no part of the payload")
        del payload[name]
    if set(tags) != set(bag.TAG_FILES):
        for name in sorted(set(tags) ^ set(bag.TAG_FILES)):
            bad(FILES, f"{bag.TAG_MANIFEST}: {'must list' if name in bag.TAG_FILES else 'must not list'} {name}")
    listed = {**payload, **{name: digest for name, digest in tags.items() if name in bag.TAG_FILES}}
    present = {*found.files, *found.odd}
    for name in sorted({*listed, bag.TAG_MANIFEST, bag.SIGNATURE} - present):
        bad(FILES, f"{name}: is missing")
    for name in sorted(set(found.files) - {*listed, bag.TAG_MANIFEST, bag.SIGNATURE}):
        bad(FILES, f"{name}: was added; no list names it")
    ok_files = not wrong
    for name in sorted(set(listed) & set(found.files)):
        try:
            digest = bag.digest_of(root / name).sha256
        except OSError as error:
            bad(HASHES, f"{name}: cannot be read: {error.strerror}")
            continue
        if digest != listed[name]:
            bad(HASHES, f"{name}: was changed; its SHA-256 is not the one listed")
    _oxum(root, found, bad)
    checks = list(wrong)
    if ok_files:
        checks.append(Check(FILES, ok=True, message=f"{len(listed) + 2} files, all listed, none added, none missing"))
    if not any(check.name == HASHES for check in wrong):
        checks.append(Check(HASHES, ok=True, message=f"{len(listed)} files have the SHA-256 listed"))
    checks += [Check(FILES, ok=True, message=f"note: {name} is an empty folder") for name in found.empty]
    return checks, payload


def _manifest(root: Path, name: str, bad: Bad) -> dict[str, str]:
    text = read_tag(root, name, _MANIFEST_CAP)
    if text is None:
        bad(FILES, f"{name}: is missing, too large, or no UTF-8 text")
        return {}
    entries, wrong = bag.parse_manifest(text)
    for message in wrong:
        bad(FILES, f"{name}: {message}")
    return entries


def _oxum(root: Path, found: Found, bad: Bad) -> None:
    labels = bag.parse_info(read_tag(root, bag.INFO) or "")
    sizes = [size for name, size in found.files.items() if name.startswith("data/")]
    oxum = f"{sum(sizes)}.{len(sizes)}"
    if labels.get("Payload-Oxum") != oxum:
        bad(HASHES, f"{bag.INFO}: Payload-Oxum says {labels.get('Payload-Oxum', 'nothing')}, the payload is {oxum}")


class Signed(NamedTuple):
    """Who signed. ``principal`` is set where an allowed_signers file names the key."""

    fingerprint: str | None
    principal: str | None
    checks: list[Check]


def check_signature(root: Path, allowed: Path | None, now: int) -> Signed:
    """The signature over the tag manifest, and, where ``allowed`` is given, whether its key may sign evidence."""

    def bad(message: str, fingerprint: str | None = None) -> Signed:
        return Signed(fingerprint, None, [Check(SIGNATURE, ok=False, message=message)])

    text = read_tag(root, bag.SIGNATURE)
    if text is None:
        return bad(f"{bag.SIGNATURE}: there is no readable signature")
    message = read_tag(root, bag.TAG_MANIFEST, _MANIFEST_CAP)
    if message is None:
        return bad(f"{bag.TAG_MANIFEST}: is missing, too large, or no text, so nothing is signed")
    try:
        blob = sshsig.verify(text, message.encode())
    except sshsig.BadSignature as error:
        return bad(f"{bag.SIGNATURE}: {error}")
    fingerprint = sshsig.fingerprint(blob)
    if allowed is None:
        said = f"signed by {fingerprint}, signer not checked"
        return Signed(fingerprint, None, [Check(SIGNATURE, ok=True, message=said)])
    try:
        signers = sshsig.read_allowed_signers(allowed.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return bad(
            f"{allowed}: cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}", fingerprint
        )
    except sshsig.BadSigners as error:
        return bad(f"{allowed}: {error}", fingerprint)
    mine = [signer for signer in signers if signer.blob == blob]
    if not mine:
        return bad(f"signed by {fingerprint}, which {allowed} does not name", fingerprint)
    refusals = [signer.refuses(sshsig.NAMESPACE, now) for signer in mine]
    if None not in refusals:
        line = mine[0].line
        return bad(f"signed by {fingerprint}, but {allowed} line {line} does not allow it: {refusals[0]}", fingerprint)
    principal = mine[refusals.index(None)].principals or PRINCIPAL
    return Signed(fingerprint, principal, [Check(SIGNATURE, ok=True, message=f"signed by {principal} ({fingerprint})")])


def lines_of(root: Path, name: str, cap: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, without the line feed. Raises OSError, ValueError over the cap."""
    with os.fdopen(os.open(root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        number = 0
        while line := file.readline(cap + 1):
            number += 1
            if len(line) > cap:
                raise ValueError(f"line {number} is longer than {cap} bytes")
            yield number, line.removesuffix(b"\n")

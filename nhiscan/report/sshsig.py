"""SSH signatures (the SSHSIG format of OpenSSH) with Ed25519 keys: the bytes that ``ssh-keygen -Y sign`` would write.

An auditor checks them with ``ssh-keygen -Y verify`` and nothing of ours. `verify` here is the same check in Python, and
`AllowedSigners` reads the file that says whom to trust.
"""

import base64
import hashlib
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAMESPACE = "nhiscan-evidence"
_MAGIC = b"SSHSIG"
_VERSION = struct.pack(">I", 1)
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_ED25519 = b"ssh-ed25519"
_HASHES = {b"sha256": "sha256", b"sha512": "sha512"}


class BadSignature(ValueError):
    """The signature is not one, is of a kind that is not read here, or does not fit the message."""


class BadSigners(ValueError):
    """An allowed_signers file that cannot be read; the message names the line."""


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _strings(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data):
        if place + 4 > len(data):
            raise BadSignature("the signature is cut off")
        (length,) = struct.unpack_from(">I", data, place)
        if place + 4 + length > len(data):
            raise BadSignature("the signature is cut off")
        yield data[place + 4 : place + 4 + length]
        place += 4 + length


def _signed(digest: bytes, namespace: bytes, algorithm: bytes) -> bytes:
    return _MAGIC + _string(namespace) + _string(b"") + _string(algorithm) + _string(digest)


def public_blob(raw: bytes) -> bytes:
    """The public key as OpenSSH writes it (before base64), from the 32 raw bytes."""
    return _string(_ED25519) + _string(raw)


def fingerprint(blob: bytes) -> str:
    """``SHA256:...`` as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def sign(key: "Ed25519PrivateKey", message: bytes, namespace: str = NAMESPACE) -> str:
    """An armoured signature over ``message``: deterministic, and equal to what ``ssh-keygen -Y sign`` gives."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    name = namespace.encode()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    value = key.sign(_signed(hashlib.sha512(message).digest(), name, b"sha512"))
    parts = (public_blob(raw), name, b"", b"sha512", _string(_ED25519) + _string(value))
    text = base64.b64encode(_MAGIC + _VERSION + b"".join(map(_string, parts))).decode()
    return "\n".join([_BEGIN, *(text[place : place + 70] for place in range(0, len(text), 70)), _END, ""])


def verify(armoured: str, message: bytes, namespace: str = NAMESPACE) -> bytes:
    """The public key (OpenSSH form) that made a good signature over ``message``. Raises BadSignature.

    A good signature says that the holder of that key signed these bytes for this purpose; whether the key is one to
    trust is the business of `AllowedSigners`.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    lines = armoured.strip().splitlines()
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise BadSignature("this is not an SSH signature")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError as error:
        raise BadSignature("the signature is not valid base64") from error
    head = len(_MAGIC) + len(_VERSION)
    if blob[:head] != _MAGIC + _VERSION:
        raise BadSignature("the signature has an unknown version")
    parts = list(_strings(blob[head:]))
    if len(parts) != 5:
        raise BadSignature("the signature does not have its five parts")
    public, name, _reserved, algorithm, inner = parts
    if name != namespace.encode():
        raise BadSignature(f"the signature was made for another purpose (namespace {name.decode(errors='replace')!r})")
    if algorithm not in _HASHES:
        raise BadSignature("the signature uses an unknown hash")
    key_parts, value_parts = list(_strings(public)), list(_strings(inner))
    if len(key_parts) != 2 or len(value_parts) != 2 or key_parts[0] != _ED25519 or value_parts[0] != _ED25519:
        raise BadSignature("the key is not Ed25519: check this signature with ssh-keygen -Y verify")
    digest = hashlib.new(_HASHES[algorithm], message).digest()
    try:
        Ed25519PublicKey.from_public_bytes(key_parts[1]).verify(value_parts[1], _signed(digest, name, algorithm))
    except (InvalidSignature, ValueError) as error:
        raise BadSignature("the signature does not fit the signed file") from error
    return public


@dataclass(frozen=True)
class AllowedSigner:
    """One line of an allowed_signers file. Times are epoch seconds UTC; ``None`` = no limit."""

    line: int
    principals: str
    blob: bytes
    namespaces: tuple[str, ...] | None = None
    valid_after: int | None = None
    valid_before: int | None = None
    authority: bool = False

    def refuses(self, namespace: str, now: int) -> str | None:
        """Why this line does not cover a signature in ``namespace`` checked at ``now``; None when it does."""
        if self.authority:
            return "the line names a certificate authority, which is not supported here"
        if self.namespaces is not None and not any(fnmatchcase(namespace, pattern) for pattern in self.namespaces):
            return f"the key is allowed for other purposes only ({', '.join(self.namespaces)})"
        if self.valid_after is not None and now < self.valid_after:
            return "the key is not valid yet"
        if self.valid_before is not None and now >= self.valid_before:
            return "the key is no longer valid"
        return None


def read_allowed_signers(text: str) -> list[AllowedSigner]:
    """The lines of an allowed_signers file, as ssh-keygen(1) defines it. Raises BadSigners naming the line."""
    signers = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line and not line.startswith("#"):
            signers.append(_signer(number, _words(number, line)))
    return signers


def _words(number: int, line: str) -> list[str]:
    """Split at blanks that stand outside double quotes; the quotes stay."""
    words, word, quoted = [], "", False
    for character in line:
        if character == '"':
            quoted = not quoted
        if character in " \t" and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += character
    if quoted:
        raise BadSigners(f"line {number}: a double quote is not closed")
    return [*words, word] if word else words


def _signer(number: int, words: list[str]) -> AllowedSigner:
    def is_key_type(word: str) -> bool:
        return word.startswith(("ssh-", "ecdsa-", "sk-")) and "=" not in word

    options = words[1] if len(words) > 3 or (len(words) > 2 and not is_key_type(words[1])) else ""
    if options and is_key_type(options):
        options = ""
    rest = words[2:] if options else words[1:]
    if len(rest) < 2 or not is_key_type(rest[0]):
        raise BadSigners(f"line {number}: expected '<principals> [options] <key type> <base64 key>'")
    try:
        blob = base64.b64decode(rest[1], validate=True)
    except ValueError as error:
        raise BadSigners(f"line {number}: the key is not valid base64") from error
    settings = _options(number, options)
    spaces = settings.get("namespaces")
    return AllowedSigner(
        line=number,
        principals=words[0].strip('"'),
        blob=blob,
        namespaces=tuple(spaces.split(",")) if spaces is not None else None,
        valid_after=_time(number, settings.get("valid-after")),
        valid_before=_time(number, settings.get("valid-before")),
        authority="cert-authority" in settings,
    )


def _options(number: int, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    part, quoted = "", False
    for character in [*text, ","]:
        if character == '"':
            quoted = not quoted
        if character == "," and not quoted:
            if part:
                name, _, value = part.partition("=")
                if name.lower() not in {"namespaces", "valid-after", "valid-before", "cert-authority"}:
                    raise BadSigners(f"line {number}: unknown option {name!r}")
                found[name.lower()] = value.strip('"')
            part = ""
        else:
            part += character
    return found


def _time(number: int, text: str | None) -> int | None:
    """YYYYMMDD[HHMM[SS]], in the machine's zone unless it ends in Z: as OpenSSH reads it."""
    if text is None:
        return None
    digits, utc = (text[:-1], True) if text.endswith("Z") else (text, False)
    form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(digits))
    if form is None or not digits.isdigit():
        raise BadSigners(f"line {number}: {text!r} is not a time of the form YYYYMMDD or YYYYMMDDHHMMSS")
    try:
        # the zone is given below, by calendar arithmetic or by the machine's own rules
        parsed = time.strptime(digits, form)
    except ValueError as error:
        raise BadSigners(f"line {number}: {text!r} is not a date") from error
    if utc:
        import calendar

        return calendar.timegm(parsed)
    return int(time.mktime(parsed))

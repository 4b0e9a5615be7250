"""Values of answers as records hold them. Nothing here ever fails: answers are written by strangers."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

NEVER = 10_413_619_200  # 2299-12-30T00:00:00Z: "never", once offered by the portal, is the last day of that year
NONE_RECORDED = -62_135_596_800  # 0001-01-01T00:00:00Z: "none recorded"
_FRACTION = re.compile(r"\.\d+")
_OFFSET = re.compile(r"([+-])(\d):?(\d\d)$")  # the reports write -8:00


def moment(value: Any) -> int | None:
    """A time of an answer as epoch seconds; None for none, for "none recorded" and for what is no time."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(_OFFSET.sub(r"\g<1>0\2:\3", _FRACTION.sub("", value.strip())))
    except ValueError:
        return None
    at = int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    return None if at <= NONE_RECORDED + 86_400 else at


def odd(value: Any) -> bool:
    """A time that is there and cannot be read: not the same as none."""
    return bool(value) and moment(value) is None and not str(value).startswith("0001-01-01")


def text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def identifier(value: Any) -> str | None:
    """An id in lower case."""
    return value.lower() if isinstance(value, str) and value else None


def truth(value: Any) -> int | None:
    return int(value) if isinstance(value, bool) else None


def thumbprint(value: Any) -> str | None:
    """``customKeyIdentifier`` of a certificate: base64 of its thumbprint, or hex already. As upper-case hex."""
    if not isinstance(value, str) or not value:
        return None
    if re.fullmatch(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", value):
        return value.upper()
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw.hex().upper() if len(raw) in (20, 32) else None

"""The order and the digest of a transcript: the one definition for the runner, the inventory, packages and `verify`."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from nhiscan.model import Call


def in_order(calls: Iterable[Call]) -> list[Call]:
    """Sorted by service, operation, parameters, page, then everything else: never by arrival, which threads change."""
    return sorted(calls, key=_order)


def line(call: Call) -> str:
    """One call as canonical JSON: an array of its fields in the order of `Call`, no spaces, no line end."""
    return json.dumps(list(call), separators=(",", ":"))


def from_line(text: str) -> Call:
    """The call that `line` wrote."""
    return Call(*json.loads(text))


def digest(calls: Iterable[Call]) -> str:
    """SHA-256, hex, of the calls in order, each as its `line` with a line feed."""
    found = hashlib.sha256()
    for text in _lines(calls):
        found.update(text.encode() + b"\n")
    return found.hexdigest()


def _lines(calls: Iterable[Call]) -> Iterator[str]:
    return map(line, in_order(calls))


def _order(call: Call) -> tuple[Any, ...]:
    """A key that orders None before every value."""
    first = (call.service, call.operation, call.parameters, call.page)
    return first + tuple((field is not None, field if field is not None else 0) for field in call[4:])

"""Pages with opaque markers that hold on to a place in the order, not to a number: what changes between two pages
shows as it would on AWS, neither shifting the rest nor breaking the walk.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nhiscan_aws.simulated.state import AccountState
from nhiscan_aws.simulated.wire import Form, Refusal, invalid


@dataclass(frozen=True)
class Page:
    """What one answer shows. ``marker`` is None on the last page."""

    items: list[Any]
    marker: str | None


def pack(state: AccountState, walk: str, place: Sequence[Any], number: int) -> str:
    """A marker for the place after which the next page starts. ``walk`` names operation and filters."""
    text = json.dumps([_digest(state, walk), number, *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def unpack(state: AccountState, walk: str, marker: str | None) -> tuple[list[Any], int] | None:
    """The place and the number of the page that ended there. ValidationError for a marker of another walk."""
    if marker is None:
        return None
    try:
        digest, number, *place = json.loads(base64.urlsafe_b64decode(marker.encode()))
    except ValueError:
        raise Refusal("ValidationError", 400, "Invalid Marker.") from None
    if digest != _digest(state, walk):
        raise Refusal("ValidationError", 400, "Marker and Filter do not match.")
    return place, int(number)


def budget(state: AccountState, size: int, number: int) -> int:
    """How many items page ``number`` shows: all that was asked for, or half of it where short pages are on."""
    if state.short_pages and number % state.short_pages == 0:
        return max(1, size // 2)
    return size


def page(state: AccountState, walk: str, form: Form, items: Sequence[Any], key: Callable[[Any], str]) -> Page:
    """A page of one list, in the order of ``key``."""
    size = form.page_size()
    start = unpack(state, walk, form.get("Marker"))
    after, number = (start[0][0], start[1]) if start else ("", 0)
    rest = sorted((item for item in items if key(item) > after), key=key)
    shown = rest[: budget(state, size, number + 1)]
    marker = pack(state, walk, [key(shown[-1])], number + 1) if len(shown) < len(rest) else None
    return Page(shown, marker)


def by_name(thing: Any) -> str:
    """IAM names are unique without regard to case."""
    return str(thing.name).lower()


def filters(form: Form, allowed: Sequence[str]) -> tuple[str, ...]:
    """The members of ``Filter``; ValidationError for one that is not allowed, case included."""
    chosen = form.members("Filter")
    for value in chosen:
        if value not in allowed:
            raise invalid(
                f"Value '[{value}]' at 'filter' failed to satisfy constraint: Member must satisfy constraint: "
                f"[Member must satisfy enum value set: [{', '.join(allowed)}]]"
            )
    return chosen


def _digest(state: AccountState, walk: str) -> str:
    return hashlib.sha256(state.ids.order("marker", state.id, walk).encode()).hexdigest()[:16]

"""Times as people and other programs read them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_TIMES = frozenset({"known_since", "data_time", "start_date", "end_date"})


def iso(moment: int | None) -> str | None:
    """Epoch seconds as 2026-01-31T13:45:00Z; None stays None. A time outside the calendar is given as the number."""
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(moment)


def day(moment: int | None) -> str:
    """Epoch seconds as 2026-01-31 (UTC), empty for None."""
    return (iso(moment) or "")[:10]


def readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a view with its times as text; they are known by name: ``..._at``, `known_since`, `data_time`, dates."""
    return {
        name: iso(value) if isinstance(value, int) and (name.endswith("_at") or name in _TIMES) else value
        for name, value in row.items()
    }

"""Reads escalation paths: each hop with the statements that allow it, by name."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nhiscan.access.names import Names, Source, Who
from nhiscan.inventory import Sql
from nhiscan.model import CONFIDENCES, ESCALATION_GRADES, ESCALATION_OUTCOMES, EscalationPath

MOST_HOPS = 12
"""Hops of one path that are read; ``hops`` of the row stays what it is."""
MOST_ALLOWS = 50  # of one hop


class Allow(NamedTuple):
    """A permission that a hop needs, with the statement that gives it."""

    action: str
    resource: str
    source: Source
    statement: str  # Sid or number; "" where none is named
    conditions: tuple[str, ...]  # condition keys that it hangs on


class Hop(NamedTuple):
    """One step of a path. The target is None where the inventory cannot tell whom it reaches."""

    source: Who
    target: Who | None
    method: str
    category: str
    allows: tuple[Allow, ...]
    needs: str | None
    why: str | None

    @property
    def actions(self) -> list[str]:
        """What must be allowed, each once. What a trust policy allows is named only where nothing else is needed."""
        own = [allow.action for allow in self.allows if allow.source.kind != "trust"]
        return list(dict.fromkeys(own or [allow.action for allow in self.allows]))

    @property
    def conditions(self) -> tuple[str, ...]:
        return tuple(sorted({key for allow in self.allows for key in allow.conditions}))


class Path(NamedTuple):
    """A row of ``escalation_path`` with names. ``hops`` has at least one."""

    row: EscalationPath
    principal: Who
    target: Who | None
    hops: tuple[Hop, ...]
    weakest: Allow | None  # the permission whose removal breaks the path at the least cost

    @property
    def to_itself(self) -> bool:
        return self.row.target == self.row.principal


OWN_DOORS = ("trust", "owned_by", "federated_credential")
"""Kinds of `nhiscan.access.names.Source` that are no grant."""
WORST_FIRST = (
    f"CASE outcome {' '.join(f'WHEN {name!r} THEN {at}' for at, name in enumerate(ESCALATION_OUTCOMES))} ELSE 9 END,"
    f" CASE grade {' '.join(f'WHEN {name!r} THEN {at}' for at, name in enumerate(ESCALATION_GRADES))} ELSE 9 END,"
    f" CASE confidence {' '.join(f'WHEN {name!r} THEN {at}' for at, name in enumerate(CONFIDENCES))} ELSE 9 END,"
    " hops"
)
"""ORDER BY for the view ``escalation_path``: the worst first, of equal ones the shortest. Add the key."""


def paths(sql: Sql, names: Names, where: str, values: Mapping[str, Any], order: str = "key") -> Iterator[Path]:
    """The paths that a condition of SQL over the view ``escalation_path`` selects, streamed."""
    columns = ", ".join(EscalationPath._fields)
    for row in sql.rows(f"SELECT {columns} FROM escalation_path WHERE {where} ORDER BY {order}", values):
        yield path(EscalationPath._make(row), names)


def path(row: EscalationPath, names: Names) -> Path:
    """The path of one row. Steps that cannot be read leave one hop from the principal to the target."""
    principal = names.who(row.principal)
    target = names.who(row.target) if row.target else None
    hops = tuple(_hop(step, names) for step in _objects(row.steps)[:MOST_HOPS])
    if not hops:
        hops = (Hop(principal, target, row.method, row.category, (), row.needs, None),)
    return Path(row, principal, target, hops, _weakest(row, hops, names) if row.action else None)


def _weakest(row: EscalationPath, hops: Sequence[Hop], names: Names) -> Allow:
    """The permission whose removal breaks the path. One that no grant gives is a door of an identity (`OWN_DOORS`)."""
    if row.via:
        return Allow(row.action, "", names.source(row.via), row.statement or "", ())
    for allow in (allow for hop in hops for allow in hop.allows):
        if allow.source.kind in OWN_DOORS and allow.action.casefold() == row.action.casefold():
            return allow
    return Allow(row.action, "", Source("", "", "", None, None), row.statement or "", ())


def _hop(step: Mapping[str, Any], names: Names) -> Hop:
    target = step.get("to")
    allows = step.get("allows")
    return Hop(
        names.who(_text(step.get("from"))),
        names.who(target) if isinstance(target, str) and target else None,
        _text(step.get("method")),
        _text(step.get("category")),
        tuple(_allow(one, names) for one in _dicts(allows)[:MOST_ALLOWS]),
        _text(step.get("needs")) or None,
        _text(step.get("why")) or None,
    )


def _allow(one: Mapping[str, Any], names: Names) -> Allow:
    return Allow(
        _text(one.get("action")),
        _text(one.get("resource")),
        names.source(_text(one.get("grant"))),
        _text(one.get("statement")),
        tuple(_text(key) for key in _list(one.get("conditions"))),
    )


def strings(text: str | None) -> tuple[str, ...]:
    """The texts of a JSON list as analyzers write it (``conditions``, ``limited_by``); nothing where it is none."""
    return tuple(entry for entry in _list(_loaded(text)) if isinstance(entry, str))


def object_of(text: str | None) -> dict[str, Any]:
    """A JSON object as analyzers write it (``services``); empty where it is none."""
    found = _loaded(text)
    return found if isinstance(found, dict) else {}


def _objects(text: str | None) -> list[Mapping[str, Any]]:
    return _dicts(_loaded(text))


def _loaded(text: str | None) -> Any:
    """Analyzers write JSON; what is none, or too deep to be read, says nothing."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in _list(value) if isinstance(entry, dict)]


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""

"""Is what a source yields what it declared? A record that is not is a bug of the connector, and is never stored."""

from collections.abc import Collection
from types import UnionType
from typing import Any, get_args, get_type_hints

from nhiscan import model
from nhiscan.connector import Source
from nhiscan.model import Covered, DataTime, Record, Scope

DATA_TIME, COVERED = "data_time", "covered"
"""Pseudo tables under which a `DataTime` and a `Covered` pass; they are no rows of the inventory."""

KINDS = {
    "identity": frozenset(model.IDENTITY_KINDS),
    "alias": frozenset(model.ALIAS_KINDS),
    "credential": frozenset(model.CREDENTIAL_KINDS),
    "policy": frozenset(model.POLICY_KINDS),
    "access_grant": frozenset(model.GRANT_KINDS),
    "relation": frozenset(model.RELATION_KINDS),
    "scope": frozenset(model.SCOPE_KINDS),
}
STATES = {
    "scope": frozenset(model.SCOPE_STATES),
    "identity": frozenset(model.IDENTITY_STATES),
    "credential": frozenset(model.CREDENTIAL_STATES),
}
_PSEUDO: dict[type, str] = {DataTime: DATA_TIME, Covered: COVERED}
_UNDECLARED = frozenset({"document", "tie_out"})  # need no declaration: kept by digest, by scan


class BadRecord(Exception):
    """A source yielded what it must not: a wrong type, a foreign scope, an undeclared or unknown kind."""


def kind_of(table: str, record: Any) -> str | None:
    """The kind under which a need would name the record; of a setting the part of its name before the first dot."""
    if table == "setting":
        return str(record.name).partition(".")[0]
    kind: str | None = getattr(record, "kind", None)
    return kind


def declared(names: frozenset[str]) -> frozenset[str]:
    """``identity:user.tags`` and ``identity:user`` both as ``identity:user``."""
    return frozenset(name.partition(".")[0] for name in names)


class Checker:
    """Checks the records of one source that runs on one scope. Types are looked at once for each combination seen.

    ``reached`` are the keys of the scopes below that the source reads from here, ``below`` those of all named scopes
    below. Without ``own`` nothing that it shows may live in the scope itself.
    """

    def __init__(
        self,
        source: Source,
        scope: Scope,
        *,
        reached: Collection[str] = frozenset(),
        below: Collection[str] = frozenset(),
        own: bool = True,
    ) -> None:
        self._source = source.id
        self._spans = source.spans
        self._scope = scope.key
        self._names = declared(source.lists | source.adds)
        self._reached = reached
        self._below = below
        self._own = own
        self._shown: set[str] = set()  # keys of scopes that the source has yielded
        self._seen: set[tuple[type, ...]] = set()

    def table(self, record: Record) -> str:
        """The table a record belongs to. Raises BadRecord."""
        kind = type(record)
        types = (kind, *map(type, record)) if isinstance(record, tuple) else (kind,)
        if types not in self._seen:
            self._check_types(record)
            self._seen.add(types)
        if kind in _PSEUDO:
            if isinstance(record, Covered):
                self._check_covered(record)
            return _PSEUDO[kind]
        table = model.TABLE_OF[kind]
        self._check_scope(table, record)
        self._check_words(table, record)
        return table

    def home(self, table: str, record: Any) -> str:
        """Key of the scope to whose coverage a record counts. Of a scope that is the one above it."""
        if table == "scope":
            return str(record.parent) if record.parent in self._reached else self._scope
        return self._scope if table == "document" else str(record.scope)

    def _check_types(self, record: Record) -> None:
        kind = type(record)
        if kind not in _PSEUDO and (kind not in model.TABLE_OF or kind not in get_args(model.Record)):
            raise BadRecord(f"{self._source} yielded a {kind.__name__}, which is no record")
        for (name, hint), value in zip(get_type_hints(kind).items(), record, strict=True):
            allowed = get_args(hint) if isinstance(hint, UnionType) else (hint,)
            if type(value) not in allowed:
                words = " or ".join(sorted("nothing" if one is type(None) else one.__name__ for one in allowed))
                raise BadRecord(f"{self._source}: {kind.__name__}.{name} is {type(value).__name__}, not {words}")

    def _check_covered(self, record: Covered) -> None:
        if not self._spans:
            raise BadRecord(f"{self._source} names {record.scope} as covered, and does not declare to span")
        if record.scope != self._scope and record.scope not in self._below:
            raise BadRecord(f"{self._source} names {record.scope} as covered, which was not named below {self._scope}")

    def _check_scope(self, table: str, record: Any) -> None:
        if table == "document":
            return
        if table == "scope":
            if not any(
                key == self._scope or key in self._below or key in self._shown for key in (record.key, record.parent)
            ):
                raise BadRecord(f"{self._source} yielded the scope {record.key}, which is not below {self._scope}")
            self._shown.add(record.key)
        elif record.scope == self._scope:
            if not self._own and table != "tie_out":
                raise BadRecord(f"{self._source} yielded a record of {self._scope}, where no fallback of it runs")
        elif record.scope not in self._reached:
            raise BadRecord(f"{self._source} yielded a record of {record.scope} while it read {self._scope}")

    def _check_words(self, table: str, record: Any) -> None:
        kind = kind_of(table, record)
        if table not in _UNDECLARED and table not in self._names and f"{table}:{kind}" not in self._names:
            raise BadRecord(f"{self._source} yielded {table}:{kind}, which it does not declare")
        if table in KINDS and kind not in KINDS[table]:
            raise BadRecord(f"{self._source}: {kind!r} is no kind of {table}")
        if table == "credential" and record.origin is not None and record.origin not in model.CREDENTIAL_ORIGINS:
            raise BadRecord(f"{self._source}: {record.origin!r} is no origin of a credential")
        if table in STATES and record.state is not None and record.state not in STATES[table]:
            raise BadRecord(f"{self._source}: {record.state!r} is no state of {table}")
        if table == "person" and record.status is not None and record.status not in model.PERSON_STATUSES:
            raise BadRecord(f"{self._source}: {record.status!r} is no status of a person")

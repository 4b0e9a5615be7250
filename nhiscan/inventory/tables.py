"""Which records are kept as ranges, and what the store has to know about each. Worked out from `nhiscan.model`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from nhiscan import model
from nhiscan.inventory.views import Column, columns_of


class Ranged(NamedTuple):
    """One table of records whose rows hold from one scan to another.

    ``name``      name of the record ("credential"); the table is ``<name>_range``
    ``fields``    all fields of the record, in its order
    ``stored``    the fields in the ranged row: last use lives in a narrow table of its own
    ``home``      the column that names the scope whose listing shows the row: ``parent`` for scopes, else ``scope``
    ``last_use``  the record says when it was last used
    """

    name: str
    fields: tuple[Column, ...]
    stored: tuple[Column, ...]
    home: str
    last_use: bool

    @property
    def table(self) -> str:
        return f"{self.name}_range"

    def kind(self, alias: str, dialect: str) -> str:
        """SQL for the kind in which a row is listed: its ``kind``, the first part of a setting's name, or ''."""
        if self.name == "setting":
            if dialect == "sqlite":
                return f"substr({alias}.name, 1, instr({alias}.name || '.', '.') - 1)"
            return f"split_part({alias}.name, '.', 1)"
        return f"{alias}.kind" if any(column.name == "kind" for column in self.fields) else "''"

    def kinds(self, columns: Mapping[str, tuple[Any, ...]]) -> tuple[Any, ...]:
        """The same for rows given as columns by name: one value a row, or one for all."""
        if self.name == "setting":
            return tuple(str(name).partition(".")[0] for name in columns["name"])
        return columns.get("kind", ("",))


def _ranged(name: str, record: type) -> Ranged:
    fields = columns_of(record)
    last_use = all(any(column.name == fact for column in fields) for fact in model.LAST_USE)
    stored = tuple(column for column in fields if not last_use or column.name not in model.LAST_USE)
    return Ranged(name, fields, stored, "parent" if name == "scope" else "scope", last_use)


RANGED: Mapping[str, Ranged] = {
    name: _ranged(name, record) for name, record in model.TABLES.items() if name not in ("document", "tie_out")
}


class Listing(NamedTuple):
    """Whether a kind was listed exhaustively in a scope. ``kind`` '' stands for every kind of the table."""

    record: str
    scope: str
    kind: str
    complete: int


def listing(need: model.Need) -> Listing | None:
    """What a need says about the listing of a ranged table; None for a fact."""
    record, _, kind = need.need.partition(":")
    return Listing(record, need.scope, kind, need.complete) if need.lists and record in RANGED else None

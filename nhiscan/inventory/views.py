"""The tables that rules, analyzers and evidence packages see: the inventory as of one scan.

One definition serves four places: the views bound to a scan (`nhiscan.inventory.binding`), the empty inventory against
which rule files are compiled, the tiny inventories of their examples, and ``03-population/inventory/<table>.jsonl`` in
an evidence package. Whatever a rule may read is listed here, so whatever a rule may read a package can carry.

All columns are TEXT or 64-bit INTEGER. Columns added by the inventory to those of `nhiscan.model`:

``planned``        1: the row's scope is in the plan of the scan (rules judge only these; the rest may be joined to)
``confirmed``      1: the last scan that planned the row's scope saw it; 0: it is the last known state
``first_seen_at``  start of the scan that first saw the key (epoch seconds UTC)
``data_time``      as of when the source said what the last-use columns say
``predecessor``    key of the newest older credential of the same kind on the same identity, seen by any scan up to this
``successor``      the same, the oldest newer one
``nature``         "machine" | "person" | "unknown", with ``nature_reason`` and ``nature_confidence``
"""

from collections.abc import Mapping
from types import UnionType
from typing import NamedTuple, get_args, get_type_hints

from nhiscan import model


class Column(NamedTuple):
    """A column of a view: its name and whether it is "text" or "integer"."""

    name: str
    type: str


def columns_of(record: type) -> tuple[Column, ...]:
    """The fields of a record class as columns, in order."""

    def kind(hint: object) -> str:
        members = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        return "integer" if int in members else "text"

    return tuple(Column(name, kind(hint)) for name, hint in get_type_hints(record).items())


def _view(record: type, *extra: str, leave_out: tuple[str, ...] = ()) -> tuple[Column, ...]:
    own = tuple(column for column in columns_of(record) if column.name not in leave_out)
    return own + tuple(Column(*name.split()) if " " in name else Column(name, "integer") for name in extra)


_STATE = ("planned", "confirmed", "first_seen_at")

VIEWS: Mapping[str, tuple[Column, ...]] = {
    "scope": _view(model.Scope, "planned", "last_scan", "last_scan_at"),
    "identity": _view(
        model.Identity,
        *_STATE,
        "data_time",
        "nature text",
        "nature_reason text",
        "nature_confidence text",
        leave_out=("trailing_days",),
    ),
    "alias": _view(model.Alias, *_STATE),
    "credential": _view(
        model.Credential, *_STATE, "data_time", "predecessor text", "successor text", leave_out=("trailing_days",)
    ),
    "policy": _view(model.Policy, *_STATE),
    "access_grant": _view(model.Grant, *_STATE),
    "relation": _view(model.Relation, *_STATE),
    "setting": _view(model.Setting, *_STATE),
    "person": _view(model.Person, *_STATE),
    "access_use": _view(model.AccessUse, *_STATE, "data_time", leave_out=("trailing_days",)),
    "owner": _view(model.Owner, *_STATE),
    "effective_access": _view(model.EffectiveAccess, *_STATE),
    "escalation_path": _view(model.EscalationPath, *_STATE),
    "privilege": _view(model.Privilege, *_STATE),
    "trust": _view(model.Trust, *_STATE),
    "coverage": _view(model.Coverage, "planned"),  # the rows of the scan itself; planned is 1
    "need": _view(model.Need, "planned"),  # of the scan itself, by (scope, need)
    "tie_out": _view(model.TieOut, "planned"),  # of the scan itself
}

KEYS: Mapping[str, tuple[str, ...]] = {name: ("scope", "need") if name == "need" else ("key",) for name in VIEWS}


def ddl(name: str, *, temporary: bool) -> str:
    """CREATE TABLE for a view as a plain table, the same text on SQLite and PostgreSQL but for the collation."""
    columns = ", ".join(f"{column.name} {'BIGINT' if column.type == 'integer' else 'TEXT'}" for column in VIEWS[name])
    return f"CREATE {'TEMP ' if temporary else ''}TABLE {name} ({columns}, PRIMARY KEY ({', '.join(KEYS[name])}))"

"""The tables as SQLAlchemy knows them: the same on SQLite and PostgreSQL, text compared by code point.

Ranged tables are made from `nhiscan.model`, so there is one truth about what a record holds. A column that is added
there needs a migration; a test compares both.

``<record>_range``  one row holds from scan ``from_scan`` up to, not including, ``to_scan`` (null while it lives)
``last_use``        what moves by itself, one narrow row a change; ``source`` is the source that said so
``lineage``         every (identity, kind, created_at) of a credential that any scan saw; insert only
``need_range``      what was completely known of a scope; holds like a record until a scan of the scope says otherwise
``scan_seen``       rows that a scan saw of kinds it could not list completely: only these need to be written down
``scan_*``          what belongs to one scan alone
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

from nhiscan import model
from nhiscan.inventory.tables import RANGED
from nhiscan.inventory.views import columns_of

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every schema there has been, oldest first. The last one is this version's."""

HEAD = REVISIONS[-1]

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s",
    }
)

_TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text().with_variant(Text(collation="C"), "postgresql"),
    "integer": BigInteger(),
}


def _table(name: str, key: tuple[str, ...], columns: str, *more: Index, rowid: bool = False) -> Table:
    """``columns`` is "name, name int, name!, name > table.column": text unless it says int or blob; ! is not null."""
    made: list[Column[Any]] = []
    for each in columns.split(","):
        text, _, target = (part.strip() for part in each.partition(">"))
        required = text.endswith("!")
        column, _, kind = text.rstrip("!").partition(" ")
        type_: TypeEngine[Any] = LargeBinary() if kind == "blob" else _TYPES["integer" if kind == "int" else "text"]
        foreign = [ForeignKey(target)] if target else []
        made.append(Column(column, type_, *foreign, nullable=not required and column not in key, autoincrement=False))
    return Table(name, METADATA, *made, PrimaryKeyConstraint(*key), *more, sqlite_with_rowid=rowid)


def _spelled(columns: tuple[tuple[str, str], ...], required: tuple[str, ...] = ()) -> str:
    return ", ".join(
        f"{name}{' int' if kind == 'integer' else ''}{'!' if name in required else ''}" for name, kind in columns
    )


_table(
    "run",
    ("run",),
    "run, state!, reason, version!, connectors!, settings!, rules_sha256!, parameters!, host!, pid int!,"
    " started_at int!, ended_at int",
)
_table("run_scope", ("run", "scope"), "run > run.run, scope, sources!")
_table("scope_lock", ("scope",), "scope, run! > run.run")
_table(
    "scan",
    ("number",),
    "number int, run! > run.run, started_at int!, ended_at int!",
    Index("ix_scan_run", "run", unique=True),
)
_table("scan_fact", ("scan", "name"), "scan int > scan.number, name, json!")
_table("scan_scope", ("scope", "scan"), "scope, scan int", Index("ix_scan_scope_scan", "scan", "scope"))
for _ranged in RANGED.values():
    _table(
        _ranged.table,
        ("key", "from_scan"),
        _spelled(_ranged.stored, ("scope",)) + ", first_scan int!, from_scan int, to_scan int",
    )
_table(
    "last_use",
    ("subject", "from_scan"),
    "subject, from_scan int, to_scan int, used_at int, known_since int, trailing_days int, source!",
)
_table("lineage", ("identity", "kind", "created_at", "key"), "identity, kind, created_at int, key, first_scan int!")
_table("need_range", ("scope", "need", "from_scan"), _spelled(columns_of(model.Need)) + ", from_scan int, to_scan int")
_table("scan_seen", ("record", "key", "scan"), "record, key, scan int")
_table(
    "scan_coverage",
    ("scope", "source", "scan"),
    _spelled(columns_of(model.Coverage)) + ", scan int",
    Index("ix_scan_coverage_scan", "scan"),
)
_table("scan_tie_out", ("scan", "key"), "scan int, " + _spelled(columns_of(model.TieOut), ("scope",)))
_table("document", ("digest",), _spelled(columns_of(model.Document), ("kind", "text")), rowid=True)
_table("transcript", ("scan", "scope", "source"), "scan int, scope, source, calls blob!", rowid=True)

_table(
    "result_range",
    ("rule", "subject", "from_scan"),
    "rule, subject, scope!, status!, reason, confidence, severity, from_scan int, to_scan int",
)
_table(
    "rule_count",
    ("scan", "rule", "scope"),
    "scan int, rule, scope, population int!, passed int!, failed int!, skipped int!, unknown int!, sha256!",
)
_table("rule_run", ("scan", "rule"), "scan int, rule, sha256!, parameters!")
_table(
    "finding",
    ("rule", "subject"),
    "rule, subject, scope!, state!, severity!, opened_scan int!, opened_at int!, closed_scan int, closed_at int,"
    " fingerprint!",
)
Table(
    "finding_event",
    METADATA,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    *(
        Column(name, _TYPES[kind], nullable=name == "reason")
        for name, kind in (
            ("rule", "text"),
            ("subject", "text"),
            ("scope", "text"),
            ("scan", "integer"),
            ("at", "integer"),
            ("event", "text"),
            ("reason", "text"),
        )
    ),
    Index("ix_finding_event_subject", "rule", "subject"),
)

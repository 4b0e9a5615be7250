"""The subjects that one view offers for judgement, numbered in the order of their keys.

A number takes the place of the long key in the engine's work table: rows are small and arrive in order, and a subject
that a rule returns twice is the same number twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nhiscan.inventory import Sql
from nhiscan.inventory.views import VIEWS


@dataclass(frozen=True)
class Scoped:
    """The numbers of one planned scope: ``runs`` of them (first, last; both included), in the order of the keys.

    Keys begin with the key of their scope, so there are few runs as a rule; a view whose keys begin otherwise has more.
    ``own`` is the number of the scope itself, a run of one, which is no subject unless the view is ``scope``. None for
    a scope known by its coverage alone, because not even its name could be read.
    """

    scope: str
    own: int | None
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Population:
    """A temporary table (n, key, scope, confirmed) over one view, and the numbers of each planned scope."""

    view: str
    table: str
    scopes: tuple[Scoped, ...]
    unconfirmed: str | None  # temporary table (n) of what the scan could not confirm; None: there is none
    ordered: bool  # n is the rowid of the view, as far as rows of the view are concerned

    def numbered(self, subject: str) -> tuple[str, str]:
        """(table to join as p, number of p) that give the number of a subject; null for what is no key of the view.

        Where the view itself is in order, rows of scopes that are not planned have a number too, but none here.
        """
        source, number = (self.view, "p.rowid") if self.ordered else (self.table, "p.n")
        return f"{source} p ON p.key = {subject}", number

    def drop(self, sql: Sql) -> None:
        sql.run(f"DROP TABLE {self.table}")
        if self.unconfirmed:
            sql.run(f"DROP TABLE {self.unconfirmed}")


def population(sql: Sql, view: str, scopes: Sequence[str]) -> Population:
    """Number the planned rows of a view and one row for each planned scope itself (``scopes``, sorted)."""
    table = f"nhiscan_population_{view}"
    names = {column.name for column in VIEWS[view]}
    scope, confirmed = ("scope" if "scope" in names else "key"), ("confirmed" if "confirmed" in names else "1")
    planned = f"key, {scope} AS scope, {confirmed} AS confirmed FROM {view} WHERE planned = 1"
    sql.run(f"DROP TABLE IF EXISTS {table}")
    ordered = _in_order(sql, view)
    columns = f"n {'INTEGER' if sql.dialect == 'sqlite' else 'BIGINT'} PRIMARY KEY, key TEXT NOT NULL"
    sql.create(f"CREATE TEMP TABLE {table} ({columns}{'' if ordered else ' UNIQUE'}, scope TEXT, confirmed BIGINT)")
    if ordered:
        sql.run(f"INSERT INTO {table} (n, key, scope, confirmed) SELECT rowid, {planned} ORDER BY rowid")
    elif sql.dialect == "sqlite":
        # An INTEGER PRIMARY KEY counts up by itself, in the order in which the rows come.
        sql.run(f"INSERT INTO {table} (key, scope, confirmed) SELECT {planned} ORDER BY key")
    else:
        counted = "row_number() OVER (ORDER BY key), key, scope, confirmed"
        sql.run(f"INSERT INTO {table} SELECT {counted} FROM (SELECT {planned}) AS r")
        sql.run(f"ANALYZE {table}")
    judged = _scopes(sql, view, table, view if ordered else table, scopes)
    return Population(view, table, judged, _unconfirmed(sql, table), ordered)


def _in_order(sql: Sql, view: str) -> bool:
    """Is the view a table of SQLite's, whose rowids count 1, 2, 3 in the order of the keys?"""
    if sql.dialect != "sqlite":
        return False
    made = sql.one(
        "SELECT type, sql FROM sqlite_temp_master WHERE name = :view UNION ALL"
        " SELECT type, sql FROM sqlite_master WHERE name = :view",
        {"view": view},
    )
    if made is None or made[0] != "table" or "WITHOUT ROWID" in made[1].upper():
        return False
    if sql.one(f"SELECT count(*), coalesce(max(rowid), 0) FROM {view}") != sql.one(
        f"SELECT max(rowid), max(rowid) FROM {view}"
    ):
        return False
    return sql.one(f"SELECT 1 FROM {view} a CROSS JOIN {view} b WHERE b.rowid = a.rowid + 1 AND b.key <= a.key") is None


def _unconfirmed(sql: Sql, table: str) -> str | None:
    lost = f"{table}_unconfirmed"
    sql.run(f"DROP TABLE IF EXISTS {lost}")
    if sql.one(f"SELECT 1 FROM {table} WHERE confirmed = 0 LIMIT 1") is None:
        return None
    sql.create(f"CREATE TEMP TABLE {lost} (n BIGINT)")
    sql.run(f"INSERT INTO {lost} SELECT n FROM {table} WHERE confirmed = 0")
    return lost


def _scopes(sql: Sql, view: str, table: str, keyed: str, scopes: Sequence[str]) -> tuple[Scoped, ...]:
    """The runs of every scope, with a number behind all others for each scope itself. ``keyed`` is indexed by key."""
    runs: dict[str, list[tuple[int, int]]] = {scope: [] for scope in scopes}
    number = "rowid" if keyed == view else "n"
    last = _number(sql, f"SELECT max({number}) FROM {keyed}")
    row = sql.one(f"SELECT n, scope FROM {table} ORDER BY n LIMIT 1")
    while row is not None:
        start, scope = row
        row = sql.one(
            f"SELECT n, scope FROM {table} WHERE n > :n AND scope <> :scope ORDER BY n LIMIT 1",
            {"n": start, "scope": scope},
        )
        runs.setdefault(scope, []).append((start, row[0] - 1 if row else last))
    if view == "scope":
        return tuple(Scoped(scope, numbers[0][0], tuple(numbers)) for scope, numbers in runs.items())
    own = {scope: last + place for place, scope in enumerate(scopes, start=1)}
    for scope in scopes:
        found = f"SELECT {number} FROM {keyed} WHERE key > :scope ORDER BY key LIMIT 1"
        after = _number(sql, found, {"scope": scope}) or last + 1
        runs[scope] = _with(runs[scope], own[scope], after)
    sql.temp_insert(table, ("n", "key", "scope", "confirmed"), [(n, scope, scope, 1) for scope, n in own.items()])
    return tuple(Scoped(scope, own.get(scope), tuple(numbers)) for scope, numbers in sorted(runs.items()))


def _with(runs: list[tuple[int, int]], own: int, after: int) -> list[tuple[int, int]]:
    """The runs with that of the scope itself in its place: before the number ``after``."""
    before = [(first, min(last, after - 1)) for first, last in runs if first < after]
    behind = [(max(first, after), last) for first, last in runs if last >= after]
    return [*before, (own, own), *behind]


def _number(sql: Sql, statement: str, params: Mapping[str, str] | None = None) -> int:
    row = sql.one(statement, params or {})
    return int(row[0] or 0) if row else 0

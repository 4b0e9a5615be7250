"""The subjects that one view offers for judgement, numbered in the order of their keys.

A number takes the place of the long key in the engine's work table: rows are small and arrive in order, and a subject
that a rule returns twice is the same number twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nhiscan.inventory import Sql
from nhiscan.inventory.views import VIEWS


@dataclass(frozen=True)
class Scoped:
    """The numbers of one planned scope: ``runs`` of them (first, last; both included), in order.

    Keys begin with the key of their scope, so there is one run as a rule; a view whose keys begin otherwise has more.
    ``own`` is the number of the scope itself, which is no subject unless the view is ``scope``; None for a scope known
    by its coverage alone, because not even its name could be read.
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

    def drop(self, sql: Sql) -> None:
        sql.run(f"DROP TABLE {self.table}")
        if self.unconfirmed:
            sql.run(f"DROP TABLE {self.unconfirmed}")


def population(sql: Sql, view: str, scopes: Sequence[str]) -> Population:
    """Number the planned rows of a view and one row for each planned scope itself (``scopes``, sorted)."""
    table = f"nhiscan_population_{view}"
    names = {column.name for column in VIEWS[view]}
    scope, confirmed = ("scope" if "scope" in names else "key"), ("confirmed" if "confirmed" in names else "1")
    rows = f"SELECT key, {scope} AS scope, {confirmed} AS confirmed FROM {view} WHERE planned = 1"
    if view != "scope":
        rows += " UNION ALL SELECT key, key, 1 FROM scope WHERE planned = 1"
    sql.run(f"DROP TABLE IF EXISTS {table}")
    columns = "key TEXT NOT NULL UNIQUE, scope TEXT, confirmed BIGINT"
    if sql.dialect == "sqlite":
        # An INTEGER PRIMARY KEY counts up by itself, in the order in which the rows come.
        sql.create(f"CREATE TEMP TABLE {table} (n INTEGER PRIMARY KEY, {columns})")
        sql.run(f"INSERT INTO {table} (key, scope, confirmed) {rows} ORDER BY 1")
    else:
        sql.create(f"CREATE TEMP TABLE {table} (n BIGINT PRIMARY KEY, {columns})")
        sql.run(
            f"INSERT INTO {table} SELECT row_number() OVER (ORDER BY key), key, scope, confirmed FROM ({rows}) AS r"
        )
        sql.run(f"ANALYZE {table}")
    return Population(view, table, _scopes(sql, table, scopes), _unconfirmed(sql, table))


def _unconfirmed(sql: Sql, table: str) -> str | None:
    lost = f"{table}_unconfirmed"
    sql.run(f"DROP TABLE IF EXISTS {lost}")
    if sql.one(f"SELECT 1 FROM {table} WHERE confirmed = 0 LIMIT 1") is None:
        return None
    sql.create(f"CREATE TEMP TABLE {lost} (n BIGINT)")
    sql.run(f"INSERT INTO {lost} SELECT n FROM {table} WHERE confirmed = 0")
    return lost


def _scopes(sql: Sql, table: str, scopes: Sequence[str]) -> tuple[Scoped, ...]:
    starts: list[tuple[int, str]] = []
    row = sql.one(f"SELECT n, scope FROM {table} ORDER BY n LIMIT 1")
    while row is not None:
        starts.append((row[0], row[1]))
        row = sql.one(
            f"SELECT n, scope FROM {table} WHERE n > :n AND scope <> :scope ORDER BY n LIMIT 1",
            {"n": row[0], "scope": row[1]},
        )
    count = sql.one(f"SELECT count(*) FROM {table}")
    ends = [start - 1 for start, _ in starts[1:]] + [int(count[0]) if count else 0]
    runs: dict[str, list[tuple[int, int]]] = {scope: [] for scope in scopes}
    for (start, scope), end in zip(starts, ends, strict=True):
        runs.setdefault(scope, []).append((start, end))
    own: dict[str, int] = dict(
        sql.rows(f"SELECT p.key, p.n FROM scope s JOIN {table} p ON p.key = s.key WHERE s.planned = 1")
    )
    return tuple(Scoped(scope, own.get(scope), tuple(numbers)) for scope, numbers in sorted(runs.items()))

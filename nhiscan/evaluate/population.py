"""The subjects that one view offers for judgement, numbered in the order of (scope, key).

A number takes the place of the long key in the engine's work table: rows are small, arrive in order, come twice only
if a rule returns a subject twice, and each scope is one span of numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nhiscan.inventory import Sql
from nhiscan.inventory.views import VIEWS


@dataclass(frozen=True)
class Span:
    """The subjects of one planned scope: ``first`` to ``last`` (included). The row of the scope itself is ``own``."""

    scope: str
    first: int
    last: int
    own: int


@dataclass(frozen=True)
class Population:
    """A temporary table (n, key, confirmed) over one view, with the span of each planned scope."""

    view: str
    table: str
    spans: tuple[Span, ...]
    unconfirmed: str | None  # temporary table (n) of what the scan could not confirm; None: there is none

    @property
    def scope_of(self) -> str:
        """The column of the view that says in which scope a row lives."""
        return "key" if self.view == "scope" else "scope"

    def drop(self, sql: Sql) -> None:
        sql.run(f"DROP TABLE {self.table}")
        if self.unconfirmed:
            sql.run(f"DROP TABLE {self.unconfirmed}")


def population(sql: Sql, view: str, scopes: Sequence[str]) -> Population:
    """Number the planned rows of a view, and one row for each planned scope itself (``scopes``, sorted)."""
    table = f"nhiscan_population_{view}"
    names = {column.name for column in VIEWS[view]}
    confirmed = "confirmed" if "confirmed" in names else "1"
    if view == "scope":
        rows = "SELECT key, key AS scope, 1 AS confirmed FROM scope WHERE planned = 1"
    else:
        rows = (
            f"SELECT key, scope, {confirmed} AS confirmed FROM {view} WHERE planned = 1"
            " UNION ALL SELECT key, key, 1 FROM scope WHERE planned = 1"
        )
    sql.run(f"DROP TABLE IF EXISTS {table}")
    if sql.dialect == "sqlite":
        # An INTEGER PRIMARY KEY counts up by itself, in the order in which the rows come.
        sql.create(f"CREATE TEMP TABLE {table} (n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, confirmed INTEGER)")
        sql.run(f"INSERT INTO {table} (key, confirmed) SELECT key, confirmed FROM ({rows}) AS r ORDER BY scope, key")
    else:
        sql.create(f"CREATE TEMP TABLE {table} (n BIGINT PRIMARY KEY, key TEXT NOT NULL UNIQUE, confirmed BIGINT)")
        numbered = f"SELECT row_number() OVER (ORDER BY scope, key) AS n, key, confirmed FROM ({rows}) AS r"
        sql.run(f"INSERT INTO {table} (n, key, confirmed) {numbered}")
        sql.run(f"ANALYZE {table}")
    unconfirmed = f"{table}_unconfirmed"
    sql.run(f"DROP TABLE IF EXISTS {unconfirmed}")
    lost = sql.one(f"SELECT count(*) FROM {table} WHERE confirmed = 0")
    if lost and lost[0]:
        sql.create(f"CREATE TEMP TABLE {unconfirmed} (n BIGINT)")
        sql.run(f"INSERT INTO {unconfirmed} SELECT n FROM {table} WHERE confirmed = 0")
    return Population(view, table, _spans(sql, view, table, rows, scopes), unconfirmed if lost and lost[0] else None)


def _spans(sql: Sql, view: str, table: str, rows: str, scopes: Sequence[str]) -> tuple[Span, ...]:
    own: dict[str, int] = dict(
        sql.rows(f"SELECT p.key, p.n FROM {table} p JOIN scope s ON s.key = p.key WHERE s.planned = 1")
    )
    sizes: dict[str, int] = dict(sql.rows(f"SELECT scope, count(*) FROM ({rows}) AS r GROUP BY scope"))
    if strays := sizes.keys() - set(scopes):
        raise ValueError(f"{view} holds planned rows of {min(strays)}, which is not a planned scope")
    spans: list[Span] = []
    first = 1
    for scope in scopes:
        spans.append(Span(scope, first, first + sizes[scope] - 1, own[scope]))
        first += sizes[scope]
    return tuple(spans)

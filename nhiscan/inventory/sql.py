"""A thin handle on a database connection: the same SQL text and the same parameters on SQLite and PostgreSQL.

The other packages write SQL and speak to the database through `Sql` only. Nothing here imports SQLAlchemy, so that
compiling rule files against `empty_sql` stays quick.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from nhiscan.inventory.errors import SqlError
from nhiscan.inventory.views import VIEWS, ddl

Value = str | int | bytes | None
Row = tuple[Any, ...]
Parameters = Mapping[str, Value]
_NOTHING: Parameters = {}

_TOKENS = re.compile(
    r"""(?P<keep>'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | ::)"""
    r"""| :(?P<name>[A-Za-z_][A-Za-z0-9_]*) | (?P<mark>\?)""",
    re.VERBOSE | re.DOTALL,
)
_TYPE = re.compile(r"\bTEXT\b")
LIKE_AS_POSTGRESQL = "PRAGMA case_sensitive_like = on"  # SQLite's LIKE takes "A" and "a" for one otherwise
_FETCH = 2_000  # rows fetched from a PostgreSQL cursor in one round trip


def _named(sql: str, parameters: Parameters) -> str:
    """`:name` outside literals and comments as psycopg's ``%(name)s``: integers as 64 bit, null as NULL."""

    def change(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0].replace("%", "%%")
        if name not in parameters:
            raise SqlError(f"no value for the parameter :{name}")
        value = parameters[name]
        if value is None:
            return "NULL"
        type_ = "BIGINT" if isinstance(value, int) else "BYTEA" if isinstance(value, bytes) else "TEXT"
        return f"CAST(%({name})s AS {type_})"

    return _outside(sql, change)


def _outside(sql: str, change: Callable[[re.Match[str]], str]) -> str:
    """Apply ``change`` to every token and double each per cent sign between them."""
    parts, end = [], 0
    for match in _TOKENS.finditer(sql):
        parts += [sql[end : match.start()].replace("%", "%%"), change(match)]
        end = match.end()
    return "".join(parts) + sql[end:].replace("%", "%%")


def _positional(sql: str) -> str:
    return _outside(sql, lambda match: "%s" if match["mark"] else match[0].replace("%", "%%"))


class Sql:
    """Statements on one connection. Transactions belong to whoever opened it.

    ``raw``      the driver's connection (sqlite3.Connection or psycopg.Connection)
    ``dialect``  "sqlite" or "postgresql"

    Parameters are named, ``:name``; integers are bound as 64 bit on both databases. Errors of the database are raised
    as SqlError.
    """

    def __init__(self, raw: Any, dialect: str) -> None:
        self.raw = raw
        self.dialect = dialect
        self._errors = driver_errors(dialect)
        self._cursors = 0

    def run(self, sql: str, params: Parameters = _NOTHING) -> int:
        """Execute one statement and return the number of rows it changed (-1 where the driver cannot tell)."""
        with self._translated(), closing(self.raw.cursor()) as cursor:
            self._execute(cursor, sql, params)
            count: int = cursor.rowcount
            return count

    def one(self, sql: str, params: Parameters = _NOTHING) -> Row | None:
        """The first row, or None."""
        with self._translated(), closing(self.raw.cursor()) as cursor:
            self._execute(cursor, sql, params)
            row: Row | None = cursor.fetchone()
            return row

    def rows(self, sql: str, params: Parameters = _NOTHING) -> Iterator[Row]:
        """The rows of a SELECT, streamed: memory does not grow with their number.

        The statement is executed at the first ``next``. Other statements may run in between.
        """
        if self.dialect == "sqlite":
            cursor = self.raw.cursor()
        else:
            self._cursors += 1
            cursor = self.raw.cursor(name=f"rows_{self._cursors}")
            cursor.itersize = _FETCH
        with self._translated(), closing(cursor):
            self._execute(cursor, sql, params)
            yield from cursor

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Execute one statement with ``?`` marks once for each tuple."""
        with self._translated(), closing(self.raw.cursor()) as cursor:
            cursor.executemany(sql if self.dialect == "sqlite" else _positional(sql), rows)

    def temp_insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Load tuples into a table by the quickest way the driver has (executemany or COPY)."""
        names = ", ".join(columns)
        if self.dialect == "sqlite":
            self.many(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
            return
        with (
            self._translated(),
            closing(self.raw.cursor()) as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def create(self, sql: str) -> None:
        """Execute a CREATE TABLE: its TEXT columns compare by code point on both databases."""
        self.run(sql if self.dialect == "sqlite" else _TYPE.sub('TEXT COLLATE "C"', sql))

    def close(self) -> None:
        self.raw.close()

    def _execute(self, cursor: Any, sql: str, params: Parameters) -> None:
        if self.dialect == "sqlite":
            cursor.execute(sql, params)
        elif params:
            cursor.execute(_named(sql, params), params)
        else:
            cursor.execute(sql)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise of_driver(error) from error


def driver_errors(dialect: str) -> tuple[type[Exception], ...]:
    """The base classes of what the driver of a database raises."""
    if dialect == "sqlite":
        return (sqlite3.Error,)
    import psycopg

    return (psycopg.Error,)


def of_driver(error: BaseException) -> SqlError:
    """A driver's error in one line, with the remedy where there is one."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if code in ("SQLITE_FULL", "53100"):
        return SqlError(f"{line}: make room on the disk of the database or of its temporary folder and run again")
    if code in ("SQLITE_BUSY", "55P03"):
        return SqlError(f"{line}: another process is writing to the inventory; run again when it has ended")
    return SqlError(line)


def empty_sql() -> Sql:
    """An in-memory SQLite that holds every view of the inventory as an empty table."""
    sql = Sql(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False), "sqlite")
    sql.run(LIKE_AS_POSTGRESQL)
    for name in VIEWS:
        sql.create(ddl(name, temporary=False))
    return sql


def fill(sql: Sql, table: str, rows: Iterable[Mapping[str, Value]]) -> None:
    """Insert rows given by column name into one of `VIEWS`.

    ``planned`` and ``confirmed`` are 1 where they are not given, all other columns null.
    Raises ValueError for a column that the table does not have.
    """
    columns = {column.name: 1 if column.name in ("planned", "confirmed") else None for column in VIEWS[table]}
    tuples = []
    for row in rows:
        if unknown := row.keys() - columns.keys():
            raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
        tuples.append(tuple((columns | dict(row)).values()))
    sql.temp_insert(table, tuple(columns), tuples)

"""An empty inventory in memory in which the SQL of a rule file is compiled and its examples run.

The SQL is a stranger's: an authorizer lets it read the views and call a list of functions, nothing else, and a limit
on the work stops what would not end.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nhiscan.inventory.views import VIEWS, ddl
from nhiscan.rule.portable import FUNCTIONS

STEPS = 20_000_000
"""Instructions of SQLite's machine that one statement over an example may take (about a second)."""
_EVERY = 10_000
_MEMORY = 50_000_000  # bytes of the largest text or row


class SqlRefused(Exception):
    """The SQL does not compile, wants what it may not have, or does not come to an end."""


class Sandbox:
    """One SQLite connection with all views, empty. Close it."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute("PRAGMA case_sensitive_like = ON")  # as PostgreSQL reads LIKE
        for view in VIEWS:
            self._connection.execute(ddl(view, temporary=False))
        self._refused: list[str] = []
        self._steps = 0
        if hasattr(self._connection, "setlimit"):
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MEMORY)

    def close(self) -> None:
        self._connection.close()

    def run(self, sql: str, params: Mapping[str, Any] | None = None) -> int:
        """A statement of our own: no authorizer."""
        return self._connection.execute(sql, params or {}).rowcount

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows of a rule's SELECT, under authorizer and limit. Raises SqlRefused."""
        with self._guarded():
            return iter(self._connection.execute(sql, params or {}).fetchall())

    def columns(self, sql: str, params: Mapping[str, int]) -> tuple[str, ...]:
        """Compiles a rule's SELECT over the empty views; gives the names of its columns. Raises SqlRefused."""
        with self._guarded():
            cursor = self._connection.execute(sql, params)
            cursor.fetchall()
            return tuple(column[0] for column in cursor.description or ())

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        self._refused.clear()
        self._steps = 0
        self._connection.set_authorizer(self._authorize)
        self._connection.set_progress_handler(self._progress, _EVERY)
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            raise SqlRefused(self._reason(error)) from error
        finally:
            self._connection.set_authorizer(None)
            self._connection.set_progress_handler(None, 0)

    def _reason(self, error: Exception) -> str:
        if self._refused:
            return self._refused[0]
        if self._steps > STEPS:
            return "does not come to an end: stopped after some twenty million steps"
        return str(error)

    def _progress(self) -> int:
        self._steps += _EVERY
        return int(self._steps > STEPS)

    def _authorize(self, action: int, one: str | None, two: str | None, _: str | None, __: str | None) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            columns = VIEWS.get(one or "")
            if columns is None and not two and not (one or "").startswith(("sqlite_", "pragma_")):
                return sqlite3.SQLITE_OK  # a WITH table of which no column is read, as in count(*)
            if columns is None:
                return self._refuse(f"table {one} is not part of the inventory that rules may read")
            if two and all(two != column.name for column in columns):
                return self._refuse(f"{one}.{two} is not a column of the inventory")
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            if (two or "").lower() in FUNCTIONS:
                return sqlite3.SQLITE_OK
            return self._refuse(
                f"function {two} is not allowed: known to both databases are {', '.join(sorted(FUNCTIONS))}"
            )
        if (one or "").startswith("sqlite_"):
            return self._refuse(f"table {one} is not part of the inventory that rules may read")
        return self._refuse("a rule only reads: one SELECT over the inventory")

    def _refuse(self, message: str) -> int:
        self._refused.append(message)
        return sqlite3.SQLITE_DENY

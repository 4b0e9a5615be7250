"""Who may work on which scopes, and how the death of a run is noticed.

The planned scopes of a run are rows of ``scope_lock``. They count for as long as the run's process lives, which the
operating system or the database server tells: nothing has to be cleaned up after kill -9.

SQLite       an advisory lock on ``<file>.lock``; any two runs exclude each other
PostgreSQL   a session advisory lock for each run, on a connection of its own; runs over different scopes do not
             exclude each other
"""

import fcntl
import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from nhiscan.inventory.database import Database
from nhiscan.inventory.errors import InventoryError, Locked, SqlError
from nhiscan.inventory.sql import Sql

_PLANNING = 0x6E6869_10CC  # advisory lock under which scopes are taken
NUMBERING = 0x6E6869_5CA4  # advisory lock under which scans finish, one after the other


class RunLock:
    """The life of one run, from its start to its end. `close` (or the end of the process) gives everything back."""

    def __init__(self, database: Database, run: str) -> None:
        self._database = database
        self._run = run
        self._open = ExitStack()
        self._connection: Sql | None = None
        if database.dialect == "postgresql":
            self._connection = self._open.enter_context(database.connection())
            self._connection.run("SET idle_session_timeout = 0")
            if not _try(self._connection, run):
                raise InventoryError(f"the run {run} is already under way")

    def take(self, scopes: Sequence[str], planned: Sequence[tuple[str, str]]) -> None:
        """Take the scopes and write down what is planned for each (scope, JSON list of sources), or raise Locked."""
        if self._database.path is not None and not self._take_file(self._database.path):
            raise self._holder(scopes)
        with self._database.transaction(write=True) as sql:
            if self._connection is not None:
                sql.run("SELECT pg_advisory_xact_lock(:key)", {"key": _PLANNING})
                self._refuse_held(sql, scopes)
            else:
                sql.run("DELETE FROM scope_lock")
            sql.many("INSERT INTO scope_lock (scope, run) VALUES (?, ?)", [(scope, self._run) for scope in scopes])
            sql.many(
                "INSERT INTO run_scope (run, scope, sources) VALUES (?, ?, ?)",
                [(self._run, scope, sources) for scope, sources in planned],
            )
            # Another start may have taken this run for dead while it had no scopes yet.
            sql.run("UPDATE run SET state = 'running', reason = NULL WHERE run = :run", {"run": self._run})

    def close(self) -> None:
        self._open.close()

    def _take_file(self, path: Path) -> bool:
        descriptor = _lock_file(path)
        if descriptor is None:
            return False
        self._open.callback(os.close, descriptor)
        return True

    def _holder(self, scopes: Sequence[str]) -> Locked:
        """Who holds the lock on the file: a run on one of our scopes, if there is one."""
        with self._database.transaction(write=False) as sql:
            held = {
                str(scope): (str(host), int(pid), int(started_at))
                for scope, host, pid, started_at in sql.rows(
                    "SELECT l.scope, r.host, r.pid, r.started_at FROM scope_lock l JOIN run r ON r.run = l.run"
                    " ORDER BY l.scope DESC"
                )
            }
        ours = [scope for scope in scopes if scope in held]
        scope = ours[0] if ours else next(iter(held), scopes[0] if scopes else "the inventory")
        return Locked(scope, *held.get(scope, ("unknown", 0, 0)))

    def _refuse_held(self, sql: Sql, scopes: Sequence[str]) -> None:
        """Raise Locked for a scope that a living run holds; forget those of dead ones."""
        wanted = set(scopes)
        holders: dict[str, tuple[str, str, int, int]] = {}
        for scope, run, host, pid, started_at in sql.rows(
            "SELECT l.scope, l.run, r.host, r.pid, r.started_at FROM scope_lock l JOIN run r ON r.run = l.run"
            " ORDER BY l.scope"
        ):
            if scope in wanted:
                holders.setdefault(run, (scope, host, pid, started_at))
        for run, holder in holders.items():
            if _lives(sql, run, patient=True):
                raise Locked(*holder)
            sql.run("DELETE FROM scope_lock WHERE run = :run", {"run": run})


def bury_the_dead(database: Database, sql: Sql) -> None:
    """Mark runs whose process has ended without a word as killed, and give back their scopes. ``sql`` may write."""
    running = [str(run) for (run,) in sql.rows("SELECT run FROM run WHERE state = 'running'")]
    if database.path is not None:
        if (descriptor := _lock_file(database.path)) is None:
            return
        os.close(descriptor)
        dead = running
    else:
        dead = [run for run in running if not _lives(sql, run, patient=False)]
    for run in dead:
        sql.run(
            "UPDATE run SET state = 'killed', reason = 'the process ended before the scan was finished'"
            " WHERE run = :run",
            {"run": run},
        )
        sql.run("DELETE FROM scope_lock WHERE run = :run", {"run": run})


def _lock_file(path: Path) -> int | None:
    """The locked file beside the database as a descriptor, or None where another process has locked it."""
    name = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InventoryError(f"cannot open {name}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise InventoryError(f"cannot lock {name}: {error.strerror}") from error
    return descriptor


def _key(run: str) -> int:
    return int.from_bytes(hashlib.sha256(f"nhiscan run {run}".encode()).digest()[:8], "big", signed=True)


def _try(sql: Sql, run: str) -> bool:
    row = sql.one("SELECT pg_try_advisory_lock(:key)", {"key": _key(run)})
    return row is not None and bool(row[0])


def _lives(sql: Sql, run: str, *, patient: bool) -> bool:
    """Whether the session of a run still holds its lock. ``patient`` gives a process that just died two seconds."""
    if _try(sql, run):
        sql.run("SELECT pg_advisory_unlock(:key)", {"key": _key(run)})
        return False
    if not patient:
        return True
    sql.run("SAVEPOINT waiting")
    sql.run("SET LOCAL lock_timeout = '2s'")
    try:
        sql.run("SELECT pg_advisory_xact_lock(:key)", {"key": _key(run)})
    except SqlError:
        return True
    else:
        return False
    finally:
        sql.run("ROLLBACK TO SAVEPOINT waiting")

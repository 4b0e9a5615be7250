"""A database that holds an inventory: found by path or URL, made when it is missing, checked for its schema."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from nhiscan.inventory.errors import InventoryError
from nhiscan.inventory.schema import HEAD, METADATA, REVISIONS
from nhiscan.inventory.sql import LIKE_AS_POSTGRESQL, Sql, driver_errors, of_driver

_BUSY_SECONDS = 60  # how long a writer waits for another one on SQLite
_PAGE = 16_384
_TEMP_PAGE = 65_536  # rules read whole tables
_CACHE_KIB = 65_536  # page cache of a SQLite connection, and as much again for its temporary tables
_SETTINGS = {
    "sqlite": (
        f"PRAGMA main.page_size = {_PAGE}",  # of a new file; big pages load and scan a third faster
        f"PRAGMA temp.page_size = {_TEMP_PAGE}",
        "PRAGMA journal_mode = wal",
        "PRAGMA synchronous = normal",
        "PRAGMA foreign_keys = on",
        LIKE_AS_POSTGRESQL,
        f"PRAGMA main.cache_size = -{_CACHE_KIB}",
        "PRAGMA temp.secure_delete = off",  # the file of temporary tables has no name and goes with the connection
        f"PRAGMA temp.cache_size = -{_CACHE_KIB}",
    ),
    "postgresql": (
        "SET application_name = 'nhiscan'",
        "SET cursor_tuple_fraction = 1",  # our cursors are always read to their end
        "SET jit = off",
        "SET work_mem = '64MB'",
        "SET temp_buffers = '64MB'",
    ),
}
_MAKING = 0x6E6869_5C4E  # advisory lock under which a PostgreSQL schema is made or upgraded


class Database:
    """A place and the way to connect to it. Every connection is closed after use, so temporary tables never outlive it.

    ``place`` can be printed: it holds no password. ``path`` is the file of a SQLite database, else None.
    """

    def __init__(self, engine: Engine, place: str, path: Path | None) -> None:
        self._engine = engine
        self.place = place
        self.path = path
        self.dialect = engine.dialect.name

    @contextmanager
    def connection(self) -> Iterator[Sql]:
        """A connection outside any transaction: each statement stands for itself."""
        with self._raw() as raw:
            if self.dialect == "postgresql":
                raw.autocommit = True
            yield Sql(raw, self.dialect)

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Sql]:
        """One transaction. A writer's is committed when the block ends well; a reader's is one consistent snapshot."""
        with self._raw() as raw:
            sql = Sql(raw, self.dialect)
            if self.dialect == "sqlite":
                sql.run("BEGIN IMMEDIATE" if write else "BEGIN")
            elif not write:
                sql.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield sql
            if write:
                try:
                    raw.commit()
                except driver_errors(self.dialect) as error:
                    raise self._error(error) from error

    @contextmanager
    def _raw(self) -> Iterator[Any]:
        """The driver's connection. Closing it rolls back what was not committed and drops what was temporary."""
        errors: tuple[type[Exception], ...] = (SQLAlchemyError, *driver_errors(self.dialect))
        try:
            proxy = self._engine.raw_connection()
        except errors as error:
            raise self._error(error) from error
        try:
            yield proxy.dbapi_connection
        finally:
            proxy.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> InventoryError:
        original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        if getattr(original, "sqlite_errorname", None) == "SQLITE_NOTADB":
            return InventoryError(f"{self.place} is not an SQLite database")
        return InventoryError(f"cannot use the inventory {self.place}: {of_driver(original)}")

    def prepare(self, *, upgrade: bool) -> None:
        """Make the tables of an empty database; check the schema of any other, or bring it up to date.

        Raises InventoryError where the database is somebody else's, too old (and ``upgrade`` is false) or too new.
        """
        with self._connected() as connection:
            if self._revision(connection) == HEAD:
                return  # the usual case takes no lock
        with self._connected() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MAKING})")
            found = self._revision(connection)
            if found is None:
                METADATA.create_all(connection)
                connection.exec_driver_sql(
                    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
                    " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
                )
                connection.exec_driver_sql(f"INSERT INTO alembic_version (version_num) VALUES ('{HEAD}')")
            elif found not in REVISIONS:
                raise InventoryError(
                    f"{self.place} was written by a newer nhiscan (schema {found}, this one knows {HEAD}):"
                    " install that version or a newer one"
                )
            elif found != HEAD and not upgrade:
                raise InventoryError(
                    f"{self.place} has an older schema ({found}, this version needs {HEAD}):"
                    " make a copy of it, then run `nhiscan db upgrade`"
                )
            elif found != HEAD:
                _upgrade(connection)
            connection.commit()

    def _revision(self, connection: Connection) -> str | None:
        """The schema of the database; None where it is empty."""
        listing = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'"
            if self.dialect == "sqlite"
            else "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        )
        tables = {row[0] for row in connection.exec_driver_sql(listing)}
        if not tables:
            return None
        versions = (
            [row[0] for row in connection.exec_driver_sql("SELECT version_num FROM alembic_version")]
            if {"alembic_version", "credential_range"} <= tables
            else []
        )
        if len(versions) != 1:
            raise InventoryError(f"{self.place} holds tables of something else: give nhiscan a database of its own")
        return str(versions[0])


def _upgrade(connection: Connection) -> None:
    """Run the migrations on an open connection, inside its transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def find(place: str, *, create: bool) -> Database:
    """The database at a path or URL. A SQLite file that is missing is made with mode 0600, whatever the umask says.

    Raises InventoryError for a place that cannot be one.
    """
    url = _url(place)
    if url.get_backend_name() == "postgresql":
        engine = _engine(url, {})
        return Database(engine, url.set(drivername="postgresql").render_as_string(hide_password=True), None)
    path = Path(url.database or "")
    if not path.exists():
        if not create:
            raise InventoryError(f"there is no inventory at {path}: `nhiscan scan` makes one")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_private(path)
        except OSError as error:
            raise InventoryError(f"cannot make the inventory {path}: {error.strerror}") from error
    if not path.is_file():
        raise InventoryError(f"{path} is not a file")
    arguments = {"isolation_level": None, "timeout": _BUSY_SECONDS, "check_same_thread": False}
    return Database(_engine(url, arguments), str(path), path)


def _url(place: str) -> URL:
    if "://" not in place:
        return URL.create("sqlite", database=place)
    try:
        url = make_url(place)
    except (ArgumentError, ValueError) as error:
        raise InventoryError(f"not the URL of a database: {place.partition('://')[0]}://...") from error
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return url.set(drivername="sqlite")
    if url.drivername in ("postgresql", "postgresql+psycopg", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise InventoryError(
        f"an inventory is a SQLite file or a postgresql:// URL, not {url.render_as_string(hide_password=True)}"
    )


def _engine(url: URL, arguments: dict[str, Any]) -> Engine:
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    except ImportError as error:
        raise InventoryError("a PostgreSQL inventory needs psycopg: install the extra [postgres]") from error
    dialect = engine.dialect.name

    @event.listens_for(engine, "connect")
    def settle(raw: Any, _record: Any) -> None:
        cursor = raw.cursor()
        for statement in _SETTINGS[dialect]:
            cursor.execute(statement)
        cursor.close()
        raw.commit()

    return engine


def _make_private(path: Path) -> None:
    """Make an empty file that only its owner may read. It may be there already."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)

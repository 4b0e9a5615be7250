"""What a scan found, on its way into the ranges: cleaned, and rows of one key from several sources put together.

Several sources may show the same record. Column by column the first one that says anything counts, in the order in
which the rows were put; a column that none of them gave is null.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from nhiscan.inventory.sql import Sql
from nhiscan.inventory.tables import Ranged
from nhiscan.inventory.views import Column

BATCH = 20_000  # rows held in memory at once

Tuples = list[tuple[Any, ...]]


def batches(rows: Iterable[Sequence[Any]]) -> Iterator[Tuples]:
    """Rows in lists of at most `BATCH`."""
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch  # type: ignore[misc]  # records are tuples


def cleaned(name: str, columns: Sequence[Column], rows: Tuples) -> Tuples:
    """The rows with NUL and lone surrogates in texts replaced by U+FFFD, which PostgreSQL could not hold.

    Raises ValueError where a row has not the fields of its record, or a field not their type.
    """
    try:
        values = list(zip(*rows, strict=True))
    except ValueError as error:
        raise ValueError(f"rows of {name} differ in length") from error
    if len(values) != len(columns):
        raise ValueError(f"a row of {name} has {len(columns)} fields, not {len(values)}")
    dirty = False
    for column, given in zip(columns, values, strict=True):
        try:
            if column.type == "text":
                text = "".join(filter(None, given))
                dirty = dirty or "\0" in text or not (text.isascii() or _encodes(text))
            elif not isinstance(sum(filter(None, given)), int):
                raise TypeError
        except TypeError as error:
            raise ValueError(f"{name}.{column.name} is {column.type}, one of the values is not") from error
    return [tuple(map(_clean, row)) for row in rows] if dirty else rows


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = value.replace("\0", "\ufffd")
    return value if _encodes(value) else "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)


class Stage:
    """The temporary table ``stage_<record>`` of one scan: one row a key, last use included.

    ``used_source`` is the source of the last use: the first that gave ``used_at``, else the first that gave a period.
    """

    def __init__(self, sql: Sql, ranged: Ranged) -> None:
        self._sql = sql
        self._ranged = ranged
        self.table = f"stage_{ranged.name}"
        self._columns = tuple(column.name for column in ranged.fields) + (("used_source",) if ranged.last_use else ())
        spelled = [f"{column.name} {'BIGINT' if column.type == 'integer' else 'TEXT'}" for column in ranged.fields]
        body = ", ".join(spelled + (["used_source TEXT"] if ranged.last_use else []))
        keyed = f"CREATE TEMP TABLE {self.table} ({body}, PRIMARY KEY (key))"
        sql.create(keyed + (" WITHOUT ROWID" if sql.dialect == "sqlite" else ""))
        if sql.dialect == "postgresql":
            sql.create(f"CREATE TEMP TABLE incoming_{ranged.name} ({body})")
        self._insert = self._upsert()

    def _upsert(self) -> str:
        names = ", ".join(self._columns)
        settings = [
            f"{name} = COALESCE({self.table}.{name}, excluded.{name})"
            for name in self._columns
            if name not in ("key", "used_source")
        ]
        if self._ranged.last_use:
            settings.append(
                f"used_source = CASE WHEN {self.table}.used_at IS NULL AND excluded.used_at IS NOT NULL"
                f" THEN excluded.used_source ELSE COALESCE({self.table}.used_source, excluded.used_source) END"
            )
        source = (
            f"VALUES ({', '.join('?' * len(self._columns))})"
            if self._sql.dialect == "sqlite"
            else f"SELECT {names} FROM incoming_{self._ranged.name}"
        )
        return f"INSERT INTO {self.table} ({names}) {source} ON CONFLICT (key) DO UPDATE SET {', '.join(settings)}"

    def put(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, fields in the order of the record. Sorted rows go in fastest."""
        for batch in batches(rows):
            made = cleaned(self._ranged.name, self._ranged.fields, batch)
            if self._ranged.last_use:
                made = [self._with_source(row) for row in made]
            made.sort(key=itemgetter(0))
            if self._sql.dialect == "sqlite":
                self._sql.many(self._insert, made)
                continue
            for part in _distinct(made):
                self._sql.temp_insert(f"incoming_{self._ranged.name}", self._columns, part)
                self._sql.run(self._insert)
                self._sql.run(f"TRUNCATE incoming_{self._ranged.name}")

    @staticmethod
    def _with_source(row: tuple[Any, ...]) -> tuple[Any, ...]:
        """The last four fields of such a record are used_at, known_since, trailing_days and source."""
        *_, used_at, known_since, trailing_days, source = row
        told = used_at is not None or known_since is not None or trailing_days is not None
        return (*row, (source or "") if told else None)


def _distinct(rows: Tuples) -> Iterator[Tuples]:
    """Sorted rows in as few lists as hold no key twice: PostgreSQL refuses to change a row twice in one statement."""
    while rows:
        part: Tuples = []
        again: Tuples = []
        last = None
        for row in rows:
            (again if row[0] == last else part).append(row)
            last = row[0]
        yield part
        rows = again

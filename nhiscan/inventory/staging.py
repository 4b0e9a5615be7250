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
from nhiscan.model import LAST_USE

BATCH = 5_000  # rows held in memory at once
_WORTHWHILE = 500  # rows for which a statement of their own is made

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
    return _checked(name, columns, rows, _turned(name, columns, rows))


def _turned(name: str, columns: Sequence[Column], rows: Tuples) -> list[tuple[Any, ...]]:
    """The columns of rows. A column in which all values are the same is cut to one value."""
    try:
        values = list(zip(*rows, strict=True))
    except ValueError as error:
        raise ValueError(f"rows of {name} differ in length") from error
    if len(values) != len(columns):
        raise ValueError(f"a row of {name} has {len(columns)} fields, not {len(values)}")
    return [given[:1] if given[0] == given[-1] and given.count(given[0]) == len(given) else given for given in values]


def _checked(name: str, columns: Sequence[Column], rows: Tuples, values: list[tuple[Any, ...]]) -> Tuples:
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

    The source of the last use is the first that gave ``used_at``, else the first that gave a period. Where it may
    differ from ``source``, because several sources showed the record, it stands in ``used_source``.
    """

    def __init__(self, sql: Sql, ranged: Ranged) -> None:
        self._sql = sql
        self._ranged = ranged
        self.table = f"stage_{ranged.name}"
        self._columns = tuple(column.name for column in ranged.fields)
        spelled = [f"{column.name} {'BIGINT' if column.type == 'integer' else 'TEXT'}" for column in ranged.fields]
        body = ", ".join([*spelled, "used_source TEXT"] if ranged.last_use else spelled)
        keyed = f"CREATE TEMP TABLE {self.table} ({body}, PRIMARY KEY (key))"
        sql.create(keyed + (" WITHOUT ROWID" if sql.dialect == "sqlite" else ""))
        if sql.dialect == "postgresql":
            sql.create(f"CREATE TEMP TABLE incoming_{ranged.name} ({body})")
        self.kinds: set[tuple[str | None, str | None]] = set()  # (scope, kind) of all rows

    def _upsert(self, values: str) -> str:
        settings = [
            f"{name} = COALESCE({self.table}.{name}, excluded.{name})" for name in self._columns if name != "key"
        ]
        if self._ranged.last_use:
            old, new = used_source(self.table), "COALESCE(excluded.source, '')"
            settings.append(
                f"used_source = CASE WHEN {self.table}.used_at IS NULL AND excluded.used_at IS NOT NULL THEN {new}"
                f" WHEN {used(self.table)} THEN {old} WHEN {used('excluded')} THEN {new} END"
            )
        names = ", ".join(self._columns)
        return f"INSERT INTO {self.table} ({names}) {values} ON CONFLICT (key) DO UPDATE SET {', '.join(settings)}"

    def put(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, fields in the order of the record. Sorted rows go in fastest."""
        for batch in batches(rows):
            values = _turned(self._ranged.name, self._ranged.fields, batch)
            made = _checked(self._ranged.name, self._ranged.fields, batch, values)
            if made is not batch:
                values = _turned(self._ranged.name, self._ranged.fields, made)
            self._note_kinds(values, len(made))
            if self._sql.dialect == "sqlite":
                self._put_sqlite(made, values)
            else:
                self._put_postgresql(made)

    def _note_kinds(self, values: list[tuple[Any, ...]], count: int) -> None:
        by_name = dict(zip(self._columns, values, strict=True))
        columns = (by_name[self._ranged.home], self._ranged.kinds(by_name))
        self.kinds.update(zip(*(column if len(column) == count else column * count for column in columns), strict=True))

    def _put_sqlite(self, rows: Tuples, values: list[tuple[Any, ...]]) -> None:
        """What is the same in the whole batch stands in the statement: binding values is what costs most here."""
        marks = ["?"] * len(self._columns)
        if len(rows) >= _WORTHWHILE and len(values[0]) > 1:
            marks = ["?" if len(column) > 1 else _literal(column[0]) for column in values]
            rows = list(zip(*(column for column in values if len(column) > 1), strict=True))
        rows.sort(key=itemgetter(0))
        self._sql.many(self._upsert(f"VALUES ({', '.join(marks)})"), rows)

    def _put_postgresql(self, rows: Tuples) -> None:
        incoming = f"incoming_{self._ranged.name}"
        rows.sort(key=itemgetter(0))
        for part in _distinct(rows):
            self._sql.temp_insert(incoming, self._columns, part)
            self._sql.run(self._upsert(f"SELECT {', '.join(self._columns)} FROM {incoming}"))
            self._sql.run(f"TRUNCATE {incoming}")


def _literal(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(int(value)) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def used(alias: str) -> str:
    """SQL that is true where a staged row says anything about last use."""
    return f"({' OR '.join(f'{alias}.{fact} IS NOT NULL' for fact in LAST_USE)})"


def used_source(alias: str) -> str:
    """SQL for the source of the last use of a staged row that says anything about it."""
    return f"COALESCE({alias}.used_source, {alias}.source, '')"


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

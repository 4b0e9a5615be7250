"""Where records wait on disk until their scan finishes: one file of JSON lines for each (scope, source) that ran.

A source that spans many scopes writes one file, too. Its records are gathered by scope, so that those of one scope lie
together in a few places, which are known.

The folder is private (mode 0700) and is removed when the scan ends. What a killed run left behind is removed by the
next: the folder of a living run is held by a lock on a file inside it, which the system frees with the process.
"""

import fcntl
import json
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from nhiscan import transcript
from nhiscan.model import TABLES, Call, Record

PREFIX = "nhiscan-spool-"
CHUNK = 5_000
"""Rows held in memory at once while a spool file is read."""
GATHERED = 4 << 20
"""Bytes of records held in memory while those of many scopes are gathered."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Writer:
    """Appends the records of one source. Used by one thread."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, table: str, record: Record, home: str = "") -> None:
        del home  # always the same
        self._file.write(_encode([table, *record]) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class Gatherer:
    """Appends the records of one source, gathered by scope. Used by one thread."""

    def __init__(self, file: IO[bytes], parts: dict[str, "array[int]"]) -> None:
        self._file = file
        self._parts = parts  # scope -> start and length of each part, one after the other
        self._lines: dict[str, list[str]] = {}
        self._held = 0

    def write(self, table: str, record: Record, home: str) -> None:
        """Add a record of the scope ``home``."""
        line = _encode([table, *record]) + "\n"
        self._lines.setdefault(home, []).append(line)
        self._held += len(line)
        if self._held >= GATHERED:
            self._flush()

    def _flush(self) -> None:
        for home, lines in self._lines.items():
            start = self._file.tell()
            self._parts.setdefault(home, array("q")).extend((start, self._file.write("".join(lines).encode("ascii"))))
        self._lines, self._held = {}, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._flush()


class Spool:
    """The folder of one run; a context manager. ``parent`` is the system's folder for temporary files unless given."""

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent or Path(tempfile.gettempdir())
        self.folder = Path()
        self._parts: dict[tuple[int, int], dict[str, array[int]]] = {}
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        _sweep(self._parent)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._parent))
        fresh = self.folder / "lock.new"
        self._lock = fresh.open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(self.folder / "lock")  # only a lock that is held bears the name that others look for
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def writer(self, scope: int, source: int) -> Writer:
        """Open the file of a (scope, source), given by their numbers in the plan."""
        return Writer(self._records(scope, source).open("w", encoding="ascii"))

    def gatherer(self, scope: int, source: int) -> Gatherer:
        """Open the file of a (scope, source) that reads other scopes, too."""
        return Gatherer(self._records(scope, source).open("wb"), self._parts.setdefault((scope, source), {}))

    def records(self, scope: int, source: int) -> Iterator[tuple[str, Record]]:
        """The records of a (scope, source) with their tables; nothing where it did not run.

        In the order delivered; of a source that reads many scopes that order holds within each of them.
        """
        path = self._records(scope, source)
        if not path.exists():
            return
        with path.open(encoding="ascii") as lines:
            yield from map(_read, lines)

    def part(self, scope: int, source: int, home: str) -> Iterator[tuple[str, Record]]:
        """The records of the scope with the key ``home`` that a (scope, source) gathered, in the order delivered."""
        parts = self._parts.get((scope, source), {}).get(home, ())
        if not parts:
            return
        with self._records(scope, source).open("rb") as file:
            for start, length in zip(parts[::2], parts[1::2], strict=True):
                file.seek(start)
                yield from map(_read, file.read(length).decode("ascii").splitlines())

    def chunks(self, places: Iterable[tuple[int, int]]) -> Iterator[tuple[str, list[Record]]]:
        """The records of several (scope, source), one after the other, by table, in bites of `CHUNK` rows."""
        rows: dict[str, list[Record]] = {}
        found = (one for place in places for one in self.records(*place))
        for number, (table, record) in enumerate(found, start=1):
            rows.setdefault(table, []).append(record)
            if number % CHUNK == 0:
                yield from rows.items()
                rows = {}
        yield from rows.items()

    def keep_calls(self, name: str, calls: Iterable[Call]) -> None:
        """Keep the calls of one transcript, in their canonical order."""
        calls = list(calls)
        if not calls:
            return
        with (self.folder / f"{name}.calls").open("w", encoding="ascii") as file:
            file.writelines(transcript.line(call) + "\n" for call in transcript.in_order(calls))

    def calls(self, name: str) -> list[Call]:
        """The calls kept under a name; none where nothing was kept."""
        path = self.folder / f"{name}.calls"
        if not path.exists():
            return []
        with path.open(encoding="ascii") as lines:
            return [transcript.from_line(line) for line in lines]

    def _records(self, scope: int, source: int) -> Path:
        return self.folder / f"{scope}-{source}.records"


def _read(line: str) -> tuple[str, Record]:
    table, *values = json.loads(line)
    record: Record = TABLES[table]._make(values)  # type: ignore[assignment]
    return table, record


def _sweep(parent: Path) -> None:
    """Remove the folders of runs of ours that live no more. A folder that cannot be judged is left alone."""
    for folder in parent.glob(PREFIX + "*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue

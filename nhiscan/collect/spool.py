"""Where records wait on disk until their scan finishes: one file of JSON lines for each (scope, source).

The folder is private (mode 0700) and is removed when the scan ends. What a killed run left behind is removed by the
next: the folder of a living run is held by a lock on a file inside it, which the system frees with the process.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from nhiscan import transcript
from nhiscan.model import TABLES, Call, Record

PREFIX = "nhiscan-spool-"
CHUNK = 5_000
"""Rows held in memory at once while a spool file is read."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Writer:
    """Appends the records of one source. Used by one thread."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, table: str, record: Record) -> None:
        self._file.write(_encode([table, *record]) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class Spool:
    """The folder of one run; a context manager. ``parent`` is the system's folder for temporary files unless given."""

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent or Path(tempfile.gettempdir())
        self.folder = Path()
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

    def records(self, scope: int, source: int) -> Iterator[tuple[str, Record]]:
        """The records of a (scope, source) with their tables, in the order delivered; nothing where it did not run."""
        path = self._records(scope, source)
        if not path.exists():
            return
        with path.open(encoding="ascii") as lines:
            for line in lines:
                table, *values = json.loads(line)
                yield table, _record(table, values)

    def chunks(self, scope: int, source: int) -> Iterator[tuple[str, list[Record]]]:
        """The same by table, in bites of `CHUNK` rows."""
        rows: dict[str, list[Record]] = {}
        for number, (table, record) in enumerate(self.records(scope, source), start=1):
            rows.setdefault(table, []).append(record)
            if number % CHUNK == 0:
                yield from rows.items()
                rows = {}
        yield from rows.items()

    def keep_calls(self, name: str, calls: Iterable[Call]) -> None:
        """Keep the calls of one transcript, in their canonical order."""
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


def _record(table: str, values: list[Any]) -> Record:
    record: Record = TABLES[table]._make(values)  # type: ignore[assignment]
    return record


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

"""Data on standard output, or in the file of ``-o``: a table for people, JSON, JSON lines or CSV for programs.

A document is put together in a temporary file and given only when it is whole. So JSON is valid whatever happens on the
way, and the memory needed does not grow with it.
"""

import csv
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from nhiscan.cli.ending import FAILED, Said, Stop
from nhiscan.text import csv_cell, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Row = Mapping[str, Any]
_SPOOL = 4 << 20
_RICH_ROWS = 500
"""Most rows that are drawn with rich; longer tables are plain on a terminal too, where drawing would take seconds."""


_ROOM = 32
"""Columns of the terminal that the last column of a table must have, where its text is that long."""


class Column(NamedTuple):
    """A column of a table for people: its heading and the key of the value in each row."""

    heading: str
    key: str


def dumps(value: Any, *, pretty: bool = False) -> str:
    """JSON on lines of its own. Everything outside ASCII is escaped, so nothing in it can steer a terminal."""
    return json.dumps(value, indent=2 if pretty else None) + "\n"


class Output:
    """Where the data of one command goes, and in which format."""

    def __init__(self, said: Said, format_name: str | None, file: Path | None, *, quiet: bool = False) -> None:
        self.said = said
        self.format = format_name or "table"
        self.file = file
        self.quiet = quiet
        self.terminal = file is None and sys.stdout.isatty()

    @property
    def width(self) -> int | None:
        """At how many columns prose is wrapped: those of the terminal, 100 at most; None where it is left whole."""
        return min(shutil.get_terminal_size().columns, 100) if self.terminal else None

    # --- whole documents ---

    def give(self, chunks: Iterable[str]) -> None:
        """Write text as it comes out of ``chunks``, in UTF-8, once all of it is there."""
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL, mode="w+b") as spool:
            for chunk in chunks:
                spool.write(chunk.encode("utf-8", "backslashreplace"))
            spool.seek(0)
            if self.file is None:
                self._to_stdout(spool)
            else:
                self._to_file(self.file, spool)
        self.said.done = True

    def _to_stdout(self, spool: IO[bytes]) -> None:
        try:
            sys.stdout.flush()
            while block := spool.read(1 << 16):
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # The reader went away (| head). The run keeps its own code; the interpreter's last flush goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _to_file(self, file: Path, spool: IO[bytes]) -> None:
        """Beside the file, then renamed: a reader never sees half of it. A device or a pipe is written to as it is."""
        try:
            file = file.resolve()  # a link such as /dev/stdout stays what it is
            if file.exists() and not file.is_file():
                with file.open("wb") as out:
                    shutil.copyfileobj(spool, out)
                return
            handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
            try:
                with os.fdopen(handle, "wb") as out:
                    while block := spool.read(1 << 16):
                        out.write(block)
                mask = os.umask(0)
                os.umask(mask)
                Path(name).chmod(0o666 & ~mask)
                Path(name).replace(file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise Stop(FAILED, f"cannot write {file}: {error.strerror or error}") from error

    # --- rows ---

    def rows(self, name: str, head: Row, columns: Sequence[Column], rows: Iterable[Row], fields: Sequence[str]) -> None:
        """Rows in the format asked for.

        ``name``     key of the list in the JSON document
        ``head``     the rest of the JSON document, before the list
        ``columns``  what the table for people shows
        ``fields``   what JSON and CSV give, all of it
        """
        if self.format == "json":
            self.give(document(head, name, ({field: row.get(field) for field in fields} for row in rows)))
        elif self.format == "jsonl":
            self.give(dumps({field: row.get(field) for field in fields}) for row in rows)
        elif self.format == "csv":
            self.give(self.csv(fields, rows))
        elif self.terminal:
            self._drawn(columns, rows)
        else:
            self.give(aligned(columns, rows))

    def csv(self, fields: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
        """RFC 4180 lines with a header. ``_escaped`` is 1 where a cell got a ``'`` against formulas."""
        yield _csv_line([*fields, "_escaped"])
        for row in rows:
            cells, escaped = [], 0
            for field in fields:
                value = row.get(field)
                if isinstance(value, int) and not isinstance(value, bool):
                    cells.append(str(value))
                    continue
                text = _flat(value)
                cell = csv_cell(visible(text) if self.terminal else text)
                escaped |= cell != text
                cells.append(cell)
            yield _csv_line([*cells, str(int(escaped))])

    def _drawn(self, columns: Sequence[Column], rows: Iterable[Row]) -> None:
        """On a terminal: drawn with rich, never cut. The last column is folded; where that leaves it too narrow, each
        row becomes a few lines of its own, so that no id is torn apart.
        """
        kept: list[Row] = []
        iterator = iter(rows)
        for row in iterator:
            kept.append(row)
            if len(kept) > _RICH_ROWS:
                self.give(aligned(columns, _chain(kept, iterator)))
                return
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console()
        lines = [[_cell(column, row) for column in columns] for row in kept]
        widths = [
            max([len(column.heading), *(cells[place].cell_len for cells in lines)])
            for place, column in enumerate(columns)
        ]
        short = sum(widths[:-1]) + 3 * len(widths)
        with console.capture() as capture:
            if short + min(widths[-1], _ROOM) > console.width:
                for cells in lines:
                    _stacked(console, columns, cells)
            else:
                table = Table(box=box.SIMPLE, pad_edge=False)
                for place, column in enumerate(columns):
                    table.add_column(Text(column.heading), overflow="fold", no_wrap=place < len(columns) - 1)
                for cells in lines:
                    table.add_row(*cells)
                console.print(table)
        self.give([capture.get()])


def _cell(column: Column, row: Row) -> "Text":
    from rich.text import Text

    shown = visible(_flat(row.get(column.key)))
    return Text(shown, style=_STYLES.get(shown, "") if column.key in _COLOURED else "")


def _stacked(console: "Console", columns: Sequence[Column], cells: Sequence["Text"]) -> None:
    """One row as lines: each cell with its heading, as many on a line as fit, the empty ones left out."""
    from rich.padding import Padding
    from rich.text import Text

    line = Text()
    lines = [line]
    for column, cell in zip(columns, cells, strict=True):
        if not cell.plain:
            continue
        pair = Text.assemble((f"{column.heading}: ", "dim"), cell)
        indent = 2 if len(lines) > 1 else 0
        if line.plain and indent + line.cell_len + 2 + pair.cell_len > console.width:
            line = pair
            lines.append(line)
        else:
            line.append_text(Text.assemble("  ", pair) if line.plain else pair)
    for place, text in enumerate(lines):
        console.print(Padding(text, (0, 0, 0, 2 if place else 0), expand=False), overflow="fold")


_COLOURED = frozenset({"severity", "state", "status"})
_STYLES = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "denied": "red",
    "failed": "red",
    "partial": "yellow",
}


def document(head: Row, name: str, rows: Iterable[Any]) -> Iterator[str]:
    """A JSON object: the members of ``head``, then the list ``name``, one row a line."""
    yield "{\n"
    for key, value in head.items():
        inner = json.dumps(value, indent=2).replace("\n", "\n  ")
        yield f"  {json.dumps(key)}: {inner},\n"
    yield f"  {json.dumps(name)}: ["
    first = True
    for row in rows:
        yield ("\n    " if first else ",\n    ") + json.dumps(row)
        first = False
    yield "]\n}\n" if first else "\n  ]\n}\n"


def aligned(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """Plain text in full: columns padded to their longest cell, two spaces between, no colour and no lines drawn."""
    widths = [len(column.heading) for column in columns]
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL, mode="w+", encoding="utf-8", newline="\n") as spool:
        for row in rows:
            cells = [visible(_flat(row.get(column.key))) for column in columns]
            widths = [max(width, len(cell)) for width, cell in zip(widths, cells, strict=True)]
            spool.write(json.dumps(cells) + "\n")
        spool.seek(0)
        yield _padded([column.heading for column in columns], widths)
        for line in spool:
            yield _padded(json.loads(line), widths)


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _chain(first: Iterable[Row], rest: Iterable[Row]) -> Iterator[Row]:
    yield from first
    yield from rest


def _flat(value: Any) -> str:
    """One cell: empty for what is not known, lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value)


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()

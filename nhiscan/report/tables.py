"""CSV and JSONL files: one pass over the rows, formula protection, times in words.

Both files of a table hold the same cells. CSV protects text that a spreadsheet could run (`nhiscan.text.csv_cell`) and
marks such rows in ``_escaped``; JSONL holds the text as it is.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any

from nhiscan.report.bag import Payload, PayloadFile
from nhiscan.text import csv_cell

Cell = str | int | None
ESCAPED = "_escaped"
UNKNOWN = "unknown"


class Files:
    """Writes tables below ``data/`` and remembers how many rows each file has."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload
        self.rows: dict[str, int] = {}

    @contextmanager
    def open(self, stem: str, columns: Sequence[str], *, jsonl: bool = False) -> Iterator["Table"]:
        """``<stem>.csv`` and, where asked, ``<stem>.jsonl``, to be filled row by row."""
        with ExitStack() as stack:
            file = stack.enter_context(self.payload.open(f"data/{stem}.csv"))
            lines = stack.enter_context(self.payload.open(f"data/{stem}.jsonl")) if jsonl else None
            table = Table(columns, file, lines)
            yield table
        self.rows[f"{stem}.csv"] = table.rows
        if jsonl:
            self.rows[f"{stem}.jsonl"] = table.rows

    def table(self, stem: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, jsonl: bool = False) -> int:
        """Write a whole table; gives the number of rows."""
        with self.open(stem, columns, jsonl=jsonl) as table:
            for row in rows:
                table.row(row)
        return table.rows

    def lines(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Write a JSONL file alone."""
        number = 0
        encode = _encoder(columns)
        with self.payload.open(f"data/{name}") as file:
            for row in rows:
                number += 1
                file.write(encode(row))
        self.rows[name] = number
        return number

    def text(self, name: str, text: str) -> None:
        self.payload.put(f"data/{name}", text)


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _encoder(columns: Sequence[str]) -> Callable[[Sequence[Any]], str]:
    """Turns cells into a line of JSON: what the library gives for a dict of them, in less than half the time."""
    heads = [("{" if place == 0 else ",") + _compact(column) + ":" for place, column in enumerate(columns)]

    def encode(cells: Sequence[Any]) -> str:
        parts: list[str] = []
        for head, cell in zip(heads, cells, strict=True):
            parts.append(head)
            if cell is None:
                parts.append("null")
            elif cell.__class__ is str:
                parts.append(encode_basestring(cell))
            else:
                parts.append(_compact(cell))
        parts.append("}\n")
        return "".join(parts)

    return encode


def csv_line(cells: Iterable[Cell]) -> str:
    """RFC 4180 with LF, text protected, and last whether any was.

    Not the library's writer: which cells that one quotes (a lone CR) changes with the version of Python.
    """
    texts: list[str] = []
    escaped = "0"
    for cell in cells:
        if cell is None:
            texts.append("")
        elif isinstance(cell, str):
            if cell and not cell[0].isalnum():  # nothing that starts a formula is a letter or a digit
                guarded = csv_cell(cell)
                if guarded != cell:
                    escaped = "1"
                texts.append(guarded)
            else:
                texts.append(cell)
        else:
            texts.append(str(cell))
    texts.append(escaped)
    return _joined(texts)


def _joined(texts: list[str]) -> str:
    line = ",".join(texts)
    if line.count(",") != len(texts) - 1 or '"' in line or "\n" in line or "\r" in line:
        line = ",".join('"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text for text in texts)
    return line + "\n"


_QUOTED = re.compile('[",\r\n]')


class Table:
    """A table being written. CSV protects text, JSONL holds it as it is; both have the same rows."""

    def __init__(self, columns: Sequence[str], file: PayloadFile, lines: PayloadFile | None) -> None:
        self._width = len(columns)
        self._encode = _encoder(columns)
        self._file = file
        self._lines = lines
        self.rows = 0
        file.write(_joined([*columns, ESCAPED]))

    def row(self, cells: Sequence[Cell]) -> None:
        if len(cells) != self._width:
            raise ValueError(f"{len(cells)} cells for {self._width} columns")
        if self._lines is not None:
            self._lines.write(self._encode(cells))
        self._file.write(csv_line(cells))
        self.rows += 1


def iso(at: int) -> str:
    """Epoch seconds as ISO 8601 in UTC; the number itself where no calendar holds it."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat()[:19] + "Z"
    except (ValueError, OverflowError, OSError):
        return str(at)


def epoch(text: str) -> int:
    """The epoch seconds that `iso` was given. Raises ValueError."""
    if text.lstrip("-").isdigit():
        return int(text)
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def time_cell(at: int | None) -> str:
    return UNKNOWN if at is None else iso(at)


def day_cell(at: int | None) -> str:
    return UNKNOWN if at is None else iso(at)[:10]


def last_use_cell(used_at: int | None, known_since: int | None) -> str:
    """The three answers to "when was it last used": a time, not seen since a day, unknown."""
    if used_at is not None:
        return iso(used_at)
    return UNKNOWN if known_since is None else f"not seen since {iso(known_since)}"


def expiry_cell(expires_at: int | None, never_expires: int | None) -> str:
    if expires_at is not None:
        return iso(expires_at)
    return "never" if never_expires == 1 else UNKNOWN


def truth_cell(value: int | None) -> str:
    return UNKNOWN if value is None else "yes" if value else "no"


def flow(text: str) -> str:
    """Text of a file folded into one line."""
    return " ".join(text.split())

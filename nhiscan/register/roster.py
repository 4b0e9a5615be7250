"""Reads a people roster: bytes of a CSV file in, people out, or every problem with its line."""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from nhiscan.model import PERSON_STATUSES, Person
from nhiscan.register.columns import places

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOST_PROBLEMS = 50


class RosterErrors(Exception):
    """Everything that is wrong with a roster file, each as ``file:line: message``."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True)
class Roster:
    """The people of a file, sorted by key, with what the evidence says about the file."""

    people: tuple[Person, ...]
    sha256: str
    ignored: tuple[str, ...]  # headers of columns that were left aside


def parse(data: bytes, file: str, headers: Mapping[str, str], scope: str, source: str) -> Roster:
    """The roster in ``data``. ``headers`` maps columns to headers; ``file`` is how problems name the file.

    UTF-8, with or without a byte order mark; commas; a header line; ISO dates; status ``active`` or ``left``. Dates
    become 00:00 UTC of that day in epoch seconds. An empty e-mail, name or date is None. Raises RosterErrors.
    """
    reading = _Reading(file, headers, scope, source)
    people = reading.people(_text(data, file))
    if reading.problems:
        hidden = len(reading.problems) - MOST_PROBLEMS
        shown = reading.problems[:MOST_PROBLEMS] + ([f"{file}: {hidden} more problems"] if hidden > 0 else [])
        raise RosterErrors(tuple(shown))
    return Roster(tuple(sorted(people)), hashlib.sha256(data).hexdigest(), tuple(reading.ignored))


def _text(data: bytes, file: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RosterErrors((f"{file}:1: the file is in UTF-16: save it as CSV in UTF-8",))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RosterErrors((f"{file}:{line}: the file is not in UTF-8: save it as CSV in UTF-8",)) from error


class _Reading:
    def __init__(self, file: str, headers: Mapping[str, str], scope: str, source: str) -> None:
        self._file = file
        self._headers = headers
        self._scope = scope
        self._source = source
        self._places: dict[str, int] = {}
        self._first: dict[str, int] = {}  # person id -> line
        self.ignored: list[str] = []
        self.problems: list[str] = []

    def people(self, text: str) -> list[Person]:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        found: list[Person] = []
        header: list[str] | None = None
        end = 0  # line at which the row before ended; a row starts on the next
        try:
            for row in lines:
                start, end = end + 1, lines.line_num
                if not any(cell.strip() for cell in row):
                    continue
                if header is None:
                    header = row
                    self._places, self.ignored, wrong = places(header, self._headers)
                    self._complain(start, *wrong)
                    if wrong:
                        return []
                elif len(row) != len(header):
                    self._complain(start, f"{len(row)} fields where the header has {len(header)}")
                elif (person := self._person(start, row)) is not None:
                    found.append(person)
        except csv.Error as error:
            self._complain(end + 1, f"not a CSV row: {error}")
        if not found and not self.problems:
            self._complain(end or 1, "nobody stands in this roster")
        return found

    def _person(self, line: int, row: list[str]) -> Person | None:
        cells = {column: row[place].strip() for column, place in self._places.items()}
        before = len(self.problems)
        person_id = cells["person_id"]
        if not person_id:
            self._complain(line, f"{self._headers['person_id']} is empty")
        elif (first := self._first.setdefault(person_id, line)) != line:
            self._complain(line, f"{person_id!r} stands on line {first} already")
        status = cells["status"].casefold()
        if status not in PERSON_STATUSES:
            self._complain(line, f"{self._headers['status']} is {cells['status']!r}, not active or left")
        start, end = self._day(line, "start_date", cells), self._day(line, "end_date", cells)
        if start is not None and end is not None and end < start:
            self._complain(line, f"{self._headers['end_date']} lies before {self._headers['start_date']}")
        if len(self.problems) > before:
            return None
        return Person(
            key=f"{self._scope}/person/{person_id}",
            scope=self._scope,
            person_id=person_id,
            email=cells["email"] or None,
            name=cells.get("name") or None,
            status=status,
            start_date=start,
            end_date=end,
            source=self._source,
        )

    def _day(self, line: int, column: str, cells: Mapping[str, str]) -> int | None:
        text = cells.get(column, "")
        if not text:
            return None
        try:
            if not _DAY.fullmatch(text):
                raise ValueError(text)
            day = date.fromisoformat(text)
        except ValueError:
            self._complain(line, f"{self._headers[column]} is {text!r}, not a date like 2026-01-31")
            return None
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

    def _complain(self, line: int, *messages: str) -> None:
        self.problems += [f"{self._file}:{line}: {message}" for message in messages]

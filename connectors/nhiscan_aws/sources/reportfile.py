"""The credential report as a file: cells, rows and what is missing. Pure; no API.

Columns are read by name. An unknown column is left alone, a missing one is told in `Report.missing`. A cell that cannot
be read is "not collected", and a row that ends early holds what it says: `Report.unreadable` tells of both, because
"nothing stands there" and "it cannot be read" are not the same.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nhiscan_aws.account import Slot

COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)
"""The columns that are read. Region and service of the last use are not."""

NOTHING = frozenset({"N/A", "no_information"})  # said of a time: there is none
_WORDS = NOTHING | {"not_supported"}
_TRUTHS = frozenset(column for column in COLUMNS if column.endswith(("_enabled", "_active")))
_TIMES = frozenset(COLUMNS) - _TRUTHS - {"user", "arn"}


@dataclass(frozen=True)
class Certificate:
    """A signing certificate as the report shows it: without an id."""

    number: int  # 1 or 2
    active: bool
    created_at: int | None


@dataclass(frozen=True)
class Row:
    """One line. `root` is the account's root identity."""

    user: str
    arn: str
    cells: Mapping[str, str]

    @property
    def root(self) -> bool:
        return self.user == "<root_account>" or self.arn.endswith(":root")

    def text(self, column: str) -> str:
        return self.cells.get(column, "")

    def time(self, column: str) -> int | None:
        return when(self.text(column))

    def truth(self, column: str) -> int | None:
        return {"true": 1, "false": 0}.get(self.text(column).lower())

    def has_nothing(self, column: str) -> bool:
        """The report says that there is no time here, as against not saying anything."""
        return self.text(column) in NOTHING

    @property
    def more(self) -> bool:
        """The user has credentials beyond the columns."""
        return self.text("additional_credentials_info") not in ("", "not_supported", *NOTHING)

    def unreadable(self) -> Iterator[str]:
        """The columns whose cell is there and is none of what the report can say."""
        for column in COLUMNS:
            cell = self.cells.get(column)
            if cell is None or cell in _WORDS:
                continue
            if (column in _TRUTHS and self.truth(column) is None) or (column in _TIMES and when(cell) is None):
                yield column

    def access_keys(self) -> tuple[Slot, ...]:
        """Filled slots. An inactive key keeps its times, so any of the three cells tells that there is one."""
        found = []
        for number in (1, 2):
            name = f"access_key_{number}"
            active = self.truth(f"{name}_active") == 1
            made, used = self.time(f"{name}_last_rotated"), self.time(f"{name}_last_used_date")
            if active or made is not None or used is not None:
                known = used is not None or self.has_nothing(f"{name}_last_used_date")
                found.append(Slot(number, active, made, used, known))
        return tuple(found)

    def certificates(self) -> tuple[Certificate, ...]:
        found = []
        for number in (1, 2):
            active, made = self.truth(f"cert_{number}_active") == 1, self.time(f"cert_{number}_last_rotated")
            if active or made is not None:
                found.append(Certificate(number, active, made))
        return tuple(found)


@dataclass(frozen=True)
class Report:
    """All rows of a report, root's included."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]  # columns that should be there
    unreadable: tuple[str, ...] = ()  # what stands in it and cannot be read, in words


def parse(content: bytes) -> Report:
    """Read the file. Lines end in LF, the last one may not end at all; an empty file has every column missing."""
    lines = csv.DictReader(io.StringIO(content.decode("utf-8", "replace"), newline=""), restval=None)
    header = tuple(lines.fieldnames or ())
    missing = tuple(column for column in COLUMNS if column not in header)
    rows = []
    cut = 0
    odd: dict[str, int] = {}
    for cells in lines:
        cut += len(cells) != len(header) or None in cells.values()  # restkey: a cell too many
        named = {name: value for name, value in cells.items() if isinstance(name, str) and isinstance(value, str)}
        if named.get("user"):
            row = Row(named["user"], named.get("arn", ""), named)
            rows.append(row)
            for column in row.unreadable():
                odd[column] = odd.get(column, 0) + 1
    unreadable = [f"{cut} of its rows have another number of cells than its first line"] if cut and not missing else []
    unreadable += [f"{number} cells of its column {column} cannot be read" for column, number in odd.items()]
    return Report(tuple(rows), missing, tuple(unreadable))


def when(cell: str) -> int | None:
    """Epoch seconds of a time of the report (ISO 8601, ``Z`` or an offset); None for every other text."""
    if not cell[:1].isdigit():
        return None
    try:
        parsed = datetime.fromisoformat(cell)
    except ValueError:
        return None
    try:
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except OverflowError:
        return None

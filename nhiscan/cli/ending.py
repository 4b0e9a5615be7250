"""How a command ends: exit codes, and what has been said on standard output so far. Imported by every command."""

from dataclasses import dataclass
from pathlib import Path

OK, FINDINGS, USAGE, INCOMPLETE, FAILED, LOCKED, UNVERIFIED = range(7)

CODES = (
    (OK, "ok: everything planned was read, and no open finding is at or above --fail-on"),
    (FINDINGS, "an open finding is at or above --fail-on"),
    (USAGE, "wrong usage, configuration or rules; nothing was read"),
    (INCOMPLETE, "the collection has gaps, or its counts do not agree (--allow-partial accepts that)"),
    (FAILED, "the run failed, was interrupted, or nothing could be read at all"),
    (LOCKED, "another run is scanning one of the planned scopes"),
    (UNVERIFIED, "an evidence package does not hold"),
)


class Stop(Exception):
    """Ends the command with an exit code and a message for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass
class Said:
    """What the entry point must know when a command breaks off: the format asked for, and whether data has been given.

    One for each run of the program; commands find it as ``ctx.obj``.
    """

    format: str | None = None
    file: Path | None = None
    done: bool = False


def verdict(*, nothing: bool, incomplete: bool, findings: bool, allow_partial: bool) -> int:
    """The code of a scan that finished: 4 > 3 > 1 > 0. Findings counted over a part of the whole prove little."""
    if nothing:
        return FAILED
    if incomplete and not allow_partial:
        return INCOMPLETE
    return FINDINGS if findings else OK

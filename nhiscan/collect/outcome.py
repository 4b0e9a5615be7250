"""What a scan says while it runs and when it has ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from nhiscan.inventory import ScanInfo
from nhiscan.model import Coverage, TieOut

T = TypeVar("T")

READ = frozenset({"complete", "replaced"})
"""Coverage states in which nothing is missing."""


@dataclass(frozen=True)
class Progress:
    """One sign of life. Given to the progress callback in the main thread, in the order in which things happened."""

    event: str  # "planned" | "started" | "calls" | "ended" | "storing" | "evaluating"
    connector: str = ""
    scope: str = ""  # name of the scope, else its key
    source: str = ""
    state: str = ""  # coverage state, when the source has ended
    scopes_done: int = 0
    scopes: int = 0  # planned
    calls: int = 0  # API calls so far, of all scopes
    records: int = 0  # records so far, of all scopes


@dataclass(frozen=True)
class ScanOutcome(Generic[T]):
    """How a scan ended.

    ``number``, ``info`` and ``result`` are None when ``nothing_read``: then nothing was stored, and the run is marked
    as failed. ``coverage`` has one row for each (scope, source) planned, sorted by key, and one on the scope
    ``<connector>/session`` for each connector whose scopes could not even be named.
    """

    run: str
    number: int | None
    info: ScanInfo | None
    coverage: tuple[Coverage, ...]
    counts: Mapping[str, int] = field(default_factory=dict)  # table -> records delivered
    tie_outs: tuple[TieOut, ...] = ()  # counts that differ without an explanation
    nothing_read: bool = False
    result: T | None = None  # what ``finish`` returned

    @property
    def gaps(self) -> tuple[Coverage, ...]:
        """Coverage rows of what was planned and not read as planned."""
        return tuple(row for row in self.coverage if row.state not in READ)

    @property
    def incomplete(self) -> bool:
        """True: something planned is missing or unproven (exit code 3, unless partial results are allowed)."""
        return bool(self.gaps or self.tie_outs)

"""The tie-out: two independent counts of one population, written down as soon as both are known."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nhiscan.model import TieOut


@dataclass(frozen=True)
class Count:
    """How many the source gave; ``recent`` of them were made after the account was opened for this scan.

    ``why`` says why the source may differ from any other, where there is such a reason.
    """

    source: str
    number: int
    recent: int = 0
    why: str | None = None


@dataclass
class Ledger:
    """Counts of one account by what they count. `listed` holds the listings, `counted` the independent counts."""

    listed: dict[str, Count] = field(default_factory=dict)
    counted: dict[str, Count] = field(default_factory=dict)

    def compare(self, scope: str) -> Iterator[TieOut]:
        """Give the pairs that are complete, and forget them."""
        for what in [what for what in self.listed if what in self.counted]:
            a, b = self.listed.pop(what), self.counted.pop(what)
            yield tie_out(scope, what, a, b, _made_meanwhile(a, b))


def tie_out(scope: str, what: str, a: Count, b: Count, explanation: str | None) -> TieOut:
    """A comparison; the explanation is kept only where the two differ."""
    return TieOut(
        key=f"{scope}|{what}",
        scope=scope,
        what=what,
        source_a=a.source,
        count_a=a.number,
        source_b=b.source,
        count_b=b.number,
        explanation=explanation if a.number != b.number else None,
    )


def _made_meanwhile(a: Count, b: Count) -> str | None:
    """The listing comes after the count, so it may show more by as many as were made in between, never fewer."""
    if 0 < a.number - b.number <= a.recent:
        return f"{a.recent} listed by {a.source} were made after the scan of this account began"
    return a.why

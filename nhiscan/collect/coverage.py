"""What became of the sources of one scope, and which kinds and facts are completely known by it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nhiscan.collect.order import fallbacks
from nhiscan.collect.outcome import READ
from nhiscan.connector import Failure, Source
from nhiscan.model import Coverage, Need

LONGEST_MESSAGE = 1_000


@dataclass(frozen=True)
class Ended:
    """How one source ended in one scope. ``failure`` is None where it came to its end."""

    source: str
    state: str
    failure: Failure | None
    records: int = 0
    calls: int = 0
    started_at: int = 0
    ended_at: int = 0
    data_time: int | None = None
    transcript_sha256: str | None = None
    replaced_by: str | None = None

    def row(self, scope: str) -> Coverage:
        """The coverage row."""
        failure = self.failure or Failure("failed")
        return Coverage(
            key=f"{scope}|{self.source}",
            scope=scope,
            source=self.source,
            state=self.state,
            code=failure.code,
            operation=failure.operation,
            permission=failure.permission,
            message=one_line(failure.message),
            replaced_by=self.replaced_by,
            records=self.records,
            calls=self.calls,
            started_at=self.started_at,
            ended_at=self.ended_at,
            data_time=self.data_time,
            transcript_sha256=self.transcript_sha256,
        )


def one_line(text: str | None) -> str | None:
    """White space as single blanks, cut to 1,000 characters."""
    if text is None:
        return None
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 3] + "..."


def state_of(failure: Failure | None, records: int) -> str:
    """The coverage state of a source that ended with ``failure`` after ``records`` records."""
    if failure is None:
        return "complete"
    if records:
        return "partial"
    return "denied" if failure.state == "denied" else "failed"


def resting(source: Source, sources: Iterable[Source], ended: Mapping[str, Ended]) -> Failure | None:
    """What is missing below a source: the first of its `reads` that is neither complete nor replaced."""
    primary = {one.id: one.fallback_for for one in sources}
    for read in source.reads:
        name: str | None = read
        while name is not None and name not in ended:  # a fallback that did not have to run: its primary counts
            name = primary.get(name)
        if name is None:
            return Failure("failed", message=f"rests on {read}, which did not run")
        if ended[name].state not in READ:
            return Failure("failed", message=f"rests on {name}, which ended {ended[name].state}")
    return None


def wanted(source: Source, ended: Mapping[str, Ended]) -> bool:
    """Does the source have to run? A fallback only where the one it stands in for ran and did not give everything."""
    if source.fallback_for is None:
        return True
    primary = ended.get(source.fallback_for)
    return primary is not None and primary.state not in READ


def settle(sources: Sequence[Source], ended: dict[str, Ended]) -> None:
    """Mark as replaced, in place, what the fallbacks that came to a complete end declare in full."""
    by_id = {source.id: source for source in sources}
    for name in reversed(list(ended)):  # a fallback of a fallback counts for the one above
        if ended[name].state in READ:
            continue
        good = [one for one in fallbacks(name, sources) if one.id in ended and ended[one.id].state in READ]
        given = frozenset().union(*(one.lists | one.adds for one in good))
        if good and given >= by_id[name].lists | by_id[name].adds:
            ended[name] = replace(ended[name], state="replaced", replaced_by=", ".join(one.id for one in good))


def replaced_below(end: Ended, below: Sequence[Ended], sources: Iterable[Source]) -> Ended:
    """How a spanning source ended where it ran, once it is known how it ended in the scopes ``below``.

    It is replaced where fallbacks gave all of it in every one of them.
    """
    names = {name for one in below if one.replaced_by for name in one.replaced_by.split(", ")}
    if end.state in READ or not names or not all(one.state in READ for one in below):
        return end
    return replace(end, state="replaced", replaced_by=", ".join(one.id for one in sources if one.id in names))


def needs(scope: str, sources: Iterable[Source], states: Mapping[str, str]) -> list[Need]:
    """One row for each kind and fact that the sources planned in a scope declare, sorted by name.

    ``states`` has the coverage state of each source that ran (or could not, because the scope did not open). A kind or
    fact is complete when one complete source declares it. The reason says what is missing; of a gap that others made up
    for in everything, the rows of what it declares name both. A fallback that did not run says nothing.
    """
    declaring: dict[tuple[str, int], list[str]] = {}
    for source in sources:
        if source.id in states:
            for name in source.lists:
                declaring.setdefault((name, 1), []).append(source.id)
            for name in source.adds:
                declaring.setdefault((name, 0), []).append(source.id)
    complete = {key for key, ids in declaring.items() if any(states[one] == "complete" for one in ids)}
    missed = {one for key, ids in declaring.items() if key not in complete for one in ids}
    rows = []
    for (name, lists), ids in sorted(declaring.items()):
        known = (name, lists) in complete
        gaps = [one for one in sorted(ids) if not known or (states[one] not in READ and one not in missed)]
        words = [f"{one} {states[one]}" for one in gaps]
        if known and words:
            words.insert(0, f"given by {min(one for one in ids if states[one] == 'complete')}")
        rows.append(Need(scope, name, int(known), lists, "; ".join(words) or None))
    return rows

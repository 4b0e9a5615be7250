"""The unit of work: one planned scope with the sources that have to do with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nhiscan.collect.coverage import Ended, needs, replaced_below, wanted
from nhiscan.collect.outcome import READ
from nhiscan.collect.places import Place, holds
from nhiscan.connector import Connector, Session, Source
from nhiscan.model import Coverage, Need, Scope


@dataclass(eq=False)
class Task:
    """One planned scope to read.

    ``number``   its place in the plan; the tasks above it have lower ones
    ``sources``  all of the connector, in the order in which they may run
    ``above``    id of a source that reads this scope from above -> the task in which it runs
    ``below``    id of a source that runs here and spans -> the tasks of the scopes that it reads from here
    ``ended``    how the sources ended in this scope so far. A task fills in what it reads of those below, too: they
                 start when it is done
    """

    number: int
    connector: Connector
    session: Session
    sources: tuple[Source, ...]
    place: Place
    above: dict[str, "Task"] = field(default_factory=dict)
    below: dict[str, list["Task"]] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        return self.place.scope

    def reached(self, source: Source) -> Sequence["Task"]:
        """The tasks of the scopes that a source reads from here."""
        return self.below.get(source.id, ())

    def due(self, source: Source) -> bool:
        """Does a source have to run here? A fallback only where what it stands in for did not give everything."""
        return any(wanted(source, task.ended) for task in (self, *self.reached(source)))

    def owns(self, source: Source) -> bool:
        """May what a source shows live in this scope?"""
        return source.id in self.place.reached or holds(source, self.scope, self.sources)

    def settle_spans(self) -> None:
        """Called when all is read: what fallbacks replaced in every scope below, and could only there, is replaced."""
        for source in self.place.runs:
            if source.spans and source.id in self.ended and not self.owns(source):
                below = [task.ended[source.id] for task in self.reached(source)]
                self.ended[source.id] = replaced_below(self.ended[source.id], below, self.sources)

    def rows(self) -> list[Coverage]:
        """The coverage rows of the scope, in the order in which the sources ended."""
        return [one.row(self.scope.key) for one in self.ended.values()]

    def needs(self) -> list[Need]:
        """What is completely known of the scope. A source whose records live below says nothing, unless it failed."""
        states = {name: one.state for name, one in self.ended.items()}
        saying = [one for one in self.place.known if self.owns(one) or states.get(one.id) not in READ]
        return needs(self.scope.key, saying, states)

    def session_calls(self) -> str:
        """Under which name the spool keeps the calls made while the scope was opened and closed."""
        return f"{self.number}-session"

    def source_calls(self, source: str) -> str:
        """Under which name the spool keeps the calls of a source."""
        return f"{self.number}-{self.index(source)}"

    def index(self, source: str) -> int:
        """The number of a source among those of the connector."""
        return next(number for number, one in enumerate(self.sources) if one.id == source)


def tasks(plans: Iterable[tuple[Connector, Session, tuple[Source, ...], Sequence[Place]]]) -> tuple[Task, ...]:
    """A task for each planned scope of each connector, the ones above first, else by key."""
    placed = [(place, plan) for plan in plans for place in plan[3]]
    placed.sort(key=lambda one: (one[0].depth, one[0].scope.key))
    found = tuple(
        Task(number, connector, session, sources, place)
        for number, (place, (connector, session, sources, _)) in enumerate(placed)
    )
    by_key = {task.scope.key: task for task in found}
    for task in found:
        for source, key in task.place.reached.items():
            task.above[source] = by_key[key]
            by_key[key].below.setdefault(source, []).append(task)
    return found

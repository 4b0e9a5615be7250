"""Where evaluation and escalation meet.

`nhiscan_aws.analyzer.derive` builds one `Estate`, asks ``escalation.find(estate)`` for the ways, and hands both to
`privilege.privileges`, which writes one `nhiscan.model.Privilege` an identity: level, granted, effect, services and
limits come from the estate; what can be reached comes from `Ways`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from nhiscan.model import EscalationPath


class Reach(NamedTuple):
    """What one identity can become. Only identities that reach something, or are reached, have one."""

    outcome: str | None  # ESCALATION_OUTCOMES; None: reaches nothing that is more
    path: str | None  # key of the EscalationPath that the outcome rests on: shortest to administrator, else the best
    hops: int | None
    reaches: int  # identities that it can become, directly or over others
    reached_by: int  # principals whose compromise opens it
    conditional: int = 0  # of that path
    confidence: str = "proven"
    reasons: tuple[str, ...] = ()  # ACCESS_REASONS


class Ways(Protocol):
    """All that escalation finds in an estate; ``escalation.find(estate: Estate) -> Ways``."""

    def paths(self) -> Iterator[EscalationPath]:
        """Every row of `escalation_path`, sorted by key."""
        ...

    def reach(self, identity: str) -> Reach | None: ...

    def reaches(self, principal: str) -> Sequence[str]: ...

    def reached_by(self, identity: str) -> Sequence[str]: ...


class NoWays:
    """Nothing was looked for."""

    def paths(self) -> Iterator[EscalationPath]:
        return iter(())

    def reach(self, identity: str) -> Reach | None:  # noqa: ARG002
        return None

    def reaches(self, principal: str) -> Sequence[str]:  # noqa: ARG002
        return ()

    def reached_by(self, identity: str) -> Sequence[str]:  # noqa: ARG002
        return ()

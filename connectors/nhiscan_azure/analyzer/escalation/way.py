"""What a way of one hop is."""

from typing import NamedTuple

from nhiscan_azure.analyzer.escalation.pools import Pool
from nhiscan_azure.analyzer.escalation.sets import Set
from nhiscan_azure.analyzer.places import DIRECTORY

UNIT = f"{DIRECTORY}administrativeunits/"
"""Begin of the place of an administrative unit."""
IN_UNIT = "a member of the administrative unit that holds more than the principal"


class Gained(NamedTuple):
    """What a principal gets without becoming anybody else."""

    tenant: bool  # the tenant; else rights of Azure at the place
    administrator: bool  # of the tenant, or of a whole subscription or more
    rank: int
    place: str


class Way(NamedTuple):
    """A set that a principal holds, and what it leads to."""

    set: Set
    reach: tuple[tuple[Pool, int, str], ...] = ()  # whom, how certainly, held where
    own: Gained | None = None
    role: str | None = None  # id of the role that it gives itself, where that is not Owner


class Judged(NamedTuple):
    """What a way comes to: the best of its targets."""

    outcome: str  # ESCALATION_OUTCOMES
    tenant: bool
    rank: int
    node: int | None  # of the target; None: itself, or not known
    targets: int

    @property
    def order(self) -> tuple[bool, bool, int]:
        return self.outcome != "administrator", not self.tenant, self.rank

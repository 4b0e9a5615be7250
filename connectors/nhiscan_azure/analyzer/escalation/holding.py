"""What is held where, for a set of rights."""

from collections.abc import Iterator, Sequence

from nhiscan.ways import UNSEEN
from nhiscan_azure.analyzer.escalation.sets import Set
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.analyzer.masks import WAY
from nhiscan_azure.analyzer.places import DIRECTORY
from nhiscan_azure.analyzer.rights import Rights


class Holding:
    """Asks rights about sets."""

    def __init__(self, estate: Estate, every: Sequence[Set]) -> None:
        self.estate = estate
        self.every = every
        self.masks = {one.id: self.mask(one.all_of, one.plane) for one in every}
        self.ways = {one.id: estate.bits.bit(WAY, one.way) for one in every if one.way is not None}

    def mask(self, actions: Sequence[str], plane: str) -> int:
        found = 0
        for action in actions:
            found |= self.estate.bits.bit(plane, action.lower())
        return found

    def held(self, rights: Rights, mask: int) -> Iterator[tuple[str, int]]:
        """(place, rank) where all of a mask is held: the highest places, where it is certain and where it is not."""
        if mask & ~rights.anything:
            return
        sure = rights.top(mask, sure=True)
        for place in sure:
            yield place, 0
        for place in rights.top(mask):
            if not any(rights.covers(one, place) for one in sure):
                yield place, 1

    def left(self, rights: Rights, mask: int) -> Iterator[tuple[str, int]]:
        """The same, where no denial takes it away at that very place."""
        return ((place, rank) for place, rank in self.held(rights, mask) if not mask & ~rights.on(place).open)

    def by_way(self, rights: Rights, one: Set) -> int | None:
        """How certainly a way is held over all of the tenant."""
        bit, has = self.ways[one.id], rights.on(DIRECTORY)
        return 0 if has.sure & bit else 1 if has.open & bit else None

    def needing(self, rights: Rights, one: Set, rank: int) -> int:
        """The rank, where a role or permission gives the way without needing more; else `UNSEEN`."""
        return UNSEEN if one.needs is not None or one.way in rights.needing else rank

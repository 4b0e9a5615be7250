"""Who has more: rights compared place by place."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nhiscan_gcp.analyzer.escalation.roster import Crowd
from nhiscan_gcp.analyzer.estate import Estate
from nhiscan_gcp.analyzer.holding import OPEN, SURE, Holding

MOST_TRIED = 64
"""Targets that are compared one by one before all of a place are compared at once."""


class Gain(NamedTuple):
    """What a target has and a principal lacks."""

    outcome: str  # ESCALATION_OUTCOMES
    rank: int
    width: int  # of what is administered then

    @property
    def order(self) -> tuple[bool, int, int]:
        return (self.outcome != "administrator", self.rank, -self.width)


class Rights:
    """Compares, and keeps what is asked often."""

    def __init__(self, estate: Estate, holdings: Mapping[str, Holding]) -> None:
        self._estate = estate
        self._holdings = holdings
        self._only: dict[tuple[str, ...], int] = {}

    def mask(self, only: Sequence[str]) -> int:
        """The permissions that begin with one of some texts; all for none."""
        key = tuple(only)
        if not key:
            return self._estate.table.everything
        if key not in self._only:
            names = self._estate.table.names
            self._only[key] = self._estate.table.mask(name for name in names if name.startswith(key))
        return self._only[key]

    def gain(self, principal: Holding, target: Holding, only: int) -> Gain | None:
        """What a principal gets that becomes a target; None: nothing that it lacks."""
        if only == self._estate.table.everything:
            found = [
                Gain("administrator", rule.rank, rule.width)
                for rule in target.rules
                if (mine := principal.administers(rule.place, rule.kinds)) is None or mine > rule.rank
            ]
            if found:
                return min(found, key=lambda one: one.order)
        rank = self.more(principal, target.places, only)
        return None if rank is None else Gain("more", rank, 0)

    def more(self, principal: Holding, places: Mapping[str, tuple[int, int]], only: int) -> int | None:
        """How certainly others hold something in their places that a principal lacks there."""
        rank: int | None = None
        for place, (sure, possible) in places.items():
            extra = possible & only
            if extra and (extra := extra & ~self.has(principal, place)):
                if sure & extra:
                    return SURE
                rank = OPEN
        return rank

    def has(self, principal: Holding, place: str) -> int:
        """All that a principal may hold in a place; of one that says who may do what there, everything."""
        chain = self._estate.chain(place)
        if any(rule.rank == SURE and principal.governs(rule, chain) for rule in principal.rules):
            return self._estate.table.everything
        return principal.on(chain)[1]

    # --- many at once ---

    def sorted(self, crowd: Crowd) -> tuple[str, ...]:
        """Those that hold something, the most first."""
        if crowd.by_size is None:
            sized = sorted((-self._size(key), key) for key in crowd.keys)
            crowd.by_size = tuple(key for size, key in sized if size)
        return crowd.by_size

    def _size(self, key: str) -> int:
        return sum(possible.bit_count() for _, possible in self._holdings[key].places.values())

    def rulers(self, crowd: Crowd) -> tuple[str, ...]:
        """Those that administer something: the most certain first, of those the widest."""
        if crowd.rulers is None:
            some = [(rules[0].rank, -rules[0].width, key) for key in crowd.keys if (rules := self._holdings[key].rules)]
            crowd.rulers = tuple(key for *_, key in sorted(some))
        return crowd.rulers

    def best(self, principal: Holding, members: Crowd, only: int) -> tuple[Gain, str] | None:
        """The member of a place that gives most, and what: an administrator where there is one."""
        own = principal.principal.key
        best: tuple[Gain, str] | None = None
        if only == self._estate.table.everything:
            for key in self.rulers(members):
                found = self.gain(principal, self._holdings[key], only) if key != own else None
                if found is None or found.outcome != "administrator":
                    continue
                if best is None or found.order < best[0].order:
                    best = (found, key)
                if found.rank == SURE:
                    break  # the widest come first, and the rest is no surer
            if best is not None:
                return best
        for number, key in enumerate(self.sorted(members)):
            if number == MOST_TRIED and self.more(principal, self._of_all(members), only) is None:
                return best
            rank = self.more(principal, self._holdings[key].places, only) if key != own else None
            if rank is not None and (best is None or rank < best[0].rank):
                best = (Gain("more", rank, 0), key)
                if rank == SURE:
                    break
        return best

    def _of_all(self, members: Crowd) -> Mapping[str, tuple[int, int]]:
        """What all together hold."""
        found: dict[str, tuple[int, int]] = {}
        for key in members.keys:
            for place, (sure, possible) in self._holdings[key].places.items():
                had = found.get(place, (0, 0))
                found[place] = (had[0] | sure, had[1] | possible)
        return found

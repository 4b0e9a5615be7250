"""The rights of a principal: what it holds at which place, all its grants together, less what is denied there."""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from nhiscan.model import Grant
from nhiscan_azure.analyzer.definitions import CONTROL, Block
from nhiscan_azure.analyzer.masks import WAY, Bits
from nhiscan_azure.analyzer.places import DIRECTORY, ROOT, Places
from nhiscan_azure.analyzer.roles import NOTHING, Power

EVERYBODY = "00000000-0000-0000-0000-000000000000"
"""Object id that stands for everybody in a deny assignment."""


class Deny(NamedTuple):
    """A deny assignment."""

    grant: Grant
    place: str
    principals: frozenset[str]  # keys of identities and groups
    excluded: frozenset[str]
    control: tuple[Block, ...]
    data: tuple[Block, ...]
    below: bool  # holds below its place, too
    conditional: bool
    unread: bool  # what it denies is not known

    def meant_for(self, names: set[str]) -> bool:
        """Whether it is meant for somebody with these keys: its own and those of its groups."""
        everybody = any(key.endswith(f"/{EVERYBODY}") for key in self.principals)
        return (everybody or bool(names & self.principals)) and not names & self.excluded

    def denies(self, plane: str, action: str) -> bool:
        """Whether it denies an action, in lower case."""
        return any(block.gives(action) is not None for block in (self.control if plane == CONTROL else self.data))

    def takes(self, bits: Bits) -> tuple[int, int]:
        """(what it takes away for certain, what it may take away)."""
        if self.unread:
            return 0, -1
        sure = some = 0
        for block in (*self.control, *self.data):
            for pattern in block.allows:
                sure |= bits.covered(block.plane, pattern)
                some |= bits.met(block.plane, pattern)
            for pattern in block.takes:
                sure &= ~bits.met(block.plane, pattern)
        sure, some = bits.with_any(sure), bits.with_any(some)
        return (0, some) if self.conditional else (sure, some)


class Rights:
    """Shared by all principals with the same grants. ``number`` tells them apart."""

    def __init__(
        self,
        number: int,
        at: Mapping[str, Power],
        denies: tuple[Deny, ...],
        places: Places,
        bits: Bits,
        needing: frozenset[str] = frozenset(),
    ) -> None:
        """``needing``: ways over the directory that need more than what gives them."""
        self.number = number
        self.needing = needing
        self.at = {place: power for place, power in sorted(at.items()) if power.open}
        """Place -> what is granted there."""
        self.denies = denies
        self._places = places
        self._bits = bits
        self._seen: dict[str, Power] = {}
        self._taken = [deny.takes(bits) for deny in denies]

    def granted(self, place: str) -> Power:
        """What is granted at a place or above."""
        found = NOTHING
        for one in self._places.above(place):
            if one in self.at:
                found |= self.at[one]
        return found

    def on(self, place: str) -> Power:
        """What it has at a place: what is granted there or above, less what is denied."""
        found = self._seen.get(place)
        if found is None:
            found = self.granted(place)
            above = self._places.above(place) if self.denies else ()
            for deny, (sure, some) in zip(self.denies, self._taken, strict=True):
                if deny.place == place or (deny.below and deny.place in above):
                    found = Power(found.sure & ~(sure | some), found.open & ~sure)
            self._seen[place] = found
        return found

    def covers(self, place: str, other: str) -> bool:
        """Whether a place is another or lies above it."""
        return self._places.covers(place, other)

    def above(self, place: str) -> tuple[str, ...]:
        """A place and all above it."""
        return self._places.above(place)

    def administers(self, place: str) -> bool:
        """Whether it administers all that a place is."""
        return any(one in self.administered for one in self._places.above(place))

    def beyond(self, other: "Rights") -> bool:
        """Whether it has something, somewhere, that another lacks."""
        if self.number == other.number:
            return False
        return any(self.on(place).open & ~other.on(place).open for place in self.at)

    def top(self, mask: int, *, sure: bool = False) -> list[str]:
        """The highest places at which all of a mask is granted, sorted. Denials may take it away there or below."""
        granted = self.granted if self.denies else self.on
        wanted = [place for place in self.at if mask & ~(granted(place).sure if sure else granted(place).open) == 0]
        among = set(wanted)
        return [place for place in wanted if not any(one in among for one in self._places.above(place)[1:])]

    @cached_property
    def anything(self) -> int:
        """Everything that is granted, wherever, whatever is denied."""
        found = 0
        for power in self.at.values():
            found |= power.open
        return found

    @cached_property
    def every(self) -> Power:
        """Everything it has where it is granted."""
        found = NOTHING
        for place in self.at:
            found |= self.on(place)
        return found

    @cached_property
    def tenant_administrator(self) -> int | None:
        """0: it administers the tenant; 1: under a condition, or after an activation; None: it does not."""
        has, way = self.on(DIRECTORY), self._bits.bit(WAY, "self")
        return 0 if has.sure & way else 1 if has.open & way else None

    @cached_property
    def administered(self) -> Mapping[str, int]:
        """Whole subscriptions, groups of them or all of Azure that it administers -> how certainly (0 or 1)."""
        found = {}
        for place in self.at:
            if self._places.wide(place):
                has = self.on(place)
                if self._bits.administers(has.open):
                    found[place] = 0 if self._bits.administers(has.sure) else 1
        return {place: rank for place, rank in found.items() if not self._held_above(place, rank, found)}

    def _held_above(self, place: str, rank: int, found: Mapping[str, int]) -> bool:
        return any(found.get(one, 2) <= rank for one in self._places.above(place)[1:])

    @cached_property
    def administrator(self) -> int | None:
        """The same as `tenant_administrator`, of the tenant or a whole subscription."""
        ranks = [rank for rank in (self.tenant_administrator, *self.administered.values()) if rank is not None]
        return min(ranks, default=None)

    @cached_property
    def order(self) -> tuple[int, int, int]:
        """Who has most comes first."""
        tenant = self.tenant_administrator
        root = self.administered.get(ROOT)
        whole = 0 if tenant is not None else 1 if root is not None else 2 if self.administered else 3
        return whole, -sum(power.open.bit_count() for power in self.at.values()), -len(self.at)

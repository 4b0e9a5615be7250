"""How far rights go: from nothing to administrator, as granted and as left by all limits."""

from functools import cached_property

from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.documents import Masks
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.layers import Power
from nhiscan_aws.analyzer.principal import Principal

LEVELS = ("administrator", "permissions_management", "write", "tagging", "read", "list", "unknown", "none")
"""Descending; of `nhiscan.model.ACCESS_LEVELS` and, of nothing at all, "none"."""
_EXAMPLES = 5


def highest(table: ActionTable, mask: int) -> str:
    """The highest access level of any action of a mask; "unknown" of unknown actions alone, "none" of none."""
    for level in LEVELS:
        if mask & table.levels.get(level, 0):
            return level
    return "unknown" if mask else "none"


def administers(table: ActionTable, everywhere: int, ceiling: int) -> bool:
    """Whether rights on everything are those of an administrator: most of what anybody in the account can have at all
    (``ceiling``), and most of the actions that give whoever has them the rest. A Deny of a few actions changes nothing.
    """
    growing = table.classes["administration"]
    known = everywhere & table.known
    return (
        (known & growing).bit_count() * 2 > growing.bit_count()
        and known.bit_count() * 2 > (ceiling & table.known).bit_count()
        and known != 0
    )


class Level:
    """The level of one principal."""

    def __init__(self, estate: Estate, principal: Principal) -> None:
        self._estate = estate
        self._table = estate.table
        self._principal = principal
        self.power = principal.power

    @cached_property
    def _ceiling(self) -> int:
        """What the organisation leaves to any principal of the account that is like this one."""
        every = self._table.everything
        return self._estate.power_within(
            self._principal, Masks(allow=every, wide=every, whole=every), bounded=False
        ).everywhere

    @cached_property
    def unbounded(self) -> Power:
        """What it would have without its permissions boundary."""
        if self._principal.boundary is None:
            return self.power
        return self._estate.power_within(self._principal, None, bounded=False)

    @cached_property
    def granted_administrator(self) -> bool:
        return administers(self._table, self.power.granted_everywhere, self._table.known)

    @cached_property
    def administrator(self) -> bool:
        return self.granted_administrator and administers(self._table, self.power.everywhere, self._ceiling)

    @cached_property
    def surely_administrator(self) -> bool:
        return self.administrator and administers(self._table, self.power.surely_everywhere, self._ceiling)

    @cached_property
    def granted(self) -> str:
        """LEVELS: what its policies alone would give."""
        return "administrator" if self.granted_administrator else highest(self._table, self.power.granted)

    @cached_property
    def left(self) -> str:
        """LEVELS: what it has."""
        return "administrator" if self.administrator else highest(self._table, self.power.possible)

    @cached_property
    def effect(self) -> str:
        """ACCESS_EFFECTS: what becomes of the level that is granted."""
        if self.left == self.granted:
            return "allowed"
        if self.granted_administrator:
            free = administers(self._table, self.unbounded.everywhere, self._ceiling)
            return "bounded" if free else "denied"
        return self.effect_on(self._lost)

    def effect_on(self, lost: int) -> str:
        """What has taken actions away: "bounded" where all but the permissions boundary would leave most of them."""
        return "bounded" if (lost & self.unbounded.possible).bit_count() * 2 > lost.bit_count() else "denied"

    @cached_property
    def limits(self) -> tuple[str, ...]:
        """What takes the level that is granted away, as in `nhiscan.model.EffectiveAccess.limited_by`."""
        return () if self.effect == "allowed" else self.limits_on(self._lost)

    @property
    def _lost(self) -> int:
        """Actions of the level that is granted which are not left."""
        if self.granted_administrator:
            growing = self._table.classes["administration"]
            return growing & ~self.power.everywhere or self._table.known & ~self.power.everywhere
        wanted = self._table.levels.get(self.granted, self._table.unknown)
        return wanted & self.power.granted & ~self.power.possible

    def limits_on(self, lost: int) -> tuple[str, ...]:
        """What takes some actions away, by the first of them."""
        found: set[str] = set()
        for name in self._table.names(lowest(lost & ~self.power.possible or lost, _EXAMPLES)):
            found.update(self._principal.check(name).limited_by)
        return tuple(sorted(found))


def lowest(mask: int, count: int) -> int:
    """The first ``count`` bits of a mask."""
    found = 0
    for _ in range(count):
        low = mask & -mask
        if not low:
            break
        found |= low
        mask ^= low
    return found

"""Who has more: rights compared as masks of actions."""

from collections.abc import Iterable
from typing import NamedTuple

from nhiscan_aws.analyzer.documents import Masks
from nhiscan_aws.analyzer.escalation.roster import Pool, Spread, bits
from nhiscan_aws.analyzer.estate import Estate, Power
from nhiscan_aws.analyzer.levels import administers
from nhiscan_aws.analyzer.principal import Principal


class _Grouped(NamedTuple):
    """Members of a pool by what they have."""

    powers: list[Power]  # each once, those with most rights first
    masks: list[int]  # who has them
    of: list[int]  # place of a member -> place of its rights in `powers`
    administrators: Spread


class Rights:
    """Compares, and keeps what was compared: thousands of principals have the same rights."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._ceilings: dict[tuple[object, ...], Power] = {}
        self._sure: dict[Power, Power] = {}
        self._mosts: dict[tuple[str, bool], int] = {}
        self._groups: dict[tuple[int, bool], _Grouped] = {}
        self._more: dict[tuple[int, int, bool], int] = {}
        everything = estate.table.everything
        self._all = Masks(allow=everything, wide=everything)

    def administrator(self, principal: Principal, power: Power | None = None) -> int | None:
        """0: it can do everything on everything; 1: under a condition; None: it cannot. ``power``: if it had that."""
        has = principal.power if power is None else power
        table, most = self._estate.table, self._most(principal)
        if not administers(table, has.everywhere, most):
            return None
        return 0 if administers(table, has.surely_everywhere, most) else 1

    def compared(self, principal: Principal) -> Power:
        """What a target has to have more than. Of an administrator under a condition: what it has without."""
        has = principal.power
        if self.administrator(principal) != 1:
            return has
        sure = has._replace(possible=has.sure, everywhere=has.surely_everywhere)
        return self._sure.setdefault(sure, sure)

    def _most(self, principal: Principal) -> int:
        """What anybody in the account of a principal can have at all, on everything."""
        levels = self._estate.accounts[principal.scope].levels
        if any(layer.rules for layer in levels):
            return self._estate.power_within(principal, self._all, bounded=False).everywhere
        key = (principal.scope, principal.service_linked)
        found = self._mosts.get(key)
        if found is None:
            found = self._estate.power_within(principal, self._all, bounded=False).everywhere
            self._mosts[key] = found
        return found

    def ceiling(self, principal: Principal) -> Power:
        """What its limits leave of everything."""
        limits = principal.limits()
        if any(layer.rules for layer in limits):
            return self._estate.power_within(principal, self._all, bounded=True)
        key = (principal.scope, *(id(layer.masks) if not layer.gaps else -id(layer.masks) for layer in limits))
        found = self._ceilings.get(key)
        if found is None:
            found = self._ceilings[key] = self._estate.power_within(principal, self._all, bounded=True)
        return found

    def without_boundary(self, principal: Principal) -> Power:
        """What it would have if it had no permissions boundary."""
        return self._estate.power_within(principal, None, bounded=False)

    @staticmethod
    def beyond(power: Power, other: Power, only: int = -1) -> bool:
        """Whether the first gives an action that the second lacks, or one on more resources. ``only``: of these."""
        more = power.possible & ~other.possible | power.everywhere & ~other.everywhere
        return bool(more & only)

    # --- pools ---

    def administrators(self, pool: Pool, *, raised: bool = False) -> Spread:
        """The members that are administrators; ``raised``: that would be, if they had all that their limits leave."""
        return self._grouped(pool, raised=raised).administrators

    def more(self, pool: Pool, mask: int, power: Power, *, raised: bool = False, only: int = -1) -> int:
        """The members of a mask that have more than a power."""
        grouped = self._grouped(pool, raised=raised)
        if mask.bit_count() < len(grouped.powers):
            number = {place: grouped.of[place] for place in bits(mask)}
            more = {one: self.beyond(grouped.powers[one], power, only) for one in set(number.values())}
            return sum(1 << place for place, one in number.items() if more[one])
        if only != -1:
            return mask & self._beyond(grouped, power, only)
        key = (id(pool), id(power), raised)
        found = self._more.get(key)
        if found is None:
            found = self._more[key] = self._beyond(grouped, power, only)
        return found & mask

    def _beyond(self, grouped: "_Grouped", power: Power, only: int) -> int:
        found = 0
        for one, mask in zip(grouped.powers, grouped.masks, strict=True):
            if self.beyond(one, power, only):
                found |= mask
        return found

    def some(self, pool: Pool) -> int:
        """The members that can do anything at all."""
        grouped = self._grouped(pool, raised=False)
        found = 0
        for one, mask in zip(grouped.powers, grouped.masks, strict=True):
            if one.possible:
                found |= mask
        return found

    def best(self, pool: Pool, mask: int, *, raised: bool = False) -> int:
        """The place of the member of a mask that has most; among equals the first."""
        if not raised:
            grouped = self._grouped(pool, raised=False)
            if mask.bit_count() < len(grouped.powers):
                return min(bits(mask), key=lambda place: (grouped.of[place], place))
            mask &= next(some for some in grouped.masks if some & mask)
        return (mask & -mask).bit_length() - 1

    def _grouped(self, pool: Pool, *, raised: bool) -> "_Grouped":
        found = self._groups.get((id(pool), raised))
        if found is None:
            some: dict[Power, int] = {}
            sure = conditional = 0
            for place, principal in enumerate(self._principals(pool)):
                has = self.ceiling(principal) if raised else principal.power
                some[has] = some.get(has, 0) | 1 << place
                rank = self.administrator(principal, has)
                sure |= 1 << place if rank == 0 else 0
                conditional |= 1 << place if rank is not None else 0
            order = sorted(some.items(), key=lambda one: (-_size(one[0]), one[1] & -one[1]))
            of = [0] * len(pool.keys)
            for number, (_, mask) in enumerate(order):
                for place in bits(mask):
                    of[place] = number
            powers, masks = [has for has, _ in order], [mask for _, mask in order]
            found = _Grouped(powers, masks, of, Spread(sure, conditional, conditional))
            self._groups[(id(pool), raised)] = found
        return found

    def _principals(self, pool: Pool) -> Iterable[Principal]:
        estate = self._estate
        return (estate.principals.get(key) or estate.groups[key] for key in pool.keys)


def _size(power: Power) -> int:
    return power.possible.bit_count() + power.everywhere.bit_count()

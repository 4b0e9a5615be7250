"""`privilege`: how far the rights of each account and pool go, all in all. Here evaluation and escalation meet."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property

from nhiscan.model import Privilege
from nhiscan_gcp.analyzer.escalation.search import Reached, Search
from nhiscan_gcp.analyzer.estate import UNREAD, Estate
from nhiscan_gcp.analyzer.holding import OPEN, Holding
from nhiscan_gcp.analyzer.permissions import LEVELS

_ORDER = ("administrator", *LEVELS, "none")
_OF_OUTCOME = {"administrator": "escalates_to_administrator", "more": "escalates"}


class Privileges:
    """Writes the rows."""

    def __init__(self, estate: Estate, holdings: Mapping[str, Holding], ways: Search) -> None:
        self._estate = estate
        self._holdings = holdings
        self._ways = ways

    def rows(self) -> Iterator[Privilege]:
        """One row an account and pool, by key."""
        for key in sorted(self._holdings):
            if self._holdings[key].principal.kind != "agent":
                yield self._row(self._holdings[key], self._ways.reach(key))

    @cached_property
    def of_groups(self) -> str:
        """The highest level of anything that is given to a group; a role that nobody read may hold anything."""
        if any(binding.role.reason is not None for group in self._estate.groups for binding in group.bindings):
            return "administrator"
        levels = [self.granted(Holding(self._estate, group)) for group in self._estate.groups]
        return min(levels, key=_ORDER.index, default="none")

    def granted(self, holding: Holding) -> str:
        """The level that its bindings give."""
        return "administrator" if holding.rules else self._estate.table.highest(holding.possible)

    def _row(self, holding: Holding, reach: Reached) -> Privilege:
        principal = holding.principal
        level = granted = self.granted(holding)
        reasons = set(self._estate.gaps(principal))
        unread = bool(reasons - {"grants-unread"})
        path, hops, conditional = None, None, 0
        if granted != "administrator" and reach.outcome is not None:
            level, path, hops = _OF_OUTCOME[reach.outcome], reach.path, reach.hops
            reasons.update(reach.reasons)
            conditional = reach.conditional
        elif level == "none" and unread:
            level = "unknown"
        elif not self._sure(holding, level):
            reasons.add("condition")
            conditional = 1
        if principal.kind == "service_account" and _ORDER.index(self.of_groups) < _ORDER.index(granted):
            reasons.add("membership-unread")
        if holding.possible:
            reasons.add(UNREAD)
        confidence = "possible" if level == "unknown" or (path and reach.confidence == "possible") else "conditional"
        return Privilege(
            key=principal.key,
            scope=principal.scope,
            level=level,
            granted=granted,
            effect="allowed",
            path=path,
            hops=hops,
            reaches=reach.reaches,
            reached_by=reach.reached_by,
            services=self._services(holding.possible),
            conditional=conditional,
            confidence=confidence if reasons else "proven",
            reason=",".join(sorted(reasons)) or None,
        )

    def _sure(self, holding: Holding, level: str) -> bool:
        """Whether some right of the level hangs on no condition."""
        if level == "administrator":
            return any(rule.rank != OPEN for rule in holding.rules)
        if level == "none":
            return True
        return any(sure & self._estate.table.levels[level] for sure, _ in holding.places.values())

    def _services(self, mask: int) -> str:
        table = self._estate.table
        found = {level: table.services_of(mask & some) for level, some in table.levels.items() if mask & some}
        return json.dumps(found, sort_keys=True, separators=(",", ":"))

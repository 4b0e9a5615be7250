"""Hops as rows of `escalation_path`, and the smallest change that breaks a way."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nhiscan.model import EscalationPath
from nhiscan.ways import path
from nhiscan_gcp.analyzer.escalation.explain import Hop, Permit
from nhiscan_gcp.analyzer.escalation.sets import ACT_AS
from nhiscan_gcp.analyzer.estate import Estate
from nhiscan_gcp.analyzer.holding import OPEN

_CONDITIONS = frozenset({"condition", "unknown-condition-key"})


class Rows:
    """Writes rows. Counts once how many members have which role in which place."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._holders = Counter((one.role.name, one.place) for one in estate.bindings)
        self._of_grant = {one.grant.key: (one.role.name, one.place) for one in estate.bindings}

    def row(self, hops: Sequence[Hop], outcome: str, targets: int) -> EscalationPath:
        """The row of a way; of one hop by its set, of several as a chain."""
        cut = self.cut(hops)
        found = path(
            hops,
            self._why,
            scope=self._estate.principals[hops[0].start].scope,
            outcome=outcome,
            targets=targets,
            hangs=_CONDITIONS,
            floor=OPEN,  # deny policies are not read
        )
        agent = self._estate.principals[hops[-1].end].kind == "agent"
        return found._replace(
            target=None if agent else found.target,
            action=cut.action if cut else hops[0].set.all_of[0].permission,
            via=cut.grant if cut else None,
        )

    def _why(self, hop: Hop) -> str:
        start, end = self._name(hop.start), self._name(hop.end)
        does = f"{start} can give itself more" if hop.start == hop.end else f"{start} can become {end}"
        roles = ", ".join(dict.fromkeys(f"{permit.role} on {permit.resource}" for permit in hop.permits))
        return f"{does}: {hop.set.why[0].lower()}{hop.set.why[1:]} Given by {roles}."

    def _name(self, key: str) -> str:
        return self._estate.principals[key].name

    def cut(self, hops: Sequence[Hop]) -> Permit | None:
        """The binding that breaks a way at the least cost when it is taken away.

        Of all permissions of all hops: first one that a single binding gives; then the one whose role the fewest
        members have in that place; then acting as an account, which can be bound on single accounts.
        """
        found: list[tuple[tuple[Any, ...], Permit]] = []
        for number, hop in enumerate(hops):
            for place, need in enumerate(hop.set.all_of):
                permits = [permit for permit in hop.permits if permit.action == need.permission]
                for permit in permits:
                    holders = self._holders[self._of_grant[permit.grant]]
                    cost = (len(permits), holders, need.permission != ACT_AS, place, number, permit.grant)
                    found.append((cost, permit))
        return min(found)[1] if found else None

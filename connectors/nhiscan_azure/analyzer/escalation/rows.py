"""Hops as rows of `escalation_path`, and the smallest change that breaks a way."""

from collections.abc import Sequence
from typing import Any

from nhiscan.model import EscalationPath
from nhiscan.ways import CHAIN, path
from nhiscan_azure.analyzer.escalation.hops import Hop, Permit
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.analyzer.verdict import HANGS

CHAIN_TO_TENANT = "chain-to-tenant"
"""Method of a way of several hops to the administrators of the tenant, where `CHAIN` leads to other ones."""


class Rows:
    """Writes rows."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def row(self, hops: Sequence[Hop], outcome: str, targets: int, method: str = CHAIN) -> EscalationPath:
        """The row of a way; of one hop by its set, of several as a chain."""
        scope = self._estate.identities[hops[0].start].scope
        found = path(hops, self._why, scope=scope, outcome=outcome, targets=targets, hangs=HANGS, method=method)
        cut = self.cut(hops)
        if cut is None:
            return found
        via = cut.grant if cut.granted else None
        return found._replace(action=cut.action, via=via, statement=cut.statement or None)

    def _why(self, hop: Hop) -> str:
        start = self._estate.identities[hop.start].name
        does = f"{start} can give itself more"
        if hop.end is None:
            does = f"{start} can get to the administrators of the tenant"
        elif hop.end != hop.start:
            end = self._estate.identities[hop.end]
            does = f"{start} can {'join' if end.kind == 'group' else 'become'} {end.name}"
        more = f" ({hop.detail})" if hop.detail else ""
        return f"{does}: {hop.set.why[0].lower()}{hop.set.why[1:].removesuffix('.')}{more}."

    def cut(self, hops: Sequence[Hop]) -> Permit | None:
        """The permission that breaks a way at the least cost when it is taken away.

        Of all actions of all hops: first one that a single grant gives; then one of the principal itself, not of a
        group; then a grant, not an ownership; then the last hop, which others may go over, too.
        """
        found: list[tuple[tuple[Any, ...], Permit]] = []
        for number, hop in enumerate(hops):
            for action in dict.fromkeys(permit.action for permit in hop.permits):
                permits = [permit for permit in hop.permits if permit.action == action]
                for permit in permits:
                    cost = (
                        len(permits),
                        permit.shared,
                        not permit.granted,
                        -number,
                        permit.grant,
                        permit.statement,
                        action,
                    )
                    found.append((cost, permit))
        return min(found)[1] if found else None

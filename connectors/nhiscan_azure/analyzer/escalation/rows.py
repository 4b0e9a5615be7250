"""Hops as rows of `escalation_path`, and the smallest change that breaks a way."""

import json
from collections.abc import Sequence
from typing import Any

from nhiscan.model import CONFIDENCES, EscalationPath
from nhiscan_azure.analyzer.escalation.hops import Hop, Permit
from nhiscan_azure.analyzer.escalation.owning import UNSEEN
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.analyzer.verdict import HANGS

CHAIN, CHAIN_TO_TENANT = "chain", "chain-to-tenant"
"""Methods of ways of several hops: to any administrator, and to the tenant's where that is not the same."""


class Rows:
    """Writes rows."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def row(self, hops: Sequence[Hop], outcome: str, targets: int, method: str = CHAIN) -> EscalationPath:
        """The row of a way; of one hop by its set, of several as a chain."""
        first, last = hops[0], hops[-1]
        name, category = (first.set.id, first.set.category) if len(hops) == 1 else (method, CHAIN)
        conditions = sorted({key for hop in hops for key in hop.conditions})
        reasons = sorted({reason for hop in hops for reason in hop.reasons})
        rank = max(hop.rank for hop in hops)
        conditional = bool(conditions) or not HANGS.isdisjoint(reasons)
        needs = list(dict.fromkeys(hop.needs for hop in hops if hop.needs))
        cut = self.cut(hops)
        return EscalationPath(
            key=f"{first.start}|{name}",
            scope=self._estate.identities[first.start].scope,
            principal=first.start,
            target=last.end,
            method=name,
            category=category,
            outcome=outcome,
            grade="conditional" if conditional else "needs_resource" if rank == UNSEEN else "exploitable_now",
            hops=len(hops),
            targets=targets,
            steps=_canonical([self._step(hop) for hop in hops]),
            action=cut.action if cut is not None else "",
            via=cut.grant if cut is not None and cut.granted else None,
            statement=cut.statement or None if cut is not None else None,
            needs="; ".join(needs) or None,
            conditional=int(conditional),
            conditions=_canonical(conditions) if conditions else None,
            confidence=CONFIDENCES[rank],
            reason=",".join(reasons) or None,
        )

    def _step(self, hop: Hop) -> dict[str, Any]:
        return {
            "from": hop.start,
            "to": hop.end,
            "method": hop.set.id,
            "category": hop.set.category,
            "allows": [
                {
                    "action": permit.action,
                    "resource": permit.resource,
                    "grant": permit.grant,
                    "statement": permit.statement,
                    "conditions": list(permit.conditions),
                }
                for permit in hop.permits
            ],
            "needs": hop.needs,
            "why": self._why(hop),
            "fix": hop.set.fix,
        }

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


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

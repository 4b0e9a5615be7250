"""Hops as rows of `escalation_path`, and the smallest change that breaks a way."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nhiscan.model import EscalationPath
from nhiscan.ways import path
from nhiscan_aws.analyzer.escalation.explain import Hop, Permit
from nhiscan_aws.analyzer.escalation.sets import PASS_ROLE
from nhiscan_aws.analyzer.estate import Estate

_CONDITIONS = frozenset({"condition", "unknown-condition-key"})


class Rows:
    """Writes rows. Counts once who has which policy document."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._holders: Counter[str] = Counter()
        self._documents: dict[str, str] = {}
        for principal in estate.principals.values():
            seen = set()
            for held in principal.policies:
                if held.digest is not None:
                    self._documents[held.grant.key] = held.digest
                    seen.add(held.digest)
            self._holders.update(seen)

    def row(self, hops: Sequence[Hop], outcome: str, targets: int) -> EscalationPath:
        """The row of a way; of one hop by its set, of several as a chain."""
        cut = self.cut(hops)
        found = path(
            hops,
            self._why,
            scope=self._estate.identities[hops[0].start].scope,
            outcome=outcome,
            targets=targets,
            hangs=_CONDITIONS,
        )
        return found._replace(action=cut.action, via=None if cut.trust else cut.grant, statement=cut.statement)

    def _why(self, hop: Hop) -> str:
        start, end = self._name(hop.start), self._name(hop.end)
        does = f"{start} can give itself more"
        if hop.start != hop.end:
            verb = "join" if self._estate.identities[hop.end].kind == "group" else "become"
            does = f"{start} can {verb} {end}"
        return f"{does}: {hop.set.why[0].lower()}{hop.set.why[1:]}"

    def _name(self, key: str) -> str:
        return self._estate.identities[key].name

    def cut(self, hops: Sequence[Hop]) -> Permit:
        """The permission that breaks a way at the least cost when it is taken away.

        Of all actions of all hops: first one that a single statement allows; then the one whose policy the fewest
        principals have; then PassRole, which can be narrowed to roles and services, and the first that a set names.
        A trust document is named where no policy of the principal's is needed.
        """
        found: list[tuple[tuple[Any, ...], Permit]] = []
        for number, hop in enumerate(hops):
            for place, need in enumerate(hop.set.all_of):
                permits = [permit for permit in hop.permits if permit.action == need.action]
                own = [permit for permit in permits if not permit.trust]
                statements = {(permit.grant, permit.statement) for permit in own or permits}
                for permit in own or permits:
                    cost = (
                        bool(permit.trust),
                        len(statements),
                        self._holders[self._documents.get(permit.grant, "")],
                        need.action != PASS_ROLE,
                        place,
                        number,
                        permit.grant,
                        permit.statement,
                    )
                    found.append((cost, permit))
        return min(found)[1]

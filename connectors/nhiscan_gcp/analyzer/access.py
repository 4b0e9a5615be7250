"""`effective_access`: what each service account and pool may do, all its bindings together, those from above included.

One row a place that it administers, and one a capability, in the widest place that gives it.
"""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nhiscan.model import EffectiveAccess
from nhiscan_gcp.analyzer.conditions import MAYBE, NO, RESOURCE, YES, Facts, Outcome
from nhiscan_gcp.analyzer.estate import UNREAD, Binding, Estate, Principal
from nhiscan_gcp.analyzer.hierarchy import WIDTH
from nhiscan_gcp.analyzer.holding import POLICY, Holding, Rule
from nhiscan_gcp.analyzer.permissions import CAPABILITIES, LEVELS

MOST_ACTIONS = 10
"""Permissions that a row names."""
_OF_ACCOUNTS = frozenset({"pass_role", "assume_role"})


def effective_access(estate: Estate, holdings: Iterable[Holding]) -> Iterator[EffectiveAccess]:
    """The rows of all accounts and pools, by principal."""
    for holding in holdings:
        if holding.principal.kind != "agent":
            yield from _Rows(estate, holding).all()


class _Given(NamedTuple):
    """A binding that gives some of a capability."""

    binding: Binding
    mask: int
    outcome: Outcome


class _Rows:
    """The rows of one principal."""

    def __init__(self, estate: Estate, holding: Holding) -> None:
        self.estate = estate
        self.table = estate.table
        self.holding = holding
        self.principal: Principal = holding.principal

    def all(self) -> Iterator[EffectiveAccess]:
        yield from self._unread()
        for rule in self.holding.rules:
            yield self._administrator(rule)
        for name in CAPABILITIES:
            yield from self._widest(name, "", self.table.classes[name])
        for level in LEVELS:
            yield from self._widest("level", level, self.table.levels[level])

    def _unread(self) -> Iterator[EffectiveAccess]:
        for binding in self.principal.all:
            if binding.role.reason is not None:
                yield EffectiveAccess(
                    key=f"{self.principal.key}|unknown|{binding.grant.key}",
                    scope=self.principal.scope,
                    principal=self.principal.key,
                    capability="unknown",
                    level="unknown",
                    service="unknown",
                    action="unknown",
                    actions=0,
                    resource=self.estate.resource_of(binding.place),
                    everywhere=0,
                    effect="allowed",
                    via=binding.grant.key,
                    statement="",
                    confidence="possible",
                    reason=binding.role.reason,
                )

    def _administrator(self, rule: Rule) -> EffectiveAccess:
        node = self.estate.tree.nodes[rule.place]
        kind = max(rule.kinds, key=lambda one: WIDTH[one])
        bit = self.table.bit(POLICY[kind])
        facts = self.estate.facts_of(kind, node)._replace(granting=self.estate.strong)
        given = self._best([one for one in self._given(bit, facts) if one.binding.place == rule.place])
        sure, possible = self.holding.on(self.estate.chain(rule.place))
        return self._row(
            "administrator",
            f"{rule.place}|{rule.rank}",
            given,
            level="administrator",
            services=["*"],
            action=POLICY[kind],
            actions=(sure | possible).bit_count(),
        )

    def _widest(self, capability: str, what: str, mask: int) -> Iterator[EffectiveAccess]:
        if not mask & self.holding.possible:
            return
        facts = self.estate.any_account if capability in _OF_ACCOUNTS else Facts(self.estate.records.as_of)
        given = self._given(mask, facts)
        if not given:
            return
        held = 0
        for one in given:
            held |= one.mask
        yield self._row(
            capability,
            what,
            self._best(given),
            level=what or self.table.highest(held),
            services=self.table.services_of(held),
            action=",".join(self.table.listed(held, MOST_ACTIONS)),
            actions=held.bit_count(),
        )

    def _given(self, mask: int, facts: Facts) -> list[_Given]:
        found = []
        for one in self.holding.held:
            if some := one.mask & mask:
                outcome = one.outcome
                if outcome.answer != YES:
                    outcome = self.estate.outcome_under(one.binding, facts)
                if outcome.answer != NO:
                    found.append(_Given(one.binding, some, outcome))
        return found

    def _best(self, given: list[_Given]) -> _Given:
        """The widest of the certain ones, else the widest."""

        def order(one: _Given) -> tuple[int, int, int, int, str]:
            node = self.estate.tree.nodes.get(one.binding.place)
            width = WIDTH[node.kind] if node is not None else 0
            return (-one.outcome.answer, -width, len(one.outcome.keys), -one.mask.bit_count(), one.binding.grant.key)

        return min(given, key=order)

    def _row(
        self,
        capability: str,
        what: str,
        given: _Given,
        *,
        level: str,
        services: list[str],
        action: str,
        actions: int,
    ) -> EffectiveAccess:
        binding, _, outcome = given
        reasons = {UNREAD}
        if outcome.answer == MAYBE:
            reasons.add("unknown-condition-key" if outcome.strange else "condition")
        node = self.estate.tree.nodes.get(binding.place)
        narrowed = bool(outcome.keys & RESOURCE)
        return EffectiveAccess(
            key="|".join(part for part in (self.principal.key, capability, what) if part),
            scope=self.principal.scope,
            principal=self.principal.key,
            capability=capability,
            level=level,
            service=",".join(services),
            action=action,
            actions=actions,
            resource=self.estate.resource_of(binding.place),
            everywhere=int(node is not None and not narrowed),
            effect="allowed",
            via=binding.grant.key,
            statement="",
            conditional=int(outcome.answer == MAYBE),
            conditions=_listed(outcome.keys) if outcome.answer == MAYBE else None,
            confidence="conditional",
            reason=",".join(sorted(reasons)),
        )


def _listed(keys: Iterable[str]) -> str:
    return json.dumps(sorted(keys), separators=(",", ":"))

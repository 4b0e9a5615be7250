"""Why a hop is possible: the bindings that allow it, and what it hangs on."""

from collections.abc import Iterator
from typing import NamedTuple

from nhiscan.ways import UNSEEN
from nhiscan_gcp.analyzer.conditions import MAYBE, NO
from nhiscan_gcp.analyzer.escalation.sets import TOKEN, Need, Set
from nhiscan_gcp.analyzer.escalation.ways import Way, Ways
from nhiscan_gcp.analyzer.estate import UNREAD, Answer, Principal, Target
from nhiscan_gcp.analyzer.holding import OPEN
from nhiscan_gcp.analyzer.permissions import service_of

LISTED = 5
"""Bindings that a hop names for one permission."""


class Permit(NamedTuple):
    """A binding that gives a permission of a hop."""

    action: str
    resource: str  # where it is bound
    grant: str  # key of a Grant
    role: str
    conditions: tuple[str, ...]
    statement: str = ""  # a binding has none


class Hop(NamedTuple):
    """One hop, explained."""

    start: str  # key of the principal that takes it
    end: str  # key of the principal that it is then; its own where it changes its own rights
    set: Set
    permits: tuple[Permit, ...]
    conditions: tuple[str, ...]  # condition keys that it hangs on, sorted
    reasons: tuple[str, ...]  # ACCESS_REASONS, sorted
    rank: int  # how certain it is
    needs: str | None  # what has to exist, in words


class Explainer:
    """Asks again, for one target, and keeps the bindings."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._estate = ways.estate

    def hop(self, principal: Principal, way: Way, end: str, rank: int) -> Hop:
        """``end``: key of the target; ``rank``: how certain the hop is all in all."""
        permits: list[Permit] = []
        conditions: set[str] = set()
        reasons = {UNREAD}
        for permission, answer in self._answers(principal, way, end):
            for allow in answer.allows[:LISTED]:
                binding = allow.binding
                keys = tuple(sorted(allow.outcome.keys))
                where = self._estate.resource_of(binding.place)
                permits.append(Permit(permission, where, binding.grant.key, binding.role.name, keys))
            if answer.answer == MAYBE:
                conditions.update(answer.conditions)
                reasons.update(answer.reasons)
        if rank == UNSEEN:
            reasons.add("resource-unread")
        elif rank == OPEN and not conditions:
            reasons.add("condition")  # the target's own rights hang on it
        return Hop(
            principal.key,
            end,
            way.set,
            tuple(permits),
            tuple(sorted(conditions)),
            tuple(sorted(reasons)),
            rank,
            self._needs(way, end) if rank == UNSEEN else None,
        )

    def _needs(self, way: Way, end: str) -> str | None:
        identity = self._estate.accounts.get(end)
        unread = identity is None or identity.scope in self._ways.roster.unread
        found = [way.set.needs] if way.set.needs and (way.set.runs is None or unread) else []
        if identity is not None and identity.state != "active":
            found.append("the account switched on again")
        if identity is not None and self._ways.roster.blocked(identity.scope, way.set.blocked_by) is None:
            found.append("a project in which the organisation does not forbid it")
        return " and ".join(found) or None

    def _answers(self, principal: Principal, way: Way, end: str) -> Iterator[tuple[str, Answer]]:
        if way.set.gain == "delegated":
            yield from self._delegated(principal, way, end)
            return
        for need in way.set.all_of:
            targets = self._targets(need, way, end)
            yield need.permission, _best(self._estate.check(principal, need.permission, one) for one in targets)

    def _targets(self, need: Need, way: Way, end: str) -> list[Target]:
        estate = self._estate
        if need.on == "account":
            return [estate.target(end)]
        if need.on == "node" and way.rule is not None:
            return [estate.target(way.rule.place)]
        if need.on == "role":
            homes = {
                binding.role.policy.partition("/role_definition/")[0]
                for binding in self._ways.holdings[way_owner(way, end)].principal.all
                if binding.role.custom and binding.role.policy is not None
            }
            return [estate.new_in(home, need.permission) for home in sorted(homes & set(estate.tree.nodes))]
        if need.on == "anywhere":
            facts = estate.any_new(service_of(need.permission))
            return [Target((node,), facts) for node in estate.tree.nodes]
        return [estate.new_in(home, need.permission) for home in self._homes(way, end)]

    def _homes(self, way: Way, end: str) -> list[str]:
        """The projects in which the permissions of a set have to be held to get to a target."""
        estate, roster = self._estate, self._ways.roster
        living = {"bound-key": roster.bound_keys, "pool": roster.pools}.get(way.set.gain)
        if way.set.gain == "running" and way.set.runs is not None and end in way.direct:
            living = roster.running(way.set.runs)
        if way.set.gain == "agent":
            return [
                node
                for node in estate.tree.nodes
                if estate.tree.nodes[node].kind == "project"
                and any(end in roster.agents(kind).get(node, ()) for kind in way.set.agents)
            ]
        if living is not None:
            nodes = estate.tree.nodes
            return [node for node in nodes if nodes[node].kind == "project" and end in living.get(node, ())]
        return [estate.accounts[end].scope] if end in estate.accounts else []

    def _delegated(self, principal: Principal, way: Way, end: str) -> Iterator[tuple[str, Answer]]:
        """Through the account that may get tokens of the target most certainly."""
        permission = way.set.all_of[0].permission
        found: list[tuple[int, str, Answer, Answer]] = []
        held = self._ways.coverage(self._ways.holdings[principal.key], permission, "account")
        for place in held:
            for where in self._estate.chain(end):
                for _, key in self._ways.through(place).get(where, ()):
                    first = self._estate.check(principal, permission, self._estate.target(key))
                    second = self._estate.check(self._ways.holdings[key].principal, TOKEN, self._estate.target(end))
                    if key != principal.key and NO not in (first.answer, second.answer):
                        found.append((-min(first.answer, second.answer), key, first, second))
        if found:
            _, _, first, second = min(found, key=lambda one: one[:2])
            yield permission, first
            yield TOKEN, second


def way_owner(way: Way, end: str) -> str:
    """Of ways by which a principal changes its own rights: the principal."""
    return next(iter(way.direct), end)


def _best(answers: Iterator[Answer]) -> Answer:
    """The most certain of several answers; among equals the first."""
    return max(answers, key=lambda one: one.answer, default=Answer(NO))

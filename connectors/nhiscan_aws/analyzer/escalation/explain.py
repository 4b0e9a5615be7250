"""Why a hop is possible: the statements that allow it, and what it hangs on."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nhiscan.ways import UNSEEN
from nhiscan_aws.analyzer.escalation.asking import Given
from nhiscan_aws.analyzer.escalation.roster import rank_of
from nhiscan_aws.analyzer.escalation.sets import ASSUME_ROLE, PASS_ROLE, Need, Service, Set
from nhiscan_aws.analyzer.escalation.ways import ITSELF, Way, Ways, any_policy
from nhiscan_aws.analyzer.estate import Answer
from nhiscan_aws.analyzer.principal import Principal

LISTED = 5
"""Statements that a hop names for one action."""

_SAML = "sts:AssumeRoleWithSAML"
_WEB = "sts:AssumeRoleWithWebIdentity"
_UNSEEN = {
    "free-key": "room for another access key of that user",
    "no-free-key": "that user with two access keys",
    "password": "that user without a second factor",
    "no-password": "that user without a second factor",
}


class Permit(NamedTuple):
    """A statement that allows an action of a hop."""

    action: str
    resource: str  # as granted
    grant: str  # key of a Grant; of a trust document the key of the role
    statement: str
    conditions: tuple[str, ...]
    trust: bool  # of a trust document


class Hop(NamedTuple):
    """One hop, explained."""

    start: str  # key of the Identity that takes it
    end: str  # key of the Identity that it is then; its own where it changes its own rights
    set: Set
    permits: tuple[Permit, ...]
    conditions: tuple[str, ...]  # condition keys that it hangs on, sorted
    reasons: tuple[str, ...]  # ACCESS_REASONS, sorted
    rank: int  # how certain it is
    needs: str | None  # what has to exist, in words


class Explainer:
    """Asks again, for one target, and keeps the statements."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._estate = ways.estate
        self._taken: dict[tuple[str, str], Answer] = {}

    def hop(self, principal: Principal, way: Way, place: int, rank: int) -> Hop:
        """``place``: of the target in the pool of the way; ``rank``: how certain the hop is all in all."""
        end = principal.key if way.pool is ITSELF else way.pool.keys[place]
        permits: list[Permit] = []
        conditions: set[str] = set()
        reasons: set[str] = set()
        for action, answer in self._answers(principal, way, place):
            permits.extend(_permits(action, answer))
            if answer.state == "conditional":
                conditions.update(answer.conditions)
                reasons.update(answer.reasons)
        if rank == UNSEEN:
            reasons.add("resource-unread")
        elif rank and not reasons:
            reasons.add("condition")  # the target's own rights hang on it
        return Hop(
            principal.key,
            end,
            way.set,
            tuple(permits),
            tuple(sorted(conditions)),
            tuple(sorted(reasons)),
            rank,
            self._needs(way, rank),
        )

    def _needs(self, way: Way, rank: int) -> str | None:
        if way.set.needs is not None or rank < UNSEEN:
            return way.set.needs
        if way.set.when in _UNSEEN:
            return _UNSEEN[way.set.when]
        if way.set.also_passed is not None:
            return f"a second role, trusted by {way.set.also_passed}, that the principal may pass"
        return "an instance profile with that role" if way.set.service is not None else None

    def _answers(self, principal: Principal, way: Way, place: int) -> Iterator[tuple[str, Answer]]:
        one = way.set
        for need in one.all_of:
            if need.action == ASSUME_ROLE and one.when == "trusted":
                continue
            yield need.action, self._answer(principal, way, place, need)
        if one.when == "trusted":
            yield ASSUME_ROLE, self._entering(principal, way.pool.keys[place])
        elif one.when == "trust-can-change" and all(need.action != ASSUME_ROLE for need in one.all_of):
            answer = self._ways.asker.check(principal, ASSUME_ROLE, way.pool.arns[place], (), granted=True)
            yield ASSUME_ROLE, answer._replace(allows=())
        elif one.gain == "federated-role":
            yield from self._asserting(principal, way.pool.keys[place], one.all_of[0])
        elif one.service is not None:
            yield (_WEB if one.service.federated else ASSUME_ROLE), self._taking(one.service, way.pool.keys[place])

    def _taking(self, service: Service, role: str) -> Answer:
        """What the trust document of a role says to a service."""
        found = self._taken.get((service.id, role))
        if found is None:
            partition = self._ways.rosters[self._estate.identities[role].scope].partition
            ask = self._web if service.federated else self._estate.admits
            found = best(ask(role, name) for name in service.trusted_in(partition))
            self._taken[(service.id, role)] = found
        return found

    def _web(self, role: str, name: str) -> Answer:
        return self._estate.admits_federated(role, name, _WEB)

    def _entering(self, principal: Principal, role: str) -> Answer:
        if principal.identity.kind == "group":
            return principal.check(ASSUME_ROLE, self._estate.identities[role].arn or "")
        return self._estate.assumes(principal.key, role)

    def _answer(self, principal: Principal, way: Way, place: int, need: Need) -> Answer:
        given = [dict(any_policy(principal, need.action)), {}]
        if need.on == "any":
            return principal.check(need.action)
        if need.action == PASS_ROLE and way.set.service is not None:
            roster = self._ways.rosters[principal.scope]
            arn = way.pool.arns[place]
            values: list[Given] = [
                (("iam:passedtoservice", (value,)),) for value in way.set.service.passed_in(roster.partition)
            ]
            return best(principal.check(need.action, arn, dict(value)) for value in values)
        if way.pool is ITSELF:
            arns = self._ways.own(principal, need)
        elif need.on == "role-policy":
            roster = self._ways.rosters[principal.scope]
            arns = [roster.policies.arns[one] for one in roster.customer_policies(way.pool.keys[place])]
        elif need.on == "saml-provider":
            roster = self._ways.rosters[principal.scope]
            arns = [name for name in roster.providers.keys if roster.federated[name] >> place & 1]
        else:
            arns = [way.pool.arns[place]]
        return best(principal.check(need.action, arn, values) for values in given for arn in arns)

    def _asserting(self, principal: Principal, role: str, need: Need) -> Iterator[tuple[str, Answer]]:
        roster = self._ways.rosters[principal.scope]
        answers = []
        for name in roster.providers.keys:
            if roster.federated[name] >> roster.roles.places[role] & 1 and principal.check(need.action, name).possible:
                answer = self._estate.admits_federated(role, name, _SAML)
                keys = tuple(key for key in answer.conditions if not key.lower().startswith("saml:"))
                if answer.state == "conditional" and answer.conditions and not keys:
                    answer = answer._replace(state="allowed", conditions=(), reasons=())
                answers.append(answer)
        if answers:
            yield _SAML, best(answers)


def best(answers: Iterable[Answer]) -> Answer:
    """The most certain of several answers; among equals the first."""
    return min(answers, key=lambda answer: 9 if (rank := rank_of(answer)) is None else rank)


def _permits(action: str, answer: Answer) -> Iterator[Permit]:
    for allow in answer.allows[:LISTED]:
        trust = allow.layer == "trust"
        yield Permit(action, allow.resource, allow.grant, allow.statement, allow.conditions, trust)

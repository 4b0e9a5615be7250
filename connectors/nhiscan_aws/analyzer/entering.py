"""Becoming a role: what its trust document says, together with the policies of whoever asks.

Source: IAM User Guide, "Policy evaluation logic". Within an account a trust document that names a user, a role or
anybody is enough, and one that names the account hands the question to the principal's own policies. A permissions
boundary holds back what is granted to a role by name, and not what is granted to a user by name or to anybody. Across
accounts both sides must allow. A Deny anywhere wins.
"""

from collections.abc import Sequence
from typing import NamedTuple

from nhiscan.model import Identity
from nhiscan_aws.analyzer.conditions import NO, YES, Outcome
from nhiscan_aws.analyzer.layers import Layer
from nhiscan_aws.analyzer.trusting import Entry, Trust, TrustRule, Who
from nhiscan_aws.analyzer.verdict import Allow, Answer, Found, Question, answer, better, judge, left, weaker

_STATES = {"denied": NO, "conditional": 1, "allowed": YES}


class Target(NamedTuple):
    """A role that somebody would become."""

    role: Identity
    trust: Trust | None  # None: not read
    levels: Sequence[Layer]  # resource control policies that hold for it


class Asking(NamedTuple):
    """A principal of the estate that asks."""

    who: Who
    same_account: bool
    layer: Layer
    boundary: Layer | None
    above: Sequence[Layer]  # levels of service control policies


def by_principal(target: Target, asking: Asking, question: Question) -> Answer:
    """May a user or role become the role by sts:AssumeRole?"""
    if target.trust is None:
        return Answer("denied", (), (), ("document-unread",), ())
    entry = target.trust.entry(asking.who, question.action, question.facts)
    if stopped := _stopped(target, entry):
        return stopped
    if entry.named.answer == entry.delegated.answer == NO:
        return Answer("denied", (), (), _gaps(target.trust), ())
    best = Found(NO)
    allows: list[tuple[int, Allow]] = []
    limits: set[str] = set()
    gaps = set(_gaps(target.trust))
    boundary = [] if asking.boundary is None else [asking.boundary]
    if asking.same_account and entry.named.answer != NO:
        needed = [*(boundary if entry.boundary else []), *asking.above, *target.levels]
        denying = [asking.layer, *([] if entry.boundary else boundary)]
        found, limits = left(question, denying, needed)
        best = weaker(found, entry.named)
        gaps |= asking.layer.gaps  # what was not read may hold a Deny
    trusted = entry.delegated if asking.same_account else _either(entry)
    if trusted.answer != NO:
        granted = judge(question, asking.layer, [*boundary, *asking.above, *target.levels])
        found = Found(_STATES[granted.state], frozenset(granted.conditions), frozenset(granted.reasons))
        found = weaker(found, trusted) if found.answer != NO else found
        if found.answer != NO:
            allows += [(-_STATES[granted.state], allow) for allow in granted.allows]
            gaps |= asking.layer.gaps
        limits |= set(granted.limited_by)
        best = better(best, found)
    if best.answer == NO:
        return Answer("denied", (), (), tuple(sorted(gaps | asking.layer.gaps)), tuple(sorted(limits)))
    best = weaker(best, entry.denied)
    doors = [(-YES if not rule.tests else -1, _door(target.role, rule)) for rule in entry.by]
    return answer(best, doors + allows, gaps, limits)


def by_other(target: Target, who: Who, question: Question) -> Answer:
    """May a service, or somebody whom an identity provider vouches for, become the role?"""
    if target.trust is None:
        return Answer("denied", (), (), ("document-unread",), ())
    entry = target.trust.entry(who, question.action, question.facts)
    if stopped := _stopped(target, entry):
        return stopped
    gaps = _gaps(target.trust)
    if entry.named.answer == NO:
        return Answer("denied", (), (), gaps, ())
    found, limits = left(question, (), target.levels)
    if found.answer == NO:
        return Answer("denied", (), (), gaps, tuple(sorted(limits)))
    found = weaker(weaker(found, entry.named), entry.denied)
    doors = [(-YES if not rule.tests else -1, _door(target.role, rule)) for rule in entry.by]
    return answer(found, doors, gaps, limits)


def _stopped(target: Target, entry: Entry) -> Answer | None:
    if entry.denied.answer != YES:
        return None
    limits = {f"trust|{target.role.key}|{rule.statement.name}" for rule in entry.against}
    return Answer("denied", (), (), (), tuple(sorted(limits)))


def _gaps(trust: Trust) -> tuple[str, ...]:
    return ("document-unreadable",) if trust.unreadable else ()


def _either(entry: Entry) -> Outcome:
    one, other = entry.named, entry.delegated
    if one.answer != other.answer:
        return max(one, other, key=lambda outcome: outcome.answer)
    return Outcome(one.answer, tuple(sorted({*one.keys, *other.keys})), one.strange or other.strange)


def _door(role: Identity, rule: TrustRule) -> Allow:
    statement = rule.statement
    return Allow(role.key, "trust", role.name, statement.name, statement.number, role.arn or "", rule.keys)

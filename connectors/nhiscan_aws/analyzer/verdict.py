"""One action on one resource, exactly: which statements allow it, and what holds it back.

A question may name a resource by a pattern: it then asks for some resource of these. The search goes through the layers
and narrows the resources down to what the statements chosen so far have in common (a `Region`); a Deny counts where it
covers all of that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.conditions import FAILS, HOLDS, MAYBE, NO, YES, Outcome, evaluate
from nhiscan_aws.analyzer.documents import Rule
from nhiscan_aws.analyzer.facts import Facts
from nhiscan_aws.analyzer.layers import Held, Layer
from nhiscan_aws.analyzer.variables import Template, Variable

MOST_WORK = 20_000
"""Looks at patterns that one question may cost; beyond them the answer is conditional at best."""
MOST_SPARED = 16
"""Deny statements with NotResource whose resources are compared; with more the answer is conditional at best."""

ENOUGH = 20
"""Statements that an answer names, where it is allowed."""


class Region(NamedTuple):
    """Some resources."""

    within: tuple[str, ...]  # patterns all of which they match
    without: tuple[str, ...] = ()  # patterns none of which they match

    def covered(self, pattern: str) -> bool:
        """Whether the pattern matches all of them."""
        return any(patterns.covers(pattern, one) for one in self.within)

    def met(self, pattern: str) -> bool:
        """Whether the pattern can match some of them."""
        return all(patterns.meets(pattern, one) for one in self.within) and not any(
            patterns.covers(one, pattern) for one in self.without
        )

    def narrowed(self, pattern: str) -> "Region":
        """Those that the pattern matches."""
        if self.covered(pattern):
            return self
        return Region((*(one for one in self.within if not patterns.covers(one, pattern)), pattern), self.without)

    def less(self, some: Iterable[str]) -> "Region":
        """Those that none of the patterns matches."""
        more = tuple(one for one in some if one not in self.without and self.met(one))
        return Region(self.within, self.without + more) if more else self


class Allow(NamedTuple):
    """A statement that allows what was asked."""

    grant: str  # key of the Grant; of a trust document the key of the role
    layer: str  # "identity" | "group" | "trust"
    name: str  # of the policy
    statement: str  # Sid, or its number from 1
    number: int  # from 1
    resource: str  # the pattern that covers what was asked, as granted; "not:..." for NotResource
    conditions: tuple[str, ...]  # condition keys that it hangs on, as written, sorted


class Answer(NamedTuple):
    """What becomes of one action on one resource."""

    state: str  # "allowed" | "conditional" | "denied"
    allows: tuple[Allow, ...]  # the statements that allow it, those without conditions first
    conditions: tuple[str, ...]  # condition keys that a conditional answer hangs on, in whatever layer, sorted
    reasons: tuple[str, ...]  # ACCESS_REASONS, sorted: why it is conditional; or why a denial is not certain
    limited_by: tuple[str, ...]  # "<layer>|<key of a Grant>|<statement>" of what denies what is granted, sorted

    @property
    def possible(self) -> bool:
        return self.state != "denied"


class Question(NamedTuple):
    action: str  # lower case
    resource: str  # ARN or pattern
    facts: Facts
    owned: Facts | None  # facts of a request for a resource of the own account; None: the resource is known
    applies: Callable[[str], bool]  # whether the action works on some resource of a pattern
    kinds: tuple[str, ...] = ()  # where any resource will do: ARN patterns of those that the action works on


class _Chosen(NamedTuple):
    """A statement that allows, with what is left of the resources."""

    region: Region
    outcome: Outcome
    rule: Rule | None
    held: Held | None
    resource: str


class _Against(NamedTuple):
    """A Deny statement that may count."""

    held: Held
    rule: Rule
    outcome: Outcome
    sure: tuple[str, ...]  # its resource patterns, as `Rule.filled` gives them
    unsure: tuple[str, ...]


class Found(NamedTuple):
    """How far it goes, and on what it hangs."""

    answer: int
    keys: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()


_NOTHING = Found(NO)


def weaker(found: Found, outcome: Outcome) -> Found:
    """Both together."""
    if outcome.answer != MAYBE:
        return found
    reason = "unknown-condition-key" if outcome.strange else "condition"
    return Found(min(found.answer, MAYBE), found.keys | set(outcome.keys), found.reasons | {reason})


def judge(question: Question, first: Layer, limits: Sequence[Layer]) -> Answer:
    """What the policies of ``first`` allow and all layers leave."""
    search = _Search(question, (first,), limits)
    best = _NOTHING
    allows: list[tuple[int, Allow]] = []
    for chosen in search.starting(first):
        found = search.through(chosen)
        if found.answer == NO or chosen.rule is None or chosen.held is None:
            continue
        best = better(best, found)
        grant = chosen.held.grant
        allow = Allow(
            grant.key,
            chosen.held.layer,
            grant.name,
            chosen.rule.name,
            chosen.rule.number,
            chosen.resource,
            tuple(sorted(found.keys)),
        )
        allows.append((-found.answer, allow))
        if best.answer == YES and len(allows) >= ENOUGH:
            break
    return answer(best, allows, first.gaps, search.limits)


def left(question: Question, denying: Sequence[Layer], needed: Sequence[Layer]) -> tuple[Found, set[str]]:
    """How far something goes that no identity policy has to allow, and what stops it: ``denying`` layers can only take
    it away, each of the ``needed`` ones has to allow it, too.
    """
    search = _Search(question, denying, needed)
    return search.through(_Chosen(Region((question.resource,)), HOLDS, None, None, "")), search.limits


def answer(best: Found, allows: Iterable[tuple[int, Allow]], gaps: Iterable[str], limits: Iterable[str]) -> Answer:
    """``gaps``: what was not read of the policies that grant; they may hold a Deny as well as more."""
    gaps = set(gaps)
    listed = tuple(dict.fromkeys(allow for _, allow in sorted(allows)))
    if best.answer == NO:
        return Answer("denied", (), (), tuple(sorted(gaps)), tuple(sorted(set(limits))))
    if best.answer == YES and not gaps:
        return Answer("allowed", listed, (), (), ())
    keys = best.keys if best.answer == MAYBE else ()
    return Answer("conditional", listed, tuple(sorted(keys)), tuple(sorted(best.reasons | gaps)), ())


def better(one: Found, other: Found) -> Found:
    """Either of the two is enough."""
    if one.answer != other.answer:
        return max(one, other, key=lambda found: found.answer)
    if one.answer == YES:
        return one
    return Found(one.answer, one.keys | other.keys, one.reasons | other.reasons)


class _Search:
    def __init__(self, question: Question, denying: Sequence[Layer], limits: Sequence[Layer]) -> None:
        """``limits``: layers each of which has to allow; ``denying``: further ones whose Deny statements count."""
        self.question = question
        self.limits: set[str] = set()
        self._concrete = not patterns.has_wildcard(question.resource)
        self._limits = limits
        self._denies = [
            _Against(held, rule, outcome, *rule.filled(question.facts))
            for layer in (*denying, *limits)
            for held, rule in _rules(layer, question.action)
            if not rule.allow and (outcome := self._outcome(rule)).answer != NO
        ]
        self._spared = [
            one for one in self._denies if one.rule.spared and one.outcome.answer == YES and not self._concrete
        ]
        self._work = 0

    def _outcome(self, rule: Rule) -> Outcome:
        question = self.question
        found = evaluate(rule.tests, question.facts) if rule.tests else HOLDS
        if found.answer != MAYBE or not rule.owned or question.owned is None:
            return found
        at_home = evaluate(rule.tests, question.owned)
        return at_home if at_home.answer == (YES if rule.allow else NO) else found

    def starting(self, first: Layer) -> Iterator[_Chosen]:
        """What the layer that grants allows of what was asked; of any resource, kind by kind where that matters."""
        question = self.question
        layers = (first, *self._limits)
        simple = all(one.rule.whole for one in self._denies) and all(
            rule.whole or (layer is first and not rule.spared)
            for layer in layers
            for _, rule in _rules(layer, question.action)
            if rule.allow
        )
        if simple or not question.kinds:
            return self.allowing(first, Region((question.resource,)))
        return (chosen for kind in question.kinds for chosen in self.allowing(first, Region((kind,))))

    def allowing(self, layer: Layer, region: Region) -> Iterator[_Chosen]:
        """The statements of a layer that allow something of a region, those without conditions first."""
        found: list[_Chosen] = []
        for held, rule in _rules(layer, self.question.action):
            if not rule.allow:
                continue
            outcome = self._outcome(rule)
            if outcome.answer == NO:
                continue
            self._work += len(rule.resources)
            if self._work > MOST_WORK and found:
                break
            for left, filled, pattern in self._left(rule, region):
                found.append(_Chosen(left, _both(outcome, filled), rule, held, pattern))
        found.sort(key=lambda chosen: (-chosen.outcome.answer, len(chosen.region.within)))
        return iter(found)

    def _left(self, rule: Rule, region: Region) -> Iterator[tuple[Region, Outcome, str]]:
        """(what a statement leaves of a region, what its variables hang on, the pattern)."""
        sure, unsure = rule.filled(self.question.facts)
        if rule.spared:
            if not any(region.covered(one) for one in sure):
                outcome = _unknown(rule) if any(region.met(one) for one in unsure) else HOLDS
                yield region.less(sure), outcome, rule.written
            return
        covering = [one for one in sure if region.covered(one)]
        if covering:
            yield region, HOLDS, min(covering, key=lambda one: (len(one), one))
            return
        named = self._concrete or (not rule.excepted and self.question.action in rule.patterns)
        for one in sure:
            if not self._concrete and region.met(one) and (named or self.question.applies(one)):
                yield region.narrowed(one), HOLDS, one
        for one in unsure:
            if region.met(one) and (named or self.question.applies(one)):
                yield region.narrowed(one), _unknown(rule), rule.written

    def through(self, chosen: _Chosen) -> Found:
        """What all other layers leave of what a statement allows."""
        return self._through(chosen.region, weaker(Found(YES), chosen.outcome), 0)

    def _through(self, region: Region, found: Found, at: int) -> Found:
        self._work += 1 + len(self._denies)
        if self._work > MOST_WORK:
            return Found(MAYBE, found.keys, found.reasons | {"condition"})
        denied = self._denied(region, found)
        if denied.answer == NO:
            return denied
        if at >= len(self._limits):
            return self._past_the_spared(region, denied, at - len(self._limits)) if self._spared else denied
        layer = self._limits[at]
        best = _NOTHING
        for chosen in self.allowing(layer, region):
            best = better(best, self._through(chosen.region, weaker(found, chosen.outcome), at + 1))
            if best.answer == YES:
                break
        if best.answer == YES and not layer.gaps:
            return best
        if layer.gaps:
            passed = self._through(region, Found(MAYBE, found.keys, found.reasons | layer.gaps), at + 1)
            return better(best, passed) if best.answer != YES else Found(MAYBE, best.keys, best.reasons | layer.gaps)
        if best.answer == NO and layer.held:
            self.limits.add(_limit(layer.held[0], ""))
        return best

    def _past_the_spared(self, region: Region, found: Found, at: int) -> Found:
        """A Deny with NotResource leaves the resources that it names: what is left lies in one of them."""
        if at >= len(self._spared):
            return found
        if len(self._spared) > MOST_SPARED:
            return Found(MAYBE, found.keys, found.reasons | {"condition"})
        held, rule, _, sure, unsure = self._spared[at]
        excepted = [*sure, *unsure]
        following = len(self._limits) + at + 1
        if any(region.covered(one) for one in excepted):
            return self._through(region, found, following)
        best = _NOTHING
        for one in excepted:
            if region.met(one) and self.question.applies(one):
                best = better(best, self._through(region.narrowed(one), found, following))
        if best.answer == NO:
            self.limits.add(_limit(held, rule.name))
        return best

    def _denied(self, region: Region, found: Found) -> Found:
        """What the Deny statements that cover all of a region leave."""
        for against in self._denies:
            covered = _covered(against, region)
            if covered.answer == NO:
                continue
            both = _both(against.outcome, covered)
            if both.answer == YES:
                self.limits.add(_limit(against.held, against.rule.name))
                return _NOTHING
            found = weaker(found, both)
        return found


def _covered(against: _Against, region: Region) -> Outcome:
    """Whether a Deny is about all of a region."""
    if against.rule.spared:
        if any(region.met(one) for one in against.sure):
            return FAILS
        return _unknown(against.rule) if any(region.met(one) for one in against.unsure) else HOLDS
    if any(region.covered(one) for one in against.sure):
        return HOLDS
    return _unknown(against.rule) if any(region.covered(one) for one in against.unsure) else FAILS


def _rules(layer: Layer, action: str) -> Iterator[tuple[Held, Rule]]:
    for held, document in zip(layer.held, layer.documents, strict=True):
        if document is not None:
            for rule in document.naming(action):
                yield held, rule


def _limit(held: Held, statement: str) -> str:
    return f"{held.layer}|{held.grant.key}|{statement}"


def _both(one: Outcome, other: Outcome) -> Outcome:
    if MAYBE not in (one.answer, other.answer):
        return Outcome(min(one.answer, other.answer))
    keys = tuple(sorted({*one.keys, *other.keys}))
    return Outcome(min(one.answer, other.answer), keys, one.strange or other.strange)


def _unknown(rule: Rule) -> Outcome:
    """Variables in the resources of a statement whose values nobody knows."""
    keys = {
        part.key
        for one in rule.resources
        if isinstance(one, Template)
        for part in one.parts
        if isinstance(part, Variable)
    }
    return Outcome(MAYBE, tuple(sorted(keys)))

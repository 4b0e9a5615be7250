"""A policy document, evaluated once: each statement ready to be matched, and all of it as masks of actions.

The masks say what a document gives or takes away on some resource. They do not ask for whom: statements that hang on
who the principal is are kept apart (`Document.personal`) and added for each principal.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.conditions import MAYBE, NO, YES, BadCondition, Test, compiled, evaluate
from nhiscan_aws.analyzer.facts import OWNER_KEYS, Facts, personal
from nhiscan_aws.analyzer.reach import Place, Reach
from nhiscan_aws.analyzer.statements import KEPT_LISTS, Statement, Unreadable, read
from nhiscan_aws.analyzer.variables import Template, Variable, template

_ACCOUNT = re.compile(r"[0-9]{12}")
_MOST_GROUPS = 3


class Target(NamedTuple):
    """A Resource or NotResource element."""

    texts: tuple[str | Template, ...]
    fixed: tuple[str, ...] | None  # the same where no variable is in them
    whole: bool  # some pattern is everything
    local: bool  # some pattern names an account, or may
    keys: tuple[str, ...]  # condition keys in its variables


@lru_cache(maxsize=KEPT_LISTS)
def _target(given: tuple[str, ...], variables: bool) -> Target:
    texts = tuple(template(one) if variables and "${" in one else one for one in given)
    fixed = tuple(one for one in texts if isinstance(one, str))
    filled = [one for one in texts if isinstance(one, Template)]
    return Target(
        texts,
        None if filled else fixed,
        any(map(patterns.covers_all_resources, fixed)),
        bool(filled) or any(_ACCOUNT.search(one) for one in fixed),
        tuple(key for one in filled for key in _keys(one)),
    )


def _keys(text: Template) -> Iterator[str]:
    return (part.key for part in text.parts if isinstance(part, Variable))


class Rule:
    """One statement, ready to be matched."""

    __slots__ = (
        "allow",
        "carried",
        "excepted",
        "name",
        "number",
        "owned",
        "patterns",
        "personal",
        "spared",
        "target",
        "tests",
        "variables",
    )

    def __init__(self, statement: Statement, tests: tuple[Test, ...], target: Target) -> None:
        self.allow = statement.allow
        self.name = statement.name
        self.number = statement.number
        self.excepted = statement.not_actions is not None
        self.patterns = (statement.not_actions if self.excepted else statement.actions) or ()
        self.variables = statement.variables
        self.target = target
        self.spared = statement.not_resources is not None
        self.tests = tests
        self.personal = self.owned = False
        self.carried: tuple[str, ...] = ()
        for key in target.keys:
            self._hangs_on(key)
        for test in tests:
            self._hangs_on(test.key)
            for value in test.values:
                if isinstance(value, Template):
                    for key in _keys(value):
                        self._hangs_on(key)

    def _hangs_on(self, key: str) -> None:
        if not key.startswith("aws:"):
            self.carried = (*self.carried, key)
        elif personal(key):
            self.personal = True
        elif key in OWNER_KEYS:
            self.owned = self.personal = True

    @property
    def resources(self) -> tuple[str | Template, ...]:
        return self.target.texts

    @property
    def whole(self) -> bool:
        """Whether it is about every resource."""
        return self.target.whole and not self.spared

    def names(self, action: str) -> bool:
        """Whether its Action or NotAction lets it apply to an action (lower case)."""
        hit = action in self.patterns or any(patterns.matches(one, action) for one in self.patterns)
        return hit is not self.excepted

    def filled(self, facts: Facts) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(resource patterns that are certain, those with a ``*`` for what is not known)."""
        if self.target.fixed is not None:
            return self.target.fixed, ()
        sure: list[str] = []
        unsure: list[str] = []
        for one in self.resources:
            if isinstance(one, str):
                sure.append(one)
            elif (found := one.fill(facts.get)) is not None:
                (sure if found[1] else unsure).append(found[0])
        return tuple(sure), tuple(unsure)

    @property
    def written(self) -> str:
        """The Resource element for people: its widest pattern, or ``not:`` and what it leaves out."""
        texts = [one if isinstance(one, str) else one.text for one in self.resources]
        if self.spared:
            return "not:" + ",".join(texts)
        return widest(texts)


def widest(resources: Iterable[str]) -> str:
    """The resource pattern of several that says most to a reader; "" of none."""
    return min(
        resources,
        key=lambda one: (not patterns.covers_all_resources(one), not patterns.has_wildcard(one), len(one), one),
        default="",
    )


class Masks(NamedTuple):
    """Actions that a document, or several together, give or take away."""

    allow: int = 0  # on some resource
    allow_maybe: int = 0  # the same, and it hangs on a condition
    wide: int = 0  # on every resource of the types that the action needs
    wide_maybe: int = 0
    whole: int = 0  # on every resource of whatever type, without a condition
    deny: int = 0  # taken away on every resource
    deny_part: int = 0  # taken away on some resources, by name
    deny_rest: int = 0  # taken away on all resources but some
    deny_twice: int = 0  # in `deny_rest` by more than one statement
    deny_maybe: int = 0  # taken away under a condition

    def __or__(self, other: "Masks") -> "Masks":
        return Masks(
            self.allow | other.allow,
            self.allow_maybe | other.allow_maybe,
            self.wide | other.wide,
            self.wide_maybe | other.wide_maybe,
            self.whole | other.whole,
            self.deny | other.deny,
            self.deny_part | other.deny_part,
            self.deny_rest | other.deny_rest,
            self.deny_twice | other.deny_twice | self.deny_rest & other.deny_rest,
            self.deny_maybe | other.deny_maybe,
        )

    @property
    def some(self) -> int:
        """Allowed on some resource, under some condition."""
        return self.allow | self.allow_maybe

    @property
    def anywhere(self) -> int:
        """Allowed on every resource, under some condition."""
        return self.wide | self.wide_maybe


class Document:
    """All statements of a policy."""

    __slots__ = ("_naming", "local", "personal", "plain", "rules", "unreadable")

    def __init__(self, rules: tuple[Rule, ...], unreadable: tuple[Unreadable, ...]) -> None:
        self.rules = rules
        self.unreadable = unreadable
        self.personal = tuple(rule for rule in rules if rule.personal)
        self.plain = rules if not self.personal else tuple(rule for rule in rules if not rule.personal)
        self.local = any(rule.target.local for rule in rules)
        self._naming: dict[str, tuple[Rule, ...]] = {}

    def naming(self, action: str) -> tuple[Rule, ...]:
        """The statements that apply to an action (lower case), kept."""
        found = self._naming.get(action)
        if found is None:
            found = self._naming[action] = tuple(rule for rule in self.rules if rule.names(action))
        return found


class Reader:
    """Reads policies that have resources: all but trust documents. Statements that are the same in several policies,
    number and name included, are one object.
    """

    def __init__(self) -> None:
        self._rules: dict[tuple[object, ...], Rule] = {}

    def document(self, text: str) -> Document:
        rules: list[Rule] = []
        unreadable: list[Unreadable] = []
        for statement in read(text):
            found = statement if isinstance(statement, Unreadable) else self._rule(statement)
            if isinstance(found, Unreadable):
                unreadable.append(found)
            else:
                rules.append(found)
        return Document(tuple(rules), tuple(unreadable))

    def _rule(self, statement: Statement) -> Rule | Unreadable:
        given = statement.resources if statement.not_resources is None else statement.not_resources
        if given is None or (statement.resources is not None and statement.not_resources is not None):
            return Unreadable(str(statement.number), "the statement needs one of Resource and NotResource")
        try:
            tests = compiled(statement.conditions, variables=statement.variables) if statement.conditions else ()
        except BadCondition as error:
            return Unreadable(str(statement.number), str(error))
        target = _target(given, statement.variables)
        # By identity: what is equal is mostly the same object here, and a Rule keeps its own alive.
        key = (
            statement.name,
            statement.number,
            statement.allow,
            id(statement.actions),
            id(statement.not_actions),
            id(target),
            statement.not_resources is None,
            *map(id, tests),
        )
        found = self._rules.get(key)
        if found is None:
            found = self._rules[key] = Rule(statement, tests, target)
        return found


def parsed(text: str) -> Document:
    """One policy that has resources."""
    return Reader().document(text)


def named_actions(documents: Iterable[Document]) -> set[str]:
    """Action patterns of documents; the table picks those that it does not know."""
    lists = {rule.patterns for document in documents for rule in document.rules}
    return {pattern for some in lists for pattern in some}


def masks_of(
    rules: Iterable[Rule], table: ActionTable, facts: Facts, place: Place, owned: Facts | None = None
) -> Masks:
    """What statements give and take away. ``owned``: facts of a request for a resource of the principal's own account.

    Without knowing the resource, a statement about its owner counts as it does for the account's own resources, where
    such a one decides that something is left.
    """
    found = _Gathered()
    for rule in rules:
        named = table.everything & ~table.together(rule.patterns) if rule.excepted else table.together(rule.patterns)
        if rule.allow and rule.whole and not rule.tests and rule.target.fixed is not None:
            found.allow |= named
            found.wide |= named
            found.whole |= named
            continue
        sure, unsure = rule.filled(facts)
        listed = 0 if rule.excepted or rule.spared or not rule.allow else table.literal(rule.patterns)
        for actions, answer in _answers(rule, table, facts, owned):
            mask = named & actions
            if answer == NO or not mask:
                continue
            if rule.spared:  # what is excepted for a value that nobody knows is not excepted for certain
                reach = table.reach(sure, place, negated=True, local=rule.target.local)
                found.add(rule, mask, listed, reach, MAYBE if unsure else answer)
                continue
            for resources, most in ((sure, YES), (unsure, MAYBE)):
                if resources:
                    reach = table.reach(resources, place, local=rule.target.local)
                    found.add(rule, mask, listed, reach, min(answer, most))
    found.deny_maybe |= found.deny_rest & table.unknown  # whether what is left is anything they work on, nobody knows
    return Masks(**{name: getattr(found, name) for name in Masks._fields})


class _Gathered:
    """Masks in the making."""

    def __init__(self) -> None:
        self.allow = self.allow_maybe = self.wide = self.wide_maybe = self.whole = 0
        self.deny = self.deny_part = self.deny_rest = self.deny_twice = self.deny_maybe = 0

    def add(self, rule: Rule, mask: int, listed: int, reach: Reach, answer: int) -> None:
        """``listed``: actions that an Allow names in full; kept even where the data knows no such resource for them."""
        if rule.allow and answer == YES:
            self.allow |= mask & (reach.some | listed)
            self.wide |= mask & reach.wide
            self.whole |= mask & reach.every
        elif rule.allow:
            self.allow_maybe |= mask & (reach.some | listed)
            self.wide_maybe |= mask & reach.wide
        elif answer == MAYBE:
            self.deny_maybe |= mask & reach.some
        else:
            self.deny |= mask & reach.every
            rest = mask & reach.some & ~reach.every
            if rule.spared:
                self.deny_twice |= self.deny_rest & rest
                self.deny_rest |= rest
            else:
                self.deny_part |= rest


def _answers(rule: Rule, table: ActionTable, facts: Facts, owned: Facts | None) -> Iterable[tuple[int, int]]:
    """(actions, answer) of the condition block: a key that only some actions bring is absent for all others."""
    if not rule.tests:
        return ((table.everything, YES),)
    if rule.personal or owned is not None:
        return _asked(rule, table, facts, owned)
    return facts.once(rule.tests, lambda: tuple(_asked(rule, table, facts, None)))


def _asked(rule: Rule, table: ActionTable, facts: Facts, owned: Facts | None) -> Iterator[tuple[int, int]]:
    some = {table.carriers(key) for key in rule.carried} - {table.everything} if rule.carried else ()
    if not some or len(some) > _MOST_GROUPS:
        yield table.everything, answer_of(rule, facts, owned)
        return
    if len(some) == 1:
        (mask,) = some
        for actions in (mask, table.complement(mask)):
            yield actions, answer_of(rule, facts.within(actions), owned.within(actions) if owned else None)
        return
    for choice in product((True, False), repeat=len(some)):
        actions = table.everything
        for inside, mask in zip(choice, sorted(some), strict=True):
            actions &= mask if inside else ~mask
        if actions:
            yield actions, answer_of(rule, facts.within(actions), owned.within(actions) if owned else None)


def answer_of(rule: Rule, facts: Facts, owned: Facts | None) -> int:
    """The answer of its conditions. Where it hangs on whose the resource is, resources of the own account decide, if
    that leaves something: an Allow holds for them, or a Deny does not.
    """
    answer = evaluate(rule.tests, facts).answer
    if answer != MAYBE or not rule.owned or owned is None:
        return answer
    wanted = YES if rule.allow else NO
    return wanted if evaluate(rule.tests, owned).answer == wanted else MAYBE

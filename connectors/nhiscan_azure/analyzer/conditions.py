"""Conditions of role assignments (Azure ABAC), with three answers.

A condition is an expression over the action, and over attributes of the request, the resource, the principal and the
surroundings (Azure RBAC documentation, "Azure role assignment condition format"). What the asker knows (the action, and
of an assignment that is to be written its role, principal and kind of principal) is true or false. Everything else
hangs on the request. An expression that cannot be read hangs on it altogether.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from nhiscan_azure.analyzer import patterns

ASSIGNMENT = "microsoft.authorization/roleassignments:"
ROLE, PRINCIPAL, PRINCIPAL_TYPE = (ASSIGNMENT + name for name in ("roledefinitionid", "principalid", "principaltype"))
"""Attributes of a request that writes a role assignment."""

MOST_TEXT = 8_192
"""Longest condition that is read; Azure takes 8 KB."""
_TOKEN = re.compile(
    r"\s*(?:(?P<sign>\(|\)|!|&&|\|\|)|(?P<set>\{[^{}]*\})|(?P<attribute>@[A-Za-z]+\[[^\]]*\])|(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<word>[A-Za-z0-9_.:+-]+))"
)
_ITEM = re.compile(r"'((?:[^'\\]|\\.)*)'|([^\s,{}']+)")

Tri = bool | None
"""True, false, or None: hangs on the request."""
Facts = Mapping[str, str]
"""Attributes of the request that are known: name in lower case -> value."""


class _Test(NamedTuple):
    """``@Request[...] Operator {...}``."""

    attribute: str  # "request:microsoft.authorization/roleassignments:roledefinitionid"
    operator: str  # in lower case
    values: tuple[str, ...]  # in lower case


class _Actions(NamedTuple):
    """``ActionMatches{...}``."""

    pattern: str


class _Unknown(NamedTuple):
    """What hangs on the request, whatever it is."""


class _Not(NamedTuple):
    one: "_Node"


class _All(NamedTuple):
    some: tuple["_Node", ...]


class _Any(NamedTuple):
    some: tuple["_Node", ...]


_Node = _Test | _Actions | _Unknown | _Not | _All | _Any


class Condition:
    """One condition, read."""

    __slots__ = ("_root", "keys", "readable")

    def __init__(self, text: str) -> None:
        try:
            self._root: _Node = _Reader(text).read()
            self.readable = True
        except _Unreadable:
            self._root, self.readable = _Unknown(), False
        self.keys = _keys(self._root)
        """Attributes that it asks for, as "Request[...]", sorted."""

    def holds(self, action: str, facts: Facts) -> Tri:
        """Whether it lets an action (in lower case) through."""
        return _value(self._root, action, facts)


@lru_cache(maxsize=4_096)
def read(text: str) -> Condition:
    """The condition of a text; conditions are shared by many assignments."""
    return Condition(text)


def _value(node: _Node, action: str, facts: Facts) -> Tri:
    if isinstance(node, _Actions):
        if patterns.matches(node.pattern, action):
            return True
        return None if patterns.meets(node.pattern, action) else False
    if isinstance(node, _Test):
        known = facts.get(node.attribute)
        return None if known is None else _compare(node, known.lower())
    if isinstance(node, _Not):
        inner = _value(node.one, action, facts)
        return None if inner is None else not inner
    if isinstance(node, _All | _Any):
        decides = isinstance(node, _Any)
        values = [_value(one, action, facts) for one in node.some]
        if decides in values:
            return decides
        return None if None in values else not decides
    return None


def _compare(test: _Test, known: str) -> Tri:
    """A known single value against a test. Operators that nobody knows hang on the request."""
    operator = test.operator
    for quantifier in ("foranyofanyvalues:", "foranyofallvalues:", "forallofanyvalues:", "forallofallvalues:"):
        if operator.startswith(quantifier):
            operator = operator.removeprefix(quantifier)
            all_values = quantifier.endswith("ofallvalues:")
            break
    else:
        all_values = "not" in operator
    kind = re.sub(r"ignorecase$|^string|^guid|^bool|^numeric", "", operator)
    if kind not in ("equals", "notequals"):
        return None
    equal = [value == known for value in test.values]
    if kind == "equals":
        return all(equal) if all_values else any(equal)
    return not any(equal) if all_values else not all(equal)


def _keys(node: _Node) -> tuple[str, ...]:
    found: set[str] = set()
    left: list[_Node] = [node]
    while left:
        one = left.pop()
        if isinstance(one, _Test):
            found.add(one.attribute)
        elif isinstance(one, _Not):
            left.append(one.one)
        elif isinstance(one, _All | _Any):
            left.extend(one.some)
    return tuple(sorted(found))


class _Unreadable(Exception):
    """Not a condition, or not one of today's grammar."""


class _Reader:
    """Recursive descent: or, and, not, test."""

    def __init__(self, text: str) -> None:
        if len(text) > MOST_TEXT:
            raise _Unreadable
        self._tokens: list[tuple[str, str]] = []
        at, text = 0, text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None or found.end() == at or found.lastgroup is None:
                raise _Unreadable
            self._tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()
        self._at = 0
        self._depth = 0

    def read(self) -> _Node:
        found = self._any()
        if self._at != len(self._tokens):
            raise _Unreadable
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _take(self, *wanted: str) -> str:
        kind, text = self._peek()
        if kind not in wanted:
            raise _Unreadable
        self._at += 1
        return text

    def _joined(self, words: Sequence[str]) -> bool:
        if self._peek()[1].lower() in words:
            self._at += 1
            return True
        return False

    def _any(self) -> _Node:
        some = [self._all()]
        while self._joined(("||", "or")):
            some.append(self._all())
        return some[0] if len(some) == 1 else _Any(tuple(some))

    def _all(self) -> _Node:
        some = [self._one()]
        while self._joined(("&&", "and")):
            some.append(self._one())
        return some[0] if len(some) == 1 else _All(tuple(some))

    def _one(self) -> _Node:
        self._depth += 1
        if self._depth > 100:
            raise _Unreadable
        try:
            if self._joined(("!", "not")):
                return _Not(self._one())
            if self._joined(("(",)):
                found = self._any()
                if not self._joined((")",)):
                    raise _Unreadable
                return found
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> _Node:
        kind, text = self._peek()
        if kind == "word" and text.lower() in ("actionmatches", "suboperationmatches"):
            self._at += 1
            (value, *more) = _items(self._take("set"))
            if more:
                raise _Unreadable
            return _Actions(value) if text.lower() == "actionmatches" else _Unknown()
        if kind == "word" and text.lower() in ("exists", "notexists"):
            self._at += 1
            self._take("attribute")
            return _Unknown()
        attribute = self._take("attribute")
        operator = self._take("word").lower()
        kind, text = self._peek()
        if kind not in ("set", "text", "word", "attribute"):
            raise _Unreadable
        self._at += 1
        if kind == "attribute":
            return _Test(_named(attribute), "", ())
        values = _items(text) if kind == "set" else [text.strip("'").lower()]
        return _Test(_named(attribute), operator, tuple(values))


def _named(attribute: str) -> str:
    """``@Request[A:B]`` as ``request[a:b]``; of a request for an assignment as its bare name."""
    where, _, name = attribute[1:].rstrip("]").partition("[")
    plain = name.strip().lower()
    return plain if where.lower() == "request" and plain.startswith(ASSIGNMENT) else f"{where.lower()}[{plain}]"


def _items(text: str) -> list[str]:
    found = [(quoted or bare).lower() for quoted, bare in _ITEM.findall(text.strip("{}"))]
    if not found:
        raise _Unreadable
    return found

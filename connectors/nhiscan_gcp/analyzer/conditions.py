"""Conditions of bindings, decided as far as can be: yes, no, or it depends.

Source: "Attribute reference for IAM Conditions" and "Resource attributes for IAM Conditions" of Google's documentation.
The time of the request is the start of the scan, so that a binding that has run out gives nothing. Names, types and
services of resources are compared where the question names one. What recurs (hours, days of the week), where a request
comes from, access levels and tags are known to a request alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from nhiscan_gcp.analyzer.cel import BadExpression, Call, Expression, Literal, Many, Name, parse

NO, MAYBE, YES = 0, 1, 2

RESOURCE = frozenset({"resource.name", "resource.type", "resource.service"})
TIME = "request.time"
GRANTING = "iam.googleapis.com/modifiedGrantsByRole"
"""Attribute of a call that changes a policy: the roles it gives or takes. Source: "Set limits on granting roles"."""
_KNOWN = (
    "request.",
    "resource.",
    "destination.",
    "api.getAttribute",
    "iap.",
    GRANTING,
)
"""What attributes begin with that Google documents; a condition on any other is strange."""


class Outcome(NamedTuple):
    """What a condition says. ``keys``: attributes that it hangs on; ``strange``: some of it is not known at all."""

    answer: int
    keys: frozenset[str] = frozenset()
    strange: bool = False


HOLDS = Outcome(YES)
FAILS = Outcome(NO)


class Facts(NamedTuple):
    """What is known of a request. An attribute of the resource may be one of several texts; None: any."""

    as_of: int
    name: frozenset[str] | None = None
    type: frozenset[str] | None = None
    service: frozenset[str] | None = None
    granting: frozenset[str] | None = None  # roles that the call gives; None: it is no such call, or any role

    def of(self, path: str) -> frozenset[str] | None:
        return {"resource.name": self.name, "resource.type": self.type, "resource.service": self.service}[path]


class Condition:
    """The condition of a binding or of a provider."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tree: Expression | None = None
        self.names: frozenset[str] = frozenset()
        try:
            self.tree = parse(expression)
        except BadExpression:
            return
        self.names = frozenset(_names(self.tree))

    def outcome(self, facts: Facts) -> Outcome:
        """What it says; a text that is no expression lets in what nobody can tell."""
        if self.tree is None:
            return Outcome(MAYBE, frozenset({"condition"}), strange=True)
        return _truth(_value(self.tree, facts))


@lru_cache(maxsize=50_000)
def condition_of(expression: str) -> Condition:
    """Each text is read once."""
    return Condition(expression)


def _names(tree: Expression) -> list[str]:
    if isinstance(tree, Name):
        return [tree.path]
    if isinstance(tree, Call):
        parts = (*tree.arguments, *([tree.target] if tree.target is not None else []))
        return [name for part in parts for name in _names(part)]
    return [name for item in tree.items for name in _names(item)] if isinstance(tree, Many) else []


# --- values: a truth value, a text, a number, a tuple, or one of these ---


@dataclass(frozen=True)
class _Open:
    """Not known."""

    keys: frozenset[str]
    strange: bool = False


@dataclass(frozen=True)
class _Any:
    """One of several texts."""

    texts: frozenset[str]
    key: str


@dataclass(frozen=True, order=True)
class _Moment:
    """A time, in seconds."""

    at: float


@dataclass(frozen=True)
class _Granting:
    """The roles that a call gives or takes; None: not known."""

    roles: frozenset[str] | None


def _truth(value: Any) -> Outcome:
    if value is True:
        return HOLDS
    if value is False:
        return FAILS
    if isinstance(value, _Open):
        return Outcome(MAYBE, value.keys or frozenset({"condition"}), value.strange)
    return Outcome(MAYBE, frozenset({"condition"}), strange=True)


def _open(*values: Any) -> _Open:
    """What hangs on all of these."""
    keys: set[str] = set()
    strange = False
    for value in values:
        if isinstance(value, _Open):
            keys |= value.keys
            strange = strange or value.strange
        elif isinstance(value, _Any):
            keys.add(value.key)
        elif isinstance(value, _Granting):
            keys.add(GRANTING)
    return _Open(frozenset(keys), strange)


def _strange(*values: Any) -> _Open:
    return _Open(_open(*values).keys, strange=True)


def _value(tree: Expression, facts: Facts) -> Any:
    if isinstance(tree, Literal):
        return tree.value
    if isinstance(tree, Many):
        return tuple(_value(item, facts) for item in tree.items)
    if isinstance(tree, Name):
        return _attribute(tree.path, facts)
    if tree.function in ("&&", "||"):
        return _joined(tree, facts)
    values = [_value(one, facts) for one in tree.arguments]
    if tree.target is not None:
        return _method(tree.function, tree.target, values, facts)
    found = _FUNCTIONS.get(tree.function)
    return found(values) if found else _strange(*values)


def _attribute(path: str, facts: Facts) -> Any:
    if path == TIME:
        return _Moment(facts.as_of)
    if path in RESOURCE:
        texts = facts.of(path)
        if texts is None:
            return _Open(frozenset({path}))
        return next(iter(texts)) if len(texts) == 1 else _Any(texts, path)
    return _Open(frozenset({path}), strange=not path.startswith(_KNOWN))


def _joined(tree: Call, facts: Facts) -> Any:
    """CEL's own way: one false part makes a conjunction false, whatever the others are."""
    decides = tree.function == "||"
    left = []
    for part in tree.arguments:
        value = _value(part, facts)
        if value is decides:
            return decides
        if value is not (not decides):
            left.append(value if isinstance(value, _Open) else _strange(value))
    return _open(*left) if left else not decides


def _not(values: list[Any]) -> Any:
    value = values[0]
    return not value if isinstance(value, bool) else value if isinstance(value, _Open) else _strange(value)


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[list[Any]], Any]:
    def compare(values: list[Any]) -> Any:
        first, second = values
        some = [value.texts if isinstance(value, _Any) else (value,) for value in values]
        if any(isinstance(value, _Open | _Granting) for value in values):
            return _open(*values)
        if any(one is None for one in values) or (type(first) is not type(second) and not _alike(first, second)):
            return _strange(*values)
        try:
            found = {test(one, other) for one in some[0] for other in some[1]}
        except TypeError:
            return _strange(*values)
        return found.pop() if len(found) == 1 else _open(*values)

    return compare


def _alike(first: Any, second: Any) -> bool:
    return isinstance(first, str | _Any) and isinstance(second, str | _Any)


def _within(values: list[Any]) -> Any:
    item, items = values
    if not isinstance(items, tuple):
        return _open(*values) if isinstance(items, _Open | _Granting) else _strange(*values)
    answers = [_FUNCTIONS["=="]([item, one]) for one in items]
    if any(answer is True for answer in answers):
        return True
    left = [answer for answer in answers if answer is not False]
    return _open(*left) if left else False


def _timestamp(values: list[Any]) -> Any:
    text = values[0] if len(values) == 1 else None
    if not isinstance(text, str):
        return _strange(*values)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _strange()
    return _Moment(found.timestamp()) if found.tzinfo else _strange()


def _choice(values: list[Any]) -> Any:
    asked, first, second = values
    if isinstance(asked, bool):
        return first if asked else second
    return first if first is second else _open(*values)


_FUNCTIONS: Mapping[str, Callable[[list[Any]], Any]] = {
    "==": _compared(lambda one, other: bool(one == other)),
    "!=": _compared(lambda one, other: bool(one != other)),
    "<": _compared(lambda one, other: bool(one < other)),
    "<=": _compared(lambda one, other: bool(one <= other)),
    ">": _compared(lambda one, other: bool(one > other)),
    ">=": _compared(lambda one, other: bool(one >= other)),
    "!": _not,
    "in": _within,
    "?:": _choice,
    "timestamp": _timestamp,
}
_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}


def _method(function: str, of: Expression, values: list[Any], facts: Facts) -> Any:
    if isinstance(of, Name) and of.path != TIME and of.path not in RESOURCE:
        if (of.path, function) == ("api", "getAttribute"):
            name = values[0] if values and isinstance(values[0], str) else ""
            return _Granting(facts.granting) if name == GRANTING else _Open(frozenset({f"api.getAttribute({name})"}))
        key = f"{of.path}.{function}"  # resource.matchTag(...)
        return _Open(frozenset({key}), strange=not key.startswith(_KNOWN))
    target = _value(of, facts)
    if function in _TESTS and len(values) == 1 and isinstance(target, str | _Any) and isinstance(values[0], str):
        texts = target.texts if isinstance(target, _Any) else (target,)
        found = {_TESTS[function](text, values[0]) for text in texts}
        return found.pop() if len(found) == 1 else _open(target)
    if function == "hasOnly" and isinstance(target, _Granting) and len(values) == 1 and isinstance(values[0], tuple):
        return _only(target, values[0])
    if isinstance(target, _Moment) and function.startswith(("get", "date")):
        return _Open(frozenset({TIME}))  # it recurs
    if isinstance(target, _Open | _Any | _Granting):
        return _open(target, *values)
    return _strange(*values)


def _only(granting: _Granting, allowed: tuple[Any, ...]) -> Any:
    """Whether a call may give one of the roles that are asked about: it may where one of them is on the list.

    What a custom role on the list gives is not looked up.
    """
    if granting.roles is None:
        return _open(granting)
    if not granting.roles.isdisjoint(role for role in allowed if isinstance(role, str)):
        return True
    if all(isinstance(role, str) and role.startswith("roles/") for role in allowed):
        return False
    return _open(granting)

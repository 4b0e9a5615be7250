"""Condition blocks with three answers: they hold, they do not, or it depends on the request.

Source: IAM User Guide, "Condition operators", "Multivalued context keys", "Policy variables", "Global condition context
keys". All operators and all keys of a block must hold; one value of a key is enough, and none may match where the
operator is negated. A key that a request does not carry makes an operator false, a negated one true, ``...IfExists``
and ``ForAllValues`` true, ``ForAnyValue`` false. What nobody knows (an operator, a key) is never decided.
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.variables import Template, template

NO, MAYBE, YES = 0, 1, 2
"""Answers in ascending order: AND takes the least, OR the greatest."""

MAX_VALUES = 5_000
"""Values of one key that are still read."""


KEPT_TESTS = 16_384
"""Tests that are held to be given again: policies of one estate have many in common."""


class Present:
    """A key that every request carries, with a value nobody knows beforehand."""


PRESENT = Present()
Value = tuple[str, ...] | Present | None
"""Values of a key; ``()``: the request does not carry it; None: not known."""


class Facts(Protocol):
    """What is known of a request."""

    def get(self, key: str) -> Value:
        """The value of a condition key in lower case."""
        ...

    def heard_of(self, key: str) -> bool:
        """Whether such a condition key exists at all."""
        ...


class BadCondition(Exception):
    """A condition block that does not have the shape of one."""


class Outcome(NamedTuple):
    answer: int  # NO, MAYBE, YES
    keys: tuple[str, ...] = ()  # keys as written that decide, where it depends; sorted
    strange: bool = False  # some key or operator is not known to anybody


HOLDS, FAILS = Outcome(YES), Outcome(NO)


class Test(NamedTuple):
    """One operator on one key."""

    operator: str  # lower case, without set operator and IfExists
    match: Callable[[str, str], bool | None] | None  # (value of the request, value of the policy); None: cannot tell
    null: bool
    negated: bool
    quantifier: str  # "" | "any" | "all"
    if_exists: bool
    key: str  # lower case
    written: str
    values: tuple[str | Template, ...]


def compiled(conditions: Mapping[str, Any], *, variables: bool) -> tuple[Test, ...]:
    """The tests of a condition block, in its order. Raises BadCondition."""
    found = []
    for operator, keys in conditions.items():
        if not isinstance(keys, dict):
            raise BadCondition("a condition operator has no keys")
        for key, given in keys.items():
            listed = given if isinstance(given, list) else [given]
            if len(listed) > MAX_VALUES:
                raise BadCondition("a condition has more values than any can have")
            found.append(_test(operator, key, tuple(map(_text, listed)), variables))
    return tuple(found)


@lru_cache(maxsize=KEPT_TESTS)
def _test(operator: str, key: str, texts: tuple[str, ...], variables: bool) -> Test:
    name = operator.lower()
    quantifier = ""
    for prefix, short in (("foranyvalue:", "any"), ("forallvalues:", "all")):
        if name.startswith(prefix):
            name, quantifier = name[len(prefix) :], short
    if_exists = name.endswith("ifexists") and name != "null"
    if if_exists:
        name = name[: -len("ifexists")]
    null = name == "null"
    match, negated, takes_variables = _OPERATORS.get(name, (None, False, False))
    filled = variables and takes_variables
    values = tuple(template(text) if filled and "${" in text else text for text in texts)
    return Test(name, match, null, negated, quantifier, if_exists, key.lower(), key, values)


def _text(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > MAX_VALUES:
            raise BadCondition("a value of a condition is longer than any can be")
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise BadCondition("a value of a condition is no text")


def evaluate(tests: Iterable[Test], facts: Facts) -> Outcome:
    """All of them together."""
    keys: set[str] = set()
    strange = False
    for test in tests:
        answer, odd = _evaluate(test, facts)
        if answer == NO:
            return FAILS
        if answer == MAYBE:
            keys.add(test.written)
            strange = strange or odd
    return Outcome(MAYBE, tuple(sorted(keys)), strange) if keys else HOLDS


def _evaluate(test: Test, facts: Facts) -> tuple[int, bool]:
    """(answer, whether it is open because nobody knows the key or operator)."""
    value = facts.get(test.key)
    if test.null:
        return _null(test, value, facts)
    if test.match is None:
        return MAYBE, True
    if value is None:
        return MAYBE, not facts.heard_of(test.key)
    if isinstance(value, Present):
        return MAYBE, False
    if not value:
        absent = test.if_exists or test.quantifier == "all" or (test.negated and not test.quantifier)
        return YES if absent else NO, False
    if test.quantifier == "all" and value == ("",):
        return YES, False
    found = [_matches(test, one, facts) for one in value]
    if test.negated:
        found = [YES - answer for answer in found]
    # Several values without a set operator: one that matches is enough, and none may where the operator is negated.
    every = test.quantifier == "all" or (test.negated and not test.quantifier)
    return (min(found) if every else max(found)), False


def _null(test: Test, value: Value, facts: Facts) -> tuple[int, bool]:
    if value is None:
        return MAYBE, not facts.heard_of(test.key)
    absent = "true" if value == () else "false"
    wanted = {str(one).lower() for one in test.values}
    return YES if absent in wanted else NO, False


def _matches(test: Test, value: str, facts: Facts) -> int:
    """Whether one value of the request matches one of the policy's."""
    best = NO
    for given in test.values:
        wanted: str | None
        if isinstance(given, Template):
            found = given.fill(facts.get)
            if found is None:
                continue  # a variable without a value matches nothing
            wanted, certain = found
            if not certain:
                best = MAYBE
                continue
        else:
            wanted = given
        assert test.match is not None
        hit = test.match(value, wanted)
        if hit:
            return YES
        if hit is None:
            best = MAYBE
    return best


# --- how values are compared ---


def _equal(value: str, wanted: str) -> bool:
    return value == patterns.unescaped(wanted)


def _equal_any_case(value: str, wanted: str) -> bool:
    return value.casefold() == patterns.unescaped(wanted).casefold()


def _like(value: str, wanted: str) -> bool:
    return patterns.matches(wanted, patterns.escaped(value))


def _arn(value: str, wanted: str) -> bool | None:
    """Each of the six fields is compared on its own."""
    if wanted == "*":
        return True
    theirs = wanted.split(":", 5)
    fields = patterns.escaped(value).split(":", 5)
    if len(theirs) < len(fields):
        return None if patterns.matches(wanted, patterns.escaped(value)) else False
    return len(theirs) == len(fields) and all(map(patterns.matches, theirs, fields))


def _bool(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


def _binary(value: str, wanted: str) -> bool | None:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(value: str, wanted: str) -> bool | None:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return None


def _compared(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> Callable[[str, str], bool | None]:
    def match(value: str, wanted: str) -> bool | None:
        ours, theirs = read(value), read(wanted)
        return None if ours is None or theirs is None else holds(ours, theirs)

    return match


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _date(text: str) -> Decimal | None:
    """Epoch seconds, of an ISO 8601 date or of epoch seconds."""
    if (epoch := _number(text)) is not None and len(text.strip()) > 4:
        return epoch
    try:
        found = datetime.fromisoformat(text.strip())
        return Decimal(str((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return None


_Match = Callable[[str, str], bool | None]
_OPERATORS: dict[str, tuple[_Match, bool, bool]] = {
    "stringequals": (_equal, False, True),
    "stringnotequals": (_equal, True, True),
    "stringequalsignorecase": (_equal_any_case, False, True),
    "stringnotequalsignorecase": (_equal_any_case, True, True),
    "stringlike": (_like, False, True),
    "stringnotlike": (_like, True, True),
    "arnequals": (_arn, False, True),
    "arnnotequals": (_arn, True, True),
    "arnlike": (_arn, False, True),
    "arnnotlike": (_arn, True, True),
    "bool": (_bool, False, True),
    "binaryequals": (_binary, False, False),
    "ipaddress": (_address, False, False),
    "notipaddress": (_address, True, False),
}
"""Name in lower case -> (how values are compared, whether it is negated, whether variables stand for something)."""
for _family, _read in (("numeric", _number), ("date", _date)):
    for _name, _negated, _holds in (
        ("equals", False, Decimal.__eq__),
        ("notequals", True, Decimal.__eq__),
        ("lessthan", False, Decimal.__lt__),
        ("lessthanequals", False, Decimal.__le__),
        ("greaterthan", False, Decimal.__gt__),
        ("greaterthanequals", False, Decimal.__ge__),
    ):
        _OPERATORS[_family + _name] = (_compared(_read, _holds), _negated, False)

"""Operators and functions of the small part of KQL that `nhiscan_azure.simulated.kql` carries out."""

import json
import re
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

Row = dict[str, Any]
Value = Callable[[Row], Any]


class KqlError(Exception):
    """A query that is not well formed, or that this evaluator does not understand."""


def lower(value: Any) -> Any:
    """A text in lower case; anything else as it is."""
    return value.lower() if isinstance(value, str) else value


def _shown(value: Any) -> str:
    """``tostring``: nothing is "", a truth value is true or false, an object its JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def sort_key(value: Value) -> Callable[[Row], Any]:
    """For sorting rows by a value; rows without one come first."""

    def compare(one: Any, other: Any) -> int:
        if one is None or other is None:
            return (one is not None) - (other is not None)
        if type(one) is not type(other):
            one, other = _shown(one), _shown(other)
        return int(one > other) - int(one < other)

    key = cmp_to_key(compare)
    return lambda row: key(value(row))


def _words(value: Any) -> list[str]:
    return re.findall(r"[a-z0-9]+", str(value or "").lower())


def _has(left: Any, right: Any) -> bool:
    wanted, words = _words(right), _words(left)
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def compare(left: Any, right: Any) -> Any:
        if left is None or right is None:
            return None
        if isinstance(left, str) != isinstance(right, str):
            raise KqlError("values of different types cannot be compared")
        return test(left, right)

    return compare


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "=~": lambda left, right: lower(left) == lower(right),
    "!~": lambda left, right: lower(left) != lower(right),
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
    "has": _has,
    "!has": lambda left, right: not _has(left, right),
    "contains": lambda left, right: str(right).lower() in str(left or "").lower(),
    "!contains": lambda left, right: str(right).lower() not in str(left or "").lower(),
    "startswith": lambda left, right: str(left or "").lower().startswith(str(right).lower()),
    "!startswith": lambda left, right: not str(left or "").lower().startswith(str(right).lower()),
    "endswith": lambda left, right: str(left or "").lower().endswith(str(right).lower()),
    "!endswith": lambda left, right: not str(left or "").lower().endswith(str(right).lower()),
}


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    return {"true": True, "false": False}.get(str(value).lower())


def _part(value: Any, by: Any, at: Any = None) -> Any:
    parts = str(value or "").split(str(by))
    return parts if at is None else [parts[at]] if 0 <= at < len(parts) else []


FUNCTIONS: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "isnull": (1, 1, lambda value: value is None),
    "isnotnull": (1, 1, lambda value: value is not None),
    "isempty": (1, 1, lambda value: value in (None, "")),
    "isnotempty": (1, 1, lambda value: value not in (None, "")),
    "tolower": (1, 1, lambda value: _shown(value).lower()),
    "toupper": (1, 1, lambda value: _shown(value).upper()),
    "tostring": (1, 1, _shown),
    "tobool": (1, 1, _truth),
    "toint": (1, 1, _number),
    "tolong": (1, 1, _number),
    "array_length": (1, 1, lambda value: len(value) if isinstance(value, list) else None),
    "strlen": (1, 1, lambda value: len(_shown(value))),
    "strcat": (1, 64, lambda *values: "".join(_shown(value) for value in values)),
    "split": (2, 3, _part),
    "coalesce": (2, 64, lambda *values: next((value for value in values if value not in (None, "")), None)),
    "iff": (3, 3, lambda truth, one, other: one if truth is True else other),
    "iif": (3, 3, lambda truth, one, other: one if truth is True else other),
}
"""Function -> fewest and most arguments, and what it does."""

"""A policy document as its statements. Nothing is guessed: what cannot be read is told, statement by statement."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from nhiscan_aws.analyzer.patterns import completed

MAX_DOCUMENT = 524_288
"""Characters of a document that is still read; the longest of AWS's own have some 150,000, customers' far less."""
MAX_STATEMENTS = 1_000
"""Statements of a document that is still read."""
MAX_PATTERN = 4_096
"""Characters of an action or resource pattern that is still read; an ARN has at most 2,048."""
KEPT_LISTS = 16_384
"""Lists of actions and of resources that are held to be given again: policies of one estate have many in common."""
VARIABLES_SINCE = "2012-10-17"
"""The only version of the policy language with variables; a document without a version has the one before."""


class Unreadable(NamedTuple):
    """A document, or one statement of it, that could not be read."""

    statement: str  # its number from 1, or "document"
    reason: str


class Statement(NamedTuple):
    """One statement. Of each pair (actions, not_actions) and so on one at most is given; None: not in the statement."""

    name: str  # Sid, or the number
    number: int  # from 1
    allow: bool
    actions: tuple[str, ...] | None  # lower case, sorted, each once
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principals: tuple[tuple[str, str], ...] | None  # (kind as written: "AWS", "Service", "Federated", "*"; value)
    not_principals: tuple[tuple[str, str], ...] | None
    conditions: Mapping[str, Any]
    variables: bool  # ``${...}`` stands for something


_USUAL = {
    name.lower(): name
    for name in (
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    )
}
_ELEMENTS = dict.fromkeys(_USUAL.values())


class _Bad(Exception):
    """A statement that does not have the shape of one."""


def read(text: str) -> tuple[Statement | Unreadable, ...]:
    """The statements of a document, in order. Names of elements are read without regard to case."""
    if len(text) > MAX_DOCUMENT:
        return (Unreadable("document", "the document is longer than any policy can be"),)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return (Unreadable("document", "the document is not JSON"),)
    if not isinstance(document, dict):
        return (Unreadable("document", "the document is not a JSON object"),)
    parts = {name.lower(): part for name, part in document.items()}
    statements = parts.get("statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        return (Unreadable("document", "the document has no statements"),)
    if len(statements) > MAX_STATEMENTS:
        return (Unreadable("document", "the document has more statements than any can have"),)
    variables = parts.get("version") == VARIABLES_SINCE
    found: list[Statement | Unreadable] = []
    for number, statement in enumerate(statements, 1):
        try:
            found.append(_statement(number, statement, variables=variables))
        except _Bad as error:
            found.append(Unreadable(str(number), str(error)))
    return tuple(found)


def _statement(number: int, value: Any, *, variables: bool) -> Statement:
    if not isinstance(value, dict):
        raise _Bad("the statement is not a JSON object")
    parts = value if value.keys() <= _ELEMENTS.keys() else _usual(value)
    effect = parts.get("Effect")
    if not isinstance(effect, str) or effect.lower() not in ("allow", "deny"):
        raise _Bad("the statement has no effect")
    conditions = parts.get("Condition")
    if conditions is None:
        conditions = {}
    if not isinstance(conditions, dict):
        raise _Bad("the condition cannot be read")
    sid = parts.get("Sid")
    actions = _actions(parts, "Action") if "Action" in parts else None
    not_actions = _actions(parts, "NotAction") if "NotAction" in parts else None
    if (actions is None) == (not_actions is None):
        raise _Bad("the statement needs one of Action and NotAction")
    return Statement(
        name=sid if isinstance(sid, str) and sid else str(number),
        number=number,
        allow=effect.lower() == "allow",
        actions=actions,
        not_actions=not_actions,
        resources=_resources(parts, "Resource"),
        not_resources=_resources(parts, "NotResource") if "NotResource" in parts else None,
        principals=_principals(parts, "Principal") if "Principal" in parts else None,
        not_principals=_principals(parts, "NotPrincipal") if "NotPrincipal" in parts else None,
        conditions=conditions,
        variables=variables,
    )


def _usual(value: Mapping[str, Any]) -> dict[str, Any]:
    """Elements by their usual names, whatever their case."""
    return {_USUAL.get(name.lower(), name): part for name, part in value.items()}


def _joined(parts: Mapping[str, Any], name: str) -> str | None:
    """The texts of an element, one a line. Lists are told apart by what they hold, so that each is worked on once."""
    value = parts.get(name)
    if isinstance(value, str):
        texts = [value]
    elif isinstance(value, list):
        texts = value
    elif value is None:
        return None
    else:
        raise _Bad(f"the element {name.lower()} is not text")
    try:
        joined = "\n".join(texts)
    except TypeError:
        raise _Bad(f"the element {name.lower()} is not text") from None
    if len(joined) > MAX_PATTERN and max(map(len, texts)) > MAX_PATTERN:
        raise _Bad(f"the element {name.lower()} is longer than any can be")
    if joined.count("\n") > max(len(texts) - 1, 0):
        raise _Bad(f"the element {name.lower()} has a line break")
    return joined


def _actions(parts: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    found = _joined(parts, name)
    return None if found is None else _of_actions(found)


@lru_cache(maxsize=KEPT_LISTS)
def _of_actions(joined: str) -> tuple[str, ...]:
    return tuple(sorted({action.strip() for action in joined.lower().split("\n")})) if joined else ()


def _resources(parts: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    found = _joined(parts, name)
    return None if found is None else _of_resources(found)


@lru_cache(maxsize=KEPT_LISTS)
def _of_resources(joined: str) -> tuple[str, ...]:
    return tuple(sorted({completed(resource) for resource in joined.split("\n")})) if joined else ()


def _principals(parts: Mapping[str, Any], name: str) -> tuple[tuple[str, str], ...] | None:
    value = parts.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        if value != "*":
            raise _Bad(f"the element {name.lower()} is neither * nor an object")
        return (("*", "*"),)
    if not isinstance(value, dict):
        raise _Bad(f"the element {name.lower()} is not an object")
    found = {kind: _joined(value, kind) for kind in value if value[kind] != []}
    return tuple(sorted({(kind, one) for kind, some in found.items() if some is not None for one in some.split("\n")}))

"""A policy document as its statements. Nothing is guessed: what cannot be read is told, statement by statement."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unreadable:
    """A document, or one statement of it, that could not be read."""

    statement: str  # its number from 1, or "document"
    reason: str


@dataclass(frozen=True)
class Statement:
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


class _Bad(Exception):
    """A statement that does not have the shape of one."""


def read(text: str) -> tuple[Statement | Unreadable, ...]:
    """The statements of a document, in order. Names of elements are read without regard to case."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return (Unreadable("document", "the document is not JSON"),)
    if not isinstance(document, dict):
        return (Unreadable("document", "the document is not a JSON object"),)
    statements = _lower(document).get("statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        return (Unreadable("document", "the document has no statements"),)
    found: list[Statement | Unreadable] = []
    for number, statement in enumerate(statements, 1):
        try:
            found.append(_statement(number, statement))
        except _Bad as error:
            found.append(Unreadable(str(number), str(error)))
    return tuple(found)


def _statement(number: int, value: Any) -> Statement:
    if not isinstance(value, dict):
        raise _Bad("the statement is not a JSON object")
    parts = _lower(value)
    effect = parts.get("effect")
    if not isinstance(effect, str) or effect.lower() not in ("allow", "deny"):
        raise _Bad("the statement has no effect")
    conditions = parts.get("condition")
    if conditions is None:
        conditions = {}
    if not isinstance(conditions, dict):
        raise _Bad("the condition cannot be read")
    sid = parts.get("sid")
    statement = Statement(
        name=sid if isinstance(sid, str) and sid else str(number),
        number=number,
        allow=effect.lower() == "allow",
        actions=_actions(parts, "action"),
        not_actions=_actions(parts, "notaction"),
        resources=_texts(parts, "resource"),
        not_resources=_texts(parts, "notresource"),
        principals=_principals(parts, "principal"),
        not_principals=_principals(parts, "notprincipal"),
        conditions=conditions,
    )
    if (statement.actions is None) == (statement.not_actions is None):
        raise _Bad("the statement needs one of Action and NotAction")
    return statement


def _lower(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): part for name, part in value.items()}


def _texts(parts: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = parts.get(name)
    if value is None:
        return None
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise _Bad(f"the element {name} is not text")
    return tuple(sorted(set(values)))


def _actions(parts: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    found = _texts(parts, name)
    return None if found is None else tuple(sorted({action.strip().lower() for action in found}))


def _principals(parts: Mapping[str, Any], name: str) -> tuple[tuple[str, str], ...] | None:
    value = parts.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        if value != "*":
            raise _Bad(f"the element {name} is neither * nor an object")
        return (("*", "*"),)
    if not isinstance(value, dict):
        raise _Bad(f"the element {name} is not an object")
    found = set()
    for kind in value:
        for one in _texts(value, kind) or ():
            found.add((str(kind), one))
    return tuple(sorted(found))

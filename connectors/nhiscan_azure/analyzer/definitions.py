"""Role definitions: what a role of Azure or of the directory allows, read once by the digest of its text.

Source: Azure RBAC documentation, "Understand Azure role definitions" (``permissions[]`` with ``actions``,
``notActions``, ``dataActions``, ``notDataActions``, ``condition``), and Graph ``unifiedRoleDefinition``
(``rolePermissions[]`` with ``allowedResourceActions``, ``excludedResourceActions``, ``condition``). What is taken away
is taken from its own block only: another block, and another role, may give it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from nhiscan_azure.analyzer import conditions, patterns
from nhiscan_azure.analyzer.places import plain

CONTROL, DATA, DIRECTORY = "control", "data", "directory"
"""Planes. An action of one is never given by an action of another."""


class Block(NamedTuple):
    """One entry of ``permissions``, on one plane. Patterns in lower case, as written in ``shown``."""

    number: int  # from 1
    plane: str
    allows: tuple[str, ...]
    takes: tuple[str, ...]
    shown: tuple[str, ...]  # `allows` as written
    shown_takes: tuple[str, ...]
    condition: conditions.Condition | None

    def gives(self, action: str) -> str | None:
        """The pattern that gives an action (in lower case, may be a pattern), as written; None: none does."""
        covers = patterns.directory_matches if self.plane == DIRECTORY else patterns.matches
        for pattern, shown in zip(self.allows, self.shown, strict=True):
            if covers(pattern, action):
                return None if any(covers(one, action) for one in self.takes) else shown
        return None

    def left(self) -> Iterator[tuple[str, str]]:
        """(pattern, as written) of what is given and not taken away as a whole."""
        covers = patterns.directory_matches if self.plane == DIRECTORY else patterns.matches
        for pattern, shown in zip(self.allows, self.shown, strict=True):
            if not any(covers(one, pattern) for one in self.takes):
                yield pattern, shown


class Definition(NamedTuple):
    """What one text says."""

    blocks: tuple[Block, ...]
    unreadable: bool  # some of it is not what a role definition is; what is, counts
    enabled: bool = True
    template: str | None = None  # of a role of the directory, in lower case
    scopes: tuple[str, ...] = ()  # places in which a role of Azure may be assigned; () where it does not tell

    def on(self, plane: str) -> Iterator[Block]:
        return (block for block in self.blocks if block.plane == plane)


UNREADABLE = Definition((), unreadable=True)


@lru_cache(maxsize=16_384)
def definition(text: str) -> Definition:
    """Reads the text of a `nhiscan.model.Document`. Never fails: it is somebody else's."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(found, dict):
        return UNREADABLE
    if isinstance(found.get("rolePermissions"), list):
        return _directory(found)
    if not isinstance(found.get("permissions"), list):
        return UNREADABLE
    blocks: list[Block] = []
    unreadable = False
    for number, one in enumerate(found["permissions"], start=1):
        if not isinstance(one, dict):
            unreadable = True
            continue
        condition, known = _condition(one)
        for plane, allows, takes in ((CONTROL, "actions", "notActions"), (DATA, "dataActions", "notDataActions")):
            given, whole = _texts(one.get(allows))
            taken, clean = _texts(one.get(takes))
            unreadable = unreadable or not (whole and clean and known)
            if given:
                blocks.append(_block(number, plane, given, taken, condition))
    scopes, _ = _texts(found.get("assignableScopes"))
    return Definition(tuple(blocks), unreadable, scopes=tuple(plain(one) for one in scopes))


def _directory(found: Mapping[str, Any]) -> Definition:
    blocks: list[Block] = []
    unreadable = False
    for number, one in enumerate(found["rolePermissions"], start=1):
        if not isinstance(one, dict):
            unreadable = True
            continue
        condition, known = _condition(one)
        given, whole = _texts(one.get("allowedResourceActions"))
        taken, clean = _texts(one.get("excludedResourceActions"))
        unreadable = unreadable or not (whole and clean and known)
        if given:
            blocks.append(_block(number, DIRECTORY, given, taken, condition))
    template = found.get("templateId")
    enabled = found.get("isEnabled") is not False
    return Definition(tuple(blocks), unreadable, enabled, template.lower() if isinstance(template, str) else None)


def _block(
    number: int, plane: str, given: Sequence[str], taken: Sequence[str], condition: conditions.Condition | None
) -> Block:
    allows, takes = (tuple(text.lower() for text in texts) for texts in (given, taken))
    return Block(number, plane, allows, takes, tuple(given), tuple(taken), condition)


def _condition(one: Mapping[str, Any]) -> tuple[conditions.Condition | None, bool]:
    """(the condition of a block, whether it is a text)."""
    found = one.get("condition")
    if found is None or found == "":
        return None, True
    return (conditions.read(found), True) if isinstance(found, str) else (conditions.read("?"), False)


def _texts(value: Any) -> tuple[tuple[str, ...], bool]:
    """(the texts of a list, whether it is a list of texts)."""
    if value is None:
        return (), True
    if not isinstance(value, list):
        return (), False
    texts = tuple(one for one in value if isinstance(one, str) and one)
    return texts, len(texts) == len(value)

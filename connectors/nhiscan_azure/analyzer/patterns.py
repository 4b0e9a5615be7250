"""Action patterns. What Resource Manager, the directory and Microsoft Graph compare, each in its own way.

All compare without case. Resource Manager: ``*`` stands for any text, slashes too (Azure RBAC documentation,
"Understand Azure role definitions"). The directory: ``allTasks`` stands for every task below its entity,
``allProperties/read`` and ``allProperties/update`` for these tasks of every property (Entra documentation, "Custom
roles"). Microsoft Graph: what may write may read.
"""

import re
from functools import lru_cache

GRAPH = "graph:"
"""Before the name of an application permission, where an action is asked for."""
DIRECTORY = "microsoft.directory/"
_OVER_DIRECTORY = (DIRECTORY, "microsoft.office365.", "microsoft.intune/", "microsoft.azure.devops/", "microsoft.aad.")
_ALL = ("/allentities/alltasks", "/allproperties/alltasks", "/alltasks")


@lru_cache(maxsize=65_536)
def matches(pattern: str, action: str) -> bool:
    """Whether a pattern of Resource Manager covers an action. ``action`` may be a pattern, too: then all it stands for.

    Both in lower case.
    """
    if "*" not in pattern:
        return pattern == action
    if pattern == "*":
        return True
    first, *middle, last = pattern.split("*")
    if len(action) < len(first) + len(last) or not action.startswith(first) or not action.endswith(last):
        return False
    at, end = len(first), len(action) - len(last)
    for part in middle:
        found = action.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


@lru_cache(maxsize=65_536)
def meets(pattern: str, other: str) -> bool:
    """Whether some action is covered by both patterns. Both in lower case."""
    if "*" not in pattern:
        return matches(other, pattern)
    if "*" not in other:
        return matches(pattern, other)
    reached = {0}  # places in `other` that the part of `pattern` read so far may have come to
    for letter in pattern:
        following: set[int] = set()
        if letter == "*":
            following = set(range(min(reached), len(other) + 1))
        else:
            for place in _stars(other, reached):
                if place < len(other):
                    if other[place] == "*":
                        following.add(place)
                    elif other[place] == letter:
                        following.add(place + 1)
        if not following:
            return False
        reached = following
    return len(other) in _stars(other, reached)


def _stars(text: str, places: set[int]) -> set[int]:
    """The places, and those behind stars that stand for nothing."""
    found = set(places)
    for place in places:
        at = place
        while at < len(text) and text[at] == "*":
            at += 1
            found.add(at)
    return found


def over_directory(action: str) -> bool:
    """Whether an action is one of the directory, not of Resource Manager."""
    return action.lower().startswith(_OVER_DIRECTORY)


@lru_cache(maxsize=65_536)
def directory_matches(pattern: str, action: str) -> bool:
    """Whether an action of a role of the directory covers another. Both in lower case."""
    if pattern == action:
        return True
    if pattern == "microsoft.directory/allentities/allproperties/alltasks":
        return action.startswith(DIRECTORY)
    for end in _ALL:
        if pattern.endswith(end):
            return action.startswith(pattern.removesuffix(end) + "/")
    for task in ("/read", "/update"):
        if pattern.endswith(f"/allproperties{task}"):
            return action.endswith(task) and action.startswith(pattern.removesuffix(f"allproperties{task}"))
    return "*" in pattern and matches(pattern, action)


@lru_cache(maxsize=4_096)
def permission_matches(held: str, asked: str) -> bool:
    """Whether an application permission of Microsoft Graph covers another. Both in lower case."""
    if held == asked:
        return True
    if ".readwrite." not in held:
        return False
    return asked in (held.replace(".readwrite.", ".read."), re.sub(r"\.all$", ".ownedby", held))


def service_of(action: str) -> str:
    """The provider of an action: ``microsoft.compute``; ``*`` where it is any."""
    service = action.partition("/")[0]
    return "*" if "*" in service else service


def is_read(action: str) -> bool:
    """Whether an action of Resource Manager reads. Patterns read where all they stand for does."""
    return action.endswith("/read")

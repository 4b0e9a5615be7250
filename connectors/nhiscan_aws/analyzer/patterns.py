"""Patterns of actions and resources: what one matches, whether one covers or meets another.

``*`` stands for any text, colons and slashes included, ``?`` for one character. Source: IAM User Guide, JSON policy
elements "Action" and "Resource". All work here grows with the length of pattern and text, so that a policy full of
stars cannot hold a scan up.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

ANYTHING = "*"
_PLAIN = str.maketrans({"*": "\ue000", "?": "\ue001"})
_WRITTEN = str.maketrans({"\ue000": "*", "\ue001": "?"})

_ALL_RESOURCES = re.compile(r"\*+|arn:[a-z*-]+:[:*]*\*[:*]*")
_ARN_FIELDS = 6


def covers_all_actions(pattern: str) -> bool:
    """``*`` and its spellings."""
    return "*" in pattern and set(pattern) <= {"*", ":"}


def covers_all_resources(pattern: str) -> bool:
    """``*``, ``arn:*:*:*:*:*`` and the like."""
    return _ALL_RESOURCES.fullmatch(pattern) is not None


def service_of(pattern: str) -> str:
    """The service of an action pattern; ``*`` where it can be any."""
    service = pattern.partition(":")[0]
    return ANYTHING if "*" in service or "?" in service else service


def is_service_wildcard(pattern: str) -> bool:
    """``s3:*``."""
    service, colon, name = pattern.partition(":")
    return bool(colon) and "*" in name and set(name) <= {"*", "?"} and not has_wildcard(service)


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def start(pattern: str) -> str:
    """What every text that a pattern matches begins with."""
    return pattern.partition("*")[0].partition("?")[0]


def escaped(text: str) -> str:
    """A text whose ``*`` and ``?`` stand for nothing but themselves: other characters take their place."""
    return text.translate(_PLAIN) if has_wildcard(text) else text


def unescaped(text: str) -> str:
    return text.translate(_WRITTEN)


def completed(resource: str) -> str:
    """An ARN with fewer than six fields stands for the one whose others are ``*`` (IAM User Guide, "Resource")."""
    if not resource.startswith("arn:"):
        return resource
    missing = _ARN_FIELDS - 1 - resource.count(":")
    return resource + ":*" * missing if missing > 0 else resource


@lru_cache(maxsize=4096)
def _compiled(pattern: str, one: str) -> re.Pattern[str]:
    """Each text between two stars is taken where it comes first and never tried again (an atomic group)."""

    def plain(text: str) -> str:
        return "".join(one if c == "?" else re.escape(c) for c in text)

    first, *rest = pattern.split("*")
    if not rest:
        return re.compile(plain(first), re.DOTALL)
    *between, last = rest
    middle = "".join(f"(?>.*?{plain(text)})" for text in between if text)
    return re.compile(f"{plain(first)}{middle}.*{plain(last)}", re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches a text; case counts."""
    if "?" in pattern:
        return _compiled(pattern, ".").fullmatch(text) is not None
    return _stars(pattern, text)


def covers(pattern: str, other: str) -> bool:
    """Whether ``pattern`` matches all that ``other`` matches. Never wrongly True.

    A star of the other pattern is read as a character that only a star takes up.
    """
    if "?" in pattern:
        return _compiled(pattern, "[^*]").fullmatch(other) is not None
    return _stars(pattern, other)


def _stars(pattern: str, text: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return first == text
    if not text.startswith(first):
        return False
    *between, last = rest
    end = len(text) - len(last)
    at = len(first)
    if end < at or not text.endswith(last):
        return False
    for part in between:
        if part:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
    return True


def meets(pattern: str, other: str) -> bool:
    """Whether there is a text that both match."""
    if not has_wildcard(other):
        return matches(pattern, other)
    if not has_wildcard(pattern):
        return matches(other, pattern)
    if "?" not in pattern and "?" not in other:
        first, last = pattern.partition("*")[0], pattern.rpartition("*")[2]
        start, end = other.partition("*")[0], other.rpartition("*")[2]
        if not (first.startswith(start) or start.startswith(first)):
            return False
        if not (last.endswith(end) or end.endswith(last)):
            return False
        if pattern.count("*") == 1 or other.count("*") == 1:
            return True
    return _product(pattern, other)


@lru_cache(maxsize=16384)
def _product(pattern: str, other: str) -> bool:
    """Both patterns read side by side: bit n is set while n places of ``other`` are behind us."""
    read = re.sub(r"\*+", "*", other)
    stars = singles = 0
    plain: dict[str, int] = {}
    for place, letter in enumerate(read):
        if letter == "*":
            stars |= 1 << place
        elif letter == "?":
            singles |= 1 << place
        else:
            plain[letter] = plain.get(letter, 0) | 1 << place
    every = (1 << len(read) + 1) - 1
    texts = every >> 1 & ~stars
    state = 1 | (stars & 1) << 1
    for letter in re.sub(r"\*+", "*", pattern):
        if letter == "*":
            state = every & ~((state & -state) - 1)
        else:
            step = state & (texts if letter == "?" else singles | plain.get(letter, 0))
            state = step << 1 | state & stars
            state |= (state & stars) << 1
        if not state:
            return False
    return bool(state >> len(read) & 1)


def any_matches(patterns: Iterable[str], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)

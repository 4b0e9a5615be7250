"""Who answers for an identity: what its tags say, matched to the people roster."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from nhiscan.analysis.roster import Roster
from nhiscan.model import Owner

OWNER_TAGS = ("owner", "owner-email", "owned-by", "contact", "contact-email", "maintainer", "responsible", "team")
"""Tag keys that name an owner, the best first. Case and everything but letters and digits are ignored in keys:
``OwnerEmail``, ``owner_email`` and ``owner-email`` are one."""

SELVES = frozenset({"user"})
"""Kinds of identities that may themselves be a person."""


@lru_cache(maxsize=4_096)
def plain_key(key: str) -> str:
    """A tag key without case, blanks and punctuation."""
    return "".join(letter for letter in key.casefold() if letter.isalnum())


def owner(
    key: str,
    scope: str,
    kind: str,
    names: Sequence[str],
    tags: Mapping[str, str],
    roster: Roster,
    owner_tags: Sequence[str] = OWNER_TAGS,
) -> Owner | None:
    """The owner row of one identity, or None where nothing points to an owner.

    The first owner tag whose value names a person of the roster wins; else the first one that says anything. Without
    such a tag a user whose own name or e-mail (``names``) stands in the roster answers for itself. ``method`` is
    ``tag:<key as found>``, ``roster:email``, ``roster:id`` or ``roster:name``.
    """
    first: tuple[str, str] | None = None
    for tag, value in _in_order(tags, owner_tags):
        if match := roster.find(value):
            return Owner(key, scope, value, f"tag:{tag}", match.person, "person")
        first = first or (tag, value)
    if first is not None:
        return Owner(key, scope, first[1], f"tag:{first[0]}", None, roster.resolution(None))
    if kind in SELVES:
        for name in names:
            if match := roster.find(name):
                return Owner(key, scope, name, f"roster:{match.by}", match.person, "person")
    return None


def _in_order(tags: Mapping[str, str], owner_tags: Sequence[str]) -> list[tuple[str, str]]:
    """The tags that name an owner and say something, the best key first."""
    rank = _ranks(tuple(owner_tags))
    found = [
        (rank[plain_key(tag)], tag, value.strip())
        for tag, value in tags.items()
        if plain_key(tag) in rank and value.strip()
    ]
    return [(tag, value) for _, tag, value in sorted(found)]


@lru_cache(maxsize=16)
def _ranks(owner_tags: tuple[str, ...]) -> dict[str, int]:
    """Plain key -> its place; a key that stands twice keeps its first."""
    return {plain_key(key): number for number, key in reversed(list(enumerate(owner_tags)))}

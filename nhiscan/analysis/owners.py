"""Who answers for an identity: what its tags, its description, the directory and its scope's labels say, matched to the
roster.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from nhiscan.analysis.roster import Roster
from nhiscan.model import Owner

OWNER_TAGS = ("owner", "owner-email", "owned-by", "contact", "contact-email", "maintainer", "responsible", "team")
"""Tag keys that name an owner, the best first. Case and everything but letters and digits are ignored in keys:
``OwnerEmail``, ``owner_email`` and ``owner-email`` are one."""

SELVES = frozenset({"user"})
"""Kinds of identities that may themselves be a person."""

_STATEMENT = re.compile(r"(?<![\w-])([^\W\d_][\w-]{1,40})\s*[:=]\s*(?=([^\s;,|][^;,|\r\n]{0,300}))")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")


class Stated(NamedTuple):
    """What is said of something else that an identity is an instance of."""

    tags: Mapping[str, str]
    description: str | None
    directory: Sequence[tuple[str, str]]  # (method, value)


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
    description: str | None = None,
    labels: Mapping[str, str] | None = None,
    directory: Sequence[tuple[str, str]] = (),
    of: Stated | None = None,
) -> Owner | None:
    """The owner row of one identity, or None where nothing points to an owner.

    Its own tags are asked first, then what its ``description`` states in the same words (``owner: ana@example.com``),
    because some providers have no tags for identities, then the owners whom the ``directory`` names. Of these the first
    that names a person of the roster wins; else the first one that says anything. Without any it is asked what is said
    ``of`` the thing that it is an instance of, such as the application of a service principal. Then a user whose own
    name or e-mail (``names``) stands in the roster answers for itself. Last come the ``labels`` of the scope that it
    lives in, such as a project. ``method`` is ``tag:<key as found>``, ``description:<word as found>``,
    ``relation:owned_by``, ``instance_of:<one of these>``, ``roster:email``, ``roster:id``, ``roster:name`` or
    ``label:<key>``.
    """
    if found := _first(key, scope, _said(tags, description, directory, owner_tags), roster):
        return found
    if of is not None:
        theirs = _said(of.tags, of.description, of.directory, owner_tags)
        if found := _first(key, scope, [(f"instance_of:{method}", value) for method, value in theirs], roster):
            return found
    if kind in SELVES:
        for name in names:
            if match := roster.find(name):
                return Owner(key, scope, name, f"roster:{match.by}", match.person, "person")
    return _first(key, scope, [(f"label:{name}", value) for name, value in _in_order(labels or {}, owner_tags)], roster)


def _said(
    tags: Mapping[str, str],
    description: str | None,
    directory: Sequence[tuple[str, str]],
    owner_tags: Sequence[str],
) -> list[tuple[str, str]]:
    """(method, value) of all that names an owner, the best first."""
    found = [(f"tag:{tag}", value) for tag, value in _in_order(tags, owner_tags)]
    if description:
        found += [(f"description:{word}", value) for word, value in _in_order(dict(_stated(description)), owner_tags)]
    return [*found, *directory]


def _first(key: str, scope: str, said: Sequence[tuple[str, str]], roster: Roster) -> Owner | None:
    """The first that names a person, else the first of all. ``said`` are (method, value)."""
    for method, value in said:
        if match := roster.find(value):
            return Owner(key, scope, value, method, match.person, "person")
    return Owner(key, scope, said[0][1], said[0][0], None, roster.resolution(None)) if said else None


def _stated(description: str) -> Iterator[tuple[str, str]]:
    """What a free text states as ``word: value`` or ``word = value``, in reverse: the first statement counts.

    A value ends at a comma, a semicolon, a bar, the line or the sentence. One that holds an address is the address.
    """
    for word, value in reversed(_STATEMENT.findall(description)):
        address = _ADDRESS.search(value)
        yield word, address[0].rstrip(".") if address else re.split(r"\.(?:\s|$)", value)[0]


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

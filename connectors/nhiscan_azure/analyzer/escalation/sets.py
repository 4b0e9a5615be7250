"""The sets of rights by which a principal becomes more than it is: ``sets.toml``, read and checked.

A gain says what comes of a set, and so how its targets tie together:

``own-role``                 it gives itself a role at the place
``own-definition``           it writes a custom role that it holds itself
``vault-secrets``            it reads the secrets of a vault at or below the place
``running-identity``         it acts as the managed identity of a resource at or below the place
``assigned-identity``        it attaches a user-assigned identity, held there, to something that it makes anywhere
``user-assigned-identity``   it signs in as a user-assigned identity at or below the place
``owned-application``        it signs in as the principal of an application that it owns
``owned-principal``          it signs in as a service principal that it owns
``any-application``          it signs in as any application's principal; over one application where it is held there
``federated-principal``      an application takes its tokens for a credential
``tenant``                   it gives itself the tenant
``tenant-person``            it signs in as an administrator of the tenant
``user``                     it signs in as a user who is no administrator
``group``, ``role-group``    it joins a group
``owned-group``              it joins a group that it owns
``tenant-unseen``            it gets the tenant by something that no source reads
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from nhiscan.model import ESCALATION_CATEGORIES
from nhiscan_azure.analyzer.catalogue import catalogue
from nhiscan_azure.analyzer.definitions import CONTROL, DATA

DOCUMENTATION = "https://learn.microsoft.com/"
BY_PLACE = frozenset(
    {
        *("own-role", "own-definition", "vault-secrets"),
        *("running-identity", "assigned-identity", "user-assigned-identity"),
    }
)
BY_WAY = frozenset({"any-application", "tenant", "tenant-person", "user", "group", "role-group"})
BY_RELATION = frozenset({"owned-application", "owned-principal", "owned-group", "federated-principal"})
UNSEEN_GAIN = "tenant-unseen"
GAINS = BY_PLACE | BY_WAY | BY_RELATION | {UNSEEN_GAIN}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Set(NamedTuple):
    """Rights that together are a way to more."""

    id: str
    category: str  # ESCALATION_CATEGORIES, "chain" apart
    gain: str  # GAINS
    all_of: tuple[str, ...]  # actions, in the spelling of Azure
    anywhere: tuple[str, ...]
    plane: str
    way: str | None  # of the catalogue
    runs: frozenset[str]  # types of resources
    needs: str | None
    why: str
    fix: str
    references: tuple[str, ...]
    found: str  # "list" | "documentation"


class BadSets(Exception):
    """The data file is not what it should be. ``problems`` are all of them, a sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems


@cache
def sets() -> tuple[Set, ...]:
    """The shipped ones, by id."""
    text = (resources.files(__package__) / "sets.toml").read_text(encoding="utf-8")
    return read(tomllib.loads(text))


def read(document: Mapping[str, Any]) -> tuple[Set, ...]:
    """The sets of a document, by id. Raises BadSets."""
    found = [_set(one) for one in document["sets"]]
    problems = [problem for one in found for problem in _problems(one)]
    ids = [one.id for one in found]
    problems.extend(f"{one} stands twice" for one in sorted({one for one in ids if ids.count(one) > 1}))
    if problems:
        raise BadSets(tuple(problems))
    return tuple(sorted(found, key=lambda one: one.id))


def _set(one: Mapping[str, Any]) -> Set:
    return Set(
        id=one["id"],
        category=one["category"],
        gain=one["gain"],
        all_of=tuple(one.get("all_of", ())),
        anywhere=tuple(one.get("anywhere", ())),
        plane=one.get("plane", CONTROL),
        way=one.get("way"),
        runs=frozenset(one.get("runs", ())),
        needs=one.get("needs"),
        why=one["why"],
        fix=one["fix"],
        references=tuple(one["references"]),
        found=one["found"],
    )


def _problems(one: Set) -> Iterator[str]:
    known = {action.name for action in catalogue().actions if action.plane == one.plane}
    if not _ID.fullmatch(one.id):
        yield f"{one.id} is no id"
    if one.category not in ESCALATION_CATEGORIES or one.category == "chain" or one.gain not in GAINS:
        yield f"{one.id} has a category or gain that nobody knows"
    if one.plane not in (CONTROL, DATA) or not set(one.all_of) | set(one.anywhere) <= known:
        yield f"{one.id} names an action that the catalogue does not have"
    if (one.gain in BY_PLACE) != bool(one.all_of) and one.gain != UNSEEN_GAIN:
        yield f"{one.id} needs actions, or has some that its gain has no use for"
    if (one.gain in BY_WAY) != (one.way is not None) and one.gain != UNSEEN_GAIN:
        yield f"{one.id} needs a way, or has one that its gain has no use for"
    if one.gain == UNSEEN_GAIN and (bool(one.all_of) == (one.way is not None) or one.needs is None):
        yield f"{one.id} needs either actions or a way, and what has to exist"
    if one.way is not None and one.way not in catalogue().ways:
        yield f"{one.id} has a way that nobody knows"
    if (one.gain == "running-identity") != bool(one.runs) or any(kind != kind.lower() for kind in one.runs):
        yield f"{one.id} needs types of resources in lower case, or has some that its gain has no use for"
    if (one.gain == "assigned-identity") != bool(one.anywhere):
        yield f"{one.id} needs actions that are held anywhere, or has some that its gain has no use for"
    if not one.references or not all(url.startswith(DOCUMENTATION) for url in one.references):
        yield f"{one.id} needs references to Microsoft's documentation"
    if one.found not in ("list", "documentation") or not one.why.endswith(".") or not one.fix.endswith("."):
        yield f"{one.id} does not say where it was found, why it works or what breaks it"

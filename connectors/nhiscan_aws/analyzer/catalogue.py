"""The actions of the reference text, one bit each: their names, levels, classes, condition keys and resource types.

Bits of one service lie side by side, in the order of the names in lower case. Nothing here changes once it is read, so
one text is read once.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources as files
from typing import NamedTuple

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.reference import LEVELS, Service, read

CLASSES = (
    "administration",
    "credential_creation",
    "credential_exposure",
    "guardrail_removal",
    "permissions_management",
    "secret_read",
)
"""Classes of actions of ``overlay.json``, our own list beside the access levels: "administration" holds the actions any
one of which, on everything, gives whoever has it all the rest; the others are `nhiscan.model.ACCESS_CAPABILITIES`."""

FIELDS = 6
"""Fields of an ARN."""
NOT_GIVEN = '{"format":1,"version":"none","services":{}}'
_DELIMITER = re.compile(r"[/:]")


class Kind(NamedTuple):
    """A resource type."""

    meeting: str  # ARN pattern, every variable "*"
    fields: tuple[str, ...]  # of that, six
    arn: str  # the same with {partition} and {account} to fill in
    needed: int  # actions that need such a resource
    actions: int  # all that work on one
    service: str  # prefix of the service that has it
    flat: bool  # no resource of it has a slash in its name


class Catalogue:
    """All of the text."""

    def __init__(self, text: str) -> None:
        """Raises BadReference."""
        data = read(text)
        self.version = data.version
        self.names: list[str] = []  # canonical ("iam:PassRole"), by bit
        self.lower: list[str] = []  # in lower case
        self.bits: dict[str, int] = {}  # name in lower case -> place of its bit
        self.spans: dict[str, tuple[int, int, list[str]]] = {}  # prefix -> (first bit, bit after the last, names)
        self.kinds: dict[tuple[str, str], list[Kind]] = {}  # by (service field of the ARN, what comes after it)
        self.of_service: dict[str, list[Kind]] = {}
        letters: dict[str, list[int]] = {letter: [] for letter in LEVELS}
        keys: dict[tuple[str, ...], list[int]] = {}
        needing: list[int] = []
        typed: list[int] = []
        for one in data.services:
            self._add(one, letters, keys, needing, typed)
        self.kinds_of: dict[str, list[tuple[str, str]]] = {}  # service field of the ARN -> keys of `kinds`
        for place in self.kinds:
            self.kinds_of.setdefault(place[0], []).append(place)
        for segment, listed in self.kinds_of.items():
            if segment != "*":
                listed.extend(self.kinds_of.get("*", ()))
        self.known = (1 << len(self.names)) - 1
        self.needing = bits(needing)  # actions that need a resource of some type
        self.typed = bits(typed)  # actions that work on resources which a policy can name
        self.levels = _levels({letter: bits(places) for letter, places in letters.items()})
        self.carriers: dict[str, int] = {}  # condition key -> actions that it is listed for
        for some, held in keys.items():
            mask = bits(held)
            for key in some:
                self.carriers[key] = self.carriers.get(key, 0) | mask
        self.classes = {
            name: bits(bit for action in _overlay()[name] if (bit := self.bits.get(action.lower())) is not None)
            for name in CLASSES
        }

    def _add(
        self,
        service: Service,
        letters: Mapping[str, list[int]],
        keys: dict[tuple[str, ...], list[int]],
        needing: list[int],
        typed: list[int],
    ) -> None:
        start = len(self.names)
        found = sorted(service.actions, key=lambda action: action.name.lower())
        needed: list[list[int]] = [[] for _ in service.types]
        others: list[list[int]] = [[] for _ in service.types]
        for bit, action in enumerate(found, start):
            name = f"{service.prefix}:{action.name}"
            self.names.append(name)
            self.lower.append(name.lower())
            self.bits[name.lower()] = bit
            keys.setdefault(action.keys, []).append(bit)
            for letter in action.levels:
                letters[letter].append(bit)
            for place in action.needed:
                needed[place].append(bit)
            for place in action.others:
                others[place].append(bit)
            if action.needed:
                needing.append(bit)
            if action.needed or action.others:
                typed.append(bit)
        self.spans[service.prefix] = (start, len(self.names), [action.name.lower() for action in found])
        for (_, arn), some, more in zip(service.types, needed, others, strict=True):
            if some or more:
                self._know(arn, bits(some), bits(more), service.prefix)

    def _know(self, arn: str, needed: int, others: int, service: str) -> None:
        meeting, own = _arn_patterns(arn)
        fields = tuple(meeting.split(":", FIELDS - 1))
        key = (fields[2], head(fields[5])) if len(fields) == FIELDS else ("*", "")
        kind = Kind(meeting, fields, own, needed, needed | others, service, arn.endswith("${BucketName}"))
        self.kinds.setdefault(key if "*" not in key[0] else ("*", ""), []).append(kind)
        self.of_service.setdefault(service, []).append(kind)

    def matching(self, pattern: str) -> int:
        """Bits of the actions that a pattern in lower case matches."""
        if not patterns.has_wildcard(pattern):
            bit = self.bits.get(pattern)
            return 0 if bit is None else 1 << bit
        service, colon, name = pattern.partition(":")
        if not colon or patterns.has_wildcard(service):
            return bits(bit for bit, action in enumerate(self.lower) if patterns.matches(pattern, action))
        start, end, names = self.spans.get(service, (0, 0, []))
        if name == "*":
            return (1 << end) - (1 << start)
        if name.endswith("*") and not patterns.has_wildcard(name[:-1]):
            first = bisect_left(names, name[:-1])
            last = bisect_left(names, name[:-1] + "\U0010ffff", first)
            return (1 << start + last) - (1 << start + first)
        return bits(bit for bit, action in enumerate(names, start) if patterns.matches(name, action))

    def prefix_of(self, action: int) -> str:
        """Prefix of the service of one action (its bit); "" of an unknown one."""
        place = action.bit_length() - 1
        return self.names[place].partition(":")[0] if 0 <= place < len(self.names) else ""

    def service(self, prefix: str) -> int:
        """Bits of all actions of a service."""
        start, end, _ = self.spans.get(prefix, (0, 0, []))
        return (1 << end) - (1 << start)


@lru_cache(maxsize=2)
def catalogue_of(text: str) -> Catalogue:
    """The catalogue of a reference text, read once. Raises BadReference."""
    return Catalogue(text)


def head(rest: str) -> str:
    """What the last field of an ARN begins with, up to its first slash or colon: "role"; "" where that can vary."""
    start = patterns.start(rest)
    found = _DELIMITER.split(start, maxsplit=1)
    return found[0] if len(found) > 1 or start == rest else ""


def bits(places: Iterable[int]) -> int:
    """The number with these bits."""
    found = bytearray()
    for place in places:
        if place >> 3 >= len(found):
            found.extend(bytes((place >> 3) - len(found) + 1))
        found[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(found, "little")


def _arn_patterns(arn: str) -> tuple[str, str]:
    """(pattern with a star for every variable, the same with {partition} and {account} to fill in)."""
    own = []
    meeting = []
    rest = arn
    while "${" in rest:
        before, _, rest = rest.partition("${")
        variable, _, rest = rest.partition("}")
        own.append(before)
        meeting.append(before)
        own.append({"Partition": "{partition}", "Account": "{account}"}.get(variable, "*"))
        meeting.append("*")
    return "".join([*meeting, rest]), "".join([*own, rest])


def _levels(letters: Mapping[str, int]) -> dict[str, int]:
    """Level -> actions; an action of two levels stands under the more telling one alone."""
    found = {}
    taken = 0
    for letter, level in LEVELS.items():
        found[level] = letters[letter] & ~taken
        taken |= letters[letter]
    return found


@lru_cache(maxsize=1)
def _overlay() -> Mapping[str, Sequence[str]]:
    text = files.files("nhiscan_aws.analyzer").joinpath("overlay.json").read_text(encoding="utf-8")
    found: Mapping[str, Sequence[str]] = json.loads(text)
    return found

"""Rights as numbers: one bit for each thing that some role of the estate gives.

A bit is an action of the catalogue, a way over the directory, or a pattern as some role definition writes it. A pattern
counts as held where what is held covers all of it; so of two principals the one with more has more bits. Bits are made
while definitions are read, and a definition is compared with all of them once, afterwards.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from nhiscan_azure.analyzer import patterns
from nhiscan_azure.analyzer.catalogue import Catalogue
from nhiscan_azure.analyzer.definitions import CONTROL, DATA, DIRECTORY, Block, Definition

EVERYTHING = "*"
_PARTS = ("*/write", "*/action", "*/delete")
"""What is everything, together."""
ASSIGN = "microsoft.authorization/roleassignments/write"
PROBE = "nhiscan.nothing/nothing"
"""Stands for any action that nobody names."""
PERMISSION, WAY, ANY_ROLE = "permission", "way", "any role"
"""Planes of bits besides those of definitions: application permissions, ways over the directory, and giving roles,
Owner among them: a condition may let through others only."""


class Bits:
    """All bits of an estate. `add` first, ask afterwards."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._bits: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        for action in (EVERYTHING, *_PARTS, ASSIGN):
            self.bit(CONTROL, action)
        self.any_role = self.bit(ANY_ROLE, ASSIGN)
        for one in catalogue.actions:
            self.bit(one.plane, one.name.lower())
        for way in catalogue.ways:
            self.bit(WAY, way)
        self.capability: dict[str, int] = defaultdict(int)
        """Capability -> the actions of the catalogue that are it."""
        self.shown: dict[int, str] = {}
        """Place of a bit of the catalogue -> its action in the spelling of Azure."""
        for one in catalogue.actions:
            bit = self.bit(one.plane, one.name.lower())
            self.capability[one.capability] |= bit
            self.shown[bit.bit_length() - 1] = one.name
        self.catalogued = len(self._names)

    def bit(self, plane: str, name: str) -> int:
        """The bit of an action or pattern in lower case; made where there is none."""
        found = self._bits.get((plane, name))
        if found is None:
            found = self._bits[(plane, name)] = 1 << len(self._names)
            self._names.append((plane, name))
        return found

    def add(self, definition: Definition) -> None:
        for block in definition.blocks:
            for pattern, _ in block.left():
                self.bit(block.plane, pattern)

    def names(self, mask: int) -> Iterator[tuple[str, str]]:
        """(plane, action or pattern) of the bits of a mask."""
        return (self._names[place] for place in places(mask))

    def actions(self, mask: int) -> list[str]:
        """The actions of the catalogue in a mask, in the spelling of Azure, sorted."""
        return sorted(self.shown[place] for place in places(mask) if place in self.shown)

    @cached_property
    def _by_service(self) -> dict[tuple[str, str], list[tuple[str, int]]]:
        """(plane, provider) -> (pattern, bit); under "" all of a plane."""
        found: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
        for place, (plane, name) in enumerate(self._names):
            found[(plane, "")].append((name, 1 << place))
            found[(plane, patterns.service_of(name))].append((name, 1 << place))
        return found

    def covered(self, plane: str, pattern: str) -> int:
        """The bits all of which a pattern covers. Asked once all definitions have been added."""
        compare = patterns.directory_matches if plane == DIRECTORY else patterns.matches
        return sum(bit for name, bit in self._near(plane, pattern) if compare(pattern, name))

    def met(self, plane: str, pattern: str) -> int:
        """The bits some of which a pattern covers."""
        if plane == DIRECTORY:
            return self.covered(plane, pattern)
        wild = () if patterns.service_of(pattern) == "*" else self._by_service.get((plane, "*"), ())
        return sum(bit for name, bit in (*self._near(plane, pattern), *wild) if patterns.meets(pattern, name))

    def _near(self, plane: str, pattern: str) -> Sequence[tuple[str, int]]:
        service = patterns.service_of(pattern)
        return self._by_service.get((plane, "" if service == "*" else service), ())

    def given(self, block: Block) -> int:
        """The bits of a block: its own patterns, and of all others those that it gives as a whole."""
        found = own = 0
        for pattern in block.allows:
            found |= self.covered(block.plane, pattern)
        for pattern in block.takes:
            found &= ~self.met(block.plane, pattern)
        for pattern, _ in block.left():
            own |= self.bit(block.plane, pattern)
        return self.with_any(found | own)

    def with_any(self, mask: int) -> int:
        """The mask, with giving any role where it has giving roles."""
        given = mask & self.bit(CONTROL, ASSIGN)
        return mask | self.any_role if given else mask

    def asked(self, name: str) -> str:
        """The action to ask a condition about, for what a bit stands for: of everything, one that nobody names."""
        return PROBE + name.removeprefix("*") if name in (EVERYTHING, *_PARTS) else name

    @cached_property
    def _whole(self) -> tuple[int, int]:
        parts = 0
        for name in _PARTS:
            parts |= self.bit(CONTROL, name)
        return self.bit(CONTROL, EVERYTHING), parts

    def everything(self, mask: int) -> bool:
        """Whether a mask holds every action of Resource Manager, but for what is taken away."""
        star, parts = self._whole
        return bool(mask & star) or mask & parts == parts

    def administers(self, mask: int) -> bool:
        """Whether a mask makes an administrator: every action, giving any role among them."""
        return self.everything(mask) and bool(mask & self.any_role)


def places(mask: int) -> Iterator[int]:
    """The places of the bits of a mask, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


__all__ = ["ANY_ROLE", "ASSIGN", "CONTROL", "DATA", "EVERYTHING", "PERMISSION", "WAY", "Bits", "places"]

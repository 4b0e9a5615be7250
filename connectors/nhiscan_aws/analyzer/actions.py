"""What patterns of actions mean in bits.

The bits of `catalogue`, and after them those of actions that documents name and the data lacks: they are kept as
written, a pattern that matches nothing known (``codestar:*``) included.
"""

from collections.abc import Iterable, Mapping

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.catalogue import NOT_GIVEN, Catalogue, bits, catalogue_of
from nhiscan_aws.analyzer.reach import Place, Reach, Reaches

_CROSS_SERVICE = frozenset(
    {"ec2:sourceinstancearn", "ssm:sourceinstancearn", "lambda:sourcefunctionarn", "glue:credentialissuingservice"}
    | {"identitystore", "cognito-identity"}
)
"""Keys, and services all of whose keys, that come with requests to other services, too."""
_OF_PASS_ROLE = ("iam:passedtoservice", "iam:associatedresourcearn")
_MANY = 20


class ActionTable:
    """All actions as bits. Nothing of it changes once it is made."""

    def __init__(self, catalogue: Catalogue, unknown: Iterable[str] = ()) -> None:
        """``unknown``: action patterns in lower case that documents name; those that the data lacks get a bit."""
        self._catalogue = catalogue
        self.version = catalogue.version
        self.known = catalogue.known
        self.levels: Mapping[str, int] = catalogue.levels
        self.classes: Mapping[str, int] = catalogue.classes
        self._known_masks: dict[str, int] = {}
        self._unknown = [pattern for pattern in sorted(set(unknown)) if not self._matches_known(pattern)]
        self._unknown_of: dict[str, list[str]] = {}
        for name in self._unknown:
            self._unknown_of.setdefault(name.partition(":")[0], []).append(name)
        self._places = {name: place for place, name in enumerate(self._unknown, len(catalogue.names))}
        self.everything = (1 << len(catalogue.names) + len(self._unknown)) - 1
        self.unknown = self.everything & ~self.known
        self.reaches = Reaches(catalogue, self.everything)
        self._masks: dict[str, int] = {}
        self._literals: dict[tuple[str, ...], int] = {}
        self._sums: dict[tuple[str, ...], int] = {}
        self._complements: dict[int, int] = {}
        self._counts: dict[int, int] = {}  # services of a class or a level
        self._carriers: dict[str, int] = {}

    @classmethod
    def of(cls, text: str | None, unknown: Iterable[str] = ()) -> "ActionTable":
        """The table of a reference text; without one every action is unknown. Raises BadReference."""
        return cls(catalogue_of(text or NOT_GIVEN), unknown)

    def _matches_known(self, pattern: str) -> bool:
        if pattern in self._catalogue.bits or patterns.covers_all_actions(pattern):
            return True
        found = self._known_masks[pattern] = self._catalogue.matching(pattern)
        return bool(found)

    def _place(self, name: str) -> int | None:
        """The place of the bit of a name in lower case."""
        found = self._catalogue.bits.get(name)
        return self._places.get(name) if found is None else found

    # --- patterns ---

    def mask(self, pattern: str) -> int:
        """Bits of all actions that a pattern (``*``, ``?``, any case) matches."""
        found = self._masks.get(pattern)
        if found is None:
            lower = pattern.lower()
            place = self._place(lower)
            if place is not None and not patterns.has_wildcard(lower):
                found = 1 << place
            elif patterns.covers_all_actions(lower):
                found = self.everything
            else:
                service = patterns.service_of(lower)
                named = self._unknown_of.get(service, ()) if service != patterns.ANYTHING else self._unknown
                unknown = (self._places[name] for name in named if patterns.covers(lower, name))
                known = self._known_masks.get(lower)
                found = (self._catalogue.matching(lower) if known is None else known) | bits(unknown)
            self._masks[pattern] = found
        return found

    def masks(self, some: Iterable[str]) -> int:
        """Bits of all that any of the patterns matches."""
        found = 0
        literal = None
        known = self._catalogue.bits
        for pattern in some:
            place = known.get(pattern)
            if place is None:
                found |= self.mask(pattern)
            else:
                literal = literal or bytearray(len(known) // 8 + 1)
                literal[place >> 3] |= 1 << (place & 7)
        return found if literal is None else found | int.from_bytes(literal, "little")

    def together(self, some: tuple[str, ...]) -> int:
        """`masks`, kept."""
        found = self._sums.get(some)
        if found is None:
            found = self._sums[some] = self.masks(some)
        return found

    def literal(self, some: tuple[str, ...]) -> int:
        """Bits of the actions that are named in full; kept."""
        found = self._literals.get(some)
        if found is None:
            found = bits(place for name in some if (place := self._place(name)) is not None)
            self._literals[some] = found
        return found

    # --- single actions and services ---

    def bit(self, action: str) -> int:
        """The bit of one action (1 << n); 0 where neither the data nor any document knows it."""
        found = self._place(action.lower())
        return 0 if found is None else 1 << found

    def knows(self, action: str) -> bool:
        """Whether the action data has the action."""
        return action.lower() in self._catalogue.bits

    def works_on_resources(self, action: str) -> bool:
        """Whether the data knows resources that a policy can name for an action."""
        return bool(self.bit(action) & self._catalogue.typed)

    def names(self, mask: int) -> list[str]:
        """Canonical names ("iam:PassRole") of the bits, in their order."""
        found = []
        known = self._catalogue.names
        while mask:
            low = mask & -mask
            place = low.bit_length() - 1
            found.append(known[place] if place < len(known) else self._unknown[place - len(known)])
            mask ^= low
        return found

    def services(self, mask: int) -> list[str]:
        """Prefixes of the services that have any bit of the mask, sorted."""
        found = {patterns.service_of(name) for name in self.names(mask & self.unknown)}
        rest = mask & self.known
        while rest:  # from service to service, for most masks have actions of a few alone
            name = self._catalogue.names[(rest & -rest).bit_length() - 1]
            prefix = name.partition(":")[0]
            found.add(prefix)
            end = self._catalogue.spans[prefix][1]
            rest = rest >> end << end
        return sorted(found)

    def named_services(self, mask: int, of: int) -> list[str]:
        """`services`; ``*`` alone for more than nine in ten of those that have any of the actions ``of``, if many."""
        found = self.services(mask)
        if len(found) <= _MANY:
            return found
        if of not in self._counts:  # a class or a level of actions, of which there are few
            self._counts[of] = len(self.services(of))
        return [patterns.ANYTHING] if len(found) * 10 > self._counts[of] * 9 else found

    def service(self, prefix: str) -> int:
        """Bits of all known actions of a service."""
        return self._catalogue.service(prefix)

    # --- condition keys and resources ---

    def carriers(self, key: str) -> int:
        """Bits of the actions whose requests may carry a condition key (lower case).

        A key of one service comes with requests to that service and with those that the data lists it for; any other
        key may come with each. Source: IAM User Guide, "Global condition context keys" and, for the two keys of
        PassRole, "IAM and AWS STS condition context keys".
        """
        found = self._carriers.get(key)
        if found is None:
            prefix = key.partition(":")[0]
            if prefix not in self._catalogue.spans or key in _CROSS_SERVICE or prefix in _CROSS_SERVICE:
                found = self.everything
            else:
                listed = self._catalogue.carriers.get(key, 0) | self._catalogue.carriers.get(_stem(key), 0)
                found = listed | self.unknown | (0 if key in _OF_PASS_ROLE else self.service(prefix))
            self._carriers[key] = found
        return found

    def complement(self, mask: int) -> int:
        """All other bits; kept, for the masks of condition keys."""
        found = self._complements.get(mask)
        if found is None:
            found = self._complements[mask] = self.everything & ~mask
        return found

    def has_key(self, key: str) -> bool:
        """Whether some service has a condition key (lower case)."""
        return key in self._catalogue.carriers or _stem(key) in self._catalogue.carriers

    def reach(self, resources: tuple[str, ...], place: Place, *, negated: bool = False, local: bool = True) -> Reach:
        """What a Resource element (``negated``: NotResource) covers, for a principal of an account; ``local``: whether
        it may name an account.
        """
        return self.reaches.of(resources, place, negated=negated, local=local)


def _stem(key: str) -> str:
    """``ec2:resourcetag/team`` is listed as ``ec2:resourcetag/${tagkey}``."""
    stem, slash, _ = key.partition("/")
    return stem + "/${tagkey}" if slash else key

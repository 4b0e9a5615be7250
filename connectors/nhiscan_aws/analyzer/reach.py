"""What a Resource or NotResource element means: for which actions it covers some resource, or all of them.

Source of the resource types: the Service Authorization Reference. An action without a type there works on ``*`` alone.
"""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.catalogue import FIELDS, Catalogue, Kind, head

_ACCOUNT = re.compile(r"|[0-9]{12}|.*[*?].*|aws[a-z-]*|cloudfront", re.DOTALL)


class Reach(NamedTuple):
    """Actions as bits."""

    some: int  # of which it covers some resource
    wide: int  # of which it covers every resource of each type that they need
    every: int  # of which it covers every resource of whatever type


class Place(NamedTuple):
    """Where a principal is at home: what "every resource" means."""

    partition: str
    account: str


class Reaches:
    """The reach of resource patterns; each is worked out once."""

    def __init__(self, catalogue: Catalogue, everything: int) -> None:
        """``everything``: all bits, those of unknown actions included, of whose resources nothing is known."""
        self._catalogue = catalogue
        self._everything = everything
        self._unknown = everything & ~catalogue.known
        self._kept: dict[tuple[tuple[str, ...], bool, str, str], Reach] = {}
        self._kinds: dict[tuple[int, Place], tuple[str, ...]] = {}
        self._of_action: dict[int, list[str]] = {}
        self._arns: dict[tuple[str, str, str, str], list[tuple[Kind, str]]] = {}

    def of(self, resources: tuple[str, ...], place: Place, *, negated: bool, local: bool) -> Reach:
        """What a Resource element (``negated``: NotResource) covers, for a principal of an account.

        ``local``: some of the patterns name an account; the answer for the others is the same in every account.
        """
        named = place.account if local else ""
        key = (resources, negated, place.partition, named)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._of(resources, Place(place.partition, named or "*"), negated=negated)
        return found

    def kinds(self, action: int, place: Place) -> tuple[str, ...]:
        """ARN patterns of the resources that an action (its bit) works on: in the account, then in any other. () where
        the data knows none.
        """
        key = (action, place)
        found = self._kinds.get(key)
        if found is None:
            arns = [arn.replace("{partition}", place.partition) for arn in self._arns_of(action)]
            foreign = [] if action & self._catalogue.service("iam") else [arn.replace("{account}", "*") for arn in arns]
            own = [arn.replace("{account}", place.account) for arn in arns]
            found = self._kinds[key] = tuple(dict.fromkeys(sorted(own) + sorted(foreign)))
        return found

    def _arns_of(self, action: int) -> list[str]:
        """The same of whatever account: with {partition} and {account} to fill in."""
        found = self._of_action.get(action)
        if found is None:
            kinds = (kind for some in self._catalogue.kinds.values() for kind in some)
            found = self._of_action[action] = [kind.arn for kind in kinds if kind.actions & action]
        return found

    def _of(self, resources: tuple[str, ...], place: Place, *, negated: bool) -> Reach:
        everything = Reach(self._everything, self._everything, self._everything)
        if any(patterns.covers_all_resources(resource) for resource in resources):
            return Reach(0, 0, 0) if negated else everything
        if not resources:
            return everything if negated else Reach(0, 0, 0)
        covered: set[Kind] = set()
        split = [(one, patterns.start(one), one.split(":", FIELDS - 1)) for one in resources]
        # A pattern that leaves the service open (IAM takes none) is not compared type by type: it may reach any.
        met = self._catalogue.typed if any(_is_open(one, fields) for one, _, fields in split) else 0
        for key in sorted({key for *_, fields in split for key in self._near(fields)}):
            for kind, own in self._owned(key, place):
                if any(own.startswith(start) and patterns.covers(resource, own) for resource, start, _ in split):
                    covered.add(kind)
                    met |= kind.actions
                elif kind.actions & ~met and any(_meets(resource, fields, kind) for resource, _, fields in split):
                    met |= kind.actions
        wide, every = self._whole(covered)
        if negated:
            left = self._everything & ~every
            return Reach(left, left & ~wide, self._catalogue.known & ~met)
        return Reach(met | self._unknown, wide, every)

    def _whole(self, covered: AbstractSet[Kind]) -> tuple[int, int]:
        """Actions of which all types that they need are covered, and those of which all types are."""
        needed = actions = left_needed = left = 0
        for service in sorted({kind.service for kind in covered}):
            for kind in self._catalogue.of_service[service]:
                if kind in covered:
                    needed |= kind.needed
                    actions |= kind.actions
                else:
                    left_needed |= kind.needed
                    left |= kind.actions
        return needed & ~left_needed | actions & ~self._catalogue.needing, actions & ~left

    def _near(self, fields: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Keys of `Catalogue.kinds` under which a pattern can reach some."""
        kinds = self._catalogue.kinds
        service = fields[2] if len(fields) == FIELDS else "*"
        if _is_open("*", fields):
            return kinds
        start = head(fields[5]) if _ACCOUNT.fullmatch(fields[4]) else ""
        if start:
            return [key for key in ((service, start), (service, ""), ("*", "")) if key in kinds]
        return self._catalogue.kinds_of.get(service, ()) or self._catalogue.kinds_of.get("*", ())

    def _owned(self, key: tuple[str, str], place: Place) -> list[tuple[Kind, str]]:
        """The types under a key, with the pattern of their ARN in an account."""
        whole = (*key, *place)
        found = self._arns.get(whole)
        if found is None:
            found = self._arns[whole] = [
                (kind, kind.arn.replace("{partition}", place.partition).replace("{account}", place.account))
                for kind in self._catalogue.kinds[key]
            ]
        return found


def _is_open(resource: str, fields: Sequence[str]) -> bool:
    """Whether a pattern leaves the service open."""
    return patterns.has_wildcard(resource) and (len(fields) < FIELDS or patterns.has_wildcard(fields[2]))


def _meets(resource: str, fields: Sequence[str], kind: Kind) -> bool:
    """Whether a resource pattern reaches resources of a type. Variables of the type's ARN hold no colon, so fields are
    compared one by one; as a whole where a star of the pattern stands for several fields.
    """
    if kind.flat and "/" in resource.partition("*")[0].rpartition(":")[2]:
        return False
    theirs = kind.fields
    if len(fields) < FIELDS or len(theirs) < FIELDS or not _ACCOUNT.fullmatch(fields[4]):
        return patterns.meets(resource, kind.meeting)
    ours = fields[5]
    start = theirs[5].partition("*")[0]
    if not ours.startswith(start) and not start.startswith(patterns.start(ours)):
        return False
    return all(
        our in (their, "*") or their == "*" or patterns.meets(our, their)
        for our, their in zip(fields, theirs, strict=True)
    )

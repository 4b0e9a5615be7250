"""Where roles of Azure are assigned: the tenant, management groups, subscriptions, groups of resources, resources.

A place is the id of Resource Manager in lower case. The tenant is ``/``. What is assigned at a place holds at all
places below it.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from nhiscan.model import Scope

ROOT = "/"
DIRECTORY = "directory:/"
"""The place of what is held over the directory as a whole; below it administrative units and single objects."""
_GROUPS = "/providers/microsoft.management/managementgroups/"
_KINDS = {"management_group": _GROUPS, "subscription": "/subscriptions/"}


def place_of(scope: Scope) -> str:
    """The place that a scope of the inventory is."""
    prefix = _KINDS.get(scope.kind)
    return ROOT if prefix is None else prefix + scope.native_id.lower()


def plain(text: str) -> str:
    """An id of Resource Manager as a place."""
    return text.lower().rstrip("/") or ROOT


@lru_cache(maxsize=65_536)
def type_of(place: str) -> str:
    """Type of a resource ("microsoft.compute/virtualmachines"); "" of what is no resource."""
    _, found, rest = place.rpartition("/providers/")
    parts = rest.split("/")
    if not found or len(parts) < 3 or place.startswith(_GROUPS):
        return ""
    return "/".join([parts[0], *parts[1::2]])


class Places:
    """Which place lies below which."""

    def __init__(self, scopes: Iterable[Scope]) -> None:
        known = {scope.key: scope for scope in scopes}
        self.scopes: dict[str, str] = {place_of(scope): key for key, scope in known.items()}
        """Place of a tenant, group or subscription -> key of the scope."""
        self.names: Mapping[str, str] = {place_of(scope): scope.name or "" for scope in known.values()}
        self._parents: dict[str, str] = {}
        for scope in known.values():
            place = place_of(scope)
            above = known.get(scope.parent or "")
            if place != ROOT:
                self._parents[place] = ROOT if above is None else place_of(above)
        self._above: dict[str, tuple[str, ...]] = {}

    def above(self, place: str) -> tuple[str, ...]:
        """The place itself and all above it, the nearest first."""
        found = self._above.get(place)
        if found is None:
            found = self._above[place] = tuple(self._climb(place))
        return found

    def _climb(self, place: str) -> Iterator[str]:
        seen: set[str] = set()
        at: str | None = place
        while at is not None and at not in seen:
            seen.add(at)
            yield at
            at = self._parent(at)

    def _parent(self, place: str) -> str | None:
        if place == ROOT or place.startswith(DIRECTORY[:-1]):
            return DIRECTORY if place.startswith(DIRECTORY) and place != DIRECTORY else None
        if place in self._parents:
            return self._parents[place]
        head = place.rpartition("/")[0]
        kind = head.rpartition("/")[2]
        if not head or place.startswith(_GROUPS) or (kind == "subscriptions" and head.count("/") == 1):
            return ROOT
        # /subscriptions/S/resourcegroups/G and .../providers/P/T/N lie two steps below what holds them
        above = head.rpartition("/")[0]
        if above.rpartition("/")[2] == "providers":
            return above.rpartition("/")[0] or ROOT
        namespace = above.rpartition("/")[0].rpartition("/")[2]
        return (above.rpartition("/")[0].rpartition("/")[0] or ROOT) if namespace == "providers" else above

    def covers(self, place: str, other: str) -> bool:
        """Whether ``other`` is the place or lies below it."""
        return place in self.above(other)

    def scope_of(self, place: str) -> str | None:
        """The key of the nearest scope of the inventory at or above a place."""
        return next((self.scopes[one] for one in self.above(place) if one in self.scopes), None)

    def wide(self, place: str) -> bool:
        """Whether a place is a whole subscription or more."""
        if place == ROOT or place.startswith(_GROUPS):
            return True
        return place.startswith("/subscriptions/") and place.count("/") == 2

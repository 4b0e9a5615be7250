"""What one grant of the estate gives: a role of Azure, a role of the directory, an application permission."""

from collections.abc import Iterator
from typing import NamedTuple

from nhiscan.model import Grant, Identity, Policy
from nhiscan_azure.analyzer import conditions
from nhiscan_azure.analyzer.catalogue import Catalogue, Rated
from nhiscan_azure.analyzer.definitions import DIRECTORY, Block, Definition
from nhiscan_azure.analyzer.masks import ANY_ROLE, PERMISSION, WAY, Bits, places

AZURE, OVER_DIRECTORY, OF_API, DELEGATED = "azure", "directory", "api", "delegated"
"""Kinds of roles: of Azure, of the directory, an application permission, a consent for all users."""


class Power(NamedTuple):
    """Bits."""

    sure: int = 0  # hang on nothing
    open: int = 0  # all, also those that hang on a condition or on an activation

    def __or__(self, other: tuple[int, ...]) -> "Power":
        return Power(self.sure | other[0], self.open | other[1])


NOTHING = Power()
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
"""Role definition of Owner."""
UNSETTLED = "unsettled"
"""The way of what may lead to control, and nobody has shown whether it does."""


class Role:
    """A role, read; what it gives follows once all roles of the estate are known."""

    __slots__ = ("_given", "definition", "id", "key", "kind", "name", "needs", "rated", "unread", "ways")

    def __init__(
        self,
        kind: str,
        key: str,
        id_: str,
        name: str,
        definition: Definition | None,
        rated: Rated | None = None,
    ) -> None:
        self.kind = kind
        self.key = key  # of the Policy; made up where there is none
        self.id = id_  # GUID of the definition, template id of a role of the directory, id of an app role
        self.name = name
        self.definition = definition
        self.rated = rated
        self.ways: tuple[str, ...] = rated.ways if rated is not None else ()
        self.needs = rated.needs if rated is not None else None
        self.unread: str | None = None
        if kind in (AZURE, OVER_DIRECTORY):
            self.unread = "document-unread" if definition is None else None
            if definition is not None and definition.unreadable:
                self.unread = "document-unreadable"
        self._given: dict[tuple[conditions.Condition | None, bool], Power] = {}

    @property
    def enabled(self) -> bool:
        return self.definition is None or self.definition.enabled

    def blocks(self, plane: str) -> Iterator[Block]:
        return iter(()) if self.definition is None else self.definition.on(plane)

    def power(self, bits: Bits, condition: conditions.Condition | None, *, held: bool) -> Power:
        """What it gives. ``condition``: of the assignment; ``held``: not only after an activation, or for a user."""
        key = (condition, held)
        found = self._given.get(key)
        if found is None:
            found = self._given[key] = self._power(bits, condition, held=held)
        return found

    def _power(self, bits: Bits, condition: conditions.Condition | None, *, held: bool) -> Power:
        if not self.enabled:
            return NOTHING
        found = NOTHING
        for block in self.definition.blocks if self.definition is not None else ():
            given = bits.given(block)
            some = Power(given, given)
            for one in (block.condition, condition):
                if one is not None:
                    some = _under(bits, some, one)
            found |= some
        fixed = self._fixed(bits)
        if self.unread == "document-unreadable":  # what it takes away may be what cannot be read
            found = Power(0, found.open)
        found |= (fixed, fixed)
        return found if held else Power(0, found.open)

    def _fixed(self, bits: Bits) -> int:
        """Bits that hang on no text: ways, and the permission itself."""
        found = 0
        if self.kind in (OVER_DIRECTORY, OF_API):
            for way in self.ways:
                found |= bits.bit(WAY, way)
        if self.kind == OF_API:  # what is held for users alone is nobody's own
            found |= bits.bit(PERMISSION, self.key)
        return found


def _under(bits: Bits, power: Power, condition: conditions.Condition) -> Power:
    """What a condition leaves."""
    sure = left = 0
    for place, (plane, name) in zip(places(power.open), bits.names(power.open), strict=True):
        facts = {conditions.ROLE: OWNER} if plane == ANY_ROLE else {}
        holds = condition.holds(bits.asked(name), facts)
        if holds is not False:
            left |= 1 << place
        if holds is True:
            sure |= 1 << place
    return Power(power.sure & sure, power.open & left)


def azure_role(grant: Grant, policy: Policy | None, definition: Definition | None) -> Role:
    """A role of Azure RBAC, of an assignment."""
    key = grant.policy or f"?{grant.name}"
    return Role(AZURE, key, key.rpartition("/")[2].lower(), policy.name if policy else grant.name, definition)


def directory_role(
    grant: Grant, policy: Policy | None, definition: Definition | None, known: Catalogue, *, privileged: bool
) -> Role:
    """A role of the directory. One that the catalogue rates has the ways it is rated with; of all others the actions
    tell. ``privileged``: Microsoft calls it so.
    """
    key = grant.policy or f"?{grant.name}"
    template = definition.template if definition is not None and definition.template else key.rpartition("/")[2].lower()
    rated = known.directory_roles.get(template)
    role = Role(OVER_DIRECTORY, key, template, policy.name if policy else grant.name, definition, rated)
    if rated is None and definition is not None:
        role.ways = tuple(
            way.id
            for way in known.ways.values()
            if any(block.gives(action) for block in definition.on(DIRECTORY) for action in way.actions)
        )
    if privileged and not role.ways:
        role.ways = (UNSETTLED,)
    return role


def consent(grant: Grant, api: Identity | None, known: Catalogue) -> Role:
    """What an application may do for every user. Only Microsoft Graph's permissions are rated."""
    of_graph = api is None or api.arn is None or api.arn.lower() == known.graph
    rated = known.permissions.get(known.permission_ids.get(grant.name.lower(), "")) if of_graph else None
    return Role(DELEGATED, f"{grant.resource}|{grant.name}".lower(), rated.id if rated else "", grant.name, None, rated)


def permission(grant: Grant, policy: Policy | None, known: Catalogue) -> Role:
    """An application permission. Only Microsoft Graph's are rated."""
    key = grant.policy or f"?{grant.name}"
    api, _, id_ = key.rpartition("/")
    rated = known.permissions.get(id_) if api.endswith(f"/{known.graph}") else None
    name = rated.name if rated is not None else policy.name if policy is not None else grant.name
    role = Role(OF_API, key, id_, name, None, rated)
    if rated is None and api.endswith(f"/{known.graph}") and known.unrated(name):
        role.ways = (UNSETTLED,)
    return role

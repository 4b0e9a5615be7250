"""How far rights go: from nothing to administrator."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nhiscan_azure.analyzer import patterns
from nhiscan_azure.analyzer.definitions import CONTROL, DATA
from nhiscan_azure.analyzer.definitions import DIRECTORY as DIRECTORY_PLANE
from nhiscan_azure.analyzer.estate import Estate, Held, Principal
from nhiscan_azure.analyzer.masks import ASSIGN
from nhiscan_azure.analyzer.places import DIRECTORY
from nhiscan_azure.analyzer.roles import AZURE, DELEGATED, OF_API, OVER_DIRECTORY, UNSETTLED
from nhiscan_azure.analyzer.verdict import check

LEVELS = ("administrator", "permissions_management", "write", "tagging", "read", "list", "unknown", "none")
"""Descending; of `nhiscan.model.ACCESS_LEVELS` and, of nothing at all, "none"."""
ENTRA, GRAPH = "microsoft.directory", "microsoft.graph"
"""Names of services for what is no action of Resource Manager."""
_CONTROLLING = ("permissions_management", "credential_creation", "account_takeover", "federation_change")


class Given(NamedTuple):
    """What one grant gives at one level of one service."""

    level: str  # ACCESS_LEVELS
    service: str  # "microsoft.compute", "*" for any
    what: str  # pattern or permission, as granted


def level_of(action: str) -> str:
    """The level of an action or pattern of Resource Manager, in lower case."""
    if patterns.is_read(action):
        return "read"
    if action.startswith("microsoft.resources/tags/"):
        return "tagging"
    return "permissions_management" if patterns.matches(action, ASSIGN) else "write"


def level_of_permission(name: str) -> str:
    """The level of an application permission, by how Microsoft names them."""
    words = name.lower().split(".")
    if any(
        word.startswith(("readwrite", "write", "create", "send", "manage", "fullcontrol", "full_")) for word in words
    ):
        return "write"
    return "read" if any(word.startswith("read") for word in words) else "unknown"


def given(estate: Estate, held: Held) -> Iterator[Given]:
    """What a grant gives, level by level, before anything is taken away by denials."""
    role = held.role
    if not role.enabled:
        return
    if role.kind == AZURE:
        for plane in (CONTROL, DATA):
            for block in role.blocks(plane):
                for pattern, shown in block.left():
                    level = level_of(pattern)
                    if level == "permissions_management" and block.gives(ASSIGN) is None:
                        level = "write"
                    yield Given(
                        "write" if plane == DATA and level != "read" else level, patterns.service_of(pattern), shown
                    )
    elif role.kind == OVER_DIRECTORY:
        if "self" in role.ways:
            yield Given("administrator", ENTRA, role.name)
        elif role.ways:
            yield Given(_of_ways(estate, role.ways), ENTRA, role.name)
        for block in role.blocks(DIRECTORY_PLANE):
            for pattern, shown in block.left():
                yield Given("read" if pattern.endswith("/read") else "write", ENTRA, shown)
    elif role.kind == OF_API:
        if role.ways:
            yield Given(_of_ways(estate, role.ways), GRAPH, role.name)
        yield Given(level_of_permission(role.name), GRAPH, role.name)
    elif role.kind == DELEGATED:
        yield Given(level_of_permission(role.name), GRAPH, role.name)


def left(estate: Estate, principal: Principal) -> Iterator[tuple[Held, Given]]:
    """What a principal's grants give, less what denials take away altogether."""
    for held in principal.held:
        for one in given(estate, held):
            if not principal.denies or held.role.kind != AZURE or not _lost(estate, principal, held, one.what):
                yield held, one


def _lost(estate: Estate, principal: Principal, held: Held, pattern: str) -> bool:
    states = [check(estate, principal, pattern, held.place, plane=plane).state for plane in (CONTROL, DATA)]
    return states == ["denied", "denied"]


def _of_ways(estate: Estate, ways: tuple[str, ...]) -> str:
    if ways == (UNSETTLED,):
        return "unknown"
    controls = any(estate.catalogue.ways[way].capability in _CONTROLLING for way in ways)
    return "permissions_management" if controls else "write"


class Level:
    """The level of one set of grants."""

    def __init__(self, estate: Estate, principal: Principal) -> None:
        rights = principal.rights
        self._services: dict[str, set[str]] = defaultdict(set)
        for held, one in left(estate, principal):
            if one.level != "administrator" or held.place == DIRECTORY:
                self._services[one.level].add(one.service)
        self.administrator = rights.administrator
        granted = estate.rights_of(principal.held).administrator
        if self.administrator is not None:
            self._services["administrator"].add("*" if rights.administered else ENTRA)
        self.granted = "administrator" if granted is not None else self._highest
        self.left = "administrator" if self.administrator is not None else self._highest

    @property
    def _highest(self) -> str:
        found = [level for level in LEVELS if level != "administrator" and self._services.get(level)]
        return found[0] if found else "none"

    @property
    def services(self) -> Mapping[str, list[str]]:
        """Level -> services, sorted; "*" alone where it is any."""
        return {level: ["*"] if "*" in some else sorted(some) for level, some in sorted(self._services.items()) if some}

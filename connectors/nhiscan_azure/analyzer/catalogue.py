"""The shipped facts of Azure: actions, ways over the directory, roles and permissions known by id; read and checked.

Actions and ways say what to look for in definitions that were read. Everything else is the second line.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from nhiscan.model import ACCESS_CAPABILITIES, ACCESS_LEVELS
from nhiscan_azure.analyzer import patterns
from nhiscan_azure.analyzer.definitions import CONTROL, DATA

PATHS = ("direct", "indirect", "unsettled")


class Action(NamedTuple):
    """An action of Azure RBAC that is worth judging."""

    name: str  # in the spelling of Azure
    plane: str
    capability: str
    why: str


class Way(NamedTuple):
    """What rights over the directory come to."""

    id: str
    capability: str
    action: str
    actions: tuple[str, ...]  # in lower case
    why: str


class Rated(NamedTuple):
    """A role of the directory, or an application permission, that leads to control over the tenant or to losing it."""

    id: str  # template id, or id of the app role
    name: str
    path: str  # PATHS
    ways: tuple[str, ...]
    needs: str | None = None


class BuiltIn(NamedTuple):
    """A built-in role of Azure RBAC."""

    id: str
    name: str
    level: str  # ACCESS_LEVELS


class BadCatalogue(Exception):
    """A data file is not what it should be. ``problems`` are all of them, a sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems


def load(name: str) -> dict[str, Any]:
    """A data file of this package."""
    return tomllib.loads((resources.files(__package__) / "data" / name).read_text(encoding="utf-8"))


class Catalogue:
    """All of it. Raises BadCatalogue."""

    def __init__(
        self,
        actions: Mapping[str, Any],
        ways: Mapping[str, Any],
        roles: Mapping[str, Any],
        permissions: Mapping[str, Any],
        built_in: Mapping[str, Any],
    ) -> None:
        self.actions = tuple(
            Action(name, entry["plane"], entry["capability"], entry["why"])
            for entry in actions["actions"]
            for name in entry["names"]
        )
        self.ways: Mapping[str, Way] = {
            key: Way(key, one["capability"], one["action"], tuple(map(str.lower, one["actions"])), one["why"])
            for key, one in ways["ways"].items()
        }
        self.directory_roles: Mapping[str, Rated] = {one.id: one for one in map(_rated, roles["roles"])}
        self.permissions: Mapping[str, Rated] = {one.id: one for one in map(_rated, permissions["permissions"])}
        self.permission_ids: Mapping[str, str] = {one.name.lower(): one.id for one in self.permissions.values()}
        self.built_in: Mapping[str, BuiltIn] = {one["id"]: BuiltIn(**one) for one in built_in["roles"]}
        self.graph: str = permissions["resource"]
        """App id of Microsoft Graph."""
        self._data = tuple(text.lower() for text in permissions["data"])
        self._watch = tuple(text.lower() for text in permissions["watch"])
        if problems := tuple(self._problems()):
            raise BadCatalogue(problems)

    def is_data(self, permission: str) -> bool:
        """Whether an application permission gives people's data."""
        return any(patterns.matches(one, permission.lower()) for one in self._data)

    def unrated(self, permission: str) -> bool:
        """Whether nobody has rated an application permission yet."""
        return any(patterns.matches(one, permission.lower()) for one in self._watch)

    def _problems(self) -> Iterator[str]:
        names = [(one.plane, one.name.lower()) for one in self.actions]
        for plane, name in sorted({one for one in names if names.count(one) > 1}):
            yield f"the {plane} action {name} stands twice"
        for action in self.actions:
            if action.plane not in (CONTROL, DATA) or action.capability not in ACCESS_CAPABILITIES:
                yield f"{action.name} has a plane or capability that nobody knows"
        for way in self.ways.values():
            if way.capability not in ACCESS_CAPABILITIES:
                yield f"the way {way.id} has a capability that nobody knows"
        for rated in (*self.directory_roles.values(), *self.permissions.values()):
            if rated.path not in PATHS or not rated.ways or not set(rated.ways) <= set(self.ways):
                yield f"{rated.name} has a path or way that nobody knows"
        for role in self.built_in.values():
            if role.level not in ACCESS_LEVELS:
                yield f"{role.name} has a level that nobody knows"


def _rated(one: Mapping[str, Any]) -> Rated:
    return Rated(one["id"], one["name"], one["path"], tuple(one["ways"]), one.get("needs"))


@cache
def catalogue() -> Catalogue:
    """The shipped one."""
    return Catalogue(
        load("actions.toml"),
        load("ways.toml"),
        load("directory-roles.toml"),
        load("graph-permissions.toml"),
        load("built-in-roles.toml"),
    )

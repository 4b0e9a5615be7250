"""Permissions as bits, with what is known of them: capabilities and access levels (``permissions.toml``)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

LEVELS = ("permissions_management", "write", "tagging", "read", "list")
"""Descending."""
CAPABILITIES = (
    "pass_role",
    "assume_role",
    "permissions_management",
    "credential_creation",
    "credential_exposure",
    "secret_read",
    "guardrail_removal",
)
OWN = "iam.googleapis.com/"
"""What the permissions of pools begin with in role definitions."""


@cache
def facts() -> Mapping[str, Any]:
    """The data file."""
    return tomllib.loads(resources.files("nhiscan_gcp.analyzer").joinpath("permissions.toml").read_text("utf-8"))


def service_of(permission: str) -> str:
    """``iam`` of ``iam.googleapis.com/workloadIdentityPools.create`` and of ``iam.roles.get``."""
    head = permission.partition("/")[0] if "/" in permission else permission.partition(".")[0]
    return head.removesuffix(".googleapis.com")


def level_of(permission: str) -> str:
    """The access level of a permission, by its verb and by the classes that are known by name."""
    if permission in _by_class("permissions_management"):
        return "permissions_management"
    if permission in _by_class("pass_role") or permission in _by_class("assume_role"):
        return "write"  # whatever the account may write
    verb = permission.rpartition(".")[2]
    return next((level for level, pattern in _verbs() if pattern.fullmatch(verb)), "write")


@cache
def _by_class(name: str) -> frozenset[str]:
    return frozenset(one for one in facts()["classes"][name] if not one.startswith("*."))


@cache
def _verbs() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found: list[tuple[str, re.Pattern[str]]] = []
    for level in LEVELS:
        verbs = facts()["levels"].get(level, ())
        found.extend((level, re.compile(".*".join(map(re.escape, verb.split("*"))))) for verb in verbs)
    return tuple(found)


class Table:
    """The permissions that roles of a scan hold, and those that the data names, each as one bit."""

    def __init__(self, permissions: Iterable[str]) -> None:
        known = {one for name in CAPABILITIES for one in _by_class(name)}
        self.names = sorted({*permissions, *known, *facts()["owner"]})
        self._bits = {name: 1 << place for place, name in enumerate(self.names)}
        self.classes: Mapping[str, int] = {name: self._class(name) for name in CAPABILITIES}
        levels = dict.fromkeys(LEVELS, 0)
        services: dict[str, int] = {}
        for name, bit in self._bits.items():
            levels[level_of(name)] |= bit
            services[service_of(name)] = services.get(service_of(name), 0) | bit
        self.levels: Mapping[str, int] = levels
        self.services: Mapping[str, int] = dict(sorted(services.items()))
        self.owner = self.mask(facts()["owner"])
        self.everything = (1 << len(self.names)) - 1

    def _class(self, name: str) -> int:
        found = self.mask(_by_class(name))
        for one in facts()["classes"][name]:
            if one.startswith("*."):
                found |= self.mask(known for known in self.names if known.endswith(one[1:]))
        return found

    def bit(self, permission: str) -> int:
        """0 of a permission that no role and no data names. The short form of a pool's permission will do."""
        found = self._bits.get(permission)
        if found is None and permission.startswith("iam."):
            found = self._bits.get(OWN + permission.removeprefix("iam."))
        return found or 0

    def mask(self, permissions: Iterable[str]) -> int:
        found = 0
        for permission in permissions:
            found |= self.bit(permission)
        return found

    def listed(self, mask: int, most: int | None = None) -> list[str]:
        """The names of a mask, sorted; ``most``: no more than so many."""
        found: list[str] = []
        while mask and (most is None or len(found) < most):
            low = mask & -mask
            found.append(self.names[low.bit_length() - 1])
            mask ^= low
        return found

    def highest(self, mask: int) -> str:
        """The highest access level of any permission of a mask; "none" of none."""
        return next((level for level in LEVELS if mask & self.levels[level]), "none")

    def services_of(self, mask: int) -> list[str]:
        """The services of a mask, sorted; ``*`` alone for most of many."""
        found = [service for service, some in self.services.items() if some & mask]
        return ["*"] if len(found) > MOST_SERVICES else found


MOST_SERVICES = 40
"""Services that a row names."""

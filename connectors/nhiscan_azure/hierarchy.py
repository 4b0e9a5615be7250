"""The tenant, its management groups and subscriptions: what is asked for, what is there, and what lies below what."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nhiscan.connector import OptionError
from nhiscan.model import Scope
from nhiscan_azure import keys
from nhiscan_azure.failures import Unread
from nhiscan_azure.service import Json, Service

SUBSCRIPTIONS_VERSION = "2022-12-01"
STATES = {
    "enabled": "active",
    "warned": "active",
    "pastdue": "active",
    "disabled": "suspended",
    "deleted": "closed",
}
_GROUP = re.compile(r"[A-Za-z0-9_.()-]{1,90}", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """What the options name, in lower case. No subscription and no group: all that the caller sees."""

    tenant: str | None
    subscriptions: tuple[str, ...]
    groups: tuple[str, ...]
    directory: bool  # read Entra ID
    resources: bool  # read what lies below the tenant

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> "Wanted":
        """Raises OptionError for what can be no id, and where nothing is left to read."""

        def named(option: str, shape: re.Pattern[str], words: str) -> tuple[str, ...]:
            found = []
            for text in settings.get(option) or ():  # type: ignore[attr-defined]
                name = str(text).rstrip("/").rpartition("/")[2].lower()
                if not shape.fullmatch(name):
                    raise OptionError(option, f"{text!r} is not {words}")
                found.append(name)
            return tuple(dict.fromkeys(found))

        tenant = str(settings.get("tenant") or "").lower() or None
        if tenant is not None and not keys.GUID.fullmatch(tenant):
            raise OptionError("tenant", f"{tenant!r} is not the id of a tenant")
        found = cls(
            tenant,
            named("subscription", keys.GUID, "the id of a subscription"),
            named("management-group", _GROUP, "the name of a management group"),
            directory=not settings.get("no-directory"),
            resources=not settings.get("directory-only"),
        )
        if not found.directory and not found.resources:
            raise OptionError("no-directory", "leaves nothing to read together with directory-only")
        if not found.resources and (found.subscriptions or found.groups):
            raise OptionError("directory-only", "reads no subscription, and some are named")
        return found


@dataclass
class Tree:
    """The scopes named, by key, the tenant among them.

    ``seen`` are all below the tenant that were listed, named or not; ``problem`` is why the listing did not end.
    """

    tenant: str  # key
    scopes: dict[str, Scope] = field(default_factory=dict)
    seen: dict[str, Scope] = field(default_factory=dict)
    problem: Unread | None = None

    def chain(self, key: str) -> Iterator[str]:
        """The keys of the named scopes above one, the nearest first."""
        seen = {key}
        above = self.scopes[key].parent
        while above in self.scopes and above not in seen:
            yield above
            seen.add(above)
            above = self.scopes[above].parent

    def below(self, key: str) -> list[str]:
        """The keys of all named scopes below one, sorted."""
        return sorted(one for one in self.scopes if key in self.chain(one))


def read(arm: Service, wanted: Wanted, tenant: Scope) -> Tree:
    """The tree of what is wanted. What Resource Manager said against it is kept for the source ``arm.scopes``."""
    tree = Tree(tenant.key, {tenant.key: tenant})
    if not wanted.resources:
        return tree
    try:
        for shown, _ in arm.pages("arm.subscriptions", "subscriptions", {"api-version": SUBSCRIPTIONS_VERSION}):
            for one in shown:
                if (scope := _subscription(one, tenant)) is not None:
                    tree.seen[scope.key] = scope
    except Unread as error:
        tree.problem = error
    for key, scope in tree.seen.items():
        if not wanted.subscriptions or scope.native_id in wanted.subscriptions:
            tree.scopes[key] = scope
    for native in wanted.subscriptions:  # one that cannot be seen is planned all the same: its sources tell why
        key = keys.subscription(native)
        tree.scopes.setdefault(key, Scope(key, "azure", "subscription", native, None, tenant.key, "unknown"))
    return tree


def _subscription(shown: Json, tenant: Scope) -> Scope | None:
    """A subscription; None for one of another tenant, which is seen through Lighthouse or by a guest."""
    native = str(shown.get("subscriptionId") or "").lower()
    home = str(shown.get("tenantId") or tenant.native_id).lower()
    if not keys.GUID.fullmatch(native) or home != tenant.native_id:
        return None
    state = STATES.get(str(shown.get("state") or "").lower(), "unknown")
    name = str(shown.get("displayName") or "") or None
    return Scope(keys.subscription(native), "azure", "subscription", native, name, tenant.key, state)

"""The tenant, its management groups and subscriptions: what is asked for, and what lies below what.

What is there is told by `containers`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nhiscan.connector import OptionError, Unread
from nhiscan.model import Scope
from nhiscan_azure import keys


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
            named("management-group", keys.GROUP_NAME, "the name of a management group"),
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

    ``seen`` are all below the tenant that were listed, named or not; ``problem`` is why they may not be all.
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


def wanted_of(
    seen: Mapping[str, Scope], unseen: Mapping[str, Scope], wanted: Wanted, tenant: Scope
) -> dict[str, Scope]:
    """The scopes to plan, by key, the tenant among them.

    All that there is, or what the options name with everything below it and above it: what is assigned above reaches
    down. What is named or known to be there, and cannot be seen, is planned all the same: its sources tell why.
    """
    there = {tenant.key: tenant, **unseen, **seen}
    for native in wanted.groups:
        key = keys.management_group(native)
        there.setdefault(key, Scope(key, "azure", "management_group", native, None, tenant.key, "unknown"))
    for native in wanted.subscriptions:
        key = keys.subscription(native)
        there.setdefault(key, Scope(key, "azure", "subscription", native, None, tenant.key, "unknown"))
    whole = Tree(tenant.key, there)
    if not (wanted.groups or wanted.subscriptions):
        return {key: scope for key, scope in there.items() if scope.state != "closed"}
    tops = {keys.management_group(one) for one in wanted.groups}
    kept = {keys.subscription(one) for one in wanted.subscriptions} | tops
    kept |= {key for key, scope in there.items() if scope.state != "closed" and not tops.isdisjoint(whole.chain(key))}
    kept |= {above for key in kept for above in whole.chain(key)}
    return {key: scope for key, scope in there.items() if key in kept or key == tenant.key}

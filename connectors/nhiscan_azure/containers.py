"""Which management groups and subscriptions there are: one query to Resource Graph, else the lists of Resource Manager.

Both show what the caller may read and nothing else. The root group, where the caller sees it, names all that lies below
it: so it is known which subscriptions are there and are not seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from nhiscan.connector import BadAnswer, Unread
from nhiscan.model import Scope
from nhiscan_azure import keys
from nhiscan_azure.failures import Refused, TooMany, Unseen
from nhiscan_azure.hierarchy import Tree, Wanted, wanted_of
from nhiscan_azure.resourcegraph import ResourceGraph
from nhiscan_azure.service import Json, Service

GRAPH, SUBSCRIPTIONS, GROUPS, BELOW = (
    "resourcegraph.containers",
    "arm.subscriptions",
    "arm.management-groups",
    "arm.descendants",
)
QUERY = (
    "resourcecontainers"
    " | where type in~ ('microsoft.resources/subscriptions', 'microsoft.management/managementgroups')"
    " | project id, name, type, tenantId, subscriptionId, properties | order by id asc"
)
SUBSCRIPTIONS_VERSION, GROUPS_VERSION = "2022-12-01", "2020-05-01"
SEES_SUBSCRIPTIONS, SEES_GROUPS = "Microsoft.Resources/subscriptions/read", "Microsoft.Management/managementGroups/read"
STATES = {
    "enabled": "active",
    "pastdue": "active",
    "warned": "suspended",
    "disabled": "suspended",
    "deleted": "closed",
}
_MANAGEMENT = "providers/Microsoft.Management/managementGroups"


@dataclass
class Found:
    """What was listed. ``parents``: key -> key of the group above. ``chains``: key -> keys above, the nearest first."""

    tenant: Scope
    scopes: dict[str, Scope] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return keys.management_group(self.tenant.native_id)

    def placed(self, key: str, known: frozenset[str]) -> str:
        """Key of the nearest group above that is known; else the tenant."""
        above = self.parents.get(key)
        for one in ([above] if above else []) + self.chains.get(key, []):
            if one in known:
                return one
        return self.root if key != self.root and self.root in known and above is None else self.tenant.key


def read(arm: Service, graph: ResourceGraph, wanted: Wanted, tenant: Scope) -> Tree:
    """The tree of what is wanted. What speaks against it being whole is kept for the source ``arm.scopes``."""
    tree = Tree(tenant.key, {tenant.key: tenant})
    if not wanted.resources:
        return tree
    found = Found(tenant)
    below: dict[str, Scope] = {}
    try:
        try:
            _ask_graph(graph, found)
        except (Refused, BadAnswer, TooMany):
            _ask_lists(arm, found)
        if found.root in found.scopes:
            below = _below(arm, found, tenant.native_id)
        tree.problem = _doubt(found, below)
    except Unread as error:
        tree.problem = error
    known = frozenset(found.scopes) | below.keys()
    tree.seen = {key: one._replace(parent=found.placed(key, known)) for key, one in found.scopes.items()}
    unseen = {
        key: one._replace(parent=found.placed(key, known)) for key, one in below.items() if key not in found.scopes
    }
    tree.scopes = wanted_of(tree.seen, unseen, wanted, tenant)
    graph.narrow(wanted.groups, wanted.subscriptions)
    return tree


def _doubt(found: Found, below: dict[str, Scope]) -> Unread | None:
    """Why what was listed may not be all there is."""
    if not found.scopes:
        return Unseen(GRAPH, "subscription and no management group", SEES_SUBSCRIPTIONS)
    missing = sorted(key for key in below if key not in found.scopes)
    if missing:
        return _missing(missing)
    named = {above for key in found.scopes for above in (found.parents.get(key), *found.chains.get(key, [])) if above}
    hidden = sorted(named - found.scopes.keys())
    return _missing(hidden) if hidden else None


def _missing(missing: list[str]) -> Unseen:
    kind, name = missing[0].split("/", 2)[1:]
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    permission = SEES_SUBSCRIPTIONS if kind == "subscription" else SEES_GROUPS
    return Unseen(GRAPH, f"{kind.replace('_', ' ')} {name}{more}, which is there", permission)


def _ask_graph(graph: ResourceGraph, found: Found) -> None:
    for row in graph.rows(GRAPH, QUERY, everywhere=True):
        properties = _object(row.get("properties"))
        if str(row.get("type", "")).lower() == "microsoft.resources/subscriptions":
            native = str(row.get("subscriptionId") or "").lower()
            scope = _subscription(found, native, row.get("name"), properties.get("state"), row.get("tenantId"))
            details = properties
        else:
            scope = _group(found, row.get("name"), properties)
            details = _object(properties.get("details"))
            parent = _object(details.get("parent")).get("name")
            if scope is not None and isinstance(parent, str) and parent:
                found.parents[scope.key] = keys.management_group(parent)
        if scope is not None:
            chain = details.get("managementGroupAncestorsChain")
            found.chains[scope.key] = [
                keys.management_group(one["name"])
                for one in (chain if isinstance(chain, list) else ())
                if isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"]
            ]


def _ask_lists(arm: Service, found: Found) -> None:
    """The same from Resource Manager. What lies below what is told by the groups that are below no other one seen."""
    for shown, _ in arm.pages(SUBSCRIPTIONS, "subscriptions", {"api-version": SUBSCRIPTIONS_VERSION}):
        for one in shown:
            native = str(one.get("subscriptionId") or "").lower()
            _subscription(found, native, one.get("displayName"), one.get("state"), one.get("tenantId"))
    for shown, _ in arm.pages(GROUPS, _MANAGEMENT, {"api-version": GROUPS_VERSION}):
        for one in shown:
            _group(found, one.get("name"), _object(one.get("properties")))
    if found.root in found.scopes:  # names all that is below it; asked for in any case
        return
    for key in [key for key, one in found.scopes.items() if one.kind == "management_group"]:
        if key not in found.parents:
            _below(arm, found, found.scopes[key].native_id)


def _below(arm: Service, found: Found, group: str) -> dict[str, Scope]:
    """All that lies below a management group, by key, as far as its names tell; notes what lies below what."""
    below: dict[str, Scope] = {}
    path = f"{_MANAGEMENT}/{quote(group, safe='')}/descendants"
    for shown, _ in arm.pages(BELOW, path, {"api-version": GROUPS_VERSION}):
        for one in shown:
            scope = _descendant(found.tenant, one)
            if scope is None:
                continue
            below[scope.key] = scope
            parent = str(_object(_object(one.get("properties")).get("parent")).get("id") or "").rpartition("/")[2]
            if parent:
                found.parents.setdefault(scope.key, keys.management_group(parent))
    return below


def _descendant(tenant: Scope, shown: Json) -> Scope | None:
    name = str(shown.get("name") or "").lower()
    if str(shown.get("type") or "").lower().rpartition("/")[2] == "subscriptions":
        if not keys.GUID.fullmatch(name):
            return None
        return Scope(keys.subscription(name), "azure", "subscription", name, None, tenant.key, "unknown")
    if not keys.GROUP_NAME.fullmatch(name):
        return None
    return Scope(keys.management_group(name), "azure", "management_group", name, None, tenant.key, "unknown")


def _subscription(found: Found, native: str, name: Any, state: Any, home: Any) -> Scope | None:
    """A subscription; None for one of another tenant, which is seen through Lighthouse or by a guest."""
    tenant = found.tenant
    if not keys.GUID.fullmatch(native) or str(home or tenant.native_id).lower() != tenant.native_id:
        return None
    key = keys.subscription(native)
    label = name if isinstance(name, str) and name else None
    word = STATES.get(str(state or "").lower(), "unknown")
    found.scopes[key] = Scope(key, "azure", "subscription", native, label, tenant.key, word)
    return found.scopes[key]


def _group(found: Found, name: Any, properties: Json) -> Scope | None:
    tenant = found.tenant
    native = str(name or "").lower()
    if not keys.GROUP_NAME.fullmatch(native):
        return None
    if str(properties.get("tenantId") or tenant.native_id).lower() != tenant.native_id:
        return None
    key = keys.management_group(native)
    title = properties.get("displayName")
    label = title if isinstance(title, str) and title else None
    found.scopes[key] = Scope(key, "azure", "management_group", native, label, tenant.key, "active")
    return found.scopes[key]


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def listed(tree: Tree) -> Iterator[Scope]:
    """All that was listed, named by the options or not, those above before those below."""
    whole = Tree(tree.tenant, {**tree.scopes, **tree.seen})
    depth = {key: sum(1 for _ in whole.chain(key)) for key in tree.seen}
    yield from (tree.seen[key] for key in sorted(tree.seen, key=lambda one: (depth[one], one)))

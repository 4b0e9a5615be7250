"""A simulated tenant of Entra ID with its Azure subscriptions, declared: what exists before the first call.

Nothing here imports a client library. Times are epoch seconds UTC. Ids that are not given are made from the seed
(`nhiscan_azure.simulated.ids`). Users, groups, service principals and managed identities are referred to by name (names
are unique among all of them; the service principal of an application has the application's name). A reference that is
the text of a guid stands for itself: so a grant can name somebody who is not there any more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nhiscan_azure.simulated.entra import Directory, Federated, Granted, SignIns


@dataclass(frozen=True)
class Assignment:
    """An RBAC role, given at the scope that holds the declaration. ``kind`` overrides principalType.

    With ``eligible`` it is one of Privileged Identity Management; ``activated`` is one taken up until ``end``.
    """

    principal: str
    role: str
    created_at: int = 0
    condition: str | None = None
    description: str | None = None
    kind: str | None = None
    eligible: bool = False
    activated: bool = False
    end: int | None = None
    id: str | None = None


@dataclass(frozen=True)
class Denial:
    """A deny assignment. ``principals`` empty: everybody."""

    name: str
    actions: tuple[str, ...]
    principals: tuple[str, ...] = ()
    except_for: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    children_too: bool = True


@dataclass(frozen=True)
class Role:
    """A custom RBAC role. ``scopes`` are its assignable scopes; () is the root management group.

    ``condition`` limits what it permits; older versions of the API do not tell it.
    """

    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    condition: str | None = None
    description: str = ""
    built_in: bool = False
    created_at: int = 0
    id: str | None = None


@dataclass(frozen=True)
class Resource:
    """Any resource. ``type`` as ARM writes it, ``properties`` as its provider gives them.

    ``system`` gives it an identity of its own (a service principal named after the resource unless ``principal`` names
    it); ``identities`` are names of user-assigned ones that it runs as.
    """

    type: str  # "Microsoft.Compute/virtualMachines"
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    kind: str | None = None
    sku: str | None = None
    location: str = "westeurope"
    tags: Mapping[str, str] = field(default_factory=dict)
    system: bool = False
    principal: str | None = None
    identities: tuple[str, ...] = ()
    assignments: tuple[Assignment, ...] = ()


@dataclass(frozen=True)
class ManagedIdentity:
    """A user-assigned identity. Its service principal has the same name."""

    name: str
    federated: tuple[Federated, ...] = ()
    location: str = "westeurope"
    tags: Mapping[str, str] = field(default_factory=dict)
    granted: tuple[Granted, ...] = ()
    sign_ins: SignIns | None = None
    assignments: tuple[Assignment, ...] = ()  # given on the identity: who may use it


@dataclass(frozen=True)
class StorageAccount:
    """``keys`` are the creation times of key1 and key2; None: the provider does not know."""

    name: str
    created_at: int
    keys: tuple[int | None, int | None]
    shared_key: bool | None = None  # None: not said, which means allowed
    expiry_days: int | None = None  # keyPolicy
    sas_period: str | None = None  # "1.00:00:00"
    local_users: bool | None = None
    location: str = "westeurope"
    tags: Mapping[str, str] = field(default_factory=dict)
    system: bool = False
    identities: tuple[str, ...] = ()
    assignments: tuple[Assignment, ...] = ()


@dataclass(frozen=True)
class VaultItem:
    """A secret or key of a vault: its dates, never its value. ``rotates`` is the P1Y of a rotation policy."""

    name: str
    created_at: int
    kind: str = "secret"  # secret | key
    updated_at: int | None = None
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    content_type: str | None = None
    rotates: str | None = None
    managed: bool = False


@dataclass(frozen=True)
class AccessPolicy:
    """An entry of a vault's access policies."""

    principal: str
    secrets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vault:
    name: str
    items: tuple[VaultItem, ...] = ()
    rbac: bool = True
    policies: tuple[AccessPolicy, ...] = ()
    location: str = "westeurope"
    tags: Mapping[str, str] = field(default_factory=dict)
    assignments: tuple[Assignment, ...] = ()


Holding = Resource | ManagedIdentity | StorageAccount | Vault


@dataclass(frozen=True)
class ResourceGroup:
    name: str
    resources: tuple[Holding, ...] = ()
    location: str = "westeurope"
    tags: Mapping[str, str] = field(default_factory=dict)
    assignments: tuple[Assignment, ...] = ()
    denials: tuple[Denial, ...] = ()


@dataclass(frozen=True)
class Subscription:
    """``parent`` is the name of a management group; None: the root group."""

    name: str
    groups: tuple[ResourceGroup, ...] = ()
    parent: str | None = None
    state: str = "Enabled"
    assignments: tuple[Assignment, ...] = ()
    denials: tuple[Denial, ...] = ()
    classic: tuple[tuple[str, str], ...] = ()  # (e-mail address, "ServiceAdministrator;AccountAdministrator")
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True)
class ManagementGroup:
    name: str  # also its id
    title: str = ""
    parent: str | None = None
    assignments: tuple[Assignment, ...] = ()


GRAPH_PERMISSIONS = (
    "Application.Read.All",
    "Directory.Read.All",
    "AuditLog.Read.All",
    "RoleManagement.Read.Directory",
    "Policy.Read.All",
    "User-LifeCycleInfo.Read.All",
)
"""What the connector asks for in Microsoft Graph, unless a world gives the caller less or more."""


@dataclass(frozen=True)
class Caller:
    """Who reads: an application of the tenant with a secret that the simulation hands out.

    Its Graph permissions, and roles at the root management group (``roles``) beside what assignments of the world give.
    """

    name: str = "nhiscan"
    graph: tuple[str, ...] = GRAPH_PERMISSIONS
    roles: tuple[str, ...] = ("Reader",)


@dataclass(frozen=True)
class World:
    """``root`` are assignments at the root management group, whose id is the tenant's.

    ``elevated`` are those above it, at ``/``: of administrators of the directory who elevated their access.
    """

    directory: Directory = field(default_factory=Directory)
    management_groups: tuple[ManagementGroup, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    roles: tuple[Role, ...] = ()
    root: tuple[Assignment, ...] = ()
    elevated: tuple[Assignment, ...] = ()
    caller: Caller = field(default_factory=Caller)
    tenant: str | None = None

    def chain(self, parent: str | None) -> Iterator[ManagementGroup]:
        """The management groups from one upwards, without the root."""
        by_name = {group.name: group for group in self.management_groups}
        while parent is not None:
            group = by_name[parent]
            yield group
            parent = group.parent

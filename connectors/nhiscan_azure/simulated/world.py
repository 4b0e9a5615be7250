"""A simulated tenant of Entra ID with its Azure subscriptions, declared: what exists before the first call.

Nothing here imports a client library. Times are epoch seconds UTC. Ids that are not given are made from the seed
(`nhiscan_azure.simulated.ids`). Users, groups, service principals and managed identities are referred to by name (names
are unique among all of them; the service principal of an application has the application's name). A reference that is
the text of a guid stands for itself: so a grant can name somebody who is not there any more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MICROSOFT_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""The tenant that owns Microsoft's own applications."""
GRAPH = "Microsoft Graph"
"""Name of the service principal that every tenant has, with the permissions of Microsoft Graph as app roles."""


# --- Entra ID ---


@dataclass(frozen=True)
class Secret:
    """A password credential. ``used_at`` shows in the credential report only; None: it has no row there."""

    start: int
    end: int | None
    name: str | None = None
    hint: str | None = None
    used_at: int | None = None
    id: str | None = None


@dataclass(frozen=True)
class Certificate:
    """A key credential. ``usage`` is "Verify" or "Sign" (SAML token signing)."""

    start: int
    end: int | None
    name: str | None = None
    usage: str = "Verify"
    type: str = "AsymmetricX509Cert"
    used_at: int | None = None
    id: str | None = None


@dataclass(frozen=True)
class Federated:
    """A federated identity credential. ``subject`` None: the credential matches by an expression."""

    name: str
    issuer: str
    subject: str | None
    audiences: tuple[str, ...] = ("api://AzureADTokenExchange",)
    description: str | None = None


@dataclass(frozen=True)
class Granted:
    """An app role of another service principal that was given: an application permission, by its value.

    "" is the default access, which has no value.
    """

    permission: str
    resource: str = GRAPH
    created_at: int | None = None


@dataclass(frozen=True)
class Delegated:
    """A delegated grant: scopes of a resource, for one user or (``user`` None) for everybody."""

    scopes: str  # "User.Read Mail.Read"
    resource: str = GRAPH
    user: str | None = None


@dataclass(frozen=True)
class Permission:
    """An app role (``kind`` "Role") or delegated scope ("Scope") that a service principal offers."""

    value: str
    kind: str = "Role"
    title: str = ""
    enabled: bool = True
    id: str | None = None


@dataclass(frozen=True)
class SignIns:
    """The last sign-ins of a service principal, as the report has them. None: none recorded."""

    client: int | None = None  # application authentication, as the client
    resource: int | None = None
    delegated_client: int | None = None
    delegated_resource: int | None = None


@dataclass(frozen=True)
class ServicePrincipal:
    """``name`` "" inside an application: its name. ``tenant`` None: the own one owns its application.

    ``kind`` is Application, ManagedIdentity, Legacy, SocialIdp or ServiceIdentity. ``agent_of`` makes it an agent
    identity (its blueprint, by name).
    """

    name: str = ""
    kind: str = "Application"
    tenant: str | None = None
    app_id: str | None = None
    enabled: bool = True
    secrets: tuple[Secret, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    federated: tuple[Federated, ...] = ()
    owners: tuple[str, ...] = ()
    granted: tuple[Granted, ...] = ()
    delegated: tuple[Delegated, ...] = ()
    offers: tuple[Permission, ...] = ()
    publisher: str | None = None  # name of the verified publisher
    tags: tuple[str, ...] = ()
    notes: str | None = None
    single_sign_on: str | None = None  # "saml"
    disabled_by_microsoft: str | None = None
    assignment_required: bool = False
    sign_ins: SignIns | None = None
    alternative_names: tuple[str, ...] = ()
    agent_of: str | None = None
    created_at: int | None = None  # of agent identities: others do not tell
    id: str | None = None


@dataclass(frozen=True)
class Application:
    """An app registration. ``principal`` None: nobody has made a service principal of it."""

    name: str
    created_at: int
    audience: str = "AzureADMyOrg"
    secrets: tuple[Secret, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    federated: tuple[Federated, ...] = ()
    owners: tuple[str, ...] = ()
    requires: tuple[tuple[str, str], ...] = ()  # (name of the resource, permission)
    offers: tuple[Permission, ...] = ()
    principal: ServicePrincipal | None = field(default_factory=ServicePrincipal)
    tags: tuple[str, ...] = ()
    notes: str | None = None
    reference: str | None = None  # serviceManagementReference
    disabled: bool | None = None
    locked: bool | None = None  # servicePrincipalLockConfiguration.isEnabled
    created_by: str | None = None  # appId
    blueprint: bool = False  # an agent identity blueprint
    vanishes: bool = False  # in the lists, and not there any more when somebody asks about it alone
    redirects: tuple[str, ...] = ()
    app_id: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class User:
    name: str  # what stands before the @
    title: str = ""  # the name shown
    enabled: bool = True
    guest: bool = False
    created_at: int = 0
    hired_at: int | None = None
    left_at: int | None = None  # employeeLeaveDateTime
    signed_in_at: int | None = None
    deleted: bool = False  # nothing of it is left but references
    address: str | None = None  # userPrincipalName and mail, where they are not name@domain
    id: str | None = None


@dataclass(frozen=True)
class Group:
    name: str
    members: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    role_assignable: bool = False
    granted: tuple[Granted, ...] = ()
    created_at: int = 0
    id: str | None = None


@dataclass(frozen=True)
class DirectoryRole:
    """A custom directory role, or a built-in one that `known` does not have."""

    name: str
    actions: tuple[str, ...]
    built_in: bool = False
    enabled: bool = True
    id: str | None = None


@dataclass(frozen=True)
class RoleHolder:
    """Somebody who holds a directory role, or may take it up (``eligible``)."""

    role: str
    principal: str
    scope: str = "/"
    eligible: bool = False
    start: int | None = None
    end: int | None = None
    activated: bool = False  # an active one that was taken up out of an eligibility


@dataclass(frozen=True)
class Restriction:
    """A restriction of app credentials. ``kind`` is a restrictionType, such as passwordLifetime."""

    kind: str
    days: int | None = None
    state: str = "enabled"
    apps_after: int | None = None


@dataclass(frozen=True)
class Policies:
    """Tenant policies on credentials of applications and on consent."""

    management_enabled: bool = False
    applications: tuple[Restriction, ...] = ()
    principals: tuple[Restriction, ...] = ()
    consent: tuple[str, ...] = ("ManagePermissionGrantsForSelf.microsoft-user-default-legacy",)
    users_create_apps: bool = True
    risky_consent: bool | None = None
    admin_consent_requests: bool = False
    invites: str = "everyone"
    guest_role: str = "10dae51f-b6af-4016-8d66-8c2a99b929b3"


@dataclass(frozen=True)
class Directory:
    """Everything that Microsoft Graph knows. ``premium`` is 0, 1 (P1) or 2 (P2): the licence of the tenant."""

    domain: str = "example.com"
    title: str = "Example"
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    applications: tuple[Application, ...] = ()
    principals: tuple[ServicePrincipal, ...] = ()  # those without an application here
    roles: tuple[DirectoryRole, ...] = ()
    holders: tuple[RoleHolder, ...] = ()
    policies: Policies = field(default_factory=Policies)
    premium: int = 2
    created_at: int = 0


# --- Azure ---


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

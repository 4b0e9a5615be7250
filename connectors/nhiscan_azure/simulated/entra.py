"""What a simulated tenant of Entra ID is declared from: applications, principals, people, roles, policies.

Times are epoch seconds UTC. See `nhiscan_azure.simulated.world` for how one names another.
"""

from dataclasses import dataclass, field

MICROSOFT_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""The tenant that owns Microsoft's own applications."""
GRAPH = "Microsoft Graph"
"""Name of the service principal that every tenant has, with the permissions of Microsoft Graph as app roles."""


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
    """A key credential. ``usage`` is "Verify" or "Sign" (SAML token signing).

    Those of one holder that have the same name are entries of one certificate: its thumbprint is the same.
    """

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

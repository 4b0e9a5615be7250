"""A simulated Google Cloud, declared: what exists before the first call. Nothing here imports a client library.

Times are epoch seconds UTC. Numbers and ids that are not given are made from the seed (`nhiscan_gcp.simulated.ids`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

NEVER = 253_402_300_799
"""9999-12-31T23:59:59Z: how Google writes that a key does not expire."""


@dataclass(frozen=True)
class Condition:
    """The condition of a binding, in the Common Expression Language."""

    title: str
    expression: str
    description: str = ""


@dataclass(frozen=True)
class Binding:
    """A role, given to members (``serviceAccount:...``, ``allUsers``, ``principalSet://...``)."""

    role: str
    members: tuple[str, ...]
    condition: Condition | None = None


@dataclass(frozen=True)
class Key:
    """A key of a service account. ``used_at`` is the day of its last authentication; None: none was seen."""

    valid_after: int
    valid_before: int = NEVER
    user_managed: bool = True
    uploaded: bool = False
    disabled: bool = False
    disable_reason: str | None = None  # "USER_INITIATED" | "EXPOSED" | "COMPROMISE_DETECTED"
    exposed: str | None = None  # where Google saw it; stays for the life of the key
    used_at: int | None = None
    id: str | None = None
    created_by: str | None = None  # who made it, as the audit log names it; None: no entry


@dataclass(frozen=True)
class ServiceAccount:
    """A service account. ``email`` is made from ``name`` and the project unless it is given."""

    name: str
    created_at: int
    display_name: str = ""
    description: str = ""
    email: str | None = None
    disabled: bool = False
    deleted: bool = False  # soft-deleted: in no list any more, members that name it begin with "deleted:"
    vanishes: bool = False  # in the lists, and not there any more when somebody asks about it alone
    oauth2_client_id: str | None = None  # None: the unique id
    keys: tuple[Key, ...] = ()
    bindings: tuple[Binding, ...] = ()
    used_at: int | None = None
    unique_id: str | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class ApiKey:
    """An API key. ``targets`` are services; ``clients`` one of "browser", "server", "android", "ios" or none."""

    name: str
    created_at: int
    targets: tuple[str, ...] = ()
    clients: str | None = None
    service_account: str | None = None  # e-mail of the account that it acts as
    deleted_at: int | None = None
    uid: str | None = None
    created_by: str | None = None
    used_at: int | None = None  # last request with it


@dataclass(frozen=True)
class HmacKey:
    """A Cloud Storage HMAC key of a service account."""

    service_account: str  # name of an account of the project
    created_at: int
    state: str = "ACTIVE"  # ACTIVE | INACTIVE | DELETED
    access_id: str | None = None


@dataclass(frozen=True)
class Workload:
    """Something that runs: ``kind`` is "instance", "function", "service", "job" (Cloud Run) or "version" (App Engine).

    ``account`` is the e-mail it runs as. None: what the kind does where none is named, a default account or nobody.
    """

    name: str
    kind: str
    account: str | None = None


@dataclass(frozen=True)
class Role:
    """A custom role, or a predefined one of `World.roles` (``id`` then begins with ``roles/``)."""

    id: str
    permissions: tuple[str, ...]
    title: str = ""
    stage: str = "GA"  # ALPHA | BETA | GA | DEPRECATED | DISABLED | EAP
    deleted: bool = False


@dataclass(frozen=True)
class Provider:
    """A provider of a workload identity pool."""

    id: str
    issuer: str | None = None  # OpenID Connect
    aws_account: str | None = None
    condition: str | None = None  # attributeCondition
    mapping: Mapping[str, str] = field(default_factory=lambda: {"google.subject": "assertion.sub"})
    audiences: tuple[str, ...] = ()
    disabled: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class Pool:
    """A workload identity pool."""

    id: str
    providers: tuple[Provider, ...] = ()
    disabled: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class Constraint:
    """A policy of the organisation that is set on a node, for one constraint."""

    name: str  # "iam.disableServiceAccountKeyCreation"
    enforced: bool | None = None  # boolean constraints
    values: tuple[str, ...] = ()  # list constraints


@dataclass(frozen=True)
class Insight:
    """A finding of the recommender about a service account."""

    account: str  # name of an account of the project
    subtype: str = "SERVICE_ACCOUNT_USAGE"
    refreshed_at: int = 0
    last_used_at: int | None = None


@dataclass(frozen=True)
class PolicyInsight:
    """What the recommender saw a member use of a role that it holds on the project."""

    member: str
    role: str
    used: tuple[str, ...] = ()  # permissions
    refreshed_at: int = 0


@dataclass(frozen=True)
class Project:
    id: str
    created_at: int
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None  # id of a folder; None: the organisation, or nothing where there is none
    deleted_at: int | None = None  # state DELETE_REQUESTED
    accounts: tuple[ServiceAccount, ...] = ()
    api_keys: tuple[ApiKey, ...] = ()
    hmac_keys: tuple[HmacKey, ...] = ()
    workloads: tuple[Workload, ...] = ()
    roles: tuple[Role, ...] = ()
    pools: tuple[Pool, ...] = ()
    bindings: tuple[Binding, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    insights: tuple[Insight, ...] = ()
    policy_insights: tuple[PolicyInsight, ...] = ()
    disabled_apis: frozenset[str] = frozenset()  # "policyanalyzer.googleapis.com"
    number: str | None = None


@dataclass(frozen=True)
class Folder:
    id: str  # digits
    name: str
    parent: str | None = None  # id of the folder above; None: the organisation
    bindings: tuple[Binding, ...] = ()
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True)
class Organization:
    id: str  # digits
    name: str  # a domain
    customer: str = "C00000000"
    created_at: int = 0
    bindings: tuple[Binding, ...] = ()
    roles: tuple[Role, ...] = ()
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True)
class Caller:
    """Who reads: a service account of a project, with a key that the simulation hands out."""

    project: str
    account: str = "nhiscan"


@dataclass(frozen=True)
class World:
    """``roles`` are the predefined roles that exist, with their permissions."""

    projects: tuple[Project, ...]
    organization: Organization | None = None
    folders: tuple[Folder, ...] = ()
    roles: tuple[Role, ...] = ()
    caller: Caller | None = None  # None: an account of the first project, made for the purpose
    observed_days: int = 400
    """How far back the last authentications reach."""

    def ancestors(self, project: Project) -> Iterator[Folder]:
        """The folders above a project, the nearest first."""
        by_id = {folder.id: folder for folder in self.folders}
        above = project.parent
        while above is not None:
            folder = by_id[above]
            yield folder
            above = folder.parent

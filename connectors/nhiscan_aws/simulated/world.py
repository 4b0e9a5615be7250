"""A simulated AWS estate, declared: what exists before the first call. Nothing here imports moto or boto3.

Times are epoch seconds UTC. Identifiers (AIDA..., AROA..., AKIA...) and secrets are made from the seed unless they
are given. Policy documents are dicts, or texts where a text that is no JSON is wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PolicyDocument = Mapping[str, Any] | str

ALLOW_ALL: PolicyDocument = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def trust(*principals: str, service: str | None = None, external_id: str | None = None) -> PolicyDocument:
    """A trust policy that lets AWS principals (ARNs, account ids or ``*``) and a service assume a role."""
    who: dict[str, Any] = {}
    if principals:
        who["AWS"] = principals[0] if len(principals) == 1 else list(principals)
    if service:
        who["Service"] = service
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


@dataclass(frozen=True)
class Use:
    """A last use, as AWS tells it."""

    at: int
    service: str = "s3"
    region: str = "eu-central-1"


@dataclass(frozen=True)
class Access:
    """A service that somebody called, as service last accessed data tells it."""

    service: str  # its namespace: "s3"
    at: int
    actions: Mapping[str, int] = field(default_factory=dict)  # name of a tracked action -> when it was last called
    region: str = "eu-central-1"


@dataclass(frozen=True)
class Key:
    """An access key of a user (or of root)."""

    created_at: int
    status: str = "Active"  # Active | Inactive | Expired
    used: Use | None = None
    id: str | None = None


@dataclass(frozen=True)
class Certificate:
    """A signing certificate."""

    created_at: int
    status: str = "Active"


@dataclass(frozen=True)
class Password:
    """A console password."""

    changed_at: int
    used_at: int | None = None  # None: "no_information"


@dataclass(frozen=True)
class User:
    name: str
    created_at: int
    path: str = "/"
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[Key, ...] = ()
    password: Password | None = None
    mfa: bool = False
    certificates: tuple[Certificate, ...] = ()
    groups: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()  # policy ARNs, or names of this account's policies
    inline: Mapping[str, PolicyDocument] = field(default_factory=dict)
    boundary: str | None = None  # policy ARN, or the name of one of this account's
    accessed: tuple[Access, ...] = ()  # beside the services that its keys were used for
    more_credentials: str | None = None  # text of `additional_credentials_info`; a third key, say
    id: str | None = None


@dataclass(frozen=True)
class Group:
    name: str
    created_at: int
    path: str = "/"
    attached: tuple[str, ...] = ()
    inline: Mapping[str, PolicyDocument] = field(default_factory=dict)


@dataclass(frozen=True)
class Role:
    name: str
    created_at: int
    trust: PolicyDocument
    path: str = "/"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    attached: tuple[str, ...] = ()
    inline: Mapping[str, PolicyDocument] = field(default_factory=dict)
    boundary: str | None = None
    used: Use | None = None  # its service is not shown by AWS
    accessed: tuple[Access, ...] = ()
    max_session: int = 3600  # seconds
    instance_profile: bool = False


@dataclass(frozen=True)
class ManagedPolicy:
    """A customer-managed policy. ``documents`` are its versions, oldest first; the last is the default."""

    name: str
    created_at: int
    documents: tuple[PolicyDocument, ...]
    path: str = "/"


@dataclass(frozen=True)
class Root:
    """The account's root user."""

    password: Password | None = field(default_factory=lambda: Password(changed_at=0))
    mfa: bool = True
    keys: tuple[Key, ...] = ()
    certificates: tuple[Certificate, ...] = ()


@dataclass(frozen=True)
class PasswordPolicy:
    """The account password policy; an account without one answers NoSuchEntity."""

    minimum_length: int = 14
    symbols: bool = True
    numbers: bool = True
    uppercase: bool = True
    lowercase: bool = True
    users_may_change: bool = True
    max_age_days: int | None = 90
    reuse_prevention: int | None = 24
    hard_expiry: bool = False


@dataclass(frozen=True)
class Account:
    id: str  # twelve digits
    created_at: int
    name: str = ""
    partition: str = "aws"
    root: Root = field(default_factory=Root)
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    roles: tuple[Role, ...] = ()
    policies: tuple[ManagedPolicy, ...] = ()
    password_policy: PasswordPolicy | None = None
    summary_extra: Mapping[str, int] = field(default_factory=dict)
    """What GetAccountSummary counts beyond the lists, by its own names: its counts follow changes late."""


@dataclass(frozen=True)
class Caller:
    """Whose long-term credentials the environment of the simulation holds: a user (or None for root) of an account."""

    account: str
    user: str | None = None


SERVICE_CONTROL_POLICY, RESOURCE_CONTROL_POLICY = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
ROOT = "root"
"""How the root of an organisation is named where a policy is attached."""


@dataclass(frozen=True)
class Unit:
    """An organisational unit: the accounts directly in it, and the units below it."""

    name: str
    accounts: tuple[str, ...] = ()  # account ids
    units: tuple["Unit", ...] = ()


@dataclass(frozen=True)
class OrganizationPolicy:
    """A policy of an organisation and what it is attached to: `ROOT`, names of units, account ids."""

    name: str
    document: PolicyDocument
    targets: tuple[str, ...] = ()
    type: str = SERVICE_CONTROL_POLICY


@dataclass(frozen=True)
class Organization:
    """An organisation of all accounts of the world but ``outside``. Accounts that stand in no unit lie in the root.

    AWS attaches its own policy that allows everything (FullAWSAccess, RCPFullAWSAccess) to the root, every unit and
    every account as soon as a type is enabled. It stays there but for the targets of ``without_full_access``. What its
    policies deny is *not* enforced on calls: the simulated AWS answers whom the fault plan does not stop.
    """

    management: str  # account id
    units: tuple[Unit, ...] = ()
    policies: tuple[OrganizationPolicy, ...] = ()
    policy_types: tuple[str, ...] = (SERVICE_CONTROL_POLICY,)  # those that are enabled
    without_full_access: tuple[
        str, ...
    ] = ()  # targets from which FullAWSAccess was taken: SCPs as a list of what is allowed
    delegated: tuple[str, ...] = ()  # ids of member accounts that may read the organisation
    outside: tuple[str, ...] = ()  # ids of accounts of the world that do not belong to it
    features: str = "ALL"  # ALL | CONSOLIDATED_BILLING


@dataclass(frozen=True)
class World:
    accounts: tuple[Account, ...]
    caller: Caller | None = None  # None: the root user of the first account
    organization: Organization | None = None

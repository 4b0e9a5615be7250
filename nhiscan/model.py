"""The records of nhiscan: frozen, without I/O, with one closed vocabulary for all providers.

Every record is a NamedTuple, so a record *is* the row that the inventory writes. Conventions for all of them:

* Times are whole epoch seconds UTC. Truth values are 0 and 1. ``None`` means "not collected", never "no" or "never".
* ``key`` is the natural key as text: the scope's key, the kind and the provider's own immutable id, joined by ``/``.
  It is stable across scans and databases, and the same record has the same key whichever source showed it.
* ``scope`` is the key of the leaf scope in which the record lives.
* Secret values are never part of any record. Credentials are named by their public part.
"""

from collections.abc import Mapping
from typing import NamedTuple

# --- the closed vocabulary (documented in docs/vocabulary.md; a test holds both equal) ---

SCOPE_KINDS = (
    "account",
    "project",
    "folder",
    "organizational_unit",  # of an AWS organisation; its root is one, too
    "organization",
    "subscription",
    "management_group",
    "tenant",
    "register",
)
UPPER_SCOPE_KINDS = (  # hold other scopes; the other kinds hold what lives
    "folder",
    "organizational_unit",
    "organization",
    "management_group",
    "tenant",
)
SCOPE_STATES = ("active", "suspended", "closed", "unknown")
IDENTITY_KINDS = (
    "root",  # the owner identity of an AWS account
    "user",
    "group",
    "role",
    "service_account",
    "deleted_service_account",  # is in no list any more, and still has role bindings: policies alone show it
    "application",
    "service_principal",
    "managed_identity",
    "resource",  # a resource that holds keys of its own (storage account, vault, bucket, project with API keys)
    "federation",  # a pool or provider through which identities of somebody else come in
)
IDENTITY_STATES = ("active", "disabled", "deleted", "unknown")
CREDENTIAL_KINDS = (
    "access_key",
    "root_access_key",  # of the root identity: listed by another source than users' keys, hence a kind of its own
    "password",
    "signing_certificate",
    "service_specific_credential",
    "ssh_public_key",
    "server_certificate",
    "api_key",
    "hmac_key",
    "service_account_key",
    "system_managed_key",  # of a service account: the provider holds it and rotates it, nobody can take it away
    "client_secret",
    "client_certificate",
    "federated_credential",
    "token_certificate",  # signs or encrypts tokens that the directory issues: nobody signs in with it
    "storage_key",  # of a storage account: whoever holds it has all of its data
    "local_key",  # the keys of a service beside its directory, known only to work or not
    "stored_secret",  # an entry of a secret store, by name and dates
    "stored_key",  # a key in a key store, by name and dates
    "token",
)
CREDENTIAL_ORIGINS = ("provider", "uploaded")  # the customer made it and uploaded its public part, or not
CREDENTIAL_STATES = ("active", "inactive", "expired", "deleted", "unknown")
GRANT_KINDS = (
    "attached_policy",
    "inline_policy",
    "permissions_boundary",
    "role_binding",
    "role_assignment",
    "directory_role",  # a role over the directory itself, not over resources
    "app_role",  # an application permission: held without a user
    "delegated_permission",  # held on behalf of every user, by the consent of an administrator
    "eligible_assignment",  # a role that its holder may activate, and does not hold before
    "classic_administrator",  # of a subscription, from the time before roles
    "deny_assignment",  # takes away
    "service_control_policy",  # caps the principals of the scope it is attached to; grants nothing
    "resource_control_policy",  # the same for resources
)
POLICY_KINDS = (
    "customer_policy",
    "provider_policy",
    "role_definition",
    "directory_role",  # what a role over the directory allows
    "app_role",  # an application permission that an API offers
    "service_control_policy",
    "resource_control_policy",
)
RELATION_KINDS = ("member_of", "instance_of", "runs_as", "owned_by", "created_by")
ALIAS_KINDS = (
    "arn",
    "unique_id",
    "email",
    "app_id",
    "object_id",
    "name",
    "instance_profile",  # ARN under which a virtual machine is given a role
    "resource_id",  # id of the resource that it is, at Resource Manager of Azure
)
PERSON_STATUSES = ("active", "left")
TRUST_PRINCIPAL_KINDS = (
    "account",
    "identity",
    "service",
    "federated",
    "anybody",
    "tenant",  # the tenant that registered an application and holds its credentials: a vendor
    "any_tenant",  # people and programs of every tenant
    "owner",  # who may change the identity, and so give itself a way in
    "deleted",
    "unknown",
)
ACCESS_LEVELS = ("administrator", "permissions_management", "write", "tagging", "read", "list", "unknown")
ACCESS_CAPABILITIES = (
    "administrator",  # every action on everything
    "scope_administrator",  # every action on a part: a group of resources, or one resource
    "service_administrator",  # every action of one service on everything
    "level",  # actions of one access level, their services together in one row
    "exclusion",  # everything but what is named (NotAction)
    "pass_role",  # hand a role to a service, on more than named roles
    "assume_role",  # become a role, on more than named roles
    "permissions_management",  # change who may do what
    "credential_creation",  # make long-lived credentials for an identity
    "credential_exposure",  # obtain credentials as an answer
    "secret_read",  # read stored secrets and data
    "guardrail_removal",  # take boundaries, policies of the organisation or audit trails away
    "code_execution",  # run code as the identity of something that exists
    "account_takeover",  # set how somebody else signs in
    "federation_change",  # change whose tokens are taken
    "membership_change",  # join groups that hold rights
    "lockout",  # shut everybody out, without getting in
    "unknown",  # a policy that could not be read
)
ACCESS_EFFECTS = (
    "allowed",
    "bounded",  # granted, and taken away by a permissions boundary
    "denied",  # granted, and taken away by a Deny statement or a policy of the organisation
)
ACCESS_REASONS = (
    "condition",  # hangs on a condition that only a request can decide
    "unknown-condition-key",  # hangs on a condition key or operator that nobody knows
    "eligible",  # held only after an activation
    "delegated",  # held for a user who signs in, and within that user's rights
    "grants-unread",  # what is granted was not read everywhere
    "deny-policy-unread",  # what may take it away (deny policies, access boundaries, deny assignments) was not read
    "domain-unread",  # which domains belong to the organisation is not completely known
    "scp-unread",  # the policies of the organisation were not read
    "boundary-unread",  # the permissions boundary was not read
    "document-unread",  # a policy document was not delivered
    "document-unreadable",  # a policy document, or a statement of it, cannot be read as one
    "unknown-action",  # an action that the action data lacks
    "resource-policy-unread",  # the policy of the resource was not read
    "resource-unread",  # whether the resource that is needed exists was not read
    "membership-unread",  # the members of a group were not read
)
PRIVILEGE_LEVELS = (
    "administrator",
    "escalates_to_administrator",
    "escalates",  # can become, or give itself, more than it has
    "permissions_management",
    "write",
    "tagging",
    "read",
    "list",
    "none",
    "unknown",
)
ESCALATION_CATEGORIES = (
    "self_escalation",  # changes its own rights
    "principal_access",  # obtains credentials of another identity, or changes who may become it
    "assume_role",  # becomes a role that trusts it
    "new_passrole",  # hands a role to something it makes
    "existing_passrole",  # uses something that runs with a role already
    "chain",  # several of these one after the other
)
ESCALATION_OUTCOMES = ("administrator", "more")
ESCALATION_GRADES = ("exploitable_now", "needs_resource", "conditional")
TRUST_WIDTHS = (
    "no-subject",  # federated, and nothing says which subject
    "any-subject",  # a pattern that every subject matches
    "wide-subject",  # a pattern that matches subjects of more than one owner, repository or branch protection
    "no-audience",  # federated, and nothing says for which audience
    "unauthenticated",  # guests of an identity pool
)
COVERAGE_STATES = ("complete", "partial", "denied", "failed", "replaced")
STATUSES = ("pass", "fail", "skip", "unknown")
SEVERITIES = ("info", "low", "medium", "high", "critical")  # ascending
CONFIDENCES = ("proven", "conditional", "possible")  # descending


# --- records that connectors deliver ---


class Scope(NamedTuple):
    """Where things live: an AWS account, a project, a subscription, a register file."""

    key: str  # "<provider>/<kind>/<native id>", e.g. "aws/account/aws:123456789012" (partition and account id)
    provider: str  # name of the connector: "aws", "register"
    kind: str  # SCOPE_KINDS
    native_id: str
    name: str | None = None
    parent: str | None = None  # key of the scope above
    state: str | None = None  # SCOPE_STATES


class Identity(NamedTuple):
    """A user, role, group, service account, application ...: something that can be granted access."""

    key: str  # "<scope>/<kind>/<native id>"
    scope: str
    kind: str  # IDENTITY_KINDS
    native_id: str  # the provider's immutable id (AIDA..., AROA..., object id)
    name: str
    arn: str | None = None  # the name by which a person finds it at the provider (ARN, e-mail, resource name)
    path: str | None = None
    state: str | None = None  # IDENTITY_STATES
    created_at: int | None = None
    description: str | None = None
    tags: str | None = None  # JSON object of strings, keys sorted
    provider_managed: int | None = None  # 1: the customer cannot change it
    console_access: int | None = None  # 1: has a password
    mfa: int | None = None  # 1: some MFA device is active
    publisher: str | None = None  # whose software it is: id of the tenant that registered the application
    publisher_verified: int | None = None  # 1: the provider has verified the publisher
    audience: str | None = None  # who may sign in to it, in the provider's words
    leaves_at: int | None = None  # of a user: the last day, as the directory tells it
    trust_document: str | None = None  # digest of the Document that says who may become this identity
    used_at: int | None = None  # last use; see LAST_USE
    known_since: int | None = None
    trailing_days: int | None = None
    source: str | None = None


class Alias(NamedTuple):
    """Every other name by which an identity is referred to."""

    key: str  # "<identity>|<kind>|<value>"
    scope: str
    identity: str
    kind: str  # ALIAS_KINDS
    value: str
    source: str | None = None


class Credential(NamedTuple):
    """Something that authenticates as an identity. Named by its public part; the secret is never read."""

    key: str  # "<scope>/<kind>/<public id>"; without one "<scope>/<kind>/slot:<identity id>:<slot>:<created_at>"
    scope: str
    kind: str  # CREDENTIAL_KINDS
    native_id: str | None  # public id (AKIA...); None where the provider gives none
    name: str  # how a person names it: the public id, or "root, access key 1"
    identity: str  # key of the Identity it authenticates as
    state: str | None = None  # CREDENTIAL_STATES
    created_at: int | None = None  # when this credential was made
    changed_at: int | None = None  # when its secret was last set; created_at where a rotation makes a new credential
    expires_at: int | None = None
    never_expires: int | None = None  # 1: known to have no expiry; 0: expires_at holds; None: not collected
    slot: int | None = None  # position in the provider's report (AWS credential report: 1 or 2)
    service: str | None = None  # service it is for, of service-specific credentials
    origin: str | None = None  # CREDENTIAL_ORIGINS
    fingerprint: str | None = None  # of the public part of a certificate or key, in the provider's words
    exposed: int | None = None  # 1: the provider says that it saw this credential in the open; 0: it says nothing of it
    restrictions: str | None = None  # JSON: what it may be used for or from, in the provider's words; "{}": no limits
    used_at: int | None = None  # last use; see LAST_USE
    known_since: int | None = None
    trailing_days: int | None = None
    source: str | None = None


LAST_USE = ("used_at", "known_since", "trailing_days")
"""Last use is kept apart from the ranged row (it moves by itself). Three facts:

``used_at``        epoch seconds of the last use seen, kept to the precision the provider gives
``known_since``    start of the period the source looks at (epoch), where that start is fixed
``trailing_days``  length of the period in days, where the source looks at a moving window (then known_since is None)

All three ``None``: not collected. ``used_at`` None with a period: not seen in that period (not "never").
The inventory adds ``data_time``: as of when the source said so. In the views ``known_since`` is already worked out
for moving windows (data_time minus trailing_days)."""


class Policy(NamedTuple):
    """A named policy or role definition, granted to somebody or not."""

    key: str  # "<scope>/<kind>/<native id>"
    scope: str
    kind: str  # POLICY_KINDS
    native_id: str  # ANPA... or, for provider policies, the ARN
    name: str
    arn: str | None = None
    document: str | None = None  # digest of the Document in force
    attachments: int | None = None
    created_at: int | None = None
    source: str | None = None


class Grant(NamedTuple):
    """One thing granted to one principal: an attached policy, an inline policy, a boundary, a role binding.

    Policies of an organisation are grants too, to a scope: an organisation, a unit of it or an account.
    """

    key: str  # "<principal>|<kind>|<policy native id or inline name>[|<resource>]"
    scope: str
    kind: str  # GRANT_KINDS
    principal: str  # key of an Identity (a user, role or group); of policies of an organisation key of a Scope
    name: str  # policy or role name
    policy: str | None = None  # key of a Policy; None for inline policies
    resource: str | None = None  # on what; None = the whole scope
    condition: str | None = None  # condition of the grant itself (not of its statements), JSON
    document: str | None = None  # digest of the policy Document in force
    source: str | None = None


class Relation(NamedTuple):
    """source --kind--> target between two identities.

    An end that no source lists as an identity is text in the provider's words, as in a Grant: the resource name of a
    workload that ``runs_as`` an identity, ``user:<e-mail>`` of a person who is the target of ``created_by``.
    """

    key: str  # "<kind>|<subject>|<target>"
    scope: str  # where the subject lives
    kind: str  # RELATION_KINDS
    subject: str  # key of the Identity the relation starts at (the member); of created_by also that of a Credential
    target: str  # key of the Identity it points to (the group)
    source: str | None = None


class Document(NamedTuple):
    """A policy text, kept once by digest."""

    digest: str  # SHA-256 of `text`, hex
    kind: str  # "policy" | "reference" (data that an analyzer worked with)
    text: str  # canonical JSON (sorted keys, no spaces), or the provider's text where it is not JSON


class Setting(NamedTuple):
    """A fact about a scope: one name, one value."""

    key: str  # "<scope>|<name>"
    scope: str
    name: str  # dotted, e.g. "password_policy.minimum_length"
    number: int | None = None
    text: str | None = None
    source: str | None = None


class Person(NamedTuple):
    """A row of a people roster."""

    key: str  # "<scope>/person/<person id>"
    scope: str  # key of the register scope
    person_id: str
    email: str | None
    name: str | None
    status: str | None  # PERSON_STATUSES
    start_date: int | None = None  # epoch of 00:00 UTC of that day
    end_date: int | None = None  # epoch of 00:00 UTC of the last working day
    source: str | None = None


class AccessUse(NamedTuple):
    """When an identity last used a service, or one action of it. One row a service (and action) that it may use."""

    key: str  # "<identity>|<service>[|<action>]"
    scope: str
    identity: str  # key of an Identity
    service: str  # prefix of its actions: "s3"
    action: str | None = None  # "s3:getobject"; None: the service as a whole
    used_at: int | None = None  # last use; see LAST_USE
    known_since: int | None = None
    trailing_days: int | None = None
    source: str | None = None


class TieOut(NamedTuple):
    """Two independent counts of one population. Kept by scan, not ranged."""

    key: str  # "<scope>|<what>"
    scope: str
    what: str  # "users", "groups", "access keys" ...
    source_a: str  # the listing
    count_a: int
    source_b: str  # the independent count
    count_b: int
    explanation: str | None = None  # why the two may differ, when they do; None: no explanation


class DataTime(NamedTuple):
    """A source says as of when its data is true, where that is not the time of the call (a cached report)."""

    at: int


class Covered(NamedTuple):
    """A source that spans (`nhiscan.connector.Source.spans`) says that it reads this scope below, too. Not stored.

    It counts only where the source comes to its end.
    """

    scope: str  # key


# --- records that analyzers derive ---


class EffectiveAccess(NamedTuple):
    """What a principal may do, all its policies and limits together: one row a capability worth judging.

    ``effect`` tells "may" from "would, but is held back"; both are rows, so that a bounded administrator has a name.
    """

    key: str  # "<principal>|<capability>|..." or any other stable text, unique
    scope: str
    principal: str  # key of an Identity
    capability: str  # ACCESS_CAPABILITIES
    level: str  # ACCESS_LEVELS
    service: str  # "iam"; "*" for all; several, sorted and joined by ",", for the capability "level"
    action: str  # the pattern as granted ("*", "s3:*", "not:iam:*"), or actions, sorted and joined by "," (at most 10)
    actions: int  # number of actions held, as far as the action data tells
    resource: str  # the widest resource pattern as granted
    everywhere: int  # 1: on every resource
    effect: str  # ACCESS_EFFECTS
    via: str  # key of the Grant that gives it (of the group, where it comes through one)
    statement: str  # Sid, or its number from 1
    conditional: int = 0  # 1: hangs on a condition
    conditions: str | None = None  # JSON list of the condition keys that it hangs on
    limited_by: str | None = None  # JSON list of what takes it away: "<kind>|<key of a Grant>|<statement>"
    confidence: str = "possible"  # CONFIDENCES
    reason: str | None = None  # ACCESS_REASONS, sorted and joined by ",": why it is not proven


class EscalationPath(NamedTuple):
    """A way from a principal to more than it has. One row a principal and method, with the best target."""

    key: str  # "<principal>|<method>"
    scope: str
    principal: str  # key of an Identity
    target: str | None  # key of the Identity reached; its own for self-escalation; None: not known
    method: str  # id of the way ("iam-create-policy-version"), or "chain" for the shortest way over several hops
    category: str  # ESCALATION_CATEGORIES
    outcome: str  # ESCALATION_OUTCOMES
    grade: str  # ESCALATION_GRADES
    hops: int  # from 1
    targets: int  # how many targets would do
    steps: str  # JSON list, a hop each: {"from","to","method","category","allows":[{"action","resource","grant",
    #             "statement","conditions"}],"needs","why","fix"}; from and to are keys of identities
    action: str  # with `via` and `statement`: the permission whose removal breaks the way at the least cost
    via: str | None  # key of a Grant
    statement: str | None
    needs: str | None = None  # what must exist, in words
    conditional: int = 0
    conditions: str | None = None  # JSON list of condition keys
    confidence: str = "possible"
    reason: str | None = None  # as in EffectiveAccess


class Privilege(NamedTuple):
    """How far an identity's rights go, all in all. One row an identity that can be a principal."""

    key: str  # the identity's key
    scope: str
    level: str  # PRIVILEGE_LEVELS: what it can do or reach
    granted: str  # ACCESS_LEVELS or "none": what its policies alone would give; more than `level` when held back
    effect: str  # ACCESS_EFFECTS: "bounded" or "denied" where the limits take the highest level granted away
    path: str | None  # key of the EscalationPath that `level` rests on
    hops: int | None  # of that path
    reaches: int  # identities that it can become, directly or over others
    reached_by: int  # principals whose compromise opens it
    services: str  # JSON object: access level -> services, sorted; "*" for all
    limited_by: str | None = None  # as in EffectiveAccess
    conditional: int = 0
    confidence: str = "possible"
    reason: str | None = None


class Trust(NamedTuple):
    """Somebody who may become an identity, one row a principal of its trust document."""

    key: str  # "<identity>|<statement>|<principal kind>|<principal>"
    scope: str
    identity: str  # who is trusted into (the role)
    principal_kind: str  # TRUST_PRINCIPAL_KINDS
    principal: str  # account id, ARN, service name, provider ARN, "*"
    principal_scope: str | None  # key of the scope the principal lives in, when it can be told
    external: int  # 1: outside the identity's own scope
    external_id: int  # 1: sts:ExternalId or its like is demanded
    conditional: int  # 1: some condition stands on the statement
    conditions: str | None  # JSON of the conditions
    statement: str
    organization: int = 0  # 1: only principals of a named organisation are let in
    source_guard: int = 0  # 1: a service acts for a named account, organisation or resource only
    audience: int = 0  # 1: federated, for a named audience only
    subject: str | None = None  # federated: the subjects let in, as written, sorted and joined by ","
    width: str | None = None  # TRUST_WIDTHS: why the door is too wide; None: it is not
    confidence: str = "possible"
    reason: str | None = None


class Owner(NamedTuple):
    """Who answers for an identity. One row an identity that has any sign of an owner."""

    key: str  # the identity's key
    scope: str
    value: str  # as found: an e-mail, a name, a team
    method: str  # "tag:owner", "path", ...
    person: str | None  # key of a Person of the roster
    resolution: str  # "person" | "not_in_roster" | "no_roster"


class Classification(NamedTuple):
    """Is the identity a machine or a person? A derived fact with its reason; "unknown" is an answer."""

    key: str  # the identity's key
    scope: str
    nature: str  # "machine" | "person" | "unknown"
    reason: str
    confidence: str  # CONFIDENCES


Record = (
    Scope
    | Identity
    | Alias
    | Credential
    | Policy
    | Grant
    | Relation
    | Document
    | Setting
    | Person
    | AccessUse
    | TieOut
    | DataTime
    | Covered
)
Derived = EffectiveAccess | EscalationPath | Privilege | Trust | Owner | Classification

TABLES: Mapping[str, type[Record | Derived]] = {
    "scope": Scope,
    "identity": Identity,
    "alias": Alias,
    "credential": Credential,
    "policy": Policy,
    "access_grant": Grant,
    "relation": Relation,
    "document": Document,
    "setting": Setting,
    "person": Person,
    "access_use": AccessUse,
    "tie_out": TieOut,
    "effective_access": EffectiveAccess,
    "escalation_path": EscalationPath,
    "privilege": Privilege,
    "trust": Trust,
    "owner": Owner,
    "classification": Classification,
}
"""Name in the inventory -> record. `document` is kept once by digest, `tie_out` by scan; all others are ranged."""

TABLE_OF: Mapping[type, str] = {record: name for name, record in TABLES.items()}


# --- what a scan says about its own reading ---


class Coverage(NamedTuple):
    """What became of one (scope, source) of the plan. Exactly one row for each."""

    key: str  # "<scope>|<source>"
    scope: str
    source: str
    state: str  # COVERAGE_STATES
    code: str | None = None  # the provider's own error code
    operation: str | None = None  # the call that failed
    permission: str | None = None  # the action that is missing, e.g. "iam:ListAccessKeys"
    message: str | None = None
    replaced_by: str | None = None  # the fallback source that gave the same completely
    records: int = 0
    calls: int = 0
    started_at: int = 0
    ended_at: int = 0
    data_time: int | None = None  # as of when the data is true
    transcript_sha256: str | None = None  # of the calls that read it; with `calls` 0 those of a scope above


class Need(NamedTuple):
    """Is one kind or fact completely known for one scope of the scan? Worked out by `collect` from coverage."""

    scope: str
    need: str  # "<table>:<kind>" or "<table>:<kind>.<fact>", e.g. "credential:access_key.used_at"
    complete: int  # 1 or 0
    lists: int  # 1: a kind that a complete source lists exhaustively (rows not seen have ended); 0: a fact
    reason: str | None = None  # sources and states; when complete, only where another source of it left a gap


class Call(NamedTuple):
    """One API call of the transcript. Parameters never hold secrets; bodies are kept as digests only."""

    service: str
    operation: str
    parameters: str  # canonical JSON
    endpoint: str  # scheme and host, without the port
    page: int
    items: int | None
    end_of_list: int | None
    status: int | None
    error: str | None
    request_id: str | None
    attempts: int
    started_at: int
    ended_at: int
    response_sha256: str | None

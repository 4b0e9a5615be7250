"""Source ``iam.account-authorization-details``: users, groups, roles, policies and who is granted what, in bulk.

`records` turns the entities, in the shape of GetAccountAuthorizationDetails, into records. The fallback that reads
entity by entity builds the same shape and shares it, so that both give the same rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Alias, Document, Grant, Identity, Policy, Record, Relation
from nhiscan_aws.account import Account
from nhiscan_aws.canonical import canonical
from nhiscan_aws.documents import from_iam
from nhiscan_aws.failures import ListCut
from nhiscan_aws.ledger import Count
from nhiscan_aws.pages import pages

DETAILS = "iam.account-authorization-details"
SECTIONS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
TRACKING_DAYS = 400  # RoleLastUsed looks at a trailing period

Entity = tuple[str, Mapping[str, Any]]  # (one of SECTIONS, the entity)


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """Walk GetAccountAuthorizationDetails without a filter and give its entities as records."""
    del reader
    yield from records(account, _walk(account), DETAILS)


def _walk(account: Account) -> Iterator[Entity]:
    shown: set[str] = set()
    for page in pages(account.iam, "get_account_authorization_details"):
        for section in SECTIONS:
            if section in page:
                shown.add(section)
                for entity in page[section]:
                    yield section, entity
    for section in SECTIONS:
        if section not in shown:  # IAM gives an empty list where there is nothing
            raise ListCut("GetAccountAuthorizationDetails", section)


@dataclass
class _Attached:
    """A managed policy on a principal. Held back until the policies have been seen: the ARN does not tell the id."""

    kind: str
    principal: str
    arn: str


@dataclass
class _Walk:
    """What one walk remembers until its end: no entity, only names of what refers to what."""

    account: Account
    source: str
    documents: set[str] = field(default_factory=set)  # digests given
    attached: list[_Attached] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)  # (key of a user, name of a group)
    groups: dict[str, str] = field(default_factory=dict)  # name in lower case -> key
    policies: dict[str, Policy] = field(default_factory=dict)  # ARN -> policy
    seen: dict[str, set[str]] = field(default_factory=dict)  # what -> keys; pages may show an entity twice
    recent: dict[str, set[str]] = field(default_factory=dict)


def records(account: Account, entities: Iterable[Entity], source: str) -> Iterator[Record]:
    """The records of the entities; at the end what joins them, and the counts for the tie-out."""
    walk = _Walk(account, source)
    for section, entity in entities:
        yield from _READERS[section](walk, entity)
    yield from _joined(walk)
    for what in ("users", "groups", "roles", "customer managed policies"):
        keys = walk.seen.get(what, set())
        account.ledger.listed[what] = Count(source, len(keys), len(walk.recent.get(what, ())))
    yield from account.ledger.compare(account.key)


def _user(walk: _Walk, entity: Mapping[str, Any]) -> Iterator[Record]:
    identity = _identity(walk, "user", entity, tags=_tags(entity))
    yield from _named(walk, "users", identity)
    walk.members.extend((identity.key, name) for name in entity.get("GroupList") or ())
    yield from _granted(walk, identity.key, entity, "UserPolicyList")


def _group(walk: _Walk, entity: Mapping[str, Any]) -> Iterator[Record]:
    identity = _identity(walk, "group", entity)
    yield from _named(walk, "groups", identity)
    walk.groups[identity.name.lower()] = identity.key
    yield from _granted(walk, identity.key, entity, "GroupPolicyList")


def _role(walk: _Walk, entity: Mapping[str, Any]) -> Iterator[Record]:
    trust = entity.get("AssumeRolePolicyDocument")
    document = None if trust is None else from_iam(trust)
    if document is not None:
        yield from _once(walk, document)
    used = entity.get("RoleLastUsed")
    identity = _identity(
        walk,
        "role",
        entity,
        tags=_tags(entity),
        trust_document=document.digest if document else None,
        used_at=epoch(used.get("LastUsedDate")) if used is not None else None,
        trailing_days=TRACKING_DAYS if used is not None else None,
        # made for a service or by IAM Identity Center: the customer can neither edit nor delete these
        provider_managed=int(str(entity.get("Path", "/")).startswith(("/aws-service-role/", "/aws-reserved/"))),
    )
    yield from _named(walk, "roles", identity)
    for profile in entity.get("InstanceProfileList") or ():
        yield _alias(walk, identity, "instance_profile", str(profile["Arn"]))
    yield from _granted(walk, identity.key, entity, "RolePolicyList")


def _policy(walk: _Walk, entity: Mapping[str, Any]) -> Iterator[Record]:
    arn = str(entity["Arn"])
    own = _is_own(arn)
    kind, native_id = ("customer_policy", str(entity["PolicyId"])) if own else ("provider_policy", arn)
    document = None
    for version in entity.get("PolicyVersionList") or ():
        if version.get("IsDefaultVersion") and version.get("Document") is not None:
            document = from_iam(version["Document"])
            yield from _once(walk, document)
    policy = Policy(
        key=f"{walk.account.key}/{kind}/{native_id}",
        scope=walk.account.key,
        kind=kind,
        native_id=native_id,
        name=str(entity.get("PolicyName") or _last(arn)),
        arn=arn,
        document=document.digest if document else None,
        attachments=entity.get("AttachmentCount"),
        created_at=epoch(entity.get("CreateDate")),
        source=walk.source,
    )
    walk.policies[arn] = policy
    if own:
        _count(walk, "customer managed policies", policy.key, policy.created_at)
    yield policy


_READERS = {"UserDetailList": _user, "GroupDetailList": _group, "RoleDetailList": _role, "Policies": _policy}


def _identity(walk: _Walk, kind: str, entity: Mapping[str, Any], **facts: Any) -> Identity:
    word = kind.capitalize()
    native_id = str(entity[f"{word}Id"])
    return Identity(
        key=f"{walk.account.key}/{kind}/{native_id}",
        scope=walk.account.key,
        kind=kind,
        native_id=native_id,
        name=str(entity[f"{word}Name"]),
        arn=str(entity["Arn"]),
        path=entity.get("Path"),
        state="active",
        created_at=epoch(entity.get("CreateDate")),
        source=walk.source,
        **{"provider_managed": 0, **facts},
    )


def _named(walk: _Walk, what: str, identity: Identity) -> Iterator[Record]:
    _count(walk, what, identity.key, identity.created_at)
    yield identity
    for kind, value in (("arn", identity.arn), ("name", identity.name)):
        if value is not None:
            yield _alias(walk, identity, kind, value)


def _alias(walk: _Walk, identity: Identity, kind: str, value: str) -> Alias:
    return Alias(f"{identity.key}|{kind}|{value}", identity.scope, identity.key, kind, value, walk.source)


def _count(walk: _Walk, what: str, key: str, created_at: int | None) -> None:
    walk.seen.setdefault(what, set()).add(key)
    if created_at is not None and created_at >= walk.account.opened_at:
        walk.recent.setdefault(what, set()).add(key)


def _granted(walk: _Walk, principal: str, entity: Mapping[str, Any], inline: str) -> Iterator[Record]:
    for policy in entity.get(inline) or ():
        name = str(policy["PolicyName"])
        document = None if policy.get("PolicyDocument") is None else from_iam(policy["PolicyDocument"])
        if document is not None:
            yield from _once(walk, document)
        yield Grant(
            key=f"{principal}|inline_policy|{name}",
            scope=walk.account.key,
            kind="inline_policy",
            principal=principal,
            name=name,
            document=document.digest if document else None,
            source=walk.source,
        )
    for policy in entity.get("AttachedManagedPolicies") or ():
        walk.attached.append(_Attached("attached_policy", principal, str(policy["PolicyArn"])))
    boundary = (entity.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    if boundary:
        walk.attached.append(_Attached("permissions_boundary", principal, str(boundary)))


def _joined(walk: _Walk) -> Iterator[Record]:
    """Attachments and memberships. What refers to something that no page showed keeps the name it was given."""
    for grant in walk.attached:
        policy = walk.policies.get(grant.arn)
        native_id = policy.native_id if policy else grant.arn
        yield Grant(
            key=f"{grant.principal}|{grant.kind}|{native_id}",
            scope=walk.account.key,
            kind=grant.kind,
            principal=grant.principal,
            name=policy.name if policy else _last(grant.arn),
            policy=policy.key if policy else None,
            document=policy.document if policy else None,
            source=walk.source,
        )
    for user, name in walk.members:
        group = walk.groups.get(name.lower())
        if group is not None:
            yield Relation(f"member_of|{user}|{group}", walk.account.key, "member_of", user, group, walk.source)


def _once(walk: _Walk, document: Document) -> Iterator[Document]:
    if document.digest not in walk.documents:
        walk.documents.add(document.digest)
        yield document


def epoch(value: datetime | None) -> int | None:
    """Whole seconds."""
    return None if value is None else int(value.timestamp())


def _tags(entity: Mapping[str, Any]) -> str:
    return canonical({str(tag["Key"]): str(tag["Value"]) for tag in entity.get("Tags") or ()})


def _is_own(arn: str) -> bool:
    """Customer managed: the account's id stands in the ARN; ``aws`` stands there for AWS's own policies."""
    return arn.split(":")[4] != "aws"


def _last(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]

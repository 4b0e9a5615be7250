"""`effective_access`: what each user, group and role is granted, as far as it is worth judging.

A row stands for one (grant, statement, action pattern, resource pattern). Rows are given for ``*``, for a whole
service, for NotAction, for management of permissions, and for PassRole and AssumeRole on more than one role by name.
What a grant gives that is narrower than that has no row.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from nhiscan.analyzer import Records
from nhiscan.model import EffectiveAccess, Grant, Identity
from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.statements import Statement, Unreadable, read

NOT_EVALUATED = "deny statements, permissions boundaries and policies of the organisation are not evaluated"
BOUNDED = "a permissions boundary stands and may take it away; " + NOT_EVALUATED
NO_DOCUMENT = "the policy document was not read"
PRINCIPALS = ("user", "group", "role")


class Piece(NamedTuple):
    """What one statement grants, on one resource pattern."""

    level: str
    service: str
    action: str
    resource: str
    statement: str
    number: int
    conditional: int
    reason: str | None  # beside NOT_EVALUATED


def effective_access(records: Records, scope: str) -> Iterator[EffectiveAccess]:
    """The rows of one account, by principal. Users also get what their groups have, with ``via`` the group's grant."""
    identities = [identity for identity in records.identities(scope) if identity.kind in PRINCIPALS]
    granted: dict[str, list[Grant]] = {}
    bounded: set[str] = set()
    for grant in records.grants(scope):
        if grant.kind == "permissions_boundary":
            bounded.add(grant.principal)
        else:
            granted.setdefault(grant.principal, []).append(grant)
    groups: dict[str, list[str]] = {}
    for relation in records.relations(scope):
        if relation.kind == "member_of":
            groups.setdefault(relation.subject, []).append(relation.target)
    documents = {policy.key: policy.document for policy in records.policies(scope)}
    known: dict[str, tuple[Piece, ...]] = {}
    for identity in identities:
        principals = [identity.key, *groups.get(identity.key, ())]
        grants = [grant for principal in principals for grant in granted.get(principal, ())]
        yield from _rows(records, identity, grants, documents, known, bounded=identity.key in bounded)


def _rows(
    records: Records,
    identity: Identity,
    grants: Iterable[Grant],
    documents: Mapping[str, str | None],
    known: dict[str, tuple[Piece, ...]],
    *,
    bounded: bool,
) -> Iterator[EffectiveAccess]:
    standing = BOUNDED if bounded else NOT_EVALUATED
    for grant in grants:
        digest = grant.document or (documents.get(grant.policy) if grant.policy else None)
        for piece in _pieces(records, digest, known):
            yield EffectiveAccess(
                key=f"{identity.key}|{grant.key}|{piece.number}|{piece.action}|{piece.resource}",
                scope=identity.scope,
                principal=identity.key,
                capability=_capability(piece),
                level=piece.level,
                service=piece.service,
                action=piece.action,
                actions=1,
                resource=piece.resource,
                everywhere=int(patterns.covers_all_resources(piece.resource)),
                effect="allowed",
                via=grant.key,
                statement=piece.statement,
                conditional=piece.conditional,
                confidence="possible",
                reason=f"{piece.reason}; {standing}" if piece.reason else standing,
            )


def _capability(piece: Piece) -> str:
    if piece.level in ("administrator", "unknown"):
        return piece.level
    if piece.action.startswith("not:"):
        return "exclusion"
    if patterns.is_service_wildcard(piece.action):
        return "service_administrator"
    return {"iam:passrole": "pass_role", "sts:assumerole": "assume_role"}.get(piece.action, "permissions_management")


def _pieces(records: Records, digest: str | None, known: dict[str, tuple[Piece, ...]]) -> tuple[Piece, ...]:
    if digest is None:
        return (_unknown("document", NO_DOCUMENT),)
    if digest not in known:
        document = records.document(digest)
        known[digest] = (_unknown("document", NO_DOCUMENT),) if document is None else pieces(document.text)
    return known[digest]


def _unknown(statement: str, reason: str) -> Piece:
    number = int(statement) if statement.isdigit() else 0
    return Piece("unknown", "unknown", "unknown", "unknown", statement, number, 0, reason)


def pieces(text: str) -> tuple[Piece, ...]:
    """What a policy document grants, each piece once, in the order of its statements."""
    found: dict[tuple[int, str, str], Piece] = {}
    for statement in read(text):
        for piece in _of(statement):
            found.setdefault((piece.number, piece.action, piece.resource), piece)
    return tuple(found.values())


def _of(statement: Statement | Unreadable) -> Iterator[Piece]:
    if isinstance(statement, Unreadable):
        yield _unknown(statement.statement, statement.reason)
        return
    if not statement.allow:
        return
    if (statement.resources is None) == (statement.not_resources is None):
        yield _unknown(str(statement.number), "the statement needs one of Resource and NotResource")
        return
    for resource, everything, why in _resources(statement):
        for action, level, service, how in _actions(statement, resource, everything=everything):
            reason = "; ".join(part for part in (how, why) if part) or None
            yield Piece(
                level=level,
                service=service,
                action=action,
                resource=resource,
                statement=statement.name,
                number=statement.number,
                conditional=int(bool(statement.conditions)),
                reason=reason,
            )


def _resources(statement: Statement) -> Iterator[tuple[str, bool, str | None]]:
    """(pattern, whether it is everything or nearly so, a remark)."""
    if statement.resources is not None:
        for resource in statement.resources:
            yield resource, patterns.covers_all_resources(resource), None
        return
    excepted = statement.not_resources or ()
    if not any(patterns.covers_all_resources(resource) for resource in excepted):
        yield f"not:{','.join(excepted)}", True, "NotResource: on everything but the resources named"


_Granted = tuple[str, str, str, str | None]  # (action, level, service, remark)


def _actions(statement: Statement, resource: str, *, everything: bool) -> Iterator[_Granted]:
    if statement.not_actions is not None:
        yield from _not_action(statement.not_actions, resource, everything=everything)
        return
    for action in statement.actions or ():
        yield from _action(action, resource, everything=everything)


def _not_action(excepted: tuple[str, ...], resource: str, *, everything: bool) -> Iterator[_Granted]:
    if any(patterns.covers_all_actions(pattern) for pattern in excepted):
        return  # nothing is left
    action = f"not:{','.join(excepted)}"
    grows = patterns.leaves(excepted, patterns.GROWING)
    if everything and grows:
        yield action, "administrator", "*", "NotAction: everything but the actions named, management of IAM included"
    elif grows and _concerns_iam(resource):
        yield action, "permissions_management", "*", "NotAction: everything but the actions named"
    else:
        yield action, "write", "*", "NotAction: everything but the actions named"


def _action(action: str, resource: str, *, everything: bool) -> Iterator[_Granted]:
    service = patterns.service_of(action)
    if patterns.covers_all_actions(action):
        level = "administrator" if everything else "permissions_management" if _concerns_iam(resource) else "write"
        yield action, level, "*", None
        return
    manages = patterns.grants_any(action, patterns.PERMISSIONS | patterns.ORGANIZATION)
    whole = patterns.is_service_wildcard(action)
    if whole or manages:
        sts = whole and service == "sts"
        yield action, "permissions_management" if manages or sts else "write", service, None
    if whole:
        return
    for becoming in patterns.BECOMING:
        if patterns.matches(action, becoming) and (everything or patterns.has_wildcard(resource)):
            remark = None if action == becoming else f"granted by the pattern {action}"
            yield becoming, "write", patterns.service_of(becoming), remark


def _concerns_iam(resource: str) -> bool:
    """Whether a resource pattern that is not everything reaches into IAM."""
    parts = resource.split(":", 3)
    return (len(parts) > 2 and patterns.matches(parts[2] or "*", "iam")) or resource.startswith("not:")

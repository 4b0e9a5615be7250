"""`trust`: who may become a role, one row a principal of each Allow statement of its trust document."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nhiscan.analyzer import Records
from nhiscan.model import Identity, Trust
from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.statements import Statement, Unreadable, read
from nhiscan_aws.canonical import canonical

NOT_EVALUATED = "policies of the organisation are not evaluated"
WITH_DENY = "a Deny statement of the trust document is not evaluated; " + NOT_EVALUATED

_BECOMING = ("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{12,125}")  # AIDA..., AROA...: all that is left of one that was deleted
_DEMANDS = re.compile(r"(?:foranyvalue:)?(?:stringequals|stringequalsignorecase|stringlike)")


_Statements = tuple[Statement | Unreadable, ...]
_NOT_READ: _Statements = (Unreadable("document", "the trust document was not read"),)


def trusts(records: Records, scope: str) -> Iterator[Trust]:
    """The rows of one account, by role."""
    known: dict[str, _Statements] = {}
    roles = [one for one in records.identities(scope) if one.kind == "role"]
    for identity in roles:
        digest = identity.trust_document
        if digest is None:  # every role has one, so it was not delivered
            yield from _of(identity, _NOT_READ)
            continue
        if digest not in known:
            document = records.document(digest)
            known[digest] = _NOT_READ if document is None else read(document.text)
        yield from _of(identity, known[digest])


def _of(identity: Identity, statements: _Statements) -> Iterator[Trust]:
    denies = any(isinstance(statement, Statement) and not statement.allow for statement in statements)
    standing = WITH_DENY if denies else NOT_EVALUATED
    for statement in statements:
        if isinstance(statement, Unreadable):
            yield _unknown(identity, statement.statement, statement.reason)
        elif statement.allow and _becomes(statement):
            yield from _principals(identity, statement, standing)


def _becomes(statement: Statement) -> bool:
    """A statement that only tags sessions or sets their source identity lets nobody in."""
    if statement.not_actions is not None:
        return patterns.leaves(statement.not_actions, _BECOMING)
    return any(patterns.grants_any(action, _BECOMING) for action in statement.actions or ())


def _principals(identity: Identity, statement: Statement, standing: str) -> Iterator[Trust]:
    if statement.not_principals is not None:
        named = ",".join(value for _, value in statement.not_principals)
        reason = f"NotPrincipal: everybody but those named; {standing}"
        yield _row(identity, statement, "anybody", f"not:{named}", None, external=1, reason=reason)
        return
    if not statement.principals:
        yield _unknown(identity, str(statement.number), "the statement names no principal")
        return
    # an account written by its id and by its ARN is one principal
    for kind, principal, home in dict.fromkeys(_principal(identity, *one) for one in statement.principals):
        external = kind == "anybody" or (kind in ("account", "identity", "federated") and home != identity.scope)
        yield _row(identity, statement, kind, principal, home, external=int(external), reason=standing)


def _principal(identity: Identity, written: str, value: str) -> tuple[str, str, str | None]:
    """(kind, principal, key of the scope it lives in)."""
    own_partition = identity.scope.rsplit("/", 1)[-1].partition(":")[0]
    kind = written.lower()
    if kind == "service":
        return "service", value, None
    if kind == "federated":
        return "federated", value, _home(value)
    if patterns.covers_all_resources(value):
        return "anybody", "*", None
    if kind != "aws":
        return "identity", value, _home(value)  # CanonicalUser, or whatever comes
    if _ACCOUNT.fullmatch(value):
        return "account", value, f"aws/account/{own_partition}:{value}"
    if _UNIQUE_ID.fullmatch(value):
        return "deleted", value, None
    home = _home(value)
    if home is not None and value.endswith(":root"):
        return "account", value.split(":")[4], home
    return "identity", value, home


def _home(arn: str) -> str | None:
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or not _ACCOUNT.fullmatch(parts[4]):
        return None
    return f"aws/account/{parts[1]}:{parts[4]}"


def _row(
    identity: Identity,
    statement: Statement,
    kind: str,
    principal: str,
    home: str | None,
    *,
    external: int,
    reason: str,
) -> Trust:
    return Trust(
        key=f"{identity.key}|{statement.number}|{kind}|{principal}",
        scope=identity.scope,
        identity=identity.key,
        principal_kind=kind,
        principal=principal,
        principal_scope=home,
        external=external,
        external_id=int(demands_external_id(statement.conditions)),
        conditional=int(bool(statement.conditions)),
        conditions=canonical(statement.conditions) if statement.conditions else None,
        statement=statement.name,
        confidence="possible",
        reason=reason,
    )


def _unknown(identity: Identity, statement: str, reason: str) -> Trust:
    return Trust(
        key=f"{identity.key}|{statement}|unknown|unknown",
        scope=identity.scope,
        identity=identity.key,
        principal_kind="unknown",
        principal="unknown",
        principal_scope=None,
        external=0,
        external_id=0,
        conditional=0,
        conditions=None,
        statement=statement,
        confidence="possible",
        reason=reason,
    )


def demands_external_id(conditions: Mapping[str, Any]) -> bool:
    """Whether some operator demands a certain sts:ExternalId. ``...IfExists`` and ``ForAllValues`` do not: without the
    key they hold. A pattern of wildcards alone demands nothing certain.
    """
    for operator, keys in conditions.items():
        if not _DEMANDS.fullmatch(str(operator).lower()) or not isinstance(keys, dict):
            continue
        for key, values in keys.items():
            if str(key).lower() != "sts:externalid":
                continue
            given = values if isinstance(values, list) else [values]
            like = "like" in str(operator).lower()
            if given and not any(like and set(str(value)) <= {"*", "?"} for value in given):
                return True
    return False

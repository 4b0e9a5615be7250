"""`trust`: who may become a role, one row a principal of each Allow statement of its trust document.

A door that a Deny of the document, or a resource control policy, shuts for everybody it is made for has no row. A row
is ``proven`` where the document says it, with whatever conditions it names: these are facts of the row.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nhiscan.model import Identity, Trust
from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.conditions import NO, Test, Value
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.providers import issuer_of, named, width_of
from nhiscan_aws.analyzer.trusting import Door, TrustRule, home, kind_of
from nhiscan_aws.analyzer.trusting import Trust as Document
from nhiscan_aws.analyzer.variables import Template
from nhiscan_aws.analyzer.verdict import Found
from nhiscan_aws.canonical import canonical

_ORGANIZATION = ("aws:principalorgid", "aws:principalorgpaths")
_SOURCE_ORGANIZATION = ("aws:sourceorgid", "aws:sourceorgpaths")
_DEMANDING = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})


def trusts(estate: Estate) -> Iterator[Trust]:
    """The rows of all roles, by role."""
    for key in sorted(estate.trusts):
        identity = estate.identities[key]
        document = estate.trusts[key]
        if document is None:
            yield _unknown(identity, "document", "document-unread")
        else:
            yield from _of(estate, identity, document)


def _of(estate: Estate, identity: Identity, document: Document) -> Iterator[Trust]:
    for one in document.unreadable:
        yield _unknown(identity, one.statement, "document-unreadable")
    denies = [rule for rule in document.rules if not rule.statement.allow]
    for door, rule in document.doors():
        found, keys = _left(estate, identity, door, denies)
        if found.answer != NO:
            yield _row(identity, door, rule, found, keys)


def _left(estate: Estate, identity: Identity, door: Door, denies: Iterable[TrustRule]) -> tuple[Found, frozenset[str]]:
    """Whether anything is left of a door, and the condition keys of what may shut it."""
    open_actions = set(door.actions)
    keys: set[str] = set()
    for rule in denies:
        for action in door.actions:
            if rule.lets_in(action) and _means(rule, door):
                if rule.tests:
                    keys.update(rule.keys)
                else:
                    open_actions.discard(action)
    if not open_actions:
        return Found(NO), frozenset()
    found = estate.passes(identity.key, min(open_actions), _known_of(estate, identity, door))
    return found, frozenset(keys) | found.keys


def _means(rule: TrustRule, door: Door) -> bool:
    """Whether a Deny is meant for all whom a door lets in."""
    statement = rule.statement
    if statement.not_principals is not None:
        return (door.kind, door.value) not in {kind_of(*one) for one in statement.not_principals}
    meant = {kind_of(*one) for one in statement.principals or ()}
    return ("anybody", "*") in meant or (door.kind, door.value) in meant


def _known_of(estate: Estate, identity: Identity, door: Door) -> dict[str, Value]:
    """What is known of a request through a door."""
    if door.kind == "service":
        return {"aws:principalisawsservice": ("true",), "aws:principalservicename": (door.value,)}
    scope = _scope_of(identity, door)
    if door.kind not in ("account", "identity") or scope is None:
        return {}
    known: dict[str, Value] = {"aws:principalisawsservice": ("false",), "aws:principalservicename": ()}
    account = estate.accounts.get(scope)
    return {**known, **(account.values if account else {"aws:principalaccount": (scope.rpartition(":")[2],)})}


def _scope_of(identity: Identity, door: Door) -> str | None:
    if door.kind == "account":
        own_partition = identity.scope.rsplit("/", 1)[-1].partition(":")[0]
        return f"aws/account/{own_partition}:{door.value}"
    return home(door.value) if door.kind in ("identity", "federated") else None


def _row(identity: Identity, door: Door, rule: TrustRule, found: Found, keys: frozenset[str]) -> Trust:
    scope = _scope_of(identity, door)
    external = door.kind == "anybody" or (door.kind in ("account", "identity", "federated") and scope != identity.scope)
    conditions = rule.statement.conditions
    guards = {test.key: test for test in rule.tests if _demands(test)}
    organization = _ORGANIZATION if door.kind != "service" else (*_ORGANIZATION, *_SOURCE_ORGANIZATION)
    federated = door.kind == "federated"
    claims = _claims(door, guards) if federated else {}
    reasons = set(found.reasons)
    if keys - found.keys:
        reasons.add("condition")
    return Trust(
        key=f"{identity.key}|{door.number}|{door.kind}|{door.value}",
        scope=identity.scope,
        identity=identity.key,
        principal_kind=door.kind,
        principal=door.value,
        principal_scope=scope,
        external=int(external),
        external_id=int(demands_external_id(conditions)),
        conditional=int(bool(conditions) or bool(keys)),
        conditions=canonical(conditions) if conditions else None,
        statement=door.statement,
        organization=int(any(named(_written(guards.get(key))) for key in organization)),
        source_guard=int(door.kind == "service" and _guarded(guards)),
        audience=int(federated and named(claims.get("aud"))),
        subject=",".join(sorted(claims["sub"])) if claims.get("sub") else None,
        width=_width(door, claims) if federated else None,
        confidence="conditional" if reasons else "proven",
        reason=",".join(sorted(reasons)) or None,
    )


def _demands(test: Test) -> bool:
    """Whether a test lets nobody in without the key."""
    return not (test.if_exists or test.negated or test.null or test.quantifier == "all") and test.operator in _DEMANDING


def _written(test: Test | None) -> tuple[str, ...]:
    """The values of a test as patterns: what stands for itself alone is escaped."""
    if test is None:
        return ()
    texts = [value.text if isinstance(value, Template) else value for value in test.values]
    return tuple(texts if "like" in test.operator or "arn" in test.operator else map(patterns.escaped, texts))


def _claims(door: Door, guards: Mapping[str, Test]) -> dict[str, tuple[str, ...]]:
    """Claims that a federated principal has to bring, and the values that are let in."""
    issuer = issuer_of(door.value).lower() or "saml"
    return {key[len(issuer) + 1 :]: _written(test) for key, test in guards.items() if key.startswith(f"{issuer}:")}


def _width(door: Door, claims: Mapping[str, tuple[str, ...]]) -> str | None:
    issuer = issuer_of(door.value)
    if not issuer:  # SAML: the provider says who its subjects are, and for whom
        return None if named(claims.get("aud")) else "no-audience"
    return width_of(issuer, claims)


def _guarded(guards: Mapping[str, Test]) -> bool:
    """Whether a service may act for a named account, organisation or resource only."""
    if any(named(_written(guards.get(key))) for key in ("aws:sourceaccount", *_SOURCE_ORGANIZATION)):
        return True
    values = _written(guards.get("aws:sourcearn"))
    return bool(values) and all(_names_owner(value) for value in values)


def _names_owner(arn: str) -> bool:
    """Whether an ARN pattern names an account, or, where its service has none in ARNs, the resource."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return not patterns.has_wildcard(arn)
    return not patterns.has_wildcard(parts[4]) if parts[4] else bool(patterns.start(parts[5]))


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
        name = str(operator).lower().removeprefix("foranyvalue:")
        if name not in ("stringequals", "stringequalsignorecase", "stringlike") or not isinstance(keys, dict):
            continue
        for key, values in keys.items():
            if str(key).lower() != "sts:externalid":
                continue
            given = values if isinstance(values, list) else [values]
            if given and not any(name == "stringlike" and set(str(value)) <= {"*", "?"} for value in given):
                return True
    return False

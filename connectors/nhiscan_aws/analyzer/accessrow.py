"""Rows of `effective_access`: how one is made, joined with others, and given to a second principal."""

import json
from collections.abc import Iterable, Iterator, Mapping

from nhiscan.model import EffectiveAccess
from nhiscan_aws.analyzer.layers import Held
from nhiscan_aws.analyzer.principal import Principal
from nhiscan_aws.analyzer.verdict import Answer

MOST_ACTIONS = 10
"""Actions that a row names."""
OPEN = frozenset({"condition", "unknown-condition-key"})
"""ACCESS_REASONS that are conditions of a policy."""


def made(
    principal: Principal,
    gaps: frozenset[str],
    capability: str,
    what: str,
    *,
    level: str,
    service: str,
    action: str,
    actions: int,
    resource: str,
    everywhere: int,
    effect: str,
    via: str,
    statement: str,
    answer: Answer | None,
    sure: bool,
    limits: tuple[str, ...] = (),
    reason: str | None = None,
) -> EffectiveAccess:
    """A row of a principal of whom ``gaps`` (ACCESS_REASONS) were not read.

    ``answer``: of an action that stands for the row; ``sure``: known to hang on no condition all the same.
    """
    reasons = set(gaps)
    if answer is not None:
        reasons.update(set(answer.reasons) - OPEN if sure else answer.reasons)
    if reason is not None:
        reasons.add(reason)
    keys = answer.conditions if answer is not None and reasons & OPEN else ()
    return EffectiveAccess(
        key=f"{principal.key}|{capability}|{what}",
        scope=principal.scope,
        principal=principal.key,
        capability=capability,
        level=level,
        service=service,
        action=action,
        actions=actions,
        resource=resource,
        everywhere=everywhere,
        effect=effect,
        via=via,
        statement=statement,
        conditional=int(bool(reasons & OPEN)),
        conditions=listed(keys),
        limited_by=listed(limits),
        confidence="conditional" if reasons else "proven",
        reason=",".join(sorted(reasons)) or None,
    )


def unread(principal: Principal, held: Held, statement: str, reason: str) -> EffectiveAccess:
    """The row of a policy, or a statement of it, of which nobody knows what it gives."""
    return EffectiveAccess(
        key=f"{principal.key}|unknown|{held.grant.key}|{statement}",
        scope=principal.scope,
        principal=principal.key,
        capability="unknown",
        level="unknown",
        service="unknown",
        action="unknown",
        actions=0,
        resource="unknown",
        everywhere=0,
        effect="allowed",
        via=held.grant.key,
        statement=statement,
        confidence="possible",
        reason=reason,
    )


def joined(rows: list[EffectiveAccess]) -> EffectiveAccess:
    """Several rows of whole services in one; the statement is that of the first."""
    first = rows[0]
    reasons = {reason for row in rows for reason in (row.reason or "").split(",") if reason}
    conditions = {key for row in rows for key in json.loads(row.conditions or "[]")}
    limits = {limit for row in rows for limit in json.loads(row.limited_by or "[]")}
    order = ("permissions_management", "write", "tagging", "read", "list", "unknown")
    return first._replace(
        key=f"{first.principal}|service_administrator|more",
        level=min((row.level for row in rows), key=order.index),
        service=",".join(sorted(row.service for row in rows)),
        action=",".join(sorted(row.action for row in rows)[:MOST_ACTIONS]),
        actions=sum(row.actions for row in rows),
        everywhere=max(row.everywhere for row in rows),
        effect=min(row.effect for row in rows),
        conditional=max(row.conditional for row in rows),
        conditions=listed(conditions),
        limited_by=listed(limits),
        confidence="conditional" if reasons else "proven",
        reason=",".join(sorted(reasons)) or None,
    )


def renamed(first: Principal, rows: Iterable[EffectiveAccess], principal: Principal) -> Iterator[EffectiveAccess]:
    """The rows of one principal, for another with the same documents."""
    keys = {
        ours.grant.key: theirs.grant.key
        for one, other in zip([first.layer, *first.limits()], [principal.layer, *principal.limits()], strict=True)
        for ours, theirs in zip(one.held, other.held, strict=True)
    }
    for row in rows:
        via = keys.get(row.via, row.via)
        limits = json.loads(row.limited_by) if row.limited_by else ()
        yield row._replace(
            key=principal.key + row.key[len(first.key) :].replace(row.via, via),
            principal=principal.key,
            via=via,
            limited_by=listed(_limited(limit, keys) for limit in limits),
        )


def _limited(limit: str, keys: Mapping[str, str]) -> str:
    layer, _, rest = limit.partition("|")
    grant, _, statement = rest.rpartition("|")
    return f"{layer}|{keys.get(grant, grant)}|{statement}"


def listed(texts: Iterable[str]) -> str | None:
    """JSON of the texts, sorted; None where there are none."""
    found = sorted(texts)
    return json.dumps(found, separators=(",", ":")) if found else None

"""`privilege`: how far the rights of each principal go, all in all. An application goes as far as its principals."""

import json
from collections.abc import Iterator

from nhiscan.model import Privilege
from nhiscan_azure.analyzer.escalation.search import Search
from nhiscan_azure.analyzer.estate import Estate, Principal
from nhiscan_azure.analyzer.levels import Level
from nhiscan_azure.analyzer.masks import ASSIGN
from nhiscan_azure.analyzer.verdict import HANGS, check

_OF_OUTCOME = {"administrator": "escalates_to_administrator", "more": "escalates"}
_BLIND = frozenset({"document-unread", "document-unreadable", "grants-unread", "membership-unread"})


def privileges(estate: Estate, search: Search) -> Iterator[Privilege]:
    """One row a service principal, managed identity, user, and application that has a principal."""
    for principal in estate.principals.values():
        row = _privilege(estate, principal, search)
        yield row
        known = estate.identities.get(estate.application_of.get(principal.key, ""))
        if known is not None and known.kind == "application":
            path = None if row.path is None else f"{known.key}|{row.path.rpartition('|')[2]}"
            yield row._replace(key=known.key, scope=known.scope, path=path)


def _privilege(estate: Estate, principal: Principal, search: Search) -> Privilege:
    level = Level(estate, principal)
    found = search.reach(principal.key)
    reasons = set(estate.gaps(principal))
    if level.administrator is not None:
        reasons -= _BLIND  # nothing gives more
    name, path, hops, confidence = level.left, None, None, "proven"
    if level.administrator is not None:
        if level.administrator:
            reasons.add("condition" if not _activated(principal) else "eligible")
    elif found is not None and found.row is not None and found.outcome is not None:
        name, path, hops = _OF_OUTCOME[found.outcome], found.row.key, found.row.hops
        confidence = found.row.confidence
        reasons.update((found.row.reason or "").split(",") if found.row.reason else ())
    elif name == "none" and not _BLIND.isdisjoint(reasons):
        name = "unknown"
    denied = level.granted == "administrator" and level.administrator is None
    limits: list[str] = []
    if denied:
        places = estate.rights_of(principal.held).administered
        limits = sorted(
            {
                f"deny_assignment|{deny.grant.key}|"
                for place in places
                for deny in check(estate, principal, ASSIGN, place).denies
            }
        )
    if confidence == "proven" and reasons:
        confidence = "conditional"
    return Privilege(
        key=principal.key,
        scope=principal.identity.scope,
        level=name,
        granted=level.granted,
        effect="denied" if denied else "allowed",
        path=path,
        hops=hops,
        reaches=found.reaches if found is not None else 0,
        reached_by=found.reached_by if found is not None else 0,
        services=json.dumps(level.services, sort_keys=True, separators=(",", ":")),
        limited_by=json.dumps(limits, separators=(",", ":")) if limits else None,
        conditional=int(not HANGS.isdisjoint(reasons)),
        confidence=confidence,
        reason=",".join(sorted(reasons)) or None,
    )


def _activated(principal: Principal) -> bool:
    return any(held.reason == "eligible" for held in principal.held)

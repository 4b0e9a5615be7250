"""All that a stored scan says about one identity's rights: level, capabilities, paths, trust, whom it reaches.

Rows come from the tables that the analyzers filled; whom it reaches, by name, comes from an estate that an analyzer has
opened for questions, where there is one.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from nhiscan.access import words
from nhiscan.access.names import Names, Source, Who
from nhiscan.access.paths import WORST_FIRST, Allow, Hop, Path, object_of, paths, strings
from nhiscan.access.principal import Principal
from nhiscan.analyzer import Access, Deciding, Decision
from nhiscan.inventory import Sql
from nhiscan.model import ACCESS_LEVELS, EffectiveAccess, Privilege, Trust

_SERIOUS = (
    "administrator", "service_administrator", "exclusion", "scope_administrator", "unknown", "permissions_management",
    "pass_role", "assume_role", "account_takeover", "credential_creation", "federation_change", "membership_change",
    "code_execution", "guardrail_removal", "lockout", "credential_exposure", "secret_read", "level",
)  # fmt: skip


class Explanation(NamedTuple):
    """What is known of one identity's rights.

    ``reaches`` and ``reached_by`` are None where nobody could be asked; the counts of ``privilege`` stand all the same.
    """

    principal: Principal
    privilege: Privilege | None
    access: list[EffectiveAccess]
    paths: list[Path]
    trust: list[Trust]
    reaches: list[Who] | None
    reached_by: list[Who] | None
    right_sized: str | None


def explain(sql: Sql, names: Names, principal: Principal, access: Access | None) -> Explanation:
    """Put together what the tables and, where it is opened, the estate say. Capabilities and paths, the worst first."""
    key = {"key": principal.key}
    row = sql.one(f"SELECT {', '.join(Privilege._fields)} FROM privilege WHERE key = :key", key)
    held = [
        EffectiveAccess._make(found)
        for found in sql.rows(
            f"SELECT {', '.join(EffectiveAccess._fields)} FROM effective_access WHERE principal = :key ORDER BY key",
            key,
        )
    ]
    trusted = [
        Trust._make(found)
        for found in sql.rows(f"SELECT {', '.join(Trust._fields)} FROM trust WHERE identity = :key ORDER BY key", key)
    ]
    return Explanation(
        principal,
        Privilege._make(row) if row is not None else None,
        sorted(held, key=_weight),
        list(paths(sql, names, "principal = :key", key, f"{WORST_FIRST}, key")),
        trusted,
        [names.who(one) for one in access.reaches(principal.key)] if access else None,
        [names.who(one) for one in access.reached_by(principal.key)] if access else None,
        access.right_sized(principal.key) if access else None,
    )


def _weight(row: EffectiveAccess) -> tuple[int, int, int, str]:
    place = _SERIOUS.index(row.capability) if row.capability in _SERIOUS else len(_SERIOUS)
    height = ACCESS_LEVELS.index(row.level) if row.level in ACCESS_LEVELS else len(ACCESS_LEVELS)
    return (0 if row.effect == "allowed" else 1, place, height, row.key)


# --- as JSON: documented in docs/access.md ---


def document(found: Explanation, names: Names) -> dict[str, Any]:
    """The explanation as the JSON document of ``nhiscan access explain`` shows it."""
    return {
        "principal": principal_document(found.principal, names),
        "privilege": _privilege(found.privilege, names) if found.privilege else None,
        "paths": [path_document(way) for way in found.paths],
        "access": [_access(row, names) for row in found.access],
        "trust": [_trust(row) for row in found.trust],
        "reaches": _group(found.reaches, found.privilege.reaches if found.privilege else None),
        "reached_by": _group(found.reached_by, found.privilege.reached_by if found.privilege else None),
        "right_sized": json.loads(found.right_sized) if found.right_sized else None,
    }


def principal_document(one: Principal, names: Names) -> dict[str, Any]:
    shown = one._asdict() | {"scope_name": names.scope(one.scope)}
    return shown | {"planned": bool(one.planned), "confirmed": bool(one.confirmed)}


def who_document(who: Who | None) -> dict[str, Any] | None:
    return who._asdict() if who is not None else None


def path_document(way: Path) -> dict[str, Any]:
    row = way.row
    return {
        "key": row.key,
        "method": row.method,
        "category": row.category,
        "outcome": row.outcome,
        "grade": row.grade,
        "confidence": row.confidence,
        "reasons": codes(row.reason),
        "conditions": list(strings(row.conditions)),
        "needs": row.needs,
        "hops": row.hops,
        "targets": row.targets,
        "target": who_document(way.target),
        "steps": [_hop(hop) for hop in way.hops],
        "weakest": _allow(way.weakest) if way.weakest else None,
    }


def decision_document(decision: Decision, names: Names) -> dict[str, Any]:
    return {
        "verdict": decision.verdict,
        "reasons": list(decision.reasons),
        "explanation": decision.explanation,
        "statements": [_deciding(one, names) for one in decision.statements],
    }


def codes(reason: str | None) -> list[str]:
    return [code for code in (reason or "").split(",") if code]


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "from": who_document(hop.source),
        "to": who_document(hop.target),
        "method": hop.method,
        "category": hop.category,
        "needs": hop.needs,
        "why": hop.why,
        "allows": [_allow(allow) for allow in hop.allows],
    }


def _allow(allow: Allow) -> dict[str, Any]:
    return {
        "action": allow.action,
        "resource": allow.resource or None,
        **_source(allow.source),
        "statement": allow.statement or None,
        "conditions": list(allow.conditions),
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "grant": source.key or None,
        "grant_kind": source.kind or None,
        "policy": source.name or None,
        "policy_arn": source.arn,
        "holder": source.holder.key if source.holder else None,
        "holder_name": source.holder.name if source.holder else None,
    }


def _deciding(one: Deciding, names: Names) -> dict[str, Any]:
    return {
        "layer": one.layer,
        "effect": one.effect,
        **_source(names.source(one.source)),
        "policy": one.name or None,
        "statement": one.statement or None,
        "conditions": list(one.conditions),
    }


def _privilege(row: Privilege, names: Names) -> dict[str, Any]:
    return {
        "level": row.level,
        "granted": row.granted,
        "effect": row.effect,
        "limited_by": words.limits(row.limited_by, names),
        "services": object_of(row.services),
        "path": row.path,
        "hops": row.hops,
        "conditional": bool(row.conditional),
        "confidence": row.confidence,
        "reasons": codes(row.reason),
    }


def _access(row: EffectiveAccess, names: Names) -> dict[str, Any]:
    return {
        "capability": row.capability,
        "level": row.level,
        "effect": row.effect,
        "service": row.service,
        "action": row.action,
        "actions": row.actions,
        "resource": row.resource,
        "everywhere": bool(row.everywhere),
        **_source(names.source(row.via)),
        "statement": row.statement or None,
        "conditions": list(strings(row.conditions)),
        "limited_by": words.limits(row.limited_by, names),
        "confidence": row.confidence,
        "reasons": codes(row.reason),
    }


_NOT_TOLD = ("key", "scope", "identity", "reason")
_TRUTHS = ("external", "external_id", "conditional", "organization", "source_guard", "audience")


def _trust(row: Trust) -> dict[str, Any]:
    shown = {name: value for name, value in row._asdict().items() if name not in _NOT_TOLD}
    shown |= {name: bool(shown[name]) for name in _TRUTHS}
    return shown | {"conditions": object_of(row.conditions) or None, "reasons": codes(row.reason)}


def _group(listed: Sequence[Who] | None, counted: int | None) -> dict[str, Any]:
    return {
        "count": len(listed) if listed is not None else counted,
        "identities": [who_document(who) for who in listed] if listed is not None else None,
    }

"""`privilege`: how far the rights of each user and role go, all in all. Here evaluation and escalation meet."""

import json
from collections.abc import Iterator

from nhiscan.model import Privilege
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.levels import Level
from nhiscan_aws.analyzer.principal import Principal
from nhiscan_aws.analyzer.ways import Reach, Ways

_NOBODY = Reach(None, None, None, 0, 0)
_OF_OUTCOME = {"administrator": "escalates_to_administrator", "more": "escalates"}


def privileges(estate: Estate, ways: Ways) -> Iterator[Privilege]:
    """One row a user and role, by key."""
    for principal in estate.principals.values():
        yield _privilege(estate, principal, ways.reach(principal.key) or _NOBODY)


def _privilege(estate: Estate, principal: Principal, reach: Reach) -> Privilege:
    found = Level(estate, principal)
    level = found.left
    reasons = set(principal.unread)
    conditional = 0
    path, hops = None, None
    if not found.administrator and reach.outcome is not None:
        level, path, hops = _OF_OUTCOME[reach.outcome], reach.path, reach.hops
        reasons.update(reach.reasons)
        conditional = reach.conditional
    elif level == "none" and principal.layer.gaps:
        level = "unknown"
    elif not _sure(estate, found):
        reasons.add("condition")
        conditional = 1
    if level == "unknown" and found.power.possible:
        reasons.add("unknown-action")
    return Privilege(
        key=principal.key,
        scope=principal.scope,
        level=level,
        granted=found.granted,
        effect=found.effect,
        path=path,
        hops=hops,
        reaches=reach.reaches,
        reached_by=reach.reached_by,
        services=_services(estate, found.power.possible),
        limited_by=json.dumps(found.limits, separators=(",", ":")) if found.limits else None,
        conditional=conditional,
        confidence=_confidence(reasons, reach.confidence if path is not None else "proven"),
        reason=",".join(sorted(reasons)) or None,
    )


def _sure(estate: Estate, found: Level) -> bool:
    """Whether some right of the level hangs on no condition."""
    if found.administrator:
        return found.surely_administrator
    if found.left == "none":
        return True
    return bool(found.power.sure & estate.table.levels.get(found.left, estate.table.unknown))


def _confidence(reasons: set[str], of_path: str) -> str:
    if of_path == "possible":
        return "possible"
    return "conditional" if reasons or of_path == "conditional" else "proven"


def _services(estate: Estate, mask: int) -> str:
    """Access level -> services with such actions; ``*`` alone for all but a few."""
    table = estate.table
    found = {
        level: some
        for level, actions in table.levels.items()
        if (some := table.named_services(mask & actions, actions))
    }
    return json.dumps(found, sort_keys=True, separators=(",", ":"))

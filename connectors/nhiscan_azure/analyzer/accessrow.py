"""One row of `effective_access`."""

import json
from collections.abc import Iterable, Sequence

from nhiscan.model import EffectiveAccess
from nhiscan_azure.analyzer.estate import Estate, Principal
from nhiscan_azure.analyzer.verdict import HANGS, Allow, Answer


class Writer:
    """Writes the rows of one principal."""

    def __init__(self, estate: Estate, principal: Principal) -> None:
        self.estate = estate
        self.principal = principal
        self.gaps = tuple(one for one in estate.gaps(principal) if one == "deny-policy-unread")
        """What was not read and may take rights away. What may give more is told once, in rows of its own."""

    def row(
        self,
        capability: str,
        what: str,
        *,
        level: str = "unknown",
        service: str = "unknown",
        action: str = "unknown",
        actions: int = 0,
        resource: str,
        everywhere: int = 0,
        via: str = "",
        statement: str = "",
        answer: Answer | None = None,
        sure: bool | None = None,
        reasons: Iterable[str] = (),
        conditions: Sequence[str] = (),
        possible: bool = False,
        directory: bool = False,
    ) -> EffectiveAccess:
        """``answer``: of an action that stands for the row; ``sure``: known to hang on nothing, or to hang, all the
        same.
        """
        found = set(reasons) | set(() if directory else self.gaps)
        if answer is not None:
            allow: Allow | None = answer.allows[0] if answer.allows else None
            if sure is not True:
                found.update(answer.reasons)
                conditions = answer.conditions if answer.reasons else ()
            if sure is False and not answer.reasons:
                found.add("condition")
            if allow is not None:
                via, statement = allow.held.grant.key, allow.statement
        unknown = capability == "unknown"
        return EffectiveAccess(
            key=f"{self.principal.key}|{capability}|{what}",
            scope=self.principal.identity.scope,
            principal=self.principal.key,
            capability=capability,
            level=level,
            service=service,
            action=action,
            actions=actions,
            resource=resource,
            everywhere=everywhere,
            effect="allowed",
            via=via,
            statement=statement,
            conditional=int(bool(found & HANGS)),
            conditions=listed(conditions),
            confidence="possible" if unknown or possible else "conditional" if found else "proven",
            reason=",".join(sorted(found)) or None,
        )


def listed(some: Iterable[str]) -> str | None:
    found = sorted(set(some))
    return json.dumps(found, separators=(",", ":")) if found else None

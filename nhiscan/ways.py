"""Ways as rows of `escalation_path`: for analyzers. Knows no provider.

What a step says is read by the report, by ``nhiscan access`` and by rules (style ``steps``), so it is written in one
place.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from nhiscan.model import CONFIDENCES, EscalationPath

CHAIN = "chain"
"""Method and category of a way of several hops."""
UNSEEN = 2
"""Rank of a hop that needs something which no source reads; 0 is certain, 1 is open."""


class Permit(Protocol):
    """A grant that allows an action of a hop."""

    @property
    def action(self) -> str: ...
    @property
    def resource(self) -> str: ...  # as granted, or where
    @property
    def grant(self) -> str: ...  # key of a Grant, or of what stands in for one
    @property
    def statement(self) -> str: ...
    @property
    def conditions(self) -> tuple[str, ...]: ...


class Method(Protocol):
    """A set of actions that leads to more rights."""

    @property
    def id(self) -> str: ...
    @property
    def category(self) -> str: ...  # ESCALATION_CATEGORIES
    @property
    def fix(self) -> str: ...


class Hop(Protocol):
    """One hop, explained."""

    @property
    def start(self) -> str: ...  # key of the principal that takes it
    @property
    def end(self) -> str | None: ...  # whom it is then; itself where it changes its own rights; None: not known
    @property
    def set(self) -> Method: ...
    @property
    def permits(self) -> Sequence[Permit]: ...
    @property
    def conditions(self) -> Sequence[str]: ...
    @property
    def reasons(self) -> Sequence[str]: ...  # ACCESS_REASONS
    @property
    def rank(self) -> int: ...
    @property
    def needs(self) -> str | None: ...  # what has to exist, in words


H = TypeVar("H", bound=Hop)


def path(
    hops: Sequence[H],
    why: Callable[[H], str],
    *,
    scope: str,
    outcome: str,
    targets: int,
    hangs: frozenset[str],
    method: str = CHAIN,
    floor: int = 0,
) -> EscalationPath:
    """The row of a way, without the change that breaks it; of one hop by its set, of several as a chain.

    ``hangs`` are the ACCESS_REASONS that make it conditional, ``floor`` is the rank that no way is more certain than.
    """
    first, last = hops[0], hops[-1]
    name, category = (first.set.id, first.set.category) if len(hops) == 1 else (method, CHAIN)
    conditions = sorted({key for hop in hops for key in hop.conditions})
    reasons = sorted({reason for hop in hops for reason in hop.reasons})
    rank = max(hop.rank for hop in hops)
    conditional = bool(conditions) or not hangs.isdisjoint(reasons)
    needs = list(dict.fromkeys(hop.needs for hop in hops if hop.needs))
    return EscalationPath(
        key=f"{first.start}|{name}",
        scope=scope,
        principal=first.start,
        target=last.end,
        method=name,
        category=category,
        outcome=outcome,
        grade="conditional" if conditional else "needs_resource" if rank == UNSEEN else "exploitable_now",
        hops=len(hops),
        targets=targets,
        steps=_canonical([_step(hop, why(hop)) for hop in hops]),
        action="",
        via=None,
        statement=None,
        needs="; ".join(needs) or None,
        conditional=int(conditional),
        conditions=_canonical(conditions) if conditions else None,
        confidence=CONFIDENCES[max(rank, floor)],
        reason=",".join(reasons) or None,
    )


def _step(hop: Hop, why: str) -> dict[str, Any]:
    return {
        "from": hop.start,
        "to": hop.end,
        "method": hop.set.id,
        "category": hop.set.category,
        "allows": [
            {
                "action": permit.action,
                "resource": permit.resource,
                "grant": permit.grant,
                "statement": permit.statement,
                "conditions": list(permit.conditions),
            }
            for permit in hop.permits
        ],
        "needs": hop.needs,
        "why": why,
        "fix": hop.set.fix,
    }


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

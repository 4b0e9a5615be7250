"""The whole interface an analyzer implements: what only one provider's rules can say about access.

An analyzer is found through the entry point group ``nhiscan.analyzers``. It is two pure functions over records: no I/O,
no clock, no SDK. `derive` runs once a scan and again, offline, in ``nhiscan verify``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from nhiscan.model import Derived, Document, Grant, Identity, Policy, Relation, Scope


class Records(Protocol):
    """What an analyzer may read: the state of the planned scopes of its provider, each list sorted by key."""

    def scopes(self) -> Iterable[Scope]: ...
    def identities(self, scope: str) -> Iterable[Identity]: ...
    def grants(self, scope: str) -> Iterable[Grant]: ...
    def policies(self, scope: str) -> Iterable[Policy]: ...
    def relations(self, scope: str) -> Iterable[Relation]: ...
    def document(self, digest: str) -> Document | None: ...


@dataclass(frozen=True)
class Decision:
    """Answer to "can this principal do this": the verdict and the statements that decide it."""

    verdict: str  # "allowed" | "denied" | "conditional" | "unknown"
    statements: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Analyzer:
    """What the entry point names."""

    provider: str  # name of the connector whose records it understands
    reads: frozenset[str]  # needs it rests on ("access_grant:attached_policy"); its coverage is the worst of theirs
    gives: frozenset[str]  # tables it fills: {"effective_access", "trust"}
    derive: Callable[[Records, str], Iterator[Derived]]  # (records, scope key) -> rows of that scope
    decide: Callable[[Records, str, str, str], Decision] | None = None  # (records, principal, action, resource)

"""An estate in memory: `nhiscan.analyzer.Records` from lists, for tests and benchmarks of analyzers."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from nhiscan.model import (
    AccessUse,
    Alias,
    Credential,
    Document,
    Grant,
    Identity,
    Policy,
    Record,
    Relation,
    Scope,
    Setting,
)

_Row = TypeVar("_Row", Identity, Alias, Credential, Grant, Policy, Relation, Setting, AccessUse)


class MemoryRecords:
    """Implements `nhiscan.analyzer.Records`. Everything is completely known but for what `gap` names."""

    def __init__(self, as_of: int = 0, reference: str | None = None) -> None:
        self.as_of = as_of
        self._reference = reference
        self._scopes: dict[str, Scope] = {}
        self._rows: dict[type, dict[str, dict[str, Record]]] = defaultdict(lambda: defaultdict(dict))
        self._documents: dict[str, Document] = {}
        self._gaps: set[tuple[str, str]] = set()

    def add(self, *records: Record) -> None:
        """Take records in; one of the same key replaces the one before."""
        for record in records:
            if isinstance(record, Scope):
                self._scopes[record.key] = record
            elif isinstance(record, Document):
                self._documents[record.digest] = record
            elif isinstance(record, Identity | Alias | Credential | Grant | Policy | Relation | Setting | AccessUse):
                self._rows[type(record)][record.scope][record.key] = record
            else:
                raise TypeError(f"no analyzer reads a {type(record).__name__}")

    def keep(self, text: str) -> str:
        """Take a policy text in; its digest."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        self._documents[digest] = Document(digest, "policy", text)
        return digest

    def gap(self, scope: str, need: str) -> None:
        """A kind or fact of a scope was not read completely."""
        self._gaps.add((scope, need))

    def scopes(self) -> Iterable[Scope]:
        return [self._scopes[key] for key in sorted(self._scopes)]

    def identities(self, scope: str) -> Iterable[Identity]:
        return self._of(Identity, scope)

    def aliases(self, scope: str) -> Iterable[Alias]:
        return self._of(Alias, scope)

    def credentials(self, scope: str) -> Iterable[Credential]:
        return self._of(Credential, scope)

    def grants(self, scope: str) -> Iterable[Grant]:
        return self._of(Grant, scope)

    def policies(self, scope: str) -> Iterable[Policy]:
        return self._of(Policy, scope)

    def relations(self, scope: str) -> Iterable[Relation]:
        return self._of(Relation, scope)

    def settings(self, scope: str) -> Iterable[Setting]:
        return self._of(Setting, scope)

    def uses(self, scope: str) -> Iterable[AccessUse]:
        return self._of(AccessUse, scope)

    def document(self, digest: str) -> Document | None:
        return self._documents.get(digest)

    def complete(self, scope: str, need: str) -> bool:
        return (scope, need) not in self._gaps

    def reference(self) -> str | None:
        return self._reference

    def _of(self, kind: type[_Row], scope: str) -> list[_Row]:
        rows = self._rows[kind][scope]
        return [row for key in sorted(rows) if isinstance(row := rows[key], kind)]

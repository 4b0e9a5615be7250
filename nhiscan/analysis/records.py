"""What analyzers read, out of the tables of a scan."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from nhiscan.inventory import Sql
from nhiscan.inventory.views import VIEWS
from nhiscan.model import Document, Grant, Identity, Policy, Relation, Scope

KEPT_DOCUMENTS = 10_000
"""Policy texts held in memory at once."""

Row = TypeVar("Row", Scope, Identity, Grant, Policy, Relation)


class SqlRecords:
    """Implements `nhiscan.analyzer.Records` over the views that ``sql`` is bound to.

    Only what lives in a planned scope of the provider and what the scan has confirmed is shown: facts derived from rows
    that were not seen this time would look as if they had been.
    """

    def __init__(self, sql: Sql, provider: str, document: Callable[[str], Document | None]) -> None:
        self._sql = sql
        self._provider = provider
        self.document = lru_cache(maxsize=KEPT_DOCUMENTS)(document)

    def scopes(self) -> Iterator[Scope]:
        """The planned scopes of the provider, sorted by key."""
        return self._rows(
            Scope, "scope", "planned = 1 AND provider = :provider ORDER BY key", {"provider": self._provider}
        )

    def identities(self, scope: str) -> Iterator[Identity]:
        return self._of(Identity, "identity", scope)

    def grants(self, scope: str) -> Iterator[Grant]:
        return self._of(Grant, "access_grant", scope)

    def policies(self, scope: str) -> Iterator[Policy]:
        return self._of(Policy, "policy", scope)

    def relations(self, scope: str) -> Iterator[Relation]:
        return self._of(Relation, "relation", scope)

    def _of(self, record: type[Row], view: str, scope: str) -> Iterator[Row]:
        return self._rows(
            record, view, "scope = :scope AND planned = 1 AND confirmed = 1 ORDER BY key", {"scope": scope}
        )

    def _rows(self, record: type[Row], view: str, where: str, params: dict[str, Any]) -> Iterator[Row]:
        names = {column.name for column in VIEWS[view]}
        columns = ", ".join(field if field in names else f"NULL AS {field}" for field in record._fields)
        for row in self._sql.rows(f"SELECT {columns} FROM {view} WHERE {where}", params):
            yield record._make(row)

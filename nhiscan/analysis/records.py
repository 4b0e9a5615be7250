"""What analyzers read, out of the tables of a scan."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from nhiscan.analysis.needs import matches
from nhiscan.analysis.tables import DERIVED
from nhiscan.inventory import Sql
from nhiscan.inventory.views import VIEWS
from nhiscan.model import (
    AccessUse,
    Alias,
    Credential,
    Document,
    Grant,
    Identity,
    Policy,
    Relation,
    Scope,
    Setting,
)

KEPT_DOCUMENTS = 10_000
"""Policy texts held in memory at once."""

INDEXED = ("identity", "alias", "credential", "access_grant", "policy", "relation", "setting", "access_use")
"""Tables that are read scope by scope."""

Row = TypeVar("Row", Scope, Identity, Alias, Credential, Grant, Policy, Relation, Setting, AccessUse)


class SqlRecords:
    """Implements `nhiscan.analyzer.Records` over the views that ``sql`` is bound to.

    Only what lives in a planned scope of the provider and what the scan has confirmed is shown: facts derived from rows
    that were not seen this time would look as if they had been. ``as_of`` is the start of the scan, epoch seconds UTC.
    """

    def __init__(
        self,
        sql: Sql,
        provider: str,
        document: Callable[[str], Document | None],
        *,
        as_of: int,
        reference: str | None = None,
    ) -> None:
        self.as_of = as_of
        self._sql = sql
        self._provider = provider
        self._reference = reference
        self._needs: dict[str, dict[str, bool]] = {}
        self.document = lru_cache(maxsize=KEPT_DOCUMENTS)(document)

    def scopes(self) -> Iterator[Scope]:
        """The planned scopes of the provider and all that lie above them, sorted by key."""
        known = {scope.key: scope for scope in self._rows(Scope, "scope", "provider = :provider", self._mine)}
        wanted: set[str] = set()
        for key in self.planned():
            above: str | None = key
            while above is not None and above in known and above not in wanted:
                wanted.add(above)
                above = known[above].parent
        return (known[key] for key in sorted(wanted))

    def planned(self) -> list[str]:
        """Keys of the planned scopes of the provider, sorted."""
        found = self._sql.rows(
            "SELECT key FROM scope WHERE planned = 1 AND provider = :provider ORDER BY key", self._mine
        )
        return [str(key) for (key,) in found]

    @property
    def _mine(self) -> dict[str, Any]:
        return {"provider": self._provider}

    def identities(self, scope: str) -> Iterator[Identity]:
        return self._of(Identity, "identity", scope)

    def aliases(self, scope: str) -> Iterator[Alias]:
        return self._of(Alias, "alias", scope)

    def credentials(self, scope: str) -> Iterator[Credential]:
        return self._of(Credential, "credential", scope)

    def grants(self, scope: str) -> Iterator[Grant]:
        return self._of(Grant, "access_grant", scope)

    def policies(self, scope: str) -> Iterator[Policy]:
        return self._of(Policy, "policy", scope)

    def relations(self, scope: str) -> Iterator[Relation]:
        return self._of(Relation, "relation", scope)

    def settings(self, scope: str) -> Iterator[Setting]:
        return self._of(Setting, "setting", scope)

    def uses(self, scope: str) -> Iterator[AccessUse]:
        return self._of(AccessUse, "access_use", scope)

    def complete(self, scope: str, need: str) -> bool:
        """Whether a kind or fact is completely known. A need row of its very name decides, else all that speak of it.

        What no row speaks of is not known. Rows of derived tables are not asked: when a scan derives there are none
        yet, and a package holds them.
        """
        if scope not in self._needs:
            rows = self._sql.rows(
                "SELECT need, complete FROM need WHERE scope = :scope AND planned = 1", {"scope": scope}
            )
            self._needs[scope] = {str(name): complete == 1 for name, complete in rows if name not in DERIVED}
        known = self._needs[scope]
        if need in known:
            return known[need]
        found = [complete for name, complete in known.items() if matches(need, name)]
        return bool(found) and all(found)

    def reference(self) -> str | None:
        return self._reference

    def _of(self, record: type[Row], view: str, scope: str) -> Iterator[Row]:
        return self._rows(
            record, view, "scope = :scope AND planned = 1 AND confirmed = 1 ORDER BY key", {"scope": scope}
        )

    def _rows(self, record: type[Row], view: str, where: str, params: dict[str, Any]) -> Iterator[Row]:
        names = {column.name for column in VIEWS[view]}
        columns = ", ".join(field if field in names else f"NULL AS {field}" for field in record._fields)
        for row in self._sql.rows(f"SELECT {columns} FROM {view} WHERE {where}", params):
            yield record._make(row)

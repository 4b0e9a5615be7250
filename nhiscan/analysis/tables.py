"""The derived tables, and which needs they rest on."""

from collections.abc import Iterable, Iterator, Mapping

from nhiscan.analysis.needs import matches
from nhiscan.analyzer import Analyzer
from nhiscan.inventory import Sql
from nhiscan.model import Need

DERIVED = ("owner", "classification", "effective_access", "escalation_path", "privilege", "trust")
"""Tables that no connector fills."""

OWN_READS: Mapping[str, tuple[str, ...]] = {
    "owner": ("identity", "identity.tags", "setting:label", "relation:owned_by", "relation:instance_of"),
    "classification": ("identity",),
}
"""What the tables that the core derives rest on. ``identity`` stands for the listings of all its kinds."""


EXPECTED = frozenset({"effective_access", "escalation_path", "privilege", "trust"})
"""Tables of analyzers on which rules that ship rest: without them they would pass everything."""


def derived_needs(sql: Sql, analyzers: Mapping[str, Analyzer]) -> Iterator[Need]:
    """A need row for each derived table in each planned scope: complete when all that it rests on is.

    Of the tables of analyzers those count that some analyzer fills, and `EXPECTED` always. One that no analyzer of the
    scope's provider fills is not complete: that nothing stands in it says nothing. Scopes in which no identity can live
    (registers) get no row. Reads the views ``scope`` and ``need``; rows are sorted by scope and name.
    """
    scopes = {
        str(key): str(provider) for key, provider in sql.rows("SELECT key, provider FROM scope WHERE planned = 1")
    }
    wanted = EXPECTED.union(OWN_READS, *(analyzer.gives for analyzer in analyzers.values()))
    found: dict[str, list[tuple[str, int, str | None]]] = {}
    for scope, need, complete, reason in sql.rows(
        "SELECT scope, need, complete, reason FROM need ORDER BY scope, need"
    ):
        if str(need) not in DERIVED:
            found.setdefault(str(scope), []).append((str(need), int(complete), reason))
    for scope, provider in sorted(scopes.items()):
        known = found.get(scope, [])
        if not any(matches("identity", need) for need, _, _ in known):
            continue
        reads: dict[str, Iterable[str]] = dict(OWN_READS)
        if analyzer := analyzers.get(provider):
            reads |= dict.fromkeys(analyzer.gives, analyzer.reads)
        for table in sorted(wanted):
            if table in reads:
                below = [row for row in known if any(matches(pattern, row[0]) for pattern in reads[table])]
                yield _need(scope, table, below)
            else:
                yield Need(scope, table, 0, 1, f"no analyzer of {provider} gives it")


def _need(scope: str, table: str, below: Iterable[tuple[str, int, str | None]]) -> Need:
    missing = [(need, reason) for need, complete, reason in below if not complete]
    reason = "; ".join(f"{need}: {why}" if why else need for need, why in missing)
    return Need(scope, table, int(not missing), 1, reason or None)

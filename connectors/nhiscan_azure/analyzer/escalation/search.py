"""All ways of an estate: those of one hop, the chains of several, and who can become whom."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nhiscan import graph
from nhiscan.graph import Graph
from nhiscan.model import EscalationPath
from nhiscan.ways import CHAIN, UNSEEN
from nhiscan_azure.analyzer.escalation.hops import Explainer, Hop
from nhiscan_azure.analyzer.escalation.pools import Pools
from nhiscan_azure.analyzer.escalation.rows import CHAIN_TO_TENANT, Rows
from nhiscan_azure.analyzer.escalation.sets import Set, sets
from nhiscan_azure.analyzer.escalation.way import Judged, Way
from nhiscan_azure.analyzer.escalation.ways import Ways
from nhiscan_azure.analyzer.estate import Estate, Principal


class Found(NamedTuple):
    """A way worth telling."""

    way: Way
    judged: Judged

    @property
    def order(self) -> tuple[tuple[bool, bool, int], str]:
        return self.judged.order, self.way.set.id


class Reached(NamedTuple):
    """What one identity can become."""

    outcome: str | None  # ESCALATION_OUTCOMES; None: nothing that is more
    row: EscalationPath | None  # that the outcome rests on
    reaches: int
    reached_by: int


class Search:
    """Finds all ways when it is made, and is asked afterwards."""

    def __init__(self, estate: Estate, every: Sequence[Set] | None = None) -> None:
        self._estate = estate
        self.keys = sorted([*estate.principals, *estate.groups])
        self.nodes = {key: node for node, key in enumerate(self.keys)}
        self._pools = Pools(estate, self.keys, self.nodes)
        self._ways = Ways(estate, self._pools, sets() if every is None else every)
        self._explainer = Explainer(self._ways)
        self._rows = Rows(estate)
        self._graph = Graph(len(self.keys))
        self._found: dict[int, list[Found]] = {}
        tenant_goals: dict[int, int] = {}
        tenant_finishes: dict[int, int] = {}
        for node in range(len(self.keys)):
            principal = self._pools.principal(node)
            rights = principal.rights
            if rights.administrator is not None:
                self._graph.goal(node, rights.administrator)
            if rights.tenant_administrator is not None:
                tenant_goals[node] = rights.tenant_administrator
                self._enter_everybody(node, principal, rights.tenant_administrator)
            self._look(node, principal, tenant_finishes)
        self._any = self._graph.ways()
        self._tenant = graph.Ways(self._graph, tenant_goals, tenant_finishes)
        self._reach = graph.Reach(self._graph, [key in estate.principals for key in self.keys])

    # --- one hop ---

    def _look(self, node: int, principal: Principal, tenant_finishes: dict[int, int]) -> None:
        rights = principal.rights
        found: list[Found] = []
        for way in self._ways.of(principal):
            self._move(node, way)
            judged = self._ways.judged(principal, way)
            if judged is None:
                continue
            if way.own is not None and judged.outcome == "administrator":
                self._graph.finish(node, judged.rank)
                if judged.tenant:
                    tenant_finishes[node] = min(judged.rank, tenant_finishes.get(node, UNSEEN))
                    self._enter_everybody(node, principal, judged.rank)
            if principal.identity.kind == "group" or rights.tenant_administrator == 0:
                continue
            if rights.administrator == 0 and judged.outcome != "administrator":
                continue
            found.append(Found(way, judged))
        if found:
            self._found[node] = sorted(found, key=lambda one: one.way.set.id)

    def _move(self, node: int, way: Way) -> None:
        for pool, rank, _ in way.reach:
            end = pool.members[0] if len(pool.members) == 1 else self._graph.hub(pool.members)
            self._graph.move(node, end, rank)

    def _enter_everybody(self, node: int, principal: Principal, rank: int) -> None:
        """Whoever administers the tenant can become everybody in it."""
        pool = self._pools.everybody.get(principal.identity.scope)
        if pool is not None and pool.members:
            end = pool.members[0] if len(pool.members) == 1 else self._graph.hub(pool.members)
            self._graph.move(node, end, rank)

    # --- chains ---

    def _chain(self, node: int, to: graph.Ways, *, tenant: bool) -> list[Hop]:
        """The hops of the most certain, and then shortest, way to a goal."""
        rank = to.rank[node]
        hops: list[Hop] = []
        at: int | None = node
        while at is not None and rank is not None and to.distance(at, rank):
            following = to.next(at, rank)
            hops.append(self._hop(at, following, rank, tenant=tenant))
            at = following
        return hops

    def _hop(self, node: int, following: int | None, rank: int, *, tenant: bool) -> Hop:
        """The hop from one identity to the next, by the most certain way; None: it ends by itself."""
        principal = self._pools.principal(node)
        options: list[tuple[int, str, Way]] = []
        for way in self._ways.of(principal):
            if following is None:
                own = way.own
                if own is not None and own.administrator and own.rank <= rank and (own.tenant or not tenant):
                    options.append((own.rank, way.set.id, way))
            else:
                ranks = [how for pool, how, _ in way.reach if how <= rank and following in pool.members]
                if ranks:
                    options.append((min(ranks), way.set.id, way))
        how, _, way = min(options, key=lambda one: one[:2])
        return self._explainer.hop(principal, way, following, how)

    # --- asked afterwards ---

    def paths(self) -> Iterator[EscalationPath]:
        """Every row, by key; an application has the ways of its principals."""
        for node, key in enumerate(self.keys):
            rows = sorted(self._rows_of(node))
            yield from rows
            application = self._estate.application_of.get(key)
            known = self._estate.identities.get(application or "")
            if known is not None and known.kind == "application":
                for row in rows:
                    yield row._replace(key=f"{known.key}|{row.method}", scope=known.scope, principal=known.key)

    def _rows_of(self, node: int) -> Iterator[EscalationPath]:
        principal = self._pools.principal(node)
        if principal.identity.kind == "group":
            return
        for found in self._found.get(node, ()):
            yield self._row(principal, found)
        chain = self._chain_row(node)
        if chain is not None:
            yield chain
        to_tenant = self._tenant_row(node, chain)
        if to_tenant is not None:
            yield to_tenant

    def _row(self, principal: Principal, found: Found) -> EscalationPath:
        judged = found.judged
        hop = self._explainer.hop(principal, found.way, judged.node, judged.rank)
        return self._rows.row([hop], judged.outcome, judged.targets)

    def _chain_row(self, node: int) -> EscalationPath | None:
        hops = self._any.hops[node]
        if hops is None or hops < 2:
            return None
        return self._rows.row(self._chain(node, self._any, tenant=False), "administrator", 1)

    def _tenant_row(self, node: int, chain: EscalationPath | None) -> EscalationPath | None:
        """The way to the tenant, where the other one ends somewhere else."""
        hops = self._tenant.hops[node]
        if hops is None or hops < 2:
            return None
        row = self._rows.row(self._chain(node, self._tenant, tenant=True), "administrator", 1, CHAIN_TO_TENANT)
        return None if chain is not None and row.steps == chain.steps else row

    def reach(self, key: str) -> Reached | None:
        """What a principal can become; None of what is none."""
        node = self.nodes.get(key)
        if node is None:
            return None
        reaches, reached_by = self._reach.reaches[node], self._reach.reached_by[node]
        best = min(self._found.get(node, ()), key=lambda one: one.order, default=None)
        rank = self._any.rank[node]
        chained = key in self._estate.principals and (self._any.hops[node] or 0) > 1
        if chained and (best is None or best.judged.outcome != "administrator" or (rank or 0) < best.judged.rank):
            return Reached("administrator", self._chain_row(node), reaches, reached_by)
        if best is None:
            return Reached(None, None, reaches, reached_by)
        return Reached(best.judged.outcome, self._row(self._pools.principal(node), best), reaches, reached_by)

    def reaches(self, principal: str) -> Sequence[str]:
        node = self.nodes.get(principal)
        return () if node is None else self._identities(self._graph.reached(node))

    def reached_by(self, identity: str) -> Sequence[str]:
        node = self.nodes.get(identity)
        return () if node is None else self._identities(self._graph.reaching(node))

    def _identities(self, nodes: Sequence[int]) -> list[str]:
        return [self.keys[node] for node in nodes if self.keys[node] in self._estate.principals]


__all__ = ["CHAIN", "CHAIN_TO_TENANT", "Found", "Search"]

"""All ways of an estate: those of one hop, the chains of several, and who can become whom."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nhiscan.graph import Graph, Reach
from nhiscan.graph import Ways as Distances
from nhiscan.model import EscalationPath
from nhiscan.ways import CHAIN, UNSEEN
from nhiscan_gcp.analyzer.escalation.explain import Explainer, Hop
from nhiscan_gcp.analyzer.escalation.rights import Gain, Rights
from nhiscan_gcp.analyzer.escalation.roster import Crowd
from nhiscan_gcp.analyzer.escalation.rows import Rows
from nhiscan_gcp.analyzer.escalation.sets import Set
from nhiscan_gcp.analyzer.escalation.ways import Way, Ways
from nhiscan_gcp.analyzer.estate import Estate
from nhiscan_gcp.analyzer.hierarchy import WIDTH
from nhiscan_gcp.analyzer.holding import SURE, Holding, Rule

_WIDTHS = tuple(sorted(WIDTH.values(), reverse=True))


class Best(NamedTuple):
    """The best target of a way."""

    way: Way  # without its spread: of many principals it is held long
    target: str  # key of a principal; its own where it changes its own rights
    gain: Gain
    targets: int

    @property
    def order(self) -> tuple[tuple[bool, int, int], str]:
        return (self.gain.order, self.way.set.id)


class Reached(NamedTuple):
    """What one identity can become."""

    outcome: str | None  # ESCALATION_OUTCOMES; None: reaches nothing that is more
    path: str | None  # key of the EscalationPath that the outcome rests on
    hops: int | None
    reaches: int  # identities that it can become, directly or over others
    reached_by: int  # identities that can become it
    conditional: int = 0  # of that path
    confidence: str = "conditional"
    reasons: tuple[str, ...] = ()  # ACCESS_REASONS


class Facts(NamedTuple):
    """What `Reached` tells of a row."""

    conditional: int
    confidence: str
    reasons: tuple[str, ...]


class Search:
    """Everything is found when it is made; rows are written when they are asked for."""

    def __init__(self, estate: Estate, holdings: Mapping[str, Holding], every: Sequence[Set]) -> None:
        self._estate = estate
        self._holdings = holdings
        self._ways = Ways(estate, holdings, every)
        self._rights = Rights(estate, holdings)
        self._explainer = Explainer(self._ways)
        self._rows = Rows(estate)
        self._policies = {one.node: one for one in every if one.gain == "policy"}
        self._keys = sorted(holdings)
        self._nodes = {key: node for node, key in enumerate(self._keys)}
        self._graph = Graph(len(self._keys))
        self._hubs: dict[Crowd, int] = {}
        self._finishes: dict[int, list[tuple[int, int]]] = {}  # node -> (width, rank)
        self._bests: dict[str, list[Best]] = {}
        self._hops: dict[tuple[str, str | None, int], Hop] = {}
        self._facts: dict[str, Facts] = {}
        for key in self._keys:
            self._look(self._nodes[key], holdings[key])
        self._distances = {width: self._to(width) for width in _WIDTHS}
        self._reach = Reach(self._graph, [holdings[key].principal.kind != "agent" for key in self._keys])

    def _to(self, width: int) -> Distances:
        """Ways to whoever administers so much at least."""
        goals: dict[int, int] = {}
        for key, node in self._nodes.items():
            ranks = [rule.rank for rule in self._holdings[key].rules if rule.width >= width]
            if ranks:
                goals[node] = min(ranks)
        finishes = {
            node: min(rank for how, rank in some if how >= width)
            for node, some in self._finishes.items()
            if any(how >= width for how, _ in some)
        }
        return Distances(self._graph, goals, finishes)

    # --- one hop ---

    def _look(self, node: int, holding: Holding) -> None:
        for rule in holding.rules:
            self._govern(node, rule)
        bests: dict[str, Best] = {}
        for way in self._ways.of(holding):
            self._enter(node, way)
            best = self._best(holding, way)
            if best is not None and holding.principal.kind != "agent":
                bests[way.set.id] = best
        if bests:
            self._bests[holding.principal.key] = [bests[method] for method in sorted(bests)]

    def _govern(self, node: int, rule: Rule) -> None:
        """Who says who may do what in a place can become every account below it."""
        self._move(node, self._ways.roster.governed(rule.place, rule.kinds), rule.rank)

    def _enter(self, node: int, way: Way) -> None:
        if way.rule is not None:
            if way.set.gain == "role":
                self._finishes.setdefault(node, []).append((way.rule.width, way.rule.rank))
                self._govern(node, way.rule)
            return
        if way.set.only:
            return  # some rights of an account are not the account
        for place, rank in way.spread.items():
            members = self._ways.roster.members(place, way.set.blocked_by)
            self._move(node, members.ready, rank)
            self._move(node, members.doubtful, UNSEEN)
        for rank in sorted(set(way.direct.values())):
            self._move(node, Crowd(key for key, how in way.direct.items() if how == rank), rank)

    def _move(self, node: int, members: Crowd, rank: int) -> None:
        if len(members.keys) == 1:
            self._graph.move(node, self._nodes[members.keys[0]], rank)
        elif members.keys:
            hub = self._hubs.get(members)
            if hub is None:
                hub = self._hubs[members] = self._graph.hub(self._nodes[key] for key in members.keys)
            self._graph.move(node, hub, rank)

    def _best(self, holding: Holding, way: Way) -> Best | None:
        """The best target of a way; None where none is worth telling."""
        own = holding.principal.key
        if way.rule is not None:
            known = holding.administers(way.rule.place, way.rule.kinds)
            if way.set.gain == "role" and known is not None and known <= way.rule.rank:
                return None
            return Best(way, own, Gain("administrator", way.rule.rank, way.rule.width), 1)
        only = self._rights.mask(way.set.only)
        best: tuple[tuple[bool, int, int], str, Gain] | None = None
        targets = 0
        for members, rank in self._targets(way):
            targets += len(self._rights.sorted(members)) - (own in members.own and bool(self._holdings[own].places))
            found = self._rights.best(holding, members, only)
            if found is not None:
                gain = found[0]._replace(rank=max(found[0].rank, rank))
                if best is None or (gain.order, found[1]) < best[:2]:
                    best = (gain.order, found[1], gain)
        if best is None:
            return None
        return Best(way._replace(spread={}, direct={}), best[1], best[2], max(targets, 1))

    def _targets(self, way: Way) -> Iterator[tuple[Crowd, int]]:
        for place, rank in sorted(way.spread.items()):
            members = self._ways.roster.members(place, way.set.blocked_by)
            yield members.ready, rank
            yield members.doubtful, UNSEEN
        for rank in sorted(set(way.direct.values())):
            yield Crowd(key for key, how in sorted(way.direct.items()) if how == rank), rank

    # --- chains ---

    def _goal(self, node: int) -> tuple[int, int, int] | None:
        """(rank, width, hops) of the best way to an administrator of more than it administers; None: there is none."""
        own = self._holdings[self._keys[node]]
        has = max((rule.width for rule in own.rules if rule.rank == SURE), default=0)
        found = []
        for width in _WIDTHS:
            ways = self._distances[width]
            rank, hops = ways.rank[node], ways.hops[node]
            if width > has and rank is not None and hops:
                found.append((rank, -width, hops))
        if not found:
            return None
        rank, width, hops = min(found)
        return rank, -width, hops

    def _chain(self, node: int, width: int, rank: int) -> list[Hop]:
        ways = self._distances[width]
        hops: list[Hop] = []
        at: int | None = node
        while at is not None and ways.distance(at, rank):
            following = ways.next(at, rank)
            hops.append(self._hop(at, following, rank, keep=at != node))
            at = following
        return hops

    def _hop(self, node: int, following: int | None, rank: int, *, keep: bool) -> Hop:
        """The hop from one principal to the next, by the most certain way; None: it ends by itself. ``keep``: others
        may go over it, too.
        """
        key = self._keys[node]
        wanted = None if following is None else self._keys[following]
        known = self._hops.get((key, wanted, rank))
        if known is None:
            holding = self._holdings[key]
            options: list[tuple[int, str, Way]] = []
            for way in self._ways.of(holding):
                how = self._rank_to(way, wanted)
                if how is not None:
                    options.append((how, way.set.id, way))
            for rule in holding.rules if wanted is not None else ():
                how = self._rank_to(governing := self._governing(rule), wanted)
                if how is not None:
                    options.append((how, governing.set.id, governing))
            how, _, way = min(options, key=lambda option: option[:2])
            known = self._explainer.hop(holding.principal, way, wanted or key, how)
            if keep:
                self._hops[(key, wanted, rank)] = known
        return known

    def _governing(self, rule: Rule) -> Way:
        kind = max(rule.kinds, key=lambda one: WIDTH[one])
        return Way(self._policies[kind], {rule.place: rule.rank}, {}, rule)

    def _rank_to(self, way: Way, wanted: str | None) -> int | None:
        """How certainly a way leads to a principal (None: to administration by itself)."""
        if wanted is None:
            return way.rule.rank if way.rule is not None and way.set.gain == "role" else None
        if way.set.only:
            return None
        found = [way.direct[wanted]] if wanted in way.direct and way.rule is None else []
        if way.rule is not None:
            governed = self._ways.roster.governed(way.rule.place, way.rule.kinds)
            return way.rule.rank if wanted in governed.own else None
        for place in self._estate.chain(wanted):
            if place in way.spread:
                members = self._ways.roster.members(place, way.set.blocked_by)
                if wanted in members.ready.own:
                    found.append(way.spread[place])
                elif wanted in members.doubtful.own:
                    found.append(UNSEEN)
        return min(found, default=None)

    # --- asked afterwards ---

    def paths(self) -> Iterator[EscalationPath]:
        """Every row, sorted by principal."""
        for key in self._keys:
            rows = [self._row(key, best) for best in self._bests.get(key, ())]
            chain = self._chain_row(key)
            yield from sorted([*rows, *([] if chain is None else [chain])])

    def _row(self, key: str, best: Best) -> EscalationPath:
        principal = self._holdings[key].principal
        hop = self._explainer.hop(principal, self._whole(key, best), best.target, best.gain.rank)
        return self._told(self._rows.row([hop], best.gain.outcome, best.targets))

    def _whole(self, key: str, best: Best) -> Way:
        """The way with its spread, which was not kept."""
        if best.way.rule is not None:
            return best.way
        return next(way for way in self._ways.of_set(self._holdings[key], best.way.set))

    def _chain_row(self, key: str) -> EscalationPath | None:
        node = self._nodes[key]
        goal = self._goal(node) if self._holdings[key].principal.kind != "agent" else None
        if goal is None or goal[2] < 2:
            return None
        rank, width, _ = goal
        return self._told(self._rows.row(self._chain(node, width, rank), "administrator", 1))

    def _told(self, row: EscalationPath) -> EscalationPath:
        reasons = tuple(row.reason.split(",")) if row.reason else ()
        self._facts[row.key] = Facts(row.conditional, row.confidence, reasons)
        return row

    def reach(self, identity: str) -> Reached:
        """What an identity can become."""
        node = self._nodes[identity]
        counts = (self._reach.reaches[node], self._reach.reached_by[node])
        best = min(self._bests.get(identity, ()), key=lambda one: one.order, default=None)
        goal = self._goal(node)
        chained = goal is not None and goal[2] > 1
        if best is None and not chained:
            return Reached(None, None, None, *counts)
        if best is None or (
            goal is not None
            and chained
            and (best.gain.outcome != "administrator" or (goal[0], -goal[1]) < (best.gain.rank, -best.gain.width))
        ):
            key = f"{identity}|{CHAIN}"
            if key not in self._facts:
                self._chain_row(identity)
            return Reached("administrator", key, goal[2] if goal else None, counts[0], counts[1], *self._facts[key])
        key = f"{identity}|{best.way.set.id}"
        if key not in self._facts:
            self._row(identity, best)
        return Reached(best.gain.outcome, key, 1, counts[0], counts[1], *self._facts[key])

    def reaches(self, principal: str) -> Sequence[str]:
        """Keys of the identities that a principal can become, sorted."""
        return self._named(self._graph.reached(self._nodes[principal])) if principal in self._nodes else ()

    def reached_by(self, identity: str) -> Sequence[str]:
        return self._named(self._graph.reaching(self._nodes[identity])) if identity in self._nodes else ()

    def _named(self, nodes: Sequence[int]) -> list[str]:
        keys = [self._keys[node] for node in nodes]
        return [key for key in keys if self._holdings[key].principal.kind != "agent"]

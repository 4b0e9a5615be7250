"""All ways of an estate: those of one hop, the chains of several, and who can become whom."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nhiscan.graph import RANKS, Reach
from nhiscan.model import EscalationPath
from nhiscan.ways import CHAIN
from nhiscan_aws.analyzer.escalation.explain import Explainer, Hop
from nhiscan_aws.analyzer.escalation.moves import Moves
from nhiscan_aws.analyzer.escalation.roster import NOBODY, Roster
from nhiscan_aws.analyzer.escalation.rows import Rows
from nhiscan_aws.analyzer.escalation.sets import Set
from nhiscan_aws.analyzer.escalation.ways import ITSELF, Judged, Way, Ways
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.principal import Principal
from nhiscan_aws.analyzer.ways import Reach as Reached

ASSUME = "sts-assume-role"
"""The set that is a move without being anything else."""


class Best(NamedTuple):
    """The best target of a way."""

    way: Way  # without its spreads: in large accounts they are long numbers
    place: int  # of the target in the pool
    outcome: str  # ESCALATION_OUTCOMES
    rank: int
    targets: int

    @property
    def order(self) -> tuple[bool, int, str]:
        return (self.outcome != "administrator", self.rank, self.way.set.id)


class Facts(NamedTuple):
    """What `Reached` tells of a row."""

    conditional: int
    confidence: str
    reasons: tuple[str, ...]


class Search:
    """Implements `nhiscan_aws.analyzer.ways.Ways`."""

    def __init__(self, estate: Estate, every: Sequence[Set]) -> None:
        self._estate = estate
        rosters = {scope: Roster(estate, account) for scope, account in sorted(estate.accounts.items())}
        self._assume = next((one for one in every if one.id == ASSUME), None)
        self._ways = Ways(estate, rosters, every)
        self._explainer = Explainer(self._ways)
        self._rows = Rows(estate)
        self._moves = Moves(estate, rosters)
        self._keys, self._nodes = self._moves.keys, self._moves.nodes
        self._bests: dict[str, list[Best]] = {}
        self._facts: dict[str, Facts] = {}
        self._hops: dict[tuple[str, str | None, int], Hop] = {}
        for node, key in enumerate(self._keys):
            self._look(node, self._principal(key))
        self._to_administrator = self._moves.graph.ways()
        self._reach = Reach(self._moves.graph, [key in estate.principals for key in self._keys])

    def _principal(self, key: str) -> Principal:
        return self._estate.principals.get(key) or self._estate.groups[key]

    # --- one hop ---

    def _look(self, node: int, principal: Principal) -> None:
        if principal.service_linked:
            return  # nobody but its service becomes it, and the service does what it is made for
        administrator = self._ways.rights.administrator(principal)
        if administrator is not None:
            self._moves.administer(node, principal.scope, administrator)
        bests: dict[str, Best] = {}
        for way in self._found(principal, administrator):
            judged = self._ways.judged(principal, way)
            self._moves.enter(node, principal, way, judged)
            best = self._best(way, judged)
            if best is None or principal.identity.kind == "group" or administrator == 0:
                continue
            if administrator is not None and (best.outcome, best.rank) != ("administrator", 0):
                continue
            known = bests.get(way.set.id)
            if known is not None:  # of a role in another account
                best = min(known, best, key=lambda one: one.order)._replace(targets=best.targets + known.targets)
            bests[way.set.id] = best
        if bests:
            self._bests[principal.key] = [bests[method] for method in sorted(bests)]

    def _found(self, principal: Principal, administrator: int | None) -> Iterator[Way]:
        """All ways of one hop; of an administrator those that lead out of its account."""
        if administrator != 0:
            yield from self._ways.of(principal)
        if self._assume is not None:
            yield from self._ways.entering(principal, self._assume, home=administrator != 0)

    def _best(self, way: Way, judged: Judged) -> Best | None:
        """The best target of a way: an administrator where there is one; of all as certain the one with most rights.

        None where none is worth telling.
        """
        for outcome, spread in (("administrator", judged.administrators), ("more", judged.more)):
            rank = next((rank for rank in RANKS if spread[rank]), None)
            if rank is not None:
                place = 0
                if way.pool is not ITSELF:
                    place = self._ways.rights.best(way.pool, spread[rank], raised=way.raised)
                bare = way._replace(spread=NOBODY, narrow=NOBODY)
                return Best(bare, place, outcome, rank, judged.more.all.bit_count())
        return None

    # --- chains ---

    def _chain(self, node: int) -> list[Hop]:
        """The hops of the best way to an administrator."""
        rank = self._to_administrator.rank[node]
        hops: list[Hop] = []
        at: int | None = node
        while at is not None and rank is not None and self._to_administrator.distance(at, rank):
            following = self._to_administrator.next(at, rank)
            hops.append(self._hop(at, following, rank, keep=at != node))
            at = following
        return hops

    def _hop(self, node: int, following: int | None, rank: int, *, keep: bool) -> Hop:
        """The hop from one identity to the next, by the most certain way; None: it ends by itself. ``keep``: others may
        go over it, too.
        """
        key = self._keys[node]
        wanted = None if following is None else self._keys[following]
        known = self._hops.get((key, wanted, rank))
        if known is None:
            principal = self._principal(key)
            options = []
            for way in self._found(principal, self._ways.rights.administrator(principal)):
                if wanted is None:
                    best = self._best(way, self._ways.judged(principal, way))
                    if best is not None and best.outcome == "administrator":
                        options.append((best.rank, way.set.id, best.place, way))
                elif wanted in way.pool.places and not way.set.only:
                    place = way.pool.places[wanted]
                    how = way.spread.either(way.narrow).rank(place)
                    if how is not None:
                        options.append((how, way.set.id, place, way))
            how, _, place, way = min(options, key=lambda option: option[:2])
            known = self._explainer.hop(principal, way, place, how)
            if keep:
                self._hops[(key, wanted, rank)] = known
        return known

    # --- asked afterwards ---

    def paths(self) -> Iterator[EscalationPath]:
        """Every row, sorted by key."""
        for key in self._estate.principals:
            rows = [self._row(key, best) for best in self._bests.get(key, ())]
            chain = self._chain_row(key)
            yield from sorted([*rows, *([] if chain is None else [chain])])

    def _row(self, key: str, best: Best) -> EscalationPath:
        hop = self._explainer.hop(self._estate.principals[key], best.way, best.place, best.rank)
        return self._told(self._rows.row([hop], best.outcome, best.targets))

    def _chain_row(self, key: str) -> EscalationPath | None:
        node = self._nodes[key]
        hops = self._to_administrator.hops[node]
        if hops is None or hops < 2:
            return None
        return self._told(self._rows.row(self._chain(node), "administrator", 1))

    def _told(self, row: EscalationPath) -> EscalationPath:
        reasons = tuple(row.reason.split(",")) if row.reason else ()
        self._facts[row.key] = Facts(row.conditional, row.confidence, reasons)
        return row

    def reach(self, identity: str) -> Reached | None:
        """What an identity can become; None where it reaches nobody and nobody reaches it."""
        node = self._nodes.get(identity)
        if node is None:
            return None
        reaches, reached_by = self._reach.reaches[node], self._reach.reached_by[node]
        best = min(self._bests.get(identity, ()), key=lambda one: one.order, default=None)
        rank, hops = self._to_administrator.rank[node], self._to_administrator.hops[node]
        chained = identity in self._estate.principals and hops is not None and hops > 1
        if best is None and not chained:
            found = Reached(None, None, None, reaches, reached_by)
            return found if reaches or reached_by else None
        if best is None or (chained and (best.outcome != "administrator" or (rank or 0) < best.rank)):
            row_key = f"{identity}|{CHAIN}"
            if row_key not in self._facts:
                self._chain_row(identity)
            return Reached("administrator", row_key, hops, reaches, reached_by, *self._facts[row_key])
        row_key = f"{identity}|{best.way.set.id}"
        if row_key not in self._facts:
            self._row(identity, best)
        return Reached(best.outcome, row_key, 1, reaches, reached_by, *self._facts[row_key])

    def reaches(self, principal: str) -> Sequence[str]:
        node = self._nodes.get(principal)
        return () if node is None else self._identities(self._moves.graph.reached(node))

    def reached_by(self, identity: str) -> Sequence[str]:
        node = self._nodes.get(identity)
        return () if node is None else self._identities(self._moves.graph.reaching(node))

    def _identities(self, nodes: Sequence[int]) -> list[str]:
        return [self._keys[node] for node in nodes if self._keys[node] in self._estate.principals]

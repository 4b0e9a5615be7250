"""Ways as moves of the graph: many targets of one principal become one hub."""

from collections.abc import Iterator, Mapping

from nhiscan.graph import RANKS, Graph
from nhiscan_aws.analyzer.escalation.roster import NOBODY, Pool, Roster
from nhiscan_aws.analyzer.escalation.ways import ITSELF, Judged, Way
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.principal import Principal


class Moves:
    """Users, roles and groups as nodes, in the order of their keys."""

    def __init__(self, estate: Estate, rosters: Mapping[str, Roster]) -> None:
        self.keys = sorted([*estate.principals, *estate.groups])
        self.nodes = {key: node for node, key in enumerate(self.keys)}
        self.graph = Graph(len(self.keys))
        self._rosters = rosters
        self._of_pool: dict[int, list[int]] = {}
        self._hubs: dict[tuple[int, int], int] = {}
        self._everyone: dict[str, int] = {}

    def administer(self, node: int, scope: str, rank: int) -> None:
        """An administrator of an account: it can become everybody there, for it can change everything."""
        self.graph.goal(node, rank)
        self.graph.move(node, self._all_of(scope), rank)

    def enter(self, node: int, principal: Principal, way: Way, judged: Judged) -> None:
        """What a way leads to."""
        if way.set.only:
            return  # some rights of a user are not the user
        own = way.pool is ITSELF or way.set.gain == "group-rights"
        rank = next((rank for rank in RANKS if judged.administrators[rank]), None)
        if rank is not None and (own or way.raised or way.set.gain == "role-without-boundary"):
            self.graph.finish(node, rank)
            if own:
                self.graph.move(node, self._all_of(principal.scope), rank)
        if way.pool is ITSELF or (own and principal.boundary is not None):
            return  # a member of a group whose boundary holds it back is not all that the group is
        every = way.spread if way.narrow is NOBODY else way.spread.either(way.narrow)
        seen = 0
        for how, mask in enumerate(every):
            new = mask & ~seen if seen else mask
            if new:
                self.graph.move(node, self._hub(way.pool, new), how)
            seen = mask

    def _hub(self, pool: Pool, mask: int) -> int:
        nodes = self._of_pool.get(id(pool))
        if nodes is None:
            nodes = self._of_pool[id(pool)] = [self.nodes[key] for key in pool.keys]
        if not mask & (mask - 1):
            return nodes[mask.bit_length() - 1]
        known = self._hubs.get((id(pool), mask))
        if known is None:
            known = self._hubs[(id(pool), mask)] = self.graph.hub(nodes[place] for place in _places(mask))
        return known

    def _all_of(self, scope: str) -> int:
        """Every user and role of an account that its administrators can become."""
        found = self._everyone.get(scope)
        if found is None:
            roster = self._rosters[scope]
            roles = [roster.roles.keys[place] for place in _places(roster.changeable)]
            members = [self.nodes[key] for key in (*roster.users.keys, *roles)]
            found = self._everyone[scope] = self.graph.hub(members)
        return found


def _places(mask: int) -> Iterator[int]:
    """Places of the bits of a mask, by its text: quicker than bit by bit where many are set."""
    text = bin(mask)[:1:-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)

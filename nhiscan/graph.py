"""Who can become whom, as numbers: for analyzers. Knows no provider.

Nodes below ``size`` are identities; a hub stands for several of them at once ("every role that trusts the account"), so
that ten thousand principals who may enter a thousand roles are eleven thousand edges and not ten million. A move to an
identity or a hub is one hop; from a hub to its members it is none. Every move has a rank, how certain it is (0 best); a
way is as certain as its least certain move.

A goal is what the search for ways looks for (an administrator). `finish` says that a node gets there in one hop of its
own, without becoming anybody else.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

RANKS = (0, 1, 2)

SHELF = 1024
"""Identities of a set that are kept in one number."""

_FAR = 1 << 30


class Graph:
    """Grows while it is made; asked afterwards."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._moves: list[dict[int, int]] = [{} for _ in range(size)]  # node -> {end: best rank}
        self._members: dict[int, tuple[int, ...]] = {}
        self._hubs: dict[tuple[int, ...], int] = {}
        self._goals: dict[int, int] = {}
        self._finishes: dict[int, int] = {}

    def hub(self, members: Iterable[int]) -> int:
        """The node that stands for several, the same one for the same members."""
        wanted = tuple(sorted(members))
        found = self._hubs.get(wanted)
        if found is None:
            found = self._hubs[wanted] = self.size + len(self._hubs)
            self._members[found] = wanted
        return found

    def move(self, start: int, end: int, rank: int) -> None:
        """``start`` can become ``end`` (or any member of it) in one hop."""
        moves = self._moves[start]
        if start != end and moves.get(end, _FAR) > rank:
            moves[end] = rank

    def goal(self, node: int, rank: int) -> None:
        """``node`` is what the search looks for, as certainly as ``rank`` says."""
        self._goals[node] = rank

    def finish(self, node: int, rank: int) -> None:
        if self._finishes.get(node, _FAR) > rank:
            self._finishes[node] = rank

    @property
    def nodes(self) -> int:
        return self.size + len(self._hubs)

    def moves(self, node: int) -> Sequence[tuple[int, int]]:
        """(end, rank) of every move of an identity, by end."""
        return sorted(self._moves[node].items())

    def members(self, node: int) -> tuple[int, ...]:
        """Of a hub its members; of an identity itself."""
        return self._members.get(node, (node,))

    def after(self, node: int) -> Iterable[int]:
        """The nodes behind a node, hubs among them."""
        return self._moves[node] if node < self.size else self._members[node]

    def ways(self) -> "Ways":
        """The most certain way of each identity to a goal, and among those the shortest."""
        return Ways(self, self._goals, self._finishes)

    def reached(self, node: int) -> list[int]:
        """Identities that a node can become, directly or over others, sorted."""
        return self._walk(node, self.after)

    def reaching(self, node: int) -> list[int]:
        """Identities that can become a node, sorted."""
        before = self.reversed()
        return self._walk(node, lambda one: before[one])

    def _walk(self, node: int, following: Callable[[int], Iterable[int]]) -> list[int]:
        seen = {node}
        left = [node]
        while left:
            for end in following(left.pop()):
                if end not in seen:
                    seen.add(end)
                    left.append(end)
        return sorted(one for one in seen if one < self.size and one != node)

    def reversed(self) -> list[list[int]]:
        """The nodes before each node."""
        before: list[list[int]] = [[] for _ in range(self.nodes)]
        for node in range(self.nodes):
            for end in self.after(node):
                before[end].append(node)
        return before


class Ways:
    """Distances to a goal. ``rank`` and ``hops`` of an identity are None where there is no way."""

    def __init__(self, graph: Graph, goals: dict[int, int], finishes: dict[int, int]) -> None:
        self._graph = graph
        self._nearest: dict[tuple[int, int], int] = {}
        self._finishes = finishes
        self._distances: list[list[int]] = []
        before: list[list[tuple[int, int, int]]] = [[] for _ in range(graph.nodes)]
        for node in range(graph.size):
            for end, rank in graph.moves(node):
                before[end].append((node, rank, 1))
        for hub in range(graph.size, graph.nodes):
            for member in graph.members(hub):
                before[member].append((hub, 0, 0))
        for rank in RANKS:
            some = sorted(node for node, how in goals.items() if how <= rank)
            self._distances.append(_distances(before, some, finishes, rank))
        self.rank: list[int | None] = [None] * graph.size
        self.hops: list[int | None] = [None] * graph.size
        for node in range(graph.size):
            for rank, distances in enumerate(self._distances):
                if distances[node] < _FAR:
                    self.rank[node], self.hops[node] = rank, distances[node]
                    break

    def distance(self, node: int, rank: int) -> int:
        """Hops to a goal over moves of a certainty; 0 of a goal. Asked of nodes that get there."""
        return self._distances[rank][node]

    def next(self, node: int, rank: int) -> int | None:
        """The identity to become next on the way of a certainty; None where the node finishes by itself."""
        distances = self._distances[rank]
        left = distances[node] - 1
        if left == 0 and self._finishes.get(node, _FAR) <= rank:
            return None
        best: int | None = None
        for end, how in self._graph.moves(node):
            if how <= rank and distances[end] == left:
                found = self._nearest_of(end, rank)
                best = found if best is None else min(best, found)
        return best

    def _nearest_of(self, node: int, rank: int) -> int:
        """Of a hub the first member that is as near to a goal as the hub; of an identity itself."""
        found = self._nearest.get((node, rank))
        if found is None:
            distances = self._distances[rank]
            found = next(one for one in self._graph.members(node) if distances[one] == distances[node])
            self._nearest[(node, rank)] = found
        return found


def _distances(
    before: Sequence[Sequence[tuple[int, int, int]]], goals: Iterable[int], finishes: dict[int, int], most: int
) -> list[int]:
    """Hops from each node to a goal over moves of a rank up to ``most``; a breadth-first search from the goals."""
    distances = [_FAR] * len(before)
    left: deque[int] = deque()
    for node in goals:
        distances[node] = 0
        left.append(node)
    later = deque(sorted(node for node, rank in finishes.items() if rank <= most))
    while left or later:
        if later and (not left or distances[left[0]] >= 1):
            node = later.popleft()
            if distances[node] > 1:
                distances[node] = 1
                left.appendleft(node)
            continue
        node = left.popleft()
        for start, rank, hops in before[node]:
            if rank <= most and distances[start] > distances[node] + hops:
                distances[start] = distances[node] + hops
                if hops:
                    left.append(start)
                else:
                    left.appendleft(start)
    return distances


class Reach:
    """How many identities each identity can become, and how many can become it."""

    def __init__(self, graph: Graph, counted: Sequence[bool]) -> None:
        """``counted``: which identities count."""
        after = [list(graph.after(node)) for node in range(graph.nodes)]
        self.reaches = _counts(after, graph.size, counted)
        self.reached_by = _counts(graph.reversed(), graph.size, counted)


def _counts(after: Sequence[Sequence[int]], size: int, counted: Sequence[bool]) -> list[int]:
    """Sets of all that lies behind, from the end of the ways forward; a set is dropped once all before it have it.

    A set is kept shelf by shelf. Nodes that lie behind each other stand on the same shelf, so most sets are small.
    """
    groups, group_of = components(after)
    waiting = [0] * len(groups)
    for node, ends in enumerate(after):
        for group in {group_of[end] for end in ends} - {group_of[node]}:
            waiting[group] += 1
    sets: list[dict[int, int]] = [{} for _ in groups]
    counts = [0] * size
    place = 0
    for number, some in enumerate(groups):  # each after all that lie behind it
        behind = {group_of[end] for node in some for end in after[node]} - {number}
        mine = _union([sets[one] for one in sorted(behind)])
        inside = [node for node in some if node < size and counted[node]]
        total = sum(mask.bit_count() for mask in mine.values()) + len(inside)
        for node in some:
            if node < size:
                counts[node] = total - (1 if counted[node] else 0)
        if waiting[number]:
            if inside:
                mine = dict(mine)
            for _ in inside:
                shelf = place // SHELF
                mine[shelf] = mine.get(shelf, 0) | 1 << place % SHELF
                place += 1
            sets[number] = mine
        for node in some:
            for one in {group_of[end] for end in after[node]} - {number}:
                waiting[one] -= 1
                if not waiting[one]:
                    sets[one] = {}
    return counts


def _union(some: Sequence[dict[int, int]]) -> dict[int, int]:
    """All together. One alone is given back itself: nobody changes a set."""
    if len(some) == 1:
        return some[0]
    found: dict[int, int] = {}
    for one in some:
        for shelf, mask in one.items():
            found[shelf] = found.get(shelf, 0) | mask
    return found


def components(after: Sequence[Sequence[int]]) -> tuple[list[list[int]], list[int]]:
    """Nodes that can all become each other, each group after those that lie behind it; and the group of each node.

    Tarjan's algorithm, without recursion: a chain may be as long as there are nodes.
    """
    count = len(after)
    order, low = [0] * count, [0] * count
    group_of = [-1] * count
    groups: list[list[int]] = []
    stack: list[int] = []
    number = 0
    for root in range(count):
        if order[root]:
            continue
        work = [(root, 0)]
        while work:
            node, at = work.pop()
            if at == 0:
                number += 1
                order[node] = low[node] = number
                stack.append(node)
            ends = after[node]
            while at < len(ends):
                end = ends[at]
                at += 1
                if not order[end]:
                    work.append((node, at))
                    work.append((end, 0))
                    break
                if group_of[end] < 0:
                    low[node] = min(low[node], order[end])
            else:
                if low[node] == order[node]:
                    group: list[int] = []
                    while not group or group[-1] != node:
                        group.append(stack.pop())
                        group_of[group[-1]] = len(groups)
                    groups.append(sorted(group))
                if work:
                    before = work[-1][0]
                    low[before] = min(low[before], low[node])
    return groups, group_of

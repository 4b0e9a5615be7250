"""The graph of who can become whom, against a slow and obvious one."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.graph import RANKS, Graph, Reach, components

SIZE = 9
NODES = st.integers(0, SIZE - 1)
RANK = st.sampled_from(RANKS)
Edges = Mapping[tuple[int, int], int]


class Slow:
    """The same questions, answered by trying everything."""

    def __init__(self, edges: Edges, goals: Mapping[int, int], finishes: Mapping[int, int]) -> None:
        self.edges, self.goals, self.finishes = edges, goals, finishes

    def hops(self, node: int, most: int) -> int | None:
        """Steps to a goal over moves of a rank up to ``most``, one round after the other."""
        near = {one for one, rank in self.goals.items() if rank <= most}
        for steps in range(SIZE + 2):
            if node in near:
                return steps
            also = {start for (start, end), rank in self.edges.items() if rank <= most and end in near}
            also |= {one for one, rank in self.finishes.items() if rank <= most} if steps == 0 else set()
            near = near | also
        return None

    def best(self, node: int) -> tuple[int | None, int | None]:
        for rank in RANKS:
            hops = self.hops(node, rank)
            if hops is not None:
                return rank, hops
        return None, None

    def reached(self, node: int) -> set[int]:
        found: set[int] = set()
        left = [node]
        while left:
            at = left.pop()
            for start, end in self.edges:
                if start == at and end not in found:
                    found.add(end)
                    left.append(end)
        return found - {node}


def built(
    moves: list[tuple[int, int, int]],
    hubs: list[tuple[int, list[int], int]],
    goals: Mapping[int, int],
    finishes: Mapping[int, int],
) -> tuple[Graph, Slow]:
    graph = Graph(SIZE)
    edges: dict[tuple[int, int], int] = {}

    def edge(start: int, end: int, rank: int) -> None:
        if start != end:
            edges[(start, end)] = min(rank, edges.get((start, end), rank))

    for start, end, rank in moves:
        graph.move(start, end, rank)
        edge(start, end, rank)
    for start, members, rank in hubs:
        graph.move(start, graph.hub(members), rank)
        for member in members:
            edge(start, member, rank)
    for node, rank in goals.items():
        graph.goal(node, rank)
    for node, rank in finishes.items():
        graph.finish(node, rank)
    return graph, Slow(edges, goals, finishes)


PARTS = {
    "moves": st.lists(st.tuples(NODES, NODES, RANK), max_size=20),
    "hubs": st.lists(st.tuples(NODES, st.lists(NODES, min_size=2, max_size=5, unique=True), RANK), max_size=5),
    "goals": st.dictionaries(NODES, RANK, max_size=2),
    "finishes": st.dictionaries(NODES, RANK, max_size=2),
}


@given(**PARTS)
def test_the_most_certain_way_is_found_and_among_those_the_shortest(
    moves: list[tuple[int, int, int]],
    hubs: list[tuple[int, list[int], int]],
    goals: dict[int, int],
    finishes: dict[int, int],
) -> None:
    graph, slow = built(moves, hubs, goals, finishes)
    ways = graph.ways()
    for node in range(SIZE):
        assert (ways.rank[node], ways.hops[node]) == slow.best(node)


@given(**PARTS)
def test_every_step_of_a_way_is_a_move(
    moves: list[tuple[int, int, int]],
    hubs: list[tuple[int, list[int], int]],
    goals: dict[int, int],
    finishes: dict[int, int],
) -> None:
    graph, slow = built(moves, hubs, goals, finishes)
    ways = graph.ways()
    for node in range(SIZE):
        rank, hops = ways.rank[node], ways.hops[node]
        if rank is None or hops is None:
            continue
        at = node
        for _ in range(hops):
            following = ways.next(at, rank)
            if following is None:
                assert finishes[at] <= rank
                break
            assert slow.edges[(at, following)] <= rank
            at = following
        else:
            assert goals[at] <= rank


@given(**PARTS)
def test_who_can_become_whom_is_counted_and_listed(
    moves: list[tuple[int, int, int]],
    hubs: list[tuple[int, list[int], int]],
    goals: dict[int, int],
    finishes: dict[int, int],
) -> None:
    graph, slow = built(moves, hubs, goals, finishes)
    counted = [node % 4 != 0 for node in range(SIZE)]
    reach = Reach(graph, counted)
    reached = {node: slow.reached(node) for node in range(SIZE)}
    for node in range(SIZE):
        openers = {one for one in range(SIZE) if node in reached[one]} - {node}
        assert graph.reached(node) == sorted(reached[node])
        assert graph.reaching(node) == sorted(openers)
        assert reach.reaches[node] == sum(counted[one] for one in reached[node])
        assert reach.reached_by[node] == sum(counted[one] for one in openers)


@given(st.lists(st.lists(NODES, max_size=4), min_size=SIZE, max_size=SIZE))
def test_groups_are_nodes_that_can_all_become_each_other(after: list[list[int]]) -> None:
    slow = Slow({(start, end): 0 for start, ends in enumerate(after) for end in ends}, {}, {})
    groups, group_of = components(after)
    reached = {node: slow.reached(node) | {node} for node in range(SIZE)}
    for node in range(SIZE):
        assert set(groups[group_of[node]]) == {one for one in reached[node] if node in reached[one]}
    for number, group in enumerate(groups):
        assert all(group_of[one] <= number for node in group for one in reached[node])


@pytest.mark.parametrize("length", [3_000])
def test_a_chain_may_be_long(length: int) -> None:
    graph = Graph(length)
    for node in range(length - 1):
        graph.move(node, node + 1, 0)
    graph.goal(length - 1, 0)
    assert graph.ways().hops[0] == length - 1
    reach = Reach(graph, [True] * length)
    assert (reach.reaches[0], reach.reached_by[0], reach.reached_by[-1]) == (length - 1, 0, length - 1)


def test_a_circle_may_be_long() -> None:
    graph = Graph(3_000)
    for node in range(3_000):
        graph.move(node, (node + 1) % 3_000, 0)
    assert set(Reach(graph, [True] * 3_000).reaches) == {2_999}
    assert set(graph.ways().hops) == {None}

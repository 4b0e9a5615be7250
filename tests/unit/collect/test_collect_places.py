"""Where sources run, which scopes they read from there, and in which order the scopes are read."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.collect.order import BadDeclaration, in_order
from nhiscan.collect.places import Place, plan
from nhiscan.collect.places import planned as planned_rows
from nhiscan.connector import Reader, Source
from nhiscan.model import Record, Scope


def nothing(client: Any, reader: Reader) -> Iterator[Record]:
    yield from ()


def source(name: str, on: str = "", *, spans: bool = False, reads: str = "", instead_of: str | None = None) -> Source:
    return Source(
        name,
        nothing,
        lists=frozenset({"setting"}),
        reads=tuple(reads.split()),
        fallback_for=instead_of,
        on=frozenset(on.split()),
        spans=spans,
    )


def scope(name: str, parent: str | None = None) -> Scope:
    """``organization/o`` and the like."""
    kind, _, native = name.partition("/")
    return Scope(name, "acme", kind, native, parent=parent)


TREE = [
    scope("project/inner", "folder/inner"),
    scope("project/outer", "folder/outer"),
    scope("project/top", "organization/o"),
    scope("folder/empty", "organization/o"),
    scope("folder/inner", "folder/outer"),
    scope("folder/outer", "organization/o"),
    scope("organization/o"),
]


def where(places: tuple[Place, ...]) -> dict[str, list[str]]:
    """Scope -> the sources that run on it, and in brackets those that read it from above."""
    return {
        place.scope.key: [one.id for one in place.runs] + [f"({name})" for name in place.reached] for place in places
    }


def planned(sources: list[Source], scopes: list[Scope]) -> dict[str, list[str]]:
    return where(plan(in_order(sources), scopes))


def test_without_sources_on_upper_scopes_whatever_is_no_parent_is_a_leaf() -> None:
    assert planned([source("a")], TREE) == {
        "folder/empty": ["a"],
        "project/inner": ["a"],
        "project/outer": ["a"],
        "project/top": ["a"],
    }
    assert planned([source("a")], [scope("organization/o")]) == {"organization/o": ["a"]}


def test_a_connector_that_knows_upper_scopes_has_no_leaf_among_them() -> None:
    sources = [source("policies", "organization"), source("keys")]
    assert planned(sources, [scope("organization/o")]) == {"organization/o": ["policies"]}
    assert planned(sources, TREE) == {
        "organization/o": ["policies"],
        "project/inner": ["keys"],
        "project/outer": ["keys"],
        "project/top": ["keys"],
    }


def test_a_source_may_run_on_upper_scopes_and_on_leaves() -> None:
    sources = [source("policies", "organization folder project"), source("keys")]
    assert planned(sources, TREE)["folder/empty"] == ["policies"]
    assert planned(sources, TREE)["project/inner"] == ["policies", "keys"]


def test_a_spanning_source_runs_on_the_highest_scope_only() -> None:
    sources = [source("assets", "organization folder project", spans=True)]
    assert planned(sources, TREE) == {
        "organization/o": ["assets"],
        **{one.key: ["(assets)"] for one in TREE if one.kind != "organization"},
    }
    below = planned(sources, [one for one in TREE if one.kind != "organization"])
    assert below == {
        "folder/empty": ["assets"],
        "folder/outer": ["assets"],
        "project/top": ["assets"],
        "folder/inner": ["(assets)"],
        "project/inner": ["(assets)"],
        "project/outer": ["(assets)"],
    }


def test_upper_scopes_are_not_read_from_above_where_no_fallback_could_stand_in() -> None:
    assets = source("assets", "organization folder", spans=True)
    for fallback, folders in ((source("keys", instead_of="assets"), False), (None, True)):
        found = planned([one for one in (assets, fallback) if one is not None], TREE)
        assert ("folder/inner" in found) is folders
    found = planned([assets, source("keys", "folder project", instead_of="assets")], TREE)
    assert found["folder/inner"] == ["keys", "(assets)"]


def test_scopes_above_come_first_and_know_what_is_below() -> None:
    places = plan([source("a", "organization folder", spans=True)], TREE)
    assert [place.scope.key for place in places] == [
        "organization/o",
        *("folder/empty", "folder/outer", "project/top"),
        *("folder/inner", "project/outer"),
        "project/inner",
    ]
    by_key = {place.scope.key: place for place in places}
    assert by_key["project/inner"].above == "folder/inner"
    assert by_key["folder/outer"].below == {"folder/inner", "project/inner", "project/outer"}
    assert plan([source("a", "organization"), source("b")], TREE)[-1].above == "organization/o"


def test_a_fallback_without_its_primary_is_planned_for_itself() -> None:
    sources = in_order(
        [
            source("assets", "organization", spans=True),
            source("users", instead_of="assets"),
            source("found", instead_of="users"),
            source("keys", reads="assets"),
        ]
    )
    (place,) = plan(sources, [scope("project/p")])
    assert [(one.id, one.fallback_for, one.reads) for one in place.known] == [
        ("users", None, ()),
        ("found", "users", ()),
        ("keys", None, ("users", "found")),
    ]
    assert [one.fallback_for for one in plan(sources, TREE)[-1].known] == [None, "assets", "users", None]


def test_a_fallback_of_what_is_not_here_stands_in_for_what_that_stood_in_for() -> None:
    sources = in_order(
        [
            source("assets", "organization", spans=True),
            source("guards", "organization", instead_of="assets"),
            source("users", "organization account", instead_of="guards"),
        ]
    )
    place = plan(sources, [scope("organization/o"), scope("account/a", "organization/o")])[-1]
    assert [(one.id, one.fallback_for) for one in place.known] == [("assets", None), ("users", "assets")]


def test_a_scope_is_not_above_itself() -> None:
    with pytest.raises(ValueError, match="above itself"):
        plan([source("a")], [scope("folder/a", "folder/b"), scope("folder/b", "folder/a")])


KINDS = ("organization", "folder", "project", "account")
ONS = st.sets(st.sampled_from(KINDS)).map(" ".join)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[tuple[Source, ...], list[Scope]]:
    """Sources that go together, and scopes in any order, each below one drawn before it, or below one not named."""
    scopes: list[Scope] = []
    for number in range(draw(st.integers(0, 12))):
        parents = [None, "folder/unnamed", *(one.key.removeprefix("acme/") for one in scopes)]
        scopes.append(scope(f"{draw(st.sampled_from(KINDS))}/{number}", draw(st.sampled_from(parents))))
    found: list[Source] = []
    for number in range(draw(st.integers(1, 5))):
        on = draw(ONS)
        more = source(
            str(number),
            on,
            spans=draw(st.booleans()) and bool(on),
            instead_of=draw(st.sampled_from([None, *(one.id for one in found)])),
        )
        with suppress(BadDeclaration):
            in_order([*found, more])
            found.append(more)
    return in_order(found), draw(st.permutations(scopes))


@given(worlds())
def test_whatever_the_tree_nothing_is_read_twice_and_nothing_is_lost(
    world: tuple[tuple[Source, ...], list[Scope]],
) -> None:
    sources, scopes = world
    places = plan(sources, scopes)
    assert places == plan(sources, sorted(scopes))
    place_of = {place.scope.key: number for number, place in enumerate(places)}
    plans = Counter(planned_rows(places))
    assert set(plans.values()) <= {1}
    for number, place in enumerate(places):
        runs = {one.id for one in place.runs}
        assert runs.isdisjoint(place.reached)
        assert {one.id for one in place.known} == runs | place.reached.keys()
        assert place.above is None or place_of[place.above] < number
        for name, key in place.reached.items():
            above = places[place_of[key]]
            assert place.scope.key in above.below
            assert name in {one.id for one in above.runs}
            assert name not in above.reached
        # whatever is known of a scope is planned there, or stands in for something that is
        for one in place.known:
            assert (place.scope.key, one.id) in plans or one.fallback_for in {other.id for other in place.known}
    leaves = {one.key for one in scopes if one.kind in ("project", "account")} - {one.parent for one in scopes}
    if any(not one.on for one in sources):
        assert leaves <= place_of.keys()


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([source("a", "moon")], "no kind of scope"),
        ([source("a", spans=True)], "name in `on`"),
        (
            [
                replace(source("a", "organization", spans=True), lists=frozenset({"scope:project"})),
                source("b", instead_of="a"),
            ],
            "lists scope:project, and its fallbacks run below only",
        ),
        ([source("a", "organization"), source("b", reads="a")], "does not read the scopes"),
        ([source("a"), source("b", "organization", reads="a")], "does not read the scopes"),
        ([source("a", "organization"), source("b", "organization folder", reads="a")], "does not read the scopes"),
        ([source("a"), source("b", "organization", instead_of="a")], "reads other scopes"),
        ([source("a", "organization"), source("b", instead_of="a")], "reads other scopes"),
        (
            [source("a", "organization"), source("b", "organization", spans=True, instead_of="a")],
            "reads other scopes",
        ),
        (
            [source("a", "organization", spans=True), source("b", "folder", spans=True, instead_of="a")],
            "reads other scopes",
        ),
    ],
)
def test_places_that_contradict_each_other(sources: list[Source], message: str) -> None:
    with pytest.raises(BadDeclaration, match=message):
        in_order(sources)


def test_places_that_go_together() -> None:
    spanning = source("assets", "organization folder", spans=True)
    for other in (
        source("b", reads="assets"),
        source("b", "organization folder project", reads="assets"),
        source("b", instead_of="assets"),
        source("b", "project folder", instead_of="assets"),
        source("b", "folder", spans=True, instead_of="assets"),
    ):
        assert [one.id for one in in_order([other, spanning])] == ["assets", "b"]

"""The analyzer against a second one, slow and obvious: no bits, no places that meet, no hubs, no graph.

The second one decides single questions of which everything is known, one binding after the other, and finds whom a
principal can become by trying everybody.
"""

import json
from collections.abc import Callable, Mapping
from itertools import pairwise, product
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nhiscan.model import EscalationPath, Privilege
from nhiscan_gcp.analyzer import ANALYZER
from nhiscan_gcp.analyzer.conditions import MAYBE, NO, YES, Facts, condition_of
from nhiscan_gcp.sketch import ORGANIZATION, TOP, Sketch

# --- conditions ---

NAMES = ["projects/a/x", "projects/a/y", "projects/b/x", "projects/b"]
TYPES = ["storage.googleapis.com/Bucket", "compute.googleapis.com/Instance"]
NOW = 1_790_000_000
TIMES = {"2020-01-01T00:00:00Z": 1_577_836_800, "2050-01-01T00:00:00Z": 2_524_608_000}
Tree = tuple[Any, ...]
Request = Mapping[str, Any]

ATOMS: st.SearchStrategy[Tree] = st.one_of(
    st.tuples(st.just("begins"), st.sampled_from(["projects/", "projects/a/", "projects/b", "z"])),
    st.tuples(st.just("ends"), st.sampled_from(["x", "/y", "b", ""])),
    st.tuples(st.just("name"), st.sampled_from([*NAMES, "projects/c"])),
    st.tuples(st.just("not-name"), st.sampled_from(NAMES)),
    st.tuples(st.just("type"), st.sampled_from([*TYPES, "other"])),
    st.tuples(st.just("type-in"), st.sampled_from([tuple(TYPES), (TYPES[0],), ("other",)])),
    st.tuples(st.just("before"), st.sampled_from(sorted(TIMES))),
    st.tuples(st.just("after"), st.sampled_from(sorted(TIMES))),
    st.tuples(st.just("level"), st.sampled_from(["p", "q"])),
    st.just(("true",)),
    st.just(("false",)),
)
TREES: st.SearchStrategy[Tree] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
        st.tuples(st.just("not"), inner),
    ),
    max_leaves=6,
)


def text_of(tree: Tree) -> str:
    """The expression as people write it."""
    kind, *rest = tree
    if kind in ("and", "or"):
        return f"({text_of(rest[0])} {'&&' if kind == 'and' else '||'} {text_of(rest[1])})"
    if kind == "not":
        return f"!({text_of(rest[0])})"
    found: Mapping[str, Callable[..., str]] = {
        "begins": lambda value: f"resource.name.startsWith('{value}')",
        "ends": lambda value: f'resource.name.endsWith("{value}")',
        "name": lambda value: f"'{value}' == resource.name",
        "not-name": lambda value: f"resource.name != '{value}'",
        "type": lambda value: f"resource.type == '{value}'",
        "type-in": lambda value: f"resource.type in [{', '.join(map(repr, value))}]",
        "before": lambda value: f"request.time < timestamp('{value}')",
        "after": lambda value: f"request.time >= timestamp('{value}')",
        "level": lambda value: f"'{value}' in request.auth.access_levels",
        "true": lambda: "true",
        "false": lambda: "false",
    }
    return found[kind](*rest)


def holds(tree: Tree, request: Request) -> bool:
    """What it says when everything is known."""
    kind, *rest = tree
    if kind == "and":
        return holds(rest[0], request) and holds(rest[1], request)
    if kind == "or":
        return holds(rest[0], request) or holds(rest[1], request)
    if kind == "not":
        return not holds(rest[0], request)
    name, what = request["name"], request["type"]
    found: Mapping[str, Callable[..., bool]] = {
        "begins": name.startswith,
        "ends": name.endswith,
        "name": lambda value: name == value,
        "not-name": lambda value: name != value,
        "type": lambda value: what == value,
        "type-in": lambda value: what in value,
        "before": lambda value: TIMES[value] > NOW,
        "after": lambda value: TIMES[value] <= NOW,
        "level": lambda value: value in request["levels"],
        "true": lambda: True,
        "false": lambda: False,
    }
    return found[kind](*rest)


def asks_for_levels(tree: Tree) -> bool:
    return tree[0] == "level" or any(asks_for_levels(part) for part in tree[1:] if isinstance(part, tuple) and part)


@settings(max_examples=300, deadline=None)
@given(
    tree=TREES,
    names=st.none() | st.sets(st.sampled_from(NAMES), min_size=1).map(frozenset),
    types=st.none() | st.sets(st.sampled_from(TYPES), min_size=1).map(frozenset),
)
def test_what_is_said_of_a_condition_holds_for_every_request(
    tree: Tree, names: frozenset[str] | None, types: frozenset[str] | None
) -> None:
    outcome = condition_of(text_of(tree)).outcome(Facts(NOW, names, types))
    answers = {
        holds(tree, {"name": name, "type": kind, "levels": levels})
        for name, kind, levels in product(names or NAMES, types or TYPES, ((), ("p",), ("q",), ("p", "q")))
    }
    if outcome.answer != MAYBE:
        assert answers == {outcome.answer == YES}
    else:
        assert outcome.keys
        assert not outcome.strange
    alone = names is not None and types is not None and len(names) == len(types) == 1
    if alone and not asks_for_levels(tree):
        assert outcome.answer in (NO, YES)


# --- estates ---

PERMISSIONS = [
    "iam.serviceAccounts.getAccessToken",
    "iam.serviceAccountKeys.create",
    "iam.serviceAccounts.actAs",
    "iam.serviceAccounts.implicitDelegation",
    "cloudscheduler.jobs.create",
    "cloudscheduler.locations.list",
    "resourcemanager.projects.setIamPolicy",
    "resourcemanager.folders.setIamPolicy",
    "iam.roles.update",
    "storage.objects.get",
]
PARENTS = {"gcp/folder/1": TOP, "gcp/folder/2": "gcp/folder/1", TOP: None}
PROJECTS = {"gcp/project/a": "gcp/folder/1", "gcp/project/b": "gcp/folder/2", "gcp/project/c": TOP}
ACCOUNTS = ["a1", "a2", "b1", "b2", "c1"]
DISABLED = "b2"
"""It can be become, when somebody switches it on again; until then it gets nobody a token."""
CONDITIONS: Mapping[str | None, bool] = {
    None: True,
    "request.time < timestamp('2050-01-01T00:00:00Z')": True,
    "request.time < timestamp('2020-01-01T00:00:00Z')": False,
    "resource.service == 'other'": False,
}
"""Conditions that are decided, and what they say of everything here."""
ROLES = {"roles/r1": "gcp", "roles/r2": "gcp", "projects/a/roles/r3": "gcp/project/a"}


class Bound(NamedTuple):
    """A binding."""

    member: str
    role: str
    place: str
    condition: str | None


BINDINGS = st.lists(
    st.builds(
        Bound,
        st.sampled_from([*ACCOUNTS, *ACCOUNTS, "allAuthenticatedUsers", "group:g@example.com", "deleted:a1"]),
        st.sampled_from(sorted(ROLES)),
        st.sampled_from([TOP, "gcp/folder/1", "gcp/folder/2", *PROJECTS, *ACCOUNTS, *ACCOUNTS]),
        st.sampled_from([None, None, *CONDITIONS]),
    ),
    max_size=8,
    unique=True,
)
HELD = st.fixed_dictionaries({role: st.sets(st.sampled_from(PERMISSIONS), max_size=4) for role in ROLES})


class World(NamedTuple):
    """An estate, twice: as records, and as what it was made from."""

    sketch: Sketch
    keys: Mapping[str, str]  # name of an account -> its key
    bindings: list[Bound]
    held: Mapping[str, set[str]]


def world(bindings: list[Bound], held: Mapping[str, set[str]]) -> World:
    sketch = Sketch(NOW)
    for key, parent in (("1", TOP), ("2", "gcp/folder/1")):
        sketch.folder(key, parent)
    for key, above in PROJECTS.items():
        sketch.project(key.rpartition("/")[2], above)
    keys = {name: sketch.account(f"x{name}", name[0], disabled=name == DISABLED) for name in ACCOUNTS}
    for role, permissions in held.items():
        sketch.role(role, sorted(permissions))
    for one in bindings:
        member = keys.get(one.member, one.member)
        if one.member.startswith("deleted:"):
            member = "deleted:serviceAccount:xa1@a.iam.gserviceaccount.com?uid=7"
        sketch.bind(member, one.role, keys.get(one.place, one.place), one.condition)
    return World(sketch, keys, bindings, held)


def above(place: str) -> list[str]:
    """A place and all that it lies in."""
    found = [place]
    while (
        place := PARENTS.get(place) or PROJECTS.get(place) or (f"gcp/project/{place[0]}" if place in ACCOUNTS else "")
    ):
        found.append(place)
    return found


def has(made: World, name: str, permission: str, place: str) -> bool:
    """Whether an account holds a permission in a place."""
    return any(
        one.member in (name, "allAuthenticatedUsers")
        and permission in made.held[one.role]
        and one.place in above(place)
        and CONDITIONS[one.condition]
        for one in made.bindings
    )


def rules(made: World, name: str) -> set[str]:
    """The nodes whose policy an account may set."""
    nodes = [TOP, "gcp/folder/1", "gcp/folder/2", *PROJECTS]
    found = set()
    for node in nodes:
        kind = node.split("/")[1]
        if has(made, name, f"resourcemanager.{kind}s.setIamPolicy", node):
            found.add(node)
    return found


def rewrites(made: World, name: str) -> set[str]:
    """The nodes in which an account holds the custom role that it may change."""
    if not has(made, name, "iam.roles.update", "gcp/project/a"):
        return set()
    return {
        one.place
        for one in made.bindings
        if one.role == "projects/a/roles/r3"
        and one.member in (name, "allAuthenticatedUsers")
        and one.place not in ACCOUNTS
        and CONDITIONS[one.condition]
        and made.held[one.role]
    }


def becomes(made: World, name: str, other: str) -> bool:
    """Whether an account becomes another in one hop."""
    if name == other:
        return False
    job = all(has(made, name, permission, f"gcp/project/{other[0]}") for permission in PERMISSIONS[4:6])
    return (
        has(made, name, "iam.serviceAccounts.getAccessToken", other)
        or has(made, name, "iam.serviceAccountKeys.create", other)
        or (has(made, name, "iam.serviceAccounts.actAs", other) and job)
        or any(node in above(other) for node in rules(made, name) | rewrites(made, name))
        or any(
            has(made, name, "iam.serviceAccounts.implicitDelegation", middle)
            and has(made, middle, "iam.serviceAccounts.getAccessToken", other)
            for middle in ACCOUNTS
            if middle not in (name, DISABLED)
        )
    )


def reached(made: World, name: str) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        at = left.pop()
        for other in ACCOUNTS:
            if other not in found and becomes(made, at, other):
                found.add(other)
                left.append(other)
    return found - {name}


SLOWLY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOWLY
@given(bindings=BINDINGS, held=HELD)
def test_single_questions(bindings: list[Bound], held: Mapping[str, set[str]]) -> None:
    made = world(bindings, held)
    assert ANALYZER.open is not None
    opened = ANALYZER.open(made.sketch.records)
    for name, permission in product(ACCOUNTS, PERMISSIONS):
        for place in (TOP, "gcp/folder/2", "gcp/project/a", "gcp/project/b", "a2", "b1"):
            if place in ACCOUNTS and not permission.startswith("iam.serviceAccount"):
                continue
            resource = made.keys.get(place) or f"{place.split('/')[1]}s/{place.split('/')[2]}"
            found = opened.decide(made.keys[name], permission, resource).verdict
            assert (found == "conditional") == has(made, name, permission, place), (name, permission, place)
            assert found in ("conditional", "denied", "unknown")
    assert f"organizations/{ORGANIZATION}" in f"organizations/{TOP.rpartition('/')[2]}"


@SLOWLY
@given(bindings=BINDINGS, held=HELD)
def test_who_becomes_whom_and_who_gets_to_an_administrator(bindings: list[Bound], held: Mapping[str, set[str]]) -> None:
    made = world(bindings, held)
    assert ANALYZER.open is not None
    opened = ANALYZER.open(made.sketch.records)
    rows = list(ANALYZER.derive(made.sketch.records))
    privileges = {row.key: row for row in rows if isinstance(row, Privilege)}
    paths = {row.key: row for row in rows if isinstance(row, EscalationPath)}
    for name, key in made.keys.items():
        behind = reached(made, name)
        assert set(opened.reaches(key)) == {made.keys[other] for other in behind}
        assert set(opened.reached_by(key)) == {made.keys[other] for other in ACCOUNTS if name in reached(made, other)}
        row = privileges[key]
        assert (row.reaches, row.reached_by) == (len(behind), len(opened.reached_by(key)))
        governs = bool(rules(made, name))
        gets_there = any(rules(made, other) or rewrites(made, other) for other in {name, *behind})
        assert (row.level == "administrator") == governs
        assert (row.level == "escalates_to_administrator") == (gets_there and not governs)
        if row.path is not None:
            assert paths[row.path].hops == row.hops
            assert (paths[row.path].outcome == "administrator") == (row.level == "escalates_to_administrator")


@SLOWLY
@given(bindings=BINDINGS, held=HELD)
def test_each_hop_of_a_chain_is_one_that_can_be_taken(bindings: list[Bound], held: Mapping[str, set[str]]) -> None:
    made = world(bindings, held)
    names = {key: name for name, key in made.keys.items()}
    for row in ANALYZER.derive(made.sketch.records):
        if not isinstance(row, EscalationPath):
            continue
        steps = json.loads(row.steps)
        assert (steps[0]["from"], steps[-1]["to"], len(steps)) == (row.principal, row.target, row.hops)
        for one, other in pairwise(steps):
            assert one["to"] == other["from"]
        for step in steps:
            start, end = names[step["from"]], names[step["to"]]
            assert start == end or becomes(made, start, end)
            assert step["allows"]
            for allow in step["allows"]:
                assert any(allow["action"] in made.held[one.role] for one in made.bindings)
        if row.outcome == "administrator":
            last = names[steps[-1]["to"]]
            assert rules(made, last) or rewrites(made, last)

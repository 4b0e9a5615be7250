"""A second evaluator, slow and obvious, holds the first to account on random estates."""

import re
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan_azure.analyzer.definitions import CONTROL, DATA
from nhiscan_azure.analyzer.escalation.pools import Pool
from nhiscan_azure.analyzer.escalation.search import Search
from nhiscan_azure.analyzer.escalation.sets import sets
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.analyzer.verdict import check
from nhiscan_azure.sketch import GROUP, OTHER_SUB, ROOT_GROUP, SUB, Sketch, block

VM = f"{GROUP}/providers/microsoft.compute/virtualmachines/vm1"
SITE = f"{SUB}/resourcegroups/web/providers/microsoft.web/sites/shop"
FAR = f"{OTHER_SUB}/resourcegroups/app/providers/microsoft.compute/virtualmachines/vm2"
PLACES = ["/", ROOT_GROUP, SUB, OTHER_SUB, GROUP, f"{SUB}/resourcegroups/web", VM, SITE, FAR]
ACTIONS = [
    "Microsoft.Compute/virtualMachines/runCommand/action",
    "Microsoft.Compute/virtualMachines/extensions/write",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Web/sites/write",
    "Microsoft.Web/sites/publishxml/action",
    "Microsoft.Authorization/roleAssignments/write",
]
DATA_ACTIONS = ["Microsoft.Compute/virtualMachines/login/action", "Microsoft.KeyVault/vaults/secrets/getSecret/action"]
PATTERNS = [
    "*",
    "*/write",
    "*/action",
    "microsoft.compute/*",
    "Microsoft.Compute/*/write",
    "Microsoft.*/sites/*",
    "Microsoft.Web/sites*",
    "*run*",
    "Microsoft.Authorization/*/Write",
    *ACTIONS,
    *DATA_ACTIONS,
]


class Given(NamedTuple):
    """An assignment in the obvious form."""

    place: str
    group: int  # 0: own; 1: through a group; 2: through a group of a group
    actions: tuple[str, ...]
    less: tuple[str, ...]
    data: tuple[str, ...]


class Taken(NamedTuple):
    """A denial in the obvious form."""

    place: str
    actions: tuple[str, ...]
    spared: bool
    below: bool


some = st.lists(st.sampled_from(PATTERNS), max_size=3, unique=True).map(tuple)
assignments = st.lists(st.builds(Given, st.sampled_from(PLACES), st.integers(0, 2), some, some, some), max_size=4)
denials = st.lists(st.builds(Taken, st.sampled_from(PLACES), some, st.booleans(), st.booleans()), max_size=2)


def covers(pattern: str, action: str) -> bool:
    text = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(text, action, re.IGNORECASE | re.DOTALL) is not None


def above(place: str, other: str) -> bool:
    """Whether a place holds another."""
    if place in ("/", other):
        return True
    if place == ROOT_GROUP:
        return other != "/"
    return other.startswith(f"{place}/")


def allowed(action: str, place: str, plane: str, gives: list[Given], takes: list[Taken]) -> bool:
    for one in takes:
        here = one.place == place or (one.below and above(one.place, place))
        if here and not one.spared and plane == CONTROL and any(covers(pattern, action) for pattern in one.actions):
            return False
    for held in gives:
        patterns = held.actions if plane == CONTROL else held.data
        less = held.less if plane == CONTROL else ()
        if (
            above(held.place, place)
            and any(covers(pattern, action) for pattern in patterns)
            and not any(covers(pattern, action) for pattern in less)
        ):
            return True
    return False


def build(gives: list[Given], takes: list[Taken]) -> tuple[Sketch, str]:
    sketch = Sketch()
    who = sketch.principal("ci")
    inner = sketch.group("inner", who)
    outer = sketch.group("outer", inner)
    for held in gives:
        role = sketch.role("own", block(*held.actions, less=held.less, data=held.data))
        sketch.assign((who, inner, outer)[held.group], role, held.place)
    for one in takes:
        sketch.deny(
            one.place, *one.actions, spared=[outer] if one.spared else [], doNotApplyToChildScopes=not one.below
        )
    return sketch, who


@settings(max_examples=100, deadline=None)
@given(assignments, denials)
def test_single_questions_get_the_obvious_answer(gives: list[Given], takes: list[Taken]) -> None:
    sketch, who = build(gives, takes)
    estate = Estate(sketch.records)
    principal = estate.principals[who]
    for place in PLACES:
        for plane, actions in ((CONTROL, ACTIONS), (DATA, DATA_ACTIONS)):
            for action in actions:
                expected = "allowed" if allowed(action, place, plane, gives, takes) else "denied"
                assert check(estate, principal, action, place).state == expected, (action, place)


@settings(max_examples=100, deadline=None)
@given(assignments, denials)
def test_masks_say_the_same_as_single_questions(gives: list[Given], takes: list[Taken]) -> None:
    sketch, who = build(gives, takes)
    estate = Estate(sketch.records)
    principal = estate.principals[who]
    for place in PLACES:
        has = principal.rights.on(place)
        for plane, actions in ((CONTROL, ACTIONS), (DATA, DATA_ACTIONS)):
            for action in actions:
                bit = estate.bits.bit(plane, action.lower())
                expected = allowed(action, place, plane, gives, takes)
                assert (bool(has.open & bit), bool(has.sure & bit)) == (expected, expected), (action, place)


@settings(max_examples=60, deadline=None)
@given(assignments, denials)
def test_whoever_runs_something_becomes_what_it_runs_as(gives: list[Given], takes: list[Taken]) -> None:
    sketch, who = build(gives, takes)
    hosts = {
        VM: "microsoft.compute/virtualmachines",
        SITE: "microsoft.web/sites",
        FAR: "microsoft.compute/virtualmachines",
    }
    identities = {host: sketch.system_identity(host) for host in hosts}
    expected = {
        identities[host]
        for host, kind in hosts.items()
        for one in sets()
        if kind in one.runs and all(allowed(action, host, one.plane, gives, takes) for action in one.all_of)
    }
    assert set(Search(Estate(sketch.records)).reaches(who)) == expected


@settings(max_examples=60, deadline=None)
@given(assignments, assignments)
def test_more_is_what_the_other_lacks_somewhere(mine: list[Given], theirs: list[Given]) -> None:
    sketch = Sketch()
    people = []
    for name, gives in (("one", mine), ("other", theirs)):
        who = sketch.principal(name)
        people.append(who)
        for held in gives:
            sketch.assign(who, sketch.role(name, block(*held.actions, less=held.less, data=held.data)), held.place)
    estate = Estate(sketch.records)
    first, second = (estate.principals[who].rights for who in people)
    lacks = any(
        allowed(action, place, plane, mine, []) and not allowed(action, place, plane, theirs, [])
        for place in PLACES
        for plane, actions in ((CONTROL, ACTIONS), (DATA, DATA_ACTIONS))
        for action in actions
    )
    if lacks:
        assert first.beyond(second)
    assert not first.beyond(first)


@settings(max_examples=60, deadline=None)
@given(st.lists(assignments, min_size=1, max_size=6))
def test_a_pool_counts_those_who_have_more(everybody: list[list[Given]]) -> None:
    sketch = Sketch()
    roles: dict[Given, str] = {}
    people = []
    for number, gives in enumerate(everybody):
        people.append(sketch.principal(f"p{number}"))
        for held in gives:
            if held not in roles:
                roles[held] = sketch.role("r", block(*held.actions, less=held.less, data=held.data))
            sketch.assign(people[-1], roles[held], held.place)
    estate = Estate(sketch.records)
    rights = [estate.principals[who].rights for who in people]
    pool = Pool(range(len(people)), rights.__getitem__)
    for mine in rights:
        best = pool.best(mine)
        more = [number for number, other in enumerate(rights) if other.beyond(mine)]
        assert (best.targets if best is not None else 0) == len(more)
        assert best is None or best.node in more

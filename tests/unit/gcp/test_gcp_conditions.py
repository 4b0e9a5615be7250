"""Conditions: what is decided, what depends, and what is no expression."""

import pytest

from nhiscan.testing.clock import at
from nhiscan_gcp.analyzer.cel import BadExpression, Call, Literal, Name, parse
from nhiscan_gcp.analyzer.conditions import MAYBE, NO, YES, Facts, Outcome, condition_of

NOW = at("2026-11-02T09:00:00")
ACCOUNT = "projects/shop/serviceAccounts/ci@shop.iam.gserviceaccount.com"

DECIDED = [
    ("true", YES),
    ("false", NO),
    ("!false", YES),
    ("request.time < timestamp('2027-01-01T00:00:00Z')", YES),
    ("request.time < timestamp('2026-11-02T09:00:00Z')", NO),
    ("request.time <= timestamp('2026-11-02T09:00:00Z')", YES),
    ("request.time < timestamp('2026-11-02T10:00:00+01:00')", NO),
    ("request.time > timestamp('2026-01-01T00:00:00Z') && request.time < timestamp('2026-02-01T00:00:00Z')", NO),
    ("timestamp('2027-01-01T00:00:00Z') > request.time", YES),
    ("resource.name == 'projects/shop/buckets/a'", YES),
    ("resource.name.startsWith('projects/shop/')", YES),
    ('resource.name.startsWith("projects/lab/")', NO),
    ("resource.name.endsWith('/a')", YES),
    ("!resource.name.startsWith('projects/lab/')", YES),
    ("resource.type == 'storage.googleapis.com/Bucket'", YES),
    ("resource.type != 'storage.googleapis.com/Bucket'", NO),
    ("resource.service == 'compute.googleapis.com'", NO),
    ("resource.type in ['a', 'storage.googleapis.com/Bucket']", YES),
    ("resource.type == 'x' || resource.name.startsWith('projects/shop/buckets/')", YES),
    ("resource.type == 'x' && unheard.of.thing == 1", NO),
    ("resource.name.startsWith('projects/shop/') || request.auth.access_levels == ['a']", YES),
    ("(resource.type == 'x') ? false : true", YES),
    ("// a comment\ntrue", YES),
    ("r'projects/shop/buckets/a' == resource.name", YES),
    ("'projects\\x2fshop/buckets/a' == resource.name", YES),
]
DEPENDS = [
    ("request.time.getHours('Europe/Berlin') < 9", {"request.time"}),
    ("'accessPolicies/1/accessLevels/a' in request.auth.access_levels", {"request.auth.access_levels"}),
    ("resource.matchTag('1/env', 'prod')", {"resource.matchTag"}),
    ("destination.port == 22", {"destination.port"}),
    ("resource.type == 'storage.googleapis.com/Bucket' && destination.port == 22", {"destination.port"}),
    (
        "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/viewer'])",
        {"iam.googleapis.com/modifiedGrantsByRole"},
    ),
    ("api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('a')", None),
]
STRANGE = ["made.up == 'x'", "size(resource.name) > 3", "resource.name == 3", "timestamp('yesterday') < request.time"]
BROKEN = ["", "request.time <", "resource.name ==", "a b", "'open", "((true)", "true)", "[1,", "&& true", "#"]


def facts(**more: frozenset[str]) -> Facts:
    known = Facts(
        NOW,
        frozenset({"projects/shop/buckets/a"}),
        frozenset({"storage.googleapis.com/Bucket"}),
        frozenset({"storage.googleapis.com"}),
    )
    return known._replace(**more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "answer"), DECIDED)
def test_what_can_be_decided_is(text: str, answer: int) -> None:
    assert condition_of(text).outcome(facts()).answer == answer


@pytest.mark.parametrize(("text", "keys"), DEPENDS)
def test_what_a_request_decides_depends(text: str, keys: set[str] | None) -> None:
    outcome = condition_of(text).outcome(facts())
    assert outcome.answer == MAYBE
    assert not outcome.strange
    assert keys is None or outcome.keys == keys


@pytest.mark.parametrize("text", [*STRANGE, *BROKEN])
def test_what_nobody_knows_depends_and_is_strange(text: str) -> None:
    outcome = condition_of(text).outcome(facts())
    assert (outcome.answer, outcome.strange) == (MAYBE, True)
    assert outcome.keys


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(BadExpression):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "true" + ")" * 500,
        "!" * 5_000 + "true",
        "a" + ".f()" * 3_000,
        "1" + "+1" * 3_000,
        "'" + "x" * 20_000 + "'",
    ],
)
def test_a_monstrous_expression_is_refused(text: str) -> None:
    assert condition_of(text).outcome(facts()).answer == MAYBE


def test_an_attribute_that_may_be_several_texts_is_decided_where_all_agree() -> None:
    several = facts(name=frozenset({ACCOUNT, ""}))
    assert condition_of("resource.name.startsWith('projects/_/')").outcome(several).answer == NO
    assert condition_of("resource.name == 'elsewhere'").outcome(several).answer == NO
    assert condition_of("resource.name != 'elsewhere'").outcome(several).answer == YES
    assert condition_of(f"resource.name == '{ACCOUNT}'").outcome(several) == Outcome(
        MAYBE, frozenset({"resource.name"})
    )


def test_limits_on_the_roles_that_may_be_given() -> None:
    limit = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{}])"
    strong = facts(granting=frozenset({"roles/owner", "roles/editor"}))
    for roles, answer in (
        ("'roles/pubsub.viewer'", NO),
        ("'roles/pubsub.viewer', 'roles/owner'", YES),
        ("'projects/shop/roles/mine'", MAYBE),
    ):
        assert condition_of(limit.replace("{}", roles)).outcome(strong).answer == answer


def test_the_tree_of_an_expression() -> None:
    tree = parse("resource.name.startsWith('a') && !(b.c == 1)")
    assert tree == Call(
        "&&",
        (
            Call("startsWith", (Literal("a"),), Name("resource.name")),
            Call("!", (Call("==", (Name("b.c"), Literal(1))),)),
        ),
    )

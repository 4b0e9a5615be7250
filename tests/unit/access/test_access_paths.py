"""Paths read from their rows, with names; and rows that nobody can read."""

import json
from typing import Any

import pytest

from nhiscan.access import words
from nhiscan.access.names import Names
from nhiscan.access.paths import MOST_ALLOWS, MOST_HOPS, WORST_FIRST, object_of, paths, strings
from nhiscan.doubts import REASONS, reasons
from nhiscan.inventory.sql import Sql, fill
from nhiscan.model import (
    ACCESS_CAPABILITIES,
    ACCESS_EFFECTS,
    ACCESS_LEVELS,
    ACCESS_REASONS,
    ESCALATION_CATEGORIES,
    ESCALATION_GRADES,
    ESCALATION_OUTCOMES,
    PRIVILEGE_LEVELS,
)

from .conftest import CHAIN, ITSELF, NOWHERE, hop, read, row


def test_a_chain_is_told_hop_by_hop(sql: Sql, names: Names) -> None:
    (way,) = read(sql, names, CHAIN)
    assert words.way(way) == "ci-runner > deployer > admin"
    assert [words.hop(one) for one in way.hops] == [
        "ci-runner becomes deployer",
        "deployer runs something new as admin",
    ]
    first, second = way.hops
    assert first.why == "the role deployer trusts ci-runner"
    assert words.allowed_by(first.allows[0]) == (
        "sts:AssumeRole on * by attached policy Deploy of user ci-runner, statement Deploy"
    )
    assert second.needs == "nothing that is there"
    assert second.conditions == ("aws:SourceIp",)
    assert words.allowed_by(second.allows[0]).endswith(", under a condition on aws:SourceIp")
    assert words.standing(way) == "exploitable now, proven"
    assert way.weakest is not None
    assert (
        words.weakest(way.weakest)
        == "take sts:AssumeRole out of statement Deploy of attached policy Deploy of user ci-runner"
    )
    assert way.weakest.source.arn == "arn:p1"


def test_owners_and_federated_credentials_are_named_as_what_they_are(sql: Sql, names: Names) -> None:
    relation = {"key": "owned_by|r1|u1", "scope": "a", "kind": "owned_by", "subject": "r1", "target": "u1"}
    fill(sql, "relation", [relation])
    credential = {"key": "f1", "scope": "a", "kind": "federated_credential", "name": "ci", "identity": "r1"}
    fill(sql, "credential", [credential])
    owning, entering = hop("u1", "r1", "entra-application-owner", "owner"), hop("u1", "r1", "x", "federated credential")
    owning["allows"][0] |= {"grant": "owned_by|r1|u1", "statement": "", "resource": ""}
    entering["allows"][0] |= {"grant": "f1", "statement": "", "resource": ""}
    first, second = read(
        sql,
        names,
        row(key="o", steps=[owning], action="owner", via=None, statement=None),
        row(key="f", steps=[entering], action="federated credential", via=None, statement=None),
    )
    assert words.allowed_by(first.hops[0].allows[0]) == "owner by the ownership of role deployer"
    assert words.allowed_by(second.hops[0].allows[0]).endswith("by federated credential ci of role deployer")
    assert first.weakest is not None
    assert second.weakest is not None
    assert words.weakest(first.weakest) == "remove user ci-runner as an owner of role deployer"
    assert words.weakest(second.weakest) == "remove federated credential ci of role deployer"


def test_what_no_grant_gives_is_broken_in_the_trust_policy(sql: Sql, names: Names) -> None:
    step = hop("u1", "r1", "sts-assume-role", "sts:AssumeRole")
    step["allows"][0] |= {"grant": "r1", "statement": "Everybody"}
    (way,) = read(sql, names, row(steps=[step], action="sts:AssumeRole", via=None, statement=None))
    assert way.weakest is not None
    assert (
        words.weakest(way.weakest)
        == "take sts:AssumeRole out of statement Everybody of the trust policy of role deployer"
    )
    assert way.hops[0].actions == ["sts:AssumeRole"]
    both = {**step, "allows": [*step["allows"], *hop("u1", "r1", "m", "iam:PassRole", "iam:PassRole")["allows"]]}
    (other,) = read(sql, names, row(steps=[both]))
    assert other.hops[0].actions == ["iam:PassRole"]  # what the principal needs; the trust policy is not its own


def test_a_path_to_itself_and_one_to_nobody_known(sql: Sql, names: Names) -> None:
    itself, nowhere = read(sql, names, ITSELF, NOWHERE)
    assert words.way(itself) == "ci-runner > itself"
    assert words.hop(itself.hops[0]) == "ci-runner changes its own rights"
    assert itself.hops[0].target == itself.principal
    assert words.way(nowhere) == "ci-runner > an identity that is not known"
    assert nowhere.target is None
    assert nowhere.weakest is not None
    assert words.weakest(nowhere.weakest) == "take ssm:SendCommand away"
    assert reasons(itself.row.reason) == (
        "it hangs on a condition that only a request can decide; the policies of the organisation were not read"
    )


@pytest.mark.parametrize(
    "steps",
    ["", "no json", "null", "5", '"text"', "{}", "[]", "[1, null, [2]]", "[" * 100_000, '[{"from": 1e999}]'],
    ids=lambda steps: steps[:12],
)
def test_steps_that_cannot_be_read_leave_the_path(sql: Sql, names: Names, steps: str) -> None:
    (way,) = read(sql, names, row(steps=steps))
    assert len(way.hops) == 1
    assert way.hops[0].allows == ()
    assert words.hop(way.hops[0])
    if steps != '[{"from": 1e999}]':
        assert words.way(way) == "ci-runner > admin"


@pytest.mark.parametrize("odd", [None, 5, True, [], {}, ["x"], {"a": [[]]}])
def test_odd_values_inside_steps_do_not_matter(sql: Sql, names: Names, odd: Any) -> None:
    for place in ("from", "to", "method", "category", "allows", "needs", "why"):
        (way,) = read(sql, names, row(steps=[{**hop("u1", "r1", "m", "a:b"), place: odd}]))
        assert words.way(way)
        assert words.hop(way.hops[0])
    for place in ("action", "resource", "grant", "statement", "conditions"):
        step = hop("u1", "r1", "m", "a:b")
        step["allows"][0][place] = odd
        (way,) = read(sql, names, row(steps=[step]))
        assert all(words.allowed_by(allow) is not None for one in way.hops for allow in one.allows)


def test_giant_lists_are_read_up_to_a_cap(sql: Sql, names: Names) -> None:
    (way,) = read(sql, names, row(steps=[hop("u1", "r1", "m", *map(str, range(200)))] * 100))
    assert len(way.hops) == MOST_HOPS
    assert all(len(one.allows) == MOST_ALLOWS for one in way.hops)


def test_names_of_what_is_not_there(sql: Sql, names: Names) -> None:
    assert names.who("gone") == ("gone", "gone", "", None, "", "")
    assert names.who("a").words == "scope acme-prod"
    assert names.source("g2").words == "inline policy read of group Readers"
    assert names.source("r1").words == "the trust policy of role deployer"
    assert names.source("words, no key").words == "words, no key"
    assert names.scope("elsewhere") == "elsewhere"


def test_limits_are_named(sql: Sql, names: Names) -> None:
    text = json.dumps(
        [
            "permissions_boundary|u1|permissions_boundary|x|2",
            "service_control_policy|a|service_control_policy|p-1|DenyUsers",
            "permissions_boundary||",
            "service_control_policy|not there|",
        ]
    )
    assert words.limits(text, names) == [
        "permissions boundary Guard of user ci-runner, statement 2",
        "service control policy NoUsers of scope acme-prod, statement DenyUsers",
        "permissions boundary",
        "service control policy not there",
    ]
    assert words.limits(None, names) == []
    assert words.limits("no json", names) == []


def test_the_worst_comes_first_and_of_equal_ones_the_shortest(sql: Sql, names: Names) -> None:
    rows = [
        row(key="e", outcome="more", hops=1),
        row(key="d", confidence="possible", hops=1),
        row(key="c", grade="needs_resource", hops=1),
        row(key="b", hops=3),
        row(key="a", hops=2),
        row(key="f", outcome="not known"),
    ]
    fill(sql, "escalation_path", rows)
    ordered = [way.row.key for way in paths(sql, names, "1 = 1", {}, f"{WORST_FIRST}, key")]
    assert ordered == ["a", "b", "d", "c", "e", "f"]


def test_every_word_of_the_vocabulary_has_words_for_people() -> None:
    assert set(words.LEVELS) == {*PRIVILEGE_LEVELS, *ACCESS_LEVELS}
    assert set(words.OUTCOMES) == set(ESCALATION_OUTCOMES)
    assert set(words.GRADES) == set(ESCALATION_GRADES)
    assert set(words.CATEGORIES) == set(ESCALATION_CATEGORIES)
    assert set(words.CAPABILITIES) == set(ACCESS_CAPABILITIES)
    assert set(words.EFFECTS) == set(ACCESS_EFFECTS)
    assert set(REASONS) == set(ACCESS_REASONS)


def test_lists_and_objects_of_analyzers() -> None:
    assert strings('["a", 1, "b", null]') == ("a", "b")
    assert strings("{}") == strings(None) == strings("x") == ()
    assert object_of('{"read": ["s3"]}') == {"read": ["s3"]}
    assert object_of("[]") == object_of(None) == object_of("{") == {}

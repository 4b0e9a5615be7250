"""The data file of the sets of actions."""

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from nhiscan.model import ESCALATION_CATEGORIES
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.escalation.sets import BadSets, load, principals_in, sets

LISTED = Path(__file__).parents[2] / "data" / "aws-escalation-actions.json"
TEXT = resources.files("nhiscan_aws.analyzer.escalation").joinpath("sets.toml").read_text(encoding="utf-8")

GOOD = """
[services.things]
name = "Things"
trusted = ["things.amazonaws.com"]
passed = ["things.amazonaws.com"]
reference = "https://docs.aws.amazon.com/things/"

[[sets]]
id = "things-make"
category = "new_passrole"
gain = "passed-role"
service = "things"
all_of = [{ action = "iam:PassRole", on = "passed-role" }, { action = "things:Make", on = "any" }]
why = "Whoever may make a thing with a role has the role."
fix = "Take things:Make away."
references = ["https://docs.aws.amazon.com/things/"]
found = "list"
"""


def test_every_set_of_the_public_lists_is_there() -> None:
    listed = {tuple(some) for some in json.loads(LISTED.read_text(encoding="utf-8"))["sets"]}
    mine = {tuple(sorted(need.action.lower() for need in one.all_of)): one.found for one in sets()}
    assert len(listed) == 102
    assert listed - set(mine) == set()
    assert {actions for actions, found in mine.items() if found == "list"} == listed
    assert len({one.id for one in sets()}) == len(sets()) == len(mine)


def test_every_action_is_known_under_this_name(action_data: str) -> None:
    table = ActionTable.of(action_data)
    named = {need.action for one in sets() for need in one.all_of}
    assert {action for action in named if not table.knows(action)} == set()
    assert {name for action in named for name in table.names(table.bit(action))} == named
    assert all(table.together((pattern.lower(),)) for one in sets() for pattern in one.only)


def test_every_category_has_sets() -> None:
    assert {one.category for one in sets()} == set(ESCALATION_CATEGORIES) - {"chain"}


def test_a_good_file_is_read() -> None:
    (one,) = load(GOOD)
    assert one.service is not None
    assert one.service.trusted_in("aws") == ("things.amazonaws.com",)
    assert one.needs is None


BAD: dict[str, tuple[str, str, str]] = {
    "not TOML": ("[[sets]]", "[[sets", "not TOML"),
    "an unknown key": ("why =", "because = 1\nwhy =", "unknown key because"),
    "a missing key": ('fix = "Take things:Make away."\n', "", "fix missing"),
    "no such category": ("new_passrole", "newer_passrole", "no category newer_passrole"),
    "a chain is no set": ("new_passrole", "chain", "no category chain"),
    "no such gain": ("passed-role", "handed-role", "no gain handed-role"),
    "an action without service": ("things:Make", "Make", "all_of names actions"),
    "an action twice": ("things:Make", "iam:PassRole", "all_of names actions"),
    "on what is no resource of the gain": ('on = "any"', 'on = "user"', "cannot be on user"),
    "no service": ('service = "things"\n', "", "a service belongs to"),
    "another service": ('service = "things"', 'service = "other"', "no service other"),
    "no PassRole": ("iam:PassRole", "iam:GetRole", "iam:PassRole belongs to"),
    "no sentence": ("has the role.", "has the role", "why and fix are sentences"),
    "another site": ('references = ["https://docs.aws', 'references = ["https://blog.aws', "references are pages"),
    "no page": ('references = ["https://docs.aws.amazon.com/things/"]', "references = []", "references are pages"),
    "a condition of users": ('found = "list"', 'found = "list"\nwhen = "free-key"', "no free-key of gain passed-role"),
    "found nowhere": ('found = "list"', 'found = "somewhere"', "found is list or documentation"),
    "an id in capitals": ("things-make", "Things-Make", "the id is words in lower case"),
    "no principal of AWS": ('trusted = ["things.amazonaws.com"]', 'trusted = ["things"]', "principals end in"),
    "a page of a service": ('reference = "https://docs', 'reference = "http://docs', "the reference is no page"),
    "the same id twice": ("", GOOD[GOOD.index("[[sets]]") :], "the id comes twice"),
    "a service that nobody uses": (
        "",
        GOOD[: GOOD.index("[[sets]]")].replace("services.things", "services.more"),
        "service more: no set uses it",
    ),
}


@pytest.mark.parametrize(("old", "new", "problem"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_what_is_wrong(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new) if old else GOOD + new
    with pytest.raises(BadSets) as caught:
        load(text)
    assert any(problem in one for one in caught.value.problems), caught.value.problems


def test_all_problems_are_told_at_once() -> None:
    text = GOOD.replace("new_passrole", "none").replace("has the role.", "has it")
    with pytest.raises(BadSets) as caught:
        load(text)
    assert len(caught.value.problems) == 2


def test_texts_are_one_sentence_each_and_name_no_list() -> None:
    whole: dict[str, Any] = tomllib.loads(TEXT)
    for one in whole["sets"]:
        for key in ("why", "fix"):
            assert one[key].count(". ") == 0, one["id"]
            assert len(one[key]) < 200, one["id"]


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        ("aws", ("x.amazonaws.com",)),
        ("aws-us-gov", ("x.amazonaws.com",)),
        ("aws-cn", ("x.amazonaws.com", "x.amazonaws.com.cn")),
        ("aws-iso", ("x.amazonaws.com", "x.c2s.ic.gov")),
    ],
)
def test_a_partition_has_its_own_suffix(partition: str, expected: tuple[str, ...]) -> None:
    assert principals_in(partition, ("x.amazonaws.com",)) == expected

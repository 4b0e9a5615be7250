"""A policy with what was used: never broader than what is granted."""

import importlib.util
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan_aws.analyzer import ANALYZER
from nhiscan_aws.sketch import Sketch, allow, deny, policy

BUCKET = "arn:aws:s3:::data/*"


def sized(sketch: Sketch, principal: str) -> Any:
    assert ANALYZER.open is not None
    found = ANALYZER.open(sketch.records).right_sized(principal)
    return None if found is None else json.loads(found)


def test_without_data_on_use_there_is_none(sketch: Sketch) -> None:
    assert sized(sketch, sketch.user("ann", policy(allow()))) is None
    assert sized(sketch, "nobody") is None


def test_nothing_used_is_nothing_allowed(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow()))
    sketch.used(user, "s3", at=None)
    assert sized(sketch, user)["Statement"] == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]


def test_services_that_were_used_stay(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow()))
    for service in ("s3", "sqs"):
        sketch.used(user, service)
    sketch.used(user, "ec2", at=None)
    assert sized(sketch, user) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": ["*"]}],
    }


def test_tracked_actions_that_were_not_used_go(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow(["iam:CreateUser", "iam:DeleteUser", "iam:GetUser"], Sid="Iam")))
    sketch.used(user, "iam")
    sketch.used(user, "iam", "iam:createuser")
    sketch.used(user, "iam", "iam:deleteuser", at=None)
    (statement,) = sized(sketch, user)["Statement"]
    assert statement["Action"] == ["iam:CreateUser", "iam:GetUser"]


def test_actions_are_spelled_as_aws_does_where_that_is_known(sketch: Sketch) -> None:
    written = ["S3:GETOBJECT", "s3:list*", "s3:*tagging", "s3:p?tobject", "s3:NoSuchThing"]
    user = sketch.user("ann", policy(allow(written), deny(["SQS:delete*", "sqs:sendmessage"])))
    sketch.used(user, "s3")
    allowed, denied = sized(sketch, user)["Statement"]
    assert set(allowed["Action"]) == {"s3:GetObject", "s3:List*", "s3:*tagging", "s3:p?tobject", "s3:nosuchthing"}
    assert denied["Action"] == ["sqs:Delete*", "sqs:SendMessage"]


def test_resources_conditions_and_denies_stay(sketch: Sketch) -> None:
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    no_logs = deny("s3:*", "arn:aws:s3:::log/*", Sid="NoLogs")
    user = sketch.user("ann", policy(allow(["s3:Get*", "ec2:*"], BUCKET, Condition=mfa), no_logs))
    sketch.used(user, "s3")
    assert sized(sketch, user)["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:Get*"], "Resource": [BUCKET], "Condition": mfa},
        {"Effect": "Deny", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::log/*"]},
    ]


def test_notaction_becomes_a_list_of_what_was_used(sketch: Sketch) -> None:
    user = sketch.user("ann", policy({"Effect": "Allow", "NotAction": ["iam:*", "s3:Delete*"], "Resource": "*"}))
    for service in ("sqs", "iam", "s3"):
        sketch.used(user, service)
    (statement,) = sized(sketch, user)["Statement"]
    assert "sqs:*" in statement["Action"]
    assert not [action for action in statement["Action"] if action.startswith(("iam:", "s3:Delete", "s3:*"))]
    assert "s3:GetObject" in statement["Action"]


def test_what_a_boundary_takes_away_is_not_granted_again(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow(["s3:GetObject", "s3:PutObject"])))
    sketch.bound(user, policy(allow("s3:Get*")))
    sketch.used(user, "s3")
    (statement,) = sized(sketch, user)["Statement"]
    assert statement["Action"] == ["s3:GetObject"]


def test_text_that_only_looks_like_a_variable_stays_text(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow("s3:*", "arn:aws:s3:::${aws:username}/*"), version=None))
    sketch.attach(user, "new", policy(allow("s3:*", ["arn:aws:s3:::${aws:username}/${*}", "arn:aws:s3:::x/${?}"])))
    sketch.used(user, "s3")
    resources = [one for statement in sized(sketch, user)["Statement"] for one in statement["Resource"]]
    wanted = ["arn:aws:s3:::x/${?}", "arn:aws:s3:::${aws:username}/${*}", "arn:aws:s3:::${$}{aws:username}/*"]
    assert sorted(resources) == sorted(wanted)


# --- never broader ---


def second() -> ModuleType:
    """The second evaluator of the tests."""
    path = __file__.replace("test_aws_rightsize", "test_aws_second_evaluator")
    spec = importlib.util.spec_from_file_location("second_evaluator", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SECOND = second()
USES = st.lists(
    st.tuples(
        st.sampled_from(["s3", "iam", "sqs"]),
        st.sampled_from([None, None, "s3:getobject", "s3:putobject", "s3:nosuchthing"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=100)
@given(identity=SECOND.layer, boundary=st.none() | SECOND.layer, uses=USES)
def test_it_allows_nothing_that_is_not_allowed_now(
    new_sketch: Callable[[], Sketch],
    identity: list[dict[str, Any]],
    boundary: list[dict[str, Any]] | None,
    uses: list[tuple[str, str | None, bool]],
) -> None:
    sketch = new_sketch()
    user = SECOND.estate(sketch, identity, boundary)
    for service, action, seen in uses:
        sketch.used(user, service, action, **({} if seen else {"at": None}))
    found = sized(sketch, user)["Statement"]
    for action in SECOND.ACTIONS:
        for resource in SECOND.RESOURCES:
            for request in SECOND.REQUESTS[::5]:
                if SECOND.decides([found], action, resource, request):
                    assert SECOND.decides([identity], action, resource, request), (action, resource)


@pytest.mark.parametrize("used", [True, False])
def test_it_can_be_read_again(sketch: Sketch, used: bool) -> None:
    user = sketch.user("ann", policy(allow(["s3:*", "iam:PassRole"], BUCKET), deny("s3:DeleteBucket")))
    sketch.used(user, "s3", **({} if used else {"at": None}))
    text = json.dumps(sized(sketch, user))
    again = sketch.user("bob", text)
    principal = sketch.principal(again)
    assert principal.unread == ()
    assert principal.check("s3:GetObject", "arn:aws:s3:::data/x").possible is used

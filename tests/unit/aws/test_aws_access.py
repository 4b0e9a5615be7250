"""The rows about principals: effective access and privilege, and what the access commands are told."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from nhiscan.analyzer import Decision
from nhiscan.model import EffectiveAccess, Privilege
from nhiscan_aws.analyzer import ANALYZER
from nhiscan_aws.analyzer.access import MOST_SERVICES
from nhiscan_aws.sketch import ACCOUNT, ROOT, Sketch, allow, deny, policy, trust

FULL = policy(allow())
HERE = f"arn:aws:iam::{ACCOUNT}"
BUCKET = "arn:aws:s3:::data"
MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}


def access(sketch: Sketch, principal: str, *capabilities: str) -> list[EffectiveAccess]:
    return [
        row
        for row in ANALYZER.derive(sketch.records)
        if isinstance(row, EffectiveAccess)
        and row.principal == principal
        and (not capabilities or row.capability in capabilities)
    ]


def privilege(sketch: Sketch, principal: str) -> Privilege:
    (row,) = [row for row in ANALYZER.derive(sketch.records) if isinstance(row, Privilege) and row.key == principal]
    return row


# --- administrators ---


def test_an_administrator_is_proven_where_everything_was_read(sketch: Sketch) -> None:
    user = sketch.user("ann", FULL)
    (row,) = access(sketch, user, "administrator")
    assert (row.effect, row.everywhere, row.confidence, row.reason) == ("allowed", 1, "proven", None)
    assert (row.via, row.statement, row.service) == (f"{user}|inline_policy|p0", "1", "*")
    assert row.actions > 20_000
    level = privilege(sketch, user)
    assert (level.level, level.granted, level.effect, level.confidence) == (
        "administrator",
        "administrator",
        "allowed",
        "proven",
    )


def test_an_administrator_by_several_policies_is_one(sketch: Sketch) -> None:
    everything_else = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    user = sketch.user("ann", policy(allow("iam:*")), policy(everything_else))
    (row,) = access(sketch, user, "administrator")
    assert (row.action, row.effect, row.confidence) == ("*", "allowed", "proven")
    assert privilege(sketch, user).level == "administrator"


@pytest.mark.parametrize(
    ("identity", "boundary", "effect", "limit"),
    [
        ((FULL,), policy(allow("s3:*")), "bounded", "permissions_boundary|{user}|permissions_boundary|ANPAboundary|"),
        (
            (FULL,),
            policy(allow(), deny("iam:*", Sid="NoIam")),
            "bounded",
            "permissions_boundary|{user}|permissions_boundary|ANPAboundary|NoIam",
        ),
        ((FULL, policy(deny("iam:*", Sid="NoIam"))), None, "denied", "identity|{user}|inline_policy|p1|NoIam"),
        ((FULL, policy(deny())), None, "denied", "identity|{user}|inline_policy|p1|1"),
    ],
)
def test_an_administrator_that_is_held_back_has_a_name(
    sketch: Sketch, identity: tuple[str, ...], boundary: str | None, effect: str, limit: str
) -> None:
    user = sketch.user("ann", *identity)
    if boundary is not None:
        sketch.bound(user, boundary)
    (row,) = access(sketch, user, "administrator")
    assert (row.effect, row.confidence) == (effect, "proven")
    assert json.loads(row.limited_by or "[]") == [limit.format(user=user)]
    level = privilege(sketch, user)
    assert (level.granted, level.effect) == ("administrator", effect)
    assert level.level != "administrator"
    assert json.loads(level.limited_by or "[]") == [limit.format(user=user)]


def test_an_administrator_that_the_organisation_holds_back_is_denied(sketch: Sketch) -> None:
    sketch.organization()
    account = sketch.account(organization=True)
    for scope in (ROOT, account):
        sketch.guardrail(scope, "full", FULL)
    sketch.guardrail(ROOT, "no-iam", policy(deny("iam:*")))
    user = sketch.user("ann", FULL)
    (row,) = access(sketch, user, "administrator")
    assert row.effect == "denied"
    assert row.limited_by == json.dumps(
        [f"service_control_policy|{ROOT}|service_control_policy|no-iam|1"], separators=(",", ":")
    )


@pytest.mark.parametrize(
    "taken",
    [
        deny(["organizations:LeaveOrganization", "cloudtrail:StopLogging", "iam:CreateAccessKey"]),
        deny("*", f"{HERE}:role/protected"),
        deny("s3:*", BUCKET),
    ],
)
def test_a_few_denied_actions_or_resources_leave_an_administrator(sketch: Sketch, taken: dict[str, Any]) -> None:
    user = sketch.user("ann", FULL, policy(taken))
    (row,) = access(sketch, user, "administrator")
    assert (row.effect, row.confidence, row.limited_by) == ("allowed", "proven", None)
    assert privilege(sketch, user).level == "administrator"


def test_in_an_organisation_of_few_services_an_administrator_is_one_all_the_same(sketch: Sketch) -> None:
    sketch.organization()
    account = sketch.account(organization=True)
    for scope in (ROOT, account):
        sketch.guardrail(scope, "few", policy(allow(["iam:*", "s3:*", "ec2:*", "sts:*"])))
    user = sketch.user("ann", FULL)
    (row,) = access(sketch, user, "administrator")
    assert (row.effect, row.confidence) == ("allowed", "proven")
    assert row.actions < 2_000


def test_an_administrator_under_a_condition_is_conditional(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow(**MFA)))
    (row,) = access(sketch, user, "administrator")
    assert (row.effect, row.conditional, row.confidence, row.reason) == ("allowed", 1, "conditional", "condition")
    level = privilege(sketch, user)
    assert (level.level, level.conditional, level.confidence) == ("administrator", 1, "conditional")


def test_unread_policies_of_the_organisation_are_no_condition(sketch: Sketch) -> None:
    sketch.account(organization=None)
    user = sketch.user("ann", FULL)
    for row in access(sketch, user):
        assert (row.conditional, row.conditions, row.confidence, row.reason) == (0, None, "conditional", "scp-unread")
    level = privilege(sketch, user)
    assert (level.level, level.conditional, level.reason) == ("administrator", 0, "scp-unread")


# --- whole services, exclusions, becoming ---


def test_a_whole_service_that_is_bounded_is_told(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow(["s3:*", "ec2:*"])))
    sketch.bound(user, policy(allow(["ec2:*", "s3:Get*"])))
    rows = {row.service: row for row in access(sketch, user, "service_administrator")}
    assert (rows["ec2"].effect, rows["ec2"].limited_by) == ("allowed", None)
    assert rows["s3"].effect == "bounded"
    assert json.loads(rows["s3"].limited_by or "[]") == [
        f"permissions_boundary|{user}|permissions_boundary|ANPAboundary|"
    ]
    assert rows["s3"].actions < rows["ec2"].actions


def test_many_whole_services_stand_together(sketch: Sketch) -> None:
    services = ["s3", "ec2", "sqs", "sns", "lambda", "rds", "dynamodb", "kms", "ecs", "eks", "glue", "logs"]
    user = sketch.user("ann", policy(allow([f"{service}:*" for service in services])))
    rows = access(sketch, user, "service_administrator")
    assert len(rows) == MOST_SERVICES + 1
    assert sorted(",".join(row.service for row in rows).split(",")) == sorted(services)
    assert len(access(sketch, user)) <= 30


def test_notaction_that_is_held_back_is_told(sketch: Sketch) -> None:
    user = sketch.user("ann", policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}))
    sketch.bound(user, policy(allow("s3:*")))
    (row,) = access(sketch, user, "exclusion")
    assert (row.effect, row.action) == ("bounded", "not:iam:*")


@pytest.mark.parametrize(
    ("statement", "conditions", "everywhere"),
    [
        (allow("iam:PassRole"), None, 1),
        (
            allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
            ["iam:PassedToService"],
            1,
        ),
        (allow("iam:PassRole", f"{HERE}:role/app-*"), None, 0),
    ],
)
def test_roles_that_may_be_handed_on(
    sketch: Sketch, statement: dict[str, Any], conditions: list[str] | None, everywhere: int
) -> None:
    user = sketch.user("ann", policy(statement))
    (row,) = access(sketch, user, "pass_role")
    assert (row.everywhere, json.loads(row.conditions) if row.conditions else None) == (everywhere, conditions)
    assert row.confidence == ("conditional" if conditions else "proven")


def test_roles_that_a_boundary_names_are_named_roles(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow("iam:PassRole")))
    sketch.bound(user, policy(allow("s3:*")))
    assert access(sketch, user, "pass_role") == []


# --- classes and levels ---


def levels(rows: Sequence[EffectiveAccess]) -> set[tuple[str, int, str]]:
    return {(row.level, row.everywhere, row.service) for row in rows if row.capability == "level"}


def test_levels_tell_services_apart_by_reach(sketch: Sketch) -> None:
    user = sketch.user(
        "ann",
        policy(
            allow(["s3:GetObject", "s3:PutObject"], BUCKET + "/*"), allow(["sqs:SendMessage", "ec2:DescribeInstances"])
        ),
    )
    assert levels(access(sketch, user)) == {
        ("read", 0, "s3"),
        ("write", 0, "s3"),
        ("write", 1, "sqs"),
        ("list", 1, "ec2"),
    }


@pytest.mark.parametrize(
    ("action", "capability"),
    [
        ("iam:AttachUserPolicy", "permissions_management"),
        ("iam:CreateAccessKey", "credential_creation"),
        ("sts:GetFederationToken", "credential_exposure"),
        ("secretsmanager:GetSecretValue", "secret_read"),
        ("cloudtrail:StopLogging", "guardrail_removal"),
    ],
)
def test_classes_of_actions_are_rows(sketch: Sketch, action: str, capability: str) -> None:
    user = sketch.user("ann", policy(allow(action)))
    (row,) = access(sketch, user, capability)
    assert (row.action, row.actions, row.everywhere, row.confidence) == (action, 1, 1, "proven")


def test_the_statement_that_hangs_on_the_least_is_named(sketch: Sketch) -> None:
    user = sketch.user(
        "ann",
        policy(allow("secretsmanager:*", Sid="Mfa", **MFA), allow("secretsmanager:GetSecretValue", Sid="Plain")),
    )
    (row,) = access(sketch, user, "secret_read")
    assert (row.actions, row.statement, row.conditional) == (2, "Plain", 0)


def test_what_is_denied_everywhere_is_no_row(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow(["s3:*", "sqs:SendMessage"]), deny("s3:*")))
    assert levels(access(sketch, user)) == {("write", 1, "sqs")}


def test_two_layers_without_a_resource_in_common_are_no_row(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow("s3:GetObject", "arn:aws:s3:::a/*")))
    sketch.bound(user, policy(allow("s3:GetObject", "arn:aws:s3:::b/*")))
    assert access(sketch, user) == []


def test_unknown_actions_are_kept_with_their_reason(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow(["codestar:*", "s3:GetNothing"])))
    rows = access(sketch, user)
    assert {(row.capability, row.level, row.service, row.reason) for row in rows} == {
        ("service_administrator", "unknown", "codestar", "unknown-action"),
        ("level", "unknown", "codestar,s3", "unknown-action"),
    }
    level = privilege(sketch, user)
    assert (level.level, level.reason) == ("unknown", "unknown-action")
    administrator = sketch.user("bob", FULL)
    assert not [row for row in access(sketch, administrator) if row.level == "unknown"]


def test_identities_without_rights_have_a_level_and_no_rows(sketch: Sketch) -> None:
    user = sketch.user("ann")
    assert access(sketch, user) == []
    row = privilege(sketch, user)
    assert (row.level, row.granted, row.effect, row.services, row.confidence) == (
        "none",
        "none",
        "allowed",
        "{}",
        "proven",
    )


@pytest.mark.parametrize(
    ("statement", "level"),
    [
        (allow("s3:PutBucketPolicy"), "permissions_management"),
        (allow("sqs:SendMessage"), "write"),
        (allow("ec2:CreateTags"), "tagging"),
        (allow("s3:GetObject"), "read"),
        (allow("ec2:DescribeInstances"), "list"),
    ],
)
def test_the_level_is_that_of_the_most_telling_action(sketch: Sketch, statement: dict[str, Any], level: str) -> None:
    user = sketch.user("ann", policy(statement, allow("ec2:DescribeRegions")))
    row = privilege(sketch, user)
    assert (row.level, row.granted) == (level, level)
    assert level in json.loads(row.services)


def test_principals_with_the_same_documents_have_the_same_rows_with_their_own_keys(sketch: Sketch) -> None:
    texts = (policy(allow(["s3:*", "iam:PassRole"]), deny("s3:Delete*")), FULL)
    group = sketch.group("devs", texts[0])
    users = [sketch.user(name, *texts) for name in ("ann", "bob")]
    for user in users:
        sketch.join(user, group)
        sketch.bound(user, policy(allow("s3:*"), allow("iam:*")), name=f"limit-{user[-1]}")
    ann, bob = (access(sketch, user) for user in users)
    assert ann
    for ours, theirs in zip(ann, bob, strict=True):
        assert theirs.key == ours.key.replace(users[0], users[1])
        assert theirs.via == ours.via.replace(users[0], users[1])
        assert (theirs.capability, theirs.effect, theirs.actions) == (ours.capability, ours.effect, ours.actions)
        assert users[0] not in json.dumps(theirs)


# --- questions ---


def decide(sketch: Sketch, principal: str, action: str, resource: str = "*") -> Decision:
    assert ANALYZER.open is not None
    return ANALYZER.open(sketch.records).decide(principal, action, resource)


def test_a_decision_names_the_statement_and_its_policy(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow("s3:*", Sid="Buckets")))
    found = decide(sketch, user, "s3:GetObject", BUCKET + "/x")
    assert (found.verdict, found.reasons) == ("allowed", ())
    (statement,) = found.statements
    assert (statement.layer, statement.effect, statement.name, statement.statement) == (
        "identity",
        "allow",
        "p0",
        "Buckets",
    )
    assert found.explanation == f"ann can do s3:GetObject on {BUCKET}/x."


def test_a_denial_names_what_denies(sketch: Sketch) -> None:
    user = sketch.user("ann", FULL, policy(deny("s3:*", Sid="No")))
    found = decide(sketch, user, "s3:GetObject")
    assert found.verdict == "denied"
    assert [(one.layer, one.effect, one.name, one.statement) for one in found.statements] == [
        ("identity", "deny", "p1", "No")
    ]
    sketch.bound(user, policy(allow("ec2:*")))
    found = decide(sketch, user, "iam:CreateUser")
    assert [(one.layer, one.effect, one.name) for one in found.statements] == [
        ("permissions_boundary", "no-allow", "boundary")
    ]
    assert found.explanation.startswith("ann cannot do iam:CreateUser")


@pytest.mark.parametrize(
    ("policies", "action", "resource", "verdict", "reasons"),
    [
        ((), "iam:CreateUser", "*", "denied", ()),
        # a policy of the bucket may let it in
        ((), "s3:GetObject", BUCKET + "/x", "denied", ("resource-policy-unread",)),
        ((policy(allow("s3:*")),), "s3:ListAllMyBuckets", "*", "allowed", ()),
        # a key decides by itself
        ((FULL,), "kms:Decrypt", "*", "conditional", ("resource-policy-unread",)),
        ((FULL,), "kms:ListKeys", "*", "allowed", ()),
        # somebody else's resource
        (
            (FULL,),
            "sqs:SendMessage",
            "arn:aws:sqs:eu-west-1:333333333333:q",
            "conditional",
            ("resource-policy-unread",),
        ),
        ((FULL,), "nobody:Knows", "*", "conditional", ("unknown-action",)),
        ((policy(allow("s3:*", **MFA)),), "s3:ListAllMyBuckets", "*", "conditional", ("condition",)),
    ],
)
def test_what_was_not_read_is_said(
    sketch: Sketch, policies: tuple[str, ...], action: str, resource: str, verdict: str, reasons: tuple[str, ...]
) -> None:
    found = decide(sketch, sketch.user("ann", *policies), action, resource)
    assert (found.verdict, found.reasons) == (verdict, reasons)
    assert found.statements


def test_where_a_policy_was_not_read_the_answer_is_not_known(sketch: Sketch) -> None:
    user = sketch.user("ann")
    sketch.attach(user, "gone", None)
    found = decide(sketch, user, "iam:CreateUser")
    assert (found.verdict, found.reasons) == ("unknown", ("document-unread",))
    assert decide(sketch, "nobody", "s3:GetObject").verdict == "unknown"


def test_becoming_a_role_asks_the_role_as_well(sketch: Sketch) -> None:
    user = sketch.user("ann", FULL)
    open_ = sketch.role("open", trusts=policy(trust({"AWS": ACCOUNT})))
    sketch.role("shut", trusts=policy(trust({"Service": "ec2.amazonaws.com"})))
    assert open_
    assert decide(sketch, user, "sts:AssumeRole", f"{HERE}:role/open").verdict == "allowed"
    assert decide(sketch, user, "sts:AssumeRole", f"{HERE}:role/shut").verdict == "denied"


def test_who_can_lists_users_and_roles_in_order(sketch: Sketch) -> None:
    ann = sketch.user("ann", policy(allow("iam:CreateUser")))
    sketch.user("bob", policy(allow("s3:*")))
    group = sketch.group("admins", FULL)
    carl = sketch.user("carl")
    sketch.join(carl, group)
    app = sketch.role("app", policy(allow("iam:*", **MFA)))
    assert ANALYZER.open is not None
    found = list(ANALYZER.open(sketch.records).who_can("iam:createuser", "*"))
    assert [(key, decision.verdict) for key, decision in found] == sorted(
        [(ann, "allowed"), (carl, "allowed"), (app, "conditional")]
    )


def test_a_group_can_be_asked(sketch: Sketch) -> None:
    group = sketch.group("admins", FULL)
    assert decide(sketch, group, "iam:CreateUser").verdict == "allowed"

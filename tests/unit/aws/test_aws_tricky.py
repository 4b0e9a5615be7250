"""Policies that are easily misread, each with the page of AWS that says what they mean.

Pages are those of the IAM User Guide, but for those that begin with ``orgs_`` (AWS Organizations User Guide).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from nhiscan_aws.sketch import ACCOUNT, ORGANIZATION, ROOT, Sketch, allow, deny, policy

ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
BUCKET = "arn:aws:s3:::data"
OBJECT = "arn:aws:s3:::data/file"
MFA = "aws:MultiFactorAuthPresent"


class Case(NamedTuple):
    says: str
    page: str
    ask: tuple[str, str]
    expected: str  # "allowed" | "conditional" | "denied"
    policies: Sequence[str] = ()
    group: Sequence[str] = ()
    boundary: str | None = None
    guardrails: Mapping[str, Sequence[str]] = {}  # scope -> service control policies
    kind: str = "user"
    name: str = "ann"
    path: str = "/"
    tags: Mapping[str, str] = {}
    context: Mapping[str, tuple[str, ...]] = {}
    conditions: tuple[str, ...] | None = None  # keys that a conditional answer names


def one(*statements: Any, version: str | None = "2012-10-17") -> tuple[str, ...]:
    return (policy(*statements, version=version),)


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


FULL = policy(allow())

ACTION = "reference_policies_elements_action.html"
NOT_ACTION = "reference_policies_elements_notaction.html"
RESOURCE = "reference_policies_elements_resource.html"
NOT_RESOURCE = "reference_policies_elements_notresource.html"
OPERATORS = "reference_policies_elements_condition_operators.html"
SETS = "reference_policies_condition-single-vs-multi-valued-context-keys.html"
LOGIC = "reference_policies_condition-logic-multiple-context-keys-or-values.html"
VARIABLES = "reference_policies_variables.html"
GLOBAL = "reference_policies_condition-keys.html"
IAM_KEYS = "reference_policies_iam-condition-keys.html"
EVALUATION = "reference_policies_evaluation-logic.html"
BOUNDARIES = "access_policies_boundaries.html"
SCP = "orgs_manage_policies_scps.html"
SCP_EVALUATION = "orgs_manage_policies_scps_evaluation.html"

CASES = [
    # --- actions ---
    Case("nothing is allowed unless it is", EVALUATION, ("s3:GetObject", OBJECT), "denied", one(allow("s3:PutObject"))),
    Case("names of actions go without case", ACTION, ("s3:GetObject", OBJECT), "allowed", one(allow("S3:getobject"))),
    Case("a star stands for any rest", ACTION, ("iam:CreateAccessKey", "*"), "allowed", one(allow("iam:*AccessKey*"))),
    Case("a question mark for one letter", ACTION, ("iam:GetUser", "*"), "allowed", one(allow("iam:?etUser"))),
    Case("a question mark is not nothing", ACTION, ("iam:GetUser", "*"), "denied", one(allow("iam:GetUser?"))),
    Case("a prefix is no whole name", ACTION, ("s3:GetObjectAcl", OBJECT), "denied", one(allow("s3:GetObject"))),
    Case("an explicit Deny wins", EVALUATION, ("s3:GetObject", OBJECT), "denied", one(allow("s3:*"), deny("s3:Get*"))),
    Case(
        "a Deny in another policy wins as well",
        EVALUATION,
        ("s3:GetObject", OBJECT),
        "denied",
        (policy(allow()), policy(deny("s3:GetObject"))),
    ),
    Case(
        "a Deny of a group reaches what the user was given itself",
        EVALUATION,
        ("s3:GetObject", OBJECT),
        "denied",
        (FULL,),
        group=one(deny("s3:*")),
    ),
    Case("what a group is given its users have", EVALUATION, ("s3:GetObject", OBJECT), "allowed", group=(FULL,)),
    # --- NotAction ---
    Case(
        "NotAction with Allow gives everything else",
        NOT_ACTION,
        ("ec2:RunInstances", "*"),
        "allowed",
        one({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
    ),
    Case(
        "NotAction with Allow gives nothing of what it names, and denies nothing",
        NOT_ACTION,
        ("iam:GetUser", "*"),
        "allowed",
        one({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, allow("iam:GetUser")),
    ),
    Case(
        "NotAction with Deny denies all but what it names",
        NOT_ACTION,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow(), {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}),
    ),
    Case(
        "NotAction with Deny grants nothing",
        NOT_ACTION,
        ("iam:GetUser", "*"),
        "denied",
        one({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}),
    ),
    Case(
        "NotAction on buckets gives nothing that works on no bucket",
        NOT_ACTION,
        ("ec2:TerminateInstances", "*"),
        "denied",
        one({"Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "arn:aws:s3:::*"}),
    ),
    # --- resources ---
    Case("a bucket is not its objects", RESOURCE, ("s3:GetObject", OBJECT), "denied", one(allow("s3:*", BUCKET))),
    Case(
        "objects are not their bucket", RESOURCE, ("s3:ListBucket", BUCKET), "denied", one(allow("s3:*", BUCKET + "/*"))
    ),
    Case(
        "a star runs over slashes",
        RESOURCE,
        ("s3:GetObject", "arn:aws:s3:::data/1/2/test/3/x.jpg"),
        "allowed",
        one(allow("s3:GetObject", "arn:aws:s3:::data/*/test/*")),
    ),
    Case(
        "names in ARNs go with their case",
        RESOURCE,
        ("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/bob"),
        "denied",
        one(allow("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/Bob")),
    ),
    Case(
        "an ARN that ends early stands for all that begins so",
        RESOURCE,
        ("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"),
        "allowed",
        one(allow("sqs:*", "arn:aws:sqs")),
    ),
    Case(
        "a star at the end of a field runs over colons",
        RESOURCE,
        ("logs:PutLogEvents", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:app:log-stream:1"),
        "allowed",
        one(allow("logs:PutLogEvents", "arn:aws:logs:*")),
    ),
    Case(
        "a Deny on one object leaves the others",
        EVALUATION,
        ("s3:GetObject", "arn:aws:s3:::data/other"),
        "allowed",
        one(allow("s3:*"), deny("s3:*", OBJECT)),
    ),
    Case(
        "on some resource is answered by what a Deny leaves",
        EVALUATION,
        ("s3:GetObject", "*"),
        "allowed",
        one(allow("s3:*"), deny("s3:*", OBJECT)),
    ),
    Case(
        "two that have no resource in common allow nothing",
        BOUNDARIES,
        ("s3:GetObject", "*"),
        "denied",
        one(allow("s3:GetObject", "arn:aws:s3:::a/*")),
        boundary=policy(allow("s3:GetObject", "arn:aws:s3:::b/*")),
    ),
    Case(
        "NotResource with Deny takes everything but what it names",
        NOT_RESOURCE,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*"), {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::pay/*"}),
    ),
    Case(
        "and leaves what it names",
        NOT_RESOURCE,
        ("s3:GetObject", "arn:aws:s3:::pay/roll"),
        "allowed",
        one(allow("s3:*"), {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::pay/*"}),
    ),
    Case(
        "NotResource with Allow gives everything but what it names",
        NOT_RESOURCE,
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x"),
        "allowed",
        one({"Effect": "Allow", "Action": "*", "NotResource": BUCKET}),
    ),
    Case(
        "a Deny on a resource and one on all others leave nothing",
        NOT_RESOURCE,
        ("s3:GetObject", "*"),
        "denied",
        one(
            allow("s3:*"),
            deny("s3:*", "arn:aws:s3:::pay/*"),
            {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::pay/*"},
        ),
    ),
    Case(
        "everything on a bucket creates no user",
        RESOURCE,
        ("iam:CreateUser", "*"),
        "denied",
        one(allow("*", BUCKET + "/*")),
    ),
    # --- conditions ---
    Case(
        "what only a request can tell decides",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "conditional",
        one(allow("s3:*", **when("IpAddress", "aws:SourceIp", "203.0.113.0/24"))),
        conditions=("aws:SourceIp",),
    ),
    Case(
        "a Deny that may hit makes it conditional, not gone",
        GLOBAL,
        ("s3:GetObject", OBJECT),
        "conditional",
        one(allow("s3:*"), deny(**when("BoolIfExists", MFA, "false"))),
        conditions=(MFA,),
    ),
    Case(
        "one of several values is enough",
        LOGIC,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("StringEquals", "aws:PrincipalTag/team", ["a", "b"]))),
        tags={"team": "b"},
    ),
    Case(
        "all keys must hold",
        LOGIC,
        ("s3:GetObject", OBJECT),
        "denied",
        one(
            allow(
                "s3:*",
                Condition={"StringEquals": {"aws:PrincipalTag/team": "a", "aws:PrincipalAccount": "222222222222"}},
            )
        ),
        tags={"team": "a"},
    ),
    Case(
        "none of several values may match a negated operator",
        LOGIC,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("StringNotEquals", "aws:PrincipalTag/team", ["a", "b"]))),
        tags={"team": "b"},
    ),
    Case(
        "a key that is absent does not match",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("StringEquals", "aws:PrincipalTag/team", "a"))),
    ),
    Case(
        "a key that is absent is not equal",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("StringNotEquals", "aws:PrincipalTag/team", "a"))),
    ),
    Case(
        "IfExists holds without the key",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("StringEqualsIfExists", "aws:PrincipalTag/team", "a"))),
    ),
    Case(
        "IfExists tests a key that is there",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("StringEqualsIfExists", "aws:PrincipalTag/team", "a"))),
        tags={"team": "b"},
    ),
    Case(
        "a Deny with a negated IfExists hits also without the key",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*"), deny("s3:*", **when("StringNotEqualsIfExists", "aws:PrincipalTag/team", "a"))),
    ),
    Case(
        "ForAllValues holds on a key that is absent",
        SETS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("ForAllValues:StringEquals", "aws:PrincipalTag/team", "a"))),
    ),
    Case(
        "ForAnyValue does not",
        SETS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("ForAnyValue:StringEquals", "aws:PrincipalTag/team", "a"))),
    ),
    Case(
        "ForAllValues wants every value listed",
        SETS,
        ("dynamodb:GetItem", "*"),
        "denied",
        one(allow("dynamodb:*", **when("ForAllValues:StringEquals", "dynamodb:Attributes", ["a", "b"]))),
        context={"dynamodb:attributes": ("a", "c")},
    ),
    Case(
        "ForAnyValue wants one",
        SETS,
        ("dynamodb:GetItem", "*"),
        "denied",
        one(allow("dynamodb:*"), deny("dynamodb:*", **when("ForAnyValue:StringEquals", "dynamodb:Attributes", "c"))),
        context={"dynamodb:attributes": ("a", "c")},
    ),
    Case(
        "Null true asks for a key that is absent",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("Null", "aws:PrincipalTag/team", "true"))),
    ),
    Case(
        "Null false for one that is there",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("Null", "aws:PrincipalTag/team", False))),
    ),
    Case(
        "a role's requests always have a token",
        GLOBAL,
        ("ec2:RunInstances", "*"),
        "denied",
        one(allow("ec2:*", **when("Null", "aws:TokenIssueTime", "true"))),
        kind="role",
    ),
    Case(
        "StringEquals goes with case",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("StringEquals", "aws:PrincipalTag/team", "A"))),
        tags={"team": "a"},
    ),
    Case(
        "StringEqualsIgnoreCase without",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("StringEqualsIgnoreCase", "aws:PrincipalTag/team", "A"))),
        tags={"team": "a"},
    ),
    Case(
        "a star in StringEquals is a star",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("StringEquals", "aws:PrincipalTag/team", "a*"))),
        tags={"team": "abc"},
    ),
    Case(
        "a star in StringLike is any text",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("StringLike", "aws:PrincipalTag/team", "a*"))),
        tags={"team": "abc"},
    ),
    Case(
        "ARNs are compared field by field",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("ArnLike", "aws:PrincipalArn", "arn:aws:iam:*:user/ann"))),
        context={"aws:principalarn": ("arn:aws:iam::111111111111:user/ann:x",)},
    ),
    Case(
        "StringLike is not",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("StringLike", "aws:PrincipalArn", "arn:aws:iam:*:user/ann"))),
    ),
    Case(
        "ArnEquals takes wildcards like ArnLike",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:user/a*"))),
    ),
    Case(
        "numbers are compared as numbers",
        OPERATORS,
        ("s3:ListBucket", BUCKET),
        "allowed",
        one(allow("s3:ListBucket", **when("NumericLessThanEquals", "s3:max-keys", "10"))),
        context={"s3:max-keys": ("9.0",)},
    ),
    Case(
        "what is over is over",
        "reference_policies_examples_aws-dates.html",
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("DateLessThan", "aws:CurrentTime", "2020-06-30T23:59:59Z"))),
    ),
    Case(
        "what has not ended holds, also in epoch seconds",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("DateLessThan", "aws:EpochTime", "4102444800"))),
    ),
    Case(
        "addresses belong to networks",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("IpAddress", "aws:SourceIp", ["203.0.113.0/24", "2001:DB8::/32"]))),
        context={"aws:sourceip": ("2001:db8::1",)},
    ),
    Case(
        "binary values are compared byte by byte",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("BinaryEquals", "s3:x", "QmluYXJ5"))),
        context={"s3:x": ("QmluYXJZ",)},
    ),
    Case(
        "truth values may be written as such",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*"), deny(**when("Bool", "aws:SecureTransport", False))),
        context={"aws:securetransport": ("false",)},
    ),
    Case(
        "a key that nobody knows decides nothing",
        GLOBAL,
        ("s3:GetObject", OBJECT),
        "conditional",
        one(allow("s3:*", **when("StringEquals", "aws:SourceIpp", "x"))),
        conditions=("aws:SourceIpp",),
    ),
    Case(
        "an operator that nobody knows decides nothing",
        OPERATORS,
        ("s3:GetObject", OBJECT),
        "conditional",
        one(allow("s3:*"), deny("s3:*", **when("StringMatches", "aws:username", "x"))),
        conditions=("aws:username",),
    ),
    # --- what is known of the principal ---
    Case(
        "the ARN of a role session is that of its role",
        GLOBAL,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/ann"))),
        kind="role",
    ),
    Case(
        "roles have no user name",
        GLOBAL,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("StringLike", "aws:username", "*"))),
        kind="role",
    ),
    Case(
        "only a service itself brings a source account",
        GLOBAL,
        ("sns:Publish", "*"),
        "denied",
        one(allow("sns:Publish", **when("StringEquals", "aws:SourceAccount", ACCOUNT))),
    ),
    Case(
        "a Deny that spares services hits users",
        GLOBAL,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*"), deny("s3:*", **when("Bool", "aws:PrincipalIsAWSService", "false"))),
    ),
    Case(
        "who is in no organisation has none",
        GLOBAL,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("s3:*", **when("StringLike", "aws:PrincipalOrgID", "o-*"))),
    ),
    Case(
        "keys of tags go without case",
        "id_tags.html",
        ("s3:GetObject", OBJECT),
        "allowed",
        one(allow("s3:*", **when("StringEquals", "aws:PrincipalTag/TEAM", "a"))),
        tags={"Team": "a"},
    ),
    Case(
        "the account of a resource stands in its ARN",
        GLOBAL,
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:222222222222:q"),
        "denied",
        one(allow("sqs:*"), deny("sqs:*", **when("StringNotEquals", "aws:ResourceAccount", "${aws:PrincipalAccount}"))),
    ),
    # --- PassRole ---
    Case(
        "a role is passed to the service that is named",
        IAM_KEYS,
        ("iam:PassRole", ROLE),
        "allowed",
        one(allow("iam:PassRole", **when("StringEquals", "iam:PassedToService", "ec2.amazonaws.com"))),
        context={"iam:passedtoservice": ("ec2.amazonaws.com",)},
    ),
    Case(
        "and to no other",
        IAM_KEYS,
        ("iam:PassRole", ROLE),
        "denied",
        one(allow("iam:PassRole", **when("StringEquals", "iam:PassedToService", "ec2.amazonaws.com"))),
        context={"iam:passedtoservice": ("lambda.amazonaws.com",)},
    ),
    Case(
        "the key of PassRole comes with no other action",
        IAM_KEYS,
        ("iam:CreateUser", "*"),
        "denied",
        one(allow("*", **when("StringEquals", "iam:PassedToService", "ec2.amazonaws.com"))),
    ),
    Case(
        "a negated one holds for all other actions",
        IAM_KEYS,
        ("s3:GetObject", OBJECT),
        "denied",
        one(allow("*"), deny("*", **when("StringNotEquals", "iam:PassedToService", "ec2.amazonaws.com"))),
    ),
    # --- variables ---
    Case(
        "a variable is the user's name",
        VARIABLES,
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/ann"),
        "allowed",
        one(allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}")),
    ),
    Case(
        "and no other user's",
        VARIABLES,
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/bob"),
        "denied",
        one(allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}")),
    ),
    Case(
        "without a version it is mere text",
        VARIABLES,
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/ann"),
        "denied",
        one(allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"), version=None),
    ),
    Case(
        "in the older version as well",
        "reference_policies_elements_version.html",
        ("s3:GetObject", "arn:aws:s3:::data/ann"),
        "denied",
        one(allow("s3:*", "arn:aws:s3:::data/${aws:username}"), version="2008-10-17"),
    ),
    Case(
        "a variable without a value matches nothing",
        VARIABLES,
        ("s3:GetObject", "arn:aws:s3:::data/"),
        "denied",
        one(allow("s3:*", "arn:aws:s3:::data/${aws:PrincipalTag/team}")),
    ),
    Case(
        "unless it has a default",
        VARIABLES,
        ("s3:GetObject", "arn:aws:s3:::data-company-wide/x"),
        "allowed",
        one(allow("s3:*", "arn:aws:s3:::data-${aws:PrincipalTag/team, 'company-wide'}/*")),
    ),
    Case(
        "a variable without a value is equal to nothing, and not equal to everything",
        VARIABLES,
        ("s3:GetObject", OBJECT),
        "denied",
        one(
            allow("s3:*"),
            deny("s3:GetObject", **when("StringNotEquals", "s3:ExistingObjectTag/Team", "${aws:PrincipalTag/Team}")),
        ),
        context={"s3:existingobjecttag/team": ("red",)},
    ),
    Case(
        "a variable that only a request fills decides",
        VARIABLES,
        ("s3:GetObject", "arn:aws:s3:::data/anything"),
        "conditional",
        one(allow("s3:*", "arn:aws:s3:::data/${aws:SourceVpc}")),
    ),
    Case(
        "a star behind a dollar sign is a star",
        VARIABLES,
        ("s3:GetObject", "arn:aws:s3:::data/abc"),
        "denied",
        one(allow("s3:*", "arn:aws:s3:::data/${*}")),
    ),
    Case(
        "variables in numbers are mere text",
        VARIABLES,
        ("s3:ListBucket", BUCKET),
        "conditional",
        one(allow("s3:ListBucket", **when("NumericEquals", "s3:max-keys", "${aws:PrincipalTag/max}"))),
        tags={"max": "10"},
        context={"s3:max-keys": ("10",)},
    ),
    # --- permissions boundaries ---
    Case("a boundary grants nothing", BOUNDARIES, ("s3:GetObject", OBJECT), "denied", boundary=FULL),
    Case(
        "both must allow",
        BOUNDARIES,
        ("iam:CreateUser", "*"),
        "denied",
        (FULL,),
        boundary=policy(allow(["s3:*", "ec2:*"])),
    ),
    Case(
        "what both allow is allowed",
        BOUNDARIES,
        ("s3:GetObject", OBJECT),
        "allowed",
        (FULL,),
        boundary=policy(allow(["s3:*", "ec2:*"])),
    ),
    Case(
        "a Deny of the boundary wins",
        BOUNDARIES,
        ("s3:GetObject", OBJECT),
        "denied",
        (FULL,),
        boundary=policy(allow(), deny("s3:*", BUCKET + "/*")),
    ),
    Case(
        "roles are bounded, too",
        BOUNDARIES,
        ("iam:CreateUser", "*"),
        "denied",
        (FULL,),
        kind="role",
        boundary=policy(allow("s3:*")),
    ),
    # --- policies of the organisation ---
    Case(
        "an allow is needed at each level",
        SCP_EVALUATION,
        ("s3:GetObject", OBJECT),
        "denied",
        (FULL,),
        guardrails={ROOT: (FULL,), "unit": (policy(allow("ec2:*")),), "account": (FULL,)},
    ),
    Case(
        "with one at each it is allowed",
        SCP_EVALUATION,
        ("ec2:RunInstances", "*"),
        "allowed",
        (FULL,),
        guardrails={ROOT: (FULL,), "unit": (policy(allow("ec2:*")),), "account": (FULL,)},
    ),
    Case(
        "a level without any policy lets nothing pass",
        SCP_EVALUATION,
        ("ec2:RunInstances", "*"),
        "denied",
        (FULL,),
        guardrails={ROOT: (FULL,), "account": (FULL,)},
    ),
    Case(
        "a Deny at the root reaches every account",
        SCP_EVALUATION,
        ("organizations:LeaveOrganization", "*"),
        "denied",
        (FULL,),
        guardrails={
            ROOT: (FULL, policy(deny("organizations:LeaveOrganization"))),
            "unit": (FULL,),
            "account": (FULL,),
        },
    ),
    Case(
        "service control policies grant nothing",
        SCP,
        ("s3:GetObject", OBJECT),
        "denied",
        guardrails={ROOT: (FULL,), "unit": (FULL,), "account": (FULL,)},
    ),
    Case(
        "they do not touch service-linked roles",
        SCP,
        ("s3:GetObject", OBJECT),
        "allowed",
        (FULL,),
        kind="role",
        path="/aws-service-role/x.amazonaws.com/",
        guardrails={ROOT: (policy(deny()),), "unit": (FULL,), "account": (FULL,)},
    ),
    Case(
        "but roles of the identity centre they do",
        SCP,
        ("s3:GetObject", OBJECT),
        "denied",
        (FULL,),
        kind="role",
        path="/aws-reserved/sso.amazonaws.com/",
        guardrails={ROOT: (FULL, policy(deny("s3:*"))), "unit": (FULL,), "account": (FULL,)},
    ),
    Case(
        "a Deny for all but one role spares that role",
        "orgs_manage_policies_scps_examples.html",
        ("iam:CreateUser", "*"),
        "allowed",
        (FULL,),
        kind="role",
        guardrails={
            ROOT: (FULL, policy(deny("iam:*", **when("ArnNotLike", "aws:PrincipalARN", "arn:aws:iam::*:role/ann")))),
            "unit": (FULL,),
            "account": (FULL,),
        },
    ),
    Case(
        "and nobody else",
        "orgs_manage_policies_scps_examples.html",
        ("iam:CreateUser", "*"),
        "denied",
        (FULL,),
        kind="role",
        name="bob",
        guardrails={
            ROOT: (FULL, policy(deny("iam:*", **when("ArnNotLike", "aws:PrincipalARN", "arn:aws:iam::*:role/ann")))),
            "unit": (FULL,),
            "account": (FULL,),
        },
    ),
    Case(
        "a Deny outside a region depends on the region",
        "reference_policies_examples_aws_deny-requested-region.html",
        ("ec2:RunInstances", "*"),
        "conditional",
        (FULL,),
        guardrails={
            ROOT: (
                FULL,
                policy(
                    {
                        "Effect": "Deny",
                        "NotAction": ["iam:*", "organizations:*"],
                        "Resource": "*",
                        **when("StringNotEquals", "aws:RequestedRegion", ["eu-west-1"]),
                    }
                ),
            ),
            "unit": (FULL,),
            "account": (FULL,),
        },
        conditions=("aws:RequestedRegion",),
    ),
    Case(
        "and leaves what it does not name",
        "reference_policies_examples_aws_deny-requested-region.html",
        ("iam:CreateUser", "*"),
        "allowed",
        (FULL,),
        guardrails={
            ROOT: (
                FULL,
                policy(
                    {
                        "Effect": "Deny",
                        "NotAction": ["iam:*", "organizations:*"],
                        "Resource": "*",
                        **when("StringNotEquals", "aws:RequestedRegion", ["eu-west-1"]),
                    }
                ),
            ),
            "unit": (FULL,),
            "account": (FULL,),
        },
    ),
    Case(
        "a member's organisation is known, and its path",
        GLOBAL,
        ("s3:GetObject", OBJECT),
        "allowed",
        one(
            allow(
                "s3:*",
                Condition={
                    "StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"},
                    "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-exampleorg1/r-abcd/ou-abcd-1/*"},
                },
            )
        ),
        guardrails={ROOT: (FULL,), "unit": (FULL,), "account": (FULL,)},
    ),
]


def test_there_are_at_least_sixty_each_with_a_sentence_of_its_own() -> None:
    assert len(CASES) >= 60
    assert len({case.says for case in CASES}) == len(CASES)
    assert all(case.page.endswith(".html") for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_a_policy_means_what_the_documentation_says(case: Case, sketch: Sketch) -> None:
    key = made(case, sketch)
    action, resource = case.ask
    answer = sketch.principal(key).check(action, resource, case.context)
    assert answer.state == case.expected
    if case.conditions is not None:
        assert answer.conditions == case.conditions
    if case.expected == "conditional":
        assert set(answer.reasons) & {"condition", "unknown-condition-key"}
        assert answer.allows
    if case.expected == "allowed":
        assert (answer.reasons, answer.conditions, answer.limited_by) == ((), (), ())
    if case.expected == "denied":
        assert answer.allows == ()


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_masks_are_never_narrower_than_the_exact_answer(case: Case, sketch: Sketch) -> None:
    key = made(case, sketch)
    principal = sketch.principal(key)
    bit = sketch.estate().table.bit(case.ask[0])
    if principal.check(case.ask[0]).state == "denied":
        assert not principal.sure & bit
    if principal.check(*case.ask).possible:
        assert principal.possible & bit


def made(case: Case, sketch: Sketch) -> str:
    if case.guardrails:
        sketch.organization()
        unit = sketch.unit("ou-abcd-1")
        account = sketch.account(organization=True, unit=unit)
        for scope, texts in case.guardrails.items():
            for number, text in enumerate(texts):
                target = {"unit": unit, "account": account}.get(scope, scope)
                sketch.guardrail(target, f"scp{number}", text)
        assert any(scope.key == ORGANIZATION for scope in sketch.records.scopes())
    make = sketch.role if case.kind == "role" else sketch.user
    key = make(case.name, *case.policies, path=case.path, tags=case.tags)
    if case.group:
        sketch.join(key, sketch.group("group", *case.group))
    if case.boundary is not None:
        sketch.bound(key, case.boundary)
    return key

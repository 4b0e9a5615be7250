"""Who may become a role: the rows of `trust`, and how wide each door is."""

import json
from typing import Any

import pytest

from nhiscan.model import Trust
from nhiscan_aws.analyzer import ANALYZER
from nhiscan_aws.analyzer.trust import demands_external_id
from nhiscan_aws.sketch import ROOT, Sketch, allow, policy, trust

SCOPE = "aws/account/aws:111111111111"
OTHER = "arn:aws:iam::222222222222:root"
ISSUERS = "arn:aws:iam::111111111111:oidc-provider/"
GITHUB = "token.actions.githubusercontent.com"
WEB = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}


def rows(sketch: Sketch, *statements: dict[str, Any], **more: Any) -> list[Trust]:
    sketch.role("r", trusts=policy(*statements), **more)
    return [row for row in ANALYZER.derive(sketch.records) if isinstance(row, Trust)]


@pytest.mark.parametrize(
    ("principal", "kind", "named", "home", "external"),
    [
        ("*", "anybody", "*", None, 1),
        ({"AWS": "*"}, "anybody", "*", None, 1),
        ({"AWS": "arn:aws:*:*:*:*"}, "anybody", "*", None, 1),
        ({"AWS": "111111111111"}, "account", "111111111111", SCOPE, 0),
        ({"AWS": "arn:aws:iam::111111111111:root"}, "account", "111111111111", SCOPE, 0),
        ({"AWS": "222222222222"}, "account", "222222222222", "aws/account/aws:222222222222", 1),
        ({"aws": OTHER}, "account", "222222222222", "aws/account/aws:222222222222", 1),
        ({"AWS": "arn:aws:iam::111111111111:role/x"}, "identity", "arn:aws:iam::111111111111:role/x", SCOPE, 0),
        (
            {"AWS": "arn:aws-cn:iam::111111111111:user/x"},
            "identity",
            "arn:aws-cn:iam::111111111111:user/x",
            "aws/account/aws-cn:111111111111",
            1,
        ),
        (
            {"AWS": "arn:aws:sts::222222222222:assumed-role/x/y"},
            "identity",
            "arn:aws:sts::222222222222:assumed-role/x/y",
            "aws/account/aws:222222222222",
            1,
        ),
        ({"AWS": "AIDAEXAMPLEEXAMPLEXX"}, "deleted", "AIDAEXAMPLEEXAMPLEXX", None, 0),
        ({"AWS": "AROAEXAMPLEEXAMPLEXX"}, "deleted", "AROAEXAMPLEEXAMPLEXX", None, 0),
        ({"Service": "ec2.amazonaws.com"}, "service", "ec2.amazonaws.com", None, 0),
        ({"Federated": f"{ISSUERS}token.example"}, "federated", f"{ISSUERS}token.example", SCOPE, 0),
        ({"Federated": "cognito-identity.amazonaws.com"}, "federated", "cognito-identity.amazonaws.com", None, 1),
        ({"CanonicalUser": "79a59df900b949e5"}, "identity", "79a59df900b949e5", None, 1),
    ],
)
def test_who_is_trusted(sketch: Sketch, principal: Any, kind: str, named: str, home: str | None, external: int) -> None:
    (row,) = rows(sketch, trust(principal))
    assert (row.principal_kind, row.principal, row.principal_scope, row.external) == (kind, named, home, external)
    assert (row.conditional, row.conditions, row.external_id) == (0, None, 0)
    assert (row.confidence, row.reason) == ("proven", None)


@pytest.mark.parametrize(
    ("action", "lets_in"),
    [
        ({"Action": "sts:AssumeRole"}, True),
        ({"Action": "STS:assumerole"}, True),
        ({"Action": ["sts:TagSession", "sts:AssumeRoleWithWebIdentity"]}, True),
        ({"Action": "sts:AssumeRoleWithSAML"}, True),
        ({"Action": "sts:*"}, True),
        ({"Action": "*"}, True),
        ({"NotAction": "sts:TagSession"}, True),
        ({"NotAction": "sts:*"}, False),
        ({"Action": ["sts:TagSession", "sts:SetSourceIdentity"]}, False),
    ],
)
def test_which_actions_let_somebody_in(sketch: Sketch, action: dict[str, Any], lets_in: bool) -> None:
    assert bool(rows(sketch, {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, **action})) is lets_in


def test_not_principal_lets_everybody_else_in(sketch: Sketch) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": OTHER}}
    (row,) = rows(sketch, statement)
    assert (row.principal_kind, row.external, row.principal) == ("anybody", 1, f"not:{OTHER}")


@pytest.mark.parametrize(
    ("deny", "left"),
    [
        ({"Principal": "*", "Action": "sts:AssumeRole"}, []),
        ({"Principal": {"AWS": OTHER}, "Action": "sts:*"}, ["ec2.amazonaws.com"]),
        ({"Principal": {"AWS": "333333333333"}, "Action": "sts:*"}, ["222222222222", "ec2.amazonaws.com"]),
        ({"NotPrincipal": {"AWS": OTHER}, "Action": "sts:*"}, ["222222222222"]),
        ({"Principal": "*", "Action": "sts:TagSession"}, ["222222222222", "ec2.amazonaws.com"]),
        ({"Principal": "*", "NotAction": "sts:TagSession"}, []),
    ],
)
def test_a_deny_shuts_the_doors_that_it_names(sketch: Sketch, deny: dict[str, Any], left: list[str]) -> None:
    both = trust({"AWS": OTHER, "Service": "ec2.amazonaws.com"})
    assert [row.principal for row in rows(sketch, both, {"Effect": "Deny", **deny})] == left


def test_a_deny_under_a_condition_makes_the_door_conditional(sketch: Sketch) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRole",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    }
    (row,) = rows(sketch, trust({"AWS": OTHER}), deny)
    assert (row.conditional, row.conditions) == (1, None)
    assert (row.confidence, row.reason) == ("conditional", "condition")


def test_a_door_is_shut_by_a_resource_control_policy(sketch: Sketch) -> None:
    sketch.organization()
    account = sketch.account(organization=True)
    full = policy({**allow(), "Principal": "*"})
    outside = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:*",
        "Resource": "*",
        "Condition": {
            "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorg1"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    }
    for scope in (ROOT, account):
        sketch.guardrail(scope, "full", full, "resource_control_policy")
        sketch.guardrail(scope, "full", policy(allow()))
    sketch.guardrail(ROOT, "outside", policy(outside), "resource_control_policy")
    sketch.account("222222222222", organization=False)
    found = rows(sketch, trust({"AWS": ["111111111111", OTHER, "333333333333"], "Service": "ec2.amazonaws.com"}))
    assert [(row.principal, row.reason) for row in found] == [
        ("111111111111", None),
        ("333333333333", "condition"),  # nobody knows in which organisation that is
        ("ec2.amazonaws.com", None),
    ]


def test_where_resource_control_policies_were_not_read_doors_are_not_proven_open(sketch: Sketch) -> None:
    sketch.account(organization=None)
    (row,) = rows(sketch, trust({"AWS": OTHER}))
    assert (row.confidence, row.reason, row.conditional) == ("conditional", "scp-unread", 0)


def test_one_account_in_two_spellings_is_one_row(sketch: Sketch) -> None:
    (row,) = rows(sketch, trust({"AWS": ["222222222222", OTHER]}))
    assert row.principal == "222222222222"


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "sts:AssumeRole"},
        trust({}),
        trust("somebody"),
        trust(["x"]),
        trust({"AWS": 7}),
        trust({"AWS": []}),
        trust({"AWS": "222222222222"}, Condition={"StringEquals": "x"}),
    ],
)
def test_a_trust_that_cannot_be_read_is_unknown_and_never_nobody(sketch: Sketch, statement: dict[str, Any]) -> None:
    (row,) = rows(sketch, statement)
    assert (row.principal_kind, row.external) == ("unknown", 0)
    assert (row.confidence, row.reason) == ("possible", "document-unreadable")


def test_a_trust_document_that_was_not_delivered_is_unknown_and_not_without_trust(sketch: Sketch) -> None:
    sketch.role("r", trusts=None)
    sketch.user("u")
    (row,) = [row for row in ANALYZER.derive(sketch.records) if isinstance(row, Trust)]
    assert (row.principal_kind, row.confidence, row.reason) == ("unknown", "possible", "document-unread")


@pytest.mark.parametrize(
    ("conditions", "demanded"),
    [
        ({"StringEquals": {"sts:ExternalId": "x1"}}, True),
        ({"stringequals": {"STS:externalid": ["x1", "x2"]}}, True),
        ({"StringLike": {"sts:ExternalId": "x*"}}, True),
        ({"StringEqualsIgnoreCase": {"sts:ExternalId": "x1"}}, True),
        ({"ForAnyValue:StringEquals": {"sts:ExternalId": "x1"}}, True),
        ({"StringEquals": {"sts:ExternalId": "*"}}, True),
        ({"StringLike": {"sts:ExternalId": "*"}}, False),
        ({"StringLike": {"sts:ExternalId": ["x1", "*"]}}, False),
        ({"StringEquals": {"sts:ExternalId": []}}, False),
        ({"StringEqualsIfExists": {"sts:ExternalId": "x1"}}, False),
        ({"ForAllValues:StringEquals": {"sts:ExternalId": "x1"}}, False),
        ({"StringNotEquals": {"sts:ExternalId": "x1"}}, False),
        ({"Null": {"sts:ExternalId": "false"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({}, False),
    ],
)
def test_when_an_external_id_is_demanded(sketch: Sketch, conditions: dict[str, Any], demanded: bool) -> None:
    assert demands_external_id(conditions) is demanded
    (row,) = rows(sketch, trust({"AWS": "222222222222"}, Condition=conditions))
    assert (row.external_id, row.conditional) == (int(demanded), int(bool(conditions)))
    assert row.conditions == (json.dumps(conditions, sort_keys=True, separators=(",", ":")) if conditions else None)


def test_a_condition_without_keys_demands_nothing() -> None:
    assert not demands_external_id({"StringEquals": "sts:ExternalId"})


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, 1),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, 0),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}, 0),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, 0),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}, 1),
        ({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}}, 0),
    ],
)
def test_when_only_an_organisation_is_let_in(sketch: Sketch, conditions: dict[str, Any], named: int) -> None:
    (row,) = rows(sketch, trust("*", Condition=conditions))
    assert row.organization == named


@pytest.mark.parametrize(
    ("conditions", "guarded"),
    [
        ({}, 0),
        ({"StringEquals": {"aws:SourceAccount": "111111111111"}}, 1),
        ({"StringLike": {"aws:SourceAccount": "*"}}, 0),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "111111111111"}}, 0),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:111111111111:function:*"}}, 1),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:*:function:*"}}, 0),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, 1),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, 0),
        ({"StringEquals": {"aws:SourceOrgID": "o-1"}}, 1),
    ],
)
def test_when_a_service_acts_for_a_named_account_only(sketch: Sketch, conditions: dict[str, Any], guarded: int) -> None:
    (row,) = rows(sketch, trust({"Service": "lambda.amazonaws.com"}, Condition=conditions))
    assert row.source_guard == guarded


def of_github(subject: Any, operator: str = "StringLike", **more: Any) -> dict[str, Any]:
    conditions: dict[str, Any] = {**AUDIENCE, **more}
    conditions[operator] = {**conditions.get(operator, {}), f"{GITHUB}:sub": subject}
    return conditions


@pytest.mark.parametrize(
    ("issuer", "conditions", "width"),
    [
        # GitHub
        (GITHUB, {}, "no-subject"),
        (GITHUB, AUDIENCE, "no-subject"),
        (GITHUB, of_github("*"), "any-subject"),
        (GITHUB, of_github("repo:*"), "any-subject"),
        (GITHUB, of_github("repo:*/*:*"), "any-subject"),
        (GITHUB, of_github(["repo:octo/app:ref:refs/heads/main", "repo:*"]), "any-subject"),
        (GITHUB, of_github("repo:octo*"), "wide-subject"),
        (GITHUB, of_github("repo:octo/*"), "wide-subject"),
        (GITHUB, of_github("repo:octo/app*"), "wide-subject"),
        (GITHUB, of_github("repo:octo/app:*"), "wide-subject"),
        (GITHUB, of_github("repo:octo/app:ref:refs/heads/*"), "wide-subject"),
        (GITHUB, of_github("repo:octo/app:ref:refs/heads/main"), None),
        (GITHUB, of_github("repo:octo/app:environment:prod", "StringEquals"), None),
        (GITHUB, of_github("repo:octo/app:*", "StringEquals"), None),  # a star here is a star
        (GITHUB, of_github("repo:octo/app:ref:x", "StringNotLike"), "no-subject"),
        (GITHUB, of_github("repo:octo/app:ref:x", "StringEqualsIfExists"), "no-subject"),
        (GITHUB, of_github("repo:octo/app:ref:x", "ForAllValues:StringEquals"), "no-subject"),
        (GITHUB, of_github("repo:octo/app:ref:x", "ForAnyValue:StringEquals"), None),
        (GITHUB, {"StringEquals": {f"{GITHUB}:sub": "repo:octo/app:environment:prod"}}, "no-audience"),
        (
            GITHUB,
            of_github("repo:octo/*", ArnLike={f"{GITHUB}:job_workflow_ref": "octo/w/.github/x.yml@refs/heads/main"}),
            None,
        ),
        # the keys of another issuer say nothing
        ("gitlab.com", of_github("repo:octo/app:ref:refs/heads/main"), "no-subject"),
        # others
        ("gitlab.com", {"StringLike": {"gitlab.com:sub": "project_path:g/*", "gitlab.com:aud": "x"}}, "wide-subject"),
        (
            "gitlab.example.com",
            {
                "StringLike": {
                    "gitlab.example.com:sub": "project_path:g/p:ref_type:branch:ref:main",
                    "gitlab.example.com:aud": "x",
                }
            },
            None,
        ),
        (
            "app.terraform.io",
            {
                "StringLike": {
                    "app.terraform.io:sub": "organization:o:project:p:workspace:w:run_phase:*",
                    "app.terraform.io:aud": "x",
                }
            },
            None,
        ),
        (
            "app.terraform.io",
            {
                "StringLike": {
                    "app.terraform.io:sub": "organization:o:project:*:workspace:*:run_phase:*",
                    "app.terraform.io:aud": "x",
                }
            },
            "wide-subject",
        ),
        (
            "oidc.circleci.com/org/1",
            {
                "StringLike": {
                    "oidc.circleci.com/org/1:sub": "org/1/project/2/user/*",
                    "oidc.circleci.com/org/1:aud": "1",
                }
            },
            None,
        ),
        (
            "oidc.eks.eu-west-1.amazonaws.com/id/AB",
            {
                "StringEquals": {
                    "oidc.eks.eu-west-1.amazonaws.com/id/AB:sub": "system:serviceaccount:default:app",
                    "oidc.eks.eu-west-1.amazonaws.com/id/AB:aud": "sts.amazonaws.com",
                }
            },
            None,
        ),
        (
            "oidc.eks.eu-west-1.amazonaws.com/id/AB",
            {"StringLike": {"oidc.eks.eu-west-1.amazonaws.com/id/AB:sub": "system:serviceaccount:*:*"}},
            "any-subject",
        ),
        (
            "oidc.eks.eu-west-1.amazonaws.com/id/AB",
            {"StringLike": {"oidc.eks.eu-west-1.amazonaws.com/id/AB:sub": "system:serviceaccount:default:*"}},
            "wide-subject",
        ),
        (
            "api.bitbucket.org/2.0/workspaces/w/pipelines-config/identity/oidc",
            {"StringLike": {"api.bitbucket.org/2.0/workspaces/w/pipelines-config/identity/oidc:sub": "{1}:*"}},
            "no-audience",
        ),
        (
            "idp.example.com",
            {"StringLike": {"idp.example.com:sub": "svc-*", "idp.example.com:aud": "x"}},
            "wide-subject",
        ),
        ("idp.example.com", {"StringEquals": {"idp.example.com:sub": "svc-a", "idp.example.com:aud": "x"}}, None),
    ],
)
def test_how_wide_the_door_of_an_issuer_is(
    sketch: Sketch, issuer: str, conditions: dict[str, Any], width: str | None
) -> None:
    (row,) = rows(sketch, trust({"Federated": f"{ISSUERS}{issuer}"}, WEB, Condition=conditions))
    assert row.width == width


def test_subjects_and_audience_are_told(sketch: Sketch) -> None:
    subjects = ["repo:octo/b:ref:x", "repo:octo/a:ref:x"]
    (row,) = rows(sketch, trust({"Federated": f"{ISSUERS}{GITHUB}"}, WEB, Condition=of_github(subjects)))
    assert (row.subject, row.audience) == ("repo:octo/a:ref:x,repo:octo/b:ref:x", 1)
    assert (row.external, row.confidence) == (0, "proven")


COGNITO = "cognito-identity.amazonaws.com"
POOL = {"StringEquals": {f"{COGNITO}:aud": "eu-west-1:pool"}}


@pytest.mark.parametrize(
    ("conditions", "width"),
    [
        ({**POOL, "ForAnyValue:StringLike": {f"{COGNITO}:amr": "unauthenticated"}}, "unauthenticated"),
        ({**POOL, "ForAnyValue:StringLike": {f"{COGNITO}:amr": ["authenticated", "*"]}}, "unauthenticated"),
        (POOL, "unauthenticated"),
        ({**POOL, "ForAnyValue:StringLike": {f"{COGNITO}:amr": "authenticated"}}, None),
        ({"ForAnyValue:StringLike": {f"{COGNITO}:amr": "authenticated"}}, "no-audience"),
    ],
)
def test_identity_pools_and_their_guests(sketch: Sketch, conditions: dict[str, Any], width: str | None) -> None:
    (row,) = rows(sketch, trust({"Federated": COGNITO}, WEB, Condition=conditions))
    assert row.width == width


@pytest.mark.parametrize(
    ("conditions", "width"),
    [({"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}, None), ({}, "no-audience")],
)
def test_saml_providers_say_for_whom(sketch: Sketch, conditions: dict[str, Any], width: str | None) -> None:
    provider = {"Federated": "arn:aws:iam::111111111111:saml-provider/corp"}
    (row,) = rows(sketch, trust(provider, "sts:AssumeRoleWithSAML", Condition=conditions))
    assert (row.width, row.audience) == (width, int(width is None))

"""Layers around a principal, and becoming a role: what holds it back, and what was not read."""

from collections.abc import Callable
from typing import Any

import pytest

from nhiscan_aws.analyzer.estate import Answer
from nhiscan_aws.sketch import ACCOUNT, ORGANIZATION, ROOT, Sketch, allow, deny, policy, trust

OTHER = "222222222222"
FULL = policy(allow())
ASSUME = policy(allow("sts:AssumeRole"))
HERE = f"arn:aws:iam::{ACCOUNT}"
THERE = f"arn:aws:iam::{OTHER}"
EC2 = {"Service": "ec2.amazonaws.com"}


def state(answer: Answer) -> tuple[str, tuple[str, ...]]:
    return answer.state, answer.reasons


# --- what holds a principal back, and where it is named ---


def test_what_denies_is_named_with_its_statement(sketch: Sketch) -> None:
    user = sketch.user("ann", FULL, policy(deny("s3:*", Sid="NoBuckets")))
    sketch.bound(user, policy(allow("ec2:*"), deny("s3:Get*", Sid="NoReading")))
    answer = sketch.principal(user).check("s3:GetObject", "arn:aws:s3:::b/x")
    assert answer.state == "denied"
    assert answer.limited_by == (f"identity|{user}|inline_policy|p1|NoBuckets",)
    answer = sketch.principal(user).check("iam:CreateUser")
    assert answer.limited_by == (f"permissions_boundary|{user}|permissions_boundary|ANPAboundary|",)


def test_what_was_never_granted_is_limited_by_nothing(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(deny("s3:*")))
    sketch.bound(user, policy(allow("ec2:*")))
    assert sketch.principal(user).check("s3:GetObject").limited_by == ()


def test_a_group_has_rights_as_if_a_member_had_only_the_group(sketch: Sketch) -> None:
    group = sketch.group("devs", policy(allow("s3:*"), deny("s3:Delete*")))
    user = sketch.user("ann", policy(allow("ec2:*")))
    sketch.join(user, group)
    estate = sketch.estate()
    assert estate.groups[group].check("s3:GetObject").state == "allowed"
    assert estate.groups[group].check("ec2:RunInstances").state == "denied"
    assert estate.principals[user].check("s3:GetObject").allows[0].layer == "group"
    assert estate.principals[user].check("s3:DeleteObject").limited_by == (f"group|{group}|inline_policy|p0|2",)
    assert set(estate.principals) == {user}


def test_policies_are_joined_over_grants(sketch: Sketch) -> None:
    user = sketch.user("ann", policy(allow("iam:PassRole", f"{HERE}:role/app")))
    sketch.attach(user, "more", policy(allow("iam:PassRole", f"{HERE}:role/db"), allow("ec2:RunInstances")))
    principal = sketch.principal(user)
    assert principal.resources("iam:PassRole") == (f"{HERE}:role/app", f"{HERE}:role/db")
    assert principal.check("iam:PassRole", f"{HERE}:role/db").allows[0].name == "more"
    assert principal.check("iam:PassRole", f"{HERE}:role/x").state == "denied"


def test_answers_name_the_statements_that_allow_without_conditions_first(sketch: Sketch) -> None:
    mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    user = sketch.user("ann", policy(allow("s3:*", Sid="Mfa", **mfa), allow("s3:Get*", Sid="Reading")))
    answer = sketch.principal(user).check("s3:GetObject")
    assert [(one.statement, one.conditions) for one in answer.allows] == [
        ("Reading", ()),
        ("Mfa", ("aws:MultiFactorAuthPresent",)),
    ]
    assert state(answer) == ("allowed", ())


# --- what was not read ---


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "document-unread"), ("{broken", "document-unreadable"), ('{"Statement":[1]}', "document-unreadable")],
)
def test_a_policy_that_was_not_read_leaves_nothing_certain(sketch: Sketch, text: str | None, reason: str) -> None:
    user = sketch.user("ann", policy(allow("s3:*")))
    sketch.attach(user, "gone", text)
    principal = sketch.principal(user)
    assert state(principal.check("s3:GetObject")) == ("conditional", (reason,))
    assert state(principal.check("ec2:RunInstances")) == ("denied", (reason,))
    assert principal.unread == (reason,)


@pytest.mark.parametrize(("text", "reason"), [(None, "boundary-unread"), ("{broken", "document-unreadable")])
def test_a_boundary_that_was_not_read_takes_nothing_away_and_leaves_nothing_certain(
    sketch: Sketch, text: str | None, reason: str
) -> None:
    user = sketch.user("ann", policy(allow("s3:*")))
    sketch.bound(user, text)
    principal = sketch.principal(user)
    assert state(principal.check("s3:GetObject")) == ("conditional", (reason,))
    assert principal.check("ec2:RunInstances").state == "denied"
    assert principal.possible & sketch.estate().table.bit("s3:GetObject")


def test_members_that_were_not_read_may_have_more(sketch: Sketch) -> None:
    account = sketch.account()
    user = sketch.user("ann", policy(allow("s3:*")))
    role = sketch.role("app", policy(allow("s3:*")))
    sketch.records.gap(account, "relation:member_of")
    assert sketch.principal(user).unread == ("membership-unread",)
    assert sketch.principal(role).unread == ()


# --- policies of the organisation ---


def member(sketch: Sketch, *texts: str, number: str = ACCOUNT) -> str:
    """A member account right below the root, with the policies at both."""
    account = sketch.account(number, organization=True)
    for place, text in enumerate(texts):
        sketch.guardrail(ROOT, f"r{place}", text)
        sketch.guardrail(account, f"a{place}", FULL)
    return account


def test_in_no_organisation_nothing_of_one_holds(sketch: Sketch) -> None:
    user = sketch.user("ann", FULL)
    assert state(sketch.principal(user).check("s3:GetObject")) == ("allowed", ())


def test_where_nobody_knows_of_an_organisation_it_is_conditional_and_no_condition(sketch: Sketch) -> None:
    sketch.account(organization=None)
    user = sketch.user("ann", FULL)
    answer = sketch.principal(user).check("s3:GetObject")
    assert (state(answer), answer.conditions) == (("conditional", ("scp-unread",)), ())
    assert sketch.principal(user).possible == sketch.principal(user).sure
    assert sketch.principal(user).unread == ("scp-unread",)


def test_a_member_that_may_not_read_the_policies_is_conditional(sketch: Sketch) -> None:
    sketch.organization()
    member(sketch, FULL)
    sketch.records.gap(ORGANIZATION, "access_grant:service_control_policy")
    user = sketch.user("ann", FULL)
    assert state(sketch.principal(user).check("s3:GetObject")) == ("conditional", ("scp-unread",))


def test_a_member_whose_way_to_the_root_is_not_known_is_conditional(sketch: Sketch) -> None:
    sketch.organization()
    sketch.guardrail(ROOT, "full", FULL)
    sketch.account(organization=True, unit=ORGANIZATION)
    user = sketch.user("ann", FULL)
    assert state(sketch.principal(user).check("s3:GetObject")) == ("conditional", ("scp-unread",))


def test_a_document_of_the_organisation_that_was_not_read_is_told(sketch: Sketch) -> None:
    sketch.organization()
    member(sketch, FULL)
    sketch.guardrail(ROOT, "gone", None)
    user = sketch.user("ann", FULL)
    assert state(sketch.principal(user).check("s3:GetObject")) == ("conditional", ("scp-unread",))


def test_an_organisation_without_such_policies_takes_nothing_away(sketch: Sketch) -> None:
    sketch.organization()
    sketch.account(organization=True)
    user = sketch.user("ann", FULL)
    assert state(sketch.principal(user).check("s3:GetObject")) == ("allowed", ())


def test_the_management_account_is_free(sketch: Sketch) -> None:
    sketch.organization()
    member(sketch, policy(deny("s3:*")), number="999999999999")
    user = sketch.user("ann", FULL, account="999999999999")
    assert state(sketch.principal(user).check("s3:GetObject")) == ("allowed", ())


def test_what_the_organisation_denies_is_named(sketch: Sketch) -> None:
    sketch.organization()
    member(sketch, FULL, policy(deny("s3:*", Sid="NoBuckets")))
    user = sketch.user("ann", FULL)
    answer = sketch.principal(user).check("s3:GetObject")
    assert answer.limited_by == (f"service_control_policy|{ROOT}|service_control_policy|r1|NoBuckets",)
    other = sketch.user("bob", FULL, account=OTHER)
    assert sketch.principal(other).check("s3:GetObject").state == "allowed"


def test_a_perimeter_around_the_organisation_leaves_its_own_resources(sketch: Sketch) -> None:
    """Source: IAM User Guide, aws:ResourceOrgID."""
    sketch.organization()
    outside = {"StringNotEqualsIfExists": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
    member(sketch, FULL, policy(deny("*", Condition=outside)))
    user = sketch.user("ann", FULL)
    principal = sketch.principal(user)
    assert state(principal.check("sqs:SendMessage", "*")) == ("allowed", ())
    assert principal.sure & sketch.estate().table.bit("sqs:SendMessage")
    assert principal.check("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q").state == "allowed"
    foreign = principal.check("sqs:SendMessage", "arn:aws:sqs:eu-west-1:333333333333:q")
    assert (foreign.state, foreign.conditions) == ("conditional", ("aws:ResourceOrgID",))


# --- tags ---


def test_tags_of_a_role_may_come_with_a_session_where_its_trust_lets_them(sketch: Sketch) -> None:
    """Source: IAM User Guide, "Pass session tags in AWS STS"."""
    by_tag = policy(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}))
    plain = sketch.role("plain", by_tag, trusts=policy(trust(EC2)))
    tagged = sketch.role("tagged", by_tag, trusts=policy(trust(EC2, ["sts:AssumeRole", "sts:TagSession"])))
    assert sketch.principal(plain).check("s3:GetObject").state == "denied"
    assert sketch.principal(tagged).check("s3:GetObject").conditions == ("aws:PrincipalTag/team",)


def test_tags_and_boundary_of_the_identity_acted_upon_are_known(sketch: Sketch) -> None:
    """Source: IAM User Guide, "IAM and AWS STS condition context keys"."""
    by_tag = {"Condition": {"StringEquals": {"iam:ResourceTag/team": "red"}}}
    bounded = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": f"{HERE}:policy/limit"}}}
    user = sketch.user("ann", policy(allow("iam:CreateAccessKey", **by_tag), allow("iam:PutRolePolicy", **bounded)))
    sketch.user("red", tags={"team": "red"})
    sketch.user("blue", tags={"team": "blue"})
    free = sketch.role("free")
    held = sketch.role("held")
    sketch.bound(held, FULL, "limit")
    assert free != held
    principal = sketch.principal(user)
    assert principal.check("iam:CreateAccessKey", f"{HERE}:user/red").state == "allowed"
    assert principal.check("iam:CreateAccessKey", f"{HERE}:user/blue").state == "denied"
    assert principal.check("iam:CreateAccessKey", f"{HERE}:user/nobody").state == "conditional"
    assert principal.check("iam:PutRolePolicy", f"{HERE}:role/held").state == "allowed"
    assert principal.check("iam:PutRolePolicy", f"{HERE}:role/free").state == "denied"


# --- finding ---


def test_identities_are_found_by_all_their_names(sketch: Sketch) -> None:
    user = sketch.user("ann")
    role = sketch.role("ann")
    estate = sketch.estate()
    assert estate.find("ann") == sorted([user, role])
    assert estate.find(f"{HERE}:user/ann") == [user]
    assert estate.find(user) == [user]
    assert estate.find(user.rpartition("/")[2]) == [user]
    assert estate.find("Ann") == []


# --- becoming a role ---

TRUSTED: list[tuple[str, Any, str, dict[str, Any], str]] = [
    # (what, principal of the trust, own policy, more, expected)
    ("an account hands on the question", {"AWS": ACCOUNT}, ASSUME, {}, "allowed"),
    ("and nothing answers it", {"AWS": ACCOUNT}, policy(allow("s3:*")), {}, "denied"),
    ("a user by name needs nothing more", {"AWS": f"{HERE}:user/ann"}, policy(allow("s3:*")), {}, "allowed"),
    ("another user does not get in", {"AWS": f"{HERE}:user/bob"}, ASSUME, {}, "denied"),
    ("anybody needs nothing more", "*", policy(allow("s3:*")), {}, "allowed"),
    ("another account is no help", {"AWS": OTHER}, ASSUME, {}, "denied"),
    ("a service is no user", EC2, ASSUME, {}, "denied"),
    ("a Deny of one's own wins over the trust", {"AWS": f"{HERE}:user/ann"}, policy(deny("sts:*")), {}, "denied"),
    (
        "a boundary does not hold a user back who is named",
        {"AWS": f"{HERE}:user/ann"},
        policy(allow("s3:*")),
        {"boundary": policy(allow("s3:*"))},
        "allowed",
    ),
    (
        "its Deny does",
        {"AWS": f"{HERE}:user/ann"},
        policy(allow("s3:*")),
        {"boundary": policy(allow(), deny("sts:*"))},
        "denied",
    ),
    (
        "a boundary holds a role back that is named",
        {"AWS": f"{HERE}:role/ann"},
        ASSUME,
        {"boundary": policy(allow("s3:*")), "kind": "role"},
        "denied",
    ),
    (
        "a role by name needs nothing more",
        {"AWS": f"{HERE}:role/ann"},
        policy(allow("s3:*")),
        {"kind": "role"},
        "allowed",
    ),
    (
        "a boundary holds back what an account hands on",
        {"AWS": ACCOUNT},
        ASSUME,
        {"boundary": policy(allow("s3:*"))},
        "denied",
    ),
    (
        "one session of a role depends on its name",
        {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/ann/ci"},
        ASSUME,
        {"kind": "role"},
        "conditional",
    ),
    ("an identity elsewhere needs its own policy", {"AWS": f"{THERE}:user/ann"}, ASSUME, {"account": OTHER}, "allowed"),
    (
        "and does not get in without",
        {"AWS": f"{THERE}:user/ann"},
        policy(allow("s3:*")),
        {"account": OTHER},
        "denied",
    ),
    ("an account elsewhere hands on the question", {"AWS": OTHER}, ASSUME, {"account": OTHER}, "allowed"),
    ("anybody elsewhere needs an own policy", "*", policy(allow("s3:*")), {"account": OTHER}, "denied"),
    ("and with one gets in", "*", ASSUME, {"account": OTHER}, "allowed"),
    (
        "elsewhere a boundary holds back also who is named",
        {"AWS": f"{THERE}:user/ann"},
        ASSUME,
        {"account": OTHER, "boundary": policy(allow("s3:*"))},
        "denied",
    ),
]


@pytest.mark.parametrize(("what", "principal", "own", "more", "expected"), TRUSTED, ids=[case[0] for case in TRUSTED])
def test_who_may_become_a_role(
    sketch: Sketch, what: str, principal: Any, own: str, more: dict[str, Any], expected: str
) -> None:
    account = more.get("account", ACCOUNT)
    make = sketch.role if more.get("kind") == "role" else sketch.user
    asker = make("ann", own, account=account)
    if "boundary" in more:
        sketch.bound(asker, more["boundary"])
    role = sketch.role("target", FULL, trusts=policy(trust(principal)))
    answer = sketch.estate().assumes(asker, role)
    assert answer.state == expected
    assert bool(answer.allows) is (expected != "denied")


def test_the_condition_of_a_trust_is_asked_of_whoever_comes(sketch: Sketch) -> None:
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    role = sketch.role("target", trusts=policy(trust({"AWS": ACCOUNT}, Condition=red)))
    ann = sketch.user("ann", ASSUME, tags={"team": "red"})
    bob = sketch.user("bob", ASSUME, tags={"team": "blue"})
    assert sketch.estate().assumes(ann, role).state == "allowed"
    assert sketch.estate().assumes(bob, role).state == "denied"


def test_an_external_id_is_a_condition(sketch: Sketch) -> None:
    role = sketch.role(
        "target", trusts=policy(trust({"AWS": OTHER}, Condition={"StringEquals": {"sts:ExternalId": "x"}}))
    )
    ann = sketch.user("ann", ASSUME, account=OTHER)
    answer = sketch.estate().assumes(ann, role)
    assert (answer.state, answer.conditions) == ("conditional", ("sts:ExternalId",))
    assert sketch.estate().assumes(ann, role, {"sts:externalid": ("x",)}).state == "allowed"
    assert sketch.estate().assumes(ann, role, {"sts:externalid": ()}).state == "denied"


def test_a_deny_of_a_trust_wins_and_is_named(sketch: Sketch) -> None:
    against = {"Effect": "Deny", "Principal": {"AWS": f"{HERE}:user/ann"}, "Action": "sts:*", "Sid": "NotAnn"}
    role = sketch.role("target", trusts=policy(trust({"AWS": ACCOUNT}), against))
    ann, bob = sketch.user("ann", FULL), sketch.user("bob", FULL)
    answer = sketch.estate().assumes(ann, role)
    assert (answer.state, answer.limited_by) == ("denied", (f"trust|{role}|NotAnn",))
    assert sketch.estate().assumes(bob, role).state == "allowed"


def test_a_role_whose_trust_was_not_read_lets_nobody_in_for_certain(sketch: Sketch) -> None:
    role = sketch.role("target", trusts=None)
    ann = sketch.user("ann", FULL)
    assert state(sketch.estate().assumes(ann, role)) == ("denied", ("document-unread",))
    assert state(sketch.estate().admits(role, "ec2.amazonaws.com")) == ("denied", ("document-unread",))
    assert sketch.estate().doors(role) == ()


def test_policies_of_the_organisation_hold_whoever_would_become_a_role(sketch: Sketch) -> None:
    sketch.organization()
    member(sketch, FULL, policy(deny("sts:AssumeRole", Sid="Stay")))
    role = sketch.role("target", trusts=policy(trust({"AWS": f"{HERE}:user/ann"})))
    ann = sketch.user("ann", FULL)
    answer = sketch.estate().assumes(ann, role)
    assert answer.limited_by == (f"service_control_policy|{ROOT}|service_control_policy|r1|Stay",)


def test_resource_control_policies_hold_the_door(sketch: Sketch) -> None:
    sketch.organization()
    account = member(sketch, FULL)
    whole = policy({**allow(), "Principal": "*"})
    strangers = {"StringNotEqualsIfExists": {"aws:PrincipalAccount": ACCOUNT}}
    for scope in (ROOT, account):
        sketch.guardrail(scope, "full", whole, "resource_control_policy")
    sketch.guardrail(
        account, "own", policy({**deny("sts:*", Condition=strangers), "Principal": "*"}), "resource_control_policy"
    )
    role = sketch.role("target", trusts=policy(trust("*")))
    ann = sketch.user("ann", FULL)
    bob = sketch.user("bob", FULL, account=OTHER)
    assert sketch.estate().assumes(ann, role).state == "allowed"
    answer = sketch.estate().assumes(bob, role)
    assert answer.limited_by == (f"resource_control_policy|{account}|resource_control_policy|own|1",)


@pytest.mark.parametrize(
    ("conditions", "context", "expected"),
    [
        ({}, {}, "allowed"),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, {}, "allowed"),
        ({"StringEquals": {"aws:SourceAccount": OTHER}}, {}, "denied"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:ec2:*:*:instance/*"}}, {}, "conditional"),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:ec2:*:*:instance/*"}},
            {"aws:sourcearn": (f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1",)},
            "allowed",
        ),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, {}, "allowed"),
    ],
)
def test_which_services_a_role_lets_in(
    sketch: Sketch, conditions: dict[str, Any], context: dict[str, tuple[str, ...]], expected: str
) -> None:
    role = sketch.role("app", trusts=policy(trust(EC2, Condition=conditions)))
    estate = sketch.estate()
    assert estate.admits(role, "ec2.amazonaws.com", context).state == expected
    assert estate.admits(role, "lambda.amazonaws.com", context).state == "denied"
    assert estate.admitting("ec2.amazonaws.com") == (role,)
    assert estate.admitting("lambda.amazonaws.com") == ()


def test_who_comes_by_an_identity_provider(sketch: Sketch) -> None:
    provider = f"{HERE}:oidc-provider/token.actions.githubusercontent.com"
    by_subject = {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:octo/app:*"}}
    action = "sts:AssumeRoleWithWebIdentity"
    role = sketch.role("ci", trusts=policy(trust({"Federated": provider}, action, Condition=by_subject)))
    estate = sketch.estate()
    assert estate.admits_federated(role, provider, action).state == "conditional"
    own = {"token.actions.githubusercontent.com:sub": ("repo:octo/app:ref:refs/heads/main",)}
    assert estate.admits_federated(role, provider, action, own).state == "allowed"
    other = {"token.actions.githubusercontent.com:sub": ("repo:evil/app:ref:refs/heads/main",)}
    assert estate.admits_federated(role, provider, action, other).state == "denied"
    assert estate.admits_federated(role, "arn:aws:iam::1:saml-provider/x", action).state == "denied"
    (door,) = estate.doors(role)
    assert (door.kind, door.value, door.actions) == ("federated", provider, (action.lower(),))


# --- the order of things ---


def test_equal_estates_give_equal_masks_whatever_else_there_is(new_sketch: Callable[[], Sketch]) -> None:
    text = policy(allow(["s3:*", "codestar:CreateProject"]), deny("s3:Delete*", "arn:aws:s3:::b/*"))

    def masks(*, more: bool) -> list[str]:
        sketch = new_sketch()
        if more:
            sketch.user("zoe", policy(allow(["ec2:*", "zzz:Last"])))
        user = sketch.user("ann", text)
        table = sketch.estate().table
        return [",".join(table.names(mask)) for mask in sketch.principal(user).power]

    assert masks(more=False) == masks(more=True)

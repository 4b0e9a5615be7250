"""Ways to more rights in sketched estates: what the world of all sets has no case for."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nhiscan.model import Alias, Credential, EscalationPath
from nhiscan.testing.records import MemoryRecords
from nhiscan_aws.analyzer import escalation
from nhiscan_aws.analyzer.escalation.asking import Asker
from nhiscan_aws.analyzer.escalation.roster import Roster, rank_of
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.sketch import ACCOUNT, Sketch, allow, deny, policy, trust

ARN = f"arn:aws:iam::{ACCOUNT}:"
LAMBDA = policy(trust({"Service": "lambda.amazonaws.com"}))
OPEN = policy(trust({"AWS": ACCOUNT}))
ELSEWHERE = policy(trust({"Service": "config.amazonaws.com"}))
ALL = policy(allow())
FUNCTIONS = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]
INVOKE = "lambda-create-function-invoke"


def rows(sketch: Sketch) -> dict[tuple[str, str], EscalationPath]:
    """(name of the principal, method) -> row."""
    estate = Estate(sketch.records)
    return {(estate.identities[row.principal].name, row.method): row for row in escalation.find(estate).paths()}


def names(sketch: Sketch, row: EscalationPath) -> str | None:
    identities = Estate(sketch.records).identities
    return None if row.target is None else identities[row.target].name


def change(sketch: Sketch, key: str, **facts: Any) -> None:
    """Facts of an identity that `Sketch` does not set."""
    (identity,) = [one for one in sketch.records.identities(key.rsplit("/", 2)[0]) if one.key == key]
    sketch.records.add(identity._replace(**facts))


def keys(sketch: Sketch, user: str, count: int) -> None:
    for number in range(count):
        scope = user.rsplit("/", 2)[0]
        name = f"AKIA{number}{user[-8:]}"
        sketch.records.add(Credential(f"{scope}/access_key/{name}", scope, "access_key", name, name, user, "active"))


def test_a_policy_that_may_be_attached_by_name_only_gives_more_and_no_administrator(sketch: Sketch) -> None:
    only = {"Condition": {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}}
    sketch.user("narrow", policy(allow("iam:AttachUserPolicy", f"{ARN}user/narrow", **only)))
    wide = {"Condition": {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/*"}}}
    sketch.user("wide", policy(allow("iam:AttachUserPolicy", f"{ARN}user/wide", **wide)))
    found = rows(sketch)
    narrow = found["narrow", "iam-attach-user-policy"]
    assert (narrow.outcome, narrow.grade, narrow.conditions) == ("more", "conditional", '["iam:PolicyARN"]')
    assert found["wide", "iam-attach-user-policy"].outcome == "administrator"
    assert found["wide", "iam-attach-user-policy"].confidence == "proven"


def test_a_boundary_leaves_what_it_allows_and_no_more(sketch: Sketch) -> None:
    held = sketch.user("held", policy(allow("iam:PutUserPolicy", f"{ARN}user/held")))
    sketch.attach(held, "b", policy(allow(["iam:PutUserPolicy", "s3:*"])), kind="permissions_boundary")
    tight = sketch.user("tight", policy(allow("iam:PutUserPolicy", f"{ARN}user/tight")))
    sketch.attach(tight, "c", policy(allow("iam:PutUserPolicy", f"{ARN}user/tight")), kind="permissions_boundary")
    found = rows(sketch)
    assert found["held", "iam-put-user-policy"].outcome == "more"
    assert ("tight", "iam-put-user-policy") not in found


def test_policies_of_the_organisation_that_were_not_read_are_told_apart_from_conditions(sketch: Sketch) -> None:
    sketch.account(organization=None)
    sketch.user("user", policy(allow(FUNCTIONS)))
    sketch.role("target", ALL, trusts=LAMBDA)
    row = rows(sketch)["user", INVOKE]
    assert (row.grade, row.confidence, row.conditional) == ("exploitable_now", "conditional", 0)
    assert (row.reason, row.conditions) == ("scp-unread", None)


def test_a_policy_of_the_organisation_takes_a_way_away(sketch: Sketch) -> None:
    sketch.organization()
    account = sketch.account(organization=True)
    sketch.guardrail(account, "full", ALL)
    sketch.guardrail("aws/organizational_unit/aws:r-abcd", "full", ALL)
    sketch.user("user", policy(allow(FUNCTIONS)))
    sketch.role("target", ALL, trusts=LAMBDA)
    assert ("user", INVOKE) in rows(sketch)
    sketch.guardrail(account, "no-passing", policy(deny("iam:PassRole")))
    assert rows(sketch) == {}


@pytest.mark.parametrize(
    ("number", "free", "full"), [(0, True, False), (1, True, False), (2, False, True)], ids=["none", "one", "two"]
)
def test_a_user_has_two_access_keys_at_most(sketch: Sketch, number: int, free: bool, full: bool) -> None:
    boss = sketch.user("boss", ALL)
    keys(sketch, boss, number)
    sketch.user("maker", policy(allow(["iam:CreateAccessKey", "iam:DeleteAccessKey"], f"{ARN}user/boss")))
    found = rows(sketch)
    assert (("maker", "iam-create-access-key") in found) == free
    assert (("maker", "iam-create-access-key-delete") in found) == full


def test_without_the_list_of_keys_both_ways_are_possible(sketch: Sketch) -> None:
    sketch.user("boss", ALL)
    sketch.records.gap(f"aws/account/aws:{ACCOUNT}", "credential:access_key")
    sketch.user("maker", policy(allow(["iam:CreateAccessKey", "iam:DeleteAccessKey"], f"{ARN}user/boss")))
    found = rows(sketch)
    for method in ("iam-create-access-key", "iam-create-access-key-delete"):
        row = found["maker", method]
        assert (row.confidence, row.grade, row.reason) == ("possible", "needs_resource", "resource-unread")
        assert row.needs is not None


@pytest.mark.parametrize(
    ("console", "mfa", "create", "update"),
    [
        (1, 0, None, "proven"),
        (1, 1, None, "possible"),
        (0, 0, "proven", None),
        (0, 1, "possible", None),
        (None, None, "possible", "possible"),
    ],
)
def test_passwords_are_made_once_and_a_second_factor_stands_in_the_way(
    sketch: Sketch, console: int | None, mfa: int | None, create: str | None, update: str | None
) -> None:
    change(sketch, sketch.user("boss", ALL), console_access=console, mfa=mfa)
    sketch.user("maker", policy(allow(["iam:CreateLoginProfile", "iam:UpdateLoginProfile"], f"{ARN}user/boss")))
    found = rows(sketch)
    for method, confidence in (("iam-create-login-profile", create), ("iam-update-login-profile", update)):
        row = found.get(("maker", method))
        assert (None if row is None else row.confidence) == confidence


def test_an_instance_takes_a_role_by_its_profile_only(sketch: Sketch) -> None:
    bare = sketch.role("bare", ALL)
    sketch.user("user", policy(allow(["iam:PassRole", "ec2:RunInstances"])))
    assert rows(sketch) == {}
    scope = f"aws/account/aws:{ACCOUNT}"
    profile = f"{ARN}instance-profile/bare"
    sketch.records.add(Alias(f"{bare}|instance_profile|{profile}", scope, bare, "instance_profile", profile))
    assert rows(sketch)["user", "ec2-run-instances"].confidence == "proven"


def test_instance_profiles_that_were_not_read_may_be_there(sketch: Sketch) -> None:
    sketch.role("bare", ALL)
    sketch.user("user", policy(allow(["iam:PassRole", "ec2:RunInstances"])))
    sketch.records.gap(f"aws/account/aws:{ACCOUNT}", "alias")
    row = rows(sketch)["user", "ec2-run-instances"]
    assert (row.confidence, row.reason) == ("possible", "resource-unread")
    assert row.needs == "an instance profile with that role"


def test_a_cluster_needs_a_second_role(sketch: Sketch) -> None:
    sketch.role("service", policy(), trusts=policy(trust({"Service": "elasticmapreduce.amazonaws.com"})))
    host = sketch.role("host", ALL)
    profile = f"{ARN}instance-profile/host"
    scope = f"aws/account/aws:{ACCOUNT}"
    sketch.records.add(Alias(f"{host}|instance_profile|{profile}", scope, host, "instance_profile", profile))
    run = allow("elasticmapreduce:RunJobFlow")
    sketch.user("both", policy(run, allow("iam:PassRole")))
    sketch.user("one", policy(run, allow("iam:PassRole", f"{ARN}role/host")))
    found = rows(sketch)
    assert found["both", "elasticmapreduce-run-job-flow"].confidence == "proven"
    assert found["one", "elasticmapreduce-run-job-flow"].confidence == "possible"


def test_the_best_target_is_told_and_the_others_are_counted(sketch: Sketch) -> None:
    sketch.role("a-reader", policy(allow("s3:GetObject")), trusts=LAMBDA)
    sketch.role("boss", ALL, trusts=LAMBDA)
    sketch.role("nothing", policy(), trusts=LAMBDA)
    sketch.role("z-writer", policy(allow("s3:*")), trusts=LAMBDA)
    sketch.user("user", policy(allow(FUNCTIONS)))
    sketch.user("not-boss", policy(allow(FUNCTIONS), deny("iam:PassRole", f"{ARN}role/boss")))
    sketch.user("has-s3", policy(allow(FUNCTIONS), allow("s3:*"), deny("iam:PassRole", f"{ARN}role/boss")))
    found = rows(sketch)
    assert (names(sketch, found["user", INVOKE]), found["user", INVOKE].targets) == ("boss", 3)
    row = found["not-boss", INVOKE]
    assert (row.outcome, names(sketch, row), row.targets) == ("more", "z-writer", 2)
    assert ("has-s3", INVOKE) not in found


def test_a_role_that_tags_exclude_is_no_target(sketch: Sketch) -> None:
    sketch.role("tagged", ALL, trusts=ELSEWHERE, tags={"team": "red"})
    sketch.role("other", ALL, trusts=ELSEWHERE, tags={"team": "blue"})
    only = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}}
    sketch.user("user", policy(allow("iam:UpdateAssumeRolePolicy", "*", **only)))
    row = rows(sketch)["user", "iam-update-assume-role-policy"]
    assert (names(sketch, row), row.targets, row.confidence) == ("tagged", 1, "proven")


def test_a_user_may_do_to_itself_what_a_variable_lets_it(sketch: Sketch) -> None:
    sketch.user("boss", ALL)
    own = policy(allow(["iam:CreateAccessKey", "iam:PutUserPolicy"], "arn:aws:iam::*:user/${aws:username}"))
    sketch.user("user", own)
    sketch.user("twin", own)
    assert set(rows(sketch)) == {("user", "iam-put-user-policy"), ("twin", "iam-put-user-policy")}


def test_roles_that_aws_made_cannot_be_changed(sketch: Sketch) -> None:
    sketch.role("linked", ALL, path="/aws-service-role/x.amazonaws.com/", trusts=LAMBDA)
    sketch.role("AWSReservedSSO_A_1", ALL, path="/aws-reserved/sso.amazonaws.com/", trusts=ELSEWHERE)
    sketch.user("user", policy(allow(["iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", *FUNCTIONS])))
    assert rows(sketch) == {}


def test_a_role_that_names_a_principal_demands_no_permission_to_assume_it(sketch: Sketch) -> None:
    sketch.role("boss", trusts=policy(trust({"AWS": f"{ARN}user/user"})))
    sketch.user("user", policy(allow("iam:AttachRolePolicy", f"{ARN}role/boss")))
    sketch.user("other", policy(allow("iam:AttachRolePolicy", f"{ARN}role/boss")))
    found = rows(sketch)
    assert set(found) == {("user", "iam-attach-role-policy-assume-role")}
    row = found["user", "iam-attach-role-policy-assume-role"]
    assert (row.outcome, row.confidence, row.action) == ("administrator", "proven", "iam:AttachRolePolicy")


def test_a_role_that_names_a_principal_is_left_by_its_trust_document(sketch: Sketch) -> None:
    boss = sketch.role("boss", ALL, trusts=policy({**trust({"AWS": f"{ARN}user/user"}), "Sid": "Door"}))
    sketch.user("user")
    row = rows(sketch)["user", "sts-assume-role"]
    assert (row.action, row.via, row.statement) == ("sts:AssumeRole", None, "Door")
    assert json.loads(row.steps)[0]["allows"][0]["grant"] == boss


def test_a_deny_of_assuming_outlives_a_new_trust_document(sketch: Sketch) -> None:
    sketch.role("boss", ALL, trusts=ELSEWHERE)
    sketch.user("user", policy(allow("iam:UpdateAssumeRolePolicy"), deny("sts:AssumeRole")))
    assert rows(sketch) == {}


def moved(sketch: Sketch, partition: str) -> MemoryRecords:
    """The same estate in another partition."""
    found = MemoryRecords(sketch.records.as_of, sketch.records.reference())

    def renamed(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        document = sketch.records.document(value)
        if document is not None:
            return found.keep(renamed(document.text))
        return value.replace("/aws:", f"/{partition}:").replace("arn:aws:", f"arn:{partition}:")

    for scope in sketch.records.scopes():
        found.add(scope._replace(key=renamed(scope.key), native_id=f"{partition}:{ACCOUNT}"))
        for read in (sketch.records.identities, sketch.records.grants, sketch.records.aliases, sketch.records.settings):
            for record in read(scope.key):
                found.add(type(record)._make(renamed(value) for value in record))
    return found


@pytest.mark.parametrize(
    ("principal", "partition", "ways"),
    [
        ("ec2.amazonaws.com", "aws", 1),
        ("ec2.amazonaws.com.cn", "aws", 0),
        ("ec2.amazonaws.com", "aws-cn", 1),
        ("ec2.amazonaws.com.cn", "aws-cn", 1),
        ("ec2.amazonaws.com.cn", "aws-us-gov", 0),
    ],
)
def test_a_partition_has_its_own_names_of_services(sketch: Sketch, principal: str, partition: str, ways: int) -> None:
    boss = sketch.role("boss", ALL, trusts=policy(trust({"Service": principal})))
    profile = f"{ARN}instance-profile/boss"
    scope = f"aws/account/aws:{ACCOUNT}"
    sketch.records.add(Alias(f"{boss}|instance_profile|{profile}", scope, boss, "instance_profile", profile))
    here = {"Condition": {"StringEquals": {"iam:PassedToService": principal}}}
    sketch.user("user", policy(allow("iam:PassRole", **here), allow("ec2:RunInstances")))
    found = list(escalation.find(Estate(moved(sketch, partition))).paths())
    assert [row.method for row in found] == ["ec2-run-instances"] * ways


def test_who_speaks_for_a_provider_becomes_the_roles_that_trust_it(sketch: Sketch) -> None:
    idp, other = f"{ARN}saml-provider/idp", f"{ARN}saml-provider/other"
    sketch.role("boss", ALL, trusts=policy(trust({"Federated": idp}, "sts:AssumeRoleWithSAML")))
    sketch.user("user", policy(allow("iam:UpdateSAMLProvider", idp)))
    sketch.user("another", policy(allow("iam:UpdateSAMLProvider", other)))
    found = rows(sketch)
    assert set(found) == {("user", "iam-update-saml-provider")}
    step = json.loads(found["user", "iam-update-saml-provider"].steps)[0]
    assert [allowed["action"] for allowed in step["allows"]] == ["iam:UpdateSAMLProvider", "sts:AssumeRoleWithSAML"]


def test_an_administrator_under_a_condition_is_told_what_makes_it_one_without(sketch: Sketch) -> None:
    sketch.role("boss", ALL, trusts=OPEN)
    mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    sketch.user("careful", policy(allow("*", **mfa)))
    sketch.user("careless", policy(allow("*", **mfa), allow("sts:AssumeRole", f"{ARN}role/boss")))
    assert set(rows(sketch)) == {("careless", "sts-assume-role")}


def test_a_condition_on_the_rights_of_a_target_is_one_on_the_way(sketch: Sketch) -> None:
    mfa = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    sketch.role("boss", policy(allow("*", **mfa)), trusts=OPEN)
    sketch.user("user", policy(allow("sts:AssumeRole", f"{ARN}role/boss")))
    row = rows(sketch)["user", "sts-assume-role"]
    assert (row.outcome, row.confidence, row.reason) == ("administrator", "conditional", "condition")


def test_the_permission_that_the_fewest_have_is_the_one_to_take_away(sketch: Sketch) -> None:
    sketch.role("boss", ALL, trusts=LAMBDA)
    shared = policy(allow("iam:PassRole"))
    for number in range(3):
        sketch.user(f"other-{number}", shared)
    user = sketch.user("user", shared, policy(allow(["lambda:CreateFunction", "lambda:InvokeFunction"])))
    row = rows(sketch)["user", INVOKE]
    assert (row.action, row.via) == ("lambda:CreateFunction", f"{user}|inline_policy|p1")


def test_a_permission_that_two_statements_give_is_not_the_one_to_take_away(sketch: Sketch) -> None:
    sketch.role("boss", ALL, trusts=LAMBDA)
    user = sketch.user("user", policy(allow(FUNCTIONS)), policy(allow(["iam:PassRole", "lambda:CreateFunction"])))
    row = rows(sketch)["user", INVOKE]
    assert (row.action, row.via) == ("lambda:InvokeFunction", f"{user}|inline_policy|p0")


def test_without_action_data_nothing_is_found_and_nothing_breaks() -> None:
    sketch = Sketch(None)
    sketch.role("boss", ALL, trusts=OPEN)
    sketch.user("user", policy(allow("sts:AssumeRole", f"{ARN}role/boss")))
    escalation.find(Estate(sketch.records))


def test_hostile_documents_are_no_ways(sketch: Sketch) -> None:
    for number, text in enumerate(("[" * 100_000, '{"Statement": 1}', "null", '{"Statement":[{"Effect":"Allow"}]}')):
        sketch.user(f"user-{number}", text)
        sketch.role(f"role-{number}", text, trusts=text)
    many = [f"arn:aws:iam::{number:012d}:root" for number in range(3_000)]
    sketch.role("crowded", ALL, trusts=policy(trust({"AWS": many})))
    sketch.user("stars", policy(allow("sts:AssumeRole", "arn:aws:iam::*:role/" + "*a" * 500)))
    assert rows(sketch) == {}


# --- many at once, against one by one ---

RESOURCES = st.sampled_from(
    [
        "*",
        f"{ARN}role/*",
        f"{ARN}role/a*",
        f"{ARN}role/?1",
        f"{ARN}role/a1",
        f"{ARN}role/b2",
        "arn:aws:iam::*:role/b*",
        f"{ARN}user/*",
    ]
)
CONDITIONS = st.sampled_from(
    [
        {},
        {"Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}},
        {"Condition": {"StringLike": {"aws:PrincipalArn": "*user/tried"}}},
    ]
)
ACTIONS = st.sampled_from(["iam:PassRole", "iam:Pass*", "*", "sts:AssumeRole", "sts:*"])


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = draw(st.sampled_from([allow, allow, deny]))(
        draw(ACTIONS), draw(st.lists(RESOURCES, min_size=1, max_size=3))
    )
    made |= draw(CONDITIONS)
    if draw(st.integers(0, 4)) == 0:
        made["NotResource"] = made.pop("Resource")
    return made


TRUSTS = st.sampled_from(
    [
        OPEN,
        LAMBDA,
        policy(trust({"AWS": f"{ARN}user/tried"})),
        policy(trust({"AWS": "*"})),
        policy(trust({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})),
        policy(trust({"AWS": ACCOUNT}, Condition={"StringEquals": {"sts:ExternalId": "x"}})),
        policy(trust({"AWS": ACCOUNT}), {**trust({"AWS": f"{ARN}user/tried"}), "Effect": "Deny"}),
        policy({"Effect": "Allow", "NotPrincipal": {"AWS": f"{ARN}user/tried"}, "Action": "sts:AssumeRole"}),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    own=st.lists(statements(), max_size=4),
    boundary=st.none() | st.lists(statements(), min_size=1, max_size=2),
    trusts=st.lists(TRUSTS, min_size=6, max_size=6),
)
def test_asking_about_many_gives_what_asking_one_by_one_gives(
    action_data: str, own: list[dict[str, Any]], boundary: list[dict[str, Any]] | None, trusts: Sequence[str]
) -> None:
    sketch = Sketch(action_data)
    for number, name in enumerate(("a1", "a2", "b1", "b2", "b3", "c1")):
        sketch.role(name, trusts=trusts[number], tags={"team": "red"} if number % 2 else {})
    tried = sketch.user("tried", policy(*own), tags={"team": "red"})
    twin = sketch.user("twin", policy(*own), tags={"team": "red"})
    if boundary is not None:
        for key in (tried, twin):
            sketch.attach(key, f"b{key[-1]}", policy(*boundary), kind="permissions_boundary")
    estate = Estate(sketch.records)
    asker = Asker(estate)
    roster = Roster(estate, next(iter(estate.accounts.values())))
    given_service = (("iam:passedtoservice", ("lambda.amazonaws.com",)),)
    for key in (tried, twin):
        principal = estate.principals[key]
        many = asker.allowed(principal, "iam:PassRole", roster.roles, given_service)
        entering = asker.enters(principal, roster)
        for place, role in enumerate(roster.roles.keys):
            one = principal.check("iam:PassRole", roster.roles.arns[place], dict(given_service))
            assert many.rank(place) == rank_of(one)
            assert entering.rank(place) == rank_of(estate.assumes(key, role))
        somewhere = rank_of(principal.check("iam:PassRole"))
        assert asker.somewhere(principal, "iam:PassRole") == somewhere


ORDERS = """
import sys
from nhiscan_aws.analyzer import escalation
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.reference import reference
from nhiscan_aws.sketch import Sketch, allow, policy, trust
sketch = Sketch(reference().text)
opened = policy(trust({"AWS": "111111111111"}))
for number in range(6):
    sketch.role(f"role-{number}", policy(allow("sts:AssumeRole"), allow("s3:*")), trusts=opened)
for number in range(3):
    sketch.role(f"boss-{number}", policy(allow()), trusts=policy(trust({"Service": "lambda.amazonaws.com"})))
sketch.user("user", policy(allow(["sts:*", "lambda:*", "iam:PassRole", "iam:Attach*", "iam:Create*", "ssm:*"])))
found = escalation.find(Estate(sketch.records))
for row in found.paths():
    print(row)
for key in sorted(Estate(sketch.records).principals):
    print(found.reach(key), found.reaches(key), found.reached_by(key))
"""


def test_the_rows_do_not_hang_on_the_order_of_sets() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", ORDERS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    (output,) = outputs
    assert "sts-assume-role" in output
    assert "lambda-create-function-invoke" in output

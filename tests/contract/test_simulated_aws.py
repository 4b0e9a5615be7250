"""The simulated AWS is true to AWS where a scanner would notice: pages, denials, throttling, the report, trust."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    Account,
    Caller,
    Certificate,
    Group,
    Key,
    ManagedPolicy,
    Password,
    PasswordPolicy,
    Role,
    Root,
    SimulatedAws,
    Use,
    User,
    World,
    planting,
    report,
    trust,
)

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
HOME, AWAY = "100000000001", "100000000002"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


def world(users: int = 5) -> World:
    many = tuple(User(f"user-{number:04d}", NOW - 100 * DAY, keys=(Key(NOW - 50 * DAY),)) for number in range(users))
    special = (
        User(
            "Boss",
            NOW - 900 * DAY,
            "/people/",
            {"owner": "boss@example.com"},
            keys=(
                Key(NOW - 400 * DAY, used=Use(NOW - 3 * DAY, "sts", "eu-west-1"), id="AKIAZZZZZZZZZZZZZZZZ"),
                Key(NOW - 10 * DAY, "Inactive", id="AKIAAAAAAAAAAAAAAAAA"),
            ),
            password=Password(NOW - 30 * DAY, NOW - DAY),
            mfa=True,
            certificates=(Certificate(NOW - 700 * DAY),),
            groups=("admins",),
            attached=("own", ADMINISTRATOR),
            inline={"broken": "{no json"},
            boundary=READ_ONLY,
        ),
    )
    return World(
        (
            Account(
                HOME,
                NOW - 1000 * DAY,
                root=Root(Password(NOW - 999 * DAY, NOW - 20 * DAY), mfa=False, keys=(Key(NOW - 998 * DAY),)),
                users=many + special,
                groups=(Group("admins", NOW - 800 * DAY, attached=("own",)),),
                roles=(
                    Role("reader", NOW - 300 * DAY, trust(f"arn:aws:iam::{AWAY}:root"), used=Use(NOW - 2 * DAY)),
                    Role("guarded", NOW - 300 * DAY, trust(AWAY, external_id="secret-word"), used=Use(NOW - 401 * DAY)),
                    Role("host", NOW - 300 * DAY, trust(service="ec2.amazonaws.com"), "/w/", instance_profile=True),
                ),
                policies=(
                    ManagedPolicy("own", NOW - 500 * DAY, (ALLOW_ALL, {"Version": "2012-10-17", "Statement": []})),
                ),
                password_policy=PasswordPolicy(max_age_days=90),
            ),
            Account(AWAY, NOW - 1000 * DAY),
        ),
        Caller(HOME),
    )


@pytest.fixture
def aws() -> Iterator[SimulatedAws]:
    with SimulatedAws(world(), clock=SimulatedClock(NOW)) as running:
        yield running


def client(aws: SimulatedAws, service: str = "iam", keys: dict[str, str] | None = None, **config: Any) -> Any:
    key_id, secret = aws.credentials
    session: Any = boto3.session.Session()  # typed for literal service names only
    return session.client(
        service,
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id=keys["AccessKeyId"] if keys else key_id,
        aws_secret_access_key=keys["SecretAccessKey"] if keys else secret,
        aws_session_token=keys["SessionToken"] if keys else None,
        config=ONCE.merge(Config(**config)),
    )


def refused(call: Any, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def walk(iam: Any, size: int, **parameters: Any) -> list[dict[str, Any]]:
    pages = iam.get_paginator("get_account_authorization_details")
    return list(pages.paginate(PaginationConfig={"PageSize": size}, **parameters))


def names(page: dict[str, Any]) -> list[str]:
    return [
        *(user["UserName"] for user in page["UserDetailList"]),
        *(group["GroupName"] for group in page["GroupDetailList"]),
        *(role["RoleName"] for role in page["RoleDetailList"]),
        *(policy["PolicyName"] for policy in page["Policies"]),
    ]


def test_one_page_budget_runs_over_users_groups_roles_and_policies(aws: SimulatedAws) -> None:
    pages = walk(client(aws), 4)

    assert [len(names(page)) for page in pages] == [4, 4, 4, 1]
    assert [*chain.from_iterable(names(page) for page in pages)] == [
        "Boss",
        *(f"user-{number:04d}" for number in range(5)),
        "admins",
        "guarded",
        "host",
        "reader",
        "AdministratorAccess",
        "own",
        "ReadOnlyAccess",
    ]
    assert [page["IsTruncated"] for page in pages] == [True, True, True, False]
    assert aws.calls.of("iam:GetAccountAuthorizationDetails", HOME) == 4


def test_short_pages_come_when_they_are_asked_for() -> None:
    with SimulatedAws(world(), clock=SimulatedClock(NOW), short_pages=2) as aws:
        pages = walk(client(aws), 4)
    assert [len(names(page)) for page in pages] == [4, 2, 4, 2, 1]
    assert len(set(chain.from_iterable(names(page) for page in pages))) == 13


def test_the_default_page_is_100_and_the_largest_1000() -> None:
    with SimulatedAws(world(150), clock=SimulatedClock(NOW)) as aws:
        iam = client(aws, parameter_validation=False)
        assert len(names(iam.get_account_authorization_details())) == 100
        assert len(iam.list_users()["Users"]) == 100
        assert len(iam.list_users(MaxItems=1000)["Users"]) == 151
        assert [len(page["Users"]) for page in iam.get_paginator("list_users").paginate()] == [100, 51]
        for call in (iam.get_account_authorization_details, iam.list_users, iam.list_groups):
            status, code, message = refused(call, MaxItems=1001)
            assert (status, code) == (400, "ValidationError")
            assert "less than or equal to 1000" in message


def test_filters_are_case_sensitive_and_markers_belong_to_their_filter(aws: SimulatedAws) -> None:
    iam = client(aws)
    first = iam.get_account_authorization_details(Filter=["User"], MaxItems=2)

    assert names(first) == ["Boss", "user-0000"]
    again = iam.get_account_authorization_details(Filter=["User"], MaxItems=50, Marker=first["Marker"])
    assert names(again) == [f"user-{number:04d}" for number in range(1, 5)]
    assert refused(iam.get_account_authorization_details, Marker=first["Marker"])[:2] == (400, "ValidationError")
    assert refused(iam.get_account_authorization_details, Marker="bm90IG91cnM=")[:2] == (400, "ValidationError")
    assert refused(iam.get_account_authorization_details, Filter=["user"])[:2] == (400, "ValidationError")
    assert names(iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])) == ["own"]
    assert names(iam.get_account_authorization_details(Filter=["AWSManagedPolicy"])) == [
        "AdministratorAccess",
        "ReadOnlyAccess",
    ]


def test_details_have_the_fields_of_aws(aws: SimulatedAws) -> None:
    page = client(aws).get_account_authorization_details(MaxItems=1000)
    boss, plain = page["UserDetailList"][:2]
    policies = {policy["PolicyName"]: policy for policy in page["Policies"]}
    roles = {role["RoleName"]: role for role in page["RoleDetailList"]}

    assert boss["UserId"].startswith("AIDA")
    assert len(boss["UserId"]) == 21
    assert boss["Arn"] == f"arn:aws:iam::{HOME}:user/people/Boss"
    assert boss["GroupList"] == ["admins"]
    assert boss["Tags"] == [{"Key": "owner", "Value": "boss@example.com"}]
    assert boss["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY}
    assert [one["PolicyName"] for one in boss["AttachedManagedPolicies"]] == ["own", "AdministratorAccess"]
    assert boss["UserPolicyList"] == [
        {"PolicyName": "broken", "PolicyDocument": "%7Bno%20json"}
    ]  # botocore leaves it encoded
    assert boss["CreateDate"].microsecond == 0
    assert "UserPolicyList" not in plain
    assert page["GroupDetailList"][0]["GroupId"].startswith("AGPA")
    assert roles["host"]["RoleId"].startswith("AROA")
    assert roles["host"]["InstanceProfileList"][0]["InstanceProfileId"].startswith("AIPA")
    assert roles["reader"]["RoleLastUsed"]["LastUsedDate"].timestamp() == NOW - 2 * DAY
    assert roles["guarded"]["RoleLastUsed"] == {}
    assert policies["own"]["PolicyId"].startswith("ANPA")
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in policies["own"]["PolicyVersionList"]] == [
        ("v2", True),
        ("v1", False),
    ]
    assert (policies["own"]["AttachmentCount"], policies["own"]["PermissionsBoundaryUsageCount"]) == (2, 0)
    assert (
        policies["ReadOnlyAccess"]["AttachmentCount"],
        policies["ReadOnlyAccess"]["PermissionsBoundaryUsageCount"],
    ) == (0, 1)


def test_what_changes_between_two_pages_neither_repeats_nor_shifts_the_rest(aws: SimulatedAws) -> None:
    iam, state = client(aws), aws.account(HOME)
    first = iam.get_account_authorization_details(Filter=["User"], MaxItems=3)
    planting.remove_user(state, "user-0000")
    planting.remove_user(state, "user-0003")
    planting.plant_user(state, User("user-0002b", NOW))
    planting.plant_user(state, User("aaa-too-late", NOW))

    rest = iam.get_account_authorization_details(Filter=["User"], MaxItems=9, Marker=first["Marker"])

    assert names(first) == ["Boss", "user-0000", "user-0001"]
    assert names(rest) == ["user-0002", "user-0002b", "user-0004"]


def test_lists_leave_out_what_aws_leaves_out_and_gets_show_it(aws: SimulatedAws) -> None:
    iam = client(aws)
    listed = {user["UserName"]: user for user in iam.list_users()["Users"]}["Boss"]
    roles = iam.list_roles()["Roles"]

    assert "Tags" not in listed
    assert "PermissionsBoundary" not in listed
    assert listed["PasswordLastUsed"].timestamp() == NOW - DAY
    assert all("RoleLastUsed" not in role and "Tags" not in role for role in roles)
    user = iam.get_user(UserName="boss")["User"]
    assert user["Tags"] == [{"Key": "owner", "Value": "boss@example.com"}]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert iam.get_role(RoleName="reader")["Role"]["RoleLastUsed"]["LastUsedDate"].timestamp() == NOW - 2 * DAY
    assert iam.get_login_profile(UserName="Boss")["LoginProfile"]["CreateDate"].timestamp() == NOW - 30 * DAY
    assert refused(iam.get_login_profile, UserName="user-0001")[:2] == (404, "NoSuchEntity")
    assert refused(iam.get_user, UserName="nobody")[:2] == (404, "NoSuchEntity")


def test_access_keys_and_their_last_use(aws: SimulatedAws) -> None:
    iam = client(aws)
    keys = iam.list_access_keys(UserName="Boss")

    assert [(key["AccessKeyId"], key["Status"]) for key in keys["AccessKeyMetadata"]] == [
        ("AKIAZZZZZZZZZZZZZZZZ", "Active"),
        ("AKIAAAAAAAAAAAAAAAAA", "Inactive"),
    ]
    assert keys["IsTruncated"] is False
    used = iam.get_access_key_last_used(AccessKeyId="AKIAZZZZZZZZZZZZZZZZ")["AccessKeyLastUsed"]
    assert (used["LastUsedDate"].timestamp(), used["ServiceName"], used["Region"]) == (
        NOW - 3 * DAY,
        "sts",
        "eu-west-1",
    )
    unused = iam.get_access_key_last_used(AccessKeyId="AKIAAAAAAAAAAAAAAAAA")["AccessKeyLastUsed"]
    assert unused == {"ServiceName": "N/A", "Region": "N/A"}
    assert refused(iam.get_access_key_last_used, AccessKeyId="AKIAGONEGONEGONEGONE")[:2] == (404, "NoSuchEntity")


def test_a_use_shows_late_whether_declared_or_made_by_calling(aws: SimulatedAws) -> None:
    iam, state = client(aws), aws.account(HOME)
    key_id = state.user("user-0001").access_keys[0].access_key_id
    keys = {"AccessKeyId": key_id, "SecretAccessKey": state.ids.secret(key_id), "SessionToken": ""}
    client(aws, keys={**keys, "SessionToken": None}).list_users()  # type: ignore[dict-item]

    def last_used() -> dict[str, Any]:
        used: dict[str, Any] = iam.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]
        return used

    assert "LastUsedDate" not in last_used()
    aws.clock.advance(4 * 3600)
    assert last_used()["LastUsedDate"].timestamp() == NOW
    assert last_used()["ServiceName"] == "iam"


def fetch(iam: Any) -> tuple[list[str], list[list[str]]]:
    content = iam.get_credential_report()["Content"].decode()
    assert not content.endswith("\n")
    rows = [line.split(",") for line in content.split("\n")]
    return rows[0], rows[1:]


def test_the_credential_report_is_asked_for_awaited_and_kept_for_four_hours(aws: SimulatedAws) -> None:
    iam = client(aws)
    assert refused(iam.get_credential_report)[:2] == (410, "ReportNotPresent")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert refused(iam.get_credential_report)[:2] == (404, "ReportInProgress")
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    planting.remove_user(aws.account(HOME), "user-0001")
    aws.clock.advance(4 * 3600 - 1)

    assert iam.generate_credential_report()["State"] == "COMPLETE"
    assert iam.get_credential_report()["GeneratedTime"].timestamp() == NOW
    assert "user-0001" in [row[0] for row in fetch(iam)[1]]
    aws.clock.advance(1)
    assert refused(iam.get_credential_report)[:2] == (410, "ReportExpired")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    assert "user-0001" not in [row[0] for row in fetch(iam)[1]]


def test_a_slow_report_is_in_progress_between() -> None:
    with SimulatedAws(world(), clock=SimulatedClock(NOW), report_polls=3) as aws:
        iam = client(aws)
        states = [iam.generate_credential_report()["State"] for _ in range(4)]
    assert states == ["STARTED", "INPROGRESS", "INPROGRESS", "COMPLETE"]


def test_the_cells_of_the_report(aws: SimulatedAws) -> None:
    report.prepare(aws.account(HOME))
    header, rows = fetch(client(aws))
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    root, boss, plain = cells[0], cells[1], cells[2]

    assert len(header) == 22
    assert root["user"] == "<root_account>"
    assert root["arn"] == f"arn:aws:iam::{HOME}:root"
    assert (root["password_enabled"], root["password_next_rotation"], root["mfa_active"]) == (
        "true",
        "not_supported",
        "false",
    )
    assert root["password_last_used"] == "2026-10-13T09:00:00Z"
    assert root["access_key_1_active"] == "true"
    assert boss["user"] == "Boss"
    # slots stand by ascending key id, not by creation
    assert (boss["access_key_1_active"], boss["access_key_1_last_rotated"]) == ("false", "2026-10-23T09:00:00Z")
    assert (boss["access_key_2_active"], boss["access_key_2_last_used_service"]) == ("true", "sts")
    assert boss["access_key_2_last_used_region"] == "eu-west-1"
    assert boss["password_next_rotation"] == "2027-01-01T09:00:00Z"
    assert (boss["mfa_active"], boss["cert_1_active"], boss["cert_2_active"]) == ("true", "true", "false")
    assert plain["password_enabled"] == "false"
    assert {plain[name] for name in ("password_last_used", "password_last_changed", "access_key_1_last_used_date")} == {
        "N/A"
    }
    assert [cell["user"] for cell in cells[1:]] == sorted((cell["user"] for cell in cells[1:]), key=str.lower)


def test_two_keys_of_one_second_and_more_credentials_than_columns() -> None:
    users = (
        User("twins", NOW - DAY, keys=(Key(NOW - 100), Key(NOW - 100))),
        User("three", NOW - DAY, keys=(Key(NOW - 90),), password=Password(NOW - 80), more_credentials="access_key_3"),
    )
    with SimulatedAws(World((Account(HOME, 0, users=users),)), clock=SimulatedClock(NOW)) as aws:
        report.prepare(aws.account(HOME))
        header, rows = fetch(client(aws))
        keys = client(aws).list_access_keys(UserName="twins")["AccessKeyMetadata"]
    cells = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert len({key["AccessKeyId"] for key in keys}) == 2
    assert cells["twins"]["access_key_1_last_rotated"] == cells["twins"]["access_key_2_last_rotated"]
    assert cells["three"]["additional_credentials_info"] == "access_key_3"
    assert cells["twins"]["additional_credentials_info"] == "N/A"
    assert cells["three"]["password_last_used"] == "no_information"


def test_the_account_summary_is_in_step_with_root_and_lists(aws: SimulatedAws) -> None:
    summary = client(aws).get_account_summary()["SummaryMap"]
    assert {name: summary[name] for name in ("Users", "Groups", "Roles", "Policies", "InstanceProfiles")} == {
        "Users": 6,
        "Groups": 1,
        "Roles": 3,
        "Policies": 1,
        "InstanceProfiles": 1,
    }
    assert (summary["AccountMFAEnabled"], summary["AccountAccessKeysPresent"], summary["AccountPasswordPresent"]) == (
        0,
        1,
        1,
    )


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("identity", "because no identity-based policy allows the iam:ListAccessKeys action"),
        ("boundary", "because no permissions boundary allows"),
        ("organization", "with an explicit deny in a service control policy"),
    ],
)
def test_a_denial_names_who_what_and_why(aws: SimulatedAws, by: str, words: str) -> None:
    aws.faults.deny("iam:ListAccessKeys", account=HOME, by=by)
    status, code, message = refused(client(aws).list_access_keys, UserName="Boss")
    assert (status, code) == (403, "AccessDenied")
    assert message.startswith(
        f"User: arn:aws:iam::{HOME}:root is not authorized to perform: iam:ListAccessKeys on resource: user Boss"
    )
    assert words in message
    assert client(aws).list_users()["Users"]


def test_throttling_is_retried_until_the_bucket_fills_or_the_attempts_are_spent(aws: SimulatedAws) -> None:
    aws.faults.throttle("iam:ListUsers", burst=1)
    iam = client(aws)
    iam.list_users()
    assert refused(iam.list_users) == (400, "Throttling", "Rate exceeded")
    twice = client(aws, retries={"mode": "standard", "total_max_attempts": 2})
    before = aws.calls.of("iam:ListUsers")
    assert refused(twice.list_users)[1] == "Throttling"
    assert aws.calls.of("iam:ListUsers") == before + 2


def test_the_report_may_be_limited_by_a_code_that_nobody_retries(aws: SimulatedAws) -> None:
    aws.faults.fail("iam:GenerateCredentialReport", times=None, code="LimitExceeded", status=409)
    iam = client(aws, retries={"mode": "standard", "total_max_attempts": 5})
    assert refused(iam.generate_credential_report)[:2] == (409, "LimitExceeded")
    assert aws.calls.of("iam:GenerateCredentialReport") == 1


def test_the_nth_call_may_fail_or_lose_its_line(aws: SimulatedAws) -> None:
    aws.faults.fail("iam:ListUsers", nth=2)
    aws.faults.fail("iam:ListUsers", nth=3, kind="cut")
    iam = client(aws)
    iam.list_users()
    assert refused(iam.list_users)[:2] == (500, "ServiceFailure")
    with pytest.raises(ConnectionClosedError):
        iam.list_users()
    assert iam.list_users()["Users"]


def test_a_role_is_assumed_only_where_it_is_there_and_trusts_the_caller() -> None:
    with SimulatedAws(World(world().accounts, Caller(AWAY)), clock=SimulatedClock(NOW)) as aws:
        sts = client(aws, "sts")

        def assume(role: str, **more: Any) -> dict[str, Any]:
            answer: dict[str, Any] = sts.assume_role(
                RoleArn=f"arn:aws:iam::{HOME}:role/{role}", RoleSessionName="me", **more
            )
            return answer

        answer = assume("reader")
        inside = client(aws, "sts", answer["Credentials"]).get_caller_identity()
        assert inside["Account"] == HOME
        assert inside["Arn"] == answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{HOME}:assumed-role/reader/me"
        assert inside["UserId"].startswith("AROA")
        missing = refused(assume, role="nothing")
        untrusted = refused(assume, role="w/host")
        assert missing[:2] == untrusted[:2] == (403, "AccessDenied")
        assert missing[2].replace("nothing", "w/host") == untrusted[2]
        assert refused(assume, role="guarded")[1] == "AccessDenied"
        assert refused(assume, role="guarded", ExternalId="wrong-word")[1] == "AccessDenied"
        assert assume("guarded", ExternalId="secret-word")["Credentials"]
        assert refused(assume, role="reader", DurationSeconds=3601)[1] == "ValidationError"
        chained = client(aws, "sts", answer["Credentials"])
        assert refused(
            chained.assume_role,
            RoleArn=f"arn:aws:iam::{HOME}:role/reader",
            RoleSessionName="me",
            DurationSeconds=43_000,
        )[1] in ("ValidationError", "AccessDenied")


def test_sessions_expire_and_session_policies_cut() -> None:
    with SimulatedAws(World(world().accounts, Caller(AWAY)), clock=SimulatedClock(NOW)) as aws:
        only = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}]}
        keys = client(aws, "sts").assume_role(
            RoleArn=f"arn:aws:iam::{HOME}:role/reader", RoleSessionName="me", Policy=json.dumps(only)
        )["Credentials"]
        iam = client(aws, keys=keys)
        assert len(iam.list_users()["Users"]) == 6
        status, code, message = refused(iam.list_roles)
        assert (status, code) == (403, "AccessDenied")
        assert "no session policy allows" in message
        aws.clock.advance(3600)
        assert refused(iam.list_users)[:2] == (403, "ExpiredToken")


def test_keys_that_nobody_has_and_keys_switched_off_are_refused(aws: SimulatedAws) -> None:
    keys = {"AccessKeyId": "AKIANOBODYNOBODYNOBO", "SecretAccessKey": "x", "SessionToken": None}
    assert refused(client(aws, "sts", keys).get_caller_identity)[:2] == (403, "InvalidClientTokenId")  # type: ignore[arg-type]
    keys["AccessKeyId"] = "AKIAAAAAAAAAAAAAAAAA"
    assert refused(client(aws, "sts", keys).get_caller_identity)[:2] == (403, "InvalidClientTokenId")  # type: ignore[arg-type]


def test_what_nobody_simulates_is_an_invalid_action_and_is_counted(aws: SimulatedAws) -> None:
    assert refused(client(aws).list_service_specific_credentials)[:2] == (400, "InvalidAction")
    assert refused(client(aws, "accessanalyzer").list_analyzers)[1] == "InvalidAction"
    assert refused(client(aws, "sts").decode_authorization_message, EncodedMessage="x")[1] == "InvalidAction"
    assert sum(aws.unanswered.values()) == 3
    assert aws.unanswered["iam:ListServiceSpecificCredentials"] == 1


def test_what_is_made_through_the_api_shows_everywhere_with_true_ids_and_times(aws: SimulatedAws) -> None:
    iam = client(aws)
    made = iam.create_user(UserName="made", Tags=[{"Key": "owner", "Value": "x"}])["User"]
    key = iam.create_access_key(UserName="made")["AccessKey"]
    iam.attach_user_policy(UserName="made", PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    iam.put_user_permissions_boundary(UserName="made", PermissionsBoundary=f"arn:aws:iam::{HOME}:policy/own")

    page = iam.get_account_authorization_details(MaxItems=1000)
    user = {user["UserName"]: user for user in page["UserDetailList"]}["made"]
    policies = {policy["PolicyName"]: policy for policy in page["Policies"]}
    assert made["UserId"] == user["UserId"]
    assert made["UserId"].startswith("AIDA")
    assert made["CreateDate"].timestamp() == NOW
    assert key["AccessKeyId"].startswith("AKIA")
    assert [one["AccessKeyId"] for one in iam.list_access_keys(UserName="made")["AccessKeyMetadata"]] == [
        key["AccessKeyId"]
    ]
    assert policies["SecurityAudit"]["AttachmentCount"] == 1
    assert policies["own"]["PermissionsBoundaryUsageCount"] == 1
    iam.create_access_key(UserName="made")
    assert refused(iam.create_access_key, UserName="made")[1] == "LimitExceeded"
    own = {**key, "SessionToken": None}
    assert client(aws, "sts", own).get_caller_identity()["Arn"] == user["Arn"]


def test_a_password_policy_or_none() -> None:
    with SimulatedAws(world(), clock=SimulatedClock(NOW)) as aws:
        iam = client(aws)
        assert iam.get_account_password_policy()["PasswordPolicy"]["MaxPasswordAge"] == 90
        planting.plant_password_policy(aws.account(HOME), None)
        assert refused(iam.get_account_password_policy)[:2] == (404, "NoSuchEntity")


def test_an_account_is_simulated_once_at_a_time(aws: SimulatedAws) -> None:
    with pytest.raises(RuntimeError, match=f"{HOME}, {AWAY}"), SimulatedAws(world()):
        pass
    assert client(aws).list_users()["Users"]


def test_secrets_given_out_are_known_as_canaries(aws: SimulatedAws) -> None:
    token = client(aws, "sts").get_session_token()["Credentials"]
    text = f"{aws.credentials[1]} {token['SessionToken']}".encode()
    assert len(aws.canaries.in_bytes(text)) == 2


def test_the_same_seed_and_requests_give_the_same_bytes_and_another_seed_other_ids() -> None:
    def bodies(seed: int) -> list[bytes]:
        with SimulatedAws(world(), clock=SimulatedClock(NOW), seed=seed) as aws:
            iam, seen = client(aws), []
            iam.meta.events.register("after-call", lambda http_response, **_: seen.append(http_response.content))
            walk(iam, 4)
            iam.list_roles()
            iam.list_role_tags(RoleName="reader")
            iam.list_role_tags(RoleName="reader")
            iam.create_user(UserName="made")
            iam.create_access_key(UserName="made")
            refused(iam.get_user, UserName="nobody")
            return seen

    first = bodies(1)

    assert len(first) == len(set(first)) == 10
    assert bodies(1) == first
    assert all(one != other for one, other in zip(bodies(2), first, strict=True))


def test_without_moto_the_extra_to_install_is_named() -> None:
    code = (
        "import sys; sys.modules['moto'] = None\n"
        "from nhiscan.connector import MissingExtra\n"
        "from nhiscan_aws.simulated import Account, SimulatedAws, World\n"
        "try:\n    SimulatedAws(World((Account('1' * 12, 0),))).start()\n"
        "except MissingExtra as missing:\n    print(missing)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "the aws connector needs moto: install the extra [demo]"

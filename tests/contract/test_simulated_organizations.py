"""The simulated AWS Organizations and service last accessed data are true to AWS where a scanner would notice."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    RESOURCE_CONTROL_POLICY,
    ROOT,
    SERVICE_CONTROL_POLICY,
    Access,
    Account,
    Caller,
    Group,
    Key,
    ManagedPolicy,
    Organization,
    OrganizationPolicy,
    Role,
    SimulatedAws,
    Unit,
    Use,
    User,
    World,
    organizations,
    trust,
)

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
HOME, MEMBER, DELEGATE, STRANGER = "120000000001", "120000000002", "120000000003", "120000000004"
DENY_IAM = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
DESCRIBE, LIST = "describe_organization", "list_policies"


def world(caller: Caller | None = None, **changes: Any) -> World:
    organization = Organization(
        HOME,
        units=(
            Unit("workloads", (DELEGATE,), units=(Unit("production", (MEMBER,)),)),
            Unit("crowd", tuple(f"13{number:010d}" for number in range(45))),
        ),
        policies=(
            OrganizationPolicy("no-iam", DENY_IAM, ("production", DELEGATE)),
            OrganizationPolicy("spare", "{no json"),
        ),
        delegated=(DELEGATE,),
        outside=(STRANGER,),
    )
    reader = Role("reader", 0, trust(HOME))
    accounts = tuple(Account(one, 0, name=f"account {one[-1]}", roles=(reader,)) for one in (HOME, MEMBER, DELEGATE))
    given = Organization(**{**vars(organization), **changes})
    return World((*accounts, Account(STRANGER, 0, roles=(reader,))), caller or Caller(HOME), given)


@pytest.fixture
def aws() -> Iterator[SimulatedAws]:
    with SimulatedAws(world(), clock=SimulatedClock(NOW)) as running:
        yield running


def client(aws: SimulatedAws, service: str = "organizations", account: str = HOME, session: str = "me") -> Any:
    key_id, secret = aws.credentials
    boto: Any = boto3.session.Session()  # typed for literal service names only
    keys: dict[str, str | None] = {"AccessKeyId": key_id, "SecretAccessKey": secret, "SessionToken": None}
    how = {"region_name": "us-east-1", "endpoint_url": aws.endpoint}
    if account != HOME:
        sts = boto.client("sts", aws_access_key_id=key_id, aws_secret_access_key=secret, **how)
        arn = f"arn:aws:iam::{account}:role/reader"
        keys = sts.assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
    return boto.client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        **how,
    )


def refused(call: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def items(org: Any, operation: str, section: str, **parameters: Any) -> list[dict[str, Any]]:
    return [item for page in org.get_paginator(operation).paginate(**parameters) for item in page[section]]


# --- organisations ---


def test_every_member_may_describe_the_organisation_and_a_stranger_is_in_none(aws: SimulatedAws) -> None:
    for account in (HOME, MEMBER, DELEGATE):
        found = client(aws, account=account).describe_organization()["Organization"]
        assert (found["MasterAccountId"], found["FeatureSet"]) == (HOME, "ALL")
        assert found["Id"] == aws.organization.id
        assert found["Arn"] == f"arn:aws:organizations::{HOME}:organization/{found['Id']}"
    stranger = client(aws, account=STRANGER)
    assert refused(stranger.describe_organization) == (400, "AWSOrganizationsNotInUseException")
    assert refused(stranger.list_roots) == (400, "AWSOrganizationsNotInUseException")


def test_without_an_organisation_nobody_is_in_one() -> None:
    with SimulatedAws(World((Account(HOME, 0),)), clock=SimulatedClock(NOW)) as aws:
        assert refused(client(aws).describe_organization) == (400, "AWSOrganizationsNotInUseException")
        with pytest.raises(RuntimeError, match="no organisation"):
            _ = aws.organization


def test_only_the_management_account_and_delegated_administrators_may_read_it(aws: SimulatedAws) -> None:
    for account in (HOME, DELEGATE):
        org = client(aws, account=account)
        assert org.list_roots()["Roots"]
        assert org.list_policies(Filter=SERVICE_CONTROL_POLICY)["Policies"]
    member = client(aws, account=MEMBER)
    for call, parameters in (
        (member.list_roots, {}),
        (member.list_parents, {"ChildId": MEMBER}),
        (member.list_policies, {"Filter": SERVICE_CONTROL_POLICY}),
        (member.describe_policy, {"PolicyId": "p-FullAWSAccess"}),
        (member.list_targets_for_policy, {"PolicyId": "p-FullAWSAccess"}),
    ):
        assert refused(call, **parameters) == (400, "AccessDeniedException")


def test_parents_lead_from_an_account_to_the_root(aws: SimulatedAws) -> None:
    org = client(aws)
    (production,) = org.list_parents(ChildId=MEMBER)["Parents"]
    assert production["Type"] == "ORGANIZATIONAL_UNIT"
    (workloads,) = org.list_parents(ChildId=production["Id"])["Parents"]
    (root,) = org.list_parents(ChildId=workloads["Id"])["Parents"]
    assert (root["Type"], root["Id"]) == ("ROOT", aws.organization.root.id)
    assert org.list_parents(ChildId=HOME)["Parents"] == [root]
    assert [one["Id"][:2] for one in (root, production)] == ["r-", "ou"]
    assert production["Id"].startswith(f"ou-{root['Id'][2:]}-")
    for nobody in (STRANGER, root["Id"]):
        assert refused(org.list_parents, ChildId=nobody) == (400, "ChildNotFoundException")


def test_policies_their_texts_and_their_targets(aws: SimulatedAws) -> None:
    org = client(aws)
    listed = {one["Name"]: one for one in items(org, LIST, "Policies", Filter=SERVICE_CONTROL_POLICY)}
    assert set(listed) == {"FullAWSAccess", "no-iam", "spare"}
    assert (listed["FullAWSAccess"]["Id"], listed["FullAWSAccess"]["AwsManaged"]) == ("p-FullAWSAccess", True)
    found = org.describe_policy(PolicyId=listed["no-iam"]["Id"])["Policy"]
    assert json.loads(found["Content"]) == DENY_IAM
    assert found["PolicySummary"] == listed["no-iam"]
    assert listed["no-iam"]["Arn"].startswith(f"arn:aws:organizations::{HOME}:policy/{aws.organization.id}/service_con")
    assert org.describe_policy(PolicyId=listed["spare"]["Id"])["Policy"]["Content"] == "{no json"
    targets = items(org, "list_targets_for_policy", "Targets", PolicyId=listed["no-iam"]["Id"])
    assert {(one["Type"], one["Name"]) for one in targets} == {
        ("ACCOUNT", "account 3"),
        ("ORGANIZATIONAL_UNIT", "production"),
    }
    assert refused(org.describe_policy, PolicyId="p-12345678") == (400, "PolicyNotFoundException")


def test_the_policy_that_allows_everything_is_everywhere_but_where_it_was_taken_off() -> None:
    with SimulatedAws(world(without_full_access=("production", HOME)), clock=SimulatedClock(NOW)) as aws:
        targets = items(client(aws), "list_targets_for_policy", "Targets", PolicyId="p-FullAWSAccess")
    assert len(targets) == 1 + 3 + 48 - 2
    assert {"production", "account 1"}.isdisjoint(one["Name"] for one in targets)


def test_a_type_that_is_not_enabled_has_policies_and_no_targets(aws: SimulatedAws) -> None:
    org = client(aws)

    def state(kind: str) -> tuple[bool, int]:
        (root,) = org.list_roots()["Roots"]
        enabled = {"Type": kind, "Status": "ENABLED"} in root["PolicyTypes"]
        (own,) = [one for one in items(org, LIST, "Policies", Filter=kind) if one["AwsManaged"]]
        return enabled, len(items(org, "list_targets_for_policy", "Targets", PolicyId=own["Id"]))

    assert state(SERVICE_CONTROL_POLICY) == (True, 52)
    assert state(RESOURCE_CONTROL_POLICY) == (False, 0)
    organizations.enable(aws.organization, RESOURCE_CONTROL_POLICY)
    organizations.disable(aws.organization, SERVICE_CONTROL_POLICY)
    assert state(SERVICE_CONTROL_POLICY) == (False, 0)
    assert state(RESOURCE_CONTROL_POLICY) == (True, 52)
    assert aws.organization.attached[aws.organization.policy("no-iam").id] == set()


def test_pages_hold_twenty_at_most_and_tokens_belong_to_their_walk(aws: SimulatedAws) -> None:
    org = client(aws)
    call = org.list_targets_for_policy
    first = call(PolicyId="p-FullAWSAccess")
    assert len(first["Targets"]) == 20
    assert len(call(PolicyId="p-FullAWSAccess", NextToken=first["NextToken"])["Targets"]) == 20
    assert len(call(PolicyId="p-FullAWSAccess", MaxResults=3)["Targets"]) == 3
    assert refused(call, PolicyId="p-FullAWSAccess", MaxResults=21) == (400, "InvalidInputException")
    assert refused(call, PolicyId="p-RCPFullAWSAccess", NextToken=first["NextToken"]) == (400, "InvalidInputException")
    assert refused(call, PolicyId="p-FullAWSAccess", NextToken="bm90IG91cnM=") == (400, "InvalidInputException")
    targets = items(org, "list_targets_for_policy", "Targets", PolicyId="p-FullAWSAccess")
    assert len({one["TargetId"] for one in targets}) == 52


def test_an_empty_page_may_name_a_next_one() -> None:
    with SimulatedAws(world(), clock=SimulatedClock(NOW), empty_pages=2) as aws:
        pages = client(aws).get_paginator("list_targets_for_policy").paginate(PolicyId="p-FullAWSAccess")
        assert [len(page["Targets"]) for page in pages] == [20, 0, 20, 0, 12]
        parents = client(aws).list_parents(ChildId=HOME)
        assert len(parents["Parents"]) == 1
    with SimulatedAws(world(), clock=SimulatedClock(NOW), empty_pages=1) as aws:
        page = client(aws).list_parents(ChildId=HOME)
        assert page["Parents"] == []
        assert page["NextToken"]


def test_what_changes_shows(aws: SimulatedAws) -> None:
    org, state = client(aws), aws.organization
    organizations.move(state, MEMBER, ROOT)
    organizations.attach(state, "spare", MEMBER)
    organizations.detach(state, "no-iam", "production")
    organizations.plant_policy(state, OrganizationPolicy("late", ALLOW_ALL, (ROOT,)))

    assert org.list_parents(ChildId=MEMBER)["Parents"][0]["Type"] == "ROOT"
    listed = {one["Name"]: one["Id"] for one in items(org, LIST, "Policies", Filter=SERVICE_CONTROL_POLICY)}
    targets = {
        name: {one["TargetId"] for one in items(org, "list_targets_for_policy", "Targets", PolicyId=listed[name])}
        for name in ("spare", "no-iam", "late")
    }
    assert targets == {"spare": {MEMBER}, "no-iam": {DELEGATE}, "late": {state.root.id}}
    organizations.leave(state, MEMBER)
    assert refused(org.list_parents, ChildId=MEMBER) == (400, "ChildNotFoundException")
    assert refused(client(aws, account=MEMBER).describe_organization) == (400, "AWSOrganizationsNotInUseException")


def test_what_its_policies_deny_is_not_enforced(aws: SimulatedAws) -> None:
    assert client(aws, "iam", MEMBER).list_roles()["Roles"]


def test_denials_and_throttling_have_the_codes_of_the_json_protocol(aws: SimulatedAws) -> None:
    aws.faults.deny("organizations:ListRoots")
    aws.faults.throttle("organizations:ListPolicies", burst=0)
    org = client(aws)
    assert refused(org.list_roots) == (400, "AccessDeniedException")
    assert refused(org.list_policies, Filter=SERVICE_CONTROL_POLICY) == (400, "TooManyRequestsException")
    assert refused(org.create_policy, Name="a", Description="", Type=SERVICE_CONTROL_POLICY, Content="{}") == (
        400,
        "InvalidAction",
    )
    assert dict(aws.unanswered) == {"organizations:CreatePolicy": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"units": (Unit("twice"), Unit("twice"))}, "unique"),
        ({"units": (Unit("one", (MEMBER,)), Unit("two", (MEMBER,)))}, "two units"),
        ({"delegated": (STRANGER,)}, STRANGER),
        ({"management": STRANGER}, STRANGER),
    ],
)
def test_an_organisation_that_contradicts_itself_is_not_built(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words), SimulatedAws(world(**changes)):
        pass


# --- service last accessed data ---


def busy() -> World:
    documents = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["S3:Get*", "s3:CreateBucket", "sqs:*", "nothing:*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*"},
        ],
    }
    ann = User(
        "ann",
        NOW - 900 * DAY,
        "/people/",
        keys=(Key(NOW - 600 * DAY, used=Use(NOW - 3 * DAY, "monitoring", "eu-west-1")),),
        groups=("watchers",),
        inline={"own": documents, "broken": "{no json"},
        accessed=(
            Access("s3", NOW - 30 * DAY, {"CreateBucket": NOW - 40 * DAY}),
            Access("s3", NOW - 20 * DAY),
            Access("sqs", NOW - 401 * DAY),
            Access("sns", NOW - DAY),
        ),
    )
    watch = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "cloudwatch:*", "Resource": "*"}}
    but = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}]}
    return World(
        (
            Account(
                HOME,
                0,
                users=(ann,),
                groups=(Group("watchers", 0, attached=("watch",)),),
                roles=(
                    Role("root-like", 0, trust(HOME), inline={"all": ALLOW_ALL}, accessed=(Access("iam", NOW - DAY),)),
                    Role("all-but", 0, trust(HOME), inline={"but": but}),
                ),
                policies=(ManagedPolicy("watch", 0, (ALLOW_ALL, watch)),),
            ),
        )
    )


def services(iam: Any, arn: str, level: str = "ACTION_LEVEL") -> dict[str, dict[str, Any]]:
    job = iam.generate_service_last_accessed_details(Arn=arn, Granularity=level)["JobId"]
    first = iam.get_service_last_accessed_details(JobId=job)
    assert (first["JobStatus"], first["ServicesLastAccessed"]) == ("IN_PROGRESS", [])
    answer = iam.get_service_last_accessed_details(JobId=job)
    assert (answer["JobStatus"], answer["JobType"], answer["IsTruncated"]) == ("COMPLETED", level, False)
    return {one["ServiceNamespace"]: one for one in answer["ServicesLastAccessed"]}


def test_what_the_policies_of_user_and_groups_allow_is_listed_used_or_not() -> None:
    with SimulatedAws(busy(), clock=SimulatedClock(NOW)) as aws:
        found = services(client(aws, "iam"), f"arn:aws:iam::{HOME}:user/people/ann")
    assert set(found) == {"s3", "sqs", "cloudwatch"}
    s3 = found["s3"]
    assert s3["LastAuthenticated"].timestamp() == NOW - 20 * DAY
    assert (s3["TotalAuthenticatedEntities"], s3["LastAuthenticatedRegion"]) == (1, "eu-central-1")
    assert [(one["ActionName"], "LastAccessedTime" in one) for one in s3["TrackedActionsLastAccessed"]] == [
        ("CreateBucket", True)
    ]
    assert s3["TrackedActionsLastAccessed"][0]["LastAccessedTime"].timestamp() == NOW - 40 * DAY
    assert "LastAuthenticated" not in found["sqs"], "AWS forgets after 400 days"
    assert found["cloudwatch"]["LastAuthenticated"].timestamp() == NOW - 3 * DAY
    assert "TrackedActionsLastAccessed" not in found["cloudwatch"]


def test_wildcards_and_what_is_left_out() -> None:
    with SimulatedAws(busy(), clock=SimulatedClock(NOW)) as aws:
        iam = client(aws, "iam")
        everything = services(iam, f"arn:aws:iam::{HOME}:role/root-like")
        but = services(iam, f"arn:aws:iam::{HOME}:role/all-but", "SERVICE_LEVEL")
    assert len(everything) > 45
    assert everything.keys() - but.keys() == {"iam"}
    assert everything["iam"]["LastAuthenticated"].timestamp() == NOW - DAY
    assert len(everything["iam"]["TrackedActionsLastAccessed"]) == 6
    assert all("TrackedActionsLastAccessed" not in one for one in but.values())


def test_a_use_of_the_last_hours_does_not_show_yet() -> None:
    with SimulatedAws(busy(), clock=SimulatedClock(NOW), use_delay=2 * DAY) as aws:
        found = services(client(aws, "iam"), f"arn:aws:iam::{HOME}:role/root-like")
    assert "LastAuthenticated" not in found["iam"]


def test_pages_and_polls_and_whose_job_it_is() -> None:
    with SimulatedAws(busy(), clock=SimulatedClock(NOW), job_polls=0) as aws:
        iam = client(aws, "iam")
        job = iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{HOME}:role/root-like")["JobId"]
        first = iam.get_service_last_accessed_details(JobId=job, MaxItems=30)
        rest = iam.get_service_last_accessed_details(JobId=job, MaxItems=30, Marker=first["Marker"])
        assert (len(first["ServicesLastAccessed"]), first["IsTruncated"], rest["IsTruncated"]) == (30, True, False)
        names = [one["ServiceNamespace"] for page in (first, rest) for one in page["ServicesLastAccessed"]]
        assert len(names) == len(set(names))
        arn = f"arn:aws:iam::{HOME}:role/root-like"
        sts = client(aws, "sts")
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="other")["Credentials"]
        other = boto3.session.Session().client(
            "iam",
            region_name="us-east-1",
            endpoint_url=aws.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        assert refused(other.get_service_last_accessed_details, JobId=job) == (404, "NoSuchEntity")
        nobody = f"arn:aws:iam::{HOME}:role/nobody"
        assert refused(iam.generate_service_last_accessed_details, Arn=nobody) == (404, "NoSuchEntity")
        assert refused(iam.generate_service_last_accessed_details, Arn=arn, Granularity="FINE") == (
            400,
            "ValidationError",
        )


def test_instance_profiles_are_listed_in_pages() -> None:
    roles = tuple(Role(f"host-{number:03d}", 0, trust(HOME), "/w/", instance_profile=True) for number in range(120))
    with SimulatedAws(World((Account(HOME, 0, roles=roles),)), clock=SimulatedClock(NOW)) as aws:
        iam = client(aws, "iam")
        pages = list(iam.get_paginator("list_instance_profiles").paginate())
        assert [len(page["InstanceProfiles"]) for page in pages] == [100, 20]
        (details,) = iam.get_account_authorization_details(Filter=["Role"], MaxItems=1)["RoleDetailList"]
    listed = pages[0]["InstanceProfiles"][0]
    assert listed["Arn"] == f"arn:aws:iam::{HOME}:instance-profile/w/host-000"
    assert [role["RoleName"] for role in listed["Roles"]] == ["host-000"]
    assert details["InstanceProfileList"] == [listed]

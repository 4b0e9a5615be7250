"""No answer of the simulated AWS has a field that AWS does not have.

Each answer is parsed by botocore and then walked beside botocore's own output shape. botocore drops what it does not
know, so the raw answer is walked as well: every element of the XML, every member of the JSON has to stand in the shape.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.model import ListShape, MapShape, Shape, StructureShape

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import DEMO, NOW
from nhiscan_aws.simulated import SimulatedAws
from nhiscan_aws.simulated.demo_parts import SHARED
from nhiscan_aws.simulated.demo_world import demo_world
from nhiscan_aws.simulated.wire import InventedField, answer, answer_json

MODELS = {name: botocore.session.get_session().get_service_model(name) for name in ("iam", "sts", "organizations")}
USER, ROLE, GROUP = {"UserName": "terraform"}, {"RoleName": "nhiscan-audit"}, {"GroupName": "Platform"}
POLICY = {"PolicyArn": f"arn:aws:iam::{SHARED}:policy/deploy-any-role"}
ARN = f"arn:aws:iam::{SHARED}:user/service/terraform"
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("iam", "GetAccountAuthorizationDetails", {"MaxItems": 30}),
    ("iam", "GetAccountAuthorizationDetails", {"MaxItems": 1000}),
    ("iam", "GenerateCredentialReport", {}),
    ("iam", "GenerateCredentialReport", {}),
    ("iam", "GetCredentialReport", {}),
    ("iam", "GetAccountSummary", {}),
    ("iam", "GetAccountPasswordPolicy", {}),
    ("iam", "ListUsers", {"MaxItems": 3}),
    ("iam", "ListGroups", {}),
    ("iam", "ListRoles", {}),
    ("iam", "ListPolicies", {"Scope": "Local"}),
    ("iam", "ListAccessKeys", USER),
    ("iam", "GetUser", USER),
    ("iam", "GetRole", ROLE),
    ("iam", "GetGroup", GROUP),
    ("iam", "GetPolicy", POLICY),
    ("iam", "GetPolicyVersion", {**POLICY, "VersionId": "v1"}),
    ("iam", "ListPolicyVersions", POLICY),
    ("iam", "ListUserPolicies", {"UserName": "nhiscan-scanner"}),
    ("iam", "GetUserPolicy", {"UserName": "nhiscan-scanner", "PolicyName": "read"}),
    ("iam", "ListRolePolicies", {"RoleName": "log-shipper"}),
    ("iam", "GetRolePolicy", {"RoleName": "log-shipper", "PolicyName": "logs"}),
    ("iam", "ListGroupPolicies", GROUP),
    ("iam", "ListAttachedUserPolicies", USER),
    ("iam", "ListAttachedRolePolicies", ROLE),
    ("iam", "ListAttachedGroupPolicies", GROUP),
    ("iam", "ListGroupsForUser", {"UserName": "amara.okafor"}),
    ("iam", "ListUserTags", USER),
    ("iam", "ListRoleTags", ROLE),
    ("iam", "ListMFADevices", {"UserName": "amara.okafor"}),
    ("iam", "GetLoginProfile", {"UserName": "amara.okafor"}),
    ("iam", "ListSigningCertificates", {"UserName": "artifact-signer"}),
    ("iam", "ListInstanceProfiles", {}),
    ("iam", "ListInstanceProfilesForRole", {"RoleName": "log-shipper"}),
    ("iam", "GenerateServiceLastAccessedDetails", {"Arn": ARN, "Granularity": "ACTION_LEVEL"}),
    ("iam", "ListAccountAliases", {}),
    ("iam", "PutUserPermissionsBoundary", {**USER, "PermissionsBoundary": POLICY["PolicyArn"]}),
    ("iam", "DeleteUserPermissionsBoundary", USER),
    ("organizations", "DescribeOrganization", {}),
    ("organizations", "ListRoots", {}),
    ("organizations", "ListParents", {"ChildId": SHARED}),
    ("organizations", "ListPolicies", {"Filter": "SERVICE_CONTROL_POLICY", "MaxResults": 1}),
    ("organizations", "ListPolicies", {"Filter": "RESOURCE_CONTROL_POLICY"}),
    ("organizations", "DescribePolicy", {"PolicyId": "p-FullAWSAccess"}),
    ("organizations", "ListTargetsForPolicy", {"PolicyId": "p-FullAWSAccess"}),
    ("sts", "GetCallerIdentity", {}),
    ("sts", "GetSessionToken", {}),
    (
        "sts",
        "AssumeRole",
        {
            "RoleArn": f"arn:aws:iam::{SHARED}:role/nhiscan-audit",
            "RoleSessionName": "me",
            "ExternalId": "lanternfish-demo",
        },
    ),
)


@pytest.fixture(scope="module")
def aws() -> Iterator[SimulatedAws]:
    with SimulatedAws(demo_world(DEMO, NOW), clock=SimulatedClock(NOW)) as running:
        yield running


def ask(aws: SimulatedAws, service: str, operation: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The parsed answer and its raw body."""
    key_id, secret = aws.credentials
    session: Any = boto3.session.Session()  # typed for literal service names only
    client = session.client(
        service,
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    bodies: list[bytes] = []
    client.meta.events.register("after-call", lambda http_response, **_: bodies.append(http_response.content))
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation.replace("MFA", "Mfa")).lower()
    parsed = getattr(client, name)(**parameters)
    client.close()
    return parsed, bodies[0]


def invented(shape: Shape, element: ET.Element, where: str) -> Iterator[str]:
    """Paths of elements that do not stand in a shape."""
    if isinstance(shape, StructureShape):
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for child in element:
            tag = child.tag.rpartition("}")[2]
            if tag in known:
                yield from invented(known[tag], child, f"{where}.{tag}")
            else:
                yield f"{where}.{tag}"
    elif isinstance(shape, ListShape):
        for child in element:
            yield from invented(shape.member, child, f"{where}[]")
    elif isinstance(shape, MapShape):
        yield from (f"{where}.{child.tag}" for child in element if child.tag.rpartition("}")[2] != "entry")


def invented_json(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """Paths of members that do not stand in a shape, or are of another type."""
    if isinstance(shape, StructureShape):
        yield from (f"{where}.{name}" for name in value.keys() - shape.members.keys())
        for name in value.keys() & shape.members.keys():
            yield from invented_json(shape.members[name], value[name], f"{where}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            yield from invented_json(shape.member, item, f"{where}[]")
    elif not isinstance(value, {"string": str, "boolean": bool, "integer": int}.get(shape.type_name, int)):
        yield f"{where}: {value!r}"


def empty_where_required(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """Paths of members that botocore's model requires and the answer leaves out."""
    if isinstance(shape, StructureShape):
        yield from (f"{where}.{name}" for name in shape.required_members if name not in value)
        for name, member in shape.members.items():
            if name in value:
                yield from empty_where_required(member, value[name], f"{where}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            yield from empty_where_required(shape.member, item, f"{where}[]")


@pytest.mark.parametrize(
    ("service", "operation", "parameters"), CALLS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_field_of_an_answer_stands_in_the_service_model(
    aws: SimulatedAws, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    parsed, body = ask(aws, service, operation, parameters)
    if service == "organizations":
        output = MODELS[service].operation_model(operation).output_shape
        assert output is not None
        assert json.loads(body)
        assert list(invented_json(output, json.loads(body), operation)) == []
        assert list(empty_where_required(output, parsed, operation)) == []
        return
    root = ET.fromstring(body)
    shape = MODELS[service].operation_model(operation).output_shape

    assert root.tag.endswith(f"}}{operation}Response")
    assert parsed["ResponseMetadata"]["RequestId"] == root.findtext(".//{*}RequestId")
    if shape is not None:
        result = root.find(f"{{*}}{operation}Result")
        assert result is not None
        assert list(invented(shape, result, operation)) == []
        assert list(empty_where_required(shape, parsed, operation)) == []
    assert not re.search(rb"T\d\d:\d\d:\d\d\.\d", body), "times are whole seconds"


@pytest.mark.parametrize("place", ["IN_PROGRESS", "COMPLETED"])
def test_every_field_of_a_report_on_services_stands_in_the_service_model(aws: SimulatedAws, place: str) -> None:
    """Its job has an id that only the call before knows."""
    polls = {"IN_PROGRESS": 0, "COMPLETED": 1}[place]
    job = ask(aws, "iam", "GenerateServiceLastAccessedDetails", {"Arn": ARN, "Granularity": "ACTION_LEVEL"})[0]["JobId"]
    for _ in range(polls):
        ask(aws, "iam", "GetServiceLastAccessedDetails", {"JobId": job})
    test_every_field_of_an_answer_stands_in_the_service_model(
        aws, "iam", "GetServiceLastAccessedDetails", {"JobId": job, "MaxItems": 30}
    )
    again = ask(aws, "iam", "GetServiceLastAccessedDetails", {"JobId": job})[0]
    assert again["JobStatus"] == "COMPLETED"


def test_an_answer_with_an_invented_field_cannot_be_written() -> None:
    with pytest.raises(InventedField, match="GetUser: Password in User"):
        answer("iam", "GetUser", {"User": {"UserName": "a", "Password": "b"}}, "id")
    with pytest.raises(InventedField, match="iam:NoSuchCall"):
        answer("iam", "NoSuchCall", {}, "id")
    with pytest.raises(InventedField, match="DescribeOrganization: Owner in Organization"):
        answer_json("organizations", "DescribeOrganization", {"Organization": {"Owner": "a"}})
    with pytest.raises(InventedField, match="organizations:NoSuchCall"):
        answer_json("organizations", "NoSuchCall", {})

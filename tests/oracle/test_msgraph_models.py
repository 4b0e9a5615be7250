"""Microsoft's own Graph client reads the simulated Entra ID, and nothing is left over for its models.

Run by ``make oracle`` in an environment of its own: msgraph-sdk takes hundreds of megabytes.
"""

import asyncio
import dataclasses
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_azure.simulated import SimulatedAzure
from nhiscan_azure.simulated.example import GONE, example

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # msgraph-sdk's own
NOW = at("2026-11-02T09:00:00")
Ask = Callable[[Any], Awaitable[Any]]


@pytest.fixture
def cloud() -> Iterator[SimulatedAzure]:
    started = SimulatedAzure(example(NOW), clock=SimulatedClock(NOW))
    with started, environment(started.environment, remove=started.remove):
        yield started


def asked(cloud: SimulatedAzure, *questions: Ask) -> list[Any]:
    """The answers to questions, each put to a client of msgraph-sdk."""
    import httpx
    from azure.identity import DefaultAzureCredential
    from kiota_abstractions.authentication import AuthenticationProvider
    from msgraph import GraphRequestAdapter, GraphServiceClient

    credential = DefaultAzureCredential(authority=cloud.address("login"), disable_instance_discovery=True)
    token = credential.get_token(cloud.address("graph") + "/.default").token
    credential.close()

    class Bearer(AuthenticationProvider):  # type: ignore[misc]  # the class is unknown where msgraph-sdk is not
        async def authenticate_request(self, request: Any, additional_authentication_context: Any = None) -> None:
            request.headers.add("Authorization", f"Bearer {token}")

    async def run() -> list[Any]:
        trusted = ssl.create_default_context(cafile=cloud.environment["REQUESTS_CA_BUNDLE"])
        async with httpx.AsyncClient(verify=trusted) as http:
            adapter = GraphRequestAdapter(Bearer(), http)
            adapter.base_url = cloud.address("graph") + "/v1.0"
            client = GraphServiceClient(request_adapter=adapter)
            return [await question(client) for question in questions]

    return asyncio.run(run())


def left_over(found: Any, path: str = "") -> Iterator[str]:
    """Names in an answer that its model has no field for."""
    if isinstance(found, list):
        for number, one in enumerate(found):
            yield from left_over(one, f"{path}[{number}]")
    elif dataclasses.is_dataclass(found) and hasattr(found, "additional_data"):
        for name in found.additional_data:
            if not name.startswith("@odata."):
                yield f"{path}.{name} of {type(found).__name__}"
        for one in dataclasses.fields(found):
            if one.name not in ("additional_data", "backing_store"):
                yield from left_over(getattr(found, one.name), f"{path}.{one.name}")


def test_left_over_names_are_found() -> None:
    from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
    from msgraph.generated.models.application_collection_response import ApplicationCollectionResponse

    body = b'{"@odata.context": "x", "value": [{"id": "a", "passwordCredentials": [{"hint": "b", "secret": "c"}]}]}'
    found = JsonParseNodeFactory().get_root_parse_node("application/json", body)
    read = found.get_object_value(ApplicationCollectionResponse)
    assert list(left_over(read)) == [".value[0].password_credentials[0].secret of PasswordCredential"]


def test_lists_leave_nothing_over(cloud: SimulatedAzure) -> None:
    roles = "role_definitions role_assignments role_eligibility_schedule_instances role_assignment_schedule_instances"
    lists: dict[str, Ask] = {
        "organization": lambda client: client.organization.get(),
        "applications": lambda client: client.applications.get(),
        "service_principals": lambda client: client.service_principals.get(),
        "users": lambda client: client.users.get(),
        "groups": lambda client: client.groups.get(),
        "grants": lambda client: client.oauth2_permission_grants.get(),
    }
    for name in roles.split():
        lists[name] = lambda client, name=name: getattr(client.role_management.directory, name).get()  # type: ignore[misc]
    counts = {}
    for name, answer in zip(lists, asked(cloud, *lists.values()), strict=True):
        assert list(left_over(answer, name)) == []
        counts[name] = len(answer.value)
    numbers = {"organization": 1, "applications": 6, "service_principals": 15, "users": 4, "groups": 2, "grants": 2}
    numbers |= {"role_definitions": 13, "role_assignments": 4}
    assert counts == {**numbers, **dict(zip(roles.split()[2:], (1, 4), strict=True))}


def test_objects_and_relations_leave_nothing_over(cloud: SimulatedAzure) -> None:
    directory = cloud.directory
    deploy = next(key for key, one in directory.applications.items() if one.name == "deploy")
    principal, group = directory.principals["deploy"].id, directory.id_of("operators")
    graph = directory.principals["Microsoft Graph"].id

    def app(client: Any) -> Any:
        return client.applications.by_application_id(deploy)

    def held(client: Any, object_id: str = principal) -> Any:
        return client.service_principals.by_service_principal_id(object_id)

    questions: dict[str, Ask] = {
        "app": lambda client: app(client).get(),
        "app owners": lambda client: app(client).owners.get(),
        "app federated": lambda client: app(client).federated_identity_credentials.get(),
        "principal": lambda client: held(client).get(),
        "principal owners": lambda client: held(client).owners.get(),
        "held roles": lambda client: held(client).app_role_assignments.get(),
        "given roles": lambda client: held(client, graph).app_role_assigned_to.get(),
        "member of": lambda client: held(client).transitive_member_of.get(),
        "members": lambda client: client.groups.by_group_id(group).transitive_members.get(),
        "management": lambda client: client.policies.default_app_management_policy.get(),
        "authorization": lambda client: client.policies.authorization_policy.get(),
        "consent": lambda client: client.policies.admin_consent_request_policy.get(),
    }
    answers = dict(zip(questions, asked(cloud, *questions.values()), strict=True))
    for name, answer in answers.items():
        assert list(left_over(answer, name)) == []
    assert [type(one).__name__ for one in answers["app owners"].value] == ["User", "User"]
    assert len(answers["app federated"].value) == 2
    assert {type(one).__name__ for one in answers["members"].value} == {"User", "Group", "ServicePrincipal"}
    assert answers["management"].application_restrictions.password_credentials[0].max_lifetime.days == 180


def test_ids_are_looked_up(cloud: SimulatedAzure) -> None:
    from msgraph.generated.directory_objects.get_by_ids.get_by_ids_post_request_body import GetByIdsPostRequestBody

    ids = [cloud.directory.id_of("ann"), cloud.directory.principals["deploy"].id, GONE]
    body = GetByIdsPostRequestBody(ids=ids, types=["user", "servicePrincipal"])
    (answer,) = asked(cloud, lambda client: client.directory_objects.get_by_ids.post(body))
    assert list(left_over(answer)) == []
    assert {one.id for one in answer.value} == set(ids[:2])

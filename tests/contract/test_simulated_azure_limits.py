"""The simulated Entra ID and Azure under strain: what it refuses, what it throttles, where it misleads on purpose."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import requests
from azure.identity import DefaultAzureCredential

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan.testing.faults import CUT
from nhiscan_azure.simulated import (
    Application,
    Assignment,
    Caller,
    Directory,
    ServicePrincipal,
    SimulatedAzure,
    Subscription,
    User,
    World,
)
from nhiscan_azure.simulated.example import GONE, LAB, LIVE, TENANT, example

NOW = at("2026-11-02T09:00:00")
ARG = "providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
ASSIGNMENTS = f"subscriptions/{LIVE}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"
STORAGE = f"subscriptions/{LIVE}/resourceGroups/shop-rg/providers/Microsoft.Storage/storageAccounts/shopdata"
Ask = Callable[..., requests.Response]
Start = Callable[..., tuple[SimulatedAzure, Ask]]


@pytest.fixture
def start(azure_gate: Callable[[Any], None]) -> Iterator[Start]:
    """Starts one simulation and gives a way to ask it, with tokens that azure-identity gets."""
    with ExitStack() as opened:

        def starting(world: World | None = None, **options: Any) -> tuple[SimulatedAzure, Ask]:
            cloud = opened.enter_context(SimulatedAzure(world or example(NOW), clock=SimulatedClock(NOW), **options))
            cloud.gateway.gate = azure_gate
            opened.enter_context(environment(cloud.environment, remove=cloud.remove))
            credential = DefaultAzureCredential(authority=cloud.address("login"), disable_instance_discovery=True)
            opened.callback(credential.close)
            session = opened.enter_context(requests.Session())

            def ask(service: str, path: str, body: Any = None, **headers: str) -> requests.Response:
                token = credential.get_token(cloud.address(service) + "/.default").token
                found = {"Authorization": f"Bearer {token}", **headers}
                url = path if path.startswith("https://") else f"{cloud.address(service)}/{path}"
                verb = "GET" if body is None else "POST"
                return session.request(verb, url, json=body, headers=found, timeout=10, allow_redirects=False)

            return cloud, ask

        yield starting


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["code"])


def batch(*paths: str) -> dict[str, Any]:
    return {"requests": [{"id": str(n), "method": "GET", "url": path} for n, path in enumerate(paths)]}


# --- throttling and failing ---


def test_a_throttled_request_sits_inside_a_batch_that_went_well(start: Start) -> None:
    cloud, ask = start(retry_after="2")
    cloud.faults.fail("graph.applications.owners", nth=2, status=429)
    ids = [one["id"] for one in ask("graph", "v1.0/applications?$select=id").json()["value"]][:4]
    answer = ask("graph", "v1.0/$batch", batch(*(f"/applications/{one}/owners" for one in ids)))
    found = {one["id"]: one for one in answer.json()["responses"]}
    assert (answer.status_code, found["1"]["status"]) == (200, 429)
    assert found["1"]["headers"]["Retry-After"] == "2"
    assert found["1"]["body"]["error"]["code"] == "TooManyRequests"
    assert cloud.calls.of() == 2


@pytest.mark.parametrize("retry_after", ["1", "2.128", "Mon, 02 Nov 2026 09:00:03 GMT", None])
def test_throttling_says_when_to_come_again(start: Start, retry_after: str | None) -> None:
    cloud, ask = start(retry_after=retry_after)
    for service, action, path in (("graph", "graph.users.list", "v1.0/users"), ("arm", "arm.roleAss*", ASSIGNMENTS)):
        cloud.faults.throttle(action, burst=1)
        assert ask(service, path).status_code == 200
        refused = ask(service, path)
        assert (refused.status_code, refused.headers.get("Retry-After")) == (429, retry_after)


def test_services_fail_and_connections_end(start: Start) -> None:
    cloud, ask = start()
    cloud.faults.fail("graph.users.list")
    assert code(ask("graph", "v1.0/users")) == (503, "ServiceUnavailable")
    assert ask("graph", "v1.0/users").status_code == 200
    cloud.faults.fail("arm.*", kind=CUT)
    with pytest.raises(requests.ConnectionError):
        ask("arm", ASSIGNMENTS)


def test_resource_graph_has_a_quota(start: Start) -> None:
    cloud, ask = start()
    query = {"query": "resources | project id | take 1"}
    left = [ask("arm", ARG, query).headers["x-ms-user-quota-remaining"] for _ in range(15)]
    assert (left[0], left[-1]) == ("14", "0")
    refused = ask("arm", ARG, query)
    assert (refused.status_code, refused.headers["x-ms-user-quota-resets-after"]) == (429, "00:00:05")
    cloud.clock.advance(5)
    assert ask("arm", ARG, query).status_code == 200


def test_reports_take_five_calls_in_ten_seconds(start: Start) -> None:
    cloud, ask = start()
    report = "beta/reports/servicePrincipalSignInActivities"
    assert [ask("graph", report).status_code for _ in range(6)] == [200] * 5 + [429]
    assert ask("graph", report).headers["Retry-After"] == "10"
    cloud.clock.advance(10)
    assert ask("graph", report).status_code == 200


# --- misleading ---


def test_next_links_can_lead_elsewhere(start: Start) -> None:
    cloud, ask = start()
    cloud.gateway.foreign = "https://elsewhere.example"
    cloud.gateway.arm_page = cloud.gateway.graph_page = 2
    assert ask("graph", "v1.0/applications").json()["@odata.nextLink"].startswith("https://elsewhere.example/v1.0/")
    assert ask("arm", ASSIGNMENTS).json()["nextLink"].startswith("https://elsewhere.example/subscriptions/")


def test_redirects_are_what_they_say(start: Start) -> None:
    cloud, ask = start()
    cloud.gateway.redirect = "https://elsewhere.example"
    for service, path in (("graph", "v1.0/users"), ("arm", "subscriptions?api-version=2022-12-01")):
        answer = ask(service, path)
        assert (answer.status_code, answer.headers["Location"][:25]) == (302, "https://elsewhere.example")


def test_resource_graph_says_when_it_looked_at_too_few_subscriptions(start: Start) -> None:
    cloud, ask = start()
    query = {"query": "resourcecontainers | project id"}
    assert "x-ms-tenant-subscription-limit-hit" not in ask("arm", ARG, query).headers
    cloud.gateway.resource_graph.limit_hit = True
    assert ask("arm", ARG, query).headers["x-ms-tenant-subscription-limit-hit"] == "true"


# --- licences and permissions ---


def test_without_a_licence_there_is_no_report_and_no_eligibility(start: Start) -> None:
    world = example(NOW)
    poor = replace(world, directory=replace(world.directory, premium=0))
    _, ask = start(poor)
    premium = (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
    assert code(ask("graph", "beta/reports/appCredentialSignInActivities")) == premium
    assert code(ask("graph", "v1.0/users?$select=id,signInActivity")) == premium
    needed = (400, "AadPremiumLicenseRequired")
    assert code(ask("graph", "v1.0/roleManagement/directory/roleEligibilityScheduleInstances")) == needed
    schedules = ASSIGNMENTS.replace("roleAssignments?", "roleEligibilityScheduleInstances?").replace(
        "2022-04", "2020-10"
    )
    assert code(ask("arm", schedules)) == needed
    assert ask("graph", "v1.0/organization").json()["value"][0]["assignedPlans"] == []


def test_each_service_refuses_in_its_own_words(start: Start) -> None:
    cloud, ask = start()
    cloud.withdraw(("Application.Read.All", "RoleManagement.Read.Directory", "AuditLog.Read.All", "Policy.Read.All"))
    expected = {
        "v1.0/applications": "Authorization_RequestDenied",
        "v1.0/roleManagement/directory/roleEligibilityScheduleInstances": "PermissionScopeNotGranted",
        "beta/reports/appCredentialSignInActivities": "Authentication_MSGraphPermissionMissing",
        "v1.0/policies/authorizationPolicy": "AccessDenied",
    }
    for path, word in expected.items():
        assert code(ask("graph", path)) == (403, word)


def test_owners_show_their_ids_alone_to_who_may_not_read_people(start: Start) -> None:
    _, ask = start(replace(example(NOW), caller=Caller(graph=("Application.Read.All",))))
    apps = ask("graph", "v1.0/applications?$filter=displayName eq 'deploy'").json()["value"]
    owners = ask("graph", f"v1.0/applications/{apps[0]['id']}/owners").json()["value"]
    assert [(one["@odata.type"], one["userPrincipalName"]) for one in owners] == [("#microsoft.graph.user", None)] * 2
    assert all(one["id"] for one in owners)
    assert ask("graph", "v1.0/users").status_code == 403


def test_roles_decide_what_azure_shows(start: Start) -> None:
    world = example(NOW)
    lab = replace(world.subscriptions[1], assignments=(Assignment("nhiscan", "Reader"),))
    _, ask = start(replace(world, caller=Caller(roles=()), subscriptions=(world.subscriptions[0], lab)))
    shown = ask("arm", "subscriptions?api-version=2022-12-01").json()["value"]
    assert [one["subscriptionId"] for one in shown] == [LAB]
    assert code(ask("arm", ASSIGNMENTS)) == (403, "AuthorizationFailed")
    rows = ask("arm", ARG, {"query": "resources | project id, subscriptionId"}).json()["data"]
    assert {row["subscriptionId"] for row in rows} == {LAB}
    refused = ask("arm", ARG, {"query": "resources | project id", "subscriptions": [LIVE]})
    assert code(refused) == (403, "Forbidden")
    nobody = replace(world, caller=Caller(roles=()))
    _, ask = start(nobody)
    assert ask("arm", ARG, {"query": "resources | project id"}).json()["count"] == 0


def test_keys_are_given_to_who_may_list_them_and_are_planted(start: Start) -> None:
    cloud, ask = start(replace(example(NOW), caller=Caller(roles=("Storage Account Contributor",))))
    answer = ask("arm", f"{STORAGE}/listKeys?api-version=2024-01-01", {})
    assert answer.status_code == 200
    assert len(cloud.canaries.in_bytes(answer.content)) == 2
    assert cloud.calls.of("arm.storageAccounts.listKeys") == 1


# --- limits of Graph ---


def test_at_most_a_thousand_ids_are_looked_up(start: Start) -> None:
    _, ask = start()
    path = "v1.0/directoryObjects/getByIds"
    assert ask("graph", path, {"ids": [GONE] * 1000}).json()["value"] == []
    for ids in ([GONE] * 1001, ["42"], "x"):
        assert ask("graph", path, {"ids": ids}).status_code == 400


def test_a_filter_takes_fifteen_values(start: Start) -> None:
    _, ask = start()
    names = [f"'{GONE}'"] * 16
    assert ask("graph", f"v1.0/users?$filter=id in ({','.join(names[:15])})").json()["value"] == []
    assert code(ask("graph", f"v1.0/users?$filter=id in ({','.join(names)})")) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ("displayName eq 'deploy'", {"deploy"}),
        ("startswith(displayName, 'un') or displayName eq 'portal'", {"unborn", "portal"}),
        ("signInAudience eq 'AzureADMultipleOrgs' and (displayName eq 'portal' or displayName eq 'x')", {"portal"}),
        ("createdDateTime lt 2025-06-01T00:00:00Z", {"deploy"}),
        ("tags/any(t:t eq 'WindowsAzureActiveDirectoryIntegratedApp')", {"deploy"}),
        ("displayName in ('deploy', 'it''s')", {"deploy"}),
    ],
)
def test_filters_are_carried_out(start: Start, filters: str, names: set[str]) -> None:
    _, ask = start()
    shown = ask("graph", f"v1.0/applications?$select=displayName,id&$filter={filters}").json()["value"]
    assert {one["displayName"] for one in shown} - {"nhiscan"} == names


def test_advanced_queries_need_their_header(start: Start) -> None:
    _, ask = start()
    for query in (
        "$filter=displayName ne 'deploy'",
        "$filter=endswith(displayName,'y')",
        "$filter=not startswith(displayName,'d')",
    ):
        path = f"v1.0/applications?$count=true&{query}"
        assert code(ask("graph", path)) == (400, "Request_UnsupportedQuery"), query
        assert ask("graph", path, ConsistencyLevel="eventual").status_code == 200, query
    assert ask("graph", "v1.0/applications/$count").status_code == 400
    counted = ask("graph", "v1.0/applications/$count", ConsistencyLevel="eventual")
    assert (counted.text, counted.headers["Content-Type"]) == ("6", "text/plain")
    assert "@odata.count" not in ask("graph", "v1.0/applications?$count=true").json()


def test_expanding_shows_twenty_and_makes_pages_small(start: Start) -> None:
    people = tuple(User(f"u{n:02}") for n in range(25))
    apps = tuple(Application(f"a{n:03}", NOW, owners=tuple(one.name for one in people)) for n in range(150))
    _, ask = start(World(Directory(users=people, applications=apps)))
    page = ask("graph", "v1.0/applications?$top=999&$expand=owners&$filter=startswith(displayName,'a')").json()
    assert (len(page["value"]), len(page["value"][0]["owners"])) == (100, 20)
    assert ask("graph", "v1.0/applications?$expand=owners&$count=true", ConsistencyLevel="eventual").status_code == 400
    assert ask("graph", "v1.0/applications?$expand=nothing").status_code == 400


def test_pages_with_sign_ins_hold_five_hundred(start: Start) -> None:
    _, ask = start(World(Directory(users=tuple(User(f"u{n:03}", signed_in_at=NOW) for n in range(600)))))
    assert len(ask("graph", "v1.0/users?$top=999&$select=id,signInActivity").json()["value"]) == 500
    assert len(ask("graph", "v1.0/users?$top=999&$select=id").json()["value"]) == 600


def test_members_can_be_cast(start: Start) -> None:
    cloud, ask = start()
    group = cloud.directory.id_of("operators")
    path = f"v1.0/groups/{group}/transitiveMembers"
    kinds = {one["@odata.type"] for one in ask("graph", path).json()["value"]}
    assert kinds == {"#microsoft.graph.user", "#microsoft.graph.group", "#microsoft.graph.servicePrincipal"}
    assert ask("graph", f"{path}/microsoft.graph.servicePrincipal").status_code == 400
    cast = ask("graph", f"{path}/microsoft.graph.servicePrincipal?$count=true", ConsistencyLevel="eventual").json()
    assert [one["displayName"] for one in cast["value"]] == ["deploy"]


@pytest.mark.parametrize(
    "requests_",
    [
        [],
        [{"id": "1", "method": "GET"}],
        [{"id": "1", "method": "GET", "url": "/users"}] * 2,
        [{"method": "GET", "url": "/users"}],
    ],
)
def test_a_batch_that_is_not_well_formed_is_refused(start: Start, requests_: list[dict[str, str]]) -> None:
    _, ask = start()
    assert code(ask("graph", "v1.0/$batch", {"requests": requests_})) == (400, "BadRequest")


def test_a_batch_takes_relative_addresses_only(start: Start) -> None:
    cloud, ask = start()
    answer = ask("graph", "v1.0/$batch", batch(cloud.address("graph") + "/v1.0/users", "/users?$top=1"))
    assert {one["id"]: one["status"] for one in answer.json()["responses"]} == {"0": 400, "1": 200}


def test_reports_are_odd_where_they_should_be(start: Start) -> None:
    for odd in (True, False):
        _, ask = start(odd_dates=odd)
        rows = ask("graph", "beta/reports/appCredentialSignInActivities").json()["value"]
        assert len(rows) == 3
        assert any("expirationDate" in one for one in rows) == odd
        assert any("-8:00" in one["createdDateTime"] for one in rows) == odd
        text = ask("graph", "beta/reports/servicePrincipalSignInActivities").text
        assert ("0001-01-01T00:00:00Z" in text) == odd


# --- Azure ---


def test_calls_of_azure_need_a_version_that_is_known(start: Start) -> None:
    _, ask = start()
    path = ASSIGNMENTS.partition("?")[0]
    assert code(ask("arm", path)) == (400, "MissingApiVersionParameter")
    assert code(ask("arm", f"{path}?api-version=latest")) == (400, "InvalidApiVersionParameter")
    assert code(ask("arm", f"{path}?api-version=2014-04-01")) == (400, "NoRegisteredProviderFound")
    assert code(ask("arm", f"{ASSIGNMENTS}&color=red")) == (400, "InvalidQueryParameter")
    assert code(ask("arm", f"{ASSIGNMENTS}&$filter=color eq 'red'")) == (400, "InvalidFilter")
    assert code(ask("arm", f"subscriptions/{GONE}/providers/Microsoft.KeyVault/vaults?api-version=2024-11-01")) == (
        404,
        "SubscriptionNotFound",
    )


def test_lists_of_azure_have_pages(start: Start) -> None:
    cloud, ask = start()
    whole = [one["id"] for one in ask("arm", ASSIGNMENTS).json()["value"]]
    cloud.gateway.arm_page = 4
    answer = ask("arm", ASSIGNMENTS).json()
    found = [one["id"] for one in answer["value"]]
    while link := answer.get("nextLink"):
        answer = ask("arm", link).json()
        found += [one["id"] for one in answer["value"]]
    assert found == whole


def test_a_filter_tells_what_is_at_or_above_from_what_is_below(start: Start) -> None:
    _, ask = start()
    whole = {one["properties"]["scope"] for one in ask("arm", ASSIGNMENTS).json()["value"]}
    above = {one["properties"]["scope"] for one in ask("arm", f"{ASSIGNMENTS}&$filter=atScope()").json()["value"]}
    assert above < whole
    assert all("/resourceGroups/" not in scope for scope in above)
    assert any("/resourceGroups/" in scope for scope in whole)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": "resources", "color": 1},
        {"query": "resources", "options": {"$top": 1001}},
        {"query": "resources", "options": {"$top": 0}},
        {"query": "resources", "options": {"$skipToken": "x"}},
        {"query": "resources", "options": {"resultFormat": "table"}},
        {"query": "resources", "options": {"color": 1}},
        {"query": "resources | invoke x()"},
    ],
)
def test_resource_graph_refuses_what_it_does_not_know(start: Start, body: dict[str, Any]) -> None:
    _, ask = start()
    assert code(ask("arm", ARG, body)) == (400, "BadRequest")


def test_a_skip_token_belongs_to_its_query(start: Start) -> None:
    _, ask = start()
    body = {"query": "authorizationresources | project id", "options": {"$top": 3}}
    token = ask("arm", ARG, body).json()["$skipToken"]
    other = {"query": "resources | project id", "options": {"$skipToken": token}}
    assert code(ask("arm", ARG, other)) == (400, "BadRequest")
    same = ask("arm", ARG, {**body, "options": {"$top": 3, "$skipToken": token}})
    assert same.json()["count"] == 3


def test_management_groups_narrow_a_query(start: Start) -> None:
    _, ask = start()
    query = "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, name"
    for groups, names in (([TENANT], {"live", "lab"}), (["shop"], {"live"}), (["SHOP"], {"live"})):
        answer = ask("arm", ARG, {"query": query, "managementGroups": groups}).json()
        assert {row["name"] for row in answer["data"]} == names
    assert ask("arm", ARG, {"query": query, "managementGroups": ["nothing"]}).status_code == 403


# --- declaring ---


def test_a_world_that_contradicts_itself_is_refused() -> None:
    twice = Directory(users=(User("a"),), principals=(ServicePrincipal("a"),))
    with pytest.raises(ValueError, match="two principals are named a"):
        SimulatedAzure(World(twice))
    unknown = World(subscriptions=(Subscription("s", assignments=(Assignment("nobody", "Reader"),)),))
    with pytest.raises(KeyError, match="nobody"):
        SimulatedAzure(unknown)
    with pytest.raises(KeyError):
        SimulatedAzure(World(subscriptions=(Subscription("s", assignments=(Assignment("nhiscan", "No such role"),)),)))


def test_the_same_seed_gives_the_same_tenant() -> None:
    one, same, other = (SimulatedAzure(example(NOW), seed=seed) for seed in (1, 1, 2))
    assert one.directory.objects == same.directory.objects
    assert set(one.directory.objects) != set(other.directory.objects)

"""The simulated Entra ID and Azure as Microsoft's own client libraries see them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import requests
from azure.identity import DefaultAzureCredential

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_azure.simulated import GRAPH_PERMISSIONS, Application, Directory, Secret, SimulatedAzure, World
from nhiscan_azure.simulated import Caller as Reader
from nhiscan_azure.simulated.example import DAY, GONE, LAB, LIVE, TENANT, example

NOW = at("2026-11-02T09:00:00")
ARG = "providers/Microsoft.ResourceGraph/resources"
AUTHORIZATION = f"subscriptions/{LIVE}/providers/Microsoft.Authorization"


class Caller:
    """Plain HTTP with the tokens that azure-identity gets."""

    def __init__(self, cloud: SimulatedAzure) -> None:
        self.cloud = cloud
        self._credential = DefaultAzureCredential(authority=cloud.address("login"), disable_instance_discovery=True)
        self._session = requests.Session()

    def token(self, service: str) -> str:
        return self._credential.get_token(self.cloud.address(service) + "/.default").token

    def ask(
        self, service: str, url: str, *, verb: str = "GET", body: Any = None, token: str | None = None, **query: str
    ) -> requests.Response:
        eventual = query.pop("eventual", "")
        headers = {"Authorization": f"Bearer {token or self.token(service)}"}
        if eventual:
            headers["ConsistencyLevel"] = "eventual"
        if not url.startswith("https://"):
            url = f"{self.cloud.address(service)}/{url}"
        asked = {("$" + name if name in ODATA else name.replace("_", "-")): value for name, value in query.items()}
        return self._session.request(
            verb, url, params=asked, json=body, headers=headers, timeout=10, allow_redirects=False
        )

    def graph(self, path: str, **query: str) -> Any:
        answer = self.ask("graph", f"v1.0/{path}", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def arm(self, path: str, version: str, **query: str) -> Any:
        answer = self.ask("arm", path, **query, api_version=version)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, text: str, **body: Any) -> Any:
        answer = self.ask("arm", ARG, verb="POST", body={"query": text, **body}, api_version="2024-04-01")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def close(self) -> None:
        self._session.close()
        self._credential.close()


ODATA = ("select", "filter", "top", "count", "expand", "orderby", "recurse")
Start = Callable[..., Caller]


@pytest.fixture
def start(azure_gate: Callable[[Any], None]) -> Iterator[Start]:
    """Starts one simulation and gives a caller of it."""
    with ExitStack() as opened:

        def starting(world: World | None = None, **options: Any) -> Caller:
            cloud = opened.enter_context(SimulatedAzure(world or example(NOW), clock=SimulatedClock(NOW), **options))
            cloud.gateway.gate = azure_gate
            opened.enter_context(environment(cloud.environment, remove=cloud.remove))
            caller = Caller(cloud)
            opened.callback(caller.close)
            return caller

        yield starting


def many(applications: int) -> World:
    return World(
        Directory(
            applications=tuple(
                Application(f"a{n:04}", NOW - DAY, secrets=(Secret(NOW - DAY, NOW + DAY),)) for n in range(applications)
            )
        )
    )


DIRECTORY = (
    *("organization", "applications", "servicePrincipals", "users", "groups", "oauth2PermissionGrants"),
    *("policies/defaultAppManagementPolicy", "policies/authorizationPolicy", "policies/adminConsentRequestPolicy"),
)
ROLES = (
    *("roleDefinitions", "roleAssignments", "roleEligibilityScheduleInstances", "roleAssignmentScheduleInstances"),
)
AGENTS = ("AgentIdentity.Read.All", "AgentIdentityBlueprint.Read.All", "AgentIdentityBlueprintPrincipal.Read.All")


def test_every_method_of_graph_gives_what_its_schema_allows(start: Start) -> None:
    world = example(NOW)
    caller = start(replace(world, caller=Reader(graph=(*GRAPH_PERMISSIONS, *AGENTS))))
    for path in (*DIRECTORY, *(f"roleManagement/directory/{one}" for one in ROLES)):
        assert caller.graph(path), path
    apps, principals = caller.graph("applications")["value"], caller.graph("servicePrincipals")["value"]
    for one in (*apps, *principals):
        kind = "applications" if one in apps else "servicePrincipals"
        if one["displayName"] == "vanishing" and kind == "applications":
            continue
        assert caller.graph(f"{kind}/{one['id']}")["id"] == one["id"]
        for relation in ("owners", "federatedIdentityCredentials"):
            assert "value" in caller.graph(f"{kind}/{one['id']}/{relation}")
    for one in principals:
        for relation in ("appRoleAssignments", "appRoleAssignedTo", "transitiveMemberOf"):
            assert "value" in caller.graph(f"servicePrincipals/{one['id']}/{relation}")
    for one in caller.graph("groups")["value"]:
        for relation in ("owners", "members", "transitiveMembers", "appRoleAssignments"):
            assert "value" in caller.graph(f"groups/{one['id']}/{relation}")
    for report in ("servicePrincipalSignInActivities", "appCredentialSignInActivities"):
        assert caller.ask("graph", f"beta/reports/{report}").json()["value"]
    people = caller.graph("users", select="id,accountEnabled,userType,employeeLeaveDateTime,signInActivity")["value"]
    assert sum(one["accountEnabled"] is False for one in people) == 1
    ids = [one["id"] for one in (*people, *principals)]
    body = {"ids": [*ids, GONE], "types": ["user", "servicePrincipal"]}
    answer = caller.ask("graph", "v1.0/directoryObjects/getByIds", verb="POST", body=body)
    assert {one["id"] for one in answer.json()["value"]} == set(ids)
    for path in ("applications/graph.agentIdentityBlueprint", "servicePrincipals/microsoft.graph.agentIdentity"):
        assert len(caller.graph(path)["value"]) == 1


def test_every_list_of_resource_manager_gives_what_its_models_allow(start: Start) -> None:
    caller = start()
    assert len(caller.arm("subscriptions", "2022-12-01")["value"]) == 2
    groups = "providers/Microsoft.Management/managementGroups"
    assert len(caller.arm(groups, "2021-04-01")["value"]) == 3
    tree = caller.arm(f"{groups}/{TENANT}", "2021-04-01", expand="children", recurse="true")["properties"]["children"]
    assert [one["name"] for one in tree] == ["platform", LAB]
    assert len(caller.arm(f"{groups}/{TENANT}/descendants", "2021-04-01")["value"]) == 4
    assert len(caller.arm(f"{AUTHORIZATION}/roleAssignments", "2022-04-01")["value"]) == 11
    assert caller.arm(f"{AUTHORIZATION}/roleDefinitions", "2022-04-01", filter="type eq 'CustomRole'")["value"]
    assert len(caller.arm(f"{AUTHORIZATION}/denyAssignments", "2022-04-01")["value"]) == 1
    assert len(caller.arm(f"{AUTHORIZATION}/classicAdministrators", "2015-07-01")["value"]) == 1
    counts = {
        "roleEligibilitySchedules": 1,
        "roleEligibilityScheduleInstances": 1,
        "roleAssignmentSchedules": 11,
        "roleAssignmentScheduleInstances": 11,
    }
    for name, number in counts.items():
        assert len(caller.arm(f"{AUTHORIZATION}/{name}", "2020-10-01")["value"]) == number, name
    assert len(caller.arm(f"subscriptions/{LIVE}/resourcegroups", "2021-04-01")["value"]) == 2
    for kind, number in (
        ("Microsoft.ManagedIdentity/userAssignedIdentities", 1),
        ("Microsoft.Storage/storageAccounts", 2),
        ("Microsoft.KeyVault/vaults", 1),
        ("Microsoft.CognitiveServices/accounts", 1),
        ("Microsoft.Compute/virtualMachines", 1),
    ):
        assert len(caller.arm(f"subscriptions/{LIVE}/providers/{kind}", "2023-01-31")["value"]) == number, kind
    inside = f"subscriptions/{LIVE}/resourceGroups/shop-rg/providers"
    identity = f"{inside}/Microsoft.ManagedIdentity/userAssignedIdentities/runner"
    assert len(caller.arm(f"{identity}/federatedIdentityCredentials", "2024-11-30")["value"]) == 1
    vault = f"{inside}/Microsoft.KeyVault/vaults/shopvault"
    assert len(caller.arm(f"{vault}/secrets", "2024-11-01")["value"]) == 2
    assert len(caller.arm(f"{vault}/keys", "2024-11-01")["value"]) == 1


def test_every_table_of_resource_graph_gives_what_its_models_allow(start: Start) -> None:
    caller = start()
    types = {
        table: {row["type"] for row in caller.query(table)["data"]}
        for table in ("resources", "resourcecontainers", "authorizationresources")
    }
    assert types["authorizationresources"] == {
        *("microsoft.authorization/roleassignments", "microsoft.authorization/roledefinitions"),
        "microsoft.authorization/classicadministrators",
    }
    assert types["resourcecontainers"] == {
        *("microsoft.management/managementgroups", "microsoft.resources/subscriptions"),
        "microsoft.resources/subscriptions/resourcegroups",
    }
    assert len(types["resources"]) == 6


@pytest.mark.parametrize("way", ["secret", "certificate", "federated"])
def test_every_way_to_sign_in_gives_a_token_for_one_audience(start: Start, way: str) -> None:
    caller = start(sign_in=way)
    assert caller.graph("organization")["value"][0]["id"] == TENANT
    assert len(caller.arm("subscriptions", "2022-12-01")["value"]) == 2
    for service, path, other in (("arm", "subscriptions", "graph"), ("graph", "v1.0/organization", "arm")):
        refused = caller.ask(service, path, token=caller.token(other), api_version="2022-12-01")
        assert (refused.status_code, "audience" in refused.text) == (401, True)


def test_nobody_is_let_in_with_a_wrong_secret(start: Start) -> None:
    caller = start()
    url = f"{caller.cloud.address('login')}/{TENANT}/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": caller.cloud.login.client.app_id,
        "client_secret": "wrong",
        "scope": caller.cloud.address("graph") + "/.default",
    }
    refused = requests.post(url, data=form, timeout=10)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    forged = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "a.b.c",
    }
    assert requests.post(url, data={**form, **forged}, timeout=10).json()["error"] == "invalid_client"
    elsewhere = {**form, "client_secret": caller.cloud.login.client.secret, "scope": "https://vault.example/.default"}
    assert requests.post(url, data=elsewhere, timeout=10).json()["error"] == "invalid_resource"
    assert requests.get(url.replace(TENANT, "common"), timeout=10).status_code == 404


def test_pages_of_the_directory(start: Start) -> None:
    caller = start(many(1_200))
    first = caller.graph("applications", top="999", select="id,appId", count="true", eventual="1")
    assert (len(first["value"]), first["@odata.count"]) == (999, 1_201)
    assert set(first["value"][0]) == {"id", "appId"}
    second = caller.ask("graph", first["@odata.nextLink"]).json()
    assert "@odata.nextLink" not in second
    assert len({one["id"] for one in (*first["value"], *second["value"])}) == 1_201
    assert len(caller.graph("applications")["value"]) == 100
    too_many = caller.ask("graph", "v1.0/applications", top="1000")
    assert (too_many.status_code, too_many.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")
    other = first["@odata.nextLink"].replace("select=id,appId", "select=id")
    assert caller.ask("graph", other).status_code == 400


def test_unknown_properties_and_options_are_refused(start: Start) -> None:
    caller = start()
    for query in ({"select": "id,secretText"}, {"filter": "nothing eq 'x'"}, {"search": "x"}, {"top": "many"}):
        assert caller.ask("graph", "v1.0/applications", **query).status_code == 400, query
    assert caller.ask("graph", "v1.0/applications/42/owners").status_code == 400
    assert caller.ask("graph", f"v1.0/applications/{TENANT}/owners").status_code == 404
    assert caller.ask("graph", "v1.0/nothing").status_code == 400


def test_a_batch_answers_in_its_own_order(start: Start) -> None:
    caller = start()
    apps = caller.graph("applications", select="id,displayName")["value"]
    requests_ = [
        {"id": str(n), "method": "GET", "url": f"/applications/{one['id']}/owners?$select=id"}
        for n, one in enumerate(apps)
    ]
    answer = caller.ask("graph", "v1.0/$batch", verb="POST", body={"requests": requests_}).json()
    found = {apps[int(one["id"])]["displayName"]: one["status"] for one in answer["responses"]}
    assert found == {**dict.fromkeys((one["displayName"] for one in apps), 200), "vanishing": 404}
    assert [one["id"] for one in answer["responses"]] != [one["id"] for one in requests_]
    assert caller.cloud.calls.of("graph.$batch") == 1
    assert caller.cloud.gateway.inner.of("graph.applications.owners") == len(apps)
    twenty_one = {"requests": [{"id": str(n), "method": "GET", "url": "/organization"} for n in range(21)]}
    assert caller.ask("graph", "v1.0/$batch", verb="POST", body=twenty_one).status_code == 400


def test_resource_graph_gives_pages_of_a_thousand(start: Start) -> None:
    caller = start()
    rows = caller.query("authorizationresources | project id, type", options={"$top": 5})
    assert (rows["count"], rows["resultTruncated"]) == (5, "false")
    seen = [row["id"] for row in rows["data"]]
    while token := rows.get("$skipToken"):
        rows = caller.query("authorizationresources | project id, type", options={"$top": 5, "$skipToken": token})
        seen += [row["id"] for row in rows["data"]]
    assert len(set(seen)) == len(seen) == rows["totalRecords"]
    without_id = caller.query("authorizationresources | project type", options={"$top": 5})
    assert ("$skipToken" in without_id, without_id["resultTruncated"]) == (False, "true")
    assert caller.ask("arm", ARG, verb="POST", body={"query": "x"}).status_code == 400  # without a version


def test_inherited_assignments_come_again_in_every_subscription(start: Start) -> None:
    caller = start()
    lists = [
        caller.arm(f"{one['id'].strip('/')}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
        for one in caller.arm("subscriptions", "2022-12-01")["value"]
    ]
    root = {one["id"] for one in lists[0]} & {one["id"] for one in lists[1]}
    assert len(root) == 2
    whole = {one["id"].lower() for found in lists for one in found}
    rows = caller.query("authorizationresources | where type =~ 'microsoft.authorization/roleassignments' | project id")
    assert {row["id"].lower() for row in rows["data"]} == whole


def test_permissions_decide(start: Start) -> None:
    caller = start()
    caller.cloud.faults.deny("Application.Read.All")
    assert caller.ask("graph", "v1.0/applications").status_code == 200  # Directory.Read.All opens it, too
    caller.cloud.faults.deny("Directory.Read.All")
    refused = caller.ask("graph", "v1.0/applications")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
    caller.cloud.faults.deny("Microsoft.Authorization/roleAssignments/read", account=LIVE)
    refused = caller.ask("arm", f"{AUTHORIZATION}/roleAssignments", api_version="2022-04-01")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")


def test_secrets_are_planted_where_a_reader_could_take_them(start: Start) -> None:
    caller = start()
    for path in ("applications", "servicePrincipals"):
        answer = caller.ask("graph", f"v1.0/{path}")
        assert any(name.startswith("secret ") for name in caller.cloud.canaries.in_bytes(answer.content))
        assert any(name.startswith("certificate ") for name in caller.cloud.canaries.in_bytes(answer.content))
    name = f"subscriptions/{LIVE}/resourceGroups/shop-rg/providers/Microsoft.Storage/storageAccounts/shopdata/listKeys"
    assert caller.ask("arm", name, verb="POST", api_version="2024-01-01").status_code == 403

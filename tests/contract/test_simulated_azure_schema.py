"""The gates of the simulated Entra ID and Azure: they refuse what Microsoft would not send."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import parse

import pytest

from nhiscan_azure.simulated.gateway import Answered
from nhiscan_azure.simulated.shapes import _NAMES, properties

Problems = Callable[[Answered], Iterator[str]]
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
GUID = "1a2b3c4d-0000-4000-a000-000000000001"
TIME = "2026-01-01T00:00:00Z"
APPLICATION = {
    "id": GUID,
    "appId": GUID,
    "createdDateTime": TIME,
    "isDisabled": None,
    "tags": [],
    "passwordCredentials": [{"keyId": GUID, "hint": "abc", "endDateTime": "2026-01-01T00:00:00.1234567Z"}],
    "keyCredentials": [{"keyId": GUID, "customKeyIdentifier": "AAEC", "type": "AsymmetricX509Cert"}],
}
POLICY = {
    "id": GUID,
    "isEnabled": True,
    "applicationRestrictions": {
        "passwordCredentials": [{"restrictionType": "passwordLifetime", "maxLifetime": "P180D", "state": "enabled"}]
    },
}


def of_graph(entity: str, *items: Any, version: str = "v1.0") -> Answered:
    return Answered("graph", "graph.x", entity, many=True, version=version, body={"value": list(items)})


def of_arm(action: str, *items: Any) -> Answered:
    return Answered("arm", action, "", many=True, version="2022-04-01", body={"value": list(items)})


@pytest.mark.parametrize(
    "wrong",
    [
        {"appid": GUID},
        {"createdDateTime": "yesterday"},
        {"createdDateTime": "2026-01-01T00:00:00"},
        {"createdDateTime": "2026-13-01T00:00:00Z"},
        {"createdDateTime": "2026-01-01T00:00:00-8:00"},
        {"isDisabled": "false"},
        {"isDisabled": 0},
        {"displayName": 7},
        {"tags": None},
        {"tags": ["a", 1]},
        {"tags": "a"},
        {"passwordCredentials": [{"keyId": "42"}]},
        {"passwordCredentials": [{"keyId": GUID.replace("-", "")}]},
        {"passwordCredentials": [{"secret": "x"}]},
        {"passwordCredentials": {}},
        {"keyCredentials": [{"customKeyIdentifier": "no base64!"}]},
        {"servicePrincipalLockConfiguration": {"isEnabled": None}},
        {"@odata.type": "#microsoft.graph.user"},
        {"@odata.type": "#microsoft.graph.nothing"},
        {"@nextLink": "x"},
        {"owners": [{"id": GUID}]},
    ],
)
def test_the_types_of_graph_refuse(azure_problems: Problems, wrong: dict[str, Any]) -> None:
    assert list(azure_problems(of_graph("application", APPLICATION))) == []
    assert list(azure_problems(of_graph("application", {**APPLICATION, **wrong})))


@pytest.mark.parametrize(
    "wrong",
    [{"restrictionType": "passwordAge"}, {"maxLifetime": "180 days"}, {"maxLifetime": "P"}, {"state": None}],
)
def test_durations_and_enumerations_are_known(azure_problems: Problems, wrong: dict[str, Any]) -> None:
    restriction = POLICY["applicationRestrictions"]["passwordCredentials"][0]  # type: ignore[index]
    assert list(azure_problems(of_graph("tenantAppManagementPolicy", POLICY))) == []
    bad = {**POLICY, "applicationRestrictions": {"passwordCredentials": [{**restriction, **wrong}]}}
    assert list(azure_problems(of_graph("tenantAppManagementPolicy", bad)))


def test_numbers_are_held_to_their_width(azure_problems: Problems) -> None:
    good = {"isEnabled": True, "notifyReviewers": False, "remindersEnabled": False, "version": 0}
    for days, problem in ((30, False), (2**31, True), ("30", True), (True, True), (1.5, True)):
        found = list(azure_problems(of_graph("adminConsentRequestPolicy", {**good, "requestDurationInDays": days})))
        assert bool(found) == problem, days


def test_directory_objects_say_what_they_are(azure_problems: Problems) -> None:
    user = {"@odata.type": "#microsoft.graph.user", "id": GUID, "userPrincipalName": "a@example.com"}
    assert list(azure_problems(of_graph("directoryObject", user))) == []
    assert list(azure_problems(of_graph("directoryObject", {"id": GUID})))
    assert list(azure_problems(of_graph("directoryObject", {**user, "appId": GUID})))
    agent = {"@odata.type": "#microsoft.graph.agentIdentity", "id": GUID, "agentIdentityBlueprintId": GUID}
    assert list(azure_problems(of_graph("servicePrincipal", agent))) == []
    assert list(azure_problems(of_graph("application", agent)))


def test_a_list_and_a_batch_have_their_envelopes(azure_problems: Problems) -> None:
    good = of_graph("application")
    assert list(azure_problems(good)) == []
    bodies: list[Any] = [{"value": {}}, {"items": []}, {"value": [], "count": 0}, []]
    for body in bodies:
        assert list(azure_problems(Answered("graph", "x", "application", many=True, version="v1.0", body=body))), body
    inner = {"id": "1", "status": 200, "headers": {}, "body": {}}
    for response, problem in (
        (inner, False),
        ({**inner, "status": "200"}, True),
        ({**inner, "status": 404}, True),
        ({"id": "1", "status": 200}, True),
    ):
        batch = Answered("graph", "x", "batch", many=False, version="v1.0", body={"responses": [response]})
        assert bool(list(azure_problems(batch))) == problem


def test_the_reports_may_be_odd_in_two_known_ways_only(azure_problems: Problems) -> None:
    row = {"id": "x", "keyId": GUID, "keyType": "clientSecret", "expirationDateTime": TIME}
    odd = {"id": "x", "expirationDate": "2026-01-01T00:00:00-8:00", "signInActivity": {"lastSignInDateTime": TIME}}
    for good in (row, odd):
        assert list(azure_problems(of_graph("appCredentialSignInActivity", good, version="beta"))) == []
    for wrong in ({"keyType": "password"}, {"createdDateTime": "-8:00"}, {"lastUsed": TIME}, {"signInActivity": TIME}):
        assert list(azure_problems(of_graph("appCredentialSignInActivity", {**row, **wrong}, version="beta"))), wrong
    assert list(azure_problems(of_graph("servicePrincipalSignInActivity", {"appId": None}, version="beta")))


@pytest.mark.parametrize(
    ("action", "good", "wrongs"),
    [
        (
            "arm.roleAssignments",
            {"id": "x", "name": GUID, "properties": {"principalId": GUID, "principalType": "User", "createdOn": TIME}},
            [{"principalID": GUID}, {"principalType": "Robot"}, {"createdOn": "yesterday"}, {"scope": 7}],
        ),
        (
            "arm.roleDefinitions",
            {"id": "x", "properties": {"roleName": "a", "permissions": [{"actions": ["*"]}]}},
            [{"name": "a"}, {"permissions": [{"allow": ["*"]}]}, {"permissions": {}}, {"assignableScopes": "/"}],
        ),
        (
            "arm.roleEligibilityScheduleInstances",
            {"id": "x", "properties": {"memberType": "Direct", "status": "Provisioned", "startDateTime": TIME}},
            [{"memberType": "Guest"}, {"status": "Fine"}, {"assignmentType": "Assigned"}],
        ),
        (
            "arm.vaults.secrets",
            {"id": "x", "properties": {"attributes": {"enabled": True, "exp": 1_767_225_600}}},
            [{"value": 7}, {"attributes": {"enabled": "yes"}}, {"attributes": {"expires": 1}}, {"attributes": []}],
        ),
        (
            "arm.federatedIdentityCredentials",
            {"id": "x", "properties": {"issuer": "https://a.example", "audiences": ["a"]}},
            [{"audience": "a"}, {"audiences": "a"}, {"issuer": []}],
        ),
    ],
)
def test_the_models_of_resource_manager_refuse(
    azure_problems: Problems, action: str, good: dict[str, Any], wrongs: list[dict[str, Any]]
) -> None:
    assert list(azure_problems(of_arm(action, good))) == []
    for wrong in wrongs:
        bad = {**good, "properties": {**good["properties"], **wrong}}
        assert list(azure_problems(of_arm(action, bad))), wrong
    assert list(azure_problems(of_arm(action, {**good, "nothing": 1})))


def test_resources_are_held_to_the_model_of_their_type(azure_problems: Problems) -> None:
    storage = {
        "id": "x",
        "type": "Microsoft.Storage/storageAccounts",
        "kind": "StorageV2",
        "properties": {"keyCreationTime": {"key1": TIME, "key2": None}, "allowSharedKeyAccess": True},
    }
    assert list(azure_problems(of_arm("arm.resources.list", storage))) == []
    wrongs: list[dict[str, Any]] = [
        {"kind": "StorageV9"},
        {"properties": {"keyCreationTime": {"key3": TIME}}},
        {"properties": {"keyCreationTime": {"key1": "long ago"}}},
        {"properties": {"allowSharedKeyAccess": "true"}},
        {"properties": {"keys": []}},
        {"principalId": GUID},
    ]
    for wrong in wrongs:
        assert list(azure_problems(of_arm("arm.resources.list", {**storage, **wrong}))), wrong
    other = {"id": "x", "type": "Microsoft.Web/sites", "properties": {"whatever": 1}}
    assert list(azure_problems(of_arm("arm.resources.list", other))) == []
    assert list(azure_problems(of_arm("arm.resources.list", {**other, "secret": 1})))


def test_resource_graph_is_held_to_its_envelope_and_its_rows(azure_problems: Problems) -> None:
    row = {"id": "x", "type": "microsoft.storage/storageaccounts", "properties": {"keyCreationTime": {"key1": TIME}}}
    body = {"totalRecords": 1, "count": 1, "resultTruncated": "false", "facets": [], "data": [row]}

    def found(**more: Any) -> list[str]:
        return list(azure_problems(Answered("arg", "arg.resources", "", many=True, version="", body={**body, **more})))

    assert found() == []
    wrongs: list[dict[str, Any]] = [
        {"resultTruncated": False},
        {"count": 2},
        {"skipToken": "x"},
        {"data": [{**row, "properties": {"keyCreationTime": "x"}}]},
        {"data": [{**row, "properties": {"keyCreated": TIME}}]},
    ]
    for wrong in wrongs:
        assert found(**wrong), wrong


def test_errors_and_tokens_have_their_shapes(azure_problems: Problems) -> None:
    inner = {"date": "2026-11-02T09:00:00", "request-id": GUID, "client-request-id": GUID}
    graph = {"error": {"code": "x", "message": "y", "innerError": inner}}

    def found(service: str, body: Any, entity: str = "error", action: str = "") -> list[str]:
        return list(azure_problems(Answered(service, action, entity, many=False, version="", body=body)))

    assert found("graph", graph) == []
    assert found("arm", {"error": {"code": "x", "message": "y"}}) == []
    assert found("graph", {"error": {"code": "x", "message": "y"}})
    assert found("arm", {"code": "x", "message": "y"})
    assert found("login", {"error": "x"})
    token = {"token_type": "Bearer", "expires_in": 1, "ext_expires_in": 1, "access_token": "x"}
    assert found("login", token, "", "oauth2/v2.0/token") == []
    assert found("login", {**token, "expires_in": "1"}, "", "oauth2/v2.0/token")
    assert found("login", {"issuer": "https://a"}, "", "v2.0/.well-known/openid-configuration")


def test_the_names_that_can_be_selected_are_those_of_the_schema() -> None:
    root = parse(Path(__file__).parents[1] / "data" / "graph" / "v1.0.xml").getroot()
    types = {str(one.get("Name")): one for one in root}
    beta = {"servicePrincipalSignInActivity", "appCredentialSignInActivity", "betaRoleDefinition"}
    for name in sorted(set(_NAMES) - beta):
        declared: dict[str, bool] = {}
        kind = name
        while kind:
            for one in types[kind]:
                if one.tag == EDM + "Property" and one.get("Type") != "Edm.Stream":
                    declared[str(one.get("Name"))] = str(one.get("Type")).startswith("Collection(")
            kind = str(types[kind].get("BaseType", "")).rpartition(".")[2]
        assert properties(name) == declared, name


def test_every_type_that_a_kept_type_speaks_of_is_kept() -> None:
    folder = Path(__file__).parents[1] / "data" / "graph"
    types = {str(one.get("Name")): one for name in ("v1.0.xml", "beta.xml") for one in parse(folder / name).getroot()}
    missing = set()
    for one in types.values():
        named = [one.get("BaseType", ""), *(str(inner.get("Type", "")) for inner in one)]
        for text in named:
            name = text.removeprefix("Collection(").removesuffix(")")
            if name.startswith("graph.") and name.rpartition(".")[2] not in types:
                missing.add(name)
    assert missing == set()
    assert len(types) > 100

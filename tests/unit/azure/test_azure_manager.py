"""Resource Manager and Resource Graph as they may answer: over sockets, and as records."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from nhiscan.connector import BadAnswer, Context, Redirected, Unread
from nhiscan.model import Call, Credential, Identity, Relation, Scope
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan.testing.server import LoopbackServer
from nhiscan.testing.tls import Authority
from nhiscan_azure import CONNECTOR, holdings, keys, rbac
from nhiscan_azure.authorization import Authorization
from nhiscan_azure.failures import ForeignOrigin, NotCredible, Refused, TooMany
from nhiscan_azure.pipeline import pipeline
from nhiscan_azure.resourcegraph import ResourceGraph, seconds
from nhiscan_azure.service import Service
from nhiscan_azure.sight import EVERYTHING, Sight, allows
from nhiscan_azure.sources import resources as resource_lists

Answer = tuple[int, dict[str, str], Any]
TOKEN = "canary-token"
TENANT = keys.tenant("11111111-1111-4111-8111-111111111111")
GUID, ROLE = "22222222-2222-4222-8222-222222222222", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
SUB = keys.subscription(GUID)
INSIDE = f"/subscriptions/{GUID}/resourceGroups/RG/providers"
PLANNED = {TENANT, SUB}


class Tokens:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(TOKEN, 4_102_444_800)


class NoTokens:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        raise ClientAuthenticationError("AADSTS7000222: the secret is abc")


class Bench:
    """A server with prepared answers, what it saw, what was noted, and how long was waited."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.seen: list[dict[str, Any]] = []
        self.bodies: list[Any] = []
        self.calls: list[Call] = []
        self.waits: list[float] = []
        self.clock = SimulatedClock(at("2026-11-02T09:00:00"))

    @property
    def context(self) -> Context:
        return Context(clock=self.clock, sleep=self.waits.append, note=self.calls.append, version="1")

    @contextmanager
    def server(self, answer: Callable[[int, dict[str, Any]], Answer]) -> Iterator[str]:
        def application(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            self.seen.append(environ)
            raw = environ["wsgi.input"].read()
            self.bodies.append(json.loads(raw) if raw else None)
            status, headers, body = answer(len(self.seen), environ)
            start(f"{status} x", [("Content-Type", "application/json"), *headers.items()])
            return [body if isinstance(body, bytes) else json.dumps(body).encode()]

        with LoopbackServer(application, self.authority.server_context()) as running:
            yield running.url

    @contextmanager
    def graph(self, answer: Callable[[int, dict[str, Any]], Answer]) -> Iterator[ResourceGraph]:
        with self.server(answer) as url:
            service = Service(url, pipeline(url, "arm", Tokens(), self.context))
            try:
                yield ResourceGraph(service, self.context)
            finally:
                service.close()

    def denials(self, url: str, tokens: Any = None) -> list[Any]:
        """What azure-mgmt-authorization lists through the connector."""
        client = Authorization(url, tokens or Tokens(), self.context)
        try:
            return list(
                client.listed("denials", "2022-04-01", lambda api, options: api.deny_assignments.list(**options), GUID)
            )
        finally:
            client.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    with environment({"REQUESTS_CA_BUNDLE": str(made.authority.bundle)}, remove=()):
        yield made


def page(*ids: str, total: int | None = None, token: Any = None, cut: str = "false") -> dict[str, Any]:
    found: dict[str, Any] = {"totalRecords": len(ids) if total is None else total, "count": len(ids)}
    found |= {"data": [{"id": one} for one in ids], "resultTruncated": cut}
    return found if token is None else {**found, "$skipToken": token}


# --- Resource Graph ---


def test_pages_of_a_query(bench: Bench) -> None:
    answers = [page("/A", "/b", total=3, token="t1"), page("/c", total=3)]
    with bench.graph(lambda number, _: (200, {}, answers[number - 1])) as graph:
        assert [row["id"] for row in graph.rows("resourcegraph.things", "things | project id")] == ["/A", "/b", "/c"]
    first, second = bench.bodies
    assert first == {
        "query": "things | project id",
        "options": {"$top": 1000, "resultFormat": "objectArray"},
    }
    assert second["options"]["$skipToken"] == "t1"
    assert [(call.page, call.items, call.end_of_list) for call in bench.calls] == [(1, 2, 0), (2, 1, 1)]
    assert json.loads(bench.calls[0].parameters)["query"] == "things | project id"
    assert "t1" not in bench.calls[1].parameters


def test_roles_are_asked_for_with_what_is_inherited(bench: Bench) -> None:
    with bench.graph(lambda *_: (200, {}, page("/a"))) as graph:
        list(graph.rows("r", "authorizationresources | project id"))
    assert bench.bodies[0]["options"]["authorizationScopeFilter"] == "AtScopeAboveAndBelow"


def test_what_is_asked_about_goes_in_bites(bench: Bench) -> None:
    """Ten management groups and a thousand subscriptions a query; a row that two of them show comes once."""
    groups, subscriptions = tuple(f"g{n}" for n in range(12)), tuple(f"s{n}" for n in range(1001))
    with bench.graph(lambda number, _: (200, {}, page("/same", f"/{number}"))) as graph:
        graph.narrow(groups, subscriptions)
        rows = [row["id"] for row in graph.rows("r", "q")]
    assert rows == ["/same", "/1", "/2", "/3", "/4"]
    sizes = [(len(body.get("managementGroups", ())), len(body.get("subscriptions", ()))) for body in bench.bodies]
    assert sizes == [(10, 0), (2, 0), (0, 1000), (0, 1)]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([{"data": "x"}], BadAnswer),
        ([{"data": [1]}], BadAnswer),
        ([{"data": [{"name": "no id"}]}], BadAnswer),
        ([page("/a", cut="true")], BadAnswer),
        ([page("/a", total=2)], BadAnswer),
        ([page("/a", token=7)], BadAnswer),
        ([page("/a", token="t"), page("/b", token="t")], BadAnswer),
        ([b"<html>"], BadAnswer),
        ([[]], BadAnswer),
    ],
)
def test_answers_of_a_query_that_are_none(bench: Bench, answers: list[Any], error: type[Unread]) -> None:
    with (
        bench.graph(lambda number, _: (200, {}, answers[min(number, len(answers)) - 1])) as graph,
        pytest.raises(error),
    ):
        list(graph.rows("r", "q"))


def test_a_post_answered_429_without_retry_after_is_asked_again(bench: Bench) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        del environ
        if number == 1:
            return 429, {"x-ms-user-quota-resets-after": "00:00:03"}, {"error": {"code": "RateLimiting"}}
        return 200, {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:04"}, page("/a")

    with bench.graph(answer) as graph:
        assert len(list(graph.rows("r", "q"))) == 1
        assert bench.waits == [3.0]
        list(graph.rows("r", "q"))
    assert bench.waits == [3.0, 4.0], "the quota is used up: the next query waits"
    assert [call.attempts for call in bench.calls] == [2, 1]


def test_too_many_subscriptions_are_told_after_the_rows(bench: Bench) -> None:
    headers = {"x-ms-tenant-subscription-limit-hit": "true"}
    with bench.graph(lambda *_: (200, headers, page("/a"))) as graph:
        rows = graph.rows("r", "q")
        assert next(rows) == {"id": "/a"}
        with pytest.raises(TooMany):
            next(rows)


@pytest.mark.parametrize(
    ("text", "wait"), [("00:00:03", 3), ("00:01:30", 60), ("2", 2), ("", 5), ("soon", 5), ("00:00:00", 1)]
)
def test_waits(text: str, wait: float) -> None:
    assert seconds(text) == wait


# --- azure-mgmt-authorization ---


def denial(name: str, where: str = f"/subscriptions/{GUID}") -> dict[str, Any]:
    return {
        "id": f"{where}/providers/Microsoft.Authorization/denyAssignments/{name}",
        "name": name,
        "properties": {"scope": where, "denyAssignmentName": name, "newer": 1},
    }


def test_lists_of_the_package_keep_what_its_models_drop(bench: Bench) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        if number == 1:
            link = f"https://127.0.0.1:{environ['SERVER_PORT']}/next?api-version=2022-04-01&$skipToken=2"
            return 200, {"x-ms-request-id": "r1"}, {"value": [denial("a")], "nextLink": link}
        return 200, {}, {"value": [denial("b")]}

    with bench.server(answer) as url:
        found = bench.denials(url)
    assert found == [denial("a"), denial("b")]
    assert {one["HTTP_AUTHORIZATION"] for one in bench.seen} == {f"Bearer {TOKEN}"}
    assert [(call.service, call.operation, call.page, call.items, call.attempts) for call in bench.calls] == [
        ("arm", "denials", 1, 1, 1),
        ("arm", "denials", 2, 1, 1),
    ]
    assert "api-version=2022-04-01" in bench.seen[0]["QUERY_STRING"]
    assert bench.seen[0]["HTTP_USER_AGENT"].startswith("nhiscan/1")


def test_the_package_is_kept_from_another_origin(bench: Bench, tmp_path: Path) -> None:
    strangers: list[Any] = []
    folder = tmp_path / "stranger"
    folder.mkdir()

    def stranger(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        strangers.append(environ)
        start("200 OK", [])
        return [b'{"value": []}']

    with LoopbackServer(stranger, bench.authority.server_context()) as other:
        link = f"{other.url}/next?api-version=2022-04-01"
        with (
            bench.server(lambda *_: (200, {}, {"value": [denial("a")], "nextLink": link})) as url,
            pytest.raises(ForeignOrigin) as caught,
        ):
            bench.denials(url)
    assert strangers == []
    assert caught.value.operation == "denials"
    assert len(bench.calls) == 1, "what was not asked is no call"


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (302, {"Location": "https://elsewhere.example/x"}, {}, Redirected),
        (401, {}, {"error": {"code": "InvalidAuthenticationToken"}}, Refused),
        (403, {}, {"error": {"code": "AuthorizationFailed", "message": "no"}}, Refused),
        (404, {}, {"error": {"code": "NotFound"}}, Refused),
        (409, {}, {"error": {"code": "MissingSubscriptionRegistration", "details": []}}, Refused),
        (400, {}, b"<html>", Refused),
        (200, {}, b"<html>", BadAnswer),
        (200, {}, [], BadAnswer),
        (200, {}, {"value": None}, BadAnswer),
        (200, {}, {"value": [1]}, BadAnswer),
        (200, {}, {"value": [], "nextLink": 7}, BadAnswer),
    ],
)
def test_answers_of_the_package_that_are_none(
    bench: Bench, status: int, headers: dict[str, str], body: Any, error: type[Unread]
) -> None:
    with bench.server(lambda *_: (status, headers, body)) as url, pytest.raises(error):
        bench.denials(url)
    assert len(bench.seen) == 1, "nothing else is asked: no provider is registered, no redirect followed"


def test_a_page_that_names_itself(bench: Bench) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        link = f"https://127.0.0.1:{environ['SERVER_PORT']}/next?api-version=2022-04-01"
        return 200, {}, {"value": [], "nextLink": link}

    with bench.server(answer) as url, pytest.raises(BadAnswer):
        bench.denials(url)
    assert len(bench.seen) == 2


def test_without_a_token_nothing_is_asked(bench: Bench) -> None:
    with bench.server(lambda *_: (200, {}, {"value": []})) as url, pytest.raises(NotCredible) as caught:
        bench.denials(url, NoTokens())
    assert (bench.seen, bench.calls) == ([], [])
    assert "abc" not in str(caught.value)


def test_a_throttled_list_is_waited_for(bench: Bench) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        del environ
        return (429, {"Retry-After": "2.5"}, {}) if number == 1 else (200, {}, {"value": []})

    with bench.server(answer) as url:
        assert bench.denials(url) == []
    assert bench.waits == [2.5]
    assert [call.attempts for call in bench.calls] == [2]


# --- what the caller sees ---


@pytest.mark.parametrize(
    ("blocks", "action", "allowed"),
    [
        ([(("*",), ())], "Microsoft.X/y/read", True),
        ([(("*/read",), ())], "Microsoft.X/y/read", True),
        ([(("*/read",), ("microsoft.x/*",))], "Microsoft.X/y/read", False),
        ([(("*/read",), ("microsoft.x/*",)), (("microsoft.x/y/read",), ())], "Microsoft.X/y/read", True),
        ([(("microsoft.x/*/read",), ())], "Microsoft.X/y/z/read", True),
        ([(("microsoft.x/y",), ())], "Microsoft.X/y/read", False),
        ([], "Microsoft.X/y/read", False),
        ([(("*/read",), ())], EVERYTHING, True),
        ([(("*",), ("microsoft.authorization/*/write", "microsoft.x/y/action"))], EVERYTHING, True),
        ([(("*",), ("microsoft.x/y/read",))], EVERYTHING, False),
        ([(("*",), ("microsoft.x/*",))], EVERYTHING, False),
        ([(("microsoft.x/*/read",), ())], EVERYTHING, False),
    ],
)
def test_actions(blocks: list[Any], action: str, allowed: bool) -> None:
    assert allows(blocks, action) is allowed


def test_a_scope_is_asked_once_and_a_refusal_means_unseen(bench: Bench) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        del number
        if "managementGroups" in environ["RAW_URI"]:
            return 403, {}, {"error": {"code": "AuthorizationFailed", "message": "no"}}
        return 200, {}, {"value": [{"actions": ["*/read"], "notActions": None}, {"actions": "odd"}]}

    scopes = [
        Scope(SUB, "azure", "subscription", GUID),
        Scope(keys.management_group("shop"), "azure", "management_group", "shop"),
    ]
    with bench.server(answer) as url:
        service = Service(url, pipeline(url, "arm", Tokens(), bench.context))
        sight = Sight(service, bench.context)
        for _ in range(2):
            assert list(sight.seeing(scopes, ("Microsoft.X/y/read",))) == [SUB]
        service.close()
    assert len(bench.seen) == 2


# --- what is declared, and what is read ---


def test_the_types_that_are_read_are_those_that_are_declared() -> None:
    declared = {source.id: source for source in CONNECTOR.sources({})}["arm.resources"].permissions
    types = {name.removesuffix("/read") for name in declared} - {"Microsoft.Resources/subscriptions/resources"}
    assert set(resource_lists.TYPES) == types
    assert {kind.lower() for kind in types} == set(holdings.TYPES)
    assert all(f"'{kind}'" in resource_lists.QUERY for kind in holdings.TYPES)


# --- records of odd answers ---


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"id": "x", "properties": {"scope": "/", "principalId": GUID, "roleDefinitionId": "none"}},
        {"id": "x", "properties": {"scope": "/", "roleDefinitionId": ROLE}},
        {"id": "x", "properties": {"principalId": GUID, "roleDefinitionId": ROLE}},
        {"id": 7, "properties": {"scope": "/", "principalId": GUID, "roleDefinitionId": ROLE}},
        {"id": "x", "properties": "odd"},
    ],
)
def test_assignments_that_say_not_who_and_what(shown: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        rbac.assignment(TENANT, PLANNED, {}, shown, "s")


def test_an_assignment_is_the_same_however_it_is_written() -> None:
    shown = {
        "id": f"/subscriptions/{GUID}/providers/Microsoft.Authorization/roleAssignments/ABC",
        "properties": {
            "scope": f"/subscriptions/{GUID.upper()}",
            "principalId": GUID.upper(),
            "roleDefinitionId": f"/subscriptions/{GUID}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}",
            "condition": None,
            "conditionVersion": None,
        },
    }
    other = {
        "id": f"/subscriptions/{GUID}/providers/Microsoft.Authorization/RoleAssignments/abc",
        "properties": {
            "scope": f"/subscriptions/{GUID}/",
            "principalId": GUID,
            "roleDefinitionId": f"/providers/Microsoft.Authorization/RoleDefinitions/{ROLE.upper()}",
        },
    }
    one, two = (rbac.assignment(TENANT, PLANNED, {ROLE: "Owner"}, each, "s") for each in (shown, other))
    assert one == two
    assert one is not None
    assert (one.scope, one.name, one.resource, one.condition) == (SUB, "Owner", None, None)
    assert rbac.assignment(TENANT, {TENANT}, {}, shown, "s") is None, "its scope is not planned"


def test_definitions() -> None:
    shown: dict[str, Any] = {
        "id": f"/x/{ROLE}",
        "properties": {"roleName": "Mine", "type": "CustomRole", "assignableScopes": ["/subscriptions/other", 7]},
    }
    assert rbac.definition(TENANT, PLANNED, shown, "s") is None
    shown["properties"]["assignableScopes"].append(f"/subscriptions/{GUID}/resourceGroups/RG")
    shown["properties"]["permissions"] = [{"actions": ["b", "a", 7], "condition": "c"}, "odd"]
    found = rbac.definition(TENANT, PLANNED, shown, "s")
    assert found is not None
    policy, document = found
    assert (policy.scope, policy.kind, policy.name, policy.document) == (
        SUB,
        "role_definition",
        "Mine",
        document.digest,
    )
    assert json.loads(document.text)["permissions"] == [
        {"actions": ["a", "b"], "condition": "c", "dataActions": [], "notActions": [], "notDataActions": []}
    ]
    with pytest.raises(BadAnswer):
        rbac.definition(TENANT, PLANNED, {"id": "nothing"}, "s")


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, True),
        ({"endDateTime": None, "assignmentType": "Assigned"}, False),
        ({"originRoleAssignmentId": None}, False),
        ({"memberType": "Inherited"}, False),
        ({"endDateTime": None, "assignmentType": "Activated"}, True),
    ],
)
def test_schedules_that_say_something_of_an_assignment(changed: dict[str, Any], shown: bool) -> None:
    properties = {
        "scope": f"/subscriptions/{GUID}",
        "principalId": GUID,
        "roleDefinitionId": ROLE,
        "originRoleAssignmentId": f"/subscriptions/{GUID}/providers/Microsoft.Authorization/roleAssignments/ABC",
        "endDateTime": "2026-12-01T00:00:00Z",
        "memberType": "Direct",
        **changed,
    }
    found = rbac.active(TENANT, PLANNED, {}, {"id": "x", "properties": properties}, "s")
    assert (found is not None) is shown
    if found is not None:
        assert found.key.endswith("|role_assignment|" + properties["originRoleAssignmentId"].lower())


def test_a_deny_assignment_without_principals_is_for_everybody() -> None:
    shown = {
        "id": "/d",
        "properties": {"scope": f"/subscriptions/{GUID}", "principals": [{"id": None}], "condition": "c"},
    }
    document, grant = rbac.denied(TENANT, PLANNED, shown, "s")
    assert getattr(grant, "principal", "") == f"{TENANT}/object/{rbac.EVERYBODY}"
    assert json.loads(getattr(document, "text", "{}"))["condition"] == "c"
    with pytest.raises(BadAnswer):
        list(rbac.denied(TENANT, PLANNED, {"id": "/d"}, "s"))


def resources(kind: str, name: str, properties: Any = None, **more: Any) -> list[Any]:
    shown = {"id": f"{INSIDE}/{kind}/{name}", "name": name, "type": kind, "properties": properties, **more}
    return list(holdings.resource(TENANT, PLANNED, shown, "s"))


@pytest.mark.parametrize("properties", [None, "odd", {}, {"keyCreationTime": "odd", "keyPolicy": [], "sasPolicy": 7}])
def test_a_storage_account_of_which_nothing_is_told(properties: Any) -> None:
    """Nothing said of shared keys means that they work."""
    identity, *credentials = resources("Microsoft.Storage/storageAccounts", "St", properties)
    assert isinstance(identity, Identity)
    assert identity.path == "microsoft.storage/storageaccounts"
    assert [(one.state, one.created_at, one.slot) for one in credentials] == [("active", None, 1), ("active", None, 2)]


@pytest.mark.parametrize(
    ("kind", "properties", "state"),
    [
        ("Microsoft.CognitiveServices/accounts", {}, "active"),
        ("Microsoft.CognitiveServices/accounts", {"disableLocalAuth": None}, "active"),
        ("Microsoft.CognitiveServices/accounts", {"disableLocalAuth": "true"}, "active"),
        ("Microsoft.CognitiveServices/accounts", {"disableLocalAuth": False}, "active"),
        ("Microsoft.CognitiveServices/accounts", {"disableLocalAuth": True}, "inactive"),
        ("Microsoft.ContainerRegistry/registries", {}, "inactive"),
        ("Microsoft.ContainerRegistry/registries", {"adminUserEnabled": True}, "active"),
        ("Microsoft.ContainerRegistry/registries", {"adminUserEnabled": False}, "inactive"),
    ],
)
def test_whether_keys_work(kind: str, properties: dict[str, Any], state: str) -> None:
    _, key = resources(kind, "x", properties)
    assert isinstance(key, Credential)
    assert (key.kind, key.state, key.service) == ("local_key", state, kind.lower())


def test_who_runs_as_whom() -> None:
    identity = {
        "type": "SystemAssigned, UserAssigned",
        "principalId": GUID.upper(),
        "userAssignedIdentities": {"/a": {"principalId": ROLE}, "/b": None, "/c": {}},
    }
    found = resources("Microsoft.Web/sites", "web", identity=identity)
    assert all(isinstance(one, Relation) for one in found)
    assert [one.target for one in found] == [f"{TENANT}/object/{GUID}", f"{TENANT}/object/{ROLE}"]
    assert {one.subject for one in found} == {f"{INSIDE}/microsoft.web/sites/web".lower()}
    assert resources("Microsoft.Web/sites", "web", identity="None") == []


def test_resources_elsewhere_are_left_out() -> None:
    shown = {
        "id": f"/subscriptions/{ROLE}/resourceGroups/a/providers/x/y/z",
        "type": "Microsoft.Storage/storageAccounts",
    }
    assert list(holdings.resource(TENANT, PLANNED, shown, "s")) == []
    with pytest.raises(BadAnswer):
        list(holdings.resource(TENANT, PLANNED, {"id": f"{INSIDE}/x/y/z"}, "s"))


@pytest.mark.parametrize(
    ("properties", "limits"),
    [
        (None, {"audiences": []}),
        (
            {"issuer": "i", "subject": "s", "audiences": ["b", "a"]},
            {"audiences": ["a", "b"], "issuer": "i", "subject": "s"},
        ),
        (
            {
                "issuer": "i",
                "subject": None,
                "audiences": "odd",
                "claimsMatchingExpression": {"value": "claims['sub'] eq 'x'"},
            },
            {"audiences": [], "claimsMatchingExpression": "claims['sub'] eq 'x'", "issuer": "i"},
        ),
    ],
)
def test_federated_credentials(properties: Any, limits: dict[str, Any]) -> None:
    found = holdings.federated(SUB, "/mi", {"name": "Main", "properties": properties}, "s")
    assert (found.key, found.identity) == (f"{SUB}/federated_credential//mi/main", f"{SUB}/resource//mi")
    assert json.loads(found.restrictions or "") == limits
    with pytest.raises(BadAnswer):
        holdings.federated(SUB, "/mi", {}, "s")


@pytest.mark.parametrize(
    ("attributes", "never", "expires", "state"),
    [
        ({"enabled": True, "created": 5, "exp": 9}, 0, 9, "active"),
        ({"enabled": False, "created": 5}, 1, None, "inactive"),
        ({"exp": "2026-11-02T09:00:00Z"}, 0, at("2026-11-02T09:00:00"), None),
        (None, None, None, None),
        ("odd", None, None, None),
    ],
)
def test_entries_of_a_vault(attributes: Any, never: int | None, expires: int | None, state: str | None) -> None:
    shown = {"name": "A", "properties": {"attributes": attributes, "value": "secret"}}
    found = holdings.stored(SUB, "/v", "stored_secret", shown, "s")
    assert (found.never_expires, found.expires_at, found.state) == (never, expires, state)
    assert "secret" not in json.dumps([value for name, value in found._asdict().items() if name not in ("key", "kind")])
    with pytest.raises(BadAnswer):
        holdings.stored(SUB, "/v", "stored_secret", {}, "s")

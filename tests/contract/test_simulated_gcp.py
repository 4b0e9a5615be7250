"""The simulated Google Cloud as Google's own client libraries see it, every answer held against Google's schemas."""

from collections.abc import Callable, Iterator
from typing import Any

import google.auth
import pytest
from google.api_core import exceptions
from google.auth.transport.requests import AuthorizedSession
from google.cloud import iam_admin_v1

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_gcp.simulated import Key, Project, ServiceAccount, SimulatedGcp, World
from nhiscan_gcp.simulated.example import DAY, LAB, LIVE, OPS, ORGANIZATION, SHOP, SHOP_NUMBER, TESTS, example

NOW = at("2026-11-02T09:00:00")
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
USER_MANAGED = iam_admin_v1.ListServiceAccountKeysRequest.KeyType.USER_MANAGED
SERVICE_ACCOUNTS = "iam.googleapis.com/ServiceAccount"
Gate = Callable[[Any, dict[str, Any]], None]


class Caller:
    """Google's clients, pointed at a simulation."""

    def __init__(self, cloud: SimulatedGcp) -> None:
        credentials, self.project = google.auth.default(scopes=SCOPES)
        self._session: Any = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        self._base = dict(one.split("=", 1) for one in cloud.endpoints)
        self.iam = iam_admin_v1.IAMClient(
            credentials=credentials, client_options={"api_endpoint": self._base["iam-grpc"]}
        )

    def ask(self, api: str, path: str, *, verb: str = "GET", body: Any = None, **query: Any) -> Any:
        return self._session.request(
            verb, f"{self._base[api]}/{path}", params=query, json=body, allow_redirects=False, timeout=10
        )

    def get(self, api: str, path: str, **query: Any) -> dict[str, Any]:
        answer = self.ask(api, path, **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def walk(self, api: str, path: str, name: str, **query: Any) -> Iterator[list[Any]]:
        token = ""
        while True:
            answer = self.get(api, path, **query, **({"pageToken": token} if token else {}))
            yield answer.get(name, [])
            token = answer.get("nextPageToken", "")
            if not token:
                return

    def close(self) -> None:
        self._session.close()
        transport: Any = self.iam.transport
        transport.close()


@pytest.fixture
def start(gcp_gate: Gate) -> Iterator[Callable[..., tuple[SimulatedGcp, Caller]]]:
    """Starts one simulation and gives a caller of it."""
    opened: list[Any] = []

    def starting(world: World | None = None, **options: Any) -> tuple[SimulatedGcp, Caller]:
        cloud = SimulatedGcp(world or example(NOW), clock=SimulatedClock(NOW), **options).start()
        opened.append(cloud)
        cloud.gateway.gate = gcp_gate
        around = environment(cloud.environment, remove=cloud.remove)
        around.__enter__()
        caller = Caller(cloud)
        opened.extend((around, caller))
        return cloud, caller

    yield starting
    for one in reversed(opened):
        if isinstance(one, Caller):
            one.close()
        elif isinstance(one, SimulatedGcp):
            one.stop()
        else:
            one.__exit__(None, None, None)


def many(accounts: int) -> World:
    return World(
        (Project("big", NOW - DAY, accounts=tuple(ServiceAccount(f"a{n:04}", NOW - DAY) for n in range(accounts))),)
    )


def test_every_method_gives_what_its_schema_allows(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start()
    organization, deploy = f"organizations/{ORGANIZATION}", f"deploy@{SHOP}.iam.gserviceaccount.com"
    assert len(caller.get("cloudasset", f"v1/{organization}/assets", contentType="RESOURCE")["assets"]) > 20
    assert caller.get("cloudasset", f"v1/{organization}:searchAllIamPolicies")["results"]
    assert caller.get("cloudasset", f"v1/{organization}:searchAllResources", assetTypes=SERVICE_ACCOUNTS)["results"]
    for kind, name in (("organizations", ORGANIZATION), ("folders", LIVE), ("projects", SHOP)):
        assert caller.get("cloudresourcemanager", f"v3/{kind}:search")[kind]
        assert caller.get("cloudresourcemanager", f"v3/{kind}/{name}")["name"].startswith(kind)
        policy = caller.ask("cloudresourcemanager", f"v3/{kind}/{name}:getIamPolicy", verb="POST", body={})
        assert policy.json()["bindings"]
    assert caller.get("cloudresourcemanager", "v3/projects", parent=organization)["projects"]
    keys = caller.get("iam", f"v1/projects/{SHOP}/serviceAccounts/{deploy}/keys")["keys"]
    assert [key.get("disableReason") for key in keys].count("SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED") == 1
    policy = caller.ask("iam", f"v1/projects/{SHOP}/serviceAccounts/{deploy}:getIamPolicy", verb="POST")
    assert len(policy.json()["bindings"]) == 2
    pools = f"v1/projects/{SHOP}/locations/global/workloadIdentityPools"
    assert caller.get("iam", pools)["workloadIdentityPools"]
    assert caller.get("iam", f"{pools}/code/providers")["workloadIdentityPoolProviders"]
    assert len(caller.get("apikeys", f"v2/projects/{SHOP}/locations/global/keys")["keys"]) == 2
    assert len(caller.get("storage", f"storage/v1/projects/{SHOP}/hmacKeys")["items"]) == 2
    for kind in ("serviceAccountKeyLastAuthentication", "serviceAccountLastAuthentication"):
        path = f"v1/projects/{SHOP}/locations/global/activityTypes/{kind}/activities:query"
        times = [one["activity"]["lastAuthenticatedTime"] for one in caller.get("policyanalyzer", path)["activities"]]
        assert times
        assert all(time.endswith("T07:00:00Z") for time in times)
    held = caller.get(
        "orgpolicy", f"v2/projects/{LAB}/policies/iam.disableServiceAccountKeyCreation:getEffectivePolicy"
    )
    assert held["spec"]["rules"] == [{"enforce": True}]
    insights = f"v1/projects/{SHOP}/locations/global/insightTypes/google.iam.serviceAccount.Insight/insights"
    assert caller.get("recommender", insights)["insights"]


def test_accounts_keys_and_roles_come_over_grpc(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    cloud, caller = start()
    accounts = list(caller.iam.list_service_accounts(name=f"projects/{SHOP}"))
    assert [one.email.partition("@")[0] for one in accounts] == ["deploy", f"{SHOP_NUMBER}-compute"]
    own = caller.iam.list_service_account_keys(request={"name": accounts[0].name, "key_types": [USER_MANAGED]})
    assert len(own.keys) == 3
    assert len(caller.iam.list_service_account_keys(name=accounts[0].name).keys) == 4
    bare = list(caller.iam.list_roles(request={}))
    assert not any(role.included_permissions for role in bare)
    whole = list(caller.iam.list_roles(request={"view": 1, "parent": f"organizations/{ORGANIZATION}"}))
    assert [list(role.included_permissions) for role in whole] == [["resourcemanager.projects.get"]]
    assert caller.iam.get_service_account(name=accounts[0].name).unique_id == accounts[0].unique_id
    assert cloud.calls.of("iam.roles.list") == 2


def test_a_missing_account_is_forbidden_with_the_wildcard_and_missing_without(
    start: Callable[..., tuple[SimulatedGcp, Caller]],
) -> None:
    _, caller = start()
    with pytest.raises(exceptions.PermissionDenied):
        caller.iam.list_service_account_keys(name="projects/-/serviceAccounts/nobody@x.iam.gserviceaccount.com")
    with pytest.raises(exceptions.NotFound):
        caller.iam.list_service_account_keys(name=f"projects/{SHOP}/serviceAccounts/nobody@x.iam.gserviceaccount.com")
    answer = caller.ask("iam", f"v1/projects/{SHOP}/serviceAccounts/nobody@x.iam.gserviceaccount.com/keys")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_an_account_may_vanish_between_two_calls(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    world = World((Project("p", NOW, accounts=(ServiceAccount("here", NOW, vanishes=True, keys=(Key(NOW),)),)),))
    _, caller = start(world)
    listed = [one.name for one in caller.iam.list_service_accounts(name="projects/p")]
    assert len(listed) == 2
    with pytest.raises(exceptions.NotFound):
        caller.iam.list_service_account_keys(name=listed[0])


@pytest.mark.parametrize(("asked", "given"), [(None, 100), (1000, 1000), (5000, 1000), (7, 7)])
def test_pages_of_assets(start: Callable[..., tuple[SimulatedGcp, Caller]], asked: int | None, given: int) -> None:
    _, caller = start(many(1_200))
    size = {} if asked is None else {"pageSize": asked}
    page = caller.get("cloudasset", "v1/projects/big/assets", contentType="RESOURCE", **size)
    assert len(page["assets"]) == given
    assert page["nextPageToken"]


@pytest.mark.parametrize(("asked", "given"), [(0, 20), (100, 100), (1000, 100)])
def test_pages_of_accounts(start: Callable[..., tuple[SimulatedGcp, Caller]], asked: int, given: int) -> None:
    _, caller = start(many(150))
    pager = caller.iam.list_service_accounts(request={"name": "projects/big", "page_size": asked})
    assert len(next(pager.pages).accounts) == given


def test_short_pages_go_on(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start(many(30), short_every=1)
    pages = list(caller.walk("cloudasset", "v1/projects/big/assets", "assets", contentType="RESOURCE", pageSize=10))
    assert [len(page) for page in pages[:2]] == [5, 5]
    assert len({asset["name"] for page in pages for asset in page}) == 32  # the project and the caller, too


def test_a_page_token_belongs_to_its_walk(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start(many(30))
    path = "v1/projects/big/assets"
    token = caller.get("cloudasset", path, contentType="RESOURCE", pageSize=10)["nextPageToken"]
    other = caller.ask("cloudasset", path, contentType="RESOURCE", assetTypes=SERVICE_ACCOUNTS, pageToken=token)
    assert other.status_code == 400
    assert caller.ask("cloudasset", path, contentType="RESOURCE", pageToken="nonsense").status_code == 400


def test_read_time_reaches_back_35_days(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start()
    path = f"v1/organizations/{ORGANIZATION}/assets"
    for time, status in (
        ("2026-11-02T09:00:00Z", 200),
        ("2026-09-29T09:00:00Z", 200),
        ("2026-09-27T09:00:00Z", 400),
        ("2026-11-02T09:00:01Z", 400),
        ("yesterday", 400),
    ):
        assert caller.ask("cloudasset", path, contentType="RESOURCE", readTime=time).status_code == status, time


def test_fields_cut_an_answer_before_it_is_sent(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    cloud, caller = start()
    path = f"v2/projects/{SHOP}/locations/global/keys"
    whole = caller.ask("apikeys", path).content
    cut = caller.ask("apikeys", path, fields="keys(uid,restrictions/apiTargets),nextPageToken")
    assert cloud.canaries.in_bytes(whole), "the whole answer holds a planted secret"
    assert not cloud.canaries.in_bytes(cut.content)
    assert {frozenset(key) for key in cut.json()["keys"]} == {frozenset({"uid", "restrictions"}), frozenset({"uid"})}
    assert caller.ask("apikeys", path, fields="keys(uid").status_code == 400
    assert caller.ask("apikeys", path, field="keys").status_code == 400


def test_conditions_need_version_three(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start()
    path = f"v3/projects/{SHOP}:getIamPolicy"
    old = caller.ask("cloudresourcemanager", path, verb="POST", body={}).json()
    new = caller.ask("cloudresourcemanager", path, verb="POST", body={"options": {"requestedPolicyVersion": 3}}).json()
    assert sum("_withcond_" in one["role"] for one in old["bindings"]) == 2
    assert sorted(one["condition"]["title"] for one in new["bindings"] if "condition" in one) == [
        "office hours",
        "weekend",
    ]
    viewers = next(one for one in new["bindings"] if one["role"] == "roles/viewer")
    assert f"deleted:serviceAccount:old@{SHOP}.iam.gserviceaccount.com?uid={'1' * 21}" in viewers["members"]


def test_what_is_denied_does_not_show(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    cloud, caller = start()
    cloud.faults.deny("resourcemanager.projects.get", account=LAB)
    cloud.faults.deny("cloudasset.assets.listResource")
    found = [one["projectId"] for one in caller.get("cloudresourcemanager", "v3/projects:search")["projects"]]
    assert LAB not in found
    assert SHOP in found
    refused = caller.ask("cloudasset", f"v1/organizations/{ORGANIZATION}/assets", contentType="RESOURCE")
    assert refused.status_code == 403
    assert refused.json()["error"]["details"][0]["metadata"]["permission"] == "cloudasset.assets.listResource"


def test_an_api_that_is_off_says_so(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start(World((Project("p", NOW, disabled_apis=frozenset({"storage.googleapis.com"})),)))
    error = caller.ask("storage", "storage/v1/projects/p/hmacKeys").json()["error"]
    assert (error["code"], error["details"][0]["reason"]) == (403, "SERVICE_DISABLED")


@pytest.mark.parametrize("retry_after", ["1", "1.5", "Mon, 02 Nov 2026 09:00:03 GMT", None])
def test_throttling_says_when_to_come_again(
    start: Callable[..., tuple[SimulatedGcp, Caller]], retry_after: str | None
) -> None:
    cloud, caller = start(retry_after=retry_after)
    cloud.faults.throttle("apikeys.keys.list", burst=1)
    path = f"v2/projects/{SHOP}/locations/global/keys"
    assert caller.ask("apikeys", path).status_code == 200
    refused = caller.ask("apikeys", path)
    assert (refused.status_code, refused.headers.get("Retry-After")) == (429, retry_after)
    cloud.faults.throttle("iam.serviceAccounts.list")
    with pytest.raises(exceptions.ResourceExhausted):
        caller.iam.list_service_accounts(name=f"projects/{SHOP}", retry=None)


def test_a_new_project_shows_late_in_a_search(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    cloud, caller = start(World((Project("old", NOW - DAY), Project("new", NOW - 5))), settle=60)

    def shown() -> list[str]:
        return [one["projectId"] for one in caller.get("cloudresourcemanager", "v3/projects:search")["projects"]]

    assert shown() == ["old"]
    cloud.clock.advance(60)
    assert shown() == ["new", "old"]


def test_hierarchy(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start()
    parents = {
        one["name"]: one.get("parent") for one in caller.get("cloudresourcemanager", "v3/folders:search")["folders"]
    }
    assert parents == {f"folders/{LIVE}": f"organizations/{ORGANIZATION}", f"folders/{TESTS}": f"folders/{LIVE}"}
    inside = caller.get("cloudresourcemanager", "v3/projects", parent=f"organizations/{ORGANIZATION}")["projects"]
    assert [one["projectId"] for one in inside] == ["shop-bare", OPS]
    active = caller.get("cloudresourcemanager", "v3/projects:search", query="state:ACTIVE")["projects"]
    assert "shop-gone" not in [one["projectId"] for one in active]


def test_nobody_is_let_in_without_a_token(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    import requests

    cloud, _ = start()
    url = f"{cloud.endpoint}/cloudresourcemanager/v3/projects:search"
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        assert requests.get(url, headers=headers, timeout=10).status_code == 401
    forged = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
    assert requests.post(f"{cloud.endpoint}/token", data=forged, timeout=10).status_code == 400


def test_a_redirect_is_what_it_says(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    cloud, caller = start()
    cloud.gateway.redirect = "https://elsewhere.example.com"
    answer = caller.ask("cloudresourcemanager", "v3/projects:search")
    assert (answer.status_code, answer.headers["Location"].partition("/cloud")[0]) == (
        302,
        "https://elsewhere.example.com",
    )


ENTRIES = (
    'log_id("cloudaudit.googleapis.com/activity") AND timestamp>="2025-01-01T00:00:00Z" AND protoPayload.methodName'
)
CREATIONS = f'{ENTRIES}=("google.iam.admin.v1.CreateServiceAccount" OR "google.iam.admin.v1.CreateServiceAccountKey")'


@pytest.mark.parametrize(("asked", "given"), [(None, 50), (1000, 1000), (5000, 1000), (7, 7)])
def test_pages_of_log_entries(start: Callable[..., tuple[SimulatedGcp, Caller]], asked: int | None, given: int) -> None:
    made = tuple(ServiceAccount(f"a{n:04}", NOW - DAY, created_by="user:ann@example.com") for n in range(1_200))
    _, caller = start(World((Project("big", NOW - DAY, accounts=made),)))
    body = {"resourceNames": ["projects/big"], "filter": CREATIONS}
    page = caller.ask("logging", "v2/entries:list", verb="POST", body=body | ({"pageSize": asked} if asked else {}))
    assert len(page.json()["entries"]) == given
    seen = page.json()["entries"]
    following = body | {"pageSize": 1000, "pageToken": page.json()["nextPageToken"]}
    more = caller.ask("logging", "v2/entries:list", verb="POST", body=following).json()["entries"]
    assert not {one["insertId"] for one in seen} & {one["insertId"] for one in more}
    other = following | {"filter": CREATIONS.replace("2025-01-01", "2025-02-01")}
    assert caller.ask("logging", "v2/entries:list", verb="POST", body=other).status_code == 400


def test_entries_are_kept_for_400_days_and_one_refusal_refuses_all(
    start: Callable[..., tuple[SimulatedGcp, Caller]],
) -> None:
    cloud, caller = start()

    def ask(*projects: str, **more: Any) -> Any:
        body = {"resourceNames": [f"projects/{one}" for one in projects], "filter": CREATIONS, **more}
        return caller.ask("logging", "v2/entries:list", verb="POST", body=body)

    entries = ask(SHOP, LAB).json()["entries"]
    assert [one["timestamp"] for one in entries] == sorted(one["timestamp"] for one in entries)
    assert {one["protoPayload"]["authenticationInfo"]["principalEmail"] for one in entries} == {
        "ann@example.com",
        "bob@example.com",
        "refused@example.com",
    }, "eve made an account longer ago"
    assert {one["logName"].split("/")[1] for one in entries} == {SHOP, LAB}
    assert ask(*(f"p{n}" for n in range(101))).status_code == 400
    assert ask().status_code == 400
    assert ask(SHOP, filter="everything").status_code == 400
    assert ask(SHOP, projectIds=[SHOP]).status_code == 400
    cloud.faults.deny("logging.logEntries.list", account=LAB)
    assert ask(SHOP, LAB).status_code == 403
    assert ask(SHOP).status_code == 200


def test_metrics_are_sums_of_days_for_six_weeks(start: Callable[..., tuple[SimulatedGcp, Caller]]) -> None:
    _, caller = start()
    query = {
        "filter": 'metric.type="iam.googleapis.com/service_account/key/authn_events_count"',
        "interval.startTime": "2026-01-01T00:00:00Z",
        "interval.endTime": "2026-11-02T00:00:00Z",
        "aggregation.alignmentPeriod": "86400s",
        "aggregation.perSeriesAligner": "ALIGN_SUM",
        "aggregation.crossSeriesReducer": "REDUCE_SUM",
        "aggregation.groupByFields": "metric.labels.key_id",
    }
    shop = caller.get("monitoring", f"v3/projects/{SHOP}/timeSeries", **query)["timeSeries"]
    assert len(shop) == 2, "of a key in use and of a system-managed one"
    assert [point["value"]["int64Value"] for point in shop[0]["points"]] == ["0", "3"], "the newer first"
    assert caller.get("monitoring", f"v3/projects/{LAB}/timeSeries", **query) == {}, "used longer ago"
    for name, value in (
        ("interval.endTime", "soon"),
        ("interval.endTime", "2025-01-01T00:00:00Z"),
        ("aggregation.groupByFields", "metric.labels.other"),
        ("filter", 'metric.type="compute.googleapis.com/instance/cpu/utilization"'),
    ):
        bad = caller.ask("monitoring", f"v3/projects/{SHOP}/timeSeries", **{**query, name: value})
        assert bad.status_code == 400, name


def test_a_search_shows_resources_and_deleted_keys_where_it_is_asked_to(
    start: Callable[..., tuple[SimulatedGcp, Caller]],
) -> None:
    _, caller = start()
    path, kind = f"v1/organizations/{ORGANIZATION}:searchAllResources", "apikeys.googleapis.com/Key"
    plain = caller.get("cloudasset", path, assetTypes=kind)["results"]
    assert len(plain) == 4
    assert not any("versionedResources" in one for one in plain)
    mask = "name,assetType,versionedResources"
    whole = caller.get("cloudasset", path, assetTypes=kind, readMask=mask)["results"]
    assert {frozenset(one) for one in whole} == {frozenset(mask.split(","))}
    gone = [one for one in whole if "deleteTime" in one["versionedResources"][0]["resource"]]
    assert len(gone) == 1
    listed = caller.get(
        "cloudasset", f"v1/organizations/{ORGANIZATION}/assets", contentType="RESOURCE", assetTypes=kind
    )
    assert len(listed["assets"]) == 3, "the list of assets leaves deleted ones out"


def test_the_gate_refuses_what_google_does_not_send(gcp_gate: Gate, request: pytest.FixtureRequest) -> None:
    problems = request.getfixturevalue("gcp_problems")

    class Method:
        action = "iam.projects.serviceAccounts.keys.list"

    good = {"name": "n", "keyType": "USER_MANAGED", "validAfterTime": "2026-01-01T00:00:00Z"}
    assert list(problems(Method, {"keys": [good]})) == []
    for bad in ({"validAfter": "x"}, {"keyType": "USER"}, {"validAfterTime": "yesterday"}):
        assert list(problems(Method, {"keys": [{**good, **bad}]})), bad

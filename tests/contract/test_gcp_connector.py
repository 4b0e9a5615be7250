"""The Google Cloud connector against a simulated Google Cloud, through the real runner into a real inventory."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from nhiscan.inventory import open_inventory
from nhiscan.model import Coverage
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.contract import TABLES_READ, Bench, Contract
from nhiscan.testing.environment import environment
from nhiscan.testing.faults import CUT
from nhiscan.testing.server import LoopbackServer
from nhiscan_gcp import CONNECTOR
from nhiscan_gcp.simulated import (
    ApiKey,
    Binding,
    Condition,
    Folder,
    Key,
    Organization,
    Project,
    ServiceAccount,
    SimulatedGcp,
    World,
)
from nhiscan_gcp.simulated.example import BARE, DAY, LAB, LIVE, OPS, ORGANIZATION, SHOP, SHOP_NUMBER, account, example
from nhiscan_gcp.simulated.gateway import METHODS, Gateway

NOW = at("2026-11-02T09:00:00")
LIST = "cloudasset.assets.listResource"
SEARCH = "cloudasset.assets.searchAllIamPolicies"
BOTH_PATHS = tuple(table for table in TABLES_READ if table != "relation")
"""What runs as whom is in the asset inventory alone: without it, it is not collected."""
Gate = Callable[[Any, dict[str, Any]], None]
Start = Callable[..., Bench]
ORG, FOLDER = f"gcp/organization/{ORGANIZATION}", f"gcp/folder/{LIVE}"


@pytest.fixture
def start(gcp_gate: Gate, tmp_path: Path) -> Iterator[Start]:
    """Starts a simulation with an empty inventory. ``gate`` False: for worlds too big to be checked byte by byte."""
    with ExitStack() as stack:
        number = 0

        def starting(world: World | None = None, *, gate: bool = True, settings: Any = None, **options: Any) -> Bench:
            nonlocal number
            number += 1
            cloud = SimulatedGcp(world or example(NOW), clock=SimulatedClock(NOW), settings=settings, **options)
            stack.enter_context(cloud)
            cloud.gateway.gate = gcp_gate if gate else None
            stack.enter_context(environment(cloud.environment, remove=cloud.remove))
            folder = tmp_path / str(number)
            folder.mkdir()
            contract = Contract(connector=CONNECTOR, simulation=lambda: cloud)
            return Bench(contract, cloud, open_inventory(str(folder / "nhiscan.db")), folder)

        yield starting


def gateway(bench: Bench) -> Gateway:
    assert isinstance(bench.cloud, SimulatedGcp)
    return bench.cloud.gateway


def state(rows: tuple[Coverage, ...] | list[Coverage], source: str, scope: str) -> Coverage:
    return next(row for row in rows if row.source == source and row.scope == scope)


def project(name: str) -> str:
    return f"gcp/project/{name}"


def only(rows: dict[str, dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in rows.values() if all(row[name] == value for name, value in wanted.items())]


def test_scopes_are_the_tree(start: Start) -> None:
    bench = start()
    bench.scan()
    parents = {key: row["parent"] for key, row in bench.rows("scope", 1).items()}
    assert parents == {
        ORG: None,
        FOLDER: ORG,
        "gcp/folder/510000000002": FOLDER,
        project(SHOP): FOLDER,
        project(LAB): "gcp/folder/510000000002",
        project(OPS): ORG,
        project(BARE): ORG,
    }


def test_accounts(start: Start) -> None:
    bench = start()
    bench.scan()
    rows = bench.rows("identity", 1)
    accounts = {row["name"].partition("@")[0]: row for row in only(rows, kind="service_account")}
    assert set(accounts) == {"deploy", f"{SHOP_NUMBER}-compute", "ci", "nhiscan"}
    deploy = accounts["deploy"]
    assert deploy["key"] == f"{project(SHOP)}/service_account/{deploy['native_id']}"
    assert deploy["native_id"].isdigit()
    assert (deploy["state"], deploy["created_at"]) == ("active", NOW - 700 * DAY)
    assert deploy["description"] == "Deployments: owner: ann@example.com"
    assert (accounts["ci"]["state"], accounts["ci"]["scope"]) == ("disabled", project(LAB))
    assert accounts[f"{SHOP_NUMBER}-compute"]["path"] == "/default/compute/"
    assert deploy["path"] is None
    aliases = {(row["kind"], row["value"]) for row in only(bench.rows("alias", 1), identity=deploy["key"])}
    email = f"deploy@{SHOP}.iam.gserviceaccount.com"
    assert aliases == {
        ("email", email),
        ("unique_id", deploy["native_id"]),
        ("name", f"projects/{SHOP}/serviceAccounts/{email}"),
    }


def test_keys(start: Start) -> None:
    bench = start()
    bench.scan()
    rows = bench.rows("credential", 1)
    keys = {row["created_at"]: row for row in only(rows, kind="service_account_key", scope=project(SHOP))}
    old, uploaded, leaked = (keys[NOW - days * DAY] for days in (400, 90, 300))
    assert (old["state"], old["exposed"], old["never_expires"], old["expires_at"]) == ("active", 0, 1, None)
    assert old["used_at"] == NOW - 3 * DAY - NOW % DAY  # a day, no time of day
    assert (uploaded["origin"], uploaded["never_expires"], uploaded["expires_at"]) == ("uploaded", 0, NOW + 275 * DAY)
    assert (old["origin"], leaked["origin"]) == ("provider", "provider")
    assert (leaked["state"], leaked["exposed"]) == ("inactive", 1)
    assert uploaded["used_at"] is None
    assert uploaded["known_since"] == NOW - 90 * DAY, "younger than the observation period: known from its beginning"
    assert leaked["known_since"] == NOW - 300 * DAY
    system = only(rows, kind="system_managed_key", scope=project(SHOP))
    assert len(system) == 2
    assert all(row["state"] is None and row["used_at"] is None for row in system)


def test_api_keys_and_hmac_keys(start: Start) -> None:
    bench = start()
    bench.scan()
    rows = bench.rows("credential", 1)
    keys = {row["name"]: row for row in only(rows, kind="api_key")}
    assert set(keys) == {"maps", "everything", "acts", "retired"}
    assert {name for name, row in keys.items() if row["state"] == "active"} == {"maps", "everything", "acts"}
    assert keys["retired"]["state"] == "deleted", "it can be brought back for 30 days"
    assert json.loads(keys["retired"]["restrictions"])["apiTargets"] == [{"service": "maps-backend.googleapis.com"}]
    assert json.loads(keys["maps"]["restrictions"])["apiTargets"] == [{"service": "maps-backend.googleapis.com"}]
    assert keys["everything"]["restrictions"] == "{}"
    assert keys["maps"]["identity"] == f"{project(SHOP)}/resource/{SHOP}"
    ci = only(bench.rows("identity", 1), name=f"ci@{LAB}.iam.gserviceaccount.com")[0]
    assert keys["acts"]["identity"] == ci["key"]
    assert [row["native_id"] for row in only(bench.rows("identity", 1), kind="resource")] == [SHOP]
    hmac = {row["state"]: row for row in only(rows, kind="hmac_key")}
    assert set(hmac) == {"active", "inactive"}
    assert hmac["active"]["native_id"].startswith("GOOG1E")
    assert hmac["active"]["identity"].startswith(f"{project(SHOP)}/service_account/")


def test_federation(start: Start) -> None:
    bench = start()
    bench.scan()
    providers = {row["native_id"]: row for row in only(bench.rows("credential", 1), kind="federated_credential")}
    assert set(providers) == {"code/hub", "code/open"}
    assert providers["code/open"]["identity"] == f"{project(SHOP)}/federation/code"
    limits = json.loads(providers["code/open"]["restrictions"])
    assert limits["attributeCondition"] == ""
    assert limits["oidc"] == {
        "issuerUri": "https://token.actions.githubusercontent.com",
        "allowedAudiences": ["sts"],
    }
    hub = json.loads(providers["code/hub"]["restrictions"])
    assert hub["attributeCondition"] == "assertion.repository_owner == 'shop'"
    assert only(bench.rows("identity", 1), kind="federation")[0]["name"] == "code"


def test_bindings(start: Start) -> None:
    bench = start()
    bench.scan()
    identities = {row["name"]: row["key"] for row in bench.rows("identity", 1).values()}
    deploy, ci = (identities[f"{name}.iam.gserviceaccount.com"] for name in (f"deploy@{SHOP}", f"ci@{LAB}"))
    grants = list(bench.rows("access_grant", 1).values())
    told = {(row["scope"], row["name"], row["principal"], row["resource"]) for row in grants}
    assert (FOLDER, "roles/viewer", ci, None) in told, "an account of another project is known"
    assert (project(LAB), "roles/owner", deploy, None) in told
    assert (project(SHOP), "roles/iam.serviceAccountTokenCreator", ci, deploy) in told, "granted on an account"
    assert (project(SHOP), "roles/viewer", "group:staff@example.com", None) in told
    assert (project(SHOP), "roles/viewer", account("gone", "elsewhere"), None) in told, "its project is not read"
    deleted = f"deleted:serviceAccount:old@{SHOP}.iam.gserviceaccount.com?uid={'1' * 21}"
    assert (project(SHOP), "roles/viewer", deleted, None) in told
    pool = f"projects/{SHOP_NUMBER}/locations/global/workloadIdentityPools/code"
    outside = f"principalSet://iam.googleapis.com/{pool}/attribute.repository/shop/web"
    assert (project(SHOP), "roles/iam.workloadIdentityUser", outside, deploy) in told
    conditions = [row["condition"] for row in grants if row["name"] == "roles/storage.admin"]
    assert sorted(json.loads(one)["title"] for one in conditions) == ["office hours", "weekend"]


def test_accounts_that_were_deleted_live_where_they_are_bound(start: Start) -> None:
    bench = start()
    bench.scan()
    member = f"deleted:serviceAccount:old@{SHOP}.iam.gserviceaccount.com?uid={'1' * 21}"
    gone = only(bench.rows("identity", 1), kind="deleted_service_account")
    assert [(row["key"], row["scope"], row["state"]) for row in gone] == [
        (f"{project(SHOP)}/deleted_service_account/{'1' * 21}", project(SHOP), "deleted")
    ]
    assert (gone[0]["name"], gone[0]["arn"]) == (f"old@{SHOP}.iam.gserviceaccount.com", member)
    assert only(bench.rows("access_grant", 1), principal=member), "by which a binding names it"


def test_workloads_run_as_accounts(start: Start) -> None:
    bench = start()
    bench.scan()
    names = {row["key"]: row["name"].partition(".iam")[0] for row in bench.rows("identity", 1).values()}
    rows = only(bench.rows("relation", 1), kind="runs_as")
    told = {row["subject"].rpartition("/")[2]: names.get(row["target"], row["target"]) for row in rows}
    compute = f"{SHOP_NUMBER}-compute@developer.gserviceaccount.com"
    assert told == {
        "web-1": compute,
        "orders": f"deploy@{SHOP}",
        "cart": compute,  # names none: the default
        "nightly": f"ci@{LAB}",  # of another project
        "v1": f"serviceAccount:{SHOP}@appspot.gserviceaccount.com",  # is not there (any more)
    }, "an instance without an account runs as nobody"
    assert {row["scope"] for row in rows} == {project(SHOP)}
    assert f"//compute.googleapis.com/projects/{SHOP}/zones/europe-west1-b/instances/web-1" in {
        row["subject"] for row in rows
    }


def test_insights_are_asked_for_on_demand(start: Start) -> None:
    bench = start(settings={"insights": True})
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    accounts = {row["name"].partition("@")[0]: row for row in bench.rows("identity", 1).values()}
    compute, deploy = accounts[f"{SHOP_NUMBER}-compute"], accounts["deploy"]
    assert (compute["used_at"], compute["known_since"]) == (None, NOW - 91 * DAY), "not seen in the period"
    assert (deploy["used_at"], deploy["known_since"]) == (None, None), "nothing is said of it"
    uses = {
        (row["identity"], row["service"], row["action"]): (row["used_at"], row["known_since"])
        for row in bench.rows("access_use", 1).values()
    }
    used, unused = (NOW - DAY, NOW - 91 * DAY), (None, NOW - 91 * DAY)
    assert uses == {
        (compute["key"], "compute", None): used,
        (compute["key"], "compute", "compute.instances.create"): used,
        (compute["key"], "iam", None): unused,
        (deploy["key"], "storage", None): unused,  # of a predefined role and of a custom one
    }


def test_metrics_are_asked_for_on_demand(start: Start) -> None:
    bench = start(settings={"monitoring": True})
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    keys = {row["name"]: row for row in only(bench.rows("credential", 1), kind="api_key")}
    assert keys["everything"]["used_at"] == NOW - 4 * DAY - NOW % DAY
    assert keys["everything"]["known_since"] == NOW - 20 * DAY, "younger than the window: known from its beginning"
    assert keys["maps"]["used_at"] is None
    assert keys["maps"]["known_since"] == NOW - NOW % DAY - 41 * DAY
    accounts = {row["name"].partition("@")[0]: row["used_at"] for row in bench.rows("identity", 1).values()}
    assert accounts["deploy"] == NOW - 2 * DAY - NOW % DAY
    assert accounts[f"{SHOP_NUMBER}-compute"] is None
    made = bench.cloud.calls.by_action()
    assert made["monitoring.projects.timeSeries.list"] == 2 + 3, "API keys of two projects, accounts of three"


def test_metrics_stand_in_for_policy_analyzer_with_a_shorter_window(start: Start) -> None:
    bench = start(settings={"monitoring": True, "account-activity": True})
    bench.cloud.faults.deny("policyanalyzer.*")
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    for source in ("policyanalyzer.key-activities", "policyanalyzer.account-activities"):
        row = state(outcome.coverage, source, project(SHOP))
        assert (row.state, row.replaced_by) in (
            ("replaced", "monitoring.key-use"),
            ("replaced", "monitoring.account-use"),
        )
    keys = {row["created_at"]: row for row in only(bench.rows("credential", 1), kind="service_account_key")}
    assert keys[NOW - 400 * DAY]["used_at"] == NOW - 3 * DAY - NOW % DAY
    leaked = keys[NOW - 300 * DAY]
    assert leaked["used_at"] is None
    assert leaked["known_since"] == NOW - NOW % DAY - 41 * DAY, "and not since it was made"


def test_metrics_that_lack_a_part_are_no_answer(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = start(settings={"monitoring": True})
    method = next(one for one in METHODS if one.api == "monitoring")
    broken = replace(method, answer=lambda call: {**method.answer(call), "unreachable": ["europe-west1"]})
    monkeypatch.setattr(
        "nhiscan_gcp.simulated.gateway.METHODS", tuple(broken if one is method else one for one in METHODS)
    )
    row = state(bench.scan().coverage, "monitoring.api-key-use", project(SHOP))
    assert (row.state, row.code) == ("failed", "BadAnswer")


def test_creators_are_asked_for_on_demand(start: Start) -> None:
    bench = start(settings={"creators": True})
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    identities = {row["name"].partition("@")[0]: key for key, row in bench.rows("identity", 1).items()}
    credentials = bench.rows("credential", 1)
    rows = only(bench.rows("relation", 1), kind="created_by")
    told = {}
    for row in rows:
        made = credentials.get(row["subject"])
        told[row["subject"] if made is None else (made["kind"], made["created_at"])] = row["target"]
        assert row["scope"] == project(LAB if row["subject"] == identities["ci"] else SHOP)
    assert told == {
        identities["ci"]: "user:ann@example.com",
        ("service_account_key", NOW - 90 * DAY): identities["ci"],  # an account of another project made it
        ("service_account_key", NOW - 300 * DAY): "user:bob@example.com",
        ("api_key", NOW - 20 * DAY): "user:bob@example.com",
    }, "what is older than the log, failed attempts and entries of what is gone give nothing"
    kept = {row["scope"]: row["number"] for row in only(bench.rows("setting", 1), name="audit_log.kept_days")}
    assert kept == dict.fromkeys((project(SHOP), project(LAB), project(OPS), project(BARE)), 400)
    assert bench.cloud.calls.of("logging.entries.list") == 1, "a hundred projects in one question"
    assert bench.cloud.canaries.in_files([bench.folder]) == {}
    alone = start(settings={"creators": True, "project": (SHOP,)})
    alone.scan()
    assert len(only(alone.rows("relation", 1), kind="created_by")) == 3


def test_a_project_whose_log_is_denied_costs_the_others_nothing(start: Start) -> None:
    bench = start(settings={"creators": True})
    bench.cloud.faults.deny("logging.logEntries.list", account=LAB)
    outcome = bench.scan()
    denied = state(outcome.coverage, "logging.creations-of-project", project(LAB))
    assert (denied.state, denied.permission) == ("denied", "logging.logEntries.list")
    assert state(outcome.coverage, "logging.creations-of-project", project(SHOP)).state == "complete"
    rows = only(bench.rows("relation", 1), kind="created_by")
    assert {row["scope"] for row in rows} == {project(SHOP)}
    assert outcome.incomplete


def test_the_log_is_asked_no_faster_than_its_quota_allows(start: Start) -> None:
    """Three questions for 250 projects: each waits for its turn, and none is refused."""
    world = World(
        tuple(Project(f"p-{number:03}", NOW - DAY) for number in range(250)),
        organization=Organization(ORGANIZATION, "example.com"),
    )
    bench = start(world, gate=False, settings={"creators": True})
    bench.cloud.faults.throttle("logging.logEntries.list", account="p-000", burst=1, per_second=1)
    assert not bench.scan().incomplete
    calls = [call for _, _, calls in bench.transcript(1) for call in calls if call.service == "logging"]
    assert [call.attempts for call in calls] == [1, 1, 1]
    assert calls[2].ended_at - calls[0].started_at >= 2, "seconds of the simulated clock"


def test_where_resources_cannot_be_cut_they_are_cut_here(start: Start) -> None:
    whole = start()
    whole.scan()
    bench = start(settings={"project": (SHOP,)})
    bench.cloud.faults.fail(LIST, status=400)  # the one list of assets that a project alone needs
    outcome = bench.scan()
    assert state(outcome.coverage, "cloudasset.workloads", project(SHOP)).state == "complete"
    first, second = ({row["subject"] for row in one.rows("relation", 1).values()} for one in (whole, bench))
    assert first == second
    assert bench.cloud.calls.of("cloudasset.assets.list") == 2
    assert bench.cloud.canaries.in_files([bench.folder]) == {}


def test_an_api_key_that_the_search_does_not_describe_is_asked_for_project_by_project(start: Start) -> None:
    bench = start()
    bench.cloud.faults.deny("cloudasset.assets.searchAllResources")
    outcome = bench.scan()
    assert state(outcome.coverage, "cloudasset.api-keys", project(SHOP)).state == "replaced"
    assert state(outcome.coverage, "apikeys.keys", project(SHOP)).state == "complete"
    assert {row["state"] for row in only(bench.rows("credential", 1), kind="api_key")} == {"active", "deleted"}


def test_roles_have_their_permissions(start: Start) -> None:
    bench = start()
    bench.scan()
    policies = bench.rows("policy", 1)
    documents = {one.digest: json.loads(one.text) for one in bench.inventory.documents(1)}
    bound = {row["policy"] for row in bench.rows("access_grant", 1).values()}
    assert bound == set(policies), "each role that is bound, and no other"
    editor = policies[f"{project(SHOP)}/provider_policy/roles/editor"]
    assert documents[editor["document"]]["includedPermissions"] == [
        "compute.instances.create",
        "iam.serviceAccounts.actAs",
    ]
    auditor = policies[f"{ORG}/role_definition/organizations/{ORGANIZATION}/roles/auditor"]
    assert documents[auditor["document"]]["title"] == "Auditor"
    assert policies[f"{project(SHOP)}/role_definition/projects/{SHOP}/roles/shopper"]["scope"] == project(SHOP)


def test_constraints(start: Start) -> None:
    bench = start()
    bench.scan()
    name = "org_policy.disable_service_account_key_creation"
    held = {row["scope"]: row["number"] for row in only(bench.rows("setting", 1), name=name)}
    assert held == {ORG: 1, project(SHOP): 0, project(LAB): 1, project(OPS): 1}, "BARE holds no keys and is not asked"


def test_account_activity_is_on_demand(start: Start) -> None:
    bench = start(settings={"account-activity": True})
    bench.scan()
    used = {row["name"].partition("@")[0]: row["used_at"] for row in bench.rows("identity", 1).values()}
    assert used["deploy"] == NOW - 2 * DAY - NOW % DAY
    assert used[f"{SHOP_NUMBER}-compute"] is None


def test_the_two_paths_give_the_same(start: Start) -> None:
    """Fresh inventories: nothing is left from the other path."""
    primary = start()
    primary.scan()
    fallback = start()
    fallback.cloud.faults.deny(LIST)
    fallback.cloud.faults.deny(SEARCH)
    outcome = fallback.scan()
    assert state(outcome.coverage, "cloudasset.workloads", project(SHOP)).state == "denied", "nothing else lists them"
    assert fallback.rows("relation", 1) == {}
    for table in BOTH_PATHS:
        first, second = primary.rows(table, 1), fallback.rows(table, 1)
        assert first.keys() == second.keys(), table
        for key, row in first.items():
            other = second[key]
            differing = {name for name in row if row[name] != other[name]} - {"source", "created_at"}
            assert not differing, f"{key}: {differing}"
            assert other.get("created_at") in (row.get("created_at"), None)
    accounts = only(fallback.rows("identity", 1), kind="service_account")
    assert {row["created_at"] for row in accounts} == {None}, "no other API tells when an account was made"


@pytest.mark.parametrize("denied", [(LIST,), (SEARCH,)])
def test_one_part_denied_gives_the_same_rows_too(start: Start, denied: tuple[str, ...]) -> None:
    whole = start()
    whole.scan()
    part = start()
    for permission in denied:
        part.cloud.faults.deny(permission)
    part.scan()
    for table in BOTH_PATHS:
        assert whole.rows(table, 1).keys() == part.rows(table, 1).keys(), table
    first, second = (bench.rows("access_grant", 1) for bench in (whole, part))
    assert {key: row["principal"] for key, row in first.items()} == {
        key: row["principal"] for key, row in second.items()
    }


def test_a_denied_inventory_is_replaced_and_the_creation_times_are_a_gap(start: Start) -> None:
    bench = start()
    bench.cloud.faults.deny(LIST)
    outcome = bench.scan()
    for source in ("cloudasset.service-accounts", "cloudasset.service-account-keys", "cloudasset.policies"):
        assert state(outcome.coverage, source, project(SHOP)).state == "replaced"
    assert state(outcome.coverage, "cloudasset.service-accounts", ORG).permission == LIST
    gap = state(outcome.coverage, "cloudasset.creation-times", project(SHOP))
    assert (gap.state, gap.code) == ("failed", "InputNotRead")
    assert outcome.incomplete


def test_an_asset_inventory_that_is_off_is_replaced_like_a_denied_one(start: Start) -> None:
    world = example(NOW)
    off = frozenset({"cloudasset.googleapis.com"})
    projects = tuple(replace(one, disabled_apis=off) if one.id == OPS else one for one in world.projects)
    bench = start(replace(world, projects=projects))
    outcome = bench.scan()
    assert state(outcome.coverage, "cloudasset.service-accounts", project(SHOP)).state == "replaced"
    assert state(outcome.coverage, "cloudasset.service-accounts", ORG).code == "SERVICE_DISABLED"
    assert {(row.source, row.code) for row in outcome.gaps} == {
        ("cloudasset.creation-times", "InputNotRead"),
        ("cloudasset.workloads", "SERVICE_DISABLED"),
    }
    whole = start()
    whole.scan()
    for table in BOTH_PATHS:
        assert bench.rows(table, 1).keys() == whole.rows(table, 1).keys(), table


def test_half_denied_projects_are_gaps_of_their_own(start: Start) -> None:
    bench = start()
    bench.scan()
    bench.cloud.faults.deny(LIST)
    bench.cloud.faults.deny("iam.serviceAccounts.list", account=LAB)
    outcome = bench.scan()
    denied = state(outcome.coverage, "iam.service-accounts", project(LAB))
    assert (denied.state, denied.permission) == ("denied", "iam.serviceAccounts.list")
    assert state(outcome.coverage, "iam.service-accounts", project(SHOP)).state == "complete"
    assert state(outcome.coverage, "iam.policies", project(LAB)).state == "partial", "the accounts have policies, too"
    assert state(outcome.coverage, "apikeys.keys", project(LAB)).state == "complete"
    assert bench.keys(2) == bench.keys(1)


def test_an_api_that_is_off_is_a_gap_and_no_denial(start: Start) -> None:
    world = example(NOW)
    shop = replace(world.projects[0], disabled_apis=frozenset({"storage.googleapis.com"}))
    bench = start(replace(world, projects=(shop, *world.projects[1:])))
    outcome = bench.scan()
    row = state(outcome.coverage, "storage.hmac-keys", project(SHOP))
    assert (row.state, row.code, row.permission) == ("failed", "SERVICE_DISABLED", None)
    assert "not enabled" in str(row.message)
    assert outcome.incomplete
    assert only(bench.rows("credential", 1), kind="hmac_key") == []


def test_an_account_that_is_gone_between_two_calls_is_no_gap(start: Start) -> None:
    ghost = ServiceAccount("ghost", NOW - DAY, vanishes=True, keys=(Key(NOW - DAY),))
    bench = start(World((Project("parcels", NOW - DAY, accounts=(ghost,)),)), settings={"project": ("parcels",)})
    outcome = bench.scan()
    assert not outcome.incomplete
    assert {row["name"].partition("@")[0] for row in bench.rows("identity", 1).values()} == {"ghost", "nhiscan"}
    assert only(bench.rows("credential", 1), kind="service_account_key") == []


def test_a_caller_without_an_organisation_reads_the_projects_it_sees(start: Start) -> None:
    world = replace(example(NOW), organization=None, folders=())
    projects = tuple(replace(one, parent=None, bindings=one.bindings[:1]) for one in world.projects)
    bench = start(replace(world, projects=projects))
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    assert set(bench.rows("scope", 1)) == {project(name) for name in (SHOP, LAB, OPS, BARE)}
    assert state(outcome.coverage, "iam.service-accounts", project(SHOP)).state == "complete"


def test_a_folder_is_read_with_what_is_below_it(start: Start) -> None:
    bench = start(settings={"folder": (LIVE,)})
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    assert set(bench.rows("scope", 1)) == {FOLDER, "gcp/folder/510000000002", project(SHOP), project(LAB)}
    assert bench.cloud.calls.of("cloudasset.assets.list", f"folders/{LIVE}") == 6
    whole = start()
    whole.scan()
    wanted = {key for key, row in whole.rows("identity", 1).items() if row["scope"] in (project(SHOP), project(LAB))}
    assert set(bench.rows("identity", 1)) == wanted


def test_a_project_that_cannot_be_seen_is_a_gap(start: Start) -> None:
    bench = start(settings={"project": (SHOP, "not-there")})
    outcome = bench.scan()
    rows = [row for row in outcome.coverage if row.scope == project("not-there")]
    assert rows
    assert {(row.state, row.permission) for row in rows} == {("denied", "resourcemanager.projects.get")}
    assert state(outcome.coverage, "iam.service-accounts", project(SHOP)).state == "complete"


def test_projects_that_the_search_did_not_show_yet_are_counted(start: Start) -> None:
    """The search is eventually consistent, the asset inventory lists what it did not show: not proven complete."""
    world = World(
        (Project("old", NOW - DAY), Project("new", NOW - 5)), organization=Organization(ORGANIZATION, "example.com")
    )
    bench = start(world, settle=60)
    outcome = bench.scan()
    assert [(one.what, one.count_a, one.count_b) for one in outcome.tie_outs] == [("projects", 2, 1)]
    assert set(bench.rows("scope", 1)) == {ORG, project("old")}


@pytest.mark.parametrize("retry_after", ["2", "1.5", "Mon, 02 Nov 2026 09:00:20 GMT", "nonsense", "-1", None])
def test_throttled_calls_are_made_again(start: Start, retry_after: str | None) -> None:
    bench = start(retry_after=retry_after)
    for permission in (LIST, "storage.hmacKeys.list", "iam.roles.list"):
        bench.cloud.faults.throttle(permission, burst=1, per_second=0.25)
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    attempts = [
        call.attempts
        for _, _, calls in bench.transcript(1)
        for call in calls
        if call.operation == "cloudasset.assets.list"
    ]
    assert max(attempts) > 1
    assert sum(call.attempts for _, _, calls in bench.transcript(1) for call in calls) == bench.cloud.calls.of()


@pytest.mark.parametrize(
    ("kind", "code"), [("throttle", "RESOURCE_EXHAUSTED"), ("503", "UNAVAILABLE"), ("cut", "Unreachable")]
)
def test_calls_are_given_up_at_the_deadline(start: Start, kind: str, code: str) -> None:
    bench = start(settings={"project": (SHOP,)})
    bench.scan()
    if kind == "throttle":
        bench.cloud.faults.throttle("storage.hmacKeys.list")
        bench.cloud.faults.throttle("iam.serviceAccounts.list")
    else:
        options: Any = {"kind": CUT} if kind == "cut" else {"status": 503}
        bench.cloud.faults.fail("storage.hmacKeys.list", times=None, **options)
        bench.cloud.faults.fail("iam.serviceAccounts.list", times=None, **options)
    outcome = bench.scan()
    rest = state(outcome.coverage, "storage.hmac-keys", project(SHOP))
    assert (rest.state, rest.code) == ("failed", code)
    grpc = state(outcome.coverage, "iam.service-accounts", project(SHOP))
    assert (grpc.state, grpc.code) == ("failed", "UNAVAILABLE" if kind == "cut" else code)
    assert outcome.incomplete
    assert bench.keys(2) == bench.keys(1)


def test_what_fails_once_is_complete(start: Start) -> None:
    bench = start()
    bench.cloud.faults.fail(LIST, status=503)
    bench.cloud.faults.fail("storage.hmacKeys.list", kind=CUT)
    bench.cloud.faults.fail("iam.roles.list", status=503)
    assert not bench.scan().incomplete


def test_a_redirect_is_not_followed(start: Start) -> None:
    seen: list[str] = []

    def elsewhere(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(environ["RAW_URI"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b"{}"]

    bench = start(settings={"project": (SHOP,)})
    bench.scan()
    with LoopbackServer(elsewhere) as other:
        gateway(bench).redirect = other.url
        outcome = bench.scan()
    assert outcome.nothing_read or outcome.incomplete
    assert seen == []
    assert "Redirected" in {row.code for row in outcome.coverage}


def test_short_pages_are_followed_to_the_last(start: Start) -> None:
    world = World(
        (Project("big", NOW - DAY, accounts=tuple(ServiceAccount(f"a{n:04}", NOW - DAY) for n in range(1_600))),),
        organization=Organization(ORGANIZATION, "example.com"),
    )
    bench = start(world, short_every=1, gate=False)
    outcome = bench.scan()
    assert not outcome.incomplete
    assert len(bench.rows("identity", 1)) == 1_601
    assert bench.cloud.calls.of("cloudasset.assets.list") > 5


MEMBERS = (
    "allUsers",
    "allAuthenticatedUsers",
    "user:ann@example.com",
    "serviceAccount:x@other.iam.gserviceaccount.com",
    "serviceAccount:shop-live.svc.id.goog[shop/web]",
    "group:staff@example.com",
    "domain:example.com",
    "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/s",
    "principalSet://iam.googleapis.com/locations/global/workforcePools/p/group/g",
    "principalSet://iam.googleapis.com/locations/global/workforcePools/p/attribute.a/v",
    "principalSet://iam.googleapis.com/locations/global/workforcePools/p/*",
    "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/s",
    "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/group/g",
    "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/attribute.a/v",
    "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*",
    "deleted:user:ann@example.com?uid=123456789012345678901",
    "deleted:serviceAccount:x@other.iam.gserviceaccount.com?uid=123456789012345678901",
    "deleted:group:staff@example.com?uid=123456789012345678901",
    "deleted:principal://iam.googleapis.com/locations/global/workforcePools/p/subject/s",
    "projectOwner:shop",
    "something:nobody-knows",
    "",
)


@pytest.mark.parametrize("alone", [False, True])
def test_every_form_of_member_is_kept_as_google_writes_it(start: Start, alone: bool) -> None:
    world = World(
        (Project("parcels", NOW, bindings=(Binding("roles/viewer", MEMBERS),)),),
        organization=None if alone else Organization(ORGANIZATION, "example.com"),
    )
    bench = start(world)
    assert not bench.scan().incomplete
    assert {row["principal"] for row in bench.rows("access_grant", 1).values()} == set(MEMBERS)


HOSTILE = (
    "a\nb\x00\x1b[31m",
    "\ud800lone",
    "<script>alert(1)</script>",
    "'; DROP TABLE identity; --",
    "x" * 20_000,
    "\u202e",
)


def test_hostile_names_are_text(start: Start) -> None:
    accounts = tuple(
        ServiceAccount(f"n{number}", NOW, display_name=text, description=text) for number, text in enumerate(HOSTILE)
    )
    bindings = tuple(Binding(f"roles/{text}", (f"user:{text}",), Condition(text, text)) for text in HOSTILE)
    world = World(
        (Project("parcels", NOW, name=HOSTILE[2], accounts=accounts, bindings=bindings),),
        organization=Organization(ORGANIZATION, HOSTILE[0]),
        folders=(Folder("77", HOSTILE[3]),),
    )
    primary = start(world)
    outcome = primary.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    assert len(primary.rows("identity", 1)) == len(HOSTILE) + 1
    assert len(primary.rows("access_grant", 1)) == len(HOSTILE)
    assert all(row["document"] is None for row in primary.rows("policy", 1).values()), "no such roles are listed"


def test_the_quota_project_is_told_with_every_call(start: Start) -> None:
    bench = start(settings={"quota-project": OPS})
    assert not bench.scan().incomplete
    assert gateway(bench).quota_projects == {OPS}


def test_the_transcript_holds_no_token_and_no_port(start: Start) -> None:
    bench = start()
    bench.scan()
    calls = [call for _, _, calls in bench.transcript(1) for call in calls]
    assert {call.endpoint for call in calls} == {"https://127.0.0.1"}
    assert not any("pageToken" in call.parameters or "page_token" in call.parameters for call in calls)
    assert all(call.response_sha256 for call in calls)
    assert {call.end_of_list for call in calls if call.operation == "cloudasset.assets.list"} == {1}


@pytest.mark.parametrize(("projects", "accounts"), [(500, 20)])
def test_the_calls_of_a_great_organisation_are_few(start: Start, projects: int, accounts: int) -> None:
    """The formula: pages of 1,000 assets and 500 policies, an HMAC list and a query of activity for each project, then
    a key list for each account with user-managed keys, and the constraints of the organisation and of each project
    that holds such keys.

    One account of every project holds one user-managed key, and every account a system-managed one; each project has
    a binding, and so has one account of it.
    """
    made = NOW - 100 * DAY
    system = Key(NOW - 5 * DAY, user_managed=False)
    bound = (Binding("roles/viewer", ("user:ann@example.com",)),)
    estate = tuple(
        Project(
            f"project-{number:04}",
            made,
            accounts=tuple(
                ServiceAccount(f"account-{one:02}", made, keys=(system, *((Key(made),) if one == 0 else ())),
                               bindings=bound if one == 0 else ())
                for one in range(accounts)
            ),
            bindings=bound,
        )
        for number in range(projects)
    )  # fmt: skip
    world = World(estate, organization=Organization(ORGANIZATION, "example.com"))
    bench = start(world, gate=False)
    outcome = bench.scan(threads=4)
    assert not outcome.incomplete
    made_calls = bench.cloud.calls.of()
    holders = projects  # U: accounts with user-managed keys
    section_six = ceil((4 * projects * accounts + projects) / 1000) + ceil(3 * projects / 500) + 2 * projects
    constraints = 4 * (projects + 1)
    budget = section_six + holders + constraints
    assert abs(made_calls - budget) <= 0.1 * budget, f"{made_calls} calls, the formula gives {budget}"
    assert len(bench.rows("identity", 1)) == projects * accounts + 1
    by_action = bench.cloud.calls.by_action()
    assert by_action["iam.projects.serviceAccounts.keys.list"] == holders
    assert by_action["orgpolicy.policies.getEffectivePolicy"] == constraints


def test_what_is_asked_for_on_demand_is_as_few_calls_as_told(start: Start) -> None:
    """Two insights and the use of accounts for each project, of API keys where there are some, logs by the hundred."""
    made = NOW - 100 * DAY
    estate = tuple(
        Project(
            f"project-{number:03}",
            made,
            accounts=(ServiceAccount("app", made, created_by="user:ann@example.com"),),
            api_keys=(ApiKey("maps", made),) if number % 10 == 0 else (),
        )
        for number in range(120)
    )
    world = World(estate, organization=Organization(ORGANIZATION, "example.com"))
    options = {"insights": True, "monitoring": True, "creators": True}
    bench = start(world, gate=False, settings=options)
    assert not bench.scan().incomplete
    calls = bench.cloud.calls.by_action()
    assert calls["recommender.insightTypes.insights.list"] == 2 * 120
    assert calls["monitoring.projects.timeSeries.list"] == 120 + 12
    assert calls["logging.entries.list"] == 2
    assert len(only(bench.rows("relation", 1), kind="created_by")) == 120

"""Resource Manager and Resource Graph against a simulated Azure, through the real runner into a real inventory."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from nhiscan.collect import ScanOutcome
from nhiscan.inventory import open_inventory
from nhiscan.model import Coverage
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.contract import TABLES_READ, Bench, Contract
from nhiscan.testing.environment import environment
from nhiscan.testing.server import LoopbackServer
from nhiscan.testing.tls import Authority
from nhiscan_azure import CONNECTOR
from nhiscan_azure.simulated import (
    Assignment,
    Caller,
    Directory,
    Federated,
    ManagedIdentity,
    ManagementGroup,
    Resource,
    ResourceGroup,
    Role,
    SimulatedAzure,
    StorageAccount,
    Subscription,
    User,
    Vault,
    VaultItem,
    World,
)
from nhiscan_azure.simulated.example import DAY, GONE, LAB, LIVE, TENANT, example

NOW = at("2026-11-02T09:00:00")
T = f"azure/tenant/{TENANT}"
ROOT, PLATFORM, SHOP = (f"azure/management_group/{name}" for name in (TENANT, "platform", "shop"))
S, L = f"azure/subscription/{LIVE}", f"azure/subscription/{LAB}"
INSIDE = f"/subscriptions/{LIVE}/resourcegroups/shop-rg/providers"
ARG = "Microsoft.ResourceGraph/resources/read"
Start = Callable[..., Bench]


@pytest.fixture
def start(azure_gate: Callable[[Any], None], tmp_path: Path) -> Iterator[Start]:
    """Starts a simulation without its directory, and an empty inventory."""
    with ExitStack() as stack:
        number = 0

        def starting(world: World | None = None, *, gate: bool = True, **options: Any) -> Bench:
            nonlocal number
            number += 1
            settings = {"no-directory": True, **options.pop("settings", {})}
            clock = SimulatedClock(NOW)
            cloud = SimulatedAzure(world or example(NOW), clock=clock, settings=settings, **options)
            stack.enter_context(cloud)
            cloud.gateway.gate = azure_gate if gate else None
            stack.enter_context(environment(cloud.environment, remove=cloud.remove))
            folder = tmp_path / str(number)
            folder.mkdir()
            contract = Contract(connector=CONNECTOR, simulation=lambda: cloud)
            return Bench(contract, cloud, open_inventory(str(folder / "nhiscan.db")), folder)

        yield starting


def azure(bench: Bench) -> SimulatedAzure:
    assert isinstance(bench.cloud, SimulatedAzure)
    return bench.cloud


def only(rows: dict[str, dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in rows.values() if all(row[name] == value for name, value in wanted.items())]


def state(outcome: ScanOutcome[object], source: str, scope: str) -> Coverage:
    return next(row for row in outcome.coverage if row.source == source and row.scope == scope)


def principal(bench: Bench, name: str) -> str:
    return f"{T}/object/{azure(bench).directory.id_of(name)}"


# --- scopes ---


def test_scopes_are_the_tree(start: Start) -> None:
    found = example(NOW)
    lab = replace(found.subscriptions[1], state="Disabled")
    old = Subscription("old", state="Deleted", parent="shop")
    bench = start(replace(found, subscriptions=(found.subscriptions[0], lab, old)))
    outcome = bench.scan()
    rows = bench.rows("scope", 1)
    gone = next(row for row in rows.values() if row["state"] == "closed")
    assert {key: row["parent"] for key, row in rows.items() if row is not gone} == {
        T: None,
        ROOT: T,
        PLATFORM: ROOT,
        SHOP: PLATFORM,
        S: SHOP,
        L: ROOT,
    }
    assert (rows[S]["name"], rows[S]["state"], rows[L]["state"]) == ("live", "active", "suspended")
    assert not [row for row in outcome.coverage if row.scope == gone["key"]], "what was deleted is not planned"
    assert not outcome.incomplete


def test_without_resource_graph_the_lists_show_the_same_tree(start: Start) -> None:
    bench = start()
    bench.scan()
    bench.cloud.faults.deny(ARG)
    outcome = bench.scan()
    assert not outcome.incomplete
    assert bench.rows("scope", 2) == bench.rows("scope", 1)
    assert {row.state for row in outcome.coverage} == {"complete", "replaced"}


@pytest.mark.parametrize(
    ("settings", "planned"),
    [
        ({"subscription": (LAB,)}, {T, ROOT, L}),
        ({"management-group": ("Platform",)}, {T, ROOT, PLATFORM, SHOP, S}),
        ({"management-group": ("shop",), "subscription": (LAB,)}, {T, ROOT, PLATFORM, SHOP, S, L}),
    ],
)
def test_options_name_what_is_planned(start: Start, settings: dict[str, Any], planned: set[str]) -> None:
    """With all that lies above: what is assigned there reaches down. Both ways give the same."""
    bench = start(settings=settings)
    outcome = bench.scan()
    assert {row.scope for row in outcome.coverage} == planned
    assert not outcome.incomplete, list(outcome.gaps)
    assert not outcome.tie_outs
    owner = only(bench.rows("access_grant", 1), scope=ROOT, name="Owner")
    assert [row["principal"] for row in owner] == [principal(bench, "ann")]
    bench.cloud.faults.deny(ARG)
    again = bench.scan()
    assert not again.incomplete
    assert bench.keys(2) == bench.keys(1)


def test_a_subscription_that_cannot_be_seen_is_planned_and_a_gap(start: Start) -> None:
    bench = start()
    bench.scan()
    bench.cloud.faults.deny("Microsoft.*", account=LAB)
    outcome = bench.scan()
    scopes = state(outcome, "arm.scopes", T)
    assert (scopes.state, scopes.code) == ("partial", "Unseen")
    assert scopes.permission == "Microsoft.Resources/subscriptions/read"
    assert LAB in (scopes.message or "")
    rows = {row.source: row for row in outcome.coverage if row.scope == L and row.source != "arm.scopes"}
    assert all(row.state in ("denied", "failed") for row in rows.values()), rows
    listed = rows["authorization.role-assignments"]
    assert (listed.state, listed.permission) == ("denied", "Microsoft.Authorization/roleAssignments/read")
    assert {row.state for row in outcome.coverage if row.scope == S and row.source != "arm.scopes"} == {"complete"}
    assert bench.keys(2) == bench.keys(1), "nothing has ended"


def test_a_caller_of_one_subscription_is_told_what_reaches_down_unseen(start: Start) -> None:
    found = example(NOW)
    live = found.subscriptions[0]
    world = replace(
        found,
        caller=Caller(roles=()),
        subscriptions=(replace(live, assignments=(*live.assignments, Assignment("nhiscan", "Reader"))),),
    )
    bench = start(world)
    outcome = bench.scan()
    scopes = state(outcome, "arm.scopes", T)
    assert (scopes.code, scopes.permission) == ("Unseen", "Microsoft.Management/managementGroups/read")
    assert {row.state for row in outcome.coverage if row.source != "arm.scopes"} == {"complete"}
    assert {row["scope"] for row in bench.rows("access_grant", 1).values()} == {S}


def test_a_caller_who_sees_nothing_ends_nothing(start: Start) -> None:
    bench = start()
    bench.scan()
    bench.cloud.faults.deny("Microsoft.*")
    outcome = bench.scan()
    assert outcome.incomplete
    assert not [row for row in outcome.coverage if row.state == "complete"]
    assert bench.keys(outcome.number or 1) == bench.keys(1)


# --- roles ---


def test_role_definitions(start: Start) -> None:
    bench = start()
    bench.scan()
    roles = {row["name"]: row for row in bench.rows("policy", 1).values()}
    owner, deployer, limited = roles["Owner"], roles["Deployer"], roles["Grants Reader"]
    assert (owner["kind"], owner["scope"]) == ("provider_policy", T)
    assert owner["key"] == f"{T}/role_definition/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    assert (deployer["kind"], deployer["scope"], limited["scope"]) == ("role_definition", PLATFORM, S)
    with bench.inventory.bound(1) as bound:
        texts: dict[str, str] = dict(bound.sql.rows("SELECT digest, text FROM document"))
    shown = json.loads(texts[deployer["document"]])
    assert shown["assignableScopes"] == ["/providers/microsoft.management/managementgroups/platform"]
    assert shown["permissions"][0]["notActions"] == ["Microsoft.Resources/deployments/delete"]
    assert "GuidEquals" in json.loads(texts[limited["document"]])["permissions"][0]["condition"]


def test_role_assignments_live_where_they_were_made(start: Start) -> None:
    world = replace(example(NOW), elevated=(Assignment("ann", "User Access Administrator", NOW - DAY),))
    bench = start(world)
    outcome = bench.scan()
    rows = only(bench.rows("access_grant", 1), kind="role_assignment")
    placed = {(row["scope"], row["name"], row["resource"]) for row in rows if row["principal"] != f"{T}/object/{GONE}"}
    assert placed == {
        (T, "User Access Administrator", None),
        (ROOT, "Owner", None),
        (ROOT, "Reader", None),
        (PLATFORM, "Contributor", None),
        (S, "Owner", None),
        (S, "User Access Administrator", None),
        (S, "Reader", None),
        (S, "Key Reader", None),
        (S, "Key Vault Secrets User", INSIDE.removesuffix("/providers")),
        (S, "Storage Blob Data Contributor", INSIDE.removesuffix("/providers")),
        (S, "Virtual Machine Contributor", f"{INSIDE}/microsoft.compute/virtualmachines/web-1"),
        (L, "Contributor", f"/subscriptions/{LAB}/resourcegroups/lab-rg"),
    }
    orphan = only(bench.rows("access_grant", 1), principal=f"{T}/object/{GONE}")
    assert [row["name"] for row in orphan] == ["Contributor"]
    assert all(row["key"] == row["key"].lower() and row["policy"].startswith(f"{T}/role_definition/") for row in rows)
    limited = next(row for row in rows if row["name"] == "Storage Blob Data Contributor")
    assert json.loads(limited["condition"]) == {
        "condition": "@Resource[name] StringEquals 'a'",
        "conditionVersion": "2.0",
    }
    counted = {row.scope for row in outcome.coverage if row.source == "authorization.role-assignments-again"}
    assert counted == {ROOT, PLATFORM, SHOP, S, L}
    assert outcome.tie_outs == ()


def test_assignments_that_end_and_those_that_may_be_activated(start: Start) -> None:
    bench = start()
    bench.scan()
    grants = bench.rows("access_grant", 1)
    (ending,) = only(grants, kind="role_assignment", name="Key Reader")
    assert json.loads(ending["condition"]) == {
        "assignmentType": "Activated",
        "endDateTime": NOW + DAY,
        "startDateTime": NOW - DAY,
    }
    (waiting,) = only(grants, kind="eligible_assignment")
    assert (waiting["principal"], waiting["scope"], waiting["name"]) == (principal(bench, "ann"), S, "Contributor")
    assert json.loads(waiting["condition"]) == {
        "endDateTime": NOW + 60 * DAY,
        "memberType": "Direct",
        "startDateTime": NOW - 5 * DAY,
    }
    (standing,) = only(grants, scope=S, name="Owner")
    assert standing["condition"] is None


def test_without_a_licence_eligible_assignments_are_a_gap(start: Start) -> None:
    found = example(NOW)
    world = replace(found, directory=replace(found.directory, premium=1))
    bench = start(world)
    outcome = bench.scan()
    for source in ("authorization.eligible-assignments", "authorization.active-assignments"):
        row = state(outcome, source, S)
        assert (row.state, "licence" in (row.message or "")) == ("failed", True), row
    left_out = start(world, settings={"no-eligible-assignments": True})
    assert not left_out.scan().incomplete


def test_deny_assignments_and_classic_administrators(start: Start) -> None:
    bench = start()
    bench.scan()
    grants = bench.rows("access_grant", 1)
    (denied,) = only(grants, kind="deny_assignment")
    assert denied["principal"] == f"{T}/object/00000000-0000-0000-0000-000000000000"
    assert (denied["scope"], denied["name"]) == (S, "managed application")
    assert denied["resource"] == INSIDE.removesuffix("/providers")
    with bench.inventory.bound(1) as bound:
        ((text,),) = bound.sql.rows(f"SELECT text FROM document WHERE digest = '{denied['document']}'")
    shown = json.loads(text)
    assert shown["permissions"][0]["actions"] == ["*/delete"]
    assert shown["excludePrincipals"] == [principal(bench, "ann").rpartition("/")[2]]
    (classic,) = only(grants, kind="classic_administrator")
    assert (classic["principal"], classic["scope"]) == ("root@example.com", S)


# --- resources ---


def test_user_assigned_identities_and_what_runs_as_them(start: Start) -> None:
    bench = start()
    bench.scan()
    runner = f"{INSIDE}/microsoft.managedidentity/userassignedidentities/runner"
    key = f"{S}/resource/{runner}"
    identity = bench.rows("identity", 1)[key]
    assert (identity["kind"], identity["name"], identity["path"]) == (
        "resource",
        "runner",
        "microsoft.managedidentity/userassignedidentities",
    )
    held = azure(bench).directory.principals["runner"]
    aliases = {(row["kind"], row["value"]) for row in only(bench.rows("alias", 1), identity=key)}
    assert aliases == {("object_id", held.id), ("app_id", held.app_id)}
    (federated,) = only(bench.rows("credential", 1), kind="federated_credential")
    assert (federated["key"], federated["identity"]) == (f"{S}/federated_credential/{runner}/aks", key)
    assert json.loads(federated["restrictions"]) == {
        "audiences": ["api://AzureADTokenExchange"],
        "issuer": "https://oidc.example.com/1",
        "subject": "system:serviceaccount:a:b",
    }
    runs = {(row["subject"].rpartition("/")[2], row["target"]) for row in bench.rows("relation", 1).values()}
    assert runs == {
        ("web-1", principal(bench, "runner")),
        ("web-1", principal(bench, "web-1")),
        ("shop-ai", principal(bench, "shop-ai")),
        ("shoplogs", principal(bench, "shoplogs")),
    }


def test_keys_of_storage_accounts(start: Start) -> None:
    bench = start()
    bench.scan()
    rows = {(row["name"]): row for row in only(bench.rows("credential", 1), kind="storage_key")}
    old, new = rows["shopdata, key 1"], rows["shopdata, key 2"]
    assert (old["created_at"], new["created_at"]) == (NOW - 900 * DAY, NOW - 20 * DAY)
    assert (old["state"], old["slot"], old["never_expires"], new["slot"]) == ("active", 1, 1, 2)
    rules = json.loads(old["restrictions"])
    assert (rules["keyExpirationPeriodInDays"], rules["allowSharedKeyAccess"], rules["sasPolicy"]) == (90, None, {})
    off = rows["shoplogs, key 1"]
    assert (off["created_at"], off["state"]) == (None, "inactive")
    assert json.loads(off["restrictions"])["sasPolicy"] == {
        "expirationAction": "Log",
        "sasExpirationPeriod": "1.00:00:00",
    }


def test_services_whose_own_keys_work(start: Start) -> None:
    found = example(NOW)
    more = ResourceGroup(
        "more-rg",
        (
            Resource("Microsoft.ContainerRegistry/registries", "plain"),
            Resource("Microsoft.ContainerRegistry/registries", "admin", properties={"adminUserEnabled": True}),
            Resource("Microsoft.ContainerService/managedClusters", "aks", properties={"disableLocalAccounts": True}),
            Resource("Microsoft.DocumentDB/databaseAccounts", "cosmos", properties={"disableLocalAuth": False}),
            Resource("Microsoft.Cache/Redis", "cache", properties={"disableAccessKeyAuthentication": "odd"}),
        ),
    )
    bench = start(replace(found, subscriptions=(Subscription("one", (more,), id=LIVE), found.subscriptions[1])))
    bench.scan()
    rows = only(bench.rows("credential", 1), kind="local_key")
    assert {row["name"].partition(",")[0]: row["state"] for row in rows} == {
        "plain": "inactive",
        "admin": "active",
        "aks": "inactive",
        "cosmos": "active",
        "cache": "active",
        "lab-bus": "inactive",
    }
    assert all(row["created_at"] is None for row in rows)


def test_a_provider_that_is_not_in_use_has_nothing(start: Start) -> None:
    """Resource Manager refuses a list of a provider that a subscription never registered. Nothing is registered."""
    bench = start()
    bench.scan()
    bench.cloud.faults.deny(ARG)
    missing = "MissingSubscriptionRegistration"
    bench.cloud.faults.fail("arm.resources.list", account=LAB, nth=4, status=409, code=missing)  # App Configuration
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    assert bench.keys(2) == bench.keys(1)
    assert not [action for action in bench.cloud.calls.by_action() if "register" in action]
    bench.cloud.faults.fail("arm.resources.list", account=LAB, nth=4, status=409, code="Conflict")
    assert state(bench.scan(), "arm.resources", L).code == "Conflict"


def test_vaults_tell_names_and_dates(start: Start) -> None:
    bench = start()
    bench.scan()
    rows = {row["name"]: row for row in bench.rows("credential", 1).values()}
    database, api, signing = (rows[f"shopvault/{name}"] for name in ("database", "api", "signing"))
    assert (database["kind"], database["created_at"]) == ("stored_secret", NOW - 400 * DAY)
    assert (database["expires_at"], database["never_expires"]) == (NOW - 10 * DAY, 0)
    assert (api["state"], api["never_expires"]) == ("inactive", 1)
    assert (signing["kind"], signing["state"]) == ("stored_key", "active")
    assert json.loads(signing["restrictions"]) == {"rotationPolicy": ["timeAfterCreate:P90D"]}
    assert database["identity"] == f"{S}/resource/{INSIDE}/microsoft.keyvault/vaults/shopvault"


# --- what is left out in silence ---


@pytest.mark.parametrize(
    ("action", "sources", "fallback"),
    [
        (
            "Microsoft.Authorization/roleAssignments/read",
            ("resourcegraph.role-assignments",),
            "authorization.role-assignments",
        ),
        (
            "Microsoft.Authorization/roleDefinitions/read",
            ("resourcegraph.role-definitions",),
            "authorization.role-definitions",
        ),
        ("Microsoft.Storage/storageAccounts/read", ("resourcegraph.resources",), "arm.resources"),
    ],
)
def test_what_resource_graph_leaves_out_is_a_gap(
    start: Start, action: str, sources: tuple[str, ...], fallback: str
) -> None:
    """Resource Graph answers 200 with what is left. Nothing ends, and the list says which permission is missing."""
    bench = start()
    bench.scan()
    bench.cloud.faults.deny(action, account=LAB)
    bench.cloud.faults.deny(action, account=LIVE)
    outcome = bench.scan()
    for source in sources:
        assert state(outcome, source, S).state in ("partial", "failed")
    row = state(outcome, fallback, S)
    assert (row.permission, row.state in ("denied", "partial")) == (action, True), row
    assert bench.keys(2) == bench.keys(1)


def test_the_printed_role_is_enough(start: Start) -> None:
    """With nothing but the actions that `nhiscan connectors permissions azure` names."""
    text = CONNECTOR.permissions({"no-directory": True})
    actions = tuple(json.loads(text[text.index("{") : text.rindex("}") + 1])["Actions"])
    bench = start()
    bench.scan()
    found = example(NOW)
    least = start(replace(found, roles=(*found.roles, Role("nhiscan", actions)), caller=Caller(roles=("nhiscan",))))
    outcome = least.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    for table in set(TABLES_READ) - {"access_grant", "policy"}:
        assert least.keys(1)[table] == bench.keys(1)[table]


# --- patience, limits, hostile answers ---


def test_more_subscriptions_than_one_query_looks_at(start: Start) -> None:
    bench = start()
    azure(bench).gateway.resource_graph.limit_hit = True
    outcome = bench.scan()
    row = state(outcome, "resourcegraph.role-assignments", T)
    assert (row.state, row.code) == ("replaced", "TooMany")
    assert state(outcome, "arm.scopes", T).state == "complete", "the lists have no such limit"


def test_a_quota_that_is_used_up_is_waited_for(start: Start) -> None:
    """Fifteen queries in five seconds; one too many is answered 429 without Retry-After. Four scans take twenty."""
    bench = start(settings={"no-second-count": True, "no-eligible-assignments": True})
    for number in range(1, 5):
        assert not bench.scan().incomplete
        assert bench.keys(number) == bench.keys(1)
    assert NOW < bench.cloud.clock() <= NOW + 30


def test_queries_are_held_against_what_they_count(start: Start) -> None:
    """`rows` of `nhiscan_azure.resourcegraph` refuses an answer that is cut off; the lists stand in."""
    bench = start()
    graph = azure(bench).gateway.resource_graph
    answer = graph.answer

    def shortened(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        found, headers = answer(body)
        if "roleassignments" in body["query"]:
            found = {**found, "data": found["data"][:-1], "count": found["count"] - 1}
        return found, headers

    graph.answer = shortened  # type: ignore[method-assign]  # a service that loses a row on its way
    outcome = bench.scan()
    row = state(outcome, "resourcegraph.role-assignments", T)
    assert (row.code, row.state) == ("BadAnswer", "replaced")
    assert not outcome.incomplete


def test_a_page_of_another_origin_is_never_asked(start: Start, tmp_path: Path) -> None:
    """Neither by azure-mgmt-authorization, which follows it, nor by the connector's own client."""
    asked: list[str] = []

    def stranger(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        asked.append(environ["RAW_URI"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"value": []}']

    folder = tmp_path / "stranger"
    folder.mkdir()
    with LoopbackServer(stranger, Authority(folder).server_context()) as server:
        bench = start()
        cloud = azure(bench)
        cloud.gateway.arm_page = 1
        cloud.gateway.foreign = server.url
        outcome = bench.scan()
        cloud.faults.deny(ARG)
        without = bench.scan()
    assert asked == []
    sdk = state(outcome, "authorization.role-assignments-again", S)
    assert (sdk.code, sdk.state in ("partial", "failed")) == ("ForeignOrigin", True), sdk
    assert state(outcome, "keyvault.secrets", S).code == "ForeignOrigin"
    assert state(without, "authorization.role-assignments", S).code == "ForeignOrigin"
    assert state(without, "arm.scopes", T).code == "ForeignOrigin"


def test_a_redirect_is_not_followed(start: Start, tmp_path: Path) -> None:
    bench = start()
    bench.scan()
    azure(bench).gateway.redirect = "https://127.0.0.1:1"
    outcome = bench.scan()
    assert state(outcome, "arm.scopes", T).code == "Redirected"
    assert outcome.incomplete
    assert bench.keys(outcome.number or 1) == bench.keys(1)


def test_keys_are_never_asked_for(start: Start) -> None:
    bench = start()
    bench.scan()
    bench.cloud.faults.deny(ARG)
    bench.scan()
    asked = bench.cloud.calls.by_action()
    assert not [action for action in asked if "listKeys" in action]
    verbs = {call.operation for _, _, calls in (*bench.transcript(1), *bench.transcript(2)) for call in calls}
    assert "arm.resources" in verbs


# --- calls ---


def test_calls_are_few(start: Start) -> None:
    """The formula of `docs/azure.md`, within 10 %: queries by the thousand, and a few calls for each scope."""
    subscriptions, identities, vaults, each, roles = 12, 4, 2, 90, 110
    groups = (ManagementGroup("platform"), ManagementGroup("shop", parent="platform"))

    def subscription(number: int) -> Subscription:
        federated = (Federated("f", "https://issuer.example", "s"),)
        own: list[ManagedIdentity | StorageAccount | Vault] = []
        own += [ManagedIdentity(f"mi-{number}-{n}", federated) for n in range(identities)]
        own += [Vault(f"kv-{n}", (VaultItem("a", NOW),)) for n in range(vaults)]
        own += [StorageAccount(f"st{n}", NOW, (NOW, NOW)) for n in range(each)]
        given = tuple(Assignment("ann", "Reader", id=f"{number:08x}-0000-4000-a000-{n:012x}") for n in range(roles))
        return Subscription(f"s{number}", (ResourceGroup("rg", tuple(own)),), parent="shop", assignments=given)

    world = World(
        Directory(users=(User("ann"),)),
        management_groups=groups,
        subscriptions=tuple(subscription(n) for n in range(subscriptions)),
        tenant=TENANT,
    )
    bench = start(world, gate=False)
    outcome = bench.scan()
    assert not outcome.incomplete
    scopes = subscriptions + 3
    assignments, resources = subscriptions * roles + 1, subscriptions * (identities + vaults + each)
    queries = ceil(scopes / 1000) + ceil(assignments / 1000) + 1 + ceil(resources / 1000) + 1
    manager = subscriptions * identities + 2 * vaults * subscriptions + 2 * scopes
    below, sight, denials = 1, scopes, scopes + 1
    more = subscriptions * (ceil((roles + 1) / 100) - 1)  # pages of assignments, of which two lists are read
    expected = queries + manager + below + sight + denials + scopes + 2 * more
    assert 0.9 * expected <= bench.cloud.calls.of() <= 1.1 * expected, json.dumps(bench.cloud.calls.by_action())

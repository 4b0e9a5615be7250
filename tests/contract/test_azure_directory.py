"""What the Azure connector reads of Entra ID, against a simulated tenant, through the real runner into an inventory."""

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
from nhiscan.testing.contract import Bench, Contract
from nhiscan.testing.environment import environment
from nhiscan.testing.server import LoopbackServer
from nhiscan_azure import CONNECTOR
from nhiscan_azure.needed import NEEDED
from nhiscan_azure.simulated import (
    GRAPH_PERMISSIONS,
    Application,
    Caller,
    Certificate,
    Directory,
    Federated,
    Granted,
    Group,
    Permission,
    RoleHolder,
    Secret,
    ServicePrincipal,
    SimulatedAzure,
    User,
    World,
    withdraw,
)
from nhiscan_azure.simulated.example import DAY, GONE, LIVE, TENANT, VENDOR_TENANT, example
from nhiscan_azure.simulated.gateway import Gateway

NOW = at("2026-11-02T09:00:00")
T = f"azure/tenant/{TENANT}"
ONLY = {"directory-only": True}
Start = Callable[..., Bench]
Rows = dict[str, dict[str, Any]]


@pytest.fixture
def start(azure_gate: Callable[[Any], None], tmp_path: Path) -> Iterator[Start]:
    """Starts a simulation with an empty inventory. ``gate`` False: for worlds too big to be checked byte by byte."""
    with ExitStack() as stack:
        number = 0

        def starting(world: World | None = None, *, settings: Any = None, gate: bool = True, **options: Any) -> Bench:
            nonlocal number
            number += 1
            plan = ONLY if settings is None else settings
            cloud = SimulatedAzure(world or example(NOW), clock=SimulatedClock(NOW), settings=plan, **options)
            stack.enter_context(cloud)
            cloud.gateway.gate = azure_gate if gate else None
            stack.enter_context(environment(cloud.environment, remove=cloud.remove))
            folder = tmp_path / str(number)
            folder.mkdir()
            contract = Contract(connector=CONNECTOR, simulation=lambda: cloud)
            return Bench(contract, cloud, open_inventory(str(folder / "nhiscan.db")), folder)

        yield starting


def simulated(bench: Bench) -> SimulatedAzure:
    assert isinstance(bench.cloud, SimulatedAzure)
    return bench.cloud


def gateway(bench: Bench) -> Gateway:
    return simulated(bench).gateway


def small(**parts: Any) -> World:
    """A tenant of its own, with a caller that may read everything."""
    return World(Directory(**parts), caller=Caller(graph=GRAPH_PERMISSIONS), tenant=TENANT)


def state(rows: tuple[Coverage, ...] | list[Coverage], source: str, scope: str = T) -> Coverage:
    return next(row for row in rows if row.source == source and row.scope == scope)


def only(rows: Rows, **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in rows.values() if all(row[name] == value for name, value in wanted.items())]


def named(bench: Bench, name: str, kind: str, number: int = 1) -> dict[str, Any]:
    found = only(bench.rows("identity", number), name=name, kind=kind)
    assert len(found) == 1, f"{len(found)} are called {name}"
    return found[0]


def test_applications_and_their_principals_are_two_records(start: Start) -> None:
    bench = start()
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    application, principal = named(bench, "deploy", "application"), named(bench, "deploy", "service_principal")
    assert application["key"] == f"{T}/object/{application['native_id']}"
    assert (application["scope"], application["state"], application["created_at"]) == (T, "active", NOW - 700 * DAY)
    assert (application["audience"], application["publisher"]) == ("AzureADMyOrg", TENANT)
    assert application["description"] == "owner: ann@example.com"
    assert application["arn"] == principal["arn"], "the application id"
    relations = bench.rows("relation", 1)
    assert f"instance_of|{principal['key']}|{application['key']}" in relations
    assert named(bench, "portal", "application")["audience"] == "AzureADMultipleOrgs"
    assert named(bench, "portal", "service_principal")["state"] == "disabled"
    assert not only(bench.rows("identity", 1), name="unborn", kind="service_principal")
    aliases = {(row["kind"], row["value"]) for row in only(bench.rows("alias", 1), identity=principal["key"])}
    assert aliases == {("app_id", principal["arn"])}


def test_own_principals_vendors_and_microsoft_are_told_apart(start: Start) -> None:
    bench = start()
    bench.scan()
    vendor, microsoft = (named(bench, name, "service_principal") for name in ("Parcel Vendor", "Office Thing"))
    assert (vendor["publisher"], vendor["publisher_verified"], vendor["provider_managed"]) == (VENDOR_TENANT, 1, 0)
    assert microsoft["provider_managed"] == 1
    own = named(bench, "deploy", "service_principal")
    assert (own["publisher"], own["publisher_verified"], own["provider_managed"]) == (TENANT, 0, 0)
    assert named(bench, "old-style", "service_principal")["path"] == "Legacy"
    assert named(bench, "helper", "service_principal")["path"] == "AgentIdentity"


def test_managed_identities_stand_for_resources_and_hold_no_key_of_anybody(start: Start) -> None:
    bench = start()
    bench.scan()
    runner = named(bench, "runner", "managed_identity")
    aliases = [row["value"] for row in only(bench.rows("alias", 1), identity=runner["key"], kind="resource_id")]
    assert len(aliases) == 1
    assert aliases[0].endswith("/providers/microsoft.managedidentity/userassignedidentities/runner")
    resource = f"azure/subscription/{LIVE}/resource/{aliases[0]}"
    assert f"instance_of|{runner['key']}|{resource}" in bench.rows("relation", 1)
    held = only(bench.rows("credential", 1), identity=runner["key"])
    assert {row["kind"] for row in held} <= {"system_managed_key"}


def test_secrets_and_certificates(start: Start) -> None:
    bench = start()
    bench.scan()
    application = named(bench, "deploy", "application")
    held = only(bench.rows("credential", 1), identity=application["key"])
    secrets = {row["created_at"]: row for row in held if row["kind"] == "client_secret"}
    pipeline, endless, expired = (secrets[NOW - days * DAY] for days in (400, 700, 500))
    assert (pipeline["name"], pipeline["expires_at"], pipeline["never_expires"]) == ("pipeline", NOW + 330 * DAY, 0)
    assert pipeline["key"] == f"{T}/client_secret/{application['native_id']}/{pipeline['native_id']}"
    assert (endless["expires_at"], endless["never_expires"]) == (None, 1)
    assert expired["expires_at"] == NOW - 135 * DAY
    assert expired["name"] not in ("", None)
    certificate = next(row for row in held if row["kind"] == "client_certificate")
    assert certificate["origin"] == "uploaded"
    assert len(certificate["fingerprint"]) in (40, 64)
    assert json.loads(certificate["restrictions"]) == {"type": "AsymmetricX509Cert", "usage": "Verify"}


def test_what_signs_for_single_sign_on_is_no_client_secret(start: Start) -> None:
    """Adding a SAML certificate gives a principal a key that signs, its public half and a password."""
    shared = "5a5a5a5a-0000-4000-a000-000000000001"
    made, ends = NOW - 9 * DAY, NOW + 900 * DAY
    saml = ServicePrincipal(
        certificates=(
            Certificate(made, ends, "CN=SSO", usage="Sign", type="X509CertAndPassword", id=shared),
            Certificate(made, ends, "CN=SSO"),
        ),
        secrets=(Secret(made, ends, "saml", id=shared), Secret(made, ends, "of its own")),
        single_sign_on="saml",
    )
    plain = replace(saml, single_sign_on=None)
    bench = start(small(applications=(Application("sso", 0, principal=saml), Application("odd", 0, principal=plain))))
    bench.scan()
    rows = bench.rows("credential", 1)
    for name, secrets in (("sso", ["of its own"]), ("odd", ["of its own", "saml"])):
        held = only(rows, identity=named(bench, name, "service_principal")["key"])
        assert sorted(row["name"] for row in held if row["kind"] == "client_secret") == secrets
        assert [row["kind"] for row in held].count("token_certificate") == 1
    kinds = {
        name: {row["kind"] for row in only(rows, identity=named(bench, name, "service_principal")["key"])}
        for name in ("sso", "odd")
    }
    assert "client_certificate" not in kinds["sso"], "the public half of what signs"
    assert "client_certificate" in kinds["odd"], "without single sign-on the public half lets somebody in"


def test_federated_credentials(start: Start) -> None:
    bench = start()
    bench.scan()
    application = named(bench, "deploy", "application")
    rows = only(bench.rows("credential", 1), kind="federated_credential", scope=T)
    assert {row["name"] for row in rows} == {"main", "any"}
    main = next(row for row in rows if row["name"] == "main")
    assert main["identity"] == application["key"]
    assert json.loads(main["restrictions"]) == {
        "audiences": ["api://AzureADTokenExchange"],
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": "repo:shop/web:ref:refs/heads/main",
    }


def test_owners_and_what_is_known_of_them(start: Start) -> None:
    bench = start()
    bench.scan()
    application, principal = named(bench, "deploy", "application"), named(bench, "deploy", "service_principal")
    ann, leaver = named(bench, "ann@example.com", "user"), named(bench, "leaver@example.com", "user")
    owned = {(row["subject"], row["target"]) for row in only(bench.rows("relation", 1), kind="owned_by")}
    assert {(application["key"], ann["key"]), (application["key"], leaver["key"])} <= owned
    assert (principal["key"], ann["key"]) in owned
    assert (ann["state"], ann["leaves_at"]) == ("active", None)
    assert (leaver["state"], leaver["leaves_at"]) == ("disabled", NOW - 30 * DAY)
    mails = {row["value"] for row in only(bench.rows("alias", 1), kind="email")}
    assert {"ann@example.com", "leaver@example.com"} <= mails
    assert not only(bench.rows("identity", 1), path="Guest"), "who owns and holds nothing is not read"


def test_application_permissions_by_name(start: Start) -> None:
    bench = start()
    bench.scan()
    principal, graph = named(bench, "deploy", "service_principal"), named(bench, "Microsoft Graph", "service_principal")
    grants = bench.rows("access_grant", 1)
    held = only(grants, kind="app_role", principal=principal["key"])
    assert {(row["name"], row["resource"]) for row in held} == {
        ("Application.ReadWrite.All", graph["key"]),
        ("Mail.Read", graph["key"]),
    }
    write = next(row for row in held if row["name"] == "Application.ReadWrite.All")
    assert write["policy"] == (
        f"{T}/app_role/00000003-0000-0000-c000-000000000000/1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"
    )
    assert bench.rows("policy", 1)[write["policy"]]["name"] == "Application.ReadWrite.All"
    vendor = named(bench, "Parcel Vendor", "service_principal")
    names = {row["name"]: row["resource"] for row in only(grants, kind="app_role", principal=vendor["key"])}
    assert names["Orders.Read.All"] == named(bench, "portal", "service_principal")["key"], "of an API of our own"


def test_consent_for_all_users(start: Start) -> None:
    bench = start()
    bench.scan()
    vendor = named(bench, "Parcel Vendor", "service_principal")
    found = only(bench.rows("access_grant", 1), kind="delegated_permission")
    assert {(row["principal"], row["name"]) for row in found} == {
        (vendor["key"], "User.Read"),
        (vendor["key"], "Mail.ReadWrite"),
    }, "what one user consented to is not listed"


def test_roles_over_the_directory(start: Start) -> None:
    bench = start()
    bench.scan()
    grants = bench.rows("access_grant", 1)
    active = {row["name"]: row["principal"] for row in only(grants, kind="directory_role")}
    assert active["Application Administrator"] == named(bench, "old-style", "service_principal")["key"]
    assert active["App Keeper"] == named(bench, "operators", "group")["key"]
    assert active["Directory Readers"] == f"{T}/object/{GONE}"
    assert f"{T}/object/{GONE}" not in bench.rows("identity", 1), "nobody has this id"
    (eligible,) = only(grants, kind="eligible_assignment", scope=T)
    assert eligible["principal"] == named(bench, "deploy", "service_principal")["key"]
    assert json.loads(eligible["condition"])["memberType"] == "Direct"
    policies = bench.rows("policy", 1)
    keeper = next(row for row in only(policies, kind="directory_role") if row["name"] == "App Keeper")
    documents = {one.digest: json.loads(one.text) for one in bench.inventory.documents(1)}
    actions = documents[keeper["document"]]["rolePermissions"][0]["allowedResourceActions"]
    assert actions == ["microsoft.directory/applications/credentials/update"]
    settings = {row["name"]: row["number"] for row in bench.rows("setting", 1).values()}
    assert settings["privileged_role.62e90394-69f5-4237-9190-012177145e10"] == 1


def test_members_of_groups_that_hold_something(start: Start) -> None:
    bench = start()
    bench.scan()
    operators, inner = named(bench, "operators", "group"), named(bench, "inner", "group")
    members = {row["subject"] for row in only(bench.rows("relation", 1), kind="member_of", target=operators["key"])}
    assert members == {
        named(bench, "ann@example.com", "user")["key"],
        named(bench, "leaver@example.com", "user")["key"],
        named(bench, "deploy", "service_principal")["key"],
        inner["key"],
    }, "through the inner group, too, and though the two hold each other"
    assert (operators["path"], inner["path"]) == ("role-assignable", None)


def test_last_use_of_principals_and_of_single_secrets(start: Start) -> None:
    bench = start()
    bench.scan()
    assert named(bench, "deploy", "service_principal")["used_at"] == NOW - 2 * DAY, "the newest of its sign-ins"
    assert named(bench, "Parcel Vendor", "service_principal")["used_at"] == NOW - 200 * DAY
    quiet = named(bench, "portal", "service_principal")
    assert quiet["used_at"] is None
    assert 0 <= quiet["known_since"] - (NOW - 30 * DAY) < 60, "not seen in thirty days, which is not never"
    held = only(bench.rows("credential", 1), identity=named(bench, "deploy", "application")["key"])
    used = {row["name"]: row["used_at"] for row in held}
    assert used["pipeline"] == NOW - 2 * DAY
    assert used["old"] is None
    assert used["CN=deploy"] == NOW - 40 * DAY
    legacy = only(bench.rows("credential", 1), identity=named(bench, "old-style", "service_principal")["key"])
    assert [row["used_at"] for row in legacy] == [NOW - 700 * DAY]


def test_rules_of_the_tenant(start: Start) -> None:
    bench = start()
    bench.scan()
    held = {row["name"]: (row["number"], row["text"]) for row in bench.rows("setting", 1).values()}
    assert held["app_management_policy.enabled"] == (1, None)
    assert held["app_management_policy.application.password_lifetime"] == (180, "enabled")
    assert held["app_management_policy.application.asymmetric_key_lifetime"] == (365, "disabled")
    assert held["app_management_policy.service_principal.password_addition"] == (None, "enabled")
    assert held["app_management_policy.service_principal.password_addition.from"] == (NOW - 365 * DAY, None)
    assert held["consent_policy.user_consent"] == (
        1,
        '["ManagePermissionGrantsForSelf.microsoft-user-default-legacy"]',
    )
    assert held["tenant.premium"] == (2, "P2")
    assert held["tenant.name"] == (None, "Example Shop")


def test_agents_and_their_blueprints(start: Start) -> None:
    world = example(NOW)
    world = replace(world, caller=Caller(graph=(*GRAPH_PERMISSIONS, "AgentIdentity.Read.All")))
    bench = start(world, settings={**ONLY, "agent-identities": True})
    outcome = bench.scan()
    assert state(outcome.coverage, "graph.agent-identities").state == "complete"
    helper = named(bench, "helper", "service_principal")
    assert helper["created_at"] == NOW - 40 * DAY
    (made,) = only(bench.rows("relation", 1), kind="created_by")
    assert (made["subject"], made["target"]) == (
        helper["key"],
        named(bench, "helper-blueprint", "service_principal")["key"],
    )


# --- what cannot be read ---


@pytest.mark.parametrize("premium", [0, 1])
def test_a_tenant_without_the_licence(start: Start, premium: int) -> None:
    world = example(NOW)
    bench = start(replace(world, directory=replace(world.directory, premium=premium)))
    outcome = bench.scan()
    reports = [state(outcome.coverage, f"graph.{name}") for name in ("sign-in-activity", "credential-activity")]
    assert [row.state for row in reports] == (["failed"] * 2 if premium == 0 else ["complete"] * 2)
    if premium == 0:
        assert all("no licence" in str(row.message) for row in reports)
        assert named(bench, "deploy", "service_principal")["known_since"] is None, "not collected, not unused"
    eligible = state(outcome.coverage, "graph.eligible-directory-roles")
    assert (eligible.state, eligible.permission) == ("failed", None)
    assert "no licence" in str(eligible.message)
    assert state(outcome.coverage, "graph.principals").state == "partial", "who may activate a role is not known"
    assert outcome.incomplete


def test_an_unlicensed_tenant_can_leave_it_out(start: Start) -> None:
    world = example(NOW)
    settings = {**ONLY, "no-sign-in-activity": True, "no-eligible-assignments": True}
    outcome = start(replace(world, directory=replace(world.directory, premium=0)), settings=settings).scan()
    assert not outcome.incomplete, list(outcome.gaps)


@pytest.mark.parametrize(
    ("permission", "source"),
    [
        ("Policy.Read.All", "graph.consent-policy"),
        ("AuditLog.Read.All", "graph.credential-activity"),
        ("RoleManagement.Read.Directory", "graph.directory-roles"),
        ("Application.Read.All", "graph.applications"),
    ],
)
def test_a_gap_names_the_permission_that_is_missing(start: Start, permission: str, source: str) -> None:
    bench = start()
    withdraw(bench.cloud.faults, (permission,))
    outcome = bench.scan()
    row = state(outcome.coverage, source)
    assert (row.state, row.permission) == ("denied", permission)


def test_the_permission_behind_each_call_is_known_and_printed(start: Start) -> None:
    bench = start()
    bench.scan()
    calls = [call for _, _, noted in bench.transcript(1) for call in noted]
    assert {call.operation for call in calls if call.service == "graph"} <= set(NEEDED)
    printed = CONNECTOR.permissions({"agent-identities": True})
    assert all(f"# {name}" in printed for name in NEEDED.values())


def test_an_empty_leave_date_is_no_answer_without_its_permission(start: Start) -> None:
    bench = start()
    bench.cloud.faults.deny("User-LifeCycleInfo.Read.All")
    outcome = bench.scan()
    row = state(outcome.coverage, "graph.leave-dates")
    assert (row.state, row.code, row.permission) == ("denied", "NotGranted", "User-LifeCycleInfo.Read.All")
    assert named(bench, "leaver@example.com", "user")["leaves_at"] is None


def test_without_the_application_list_the_rest_is_a_gap_and_nobody_is_an_orphan(start: Start) -> None:
    bench = start()
    bench.scan()
    before = bench.keys(1)
    bench.cloud.faults.fail("graph.applications.list", times=None, status=500)
    outcome = bench.scan()
    assert state(outcome.coverage, "graph.applications").state == "failed"
    assert state(outcome.coverage, "graph.principals").code == "InputNotRead"
    assert bench.keys(outcome.number or 0) == before


def test_one_throttled_answer_in_a_batch_is_asked_again_alone(start: Start) -> None:
    calm = start()
    calm.scan()
    bench = start()
    bench.cloud.faults.fail("graph.applications.owners", nth=2, times=2, status=429)
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    assert bench.keys(1) == calm.keys(1)
    assert (
        gateway(bench).inner.of("graph.applications.owners") == gateway(calm).inner.of("graph.applications.owners") + 2
    )
    told = [
        json.loads(call.parameters)
        for _, source, calls in bench.transcript(1)
        for call in calls
        if source == "graph.owners"
    ]
    assert [one["requests"] for one in told][1:] == [2] or [one["requests"] for one in told][1:] == [1, 1]


def test_a_throttled_tenant_is_waited_for(start: Start) -> None:
    bench = start(retry_after="2.128")
    bench.cloud.faults.throttle("graph.applications.list", burst=1, per_second=0.2)  # the list, then its count
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    calls = [call for _, _, calls in bench.transcript(1) for call in calls if call.operation.endswith("ons.count")]
    assert [(call.status, call.attempts > 1) for call in calls] == [(200, True)]


def test_lasting_throttling_inside_a_batch_is_a_gap(start: Start) -> None:
    bench = start()
    bench.cloud.faults.fail("graph.applications.owners", times=None, status=429)
    outcome = bench.scan()
    row = state(outcome.coverage, "graph.owners")
    assert row.state == "failed"
    assert "throttled, given up after 9 attempts" in str(row.message)


def test_a_deleted_application_is_no_error(start: Start) -> None:
    """It was in the list, and is not there any more when its owners are asked for."""
    bench = start()
    outcome = bench.scan()
    assert named(bench, "vanishing", "application")
    assert state(outcome.coverage, "graph.owners").state == "complete"


def test_pages_and_pages_inside_batches(start: Start) -> None:
    world = small(
        users=tuple(User(f"u{one}") for one in range(25)),
        groups=(Group("staff", tuple(f"u{one}" for one in range(25))),),
        applications=tuple(Application(f"a{one}", 0) for one in range(12)),
        holders=(RoleHolder("Directory Readers", "staff"),),
    )
    whole = start(world)
    whole.scan()
    bench = start(world)
    gateway(bench).graph_page = 10
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    assert bench.keys(1) == whole.keys(1)
    assert len(only(bench.rows("relation", 1), kind="member_of")) == 25
    pages = [call for _, _, calls in bench.transcript(1) for call in calls if call.operation == "graph.applications"]
    assert [(call.page, call.items, call.end_of_list) for call in pages] == [(1, 10, 0), (2, 3, 1)]


def test_a_page_of_another_origin_is_refused_and_recorded(start: Start) -> None:
    strangers: list[Any] = []

    def stranger(environ: dict[str, Any], answer: Callable[..., Any]) -> list[bytes]:
        strangers.append(environ)
        answer("200 OK", [])
        return [b'{"value": []}']

    bench = start()
    bench.scan()
    before = bench.keys(1)
    with LoopbackServer(stranger) as other:
        gateway(bench).foreign, gateway(bench).graph_page = other.url, 2
        outcome = bench.scan()
    assert strangers == [], "the token would have gone there"
    row = state(outcome.coverage, "graph.applications")
    assert (row.state, row.code, row.operation) == ("partial", "ForeignOrigin", "graph.applications")
    assert outcome.incomplete
    assert bench.keys(outcome.number or 0) == before


def test_no_secret_is_asked_for(start: Start) -> None:
    bench = start()
    bench.scan()
    asked = " ".join(call.parameters for _, _, calls in bench.transcript(1) for call in calls)
    assert "secretText" not in asked
    assert '"key"' not in asked
    assert bench.cloud.canaries.in_files([bench.folder]) == {}


# --- few calls ---


def test_calls_are_few(start: Start) -> None:
    """A tenant of 5,000 applications, within 10 % of the formula; one by one it would be 15,000 calls and more."""
    applications, vendors, owners, groups = 5_000, 300, 600, 5
    world = small(
        users=tuple(User(f"u{one}", created_at=NOW) for one in range(owners)),
        groups=tuple(Group(f"g{one}", (f"u{one}",), role_assignable=True) for one in range(groups)),
        applications=tuple(
            Application(
                f"a{one}",
                NOW - DAY,
                secrets=(Secret(NOW - DAY, NOW + DAY),),
                federated=(Federated("f", "https://i.example", f"s{one}"),) if one % 10 == 0 else (),
                owners=(f"u{one % owners}",),
                offers=(Permission("Do.All"),) if one % 250 == 0 else (),
                principal=ServicePrincipal(granted=(Granted("User.Read.All"),) if one % 2 == 0 else ()),
            )
            for one in range(applications)
        ),
        principals=tuple(ServicePrincipal(f"v{one}", tenant=VENDOR_TENANT) for one in range(vendors)),
        holders=tuple(RoleHolder("Directory Readers", f"g{one}") for one in range(groups)),
    )
    bench = start(world, quotas=False, gate=False)
    outcome = bench.scan()
    assert not outcome.incomplete, list(outcome.gaps)
    own, every = applications + 1, applications + 1 + vendors + 1
    apis = 20
    formula = (
        1  # the organisation
        + ceil(own / 999) + ceil(every / 999) + 2  # both lists and their counts
        + ceil(own / 20)  # federated credentials
        + ceil(2 * own / 20)  # owners of both
        + ceil(2_507 / 999) + ceil(apis / 20)  # holders of Graph's permissions, and of the others'
        + 1 + 3 + 1  # consents, roles, which are privileged
        + ceil((owners + groups) / 1_000)  # who all those ids are
        + 1  # members of groups
        + 1 + ceil(owners / 999)  # users: a count, and all of them in fewer calls than one by one
        + 2  # policies
        + ceil(owners / 20)  # leave dates
        + 2  # reports
    )  # fmt: skip
    made = bench.cloud.calls.of()
    told = f"{made} calls, {formula} by the formula: {bench.cloud.calls.by_action()}"
    assert abs(made - formula) <= formula * 0.1, told

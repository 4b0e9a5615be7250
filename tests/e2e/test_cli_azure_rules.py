"""What the rules find in an Entra ID and Azure whose truth is known, through the command line, with a people roster."""

import re
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nhiscan import data
from nhiscan.rule import load
from nhiscan.testing.clock import SimulatedClock
from nhiscan_azure.simulated import (
    AccessPolicy,
    Application,
    Assignment,
    Certificate,
    Directory,
    Federated,
    Granted,
    ManagedIdentity,
    Policies,
    Resource,
    ResourceGroup,
    RoleHolder,
    Secret,
    ServicePrincipal,
    SignIns,
    SimulatedAzure,
    StorageAccount,
    Subscription,
    User,
    Vault,
    VaultItem,
    World,
)

from .conftest import Program

DAY = 86_400
TENANT = "5e1f0000-0000-4000-a000-000000000001"
KEPT, FAULTY = "5e1f0000-0000-4000-a000-0000000000a1", "5e1f0000-0000-4000-a000-0000000000a2"
VENDOR = "5e1f0000-0000-4000-a000-000000000009"
SIGNS = "5e1f0000-0000-4000-a000-00000000516e"
NOBODY = "5e1f0000-0000-4000-a000-00000000dead"
CODE, CLUSTER = "https://token.actions.githubusercontent.com", "https://oidc.example.com/1"
ROSTER = """\
person_id,email,name,status,start_date,end_date
e1,ann@example.com,Ann Lee,active,2019-01-01,
e2,gone@example.com,Bo Gone,left,2019-01-01,2024-06-30
e3,bea@example.com,Bea Kim,active,2020-01-01,
"""


def world(now: int) -> World:
    """A subscription and applications in which nothing is wrong, and beside them a fault of each sort."""

    def ago(days: int) -> int:
        return now - days * DAY

    def secret(age: int, left: int | None, used: int | None = 1) -> Secret:
        return Secret(ago(age), None if left is None else now + left * DAY, used_at=None if used is None else ago(used))

    def app(name: str, *secrets: Secret, **more: Any) -> Application:
        principal: dict[str, Any] = {"sign_ins": SignIns(client=ago(1)), **more.pop("principal", {})}
        return Application(
            name,
            ago(900),
            secrets=secrets,
            owners=more.pop("owners", ("ann",)),
            principal=ServicePrincipal(**principal),
            **more,
        )

    directory = Directory(
        title="Rules",
        created_at=ago(2000),
        users=(
            User("ann", "Ann Lee", created_at=ago(1500), signed_in_at=ago(1)),
            User("bea", "Bea Kim", created_at=ago(1500), signed_in_at=ago(1)),
            User("gone", "Bo Gone", enabled=False, created_at=ago(1500)),
            *(User(name, created_at=ago(500), signed_in_at=ago(1)) for name in ("vic", "lex", "uma", "apa")),
        ),
        applications=(
            app("kept", federated=(Federated("cluster", CLUSTER, "system:serviceaccount:pay:api"),), locked=True),
            app("unowned", owners=()),
            app("left", secret(400, 330, 2), owners=("gone",), principal={"name": "left-login"}),
            app("endless", secret(10, None)),
            app("ending", secret(60, 20)),
            app("ended", secret(400, -30, None)),
            app("twin", secret(80, 90), secret(40, 90)),
            app("spare", secret(120, 60, 100)),
            app("idle", principal={"sign_ins": SignIns(client=ago(200))}),
            app("off", secret(20, 90), principal={"enabled": False}),
            app(
                "giver",
                secret(30, 90),
                owners=("bea",),
                principal={"granted": (Granted("RoleManagement.ReadWrite.Directory", created_at=ago(300)),)},
            ),
            app("keeper"),
            app("wide", federated=(Federated("preview", CODE, "repo:pay/web:pull_request"),)),
            app("everybody", audience="AzureADMultipleOrgs"),
            app(
                "sso",
                principal={
                    # as Microsoft makes them: a key that signs, its public half, the password of its file
                    "certificates": (
                        Certificate(ago(300), now + 795 * DAY, "CN=sso", usage="Sign", id=SIGNS),
                        Certificate(ago(300), now + 795 * DAY, "CN=sso"),
                    ),
                    "secrets": (Secret(ago(300), now + 795 * DAY, "CN=sso", id=SIGNS),),
                    "single_sign_on": "saml",
                },
            ),
        ),
        principals=(
            ServicePrincipal(
                "Vendor",
                tenant=VENDOR,
                granted=(Granted("Files.Read.All", created_at=ago(100)),),
                sign_ins=SignIns(client=ago(3)),
            ),
        ),
        holders=(
            RoleHolder("Global Administrator", "ann"),
            RoleHolder("Application Administrator", "keeper"),
            RoleHolder("Application Administrator", "apa"),
        ),
        policies=Policies(),
    )
    kept = Subscription(
        "kept",
        (
            ResourceGroup(
                "pay",
                (
                    ManagedIdentity(
                        "pods",
                        (Federated("pods", CLUSTER, "system:serviceaccount:pay:web"),),
                        tags={"owner": "e1"},
                        sign_ins=SignIns(client=ago(1)),
                    ),
                    Resource(
                        "Microsoft.ContainerService/managedClusters",
                        "cluster",
                        properties={"provisioningState": "Succeeded", "disableLocalAccounts": True},
                        identities=("pods",),
                    ),
                    StorageAccount("keptdata", ago(300), (ago(30), ago(20)), shared_key=False, expiry_days=90),
                    Vault("keptvault", (VaultItem("database", ago(40), expires=now + 100 * DAY),)),
                ),
                assignments=(Assignment("kept", "Reader", ago(100)), Assignment("pods", "Reader", ago(100))),
            ),
        ),
        id=KEPT,
    )
    faulty = Subscription(
        "faulty",
        (
            ResourceGroup(
                "mess",
                (
                    ManagedIdentity("boss", tags={"owner": "ann@example.com"}, sign_ins=SignIns(client=ago(1))),
                    ManagedIdentity("ghostly", tags={"owner": "ghost@example.com"}, sign_ins=SignIns(client=ago(1))),
                    Resource(
                        "Microsoft.Compute/virtualMachines",
                        "machine",
                        properties={"provisioningState": "Succeeded"},
                        identities=("boss", "ghostly"),
                    ),
                    StorageAccount("olddata", ago(900), (ago(900), ago(20))),
                    Resource(
                        "Microsoft.CognitiveServices/accounts",
                        "model",
                        kind="OpenAI",
                        sku="S0",
                        properties={"provisioningState": "Succeeded"},
                    ),
                    Vault(
                        "oldvault",
                        (VaultItem("forever", ago(700)), VaultItem("forever", ago(700), "key")),
                        rbac=False,
                        policies=(AccessPolicy("bea", ("get",)),),
                    ),
                ),
            ),
        ),
        id=FAULTY,
        assignments=(
            Assignment("boss", "Owner", ago(300)),
            Assignment("off", "Reader", ago(300)),
            Assignment(NOBODY, "Contributor", ago(700), kind="ServicePrincipal"),
            Assignment("vic", "Key Vault Secrets User", ago(300)),
            Assignment("lex", "Storage Account Contributor", ago(300)),
            Assignment("uma", "User Access Administrator", ago(300)),
        ),
        classic=(("root@example.com", "ServiceAdministrator;AccountAdministrator"),),
    )
    return World(directory, subscriptions=(kept, faulty), tenant=TENANT)


EXPECTED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "admin-access": (("ann", "critical"), ("boss", "critical")),
    "app-credential-policy-missing": (("Rules", "medium"),),
    "app-credential-unused": (("client_secret of spare", "medium"),),
    "app-secret-instead-of-certificate": (("giver", "high"),),
    "app-secret-not-rotated": (("client_secret of left", "high"),),
    "app-without-owner": (("left", "medium"), ("nhiscan", "medium"), ("unowned", "medium")),
    "can-create-credentials": (("apa", "high"), ("principal keeper", "high")),
    "can-remove-guardrail": (("uma", "high"),),
    "classic-administrator-present": (("faulty", "medium"),),
    "credential-expired-present": (("client_secret of ended", "medium"),),
    "credential-expiring-soon": (("client_secret of ending", "low"),),
    "credential-lifetime-too-long": (("client_secret of left", "medium"),),
    "credential-never-expires": (
        ("client_secret of endless", "medium"),
        ("stored_key oldvault/forever", "medium"),
        ("stored_secret oldvault/forever", "medium"),
    ),
    # made a year after he had left, and used two days ago
    "credential-survived-offboarding": (("client_secret of left", "critical"),),
    "credential-used-after-offboarding": (("client_secret of left", "high"),),
    "credential-usage-unknown": (
        ("federated_credential of kept", "info"),
        ("federated_credential of pods", "info"),
        ("federated_credential of wide", "info"),
        ("local_key model, local authentication", "info"),
        ("storage_key olddata, key 1", "info"),
        ("storage_key olddata, key 2", "info"),
        ("stored_key oldvault/forever", "info"),
        ("stored_secret keptvault/database", "info"),
        ("stored_secret oldvault/forever", "info"),
    ),
    "credentials-exposure-actions": (("lex", "high"),),
    # its application is not disabled, and has the secret
    "disabled-identity-with-credentials": (("principal off", "medium"),),
    "disabled-identity-with-grants": (("principal off", "medium"),),
    "external-multitenant-service-principal": (("Vendor", "medium"),),
    "federated-credential-too-wide": (("preview of wide", "high"),),
    "grant-to-unknown-principal": (("Contributor to nobody", "medium"),),
    "identity-no-owner": (
        ("nhiscan", "medium"),
        ("principal nhiscan", "medium"),
        ("principal unowned", "medium"),
        ("unowned", "medium"),
    ),
    "local-authentication-enabled": (("model", "high"), ("olddata", "medium")),
    "managed-identity-admin": (("boss", "critical"),),
    "multiple-active-keys": (("twin", "medium"),),
    "multitenant-app-registration": (("everybody", "low"),),
    "oauth-app-high-scopes": (("Files.Read.All of Vendor", "high"),),
    "owner-left": (("left", "critical"), ("principal left-login", "critical")),
    "owner-tag-invalid": (("ghostly", "medium"),),
    # giver gives itself any role; two may add a secret to it, and one owns it; one gives roles over a subscription
    "privilege-escalation": (
        ("apa", "critical"),
        ("bea", "critical"),
        ("principal giver", "critical"),
        ("principal keeper", "critical"),
        ("uma", "critical"),
    ),
    "privileged-app-with-owner": (("bea over giver", "critical"),),
    "privileged-directory-role": (("principal keeper", "high"),),
    "privileged-graph-app-role": (("principal giver", "critical"),),
    "rotation-overlap-too-long": (("client_secret of twin", "low"),),
    "secrets-read-unrestricted": (("principal Vendor", "high"), ("vic", "high")),  # every file of everybody
    "service-principal-unused": (("principal idle", "medium"),),
    "stored-secret-not-rotated": (("oldvault/forever", "medium"),),
    "storage-account-key-not-rotated": (("olddata, key 1", "medium"),),
    "storage-key-rotation-reminder-missing": (("olddata", "low"),),
    "unverified-publisher-app": (("Vendor", "medium"),),
    "user-consent-allowed": (("Rules", "medium"),),
    "wildcard-action": (("uma", "high"),),
    "wildcard-resource-on-sensitive-action": (("uma", "high"),),
    # owns a subscription, and a machine runs as it
    "workload-identity-admin": (("boss", "critical"),),
}
"""Rule -> (subject, severity), sorted. ``nhiscan`` is the application that reads: nobody owns it."""

UNKNOWN = {
    ("identity-no-owner", "principal Vendor", "owners-not-asked"),
    ("owner-left", "ghostly", "owner-not-found"),
    ("service-principal-unused", "principal nhiscan", "window-too-short"),
}
"""(rule, subject, reason)."""
SECRETS = ("client_secret", "client_certificate")
NO_SECRETS = ("system_managed_key", "token_certificate")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The world, scanned once with everything that its rules can use."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "home").mkdir()
    program = Program(folder, {"NHISCAN_DB": str(folder / "inventory.db")})
    program.write("people.csv", ROSTER)
    now = int(time.time())
    with SimulatedAzure(world(now), clock=SimulatedClock(now + 300)) as cloud:
        program.variables.update(cloud.environment)
        program.variables["NHISCAN_AZURE_ENDPOINT"] = ",".join(cloud.endpoints)
        done = program("scan", "azure", "--roster", "people.csv")
        assert done.code == 0, done.err
        assert "0 gaps" in done.last
    return program


def called(row: Mapping[str, Any]) -> str:
    """What a finding is about, without what the cloud makes up."""
    facts = row["facts"]
    name, kind, holder = facts.get("name"), facts.get("kind"), facts.get("identity_name")
    if row["rule"] == "grant-to-unknown-principal":
        assert facts["object_id"] == NOBODY
        name = f"{facts['role']} to nobody"
    elif row["rule"] == "federated-credential-too-wide":
        name = f"{facts['credential']} of {holder}"
    elif row["rule"] == "oauth-app-high-scopes":
        name = f"{facts['permission']} of {facts['holder']}"
    elif row["rule"] == "privileged-app-with-owner":
        name = f"{facts['owner_name']} over {holder}"
    elif kind in (*SECRETS, "federated_credential"):
        name = f"{kind} of {holder}"
    elif kind is not None and holder is not None:
        name = f"{kind} {name}"
    elif kind == "service_principal":
        name = f"principal {name}"
    return re.sub("@example.com", "", name or holder or row["scope_name"])


def test_each_fault_is_found_and_nothing_else(scanned: Program) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    kept = set()
    for row in scanned("findings", "--format", "json").json["findings"]:
        assert row["status"] == "fail", row
        assert row["message"].endswith("."), row
        found.setdefault(row["rule"], []).append((called(row), row["severity"]))
        if row["scope"] == f"azure/subscription/{KEPT}":
            kept.add(row["rule"])
    assert {rule: tuple(sorted(rows)) for rule, rows in found.items()} == EXPECTED
    assert kept == {"credential-usage-unknown"}, "that Azure tells no use is no fault of what is kept"


def test_what_could_not_be_determined_is_said(scanned: Program) -> None:
    """Whether an owner left who is nobody in the roster cannot be told; reports of use look back thirty days."""
    rows = scanned("findings", "--all", "--format", "json").json["findings"]
    unknown = {(row["rule"], called(row), row["reason"]) for row in rows if row["status"] == "unknown"}
    assert unknown == UNKNOWN


def _judged(scanned: Program) -> set[str]:
    """The rules that gave pass or fail to something of Azure."""
    with sqlite3.connect(scanned.folder / "inventory.db") as connection:
        found = connection.execute(
            "SELECT rule FROM rule_count WHERE scope LIKE 'azure/%' GROUP BY rule HAVING SUM(passed + failed) > 0"
        )
        return {str(rule) for (rule,) in found}


def test_forty_five_rules_and_more_judge_it_and_those_of_other_providers_leave_nothing(scanned: Program) -> None:
    judged = _judged(scanned)
    with sqlite3.connect(scanned.folder / "inventory.db") as connection:
        counted = {rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM rule_count")}
        kept = {rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM result_range")}
    assert len(judged) >= 45, sorted(judged)
    others = {rule.id for rule in load([data.folder("rules")]) if not rule.applies("azure")}
    assert {"root-access-key-present", "trust-wildcard-principal", "primitive-role"} <= others
    assert not others & (counted | kept)
    assert EXPECTED.keys() <= judged


@pytest.mark.checkout
def test_the_documentation_names_the_rules_that_judge_it(scanned: Program) -> None:
    judged = _judged(scanned)
    page = (Path(__file__).parents[2] / "docs" / "azure.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", page[page.index("## Rules") :].split("What they cannot tell")[0]))
    assert named <= judged
    assert EXPECTED.keys() <= named


def test_what_lets_nobody_in_is_no_secret_and_secrets_are_told_with_both_halves_of_an_application(
    scanned: Program,
) -> None:
    """Keys that Microsoft holds and certificates of a single sign-on are in the inventory, and in no finding."""
    held = scanned("inventory", "credentials", "--format", "json").json["credentials"]
    kinds = {row["key"]: row["kind"] for row in held}
    assert {*SECRETS[:1], *NO_SECRETS} <= set(kinds.values())
    assert not [row for row in held if row["kind"] in SECRETS and row["identity_name"] == "sso"]
    told = 0
    for row in scanned("findings", "--all", "--format", "json").json["findings"]:
        kind = kinds.get(row["subject"])
        if row["status"] in ("fail", "unknown"):
            assert kind not in NO_SECRETS, row
        if row["status"] == "fail" and kind in SECRETS:
            told += 1
            application = row["facts"]["identity_name"]
            assert application in row["message"] or row["facts"]["identity_arn"] in row["message"], row
            principal = "left-login" if application == "left" else application
            assert f"whose service principal is {principal}" in row["message"], row
    assert told >= 8


def test_commands_that_mend_are_complete(scanned: Program) -> None:
    """Commands are of Azure alone, and no fact is missing in any."""
    commands: dict[str, list[str]] = {}
    for row in scanned("findings", "--format", "json").json["findings"]:
        commands.setdefault(row["rule"], []).extend(row["commands"])
    for command in (one for found in commands.values() for one in found):
        assert command.split()[0] in ("az", "nhiscan"), command
        assert "{" not in command.replace("'{", ""), command
    of_azure = {rule.id for rule in load([data.folder("rules")]) if "azure" in rule.remediation}
    assert {rule for rule, found in commands.items() if found} >= of_azure & EXPECTED.keys()
    assert any("--vault-name oldvault --name forever " in one for one in commands["credential-never-expires"])


def test_the_package_is_performed_again(scanned: Program) -> None:
    made = scanned("report", "--out", "evidence")
    assert made.code == 0, made.err
    checked = scanned("verify", "evidence")
    assert checked.code == 0, checked.out + checked.err
    assert "rules run again" in checked.out

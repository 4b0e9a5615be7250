"""What the rules find in a Google Cloud whose truth is known, through the command line, with a people roster."""

import re
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import pytest

from nhiscan import data
from nhiscan.rule import load
from nhiscan.testing.clock import SimulatedClock
from nhiscan_gcp.simulated import SimulatedGcp
from nhiscan_gcp.simulated.demo_roles import ROLES
from nhiscan_gcp.simulated.world import (
    ApiKey,
    Binding,
    Constraint,
    HmacKey,
    Key,
    Organization,
    Pool,
    Project,
    Provider,
    Role,
    ServiceAccount,
    Workload,
    World,
)

from .conftest import Program

DAY = 86_400
ORGANIZATION, NUMBER = "240000000077", "700000000077"
KEPT, FAULTY = "pay-kept", "pay-faulty"
POOL = f"projects/{NUMBER}/locations/global/workloadIdentityPools/code"
ROSTER = """\
person_id,email,name,status,start_date,end_date
e1,ann@example.com,Ann Lee,active,2019-01-01,
e2,gone@example.com,Bo Gone,left,2019-01-01,2024-06-30
"""
COMPUTE = f"{NUMBER}-compute@developer.gserviceaccount.com"


def world(now: int) -> World:
    """Two projects: one in which nothing is wrong, and one with a fault of each sort."""

    def ago(days: int) -> int:
        return now - days * DAY

    def account(name: str, *keys: Key, said: str = "owner: ann@example.com", **more: object) -> ServiceAccount:
        return ServiceAccount(name, ago(900), description=said, keys=keys, used_at=ago(2), **more)  # type: ignore[arg-type]

    def member(name: str) -> str:
        return f"serviceAccount:{name}@{FAULTY}.iam.gserviceaccount.com"

    kept = Project(
        KEPT,
        ago(900),
        number="700000000078",
        labels={"owner": "e1"},
        accounts=(ServiceAccount("api", ago(800), used_at=ago(1)),),
        roles=(Role("payReader", ("datastore.entities.list",), "Reader"),),
        bindings=(
            Binding(f"projects/{KEPT}/roles/payReader", (f"serviceAccount:api@{KEPT}.iam.gserviceaccount.com",)),
        ),
        workloads=(Workload("api", "service", f"api@{KEPT}.iam.gserviceaccount.com"),),
    )
    ends = now + 3000 * DAY
    faulty = Project(
        FAULTY,
        ago(900),
        number=NUMBER,
        accounts=(
            account("leaver", Key(ago(400), ends, used_at=ago(200)), said="owner: gone@example.com"),
            account("never", Key(ago(10), used_at=ago(1))),
            account("leaked", Key(ago(40), now + 20 * DAY, used_at=ago(1), exposed="https://code.example.com/x")),
            account("uploaded", Key(ago(30), now + 300 * DAY, used_at=ago(1), uploaded=True)),
            account("twin", Key(ago(80), now + 99 * DAY, used_at=ago(1)), Key(ago(40), now + 99 * DAY, used_at=ago(1))),
            account("off", Key(ago(20), now + 99 * DAY, used_at=ago(10)), disabled=True),
            account("ended", Key(ago(99), ago(9)), Key(ago(200), ends, disabled=True, disable_reason="USER_INITIATED")),
            account("nobody", said=""),
            account("ghost", said="owner: ghost@example.com"),
            ServiceAccount("idle", ago(500), description="owner: ann@example.com"),
            account("admin"),
            account("maker"),
            account("sinker"),
            account("secrets"),
            ServiceAccount("compute", ago(900), description="owner: ann@example.com", email=COMPUTE, used_at=ago(1)),
            account(
                "shared",
                bindings=(
                    Binding("roles/iam.serviceAccountUser", ("group:staff@example.com",)),
                    Binding("roles/iam.workloadIdentityUser", (f"principalSet://iam.googleapis.com/{POOL}/*",)),
                ),
            ),
        ),
        api_keys=(
            ApiKey("anything", ago(200)),
            ApiKey("limited", ago(20), targets=("maps-backend.googleapis.com",), clients="browser"),
        ),
        hmac_keys=(HmacKey("leaver", ago(300)),),
        pools=(Pool("code", (Provider("open", "https://gitlab.com"),)),),
        bindings=(
            Binding("roles/editor", (f"serviceAccount:{COMPUTE}",)),
            Binding("roles/owner", (member("admin"),)),
            Binding("roles/iam.serviceAccountKeyAdmin", (member("maker"),)),
            Binding("roles/iam.serviceAccountUser", ("user:ann@example.com",)),
            Binding("roles/iam.serviceAccountAdmin", ("user:ann@example.com",)),
            Binding("roles/logging.configWriter", (member("sinker"),)),
            Binding("roles/secretmanager.secretAccessor", (member("secrets"),)),
            Binding("roles/run.invoker", (member("off"), "allUsers", "user:eve@gmail.com")),
            Binding("roles/run.invoker", ("deleted:user:bo@example.com?uid=1",)),
            Binding("roles/run.invoker", ("serviceAccount:x@elsewhere-77.iam.gserviceaccount.com",)),
        ),
        constraints=(Constraint("iam.serviceAccountKeyExposureResponse", values=("WAIT_FOR_ABUSE",)),),
        workloads=(
            Workload("machine", "instance", COMPUTE),
            Workload("jobs", "job", f"admin@{FAULTY}.iam.gserviceaccount.com"),
        ),
    )
    return World(
        (faulty, kept),  # the account that reads is made in the first one
        organization=Organization(
            ORGANIZATION,
            "example.com",
            bindings=(Binding("roles/iam.serviceAccountTokenCreator", (member("ghost"),)),),
            constraints=(
                Constraint("iam.disableServiceAccountKeyUpload", enforced=True),
                Constraint("iam.serviceAccountKeyExpiryHours", values=("24h",)),
            ),
        ),
        roles=ROLES,
    )


EXPECTED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "admin-access": (("admin", "critical"),),
    "api-key-calls-generative-ai": (("anything", "high"),),
    "api-key-exists": (("pay-faulty", "low"),),
    "api-key-not-rotated": (("anything", "medium"),),
    "api-key-unrestricted": (("anything", "high"),),
    "can-create-credentials": (("compute", "high"), ("maker", "high")),
    "can-remove-guardrail": (("sinker", "high"),),
    "credential-expired-present": (("key of ended", "medium"),),
    "credential-expiring-soon": (("key of leaked", "low"),),
    "credential-inactive-not-deleted": (("key of ended", "low"),),
    "credential-leaked-publicly": (("leaked", "critical"),),
    "credential-lifetime-too-long": (("key of leaver", "medium"),),
    "credential-never-expires": (("key of never", "medium"),),
    "credential-survived-offboarding": (("HMAC key of leaver", "critical"), ("key of leaver", "critical")),
    "credential-usage-unknown": (
        ("HMAC key of leaver", "info"),
        ("anything", "info"),
        ("code/open", "info"),
        ("limited", "info"),
    ),
    "credential-used-after-offboarding": (("key of leaver", "high"),),
    "credentials-exposure-actions": (("code", "medium"), ("compute", "high"), ("ghost", "high")),
    "cross-project-grant": (("roles/run.invoker to x", "medium"),),
    "default-service-account-editor": (("compute", "high"),),
    "default-service-account-used": (("compute", "high"),),
    "disabled-identity-with-credentials": (("off", "medium"),),
    "disabled-identity-with-grants": (("off", "medium"),),
    "exposed-key-stays-active": (("pay-faulty", "high"),),
    "federated-grant-to-whole-pool": (("roles/iam.workloadIdentityUser to code/*", "high"),),
    "grant-to-deleted-principal": (("roles/run.invoker to deleted:user:bo@example.com?uid=1", "medium"),),
    "guest-or-external-member": (("roles/run.invoker to user:eve@gmail.com", "high"),),
    "hmac-key-not-rotated": (("HMAC key of leaver", "medium"),),
    "identity-dormant": (("idle", "medium"), ("nhiscan", "medium")),
    "identity-no-owner": (("nhiscan", "medium"), ("nobody", "medium")),
    "identity-without-credential-or-workload": (("idle", "low"), ("nhiscan", "low")),
    "multiple-active-keys": (("twin", "medium"),),
    "owner-left": (("leaver", "critical"),),
    "owner-tag-invalid": (("ghost", "high"),),
    "primitive-role": (("roles/editor to compute", "high"), ("roles/owner to admin", "high")),
    "privilege-escalation": (("compute", "critical"), ("ghost", "critical"), ("maker", "critical")),
    "privileged-role-at-wide-scope": (("roles/iam.serviceAccountTokenCreator to ghost", "critical"),),
    "public-grant": (("roles/run.invoker to allUsers", "critical"),),
    "rotation-overlap-too-long": (("key of twin", "low"),),
    "secrets-read-unrestricted": (("secrets", "high"),),
    "separation-of-duties": (("roles/iam.serviceAccountAdmin to user:ann@example.com", "medium"),),
    "service-account-impersonation": (
        ("roles/iam.serviceAccountTokenCreator to ghost", "high"),
        ("roles/iam.serviceAccountUser to user:ann@example.com", "high"),
    ),
    "service-account-key-creation-allowed": (("example.com", "medium"), ("pay-faulty", "medium")),
    "service-account-key-not-rotated": (("key of leaver", "high"),),
    "service-account-key-unused": (("key of leaver", "medium"),),
    "service-account-key-uploaded": (("key of uploaded", "medium"),),
    "service-account-shared-with-group": (("roles/iam.serviceAccountUser to group:staff@example.com", "medium"),),
    "user-managed-service-account-key": (
        ("leaked", "medium"),
        ("leaver", "medium"),
        ("never", "medium"),
        ("off", "medium"),
        ("twin", "medium"),
        ("uploaded", "medium"),
    ),
    "workload-identity-admin": (("admin", "critical"), ("compute", "high")),
    "workload-identity-provider-unconditioned": (("code/open", "critical"),),
}
"""Rule -> (subject, severity), sorted. ``nhiscan`` is the account that reads: nothing tells of a use of it."""

UNKNOWN = {
    ("credential-used-after-offboarding", "HMAC key of leaver", "use-not-collected"),
    ("owner-left", "ghost", "owner-not-found"),
}
"""(rule, subject, reason)."""


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The world, scanned once with everything that its rules can use."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "home").mkdir()
    program = Program(folder, {"NHISCAN_DB": str(folder / "inventory.db")})
    program.write("people.csv", ROSTER)
    now = int(time.time())
    with SimulatedGcp(world(now), clock=SimulatedClock(now + 300)) as cloud:
        program.variables.update(cloud.environment)
        program.variables["NHISCAN_GCP_ENDPOINT"] = ",".join(cloud.endpoints)
        done = program("scan", "gcp", "--account-activity", "--roster", "people.csv")
        assert done.code == 0, done.err
    return program


def called(row: Mapping[str, Any]) -> str:
    """What a finding is about, without what the cloud makes up: a key by its account, a grant by role and member."""
    facts = row["facts"]
    if "|role_binding|" in row["subject"]:
        name = f"{facts['role']} to {facts['member'].removeprefix('serviceAccount:')}"
    elif re.fullmatch(r"[0-9a-f]{40}", facts["name"] or ""):
        name = f"key of {facts['identity_name']}"
    elif str(facts["name"]).startswith("GOOG1E"):
        name = f"HMAC key of {facts['identity_name']}"
    else:
        name = facts["name"]
    name = re.sub(r"principalSet://\S+/workloadIdentityPools/", "", name)
    return re.sub(rf"@(?:{FAULTY}|elsewhere-77)\.iam\.gserviceaccount\.com$", "", name.replace(COMPUTE, "compute"))


def test_each_fault_is_found_and_nothing_else(scanned: Program) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in scanned("findings", "--format", "json").json["findings"]:
        assert row["status"] == "fail", row
        assert row["message"].endswith("."), row
        found.setdefault(row["rule"], []).append((called(row), row["severity"]))
        assert row["scope"] != f"gcp/project/{KEPT}", row
    assert {rule: tuple(sorted(rows)) for rule, rows in found.items()} == EXPECTED


def test_what_could_not_be_determined_is_said(scanned: Program) -> None:
    """Google tells no use of HMAC keys. Whether an owner left who is nobody in the roster cannot be told."""
    rows = scanned("findings", "--all", "--format", "json").json["findings"]
    unknown = {(row["rule"], called(row), row["reason"]) for row in rows if row["status"] == "unknown"}
    assert unknown == UNKNOWN


def test_forty_rules_and_more_judge_it_and_those_of_other_providers_leave_nothing(scanned: Program) -> None:
    with sqlite3.connect(scanned.folder / "inventory.db") as connection:
        judged = {
            rule
            for (rule,) in connection.execute(
                "SELECT rule FROM rule_count WHERE scope LIKE 'gcp/%' GROUP BY rule HAVING SUM(passed + failed) > 0"
            )
        }
        counted = {rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM rule_count")}
        kept = {rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM result_range")}
    assert len(judged) >= 50, sorted(judged)
    rules = load([data.folder("rules")])
    others = {rule.id for rule in rules if not rule.applies("gcp")}
    assert {"root-access-key-present", "trust-wildcard-principal", "password-policy-weak"} <= others
    assert not others & (counted | kept)
    assert EXPECTED.keys() <= judged


def test_every_command_that_mends_is_complete(scanned: Program) -> None:
    """A finding has a command of its provider, and no fact is missing in any."""
    for row in scanned("findings", "--format", "json").json["findings"]:
        assert row["commands"], row["rule"]
        for command in row["commands"]:
            assert command.split()[0] in ("gcloud", "nhiscan"), command
            assert "{" not in command.replace("'{", ""), command


def test_the_package_is_performed_again(scanned: Program) -> None:
    made = scanned("report", "--out", "evidence")
    assert made.code == 0, made.err
    checked = scanned("verify", "evidence")
    assert checked.code == 0, checked.out + checked.err
    assert "rules run again" in checked.out

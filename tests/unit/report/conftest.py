"""A small estate, stored through the inventory's own writer, derived and judged as a scan does it."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nhiscan import analysis, data, plugins
from nhiscan.analyzer import Analyzer
from nhiscan.evaluate import OPEN, evaluate, keep
from nhiscan.inventory import Inventory, Plan, open_inventory
from nhiscan.model import (
    Alias,
    Call,
    Coverage,
    Credential,
    Document,
    Grant,
    Identity,
    Need,
    Person,
    Policy,
    Scope,
    TieOut,
)
from nhiscan.report import Cover, PackageInfo, keys, write_package
from nhiscan.rule import Rule, load, rules_digest
from nhiscan.transcript import digest

NOW = 1_782_907_200  # 2026-07-01T12:00:00Z
DAY = 86_400
SEED = bytes(range(32))
HOSTILE = (
    "=cmd|' /C calc'!A0",
    "\t=1+1",
    "\rx",
    "@SUM(1)",
    "+1",
    "-1",
    "'quoted",
    "\uff1d1+1",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><!--<script>",
    "evil\u202etxt.exe",
    "nul\ufffdnul",
    "#panic()",
    "\x1b[31mred\x1b[0m",
    "line\nbreak, \"quoted\", 'single'",
    "\u2028sep",
    "{{ 7*7 }}",
)
"""Names as a hostile cloud could give them (NUL is replaced where records enter the inventory)."""

ADMIN = '{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}'
TRUST = (
    '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"}}],'
    '"Version":"2012-10-17"}'
)
LISTED = (
    "identity:user", "identity:group", "identity:role", "alias", "relation:member_of", "access_grant:attached_policy",
    "access_grant:inline_policy", "access_grant:permissions_boundary", "policy:customer_policy",
    "policy:provider_policy", "credential:access_key", "identity:root", "credential:password",
    "credential:signing_certificate", "credential:root_access_key", "setting:password_policy", "setting:account",
)  # fmt: skip
FACTS = (
    "identity:user.tags", "identity:role.tags", "identity:role.used_at", "identity:role.trust_document",
    "identity:user.console_access", "identity:user.mfa", "identity:root.used_at", "identity:root.mfa",
    "identity:root.console_access", "credential:password.used_at", "credential:password.changed_at",
    "credential:password.expires_at", "credential:access_key.used_at", "credential:root_access_key.used_at",
)  # fmt: skip
SECOND = "acme.directory"
GAAD, REPORT, ACCESS_KEYS = "iam.account-authorization-details", "iam.credential-report", "iam.access-keys"


@dataclass(frozen=True)
class Estate:
    """What one scan of the simulated company sees. ``users`` is the number of users in each account."""

    accounts: tuple[str, ...] = ("111122223333", "444455556666")
    users: int = 6
    at: int = NOW
    denied: tuple[str, ...] = ("444455556666",)
    untied: tuple[str, ...] = ()
    roster: bool = True
    names: tuple[str, ...] = HOSTILE
    shut: bool = False  # another connector could not be opened at all
    second: str | None = None  # how a second source of users ended, in each account that was read


def rules_as_shipped() -> list[Rule]:
    return load([data.folder("rules")])


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def call(operation: str, at: int, **parameters: object) -> Call:
    text = json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Call(
        "iam",
        operation,
        text,
        "https://iam.amazonaws.com",
        1,
        3,
        1,
        200,
        None,
        sha(text)[:16],
        1,
        at,
        at + 1,
        sha(text),
    )


def run_scan(
    inventory: Inventory, estate: Estate, rules: list[Rule], analyzers: Mapping[str, Analyzer] | None = None
) -> int:
    """One scan, from its plan to its findings. Gives its number."""
    number = len(inventory.scans()) + 1
    plan = Plan(
        f"run-{number}", estate.at, "0.1.0", ("aws", "register"), "{}", rules_digest(rules, {}), "{}", "host", 1
    )
    run = inventory.start(plan)
    scopes = [account(name) for name in estate.accounts]
    register = Scope("register/register/people", "register", "register", "people", "People")
    planned = [*scopes, register] if estate.roster else scopes
    sources = [(scope.key, source) for scope in scopes for source in (GAAD, REPORT, ACCESS_KEYS)]
    sources += [(scope.key, SECOND) for scope in scopes if estate.second]
    run.plan_scopes(planned, sources + ([(register.key, "people")] if estate.roster else []))
    with run.finish(estate.at + 60) as scan:
        for place, scope in enumerate(scopes):
            fill(scan, scope, estate, place)
        if estate.roster:
            scan.put(
                "person",
                [
                    Person(
                        f"{register.key}/person/1",
                        register.key,
                        "1",
                        "ana@example.org",
                        "Ana =Left",
                        "left",
                        None,
                        estate.at - 40 * DAY,
                        "people",
                    ),
                    Person(
                        f"{register.key}/person/2", register.key, "2", "bo@example.org", "Bo", "active", source="people"
                    ),
                    Person(
                        f"{register.key}/person/3",
                        register.key,
                        "3",
                        "cy@example.org",
                        "Cy",
                        "left",
                        None,
                        estate.at - 400 * DAY,
                        "people",
                    ),
                ],
            )
            scan.coverage([Coverage(f"{register.key}|people", register.key, "people", "complete", records=3)])
            scan.needs([Need(register.key, "person", 1, 1)])
        if estate.shut:
            scan.coverage(
                [Coverage("gcp/session|gcp.session", "gcp/session", "gcp.session", "failed", message="no credentials")]
            )
        facts = {
            "callers": {"aws": {"principal": "arn:aws:sts::111122223333:assumed-role/audit/nhiscan"}},
            "versions": {"nhiscan": "0.1.0", "aws": {"boto3": "1.40"}},
            "titles": {"aws": "Amazon <Web> Services"},
            "inputs": [{"file": "people.csv", "sha256": "cd" * 32, "rows": 3, "about": "people roster"}],
            "owner_tags": list(analysis.OWNER_TAGS),
        }
        for name, value in facts.items():
            scan.facts(name, json.dumps(value, sort_keys=True))
        scan.merge()
        scan.bind()
        analysis.derive(scan, plugins.analyzers() if analyzers is None else analyzers)
        evaluation = evaluate(scan.sql, rules, {}, estate.at, settle=OPEN)
        keep(scan.sql, scan.number, evaluation, rules, {})
    return number


def account(name: str) -> Scope:
    return Scope(f"aws/account/aws:{name}", "aws", "account", f"aws:{name}", f"acme-{name[:4]}", None, "active")


def fill(scan: object, scope: Scope, estate: Estate, place: int) -> None:
    from nhiscan.inventory import Finishing

    assert isinstance(scan, Finishing)
    denied = scope.native_id.removeprefix("aws:") in estate.denied
    at = estate.at
    users = []
    credentials = []
    for number in range(estate.users):
        name = estate.names[number % len(estate.names)] if estate.names else f"user-{number}"
        native = f"AIDA{place:02d}{number:010d}"
        owner = ("ana@example.org", "bo@example.org", "nobody@example.org")[number % 3]
        tags = json.dumps({"owner": owner}) if number % 4 else None
        console = None if denied else 0
        users.append(
            Identity(
                f"{scope.key}/user/{native}", scope.key, "user", native, name, f"arn:aws:iam::{place}:user/{number}",
                "/", "active", at - 400 * DAY, None, tags, 0, console, console, source=GAAD,
            )
        )  # fmt: skip
        age = (400, 20, 95)[number % 3] * DAY
        credentials.append(
            Credential(
                f"{scope.key}/access_key/AKIA{place:02d}{number:014d}", scope.key, "access_key",
                f"AKIA{place:02d}{number:014d}", f"AKIA{place:02d}{number:014d}", users[-1].key,
                ("active", "active", "inactive")[number % 3], at - age, at - age,
                used_at=(at - 3 * DAY, None, at - 200 * DAY)[number % 3], known_since=1_429_660_800, source=ACCESS_KEYS,
            )
        )  # fmt: skip
    role = Identity(
        f"{scope.key}/role/AROA{place}", scope.key, "role", f"AROA{place}", "partner", "arn:aws:iam::1:role/partner",
        "/", created_at=at - 500 * DAY, provider_managed=0, trust_document=sha(TRUST), trailing_days=400, source=GAAD,
    )  # fmt: skip
    policy = Policy(
        f"{scope.key}/provider_policy/arn:aws:iam::aws:policy/AdministratorAccess", scope.key, "provider_policy",
        "arn:aws:iam::aws:policy/AdministratorAccess", "AdministratorAccess",
        "arn:aws:iam::aws:policy/AdministratorAccess", sha(ADMIN), 1, source=GAAD,
    )  # fmt: skip
    scan.put("identity", [*users, role])
    scan.put("alias", [Alias(f"{role.key}|arn|{role.arn}", scope.key, role.key, "arn", role.arn or "", GAAD)])
    scan.put("credential", credentials)
    scan.put("policy", [policy])
    scan.put(
        "access_grant",
        [
            Grant(
                f"{users[0].key}|attached_policy|{policy.native_id}", scope.key, "attached_policy", users[0].key,
                policy.name, policy.key, document=policy.document, source=GAAD,
            )
        ] if users else [],
    )  # fmt: skip
    scan.put("document", [Document(sha(ADMIN), "policy", ADMIN), Document(sha(TRUST), "policy", TRUST)])
    counted = estate.users + (scope.native_id.removeprefix("aws:") in estate.untied)
    scan.put(
        "tie_out",
        [TieOut(f"{scope.key}|users", scope.key, "users", GAAD, estate.users, "iam.account-summary", counted)],
    )
    rows = []
    for source in (GAAD, REPORT, ACCESS_KEYS):
        calls = [call(source, at, MaxItems=1000), call(source, at, Marker="é", MaxItems=1000)]
        scan.calls(scope.key, source, calls)
        bad = denied and source == REPORT
        rows.append(
            Coverage(
                f"{scope.key}|{source}", scope.key, source, "denied" if bad else "complete",
                "AccessDenied" if bad else None, "iam:GenerateCredentialReport" if bad else None,
                "iam:GenerateCredentialReport" if bad else None,
                "User is not authorized to perform iam:GenerateCredentialReport" if bad else None,
                records=0 if bad else estate.users, calls=2, started_at=at, ended_at=at + 5,
                transcript_sha256=digest(calls),
            )
        )  # fmt: skip
    if estate.second:
        rows.append(Coverage(f"{scope.key}|{SECOND}", scope.key, SECOND, estate.second, message="no answer"))
    scan.coverage(rows)
    lost = (
        {"credential:password", "identity:user.console_access", "identity:user.mfa", "identity:root"}
        if denied
        else set()
    )
    told = estate.second not in (None, "complete") and not lost
    made_up = {"identity:user": f"given by {GAAD}; {SECOND} {estate.second}"} if told else {}
    scan.needs(
        [
            Need(scope.key, need, int(need not in lost), 1, "denied" if need in lost else made_up.get(need))
            for need in LISTED
        ]
        + [Need(scope.key, need, int(need not in lost), 0, "denied" if need in lost else None) for need in FACTS]
    )


@dataclass(frozen=True)
class Made:
    """An inventory with its scans, and how to write packages of it."""

    inventory: Inventory
    rules: list[Rule]
    signer: keys.Signer

    def scan(self, estate: Estate, analyzers: Mapping[str, Analyzer] | None = None) -> int:
        return run_scan(self.inventory, estate, self.rules, analyzers)

    def write(
        self, out: Path, number: int | None = None, *, replace: bool = False, signer: keys.Signer | None = None
    ) -> PackageInfo:
        return write_package(
            self.inventory,
            number,
            out,
            rules=self.rules,
            parameters={},
            signer=signer or self.signer,
            cover=Cover("Acme <Ltd>\nX: y", "Payments", None),
            replace=replace,
        )


@pytest.fixture(scope="session")
def rules() -> list[Rule]:
    return rules_as_shipped()


@pytest.fixture
def made(tmp_path: Path, rules: list[Rule]) -> Made:
    """An empty inventory."""
    (tmp_path / "inventory").mkdir()
    return Made(open_inventory(str(tmp_path / "inventory" / "nhiscan.db")), rules, keys.signer_from_seed(SEED))


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, rules: list[Rule]) -> Path:
    """A package of the second of two scans, written once. Copy it before you change it: `package`."""
    folder = tmp_path_factory.mktemp("package")
    inventory = open_inventory(str(folder / "nhiscan.db"))
    made = Made(inventory, rules, keys.signer_from_seed(SEED))
    first = Estate(accounts=("111122223333", "444455556666", "777788889999"), at=NOW - 30 * DAY, users=len(HOSTILE))
    made.scan(first)
    made.scan(replace(first, accounts=first.accounts[:2], at=NOW))
    made.write(folder / "evidence")
    (folder / "allowed_signers").write_text(made.signer.allowed_signers)
    return folder / "evidence"


@pytest.fixture
def package(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "evidence")
    shutil.copy(original.parent / "allowed_signers", tmp_path / "allowed_signers")
    return tmp_path / "evidence"

"""Every shipped rule on both databases: its examples hold, a wrong CASE is noticed, and the results are the same."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from nhiscan import data, model
from nhiscan.evaluate import Evaluation, evaluate, run_examples, surviving
from nhiscan.inventory import Sql, empty_sql, fill
from nhiscan.inventory.views import VIEWS, ddl
from nhiscan.rule import Rule, load

RULES = load([data.folder("rules")])
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
AS_OF = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86400
Value = str | int | None


@pytest.fixture(scope="module")
def sqlite() -> Iterator[Sql]:
    sql = empty_sql()
    yield sql
    sql.close()


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[Sql]:
    import psycopg

    sql = Sql(psycopg.connect(postgres_url), "postgresql")
    for view in VIEWS:
        sql.create(ddl(view, temporary=True))
    yield sql
    sql.close()


@EACH
def test_examples_hold_on_sqlite(rule: Rule, sqlite: Sql) -> None:
    assert run_examples(rule, sqlite) == []


@pytest.mark.postgres
@EACH
def test_examples_hold_on_postgresql(rule: Rule, postgres: Sql) -> None:
    assert run_examples(rule, postgres) == []


@EACH
def test_a_wrong_case_is_noticed(rule: Rule, sqlite: Sql) -> None:
    assert surviving(rule, sqlite) == []


@EACH
def test_examples_show_every_status(rule: Rule) -> None:
    shown = {outcome.status for example in rule.examples for outcome in example.expect.values()}
    assert {"pass", "fail"} <= shown
    assert ("unknown" in shown) != rule.always_known


# --- one inventory of everything, drawn by chance, on both ---


class Estate:
    """Rows for all views, drawn from a seed: all that rules look at, nulls and times at the limits included."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.scopes = ["aws/account/aws:1", "aws/account/aws:2", "register/register/people"]
        self.identities = [f"{self._scope()}/identity/{n}" for n in range(60)]
        self.people = [f"{self.scopes[2]}/person/{n}" for n in range(8)]
        self.grants = [f"grant/{n}" for n in range(60)]
        self.policies = [f"policy/{n}" for n in range(5)]
        self.services = ["bedrock", "ec2", "s3", "sagemaker", "sqs"]

    def _scope(self) -> str:
        return self._random.choice(self.scopes[:2])

    def _one(self, *values: Value) -> Value:
        return self._random.choice(values)

    def _time(self) -> Value:
        days = self._one(None, 0, 1, 14, 30, 89, 90, 91, 200, 365, 366, 4000)
        return None if days is None else AS_OF - int(days) * DAY + int(self._random.choice((0, 0, 1, -1, 3600)))

    def _reason(self) -> Value:
        return self._one(None, *model.ACCESS_REASONS, "document-unread,scp-unread", "DOCUMENT-UNREAD")

    def _state(self, scope: str | None = None) -> dict[str, Value]:
        return {
            "scope": scope or self._scope(),
            "planned": 1,
            "confirmed": self._one(1, 1, 1, 0),
            "first_seen_at": self._time(),
        }

    def tables(self) -> dict[str, list[dict[str, Value]]]:
        one, time = self._one, self._time
        identities = [
            {
                "key": key,
                **self._state(key.split("/identity/")[0]),
                "kind": one("root", "user", "user", "group", "role", "role"),
                "native_id": key,
                "name": key[-2:],
                "arn": one(None, f"arn:{key}"),
                "created_at": time(),
                "tags": one(None, "{}"),
                "provider_managed": one(None, 0, 1),
                "console_access": one(None, 0, 1),
                "mfa": one(None, 0, 1),
                "used_at": time(),
                "known_since": time(),
                "nature": one("machine", "person", "unknown", None),
                "nature_reason": one(None, "name"),
                "nature_confidence": one(*model.CONFIDENCES, None),
            }
            for key in self.identities
        ]
        credentials = []
        for n in range(150):
            identity = one(*self.identities)
            credentials.append(
                {
                    "key": f"credential/{n}",
                    **self._state(str(identity).split("/identity/", maxsplit=1)[0]),
                    "kind": one(
                        "access_key", "access_key", "access_key", "root_access_key", "password", "signing_certificate"
                    ),
                    "name": f"C{n}",
                    "identity": identity,
                    "state": one("active", "active", "active", *model.CREDENTIAL_STATES, None),
                    "created_at": time(),
                    "changed_at": time(),
                    "expires_at": time(),
                    "used_at": time(),
                    "known_since": time(),
                    "predecessor": one(None, None, "credential/0"),
                }
            )
        access = [
            {
                "key": f"access/{n}",
                **self._state(),
                "principal": one(*self.identities),
                "capability": one(*model.ACCESS_CAPABILITIES),
                "level": one(*model.ACCESS_LEVELS),
                "service": one(*self.services),
                "action": one(
                    "*",
                    "s3:*",
                    "s3:getobject",
                    "S3:GETOBJECT",
                    "not:iam:*",
                    "ecr:getauthorizationtoken,sts:assumerole",
                    "iam:createaccesskey,iam:createloginprofile",
                ),
                "actions": one(1, 2, 200),
                "resource": one("*", "arn:aws:iam::*:user/${aws:username}", "ARN:${AWS:USERNAME}", "arn:aws:s3:::b"),
                "everywhere": one(0, 1, 1, None),
                "effect": one(*model.ACCESS_EFFECTS, "allowed", "allowed"),
                "via": one(*self.grants, None),
                "statement": "1",
                "conditional": one(0, 1),
                "conditions": one(None, '["iam:PassedToService"]', '["aws:SourceIp"]'),
                "confidence": one(*model.CONFIDENCES),
                "reason": self._reason(),
            }
            for n in range(300)
        ]
        paths = [
            {
                "key": f"{principal}|{n}",
                **self._state(principal.split("/identity/")[0]),
                "principal": principal,
                "target": one(*self.identities, None),
                "method": "iam-put-user-policy",
                "category": one(*model.ESCALATION_CATEGORIES),
                "outcome": one(*model.ESCALATION_OUTCOMES),
                "grade": one(*model.ESCALATION_GRADES),
                "hops": one(1, 1, 2, 3),
                "targets": one(1, 5),
                "steps": "[]",
                "action": "iam:putuserpolicy",
                "via": one(*self.grants, None),
                "statement": one("1", None),
                "confidence": one(*model.CONFIDENCES),
                "reason": self._reason(),
            }
            for principal in self._random.sample(self.identities, 30)
            for n in range(2)
        ]
        privileges = [
            {
                "key": key,
                **self._state(key.split("/identity/")[0]),
                "level": one(*model.PRIVILEGE_LEVELS, "administrator", "escalates", "escalates_to_administrator"),
                "granted": one(*model.ACCESS_LEVELS),
                "effect": one(*model.ACCESS_EFFECTS),
                "path": one(f"{key}|0", f"{key}|1", None),
                "hops": one(1, 2, None),
                "reaches": one(0, 5),
                "reached_by": one(0, 9, 10, 11, 500),
                "services": "{}",
                "confidence": one(*model.CONFIDENCES),
                "reason": self._reason(),
            }
            for key in self._random.sample(self.identities, 52)
        ]
        uses = [
            {
                "key": f"{key}|{service}|{n}",
                **self._state(key.split("/identity/")[0]),
                "identity": key,
                "service": service,
                "action": one(None, None, f"{service}:get"),
                "used_at": time(),
                "known_since": time(),
            }
            for key in self._random.sample(self.identities, 40)
            for n, service in enumerate(self._random.sample(self.services, 3))
        ]
        return {
            "scope": [
                {
                    "key": key,
                    "provider": key.split("/", maxsplit=1)[0],
                    "kind": key.split("/")[1],
                    "native_id": key,
                    "planned": 1,
                    "last_scan": one(None, 1),
                }
                for key in self.scopes
            ],
            "identity": identities,
            "credential": credentials,
            "effective_access": access,
            "escalation_path": paths,
            "privilege": privileges,
            "access_use": uses,
            "access_grant": [
                {
                    "key": key,
                    **self._state(),
                    "kind": one(*model.GRANT_KINDS),
                    "principal": one(*self.identities, "gone"),
                    "name": one(key, key, "AWSCompromisedKeyQuarantineV3", "awscompromisedkeyquarantine"),
                    "policy": one(*self.policies, None),
                }
                for key in self.grants
            ]
            + [
                {
                    "key": "grant/quarantine",
                    **self._state(),
                    "kind": "attached_policy",
                    "principal": next(row["identity"] for row in credentials if row["kind"] == "access_key"),
                    "name": "AWSCompromisedKeyQuarantineV3",
                }
            ],
            "policy": [
                {
                    "key": key,
                    **self._state(),
                    "kind": one("customer_policy", "provider_policy", None),
                    "native_id": key,
                    "name": key,
                    "arn": one(None, key),
                }
                for key in self.policies
            ],
            "trust": [
                {
                    "key": f"trust/{n}",
                    **self._state(),
                    "identity": one(*self.identities),
                    "principal_kind": one(*model.TRUST_PRINCIPAL_KINDS),
                    "principal": one(
                        f"p{n}",
                        "ec2.amazonaws.com",
                        "states.amazonaws.com.cn",
                        "scheduler.amazonaws.com",
                        "cognito-identity.amazonaws.com",
                        "arn:aws:iam::1:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/1",
                    ),
                    "principal_scope": one(None, *self.scopes, "elsewhere"),
                    "external": one(0, 1),
                    "external_id": one(0, 1),
                    "conditional": one(0, 1),
                    "conditions": one(None, "{}"),
                    "statement": "1",
                    "organization": one(0, 0, 1),
                    "source_guard": one(0, 0, 1),
                    "audience": one(0, 1),
                    "subject": one(None, "repo:acme/*"),
                    "width": one(None, *model.TRUST_WIDTHS),
                    "confidence": one(*model.CONFIDENCES),
                    "reason": self._reason(),
                }
                for n in range(160)
            ],
            "owner": [
                {
                    "key": key,
                    **self._state(key.split("/identity/")[0]),
                    "value": "o",
                    "method": "tag:owner",
                    "person": one(*self.people, None),
                    "resolution": one("person", "not_in_roster", "no_roster"),
                }
                for key in self._random.sample(self.identities, 40)
            ],
            "person": [
                {
                    "key": key,
                    **self._state(self.scopes[2]),
                    "person_id": key,
                    "status": one("active", "left", None),
                    "end_date": time(),
                }
                for key in self.people
            ],
            "setting": [
                {"key": f"{scope}|{name}", **self._state(scope), "name": name, "number": one(None, 0, 1, 13, 14, 24)}
                for scope in self.scopes[:2]
                for name in (
                    "account.access_keys_present",
                    "password_policy.exists",
                    "password_policy.minimum_length",
                    "password_policy.reuse_prevention",
                    "password_policy.max_age_days",
                )
            ],
            "coverage": [
                {"key": f"{scope}|{state}", "scope": scope, "planned": 1, "source": state, "state": state}
                for scope in self.scopes
                for state in model.COVERAGE_STATES
            ],
            "need": [
                {"scope": scope, "planned": 1, "need": need, "complete": one(1, 1, 1, 0), "lists": 1}
                for scope in self.scopes
                for need in (
                    "identity:user",
                    "identity:role",
                    "credential:access_key",
                    "access_use",
                    "effective_access",
                    "escalation_path",
                    "privilege",
                    "trust",
                    "person",
                )
                if (need == "person") == scope.startswith("register")
            ],
            "tie_out": [
                {
                    "key": f"tie/{n}",
                    "scope": self._scope(),
                    "planned": 1,
                    "what": "users",
                    "source_a": one(*model.COVERAGE_STATES),
                    "count_a": one(5, 6),
                    "source_b": one(*model.COVERAGE_STATES),
                    "count_b": one(5, 6),
                    "explanation": one(None, "why"),
                }
                for n in range(20)
            ],
        }


class GoogleEstate:
    """The same of a Google Cloud: projects below a folder and an organisation, with all that lives there."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed + 1000)
        self.projects = ["gcp/project/p1", "gcp/project/p2"]
        self.nodes = [*self.projects, "gcp/folder/f", "gcp/organization/o"]
        self.accounts = [f"{self._one(*self.projects)}/service_account/{n}" for n in range(20)]

    def _one(self, *values: Value) -> Value:
        return self._random.choice(values)

    def _time(self) -> Value:
        days = self._one(None, -400, -31, -30, 0, 1, 14, 30, 90, 91, 365, 366, 4000)
        return None if days is None else AS_OF - int(days) * DAY + int(self._random.choice((0, 0, 1, -1)))

    def tables(self) -> dict[str, list[dict[str, Value]]]:
        one, time = self._one, self._time
        limits = (
            None,
            "{}",
            '{"apiTargets":[{"service":"generativelanguage.googleapis.com"}]}',
            '{"apiTargets":[{"service":"x"}],"serverKeyRestrictions":{"allowedIps":["192.0.2.1"]}}',
            '{"attributeCondition":"","attributeMapping":{},"oidc":{"issuerUri":"https://gitlab.com"}}',
            '{"attributeCondition":"","attributeMapping":{},"aws":{"accountId":"111122223333"}}',
            '{"attributeCondition":"x","attributeMapping":{}}',
        )
        kinds = ("service_account_key", "api_key", "hmac_key", "system_managed_key", "federated_credential", "token")
        members = (
            *self.accounts,
            "allUsers",
            "allAuthenticatedUsers",
            "user:ann@example.com",
            "user:Eve@GMAIL.com",
            "group:staff@other.example",
            "domain:example.com",
            "deleted:user:x@example.com?uid=1",
            "serviceAccount:x@elsewhere.iam.gserviceaccount.com",
            "serviceAccount:1@cloudservices.gserviceaccount.com",
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/code/*",
        )
        roles = (
            "roles/owner",
            "roles/editor",
            "roles/viewer",
            "roles/iam.serviceAccountUser",
            "roles/iam.serviceAccountAdmin",
            "roles/cloudkms.admin",
            "roles/cloudkms.cryptoKeyEncrypter",
            "roles/compute.serviceAgent",
        )
        state = {"planned": 1, "confirmed": 1}
        return {
            "scope": [
                {
                    "key": key,
                    "provider": "gcp",
                    "kind": key.split("/")[1],
                    "native_id": key.split("/")[2],
                    "name": "Example.com" if key.endswith("/o") else None,
                    "planned": 1,
                }
                for key in self.nodes
            ],
            "identity": [
                {
                    "key": key,
                    **state,
                    "scope": key.split("/service_account/")[0],
                    "kind": "service_account",
                    "native_id": key,
                    "name": f"{key[-2:]}@p1.iam.gserviceaccount.com",
                    "arn": key,
                    "path": one(None, "/default/compute/"),
                    "state": one("active", "disabled", None),
                    "created_at": time(),
                    "used_at": time(),
                    "known_since": time(),
                }
                for key in self.accounts
            ],
            "credential": [
                {
                    "key": f"{account.split('/service_account/')[0]}/credential/{n}",
                    **state,
                    "scope": account.split("/service_account/")[0],
                    "kind": one(*kinds, "service_account_key"),
                    "native_id": f"k{n}",
                    "name": f"K{n}",
                    "identity": account,
                    "state": one("active", "active", "inactive", None),
                    "created_at": time(),
                    "changed_at": time(),
                    "expires_at": one(None, None, time()),
                    "never_expires": one(None, 0, 1),
                    "origin": one(None, "provider", "uploaded"),
                    "exposed": one(None, 0, 0, 1),
                    "restrictions": one(*limits),
                    "used_at": time(),
                    "known_since": time(),
                }
                for n, account in enumerate(self._random.choices(self.accounts, k=150))
            ],
            "access_grant": [
                {
                    "key": f"binding/{n}",
                    **state,
                    "scope": one(*self.nodes),
                    "kind": "role_binding",
                    "principal": one(*members),
                    "name": one(*roles),
                    "resource": one(None, None, *self.accounts),
                    "first_seen_at": time(),
                }
                for n in range(200)
            ],
            "setting": [
                {
                    "key": f"{node}|{name}",
                    **state,
                    "scope": node,
                    "name": name,
                    "number": one(None, 0, 1),
                    "text": one(None, "", "24h", "WAIT_FOR_ABUSE", "[]"),
                }
                for node in self.nodes
                for name in (
                    "org_policy.disable_service_account_key_creation",
                    "org_policy.disable_service_account_key_upload",
                    "org_policy.service_account_key_expiry_hours",
                    "org_policy.service_account_key_exposure_response",
                )
            ],
            "relation": [
                {
                    "key": f"runs/{n}",
                    **state,
                    "scope": one(*self.projects),
                    "kind": "runs_as",
                    "subject": f"//w/{n}",
                    "target": one(*self.accounts),
                }
                for n in range(15)
            ],
        }


class MicrosoftEstate:
    """The same of Entra ID and Azure: a tenant with applications, a subscription with identities and resources."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed + 2000)
        self.tenant, self.subscription = "azure/tenant/t", "azure/subscription/s"
        kinds = ("application", "service_principal", "service_principal", "managed_identity", "user")
        self.objects = {f"{self.tenant}/object/{n}": str(self._one(*kinds)) for n in range(60)}
        self.resources = [f"{self.subscription}/resource/{n}" for n in range(12)]

    def _one(self, *values: Value) -> Value:
        return self._random.choice(values)

    def _time(self) -> Value:
        days = self._one(None, -400, -30, 0, 1, 30, 90, 91, 180, 181, 365, 4000)
        return None if days is None else AS_OF - int(days) * DAY + int(self._random.choice((0, 0, 1, -1)))

    def tables(self) -> dict[str, list[dict[str, Value]]]:
        one, time, state = self._one, self._time, {"planned": 1, "confirmed": 1}
        keys = list(self.objects)
        apps = [key for key, kind in self.objects.items() if kind in ("application", "service_principal")]
        everyone = [*keys, *self.resources]
        return {
            "scope": [
                {"key": key, "provider": "azure", "kind": key.split("/")[1], "native_id": key[-1], "planned": 1}
                for key in (self.tenant, self.subscription)
            ],
            "identity": [
                {
                    "key": key,
                    **state,
                    "scope": key.rpartition("/object/" if "/object/" in key else "/resource/")[0],
                    "kind": self.objects.get(key, "resource"),
                    "native_id": key,
                    "name": key[-4:],
                    "arn": one(None, key),
                    "path": one("Application", None) if key in self.objects else "microsoft.storage/storageaccounts",
                    "state": one("active", "disabled", None),
                    "created_at": time(),
                    "provider_managed": one(None, 0, 0, 1),
                    "publisher": one(None, "t", "elsewhere"),
                    "publisher_verified": one(None, 0, 1),
                    "audience": one(None, "AzureADMyOrg", "AzureADMultipleOrgs"),
                    "used_at": time(),
                    "known_since": time(),
                }
                for key in everyone
            ],
            "credential": [
                {
                    "key": f"{self.tenant}/credential/{n}",
                    **state,
                    "scope": self.tenant,
                    "kind": one(
                        "client_secret", "client_certificate", "storage_key", "local_key", "stored_secret", "token"
                    ),
                    "native_id": f"k{n}",
                    "name": f"K{n}",
                    "identity": one(*apps, *self.resources),
                    "slot": one(1, 1, 2),
                    "state": one("active", "active", "inactive", "expired", None),
                    "created_at": time(),
                    "changed_at": time(),
                    "expires_at": one(None, time()),
                    "never_expires": one(None, 0, 1),
                    "used_at": time(),
                    "known_since": time(),
                }
                for n in range(120)
            ],
            "relation": [
                {
                    "key": f"azure/{n}",
                    **state,
                    "scope": self.tenant,
                    "kind": one("owned_by", "instance_of"),
                    "subject": one(*apps),
                    "target": one(*keys, "gone"),
                }
                for n in range(40)
            ],
            "access_grant": [
                {
                    "key": f"assignment/{n}",
                    **state,
                    "scope": one(self.tenant, self.subscription),
                    "kind": one(
                        "role_assignment", "app_role", "delegated_permission", "directory_role", "classic_administrator"
                    ),
                    "principal": one(*keys, f"{self.tenant}/object/gone"),
                    "name": one("Owner", "Reader", "Mail.Read"),
                    "resource": one(None, "/subscriptions/s/resourcegroups/r"),
                    "first_seen_at": time(),
                }
                for n in range(120)
            ],
            "privilege": [
                {
                    "key": key,
                    **state,
                    "scope": self.tenant,
                    "level": one(*model.PRIVILEGE_LEVELS),
                    "reached_by": one(0, 9),
                    "services": "{}",
                    "confidence": one(*model.CONFIDENCES),
                    "reason": one(None, "document-unread", "condition"),
                }
                for key in keys
            ],
            "effective_access": [
                {
                    "key": f"azure/access/{n}",
                    **state,
                    "scope": self.tenant,
                    "principal": one(*keys),
                    "capability": one(*model.ACCESS_CAPABILITIES),
                    "level": one(*model.ACCESS_LEVELS),
                    "service": one("microsoft.directory", "microsoft.graph", "microsoft.compute"),
                    "action": one("*", "Mail.Read", "microsoft.compute/*"),
                    "actions": one(1, 3),
                    "resource": one("/", "/subscriptions/s"),
                    "everywhere": one(0, 1),
                    "effect": one("allowed", *model.ACCESS_EFFECTS),
                    "via": f"assignment/{one(1, 2, 3)}",
                    "statement": "",
                    "confidence": one(*model.CONFIDENCES),
                    "reason": one(None, "condition", "document-unread"),
                }
                for n in range(200)
            ],
            "trust": [
                {
                    "key": f"azure/trust/{n}",
                    **state,
                    "scope": self.tenant,
                    "identity": one(*apps),
                    "principal_kind": one("owner", "federated", "unknown", "anybody"),
                    "principal": one(*keys),
                    "external": one(0, 1),
                    "subject": one(None, "repo:acme/app:*"),
                    "width": one(None, *model.TRUST_WIDTHS),
                    "confidence": one(*model.CONFIDENCES),
                }
                for n in range(60)
            ],
            "setting": [
                {
                    "key": f"{self.tenant}|{name}",
                    **state,
                    "scope": self.tenant,
                    "name": name,
                    "number": one(None, 0, 1),
                    "text": one(None, "", "enabled", "low", "P180D"),
                }
                for name in (
                    "app_management_policy.enabled",
                    "app_management_policy.application.password_addition",
                    "app_management_policy.application.password_lifetime",
                    "consent_policy.user_consent",
                )
            ],
        }


def all_clouds(seed: int) -> dict[str, list[dict[str, Value]]]:
    tables = Estate(seed).tables()
    for more in (GoogleEstate(seed).tables(), MicrosoftEstate(seed).tables()):
        for view, rows in more.items():
            tables[view] = [*tables.get(view, []), *rows]
    return tables


def outcome(sql: Sql, tables: dict[str, list[dict[str, Value]]]) -> tuple[Evaluation, list[Any], dict[str, list[Any]]]:
    """Counts with digests, verdicts, and the rows of every rule with all facts."""
    for view, rows in tables.items():
        fill(sql, view, rows)
    try:
        evaluation = evaluate(sql, RULES, {}, AS_OF)
        verdicts = list(sql.rows("SELECT * FROM verdict ORDER BY rule, subject"))
        facts = {}
        if sql.dialect == "sqlite":
            sql.run("PRAGMA case_sensitive_like = ON")  # as the engine has it
        for rule in RULES:
            found = sql.rows(rule.sql, rule.bindings(rule.parameters(), AS_OF))
            facts[rule.id] = sorted(
                (dict(zip(rule.columns, row, strict=True)) for row in found), key=lambda row: str(row["subject"])
            )
        return evaluation, verdicts, facts
    finally:
        for view in tables:
            sql.run(f"DELETE FROM {view}")


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(4))
def test_both_databases_give_the_same(seed: int, sqlite: Sql, postgres: Sql) -> None:
    tables = all_clouds(seed)
    here, there = outcome(sqlite, tables), outcome(postgres, tables)
    assert here[0] == there[0]
    assert here[1] == there[1]
    for rule_id, rows in here[2].items():
        assert rows == there[2][rule_id], rule_id
        assert {type(value) for row in there[2][rule_id] for value in row.values()} <= {str, int, type(None)}, rule_id
    assert {count.rule for count in here[0].counts if count.population} == {rule.id for rule in RULES}

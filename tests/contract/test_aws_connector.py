"""The AWS connector against a simulated AWS over real sockets, driven by the product's own step runner."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any, TypeVar

import pytest

from nhiscan.collect.coverage import needs
from nhiscan.collect.order import in_order
from nhiscan.collect.places import plan
from nhiscan.collect.spool import Spool
from nhiscan.collect.step import read_scope
from nhiscan.collect.task import tasks
from nhiscan.collect.watch import Log, Watch, noting
from nhiscan.connector import Context, NoAccess, OptionError
from nhiscan.model import (
    Call,
    Coverage,
    Credential,
    Document,
    Grant,
    Identity,
    Policy,
    Record,
    Relation,
    Setting,
    TieOut,
)
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_aws import CONNECTOR
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    Account,
    Caller,
    Certificate,
    Group,
    Key,
    ManagedPolicy,
    Password,
    PasswordPolicy,
    Role,
    Root,
    SimulatedAws,
    Use,
    User,
    World,
    planting,
    report,
    trust,
)

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
HOME, AWAY = "300000000001", "300000000002"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DETAILS, REPORT, KEYS = "iam.account-authorization-details", "iam.credential-report", "iam.access-keys"
ABSENCE = {"NoSuchEntity", "AWSOrganizationsNotInUseException"}
Kind = TypeVar("Kind")


@dataclass
class Read:
    """What came out of one scope."""

    coverage: dict[str, Coverage]
    records: dict[str, list[Record]]
    needs: dict[str, int]
    calls: list[Call]

    def of(self, source: str, kind: type[Kind]) -> list[Kind]:
        return [record for record in self.records[source] if isinstance(record, kind)]

    def each(self, kind: type[Kind]) -> list[Kind]:
        return [record for record in self.all() if isinstance(record, kind)]

    def state(self, source: str) -> str:
        return self.coverage[source].state

    def all(self) -> list[Record]:
        return [record for records in self.records.values() for record in records]


@dataclass
class Reading:
    """One simulated AWS and what it takes to read it."""

    aws: SimulatedAws
    slept: list[float] = field(default_factory=list)
    planning: list[Call] = field(default_factory=list)  # made before any scope was entered

    def read(self, settings: Mapping[str, Any] | None = None, *, fanout: int = 1) -> dict[str, Read]:
        """Account id -> what came out, session calls included."""
        settings = settings or {}
        watch = Watch(lambda event: None)
        session_log = Log()
        context = Context(
            clock=self.aws.clock,
            sleep=self.slept.append,
            note=watch.note_for(session_log),
            fanout=fanout,
            version="0",
        )
        found: dict[str, Read] = {}
        with ExitStack() as stack:
            spool = stack.enter_context(Spool())
            with noting(session_log):
                session = CONNECTOR.open(settings, context)
                stack.callback(session.close)
                scopes = list(session.scopes())
            self.planning = session_log.take()
            sources = in_order(CONNECTOR.sources(settings))
            for task in tasks([(CONNECTOR, session, sources, plan(sources, scopes))]):
                number, scope = task.number, task.scope
                rows = read_scope(task, spool, watch, self.aws.clock)
                records = {
                    source.id: [record for _, record in spool.records(number, place)]
                    for place, source in enumerate(sources)
                }
                names = [task.session_calls(), *(task.source_calls(source.id) for source in sources)]
                states = {row.source: row.state for row in rows}
                found[scope.native_id.split(":")[1]] = Read(
                    {row.source: row for row in rows},
                    records,
                    {need.need: need.complete for need in needs(scope.key, sources, states)},
                    [call for name in names for call in spool.calls(name)],
                )
        return found

    def one(self, settings: Mapping[str, Any] | None = None, *, fanout: int = 1) -> Read:
        (read,) = self.read(settings, fanout=fanout).values()
        return read


@contextmanager
def simulated(world: World, *, attempts: int = 9, **how: Any) -> Iterator[Reading]:
    with (
        SimulatedAws(world, clock=SimulatedClock(NOW), **how) as aws,
        environment({**aws.environment, "AWS_MAX_ATTEMPTS": str(attempts)}, remove=aws.remove),
    ):
        yield Reading(aws)


def small() -> World:
    """One of everything, in one account."""
    return World(
        (
            Account(
                HOME,
                NOW - 1000 * DAY,
                root=Root(Password(NOW - 999 * DAY, NOW - 20 * DAY), mfa=False, keys=(Key(NOW - 998 * DAY),)),
                users=(
                    User(
                        "Boss",
                        NOW - 900 * DAY,
                        "/people/",
                        {"owner": "boss@example.com", "a": "b"},
                        keys=(
                            Key(NOW - 400 * DAY, used=Use(NOW - 3 * DAY, "sts", "eu-west-1")),
                            Key(NOW - 10 * DAY, "Inactive"),
                        ),
                        password=Password(NOW - 30 * DAY, NOW - DAY),
                        mfa=True,
                        certificates=(Certificate(NOW - 700 * DAY),),
                        groups=("admins",),
                        attached=("own", ADMINISTRATOR),
                        inline={"broken": "{no json", "fine": ALLOW_ALL},
                        boundary=READ_ONLY,
                    ),
                    User("idle", NOW - 800 * DAY, password=Password(NOW - 800 * DAY)),
                    User("twins", NOW - 700 * DAY, keys=(Key(NOW - 50 * DAY), Key(NOW - 50 * DAY, "Inactive"))),
                    User("bot", NOW - 600 * DAY, keys=(Key(NOW - 500 * DAY, "Expired", Use(NOW - 450 * DAY)),)),
                    User("nothing", NOW - 5 * DAY),
                ),
                groups=(Group("admins", NOW - 800 * DAY, attached=("own",), inline={"all": ALLOW_ALL}),),
                roles=(
                    Role("reader", NOW - 300 * DAY, trust(f"arn:aws:iam::{AWAY}:root"), used=Use(NOW - 2 * DAY)),
                    Role("unused", NOW - 300 * DAY, trust(AWAY, external_id="word-of-mouth"), boundary="own"),
                    Role("host", NOW - 300 * DAY, trust(service="ec2.amazonaws.com"), "/aws-service-role/ec2/"),
                ),
                policies=(
                    ManagedPolicy("own", NOW - 500 * DAY, (ALLOW_ALL, {"Version": "2012-10-17", "Statement": []})),
                    ManagedPolicy("spare", NOW - 500 * DAY, (ALLOW_ALL,)),
                ),
                password_policy=PasswordPolicy(minimum_length=12, max_age_days=None, reuse_prevention=5),
            ),
        )
    )


def rows(records: Iterable[Any]) -> set[Any]:
    """Records without their source, tie-outs left out: what two paths must agree on."""
    return {
        record._replace(source=None) if "source" in record._fields else record
        for record in records
        if not isinstance(record, TieOut)
    }


# --- calls ---


@pytest.mark.parametrize(
    ("users", "with_keys", "roles", "fanout"), [(0, 0, 0, 1), (7, 3, 2, 1), (120, 80, 30, 8), (1500, 40, 600, 8)]
)
def test_the_calls_stay_within_the_budget(users: int, with_keys: int, roles: int, fanout: int) -> None:
    made = NOW - 200 * DAY
    world = World(
        (
            Account(
                HOME,
                made,
                users=tuple(
                    User(f"user-{n:05d}", made, keys=(Key(made + n, used=Use(made + DAY)),) if n < with_keys else ())
                    for n in range(users)
                ),
                roles=tuple(Role(f"role-{n:05d}", made, trust(AWAY)) for n in range(roles)),
                policies=(ManagedPolicy("own", made, (ALLOW_ALL,)),),
            ),
        )
    )
    with simulated(world) as reading:
        read = reading.one(fanout=fanout)
        assert {row.state for row in read.coverage.values()} == {"complete"}
        calls = reading.aws.calls.by_action()
        assert calls == {
            **({"iam:ListAccessKeys": with_keys} if with_keys else {}),
            "iam:GenerateCredentialReport": 2,
            "iam:GetAccountAuthorizationDetails": ceil((users + roles + 1) / 1000),
            "iam:GetAccountPasswordPolicy": 1,
            "iam:GetAccountSummary": 1,
            "iam:GetCredentialReport": 1,
            "organizations:DescribeOrganization": 1,
            "sts:GetCallerIdentity": 1,
        }
        assert sum(calls.values()) <= ceil((users + roles + 1) / 1000) + 2 + with_keys + 7
        assert len(read.of(KEYS, Credential)) == with_keys
        assert len(read.calls) == sum(calls.values()) - 2  # who calls, and from which organisation: the session's


def test_a_short_page_does_not_end_a_listing() -> None:
    users = tuple(User(f"user-{n:04d}", NOW - DAY) for n in range(2800))
    with simulated(World((Account(HOME, 0, users=users),)), short_pages=2) as reading:
        read = reading.one()
        assert len({record.key for record in read.of(DETAILS, Identity)}) == 2800
        pages = [call for call in read.calls if call.operation == "GetAccountAuthorizationDetails"]
        ends = sorted((call.page, call.end_of_list) for call in pages)
        assert ends == [*((number, 0) for number in range(1, len(pages))), (len(pages), 1)]
        assert len(pages) > 3
        assert sum(call.items or 0 for call in pages) == 2800


def test_records_and_transcript_do_not_depend_on_the_number_of_calls_in_flight() -> None:
    def read(fanout: int) -> tuple[list[Record], list[tuple[str, str, int]]]:
        with simulated(small()) as reading:
            reading.aws.faults.deny("iam:GenerateCredentialReport")
            reading.aws.faults.deny("iam:GetAccountAuthorizationDetails")
            found = reading.one(fanout=fanout)
        return found.all(), [(call.operation, call.parameters, call.page) for call in found.calls]

    assert read(1) == read(8)


def test_without_key_ids_no_user_is_asked_and_keys_are_named_by_slot() -> None:
    with simulated(small()) as reading:
        read = reading.one({"no-key-ids": True})
        assert "iam:ListAccessKeys" not in reading.aws.calls.by_action()
    keys = [record for record in read.of(REPORT, Credential) if record.kind == "access_key"]
    assert len(keys) == 5
    assert all(key.native_id is None and key.slot in (1, 2) for key in keys)
    assert all(f"/access_key/slot:{key.identity.rsplit('/', 1)[1]}:{key.slot}:" in key.key for key in keys)
    assert read.needs["credential:access_key"] == 1


# --- what is read ---


def test_one_of_everything() -> None:
    with simulated(small()) as reading:
        read = reading.one()
    assert {row.state for row in read.coverage.values()} == {"complete"}
    assert set(read.needs.values()) == {1}
    scope = f"aws/account/aws:{HOME}"
    identities = {record.name: record for record in read.of(DETAILS, Identity)}
    boss = identities["Boss"]
    assert (boss.kind, boss.path, boss.state, boss.created_at) == ("user", "/people/", "active", NOW - 900 * DAY)
    assert boss.key == f"{scope}/user/{boss.native_id}"
    assert boss.arn == f"arn:aws:iam::{HOME}:user/people/Boss"
    assert boss.tags == '{"a":"b","owner":"boss@example.com"}'
    reader, unused, host = (identities[name] for name in ("reader", "unused", "host"))
    assert (reader.used_at, reader.known_since, reader.trailing_days) == (NOW - 2 * DAY, None, 400)
    assert (unused.used_at, unused.trailing_days) == (None, 400)
    assert (host.provider_managed, reader.provider_managed) == (1, 0)
    grants = {(record.principal, record.kind, record.name): record for record in read.each(Grant)}
    own = next(record for record in read.each(Policy) if record.name == "own")
    attached = grants[boss.key, "attached_policy", "own"]
    assert (attached.policy, attached.document) == (own.key, own.document)
    assert own.key == f"{scope}/customer_policy/{own.native_id}"
    assert (
        grants[boss.key, "attached_policy", "AdministratorAccess"].policy == f"{scope}/provider_policy/{ADMINISTRATOR}"
    )
    assert (
        grants[boss.key, "permissions_boundary", "ReadOnlyAccess"].key == f"{boss.key}|permissions_boundary|{READ_ONLY}"
    )
    documents: dict[str | None, str] = {record.digest: record.text for record in read.of(DETAILS, Document)}
    assert documents[grants[boss.key, "inline_policy", "broken"].document] == "{no json"
    assert json.loads(documents[own.document]) == {"Version": "2012-10-17", "Statement": []}
    assert "word-of-mouth" in documents[unused.trust_document]
    (member,) = read.each(Relation)
    assert (member.subject, member.target) == (boss.key, identities["admins"].key)


def test_the_report_gives_root_passwords_devices_and_certificates() -> None:
    with simulated(small()) as reading:
        read = reading.one()
    scope = f"aws/account/aws:{HOME}"
    facts = {record.name: record for record in read.of(REPORT, Identity)}
    root = facts["root"]
    assert (root.key, root.kind, root.native_id) == (f"{scope}/root/{HOME}", "root", HOME)
    assert (root.console_access, root.mfa, root.used_at) == (1, 0, NOW - 20 * DAY)
    assert root.known_since == NOW - 1000 * DAY
    assert (facts["Boss"].console_access, facts["Boss"].mfa) == (1, 1)
    assert (facts["bot"].console_access, facts["bot"].mfa) == (0, 0)
    credentials = {record.name: record for record in read.of(REPORT, Credential)}
    assert set(credentials) == {
        "root, access key 1",
        "Boss, console password",
        "Boss, signing certificate 1",
        "idle, console password",
    }
    key = credentials["root, access key 1"]
    assert key.key == f"{scope}/root_access_key/slot:{HOME}:1:{NOW - 998 * DAY}"
    assert (key.kind, key.state, key.native_id, key.slot) == ("root_access_key", "active", None, 1)
    password = credentials["Boss, console password"]
    assert (password.changed_at, password.used_at, password.known_since) == (NOW - 30 * DAY, NOW - DAY, NOW - 900 * DAY)
    assert (password.never_expires, password.expires_at) == (1, None)
    never = credentials["idle, console password"]
    assert (never.used_at, never.known_since) == (None, NOW - 800 * DAY)
    assert credentials["Boss, signing certificate 1"].created_at == NOW - 700 * DAY


def test_access_keys_have_ids_states_and_last_use() -> None:
    with simulated(small()) as reading:
        read = reading.one()
        asked = [call for call in read.calls if call.operation == "GetAccessKeyLastUsed"]
    keys = {(key.state, key.created_at): key for key in read.of(KEYS, Credential)}
    old = keys["active", NOW - 400 * DAY]
    assert (old.used_at, old.known_since, old.slot) == (NOW - 3 * DAY, NOW - 400 * DAY, None)
    assert old.native_id is not None
    assert old.native_id.startswith("AKIA")
    assert old.key.endswith(f"/access_key/{old.native_id}")
    assert keys["inactive", NOW - 10 * DAY].used_at is None
    assert keys["expired", NOW - 500 * DAY].used_at == NOW - 450 * DAY
    assert len(asked) == 2  # the twins, made in the same second, cannot be told apart in the report


def test_settings_of_the_account() -> None:
    with simulated(small()) as reading:
        read = reading.one()
    settings = {record.name: record.number for record in read.each(Setting)}
    assert settings == {
        "account.access_keys_present": 1,
        "account.mfa_enabled": 0,
        "account.password_present": 1,
        "account.signing_certificates_present": 0,
        "organization.member": 0,
        "password_policy.exists": 1,
        "password_policy.minimum_length": 12,
        "password_policy.require_symbols": 1,
        "password_policy.require_numbers": 1,
        "password_policy.require_uppercase": 1,
        "password_policy.require_lowercase": 1,
        "password_policy.max_age_days": 0,
        "password_policy.reuse_prevention": 5,
        "password_policy.hard_expiry": 0,
        "password_policy.users_may_change": 1,
    }


def test_no_password_policy_is_an_answer() -> None:
    with simulated(World((Account(HOME, 0),))) as reading:
        read = reading.one()
    assert read.state("iam.password-policy") == "complete"
    assert [(record.name, record.number) for record in read.of("iam.password-policy", Setting)] == [
        ("password_policy.exists", 0)
    ]


def test_everything_ties_out() -> None:
    with simulated(small()) as reading:
        read = reading.one()
    ties = {record.what: record for record in read.each(TieOut)}
    assert {what: (tie.count_a, tie.count_b, tie.explanation) for what, tie in ties.items()} == {
        "users": (5, 5, None),
        "groups": (1, 1, None),
        "roles": (3, 3, None),
        "customer managed policies": (2, 2, None),
        "root has active access keys": (1, 1, None),
        "users in the credential report": (5, 5, None),
        "access keys": (5, 5, None),
    }


def test_a_report_four_hours_old() -> None:
    """Users and keys come and go after the report was made: nobody gets another's facts, and the counts say why."""
    with simulated(small()) as reading:
        account = reading.aws.account(HOME)
        report.prepare(account)
        made_at = NOW
        reading.aws.clock.advance(3 * 3600)
        planting.remove_user(account, "nothing")
        planting.remove_user(account, "idle")
        planting.plant_user(account, User("idle", NOW + 3600))  # the same name, somebody else, no password
        planting.plant_user(account, User("new", NOW + 3600, keys=(Key(NOW + 3700, used=Use(NOW + 3800)),)))
        (bot_key,) = (key.access_key_id for key in account.backend.users["bot"].access_keys)
        planting.remove_key(account, bot_key)
        planting.plant_key(account, "bot", Key(NOW + 3000))
        reading.aws.clock.advance(1800)
        read = reading.one()
    assert {row.state for row in read.coverage.values()} == {"complete"}
    assert read.coverage[REPORT].data_time == read.coverage[KEYS].data_time == made_at
    assert "idle" not in {record.name for record in read.of(REPORT, Identity)}
    assert not [record for record in read.of(REPORT, Credential) if record.name == "idle, console password"]
    created = {key.created_at for key in read.of(KEYS, Credential)}
    assert {NOW + 3700, NOW + 3000} <= created
    assert NOW - 500 * DAY not in created
    ties = {record.what: record for record in read.each(TieOut)}
    users, keys = ties["users in the credential report"], ties["access keys"]
    assert (users.count_a, users.count_b) == (5, 5)
    assert (keys.count_a, keys.count_b) == (5, 6)
    assert keys.explanation is not None
    assert "1 of its keys are gone since; 2 keys are not in its columns" in keys.explanation


def test_a_user_missing_from_a_fresh_listing_is_not_explained_away() -> None:
    """A report row that should have a user and has none leaves the population unproven."""
    with simulated(small()) as reading:
        account = reading.aws.account(HOME)
        report.prepare(account)
        planting.remove_user(account, "nothing")
        read = reading.one()
    (tie,) = [r for r in read.of(REPORT, TieOut) if r.what == "users in the credential report"]
    assert (tie.count_a, tie.count_b, tie.explanation) == (5, 4, None)


@pytest.mark.parametrize("deny", [(), ("iam:GetAccountAuthorizationDetails",)])
def test_a_policy_that_nobody_can_read_does_not_end_the_reading_of_the_others(deny: tuple[str, ...]) -> None:
    hostile = ("[" * 5_000 + "]" * 5_000, '{"a":' * 5_000, '{"Version": ' + "1" * 9_000 + "}", "\\ud800%zz%", "")
    roles = tuple(Role(f"role-{n}", 0, text, inline={"inline": text}) for n, text in enumerate(hostile))
    policies = tuple(ManagedPolicy(f"policy-{n}", 0, (text,)) for n, text in enumerate(hostile))
    with simulated(World((Account(HOME, 0, roles=roles, policies=policies),))) as reading:
        for action in deny:
            reading.aws.faults.deny(action)
        read = reading.one()
    assert {row.state for row in read.coverage.values()} <= {"complete", "replaced"}
    texts = {record.digest: record.text for record in read.each(Document)}
    assert [texts[record.document or ""] for record in read.each(Policy)][:2] == list(hostile[:2])
    assert len({record.document for record in read.each(Grant) if record.document}) == len(hostile)


# --- fallbacks ---


def test_a_denied_report_gives_the_same_keys_user_by_user() -> None:
    with simulated(small()) as reading:
        bulk = reading.one()
    with simulated(small()) as reading:
        reading.aws.faults.deny("iam:GenerateCredentialReport")
        single = reading.one()
        calls = reading.aws.calls.by_action()
    assert single.state(REPORT) == "denied"
    assert single.coverage[REPORT].permission == "iam:GenerateCredentialReport"
    assert (single.state(KEYS), single.coverage[KEYS].replaced_by) == ("replaced", "iam.access-keys-per-user")
    assert single.coverage[KEYS].calls == 0
    assert (calls["iam:ListAccessKeys"], calls["iam:GetAccessKeyLastUsed"]) == (5, 5)
    assert rows(single.of("iam.access-keys-per-user", Credential)) == rows(bulk.of(KEYS, Credential))
    assert [key.key for key in single.of("iam.access-keys-per-user", Credential)] == [
        key.key for key in bulk.of(KEYS, Credential)
    ]
    facts = {record.name: (record.console_access, record.mfa) for record in single.of("iam.logins", Identity)}
    assert facts == {
        record.name: (record.console_access, record.mfa)
        for record in bulk.of(REPORT, Identity)
        if record.kind == "user"
    }
    known = {key.key: key for key in bulk.of(REPORT, Credential) if key.kind == "password"}
    passwords = {key.key: key for key in single.of("iam.logins", Credential)}
    assert {key: (row.used_at, row.known_since) for key, row in passwords.items()} == {
        key: (row.used_at, row.known_since) for key, row in known.items()
    }
    assert {row.changed_at for row in passwords.values()} == {None}  # nothing but the report says when
    incomplete = {need for need, complete in single.needs.items() if not complete}
    assert incomplete == {
        "credential:password.changed_at",
        "credential:password.expires_at",
        "credential:root_access_key",
        "credential:root_access_key.used_at",
        "credential:signing_certificate",
        "identity:root",
        "identity:root.console_access",
        "identity:root.mfa",
        "identity:root.used_at",
    }


def test_denied_details_give_the_same_rows_entity_by_entity() -> None:
    with simulated(small()) as reading:
        bulk = reading.one()
    with simulated(small()) as reading:
        reading.aws.faults.deny("iam:GetAccountAuthorizationDetails")
        single = reading.one()
        assert dict(reading.aws.unanswered) == {}
    assert (single.state(DETAILS), single.coverage[DETAILS].replaced_by) == ("replaced", "iam.entities")
    assert single.coverage[DETAILS].permission == "iam:GetAccountAuthorizationDetails"
    assert rows(single.records["iam.entities"]) == rows(bulk.records[DETAILS])
    assert rows(single.of(KEYS, Credential)) == rows(bulk.of(KEYS, Credential))
    assert set(single.needs.values()) == {1}


@pytest.mark.parametrize(("operation", "lost"), [("GetUserPolicy", Grant), ("GetPolicyVersion", Document)])
def test_a_policy_that_goes_while_it_is_read_takes_nobody_along(operation: str, lost: type) -> None:
    def read(*, gone: bool) -> Read:
        with simulated(small()) as reading:
            reading.aws.faults.deny("iam:GetAccountAuthorizationDetails")
            if gone:
                reading.aws.faults.fail(f"iam:{operation}", times=None, code="NoSuchEntity", status=404)
            return reading.one()

    all_of_it, what_is_left = read(gone=False), read(gone=True)
    assert what_is_left.state(DETAILS) == "replaced"
    for kind in (Identity, Credential, Policy, Relation):
        keys = [{record[0] for record in one.each(kind)} for one in (all_of_it, what_is_left)]
        assert keys[0] == keys[1]
    assert len(what_is_left.each(lost)) < len(all_of_it.each(lost))


def test_without_any_listing_of_users_no_source_that_rests_on_it_is_complete() -> None:
    with simulated(small()) as reading:
        reading.aws.faults.deny("iam:GetAccountAuthorizationDetails")
        reading.aws.faults.deny("iam:ListUsers")
        read = reading.one()
    assert read.state(DETAILS) == "denied"
    states = {source: read.state(source) for source in (REPORT, KEYS, "iam.access-keys-per-user")}
    assert states == {REPORT: "partial", KEYS: "partial", "iam.access-keys-per-user": "failed"}
    assert read.needs["credential:access_key"] == 0
    assert read.needs["setting:account"] == 1


@pytest.mark.parametrize(
    ("action", "source", "incomplete"),
    [
        ("iam:GetAccountSummary", "iam.account-summary", "setting:account"),
        ("iam:GetAccountPasswordPolicy", "iam.password-policy", "setting:password_policy"),
        ("iam:GetAccountAuthorizationDetails", DETAILS, None),
        ("iam:GenerateCredentialReport", REPORT, "identity:root"),
        ("iam:GetCredentialReport", REPORT, "identity:root"),
        ("iam:ListAccessKeys", KEYS, "credential:access_key"),
    ],
)
@pytest.mark.parametrize("by", ["identity", "organization"])
def test_each_denied_call_is_told_with_the_permission_that_is_missing(
    action: str, source: str, incomplete: str | None, by: str
) -> None:
    with simulated(small()) as reading:
        reading.aws.faults.deny(action, by=by)
        read = reading.one()
    row = read.coverage[source]
    assert row.state in ("denied", "replaced", "partial")
    assert row.state != "partial" or row.records > 0
    assert (row.operation, row.permission) == (action, action)
    assert row.code == "AccessDenied"
    assert row.message
    if incomplete is not None:
        assert read.needs[incomplete] == 0
    assert read.needs.get("identity:user") == 1


def test_last_use_denied_leaves_keys_incomplete() -> None:
    with simulated(small()) as reading:
        reading.aws.faults.deny("iam:GetAccessKeyLastUsed")
        read = reading.one()
    assert read.state(KEYS) == "partial"
    assert read.coverage[KEYS].permission == "iam:GetAccessKeyLastUsed"
    assert read.needs["credential:access_key.used_at"] == 0


# --- errors ---


def test_whichever_call_fails_nothing_it_hides_is_complete() -> None:
    """The n-th call fails, for every n: a source is complete only when all its calls were answered."""
    with simulated(small(), attempts=1) as reading:
        reading.one()
        total = reading.aws.calls.of()
        whole = {need for need, complete in reading.one().needs.items() if complete}
    with simulated(small(), attempts=1) as reading:
        for nth in range(2, total + 1):  # the first is GetCallerIdentity: see the tests without access
            reading.aws.faults.clear()
            reading.aws.account(HOME).report = None
            reading.aws.faults.fail(nth=nth, code="ServiceFailure", status=500)
            read = reading.one()
            calls = [*reading.planning, *read.calls]
            broken = [call for call in calls if call.error is not None and call.error not in ABSENCE]
            assert [call.error for call in broken] == ["ServiceFailure"], nth
            failed = [row for row in read.coverage.values() if row.code == "ServiceFailure"]
            assert len(failed) == 1, nth
            assert failed[0].state in ("failed", "partial", "replaced"), nth
            assert failed[0].operation == f"{broken[0].service}:{broken[0].operation}", nth
            assert set(read.needs) >= whole, nth


def test_a_connection_that_ends_is_a_failure() -> None:
    with simulated(small(), attempts=1) as reading:
        reading.aws.faults.fail("iam:GetAccountSummary", kind="cut", times=None)
        read = reading.one()
    row = read.coverage["iam.account-summary"]
    assert (row.state, row.code) == ("failed", "ConnectionClosedError")
    assert "http://127.0.0.1/" in (row.message or "")  # without the port
    (call,) = [call for call in read.calls if call.operation == "GetAccountSummary"]
    assert (call.status, call.error, call.response_sha256) == (None, "ConnectionClosedError", None)


def test_throttling_is_retried_and_told() -> None:
    with simulated(small(), attempts=2) as reading:
        reading.aws.faults.throttle("iam:GetAccountSummary")
        reading.aws.faults.fail("iam:GetAccountPasswordPolicy", code="Throttling", status=400)
        read = reading.one()
    summary = read.coverage["iam.account-summary"]
    assert (summary.state, summary.code) == ("failed", "Throttling")
    assert (summary.message or "").startswith("throttled, given up after 2 attempts")
    attempts = {call.operation: call.attempts for call in read.calls}
    assert (attempts["GetAccountSummary"], attempts["GetAccountPasswordPolicy"]) == (2, 2)
    assert read.state("iam.password-policy") == "complete"


def test_a_report_that_does_not_get_ready_is_a_failure_and_the_fallback_reads() -> None:
    with simulated(small(), report_polls=99) as reading:
        read = reading.one()
        assert reading.aws.calls.of("iam:GenerateCredentialReport") == 8
        assert reading.slept == [1, 2, 4, 8, 16, 30, 30]
    assert (read.state(REPORT), read.coverage[REPORT].code) == ("failed", "ReportNotReady")
    assert read.state(KEYS) == "replaced"


def test_a_blocked_report_is_a_failure() -> None:
    with simulated(small()) as reading:
        reading.aws.faults.fail("iam:GenerateCredentialReport", times=None, code="LimitExceeded", status=409)
        read = reading.one()
        assert reading.aws.calls.of("iam:GenerateCredentialReport") == 1
    assert (read.state(REPORT), read.coverage[REPORT].code) == ("failed", "LimitExceeded")


# --- accounts ---


def two_accounts(external_id: str = "shared-word-1") -> World:
    return World(
        (
            Account(HOME, 0, users=(User("ci", 0, keys=(Key(NOW - DAY),)),)),
            Account(AWAY, 0, users=(User("ci", 0),), roles=(Role("scan", 0, trust(HOME, external_id=external_id)),)),
        ),
        caller=Caller(HOME),
    )


def test_other_accounts_are_read_through_the_role_and_the_own_one_without() -> None:
    settings = {"account": (HOME, AWAY), "role-name": "scan", "external-id": "shared-word-1"}
    with simulated(two_accounts()) as reading:
        found = reading.read(settings)
    assert {row.state for read in found.values() for row in read.coverage.values()} == {"complete"}
    assumed = [call for call in found[AWAY].calls if call.operation == "AssumeRole"]
    assert [json.loads(call.parameters) for call in assumed] == [
        {"RoleArn": f"arn:aws:iam::{AWAY}:role/scan", "RoleSessionName": "nhiscan"}
    ]
    assert [call.response_sha256 for call in assumed] == [None]
    assert not [call for call in found[HOME].calls if call.operation == "AssumeRole"]
    assert {call.endpoint for read in found.values() for call in read.calls} == {"http://127.0.0.1"}


def test_a_role_that_cannot_be_assumed_is_a_gap_and_the_others_are_read() -> None:
    settings = {"account": (AWAY, HOME), "role-name": "scan", "external-id": "a-wrong-word"}
    with simulated(two_accounts()) as reading:
        found = reading.read(settings)
    rows = found[AWAY].coverage.values()
    assert {(row.state, row.permission) for row in rows} == {("denied", "sts:AssumeRole")}
    assert all((row.message or "").startswith(f"cannot assume arn:aws:iam::{AWAY}:role/scan: ") for row in rows)
    assert {row.state for row in found[HOME].coverage.values()} == {"complete"}


def test_a_foreign_account_without_a_role_is_refused_before_it_is_tried() -> None:
    with simulated(two_accounts()) as reading, pytest.raises(OptionError, match="set role-name") as caught:
        reading.read({"account": (AWAY,)})
    assert caught.value.option == "account"


def test_partitions_come_from_the_caller() -> None:
    world = World((Account(HOME, 0, partition="aws-us-gov", users=(User("ci", 0),)),))
    with simulated(world) as reading:
        read = reading.one()
    (user,) = read.of(DETAILS, Identity)
    assert user.scope == f"aws/account/aws-us-gov:{HOME}"
    assert user.arn == f"arn:aws-us-gov:iam::{HOME}:user/ci"


# --- no access ---


def test_credentials_that_are_not_accepted_are_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulated(World((Account(HOME, 0),))) as reading:
        reading.aws.faults.fail("sts:GetCallerIdentity", times=None, code="InvalidClientTokenId", status=403)
        with pytest.raises(NoAccess, match="were not accepted") as caught:
            reading.read()
    assert "aws sts get-caller-identity" in caught.value.remedy


@pytest.mark.parametrize(
    ("endpoint", "words", "remedy"),
    [
        ("http://127.0.0.1:1", "AWS cannot be reached: Could not connect", "AWS_ENDPOINT_URL"),
        ("nonsense", "the AWS configuration cannot be used: Invalid endpoint: nonsense", "Mend AWS_ENDPOINT_URL"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_no_matter_of_credentials(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, words: str, remedy: str
) -> None:
    with simulated(World((Account(HOME, 0),))) as reading:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(NoAccess, match=words) as caught:
            reading.read()
    assert remedy in caught.value.remedy
    assert "get-caller-identity" not in caught.value.remedy


def test_no_credentials_are_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulated(World((Account(HOME, 0),))) as reading:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(NoAccess, match="no AWS credentials were found") as caught:
            reading.read()
        assert reading.aws.calls.of() == 0
    assert "AWS_PROFILE" in caught.value.remedy


# --- secrets ---


def test_no_secret_leaves_the_connector() -> None:
    settings = {"account": (HOME, AWAY), "role-name": "scan", "external-id": "never-to-be-told-77"}
    with simulated(two_accounts("never-to-be-told-77")) as reading:
        found = reading.read(settings)
        out = json.dumps([[read.coverage, read.calls] for read in found.values()])
        records = json.dumps([read.records for read in found.values()])
        assert reading.aws.canaries.in_bytes(out.encode()) == []
        secrets = [secret for secret in reading.aws.canaries if secret != "never-to-be-told-77"]
        assert len(secrets) > 2
        assert not [secret for secret in secrets if secret in records]
        assert reading.aws.credentials[1] not in out + records
    assert "never-to-be-told-77" not in out

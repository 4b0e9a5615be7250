"""Answers of AWS that are not whole: nothing that was known may look deleted or clean because of them."""

import base64
import http.client
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from nhiscan import plugins
from nhiscan.collect import ScanOutcome, scan
from nhiscan.inventory import Inventory, open_inventory
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan.testing.server import LoopbackServer
from nhiscan_aws import CONNECTOR
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    ROOT,
    Account,
    Certificate,
    Group,
    Key,
    ManagedPolicy,
    Organization,
    OrganizationPolicy,
    Password,
    PasswordPolicy,
    Role,
    Root,
    SimulatedAws,
    User,
    World,
    trust,
)

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
HOME, AWAY = "310000000001", "310000000002"
DETAILS, REPORT, KEYS = "GetAccountAuthorizationDetails", "GetCredentialReport", "ListAccessKeys"
SUMMARY = "GetAccountSummary"
DESCRIBE, PARENTS, POLICIES = "DescribeOrganization", "ListParents", "ListPolicies"
TEXT, TARGETS, ROOTS = "DescribePolicy", "ListTargetsForPolicy", "ListRoots"
OWN_COUNTERPARTS = ("identity", "credential", "access_grant", "policy", "relation", "setting", "alias", "trust")
Change = Callable[[bytes], bytes]


@dataclass
class Relay:
    """Stands between nhiscan and the simulated AWS and changes the answers of one operation."""

    target: str
    operation: str = ""
    change: Change = bytes
    changed: int = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {
            name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc)
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        asked = headers.get("X-Amz-Target", "").rpartition(".")[2] or parse_qs(body.decode()).get("Action", [""])[0]
        if asked == self.operation:
            self.changed += 1
            content = self.change(content)
        start_response(f"{answer.status} {answer.reason}", [("Content-Type", answer.headers["Content-Type"])])
        return [content]


@dataclass
class Estate:
    relay: Relay
    aws: SimulatedAws
    inventory: Inventory
    runs: Iterator[int] = field(default_factory=count)

    def scan(self) -> ScanOutcome[None]:
        return scan(
            self.inventory,
            [(CONNECTOR, {})],
            finish=lambda _: None,
            clock=self.aws.clock,
            sleep=lambda _: None,
            run_id=lambda: f"run-{next(self.runs)}",
            analyzers=plugins.analyzers(),
        )

    def rows(self, number: int) -> set[tuple[str, str]]:
        with self.inventory.bound(number) as bound:
            return {(table, key) for table in OWN_COUNTERPARTS for (key,) in bound.sql.rows(f"SELECT key FROM {table}")}

    def needs(self, number: int) -> dict[str, int]:
        with self.inventory.bound(number) as bound:
            return dict(bound.sql.rows("SELECT need, complete FROM need"))


def world() -> World:
    user = User(
        "Boss",
        NOW - 900 * DAY,
        "/people/",
        keys=(Key(NOW - 400 * DAY), Key(NOW - 300 * DAY, "Inactive")),
        password=Password(NOW - 300 * DAY, NOW - DAY),
        certificates=(Certificate(NOW - 700 * DAY),),
        groups=("admins",),
        attached=("own",),
    )
    return World(
        (
            Account(
                HOME,
                NOW - 1000 * DAY,
                root=Root(Password(NOW - 999 * DAY, NOW - 20 * DAY), mfa=False, keys=(Key(NOW - 998 * DAY),)),
                users=(user, User("zoe", NOW - 600 * DAY, keys=(Key(NOW - 600 * DAY),))),
                groups=(Group("admins", NOW - 800 * DAY, inline={"all": ALLOW_ALL}),),
                roles=(Role("reader", NOW - 300 * DAY, trust(AWAY)),),
                policies=(ManagedPolicy("own", NOW - 500 * DAY, (ALLOW_ALL,)),),
                password_policy=PasswordPolicy(),
            ),
        ),
        organization=Organization(HOME, policies=(OrganizationPolicy("all", ALLOW_ALL, (ROOT, HOME)),)),
    )


@contextmanager
def estate(folder: Path) -> Iterator[Estate]:
    with SimulatedAws(world(), clock=SimulatedClock(NOW)) as aws:
        relay = Relay(aws.endpoint)
        server = LoopbackServer(relay).start()
        try:
            with environment({**aws.environment, "AWS_ENDPOINT_URL": server.url}, remove=aws.remove):
                yield Estate(relay, aws, open_inventory(str(folder / "inventory.db")))
        finally:
            server.stop()


def instead(pattern: bytes, replacement: bytes) -> Change:
    return lambda body: re.sub(pattern, replacement, body, flags=re.DOTALL)


def report(change: Callable[[str], str]) -> Change:
    def changed(body: bytes) -> bytes:
        found = re.search(rb"<Content>(.*?)</Content>", body, re.DOTALL)
        assert found is not None
        text = change(base64.b64decode(found[1]).decode())
        return body[: found.start(1)] + base64.b64encode(text.encode()) + body[found.end(1) :]

    return changed


def without(start: str) -> Change:
    """The report without the rows that begin so."""
    return report(lambda text: "\n".join(line for line in text.splitlines() if not line.startswith(start)))


def cells(column: str, value: str) -> Change:
    def changed(text: str) -> str:
        head, *rows = (line.split(",") for line in text.splitlines())
        place = head.index(column)
        return "\n".join(",".join(row) for row in (head, *([*row[:place], value, *row[place + 1 :]] for row in rows)))

    return report(changed)


def members(change: Callable[[dict[str, Any]], object]) -> Change:
    """An answer in JSON of which something is taken or changed."""

    def changed(body: bytes) -> bytes:
        found = json.loads(body)
        change(found)
        return json.dumps(found).encode()

    return changed


TRUNCATED = instead(rb"<IsTruncated>false</IsTruncated>", rb"<IsTruncated>true</IsTruncated>")
BROKEN: dict[str, tuple[str, Change, str]] = {
    "the report ends in the middle": (REPORT, report(lambda text: text[: len(text) // 2]), "iam.credential-report"),
    "the last row of the report is cut": (REPORT, report(lambda text: text[:-60]), "iam.credential-report"),
    "the report is a header": (REPORT, report(lambda text: text.splitlines()[0]), "iam.credential-report"),
    "the report is empty": (REPORT, report(lambda text: ""), "iam.credential-report"),
    "the report is a web page": (REPORT, report(lambda text: "<html></html>"), "iam.credential-report"),
    "the report has no row for root": (REPORT, without("<root"), "iam.credential-report"),
    "the report has no row for a user": (REPORT, without("Boss,"), "iam.credential-report"),
    "a row of the report is a name": (
        REPORT,
        report(lambda text: re.sub(r"(?m)^zoe,.*$", "zoe", text)),
        "iam.credential-report",
    ),
    "password_enabled cannot be read": (REPORT, cells("password_enabled", "maybe"), "iam.credential-report"),
    "password_enabled is empty": (REPORT, cells("password_enabled", ""), "iam.credential-report"),
    "cert_1_active cannot be read": (REPORT, cells("cert_1_active", "?"), "iam.credential-report"),
    "a date of a key cannot be read": (REPORT, cells("access_key_1_last_rotated", "soon"), "iam.credential-report"),
    "users were made at another time": (
        REPORT,
        cells("user_creation_time", "1999-01-01T00:00:00Z"),
        "iam.credential-report",
    ),
    "the details say that more follows": (DETAILS, TRUNCATED, "iam.account-authorization-details"),
    "the details have no users": (
        DETAILS,
        instead(rb"<UserDetailList>.*</UserDetailList>", b""),
        "iam.account-authorization-details",
    ),
    "the details have no roles": (
        DETAILS,
        instead(rb"<RoleDetailList>.*</RoleDetailList>", b""),
        "iam.account-authorization-details",
    ),
    "the details have no policies": (
        DETAILS,
        instead(rb"<Policies>.*</Policies>", b""),
        "iam.account-authorization-details",
    ),
    "the details have nothing": (
        DETAILS,
        instead(rb"<GetAccountAuthorizationDetailsResult>.*</GetAccountAuthorizationDetailsResult>", b""),
        "iam.account-authorization-details",
    ),
    "the keys say that more follow": (KEYS, TRUNCATED, "iam.access-keys"),
    "the keys have no list": (KEYS, instead(rb"<AccessKeyMetadata>.*</AccessKeyMetadata>", b""), "iam.access-keys"),
    "the summary counts no users": (
        SUMMARY,
        instead(rb"<entry>\s*<key>Users</key>.*?</entry>", b""),
        "iam.account-summary",
    ),
    "the summary is empty": (
        SUMMARY,
        instead(rb"<SummaryMap>.*</SummaryMap>", b"<SummaryMap/>"),
        "iam.account-summary",
    ),
    "the organisation is nothing": (DESCRIBE, members(dict.clear), "organizations.membership"),
    "the organisation has no id": (
        DESCRIBE,
        members(lambda found: found["Organization"].pop("Id")),
        "organizations.membership",
    ),
    "the organisation has no management account": (
        DESCRIBE,
        members(lambda found: found["Organization"].pop("MasterAccountId")),
        "organizations.membership",
    ),
    "an account has no parent": (PARENTS, members(lambda found: found["Parents"].clear()), "organizations.parents"),
    "the parents have no list": (PARENTS, members(dict.clear), "organizations.parents"),
    "a parent has no id": (PARENTS, members(lambda found: found["Parents"][0].clear()), "organizations.parents"),
    "an account is its own parent": (
        PARENTS,
        members(lambda found: found["Parents"][0].update(Id=HOME)),
        "organizations.parents",
    ),
    "the roots have no list": (ROOTS, members(dict.clear), "organizations.policies"),
    "there is no root": (ROOTS, members(lambda found: found["Roots"].clear()), "organizations.policies"),
    "the policies have no list": (POLICIES, members(dict.clear), "organizations.policies"),
    "there is no policy of a type that is enabled": (
        POLICIES,
        members(lambda found: found["Policies"].clear()),
        "organizations.policies",
    ),
    "the policies name one next page for ever": (
        POLICIES,
        members(lambda found: found.update(NextToken="bm8=")),
        "organizations.policies",
    ),
    "a policy has no text": (TEXT, members(lambda found: found["Policy"].pop("Content")), "organizations.policies"),
    "a policy is nothing": (TEXT, members(dict.clear), "organizations.policies"),
    "the targets have no list": (TARGETS, members(dict.clear), "organizations.policies"),
    "a target has no id": (
        TARGETS,
        members(lambda found: [one.clear() for one in found["Targets"]]),
        "organizations.policies",
    ),
    "a policy that allows everything is attached to nothing": (
        TARGETS,
        members(lambda found: found["Targets"].clear()),
        "organizations.policies",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_is_not_whole_ends_nothing_and_is_told(name: str, tmp_path: Path) -> None:
    operation, change, source = BROKEN[name]
    with estate(tmp_path) as tested:
        good = tested.scan()
        assert not good.incomplete
        known = tested.rows(1)
        tested.relay.operation, tested.relay.change = operation, change
        bad = tested.scan()
        assert tested.relay.changed > 0
        row = next(row for row in bad.coverage if row.source == source)
        assert row.state in ("partial", "failed", "replaced")
        assert row.message
        if row.state != "replaced":
            assert bad.incomplete
        assert not known - tested.rows(2)
        tested.relay.operation = ""
        tested.scan()
        assert tested.rows(3) == known


def test_a_report_that_is_not_whole_leaves_what_only_it_tells_unknown(tmp_path: Path) -> None:
    with estate(tmp_path) as tested:
        tested.relay.operation, tested.relay.change = REPORT, without("<root")
        outcome = tested.scan()
        needs = tested.needs(1)
    assert outcome.incomplete
    assert {needs["identity:root"], needs["credential:root_access_key"], needs["credential:signing_certificate"]} == {0}
    assert (needs["credential:password"], needs["credential:access_key"]) == (1, 1), "the fallbacks gave these"

"""Ways over several hops and accounts, through the connector and a simulated AWS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from nhiscan import plugins
from nhiscan.analysis import SqlRecords
from nhiscan.analysis.derive import document_of
from nhiscan.collect import scan
from nhiscan.inventory import open_inventory
from nhiscan.model import EscalationPath
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_aws import CONNECTOR
from nhiscan_aws.analyzer import escalation
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.reference import reference
from nhiscan_aws.analyzer.ways import Reach
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    Account,
    Group,
    ManagedPolicy,
    Role,
    SimulatedAws,
    User,
    World,
    trust,
)

NOW = at("2026-11-02T09:00:00")
BEFORE = NOW - 400 * 86_400
HOME, AWAY, CALM = "330000000001", "330000000002", "330000000003"
ELSEWHERE = "config.amazonaws.com"


def arn(kind: str, name: str, account: str = HOME) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource} | more
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(name: str, trusts: Any, *documents: Any, **more: Any) -> Role:
    inline = {f"p{number}": document for number, document in enumerate(documents)}
    return Role(name, BEFORE, trusts, inline=inline, **more)


def user(name: str, *documents: Any, **more: Any) -> User:
    inline = {f"p{number}": document for number, document in enumerate(documents)}
    return User(name, BEFORE, inline=inline, **more)


def to(*names: str, account: str = HOME) -> dict[str, Any]:
    """May assume roles."""
    return allow("sts:AssumeRole", [arn("role", name, account) for name in names])


ROOT = trust(arn("root", "", HOME).removesuffix("/"))
MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
FUNCTIONS = allow(["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"])


def world() -> World:
    home = Account(
        HOME,
        BEFORE,
        users=(
            user("one-hop", to("administrator")),
            user("two-hops", to("first")),
            user("three-hops", to("zeroth")),
            user("over-a-group", allow("iam:AddUserToGroup", arn("group", "operators"))),
            user("in-the-group", groups=("operators",)),
            user("in-a-circle", to("circle-a")),
            user("to-escalation", to("builder")),
            user("abroad", to("visitor", account=AWAY)),
            user("abroad-twice", to("visitor-of-many", account=AWAY)),
            user("not-trusted-abroad", to("closed", account=AWAY)),
            user("with-mfa", allow("sts:AssumeRole", arn("role", "first"), **MFA)),
            user("two-ways", to("first"), allow("ssm:StartSession")),
            user("key-maker", allow("iam:CreateAccessKey", arn("user", "two-hops"))),
            user("stopped", to("first"), groups=("no-roles",)),
            user("more-only", to("reader")),
            user("nothing"),
            user("boss", ALLOW_ALL),
            user("bounded-joiner", allow("iam:AddUserToGroup", arn("group", "operators")), boundary="joining"),
        ),
        groups=(
            Group("operators", BEFORE, inline={"roles": to("administrator")}),
            Group(
                "no-roles",
                BEFORE,
                inline={
                    "deny": {
                        "Version": "2012-10-17",
                        "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}],
                    }
                },
            ),
        ),
        roles=(
            role("administrator", ROOT, ALLOW_ALL),
            role("zeroth", ROOT, to("first")),
            role("first", ROOT, to("administrator")),
            role("circle-a", ROOT, to("circle-b")),
            role("circle-b", ROOT, to("circle-a")),
            role("builder", ROOT, FUNCTIONS),
            role("for-functions", trust(service="lambda.amazonaws.com"), ALLOW_ALL),
            role("for-hosts", trust(service="ec2.amazonaws.com"), ALLOW_ALL, instance_profile=True),
            role("reader", ROOT, allow("s3:GetObject")),
        ),
        policies=(ManagedPolicy("joining", BEFORE, (allow(["iam:AddUserToGroup"]),)),),
    )
    away = Account(
        AWAY,
        BEFORE,
        roles=(
            reader(),
            role("visitor", trust(HOME), ALLOW_ALL),
            role(
                "visitor-of-many",
                trust(arn("user", "abroad-twice")),
                allow("sts:AssumeRole", arn("role", "keeper", AWAY)),
            ),
            role("keeper", trust(AWAY), ALLOW_ALL),
            role("closed", trust(service=ELSEWHERE), ALLOW_ALL),
        ),
    )
    calm = Account(CALM, BEFORE, users=(user("alone", allow("s3:*")),), roles=(reader(),))
    return World((home, away, calm))


def reader() -> Role:
    return Role("nhiscan", BEFORE, trust(HOME, external_id="the-scanner"))


@dataclass(frozen=True)
class Found:
    paths: Mapping[str, Mapping[str, EscalationPath]]
    keys: Mapping[str, str]  # name -> key
    reach: Mapping[str, Reach | None]  # by name
    privilege: Mapping[str, tuple[str, str | None, int | None, int, int]]  # level, path, hops, reaches, reached_by
    reaches: Mapping[str, list[str]]  # names, sorted
    reached_by: Mapping[str, list[str]]

    def chain(self, name: str) -> list[tuple[str, str, str]]:
        names = {key: name for name, key in self.keys.items()}
        steps = json.loads(self.paths[name]["chain"].steps)
        return [(names[step["from"]], step["method"], names[step["to"]]) for step in steps]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    settings = {"account": (HOME, AWAY, CALM), "role-name": "nhiscan", "external-id": "the-scanner"}
    folder = tmp_path_factory.mktemp("chains")
    with SimulatedAws(world(), clock=SimulatedClock(NOW)) as aws, environment(aws.environment, remove=aws.remove):
        inventory = open_inventory(str(folder / "inventory.db"))
        outcome = scan(
            inventory,
            [(CONNECTOR, settings)],
            finish=lambda _: None,
            clock=aws.clock,
            sleep=lambda _: None,
            run_id=lambda: "chains",
            analyzers=plugins.analyzers(),
        )
        assert outcome.number is not None
        with inventory.bound(outcome.number) as bound:
            names: dict[str, str] = dict(bound.sql.rows("SELECT key, name FROM identity WHERE kind <> 'root'"))
            columns = ", ".join(EscalationPath._fields)
            rows = [EscalationPath(*row) for row in bound.sql.rows(f"SELECT {columns} FROM escalation_path")]
            wanted = "key, level, path, hops, reaches, reached_by"
            levels = {key: tuple(rest) for key, *rest in bound.sql.rows(f"SELECT {wanted} FROM privilege")}
            records = SqlRecords(bound.sql, "aws", document_of(bound.sql), as_of=NOW, reference=reference().text)
            search = escalation.find(Estate(records))
    paths: dict[str, dict[str, EscalationPath]] = {}
    for row in rows:
        paths.setdefault(names[row.principal], {})[row.method] = row
    return Found(
        paths,
        {name: key for key, name in names.items()},
        {name: search.reach(key) for key, name in names.items()},
        {names[key]: level for key, level in levels.items()},
        {name: sorted(names[one] for one in search.reaches(key)) for key, name in names.items()},
        {name: sorted(names[one] for one in search.reached_by(key)) for key, name in names.items()},
    )


def test_a_way_of_one_hop_is_no_chain(found: Found) -> None:
    assert set(found.paths["one-hop"]) == {"sts-assume-role"}
    assert found.paths["one-hop"]["sts-assume-role"].outcome == "administrator"


CHAINS = {
    "two-hops": [("two-hops", "sts-assume-role", "first"), ("first", "sts-assume-role", "administrator")],
    "three-hops": [
        ("three-hops", "sts-assume-role", "zeroth"),
        ("zeroth", "sts-assume-role", "first"),
        ("first", "sts-assume-role", "administrator"),
    ],
    "over-a-group": [
        ("over-a-group", "iam-add-user-to-group", "operators"),
        ("operators", "sts-assume-role", "administrator"),
    ],
    "to-escalation": [
        ("to-escalation", "sts-assume-role", "builder"),
        ("builder", "lambda-create-function-invoke", "for-functions"),
    ],
    "abroad-twice": [
        ("abroad-twice", "sts-assume-role", "visitor-of-many"),
        ("visitor-of-many", "sts-assume-role", "keeper"),
    ],
    "key-maker": [
        ("key-maker", "iam-create-access-key", "two-hops"),
        ("two-hops", "sts-assume-role", "first"),
        ("first", "sts-assume-role", "administrator"),
    ],
    "with-mfa": [("with-mfa", "sts-assume-role", "first"), ("first", "sts-assume-role", "administrator")],
    "two-ways": [("two-ways", "sts-assume-role", "first"), ("first", "sts-assume-role", "administrator")],
    "zeroth": [("zeroth", "sts-assume-role", "first"), ("first", "sts-assume-role", "administrator")],
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_the_shortest_way_to_an_administrator(found: Found, name: str) -> None:
    row = found.paths[name]["chain"]
    assert found.chain(name) == CHAINS[name]
    assert (row.hops, row.category, row.outcome) == (len(CHAINS[name]), "chain", "administrator")
    assert row.target == found.keys[CHAINS[name][-1][2]]


def test_nobody_else_has_a_chain(found: Found) -> None:
    assert {name for name, rows in found.paths.items() if "chain" in rows} == set(CHAINS)


def test_a_circle_ends(found: Found) -> None:
    assert "in-a-circle" not in found.paths  # to assume roles is all that any of the three can do
    assert found.reaches["in-a-circle"] == ["circle-a", "circle-b"]
    assert found.reaches["circle-a"] == ["circle-b"]


def test_a_member_of_a_group_has_what_the_group_has(found: Found) -> None:
    row = found.paths["in-the-group"]["sts-assume-role"]
    assert row.outcome == "administrator"
    assert row.via == f"{found.keys['operators']}|inline_policy|roles"


def test_a_boundary_holds_back_what_a_group_would_give(found: Found) -> None:
    assert "bounded-joiner" not in found.paths
    assert found.reaches["bounded-joiner"] == []


def test_a_role_of_another_account_has_to_trust(found: Found) -> None:
    assert found.paths["abroad"]["sts-assume-role"].target == found.keys["visitor"]
    assert "not-trusted-abroad" not in found.paths
    assert found.reaches["not-trusted-abroad"] == []


def test_a_deny_elsewhere_ends_a_chain(found: Found) -> None:
    assert "stopped" not in found.paths


def test_a_chain_is_as_certain_as_its_weakest_hop(found: Found) -> None:
    row = found.paths["with-mfa"]["chain"]
    assert (row.grade, row.confidence, row.reason) == ("conditional", "conditional", "condition")
    assert json.loads(row.conditions or "") == ["aws:MultiFactorAuthPresent"]
    assert found.paths["two-hops"]["chain"].confidence == "proven"


def test_a_certain_chain_goes_before_a_shorter_way_that_is_only_possible(found: Found) -> None:
    assert found.paths["two-ways"]["ssm-start-session"].confidence == "possible"
    assert found.paths["two-ways"]["chain"].confidence == "proven"
    reach = found.reach["two-ways"]
    assert reach is not None
    assert (reach.path, reach.hops) == (f"{found.keys['two-ways']}|chain", 2)
    assert (reach.confidence, reach.reasons) == ("proven", ())


def test_more_is_told_apart_from_administrator(found: Found) -> None:
    reach = found.reach["more-only"]
    assert reach is not None
    assert (reach.outcome, reach.hops, reach.reaches) == ("more", 1, 1)
    assert reach.path == f"{found.keys['more-only']}|sts-assume-role"


def test_administrators_have_no_ways_and_reach_all_of_their_account(found: Found) -> None:
    assert "boss" not in found.paths
    assert "administrator" not in found.paths
    reach = found.reach["boss"]
    assert reach is not None
    assert (reach.outcome, reach.path) == (None, None)
    assert {"nothing", "two-hops", "administrator", "for-functions"} <= set(found.reaches["boss"])
    assert {"visitor", "keeper"} <= set(found.reaches["boss"])  # somebody of its account can become them
    assert "alone" not in found.reaches["boss"]
    assert "closed" in found.reaches["boss"]  # an administrator of that account can


def test_counts_and_lists_say_the_same(found: Found) -> None:
    for name in found.keys:
        reach = found.reach[name]
        counts = (reach.reaches, reach.reached_by) if reach is not None else (0, 0)
        if "/group/" in found.keys[name]:
            continue
        assert counts == (len(found.reaches[name]), len(found.reached_by[name])), name


def test_who_opens_an_identity(found: Found) -> None:
    assert found.reached_by["alone"] == []
    openers = found.reached_by["administrator"]
    assert {"one-hop", "two-hops", "three-hops", "over-a-group", "key-maker", "boss", "for-functions"} <= set(openers)
    assert not {"nothing", "stopped", "more-only", "not-trusted-abroad"} & set(openers)


def test_the_change_that_breaks_a_way_is_the_one_that_the_fewest_share(found: Found) -> None:
    row = found.paths["three-hops"]["chain"]
    assert (row.action, row.via) == ("sts:AssumeRole", f"{found.keys['three-hops']}|inline_policy|p0")


LEVELS = {
    "one-hop": ("escalates_to_administrator", "sts-assume-role", 1),
    "two-hops": ("escalates_to_administrator", "chain", 2),
    "three-hops": ("escalates_to_administrator", "chain", 3),
    "over-a-group": ("escalates_to_administrator", "chain", 2),
    "in-the-group": ("escalates_to_administrator", "sts-assume-role", 1),
    "builder": ("escalates_to_administrator", "lambda-create-function-invoke", 1),
    "abroad": ("escalates_to_administrator", "sts-assume-role", 1),
    "two-ways": ("escalates_to_administrator", "chain", 2),
    "more-only": ("escalates", "sts-assume-role", 1),
    "in-a-circle": ("write", None, None),
    "stopped": ("none", None, None),
    "nothing": ("none", None, None),
    "boss": ("administrator", None, None),
    "administrator": ("administrator", None, None),
}


@pytest.mark.parametrize("name", LEVELS)
def test_privilege_says_how_far_it_goes(found: Found, name: str) -> None:
    level, method, hops = LEVELS[name]
    path = None if method is None else f"{found.keys[name]}|{method}"
    reaches, reached_by = len(found.reaches[name]), len(found.reached_by[name])
    assert found.privilege[name] == (level, path, hops, reaches, reached_by)

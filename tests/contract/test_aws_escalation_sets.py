"""Every set of actions, through the connector and a simulated AWS: who has it, and who lacks one thing of it.

One world holds a principal for each set and each case. It is scanned once. Of each principal the exact methods are
asserted, those that must not be there included.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from nhiscan import plugins
from nhiscan.collect import scan
from nhiscan.inventory import open_inventory
from nhiscan.model import EscalationPath
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_aws import CONNECTOR
from nhiscan_aws.analyzer.escalation.sets import PASS_ROLE, Set, sets
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    Account,
    Group,
    Key,
    ManagedPolicy,
    Password,
    Role,
    SimulatedAws,
    User,
    World,
    trust,
)

NOW = at("2026-11-02T09:00:00")
BEFORE = NOW - 400 * 86_400
ACCOUNT, EMPTY = "320000000001", "320000000002"
ARN = f"arn:aws:iam::{ACCOUNT}:"
IDP = f"{ARN}saml-provider/idp"
ELSEWHERE = "config.amazonaws.com"
"""A service that no set is about."""

SIGN_IN = "/aws-reserved/sso.amazonaws.com/"
SID = "TheStatement"
NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}

OF_ROLES = {
    "iam-attach-role-policy",
    "iam-put-role-policy",
    "iam-delete-role-permissions-boundary",
    "iam-put-role-permissions-boundary",
    "sso-attach-managed-policy",
    "sso-put-inline-policy",
}
"""Sets by which a role changes itself; all others are tried by users."""

TARGETS: Mapping[str, tuple[str, str]] = {
    "iam-add-user-to-group": ("group", "admins"),
    "iam-create-access-key": ("user", "target-free"),
    "iam-create-access-key-delete": ("user", "target-full"),
    "iam-create-login-profile": ("user", "target-bare"),
    "iam-update-login-profile": ("user", "target-password"),
    "iam-create-service-specific-credential": ("user", "target-free"),
    "iam-attach-user-policy-create-access-key": ("user", "plain"),
    "iam-put-user-policy-create-access-key": ("user", "plain"),
    "iam-update-assume-role-policy": ("role", "target-locked"),
    "iam-update-assume-role-policy-assume-role": ("role", "target-locked"),
    "iam-attach-role-policy-update-assume-role-policy": ("role", "plain-locked"),
    "iam-put-role-policy-update-assume-role-policy": ("role", "plain-locked"),
    "iam-create-policy-version-update-assume-role-policy": ("role", "plain-locked"),
    "iam-attach-role-policy-assume-role": ("role", "plain-open"),
    "iam-put-role-policy-assume-role": ("role", "plain-open"),
    "iam-create-policy-version-assume-role": ("role", "plain-open"),
    "iam-delete-role-permissions-boundary-assume-role": ("role", "bounded-open"),
    "iam-put-role-permissions-boundary-assume-role": ("role", "bounded-open"),
    "iam-update-saml-provider": ("role", "target-saml"),
    "sts-assume-role": ("role", "target-open"),
}
"""Whom the sets of IAM and STS lead to. Service roles go by the principal that they trust."""

SMALLER: Mapping[str, frozenset[str]] = {
    "iam-update-assume-role-policy-assume-role": frozenset({"iam-update-assume-role-policy"}),
}
"""Smaller sets whose own prerequisites are met by the same target."""


@dataclass(frozen=True)
class Case:
    """A principal and what must be found of it."""

    set: Set
    variant: str
    name: str
    methods: frozenset[str]
    conditional: bool = False


@dataclass
class Making:
    """The two accounts while they are filled."""

    cases: list[Case] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    policies: list[ManagedPolicy] = field(default_factory=list)
    away: list[User] = field(default_factory=list)


def statement(actions: Sequence[str], resource: str | Sequence[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Sid": SID, "Effect": "Allow", "Action": list(actions), "Resource": resource} | more


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def service_target(one: Set, *, another: bool = False) -> str:
    """Name of the role that the service of a set takes."""
    principal = ELSEWHERE if another or one.service is None else one.service.trusted[0]
    return "target-" + principal.removesuffix(".amazonaws.com").replace(".", "-")


def resource(one: Set, on: str, name: str) -> str:
    """What a statement of the principal ``name`` has to cover."""
    kind = "role" if one.id in OF_ROLES else "user"
    if on == "itself":
        return f"{ARN}{kind}/{name}"
    return {
        "own-group": f"{ARN}group/own-group",
        "own-policy": f"{ARN}policy/own-policy",
        "role-policy": f"{ARN}policy/role-policy",
        "saml-provider": IDP,
        "passed-role": f"{ARN}role/{service_target(one)}",
        "group": f"{ARN}group/{TARGETS.get(one.id, ('', ''))[1]}",
        "user": f"{ARN}user/{TARGETS.get(one.id, ('', ''))[1]}",
        "role": f"{ARN}role/{TARGETS.get(one.id, ('', ''))[1]}",
    }.get(on, "*")


def expected(one: Set, held: set[str], *, passes: bool = True) -> frozenset[str]:
    """The methods of a principal that holds some actions of a set on what the set is about.

    ``passes``: whether the role that it may pass can be passed to the service, and trusts it.
    """
    found = set()
    if held >= {need.action for need in one.all_of} and (passes or one.gain != "passed-role"):
        found.add(one.id)
        found |= SMALLER.get(one.id, frozenset())
    if one.id == "iam-update-assume-role-policy-assume-role" and "iam:UpdateAssumeRolePolicy" in held:
        found |= SMALLER[one.id]
    if one.service is None:
        return frozenset(found)
    for other in sets():
        if other.service is None or not held >= {need.action for need in other.all_of}:
            continue
        if other.gain == "running-role" or (passes and service_target(other) == service_target(one)):
            found.add(other.id)
    return frozenset(found)


def make(making: Making, one: Set) -> None:
    """All cases of one set."""
    actions = [need.action for need in one.all_of]
    whole = set(actions)
    cut = actions[0]
    principal(making, one, "has", expected(one, whole))
    for missing in actions if len(actions) > 1 else ():
        short = missing.replace(":", "-").lower()
        principal(making, one, f"short-{short}", expected(one, whole - {missing}), missing=missing)
    principal(making, one, "denied", expected(one, whole - {cut}), denied=cut)
    principal(making, one, "denied-elsewhere", expected(one, whole), denied="iam:GetUser")
    principal(making, one, "bounded", expected(one, whole - {cut}), bounded=cut)
    principal(making, one, "split", expected(one, whole), split=True)
    condition = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    principal(making, one, "conditional", expected(one, whole), condition=condition)
    if one.gain == "passed-role" and one.service is not None:
        right = {"StringEquals": {"iam:PassedToService": one.service.passed[0]}}
        principal(making, one, "right-service", expected(one, whole), passing=right)
        wrong = {"StringEquals": {"iam:PassedToService": ELSEWHERE}}
        principal(making, one, "wrong-service", expected(one, whole, passes=False), passing=wrong)
        like = {"StringLike": {"iam:PassedToService": one.service.passed[0].partition(".")[0] + "*"}}
        principal(making, one, "like-service", expected(one, whole), passing=like)
        passed = f"{ARN}role/{service_target(one, another=True)}"
        principal(making, one, "other-trust", expected(one, whole, passes=False), passed=passed)
    if one.service is not None:
        name = f"{one.id}.nowhere"
        making.away.append(User(name, BEFORE, inline={"all": document(statement(actions))}))
        making.cases.append(Case(one, "nowhere", name, frozenset()))


def principal(
    making: Making,
    one: Set,
    variant: str,
    methods: frozenset[str],
    *,
    missing: str | None = None,
    denied: str | None = None,
    bounded: str | None = None,
    split: bool = False,
    condition: Mapping[str, Any] | None = None,
    passing: Mapping[str, Any] | None = None,
    passed: str | None = None,
) -> None:
    """One user or role, and what must come of it."""
    name = f"{one.id}.{variant}"
    statements = []
    for need in one.all_of:
        if need.action == missing:
            continue
        covered = passed if passed and need.action == PASS_ROLE else resource(one, need.on, name)
        where = {**(condition or {}), **((passing or {}) if need.action == PASS_ROLE else {})}
        statements.append(statement([need.action], covered, **({"Condition": where} if where else {})))
    inline: dict[str, Any] = {"own": document(*statements)}
    groups = ["own-group"] if any(need.on == "own-group" for need in one.all_of) else []
    attached = ["own-policy"] if any(need.on == "own-policy" for need in one.all_of) else []
    if one.gain == "without-boundary":
        inline["all"] = document({"Effect": "Allow", "NotAction": one.all_of[0].action, "Resource": "*"})
    if split:
        inline, given = (
            {"own": document(*statements[: len(statements) // 2])},
            document(*statements[len(statements) // 2 :]),
        )
        if not statements[: len(statements) // 2]:
            inline = {}
        if one.gain == "without-boundary":
            inline["all"] = document({"Effect": "Allow", "NotAction": one.all_of[0].action, "Resource": "*"})
        if one.id in OF_ROLES:
            making.policies.append(ManagedPolicy(f"given.{name}", BEFORE, (given,)))
            attached.append(f"given.{name}")
        else:
            making.groups.append(Group(f"given.{name}", BEFORE, inline={"given": given}))
            groups.append(f"given.{name}")
    if denied is not None:
        refusal = document({"Effect": "Deny", "Action": denied, "Resource": "*"})
        if one.id in OF_ROLES:
            making.policies.append(ManagedPolicy(f"refusal.{name}", BEFORE, (refusal,)))
            attached.append(f"refusal.{name}")
        else:
            making.groups.append(Group(f"refusal.{name}", BEFORE, inline={"refusal": refusal}))
            groups.append(f"refusal.{name}")
    boundary = bound(making, one, bounded)
    if one.id in OF_ROLES:
        path = SIGN_IN if one.id.startswith("sso-") else "/"
        who = trust(service=ELSEWHERE)
        making.roles.append(Role(name, BEFORE, who, path, inline=inline, attached=tuple(attached), boundary=boundary))
    else:
        making.users.append(
            User(
                name,
                BEFORE,
                inline=inline,
                groups=tuple(groups),
                attached=tuple(attached),
                boundary=boundary,
            )
        )
    making.cases.append(Case(one, variant, name, methods, conditional=condition is not None))


def bound(making: Making, one: Set, bounded: str | None) -> str | None:
    """The boundary of a principal: all but one action; for sets about boundaries nothing but the set."""
    if one.gain == "without-boundary":
        name = f"boundary-{one.id}{'-bounded' if bounded else ''}"
        left = ["sts:GetCallerIdentity" if bounded else one.all_of[0].action]
        text = document(statement(left))
    elif bounded is not None:
        name = "boundary-" + bounded.replace(":", "-")
        text = document({"Effect": "Allow", "NotAction": bounded, "Resource": "*"})
    else:
        return None
    if all(policy.name != name for policy in making.policies):
        making.policies.append(ManagedPolicy(name, BEFORE, (text,)))
    return name


def targets(making: Making) -> None:
    """Whom the sets lead to."""
    everything = {"all": ALLOW_ALL}
    root = trust(f"{ARN}root")
    locked = trust(service=ELSEWHERE)
    federated = {"Effect": "Allow", "Principal": {"Federated": IDP}, "Action": "sts:AssumeRoleWithSAML"}
    audience = {"Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}}
    making.policies += [ManagedPolicy(name, BEFORE, (NOTHING,)) for name in ("own-policy", "role-policy", "nothing")]
    making.groups += [Group("own-group", BEFORE), Group("admins", BEFORE, inline=everything)]
    two = (Key(BEFORE), Key(BEFORE, "Inactive"))
    making.users += [
        User("target-free", BEFORE, inline=everything, keys=(Key(BEFORE),)),
        User("target-full", BEFORE, inline=everything, keys=two),
        User("target-bare", BEFORE, inline=everything, keys=two),
        User("target-password", BEFORE, inline=everything, keys=two, password=Password(BEFORE)),
        User("plain", BEFORE),
    ]
    making.roles += [
        Role("target-locked", BEFORE, locked, inline=everything),
        Role("target-open", BEFORE, root, inline=everything),
        Role("plain-locked", BEFORE, locked, attached=("role-policy",)),
        Role("plain-open", BEFORE, root, attached=("role-policy",)),
        Role("bounded-open", BEFORE, root, inline=everything, boundary="nothing"),
        Role("target-saml", BEFORE, document(federated | audience), inline=everything),
        Role("target-config", BEFORE, locked, inline=everything),
    ]
    made = {"target-config"}
    for one in sets():
        name = service_target(one)
        if one.service is None or name in made:
            continue
        made.add(name)
        service = one.service.trusted[0]
        who = trust(service=service)
        if one.service.federated:
            who = document(
                {"Effect": "Allow", "Principal": {"Federated": service}, "Action": "sts:AssumeRoleWithWebIdentity"}
            )
        making.roles.append(Role(name, BEFORE, who, inline=everything, instance_profile=service == "ec2.amazonaws.com"))


def made() -> Making:
    making = Making()
    targets(making)
    for one in sets():
        make(making, one)
    return making


MADE = made()


@dataclass(frozen=True)
class Found:
    """What the scan has derived."""

    paths: Mapping[str, Mapping[str, EscalationPath]]  # name of the principal -> method -> row
    names: Mapping[str, str]  # key of an identity -> its name


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    home = Account(
        ACCOUNT,
        BEFORE,
        users=tuple(MADE.users),
        groups=tuple(MADE.groups),
        roles=tuple(MADE.roles),
        policies=tuple(MADE.policies),
    )
    reader = Role("reader", BEFORE, trust(ACCOUNT), attached=("arn:aws:iam::aws:policy/SecurityAudit",))
    world = World((home, Account(EMPTY, BEFORE, users=tuple(MADE.away), roles=(reader,))))
    settings = {"account": (ACCOUNT, EMPTY), "role-name": "reader"}
    folder = tmp_path_factory.mktemp("escalation")
    with SimulatedAws(world, clock=SimulatedClock(NOW)) as aws, environment(aws.environment, remove=aws.remove):
        inventory = open_inventory(str(folder / "inventory.db"))
        outcome = scan(
            inventory,
            [(CONNECTOR, settings)],
            finish=lambda _: None,
            clock=aws.clock,
            sleep=lambda _: None,
            run_id=lambda: "escalation",
            analyzers=plugins.analyzers(),
        )
        assert outcome.number is not None
        with inventory.bound(outcome.number) as bound_scan:
            names: dict[str, str] = dict(bound_scan.sql.rows("SELECT key, name FROM identity"))
            columns = ", ".join(EscalationPath._fields)
            rows = [EscalationPath(*row) for row in bound_scan.sql.rows(f"SELECT {columns} FROM escalation_path")]
    paths: dict[str, dict[str, EscalationPath]] = {}
    for row in rows:
        paths.setdefault(names[row.principal], {})[row.method] = row
    return Found(paths, names)


@pytest.mark.parametrize("case", MADE.cases, ids=lambda case: case.name)
def test_the_methods_are_those_whose_prerequisites_are_met_and_no_others(found: Found, case: Case) -> None:
    assert set(found.paths.get(case.name, ())) == case.methods


def of(variant: str) -> list[Case]:
    return [case for case in MADE.cases if case.variant == variant]


@pytest.mark.parametrize("case", of("has"), ids=lambda case: case.name)
def test_a_way_says_where_it_leads_and_how_certain_it_is(found: Found, case: Case) -> None:
    row = found.paths[case.name][case.set.id]
    one = case.set
    more = one.gain == "older-version" or one.only
    unseen = one.needs or one.also_passed
    assert row.outcome == ("more" if more else "administrator")
    assert row.category == one.category
    assert row.hops == 1
    assert row.grade == ("needs_resource" if unseen else "exploitable_now")
    assert row.confidence == ("possible" if unseen else "proven")
    assert row.reason == ("resource-unread" if unseen else None)
    assert (row.needs is not None) == bool(unseen)
    assert (row.conditional, row.conditions) == (0, None)
    assert row.target is not None
    target = found.names[row.target]
    if one.gain in ("own-limits", "older-version", "without-boundary"):
        assert target == case.name
    elif one.service is None:
        assert target == TARGETS[one.id][1]
    elif one.service.id == "managed-node":
        assert target in ("target-ec2", "target-ssm")
    else:
        assert target == service_target(one)


@pytest.mark.parametrize("case", of("has"), ids=lambda case: case.name)
def test_every_action_of_a_hop_has_its_statement(found: Found, case: Case) -> None:
    row = found.paths[case.name][case.set.id]
    (step,) = json.loads(row.steps)
    assert (step["from"], step["to"], step["method"]) == (row.principal, row.target, case.set.id)
    own = {allow["action"]: allow for allow in step["allows"] if allow["statement"] == SID}
    assert set(own) == {need.action for need in case.set.all_of}
    assert {allow["grant"] for allow in own.values()} == {f"{row.principal}|inline_policy|own"}
    trusting = [allow for allow in step["allows"] if allow["grant"] == row.target]
    taken = case.set.service is not None or case.set.when == "trusted" or case.set.gain == "federated-role"
    assert bool(trusting) == taken
    assert (row.via, row.statement) == (f"{row.principal}|inline_policy|own", SID)
    assert row.action in own
    assert step["why"].startswith(case.name)
    assert step["fix"] == case.set.fix


@pytest.mark.parametrize("case", of("conditional"), ids=lambda case: case.name)
def test_a_condition_that_only_a_request_decides_makes_a_way_conditional(found: Found, case: Case) -> None:
    row = found.paths[case.name][case.set.id]
    unseen = case.set.needs or case.set.also_passed
    assert (row.grade, row.conditional) == ("conditional", 1)
    assert json.loads(row.conditions or "[]") == ["aws:SourceIp"]
    assert row.confidence == ("possible" if unseen else "conditional")
    assert row.reason == ("condition,resource-unread" if unseen else "condition")


@pytest.mark.parametrize("case", of("split"), ids=lambda case: case.name)
def test_what_several_policies_allow_is_one_way(found: Found, case: Case) -> None:
    (step,) = json.loads(found.paths[case.name][case.set.id].steps)
    grants = {allow["grant"] for allow in step["allows"] if allow["statement"] == SID}
    assert len(grants) == min(2, len(case.set.all_of))


def test_nobody_is_found_for_whom_there_is_no_case(found: Found) -> None:
    assert set(found.paths) <= {case.name for case in MADE.cases}
    assert sum(map(len, found.paths.values())) == sum(len(case.methods) for case in MADE.cases)

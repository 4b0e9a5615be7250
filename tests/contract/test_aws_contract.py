"""The connector contract, for AWS: an organisation of two accounts, one read through a role, and what they used."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.contract import ConnectorContract, Contract
from nhiscan_aws import CONNECTOR
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    Account,
    Caller,
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
    Unit,
    Use,
    User,
    World,
    report,
    trust,
)

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
HOME, AWAY = "310000000001", "310000000002"
WORD = "external-id-of-the-contract"


def world() -> World:
    ann = User(
        "ann",
        NOW - 500 * DAY,
        tags={"owner": "ann@example.com"},
        keys=(Key(NOW - 400 * DAY, used=Use(NOW - 3 * DAY)), Key(NOW - 20 * DAY, "Inactive")),
        password=Password(NOW - 40 * DAY, NOW - 2 * DAY),
        mfa=True,
        certificates=(Certificate(NOW - 300 * DAY),),
        groups=("admins",),
        attached=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        inline={"broken": "{no json"},
        boundary="own",
    )
    home = Account(
        HOME,
        NOW - 900 * DAY,
        root=Root(keys=(Key(NOW - 800 * DAY),)),
        users=(ann, User("bot", NOW - 90 * DAY, keys=(Key(NOW - 90 * DAY, used=Use(NOW - 80 * DAY)),))),
        groups=(Group("admins", NOW - 600 * DAY, attached=("own",)),),
        roles=(
            Role(
                "task",
                NOW - 200 * DAY,
                trust(service="ec2.amazonaws.com"),
                used=Use(NOW - DAY),
                instance_profile=True,
            ),
        ),
        policies=(ManagedPolicy("own", NOW - 600 * DAY, (ALLOW_ALL,)),),
        password_policy=PasswordPolicy(),
    )
    away = Account(
        AWAY,
        NOW - 900 * DAY,
        users=(User("ci", NOW - 100 * DAY, keys=(Key(NOW - 100 * DAY),)),),
        roles=(Role("scan", NOW - 100 * DAY, trust(HOME, external_id=WORD)),),
    )
    guard = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}]}
    organization = Organization(
        HOME, units=(Unit("away", (AWAY,)),), policies=(OrganizationPolicy("guard", guard, ("away", HOME)),)
    )
    return World((home, away), Caller(HOME), organization)


@contextmanager
def simulation() -> Iterator[SimulatedAws]:
    """The reports are there already: waiting for one would move the clock that both accounts share."""
    settings = {"account": (HOME, AWAY), "role-name": "scan", "external-id": WORD, "last-accessed": True}
    with SimulatedAws(world(), clock=SimulatedClock(NOW), job_polls=0, settings=settings) as aws:
        for account in (HOME, AWAY):
            report.prepare(aws.account(account))
        yield aws


class TestAws(ConnectorContract):
    @pytest.fixture
    def contract(self) -> Contract:
        # two accounts: a page of details, one call a user with keys (three), and at most seven; AssumeRole once
        accounts = 2 * (1 + 2) + 3 + 2 * 7 + 1
        # two accounts and a unit have parents; the roots; two types, a page each; three policies and their targets
        organization = 3 + 1 + 2 + 3 * 2
        last_accessed = 5 * 2  # three users, two roles
        return Contract(connector=CONNECTOR, simulation=simulation, budget=accounts + organization + last_accessed)

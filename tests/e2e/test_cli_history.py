"""Scan after scan through the program: which findings stay, close and reopen, and what the inventory still shows."""

from collections.abc import Callable
from typing import Any

import pytest

from nhiscan_aws.simulated import (
    Account,
    Key,
    PasswordPolicy,
    Role,
    SimulatedAws,
    Use,
    User,
    World,
    planting,
    report,
    trust,
)

DAY = 86_400
HOME, AWAY = "520000000001", "520000000002"
RULE = "access-key-not-rotated"
BOTH = ("--account", HOME, "--account", AWAY, "--role-name", "audit")
ONLY = {account: ("--account", account, "--role-name", "audit") for account in (HOME, AWAY)}


def scope(account: str) -> str:
    return f"aws/account/aws:{account}"


class Estate:
    """Two accounts, a user with an old key in each, and the program that reads them."""

    def __init__(self, program: Any, aws: SimulatedAws) -> None:
        self.program = program
        self.aws = aws

    def key(self, account: str) -> str:
        """The id of the old key."""
        return str(self.aws.account(account).backend.users["clerk"].access_keys[0].access_key_id)

    def set(self, account: str, status: str) -> None:
        state = self.aws.account(account)
        state.backend.access_keys[self.key(account)].status = status
        report.prepare(state)

    def remove(self, account: str) -> None:
        state = self.aws.account(account)
        planting.remove_key(state, self.key(account))
        report.prepare(state)

    def scan(self, *arguments: str, code: int = 0) -> None:
        done = self.program("scan", "aws", *arguments)
        assert done.code == code, done.err

    def findings(self, number: int | None = None) -> dict[str, dict[str, Any]]:
        """Account -> the finding about its old key, open or closed."""
        which = () if number is None else ("--scan", str(number))
        done = self.program("findings", "--all", "--rule", RULE, "--format", "json", *which)
        assert done.code == 0, done.err
        rows = [row for row in done.json["findings"] if row["fingerprint"]]
        return {row["scope"].rpartition(":")[2]: row for row in rows}

    def states(self, number: int | None = None) -> dict[str, tuple[str, int]]:
        """Account -> state of that finding, and the last scan that tested it."""
        return {account: (row["state"], row["tested_scan"]) for account, row in self.findings(number).items()}

    def seen(self, account: str) -> str | None:
        """The column "confirmed" of the old key: yes or no; None where the inventory no longer has it."""
        done = self.program("inventory", "credentials", "--kind", "access_key", "--scope", account, "--format", "json")
        assert done.code == 0, done.err
        return next((("no", "yes")[row["confirmed"]] for row in done.json["credentials"]), None)


@pytest.fixture
def estate(program: Any, cloud: Callable[[World], SimulatedAws], now: int) -> Estate:
    audit = Role("audit", now - 10 * DAY, trust(HOME), used=Use(now - DAY))
    clerk = User("clerk", now - 400 * DAY, keys=(Key(now - 300 * DAY, used=Use(now - DAY)),))
    accounts = (
        Account(one, now - 500 * DAY, users=(clerk,), roles=(audit,), password_policy=PasswordPolicy())
        for one in (HOME, AWAY)
    )
    return Estate(program, cloud(World(tuple(accounts))))


def test_accounts_scanned_on_their_own_days_keep_their_findings(estate: Estate) -> None:
    estate.scan(*ONLY[HOME])
    estate.scan(*ONLY[AWAY])
    assert estate.states() == {HOME: ("open", 1), AWAY: ("open", 2)}
    table = estate.program("findings", "--rule", RULE).out
    assert ["not tested since scan 1" in line for line in table.splitlines()[1:]] == [True, False]
    assert (estate.seen(HOME), estate.seen(AWAY)) == ("yes", "yes")


def test_an_account_left_out_stays_as_it_was_and_does_not_count(estate: Estate) -> None:
    estate.scan(*BOTH)
    estate.remove(AWAY)
    estate.scan(*ONLY[HOME])
    assert estate.states() == {HOME: ("open", 2), AWAY: ("open", 1)}
    assert estate.seen(AWAY) == "yes", "the last scan that planned the account saw the key"
    estate.remove(HOME)
    done = estate.program("scan", "aws", *ONLY[HOME], "--format", "json", "--fail-on", "high", "--quiet")
    assert not any(row["scope"] == scope(AWAY) for row in done.json["findings"])
    assert estate.states() == {HOME: ("closed", 3), AWAY: ("open", 1)}


def test_a_denied_account_closes_nothing_until_it_is_read_again(estate: Estate) -> None:
    estate.scan(*BOTH)
    estate.remove(AWAY)
    estate.aws.faults.deny("iam:*", account=AWAY)
    estate.scan(*BOTH, code=3)
    assert estate.states() == {HOME: ("open", 2), AWAY: ("open", 1)}
    assert estate.seen(AWAY) == "no"
    estate.aws.faults.clear()
    estate.scan(*BOTH)
    assert estate.states() == {HOME: ("open", 3), AWAY: ("closed", 3)}
    assert estate.findings()[AWAY]["closed_reason"] == "gone"
    assert estate.seen(AWAY) is None
    assert estate.states(1) == {HOME: ("open", 1), AWAY: ("open", 1)}, "a past scan reads as it did"


def test_a_finding_closes_and_opens_again_with_its_first_day(estate: Estate) -> None:
    estate.scan(*ONLY[HOME])
    first = estate.findings()[HOME]
    estate.set(HOME, "Inactive")
    estate.scan(*ONLY[HOME])
    closed = estate.findings()[HOME]
    assert (closed["state"], closed["closed_scan"], closed["closed_reason"]) == ("closed", 2, "not-applicable")
    estate.set(HOME, "Active")
    estate.scan(*ONLY[HOME])
    again = estate.findings()[HOME]
    assert (again["state"], again["opened_scan"], again["closed_scan"]) == ("open", 3, None)
    assert again["first_opened_at"] == first["opened_at"]
    assert again["fingerprint"] == first["fingerprint"]
    assert estate.states(2) == {HOME: ("closed", 2)}


def test_a_killed_scan_changes_nothing_that_can_be_read(estate: Estate) -> None:
    estate.scan(*ONLY[HOME])
    before = estate.findings(), estate.program("inventory", "identities", "--format", "json").out
    estate.remove(HOME)
    estate.aws.faults.delay("iam:GetAccountAuthorizationDetails", 60)
    with estate.program.start("scan", "aws", *ONLY[HOME]) as running:
        assert any("reading 1 scope" in line for line in running.stderr)
        running.kill()
    assert (estate.findings(), estate.program("inventory", "identities", "--format", "json").out) == before
    estate.aws.faults.clear()
    estate.scan(*ONLY[HOME])
    assert estate.states() == {HOME: ("closed", 2)}

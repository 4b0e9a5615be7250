"""Results as ranges and findings as events, through the real inventory on both databases."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from nhiscan.evaluate import OPEN, Kept, evaluate, keep
from nhiscan.findings import Event, Finding, counts, events, findings, results
from nhiscan.inventory import Inventory, Plan, open_inventory
from nhiscan.model import Credential, Need, Scope
from nhiscan.rule import Rule, load

DAY = 86400
START = 1_700_000_000
A, B = (Scope(f"aws/account/aws:{n}", "aws", "account", f"aws:{n}") for n in ("111111111111", "222222222222"))
RULE = """\
id = "in-use"
title = "A sample"
severity = "medium"
status = "test"
subject = "credential"
needs = ["credential:access_key"]
rationale = "Because."
false_positives = ["None."]
message = "{name} is in use."
sql = '''
SELECT c.key AS subject,
       CASE WHEN c.state IS NULL THEN 'unknown' WHEN c.state = 'active' THEN 'fail'
            WHEN c.state = 'inactive' THEN 'skip' ELSE 'pass' END AS status,
       CASE WHEN c.slot = :critical_slot THEN 'critical' ELSE 'low' END AS severity,
       c.name
FROM credential c
'''
[[controls]]
ref = "TSC@2017#CC6.1"
strength = "weak"
status = "proposed"
why = "x"
[params.critical_slot]
default = 1
unit = "slot"
about = "x"
[remediation.any]
text = "x"
proof = "x"
[[examples]]
name = "all"
as_of = 2026-01-01
credential = [
  { key = "a", state = "expired" }, { key = "b", state = "active" }, { key = "c" }, { key = "d", state = "inactive" }
]
expect = { a = "pass", b = "fail", c = "unknown", d = "skip" }
"""


@pytest.fixture
def rule(tmp_path: Path) -> Rule:
    path = tmp_path / "in-use.toml"
    path.write_text(RULE, encoding="utf-8")
    return load([path])[0]


@pytest.fixture
def standing(tmp_path: Path) -> Rule:
    path = tmp_path / "standing" / "in-use.toml"
    path.parent.mkdir()
    path.write_text(RULE.replace("rationale", "fail_stands = true\nrationale"), encoding="utf-8")
    return load([path])[0]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def inventory(request: pytest.FixtureRequest, tmp_path: Path) -> Inventory:
    if request.param == "sqlite":
        return open_inventory(str(tmp_path / "inventory.db"))
    return open_inventory(str(request.getfixturevalue("postgres_database")))


class Seen(NamedTuple):
    """What a scan saw in one scope: name -> state (or state and slot), and whether the listing was complete."""

    keys: Mapping[str, str | tuple[str, int] | None]
    complete: bool = True


def key(scope: Scope, name: str) -> str:
    return f"{scope.key}/access_key/{name}"


def scan(inventory: Inventory, rules: list[Rule], seen: Mapping[Scope, Seen], *, killed: bool = False) -> Kept | None:
    number = len(inventory.scans()) + 1
    under_way = inventory.start(
        Plan(f"run-{number}-{killed}", START + number * DAY, "0", ("aws",), "{}", "-", "{}", "h", 1)
    )
    under_way.plan_scopes(list(seen), [])
    if killed:
        under_way.abandon("killed", "for the test", START + number * DAY + 1)
        return None
    with under_way.finish(START + number * DAY + 60) as finishing:
        for scope, there in seen.items():
            finishing.put("credential", [_credential(scope, name, state) for name, state in there.keys.items()])
        finishing.needs(
            [Need(scope.key, "credential:access_key", int(there.complete), 1) for scope, there in seen.items()]
        )
        finishing.merge()
        finishing.bind()
        evaluation = evaluate(finishing.sql, rules, {}, finishing.info.started_at, settle=OPEN)
        return keep(finishing.sql, finishing.number, evaluation, rules, {})


def _credential(scope: Scope, name: str, state: str | tuple[str, int] | None) -> Credential:
    text, slot = state if isinstance(state, tuple) else (state, 2)
    return Credential(key(scope, name), scope.key, "access_key", name, name, f"{scope.key}/user/u", text, slot=slot)


def again(inventory: Inventory, number: int, rules: list[Rule], parameters: Mapping[str, Mapping[str, int]]) -> Kept:
    with inventory.bound(number, materialise=True, write=True) as bound:
        evaluation = evaluate(bound.sql, rules, parameters, bound.info.started_at, settle=OPEN)
        return keep(bound.sql, number, evaluation, rules, parameters)


def read(inventory: Inventory, rules: list[Rule], number: int) -> dict[str, tuple[str, str | None, str]]:
    with inventory.bound(number) as bound:
        found = results(bound.sql, rules, {}, bound.info.started_at, scan=number)
        return {result.subject: (result.status, result.reason, result.severity) for result in found}


def followed(inventory: Inventory, number: int) -> dict[str, Finding]:
    with inventory.bound(number) as bound:
        return {finding.subject: finding for finding in findings(bound.sql, number)}


def told(inventory: Inventory) -> list[tuple[str, int, str, str | None]]:
    """(name, scan, event, reason), in order of key and time."""
    last = len(inventory.scans())
    with inventory.bound(last) as bound:
        found: Iterator[Event] = events(bound.sql, last)
        return [(event.subject.rpartition("/")[2], event.scan, event.event, event.reason) for event in found]


def ranges(inventory: Inventory) -> int:
    with inventory.bound(1) as bound:
        row = bound.sql.one("SELECT count(*) FROM result_range")
        return int(row[0]) if row else 0


def test_what_does_not_change_costs_nothing(inventory: Inventory, rule: Rule) -> None:
    seen = {A: Seen({"a": "active", "b": None, "c": "expired"}), B: Seen({"d": "active"})}
    assert scan(inventory, [rule], seen) == Kept(ended=0, started=3, opened=2, closed=0, reopened=0)
    for _ in range(3):
        assert scan(inventory, [rule], seen) == Kept(0, 0, 0, 0, 0)
    assert ranges(inventory) == 3
    assert read(inventory, [rule], 4) == {
        key(A, "a"): ("fail", None, "low"),
        key(A, "b"): ("unknown", None, "low"),
        key(B, "d"): ("fail", None, "low"),
    }
    with inventory.bound(4) as bound:
        assert [count[:7] for count in counts(bound.sql, 4)] == [
            ("in-use", A.key, 3, 1, 1, 0, 1),
            ("in-use", B.key, 1, 0, 1, 0, 0),
        ]


def test_findings_open_close_and_reopen(inventory: Inventory, rule: Rule) -> None:
    for state in ("active", "expired", "active", "inactive"):
        scan(inventory, [rule], {A: Seen({"a": state, "z": "expired"})})
    scan(inventory, [rule], {A: Seen({"a": "active", "z": "expired"})})
    scan(inventory, [rule], {A: Seen({"z": "expired"})})
    assert told(inventory) == [
        ("a", 1, "opened", "failed"),
        ("a", 2, "closed", "fixed"),
        ("a", 3, "reopened", "failed"),
        ("a", 4, "closed", "not-applicable"),
        ("a", 5, "reopened", "failed"),
        ("a", 6, "closed", "gone"),
    ]
    third, sixth = followed(inventory, 3)[key(A, "a")], followed(inventory, 6)[key(A, "a")]
    assert (third.state, third.first_opened_scan, third.opened_scan, third.closed_scan) == ("open", 1, 3, None)
    assert (third.opened_at, third.tested_scan, third.status) == (START + 3 * DAY, 3, "fail")
    assert (sixth.state, sixth.opened_scan, sixth.closed_scan, sixth.closed_at) == ("closed", 5, 6, START + 6 * DAY)
    assert sixth.reason == "gone"
    assert third.fingerprint == sixth.fingerprint
    assert len(sixth.fingerprint) == 64


def test_the_fingerprint_is_the_same_in_every_database(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"ä": "active"})})
    (finding,) = followed(inventory, 1).values()
    # sha256 of "in-use", 0x1F, "aws/account/aws:111111111111/access_key/ä"
    assert finding.fingerprint == "15e32239dd3887cd39376590fbaf466e479601a9d820e001a984ad4e9b713d99"


def test_a_denied_listing_closes_and_changes_nothing(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active", "b": "expired"})})
    assert scan(inventory, [rule], {A: Seen({}, complete=False)}) == Kept(1, 3, 0, 0, 0)
    assert read(inventory, [rule], 2) == {
        A.key: ("unknown", "coverage", "medium"),
        key(A, "a"): ("unknown", "unconfirmed", "medium"),
        key(A, "b"): ("unknown", "unconfirmed", "medium"),
    }
    finding = followed(inventory, 2)[key(A, "a")]
    assert (finding.state, finding.status, finding.tested_scan, finding.tested_at) == (
        "open",
        "unknown",
        1,
        START + DAY,
    )
    scan(inventory, [rule], {A: Seen({"b": "expired"})})
    assert told(inventory) == [("a", 1, "opened", "failed"), ("a", 3, "closed", "gone")]


def test_a_partial_listing_opens_what_stands_and_closes_nothing(inventory: Inventory, standing: Rule) -> None:
    scan(inventory, [standing], {A: Seen({"a": "active", "b": "active"})})
    scan(inventory, [standing], {A: Seen({"a": "expired", "new": "active"}, complete=False)})
    assert told(inventory) == [
        ("a", 1, "opened", "failed"),
        ("b", 1, "opened", "failed"),
        ("new", 2, "opened", "failed"),
    ]
    found = followed(inventory, 2)
    assert {name.rpartition("/")[2]: (f.state, f.status, f.tested_scan) for name, f in found.items()} == {
        "a": ("open", "unknown", 1),
        "b": ("open", "unknown", 1),
        "new": ("open", "fail", 2),
    }


def test_a_partial_listing_opens_nothing_where_fails_do_not_stand(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active"}, complete=False)})
    assert told(inventory) == []
    assert read(inventory, [rule], 1)[key(A, "a")] == ("unknown", "coverage", "medium")


def test_a_scope_left_out_keeps_its_findings(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active"}), B: Seen({"b": "active"})})
    scan(inventory, [rule], {B: Seen({"b": "expired"})})
    assert told(inventory) == [("a", 1, "opened", "failed"), ("b", 1, "opened", "failed"), ("b", 2, "closed", "fixed")]
    assert read(inventory, [rule], 2) == {}
    left = followed(inventory, 2)[key(A, "a")]
    assert (left.state, left.status, left.tested_scan) == ("open", "fail", 1)
    with inventory.bound(2) as bound:
        everywhere = results(bound.sql, [rule], {}, START, scan=2, all_scopes=True)
        assert [(result.subject, result.message) for result in everywhere] == [(key(A, "a"), "a is in use.")]


def test_accounts_on_different_days(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active"})})
    scan(inventory, [rule], {B: Seen({"b": "active"})})
    scan(inventory, [rule], {A: Seen({"a": "expired"})})
    scan(inventory, [rule], {B: Seen({"b": "active"})})
    assert told(inventory) == [("a", 1, "opened", "failed"), ("a", 3, "closed", "fixed"), ("b", 2, "opened", "failed")]
    assert followed(inventory, 4)[key(B, "b")].tested_scan == 4
    assert followed(inventory, 3)[key(B, "b")].tested_scan == 2
    assert followed(inventory, 4)[key(A, "a")].tested_scan == 3
    assert set(followed(inventory, 1)) == {key(A, "a")}


def test_a_killed_scan_changes_nothing(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active"})})
    before = (told(inventory), read(inventory, [rule], 1), ranges(inventory))
    scan(inventory, [rule], {A: Seen({})}, killed=True)
    assert (told(inventory), read(inventory, [rule], 1), ranges(inventory)) == before
    scan(inventory, [rule], {A: Seen({"a": "active"})})
    assert told(inventory) == before[0]


def test_an_unknown_status_leaves_the_finding(inventory: Inventory, rule: Rule) -> None:
    for state in ("active", None, "active"):
        scan(inventory, [rule], {A: Seen({"a": state})})
    assert told(inventory) == [("a", 1, "opened", "failed")]
    assert [followed(inventory, number)[key(A, "a")].tested_scan for number in (1, 2, 3)] == [1, 1, 3]


def test_the_severity_of_a_finding_follows_its_result(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": ("active", 2)})})
    scan(inventory, [rule], {A: Seen({"a": ("active", 1)})})
    assert [followed(inventory, number)[key(A, "a")].severity for number in (1, 2)] == ["low", "critical"]
    assert told(inventory) == [("a", 1, "opened", "failed")]


def test_a_rule_left_out_leaves_its_findings_and_gives_no_results(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active"})})
    scan(inventory, [], {A: Seen({"a": "expired"})})
    assert read(inventory, [rule], 2) == {}
    assert followed(inventory, 2)[key(A, "a")].tested_scan == 1
    scan(inventory, [rule], {A: Seen({"a": "expired"})})
    assert told(inventory) == [("a", 1, "opened", "failed"), ("a", 3, "closed", "fixed")]


def test_a_changed_rule_closes_with_that_reason(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active"})})
    scan(inventory, [_changed(rule, "'active'", "'deleted'")], {A: Seen({"a": "active"})})
    assert told(inventory) == [("a", 1, "opened", "failed"), ("a", 2, "closed", "rule-changed")]


def test_an_older_scan_judged_anew_changes_that_scan_alone(inventory: Inventory, rule: Rule) -> None:
    for _ in range(4):
        scan(inventory, [rule], {A: Seen({"a": "active", "b": ("active", 5)})})
    before = {number: read(inventory, [rule], number) for number in (1, 2, 3, 4)}
    story = told(inventory)
    changed = again(inventory, 2, [rule], {"in-use": {"critical_slot": 5}})
    assert changed == Kept(ended=1, started=1, opened=0, closed=0, reopened=0)
    assert read(inventory, [rule], 2)[key(A, "b")] == ("fail", None, "critical")
    assert {number: read(inventory, [rule], number) for number in (1, 3, 4)} == {n: before[n] for n in (1, 3, 4)}
    assert told(inventory) == story
    again(inventory, 2, [rule], {})
    assert {number: read(inventory, [rule], number) for number in (1, 2, 3, 4)} == before
    assert scan(inventory, [rule], {A: Seen({"a": "active", "b": ("active", 5)})}) == Kept(0, 0, 0, 0, 0)


def test_the_newest_scan_judged_anew_moves_findings_too(inventory: Inventory, rule: Rule) -> None:
    scan(inventory, [rule], {A: Seen({"a": "active"})})
    changed = [_changed(rule, "'active'", "'deleted'")]
    assert again(inventory, 1, changed, {}) == Kept(ended=1, started=0, opened=0, closed=1, reopened=0)
    assert told(inventory) == [("a", 1, "opened", "failed"), ("a", 1, "closed", "rule-changed")]
    assert read(inventory, changed, 1) == {}
    assert again(inventory, 1, [rule], {}) == Kept(ended=0, started=1, opened=0, closed=0, reopened=1)
    assert followed(inventory, 1)[key(A, "a")].state == "open"


def _changed(rule: Rule, old: str, new: str) -> Rule:
    return replace(rule, sql=rule.sql.replace(old, new), sha256="0" * 64)


@pytest.mark.parametrize("seed", range(3))
def test_every_past_scan_reads_back_as_a_full_copy_would(inventory: Inventory, rule: Rule, seed: int) -> None:
    """Scans at random over two scopes, some judged anew with other parameters, against copies of every result."""
    chance = random.Random(seed)
    copies: dict[int, dict[str, tuple[str, str | None, str]]] = {}
    for number in range(1, 11):
        planned = chance.choice([(A,), (B,), (A, B)])
        seen = {
            scope: Seen(
                {
                    name: (chance.choice(("active", "inactive", "expired")), chance.choice((1, 5)))
                    for name in "abcd"
                    if chance.random() < 0.8
                },
                complete=chance.random() < 0.8,
            )
            for scope in planned
        }
        scan(inventory, [rule], seen)
        copies[number] = read(inventory, [rule], number)
        if chance.random() < 0.5:
            older = chance.randint(1, number)
            parameters = {"in-use": {"critical_slot": chance.choice((1, 5))}}
            again(inventory, older, [rule], parameters)
            copies[older] = read(inventory, [rule], older)
        assert {past: read(inventory, [rule], past) for past in copies} == copies
    with inventory.bound(10) as bound:
        overlapping = bound.sql.one(
            "SELECT count(*) FROM result_range x JOIN result_range y ON y.rule = x.rule AND y.subject = x.subject"
            " AND y.from_scan > x.from_scan AND (x.to_scan IS NULL OR x.to_scan > y.from_scan)"
        )
        empty = bound.sql.one("SELECT count(*) FROM result_range WHERE to_scan <= from_scan")
    assert (overlapping, empty) == ((0,), (0,))

"""The engine on both databases: counts, digests, what it refuses, and what becomes of what could not be read."""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nhiscan.evaluate import Count, RuleFailed, evaluate
from nhiscan.findings import results
from nhiscan.inventory import Sql, empty_sql, fill
from nhiscan.inventory.views import VIEWS, ddl
from nhiscan.rule import Rule, load

AS_OF = 1_767_225_600
A, B, REGISTER = "aws/account/aws:111111111111", "aws/account/aws:222222222222", "register/register/people"
OTHER = "aws/account/aws:150000000000"
RULE = """\
id = "sample"
title = "A sample"
severity = "medium"
status = "test"
subject = "credential"
needs = ["credential:access_key"]
rationale = "Because."
false_positives = ["None."]
message = "{name} of {scope_id} is {reason}."
sql = '''
SELECT c.key AS subject,
       CASE WHEN c.state IS NULL THEN 'unknown' WHEN c.state = 'active' THEN 'fail'
            WHEN c.state = 'inactive' THEN 'skip' ELSE 'pass' END AS status,
       CASE WHEN c.state IS NULL THEN 'no-state' WHEN c.state = 'active' THEN 'in-use' END AS reason,
       CASE WHEN c.slot = 1 THEN 'high' END AS severity,
       CASE WHEN c.slot = 1 THEN 'possible' END AS confidence,
       c.name, c.slot
FROM credential c
'''
[[controls]]
ref = "TSC@2017#CC6.1"
strength = "weak"
status = "proposed"
why = "x"
[reasons]
no-state = "without a state"
in-use = "in use"
[remediation.aws]
text = "Delete {name}."
commands = ["aws iam delete-access-key --access-key-id {name}", "aws iam x --slot {slot}"]
proof = "{name} is gone."
[[examples]]
name = "all"
as_of = 2026-01-01
credential = [
  { key = "a", state = "expired" }, { key = "b", state = "active" }, { key = "c" }, { key = "d", state = "inactive" }
]
[examples.expect]
a = "pass"
b = { status = "fail", reason = "in-use" }
c = { status = "unknown", reason = "no-state" }
d = "skip"
"""
Row = Mapping[str, str | int | None]


@pytest.fixture(scope="module")
def rule(tmp_path_factory: pytest.TempPathFactory) -> Rule:
    path = tmp_path_factory.mktemp("rules") / "sample.toml"
    path.write_text(RULE, encoding="utf-8")
    return load([path])[0]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def sql(request: pytest.FixtureRequest) -> Iterator[Sql]:
    if request.param == "sqlite":
        handle = empty_sql()
    else:
        import psycopg

        handle = Sql(psycopg.connect(request.getfixturevalue("postgres_url")), "postgresql")
        for view in VIEWS:
            handle.create(ddl(view, temporary=True))
    yield handle
    handle.close()


def scopes(sql: Sql, *keys: str, planned: int = 1) -> None:
    fill(
        sql,
        "scope",
        [
            {
                "key": key,
                "provider": key.partition("/")[0],
                "kind": key.split("/")[1],
                "native_id": key.rpartition("/")[2],
                "planned": planned,
            }
            for key in keys
        ],
    )


def keys(sql: Sql, scope: str, states: Mapping[str, str | None], **more: str | int) -> None:
    fill(
        sql,
        "credential",
        [
            {
                "key": f"{scope}/access_key/{name}",
                "scope": scope,
                "kind": "access_key",
                "name": name,
                "state": state,
                **more,
            }
            for name, state in states.items()
        ],
    )


def need(sql: Sql, scope: str, complete: int, name: str = "credential:access_key") -> None:
    fill(sql, "need", [{"scope": scope, "need": name, "complete": complete, "lists": 1}])


def judge(sql: Sql, rule: Rule) -> tuple[Count, ...]:
    return evaluate(sql, [rule], {}, AS_OF).counts


def verdicts(sql: Sql) -> dict[str, tuple[Any, ...]]:
    rows = sql.rows("SELECT subject, status, reason, severity, confidence FROM verdict ORDER BY subject")
    return {subject.replace("/access_key/", " "): tuple(rest) for subject, *rest in rows}


def digest(outcomes: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{k}\t{v}\n" for k, v in sorted(outcomes.items())).encode()).hexdigest()


EVERY = {"a": "expired", "b": "active", "c": None, "d": "inactive", "ä": "active", "Z": "expired"}


def test_counts_digests_and_verdicts(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, B)
    keys(sql, A, EVERY)
    keys(sql, B, {"b": "active"}, slot=1)
    first, second = judge(sql, rule)
    subjects = {"a": "pass", "b": "fail", "c": "unknown", "d": "skip", "ä": "fail", "Z": "pass"}
    lines = {f"{A}/access_key/{name}": status for name, status in subjects.items()}
    assert first == Count("sample", A, 6, 2, 2, 1, 1, digest(lines), None)
    assert second == Count("sample", B, 1, 0, 1, 0, 0, digest({f"{B}/access_key/b": "fail"}), None)
    assert verdicts(sql) == {
        f"{A} b": ("fail", "in-use", "medium", "proven"),
        f"{A} c": ("unknown", "no-state", "medium", "proven"),
        f"{A} ä": ("fail", "in-use", "medium", "proven"),
        f"{B} b": ("fail", "in-use", "high", "possible"),
    }


def test_digests_hold_over_many_chunks(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, B)
    states = {f"{n:04d}": "active" if n % 3 else "expired" for n in range(2_500)}
    keys(sql, B, states)
    keys(sql, A, {"x": "expired"})
    count = judge(sql, rule)[1]
    lines = {f"{B}/access_key/{name}": "fail" if state == "active" else "pass" for name, state in states.items()}
    assert (count.passed, count.failed, count.sha256) == (834, 1_666, digest(lines))


def test_keys_that_do_not_begin_with_their_scope_are_counted_in_it(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, B)
    rows = [{"key": f"key-{n}", "scope": (A, B)[n % 2], "state": "active", "kind": "access_key"} for n in range(6)]
    fill(sql, "credential", rows)
    first, second = judge(sql, rule)
    assert first.sha256 == digest({f"key-{n}": "fail" for n in (0, 2, 4)})
    assert second.sha256 == digest({f"key-{n}": "fail" for n in (1, 3, 5)})


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_rows_makes_no_difference(sql: Sql, rule: Rule, seed: int) -> None:
    """Rows in the order of their keys are numbered by SQLite itself, others are looked up."""
    chance = random.Random(seed)
    scopes(sql, A, B, REGISTER)
    scopes(sql, OTHER, planned=0)
    rows: list[Row] = [
        {
            "key": f"{scope if chance.random() < 0.8 else 'key'}/access_key/{n:03d}",
            "scope": scope,
            "planned": int(scope != OTHER),
            "confirmed": int(chance.random() < 0.9),
            "kind": "access_key",
            "state": chance.choice(("active", "inactive", "expired", None)),
        }
        for n in range(300)
        for scope in [chance.choice((A, B, OTHER))]
    ]
    need(sql, A, 0)
    need(sql, B, 1)
    outcomes = []
    for ordered in (sorted(rows, key=lambda row: str(row["key"])), chance.sample(rows, len(rows))):
        fill(sql, "credential", ordered)
        outcomes.append((judge(sql, rule), verdicts(sql)))
        sql.run("DELETE FROM credential")
    assert outcomes[0] == outcomes[1]
    statuses = {str(row["key"]): None for row in rows if row["scope"] == B}
    assert outcomes[0][0][1].population == len(statuses)


def test_scopes_that_are_not_planned_are_not_judged(sql: Sql, rule: Rule) -> None:
    scopes(sql, A)
    scopes(sql, B, planned=0)
    keys(sql, A, {"a": "expired"})
    keys(sql, B, {"b": "active"}, planned=0)
    assert [count.scope for count in judge(sql, rule)] == [A]
    assert verdicts(sql) == {}


def test_a_planned_scope_without_subjects_is_there_with_nothing(sql: Sql, rule: Rule) -> None:
    scopes(sql, A)
    assert judge(sql, rule) == (Count("sample", A, 0, 0, 0, 0, 0, hashlib.sha256().hexdigest(), None),)


# --- what could not be read ---


def test_an_incomplete_need_makes_everything_unknown_and_adds_the_scope(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, B)
    keys(sql, A, EVERY)
    keys(sql, B, {"b": "active"})
    need(sql, A, 0)
    need(sql, B, 1)
    first, second = judge(sql, rule)
    assert first[2:7] == (7, 0, 0, 0, 7)
    assert first.gap == "coverage"
    assert first.sha256 == digest({A: "unknown"} | {f"{A}/access_key/{name}": "unknown" for name in EVERY})
    assert second.gap is None
    found = verdicts(sql)
    assert found[A] == ("unknown", "coverage", "medium", "proven")
    assert found[f"{A} b"] == ("unknown", "coverage", "medium", "proven")
    assert found[f"{A} c"] == ("unknown", "no-state", "medium", "proven")
    assert found[f"{B} b"][0] == "fail"


def test_a_fail_stands_where_the_rule_says_so(sql: Sql, rule: Rule) -> None:
    scopes(sql, A)
    keys(sql, A, EVERY)
    need(sql, A, 0)
    (count,) = judge(sql, replace(rule, fail_stands=True))
    assert count[2:7] == (7, 0, 2, 0, 5)
    assert verdicts(sql)[f"{A} b"][:2] == ("fail", "in-use")


def test_a_population_that_could_not_be_listed_is_not_an_empty_one(sql: Sql, rule: Rule) -> None:
    scopes(sql, A)
    need(sql, A, 0)
    (count,) = judge(sql, rule)
    assert count[2:7] == (1, 0, 0, 0, 1)
    assert verdicts(sql) == {A: ("unknown", "coverage", "medium", "proven")}


def test_the_scope_as_subject_stands_once(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, B)
    need(sql, A, 0)
    (first, second) = judge(sql, _on_scopes(rule, "SELECT s.key AS subject, 'pass' AS status FROM scope s"))
    assert (first[2:7], second[2:7]) == ((1, 0, 0, 0, 1), (1, 1, 0, 0, 0))
    assert verdicts(sql) == {A: ("unknown", "coverage", "medium", "proven")}


def _on_scopes(rule: Rule, text: str) -> Rule:
    return replace(rule, subject="scope", sql=text, columns=("subject", "status"), facts=())


PROJECT, LAST = "gcp/project/shop", "zeta/account/1"


def test_scopes_of_other_providers_are_out_of_the_rules_scope(sql: Sql, rule: Rule) -> None:
    """No row, no count and no gap, whatever the SELECT returns and however little could be read there."""
    scopes(sql, A, B, PROJECT, LAST, REGISTER)
    for scope in (A, B, PROJECT, LAST):
        keys(sql, scope, EVERY)
    keys(sql, PROJECT, {"lost": "active"}, confirmed=0)
    need(sql, PROJECT, 0)
    need(sql, PROJECT, 0, "trust")
    counts = judge(sql, replace(rule, providers=("aws",), needs=("credential:access_key", "trust")))
    assert [(count.scope, count[2:7], count.gap) for count in counts] == [
        (A, (6, 2, 2, 1, 1), None),
        (B, (6, 2, 2, 1, 1), None),
    ]
    assert {name.split(" ")[0] for name in verdicts(sql)} == {A, B}
    counts = judge(sql, replace(rule, providers=("gcp", "zeta")))
    assert [(count.scope, count.gap) for count in counts] == [(PROJECT, "coverage"), (LAST, None)]
    assert sum(count.population for count in counts) == 6 + 2 + 6


def test_a_named_provider_that_was_not_read_is_still_a_gap(sql: Sql, rule: Rule) -> None:
    """In a scope without any subject, too: that something is out of a rule's scope hides nothing that is in it."""
    scopes(sql, A, PROJECT)
    need(sql, A, 0)
    need(sql, PROJECT, 0)
    (count,) = judge(sql, replace(rule, providers=("aws",)))
    assert (count.scope, count.unknown, count.gap) == (A, 1, "coverage")
    assert verdicts(sql) == {A: ("unknown", "coverage", "medium", "proven")}


def test_people_are_needed_where_the_rule_applies(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, PROJECT)
    (count,) = judge(sql, replace(rule, providers=("gcp",), needs=("person",)))
    assert (count.scope, count.gap) == (PROJECT, "no-roster")
    scopes(sql, REGISTER)
    need(sql, REGISTER, 0, "person")
    (count,) = judge(sql, replace(rule, providers=("gcp",), needs=("person",)))
    assert (count.scope, count.gap) == (PROJECT, "roster-incomplete")


def test_the_scope_itself_as_subject_of_one_provider(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, PROJECT, B)
    of_scopes = _on_scopes(rule, "SELECT s.key AS subject, 'fail' AS status FROM scope s")
    (count,) = judge(sql, replace(of_scopes, providers=("gcp",)))
    assert (count.scope, count.failed) == (PROJECT, 1)
    assert set(verdicts(sql)) == {PROJECT}


def test_a_scope_that_not_even_has_a_name_is_judged(sql: Sql, rule: Rule) -> None:
    """Nobody knows whose it is, so nobody may leave it out."""
    keys(sql, OTHER, {"a": "active"})
    (count,) = judge(sql, replace(rule, providers=("gcp",)))
    assert (count.scope, count.failed) == (OTHER, 1)


@pytest.mark.parametrize(
    ("needed", "read", "gap"),
    [
        ("credential", "credential:password", True),
        ("credential:access_key", "credential:password", False),
        ("credential:access_key", "credential:access_key.used_at", False),
        ("credential.used_at", "credential:access_key.used_at", True),
        ("credential:access_key.used_at", "credential:access_key", False),
        ("relation:member_of", "relation", True),
        ("setting:account", "setting:password_policy", False),
    ],
)
def test_which_needs_speak_about_which(sql: Sql, rule: Rule, needed: str, read: str, gap: bool) -> None:
    scopes(sql, A)
    need(sql, A, 0, read)
    (count,) = judge(sql, replace(rule, needs=(needed,)))
    assert (count.gap is not None) == gap


def test_what_the_scan_could_not_confirm_is_unknown(sql: Sql, rule: Rule) -> None:
    scopes(sql, A)
    keys(sql, A, {"a": "expired"})
    keys(sql, A, {"b": "active", "c": None, "e": "expired"}, confirmed=0)
    (count,) = judge(sql, replace(rule, fail_stands=True))
    assert count[2:7] == (4, 1, 0, 0, 3)
    assert count.gap is None
    assert {name: row[1] for name, row in verdicts(sql).items()} == {
        f"{A} b": "unconfirmed",
        f"{A} c": "no-state",
        f"{A} e": "unconfirmed",
    }


@pytest.mark.parametrize(
    ("planned", "people", "reason"),
    [
        ((A, B), {}, "no-roster"),
        ((A, B, REGISTER), {}, "roster-incomplete"),
        ((A, B, REGISTER), {REGISTER: 0}, "roster-incomplete"),
        ((A, B, REGISTER), {REGISTER: 1}, None),
        ((A, B, REGISTER), {REGISTER: 1, B: 0}, "roster-incomplete"),
    ],
)
def test_people_are_needed_everywhere(
    sql: Sql, rule: Rule, planned: tuple[str, ...], people: Mapping[str, int], reason: str | None
) -> None:
    scopes(sql, *planned)
    keys(sql, A, {"a": "expired"})
    for scope, complete in people.items():
        need(sql, scope, complete, "person")
    gap = {count.scope: count.gap for count in judge(sql, replace(rule, needs=("person",)))}
    assert gap[A] == reason
    if reason:
        assert verdicts(sql)[f"{A} a"][:2] == ("unknown", reason)
        assert verdicts(sql)[B][:2] == ("unknown", "coverage" if B in people else reason)
    if REGISTER in planned:
        assert gap[REGISTER] == (None if people.get(REGISTER, 1) else "coverage")


# --- what a rule may not return ---


BAD = {
    "twice": (
        "SELECT c.key AS subject, 'pass' AS status FROM credential c JOIN scope s ON s.planned = 1",
        f"returns the subject '{A}/access_key/a' twice",
    ),
    "no key": (
        "SELECT c.name AS subject, 'pass' AS status FROM credential c",
        "returns the subject 'a', which is no key",
    ),
    "no subject": ("SELECT c.service AS subject, 'pass' AS status FROM credential c", "returns a row without subject"),
    "scope": (
        "SELECT c.scope AS subject, 'pass' AS status FROM credential c",
        f"returns the subject '{A}', which is no",
    ),
    "status": (
        "SELECT c.key AS subject, 'ok' AS status FROM credential c",
        f"gives '{A}/access_key/a' the status 'ok'",
    ),
    "null status": ("SELECT c.key AS subject, c.service AS status FROM credential c", "the status None"),
    "reason": (
        "SELECT c.key AS subject, 'fail' AS status, 'other' AS reason FROM credential c",
        "gives the reason 'other', which is not declared",
    ),
    "severity": (
        "SELECT c.key AS subject, 'fail' AS status, 'grave' AS severity FROM credential c",
        "gives the severity 'grave', which is not declared",
    ),
    "error": ("SELECT c.key AS subject, c.nothing AS status FROM credential c", "the database refuses it"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_rule_that_breaks_the_rules_fails_the_run(sql: Sql, rule: Rule, text: str, message: str) -> None:
    scopes(sql, A, B)
    keys(sql, A, {"a": "active"})
    columns = tuple(name for name in ("subject", "status", "reason", "severity") if f"AS {name}" in text)
    with pytest.raises(RuleFailed) as caught:
        judge(sql, replace(rule, sql=text, columns=columns, facts=()))
    assert caught.value.rule == "sample"
    assert caught.value.path == rule.path
    assert message in str(caught.value)


def test_a_rule_that_does_not_end_is_stopped(rule: Rule) -> None:
    sql = empty_sql()
    scopes(sql, A)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT c.key AS subject, 'pass' AS status FROM credential c WHERE (SELECT count(*) FROM n) > 0"
    )
    keys(sql, A, {"a": "active"})
    with pytest.raises(RuleFailed, match="the database refuses it: interrupted"):
        evaluate(sql, [replace(rule, sql=endless, columns=("subject", "status"), facts=())], {}, AS_OF, steps=5_000_000)
    assert evaluate(sql, [rule], {}, AS_OF).counts[0].failed == 1
    sql.close()


# --- in words ---


def test_results_say_what_and_how_to_put_it_right(sql: Sql, rule: Rule) -> None:
    scopes(sql, A, B)
    keys(sql, A, {"$(x)": "active", "n": None}, slot=1)
    keys(sql, B, {"k": "active"})
    need(sql, B, 0)
    judge(sql, replace(rule, fail_stands=True))
    failed, unknown, scope, other = results(sql, [rule], {}, AS_OF)
    assert failed.message == "$(x) of 111111111111 is in use."
    assert failed.remediation == "Delete $(x)."
    assert failed.commands == ("aws iam delete-access-key --access-key-id '$(x)'", "aws iam x --slot 1")
    assert failed.proof == "$(x) is gone."
    assert failed.facts == {"name": "$(x)", "slot": 1}
    assert (failed.severity, failed.confidence, failed.reason) == ("high", "possible", "in-use")
    assert unknown.message == "Could not be determined: without a state"
    assert (unknown.commands, unknown.remediation) == ((), None)
    assert (scope.subject, scope.reason, scope.facts) == (B, "coverage", {})
    assert other.commands == ("aws iam delete-access-key --access-key-id k",)


def test_like_tells_upper_from_lower_case(sql: Sql, rule: Rule) -> None:
    scopes(sql, A)
    keys(sql, A, {"SVC-1": "active", "svc-2": "active"})
    text = (
        "SELECT c.key AS subject, CASE WHEN c.name LIKE 'svc-%' THEN 'fail' ELSE 'pass' END AS status FROM credential c"
    )
    changed = replace(rule, sql=text, columns=("subject", "status"), facts=())
    judge(sql, changed)
    assert list(verdicts(sql)) == [f"{A} svc-2"]
    assert [result.subject for result in results(sql, [changed], {}, AS_OF)] == [f"{A}/access_key/svc-2"]


def test_examples_speak_about_gaps_too(tmp_path: Path) -> None:
    from nhiscan.evaluate import check

    more = """
[[examples]]
name = "keys could not be listed"
as_of = 2026-01-01
credential = [{ key = "a", state = "expired" }]
need = [{ need = "credential:access_key", complete = 0 }]
expect = { a = { status = "unknown", reason = "coverage" }, s = "unknown" }
"""
    path = tmp_path / "sample.toml"
    path.write_text(RULE + more, encoding="utf-8")
    assert check([path]) == []
    path.write_text(
        RULE + more.replace(', s = "unknown"', "").replace('a = { status = "unknown"', 'a = { status = "pass"')
    )
    first, second = check([path])
    line = RULE.count("\n") + 2
    assert (first.line, second.line) == (line, line)
    assert "a gives the status unknown, expected pass" in first.message
    assert "s gives unknown and is not expected" in second.message


def test_an_example_whose_scope_is_also_a_subject_is_refused_with_its_place(tmp_path: Path) -> None:
    from nhiscan.evaluate import check

    more = """
[[examples]]
name = "one name for two things"
as_of = 2026-01-01
scope = [{ key = "a", provider = "aws", kind = "account", native_id = "a" }]
credential = [{ key = "a", scope = "a", state = "expired" }]
expect = { a = "skip" }
"""
    path = tmp_path / "sample.toml"
    path.write_text(RULE + more, encoding="utf-8")
    (problem,) = check([path])
    assert problem.line == RULE.count("\n") + 2
    assert "a is the key of a scope and of a row of credential" in problem.message


def test_a_missing_example_lets_a_mutant_live(rule: Rule) -> None:
    from nhiscan.evaluate import surviving

    sql = empty_sql()
    assert [what for what in surviving(rule, sql) if "'high'" not in what and "'possible'" not in what] == []
    (example,) = rule.examples
    blind = replace(example, expect={**example.expect, "b": example.expect["b"]._replace(reason=None)})
    assert any("'in-use'" in what for what in surviving(replace(rule, examples=(blind,)), sql))
    sql.close()

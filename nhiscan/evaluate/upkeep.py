"""Opens, closes and reopens findings: a finding is one (rule, subject) that failed, followed from scan to scan.

Only a scan that planned the scope says anything about its findings. A fail that stands opens or reopens, whatever else
could not be read. Nothing is closed in a scope where the rule's needs were not met, and ``unknown`` changes nothing.
Every change is appended to ``finding_event``; events are never changed.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from nhiscan.evaluate.engine import Evaluation
from nhiscan.inventory import Sql
from nhiscan.rule import Rule

OPEN = "SELECT rule, subject FROM finding WHERE state = 'open'"
"""What `evaluate` is asked to settle: it tells a finding that was fixed from one whose rule no longer applies."""
OPENED = "failed"
"""Reason of the events opened and reopened."""
CLOSED = ("fixed", "not-applicable", "gone", "rule-changed")
"""Reasons of the event closed: the rule now passes; skips, or no longer returns the subject; the subject has ended; the
rule or its parameters are not what they were at the scan before, so the same facts may be judged otherwise."""


def fingerprint(rule: str, subject: str) -> str:
    """SHA-256 (hex) that names a finding for good: the same rule and subject have it in every database."""
    return hashlib.sha256(f"{rule}\x1f{subject}".encode()).hexdigest()


def upkeep(
    sql: Sql, scan: int, evaluation: Evaluation, rules: Sequence[Rule], changed: Collection[str]
) -> tuple[int, int, int]:
    """Bring the findings up to the newest scan, from what `evaluate` filled (with ``settle=OPEN``).

    ``changed`` names the rules that are not what they were. Gives the numbers opened, closed and reopened.
    """
    values = {"scan": scan, "at": evaluation.as_of}
    return (
        _open(sql, values),
        sum(_close(sql, values, evaluation, rule, changed=rule.id in changed) for rule in rules),
        _reopen(sql, values),
    )


def _open(sql: Sql, values: dict[str, int]) -> int:
    sql.run("DROP TABLE IF EXISTS fresh")
    sql.create("CREATE TEMP TABLE fresh (rule TEXT, subject TEXT, PRIMARY KEY (rule, subject))")
    sql.run(
        "INSERT INTO fresh SELECT v.rule, v.subject FROM verdict v WHERE v.status = 'fail' AND NOT EXISTS"
        " (SELECT 1 FROM finding f WHERE f.rule = v.rule AND f.subject = v.subject)"
    )
    opened = sql.run(
        "INSERT INTO finding (rule, subject, scope, state, severity, opened_scan, opened_at, fingerprint)"
        f" SELECT v.rule, v.subject, v.scope, 'open', v.severity, :scan, :at, {_fingerprint(sql)}"
        " FROM verdict v JOIN fresh n ON n.rule = v.rule AND n.subject = v.subject ORDER BY v.rule, v.subject",
        values,
    )
    _note(sql, values, "opened", f"'{OPENED}'", "JOIN fresh n ON n.rule = f.rule AND n.subject = f.subject")
    sql.run("DROP TABLE fresh")
    return opened


def _reopen(sql: Sql, values: dict[str, int]) -> int:
    failing = "FROM verdict v WHERE v.rule = finding.rule AND v.subject = finding.subject AND v.status = 'fail'"
    failed = "JOIN verdict v ON v.rule = f.rule AND v.subject = f.subject AND v.status = 'fail'"
    _note(sql, values, "reopened", f"'{OPENED}'", f"{failed} WHERE f.state = 'closed'")
    reopened = sql.run(
        "UPDATE finding SET state = 'open', opened_scan = :scan, opened_at = :at, closed_scan = NULL, closed_at = NULL"
        f" WHERE state = 'closed' AND EXISTS (SELECT 1 {failing})",
        values,
    )
    sql.run(
        f"UPDATE finding SET severity = (SELECT v.severity {failing}), scope = (SELECT v.scope {failing})"
        f" WHERE EXISTS (SELECT 1 {failing} AND (v.severity <> finding.severity OR v.scope <> finding.scope))"
    )
    return reopened


def _close(sql: Sql, values: dict[str, int], evaluation: Evaluation, rule: Rule, *, changed: bool) -> int:
    unread = {count.scope for count in evaluation.counts if count.rule == rule.id and count.gap}
    sql.run("DROP TABLE IF EXISTS closing")
    sql.create("CREATE TEMP TABLE closing (subject TEXT PRIMARY KEY, scope TEXT, reason TEXT)")
    sql.run(
        "INSERT INTO closing SELECT f.subject, f.scope,"
        f" CASE WHEN e.status = 'pass' THEN '{'rule-changed' if changed else 'fixed'}'"
        f" WHEN x.key IS NULL THEN 'gone' ELSE '{'rule-changed' if changed else 'not-applicable'}' END"
        " FROM finding f LEFT JOIN scope s ON s.key = f.scope"
        " LEFT JOIN verdict v ON v.rule = f.rule AND v.subject = f.subject"
        " LEFT JOIN settled e ON e.rule = f.rule AND e.subject = f.subject"
        f" LEFT JOIN {rule.subject} x ON x.key = f.subject"
        " WHERE f.rule = :rule AND f.state = 'open' AND v.rule IS NULL AND (s.planned = 1 OR s.key IS NULL)",
        {"rule": rule.id},
    )
    for scope in sorted(unread):
        sql.run("DELETE FROM closing WHERE scope = :scope", {"scope": scope})
    row = sql.one("SELECT count(*) FROM closing")
    closed = int(row[0]) if row else 0
    if closed:
        of_rule: dict[str, int | str] = {**values, "rule": rule.id}
        _note(sql, of_rule, "closed", "c.reason", "JOIN closing c ON c.subject = f.subject WHERE f.rule = :rule")
        sql.run(
            "UPDATE finding SET state = 'closed', closed_scan = :scan, closed_at = :at"
            " WHERE rule = :rule AND subject IN (SELECT subject FROM closing)",
            of_rule,
        )
    sql.run("DROP TABLE closing")
    return closed


def _note(sql: Sql, values: Mapping[str, int | str], event: str, reason: str, which: str) -> None:
    sql.run(
        "INSERT INTO finding_event (rule, subject, scope, scan, at, event, reason)"
        f" SELECT f.rule, f.subject, f.scope, :scan, :at, '{event}', {reason} FROM finding f {which}"
        " ORDER BY f.rule, f.subject",
        values,
    )


def _fingerprint(sql: Sql) -> str:
    """The expression that gives a verdict's fingerprint inside the database."""
    if sql.dialect == "sqlite":
        assert isinstance(sql.raw, sqlite3.Connection)
        sql.raw.create_function("nhiscan_fingerprint", 2, fingerprint, deterministic=True)
        return "nhiscan_fingerprint(v.rule, v.subject)"
    return "encode(sha256(convert_to(v.rule || chr(31) || v.subject, 'UTF8')), 'hex')"

"""Reads results: which subjects failed or could not be determined, with the facts that the rule gave, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nhiscan.inventory import Sql
from nhiscan.rule import Rule, commands, sentence

Value = str | int | None


class Result(NamedTuple):
    """One subject that failed, or whose status could not be determined. Texts hold no unseen characters."""

    rule: str
    subject: str
    scope: str
    status: str  # "fail" | "unknown"
    reason: str | None  # code
    reason_text: str | None
    confidence: str
    severity: str
    message: str
    remediation: str | None  # None where there is nothing to put right: the status is unknown
    commands: tuple[str, ...]  # for this very subject, facts quoted for a POSIX shell
    proof: str | None  # what would show that it was put right
    facts: Mapping[str, Value]  # the rule's fact columns; empty for the row of a scope


class RuleCount(NamedTuple):
    """What one rule gave in one scope of one scan, as counts."""

    rule: str
    scope: str
    population: int
    passed: int
    failed: int
    skipped: int
    unknown: int
    sha256: str  # of the lines "subject TAB status LF", sorted by subject


class _Verdict(NamedTuple):
    subject: str
    scope: str
    status: str
    reason: str | None
    confidence: str
    severity: str
    provider: str | None
    scope_native_id: str | None
    scope_name: str | None


def results(
    sql: Sql,
    rules: Sequence[Rule],
    parameters: Mapping[str, Mapping[str, int]],
    as_of: int,
    *,
    scan: int | None = None,
    all_scopes: bool = False,
    all_remedies: bool = False,
) -> Iterator[Result]:
    """Everything that failed or could not be determined, sorted by (rule, subject), streamed.

    ``sql`` shows the views of the scan. With ``scan`` the stored results of that scan are read; without it those in the
    temporary table ``verdict``, where `nhiscan.evaluate.evaluate` has just run. ``rules``, ``parameters`` and ``as_of``
    are those of the scan. ``all_scopes`` adds what earlier scans left in scopes that this scan did not plan.
    ``all_remedies`` tells how to mend also of what could not be determined: for findings that are open already.
    """
    if sql.dialect == "sqlite":
        sql.run("PRAGMA case_sensitive_like = ON")  # LIKE as PostgreSQL reads it, and as it was when the rules ran
    for rule in sorted(rules, key=lambda rule: rule.id):
        values = dict(parameters.get(rule.id) or rule.parameters())
        yield from _of_rule(sql, rule, values, as_of, scan, all_scopes=all_scopes, all_remedies=all_remedies)


def _of_rule(
    sql: Sql,
    rule: Rule,
    values: dict[str, int],
    as_of: int,
    scan: int | None,
    *,
    all_scopes: bool,
    all_remedies: bool,
) -> Iterator[Result]:
    verdicts = (
        "verdict"
        if scan is None
        else "(SELECT r.* FROM result_range r JOIN rule_run u ON u.scan = :nhiscan_scan AND u.rule = r.rule"
        " WHERE r.from_scan <= :nhiscan_scan AND (r.to_scan IS NULL OR r.to_scan > :nhiscan_scan))"
    )
    named: dict[str, str | int] = {"nhiscan_rule": rule.id}
    if scan is not None:
        named["nhiscan_scan"] = scan
    source = f"FROM {verdicts} v LEFT JOIN scope s ON s.key = v.scope"
    which = f"WHERE v.rule = :nhiscan_rule{'' if all_scopes else ' AND (s.planned = 1 OR s.key IS NULL)'}"
    columns = "v.subject, v.scope, v.status, v.reason, v.confidence, v.severity, s.provider, s.native_id, s.name"
    facts = "".join(f", f.{name}" for name in rule.facts)
    described = sql.rows(
        f"SELECT f.subject{facts} {source} JOIN ({rule.sql}\n) AS f ON f.subject = v.subject {which} ORDER BY 1",
        {**rule.bindings(values, as_of), **named},
    )
    row = next(described, None)
    for verdict in map(_Verdict._make, sql.rows(f"SELECT {columns} {source} {which} ORDER BY 1", named)):
        found: dict[str, Value] = {}
        if row is not None and row[0] == verdict.subject:
            found = {name: _plain(value) for name, value in zip(rule.facts, row[1:], strict=True)}
            row = next(described, None)
        yield _result(rule, verdict, found, values, as_of, all_remedies=all_remedies)


def _result(
    rule: Rule, verdict: _Verdict, found: dict[str, Value], values: dict[str, int], as_of: int, *, all_remedies: bool
) -> Result:
    reason = rule.reason_text(verdict.reason)
    known: dict[str, Value] = {
        **values,
        **found,
        "subject": verdict.subject,
        "scope": verdict.scope,
        "scope_id": (verdict.scope_native_id or verdict.scope).rpartition(":")[2],
        "scope_name": verdict.scope_name,
        "as_of": as_of,
        "reason": reason,
    }
    failed = verdict.status == "fail"
    remedy = None
    if failed or all_remedies:
        remedy = rule.remediation.get(verdict.provider or "any") or rule.remediation.get("any")
    return Result(
        rule=rule.id,
        subject=verdict.subject,
        scope=verdict.scope,
        status=verdict.status,
        reason=verdict.reason,
        reason_text=reason,
        confidence=verdict.confidence,
        severity=verdict.severity,
        message=sentence(rule.message, known) if failed else _undetermined(reason),
        remediation=sentence(remedy.text, known) if remedy else None,
        commands=commands(remedy.commands, known) if remedy else (),
        proof=sentence(remedy.proof, known) if remedy else None,
        facts=found,
    )


def _undetermined(reason: str | None) -> str:
    return f"Could not be determined: {reason}" if reason else "Could not be determined."


def _plain(value: Any) -> Value:
    """A fact as text, whole number or None. PostgreSQL gives truth values and, for sums, decimals."""
    return value if value is None or isinstance(value, str) else int(value)


def counts(sql: Sql, scan: int) -> list[RuleCount]:
    """The stored counts of a scan, sorted by (rule, scope). A (rule, scope) without a row had nothing to judge."""
    return [
        RuleCount._make(row)
        for row in sql.rows(
            "SELECT rule, scope, population, passed, failed, skipped, unknown, sha256 FROM rule_count"
            " WHERE scan = :scan ORDER BY rule, scope",
            {"scan": scan},
        )
    ]

"""Reads findings as of a scan: what is open, since when, and which scan last tested it."""

from collections.abc import Iterator
from typing import NamedTuple

from nhiscan.inventory import Sql


class Finding(NamedTuple):
    """A (rule, subject) that failed in some scan, as of one scan. Times are starts of scans, epoch seconds UTC."""

    fingerprint: str
    rule: str
    subject: str
    scope: str
    state: str  # "open" | "closed"
    severity: str
    first_opened_scan: int
    first_opened_at: int
    opened_scan: int  # the last time it was opened or reopened
    opened_at: int
    closed_scan: int | None
    closed_at: int | None
    reason: str | None  # of its last event: "failed"; "fixed", "not-applicable", "gone", "rule-changed"
    status: str | None  # what the rule gives now: "fail", "unknown"; None: neither, or the rule was not run
    tested_scan: int | None  # the last scan that gave an answer; before the present one: not tested since
    tested_at: int | None


class Event(NamedTuple):
    """What happened to a finding in a scan. Events are only ever appended."""

    rule: str
    subject: str
    scope: str
    scan: int
    at: int
    event: str  # "opened" | "closed" | "reopened"
    reason: str | None


_LAST = (
    "(SELECT max(x.id) FROM finding_event x WHERE x.rule = f.rule AND x.subject = f.subject AND x.scan <= :scan{which})"
)
_HOLDS = "{r}.rule = f.rule AND {r}.from_scan <= {at} AND ({r}.to_scan IS NULL OR {r}.to_scan > {at})"
# A scan tested a finding when it planned the scope, ran the rule and got an answer: neither the subject nor, unless the
# subject itself failed, the scope was unknown.
_TESTED = f"""(
    SELECT c.scan FROM scan_scope c JOIN rule_run u ON u.scan = c.scan AND u.rule = f.rule
    WHERE c.scope = f.scope AND c.scan <= :scan
      AND NOT EXISTS (SELECT 1 FROM result_range q
                      WHERE {_HOLDS.format(r="q", at="c.scan")} AND q.subject = f.subject AND q.status = 'unknown')
      AND (EXISTS (SELECT 1 FROM result_range q
                   WHERE {_HOLDS.format(r="q", at="c.scan")} AND q.subject = f.subject AND q.status = 'fail')
           OR NOT EXISTS (SELECT 1 FROM result_range q
                          WHERE {_HOLDS.format(r="q", at="c.scan")} AND q.subject = f.scope AND q.status = 'unknown'))
    ORDER BY c.scan DESC LIMIT 1)"""
_READ = f"""
SELECT f.fingerprint, f.rule, f.subject, f.scope,
       CASE l.event WHEN 'closed' THEN 'closed' ELSE 'open' END AS state,
       CASE r.status WHEN 'fail' THEN r.severity ELSE f.severity END AS severity,
       b.scan, b.at, o.scan, o.at,
       CASE l.event WHEN 'closed' THEN l.scan END, CASE l.event WHEN 'closed' THEN l.at END,
       l.reason, r.status, t.number, t.started_at
FROM finding f
JOIN finding_event l ON l.id = {_LAST.format(which="")}
JOIN finding_event o ON o.id = {_LAST.format(which=" AND x.event <> 'closed'")}
JOIN finding_event b ON b.id = {_LAST.format(which=" AND x.event = 'opened'")}
LEFT JOIN result_range r ON {_HOLDS.format(r="r", at=":scan")} AND r.subject = f.subject
LEFT JOIN scan t ON t.number = {_TESTED}
ORDER BY f.rule, f.subject"""


def findings(sql: Sql, scan: int) -> Iterator[Finding]:
    """Every finding that had been opened by a scan, open and closed, sorted by (rule, subject), streamed.

    Findings of rules that are no longer run and of scopes that are no longer scanned stay as they were left.
    """
    return map(Finding._make, sql.rows(_READ, {"scan": scan}))


def events(sql: Sql, scan: int) -> Iterator[Event]:
    """Every event up to a scan, sorted by (rule, subject) and then as they happened, streamed."""
    return map(
        Event._make,
        sql.rows(
            "SELECT rule, subject, scope, scan, at, event, reason FROM finding_event WHERE scan <= :scan"
            " ORDER BY rule, subject, id",
            {"scan": scan},
        ),
    )

"""Keeps what the rules gave as history: a row of ``result_range`` holds from the scan that gave it first up to, not
including, the scan that gave something else. What did not change costs nothing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nhiscan.evaluate.engine import Evaluation
from nhiscan.evaluate.upkeep import upkeep
from nhiscan.inventory import Sql
from nhiscan.rule import Rule

_SAME = " AND ".join(
    f"coalesce(v.{column}, '') = coalesce(r.{column}, '')"
    for column in ("scope", "status", "reason", "confidence", "severity")
)
_HOLDS = "r.from_scan <= :scan AND (r.to_scan IS NULL OR r.to_scan > :scan)"


class Kept(NamedTuple):
    """What keeping the results of one scan changed, in rows."""

    ended: int
    started: int
    opened: int
    closed: int
    reopened: int


def keep(
    sql: Sql,
    scan: int,
    evaluation: Evaluation,
    rules: Sequence[Rule],
    parameters: Mapping[str, Mapping[str, int]],
) -> Kept:
    """Store the outcome of `evaluate` (its temporary tables must still be there) as that of a scan.

    Only scopes planned by the scan and rules that were run are touched. The scan is the newest one, or an older one
    judged anew: then ranges are split so that only this scan reads differently, and findings stay as they are.
    """
    newest = sql.one("SELECT max(number) FROM scan")
    last = newest is None or newest[0] is None or newest[0] <= scan
    changed = _Rules(sql, scan, rules, parameters)
    changed.find()
    ended, started = _ranges(sql, scan, last=last)
    opened, closed, reopened = upkeep(sql, scan, evaluation, rules, changed.rules) if last else (0, 0, 0)
    changed.note()
    _counts(sql, scan, evaluation)
    sql.run("DROP TABLE judged")
    return Kept(ended, started, opened, closed, reopened)


class _Rules:
    """The rules of this run as the temporary table ``judged (rule)``, and which of them are not what they were."""

    def __init__(self, sql: Sql, scan: int, rules: Sequence[Rule], parameters: Mapping[str, Mapping[str, int]]) -> None:
        self._sql, self._scan = sql, scan
        self._now = {
            rule.id: (rule.sha256, json.dumps(dict(parameters.get(rule.id) or rule.parameters()), sort_keys=True))
            for rule in rules
        }
        self.rules: frozenset[str] = frozenset()

    def find(self) -> None:
        sql = self._sql
        sql.run("DROP TABLE IF EXISTS judged")
        sql.create("CREATE TEMP TABLE judged (rule TEXT PRIMARY KEY)")
        sql.temp_insert("judged", ("rule",), [(rule,) for rule in sorted(self._now)])
        before: dict[str, tuple[str, str]] = {}
        for rule, sha256, settings in sql.rows(
            "SELECT rule, sha256, parameters FROM rule_run WHERE scan <= :scan ORDER BY scan", {"scan": self._scan}
        ):
            before[rule] = (sha256, settings)
        self.rules = frozenset(rule for rule, now in self._now.items() if before.get(rule, now) != now)

    def note(self) -> None:
        self._sql.run("DELETE FROM rule_run WHERE scan = :scan", {"scan": self._scan})
        self._sql.many(
            "INSERT INTO rule_run (scan, rule, sha256, parameters) VALUES (?, ?, ?, ?)",
            [(self._scan, rule, *now) for rule, now in sorted(self._now.items())],
        )


def _ranges(sql: Sql, scan: int, *, last: bool) -> tuple[int, int]:
    """Ends what no longer holds, starts what is new. Gives the rows ended and started. What stays is only looked at."""
    at = {"scan": scan}
    for table in ("outdated", "starting"):
        sql.run(f"DROP TABLE IF EXISTS {table}")
    columns = "rule TEXT, subject TEXT, from_scan BIGINT, PRIMARY KEY (rule, subject)"
    sql.create(f"CREATE TEMP TABLE outdated ({columns})")
    sql.create(f"CREATE TEMP TABLE starting ({columns})")
    sql.run(
        "INSERT INTO outdated SELECT r.rule, r.subject, r.from_scan"
        " FROM judged j JOIN result_range r ON r.rule = j.rule LEFT JOIN scope s ON s.key = r.scope"
        f" LEFT JOIN verdict v ON v.rule = r.rule AND v.subject = r.subject AND {_SAME}"
        f" WHERE {_HOLDS} AND (s.planned = 1 OR s.key IS NULL) AND v.rule IS NULL",
        at,
    )
    sql.run(
        "INSERT INTO starting SELECT v.rule, v.subject, :scan FROM verdict v WHERE NOT EXISTS (SELECT 1"
        f" FROM result_range r WHERE r.rule = v.rule AND r.subject = v.subject AND {_HOLDS} AND {_SAME})",
        at,
    )
    if not last:
        sql.run(
            "INSERT INTO result_range (rule, subject, scope, status, reason, confidence, severity, from_scan, to_scan)"
            " SELECT r.rule, r.subject, r.scope, r.status, r.reason, r.confidence, r.severity, :scan + 1, r.to_scan"
            " FROM outdated o JOIN result_range r ON r.rule = o.rule AND r.subject = o.subject"
            " AND r.from_scan = o.from_scan WHERE r.to_scan IS NULL OR r.to_scan > :scan + 1",
            at,
        )
    those = "(rule, subject, from_scan) IN (SELECT rule, subject, from_scan FROM outdated"
    ended = sql.run(f"DELETE FROM result_range WHERE {those} WHERE from_scan = :scan)", at)
    ended += sql.run(f"UPDATE result_range SET to_scan = :scan WHERE {those} WHERE from_scan < :scan)", at)
    started = sql.run(
        "INSERT INTO result_range (rule, subject, scope, status, reason, confidence, severity, from_scan, to_scan)"
        " SELECT v.rule, v.subject, v.scope, v.status, v.reason, v.confidence, v.severity, :scan,"
        f" {'CAST(NULL AS BIGINT)' if last else ':scan + 1'}"
        " FROM starting t JOIN verdict v ON v.rule = t.rule AND v.subject = t.subject ORDER BY v.rule, v.subject",
        at,
    )
    sql.run("DROP TABLE outdated")
    sql.run("DROP TABLE starting")
    return ended, started


def _counts(sql: Sql, scan: int, evaluation: Evaluation) -> None:
    """The counts of every (rule, planned scope) that had anything to judge. Those without a row were empty."""
    sql.run("DELETE FROM rule_count WHERE scan = :scan", {"scan": scan})
    sql.many(
        "INSERT INTO rule_count (scan, rule, scope, population, passed, failed, skipped, unknown, sha256)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(scan, *count[:8]) for count in evaluation.counts if count.population],
    )

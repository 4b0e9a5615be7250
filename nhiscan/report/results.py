"""05-tests and 06-lifecycle: counts, results, deviations, findings."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from nhiscan.findings import Finding, Result, scope_names
from nhiscan.inventory import Sql
from nhiscan.report.material import Material, compact
from nhiscan.report.tables import Cell, Files, epoch, flow, iso

WORDS = {
    "pass": "Pass",
    "fail": "Deviation",
    "skip": "Not applicable",
    "unknown": "Could not be determined",
}
"""Status of a rule's row -> the word that people read. "Not tested" is said of a rule that did not run."""

COUNT_COLUMNS = (
    "rule", "scope", "population", "pass", "deviation", "not_applicable", "could_not_be_determined", "verdicts_sha256",
)  # fmt: skip
RESULT_COLUMNS = (
    "rule", "subject", "scope", "result", "reason", "reason_text", "severity", "confidence", "message", "facts",
    "fingerprint",
)  # fmt: skip
DEVIATION_COLUMNS = (
    "fingerprint", "rule", "rule_title", "severity", "confidence", "subject", "subject_name", "scope", "scope_name",
    "owner", "found", "open_since", "how_to_mend", "commands", "what_proves_it", "criteria",
)  # fmt: skip
FINDING_COLUMNS = (
    "fingerprint", "rule", "subject", "scope", "severity", "state", "first_opened_scan", "first_opened", "opened_scan",
    "opened", "closed_scan", "closed", "last_change", "result_now", "last_tested_scan", "last_tested",
)  # fmt: skip

_NAMES = {
    "scope": ("coalesce(x.name, x.native_id)", "NULL"),
    "identity": ("x.name", "x.key"),
    "alias": ("x.value", "x.identity"),
    "credential": ("x.name || ' of ' || coalesce(i.name, 'unknown')", "x.identity"),
    "policy": ("x.name", "NULL"),
    "access_grant": ("x.name || ' to ' || coalesce(i.name, x.principal, 'unknown')", "x.principal"),
    "relation": ("x.kind || ' ' || coalesce(i.name, 'unknown')", "x.subject"),
    "setting": ("x.name", "NULL"),
    "person": ("coalesce(x.name, x.email, x.person_id)", "NULL"),
    "access_use": ("coalesce(i.name, 'unknown') || ': ' || coalesce(x.action, x.service)", "x.identity"),
    "owner": ("coalesce(i.name, x.value)", "x.key"),
    "effective_access": ("coalesce(i.name, 'unknown') || ': ' || x.action", "x.principal"),
    "privilege": ("coalesce(i.name, 'unknown')", "x.key"),
    "escalation_path": ("coalesce(i.name, 'unknown') || ': ' || x.method", "x.principal"),
    "trust": ("coalesce(i.name, 'unknown') || ' trusts ' || x.principal", "x.identity"),
    "coverage": ("x.source", "NULL"),
    "tie_out": ("x.what", "NULL"),
}
"""View -> (SQL for what a reader calls its row ``x``, SQL for the identity ``i`` that it belongs to)."""
_BATCH = 400


class Named(NamedTuple):
    """A result with the names a reader wants."""

    result: Result
    name: str
    owner: str | None


def fingerprint(rule: str, subject: str) -> str:
    """Stable identity of a finding, the same in every format."""
    return hashlib.sha256(f"{rule}\x1f{subject}".encode()).hexdigest()


def named(sql: Sql, results: Iterable[Result], view_of: Mapping[str, str]) -> Iterator[Named]:
    """Results with the name and the owner of their subject, in the same order. ``view_of``: rule -> view."""
    batch: list[Result] = []
    for result in results:
        if batch and (len(batch) == _BATCH or result.rule != batch[0].rule):
            yield from _named(sql, batch, view_of[batch[0].rule])
            batch = []
        batch.append(result)
    if batch:
        yield from _named(sql, batch, view_of[batch[0].rule])


def _named(sql: Sql, batch: list[Result], view: str) -> Iterator[Named]:
    found: dict[str, tuple[str, str | None]] = {}
    if view in _NAMES:
        name, identity = _NAMES[view]
        marks = ", ".join(f":k{number}" for number in range(len(batch)))
        rows = sql.rows(
            f"SELECT x.key, {name}, o.value FROM {view} x LEFT JOIN identity i ON i.key = {identity}"
            f" LEFT JOIN owner o ON o.key = {identity} WHERE x.key IN ({marks})",
            {f"k{number}": result.subject for number, result in enumerate(batch)},
        )
        found = {key: (text, owner) for key, text, owner in rows}
    for result in batch:
        text, owner = found.get(result.subject, (None, None))
        if text is None:  # the row that says "this scope could not be listed" has the scope as its subject
            text = "the scope as a whole" if result.subject == result.scope else result.subject
        yield Named(result, text, owner)


class _Opened:
    """Since when a finding is open: both lists are sorted by rule and subject, so one walk over them is enough."""

    def __init__(self, findings: Iterator[Finding]) -> None:
        self._findings = findings
        self._next = next(findings, None)

    def of(self, rule: str, subject: str) -> int | None:
        while self._next is not None and (self._next.rule, self._next.subject) < (rule, subject):
            self._next = next(self._findings, None)
        found = self._next
        if found is None or (found.rule, found.subject) != (rule, subject) or found.state != "open":
            return None
        return found.opened_at


def write(material: Material, files: Files, see: Callable[[Named, int | None], None]) -> None:
    """Write 05-tests (but for the rules) and findings.csv.

    ``see`` is handed each result, with the time since when it is an open finding.
    """
    rules = {rule.id: rule for rule in material.rules}
    names = scope_names(material.sql)
    files.table("05-tests/counts", COUNT_COLUMNS, (count for count in material.counts if count.population))
    opened = _Opened(material.findings())
    view_of = {rule.id: rule.subject for rule in material.rules}
    with (
        files.open("05-tests/results", RESULT_COLUMNS, jsonl=True) as all_results,
        files.open("05-tests/deviations", DEVIATION_COLUMNS) as deviations,
    ):
        for item in named(material.sql, material.results(), view_of):
            result, rule = item.result, rules[item.result.rule]
            print_ = fingerprint(result.rule, result.subject)
            since = opened.of(result.rule, result.subject)
            see(item, since)
            all_results.row(
                (
                    result.rule,
                    result.subject,
                    result.scope,
                    WORDS[result.status],
                    result.reason,
                    result.reason_text,
                    result.severity,
                    result.confidence,
                    result.message,
                    compact(dict(result.facts)),
                    print_,
                )
            )
            if result.status == "fail":
                deviations.row(
                    (
                        print_,
                        result.rule,
                        rule.title,
                        result.severity,
                        result.confidence,
                        result.subject,
                        item.name,
                        result.scope,
                        names.get(result.scope, result.scope),
                        item.owner,
                        result.message,
                        None if since is None else iso(since),
                        None if result.remediation is None else flow(result.remediation),
                        "\n".join(result.commands),
                        None if result.proof is None else flow(result.proof),
                        ", ".join(control.ref for control in rule.controls),
                    )
                )
    files.table("06-lifecycle/findings", FINDING_COLUMNS, map(_finding_row, material.findings()))


def _finding_row(finding: Finding) -> tuple[Cell, ...]:
    def when(at: int | None) -> str | None:
        return None if at is None else iso(at)

    return (
        finding.fingerprint,
        finding.rule,
        finding.subject,
        finding.scope,
        finding.severity,
        finding.state,
        finding.first_opened_scan,
        when(finding.first_opened_at),
        finding.opened_scan,
        when(finding.opened_at),
        finding.closed_scan,
        when(finding.closed_at),
        finding.reason,
        None if finding.status is None else WORDS[finding.status],
        finding.tested_scan,
        when(finding.tested_at),
    )


def finding_of(row: Mapping[str, str]) -> Finding:
    """The finding that a row of findings.csv (its protection taken off) was made from. Raises KeyError, ValueError."""
    status = {word: name for name, word in WORDS.items()}
    return Finding(
        fingerprint=row["fingerprint"],
        rule=row["rule"],
        subject=row["subject"],
        scope=row["scope"],
        state=row["state"],
        severity=row["severity"],
        first_opened_scan=int(row["first_opened_scan"]),
        first_opened_at=epoch(row["first_opened"]),
        opened_scan=int(row["opened_scan"]),
        opened_at=epoch(row["opened"]),
        closed_scan=int(row["closed_scan"]) if row["closed_scan"] else None,
        closed_at=epoch(row["closed"]) if row["closed"] else None,
        reason=row["last_change"] or None,
        status=status[row["result_now"]] if row["result_now"] else None,
        tested_scan=int(row["last_tested_scan"]) if row["last_tested_scan"] else None,
        tested_at=epoch(row["last_tested"]) if row["last_tested"] else None,
    )

"""Findings as rows: what is wrong, where, since when, why it matters, how to fix it, and what would prove the fix."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from nhiscan.cli.moments import iso
from nhiscan.cli.output import Column
from nhiscan.model import SEVERITIES
from nhiscan.text import plural

if TYPE_CHECKING:
    from nhiscan.cli.reading import Reading
    from nhiscan.findings import Finding, Result
    from nhiscan.rule import Rule

FIELDS = (
    "fingerprint", "rule", "title", "severity", "confidence", "state", "status", "scope", "scope_name", "subject",
    "message", "reason", "reason_text", "first_opened_at", "opened_at", "opened_scan", "closed_at", "closed_scan",
    "closed_reason", "tested_at", "tested_scan", "why", "remediation", "commands", "proof", "controls", "facts",
)  # fmt: skip

COLUMNS = (
    Column("severity", "severity"),
    Column("state", "shown_state"),
    Column("since", "since"),
    Column("in", "scope_name"),
    Column("rule", "rule"),
    Column("what", "message"),
)

Row = Mapping[str, Any]


def rows(
    stored: "Reading", rules: Sequence["Rule"], parameters: Mapping[str, Mapping[str, int]], *, everything: bool
) -> Iterator[Row]:
    """Findings of a stored scan, sorted by (rule, subject), streamed.

    Open ones; with ``everything`` also closed ones, and what could not be determined and is no finding.
    ``parameters`` are those that the scan was judged by.
    """
    from nhiscan.findings import findings, results

    by_id = {rule.id: rule for rule in rules}
    number, as_of = stored.info.number, stored.info.started_at
    found = findings(stored.sql, number)
    given = results(stored.sql, rules, parameters, as_of, scan=number, all_scopes=True, all_remedies=True)
    for finding, result in _together(found, given):
        if finding is None:
            if everything and result is not None:
                yield _row(stored, by_id.get(result.rule), None, result)
        elif everything or finding.state == "open":
            yield _row(stored, by_id.get(finding.rule), finding, result)


def _together(
    found: Iterator["Finding"], given: Iterator["Result"]
) -> Iterator[tuple["Finding | None", "Result | None"]]:
    """Pairs of the same (rule, subject); both come sorted by it."""
    finding, result = next(found, None), next(given, None)
    while finding is not None or result is not None:
        left = (finding.rule, finding.subject) if finding else None
        right = (result.rule, result.subject) if result else None
        if right is None or (left is not None and left <= right):
            yield finding, result if left == right else None
            result = next(given, None) if left == right else result
            finding = next(found, None)
        else:
            yield None, result
            result = next(given, None)


def _row(stored: "Reading", rule: "Rule | None", finding: "Finding | None", result: "Result | None") -> Row:
    first = finding or result
    assert first is not None
    state = finding.state if finding else "undetermined"
    row: dict[str, Any] = {
        "rule": first.rule,
        "subject": first.subject,
        "scope": first.scope,
        "scope_name": stored.scope_names.get(first.scope, first.scope),
        "severity": first.severity,
        "state": state,
        "title": rule.title if rule else None,
        "why": " ".join(rule.rationale.split()) if rule else None,
        "controls": [control.ref for control in rule.controls] if rule else [],
        "message": f"{rule.title}: {first.subject}" if rule else first.subject,
        "commands": [],
        "facts": {},
    }
    if result is not None:
        row |= {
            "status": result.status,
            "confidence": result.confidence,
            "reason": result.reason,
            "reason_text": result.reason_text,
            "message": result.message if result.status == "fail" else _undetermined(result),
            "facts": dict(result.facts),
        }
    if result is not None and finding is not None:  # what was never found to be wrong is not to be mended
        row |= {"remediation": result.remediation, "commands": list(result.commands), "proof": result.proof}
    untested = False
    if finding is not None:
        untested = state == "open" and (finding.tested_scan or 0) < stored.info.number
        row |= {
            "fingerprint": finding.fingerprint,
            "first_opened_at": iso(finding.first_opened_at),
            "opened_at": iso(finding.opened_at),
            "opened_scan": finding.opened_scan,
            "closed_at": iso(finding.closed_at),
            "closed_scan": finding.closed_scan,
            "closed_reason": finding.reason if state == "closed" else None,
            "tested_at": iso(finding.tested_at),
            "tested_scan": finding.tested_scan,
        }
    row["since"] = (row.get("opened_at") or "")[:10]
    row["shown_state"] = f"{state}, not tested since scan {finding.tested_scan}" if finding and untested else state
    return row


def _undetermined(result: "Result") -> str:
    """The message of a rule says what is wrong, so it cannot be used; this one names the subject all the same."""
    name, arn = result.facts.get("name"), result.facts.get("arn") or result.facts.get("identity_arn")
    named = f"{name} ({arn})" if name and arn and name != arn else name or arn or result.subject
    return f"{named}: {result.message[:1].lower()}{result.message[1:]}"


def worst_first(rows_: Iterable[Row]) -> Iterator[Row]:
    """The same rows by severity, else in their order. They wait on disk: there may be a million."""
    with ExitStack() as stack:
        held = {
            name: stack.enter_context(tempfile.SpooledTemporaryFile(max_size=1 << 20, mode="w+", encoding="utf-8"))
            for name in reversed(SEVERITIES)
        }
        for row in rows_:
            held[row["severity"]].write(json.dumps(row) + "\n")
        for file in held.values():
            file.seek(0)
            yield from map(json.loads, file)


def by_severity(rows_: Iterable[Row]) -> dict[str, int]:
    """Open findings by severity, the worst first, those without any left out."""
    counted = Counter(row["severity"] for row in rows_ if row["state"] == "open")
    return {name: counted[name] for name in reversed(SEVERITIES) if counted[name]}


def reaches(counted: Mapping[str, int], fail_on: str) -> bool:
    """Is an open finding of severity ``fail_on`` or above among them? Never for "none"."""
    if fail_on == "none":
        return False
    return any(counted.get(name) for name in SEVERITIES[SEVERITIES.index(fail_on) :])


def in_words(counted: Mapping[str, int]) -> str:
    """3 findings (1 critical, 2 high)"""
    total = sum(counted.values())
    parts = ", ".join(f"{number} {name}" for name, number in counted.items())
    return plural(total, "open finding") + (f" ({parts})" if parts else "")


def as_judged(
    stored: "Reading", rules: Sequence["Rule"], parameters: Mapping[str, Mapping[str, int]]
) -> tuple[dict[str, dict[str, int]], list[str]]:
    """The parameters that the stored results rest on, and the rules that are no longer what they were then."""
    judged: dict[str, dict[str, int]] = {}
    changed: list[str] = []
    by_id = {rule.id: rule for rule in rules}
    for name, sha256, text in stored.sql.rows(
        "SELECT rule, sha256, parameters FROM rule_run WHERE scan = :scan ORDER BY rule", {"scan": stored.info.number}
    ):
        values = json.loads(text)
        rule = by_id.get(name)
        if rule is None or rule.sha256 != sha256 or dict(parameters[name]) != values:
            changed.append(name)
        if rule is not None:
            judged[name] = {**parameters[name], **{key: value for key, value in values.items() if key in rule.params}}
    return judged, changed

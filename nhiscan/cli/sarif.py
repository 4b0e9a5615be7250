"""SARIF 2.1.0 of findings, for code-scanning screens.

SARIF is made for lines of code, and identities have none: a result points at a path made from its scope, the same in
each run, so that a screen does not close and open it again. Words for severities as in every other format of nhiscan.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nhiscan import __version__

if TYPE_CHECKING:
    from nhiscan.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}
MOST_TAGS = 20


def document(
    rules: Sequence["Rule"], scan: Mapping[str, Any], gaps: Iterable[str], rows: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """The document, piece by piece; ``rows`` as `nhiscan.cli.findings` makes them, ``gaps`` one sentence each."""
    places = {rule.id: place for place, rule in enumerate(rules)}
    gaps = list(gaps)
    invocation: dict[str, Any] = {"executionSuccessful": not gaps}
    if scan.get("started_at") and scan.get("ended_at"):
        invocation |= {"startTimeUtc": scan["started_at"], "endTimeUtc": scan["ended_at"]}
    if gaps:
        invocation["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": gap}, "descriptor": {"id": "coverage"}} for gap in gaps
        ]
    head = {
        "tool": {"driver": {"name": "nhiscan", "version": __version__, "rules": [_rule(rule) for rule in rules]}},
        "automationDetails": {"id": "nhiscan/"},
        "invocations": [invocation],
    }
    yield f'{{\n  "$schema": {json.dumps(SCHEMA)},\n  "version": "2.1.0",\n  "runs": [{{\n'
    for key, value in head.items():
        yield f"    {json.dumps(key)}: {json.dumps(value)},\n"
    yield '    "results": ['
    first = True
    for row in rows:
        yield ("\n      " if first else ",\n      ") + json.dumps(_result(row, places))
        first = False
    yield "]\n  }]\n}\n" if first else "\n    ]\n  }]\n}\n"


def failed(message: str) -> str:
    """The document of a run that broke off."""
    invocation = {
        "executionSuccessful": False,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": message}}],
    }
    driver = {"name": "nhiscan", "version": __version__}
    run = {"tool": {"driver": driver}, "invocations": [invocation], "results": []}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: "Rule") -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(rule.rationale.split())},
        "help": {"text": "\n".join([rule.title, *(how.text.strip() for how in rule.remediation.values())])},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", *(control.ref for control in rule.controls)][:MOST_TAGS],
            "security-severity": SCORES[rule.severity],
        },
    }


def _result(row: Mapping[str, Any], places: Mapping[str, int]) -> dict[str, Any]:
    """One finding. A closed one passes; one that cannot be determined stays open."""
    kind = {"open": "fail", "closed": "pass"}.get(str(row["state"]), "open")
    result: dict[str, Any] = {
        "ruleId": row["rule"],
        "kind": kind,
        "level": LEVELS[row["severity"]] if kind == "fail" else "none",
        "message": {"text": row["message"] or row["title"]},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": f"nhiscan/{quote(row['scope'], safe='/')}.jsonl"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": row["subject"], "kind": "resource"}],
            }
        ],
    }
    if fingerprint := row.get("fingerprint"):  # what could not be determined and never failed is no finding
        result["partialFingerprints"] = {"nhiscan/v1": fingerprint, "primaryLocationLineHash": fingerprint}
    if row["rule"] in places:
        result["ruleIndex"] = places[row["rule"]]
    return result

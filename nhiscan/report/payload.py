"""What lies below ``data/``, file by file. All of it but the first part follows from the first part.

`write_sources` writes what a package is made from: the tables that the rules saw, the calls, the documents, the rules.
`write_derived` writes what follows from those. `nhiscan verify` reads the first, writes the second again and compares.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nhiscan.access.names import Names
from nhiscan.findings import scope_names
from nhiscan.inventory.views import VIEWS
from nhiscan.model import Call
from nhiscan.report import html, judged, page, population, reach, results
from nhiscan.report.material import FORMAT, Calls, Material, canonical, compact
from nhiscan.report.tables import Cell, Files, epoch, flow, iso
from nhiscan.rule.definition import Rule
from nhiscan.transcript import in_order

REPORT = "01-report/report.html"
README = "00-README.html"
SCOPE = "02-scope/scope.json"
PARAMETERS = "02-scope/parameters.json"
DOCUMENTS = "03-population/documents.jsonl"
REFERENCES = "03-population/reference"
TRANSCRIPT = "04-collection/transcript.jsonl"
CALLER = "04-collection/caller.json"
INPUTS = "06-lifecycle/inputs.csv"

DOCUMENT_COLUMNS = ("digest", "kind", "text")
CALL_COLUMNS = (
    "seq", "scope", "source", "service", "operation", "parameters", "endpoint", "page", "items", "end_of_list",
    "status", "error", "request_id", "attempts", "started", "ended", "response_sha256",
)  # fmt: skip
INPUT_COLUMNS = ("file", "sha256", "rows", "about")
CONTROL_COLUMNS = (
    "framework", "criterion", "rule", "rule_title", "test", "frequency", "type", "severity", "strength",
    "mapping_status", "why", "population", "deviations", "could_not_be_determined", "result",
)  # fmt: skip
GRACE = "grace_days"
"""Parameter of the rules on leavers: days allowed for revoking, counted from the end of the last day."""


def inventory_file(table: str) -> str:
    return f"03-population/inventory/{table}.jsonl"


def reference_file(provider: str) -> str:
    return f"{REFERENCES}/{provider}.json"


class About(NamedTuple):
    """A line of the index of files."""

    name: str
    about: str
    rows: int | None


ABOUT = {
    REPORT: "The report for people: results, limitations, every rule with what it found.",
    SCOPE: "What the package is about: scan, scopes, connectors, versions.",
    "02-scope/limitations.csv": "What could not be read or proven.",
    PARAMETERS: "The thresholds in force for each rule, with the defaults.",
    "02-scope/controls.csv": "Criteria, the rules that test them, how strongly, and what came out.",
    "03-population/keys.csv": "Every credential of the planned scopes.",
    "03-population/keys.jsonl": "The same, a JSON object a line.",
    "03-population/identities.csv": "Every identity of the planned scopes, with its owner and whether it is a machine.",
    "03-population/identities.jsonl": "The same, a JSON object a line.",
    "03-population/grants.csv": "Who holds which policy or role.",
    "03-population/grants.jsonl": "The same, a JSON object a line.",
    "03-population/access.csv": "How far the rights of each identity go: level, limits, whom it can become.",
    "03-population/escalation-paths.csv": "Ways to more rights than an identity has, hop by hop, and what breaks each.",
    "03-population/escalation-paths.jsonl": "The same, a JSON object a line.",
    "03-population/tie-out.csv": "Two independent counts of the same population, and their difference.",
    DOCUMENTS: "Policy documents by digest: what effective access and trust are worked out from.",
    TRANSCRIPT: "Each API call: parameters without secrets, page, items, answer's digest.",
    CALLER: "Who called, with which versions.",
    "05-tests/counts.csv": "By rule and scope: population, passes, deviations, and a digest that proves the passes.",
    "05-tests/results.csv": "Every item that did not pass, with the facts the verdict rests on.",
    "05-tests/results.jsonl": "The same, a JSON object a line.",
    "05-tests/deviations.csv": "The deviations alone, for people: owner, since when, how to mend it, what proves it.",
    "06-lifecycle/findings.csv": "Deviations followed across scans: opened, closed.",
    "06-lifecycle/leavers.csv": "People who left, joined to the credentials they own.",
    "06-lifecycle/inputs.csv": "Files that were handed in: digest, rows, as of when.",
}


def call_rows(
    transcript: Iterable[tuple[str, str, Sequence[Call]]], calls: Calls
) -> Iterator[tuple[Cell | dict[str, Any], ...]]:
    """Rows of transcript.jsonl, numbered after sorting: never in order of arrival, which threads change."""
    seq = 0
    for scope, source, listed in sorted(transcript, key=lambda entry: entry[:2]):
        for call in in_order(listed):
            seq += 1
            row = call_row(seq, scope, source, call)
            calls.add(dict(zip(CALL_COLUMNS, row, strict=True)))
            yield row


def call_row(seq: int, scope: str, source: str, call: Call) -> tuple[Cell | dict[str, Any], ...]:
    """The row of one call."""
    return (
        seq,
        scope,
        source,
        call.service,
        call.operation,
        _object(call.parameters),
        call.endpoint,
        call.page,
        call.items,
        call.end_of_list,
        call.status,
        call.error,
        call.request_id,
        call.attempts,
        iso(call.started_at),
        iso(call.ended_at),
        call.response_sha256,
    )


def _object(parameters: str) -> Any:
    """Parameters as an object where the very same text can be made from it again, else as text."""
    try:
        found = json.loads(parameters)
    except ValueError:
        return parameters
    return found if isinstance(found, dict) and compact(found) == parameters else parameters


def call_of(row: Mapping[str, Any]) -> Call:
    """The call that a row of transcript.jsonl was made from. Raises KeyError, TypeError, ValueError."""
    values = {name: row[name] for name in Call._fields if name in row}
    if not isinstance(row["parameters"], str):
        values["parameters"] = compact(row["parameters"])
    return Call(**values, started_at=epoch(row["started"]), ended_at=epoch(row["ended"]))


def write_sources(
    material: Material,
    files: Files,
    documents: Iterable[Sequence[Cell]],
    transcript: Iterable[tuple[str, str, Sequence[Call]]],
) -> None:
    """Write what everything else follows from. Fills ``material.calls``."""
    population.inventory(material.sql, files)
    files.lines(DOCUMENTS, DOCUMENT_COLUMNS, documents)
    files.lines(TRANSCRIPT, CALL_COLUMNS, call_rows(transcript, material.calls))
    for provider, text in sorted(material.references.items()):
        files.text(reference_file(provider), text)
    files.text(CALLER, canonical(material.caller))
    for rule in sorted(material.rules, key=lambda rule: rule.id):
        files.text(judged.rule_file(rule), rule.text)


def write_derived(material: Material, files: Files) -> page.Page:
    """Write what follows from the sources; gives the values of the report."""
    sql, calls = material.sql, material.calls
    calls.above = population.read_above(sql)
    files.table("03-population/keys", population.KEY_COLUMNS, population.keys(sql, calls), jsonl=True)
    files.table("03-population/identities", population.IDENTITY_COLUMNS, population.identities(sql, calls), jsonl=True)
    files.table("03-population/grants", population.GRANT_COLUMNS, population.grants(sql, calls), jsonl=True)
    names = Names(sql)
    files.table("03-population/access", reach.ACCESS_COLUMNS, reach.access(sql, names))
    files.table("03-population/escalation-paths", reach.PATH_COLUMNS, reach.escalation_paths(sql, names), jsonl=True)
    files.table("03-population/tie-out", population.TIE_COLUMNS, population.ties(sql))
    files.table("02-scope/limitations", population.GAP_COLUMNS, population.gaps(sql))
    files.text(PARAMETERS, canonical(_parameters(material.rules, material.parameters)))
    made = judged.tests(material)
    seen = judged.Collector({test.rule.id: test for test in made}, scope_names(sql))
    results.write(material, files, seen.see)
    gone = _leavers(material, files)
    files.table("06-lifecycle/inputs", INPUT_COLUMNS, _inputs(material))
    values = page.page(material, made, seen, gone, reach.reach(sql, names))
    files.table("02-scope/controls", CONTROL_COLUMNS, _controls(made))
    files.text(SCOPE, canonical(_scope(material, values)))
    script = html.asset("table.js")
    _page(files, REPORT, "report.html.j2", {"page": values}, material.package, script, seen.table())
    _page(
        files,
        README,
        "readme.html.j2",
        {"page": values, "files": _index(material, files)},
        material.package,
        None,
        None,
    )
    return values


def _index(material: Material, files: Files) -> list[About]:
    """Every file of the package with the number of its rows."""
    about = ABOUT | {
        inventory_file(table): f"The table {table}, with the values that the rules saw." for table in VIEWS
    }
    beside = "worked with besides the population, such as the list of actions."
    about |= {reference_file(provider): f"What the analyzer of {provider} {beside}" for provider in material.references}
    index = [About(name, about[name], files.rows.get(name)) for name in sorted(about)]
    return [*index, About("05-tests/rules/", "The rules as run.", len(material.rules))]


def _page(
    files: Files, name: str, template: str, values: Mapping[str, Any], package: str, script: str | None, payload: object
) -> None:
    with files.payload.open(f"data/{name}") as file:
        for piece in html.render(template, values, package=package, script=script, payload=payload):
            file.write(piece)


def _parameters(rules: Sequence[Rule], parameters: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    return {
        rule.id: {
            name: {"value": value, "default": rule.params[name].default, "unit": rule.params[name].unit}
            for name, value in parameters.get(rule.id, {}).items()
        }
        for rule in rules
    }


def _controls(made: Sequence[judged.Test]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [
        (
            control.framework,
            control.item,
            test.rule.id,
            test.rule.title,
            "the whole population, no sample",
            "each scan",
            "automated, detective",
            test.rule.severity,
            control.strength,
            control.status,
            flow(control.why),
            test.total.population,
            test.total.failed,
            test.total.unknown,
            results.WORDS[test.result],
        )
        for test in made
        for control in test.rule.controls
    ]
    return sorted(rows, key=lambda row: row[:3])


def _leavers(material: Material, files: Files) -> page.Leavers:
    grace = [values[GRACE] for _, values in sorted(material.parameters.items()) if GRACE in values]
    rows = population.leavers(material.sql, material.scan.started_at, min(grace, default=0))

    with files.open("06-lifecycle/leavers", population.LEAVER_COLUMNS) as table:

        def written() -> Iterator[tuple[Cell, ...]]:
            for row in rows:
                table.row(row)
                yield row

        return page.leavers_seen(written(), population.has_roster(material.sql))


def _inputs(material: Material) -> list[tuple[Cell, ...]]:
    return sorted(tuple(_cell(entry.get(column)) for column in INPUT_COLUMNS) for entry in material.inputs)


def _cell(value: object) -> Cell:
    return value if isinstance(value, str | int) or value is None else json.dumps(value, sort_keys=True)


def _scope(material: Material, values: page.Page) -> dict[str, Any]:
    """``02-scope/scope.json``: what the package is about."""
    return {
        "format": FORMAT,
        "package": material.package,
        "cover": dict(zip(("organisation", "system", "contact"), material.cover, strict=True)),
        "scan": {
            "number": material.scan.number,
            "run": material.scan.run,
            "started": iso(material.scan.started_at),
            "ended": iso(material.scan.ended_at),
        },
        "nhiscan": material.scan.version,
        "written_by": material.written_by,
        "connectors": list(material.scan.connectors),
        "rules_sha256": material.scan.rules_sha256,
        "rules_not_run": list(material.untested),
        "scopes": {
            "planned": [scope["key"] for scope in values.scopes_in],
            "known_but_not_planned": [scope["key"] for scope in values.scopes_out],
        },
        "population_proven_complete": values.complete,
        "redaction": "none: secret values are never collected",
        "frameworks": sorted({control.framework for rule in material.rules for control in rule.controls}),
    }

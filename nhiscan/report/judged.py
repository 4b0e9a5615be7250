"""What the rules gave, as the report tells it: each rule with its numbers and first rows, and the criteria above them.

Rows above a cap stand in the CSV beside the page, and the page says so.
"""

import re
import tomllib
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nhiscan import data
from nhiscan.findings import RuleCount, scope_names
from nhiscan.model import SEVERITIES
from nhiscan.report import html
from nhiscan.report.material import Material
from nhiscan.report.results import WORDS, Named
from nhiscan.report.tables import flow, iso
from nhiscan.rule.definition import Rule
from nhiscan.text import visible

CAP_EMBEDDED = 50_000  # rows of the searchable table
CAP_RULE = 100  # rows printed under each rule
WORST_FIRST = tuple(reversed(SEVERITIES))


class Total(NamedTuple):
    """Items by result. ``population`` is their sum."""

    population: int
    passed: int
    failed: int
    skipped: int
    unknown: int


def total(counts: Iterable[RuleCount]) -> Total:
    rows = [count[2:7] for count in counts]
    return Total(*(sum(int(row[place]) for row in rows) for place in range(5)))


class Row(NamedTuple):
    """An item that did not pass, as printed."""

    status: str
    severity: str
    name: str
    scope_name: str
    message: str
    opened_at: int | None
    commands: tuple[str, ...]


class ScopeCount(NamedTuple):
    scope_name: str
    population: int
    passed: int
    failed: int
    skipped: int
    unknown: int


class Parameter(NamedTuple):
    name: str
    value: int
    unit: str


class Remedy(NamedTuple):
    provider: str
    text: str
    proof: str


@dataclass
class Test:
    """One rule with what it gave."""

    rule: Rule
    total: Total
    scopes: list[ScopeCount]
    parameters: list[Parameter]
    rows: list[Row] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        """Templates ask for the rule's own words and for the numbers by their names."""
        if name in Total._fields:
            return getattr(self.total, name)
        return getattr(self.rule, name)

    @property
    def anchor(self) -> str:
        return "rule-" + re.sub(r"[^a-z0-9-]", "-", self.rule.id.lower())

    @property
    def file(self) -> str:
        return rule_file(self.rule)

    @property
    def result(self) -> str:
        """One word for the whole rule: the worst that must not be overlooked."""
        if self.total.failed:
            return "fail"
        if self.total.unknown:
            return "unknown"
        return "pass" if self.total.passed else "skip"

    @property
    def remedies(self) -> list[Remedy]:
        names = {"any": "any provider"}
        return [
            Remedy(names.get(provider, provider), remedy.text, remedy.proof)
            for provider, remedy in sorted(self.rule.remediation.items())
        ]


def rule_file(rule: Rule) -> str:
    """Where the rule lies in a package, below ``data/``."""
    return f"05-tests/rules/{rule.id}.toml"


class Line(NamedTuple):
    """A rule under a criterion."""

    test: Test
    strength: str
    status: str


class Item(NamedTuple):
    id: str
    words: str
    rules: list[Line]


class Framework(NamedTuple):
    title: str
    items: list[Item]
    without: list[str]


class Severity(NamedTuple):
    severity: str
    failed: int
    rules: int


class Collector:
    """Sees each result once and keeps what the page prints and what its table searches."""

    def __init__(self, tests: Mapping[str, Test], names: Mapping[str, str]) -> None:
        self._tests = tests
        self._names = names
        self.listed = 0
        self.failed_by_severity: Counter[str] = Counter()
        self.rules_by_severity: dict[str, set[str]] = {}
        self._columns: dict[str, list[str]] = {name: [] for name, *_ in _COLUMNS}

    def see(self, item: Named, opened_at: int | None) -> None:
        result, test = item.result, self._tests[item.result.rule]
        self.listed += 1
        if result.status == "fail":
            self.failed_by_severity[result.severity] += 1
            self.rules_by_severity.setdefault(result.severity, set()).add(result.rule)
        message = flow(result.message)
        scope = self._names.get(result.scope, result.scope)
        commands = tuple(line for command in result.commands for line in command.splitlines())
        _insert(test.rows, Row(result.status, result.severity, item.name, scope, message, opened_at, commands))
        if self.listed <= CAP_EMBEDDED:
            cells = {
                "severity": result.severity.capitalize(),
                "result": WORDS[result.status],
                "rule": flow(test.rule.title),
                "item": visible(item.name),
                "scope": visible(scope),
                "message": visible(message),
                "owner": visible(item.owner) if item.owner else "none known",
                "opened": "" if opened_at is None else iso(opened_at),
                "confidence": (result.confidence or "").capitalize(),
                "subject": visible(result.subject),
            }
            for name, values in self._columns.items():
                values.append(cells[name])

    @property
    def embedded(self) -> int:
        return min(self.listed, CAP_EMBEDDED)

    def table(self) -> dict[str, Any]:
        """The data of the searchable table, by columns."""
        columns = [
            html.column(name, label, self._columns[name], order=order, **look) for name, label, order, look in _COLUMNS
        ]
        return {"rows": self.embedded, "columns": columns}


def _insert(rows: list[Row], row: Row) -> None:
    """Deviations come first, the worst of them before all, whatever the order in which subjects come."""
    if len(rows) < CAP_RULE or _rank(row) < _rank(rows[-1]):
        insort(rows, row, key=_rank)
        del rows[CAP_RULE:]


def _rank(row: Row) -> tuple[bool, int]:
    return row.status != "fail", WORST_FIRST.index(row.severity)


_CHIPS = {word: word.lower() for word in map(str.capitalize, SEVERITIES)}
_COLUMNS: Sequence[tuple[str, str, Sequence[str], Mapping[str, Any]]] = (
    ("severity", "Severity", [word.capitalize() for word in WORST_FIRST], {"width": "6.6rem", "choose": True,
        "chip": _CHIPS}),
    ("item", "Item", (), {"width": "15rem", "opens": True}),
    ("result", "Result", list(WORDS.values()), {"width": "14.8rem", "choose": True,
        "chip": {"Deviation": "fail", "Could not be determined": "unknown"}}),
    ("rule", "Rule", (), {"width": "17rem", "choose": True}),
    ("scope", "Scope", (), {"width": "13rem", "choose": True}),
    ("message", "What was found", (), {"width": "34rem"}),
    ("owner", "Owner", (), {}),
    ("opened", "Open since", (), {}),
    ("confidence", "Confidence", ("Proven", "Conditional", "Possible", ""), {}),
    ("subject", "Key", (), {}),
)  # fmt: skip


def tests(material: Material) -> list[Test]:
    """The rules that ran, the most severe first."""
    names = scope_names(material.sql)
    by_rule: dict[str, list[RuleCount]] = {rule.id: [] for rule in material.rules}
    for count in material.counts:
        if count.population:
            by_rule[count.rule].append(count)
    made = []
    for rule in material.rules:
        values = material.parameters.get(rule.id, {})
        made.append(
            Test(
                rule,
                total(by_rule[rule.id]),
                [ScopeCount(names.get(count.scope, count.scope), *count[2:7]) for count in by_rule[rule.id]],
                [Parameter(name, values[name], rule.params[name].unit) for name in sorted(values)],
            )
        )
    return sorted(made, key=lambda test: (WORST_FIRST.index(test.rule.severity), test.rule.id))


def frameworks(made: Sequence[Test]) -> list[Framework]:
    """Criteria -> rules, with our own words for each criterion, in the order of the catalogue files."""
    paths = sorted((data.folder("reports") / "frameworks").glob("*.toml"))
    catalogues = [tomllib.loads(path.read_text(encoding="utf-8")) for path in paths]
    known = {catalogue["id"]: catalogue for catalogue in catalogues}
    by_ref: dict[str, dict[str, list[Line]]] = {}
    for test in made:
        for control in test.rule.controls:
            line = Line(test, control.strength, control.status)
            by_ref.setdefault(control.framework, {}).setdefault(control.item, []).append(line)
    result = []
    # the criteria that the package is about come first
    order = sorted(by_ref, key=lambda name: (not name.startswith("TSC@"), name not in known, name))
    for name in order:
        catalogue = known.get(name, {"title": name, "items": []})
        items = {item["id"]: item for item in catalogue["items"]}
        mapped = by_ref[name]
        place = {item: number for number, item in enumerate(items)}
        lines = [
            Item(item, flow(str(items.get(item, {}).get("words", ""))), mapped[item])
            for item in sorted(mapped, key=lambda item: (place.get(item, len(place)), _natural(item)))
        ]
        missing = [item for item, entry in items.items() if item not in mapped and entry.get("strength") != "none"]
        title = catalogue["title"] if catalogue["title"] == name else f"{catalogue['title']} ({name})"
        result.append(Framework(title, lines, missing))
    return result


def _natural(item: str) -> list[tuple[int, str]]:
    """Sorts 2.4 before 2.10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", item) if part]

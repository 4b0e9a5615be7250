"""What every file of a package is made from.

The same `Material` is made from an inventory (to write a package) and from a package (to perform it again), and the
same writers turn it into files. So a package whose files do not follow from its own population is found out.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nhiscan.findings import Finding, Result, RuleCount
from nhiscan.inventory import Sql
from nhiscan.rule.definition import Rule

FORMAT = 1
"""Version of the package's content. `verify` reads this one."""

NOT_STATED = "not stated"


class Cover(NamedTuple):
    """What the operator says about the package. ``None`` is printed as "not stated"."""

    organisation: str | None = None
    system: str | None = None
    contact: str | None = None

    def printed(self) -> "Cover":
        return Cover(*((value or "").strip() or NOT_STATED for value in self))


class ScanFacts(NamedTuple):
    """The scan that the package is about. Times are epoch seconds UTC."""

    number: int
    run: str
    started_at: int
    ended_at: int
    version: str  # of nhiscan
    connectors: tuple[str, ...]
    rules_sha256: str


@dataclass
class Calls:
    """What the transcript holds, by (scope, source) and by operation. ``kept`` is False where the calls are gone.

    ``above``: (scope, source) -> the scope above, where the source made the calls that read this one, too.
    """

    kept: bool = False
    ranges: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    operations: dict[str, list[int]] = field(default_factory=dict)  # name -> [calls, items, errors]
    above: Mapping[tuple[str, str], str] = field(default_factory=dict)
    number: int = 0

    def add(self, call: Mapping[str, Any]) -> None:
        """Count one row of transcript.jsonl; rows come in the order of ``seq``."""
        self.kept = True
        self.number += 1
        place = (str(call["scope"]), str(call["source"]))
        first, _ = self.ranges.get(place, (int(call["seq"]), 0))
        self.ranges[place] = (first, int(call["seq"]))
        operation = self.operations.setdefault(f"{call['service']}:{call['operation']}", [0, 0, 0])
        operation[0] += 1
        operation[1] += int(call["items"] or 0)
        operation[2] += call["error"] is not None

    def of(self, scope: str | None, source: str | None) -> str:
        """The calls with which a source read a scope: "17" or "17-23"; empty where they are not known."""
        place = (scope or "", source or "")
        span = self.ranges.get((self.above.get(place, place[0]), place[1]))
        if span is None:
            return ""
        return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"


@dataclass(frozen=True)
class Material:
    """Everything the files of a package are made from.

    ``sql``         holds the tables of `nhiscan.inventory.views` as of the scan
    ``parameters``  rule id -> every parameter in force
    ``results``     starts a new pass over all results, sorted by rule, then by subject
    ``findings``    starts a new pass over the findings, sorted by rule, then by subject
    ``caller``      who called and with which versions, as the scan recorded it: `CALLER_FACTS`
    ``inputs``      one mapping for each file that was handed in
    ``untested``    ids of known rules that the scan did not run
    ``references``  provider -> the reference data that its analyzer worked with
    ``written_by``  version of nhiscan that writes the package (the scan may be older)
    """

    sql: Sql
    package: str
    cover: Cover
    scan: ScanFacts
    rules: Sequence[Rule]
    parameters: Mapping[str, Mapping[str, int]]
    counts: Sequence[RuleCount]
    results: Callable[[], Iterator[Result]]
    findings: Callable[[], Iterator[Finding]]
    calls: Calls
    caller: Mapping[str, Any]
    inputs: Sequence[Mapping[str, Any]]
    untested: Sequence[str]
    written_by: str
    references: Mapping[str, str] = field(default_factory=dict)


CALLER_FACTS = ("callers", "versions", "titles", "sessions", "owner_tags", "references")
"""Facts of a scan that ``04-collection/caller.json`` holds. The runner writes them."""


def canonical(value: object) -> str:
    """JSON with sorted keys, readable, ending in a line feed: the same text for the same value."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def compact(value: object) -> str:
    """JSON on one line with sorted keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

"""What the report says, worked out from the material: numbers with their denominators, gaps, tables up to a cap.

Everything above a cap stands in the CSV beside it, and the page says so.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nhiscan.findings import scope_names
from nhiscan.model import UPPER_SCOPE_KINDS
from nhiscan.report import population
from nhiscan.report.judged import WORST_FIRST, Collector, Framework, Severity, Test, Total, frameworks, total
from nhiscan.report.material import Cover, Material
from nhiscan.report.population import OUTCOMES, Gap, Tie
from nhiscan.report.reach import Reach
from nhiscan.text import plural

CAP_ROWS = 500  # rows of other printed tables than those of the rules
CAP_SCOPES = 50  # scopes printed under each rule
CAP_GAPS = 20  # gaps named at the top


class Operation(NamedTuple):
    operation: str
    calls: int
    items: int
    errors: int


class Leavers(NamedTuple):
    """The leavers test: ``rows`` are capped, ``number`` is all of them."""

    roster: bool
    people: int
    number: int
    legend: list[tuple[str, str, int]]
    rows: list[Mapping[str, Any]]


class Population(NamedTuple):
    what: str
    kind: str
    number: int
    unconfirmed: int
    file: str


class Provider(NamedTuple):
    """What was planned of one provider, what was read of it, and what was found there."""

    title: str
    scopes: str  # "3 accounts, 4 scopes above them"
    sources: int
    complete: int
    identities: int
    credentials: int
    failed: int
    unknown: int


@dataclass(frozen=True)
class Page:
    """The values of ``report.html.j2`` and ``readme.html.j2``."""

    package: str
    cover: Cover
    as_of: int
    ended_at: int
    scan: int
    run: str
    version: str
    written_by: str
    rules_sha256: str
    gaps: list[Gap]
    breaks: list[Gap]
    complete: bool
    tests: list[Test]
    untested: list[str]
    total: Total
    severities: list[Severity]
    with_deviations: int
    providers: list[Provider]
    scopes_in: list[Mapping[str, Any]]
    scopes_out: list[Mapping[str, Any]]
    coverage: list[Mapping[str, Any]]
    ties: list[Tie]
    operations: list[Operation]
    transcript: bool
    call_count: int
    callers: list[str]
    population: list[Population]
    natures: list[Mapping[str, Any]]
    frameworks: list[Framework]
    leavers: Leavers
    reach: Reach
    listed: int
    embedded: int
    cap_rows: int = CAP_ROWS
    cap_gaps: int = CAP_GAPS
    cap_scopes: int = CAP_SCOPES

    @property
    def places(self) -> int:
        """Planned scopes in which identities can live."""
        return sum(1 for scope in self.scopes_in if scope["kind"] != "register")

    @property
    def credentials(self) -> int:
        return sum(row.number for row in self.population if row.what == "credentials")

    @property
    def identities(self) -> int:
        return sum(row.number for row in self.population if row.what == "identities")


def page(material: Material, made: list[Test], seen: Collector, gone: Leavers, reached: Reach) -> Page:
    """Put the page together, once every result was seen."""
    found = population.gaps(material.sql)
    breaks = [gap for gap in found if gap.breaks]
    planned, others = _scopes(material)
    return Page(
        package=material.package,
        cover=material.cover.printed(),
        as_of=material.scan.started_at,
        ended_at=material.scan.ended_at,
        scan=material.scan.number,
        run=material.scan.run,
        version=material.scan.version,
        written_by=material.written_by,
        rules_sha256=material.scan.rules_sha256,
        gaps=_grouped(found),
        breaks=breaks,
        complete=not breaks and bool(planned),
        tests=made,
        untested=list(material.untested),
        total=total(material.counts),
        severities=[
            Severity(name, seen.failed_by_severity[name], len(seen.rules_by_severity.get(name, ())))
            for name in WORST_FIRST
        ],
        with_deviations=sum(1 for test in made if test.total.failed),
        providers=_providers(material, planned),
        scopes_in=planned,
        scopes_out=others,
        coverage=_coverage(material),
        ties=population.ties(material.sql),
        operations=[Operation(name, *numbers) for name, numbers in sorted(material.calls.operations.items())],
        transcript=material.calls.kept,
        call_count=material.calls.number,
        callers=_callers(material.caller.get("callers")),
        population=_population(material),
        natures=_natures(material),
        frameworks=frameworks(made),
        leavers=gone,
        reach=reached,
        listed=seen.listed,
        embedded=seen.embedded,
    )


def _credential(cells: Mapping[str, Any]) -> str:
    if cells["credential"] is None:
        return "none"
    return f"{str(cells['credential_type']).replace('_', ' ')}: {cells['credential_name']}"


def _grouped(found: Sequence[Gap]) -> list[Gap]:
    """The limitations as printed: facts that are unknown for the same reason share a line. The CSV keeps them apart."""
    printed: list[Gap] = []
    for gap in found:
        if gap.kind == "fact":
            place = next((at for at, other in enumerate(printed) if _same_cause(other, gap)), None)
            if place is not None:
                printed[place] = printed[place]._replace(what=f"{printed[place].what}, {gap.what}")
                continue
        printed.append(gap)
    return printed


def _same_cause(one: Gap, other: Gap) -> bool:
    return one.kind == other.kind and (one.scope, one.why) == (other.scope, other.why)


def leavers_seen(rows: Iterable[Sequence[Any]], roster: bool) -> Leavers:
    """Count the lines of the leavers test by outcome and keep the first ones."""
    outcomes: Counter[str] = Counter()
    people: set[str] = set()
    kept: list[Mapping[str, Any]] = []
    for row in rows:
        cells = dict(zip(population.LEAVER_COLUMNS, row, strict=True))
        outcomes[cells["outcome"]] += 1
        people.add(cells["person"])
        if len(kept) < CAP_ROWS:
            kept.append(
                {
                    "person": cells["person_name"] or cells["person_email"] or cells["person_id"],
                    "end_date": cells["end_date"],
                    "identity": cells["identity_name"] or "none",
                    "credential": _credential(cells),
                    "used_after": cells["used_after_end"],
                    "outcome": OUTCOMES[cells["outcome"]],
                }
            )
    fills = {"active_after_termination": "fail", "state_unknown": "unknown", "deprovisioned": "pass"}
    legend = [(fills.get(name, "skip"), words.capitalize(), outcomes[name]) for name, words in OUTCOMES.items()]
    return Leavers(roster, len(people), sum(outcomes.values()), legend, kept)


def _scopes(material: Material) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    rows = material.sql.rows(
        """SELECT s.key, s.name, s.provider, s.kind, s.planned, s.last_scan, s.last_scan_at,
        coalesce(c.sources, 0), coalesce(c.complete, 0) FROM scope s LEFT JOIN (
            SELECT scope, count(*) AS sources,
            sum(CASE WHEN state IN ('complete', 'replaced') THEN 1 ELSE 0 END) AS complete
            FROM coverage WHERE planned = 1 GROUP BY scope) c ON c.scope = s.key ORDER BY s.key"""
    )
    names = ("key", "name", "provider", "kind", "planned", "last_scan", "last_scan_at", "sources", "complete")
    called = scope_names(material.sql)
    scopes = [{**dict(zip(names, row, strict=True)), "name": called[row[0]]} for row in rows]
    return [scope for scope in scopes if scope["planned"]], [scope for scope in scopes if not scope["planned"]]


def _providers(material: Material, planned: Sequence[Mapping[str, Any]]) -> list[Provider]:
    """The planned providers by title. Registers of the organisation are none."""
    titles = material.caller.get("titles")
    named = titles if isinstance(titles, Mapping) else {}
    home = {scope["key"]: scope["provider"] for scope in planned}
    numbers: dict[str, Counter[str]] = {}
    for count in material.counts:
        if count.scope in home:
            seen = numbers.setdefault(home[count.scope], Counter())
            seen.update(failed=count.failed, unknown=count.unknown)
    for table in ("identity", "credential"):
        rows = material.sql.rows(f"SELECT scope, count(*) FROM {table} WHERE planned = 1 GROUP BY scope ORDER BY scope")
        for scope, number in rows:
            if scope in home:
                numbers.setdefault(home[scope], Counter()).update({table: number})
    made = []
    for provider in sorted({scope["provider"] for scope in planned if scope["kind"] != "register"}):
        here = [scope for scope in planned if scope["provider"] == provider]
        found = numbers.get(provider, Counter())
        made.append(
            Provider(
                title=str(named.get(provider) or provider),
                scopes=_kinds([str(scope["kind"]) for scope in here]),
                sources=sum(scope["sources"] for scope in here),
                complete=sum(scope["complete"] for scope in here),
                identities=found["identity"],
                credentials=found["credential"],
                failed=found["failed"],
                unknown=found["unknown"],
            )
        )
    return sorted(made, key=lambda one: one.title)


def _kinds(kinds: Sequence[str]) -> str:
    """Scopes in which identities can live by their kind, and how many are above them."""
    leaves = Counter(kind.replace("_", " ") for kind in kinds if kind not in UPPER_SCOPE_KINDS)
    said = [plural(number, kind) for kind, number in sorted(leaves.items())]
    above = len(kinds) - sum(leaves.values())
    if above:
        said.append(f"{plural(above, 'scope')} above them" if said else plural(above, "scope"))
    return ", ".join(said)


def _coverage(material: Material) -> list[Mapping[str, Any]]:
    names = scope_names(material.sql)
    columns = ("scope", "source", "state", "replaced_by", "records", "calls", "data_time", "ended_at")
    rows = material.sql.rows(f"SELECT {', '.join(columns)} FROM coverage WHERE planned = 1 ORDER BY key")
    return [{**dict(zip(columns, row, strict=True)), "scope_name": names.get(row[0], row[0])} for row in rows]


def _population(material: Material) -> list[Population]:
    made = []
    for table, what, file in (
        ("identity", "identities", "03-population/identities.csv"),
        ("credential", "credentials", "03-population/keys.csv"),
        ("access_grant", "grants", "03-population/grants.csv"),
    ):
        rows = material.sql.rows(
            f"SELECT kind, count(*), sum(1 - coalesce(confirmed, 0)) FROM {table} WHERE planned = 1"
            " GROUP BY kind ORDER BY kind"
        )
        made += [Population(what, kind.replace("_", " "), number, int(away), file) for kind, number, away in rows]
    return made


def _natures(material: Material) -> list[Mapping[str, Any]]:
    labels = {"machine": "machines", "person": "people", "unknown": "could not be told"}
    rows = material.sql.rows(
        "SELECT coalesce(nature, 'unknown') AS n, count(*) FROM identity WHERE planned = 1"
        " GROUP BY coalesce(nature, 'unknown') ORDER BY n"
    )
    return [{"label": labels.get(nature, nature), "number": number} for nature, number in rows]


def _callers(caller: object) -> list[str]:
    found: list[str] = []
    if not isinstance(caller, Mapping):
        return found
    for name in sorted(caller):
        who = caller[name]
        if isinstance(who, Mapping):
            principal = next((who[key] for key in ("principal", "arn", "caller") if who.get(key)), None)
            if principal:
                found.append(str(principal))
    return found

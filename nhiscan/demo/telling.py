"""The few lines that the demo prints: what was found, what could not be read, which file to open first."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nhiscan.access import words
from nhiscan.access.names import Names
from nhiscan.access.paths import WORST_FIRST, paths
from nhiscan.collect import ScanOutcome
from nhiscan.evaluate import Evaluation
from nhiscan.findings import Result, results, scope_names
from nhiscan.inventory import Inventory, Sql
from nhiscan.model import SEVERITIES, UPPER_SCOPE_KINDS, Coverage, TieOut
from nhiscan.report import PackageInfo
from nhiscan.rule import Rule
from nhiscan.text import plural, visible

COUNTED = ("identity", "credential", "person")
"""Views whose rows in the planned scopes are counted."""
SHOWN = ("credential-used-after-offboarding", "access-key-never-rotated", "admin-access")
"""Rules of which one finding is printed in words, where they have one."""


@dataclass(frozen=True)
class Told:
    """What is told of a scan. ``scopes`` gives the names of scopes by key."""

    as_of: int
    scopes: Mapping[str, str]
    population: Mapping[str, int]  # table -> rows in the planned scopes
    severities: Mapping[str, int]
    rules: int
    rules_failed: int
    unknown: int
    examples: tuple[Result, ...]
    administrators: int  # identities that are no administrator and can become one
    way: str | None  # the shortest way of several steps among theirs, else of one
    coverage: tuple[Coverage, ...]
    tie_outs: tuple[TieOut, ...]

    @classmethod
    def read(
        cls,
        inventory: Inventory,
        outcome: ScanOutcome[Evaluation],
        rules: Sequence[Rule],
        parameters: Mapping[str, Mapping[str, int]],
    ) -> "Told":
        """From a stored scan."""
        assert outcome.info is not None
        number, as_of = outcome.info.number, outcome.info.started_at
        with inventory.bound(number) as bound:
            found = list(results(bound.sql, rules, parameters, as_of, scan=number))
            scopes = scope_names(bound.sql, planned=True)
            population = {}
            for table in COUNTED:
                row = bound.sql.one(f"SELECT count(*) FROM {table} WHERE planned = 1")
                population[table] = int(row[0]) if row else 0
            administrators, way = _ways(bound.sql)
        failed = [result for result in found if result.status == "fail"]
        worst = sorted(failed, key=lambda result: -SEVERITIES.index(result.severity))
        firsts = [next((result for result in worst if result.rule == rule), None) for rule in SHOWN]
        return cls(
            as_of=as_of,
            scopes=scopes,
            population=population,
            severities=Counter(result.severity for result in failed),
            rules=len(rules),
            rules_failed=len({result.rule for result in failed}),
            unknown=sum(result.status == "unknown" for result in found),
            examples=tuple(result for result in firsts if result is not None),
            administrators=administrators,
            way=way,
            coverage=outcome.coverage,
            tie_outs=outcome.tie_outs,
        )


def _ways(sql: Sql) -> tuple[int, str | None]:
    """How many identities can become administrator, and one way there in words."""
    row = sql.one("SELECT count(*) FROM privilege WHERE planned = 1 AND level = 'escalates_to_administrator'")
    number = int(row[0]) if row else 0
    chosen = "planned = 1 AND outcome = 'administrator'"
    order = f"CASE WHEN hops > 1 THEN 0 ELSE 1 END, {WORST_FIRST}, key"
    for way in paths(sql, Names(sql), chosen, {}, order):
        return number, f"{words.way(way)}, in {plural(way.row.hops, 'step')}"
    return number, None


def lines(told: Told, package: PackageInfo, signers: Path) -> Iterator[str]:
    """Plain lines for standard output, free of unseen characters."""
    when = datetime.fromtimestamp(told.as_of, UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield f"Simulated clouds on 127.0.0.1, as of {when}. No real account was read, nothing left this machine."
    clouds = {key: name for key, name in told.scopes.items() if not key.startswith("register/")}
    above = sorted(name for key, name in clouds.items() if key.split("/")[1] in UPPER_SCOPE_KINDS)
    accounts = sorted(name for key, name in clouds.items() if name not in above)
    identities, credentials, people = (told.population[table] for table in COUNTED)
    and_above = f"; above them {', '.join(above)}" if above else ""
    yield f"Scanned {len(accounts)} accounts: {', '.join(accounts)}{and_above}."
    yield f"Found {identities} identities and {credentials} credentials; {people} people in the roster."
    yield from _deviations(told)
    if told.way:
        yield f"Can become administrator: {told.administrators} identities. For example: {visible(told.way)}."
        yield f"  Drawn in {package.report}#reach"
    yield from _gaps(told)
    yield "This ran as with --allow-partial: without it, gaps like these end a scan with exit code 3."
    yield f"Evidence package: {package.path} ({package.files} files), signed with a key for demonstrations."
    check = shlex.join(["nhiscan", "verify", str(package.path), "--allowed-signers", str(signers)])
    yield f"Check it:   {check}"
    yield f"Open first: {package.report}"


def _deviations(told: Told) -> Iterator[str]:
    by_severity = [f"{told.severities[name]} {name}" for name in reversed(SEVERITIES) if told.severities.get(name)]
    total = sum(told.severities.values())
    yield f"Deviations: {total} ({', '.join(by_severity)}), by {told.rules_failed} of {told.rules} rules. For example:"
    for result in told.examples:
        sentence = result.message.partition(". ")[0].removesuffix(".")
        yield f"  {result.severity}: {visible(sentence)}."


def _gaps(told: Told) -> Iterator[str]:
    yield f"Could not be determined: {told.unknown}, for want of facts or of history. Not read, or not proven complete:"
    for row in told.coverage:
        if row.state not in ("complete", "replaced"):
            missing = f", {row.permission} is missing" if row.permission else ""
            yield f"  {told.scopes.get(row.scope, row.scope)}: {row.source} was {row.state}{missing}"
    for pair in told.tie_outs:
        where = told.scopes.get(pair.scope, pair.scope)
        yield f"  {where}: {pair.what}: {pair.source_a} gave {pair.count_a}, {pair.source_b} counts {pair.count_b}"
    replaced = [row for row in told.coverage if row.state == "replaced"]
    if replaced:
        yield "Read in another way that gave the same, so nothing is missing:"
    for row in replaced:
        yield f"  {told.scopes.get(row.scope, row.scope)}: {row.source}, by {row.replaced_by}"

"""The few lines that the demo prints: what was found in each cloud, what was not read, which file to open first."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
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

SHOWN = (
    "credential-used-after-offboarding",
    "credential-leaked-publicly",
    "privileged-app-with-owner",
    "access-key-never-rotated",
    "admin-access",
)
"""Rules of which a finding is printed in words: the first that a cloud has and no cloud before it has shown."""
EXAMPLES = 3  # at least one for each cloud
GAPS = {"denied": "was denied", "failed": "failed", "partial": "was read in part"}


@dataclass(frozen=True)
class Cloud:
    """What was found in one provider's scopes. ``way`` is one to its administrator, in words."""

    title: str
    scopes: tuple[str, ...]  # kinds of the planned scopes
    identities: int
    credentials: int
    deviations: int
    administrators: int  # identities that are no administrator and can become one
    way: str | None  # the worst and shortest way of several steps, else of one; rather of a machine than of a person


@dataclass(frozen=True)
class Told:
    """What is told of a scan. ``scopes`` gives the names of scopes by key."""

    as_of: int
    scopes: Mapping[str, str]
    clouds: tuple[Cloud, ...]
    people: int
    severities: Mapping[str, int]
    rules: int
    rules_failed: int
    unknown: int
    examples: tuple[Result, ...]
    coverage: tuple[Coverage, ...]
    tie_outs: tuple[TieOut, ...]

    @classmethod
    def read(
        cls,
        inventory: Inventory,
        outcome: ScanOutcome[Evaluation],
        rules: Sequence[Rule],
        parameters: Mapping[str, Mapping[str, int]],
        titles: Mapping[str, str],
    ) -> "Told":
        """From a stored scan. ``titles`` names the clouds that were read, in the order in which they are told."""
        assert outcome.info is not None
        number, as_of = outcome.info.number, outcome.info.started_at
        with inventory.bound(number) as bound:
            found = list(results(bound.sql, rules, parameters, as_of, scan=number))
            scopes = scope_names(bound.sql, planned=True)
            failed = [result for result in found if result.status == "fail"]
            by_cloud = Counter(result.scope.partition("/")[0] for result in failed)
            clouds = tuple(_cloud(bound.sql, name, title, by_cloud[name]) for name, title in titles.items())
            people = _count(bound.sql, "SELECT count(*) FROM person WHERE planned = 1")
        return cls(
            as_of=as_of,
            scopes=scopes,
            clouds=clouds,
            people=people,
            severities=Counter(result.severity for result in failed),
            rules=len(rules),
            rules_failed=len({result.rule for result in failed}),
            unknown=sum(result.status == "unknown" for result in found),
            examples=tuple(_examples(failed, titles)),
            coverage=outcome.coverage,
            tie_outs=outcome.tie_outs,
        )


def _examples(failed: Iterable[Result], clouds: Iterable[str]) -> Iterator[Result]:
    """One finding of each cloud, then more, each of another rule."""
    worst = sorted(failed, key=lambda result: -SEVERITIES.index(result.severity))
    firsts: dict[tuple[str, str], Result] = {}
    for result in worst:
        firsts.setdefault((result.scope.partition("/")[0], result.rule), result)
    order, shown = list(clouds), set[str]()
    for cloud in [*order, *order * EXAMPLES]:
        if len(shown) >= max(EXAMPLES, len(order)):
            return
        rule = next((one for one in SHOWN if one not in shown and (cloud, one) in firsts), None)
        if rule is not None:
            shown.add(rule)
            yield firsts[cloud, rule]


def _cloud(sql: Sql, provider: str, title: str, deviations: int) -> Cloud:
    here = {"provider": provider}
    within = "planned = 1 AND scope IN (SELECT s.key FROM scope s WHERE s.provider = :provider)"
    kinds = sql.rows("SELECT kind FROM scope WHERE planned = 1 AND provider = :provider ORDER BY key", here)
    stepping = f"{within} AND outcome = 'administrator'"
    machines = "SELECT i.key FROM identity i WHERE i.nature = 'machine'"
    order = f"CASE WHEN hops > 1 THEN 0 ELSE 1 END, CASE WHEN principal IN ({machines}) THEN 0 ELSE 1 END"
    order += f", {WORST_FIRST}, key"
    shown = next(paths(sql, Names(sql), stepping, here, order), None)
    return Cloud(
        title=title,
        scopes=tuple(str(kind) for (kind,) in kinds),
        identities=_count(sql, f"SELECT count(*) FROM identity WHERE {within}", here),
        credentials=_count(sql, f"SELECT count(*) FROM credential WHERE {within}", here),
        deviations=deviations,
        administrators=_count(
            sql, f"SELECT count(*) FROM privilege WHERE {within} AND level = 'escalates_to_administrator'", here
        ),
        way=f"{words.way(shown)}, in {plural(shown.row.hops, 'step')}" if shown else None,
    )


def _count(sql: Sql, query: str, values: Mapping[str, str] | None = None) -> int:
    row = sql.one(query, values or {})
    return int(row[0]) if row else 0


def lines(told: Told, package: PackageInfo, signers: Path) -> Iterator[str]:
    """Plain lines for standard output, free of unseen characters."""
    when = datetime.fromtimestamp(told.as_of, UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield f"Simulated clouds on 127.0.0.1, as of {when}. No real account was read, nothing left this machine."
    for cloud in told.clouds:
        found = f"{cloud.identities} identities, {cloud.credentials} credentials, {cloud.deviations} deviations"
        yield f"  {cloud.title}: {_places(cloud.scopes)}; {found}"
    yield from _deviations(told)
    yield from _ways(told, package)
    yield from _gaps(told)
    yield f"Evidence package: {package.path} ({package.files} files), signed with a key for demonstrations."
    check = shlex.join(["nhiscan", "verify", str(package.path), "--allowed-signers", str(signers)])
    yield f"Check it:   {check}"
    yield f"Open first: {package.report}"


def _places(kinds: Sequence[str]) -> str:
    """``3 accounts in an organization``: leaves with their number, the greatest thing above them by its kind."""
    counted = Counter(kind for kind in kinds if kind not in UPPER_SCOPE_KINDS)
    leaves = " and ".join(plural(number, kind) for kind, number in sorted(counted.items()))
    above = next((kind for kind in ("organization", "tenant") if kind in kinds), None)
    named = {"organization": "an organisation", "tenant": "a tenant"}
    if above is None:
        return leaves
    return f"{leaves} in {named[above]}" if leaves else named[above]


def _deviations(told: Told) -> Iterator[str]:
    by_severity = [f"{told.severities[name]} {name}" for name in reversed(SEVERITIES) if told.severities.get(name)]
    total = sum(told.severities.values())
    judged = f"by {told.rules_failed} of {told.rules} rules and a roster of {told.people} people"
    yield f"Deviations: {total} ({', '.join(by_severity)}), {judged}. For example:"
    for result in told.examples:
        sentence = result.message.partition(". ")[0].removesuffix(".")
        yield f"  {result.severity}: {visible(sentence)}."


def _ways(told: Told, package: PackageInfo) -> Iterator[str]:
    shown = [cloud for cloud in told.clouds if cloud.way]
    if not shown:
        return
    number = sum(cloud.administrators for cloud in told.clouds)
    yield f"Can become administrator: {number} identities, drawn in {package.report}#reach. For example:"
    for cloud in shown:
        yield f"  {cloud.title}: {visible(cloud.way or '')}"


def _gaps(told: Told) -> Iterator[str]:
    yield (
        f"Could not be determined: {told.unknown}, for want of facts or of history. Not read, or not proven complete "
        "(a scan without --allow-partial ends with exit code 3):"
    )
    open_rows = [row for row in told.coverage if row.state in GAPS]
    for (scope, state, code, permission), rows in groupby(open_rows, key=_cause):
        sources = " and ".join(row.source for row in rows)
        why = f", {permission} is missing" if permission else f" ({code})" if code else ""
        yield f"  {told.scopes.get(scope, scope)}: {sources} {GAPS[state]}{why}"
    for pair in told.tie_outs:
        where = told.scopes.get(pair.scope, pair.scope)
        yield f"  {where}: {pair.what}: {pair.source_a} gave {pair.count_a}, {pair.source_b} counts {pair.count_b}"
    replaced = [row for row in told.coverage if row.state == "replaced"]
    if replaced:
        ways = [
            f"{told.scopes.get(scope, scope)}: {' and '.join(row.source for row in rows)}"
            for scope, rows in groupby(replaced, key=lambda row: row.scope)
        ]
        yield f"Read in another way that gave the same, so nothing is missing: {'; '.join(ways)}"


def _cause(row: Coverage) -> tuple[str, str, str | None, str | None]:
    return row.scope, row.state, row.code, row.permission

"""The connector contract: a pytest suite that every connector passes against its simulated cloud.

A connector package subclasses it and says what to test::

    class TestAcme(ConnectorContract):
        @pytest.fixture
        def contract(self) -> Contract:
            return Contract(connector=CONNECTOR, simulation=lambda: simulated_acme(...), budget=40)

The simulation should be small: the suite scans it some fifty times over. Each test starts one of its own. Scans run
through the real runner into a real inventory. Needs pytest (extra ``[testing]``).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nhiscan.collect import ScanOutcome, look, scan
from nhiscan.collect.order import in_order
from nhiscan.collect.places import Place, plan, planned
from nhiscan.collect.spool import Spool
from nhiscan.connector import Connector, Source
from nhiscan.inventory import Finishing, Inventory, open_inventory
from nhiscan.model import LAST_USE, TABLES
from nhiscan.testing.environment import environment
from nhiscan.testing.faults import Faults
from nhiscan.testing.simulation import RunningSimulation

TABLES_READ = (
    *("scope", "identity", "alias", "credential", "policy", "access_grant", "relation", "setting", "person"),
    "access_use",
)
"""Tables whose rows must survive whatever cannot be read."""

NOT_COMPARED = frozenset({"source", *LAST_USE} - {"used_at"})
"""Columns in which a fallback may differ: who said it, and how far back it looks."""


def deny_permissions(faults: Faults, permissions: Iterable[str]) -> None:
    """Deny each permission as an action of the simulated cloud: right where both go by one name."""
    for permission in permissions:
        faults.deny(permission)


@dataclass(frozen=True)
class Contract:
    """What to test.

    ``simulation``  starts a simulated cloud; always the same one, with the same clock
    ``budget``      the most calls that a scan of all of it may make; None: not tested
    ``deny``        how to deny permissions in it
    ``failure``     arguments of `Faults.fail` for an error after which the SDK does not try again
    ``calls``       which calls to break, counted from 1; None: each in turn
    """

    connector: Connector
    simulation: Callable[[], AbstractContextManager[RunningSimulation]]
    budget: int | None = None
    deny: Callable[[Faults, Iterable[str]], None] = deny_permissions
    failure: Mapping[str, Any] = field(default_factory=lambda: {"status": 400})
    calls: Sequence[int] | None = None


@dataclass
class Bench:
    """A running simulation, an inventory, and scans of the one into the other."""

    contract: Contract
    cloud: RunningSimulation
    inventory: Inventory
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def sources(self) -> tuple[Source, ...]:
        return in_order(self.contract.connector.sources(self.cloud.settings))

    def places(self) -> tuple[Place, ...]:
        """The planned scopes, and which sources have to do with each."""
        connector, cloud = self.contract.connector, self.cloud
        seen = look(connector, cloud.settings, clock=cloud.clock, sleep=self._sleep)
        assert seen.problem is None, seen.problem
        return plan(self.sources, seen.scopes)

    def scan(
        self,
        *,
        threads: int = 4,
        finish: Callable[[Finishing], object] = lambda scan: scan.number,
        spool: Spool | None = None,
    ) -> ScanOutcome[object]:
        return scan(
            self.inventory,
            [(self.contract.connector, self.cloud.settings)],
            finish=finish,
            clock=self.cloud.clock,
            sleep=self._sleep,
            run_id=lambda: f"contract-{next(self._numbers)}",
            executor_name=f"threads:{threads}",
            host="contract",
            spool=spool,
        )

    def _sleep(self, seconds: float) -> None:
        """Time passes in the simulated cloud only."""
        self.cloud.clock.advance(max(1, round(seconds)))

    def rows(self, table: str, number: int) -> dict[str, dict[str, Any]]:
        """Key -> fields of the record, of a table as of a scan."""
        with self.inventory.bound(number) as bound:
            names = [name for name in TABLES[table]._fields if table == "scope" or name != "trailing_days"]
            found = bound.sql.rows(f"SELECT {', '.join(names)} FROM {table} ORDER BY key")
            return {row[0]: dict(zip(names, row, strict=True)) for row in found}

    def keys(self, number: int) -> dict[str, set[str]]:
        """Table -> keys of what is known as of a scan."""
        return {table: set(self.rows(table, number)) for table in TABLES_READ}

    def transcript(self, number: int) -> list[Any]:
        return list(self.inventory.transcript(number))


class ConnectorContract:
    """Subclass it under a name that starts with ``Test`` and give the fixture ``contract``."""

    @pytest.fixture
    def contract(self) -> Contract:
        raise NotImplementedError("give a fixture named contract")

    @pytest.fixture
    def benches(self, contract: Contract, tmp_path: Path) -> Callable[[], AbstractContextManager[Bench]]:
        """Starts a simulation of its own with an empty inventory; one at a time."""
        numbers = count(1)

        @contextmanager
        def start() -> Iterator[Bench]:
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            with contract.simulation() as cloud, environment(cloud.environment, remove=cloud.remove):
                yield Bench(contract, cloud, open_inventory(str(folder / "nhiscan.db")), folder)

        return start

    @pytest.fixture
    def bench(self, benches: Callable[[], AbstractContextManager[Bench]]) -> Iterator[Bench]:
        with benches() as made:
            yield made

    def test_declaration(self, bench: Bench) -> None:
        """Options are lower case with hyphens, and the least policy grants what the primary sources say they need."""
        connector = bench.contract.connector
        for option in connector.options:
            assert option.name == option.name.lower().replace("_", "-"), f"option {option.name}"
            assert option.about, f"option {option.name} has no line of help"
        policy = connector.permissions(bench.cloud.settings)
        for source in bench.sources:
            for permission in () if source.fallback_for else source.permissions:
                assert permission in policy, f"{source.id} needs {permission}, and permissions() leaves it out"

    def test_one_coverage_row_for_each_planned_source(self, bench: Bench) -> None:
        outcome = bench.scan()
        expected = set(planned(bench.places()))
        states = {(row.scope, row.source): row.state for row in outcome.coverage}
        assert states == dict.fromkeys(expected, "complete"), list(outcome.gaps)
        assert len(outcome.coverage) == len(expected)
        assert outcome.info is not None
        assert set(outcome.info.scopes) == {scope for scope, _ in expected}
        idle = {source.id for source in bench.sources if not source.fallback_for} - {name for _, name in expected}
        assert not idle, f"no scope of the simulation has to do with {sorted(idle)}"
        assert outcome.tie_outs == ()

    def test_calls_are_few_and_all_in_the_transcript(self, bench: Bench) -> None:
        bench.scan()
        made = bench.cloud.calls.of()
        noted = sum(call.attempts for _, _, calls in bench.transcript(1) for call in calls)
        assert noted == made, f"{made} calls arrived, {noted} are noted: {bench.cloud.calls.by_action()}"
        budget = bench.contract.budget
        assert budget is None or made <= budget, f"{made} calls, the budget is {budget}"
        for _, _, calls in bench.transcript(1):
            for call in calls:
                json.loads(call.parameters)

    def test_the_same_cloud_gives_the_same_scan(self, benches: Callable[[], AbstractContextManager[Bench]]) -> None:
        seen = []
        for threads in (1, 16):
            with benches() as bench:
                bench.scan(threads=threads)
                seen.append(({table: bench.rows(table, 1) for table in TABLES_READ}, bench.transcript(1)))
        assert seen[0][0] == seen[1][0]
        assert seen[0][1] == seen[1][1]

    def test_no_source_yields_a_key_twice(self, bench: Bench) -> None:
        twice: list[str] = []

        def look(scanned: Finishing) -> None:
            del scanned
            for path in sorted(spool.folder.glob("*.records")):
                scope, _, source = path.stem.partition("-")
                seen: set[tuple[str, object]] = set()
                for table, record in spool.records(int(scope), int(source)):
                    name = (table, record[0])
                    if name in seen and table != "document":
                        twice.append(f"{table} {record[0]}")
                    seen.add(name)

        spool = Spool(bench.folder)
        bench.scan(finish=look, spool=spool)
        assert twice == []

    def test_secrets_are_nowhere(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
        found: dict[Path, list[str]] = {}

        def look(scanned: Finishing) -> None:
            del scanned
            found.update(bench.cloud.canaries.in_files([spool.folder]))

        spool = Spool(bench.folder)
        bench.scan(finish=look, spool=spool)
        found.update(bench.cloud.canaries.in_files([bench.folder]))
        assert list(bench.cloud.canaries), "the simulation plants no secrets"
        assert found == {}
        assert bench.cloud.canaries.in_bytes(caplog.text.encode()) == []

    def test_a_denied_source_is_a_gap_and_ends_nothing(
        self, benches: Callable[[], AbstractContextManager[Bench]]
    ) -> None:
        with benches() as bench:
            sources = [source for source in bench.sources if source.permissions and not source.fallback_for]
        assert sources, "no source says which permissions it needs"
        for source in sources:
            with benches() as bench:
                bench.scan()
                bench.contract.deny(bench.cloud.faults, source.permissions)
                outcome = bench.scan()
                rows = [row for row in outcome.coverage if row.source == source.id]
                assert rows, f"{source.id} has no coverage row"
                assert all(row.state in ("denied", "partial", "replaced") for row in rows), f"{source.id}: {rows}"
                assert all(row.permission or row.code for row in rows), f"{source.id} does not tell why: {rows}"
                replaced = all(row.state == "replaced" for row in rows)
                assert replaced or outcome.incomplete, f"{source.id} was denied and the scan calls itself complete"
                assert bench.keys(outcome.number or 1) == bench.keys(1), f"{source.id} denied: rows ended or appeared"

    def test_whatever_call_breaks_is_told_and_ends_nothing(self, bench: Bench) -> None:
        bench.scan()
        bench.cloud.calls.clear()
        bench.scan()
        known, last = bench.keys(1), 2
        assert bench.keys(2) == known
        for nth in bench.contract.calls or range(1, bench.cloud.calls.of() + 1):
            bench.cloud.calls.clear()
            bench.cloud.faults.fail("*", nth=nth, times=None, **bench.contract.failure)
            outcome = bench.scan()
            bench.cloud.faults.clear()
            hit = bench.cloud.calls.of() >= nth
            assert outcome.nothing_read or outcome.incomplete or not hit, f"call {nth} broke, and nobody says so"
            last = outcome.number or last
            assert bench.keys(last) == known, f"call {nth} broke: rows ended or appeared"
        outcome = bench.scan()
        assert not outcome.incomplete
        assert bench.keys(outcome.number or 0) == known

    def test_a_fallback_gives_what_the_primary_gives(
        self, benches: Callable[[], AbstractContextManager[Bench]]
    ) -> None:
        with benches() as bench:
            sources = {source.id: source for source in bench.sources}
        for fallback in sources.values():
            if fallback.fallback_for is None:
                continue
            denied = _to_deny(fallback, sources)
            if not denied:
                continue
            with benches() as bench:
                bench.scan()
                bench.contract.deny(bench.cloud.faults, denied)
                outcome = bench.scan()
                rows = [row for row in outcome.coverage if row.source == fallback.id]
                assert rows, f"{fallback.id} did not run while {sorted(denied)} was denied"
                missing = {scope for scope, one in _as_fallback(bench.places()) if one == fallback.id}
                missing -= {row.scope for row in rows}
                assert not missing, f"{fallback.id} did not run in {sorted(missing)} while {sorted(denied)} was denied"
                assert all(row.state == "complete" for row in rows), f"{fallback.id}: {rows}"
                for name in fallback.lists:
                    table, _, kind = name.partition(":")
                    first, second = (_of_kind(bench.rows(table, number), kind) for number in (1, 2))
                    assert first.keys() == second.keys(), f"{fallback.id}: other {name}"
                    for key, record in first.items():
                        _compare(fallback, table, record, second[key])


def _as_fallback(places: Iterable[Place]) -> Iterator[tuple[str, str]]:
    """(scope key, source id) of what stands in for another source there."""
    for place in places:
        for source in place.known:
            if source.fallback_for is not None:
                yield place.scope.key, source.id


def _to_deny(fallback: Source, sources: Mapping[str, Source]) -> set[str]:
    """What must be denied so that a fallback runs: of all that it stands in for. Empty where that cannot be had.

    Of each of those it is all that it, or what it reads, needs and the fallback does not.
    """
    own = set(fallback.permissions).union(*(sources[read].permissions for read in fallback.reads))
    denied: set[str] = set()
    name = fallback.fallback_for
    while name is not None:
        primary = sources[name]
        needed = [primary, *(sources[read] for read in primary.reads if read not in fallback.reads)]
        enough = next((found for one in needed if (found := set(one.permissions) - own)), None)
        if enough is None:
            return set()
        denied |= enough
        name = primary.fallback_for
    return denied


def _of_kind(rows: Mapping[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {
        key: row
        for key, row in rows.items()
        if not kind or kind == row.get("kind", str(row.get("name")).partition(".")[0])
    }


def _compare(fallback: Source, table: str, primary: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """A fallback may leave out what it does not declare to add; it never says something else."""
    for name, value in primary.items():
        if name in NOT_COMPARED:
            continue
        declared = f"{table}:{primary.get('kind')}.{name}" in fallback.adds
        if other[name] is None and not declared:
            continue
        assert other[name] == value, f"{fallback.id}: {primary['key']} has {name} {other[name]!r}, not {value!r}"

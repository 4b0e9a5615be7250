"""The history store against a slow model that keeps a full copy of every scan."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nhiscan.inventory import Finishing, Inventory, Plan, Sql, open_inventory
from nhiscan.inventory.views import VIEWS
from nhiscan.model import LAST_USE, AccessUse, Classification, Coverage, Credential, Identity, Need, Owner, Scope

SCOPES = ("aws/account/a", "aws/account/b")
KINDS = {"identity": "user", "credential": "access_key"}
SOURCES = ("bulk", "fallback")
DAY = 86_400


# --- what a random scan looks like ---


class Delivery(NamedTuple):
    """What one source says about one record: the values that vary, in the order of `_VARYING`."""

    key: str
    values: tuple[int | str | None, ...]


class Reading(NamedTuple):
    """One table of one planned scope: whether it was listed completely, and what each source delivered."""

    complete: int
    by_source: tuple[tuple[Delivery, ...], ...]


@dataclass(frozen=True)
class Sweep:
    """One run: what it planned and read. ``killed`` runs stop after the merge, before the commit."""

    readings: Mapping[str, Mapping[str, Reading]]  # scope -> table
    killed: bool
    data_times: Mapping[str, int | None]  # source -> said by the source


_numbers = st.one_of(st.none(), st.integers(1, 3))
_states = st.sampled_from(["active", "disabled", None])
_last_use = st.one_of(
    st.just((None, None, None)),
    st.tuples(_numbers, _numbers, st.none()),
    st.tuples(_numbers, st.none(), st.integers(1, 2)),
)


@st.composite
def readings(draw: st.DrawFn, scope: str, table: str) -> Reading:
    complete = draw(st.integers(0, 1))
    deliveries = []
    for _source in SOURCES:
        keys = draw(st.lists(st.integers(0, 3), unique=True, max_size=4))
        deliveries.append(
            tuple(
                Delivery(f"{scope}/{KINDS[table]}/{n}", (draw(_states), draw(_numbers), *draw(_last_use))) for n in keys
            )
        )
    return Reading(complete, tuple(deliveries))


@st.composite
def sweeps(draw: st.DrawFn) -> Sweep:
    planned = draw(st.lists(st.sampled_from(SCOPES), unique=True, min_size=1))
    return Sweep(
        {scope: {table: draw(readings(scope, table)) for table in KINDS} for scope in planned},
        draw(st.booleans()) and draw(st.booleans()),
        {source: draw(st.one_of(st.none(), st.integers(100, 200))) for source in SOURCES},
    )


def record(table: str, scope: str, delivery: Delivery, source: str) -> Identity | Credential:
    state, created_at, used_at, known_since, trailing_days = delivery.values
    number = delivery.key.rpartition("/")[2]
    common: dict[str, Any] = {
        "key": delivery.key,
        "scope": scope,
        "kind": KINDS[table],
        "native_id": number,
        "name": f"n{number}",
        "state": state,
        "created_at": created_at,
        "used_at": used_at,
        "known_since": known_since,
        "trailing_days": trailing_days,
        "source": source,
    }
    if table == "identity":
        return Identity(**common)
    return Credential(**common, identity=f"{scope}/user/{int(number) // 3}")


# --- the model: plain dictionaries, everything copied for every scan ---


@dataclass
class Kept:
    """A record as the model keeps it."""

    fields: dict[str, Any]  # merged, source included
    used_source: str | None
    data_time: int | None  # of the last scan that showed it
    shown_in: int


@dataclass
class Model:
    live: dict[tuple[str, str], Kept] = field(default_factory=dict)  # (table, key)
    first_seen: dict[tuple[str, str], int] = field(default_factory=dict)
    started: dict[int, int] = field(default_factory=dict)
    last_scan: dict[str, int] = field(default_factory=dict)  # scope
    listed: dict[tuple[str, str], int] = field(default_factory=dict)  # (scope, table) -> complete in its last scan
    ever: set[tuple[str, str, int, str]] = field(default_factory=set)  # (identity, kind, created_at, key)
    states: dict[int, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def scan(self, number: int, sweep: Sweep) -> None:
        self.started[number] = number * 1_000
        for scope, tables in sweep.readings.items():
            self.last_scan[scope] = number
            for table, reading in tables.items():
                self.listed[scope, table] = reading.complete
                self._read(number, scope, table, reading, sweep)
        self.states[number] = {table: self._view(table, number, sweep) for table in KINDS}

    def _read(self, number: int, scope: str, table: str, reading: Reading, sweep: Sweep) -> None:
        staged: dict[str, dict[str, Any]] = {}
        used: dict[str, str] = {}
        for source, deliveries in zip(SOURCES, reading.by_source, strict=True):
            for delivery in deliveries:
                row = record(table, scope, delivery, source)._asdict()
                old = staged.setdefault(row["key"], dict.fromkeys(row))
                if any(row[fact] is not None for fact in LAST_USE) and (
                    row["key"] not in used or (old["used_at"] is None and row["used_at"] is not None)
                ):
                    used[row["key"]] = source
                staged[row["key"]] = {name: value if value is not None else row[name] for name, value in old.items()}
        for key, row in staged.items():
            before = self.live.get((table, key))
            ranged = [name for name in row if name not in (*LAST_USE, "source")]
            if before is not None and all(before.fields[name] == row[name] for name in ranged):
                row["source"] = before.fields["source"]  # the source alone is not a change
            said = sweep.data_times[used[key]] if key in used else None
            data_time = None if key not in used else said if said is not None else ended(number, used[key])
            self.live[table, key] = Kept(row, used.get(key), data_time, number)
            self.first_seen.setdefault((table, key), number)
            if table == "credential" and row["created_at"] is not None:
                self.ever.add((row["identity"], row["kind"], row["created_at"], key))
        if reading.complete:
            for name, key in [*self.live]:
                if name == table and self.live[name, key].fields["scope"] == scope and key not in staged:
                    del self.live[name, key]

    def _view(self, table: str, number: int, sweep: Sweep) -> list[dict[str, Any]]:
        rows = []
        for (name, key), kept in sorted(self.live.items()):
            if name != table:
                continue
            row = dict(kept.fields)
            scope = row["scope"]
            trailing = row.pop("trailing_days")
            if row["known_since"] is None and trailing is not None and kept.data_time is not None:
                row["known_since"] = kept.data_time - trailing * DAY
            row["planned"] = int(scope in sweep.readings)
            row["confirmed"] = int(self.listed[scope, table] or kept.shown_in == self.last_scan[scope])
            row["first_seen_at"] = self.started[self.first_seen[table, key]]
            row["data_time"] = kept.data_time
            if table == "credential":
                others = [
                    (made, other)
                    for identity, kind, made, other in self.ever
                    if (identity, kind) == (row["identity"], row["kind"]) and other != key
                ]
                mine = row["created_at"]
                older = [pair for pair in others if mine is not None and pair[0] < mine]
                newer = [pair for pair in others if mine is not None and pair[0] > mine]
                row["predecessor"] = max(older)[1] if older else None
                row["successor"] = min(newer)[1] if newer else None
            else:
                row |= {"nature": None, "nature_reason": None, "nature_confidence": None}
            rows.append(row)
        return rows


def ended(number: int, source: str) -> int:
    return number * 1_000 + 10 + SOURCES.index(source)


# --- the store, driven by the same scans ---


class KilledError(Exception):
    pass


def store(inventory: Inventory, run: str, number: int, sweep: Sweep) -> dict[str, list[dict[str, Any]]]:
    """Run a scan as the runner does; returns what it saw bound inside its own transaction."""
    under_way = inventory.start(plan(run, number * 1_000))
    scopes = [Scope(key, "aws", "account", key[-1]) for key in sweep.readings]
    under_way.plan_scopes(scopes, [(scope.key, source) for scope in scopes for source in SOURCES])
    try:
        with under_way.finish(number * 1_000 + 900) as finishing:
            for index, source in enumerate(SOURCES):
                for scope, tables in sweep.readings.items():
                    for table, reading in tables.items():
                        rows = [record(table, scope, each, source) for each in reading.by_source[index]]
                        finishing.put(table, rows)
            report(finishing, number, sweep)
            finishing.merge()
            finishing.bind()
            bound = {table: contents(finishing.sql, table) for table in KINDS}
            if sweep.killed:
                raise KilledError
    except KilledError:
        under_way.abandon("killed", "killed by the test", number * 1_000 + 901)
        return {}
    return bound


def report(finishing: Finishing, number: int, sweep: Sweep) -> None:
    for scope, tables in sweep.readings.items():
        finishing.coverage(
            Coverage(
                f"{scope}|{source}",
                scope,
                source,
                "complete",
                ended_at=ended(number, source),
                data_time=sweep.data_times[source],
            )
            for source in SOURCES
        )
        finishing.needs(Need(scope, f"{table}:{KINDS[table]}", each.complete, 1) for table, each in tables.items())


def plan(run: str, started_at: int) -> Plan:
    return Plan(run, started_at, "0", ("aws",), "{}", "-", "{}", "here", os.getpid())


def contents(sql: Sql, table: str) -> list[dict[str, Any]]:
    names = [column.name for column in VIEWS[table]]
    return [
        dict(zip(names, row, strict=True)) for row in sql.rows(f"SELECT {', '.join(names)} FROM {table} ORDER BY key")
    ]


def compare(place: str, runs: list[Sweep]) -> None:
    inventory = open_inventory(place)
    model = Model()
    number = 0
    for index, sweep in enumerate(runs):
        seen = store(inventory, f"run-{index}", number + 1, sweep)
        if not sweep.killed:
            number += 1
            model.scan(number, sweep)
            assert seen == model.states[number]
    assert [info.number for info in inventory.scans()] == list(range(1, number + 1))
    for past in range(1, number + 1):
        for materialise in (False, True):
            with inventory.bound(past, materialise=materialise) as bound:
                assert {table: contents(bound.sql, table) for table in KINDS} == model.states[past]


@settings(max_examples=60, deadline=None)
@given(st.lists(sweeps(), min_size=1, max_size=6))
def test_every_past_state_reads_back_exactly_on_sqlite(runs: list[Sweep]) -> None:
    with TemporaryDirectory() as folder:
        compare(str(Path(folder) / "inventory.db"), runs)


@pytest.mark.postgres
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(sweeps(), min_size=2, max_size=5))
def test_every_past_state_reads_back_exactly_on_postgresql(postgres_server: str, runs: list[Sweep]) -> None:
    import psycopg

    name = f"history_{uuid4().hex}"
    with psycopg.connect(postgres_server + "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            compare(postgres_server + name, runs)
        finally:
            connection.execute(f"DROP DATABASE {name}".encode())


# --- named cases, on both databases ---


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def inventory(request: pytest.FixtureRequest, tmp_path: Path) -> Inventory:
    if request.param == "sqlite":
        return open_inventory(str(tmp_path / "inventory.db"), keep_transcripts=2)
    return open_inventory(request.getfixturevalue("postgres_database"), keep_transcripts=2)


A, B = SCOPES
_ROWS = tuple(Delivery(f"{A}/access_key/{n}", ("active", n, 3, 1, None)) for n in range(4))


def sweep(rows: tuple[Delivery, ...], *, complete: int, source: str = "bulk") -> Sweep:
    by_source = tuple(rows if each == source else () for each in SOURCES)
    nothing = Reading(1, ((), ()))
    return Sweep(
        {A: {"identity": nothing, "credential": Reading(complete, by_source)}},
        killed=False,
        data_times=dict.fromkeys(SOURCES),
    )


def ranges(inventory: Inventory) -> list[tuple[Any, ...]]:
    with inventory.bound(1) as bound:
        rows = [*bound.sql.rows("SELECT key, from_scan, to_scan FROM credential_range ORDER BY key, from_scan")]
        rows += bound.sql.rows("SELECT subject, from_scan, to_scan FROM last_use ORDER BY subject, from_scan")
    return rows


def test_a_denied_listing_ends_nothing_and_confirms_nothing(inventory: Inventory) -> None:
    store(inventory, "1", 1, sweep(_ROWS, complete=1))
    before = ranges(inventory)
    store(inventory, "2", 2, sweep((), complete=0))
    assert ranges(inventory) == before
    with inventory.bound(2) as bound:
        rows = contents(bound.sql, "credential")
    assert [(row["key"], row["confirmed"], row["data_time"]) for row in rows] == [
        (each.key, 0, ended(1, "bulk")) for each in _ROWS
    ]


def test_the_fallback_path_keeps_and_ends_the_same_rows(inventory: Inventory) -> None:
    store(inventory, "1", 1, sweep(_ROWS, complete=1))
    before = ranges(inventory)
    store(inventory, "2", 2, sweep(_ROWS[1:], complete=1, source="fallback"))
    kept = [row for row in ranges(inventory) if row[0] != _ROWS[0].key]
    # records keep their rows; last use says who said so, in its narrow table
    assert kept[:3] == [row for row in before[:4] if row[0] != _ROWS[0].key]
    assert [row[2] for row in ranges(inventory) if row[0] == _ROWS[0].key] == [2, 2]
    with inventory.bound(2) as bound:
        rows = contents(bound.sql, "credential")
    assert [(row["key"], row["data_time"]) for row in rows] == [(each.key, ended(2, "fallback")) for each in _ROWS[1:]]


def test_an_unchanged_scan_writes_no_ranged_row(inventory: Inventory) -> None:
    store(inventory, "1", 1, sweep(_ROWS, complete=1))
    before = ranges(inventory)
    store(inventory, "2", 2, sweep(_ROWS, complete=1))
    assert ranges(inventory) == before


def test_a_fact_not_delivered_this_time_is_not_carried_over(inventory: Inventory) -> None:
    store(inventory, "1", 1, sweep(_ROWS[:1], complete=1))
    store(inventory, "2", 2, sweep((Delivery(_ROWS[0].key, (None, None, None, None, None)),), complete=1))
    with inventory.bound(2) as bound:
        (row,) = contents(bound.sql, "credential")
    assert (row["state"], row["created_at"], row["used_at"], row["known_since"], row["data_time"]) == (None,) * 5


def test_a_scope_that_was_not_planned_keeps_its_state(inventory: Inventory) -> None:
    store(inventory, "1", 1, sweep(_ROWS, complete=1))
    other = Sweep(
        {B: {"identity": Reading(1, ((), ())), "credential": Reading(1, ((), ()))}},
        killed=False,
        data_times=dict.fromkeys(SOURCES),
    )
    store(inventory, "2", 2, other)
    with inventory.bound(2) as bound:
        rows = contents(bound.sql, "credential")
        scopes = contents(bound.sql, "scope")
    assert [(row["key"], row["planned"], row["confirmed"]) for row in rows] == [(each.key, 0, 1) for each in _ROWS]
    assert [(row["key"], row["planned"], row["last_scan"], row["last_scan_at"]) for row in scopes] == [
        (A, 0, 1, 1_000),
        (B, 1, 2, 2_000),
    ]


def test_what_lived_in_a_scope_that_is_gone_ends_with_it(inventory: Inventory) -> None:
    folder, project, inner = (Scope(f"gcp/folder/{name}", "gcp", "folder", name) for name in ("top", "p", "inner"))
    project, inner = project._replace(parent=folder.key), inner._replace(parent=project.key)
    user = Identity(f"{inner.key}/user/u", inner.key, "user", "u", "u", used_at=5, source="list")
    first = inventory.start(plan("1", 1_000))
    first.plan_scopes([folder, project, inner], [])
    with first.finish(1_900) as finishing:
        finishing.put("identity", [user])
    second = inventory.start(plan("2", 2_000))
    second.plan_scopes([folder], [])
    with second.finish(2_900) as finishing:
        finishing.needs([Need(folder.key, "scope", 1, 1)])
        finishing.merge()
    for number, left in ((1, ["gcp/folder/inner", "gcp/folder/p", "gcp/folder/top"]), (2, ["gcp/folder/top"])):
        with inventory.bound(number) as bound:
            assert [row["key"] for row in contents(bound.sql, "scope")] == left
            assert len(contents(bound.sql, "identity")) == len(left) // 2
    with inventory.bound(2) as bound:
        assert bound.sql.one("SELECT to_scan FROM last_use") == (2,)


def test_derived_tables_are_bound_again_after_their_merge(inventory: Inventory) -> None:
    run = inventory.start(plan("1", 1_000))
    run.plan_scopes([Scope(A, "aws", "account", "a")], [])
    key = f"{A}/user/1"
    with run.finish(1_900) as finishing:
        finishing.put("identity", [Identity(key, A, "user", "1", "one")])
        finishing.needs([Need(A, "identity:user", 1, 1)])
        finishing.merge()
        finishing.bind()
        assert contents(finishing.sql, "owner") == []
        finishing.put("owner", [Owner(key, A, "x@example.com", "tag:owner", None, "no_roster")])
        finishing.put("classification", [Classification(key, A, "machine", "why", "proven")])
        finishing.needs([Need(A, "owner", 1, 1), Need(A, "classification", 0, 1, "because")])
        finishing.merge()
        finishing.bind()
        (identity,) = contents(finishing.sql, "identity")
        assert (identity["nature"], identity["nature_reason"]) == ("machine", "why")
        assert [row["confirmed"] for row in contents(finishing.sql, "owner")] == [1]
        assert [row["need"] for row in contents_of_needs(finishing.sql)] == ["classification", "identity:user", "owner"]
        with pytest.raises(ValueError, match="owner was merged already"):
            finishing.put("owner", [])
    with inventory.bound(1) as bound:
        assert contents(bound.sql, "identity") == [identity]
        assert [row["need"] for row in contents_of_needs(bound.sql)] == ["classification", "identity:user", "owner"]


def contents_of_needs(sql: Sql) -> Iterator[dict[str, Any]]:
    for scope, need in sql.rows("SELECT scope, need FROM need ORDER BY need"):
        yield {"scope": scope, "need": need}


def use_scan(inventory: Inventory, number: int, uses: list[AccessUse], *, complete: int = 1) -> list[dict[str, Any]]:
    """A scan that reads when services were last used; gives what it bound."""
    run = inventory.start(plan(str(number), number * 1_000))
    run.plan_scopes([Scope(A, "aws", "account", "a")], [(A, "use")])
    with run.finish(number * 1_000 + 900) as finishing:
        finishing.put("access_use", uses)
        at = number * 1_000 + 10
        finishing.coverage([Coverage(f"{A}|use", A, "use", "complete" if complete else "partial", ended_at=at)])
        finishing.needs([Need(A, "access_use", complete, 1)])
        finishing.merge()
        finishing.bind()
        return contents(finishing.sql, "access_use")


def used(service: str, *when: int | None, action: str | None = None) -> AccessUse:
    user = f"{A}/user/u"
    key = f"{user}|{service}" + (f"|{action}" if action else "")
    used_at, known_since, trailing_days = when
    return AccessUse(key, A, user, service, action, used_at, known_since, trailing_days, "use")


def test_last_use_of_a_service_that_moves_costs_one_narrow_row(inventory: Inventory) -> None:
    object_read = used("s3", 4, 1, None, action="s3:getobject")
    states = [
        use_scan(inventory, 1, [used("s3", 5, 1, None), object_read, used("sqs", None, None, 400)]),
        use_scan(inventory, 2, [used("s3", 9, 1, None), object_read, used("sqs", None, None, 400)]),
        use_scan(inventory, 3, [used("s3", 9, 1, None)], complete=0),
        use_scan(inventory, 4, [used("s3", None, None, None)]),
    ]
    shown = [
        [(row["service"], row["action"], row["used_at"], row["data_time"], row["confirmed"]) for row in rows]
        for rows in states
    ]
    read = ("s3", "s3:getobject")
    assert shown == [
        [("s3", None, 5, 1_010, 1), (*read, 4, 1_010, 1), ("sqs", None, None, 1_010, 1)],
        [("s3", None, 9, 2_010, 1), (*read, 4, 2_010, 1), ("sqs", None, None, 2_010, 1)],
        [("s3", None, 9, 3_010, 1), (*read, 4, 2_010, 0), ("sqs", None, None, 2_010, 0)],
        [("s3", None, None, None, 1)],
    ]
    assert [[row["known_since"] for row in rows] for rows in states] == [
        [1, 1, 1_010 - 400 * DAY],
        [1, 1, 2_010 - 400 * DAY],
        [1, 1, 2_010 - 400 * DAY],
        [None],
    ]
    for number, state in enumerate(states, 1):
        for materialise in (False, True):
            with inventory.bound(number, materialise=materialise) as bound:
                assert contents(bound.sql, "access_use") == state
    with inventory.bound(4) as bound:
        rows = [*bound.sql.rows("SELECT key, from_scan, to_scan FROM access_use_range ORDER BY key")]
        moved = [*bound.sql.rows("SELECT subject, from_scan, to_scan, used_at FROM last_use ORDER BY 1, 2")]
    user = f"{A}/user/u"
    assert rows == [(f"{user}|s3", 1, None), (f"{user}|s3|s3:getobject", 1, 4), (f"{user}|sqs", 1, 4)]
    assert moved == [
        (f"{user}|s3", 1, 2, 5),
        (f"{user}|s3", 2, 4, 9),
        (f"{user}|s3|s3:getobject", 1, 4, 4),
        (f"{user}|sqs", 1, 4, None),
    ]


def test_a_year_of_scans_costs_what_changed(tmp_path: Path) -> None:
    """365 scans of 100 credentials, one of which changes each night."""
    inventory = open_inventory(str(tmp_path / "inventory.db"))
    for number in range(1, 366):
        rows = tuple(
            Delivery(f"{A}/access_key/{n}", ("active", (number - 1 + n) // 100 + 1, 1, 1, None)) for n in range(100)
        )
        store(inventory, str(number), number, sweep(rows, complete=1))
    with inventory.bound(365) as bound:
        counts = [
            bound.sql.one(f"SELECT count(*) FROM {table}")
            for table in ("credential_range", "last_use", "scan_seen", "need_range", "lineage")
        ]
        assert len(contents(bound.sql, "credential")) == 100
    assert counts == [(100 + 364,), (100,), (0,), (2,), (100 + 364,)]

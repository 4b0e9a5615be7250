"""The inventory: runs that write it, scans that can be read back."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from nhiscan import model
from nhiscan.inventory import binding
from nhiscan.inventory.database import Database, find
from nhiscan.inventory.errors import InventoryError
from nhiscan.inventory.finishing import Finishing, read_calls
from nhiscan.inventory.info import Plan, ScanInfo
from nhiscan.inventory.locks import NUMBERING, RunLock, bury_the_dead
from nhiscan.inventory.sql import Sql
from nhiscan.inventory.views import VIEWS

KEEP_TRANSCRIPTS = 35  # scans

_DOCUMENTS = (("identity", "trust_document"), ("policy", "document"), ("access_grant", "document"))


class Bound(NamedTuple):
    """The inventory as of one scan: ``sql`` sees the tables of `nhiscan.inventory.views.VIEWS` by name."""

    sql: Sql
    info: ScanInfo


class Run:
    """A run under way. It ends by `finish` or by `abandon`; a process that dies ends it too."""

    def __init__(self, inventory: "Inventory", plan: Plan, lock: RunLock) -> None:
        self._inventory = inventory
        self._database = inventory.database
        self._lock = lock
        self._scopes: tuple[model.Scope, ...] = ()
        self.plan = plan

    def plan_scopes(self, scopes: Sequence[model.Scope], sources: Sequence[tuple[str, str]]) -> None:
        """Write down the plan, as scopes and as (scope key, source id), and take the scopes. Called once.

        Raises Locked where a living run holds one of them (on SQLite: where any run lives that has taken scopes).
        """
        if self._scopes:
            raise ValueError("the scopes of this run are planned already")
        by_scope: dict[str, list[str]] = {scope.key: [] for scope in scopes}
        for scope, source in sources:
            by_scope[scope].append(source)
        self._lock.take(sorted(by_scope), [(key, json.dumps(names)) for key, names in sorted(by_scope.items())])
        self._scopes = tuple(scopes)

    @contextmanager
    def finish(self, ended_at: int) -> Iterator[Finishing]:
        """The one transaction that makes the run a scan. Where the block raises, nothing of it stays."""
        with self._database.transaction(write=True) as sql:
            if sql.dialect == "postgresql":
                sql.run("SELECT pg_advisory_xact_lock(:key)", {"key": NUMBERING})
            row = sql.one("SELECT COALESCE(max(number), 0) + 1 FROM scan")
            number = int(row[0]) if row else 1
            plan = self.plan
            sql.run(
                "INSERT INTO scan (number, run, started_at, ended_at) VALUES (:number, :run, :started_at, :ended_at)",
                {"number": number, "run": plan.run, "started_at": plan.started_at, "ended_at": ended_at},
            )
            keys = tuple(sorted(scope.key for scope in self._scopes))
            sql.many("INSERT INTO scan_scope (scope, scan) VALUES (?, ?)", [(key, number) for key in keys])
            info = ScanInfo(
                number,
                plan.run,
                plan.started_at,
                ended_at,
                plan.version,
                plan.connectors,
                plan.settings,
                plan.rules_sha256,
                plan.parameters,
                keys,
                {},
            )
            scan = Finishing(sql, info)
            scan.put("scope", self._scopes)
            yield scan
            scan.close(self._inventory.keep_transcripts)
            self._end(sql, "finished", None, ended_at)
        self._lock.close()

    def abandon(self, state: str, reason: str, ended_at: int) -> None:
        """End the run without a scan: ``state`` is "failed" or "killed"."""
        with self._database.transaction(write=True) as sql:
            self._end(sql, state, reason, ended_at)
        self._lock.close()

    def _end(self, sql: Sql, state: str, reason: str | None, ended_at: int) -> None:
        sql.run(
            "UPDATE run SET state = :state, reason = :reason, ended_at = :ended_at WHERE run = :run",
            {"state": state, "reason": reason, "ended_at": ended_at, "run": self.plan.run},
        )
        sql.run("DELETE FROM scope_lock WHERE run = :run", {"run": self.plan.run})


class Inventory:
    """What every finished scan found. Made by `open_inventory`."""

    def __init__(self, database: Database, keep_transcripts: int) -> None:
        self.database = database
        self.place = database.place  # printable, without a password
        self.keep_transcripts = keep_transcripts

    def start(self, plan: Plan) -> Run:
        """Write down that a run begins. Runs found dead are marked as killed."""
        lock = RunLock(self.database, plan.run)
        try:
            with self.database.transaction(write=True) as sql:
                bury_the_dead(self.database, sql)
                values = plan._asdict() | {"connectors": json.dumps(plan.connectors)}
                names = ", ".join(values)
                marks = ", ".join(f":{name}" for name in values)
                sql.run(f"INSERT INTO run ({names}, state) VALUES ({marks}, 'running')", values)
        except InventoryError:
            lock.close()
            raise
        return Run(self, plan, lock)

    def scans(self) -> list[ScanInfo]:
        """All finished scans, by number."""
        with self.database.transaction(write=False) as sql:
            return _infos(sql, "1 = 1", {})

    def scan(self, number: int | None = None) -> ScanInfo | None:
        """One finished scan, or the newest one; None where there is none."""
        with self.database.transaction(write=False) as sql:
            return _info(sql, number)

    @contextmanager
    def bound(self, number: int, *, materialise: bool = False, write: bool = False) -> Iterator[Bound]:
        """The state as of a finished scan, in one consistent snapshot.

        The tables are temporary views, or with ``materialise`` temporary tables with primary keys. With ``write``
        the block may store results, which are committed when it ends well. Raises InventoryError where there is no
        such scan.
        """
        with self.database.transaction(write=write) as sql:
            if write and sql.dialect == "postgresql":
                sql.run("SELECT pg_advisory_xact_lock(:key)", {"key": NUMBERING})
            info = _info(sql, number)
            if info is None:
                raise InventoryError(f"{self.place} has no scan {number}")
            binding.prepare(sql, number)
            needs = binding.needs_as_of(number, planned=1)
            for select in (needs, binding.needs_as_of(number, planned=0)):
                binding.put_listings(sql, [model.Need(*row[:5]) for row in sql.rows(select)])
            for name in VIEWS:
                binding.define(sql, name, number, needs, materialise=materialise)
            yield Bound(sql, info)

    def documents(self, number: int) -> Iterator[model.Document]:
        """The documents to which the state as of a scan refers, by digest."""
        used = " UNION ".join(f"SELECT {column} FROM {view}" for view, column in _DOCUMENTS)
        with self.bound(number) as bound:
            select = f"SELECT digest, kind, text FROM document WHERE digest IN ({used}) ORDER BY digest"
            for row in bound.sql.rows(select):
                yield model.Document(*row)

    def transcript(self, number: int) -> Iterator[tuple[str, str, list[model.Call]]]:
        """(scope, source, calls) of a scan, by scope and source. Nothing where the transcripts were pruned."""
        select = "SELECT scope, source, calls FROM transcript WHERE scan = :number ORDER BY scope, source"
        with self.database.transaction(write=False) as sql:
            for scope, source, blob in sql.rows(select, {"number": number}):
                yield scope, source, read_calls(blob)


def open_inventory(
    place: str, *, create: bool = True, upgrade: bool = False, keep_transcripts: int = KEEP_TRANSCRIPTS
) -> Inventory:
    """The inventory at a path or URL (sqlite:///..., postgresql://...).

    ``create`` makes a SQLite file that is missing; ``upgrade`` brings an older schema up to date. Raises InventoryError
    where it cannot be used, with the reason and what to do.
    """
    database = find(place, create=create)
    database.prepare(upgrade=upgrade)
    return Inventory(database, keep_transcripts)


def _info(sql: Sql, number: int | None) -> ScanInfo | None:
    if number is None:
        found = _infos(sql, "s.number = (SELECT max(number) FROM scan)", {})
    else:
        found = _infos(sql, "s.number = :number", {"number": number})
    return found[0] if found else None


def _infos(sql: Sql, where: str, values: dict[str, int]) -> list[ScanInfo]:
    """Scans by number, with their planned scopes and facts."""
    scopes: dict[int, list[str]] = {}
    for number, scope in sql.rows(
        f"SELECT p.scan, p.scope FROM scan s JOIN scan_scope p ON p.scan = s.number WHERE {where} ORDER BY p.scope",
        values,
    ):
        scopes.setdefault(number, []).append(scope)
    facts: dict[int, dict[str, str]] = {}
    for number, name, text in sql.rows(
        f"SELECT f.scan, f.name, f.json FROM scan s JOIN scan_fact f ON f.scan = s.number WHERE {where} ORDER BY 2",
        values,
    ):
        facts.setdefault(number, {})[name] = text
    select = (
        "SELECT s.number, s.run, s.started_at, s.ended_at, r.version, r.connectors, r.settings, r.rules_sha256,"
        f" r.parameters FROM scan s JOIN run r ON r.run = s.run WHERE {where} ORDER BY s.number"
    )
    return [
        ScanInfo(
            number,
            run,
            started_at,
            ended_at,
            version,
            tuple(json.loads(connectors)),
            settings,
            rules_sha256,
            parameters,
            tuple(scopes.get(number, ())),
            facts.get(number, {}),
        )
        for number, run, started_at, ended_at, version, connectors, settings, rules_sha256, parameters in sql.rows(
            select, values
        )
    ]

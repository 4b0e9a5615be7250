"""One scan from its plan to its outcome."""

import json
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from os import getpid
from pathlib import PurePath
from queue import SimpleQueue
from typing import Any, TypeVar

from nhiscan import __version__, analysis
from nhiscan.analyzer import Analyzer
from nhiscan.collect.coverage import one_line
from nhiscan.collect.opening import Opened, open_connector, session_scope, session_source, set_fanout
from nhiscan.collect.outcome import READ, Progress, ScanOutcome
from nhiscan.collect.places import planned
from nhiscan.collect.spool import Spool
from nhiscan.collect.step import read_scope
from nhiscan.collect.task import Task, tasks
from nhiscan.collect.watch import Watch, interruption, terminable
from nhiscan.connector import Connector, ReadsFiles, Settings
from nhiscan.executor import DEFAULT, executor, threads
from nhiscan.inventory import Finishing, Inventory, Plan, Run
from nhiscan.model import Call, Coverage, Need, Record, TieOut
from nhiscan.plugins import REGISTER
from nhiscan.transcript import digest

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
Events = SimpleQueue["tuple[str, ...] | Future[list[Coverage]]"]


def scan(
    inventory: Inventory,
    connectors: Sequence[tuple[Connector, Settings]],
    *,
    finish: Callable[[Finishing], T],
    clock: Callable[[], int],
    sleep: Callable[[float], None],
    run_id: Callable[[], str],
    executor_name: str = DEFAULT,
    rules_sha256: str = "",
    parameters: str = "{}",
    analyzers: Mapping[str, Analyzer] | None = None,
    owner_tags: Sequence[str] = analysis.OWNER_TAGS,
    progress: Callable[[Progress], None] | None = None,
    host: str | None = None,
    spool: Spool | None = None,
) -> ScanOutcome[T]:
    """Read everything the connectors plan, store it as one scan, derive what follows from it, and call ``finish``.

    ``finish`` runs inside the finishing transaction, after `Finishing.bind` and the derived facts: the place for rules
    and findings. What it returns is `ScanOutcome.result`; what it raises gives the whole scan up. ``clock`` gives epoch
    seconds UTC and stamps runs and calls; ``sleep`` waits for connectors; ``run_id`` makes the name of the run;
    ``rules_sha256`` and ``parameters`` (JSON) go into the plan; ``progress`` is called in this thread.

    When no scope could be read at all (registers do not count beside a cloud) nothing is stored: the outcome says
    ``nothing_read``, and its coverage says why. Otherwise what could not be read is a gap of the outcome.

    Raises what stands in the way before reading: ExecutorError, BadDeclaration, OptionError, MissingExtra, Locked,
    InventoryError. Whatever is raised, Ctrl-C and SIGTERM included, the run is marked and its locks are free.
    """
    count = threads(executor_name)
    started_at = clock()
    run = run_id()
    plan = Plan(
        run=run,
        started_at=started_at,
        version=__version__,
        connectors=tuple(connector.name for connector, _ in connectors),
        settings=_settings(connectors),
        rules_sha256=rules_sha256,
        parameters=parameters,
        host=socket.gethostname() if host is None else host,
        pid=getpid(),
    )
    with terminable():
        handle = inventory.start(plan)
        ended = False
        try:
            with spool or Spool() as folder:
                scanning = _Scanning(folder, clock, progress or _silent)
                try:
                    scanning.open(connectors, sleep, count)
                    scanning.read(handle, executor_name)
                finally:
                    scanning.close()
                if scanning.nothing_read():
                    handle.abandon("failed", "nothing could be read", clock())
                    ended = True
                    return ScanOutcome(run, None, None, scanning.rows(), nothing_read=True)
                outcome = scanning.store(handle, run, analyzers or {}, owner_tags, finish)
                ended = True
                return outcome
        except BaseException as error:
            if ended:
                raise
            stopped = interruption(error)
            handle.abandon("killed" if stopped else "failed", _why(stopped or error), clock())
            if stopped is not None and stopped is not error:
                raise stopped from error
            raise


class _Scanning:
    """The state of one scan while it runs."""

    def __init__(self, spool: Spool, clock: Callable[[], int], progress: Callable[[Progress], None]) -> None:
        self._spool = spool
        self._clock = clock
        self._progress = progress
        self._events: Events = SimpleQueue()
        self._watch = Watch(self._events.put)
        self._opened: list[Opened] = []
        self._tasks: tuple[Task, ...] = ()
        self._names: dict[str, str] = {}  # planned scope -> what people call it
        self._threads = 1
        self._done = 0  # tasks that have ended

    def open(
        self, connectors: Sequence[tuple[Connector, Settings]], sleep: Callable[[float], None], count: int
    ) -> None:
        """Open every session and plan the scopes, in the order of their keys."""
        for connector, settings in connectors:
            self._opened.append(open_connector(connector, settings, self._watch, self._clock, sleep, count))
            self._drain()
        self._threads = count
        self._tasks = tasks(
            (one.connector, one.session, one.sources, one.places) for one in self._opened if one.session is not None
        )
        self._names = {task.scope.key: task.scope.name or task.scope.native_id for task in self._tasks}

    def close(self) -> None:
        """Close every session. One that does not close has done its work all the same."""
        for one in self._opened:
            if one.session is not None:
                try:
                    one.session.close()
                except Exception:  # noqa: BLE001 a connector's error, after the fact
                    _LOG.warning("the session of %s did not close", one.connector.name, exc_info=True)

    def read(self, run: Run, executor_name: str) -> None:
        """Take the locks and run all sources. Raises Locked."""
        if not self._tasks:
            return
        primaries = planned(task.place for task in self._tasks)
        run.plan_scopes([task.scope for task in self._tasks], list(primaries))
        self._say("planned")
        pool = executor(executor_name)
        try:
            self._run_all(pool)
        except BaseException:
            self._watch.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()
        self._drain()
        for task in self._tasks:
            task.settle_spans()

    def _run_all(self, pool: Executor) -> None:
        """Run every task, each when those above it are done."""
        waiting: dict[str | None, list[Task]] = {}
        for task in self._tasks:
            waiting.setdefault(task.place.above, []).append(task)
        under_way: dict[Future[list[Coverage]], str] = {}
        ready = waiting.pop(None, [])
        while ready or under_way:
            if ready:
                set_fanout(self._opened, self._threads, len(under_way) + len(ready))
            for task in ready:
                future = pool.submit(read_scope, task, self._spool, self._watch, self._clock)
                under_way[future] = task.scope.key
                future.add_done_callback(self._events.put)
            event = self._events.get()
            ready = []
            if isinstance(event, tuple):
                self._say(*event)
            else:
                event.result()
                self._done += 1
                ready = waiting.pop(under_way.pop(event), [])

    def rows(self) -> tuple[Coverage, ...]:
        """All coverage rows, sorted by key."""
        gaps = [one.gap for one in self._opened if one.gap is not None]
        return tuple(sorted([*gaps, *(row for task in self._tasks for row in task.rows())]))

    def nothing_read(self) -> bool:
        """No source of any connector gave anything. Beside others the registers do not count."""
        names = {one.connector.name for one in self._opened}
        judged = names - {REGISTER} or names
        return not any(
            end.state in (*READ, "partial")
            for task in self._tasks
            if task.connector.name in judged
            for end in task.ended.values()
        )

    def store(
        self,
        run: Run,
        name: str,
        analyzers: Mapping[str, Analyzer],
        owner_tags: Sequence[str],
        finish: Callable[[Finishing], T],
    ) -> ScanOutcome[T]:
        """Everything read, everything derived and what ``finish`` does, in one transaction."""
        self._say("storing")
        counts: Counter[str] = Counter()
        tie_outs: list[TieOut] = []
        rows = self.rows()
        with run.finish(self._clock()) as scan:
            others = [scope for one in self._opened for scope in one.scopes if scope.key not in self._names]
            if others:
                scan.put("scope", others)
            for table, records in self._chunks():
                counts[table] += len(records)
                if table == "tie_out":
                    tie_outs.extend(one for one in records if isinstance(one, TieOut) and _unexplained(one))
                scan.put(table, records)
            scan.coverage(rows)
            scan.needs(self._needs())
            for scope, source, calls in self._calls():
                scan.calls(scope, source, calls)
            for fact, value in self._facts(owner_tags).items():
                scan.facts(fact, json.dumps(value, sort_keys=True))
            scan.merge()
            scan.bind()
            analysis.derive(scan, analyzers, owner_tags)
            self._say("evaluating")
            result = finish(scan)
            number, info = scan.number, scan.info
        return ScanOutcome(name, number, info, rows, dict(sorted(counts.items())), tuple(tie_outs), result=result)

    def _chunks(self) -> Iterator[tuple[str, list[Record]]]:
        """Records source by source: where several show one key, the one declared first counts, wherever it ran."""
        places: dict[str, list[list[tuple[int, int]]]] = {}
        for task in self._tasks:
            of_source = places.setdefault(task.connector.name, [[] for _ in task.sources])
            for source in task.place.runs:
                if source.id in task.ended:
                    place = task.index(source.id)
                    of_source[place].append((task.number, place))
        for of_connector in places.values():
            for found in of_connector:
                yield from self._spool.chunks(found)

    def _needs(self) -> Iterator[Need]:
        for task in self._tasks:
            yield from task.needs()

    def _calls(self) -> Iterator[tuple[str, str, list[Call]]]:
        """Every transcript that holds a call, as scope, source and calls."""
        for one in self._opened:
            if one.calls:
                yield session_scope(one.connector.name), session_source(one.connector.name), one.calls
        for task in self._tasks:
            sources = [(session_source(task.connector.name), task.session_calls())]
            sources += [(source.id, task.source_calls(source.id)) for source in task.place.runs]
            for source, kept in sources:
                if calls := self._spool.calls(kept):
                    yield task.scope.key, source, calls

    def _facts(self, owner_tags: Sequence[str]) -> dict[str, Any]:
        versions: dict[str, Any] = {"nhiscan": __version__}
        versions |= {one.connector.name: dict(one.connector.version()) for one in self._opened}
        sessions = {session_source(one.connector.name) for one in self._opened}
        return {
            "callers": {one.connector.name: one.caller for one in self._opened if one.caller},
            "versions": versions,
            "titles": {one.connector.name: one.connector.title for one in self._opened},
            "inputs": list(self._inputs()),
            "sessions": {
                f"{scope}|{source}": {"calls": len(calls), "sha256": digest(calls)}
                for scope, source, calls in self._calls()
                if source in sessions
            },
            "owner_tags": list(owner_tags),
        }

    def _inputs(self) -> Iterator[dict[str, str | int]]:
        for one in self._opened:
            if isinstance(one.session, ReadsFiles):
                yield from map(dict, one.session.inputs())

    def _drain(self) -> None:
        while not self._events.empty():
            event = self._events.get()
            if isinstance(event, tuple):
                self._say(*event)

    def _say(self, event: str, connector: str = "", scope: str = "", source: str = "", state: str = "") -> None:
        self._progress(
            Progress(
                event,
                connector,
                self._names.get(scope, scope),
                source,
                state,
                scopes_done=self._done,
                scopes=len(self._tasks),
                calls=self._watch.calls,
                records=self._watch.records,
            )
        )


def _unexplained(one: TieOut) -> bool:
    return one.count_a != one.count_b and one.explanation is None


def _silent(progress: Progress) -> None:
    del progress


def _why(error: BaseException) -> str:
    """The reason kept with a run that was given up."""
    return one_line(f"{type(error).__name__}: {error}") or type(error).__name__


def _settings(connectors: Sequence[tuple[Connector, Settings]]) -> str:
    """The settings of all connectors as canonical JSON. Of a path the last part is kept: folders tell of machines."""
    found: dict[str, dict[str, Any]] = {}
    for connector, settings in connectors:
        paths = {option.name for option in connector.options if option.kind == "path"}
        found[connector.name] = {
            name: PurePath(str(value)).name if name in paths and value is not None else value
            for name, value in settings.items()
        }
    return json.dumps(found, sort_keys=True, separators=(",", ":"))

"""The step runner: reads one scope, source by source, and turns every error into coverage.

This is the one place, beside the command line, where any exception is caught. KeyboardInterrupt, SystemExit and Stopped
are no errors of a source and pass through.
"""

import logging
from collections import ChainMap, Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from nhiscan import transcript
from nhiscan.collect.check import COVERED, DATA_TIME, BadRecord, Checker
from nhiscan.collect.coverage import Ended, resting, settle, state_of
from nhiscan.collect.order import standing_in
from nhiscan.collect.spool import Spool
from nhiscan.collect.task import Task
from nhiscan.collect.watch import Log, Watch, noting
from nhiscan.connector import Failure, Reader, Source
from nhiscan.model import Coverage, Covered, DataTime, Record

_LOG = logging.getLogger(__name__)
_CHECK_EVERY = 256  # records between two looks at the order to stop


@dataclass
class Found:
    """What a source gave before it ended: how many records by scope, the scopes that it covered, and its error."""

    failure: Failure | None = None
    data_time: int | None = None
    records: Counter[str] = field(default_factory=Counter)
    covered: set[str] = field(default_factory=set)


def judged(classify: Callable[[BaseException], Failure], error: Exception) -> Failure:
    """The connector's words for an error; its type alone where the connector fails at that, too."""
    if isinstance(error, BadRecord):
        return Failure("failed", code="BadRecord", message=str(error))
    try:
        return classify(error)
    except Exception:  # noqa: BLE001 the runner is where errors of connectors end
        return Failure("failed", code=type(error).__name__, message="the connector could not put this error into words")


def read_scope(task: Task, spool: Spool, watch: Watch, clock: Callable[[], int]) -> list[Coverage]:
    """Run the sources of one scope. Returns its coverage rows; those of scopes read from here are in their tasks."""
    log = Log()
    with noting(log):
        _run(task, spool, watch, clock)
    spool.keep_calls(task.session_calls(), log.take())
    return task.rows()


def _run(task: Task, spool: Spool, watch: Watch, clock: Callable[[], int]) -> None:
    """The scope is entered for the first source that has to run, and not at all where none has to."""
    opened, client = False, None
    try:
        for source in task.place.runs:
            watch.check()
            if not task.due(source):
                continue
            if not opened:
                try:
                    client = task.session.enter(task.scope)
                except Exception as error:  # noqa: BLE001 see above
                    _shut_out(task, judged(task.connector.classify, error), watch, clock())
                    return
                opened = True
            _read_source(task, source, client, spool, watch, clock)
    finally:
        if opened:
            _close(client, task.scope.key)


def _shut_out(task: Task, failure: Failure, watch: Watch, now: int) -> None:
    """The scope did not open: that is how every source ended that has to run whatever becomes of the others."""
    for source in [source for source in task.place.runs if task.due(source)]:
        _conclude(task, source, Found(failure), Ended(source.id, "failed", failure, started_at=now, ended_at=now))
        watch.tell("ended", task.connector.name, task.scope.key, source.id, task.ended[source.id].state)


def _read_source(task: Task, source: Source, client: Any, spool: Spool, watch: Watch, clock: Callable[[], int]) -> None:
    watch.tell("started", task.connector.name, task.scope.key, source.id)
    log = Log()
    started_at = clock()
    with noting(log):
        found = _pull(task, source, client, spool, watch)
    calls = log.take()
    spool.keep_calls(task.source_calls(source.id), calls)
    end = Ended(
        source.id,
        "complete",
        None,
        calls=len(calls),
        started_at=started_at,
        ended_at=clock(),
        data_time=found.data_time,
        transcript_sha256=transcript.digest(calls),
    )
    _conclude(task, source, found, end)
    watch.tell("ended", task.connector.name, task.scope.key, source.id, task.ended[source.id].state)


def _conclude(task: Task, source: Source, found: Found, end: Ended) -> None:
    """Note how a source ended here and in every scope that it reads from here, and what that replaces."""
    key, known = task.scope.key, task.place.known
    failure = found.failure or resting(source, known, task.ended)
    state = _state(failure, found.records.total())
    task.ended[source.id] = replace(end, state=state, failure=failure, records=found.records[key])
    settle(known, task.ended)
    for one in task.reached(source):
        name = one.scope.key
        why = found.failure
        if why is None and name not in found.covered:
            why = Failure("failed", code="NotCovered", message=f"{source.id} did not say that it read this scope")
        why = why or resting(source, known, ChainMap(one.ended, task.ended))
        records = found.records[name]
        one.ended[source.id] = replace(end, state=_state(why, records), failure=why, records=records, calls=0)
        settle(one.place.known, one.ended)


def _state(failure: Failure | None, records: int) -> str:
    return "failed" if failure and failure.code == "BadRecord" else state_of(failure, records)


def _pull(task: Task, source: Source, client: Any, spool: Spool, watch: Watch) -> Found:
    """Run a source to its end or its error."""
    found = Found()
    place, reached = task.place, {one.scope.key for one in task.reached(source)}
    checker = Checker(source, place.scope, reached=reached, below=place.below, own=task.owns(source))
    records: Iterator[Record] = iter(())
    count = 0
    opened = spool.gatherer if reached else spool.writer
    with opened(task.number, task.index(source.id)) as writer:
        try:
            records = iter(source.run(client, _reader(task, source, spool)))
        except Exception as error:  # noqa: BLE001 see above
            found.failure = judged(task.connector.classify, error)
        while found.failure is None:
            try:
                record = next(records)
                table = checker.table(record)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 see above
                found.failure = judged(task.connector.classify, error)
                break
            if table == DATA_TIME:
                assert isinstance(record, DataTime)
                found.data_time = record.at
                continue
            if table == COVERED:
                assert isinstance(record, Covered)
                found.covered.add(record.scope)
                continue
            home = checker.home(table, record)
            writer.write(table, record, home)  # a full disk is an error of the run, not of the source
            found.records[home] += 1
            count += 1
            if count % _CHECK_EVERY == 0:
                watch.check()
                watch.count(_CHECK_EVERY)
    watch.count(count % _CHECK_EVERY)
    _close(records, f"{source.id} of {place.scope.key}")
    return found


def _close(what: Any, name: str) -> None:
    """Close a client, or end a generator that was left in the middle."""
    close = getattr(what, "close", None)
    if close is not None:
        try:
            close()
        except Exception:  # noqa: BLE001 see above
            _LOG.warning("%s did not close", name, exc_info=True)


def _reader(task: Task, source: Source, spool: Spool) -> Reader:
    """`Reader` of a source: what a source it reads has delivered, then what those that stand in for it have."""
    declared = next(one for one in task.sources if one.id == source.id).reads
    homes = [task.scope.key, *(one.scope.key for one in task.reached(source))]

    def read(name: str) -> Iterator[Record]:
        if name not in declared:
            raise BadRecord(f"{source.id} asks for the records of {name}, which it does not declare to read")
        for one in (name, *(other.id for other in standing_in(name, task.sources))):
            if one in task.above:
                for home in homes:
                    for _, record in spool.part(task.above[one].number, task.index(one), home):
                        yield record
            else:
                for _, record in spool.records(task.number, task.index(one)):
                    yield record

    return read

"""The step runner: reads one scope, source by source, and turns every error into coverage.

This is the one place, beside the command line, where any exception is caught. KeyboardInterrupt, SystemExit and Stopped
are no errors of a source and pass through.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from nhiscan import transcript
from nhiscan.collect.check import DATA_TIME, BadRecord, Checker
from nhiscan.collect.coverage import Ended, resting, settle, state_of, wanted
from nhiscan.collect.order import fallbacks
from nhiscan.collect.spool import Spool
from nhiscan.collect.watch import Log, Watch, noting
from nhiscan.connector import Connector, Failure, Reader, Session, Source
from nhiscan.model import Coverage, DataTime, Record, Scope

_LOG = logging.getLogger(__name__)
_CHECK_EVERY = 256  # records between two looks at the order to stop


@dataclass(frozen=True)
class Task:
    """One scope to read. ``number`` is its place in the plan; ``sources`` are in the order in which they may run."""

    number: int
    connector: Connector
    session: Session
    scope: Scope
    sources: tuple[Source, ...]

    def session_calls(self) -> str:
        """Under which name the spool keeps the calls made while the scope was opened and closed."""
        return f"{self.number}-session"

    def source_calls(self, source: str) -> str:
        """Under which name the spool keeps the calls of a source."""
        return f"{self.number}-{self.place(source)}"

    def place(self, source: str) -> int:
        """The number of a source within this task."""
        return next(number for number, one in enumerate(self.sources) if one.id == source)


def judged(classify: Callable[[BaseException], Failure], error: Exception) -> Failure:
    """The connector's words for an error; its type alone where the connector fails at that, too."""
    if isinstance(error, BadRecord):
        return Failure("failed", code="BadRecord", message=str(error))
    try:
        return classify(error)
    except Exception:  # noqa: BLE001 the runner is where errors of connectors end
        return Failure("failed", code=type(error).__name__, message="the connector could not put this error into words")


def read_scope(task: Task, spool: Spool, watch: Watch, clock: Callable[[], int]) -> list[Coverage]:
    """Run the sources of one scope. Returns their coverage rows, in the order in which they ran."""
    log = Log()
    ended: dict[str, Ended] = {}
    with noting(log):
        try:
            client = task.session.enter(task.scope)
        except Exception as error:  # noqa: BLE001 see above
            now = clock()
            failure = judged(task.connector.classify, error)
            state = state_of(failure, 0)
            for source in task.sources:
                if source.fallback_for is None:
                    ended[source.id] = Ended(source.id, state, failure, started_at=now, ended_at=now)
                    watch.tell("ended", task.connector.name, task.scope.key, source.id, state)
        else:
            try:
                for source in task.sources:
                    watch.check()
                    if wanted(source, ended):
                        ended[source.id] = _read_source(task, source, client, ended, spool, watch, clock)
                        settle(task.sources, ended)
                        watch.tell("ended", task.connector.name, task.scope.key, source.id, ended[source.id].state)
            finally:
                try:
                    client.close()
                except Exception:  # noqa: BLE001 see above
                    _LOG.warning("%s did not close", task.scope.key, exc_info=True)
    spool.keep_calls(task.session_calls(), log.take())
    return [one.row(task.scope.key) for one in ended.values()]


def _read_source(
    task: Task,
    source: Source,
    client: Any,
    ended: dict[str, Ended],
    spool: Spool,
    watch: Watch,
    clock: Callable[[], int],
) -> Ended:
    watch.tell("started", task.connector.name, task.scope.key, source.id)
    log = Log()
    started_at = clock()
    with noting(log):
        failure, records, data_time = _pull(task, source, client, spool, watch)
    calls = log.take()
    spool.keep_calls(task.source_calls(source.id), calls)
    end = Ended(
        source.id,
        "failed" if failure and failure.code == "BadRecord" else state_of(failure, records),
        failure,
        records=records,
        calls=len(calls),
        started_at=started_at,
        ended_at=clock(),
        data_time=data_time,
        transcript_sha256=transcript.digest(calls),
    )
    missing = resting(source, task.sources, ended)
    if failure is None and missing is not None:
        end = replace(end, state=state_of(missing, records), failure=missing)
    return end


def _pull(
    task: Task, source: Source, client: Any, spool: Spool, watch: Watch
) -> tuple[Failure | None, int, int | None]:
    """Run a source to its end or its error. Returns the error, the number of records kept and the time of the data."""
    checker = Checker(source, task.scope)
    count, data_time, failure = 0, None, None
    records: Iterator[Record] = iter(())
    with spool.writer(task.number, task.place(source.id)) as writer:
        try:
            records = iter(source.run(client, _reader(task, source, spool)))
        except Exception as error:  # noqa: BLE001 see above
            failure = judged(task.connector.classify, error)
        while failure is None:
            try:
                record = next(records)
                table = checker.table(record)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 see above
                failure = judged(task.connector.classify, error)
                break
            if table == DATA_TIME:
                assert isinstance(record, DataTime)
                data_time = record.at
                continue
            writer.write(table, record)  # a full disk is an error of the run, not of the source
            count += 1
            if count % _CHECK_EVERY == 0:
                watch.check()
                watch.count(_CHECK_EVERY)
    watch.count(count % _CHECK_EVERY)
    _close(records, task, source)
    return failure, count, data_time


def _close(records: Iterator[Record], task: Task, source: Source) -> None:
    """End a generator that was left in the middle."""
    close = getattr(records, "close", None)
    if close is not None:
        try:
            close()
        except Exception:  # noqa: BLE001 see above
            _LOG.warning("%s of %s did not close", source.id, task.scope.key, exc_info=True)


def _reader(task: Task, source: Source, spool: Spool) -> Reader:
    """`Reader` of a source: what a source it reads has delivered, then what its fallbacks have."""

    def read(name: str) -> Iterator[Record]:
        if name not in source.reads:
            raise BadRecord(f"{source.id} asks for the records of {name}, which it does not declare to read")
        for one in (name, *(fallback.id for fallback in fallbacks(name, task.sources))):
            for _, record in spool.records(task.number, task.place(one)):
                yield record

    return read

"""Who made which call, how far the scan is, and how it is told to stop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import NoReturn

from nhiscan.model import Call


class Stopped(BaseException):
    """Ends a source whose scan has been given up. No SDK catches it, as it is no Exception."""


class Log:
    """The calls of one (scope, source), in the order in which they ended. Several threads may add to it."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def take(self) -> list[Call]:
        """The calls so far; the log is empty afterwards."""
        with self._lock:
            calls, self._calls = self._calls, []
        return calls


_log: ContextVar[Log | None] = ContextVar("nhiscan_log", default=None)


@contextmanager
def noting(log: Log) -> Iterator[None]:
    """Calls noted in this context belong to ``log``.

    A connector that makes calls in threads of its own starts them in a copy of its context
    (`contextvars.copy_context`), else their calls count for the session.
    """
    token = _log.set(log)
    try:
        yield
    finally:
        _log.reset(token)


class Watch:
    """The eyes of one scan: counts calls and records, tells the main thread, and carries the order to stop."""

    def __init__(self, tell: Callable[[tuple[str, ...]], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.calls = 0
        self.records = 0

    def note_for(self, session: Log) -> Callable[[Call], None]:
        """`Context.note` of one connector. ``session`` takes what no source made."""

        def note(call: Call) -> None:
            self.check()
            log = _log.get()
            (session if log is None else log).add(call)
            with self._lock:
                self.calls += 1
            self._tell(("calls",))

        return note

    def sleep_with(self, sleep: Callable[[float], None]) -> Callable[[float], None]:
        """`Context.sleep`: waits, unless the scan has been given up."""

        def wait(seconds: float) -> None:
            self.check()
            sleep(seconds)
            self.check()

        return wait

    def tell(self, *event: str) -> None:
        """Put a sign of life before the main thread."""
        self._tell(event)

    def count(self, records: int) -> None:
        """Add to the records read so far."""
        with self._lock:
            self.records += records

    def stop(self) -> None:
        """From now on every source ends at its next call, record or wait."""
        self._stopped.set()

    def check(self) -> None:
        """Raises Stopped when the scan has been given up."""
        if self._stopped.is_set():
            raise Stopped


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM ends the work inside like Ctrl-C does, as SystemExit(143), so that locks are given back.

    Only where nobody else handles the signal, and only in the main thread, where Python allows it.
    """
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if mine:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def interruption(error: BaseException) -> BaseException | None:
    """What ended the work from outside (Ctrl-C, SIGTERM, a scan given up), if that is what ``error`` comes from.

    Such an exception comes up between any two steps of the main thread. Where that is inside a lock of the standard
    library, giving the lock back fails in turn, and the error that arrives is another one.
    """
    if not isinstance(error, Exception):
        return error
    seen: set[int] = set()
    one = error.__context__
    while one is not None and id(one) not in seen:
        if isinstance(one, KeyboardInterrupt | SystemExit | Stopped):
            return one
        seen.add(id(one))
        one = one.__context__
    return None


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)

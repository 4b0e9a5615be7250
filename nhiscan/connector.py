"""The whole interface a connector implements. Imports nothing but `model`; no SDK is needed to read a declaration.

A connector package offers one `Connector` object through the entry point group ``nhiscan.connectors``. The module that
holds it must not import the provider's SDK: declarations (options, sources, permissions) are read by ``--help``,
``config check`` and ``connectors permissions`` on machines without it. The SDK is imported inside `Connector.open`.

Life of a scan, as the runner (`nhiscan.collect`) drives it:

1. ``session = connector.open(settings, context)``       once a process; makes the one SDK session
2. ``scopes = list(session.scopes())``                   what is planned; may call the API (its calls are noted)
3. for each scope in which a source has to run, those above before those below, in a worker thread:
   ``client = session.enter(scope)``, then its sources in an order that respects `reads`, then ``client.close()``
4. ``session.close()``

A source is a generator of records. It never catches a provider error (but for the named codes by which an API says
"there is none"), never writes, prints, sleeps or reads the clock by itself, and never fetches a secret value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

from nhiscan.model import Call, Record, Scope

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Settings = Mapping[str, Any]
"""Option name -> value, after defaults, file, environment and flags. Lists are tuples."""


class OptionError(Exception):
    """A setting that cannot work. Raised by `Connector.open` before any call; becomes exit code 2.

    ``option`` is the option's name (without the connector's prefix), ``message`` says what is wrong and what to do.
    """

    def __init__(self, option: str, message: str) -> None:
        super().__init__(option, message)
        self.option = option
        self.message = message

    def __str__(self) -> str:
        return f"{self.option}: {self.message}"


class MissingExtra(Exception):
    """The SDK of a connector is not installed. Becomes exit code 2 with the extra to install."""

    def __init__(self, connector: str, module: str, extra: str) -> None:
        super().__init__(connector, module, extra)
        self.connector = connector
        self.module = module
        self.extra = extra

    def __str__(self) -> str:
        return f"the {self.connector} connector needs {self.module}: install the extra [{self.extra}]"


class NoAccess(Exception):
    """Nothing can be read at all: no credentials, or the caller is unknown. The scan of this connector has no scopes.

    ``remedy`` says what to do about it.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"


class Unread(Exception):
    """Why a source could not be read, where no exception of an SDK says it. Picklable, and without a secret."""


class Redirected(Unread):
    """An API answered with a redirect. It is never followed: the token would go along."""

    def __init__(self, operation: str, host: str) -> None:
        super().__init__(operation, host)
        self.operation = operation
        self.host = host

    def __str__(self) -> str:
        return f"{self.operation} was answered with a redirect to {self.host or 'nowhere'}, which is not followed"


class BadAnswer(Unread):
    """An answer is not what the API promises. ``what`` continues a sentence that begins with the answer."""

    def __init__(self, operation: str, what: str) -> None:
        super().__init__(operation, what)
        self.operation = operation
        self.what = what

    def __str__(self) -> str:
        return f"the answer of {self.operation} {self.what}"


class InputNotRead(Unread):
    """A source rests on another one that gave nothing, or not all."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.source = source

    def __str__(self) -> str:
        return f"rests on {self.source}, which was not read"


@dataclass(frozen=True)
class Option:
    """A setting of a connector. On the command line ``--<connector>-<name>`` (and ``--<name>`` where only one of the
    connectors named declares it), in the file ``[connectors.<connector>] <name>``, in the environment
    ``NHISCAN_<CONNECTOR>_<NAME>`` (``-`` becomes ``_``; several values are separated by commas).
    """

    name: str  # "role-name"
    about: str  # one line of help
    kind: str = "text"  # "text" | "flag" | "integer" | "path" (text; only the file's name is recorded with the scan)
    repeatable: bool = False  # a list of values; the setting is then a tuple
    default: Any = None
    metavar: str = "TEXT"


@dataclass(frozen=True)
class Failure:
    """What the runner writes into the coverage row for an exception of a source."""

    state: str  # "denied" | "failed"
    code: str | None = None
    operation: str | None = None  # e.g. "iam:ListAccessKeys" or the call's name
    permission: str | None = None  # the action that is missing, where the error tells
    message: str | None = None  # one line, without secrets


Reader = Callable[[str], Iterator[Record]]
"""``reader(source_id)`` gives the records that a source in `Source.reads` (or its fallbacks) delivered for this scope
in this scan, from disk, in the order delivered. Of a source that spans the scope it ran on reads all it delivered,
scope by scope; a scope below reads what lives there, which no document does."""


class ScopeClient(Protocol):
    """An open door to one scope; connectors give their own type. Used by one thread at a time."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Source:
    """One listing in a scope.

    ``lists``         kinds it lists exhaustively, as "<table>:<kind>" ("identity:user", "credential:access_key"; tables
                      without kinds by their name alone: "setting", "person")
    ``adds``          facts it gives, as "<table>:<kind>.<field>" ("credential:password.used_at"), to records that it or
                      another source lists; a source that lists nothing adds at least one fact, or nobody would
                      miss it where it cannot be read
    ``reads``         ids of sources whose records it needs; it runs after them, and is partial at best (failed where it
                      gave no record) when one of them was neither complete nor replaced by its fallbacks
    ``fallback_for``  id of the source it stands in for; it runs only where that one ended denied, failed or partial. In
                      a scope with which that one has nothing to do, it is planned like any other
    ``on``            kinds of scopes it runs on ("organization"). Empty: the leaf scopes, those that are no other's
                      parent. Where some source of a connector says `on`, no upper scope is a leaf, whatever is below
                      it (`nhiscan.model.UPPER_SCOPE_KINDS`: organisations, folders and the like)
    ``spans``         it reads all that is below, in one go: the leaf scopes, and the upper scopes of its own kinds. Of
                      several such scopes, one below the other, it runs on the highest. Its records carry the scope in
                      which they live, and it names each scope below with `nhiscan.model.Covered`. Each gets a coverage
                      row of its own for this source; one that it did not name was not read, and a fallback may run
                      there. If it has fallbacks, it shows nothing that lives in an upper scope on which none of them
                      runs: that would be lost with it
    ``permissions``   the provider's permissions it needs
    """

    id: str
    run: Callable[[Any, Reader], Iterator[Record]]
    lists: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()
    reads: tuple[str, ...] = ()
    fallback_for: str | None = None
    permissions: tuple[str, ...] = ()
    about: str = ""
    on: frozenset[str] = frozenset()
    spans: bool = False


@dataclass
class Context:
    """What the runner gives a session. All clocks and waits of a connector go through it.

    Read `fanout` when it is needed, not in `Connector.open`: the runner sets it once it knows the number of scopes.
    A session that makes calls in threads of its own starts each in a copy of the context it runs in
    (``contextvars.copy_context().run``), so that `note` knows whose calls they are.
    """

    clock: Callable[[], int]  # epoch seconds UTC
    sleep: Callable[[float], None]
    note: Callable[[Call], None]  # put a call into the transcript of the source that is running in this thread
    threads: int = 16  # size of the pool that scopes are spread over
    fanout: int = 1  # how many calls a source may have in flight inside one scope
    version: str = ""  # nhiscan's version, for the user agent
    extra: Mapping[str, Any] = field(default_factory=dict)


class Session(Protocol):
    """One provider, one set of credentials, one process."""

    def caller(self) -> Mapping[str, str]:
        """Who reads: principal, account and the like, for ``04-collection/caller.json``. No secrets.

        Raises NoAccess when there are no usable credentials.
        """
        ...

    def scopes(self) -> Iterable[Scope]:
        """The scopes to read and those above them. Raises NoAccess when nothing can be planned.

        Where a source runs on upper scopes, every scope between must be named, too: `Scope.parent` tells what is below.
        """
        ...

    def enter(self, scope: Scope) -> ScopeClient:
        """Open one scope, a leaf or an upper one. An exception here becomes the coverage of every source due in it."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class ReadsFiles(Protocol):
    """A session that reads files which somebody supplied: the evidence tells them (``06-lifecycle/inputs.csv``)."""

    def inputs(self) -> Iterable[Mapping[str, str | int]]:
        """For each file ``file`` (its name without folder), ``sha256``, ``rows``, ``about``. Asked after `scopes`."""
        ...


@dataclass(frozen=True)
class Connector:
    """What the entry point names."""

    name: str  # "aws"
    title: str  # "Amazon Web Services"
    options: tuple[Option, ...]
    sources: Callable[[Settings], tuple[Source, ...]]  # the sources planned under these settings, fallbacks included
    open: Callable[[Settings, Context], Session]  # raises OptionError, MissingExtra, NoAccess
    classify: Callable[[BaseException], Failure]  # any exception of a source or of `enter`, in the provider's words
    permissions: Callable[[Settings], str]  # the least policy a scan needs, as text to paste
    version: Callable[[], Mapping[str, str]] = field(default=dict)  # SDK names and versions, for the evidence


IN_FLIGHT = 8
"""Calls that a source has in flight in one scope, at most: providers throttle by scope."""


def ask_each(
    context: Context, question: Callable[[Asked], Answer], items: Iterable[Asked]
) -> Iterator[tuple[Asked, Answer]]:
    """``question(item)`` for each item, several at once, in order. The first error is raised where its answer would
    have come.

    Each question runs in a copy of the context of the source, so that its calls are noted as the source's.
    """
    workers = max(1, min(IN_FLIGHT, context.fanout))
    if workers == 1:
        for item in items:
            yield item, question(item)
        return
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    remaining = iter(items)
    running: deque[tuple[Asked, Future[Answer]]] = deque()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="nhiscan-ask") as pool:
        try:
            while True:
                for item in islice(remaining, 2 * workers - len(running)):
                    running.append((item, pool.submit(copy_context().run, question, item)))
                if not running:
                    return
                asked, future = running.popleft()
                yield asked, future.result()
        finally:
            for _, future in running:
                future.cancel()

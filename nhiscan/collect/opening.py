"""Open the sessions, ask who reads and what there is to read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from nhiscan import __version__, transcript
from nhiscan.collect.coverage import one_line
from nhiscan.collect.order import in_order
from nhiscan.collect.places import Place, plan
from nhiscan.collect.step import judged
from nhiscan.collect.watch import Log, Watch, noting
from nhiscan.connector import (
    Connector,
    Context,
    Failure,
    MissingExtra,
    NoAccess,
    OptionError,
    Session,
    Settings,
    Source,
)
from nhiscan.model import SCOPE_KINDS, SCOPE_STATES, Call, Coverage, Scope

FANOUT = 8
"""The most calls a source may have in flight inside one scope, while fewer scopes than threads are read."""


class BadScopes(Exception):
    """A connector named scopes that cannot be: foreign, twice, of an unknown kind, or none at all."""


def session_scope(connector: str) -> str:
    """The pseudo scope of a connector's session: ``aws/session``. It has no row in the table of scopes."""
    return f"{connector}/session"


def session_source(connector: str) -> str:
    """The pseudo source to which the calls of a session belong: ``aws.session``."""
    return f"{connector}.session"


@dataclass
class Opened:
    """One connector, ready to be read, or the reason why it is not (``gap``).

    ``scopes`` are all that it named, ``places`` those that are planned.
    """

    connector: Connector
    settings: Settings
    sources: tuple[Source, ...]
    context: Context
    session: Session | None = None
    caller: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[Scope, ...] = ()
    places: tuple[Place, ...] = ()
    gap: Coverage | None = None
    calls: list[Call] = field(default_factory=list)


def open_connector(
    connector: Connector,
    settings: Settings,
    watch: Watch,
    clock: Callable[[], int],
    sleep: Callable[[float], None],
    threads: int,
) -> Opened:
    """Open the session of one connector and ask for its scopes.

    Raises OptionError and MissingExtra (nothing was called) and BadDeclaration. Any other error becomes ``gap``: a
    coverage row on the pseudo scope of the session, because the scopes it hides cannot be named.
    """
    log = Log()
    context = Context(
        clock=clock,
        sleep=watch.sleep_with(sleep),
        note=watch.note_for(log),
        threads=threads,
        version=__version__,
    )
    opened = Opened(connector, settings, in_order(connector.sources(settings)), context)
    started_at = clock()
    failure: Failure | None = None
    with noting(log):
        operation = "open"
        try:
            opened.session = connector.open(settings, context)
            operation = "caller"
            opened.caller = dict(opened.session.caller())
            operation = "scopes"
            opened.scopes = _checked(connector, tuple(opened.session.scopes()))
            opened.places = _planned(opened.sources, opened.scopes)
        except (OptionError, MissingExtra):
            raise
        except NoAccess as error:
            failure = Failure("failed", code="NoAccess", operation=operation, message=str(error))
        except BadScopes as error:
            failure = Failure("failed", code="BadScopes", operation=operation, message=str(error))
        except Exception as error:
            if operation == "open":  # no call was made: a setting, a missing SDK, or a bug
                raise
            failure = judged(connector.classify, error)
    opened.calls = transcript.in_order(log.take())
    if failure is not None:
        opened.scopes, opened.places = (), ()
        opened.gap = _gap(connector.name, failure, opened.calls, started_at, clock())
    return opened


def set_fanout(opened: Iterable[Opened], threads: int, scopes: int) -> None:
    """Share the threads out: the fewer scopes are being read, the more calls each may have in flight."""
    for one in opened:
        one.context.fanout = max(1, min(FANOUT, threads // max(1, scopes)))


def _checked(connector: Connector, scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    if not scopes:
        raise BadScopes("the connector named nothing to read")
    seen: set[str] = set()
    for scope in scopes:
        if scope.provider != connector.name or scope.key != f"{scope.provider}/{scope.kind}/{scope.native_id}":
            raise BadScopes(f"{scope.key!r} is no key of a scope of {connector.name}")
        if scope.kind not in SCOPE_KINDS or scope.state not in (None, *SCOPE_STATES):
            raise BadScopes(f"{scope.key}: {scope.kind!r} is no kind or {scope.state!r} no state of a scope")
        if scope.key in seen:
            raise BadScopes(f"{scope.key} was named twice")
        seen.add(scope.key)
    return scopes


def _planned(sources: tuple[Source, ...], scopes: tuple[Scope, ...]) -> tuple[Place, ...]:
    try:
        places = plan(sources, scopes)
    except ValueError as error:
        raise BadScopes(str(error)) from error
    if not places:
        raise BadScopes("no source reads any of the scopes that the connector named")
    return places


def _gap(connector: str, failure: Failure, calls: list[Call], started_at: int, ended_at: int) -> Coverage:
    scope, source = session_scope(connector), session_source(connector)
    return Coverage(
        key=f"{scope}|{source}",
        scope=scope,
        source=source,
        state="denied" if failure.state == "denied" else "failed",
        code=failure.code,
        operation=failure.operation,
        permission=failure.permission,
        message=one_line(failure.message),
        calls=len(calls),
        started_at=started_at,
        ended_at=ended_at,
        transcript_sha256=transcript.digest(calls),
    )

"""The built-in connector `register`: lists that the organisation itself keeps. So far the people roster."""

from nhiscan.connector import Connector, Context, Failure, Option, Session, Settings, Source
from nhiscan.register.columns import COLUMNS
from nhiscan.register.people import PEOPLE, SCOPE, Register, read

__all__ = ["CONNECTOR", "SCOPE"]

OPTIONS = (
    Option("people", "people roster, a CSV file in UTF-8", kind="path", metavar="FILE"),
    Option(
        "columns",
        f"header of a column where it differs, as column=Header; columns are {', '.join(COLUMNS)}",
        repeatable=True,
        default=(),
        metavar="COLUMN=HEADER",
    ),
)

_PEOPLE = Source(
    id=PEOPLE,
    run=read,
    lists=frozenset({"person"}),
    about="people, whether they left and when",
)


def _sources(settings: Settings) -> tuple[Source, ...]:
    del settings
    return (_PEOPLE,)


def _open(settings: Settings, context: Context) -> Session:
    return Register(settings, context)


def _classify(error: BaseException) -> Failure:
    return Failure("failed", code=type(error).__name__, operation="ReadFile", message=str(error))


def _permissions(settings: Settings) -> str:
    del settings
    return "none: the register reads the files it is given\n"


CONNECTOR = Connector(
    name="register",
    title="Registers of the organisation",
    options=OPTIONS,
    sources=_sources,
    open=_open,
    classify=_classify,
    permissions=_permissions,
)

"""Options that several commands share. Each is kept in ``ctx.meta`` for `nhiscan.cli.workspace.Workspace`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nhiscan.cli.ending import Said
from nhiscan.config.settings import SEVERITIES

F = TypeVar("F", bound=Callable[..., Any])
META = "nhiscan.given"

ROWS = ("table", "json", "csv", "jsonl")
FINDINGS = (*ROWS, "sarif")


def given(ctx: click.Context) -> dict[str, Any]:
    """What the shared options of the running command say: name -> value, None where not given.

    ``<name> said by`` is the flag or the variable that said it.
    """
    values: dict[str, Any] = ctx.meta.setdefault(META, {})
    return values


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    name = str(parameter.name)
    given(ctx)[name] = value
    from_variable = ctx.get_parameter_source(name) is click.core.ParameterSource.ENVIRONMENT
    said_by = parameter.envvar if from_variable and isinstance(parameter.envvar, str) else parameter.opts[-1]
    given(ctx)[f"{name} said by"] = said_by
    if isinstance(ctx.obj, Said) and parameter.name == "format":
        ctx.obj.format = value
    if isinstance(ctx.obj, Said) and parameter.name == "output":
        ctx.obj.file = value


def _shared(*names: str, **attributes: Any) -> Callable[[F], F]:
    attributes.setdefault("show_envvar", "envvar" in attributes)
    return click.option(*names, expose_value=False, callback=_keep, **attributes)


_FILE = click.Path(path_type=Path, dir_okay=False)


def verbosity(function: F) -> F:
    """-q and -v."""
    function = _shared(
        "-v", "--verbose", count=True, help="Say more: -v with tracebacks, -vv with the libraries' own log."
    )(function)
    return _shared("-q", "--quiet", is_flag=True, help="Say nothing but errors and the last line.")(function)


def basics(function: F) -> F:
    """--config, -q and -v."""
    for option in (
        verbosity,
        _shared(
            "--config",
            type=_FILE,
            envvar="NHISCAN_CONFIG",
            metavar="FILE",
            help="Configuration. Default: nhiscan.toml here, then in your configuration folder.",
        ),
    ):
        function = option(function)
    return function


def inventory(function: F) -> F:
    """--db."""
    return _shared(
        "--db",
        envvar="NHISCAN_DB",
        metavar="PLACE",
        help="Inventory: a path (SQLite) or a URL (PostgreSQL). Default: [inventory] url, else your data folder.",
    )(function)


def data(*formats: str) -> Callable[[F], F]:
    """--format and -o."""

    def decorate(function: F) -> F:
        function = _shared(
            "-o",
            "--output",
            type=_FILE,
            envvar="NHISCAN_OUTPUT",
            metavar="FILE",
            help="Write the data there instead of to standard output; the file is replaced when all is written.",
        )(function)
        return _shared(
            "--format",
            type=click.Choice(formats),
            default="table",
            envvar="NHISCAN_FORMAT",
            help="Form of the data. [default: table]",
        )(function)

    return decorate


def rules(function: F) -> F:
    """--rules."""
    return _shared(
        "--rules",
        type=click.Path(path_type=Path),
        multiple=True,
        envvar="NHISCAN_RULES",
        metavar="DIR",
        help="Folder with rules of your own, besides those that ship. Can be given more than once.",
    )(function)


def executor(function: F) -> F:
    """--executor."""
    return _shared(
        "--executor",
        envvar="NHISCAN_EXECUTOR",
        metavar="NAME",
        help="How many scopes are read at once, threads:1 to threads:64. [default: threads:16]",
    )(function)


def roster(function: F) -> F:
    """--roster."""
    return _shared(
        "--roster",
        type=_FILE,
        envvar="NHISCAN_ROSTER",
        metavar="FILE",
        help="People roster, a CSV file. Without it the rules about leavers cannot be determined.",
    )(function)


def sign_key(function: F) -> F:
    """--sign-key."""
    return _shared(
        "--sign-key",
        type=_FILE,
        envvar="NHISCAN_SIGN_KEY",
        metavar="FILE",
        help="SSH private key (Ed25519) that signs. Default: a key made once in your configuration folder.",
    )(function)


def gate(function: F) -> F:
    """--fail-on and --allow-partial."""
    return fail_on(allow_partial(function))


def allow_partial(function: F) -> F:
    """--allow-partial."""
    return _shared(
        "--allow-partial",
        is_flag=True,
        default=None,
        envvar="NHISCAN_ALLOW_PARTIAL",
        help="Accept a collection with gaps: 0 or 1 instead of 3. Output and evidence still say so.",
    )(function)


def fail_on(function: F) -> F:
    """--fail-on alone, for commands that collect nothing."""
    return _shared(
        "--fail-on",
        type=click.Choice(SEVERITIES),
        envvar="NHISCAN_FAIL_ON",
        help="End with 1 when a finding of this severity or above is open. [default: none]",
    )(function)

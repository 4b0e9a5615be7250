"""What is said when a command breaks off: one message for people, and valid data where data was asked for."""

import contextlib
import logging
import sys
from collections.abc import Sequence
from typing import Any

import click

from nhiscan.cli.ending import FAILED, LOCKED, USAGE, Said, Stop
from nhiscan.text import visible

_CODES = (
    ("nhiscan.config", "ConfigError", USAGE),
    ("nhiscan.rule", "RuleErrors", USAGE),
    ("nhiscan.rule", "ParameterError", USAGE),
    ("nhiscan.plugins", "PluginError", USAGE),
    ("nhiscan.executor", "ExecutorError", USAGE),
    ("nhiscan.connector", "OptionError", USAGE),
    ("nhiscan.connector", "MissingExtra", USAGE),
    ("nhiscan.report", "PackageProblem", USAGE),
    ("nhiscan.report.keys", "KeyProblem", USAGE),
    ("nhiscan.demo", "DemoProblem", USAGE),
    ("nhiscan.connector", "NoAccess", FAILED),
    ("nhiscan.collect", "BadDeclaration", FAILED),
    ("nhiscan.evaluate", "RuleFailed", FAILED),
    ("nhiscan.inventory", "Locked", LOCKED),
    ("nhiscan.inventory", "InventoryError", FAILED),
    ("nhiscan.data", "MissingData", FAILED),
)
"""Which exception ends with which code; the first that fits. An exception can only be of a module that is loaded."""


def explain(error: Exception) -> tuple[int, str, str]:
    """Exit code, message, and how the command is used where it was used wrongly, for what ended a command."""
    if isinstance(error, Stop):
        return error.code, error.message, ""
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx:
        return USAGE, "name one of the commands above", error.ctx.get_help()
    if isinstance(error, click.UsageError) and error.ctx:
        hint = f"Try '{error.ctx.command_path} --help' for help."
        return USAGE, error.format_message(), f"{error.ctx.get_usage()}\n{hint}"
    if isinstance(error, click.ClickException):
        return USAGE, error.format_message(), ""
    logging.getLogger("nhiscan").debug("the way to this error", exc_info=error)
    for module, name, code in _CODES:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            if name == "InventoryError" and isinstance(error.__cause__, ImportError):  # the driver is not installed
                return USAGE, _words(error), ""
            return code, _words(error), ""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return FAILED, f"{error.filename}: {error.strerror} (-v shows the traceback)", ""
    return FAILED, f"{type(error).__name__}: {error} (-v shows the traceback)", ""


def _words(error: Exception) -> str:
    name = type(error).__name__
    if name == "MissingExtra":
        from nhiscan.cli.extras import command

        return f"{error}: {command(getattr(error, 'extra', 'all'))}"
    if name == "InventoryError" and isinstance(error.__cause__, ImportError):
        from nhiscan.cli.extras import command

        return f"{error}: {command('postgres')}"
    if name == "InventoryError" and "unable to open database file" in str(error):
        return f"{error}. SQLite writes beside its file, so the folder must be writable too: copy it, or use another"
    if name == "Locked":
        from nhiscan.cli.moments import iso

        started = iso(getattr(error, "started_at", 0)) or "at an unknown time"
        return f"{error}, started {started}. Try again when it has ended"
    return str(error)


def tell(said: Said, arguments: Sequence[str], code: int, message: str, usage: str = "") -> None:
    """Say it on stderr; where JSON or SARIF was asked for and none given yet, give a document that says it too."""
    message = "\n".join(visible(line) for line in message.splitlines())
    with contextlib.suppress(BrokenPipeError):  # where nobody listens the code still says it
        click.echo((usage + "\n" if usage else "") + f"nhiscan: {message}", err=True)
    wanted = said.format or _asked(arguments)
    if said.done or wanted not in {"json", "jsonl", "sarif"}:
        return
    from nhiscan.cli.output import Output, dumps

    failure: dict[str, Any] = {"exit_code": code, "message": message}
    if wanted == "sarif":
        from nhiscan.cli.sarif import failed

        document = failed(failure["message"])
    else:
        document = dumps({"error": failure}, pretty=wanted == "json")
    try:
        Output(said, wanted, said.file, quiet=True).give([document])
    except Stop as stop:  # the file of -o is what is wrong: the message has been said, and the code stays
        if stop.message != message:
            click.echo(f"nhiscan: {visible(stop.message)}", err=True)


def _asked(arguments: Sequence[str]) -> str | None:
    """The format named on a command line that could not be parsed."""
    for place, word in enumerate(arguments):
        if word == "--format" and place + 1 < len(arguments):
            return arguments[place + 1]
        if word.startswith("--format="):
            return word.removeprefix("--format=")
    return None

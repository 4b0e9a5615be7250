"""The command line. Importing it must stay quick: only a command's own module imports anything heavy."""

import signal
import sys
from typing import NoReturn

import click

from nhiscan import __version__
from nhiscan.cli.ending import CODES, FAILED, OK, USAGE, Said
from nhiscan.cli.lazy import LazyGroup

COMMANDS = {
    "scan": ("nhiscan.cli.scan:scan", "Read identities and credentials and judge them."),
    "findings": ("nhiscan.cli.findings:findings", "Show what is wrong, why, and how to fix it."),
    "inventory": ("nhiscan.cli.inventory:inventory", "Show the last known identities, credentials and grants."),
    "access": ("nhiscan.cli.access:access", "Tell what an identity can really do, and what it can become."),
    "report": ("nhiscan.cli.report:report", "Write the signed evidence package of a scan."),
    "verify": ("nhiscan.cli.verify:verify", "Check an evidence package, offline."),
    "evaluate": ("nhiscan.cli.evaluate:evaluate", "Run the rules again on what is stored."),
    "rules": ("nhiscan.cli.rules:rules", "List, show and check rules."),
    "connectors": ("nhiscan.cli.connectors:connectors", "List connectors, check their access, print what they need."),
    "config": ("nhiscan.cli.config:config", "Check the configuration."),
    "init": ("nhiscan.cli.init:init", "Write a commented starter configuration."),
    "demo": ("nhiscan.cli.demo:demo", "Scan simulated clouds and write their evidence package."),
    "db": ("nhiscan.cli.db:db", "Look after the inventory database."),
}

HELP = """Non-human identities and their credentials: inventory, hygiene rules, signed evidence.

\b
Try it without any cloud:   nhiscan demo
First real scan:            nhiscan scan aws
Then:                       nhiscan findings
                            nhiscan report --out evidence
"""
EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code}  {text}" for code, text in CODES)


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    help=HELP,
    epilog=EPILOG,
    context_settings={"auto_envvar_prefix": "NHISCAN", "help_option_names": ["-h", "--help"], "max_content_width": 110},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="nhiscan")
@click.pass_context
def main(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(USAGE)


def run() -> None:
    """The console script: every way out of the program has its own exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    said = Said()
    try:
        result = main.main(prog_name="nhiscan", standalone_mode=False, obj=said)
    except (click.Abort, KeyboardInterrupt):
        _end(said, FAILED, "interrupted")
    except Exception as error:  # noqa: BLE001 - the boundary: what was not foreseen ends with 4, never with 1
        from nhiscan.cli.breaking import explain

        _end(said, *explain(error))
    sys.exit(result if isinstance(result, int) else OK)


def _end(said: Said, code: int, message: str, usage: str = "") -> NoReturn:
    from nhiscan.cli.breaking import tell

    tell(said, sys.argv[1:], code, message, usage)
    sys.exit(code)

"""nhiscan config: is the configuration sound?"""

import click

from nhiscan.cli import options
from nhiscan.cli.ending import OK, USAGE
from nhiscan.cli.workspace import Workspace


@click.group(epilog="Example: nhiscan config check")
def config() -> None:
    """Check the configuration."""


@config.command(epilog="Example: nhiscan config check --config production.toml")
@options.rules
@options.basics
@click.pass_context
def check(ctx: click.Context) -> None:
    """Name every problem of configuration and rules.

    Each is printed as path:line: message.
    """
    workspace = Workspace(ctx)
    for name in workspace.connectors:
        workspace.connector_settings(name, {})
    rules = workspace.rules()
    problems = list(dict.fromkeys(workspace.problems))
    workspace.output.give(f"{problem}\n" for problem in problems)
    if not problems:
        place = workspace.settings.file or "no configuration file, defaults hold"
        click.echo(f"nhiscan: no problems ({place}; {len(rules)} rules; inventory {workspace.shown_place})", err=True)
    ctx.exit(USAGE if problems else OK)

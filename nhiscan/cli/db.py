"""nhiscan db: look after the inventory database."""

import click

from nhiscan.cli import options
from nhiscan.cli.workspace import Workspace


@click.group(epilog="Example: nhiscan db upgrade")
def db() -> None:
    """Look after the inventory database."""


@db.command(epilog="Example: nhiscan db upgrade --db nhiscan.db")
@options.inventory
@options.basics
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the inventory to this version's schema.

    One that has it already is left as it is. Make a copy first: there is no way back to an older version.
    """
    workspace = Workspace(ctx)
    workspace.refuse()
    workspace.stored(upgrade=True)
    click.echo(f"nhiscan: {workspace.shown_place} has the schema of this version", err=True)

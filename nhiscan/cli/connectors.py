"""nhiscan connectors: what can be read, with which options and permissions, and whether it can be read from here."""

import time
from collections.abc import Mapping
from typing import Any

import click

from nhiscan import __version__
from nhiscan.cli import options
from nhiscan.cli.connecting import ConnectorCommand, flags, known, unnamed
from nhiscan.cli.ending import FAILED, INCOMPLETE, OK
from nhiscan.cli.output import Column
from nhiscan.cli.workspace import Workspace, now
from nhiscan.config import variable


@click.group(epilog="Example: nhiscan connectors check aws")
def connectors() -> None:
    """List connectors, check their access, print what they need."""


@connectors.command("list", epilog="Example: nhiscan connectors list --format json")
@options.data(*options.ROWS)
@options.basics
@click.pass_context
def list_connectors(ctx: click.Context) -> None:
    """List connectors and their options."""
    workspace = Workspace(ctx)
    workspace.refuse()
    rows = [
        {
            "name": one.name,
            "title": one.title,
            "options": [
                {
                    "name": option.name,
                    "about": option.about,
                    "kind": option.kind,
                    "repeatable": option.repeatable,
                    "variable": variable(one.name, option.name),
                }
                for option in one.options
            ],
            "sources": [
                {"id": source.id, "about": source.about, "permissions": list(source.permissions)}
                for source in one.sources(workspace.connector_settings(one.name, {}))
            ],
            "shown": ", ".join(option.name for option in one.options),
        }
        for one in workspace.connectors.values()
    ]
    columns = (Column("name", "name"), Column("title", "title"), Column("options", "shown"))
    fields = ("name", "title", "options", "sources")
    workspace.output.rows("connectors", {"nhiscan": __version__}, columns, rows, fields)


@connectors.command(cls=ConnectorCommand, epilog="Example: nhiscan connectors check aws")
@click.argument("names", metavar="[CONNECTOR]...", nargs=-1)
@options.data("table", "json", "jsonl", "csv")
@options.basics
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Say who would read, and what.

    Opens a session of each connector and asks for its scopes; nothing is stored.
    """
    from nhiscan.collect import look

    workspace = Workspace(ctx)
    taken = known(ctx, names or tuple(workspace.settings.connectors), workspace.connectors)
    if not taken:
        workspace.refuse()
        raise click.UsageError(unnamed(workspace.connectors), ctx)
    said = flags(ctx, taken, workspace.connectors)
    settings: Mapping[str, Any] = {name: workspace.connector_settings(name, said[name]) for name in taken}
    workspace.refuse()
    rows, bad = [], 0
    for name in taken:
        found = look(workspace.connectors[name], settings[name], clock=now, sleep=time.sleep)
        bad += found.problem is not None
        rows.append(
            {
                "connector": name,
                "state": "ok" if found.problem is None else "failed",
                "caller": dict(found.caller),
                "scopes": [scope.key for scope in found.scopes],
                "problem": found.problem,
                "who": ", ".join(f"{key} {value}" for key, value in sorted(found.caller.items())),
                "where": ", ".join(scope.name or scope.native_id.rpartition(":")[2] for scope in found.scopes),
            }
        )
    columns = (
        Column("connector", "connector"),
        Column("state", "state"),
        Column("reads as", "who"),
        Column("scopes", "where"),
        Column("what is missing", "problem"),
    )
    fields = ("connector", "state", "caller", "scopes", "problem")
    workspace.output.rows("connectors", {"nhiscan": __version__}, columns, rows, fields)
    ctx.exit(OK if not bad else FAILED if bad == len(taken) else INCOMPLETE)


@connectors.command(cls=ConnectorCommand, epilog="Example: nhiscan connectors permissions aws > policy.json")
@click.argument("name", metavar="CONNECTOR")
@options.data("table")
@options.basics
@click.pass_context
def permissions(ctx: click.Context, name: str) -> None:
    """Print the least permissions a scan needs."""
    workspace = Workspace(ctx)
    taken = known(ctx, (name,), workspace.connectors)
    said = flags(ctx, taken, workspace.connectors)
    settings = workspace.connector_settings(name, said[name])
    workspace.refuse()
    text = workspace.connectors[name].permissions(settings)
    workspace.output.give([text if text.endswith("\n") else f"{text}\n"])

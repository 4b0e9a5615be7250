"""nhiscan inventory: what the stored scans say exists. Calls no cloud."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from nhiscan import __version__
from nhiscan.cli import options
from nhiscan.cli.moments import day, readable
from nhiscan.cli.output import Column
from nhiscan.cli.reading import Reading, reading
from nhiscan.cli.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


def _filters(function: F) -> F:
    for option in (
        click.option(
            "--scan", "number", type=click.IntRange(1), metavar="N", help="As of that scan. Default: the last."
        ),
        click.option("--kind", metavar="KIND", help="Only this kind, such as user or access_key."),
        click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Only this scope: its key, id or name."),
        options.data(*options.ROWS),
        options.inventory,
        options.basics,
    ):
        function = option(function)
    return function


@click.group(epilog="Example: nhiscan inventory credentials --format csv -o credentials.csv")
def inventory() -> None:
    """Show the last known identities, credentials and grants.

    The column "confirmed" says whether the last scan that planned the scope saw the row.
    """


@inventory.command(epilog="Example: nhiscan inventory identities --kind user --scope 123456789012")
@_filters
@click.pass_context
def identities(ctx: click.Context, number: int | None, kind: str | None, scopes: tuple[str, ...]) -> None:
    """Show identities: users, roles, groups, service accounts."""
    _show(
        ctx,
        ("identities", number, kind, scopes),
        view="identity",
        more={"owner": "o.value", "owner_method": "o.method", "owner_resolution": "o.resolution"},
        join="LEFT JOIN owner o ON o.key = v.key",
        columns=_columns(
            "scope=in", "kind", "name", "state", "nature", "owner", "created=made", "used", "confirmed=seen"
        ),
    )


@inventory.command(epilog="Example: nhiscan inventory credentials --kind access_key")
@_filters
@click.pass_context
def credentials(ctx: click.Context, number: int | None, kind: str | None, scopes: tuple[str, ...]) -> None:
    """Show credentials: keys, passwords, certificates."""
    _show(
        ctx,
        ("credentials", number, kind, scopes),
        view="credential",
        more={"identity_name": "i.name", "identity_kind": "i.kind", "owner": "o.value"},
        join="LEFT JOIN identity i ON i.key = v.identity LEFT JOIN owner o ON o.key = v.identity",
        columns=_columns(
            "scope=in",
            "kind",
            "name",
            "identity=identity_name",
            "state",
            "owner",
            "created=made",
            "used",
            "confirmed=seen",
        ),
    )


@inventory.command(epilog="Example: nhiscan inventory grants --format json")
@_filters
@click.pass_context
def grants(ctx: click.Context, number: int | None, kind: str | None, scopes: tuple[str, ...]) -> None:
    """Show grants: which policy or role each identity holds."""
    _show(
        ctx,
        ("grants", number, kind, scopes),
        view="access_grant",
        more={"principal_name": "i.name", "principal_kind": "i.kind", "policy_arn": "p.arn"},
        join="LEFT JOIN identity i ON i.key = v.principal LEFT JOIN policy p ON p.key = v.policy",
        columns=_columns(
            "scope=in",
            "kind",
            "principal=principal_name",
            "grant=name",
            "policy=policy_arn",
            "resource",
            "confirmed=seen",
        ),
    )


def _columns(*names: str) -> list[Column]:
    """``heading=key``, or one word for both."""
    return [Column(name.partition("=")[0], name.partition("=")[2] or name) for name in names]


def _show(
    ctx: click.Context,
    asked: tuple[str, int | None, str | None, tuple[str, ...]],
    *,
    view: str,
    more: dict[str, str],
    join: str,
    columns: Sequence[Column],
) -> None:
    from nhiscan.inventory.views import VIEWS

    name, number, kind, scopes = asked
    workspace = Workspace(ctx)
    workspace.refuse()
    own = [column.name for column in VIEWS[view]]
    with reading(workspace, number) as stored:
        where, values = stored.scope_filter("v.scope", scopes)
        if kind:
            where += " AND v.kind = :kind"
            values["kind"] = kind
        listed = ", ".join([*(f"v.{column}" for column in own), *more.values()])
        statement = f"SELECT {listed} FROM {view} v {join} WHERE {where} ORDER BY v.key"
        fields = [*own, *more]
        rows = _rows(stored, statement, values, fields)
        head = {"nhiscan": __version__, "scan": stored.scan}
        workspace.output.rows(name, head, columns, rows, fields)


def _rows(stored: Reading, statement: str, values: dict[str, Any], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    names = stored.scope_names
    for values_of_row in stored.sql.rows(statement, values):
        row = dict(zip(fields, values_of_row, strict=True))
        shown = {
            "in": names.get(row["scope"], row["scope"]),
            "made": day(row.get("created_at")),
            "used": _use(row),
            "seen": "yes" if row["confirmed"] else "no",
        }
        yield {**readable(row), **shown}


def _use(row: dict[str, Any]) -> str:
    """Last use in words: a day, not seen since a day, or not collected."""
    if row.get("used_at") is not None:
        return day(row["used_at"])
    return f"not since {day(row['known_since'])}" if row.get("known_since") is not None else ""

"""nhiscan findings: what is wrong, as of a stored scan. Calls no cloud."""

import click

from nhiscan.cli import options
from nhiscan.cli.ending import FINDINGS, OK, USAGE, Stop
from nhiscan.cli.reading import reading
from nhiscan.cli.rows import Row, reaches
from nhiscan.cli.showing import show
from nhiscan.cli.workspace import Workspace
from nhiscan.config import nearest
from nhiscan.model import SEVERITIES


@click.command(epilog="Example: nhiscan findings --severity high --explain")
@click.option("--all", "everything", is_flag=True, help="Also closed ones, and what could not be determined.")
@click.option("--scan", "number", type=click.IntRange(1), metavar="N", help="As of that scan. Default: the last.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Only this scope: its key, id or name.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only this severity and those above.")
@click.option("--rule", "only", multiple=True, metavar="ID", help="Only this rule. Can be given more than once.")
@click.option("--explain", is_flag=True, help="Tell each at length: also why it matters and how to fix it.")
@options.fail_on
@options.data(*options.FINDINGS)
@options.rules
@options.inventory
@options.basics
@click.pass_context
def findings(
    ctx: click.Context,
    only: tuple[str, ...],
    severity: str | None,
    scopes: tuple[str, ...],
    number: int | None,
    everything: bool,
    explain: bool,
) -> None:
    """Show what is wrong, why, and how to fix it.

    The table is short, the worst first. --explain tells of each finding also why it matters, the commands that fix
    this very credential, and what proves the fix; the other formats hold all of that anyway. A finding that the last
    scan could not test says so.
    """
    workspace = Workspace(ctx)
    rules = workspace.rules()
    workspace.refuse()
    for name in only:
        if name not in {rule.id for rule in rules}:
            raise Stop(USAGE, f"unknown rule {name!r}{nearest(name, [rule.id for rule in rules])}")
    least = SEVERITIES.index(severity) if severity else 0
    with reading(workspace, number) as stored:
        keys = set(stored.scope_filter("scope", scopes)[1].values())

        def wanted(row: Row) -> bool:
            return (
                (not only or row["rule"] in only)
                and SEVERITIES.index(row["severity"]) >= least
                and (not scopes or row["scope"] in keys)
            )

        counted = show(workspace, stored, rules, wanted=wanted, everything=everything, explain=explain)
    if not counted and not workspace.quiet:
        click.echo(f"nhiscan: no open finding{' fits' if only or scopes or severity else ''}", err=True)
    ctx.exit(FINDINGS if reaches(counted, workspace.settings.scan.fail_on) else OK)

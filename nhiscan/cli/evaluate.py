"""nhiscan evaluate: run the rules again on what a scan stored. Calls no cloud."""

import click

from nhiscan.cli import options
from nhiscan.cli.ending import FINDINGS, OK, USAGE, Stop
from nhiscan.cli.reading import Reading, missing
from nhiscan.cli.rows import in_words, reaches
from nhiscan.cli.showing import show
from nhiscan.cli.watching import steps
from nhiscan.cli.workspace import Workspace


@click.command(epilog="Example: nhiscan evaluate --scan 12 --rules our-rules")
@click.option("--scan", "number", type=click.IntRange(1), metavar="N", help="The scan to judge. Default: the last.")
@options.fail_on
@options.data(*options.FINDINGS)
@options.rules
@options.inventory
@options.basics
@click.pass_context
def evaluate(ctx: click.Context, number: int | None) -> None:
    """Run the rules again on what is stored.

    For rules or parameters that have changed since the scan. The results of the scan are replaced; findings follow
    where it is the last one, and of an older one only its own results change.
    """
    from nhiscan.evaluate import OPEN, keep
    from nhiscan.evaluate import evaluate as run_rules

    workspace = Workspace(ctx)
    rules = workspace.rules()
    workspace.refuse()
    parameters = workspace.parameters(rules)
    _ = workspace.output
    inventory = workspace.stored()
    info = inventory.scan(number)
    if info is None:
        raise Stop(USAGE, missing(workspace, number))
    with inventory.bound(info.number, materialise=True, write=True) as bound:
        with steps(quiet=workspace.quiet) as say:
            evaluation = run_rules(bound.sql, rules, parameters, info.started_at, settle=OPEN, progress=say)
        kept = keep(bound.sql, info.number, evaluation, rules, parameters)
    with inventory.bound(info.number) as bound:
        stored = Reading(bound.sql, bound.info)
        counted = show(workspace, stored, rules, wanted=lambda row: row["scope"] in stored.planned)
    click.echo(
        f"nhiscan: judged scan {info.number} by {len(rules)} rules: {in_words(counted)}; "
        f"{kept.opened} opened, {kept.reopened} reopened, {kept.closed} closed; inventory {workspace.shown_place}",
        err=True,
    )
    ctx.exit(FINDINGS if reaches(counted, workspace.settings.scan.fail_on) else OK)

"""nhiscan report: the signed evidence package of a stored scan. Calls no cloud."""

from pathlib import Path

import click

from nhiscan.cli import options
from nhiscan.cli.ending import INCOMPLETE, OK, USAGE, Stop
from nhiscan.cli.reading import missing
from nhiscan.cli.watching import steps
from nhiscan.cli.workspace import Workspace


@click.command(epilog="Example: nhiscan report --out evidence --sign-key ~/.ssh/nhiscan_ed25519")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder to write."
)
@click.option("--scan", "number", type=click.IntRange(1), metavar="N", help="The scan to report. Default: the last.")
@click.option("--replace", is_flag=True, help="Replace an earlier package in that folder.")
@options.allow_partial
@options.sign_key
@options.rules
@options.inventory
@options.basics
@click.pass_context
def report(ctx: click.Context, out: Path, number: int | None, replace: bool) -> None:
    """Write the signed evidence package of a scan.

    It holds stored results: where rules or parameters have changed since the scan it refuses, and `nhiscan evaluate`
    comes first. A package over a collection with gaps says so on its first page and ends with 3.
    """
    from nhiscan.report import Cover, write_package
    from nhiscan.report.keys import signer

    workspace = Workspace(ctx)
    rules = workspace.rules()
    workspace.refuse()
    evidence = workspace.settings.evidence
    inventory = workspace.stored()
    if inventory.scan(number) is None:  # before a key is made for nothing
        raise Stop(USAGE, missing(workspace, number))
    key, message = signer(evidence.sign_key)
    if message:
        click.echo(message.rstrip(), err=True)
    with steps(quiet=workspace.quiet) as say:
        package = write_package(
            inventory,
            number,
            out,
            rules=rules,
            parameters=workspace.parameters(rules),
            signer=key,
            cover=Cover(evidence.organisation, evidence.system, evidence.contact),
            replace=replace,
            progress=say,
        )
    click.echo(
        f"nhiscan: wrote {package.path}: {package.files} files, {package.population} items tested, "
        f"{package.failed} deviations, {package.unknown} could not be determined, {package.gaps} gaps",
        err=True,
    )
    click.echo(
        f"nhiscan: signed by {package.fingerprint}; open {package.report}; check it: nhiscan verify {out}", err=True
    )
    if not package.complete:
        click.echo("nhiscan: the population is not proven complete; the package says so", err=True)
    ctx.exit(OK if package.complete or workspace.settings.scan.allow_partial else INCOMPLETE)

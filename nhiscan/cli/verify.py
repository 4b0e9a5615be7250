"""nhiscan verify: does an evidence package hold? Needs no inventory and no cloud."""

from pathlib import Path

import click

from nhiscan import __version__
from nhiscan.cli import options
from nhiscan.cli.ending import OK, UNVERIFIED, USAGE, Stop
from nhiscan.cli.output import dumps
from nhiscan.cli.watching import steps
from nhiscan.cli.workspace import Workspace, now
from nhiscan.text import visible


@click.command(epilog="Example: nhiscan verify evidence --allowed-signers allowed_signers")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--allowed-signers",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Who may sign (as for ssh-keygen). Without it the signer is named and not checked.",
)
@options.data("table", "json")
@options.basics
@click.pass_context
def verify(ctx: click.Context, folder: Path, allowed_signers: Path | None) -> None:
    """Check an evidence package, offline.

    DIR is its folder, or a zip of that. Its files against its manifests, its signature, and every verdict against the
    packaged population: all rules are run again.
    """
    import zipfile

    from nhiscan.verify import verify as check

    workspace = Workspace(ctx)
    if not folder.is_dir() and not (folder.is_file() and zipfile.is_zipfile(folder)):
        raise Stop(USAGE, f"{folder} is no folder and no zip" if folder.exists() else f"{folder} is no folder")
    if allowed_signers is not None:
        workspace.named("--allowed-signers", allowed_signers)
    workspace.refuse()
    with steps(quiet=workspace.quiet) as say:
        found = check(folder, allowed_signers, now=now(), progress=say)
    if workspace.output.format == "json":
        result = {
            "nhiscan": __version__,
            "package": str(folder),
            "ok": found.ok,
            "signer": found.signer,
            "principal": found.principal,
            "signer_checked": found.signer_checked,
            "checks": [check._asdict() for check in found.checks],
        }
        workspace.output.give([dumps(result, pretty=True)])
    else:
        workspace.output.give(
            f"{'ok    ' if check.ok else 'FAILED'}  {check.name}: {visible(check.message)}\n" for check in found.checks
        )
    if not found.ok:
        bad = sum(not check.ok for check in found.checks)
        raise Stop(UNVERIFIED, f"{folder} does not hold: {bad} of {len(found.checks)} checks failed")
    who = found.principal if found.signer_checked else f"{found.signer}, signer not checked"
    click.echo(f"nhiscan: {folder} holds; signed by {visible(str(who))}", err=True)
    ctx.exit(OK)

"""nhiscan demo: the whole way from a simulated cloud to a signed package, without credentials or network."""

from pathlib import Path

import click

from nhiscan.cli import options
from nhiscan.cli.watching import watching
from nhiscan.cli.workspace import Workspace


@click.command(epilog="Example: nhiscan demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("nhiscan-demo"),
    metavar="DIR",
    help="Folder to write; what an earlier demo wrote there is replaced. [default: nhiscan-demo]",
)
@options.verbosity
@click.pass_context
def demo(ctx: click.Context, out: Path) -> None:
    """Scan simulated clouds and write their evidence package.

    Reads simulated accounts on 127.0.0.1 through the real connectors, judges them and writes DIR/evidence, as a scan
    with --allow-partial would. Your configuration, inventory and credentials are not looked at.
    """
    from nhiscan.demo import run

    workspace = Workspace(ctx, configured=False)
    said: list[str] = []
    with watching(quiet=workspace.quiet) as progress:
        run(out, say=said.append, progress=progress)
    workspace.output.give(f"{line}\n" for line in said)

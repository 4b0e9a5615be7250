"""nhiscan init: a configuration to start from."""

import os
from pathlib import Path

import click

from nhiscan.cli.ending import FAILED, USAGE, Stop


@click.command(epilog="Example: nhiscan init")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("nhiscan.toml"))
def init(file: Path) -> None:
    """Write a commented starter configuration.

    An existing file is never overwritten.
    """
    from nhiscan.config.starter import STARTER

    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        raise Stop(USAGE, f"{file} exists already and is left as it is") from None
    except FileNotFoundError:
        raise Stop(USAGE, f"the folder of {file} does not exist") from None
    except OSError as error:
        raise Stop(FAILED, f"cannot write {file}: {error.strerror or error}") from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
        out.write(STARTER)
    click.echo(f"nhiscan: wrote {file}; check it with: nhiscan config check --config {file}", err=True)

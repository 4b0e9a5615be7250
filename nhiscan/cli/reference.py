"""The text of docs/cli.md, made from the commands themselves: ``python -m nhiscan.cli.reference > docs/cli.md``."""

import sys
from collections.abc import Iterator

import click

from nhiscan.cli import main
from nhiscan.cli.connecting import ConnectorCommand

WIDTH = 110

HEAD = """\
# Command line

This page is made from the commands' own help by `python -m nhiscan.cli.reference`; a test holds both equal.

Data goes to standard output, everything else (log, progress, warnings, the last line of a scan) to standard error.
On a terminal tables are drawn; in a pipe they are plain text in full, without colour. `NO_COLOR` is honoured.
Names that come from a cloud are cleaned before they reach a terminal. `-o FILE` is written beside the file and renamed
when complete. JSON is valid whatever happens: a command that breaks off gives a document with `error`.

A flag goes before an environment variable, that before `nhiscan.toml`, and that before the default.
Shell completion: `eval "$(_NHISCAN_COMPLETE=bash_source nhiscan)"`, also `zsh_source` and `fish_source`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(path, command) for path, command in _commands(main, ("nhiscan",)))


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, (*path, name))


def _section(path: tuple[str, ...], command: click.Command) -> str:
    if isinstance(command, ConnectorCommand):
        # The options of connectors depend on what is installed; `nhiscan connectors list` shows them.
        command.__dict__["installed"] = {}
    context = click.Context(command, info_name=" ".join(path), terminal_width=WIDTH, max_content_width=WIDTH)
    context.auto_envvar_prefix = "_".join(path).upper()
    return f"\n## {' '.join(path)}\n\n```text\n{context.get_help().strip()}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(page())

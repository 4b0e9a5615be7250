"""The text of docs/cli.md, made from the commands themselves: ``python -m nhiscan.cli.reference > docs/cli.md``."""

import sys
from collections.abc import Iterator
from typing import Any

import click

from nhiscan.cli import main
from nhiscan.cli.connecting import INSTALLED

WIDTH = 110
_SETTINGS: dict[str, Any] = {**main.context_settings, "max_content_width": WIDTH}

HEAD = """\
# Command line

This page is made from the commands' own help by `python -m nhiscan.cli.reference`; a test holds both equal.

Data goes to standard output, everything else (log, progress, warnings, the last line of a scan) to standard error.
On a terminal tables are drawn, with a few lines for each row where it is too narrow; in a pipe they are plain text in
full, without colour. `NO_COLOR` is honoured.
Names that come from a cloud are cleaned before they reach a terminal. `-o FILE` is written beside the file and renamed
when complete. JSON is valid whatever happens: a command that breaks off gives a document with `error`.

A flag goes before an environment variable, that before `nhiscan.toml`, and that before the default.
Shell completion: `eval "$(_NHISCAN_COMPLETE=bash_source nhiscan)"`, also `zsh_source` and `fish_source`.
"""


def page() -> str:
    """The whole page."""
    with click.Context(main, info_name="nhiscan", terminal_width=WIDTH, **_SETTINGS) as context:
        context.meta[INSTALLED] = {}  # which there are differs between machines: `nhiscan connectors list` shows them
        return HEAD + "".join(_sections(main, context))


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"\n## {context.command_path}\n\n```text\n{context.get_help().strip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            with click.Context(inner, info_name=name, parent=context) as below:
                yield from _sections(inner, below)


if __name__ == "__main__":
    sys.stdout.write(page())

"""Help is quick and complete: nothing heavy is imported for it, and each command shows how it is used."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from nhiscan import __version__
from nhiscan.cli import COMMANDS, main

HEAVY = {
    "alembic", "azure", "boto3", "botocore", "cryptography", "google.auth", "importlib.metadata", "jinja2",
    "moto", "nhiscan.config", "nhiscan.inventory", "nhiscan.plugins", "nhiscan.rule", "platformdirs", "pydantic",
    "requests", "rich", "sqlalchemy",
}  # fmt: skip


def imported(arguments: list[str], variables: dict[str, str]) -> tuple[set[str], str]:
    """The heavy modules that a run of the program imported, and its standard output."""
    code = (
        "import sys\n"
        f"sys.argv = ['nhiscan', *{arguments!r}]\n"
        "import nhiscan.cli\n"
        "try: nhiscan.cli.run()\n"
        f"finally: print('imported', *sorted({HEAVY!r} & sys.modules.keys()), file=sys.stderr)\n"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("NHISCAN", "COVERAGE"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ | variables, capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1].split()
    assert last[0] == "imported", done.stderr
    return set(last[1:]), done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    heavy, out = imported(arguments, {})
    assert heavy == set()
    assert "nhiscan" in out


@pytest.mark.parametrize(
    "command",
    ["findings", "inventory grants", "report", "verify", "evaluate", "rules check", "init", "demo", "db upgrade"],
)
def test_help_of_a_command_imports_no_stage(command: str) -> None:
    heavy, out = imported([*command.split(), "--help"], {})
    assert heavy <= {"nhiscan.config"}
    assert f"Usage: nhiscan {command}" in out


def test_completion_of_commands_imports_nothing_heavy() -> None:
    heavy, out = imported([], {"_NHISCAN_COMPLETE": "bash_complete", "COMP_WORDS": "nhiscan re", "COMP_CWORD": "1"})
    assert heavy == set()
    assert out.split() == ["plain,report"]


def test_version() -> None:
    assert imported(["--version"], {})[1] == f"nhiscan, version {__version__}\n"


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command, **main.context_settings)
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


def test_the_table_of_commands_says_what_the_commands_say() -> None:
    for name, (_, line) in COMMANDS.items():
        command = main.get_command(click.Context(main, **main.context_settings), name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == line


def test_every_command_has_an_example_of_itself() -> None:
    for path, command in commands(main):
        if path:
            assert (command.epilog or "").startswith("Example: nhiscan " + path[0]), path


def test_every_option_has_help() -> None:
    for path, command in commands(main):
        for parameter in command.get_params(click.Context(command, **main.context_settings)):
            if isinstance(parameter, click.Option):
                assert parameter.help, (path, parameter.name)


def test_all_exit_codes_are_in_the_help() -> None:
    out = imported(["--help"], {})[1]
    assert [line.split()[0] for line in out.split("Exit codes:")[1].splitlines() if line.strip()] == list("0123456")

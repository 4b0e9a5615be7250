"""The environment variables that mean something: those of the commands' options and of the connectors' options."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from nhiscan.config import variable

if TYPE_CHECKING:
    from nhiscan.connector import Connector


def known(main: click.Command, connectors: "Mapping[str, Connector]") -> frozenset[str]:
    """All of them. Imports the module of every command, so it is called only when there are variables to judge."""
    found = {variable(name, option.name) for name, one in connectors.items() for option in one.options}
    _walk(main, "NHISCAN", found)
    return frozenset(found)


def _walk(command: click.Command, prefix: str, found: set[str]) -> None:
    with click.Context(command, info_name=command.name, help_option_names=["-h", "--help"]) as ctx:
        for parameter in command.params:
            if not isinstance(parameter, click.Option):
                continue
            if isinstance(parameter.envvar, str):
                found.add(parameter.envvar)
            elif parameter.allow_from_autoenv:
                found.add(f"{prefix}_{parameter.name}".upper())
        if isinstance(command, click.Group):
            for name in command.list_commands(ctx):
                inner = command.get_command(ctx, name)
                if inner is not None:
                    _walk(inner, f"{prefix}_{name}".upper().replace("-", "_"), found)

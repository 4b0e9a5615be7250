"""Options of connectors on the command line: whose they are is decided by the connectors that take part."""

from typing import Any

import click
import pytest

from nhiscan.cli.connecting import INSTALLED as FOUND
from nhiscan.cli.connecting import ConnectorCommand, flags, known
from nhiscan.connector import Connector, Option


def connector(name: str, *options: Option) -> Connector:
    """A declaration as a third party would write it; it is never opened."""

    def unused(*_: Any) -> Any:
        raise AssertionError("a declaration is not opened")

    return Connector(name, name.title(), options, unused, unused, unused, unused)


ONE = connector(
    "one",
    Option("account", "accounts", repeatable=True, metavar="ID"),
    Option("role", "role"),
    Option("retries", "how often", kind="integer"),
    Option("bare", "without ids", kind="flag"),
)
TWO = connector("two", Option("account", "accounts", repeatable=True, metavar="ID"), Option("retries", "text here"))
INSTALLED = {"one": ONE, "two": TWO}


def parsed(*arguments: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}

    @click.command(cls=ConnectorCommand)
    @click.argument("names", nargs=-1)
    @click.pass_context
    def command(ctx: click.Context, names: tuple[str, ...]) -> None:
        found.update(flags(ctx, known(ctx, names, INSTALLED), INSTALLED))

    parent = click.Context(click.Group("nhiscan"))
    parent.meta[FOUND] = INSTALLED
    command.main(list(arguments), standalone_mode=False, parent=parent)
    return found


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ("one", {"one": {}}),
        ("one two --one-role x", {"one": {"role": "x"}, "two": {}}),
        ("one --role x --one-retries 3 --bare", {"one": {"role": "x", "retries": 3, "bare": True}}),
        ("two one --role x", {"two": {}, "one": {"role": "x"}}),
        ("one --account 1 --account 2", {"one": {"account": ("1", "2")}}),
        ("two --account 1 two", {"two": {"account": ("1",)}}),
        ("one two --one-account 1 --two-account 2", {"one": {"account": ("1",)}, "two": {"account": ("2",)}}),
    ],
)
def test_whose_an_option_is(arguments: str, settings: dict[str, dict[str, Any]]) -> None:
    assert parsed(*arguments.split()) == settings


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("one two --account 1", "--account is not plain: write --one-account or --two-account"),
        ("two --role x", "--role: none of the connectors taking part has this option"),
        ("two --one-role x", "--one-role: the connector one takes no part in this"),
        ("one --role x --one-role y", "--one-role and --role are the same: give one of them"),
        ("one --retries 3", "No such option"),
        ("one --one-retries x", "'x' is not a valid integer"),
        ("three", "unknown connector 'three'"),
        ("register", "--roster FILE"),
    ],
)
def test_what_is_refused(arguments: str, words: str) -> None:
    with pytest.raises(click.UsageError) as error:
        parsed(*arguments.split())
    assert words in error.value.format_message()

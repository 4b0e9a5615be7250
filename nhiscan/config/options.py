"""Options that connectors declare: flag, environment variable, file, default - the first that says something holds."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nhiscan.config.settings import Problem

if TYPE_CHECKING:
    from nhiscan.connector import Option

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def variable(connector: str, option: str) -> str:
    """The environment variable of an option: NHISCAN_AWS_ROLE_NAME."""
    return f"NHISCAN_{connector}_{option}".upper().replace("-", "_")


def settle(
    connector: str,
    options: "Sequence[Option]",
    file: Mapping[str, Any],
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
) -> tuple[dict[str, Any], list[Problem]]:
    """The settings of one connector, and what is wrong in the environment.

    ``file`` has been checked when it was read, ``flags`` by the command line. Lists are tuples; a list in the
    environment is separated by commas. An empty variable says nothing.
    """
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    for option in options:
        name = variable(connector, option.name)
        value = option.default
        if option.name in file:
            value = file[option.name]
        if environ.get(name):
            try:
                value = _parse(option, environ[name])
            except ValueError as error:
                problems.append(Problem(name, None, str(error)))
        if option.name in flags:
            value = flags[option.name]
        if option.repeatable:
            value = tuple(value or ())
        settings[option.name] = value
    return settings, problems


def _parse(option: "Option", text: str) -> Any:
    if option.repeatable:
        return tuple(_one(option, part.strip()) for part in text.split(",") if part.strip())
    return _one(option, text)


def _one(option: "Option", text: str) -> Any:
    if option.kind == "integer":
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"must be a whole number, not {text!r}") from None
    if option.kind == "flag":
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError(f"must be true or false, not {text!r}")
    return text

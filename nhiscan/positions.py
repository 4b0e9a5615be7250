"""Where each key of a TOML document stands. tomllib keeps no positions; called only when there is an error."""

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def positions(text: str) -> dict[Path, int]:
    """Line (from 1) of every key, e.g. ``{("examples", 0, "name"): 31}``. The text must be valid TOML.

    Statements are handed to tomllib one by one, a line more until they parse, so lines inside a multi-line string that
    look like keys are never taken for keys.
    """
    lines: dict[Path, int] = {}
    newest: dict[Path, int] = {}  # array of tables -> index of its newest entry
    table: Path = ()
    statement, first = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not statement:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            first = number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("["):
            table = _header(parsed, newest, repeated=statement.lstrip().startswith("[["))
            lines.setdefault(table, first)
        else:
            for path in _paths(parsed, table):
                lines.setdefault(path, first)
        statement = ""
    return lines


def nearest(lines: dict[Path, int], path: Path) -> int:
    """Line of the longest known beginning of a path; 1 where nothing of it is known."""
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 1)


def _header(parsed: dict[str, Any], newest: dict[Path, int], *, repeated: bool) -> Path:
    names: list[str] = []
    node: Any = parsed
    while node := node[0] if isinstance(node, list) else node:
        ((name, node),) = node.items()
        names.append(name)
    path: Path = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in newest:
            path = (*path, newest[path])
    path = (*path, names[-1])
    if repeated:
        newest[path] = newest.get(path, -1) + 1
        for inner in [known for known in newest if len(known) > len(path) and known[: len(path)] == path]:
            del newest[inner]  # arrays inside the entry before count from the start again
        path = (*path, newest[path])
    return path


def _paths(node: Any, prefix: Path) -> Iterator[Path]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in pairs:
        yield (*prefix, name)
        yield from _paths(value, (*prefix, name))

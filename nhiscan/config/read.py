"""Find and read the configuration file. Every problem is collected; one wrong key does not hide the next."""

import difflib
import itertools
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nhiscan.config.settings import (
    ROSTER_COLUMNS,
    SEVERITIES,
    ConfigError,
    Evidence,
    Problem,
    Registers,
    RuleSettings,
    Scan,
    Settings,
)
from nhiscan.positions import Path as Key
from nhiscan.positions import nearest as line_near
from nhiscan.positions import positions

if TYPE_CHECKING:
    from nhiscan.connector import Option

NAME = "nhiscan.toml"
TOP = ("inventory", "scan", "connectors", "registers", "owners", "rules", "evidence")

Declared = Callable[[], "Mapping[str, Sequence[Option]]"]
"""Gives the installed connectors and their options. Called only when the file has a ``[connectors]`` table."""


def find(named: Path | None, environ: Mapping[str, str], folder: Path, user: Path) -> Path | None:
    """The file to read, or None where there is none.

    In this order: ``named`` (a flag), NHISCAN_CONFIG, ``folder`` (the working directory), ``user`` (the user's
    configuration folder). Raises ConfigError for a named one that is missing.
    """
    for path, said_by in ((named, "--config"), (environ.get("NHISCAN_CONFIG") or None, "NHISCAN_CONFIG")):
        if path is not None:
            if not Path(path).is_file():
                raise ConfigError((Problem(str(path), None, f"no such file (named by {said_by})"),))
            return Path(path).absolute()
    for place in (folder, user):
        if (place / NAME).is_file():
            return (place / NAME).absolute()
    return None


def read(file: Path | None, declared: Declared) -> tuple[Settings, list[Problem]]:
    """The settings of a file and all that is wrong with it. A key with a problem keeps its default."""
    if file is None:
        return Settings(), []
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        return Settings(file=file), [Problem(str(file), None, f"cannot be read: {error.strerror or error}")]
    except UnicodeDecodeError as error:
        return Settings(file=file), [Problem(str(file), None, f"is not UTF-8 text: {error.reason}")]
    except tomllib.TOMLDecodeError as error:
        return Settings(file=file), [
            Problem(str(file), _line_in(str(error)) or text.count("\n") + 1, f"is not TOML: {error}")
        ]
    reader = _Reader(file, document)
    settings = reader.settings(declared)
    return settings, reader.problems(text)


def check_parameters(settings: Settings, rules: Mapping[str, Iterable[str]]) -> list[Problem]:
    """Overrides that name no rule or no parameter of it. ``rules``: rule id -> names of its parameters."""
    if settings.file is None or not settings.rules.parameters:
        return []
    text = settings.file.read_text(encoding="utf-8")
    found: list[tuple[Key, str]] = []
    for rule, values in settings.rules.parameters.items():
        key: Key = ("rules", "parameters", rule)
        if rule not in rules:
            found.append((key, f"unknown rule {rule!r}{nearest(rule, rules)}"))
            continue
        known = tuple(rules[rule])
        for name in values:
            if name not in known:
                what = nearest(name, known) if known else ": the rule has no parameters"
                found.append(((*key, name), f"unknown parameter {name!r} of rule {rule}{what}"))
    places = positions(text) if found else {}
    return [Problem(str(settings.file), line_near(places, key), message) for key, message in found]


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: what was probably meant, else what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f": did you mean {close[0]!r}?"
    return f": known are {', '.join(names)}" if names else ": nothing is known here"


def place(value: str, base: Path) -> str:
    """An inventory as the file names it: a URL as it stands, a path (also sqlite:///path) relative to the file."""
    if value.startswith("sqlite:///"):
        value = value.removeprefix("sqlite:///")
    return value if "://" in value else str(_path(value, base))


def _path(value: str, base: Path) -> Path:
    return Path(os.path.normpath(base / Path(value).expanduser()))


def _line_in(message: str) -> int | None:
    """The line of a tomllib error, which says it in words only."""
    words = message.replace(",", " ").split()
    for before, word in itertools.pairwise(words):
        if before == "line" and word.isdigit():
            return int(word)
    return None


class _Reader:
    """One pass over a parsed file. Problems are noted by key; their lines are looked up at the end, if need be."""

    def __init__(self, file: Path, document: dict[str, Any]) -> None:
        self.file = file
        self.document = document
        self.found: list[tuple[Key, str]] = []

    def problems(self, text: str) -> list[Problem]:
        places = positions(text) if self.found else {}
        problems = [Problem(str(self.file), line_near(places, key), message) for key, message in self.found]
        return sorted(problems, key=lambda problem: problem.line or 0)

    def settings(self, declared: Declared) -> Settings:
        self.known((), self.document, TOP)
        scan = self.table(("scan",), ("fail_on", "allow_partial", "executor"))
        registers = self.table(("registers",), ("people", "columns"))
        rules = self.table(("rules",), ("paths", "parameters"))
        evidence = self.table(("evidence",), ("organisation", "system", "contact", "sign_key"))
        inventory = self.table(("inventory",), ("url",))
        owners = self.table(("owners",), ("tags",))
        url = self.text(("inventory", "url"), inventory)
        tags = self.texts(("owners", "tags"), owners)
        return Settings(
            file=self.file,
            inventory=place(url, self.file.parent) if url else None,
            scan=Scan(
                fail_on=self.choice(("scan", "fail_on"), scan, SEVERITIES) or "none",
                allow_partial=self.flag(("scan", "allow_partial"), scan),
                executor=self.text(("scan", "executor"), scan),
            ),
            registers=Registers(
                people=self.existing(("registers", "people"), self.text(("registers", "people"), registers)),
                columns=self.columns(registers),
            ),
            rules=RuleSettings(paths=self.folders(rules), parameters=self.parameters(rules)),
            owner_tags=tags or None,
            evidence=Evidence(
                organisation=self.text(("evidence", "organisation"), evidence),
                system=self.text(("evidence", "system"), evidence),
                contact=self.text(("evidence", "contact"), evidence),
                sign_key=self.existing(("evidence", "sign_key"), self.text(("evidence", "sign_key"), evidence)),
            ),
            connectors=self.connectors(declared) if "connectors" in self.document else {},
        )

    # --- one kind of value each ---

    def known(self, where: Key, table: Mapping[str, Any], names: Iterable[str]) -> None:
        names = tuple(names)
        for name in table:
            if name not in names:
                self.found.append(((*where, name), f"unknown key {dotted((*where, name))!r}{nearest(name, names)}"))

    def table(self, where: Key, names: Iterable[str] | None = None, inside: Mapping[str, Any] | None = None) -> Any:
        value = (self.document if inside is None else inside).get(str(where[-1]), {})
        if not isinstance(value, dict):
            self.wrong(where, "a table")
            return {}
        if names is not None:
            self.known(where, value, names)
        return value

    def wrong(self, where: Key, wanted: str) -> None:
        self.found.append((where, f"{dotted(where)} must be {wanted}"))

    def text(self, where: Key, table: Mapping[str, Any]) -> str | None:
        value = table.get(str(where[-1]))
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.wrong(where, "a text in quotes")
            return None
        return value

    def texts(self, where: Key, table: Mapping[str, Any]) -> tuple[str, ...]:
        value = table.get(str(where[-1]))
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.wrong(where, "a list of texts")
            return ()
        return tuple(value)

    def flag(self, where: Key, table: Mapping[str, Any]) -> bool:
        value = table.get(str(where[-1]), False)
        if not isinstance(value, bool):
            self.wrong(where, "true or false")
            return False
        return value

    def choice(self, where: Key, table: Mapping[str, Any], choices: Sequence[str]) -> str | None:
        value = self.text(where, table)
        if value is not None and value not in choices:
            self.wrong(where, f"one of {', '.join(choices)}")
            return None
        return value

    def existing(self, where: Key, value: str | None) -> Path | None:
        """A file or folder that must be there. Paths are relative to the file that names them."""
        if value is None:
            return None
        path = _path(value, self.file.parent)
        if not path.exists():
            self.found.append((where, f"{dotted(where)}: no such file or folder: {path}"))
            return None
        return path

    # --- tables with rules of their own ---

    def columns(self, registers: Mapping[str, Any]) -> dict[str, str]:
        where: Key = ("registers", "columns")
        table = self.table(where, ROSTER_COLUMNS, registers)
        named = ((name, self.text((*where, name), table)) for name in ROSTER_COLUMNS)
        return {name: value for name, value in named if value is not None}

    def folders(self, rules: Mapping[str, Any]) -> tuple[Path, ...]:
        found = []
        for position, value in enumerate(self.texts(("rules", "paths"), rules)):
            path = self.existing(("rules", "paths", position), value)
            if path is not None:
                found.append(path)
        return tuple(found)

    def parameters(self, rules: Mapping[str, Any]) -> dict[str, dict[str, int]]:
        """[rules.parameters.<rule id>] name = number. Rules and names are checked by `check_parameters`."""
        found: dict[str, dict[str, int]] = {}
        for rule, values in self.table(("rules", "parameters"), None, rules).items():
            where: Key = ("rules", "parameters", rule)
            if not isinstance(values, dict):
                self.wrong(where, "a table: [rules.parameters.<rule id>]")
                continue
            found[rule] = {}
            for name, value in values.items():
                if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
                    self.wrong((*where, name), "a whole number, 0 or more")
                else:
                    found[rule][name] = value
        return found

    def connectors(self, declared: Declared) -> dict[str, dict[str, Any]]:
        """[connectors.<name>]: the options that the connector declares. An empty table names a connector to scan."""
        found: dict[str, dict[str, Any]] = {}
        known = declared()
        where: Key = ("connectors",)
        for name in self.table(where):
            if name not in known:
                self.found.append(((*where, name), f"unknown connector {name!r}{nearest(name, known)}"))
                continue
            options = {option.name: option for option in known[name]}
            table = self.table((*where, name), options, self.document["connectors"])
            found[name] = {}
            for key, value in table.items():
                if key in options and self.fits((*where, name, key), options[key], value):
                    found[name][key] = self.settled(options[key], value)
        return found

    def settled(self, option: "Option", value: Any) -> Any:
        """Lists as tuples, paths from the folder of the file."""
        values = tuple(value) if option.repeatable else (value,)
        if option.kind == "path":
            values = tuple(str(_path(one, self.file.parent)) for one in values)
        return values if option.repeatable else values[0]

    def fits(self, where: Key, option: "Option", value: Any) -> bool:
        types = {
            "text": (str, "a text in quotes"),
            "path": (str, "a path in quotes"),
            "integer": (int, "a whole number"),
            "flag": (bool, "true or false"),
        }
        wanted, words = types[option.kind]
        values = value if option.repeatable and isinstance(value, list) else [value]
        good = all(isinstance(one, wanted) and (wanted is bool or not isinstance(one, bool)) for one in values)
        if option.repeatable and not isinstance(value, list):
            good = False
        if not good:
            self.wrong(where, f"a list: each {words}" if option.repeatable else words)
        return good


def dotted(key: Key) -> str:
    """A key as the file writes it: rules.paths, connectors.aws.role-name."""
    return ".".join(str(part) for part in key if not isinstance(part, int))

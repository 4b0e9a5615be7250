"""The typed settings of one run of the program: what the configuration file says, before flags are laid over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SEVERITIES = ("none", "info", "low", "medium", "high", "critical")
"""Values of ``fail_on``: none, or the lowest severity that ends a command with 1."""

ROSTER_COLUMNS = ("person_id", "email", "name", "status", "start_date", "end_date")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the configuration. ``path`` is a file, or the name of an environment variable."""

    path: str
    line: int | None
    message: str

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}"


class ConfigError(Exception):
    """Everything that is wrong, at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True)
class Scan:
    """[scan]"""

    fail_on: str = "none"
    allow_partial: bool = False
    executor: str | None = None


@dataclass(frozen=True)
class Registers:
    """[registers]: the people roster, and by which header each of its columns goes in the file."""

    people: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleSettings:
    """[rules]: folders of the user's own rules, and thresholds by rule id."""

    paths: tuple[Path, ...] = ()
    parameters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """[evidence]: what the cover of a package states, and the key that signs it."""

    organisation: str | None = None
    system: str | None = None
    contact: str | None = None
    sign_key: Path | None = None


@dataclass(frozen=True)
class Settings:
    """A whole configuration file. Paths are absolute; an empty file gives the defaults."""

    file: Path | None = None
    inventory: str | None = None  # path or URL; None: the default place
    scan: Scan = field(default_factory=Scan)
    registers: Registers = field(default_factory=Registers)
    rules: RuleSettings = field(default_factory=RuleSettings)
    owner_tags: tuple[str, ...] | None = None  # None: the product's own list
    evidence: Evidence = field(default_factory=Evidence)
    connectors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # as the file gives them, checked

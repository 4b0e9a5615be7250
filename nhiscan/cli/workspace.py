"""What a command works with: the configuration under the flags, rules, connectors' settings, inventory and output.

Problems of files, environment and flags are collected; `Workspace.refuse` names them all at once, before any call.
"""

import hashlib
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import click

from nhiscan import config, data
from nhiscan.cli.ending import USAGE, Said, Stop
from nhiscan.cli.options import given
from nhiscan.text import visible

if TYPE_CHECKING:
    from nhiscan.cli.output import Output
    from nhiscan.connector import Connector
    from nhiscan.inventory import Inventory
    from nhiscan.rule import Rule

LOG = logging.getLogger("nhiscan")
INVENTORY = "nhiscan.db"


class Workspace:
    """One for each command that runs. Making it reads the configuration file and sets up the log."""

    def __init__(self, ctx: click.Context, *, configured: bool = True) -> None:
        """``configured`` False: no file is looked for and no variable judged (the demo)."""
        self.ctx = ctx
        self.given = given(ctx)
        self.quiet = bool(self.given.get("quiet"))
        self.verbose = int(self.given.get("verbose") or 0)
        self.problems: list[str] = []
        _log(quiet=self.quiet, verbose=self.verbose)
        self.settings = config.Settings()
        if configured:
            self.settings = self._settings()
            self._warn_of_unknown_variables()

    # --- configuration ---

    def _settings(self) -> config.Settings:
        from platformdirs import user_config_path

        folder = Path.cwd()
        try:
            named = self.given.get("config") if self.given.get("config said by") == "--config" else None
            file = config.find(named, os.environ, folder, user_config_path("nhiscan"))
        except config.ConfigError as error:
            self.problems += map(str, error.problems)
            return config.Settings()
        settings, problems = config.read(file, lambda: {name: one.options for name, one in self.connectors.items()})
        self.problems += map(str, problems)
        if file is not None:
            LOG.info("configuration: %s", file)
        return self._under_flags(settings, folder)

    def _under_flags(self, settings: config.Settings, folder: Path) -> config.Settings:
        """Flags and environment over the file. A file that a flag names must be there."""
        flags = self.given
        if flags.get("db"):
            settings = replace(settings, inventory=config.place(flags["db"], folder))
        scan = settings.scan
        if flags.get("fail_on"):
            scan = replace(scan, fail_on=flags["fail_on"])
        if flags.get("allow_partial") is not None:
            scan = replace(scan, allow_partial=flags["allow_partial"])
        if flags.get("executor"):
            scan = replace(scan, executor=flags["executor"])
        settings = replace(settings, scan=scan)
        if flags.get("roster"):
            people = self.named(flags["roster said by"], flags["roster"])
            settings = replace(settings, registers=replace(settings.registers, people=people))
        if flags.get("rules"):
            paths = tuple(self.named(flags["rules said by"], path) for path in flags["rules"])
            settings = replace(settings, rules=replace(settings.rules, paths=(*settings.rules.paths, *paths)))
        if flags.get("sign_key"):
            key = self.named(flags["sign_key said by"], flags["sign_key"])
            settings = replace(settings, evidence=replace(settings.evidence, sign_key=key))
        return settings

    def named(self, said_by: str, path: Path) -> Path:
        """A path that the user named; noted as a problem where there is nothing."""
        if not path.exists():
            self.problems.append(f"{path}: no such file or folder (named by {said_by})")
        return path.absolute()

    def refuse(self) -> None:
        """End with 2 if anything was wrong so far, naming all of it."""
        if self.problems:
            raise Stop(USAGE, "\n".join(["the configuration cannot be used:", *dict.fromkeys(self.problems)]))

    def _warn_of_unknown_variables(self) -> None:
        names = sorted(name for name in os.environ if name.startswith("NHISCAN_"))
        if not names:
            return
        from nhiscan.cli.variables import known

        variables = known(self.ctx.find_root().command, self.connectors)
        for name in names:
            if name not in variables:
                LOG.warning("the environment variable %s means nothing%s", name, config.nearest(name, variables))

    # --- connectors ---

    @cached_property
    def connectors(self) -> "Mapping[str, Connector]":
        """All that are installed, the built-in `register` left out: it has settings of its own."""
        from nhiscan import plugins

        return {name: one for name, one in plugins.connectors().items() if name != plugins.REGISTER}

    def connector_settings(self, name: str, flags: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of one connector: its flags over environment, file and defaults."""
        options = self.connectors[name].options
        file = self.settings.connectors.get(name, {})
        settings, problems = config.settle(name, options, file, os.environ, flags)
        self.problems += map(str, problems)
        return settings

    # --- rules ---

    def rules(self) -> "list[Rule]":
        """The rules that ship and the user's own, checked. Empty where there is a problem: call `refuse` after it."""
        from nhiscan.rule import RuleErrors, load

        try:
            found = load(self.rule_paths())
        except RuleErrors as error:
            self.problems += map(str, error.problems)
            return []
        self.problems += map(
            str, config.check_parameters(self.settings, {rule.id: tuple(rule.params) for rule in found})
        )
        return found

    def rule_paths(self) -> list[Path]:
        return [data.folder("rules"), *(path for path in self.settings.rules.paths if path.exists())]

    def parameters(self, rules: "Sequence[Rule]") -> dict[str, dict[str, int]]:
        """Every parameter of every rule, as this configuration has it."""
        overrides = self.settings.rules.parameters
        return {rule.id: rule.parameters(overrides.get(rule.id)) for rule in rules}

    # --- inventory and output ---

    @cached_property
    def place(self) -> str:
        """Path or URL of the inventory."""
        if self.settings.inventory:
            return self.settings.inventory
        from platformdirs import user_data_path

        return str(user_data_path("nhiscan") / INVENTORY)

    @property
    def shown_place(self) -> str:
        """The same without a password."""
        if "://" not in self.place:
            return self.place
        parts = urlsplit(self.place)
        if parts.password is None:
            return self.place
        return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))

    def opened(self) -> "Inventory":
        """The inventory for commands that write it; made where it is missing. Its default folder is made too."""
        from nhiscan.inventory import open_inventory

        self._refuse_other_databases()
        if not self.settings.inventory:
            Path(self.place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif "://" not in self.place and not Path(self.place).parent.is_dir():
            raise Stop(USAGE, f"the folder of the inventory {self.place} does not exist")
        LOG.info("inventory: %s", self.shown_place)
        return open_inventory(self.place)

    def stored(self, *, upgrade: bool = False) -> "Inventory":
        """The inventory for commands that read it: it must be there."""
        from nhiscan.inventory import open_inventory

        self._refuse_other_databases()
        if "://" not in self.place and not Path(self.place).is_file():
            raise Stop(
                USAGE, f"there is no inventory at {self.place}: scan first (`nhiscan scan`), or name one by --db"
            )
        LOG.debug("inventory: %s", self.shown_place)
        return open_inventory(self.place, create=False, upgrade=upgrade)

    def _refuse_other_databases(self) -> None:
        scheme, url, _ = self.place.partition("://")
        if url and scheme.partition("+")[0] not in {"postgresql", "postgres"}:
            raise Stop(USAGE, f"an inventory is a SQLite file or a postgresql:// URL, not {scheme}://...")

    @cached_property
    def output(self) -> "Output":
        from nhiscan.cli.output import Output

        said = self.ctx.obj if isinstance(self.ctx.obj, Said) else Said()
        file = self.given.get("output")
        if file is not None and not file.absolute().parent.is_dir():
            raise Stop(USAGE, f"the folder of {file} does not exist (named by {self.given['output said by']})")
        return Output(said, self.given.get("format"), file.absolute() if file else None)

    def record(self) -> dict[str, Any]:
        """Which configuration was used, as it is kept with a scan: the file's name, and a digest of what it said."""
        file = self.settings.file
        if file is None:
            return {"file": None, "sha256": None}
        return {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def now() -> int:
    """The clock of the product: whole epoch seconds UTC. Everything below the command line is given it."""
    return int(time.time())


class _Lines(logging.Formatter):
    """One line for people; foreign text in it is made safe. Tracebacks keep their lines."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        line = f"nhiscan: {level}{visible(record.getMessage())}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "\n" + "\n".join(visible(part) for part in trace.splitlines())
        return line


def _log(*, quiet: bool, verbose: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.DEBUG if verbose > 1 else logging.WARNING, handlers=[handler])
    logging.captureWarnings(capture=True)
    LOG.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)

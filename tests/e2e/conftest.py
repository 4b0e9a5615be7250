"""The program as a user runs it: a process of its own, a home of its own, real sockets to a simulated AWS."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nhiscan.testing.clock import SimulatedClock
from nhiscan_aws.simulated import SimulatedAws, World

DAY = 86_400
PROGRAM = shutil.which("nhiscan", path=str(Path(sys.executable).parent))
FOREIGN = ("NHISCAN", "AWS_", "BOTO_", "XDG_", "COVERAGE", "NO_COLOR", "FORCE_COLOR", "PYTHONPATH")


@dataclass(frozen=True)
class Done:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def last(self) -> str:
        """The last line on standard error."""
        return self.err.strip().splitlines()[-1]


@dataclass
class Program:
    """nhiscan with a home, a working directory and variables of its own."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environ(self, **more: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**plain, "HOME": str(self.folder / "home"), **self.variables, **more}

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        assert PROGRAM is not None, "nhiscan is not installed beside this Python"
        return subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __call__(self, *arguments: str, **variables: str) -> Done:
        with self.start(*arguments, **variables) as running:
            out, err = running.communicate(timeout=120)
        return Done(running.returncode, out, err)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program without any cloud: no credentials are to be found, and no network is asked for them."""
    (tmp_path / "home").mkdir()
    nowhere = str(tmp_path / "home" / "nothing")
    variables = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "NHISCAN_DB": str(tmp_path / "inventory.db"),
    }
    return Program(tmp_path, variables)


@pytest.fixture(scope="session")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a provider of somebody else in ``plugins`` and two scans of it in ``inventory.db``.

    The second scan left out account two.
    """
    from .keep import ANALYZER, ENTRIES, ESTATE, install

    folder = tmp_path_factory.mktemp("keep")
    (folder / "home").mkdir()
    install(folder / "plugins", ENTRIES + ANALYZER)
    program = Program(folder, {"PYTHONPATH": str(folder / "plugins"), "NHISCAN_DB": str(folder / "inventory.db")})
    program.write("estate.json", json.dumps(ESTATE))
    for account in ((), ("--account", "one")):
        done = program("scan", "keep", "--file", "estate.json", *account)
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def now() -> int:
    """The real clock: the program has no other one."""
    return int(time.time())


@pytest.fixture
def cloud(program: Program, now: int) -> Iterator[Callable[[World], SimulatedAws]]:
    """Start a simulated AWS that `program` then sees."""
    with ExitStack() as stack:

        def start(world: World) -> SimulatedAws:
            aws = stack.enter_context(SimulatedAws(world, clock=SimulatedClock(now), use_delay=0))
            variables: Mapping[str, str] = aws.environment
            program.variables.update({**variables, "AWS_MAX_ATTEMPTS": "1"})
            return aws

        yield start

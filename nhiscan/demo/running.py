"""One run of the demo, from the first simulated cloud to the last line."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nhiscan import data, plugins
from nhiscan.collect import Progress, ScanOutcome, scan
from nhiscan.connector import Connector, Settings
from nhiscan.demo.folder import EVIDENCE, DemoProblem, check, make, write_signers
from nhiscan.demo.telling import Told, lines
from nhiscan.evaluate import OPEN, Evaluation, evaluate, keep
from nhiscan.inventory import Finishing, open_inventory
from nhiscan.report import Cover, PackageInfo, PackageProblem, write_package
from nhiscan.report.keys import signer_from_seed
from nhiscan.rule import Rule, load, rules_digest
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import DEMO, NOW
from nhiscan.testing.environment import environment
from nhiscan.testing.simulation import RunningSimulation

SEED = 1
RUN = "demo"
PRINCIPAL = "nhiscan-demo-key"
REMARK = (
    "This package was signed with the key of the demonstration. Anybody can make that signature: "
    "it shows how a check goes, and proves nothing about who made the package."
)


@dataclass(frozen=True)
class DemoOutcome:
    """What a demo did: the scan, the package, and the lines that were said."""

    scan: ScanOutcome[Evaluation]
    package: PackageInfo
    lines: tuple[str, ...]


def run(
    folder: Path,
    *,
    say: Callable[[str], None],
    progress: Callable[[Progress], None] | None = None,
    threads: int = 16,
) -> DemoOutcome:
    """Scan every simulated cloud that is installed and write ``evidence/`` and ``allowed_signers`` into ``folder``.

    What an earlier demo wrote there is replaced, and nothing else. ``say`` is given the few lines to print, at the end.
    Runs as a scan with ``--allow-partial``. Raises DemoProblem, MissingExtra, and what the stages raise.
    """
    signer = signer_from_seed(hashlib.sha256(b"nhiscan demo").digest(), principal=PRINCIPAL, remark=REMARK)
    check(folder, signer.principal)
    make(folder)
    rules = load([data.folder("rules")])
    parameters = {rule.id: rule.parameters() for rule in rules}
    clock = SimulatedClock(NOW)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nhiscan-demo-")))
        clouds = _clouds(stack, clock, place)
        connectors = [_roster(place), *clouds]
        inventory = open_inventory(str(place / "demo.db"))
        outcome = scan(
            inventory,
            connectors,
            finish=lambda finishing: _judge(finishing, rules, parameters),
            clock=clock,
            sleep=_no_time,
            run_id=lambda: RUN,
            executor_name=f"threads:{threads}",
            rules_sha256=rules_digest(rules, parameters),
            parameters=json.dumps(parameters, sort_keys=True),
            analyzers=plugins.analyzers(),
            progress=progress,
            host="demo",
        )
        if outcome.nothing_read:
            raise DemoProblem("the simulated clouds could not be read: is something in the way on 127.0.0.1?")
        try:
            package = write_package(
                inventory,
                outcome.number,
                folder / EVIDENCE,
                rules=rules,
                parameters=parameters,
                signer=signer,
                cover=Cover(DEMO.name, DEMO.system, DEMO.contact),
                replace=True,
            )
        except PackageProblem as problem:
            raise DemoProblem(str(problem)) from problem
        signers = write_signers(folder, signer.allowed_signers)
        titles = {connector.name: connector.title for connector, _ in clouds}
        told = Told.read(inventory, outcome, rules, parameters, titles)
    said = tuple(lines(told, package, signers))
    for line in said:
        say(line)
    return DemoOutcome(outcome, package, said)


def _roster(place: Path) -> tuple[Connector, Settings]:
    """The people roster as it would be given with --roster."""
    path = place / "people.csv"
    path.write_text(DEMO.roster(), encoding="utf-8", newline="\n")
    connector = plugins.connectors()[plugins.REGISTER]
    return connector, _settings(connector, {"people": path})


def _clouds(stack: ExitStack, clock: SimulatedClock, place: Path) -> list[tuple[Connector, Settings]]:
    """Start every simulation; the environment leads the SDKs to them until the stack is closed."""
    known = plugins.connectors()
    opened = []
    for name, simulation in plugins.simulations().items():
        own = place / name
        own.mkdir()
        running: RunningSimulation = stack.enter_context(simulation.demo(DEMO, clock, SEED, own))
        stack.enter_context(environment(running.environment, remove=running.remove))
        connector = known[simulation.connector]
        opened.append((connector, _settings(connector, running.settings)))
    if not opened:
        raise DemoProblem("no simulated cloud is installed. Install the extra [demo]")
    return opened


def _settings(connector: Connector, given: Mapping[str, Any]) -> Settings:
    """All options of a connector: what is given over the defaults."""
    return {option.name: option.default for option in connector.options} | dict(given)


def _judge(finishing: Finishing, rules: list[Rule], parameters: Mapping[str, Mapping[str, int]]) -> Evaluation:
    evaluation = evaluate(finishing.sql, rules, parameters, finishing.info.started_at, settle=OPEN)
    keep(finishing.sql, finishing.number, evaluation, rules, parameters)
    versions = json.loads(finishing.info.facts["versions"])
    finishing.facts("versions", json.dumps(_left_out(versions) | {"nhiscan": versions["nhiscan"]}, sort_keys=True))
    return evaluation


def _left_out(versions: Mapping[str, Any]) -> dict[str, Any]:
    """Versions of Python and of SDKs differ between machines; the demo writes the same bytes on all of them."""
    note = "not recorded by the demo"
    return {name: _left_out(value) if isinstance(value, dict) else note for name, value in versions.items()}


def _no_time(seconds: float) -> None:
    """Waiting takes no time here: the simulated clock stands still."""

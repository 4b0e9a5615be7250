"""What a package offers under the entry point group ``nhiscan.simulations``.

`Simulation` is a declaration: importing the module that holds it needs no SDK and no simulator. `Simulation.demo`
starts the demo company's part of this cloud; the modules it needs are imported then, and what is missing raises
MissingExtra.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import Company
from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import Faults


class RunningSimulation(Protocol):
    """A simulated cloud that answers on the loopback."""

    @property
    def endpoint(self) -> str: ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables under which the SDK of this cloud reaches the simulation and nothing else."""
        ...

    @property
    def remove(self) -> tuple[str, ...]:
        """Beginnings of names of variables that must be gone, such as ``AWS_``."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Options of the connector that plan the whole simulated estate (`nhiscan.connector.Settings`)."""
        ...

    @property
    def calls(self) -> CallCounts: ...

    @property
    def faults(self) -> Faults: ...

    @property
    def canaries(self) -> Canaries: ...

    @property
    def clock(self) -> SimulatedClock: ...


@dataclass(frozen=True)
class Simulation:
    """What the entry point names. ``demo(company, clock, seed, folder)`` runs in a temporary folder given to it."""

    name: str  # "aws"
    connector: str  # name of the connector that reads it
    title: str  # "Amazon Web Services (simulated)"
    demo: Callable[[Company, SimulatedClock, int, Path], AbstractContextManager[RunningSimulation]]

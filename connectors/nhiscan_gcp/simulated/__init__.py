"""The simulated Google Cloud: for ``nhiscan demo``, for tests, and for anybody who wants to try the connector.

    from nhiscan_gcp.simulated import Project, ServiceAccount, SimulatedGcp, World

    with SimulatedGcp(World((Project("parcels", 0, accounts=(ServiceAccount("ci", 0),)),))) as gcp:
        ...  # under gcp.environment, with gcp.endpoints, Google's client libraries talk to it

REST services and the IAM service over gRPC, over TLS, with true page sizes, limits, denials and throttling. It needs
the extra ``[gcp]`` and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import Company
from nhiscan.testing.simulation import Simulation
from nhiscan_gcp.simulated.running import SimulatedGcp
from nhiscan_gcp.simulated.world import (
    NEVER,
    ApiKey,
    Binding,
    Caller,
    Condition,
    Constraint,
    Folder,
    HmacKey,
    Insight,
    Key,
    Organization,
    PolicyInsight,
    Pool,
    Project,
    Provider,
    Role,
    ServiceAccount,
    Workload,
    World,
)

__all__ = [
    "NEVER",
    "SIMULATION",
    "ApiKey",
    "Binding",
    "Caller",
    "Condition",
    "Constraint",
    "Folder",
    "HmacKey",
    "Insight",
    "Key",
    "Organization",
    "PolicyInsight",
    "Pool",
    "Project",
    "Provider",
    "Role",
    "ServiceAccount",
    "SimulatedGcp",
    "Workload",
    "World",
]


@contextmanager
def _demo(company: Company, clock: SimulatedClock, seed: int, folder: Path) -> Iterator[SimulatedGcp]:
    del folder
    from nhiscan_gcp.simulated.demo_world import demo

    with demo(company, clock, seed) as running:
        yield running


SIMULATION = Simulation(name="gcp", connector="gcp", title="Google Cloud, simulated", demo=_demo)

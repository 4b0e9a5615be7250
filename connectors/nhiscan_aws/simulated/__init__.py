"""The simulated AWS: for ``nhiscan demo``, for tests, and for anybody who wants to try a connector without an account.

    from nhiscan_aws.simulated import Account, Key, SimulatedAws, User, World

    with SimulatedAws(World((Account("111111111111", created_at=0, users=(User("ci", 0, keys=(Key(60),)),)),))) as aws:
        ...  # under aws.environment, boto3 talks to it; aws.calls counts, aws.faults breaks, aws.clock moves

It is moto's server behind a gateway that corrects what is not as on AWS. moto is imported when a simulation starts
(extra
``[demo]``), not when this package is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import Company
from nhiscan.testing.simulation import Simulation
from nhiscan_aws.simulated.running import SimulatedAws
from nhiscan_aws.simulated.world import (
    ALLOW_ALL,
    RESOURCE_CONTROL_POLICY,
    ROOT,
    SERVICE_CONTROL_POLICY,
    Access,
    Account,
    Caller,
    Certificate,
    Group,
    Key,
    ManagedPolicy,
    Organization,
    OrganizationPolicy,
    Password,
    PasswordPolicy,
    PolicyDocument,
    Role,
    Root,
    Unit,
    Use,
    User,
    World,
    trust,
)

__all__ = [
    "ALLOW_ALL",
    "RESOURCE_CONTROL_POLICY",
    "ROOT",
    "SERVICE_CONTROL_POLICY",
    "SIMULATION",
    "Access",
    "Account",
    "Caller",
    "Certificate",
    "Group",
    "Key",
    "ManagedPolicy",
    "Organization",
    "OrganizationPolicy",
    "Password",
    "PasswordPolicy",
    "PolicyDocument",
    "Role",
    "Root",
    "SimulatedAws",
    "Unit",
    "Use",
    "User",
    "World",
    "trust",
]


@contextmanager
def _demo(company: Company, clock: SimulatedClock, seed: int, folder: Path) -> Iterator[SimulatedAws]:
    del folder
    from nhiscan_aws.simulated.demo_world import demo

    with demo(company, clock, seed) as running:
        yield running


SIMULATION = Simulation(name="aws", connector="aws", title="Amazon Web Services, simulated", demo=_demo)

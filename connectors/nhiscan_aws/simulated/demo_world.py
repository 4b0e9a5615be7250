"""The demo company's AWS estate: an organisation of three accounts, their faults, and the settings under which the
connector reads them all.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import Company
from nhiscan_aws.simulated.demo_data import data
from nhiscan_aws.simulated.demo_organization import DENIED, organization
from nhiscan_aws.simulated.demo_parts import AUDIT_ROLE, DATA, EXTERNAL_ID, PRODUCTION, SCANNER, SHARED, Parts
from nhiscan_aws.simulated.demo_production import production
from nhiscan_aws.simulated.demo_shared import shared
from nhiscan_aws.simulated.running import SimulatedAws
from nhiscan_aws.simulated.world import Caller, World


def demo_world(company: Company, now: int) -> World:
    """Some ninety identities. The scanner is a user of the shared account, which manages the organisation, and assumes
    a role in each of the other two.
    """
    parts = Parts(company, now)
    return World((shared(parts), production(parts), data(parts)), Caller(SHARED, SCANNER), organization())


@contextmanager
def demo(company: Company, clock: SimulatedClock, seed: int) -> Iterator[SimulatedAws]:
    """The estate while it runs."""
    settings = {
        "account": (SHARED, PRODUCTION, DATA),
        "role-name": AUDIT_ROLE,
        "external-id": EXTERNAL_ID,
        "last-accessed": True,
    }
    with SimulatedAws(demo_world(company, clock()), clock=clock, seed=seed, settings=settings) as aws:
        for action in DENIED:
            aws.faults.deny(action, account=DATA, by="organization")
        yield aws

"""The demo company's Entra ID and Azure: one tenant, three subscriptions, their faults, and what may not be read."""

from collections.abc import Iterator
from contextlib import contextmanager

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import Company
from nhiscan_azure.simulated.demo_directory import directory
from nhiscan_azure.simulated.demo_parts import ACQUIRED, SCANNER, TENANT, Parts
from nhiscan_azure.simulated.demo_subscriptions import acquired, operations, production
from nhiscan_azure.simulated.running import SimulatedAzure
from nhiscan_azure.simulated.world import GRAPH_PERMISSIONS, Assignment, Caller, ManagementGroup, Role, World

DENIED = ("Microsoft.KeyVault/vaults/secrets/read", "Microsoft.KeyVault/vaults/keys/read")
"""What a deny assignment keeps from the scanner in the subscription that was acquired."""


def demo_world(company: Company, now: int) -> World:
    """Some sixty identities. The scanner is an application of the tenant, a reader of everything."""
    parts = Parts(company, now)
    return World(
        directory(parts),
        management_groups=(
            ManagementGroup("platform", "Platform"),
            ManagementGroup(
                "production",
                "Production",
                assignments=(Assignment("data-team", "Reader", parts.ago(1400)),),
            ),
        ),
        subscriptions=(operations(parts), production(parts), acquired(parts)),
        roles=(
            # by its actions it is an owner, whatever it is called
            Role(
                "Deployment Operator",
                ("Microsoft.Resources/*", "Microsoft.Compute/*", "Microsoft.Authorization/roleAssignments/*"),
                scopes=("production",),
                description="May deploy",
                created_at=parts.ago(690),
            ),
        ),
        root=(
            Assignment("terraform", "Owner", parts.ago(1440)),
            Assignment("cloud-admins", "Owner", parts.ago(2000)),
        ),
        caller=Caller(SCANNER, graph=(*GRAPH_PERMISSIONS, "AgentIdentity.Read.All")),
        tenant=TENANT,
    )


@contextmanager
def demo(company: Company, clock: SimulatedClock, seed: int) -> Iterator[SimulatedAzure]:
    """The tenant while it runs. The clock of the demo stands still: quotas would never come back."""
    settings = {"agent-identities": True}
    with SimulatedAzure(demo_world(company, clock()), clock=clock, seed=seed, quotas=False, settings=settings) as azure:
        for action in DENIED:
            azure.faults.deny(action, account=ACQUIRED)
        yield azure

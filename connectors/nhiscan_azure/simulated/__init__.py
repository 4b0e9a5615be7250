"""The simulated Entra ID and Azure: for ``nhiscan demo``, for tests, and for anybody who wants to try the connector.

    from nhiscan_azure.simulated import Application, Directory, Secret, SimulatedAzure, World

    directory = Directory(applications=(Application("ci", 0, secrets=(Secret(0, None),)),))
    with SimulatedAzure(World(directory)) as azure:
        ...  # under azure.environment, with azure.endpoints, Microsoft's client libraries talk to it

Login, Azure Resource Manager with Resource Graph, and Microsoft Graph, over TLS, with true page sizes, limits, denials
and throttling. It needs `cryptography` and nothing else; what talks to it needs the extra ``[azure]``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import Company
from nhiscan.testing.simulation import Simulation
from nhiscan_azure.simulated.entra import (
    GRAPH,
    MICROSOFT_TENANT,
    Application,
    Certificate,
    Delegated,
    Directory,
    DirectoryRole,
    Federated,
    Granted,
    Group,
    Permission,
    Policies,
    Restriction,
    RoleHolder,
    Secret,
    ServicePrincipal,
    SignIns,
    User,
)
from nhiscan_azure.simulated.running import SimulatedAzure, withdraw
from nhiscan_azure.simulated.world import (
    GRAPH_PERMISSIONS,
    AccessPolicy,
    Assignment,
    Caller,
    Denial,
    ManagedIdentity,
    ManagementGroup,
    Resource,
    ResourceGroup,
    Role,
    StorageAccount,
    Subscription,
    Vault,
    VaultItem,
    World,
)

__all__ = [
    "GRAPH",
    "GRAPH_PERMISSIONS",
    "MICROSOFT_TENANT",
    "SIMULATION",
    "AccessPolicy",
    "Application",
    "Assignment",
    "Caller",
    "Certificate",
    "Delegated",
    "Denial",
    "Directory",
    "DirectoryRole",
    "Federated",
    "Granted",
    "Group",
    "ManagedIdentity",
    "ManagementGroup",
    "Permission",
    "Policies",
    "Resource",
    "ResourceGroup",
    "Restriction",
    "Role",
    "RoleHolder",
    "Secret",
    "ServicePrincipal",
    "SignIns",
    "SimulatedAzure",
    "StorageAccount",
    "Subscription",
    "User",
    "Vault",
    "VaultItem",
    "World",
    "withdraw",
]


@contextmanager
def _demo(company: Company, clock: SimulatedClock, seed: int, folder: Path) -> Iterator[SimulatedAzure]:
    del folder
    from nhiscan_azure.simulated.demo_world import demo

    with demo(company, clock, seed) as running:
        yield running


SIMULATION = Simulation(name="azure", connector="azure", title="Entra ID and Azure, simulated", demo=_demo)

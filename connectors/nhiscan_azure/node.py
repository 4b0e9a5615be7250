"""One tenant, management group or subscription opened for reading."""

from dataclasses import dataclass

from nhiscan.connector import Context, Settings
from nhiscan.model import Scope
from nhiscan_azure.estate import Estate
from nhiscan_azure.hierarchy import Tree
from nhiscan_azure.keys import directory_object
from nhiscan_azure.organization import Organization
from nhiscan_azure.registry import Registry
from nhiscan_azure.service import Service


@dataclass
class Node:
    """The scope client: used by one thread at a time, apart from `graph` and `arm`, which fanned-out calls share."""

    scope: Scope
    graph: Service
    arm: Service
    estate: Estate
    context: Context
    tree: Tree
    settings: Settings
    organization: Organization
    registry: Registry
    assignments: tuple[str, ...]  # sources that tell who holds roles of Azure
    granted: frozenset[str]  # permissions that the token for Graph holds

    @property
    def key(self) -> str:
        return self.scope.key

    @property
    def tenant(self) -> str:
        """Key of the tenant."""
        return self.tree.tenant

    @property
    def tenant_id(self) -> str:
        return self.tree.scopes[self.tree.tenant].native_id

    def below(self) -> list[str]:
        """Keys of the scopes that a source reads from here, this one left out."""
        return self.tree.below(self.key)

    def object(self, object_id: str) -> str:
        """Key of a directory object."""
        return directory_object(self.tenant, object_id)

    def close(self) -> None:
        """Nothing of its own is open: clients belong to the session."""

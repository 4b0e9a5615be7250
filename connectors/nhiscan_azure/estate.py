"""What all scopes of Azure share in a scan: Resource Graph, the roles' lists, what the caller sees, names of roles."""

from dataclasses import dataclass, field

from nhiscan_azure.authorization import Authorization
from nhiscan_azure.resourcegraph import ResourceGraph
from nhiscan_azure.sight import Sight


@dataclass
class Estate:
    """``roles`` has the names of role definitions by their GUID, as far as they were listed.

    ``assigned`` are the keys of the scopes of which Resource Graph showed all role assignments, ``asked`` of those of
    which Resource Manager did in its place.
    """

    graph: ResourceGraph
    authorization: Authorization
    sight: Sight
    roles: dict[str, str] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    def close(self) -> None:
        self.authorization.close()

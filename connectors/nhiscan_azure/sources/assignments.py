"""Role assignments: ``resourcegraph.role-assignments`` for all, ``authorization.role-assignments`` scope by scope.

An assignment is a record of the scope that it was made at. Lists of one scope show those of scopes above, too.
"""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Grant, Record, TieOut
from nhiscan_azure import rbac
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json
from nhiscan_azure.sources import above

ALL, EACH, AGAIN = (
    "resourcegraph.role-assignments",
    "authorization.role-assignments",
    "authorization.role-assignments-again",
)
ACTION = "Microsoft.Authorization/roleAssignments/read"
QUERY = (
    "authorizationresources | where type =~ 'microsoft.authorization/roleassignments'"
    " | project id, properties | order by id asc"
)
VERSION = "2022-04-01"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """All of them, at every level."""
    del reader
    for shown in node.estate.graph.rows(ALL, QUERY):
        found = rbac.assignment(node.tenant, node.tree.scopes, node.estate.roles, shown, ALL)
        if found is not None:
            yield found
    for covered in above.seen(node, ALL, ACTION):
        node.estate.assigned.add(covered.scope)
        yield covered


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """Those made at this scope, of a subscription also those below."""
    del reader
    told: set[str] = set()
    for shown in listed(node, EACH):
        found = rbac.assignment(node.tenant, node.tree.scopes, node.estate.roles, shown, EACH)
        if found is not None and found.scope == node.key and found.key not in told:
            told.add(found.key)
            yield found
    node.estate.asked.add(node.key)


def run_again(node: Node, reader: Reader) -> Iterator[Record]:
    """The list of Resource Manager beside what Resource Graph showed of this scope, with both counts.

    Nothing is asked where this very list stood in for Resource Graph: it would be counted against itself.
    """
    if node.key in node.estate.asked:
        return
    given = sum(1 for one in reader(ALL) if isinstance(one, Grant))
    told: set[str] = set()
    for shown in listed(node, AGAIN):
        found = rbac.assignment(node.tenant, node.tree.scopes, node.estate.roles, shown, AGAIN)
        if found is not None and found.scope == node.key and found.key not in told:
            told.add(found.key)
            yield found
    if node.key in node.estate.assigned:
        what = "role assignments"
        yield TieOut(f"{node.key}|{what}", node.key, what, ALL, given, AGAIN, len(told))


def listed(node: Node, operation: str) -> Iterator[Json]:
    """What Resource Manager shows at a scope: what is made there, above, and in a subscription below."""
    client = node.estate.authorization
    if node.scope.kind == "subscription":
        return client.listed(
            operation,
            VERSION,
            lambda api, options: api.role_assignments.list_for_subscription(**options),
            node.scope.native_id,
        )
    place = above.asked(node, operation, ACTION)
    return client.listed(
        operation,
        VERSION,
        lambda api, options: api.role_assignments.list_for_scope(place, filter="atScope()", **options),
    )

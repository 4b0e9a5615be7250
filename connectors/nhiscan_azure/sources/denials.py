"""Deny assignments: ``authorization.deny-assignments``. Resource Graph has none."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Document, Record
from nhiscan_azure import rbac
from nhiscan_azure.node import Node
from nhiscan_azure.sources import above

EACH = "authorization.deny-assignments"
ACTION = "Microsoft.Authorization/denyAssignments/read"
VERSION = "2022-04-01"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """What was made at this scope, of a subscription also below."""
    del reader
    client = node.estate.authorization
    if node.scope.kind == "subscription":
        found = client.listed(
            EACH, VERSION, lambda api, options: api.deny_assignments.list(**options), node.scope.native_id
        )
    else:
        place = above.asked(node, EACH, ACTION)
        found = client.listed(
            EACH,
            VERSION,
            lambda api, options: api.deny_assignments.list_for_scope(place, filter="atScope()", **options),
        )
    told: set[str] = set()
    for shown in found:
        for record in rbac.denied(node.tenant, node.tree.scopes, shown, EACH):
            name = record.digest if isinstance(record, Document) else record.key
            if name not in told and (isinstance(record, Document) or record.scope == node.key):
                told.add(name)
                yield record

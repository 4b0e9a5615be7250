"""Who owns applications, and the tenant's own service principals: ``graph.owners``.

An owner may add a secret to what it owns. Principals of other tenants' applications and of Microsoft's are not asked
for: their owners are elsewhere.
"""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Identity, Record, Relation
from nhiscan_azure.batch import Ask, lists
from nhiscan_azure.node import Node
from nhiscan_azure.sources.applications import ID as APPLICATIONS
from nhiscan_azure.values import identifier

ID = "graph.owners"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Twenty objects a call."""
    owners: set[str] = set()
    for ask, found in lists(node.graph, node.context, "graph.owners", _asks(node, reader)):
        seen = {identifier(shown.get("id")) for shown in found or ()}
        for owner in sorted(one for one in seen if one):
            owners.add(owner)
            subject, target = node.object(ask.name), node.object(owner)
            yield Relation(f"owned_by|{subject}|{target}", node.key, "owned_by", subject, target, ID)
    node.registry.put(ID, owners)


def _asks(node: Node, reader: Reader) -> Iterator[Ask]:
    for one in reader(APPLICATIONS):
        if isinstance(one, Identity) and one.kind == "application":
            yield Ask(one.native_id, f"applications/{one.native_id}/owners?$select=id")
    for one in reader(APPLICATIONS):
        if isinstance(one, Identity) and one.kind == "service_principal" and one.publisher == node.tenant_id:
            yield Ask(one.native_id, f"servicePrincipals/{one.native_id}/owners?$select=id")

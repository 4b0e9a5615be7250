"""Federated credentials of applications: ``graph.federated-credentials``."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Identity, Record
from nhiscan_azure import principals
from nhiscan_azure.batch import Ask, lists
from nhiscan_azure.node import Node
from nhiscan_azure.sources.applications import ID as APPLICATIONS

ID = "graph.federated-credentials"
_SELECT = "id,name,issuer,subject,audiences"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Twenty applications a call."""
    asks = (
        Ask(one.native_id, f"applications/{one.native_id}/federatedIdentityCredentials?$select={_SELECT}")
        for one in reader(APPLICATIONS)
        if isinstance(one, Identity) and one.kind == "application"
    )
    for ask, found in lists(node.graph, node.context, "graph.applications.federatedIdentityCredentials", asks):
        for shown in found or ():
            yield principals.federated(node.key, node.object(ask.name), ask.name, shown, ID)

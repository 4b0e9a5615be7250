"""Resources: ``resourcegraph.resources`` for all subscriptions, ``arm.resources`` for one, type by type."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record
from nhiscan_azure import holdings
from nhiscan_azure.failures import Refused
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json
from nhiscan_azure.sight import EVERYTHING
from nhiscan_azure.sources import above

ALL, EACH = "resourcegraph.resources", "arm.resources"
ANY = "Microsoft.Resources/subscriptions/resources/read"
"""Lists the resources of a subscription, whatever they are."""
TYPES = {
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2023-01-31",
    "Microsoft.Storage/storageAccounts": "2023-05-01",
    "Microsoft.KeyVault/vaults": "2023-07-01",
    "Microsoft.AppConfiguration/configurationStores": "2023-03-01",
    "Microsoft.Cache/redis": "2024-03-01",
    "Microsoft.CognitiveServices/accounts": "2024-10-01",
    "Microsoft.ContainerRegistry/registries": "2023-07-01",
    "Microsoft.ContainerService/managedClusters": "2024-05-01",
    "Microsoft.DocumentDB/databaseAccounts": "2024-05-15",
    "Microsoft.EventGrid/topics": "2022-06-15",
    "Microsoft.EventHub/namespaces": "2024-01-01",
    "Microsoft.Search/searchServices": "2023-11-01",
    "Microsoft.ServiceBus/namespaces": "2021-11-01",
    "Microsoft.SignalRService/signalR": "2023-02-01",
}
"""Type -> version of the API that lists them with what is asked of them."""
UNREGISTERED = "MissingSubscriptionRegistration"
"""The subscription has not taken this provider into use: there is nothing of its types."""
VERSION = "2021-04-01"
_NAMED = ", ".join(f"'{kind}'" for kind in holdings.TYPES)
QUERY = (
    f"resources | where type in~ ({_NAMED}) or isnotnull(identity)"
    " | project id, name, type, tags, identity, properties = iff(type in~ "
    f"({_NAMED}), properties, dynamic(null)) | order by id asc"
)


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """All that hold keys, and all that run as a managed identity.

    Any resource may run as one, so a subscription is read whole only by who may read everything in it.
    """
    del reader
    for shown in node.estate.graph.rows(ALL, QUERY):
        yield from holdings.resource(node.tenant, node.tree.scopes, shown, ALL)
    yield from above.seen(node, ALL, EVERYTHING, groups=False)


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The same of one subscription: a list for each type, and the list of all resources for what they run as."""
    del reader
    told: set[str] = set()
    for shown in _listed(node):
        for record in holdings.resource(node.tenant, node.tree.scopes, shown, EACH):
            key = getattr(record, "key", "")
            if key not in told and getattr(record, "scope", None) == node.key:
                told.add(key)
                yield record


def _listed(node: Node) -> Iterator[Json]:
    inside = f"subscriptions/{node.scope.native_id}"
    for kind, version in TYPES.items():
        try:
            for page, _ in node.arm.pages(EACH, f"{inside}/providers/{kind}", {"api-version": version}):
                yield from ({"type": kind, **one} for one in page)
        except Refused as error:
            if error.code != UNREGISTERED:
                raise
    for page, _ in node.arm.pages(EACH, f"{inside}/resources", {"api-version": VERSION}):
        for one in page:
            if str(one.get("type", "")).lower() not in holdings.TYPES:
                yield one

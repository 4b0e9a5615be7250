"""Classic administrators: ``resourcegraph.classic-administrators``, ``authorization.classic-administrators``."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record
from nhiscan_azure import keys, rbac
from nhiscan_azure.node import Node
from nhiscan_azure.sources import above

ALL, EACH = "resourcegraph.classic-administrators", "authorization.classic-administrators"
ACTION = "Microsoft.Authorization/classicAdministrators/read"
QUERY = (
    "authorizationresources | where type =~ 'microsoft.authorization/classicadministrators'"
    " | project id, properties | order by id asc"
)
VERSION = "2015-07-01"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Those of all subscriptions."""
    del reader
    for shown in node.estate.graph.rows(ALL, QUERY):
        scope = keys.scope_of(node.tenant, str(shown.get("id", "")), node.tree.scopes)
        if scope is not None and node.tree.scopes[scope].kind == "subscription":
            yield rbac.classic(scope, shown, ALL)
    yield from above.seen(node, ALL, ACTION, groups=False)


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """Those of one subscription."""
    del reader
    for shown in node.estate.authorization.listed(
        EACH, VERSION, lambda client, options: client.classic_administrators.list(**options), node.scope.native_id
    ):
        yield rbac.classic(node.key, shown, EACH)

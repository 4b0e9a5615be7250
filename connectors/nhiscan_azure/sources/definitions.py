"""Role definitions: ``resourcegraph.role-definitions`` for all, ``authorization.role-definitions`` scope by scope."""

from collections.abc import Iterable, Iterator

from nhiscan.connector import Reader
from nhiscan.model import Document, Policy, Record
from nhiscan_azure import rbac
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json
from nhiscan_azure.sources import above

ALL, EACH = "resourcegraph.role-definitions", "authorization.role-definitions"
ACTION = "Microsoft.Authorization/roleDefinitions/read"
QUERY = (
    "authorizationresources | where type =~ 'microsoft.authorization/roledefinitions'"
    " | project id, properties | order by id asc"
)
VERSION = "2022-05-01-preview"
"""The stable version 2022-04-01 leaves out the conditions of permissions."""


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """All built-in and own roles."""
    del reader
    yield from _records(node, node.estate.graph.rows(ALL, QUERY), ALL)
    yield from above.seen(node, ALL, ACTION)


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The built-in roles in the tenant; in a management group or subscription the own roles that live there."""
    del reader
    place = above.asked(node, EACH, ACTION)
    only = "type eq 'BuiltInRole'" if node.scope.kind == "tenant" else "atScopeAndBelow()"
    shown = node.estate.authorization.listed(
        EACH, VERSION, lambda client, options: client.role_definitions.list(place, filter=only, **options)
    )
    yield from _records(node, shown, EACH, node.key)


def _records(node: Node, rows: Iterable[Json], source: str, scope: str | None = None) -> Iterator[Policy | Document]:
    """Each definition once, and each document once; of one scope alone where it is named.

    Resource Manager shows those of scopes above, too. All names are kept for the assignments.
    """
    told: set[str] = set()
    for shown in rows:
        found = rbac.definition(node.tenant, node.tree.scopes, shown, source)
        if found is None:
            continue
        policy, document = found
        node.estate.roles.setdefault(policy.native_id, policy.name)
        if policy.key in told or scope not in (None, policy.scope):
            continue
        told.add(policy.key)
        if document.digest not in told:
            told.add(document.digest)
            yield document
        yield policy

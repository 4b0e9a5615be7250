"""Privileged Identity Management for Azure: who may activate a role, and which assignments end by themselves.

It needs Entra ID P2. Schedules are read where they were made; lists of one scope show those of scopes above, too.
"""

from collections.abc import Callable, Iterator
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Grant, Record
from nhiscan_azure import rbac
from nhiscan_azure.node import Node
from nhiscan_azure.sight import path_of

ELIGIBLE, ACTIVE = "authorization.eligible-assignments", "authorization.active-assignments"
VERSION = "2020-10-01"


def run_eligible(node: Node, reader: Reader) -> Iterator[Record]:
    """Roles that somebody may activate."""
    del reader
    yield from _made_here(node, ELIGIBLE, lambda client: client.role_eligibility_schedules, rbac.eligible)


def run_active(node: Node, reader: Reader) -> Iterator[Record]:
    """The assignments that end, or were activated: when, and how."""
    del reader
    yield from _made_here(node, ACTIVE, lambda client: client.role_assignment_schedule_instances, rbac.active)


def _made_here(
    node: Node, source: str, group: Callable[[Any], Any], record: Callable[..., Grant | None]
) -> Iterator[Grant]:
    """Of a subscription with what lies below; a management group would show all subscriptions below it again."""
    place = path_of(node.scope).strip("/")
    narrowed = {} if node.scope.kind == "subscription" else {"filter": "atScope()"}
    told: set[str] = set()
    for shown in node.estate.authorization.listed(
        source, VERSION, lambda client, options: group(client).list_for_scope(place, **narrowed, **options)
    ):
        found = record(node.tenant, node.tree.scopes, node.estate.roles, shown, source)
        if found is not None and found.scope == node.key and found.key not in told:
            told.add(found.key)
            yield found

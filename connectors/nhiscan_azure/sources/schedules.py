"""Privileged Identity Management for Azure: who may activate a role, and which assignments end by themselves.

It needs Entra ID P2. Schedules are read where they were made; lists of one scope show those of scopes above, too.
"""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record
from nhiscan_azure import rbac
from nhiscan_azure.node import Node
from nhiscan_azure.sight import path_of

ELIGIBLE, ACTIVE = "authorization.eligible-assignments", "authorization.active-assignments"
VERSION = "2020-10-01"


def run_eligible(node: Node, reader: Reader) -> Iterator[Record]:
    """Roles that somebody may activate."""
    del reader
    place = path_of(node.scope).strip("/")
    told: set[str] = set()
    for shown in node.estate.authorization.listed(
        ELIGIBLE,
        VERSION,
        lambda client, options: client.role_eligibility_schedules.list_for_scope(place, **options),
    ):
        found = rbac.eligible(node.tenant, node.tree.scopes, node.estate.roles, shown, ELIGIBLE)
        if found is not None and found.scope == node.key and found.key not in told:
            told.add(found.key)
            yield found


def run_active(node: Node, reader: Reader) -> Iterator[Record]:
    """The assignments that end, or were activated: when, and how."""
    del reader
    place = path_of(node.scope).strip("/")
    told: set[str] = set()
    for shown in node.estate.authorization.listed(
        ACTIVE,
        VERSION,
        lambda client, options: client.role_assignment_schedule_instances.list_for_scope(place, **options),
    ):
        found = rbac.active(node.tenant, node.tree.scopes, node.estate.roles, shown, ACTIVE)
        if found is not None and found.scope == node.key and found.key not in told:
            told.add(found.key)
            yield found

"""Applications and service principals, with what they sign in with: ``graph.applications``."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record, TieOut
from nhiscan_azure import principals
from nhiscan_azure.node import Node

ID = "graph.applications"
PAGE = "999"
APPLICATION = ",".join(
    (
        *("id", "appId", "displayName", "createdDateTime", "signInAudience", "passwordCredentials", "keyCredentials"),
        *("tags", "notes", "description", "serviceManagementReference", "disabledByMicrosoftStatus", "isDisabled"),
        *("verifiedPublisher", "servicePrincipalLockConfiguration"),
    )
)
"""The requested permissions are left out: what an application asks for is not what it was granted."""
PRINCIPAL = ",".join(
    (
        *("id", "appId", "displayName", "servicePrincipalType", "accountEnabled", "appOwnerOrganizationId"),
        *("signInAudience", "passwordCredentials", "keyCredentials", "alternativeNames", "appRoles", "isDisabled"),
        *("disabledByMicrosoftStatus", "verifiedPublisher", "preferredSingleSignOnMode", "tags", "notes"),
        "description",
    )
)


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Both lists, and each counted once more. The application of a principal is known by its application id."""
    del reader
    by_app_id: dict[str, str] = {}
    for shown, _ in node.graph.pages("graph.applications", "v1.0/applications", {"$select": APPLICATION, "$top": PAGE}):
        for one in shown:
            identity = principals.application(node.key, one, ID)
            if identity.arn:
                by_app_id[identity.arn] = identity.key
            yield identity
            yield from principals.aliases(identity, one, ID)
            yield from principals.credentials(identity, one, ID)
    applications = len(by_app_id)
    seen: set[str] = set()
    for shown, _ in node.graph.pages(
        "graph.servicePrincipals", "v1.0/servicePrincipals", {"$select": PRINCIPAL, "$top": PAGE}
    ):
        for one in shown:
            identity = principals.service_principal(node.key, one, ID)
            seen.add(identity.native_id)
            names = list(principals.aliases(identity, one, ID))
            yield identity
            yield from names
            yield from principals.credentials(identity, one, ID)
            yield from principals.app_roles(node.key, one, ID)
            yield from principals.instances(identity, names, by_app_id.get(identity.arn or ""), ID)
    yield _counted(node, "applications", "applications", applications)
    yield _counted(node, "service principals", "servicePrincipals", len(seen))
    node.registry.put(ID, seen)


def _counted(node: Node, what: str, path: str, listed: int) -> TieOut:
    counted = node.graph.number(f"graph.{path}.count", f"v1.0/{path}/$count")
    return TieOut(f"{node.key}|{what}", node.key, what, ID, listed, f"graph.{path}.count", counted)

"""Federated credentials of user-assigned identities: one call for each. Resource Graph has none."""

from collections.abc import Iterator

from nhiscan.connector import Reader, ask_each
from nhiscan.model import Identity, Record
from nhiscan_azure import holdings
from nhiscan_azure.failures import Refused
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json
from nhiscan_azure.sources import resources

EACH = "managedidentity.federated-credentials"
ACTION = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read"
VERSION = "2023-01-31"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Those of each user-assigned identity here. One that is gone by now has none: that is an answer."""
    owners = sorted(
        {
            one.native_id
            for one in reader(resources.ALL)
            if isinstance(one, Identity) and one.path == holdings.IDENTITIES and one.scope == node.key
        }
    )

    def question(owner: str) -> list[Json]:
        path = f"{owner}/federatedIdentityCredentials"
        try:
            return [one for page, _ in node.arm.pages(EACH, path, {"api-version": VERSION}) for one in page]
        except Refused as error:
            if error.status == 404:
                return []
            raise

    for owner, found in ask_each(node.context, question, owners):
        for shown in found:
            yield holdings.federated(node.key, owner, shown, EACH)

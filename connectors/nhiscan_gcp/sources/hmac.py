"""Cloud Storage HMAC keys: ``storage.hmac-keys``, project by project on both paths. No API tells their last use."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record
from nhiscan_gcp import records
from nhiscan_gcp.node import Node

EACH = "storage.hmac-keys"
PAGE = 250
_FIELDS = "items(accessId,state,serviceAccountEmail,timeCreated),nextPageToken"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """A page may end early where it names many accounts; only its token says whether it is the last."""
    del reader
    path = f"storage/v1/projects/{node.project}/hmacKeys"
    for items, _ in node.rest.pages(
        "storage", "storage.projects.hmacKeys.list", path, "items", maxResults=PAGE, fields=_FIELDS
    ):
        for shown in items:
            email = str(shown.get("serviceAccountEmail", ""))
            yield records.hmac_key(node.key, node.identity(email) or f"serviceAccount:{email}", shown, EACH)

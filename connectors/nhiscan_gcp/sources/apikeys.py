"""API keys: ``cloudasset.api-keys`` for all projects, ``apikeys.keys`` project by project.

What was deleted less than 30 days ago is left out of both.
"""

from collections.abc import Iterable, Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record
from nhiscan_gcp import records
from nhiscan_gcp.node import Node
from nhiscan_gcp.rest import Json
from nhiscan_gcp.sources import accounts, assets

ALL, EACH = "cloudasset.api-keys", "apikeys.keys"
_KEY = f"{assets.KEYS}/Key"
_FIELDS = "keys(uid,name,displayName,createTime,deleteTime,serviceAccountEmail,restrictions),nextPageToken"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """The API keys of all projects below."""
    del reader
    assets.need_accounts(node, accounts.ALL)
    found = ((scope, data) for _, scope, _, data in assets.listed(node, _KEY) if scope is not None)
    yield from _records(node, found, ALL)
    yield from assets.ended(node)


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The API keys of one project."""
    del reader
    path = f"v2/projects/{node.project}/locations/global/keys"
    pages = node.rest.pages(
        "apikeys", "apikeys.projects.locations.keys.list", path, "keys", pageSize=300, fields=_FIELDS
    )
    yield from _records(node, ((node.key, shown) for page, _ in pages for shown in page), EACH)


def _records(node: Node, found: Iterable[tuple[str, Json]], source: str) -> Iterator[Record]:
    """A key without an account acts as the project, which then is an identity, too."""
    told = set()
    for scope, shown in found:
        if shown.get("deleteTime"):
            continue
        email = records.text(shown.get("serviceAccountEmail"))
        if email is not None:
            identity = node.identity(email) or f"serviceAccount:{email}"
        else:
            project = records.project_identity(scope, node.tree.scopes[scope].native_id, source)
            identity = project.key
            if identity not in told:
                told.add(identity)
                yield project
        yield records.api_key(scope, identity, shown, source)

"""API keys: ``cloudasset.api-keys`` for all projects, ``apikeys.keys`` project by project.

Those that were deleted less than 30 days ago are among them. The list of assets leaves them out, so the search is asked
for them: it shows a deleted key with its resource as it was.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from nhiscan.connector import BadAnswer, Reader
from nhiscan.model import Record
from nhiscan_gcp import records
from nhiscan_gcp.node import Node
from nhiscan_gcp.rest import Json
from nhiscan_gcp.sources import accounts, assets

ALL, EACH = "cloudasset.api-keys", "apikeys.keys"
_KEY = f"{assets.KEYS}/Key"
_MASK = "name,assetType,project,versionedResources"  # the last is left out unless it is asked for
_FOUND = "results(name,project,versionedResources/resource),nextPageToken"
_FIELDS = "keys(uid,name,displayName,createTime,deleteTime,serviceAccountEmail,restrictions),nextPageToken"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """The API keys of all projects below."""
    del reader
    assets.need_accounts(node, accounts.ALL)
    living: set[str] = set()  # ids
    yield from _records(node, chain(_living(node, living), _deleted(node, living)), ALL)
    yield from assets.ended(node)


def _living(node: Node, seen: set[str]) -> Iterator[tuple[str, Json]]:
    for _, scope, name, data in assets.listed(node, _KEY):
        if scope is not None:
            seen.add(name.rpartition("/")[2])
            yield scope, data


def _deleted(node: Node, living: set[str]) -> Iterator[tuple[str, Json]]:
    """The keys of the search that are deleted. BadAnswer where it does not tell of one that no list has, either."""
    query = {"assetTypes": _KEY, "readMask": _MASK}
    for results, _ in assets.searched(node, _FOUND, **query):
        for result in results:
            scope = node.tree.project(str(result.get("project", "")).removeprefix("projects/"))
            name = str(result.get("name", ""))
            if scope is None or name.rpartition("/")[2] in living:
                continue
            versions: Any = result.get("versionedResources")
            shown = versions[0].get("resource") if isinstance(versions, list) and versions else None
            if not isinstance(shown, dict):
                raise BadAnswer(assets.SEARCH, "has an API key without its resource")
            if shown.get("deleteTime"):
                yield scope, {"name": name, **shown}


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The API keys of one project."""
    del reader
    path = f"v2/projects/{node.project}/locations/global/keys"
    pages = node.rest.pages(
        "apikeys",
        "apikeys.projects.locations.keys.list",
        path,
        "keys",
        pageSize=300,
        showDeleted="true",
        fields=_FIELDS,
    )
    yield from _records(node, ((node.key, shown) for page, _ in pages for shown in page), EACH)


def _records(node: Node, found: Iterable[tuple[str, Json]], source: str) -> Iterator[Record]:
    """A key without an account acts as the project, which then is an identity, too."""
    told = set()
    for scope, shown in found:
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

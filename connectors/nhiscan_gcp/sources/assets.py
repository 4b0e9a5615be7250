"""Cloud Asset Inventory: one list for all below an organisation, folder or project, asset type by asset type.

As of one moment, the same for all lists of a scan, so that pages and lists fit each other.
"""

from collections.abc import Iterator
from typing import Any

from nhiscan.connector import BadAnswer, InputNotRead
from nhiscan.model import Covered, DataTime
from nhiscan_gcp.node import Node
from nhiscan_gcp.records import stamp
from nhiscan_gcp.rest import Json

PAGE, FOUND = 1000, 500  # the most on a page of the list, of a search
OPERATION, SEARCH = "cloudasset.assets.list", "cloudasset.searchAllResources"
IAM, CRM, KEYS = "iam.googleapis.com", "cloudresourcemanager.googleapis.com", "apikeys.googleapis.com"
FIELDS = "assets(name,assetType,ancestors,resource/data),readTime,nextPageToken"


def listed(node: Node, *types: str, fields: str = FIELDS) -> Iterator[tuple[str, str | None, str, Json]]:
    """(asset type, key of its project, full name, resource) of each asset of these types below a node.

    The key is None where the asset lives in no project that is planned.
    """
    query: dict[str, Any] = {"assetTypes": types, "contentType": "RESOURCE", "readTime": stamp(node.read_time)}
    path = f"v1/{node.name}/assets"
    for assets, _ in node.rest.pages("cloudasset", OPERATION, path, "assets", pageSize=PAGE, fields=fields, **query):
        for asset in assets:
            data = asset.get("resource", {}).get("data") if isinstance(asset.get("resource"), dict) else None
            if not isinstance(data, dict):
                raise BadAnswer(OPERATION, "has an asset without its resource")
            yield str(asset.get("assetType", "")), _home(node, asset), str(asset.get("name", "")), data


def _home(node: Node, asset: Json) -> str | None:
    ancestors: Any = asset.get("ancestors")
    nearest = str(ancestors[0]) if isinstance(ancestors, list) and ancestors else ""
    return node.tree.project(nearest.removeprefix("projects/")) if nearest.startswith("projects/") else None


def searched(node: Node, fields: str, **query: Any) -> Iterator[tuple[list[Json], Json]]:
    """The pages of a search below a node. It is eventually consistent, and knows no moment to be asked about."""
    path = f"v1/{node.name}:searchAllResources"
    return node.rest.pages("cloudasset", SEARCH, path, "results", pageSize=FOUND, fields=fields, **query)


def ended(node: Node) -> Iterator[DataTime | Covered]:
    """What a list says when it came to its end: as of when it is true, and the scopes that it covers."""
    yield DataTime(node.read_time)
    yield from map(Covered, node.below())


def need_accounts(node: Node, source: str) -> None:
    """InputNotRead where the accounts of the projects below were not listed."""
    if any(node.registry.accounts(project) is None for project in node.projects()):
        raise InputNotRead(source)

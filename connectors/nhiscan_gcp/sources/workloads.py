"""What runs as which service account: ``cloudasset.workloads``, from the asset inventory alone.

A list of instances and functions carries their environment and their start scripts, in which people keep secrets. So
only the fields that name the account are asked for, and no others are read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from nhiscan.connector import InputNotRead, Reader
from nhiscan.model import Record
from nhiscan_gcp import records
from nhiscan_gcp.cutting import cut
from nhiscan_gcp.node import Node
from nhiscan_gcp.rest import Json
from nhiscan_gcp.sources import accounts, assets

ALL = "cloudasset.workloads"
_COMPUTE, _APP_ENGINE = "{number}-compute@developer.gserviceaccount.com", "{project}@appspot.gserviceaccount.com"
_TEMPLATE = ("spec", "template", "spec")
_PATHS: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "compute.googleapis.com/Instance": (("serviceAccounts", "email"), None),
    "cloudfunctions.googleapis.com/Function": (("serviceConfig", "serviceAccountEmail"), _COMPUTE),
    "run.googleapis.com/Service": ((*_TEMPLATE, "serviceAccountName"), _COMPUTE),
    "run.googleapis.com/Job": ((*_TEMPLATE, "template", "spec", "serviceAccountName"), _COMPUTE),
    "appengine.googleapis.com/Version": (("serviceAccount",), _APP_ENGINE),
}
"""Asset type -> where its resource names the account, and which it is where it names none.

An instance without an account runs as nobody. Functions are asked for as ``Function``, which has both generations.
"""
TYPES = tuple(_PATHS)
_FIRST_GENERATION = ("serviceAccountEmail",)  # of functions; its default is that of App Engine, and is always told
_DATA = ",".join(sorted({"/".join(path) for path, _ in _PATHS.values()} | {*_FIRST_GENERATION}))
_FIELDS = f"assets(name,assetType,ancestors,resource/data({_DATA})),readTime,nextPageToken"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Instances, functions, services, jobs and versions, each with the account that it runs as."""
    del reader
    numbers, known = node.tree.by_key(), False
    for kind, scope, name, data in _listed(node):
        if scope is None or kind not in _PATHS or not name:
            continue
        if not known and any(_unlisted(node)):
            raise InputNotRead(node.source(accounts.ALL, accounts.EACH))
        known = True
        project = node.tree.scopes[scope].native_id
        for email in _accounts(kind, data, numbers[scope], project):
            target = node.identity(email) or f"serviceAccount:{email}"
            yield records.runs_as(scope, name, target, ALL)
    yield from assets.ended(node)


def _unlisted(node: Node) -> Iterator[bool]:
    """For each project whether its accounts are not known: the first workload asks, so that a denial is told as one."""
    for project in node.projects():
        yield (node.accounts() if project == node.key else node.registry.accounts(project)) is None


def _listed(node: Node) -> Iterator[tuple[str, str | None, str, Json]]:
    return cut(lambda fields: assets.listed(node, *TYPES, fields=fields), _FIELDS, assets.FIELDS)


def _accounts(kind: str, data: Json, number: str, project: str) -> list[str]:
    """The e-mails of the accounts that a workload runs as, sorted, each once."""
    path, default = _PATHS[kind]
    found = {*_at(data, path), *(_at(data, _FIRST_GENERATION) if kind.startswith("cloudfunctions.") else ())}
    if not found and default is not None:
        domain, _, name = project.rpartition(":")
        home = f"{name}.{domain}" if domain else name
        found = {default.format(number=number, project=home)}
    return sorted(found)


def _at(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The texts at the end of a path, through lists, too."""
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif path and isinstance(value, dict):
        yield from _at(value.get(path[0]), path[1:])
    elif not path and isinstance(value, str) and value:
        yield value

"""Service accounts: ``cloudasset.service-accounts`` for all projects, ``iam.service-accounts`` project by project."""

from collections.abc import Iterator

from nhiscan.connector import InputNotRead, Reader
from nhiscan.model import Identity, Record, Setting, TieOut
from nhiscan_gcp import records
from nhiscan_gcp.node import Node
from nhiscan_gcp.registry import Listed
from nhiscan_gcp.sources import assets

ALL, EACH, CREATED = "cloudasset.service-accounts", "iam.service-accounts", "cloudasset.creation-times"
_ACCOUNT, _PROJECT = f"{assets.IAM}/ServiceAccount", f"{assets.CRM}/Project"
_FIELDS = "results(name,displayName,project,createTime),nextPageToken"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """The accounts of all projects below. The projects are counted beside those that the search found."""
    del reader
    found: dict[str, Listed] = {}
    projects = listed = 0
    for kind, scope, _, data in assets.listed(node, _ACCOUNT, _PROJECT):
        if kind == _PROJECT:
            projects += data.get("state", "ACTIVE") == "ACTIVE"
        elif scope is not None:
            identity, aliases = records.account(scope, data, ALL)
            found.setdefault(scope, Listed()).put(identity.name, identity.native_id, identity.key)
            listed += 1
            yield identity
            yield from aliases
    planned = node.projects()
    node.registry.put(found, planned)
    node.listed = listed
    for project in planned:
        yield from _labels(node, project, ALL)
    yield _counted(node, "projects", ALL, projects, "cloudresourcemanager.projects.search", len(planned))
    yield from assets.ended(node)


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The accounts of one project."""
    del reader
    found = Listed()
    for shown in node.iam.accounts(node.project):
        identity, aliases = records.account(node.key, shown, EACH)
        found.put(identity.name, identity.native_id, identity.key)
        yield identity
        yield from aliases
    node.own = found
    node.listed = len(found.emails)
    yield from _labels(node, node.key, EACH)


def run_created(node: Node, reader: Reader) -> Iterator[Record]:
    """When accounts were made, from the search of the asset inventory: no other API tells. It counts them, too."""
    del reader
    listed = {project: node.accounts() if project == node.key else node.registry.accounts(project)
              for project in node.projects()}  # fmt: skip
    if node.listed is None or any(one is None for one in listed.values()):
        raise InputNotRead(ALL)
    counted = 0
    for results, _ in assets.searched(node, _FIELDS, assetTypes=_ACCOUNT):
        for result in results:
            scope = node.tree.project(str(result.get("project", "")).removeprefix("projects/"))
            accounts = listed.get(scope) if scope else None
            if scope is None or accounts is None:
                continue
            counted += 1
            names = (str(result.get("displayName", "")), str(result.get("name", "")).rpartition("/")[2])
            key = next((accounts.keys[name] for name in names if name in accounts.keys), None)
            made = records.moment(result.get("createTime"))
            if key is None or made is None:
                continue
            native_id = key.rpartition("/")[2]
            email = names[0] if "@" in names[0] else names[1]
            yield Identity(key, scope, "service_account", native_id, email, created_at=made, source=CREATED)
    source = node.source(ALL, EACH)
    yield _counted(node, "service accounts", source, node.listed, CREATED, counted)
    yield from assets.ended(node)


def _labels(node: Node, project: str, source: str) -> Iterator[Setting]:
    """The labels of a project, as Resource Manager gave them with it. Accounts have none of their own."""
    for name, value in node.tree.labels.get(project, {}).items():
        yield Setting(f"{project}|label.{name}", project, f"label.{name}", text=value, source=source)


def _counted(node: Node, what: str, a: str, count_a: int, b: str, count_b: int) -> TieOut:
    return TieOut(f"{node.key}|{what}", node.key, what, a, count_a, b, count_b)

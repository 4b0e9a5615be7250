"""Bindings: ``cloudasset.policies`` for all below, ``iam.policies`` for one node and the accounts in it."""

from collections.abc import Iterator
from typing import Any

from nhiscan.connector import InputNotRead, Reader, ask_each
from nhiscan.model import Grant, Identity, Record
from nhiscan_gcp import records
from nhiscan_gcp.failures import Refused
from nhiscan_gcp.hierarchy import key_of
from nhiscan_gcp.node import Node
from nhiscan_gcp.rest import Json
from nhiscan_gcp.sources import accounts, assets

ALL, EACH = "cloudasset.policies", "iam.policies"
PAGE = 500
TYPES = (
    f"{assets.CRM}/Organization",
    f"{assets.CRM}/Folder",
    f"{assets.CRM}/Project",
    f"{assets.IAM}/ServiceAccount",
)
_FIELDS = "results(resource,assetType,project,policy(bindings)),nextPageToken"
_NODE = "cloudresourcemanager.getIamPolicy"
_ACCOUNT = "iam.projects.serviceAccounts.getIamPolicy"
_VERSION = 3  # less, and conditions are left out of the answer


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Every binding on the organisation, its folders, projects and service accounts. No query: all kinds of members.

    Policies of other resources (buckets, keys, datasets) are not asked for.
    """
    del reader
    assets.need_accounts(node, accounts.ALL)
    path = f"v1/{node.name}:searchAllIamPolicies"
    below = frozenset(node.below())
    gone: set[str] = set()
    for results, _ in node.rest.pages(
        "cloudasset",
        "cloudasset.searchAllIamPolicies",
        path,
        "results",
        pageSize=PAGE,
        fields=_FIELDS,
        assetTypes=TYPES,
    ):
        for result in results:
            scope, resource = _place(node, result)
            if scope is not None and (scope == node.key or scope in below):
                yield from _grants(node, scope, resource, result.get("policy"), ALL, gone)
    yield from assets.ended(node)


def _place(node: Node, result: Json) -> tuple[str | None, str | None]:
    """Key of the scope in which a policy lives, and of the account it is on."""
    name, kind = str(result.get("resource", "")), str(result.get("assetType", ""))
    last = name.rpartition("/")[2]
    if kind == TYPES[3]:
        scope = node.tree.project(str(result.get("project", "")).removeprefix("projects/"))
        listed = node.registry.accounts(scope) if scope else None
        return scope, listed.keys.get(last, name) if listed else name
    if kind == TYPES[2]:
        return node.tree.project(last), None
    if kind in TYPES[:2] and last.isdigit():
        return key_of(f"{'organizations' if kind == TYPES[0] else 'folders'}/{last}"), None
    return None, None


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The bindings on one node; of a project also those on each of its accounts."""
    del reader
    gone: set[str] = set()
    body = {"options": {"requestedPolicyVersion": _VERSION}}
    policy = node.rest.post("cloudresourcemanager", _NODE, f"v3/{node.name}:getIamPolicy", body, fields="bindings")
    yield from _grants(node, node.key, None, policy, EACH, gone)
    if node.scope.kind != "project":
        return
    listed = node.accounts()
    if listed is None:
        raise InputNotRead(accounts.EACH)

    def question(email: str) -> Json:
        unique_id = listed.keys[email].rpartition("/")[2]
        path = f"v1/projects/{node.project}/serviceAccounts/{unique_id}:getIamPolicy"
        version = {"options.requestedPolicyVersion": _VERSION}
        try:
            return node.rest.post("iam", _ACCOUNT, path, {}, fields="bindings", **version)
        except Refused as error:
            if error.status == 404:  # the account is gone by now
                return {}
            raise

    for email, shown in ask_each(node.context, question, listed.emails):
        yield from _grants(node, node.key, listed.keys[email], shown, EACH, gone)


def _grants(
    node: Node, scope: str, resource: str | None, policy: Any, source: str, gone: set[str]
) -> Iterator[Grant | Identity]:
    """The bindings of one policy. Deleted accounts among the members are identities, too: ``gone`` are those told."""
    for role, member, condition in records.bindings(policy, source):
        deleted = records.deleted_account(scope, member, source)
        if deleted is not None and deleted.key not in gone:
            gone.add(deleted.key)
            yield deleted
        kind, _, email = member.partition(":")
        identity = node.identity(email) if kind == "serviceAccount" else None
        yield records.grant(scope, resource, member, identity, role, condition, source)

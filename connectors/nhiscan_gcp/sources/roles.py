"""Roles: custom ones where they were made, predefined ones in each scope where they are bound."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Grant, Policy, Record
from nhiscan_gcp import records
from nhiscan_gcp.node import Node
from nhiscan_gcp.sources import assets, policies

ALL, EACH = "cloudasset.custom-roles", "iam.custom-roles"
PREDEFINED, PREDEFINED_EACH = "iam.predefined-roles", "iam.predefined-roles-bound-here"
_ROLE = f"{assets.IAM}/Role"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """The custom roles of the organisation and of all projects below."""
    del reader
    for _, project, _, data in assets.listed(node, _ROLE):
        own = node.scope.kind == "organization" and str(data.get("name", "")).startswith(f"{node.name}/")
        scope = node.key if own else project
        if scope is not None and data.get("deleted") is not True:
            node.registry.put_role(str(data.get("name", "")), records.services_of(data))
            yield from records.custom_role(scope, data, ALL)
    yield from assets.ended(node)


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The custom roles of one project, or of the organisation itself."""
    del reader
    for shown in node.iam.roles(node.name):
        if not shown.get("deleted"):
            node.registry.put_role(str(shown.get("name", "")), records.services_of(shown))
            yield from records.custom_role(node.key, shown, EACH)


def run_predefined(node: Node, reader: Reader) -> Iterator[Record]:
    """The predefined roles that are bound here or below, each with its permissions as of this scan."""
    yield from _bound(node, reader, PREDEFINED)
    yield from assets.ended(node)


def run_predefined_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The same for one scope."""
    yield from _bound(node, reader, PREDEFINED_EACH)


def _bound(node: Node, reader: Reader, source: str) -> Iterator[Record]:
    """A role that Google does not list is a Policy without a document: what it holds was not collected."""
    roles = node.predefined.roles()
    told: set[str] = set()
    written: set[str] = set()
    for record in reader(node.source(policies.ALL, policies.EACH)):
        if not isinstance(record, Grant) or not record.name.startswith("roles/"):
            continue
        key = records.policy_key(record.scope, record.name)
        if key in told:
            continue
        told.add(key)
        document = roles.get(record.name)
        if document is not None and document.digest not in written:
            written.add(document.digest)
            yield document
        digest = document.digest if document is not None else None
        yield Policy(key, record.scope, "provider_policy", record.name, record.name, record.name, digest, source=source)

"""Organisation, folders and projects, and who lives in them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nhiscan.analyzer import Records
from nhiscan.model import Scope

WIDTH: Mapping[str, int] = {"project": 1, "folder": 2, "organization": 3}
"""How much lies below a kind of node."""


class Node(NamedTuple):
    """An organisation, a folder or a project."""

    key: str  # of its scope
    kind: str  # "project" | "folder" | "organization"
    native_id: str
    chain: tuple[str, ...]  # keys of itself and all above it, as far as they are known
    unread: bool  # what is bound somewhere above it is not known

    @property
    def resource(self) -> str:
        """``projects/shop``, ``folders/1``, ``organizations/1``."""
        return f"{self.kind}s/{self.native_id}"


class Tree:
    """The nodes of a scan."""

    def __init__(self, records: Records) -> None:
        scopes = {scope.key: scope for scope in records.scopes()}
        read = {key: records.complete(key, "access_grant:role_binding") for key in scopes}
        self.nodes: Mapping[str, Node] = {key: _node(scope, scopes, read) for key, scope in sorted(scopes.items())}
        domains = {scope.name.lower() for scope in scopes.values() if scope.kind == "organization" and scope.name}
        self.domains = frozenset(domains)
        """Names of the organisations, which are their first domains."""

    def below(self, keys: Iterable[str]) -> Mapping[str, list[str]]:
        """Node -> those of ``keys`` (nodes) that are it or lie below it, in their order."""
        found: dict[str, list[str]] = {}
        for key in keys:
            for above in self.nodes[key].chain:
                found.setdefault(above, []).append(key)
        return found


def _node(scope: Scope, scopes: Mapping[str, Scope], read: Mapping[str, bool]) -> Node:
    chain = [scope.key]
    unread = False
    above = scope.parent
    while above is not None and above not in chain:
        chain.append(above)
        if above not in scopes:
            unread = True
            break
        unread = unread or not read[above]
        above = scopes[above].parent
    return Node(scope.key, scope.kind, scope.native_id, tuple(chain), unread)

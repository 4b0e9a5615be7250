"""What sources above the subscriptions have in common: which scopes below were really seen, and where to ask."""

from collections.abc import Iterator

from nhiscan.model import Covered, Scope
from nhiscan_azure.containers import SEES_SUBSCRIPTIONS
from nhiscan_azure.failures import Unseen
from nhiscan_azure.node import Node
from nhiscan_azure.sight import path_of


def seen(node: Node, source: str, *actions: str, groups: bool = True) -> Iterator[Covered]:
    """The scopes below in which the caller may take all of the actions: what Resource Graph showed of them is all.

    Without ``groups`` no management group is asked about: nothing of that sort lives above subscriptions. Else Unseen
    is raised where what is made at the top could not be seen.
    """
    below = [node.tree.scopes[key] for key in node.below()]
    if groups:
        top = highest(node)
        if top is None or not list(node.estate.sight.seeing([top], actions)):
            raise Unseen(source, "what is made above all scopes", actions[0])
    subscriptions = [scope for scope in below if scope.kind == "subscription"]
    yield from map(Covered, node.estate.sight.seeing(subscriptions, (SEES_SUBSCRIPTIONS, *actions)))
    if groups:
        others = [scope for scope in below if scope.kind == "management_group"]
        yield from map(Covered, node.estate.sight.seeing(others, actions))


def asked(node: Node, source: str, action: str) -> str:
    """The id of the scope at which to ask Resource Manager about this one, without a slash in front.

    At ``/`` itself next to nobody may read. What holds there is inherited by every scope below, and shown there: by the
    root group, else by any other scope. Raises Unseen where there is none.
    """
    if node.scope.kind != "tenant":
        return path_of(node.scope).strip("/")
    top = highest(node)
    if top is None:
        raise Unseen(source, "scope below the tenant", action)
    return path_of(top).strip("/")


def highest(node: Node) -> Scope | None:
    """The root group, else the first of the scopes below; None: there is none."""
    below = [node.tree.scopes[key] for key in node.below()]
    root = [scope for scope in below if scope.native_id == node.tenant_id]
    return (root or below)[0] if below else None

"""Management groups and subscriptions as they were seen while the scan was planned: ``arm.scopes``."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Covered, Record
from nhiscan_azure import containers
from nhiscan_azure.node import Node


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """All that was listed, named by the options or not. What may be missing is told after it."""
    del reader
    yield from containers.listed(node.tree)
    if node.tree.problem is not None:
        raise node.tree.problem
    for key in node.below():
        yield Covered(key)

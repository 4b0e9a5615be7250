"""How principals of Google Cloud become more than they are: sets of permissions as data, ways, and chains of them."""

from collections.abc import Mapping

from nhiscan_gcp.analyzer.escalation.search import Search
from nhiscan_gcp.analyzer.escalation.sets import sets
from nhiscan_gcp.analyzer.estate import Estate
from nhiscan_gcp.analyzer.holding import Holding

__all__ = ["Search", "find"]


def find(estate: Estate, holdings: Mapping[str, Holding]) -> Search:
    """All ways of an estate. ``holdings``: those of all its principals, by key."""
    return Search(estate, holdings, sets())

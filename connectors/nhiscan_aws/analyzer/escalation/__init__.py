"""How principals of AWS become more than they are: sets of actions as data, ways of one hop, and chains."""

from nhiscan_aws.analyzer.escalation.search import Search
from nhiscan_aws.analyzer.escalation.sets import sets
from nhiscan_aws.analyzer.estate import Estate

__all__ = ["Search", "find"]


def find(estate: Estate) -> Search:
    """All ways of an estate."""
    return Search(estate, sets())

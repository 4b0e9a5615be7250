"""What a tenant says of itself: asked once, while a scan is planned, and told by the source ``graph.organization``."""

from typing import NamedTuple

from nhiscan.connector import BadAnswer, Unread
from nhiscan_azure.service import Json, Service

OPERATION = "graph.organization"
_SELECT = "id,displayName,createdDateTime,countryLetterCode,verifiedDomains,assignedPlans"


class Organization(NamedTuple):
    """The answer, or why there is none. Neither: it was not asked."""

    shown: Json | None = None
    error: Unread | None = None

    @property
    def name(self) -> str | None:
        found = (self.shown or {}).get("displayName")
        return found if isinstance(found, str) and found else None


def ask(graph: Service) -> Organization:
    """Ask now, fail later."""
    try:
        for shown, _ in graph.pages(OPERATION, "v1.0/organization", {"$select": _SELECT}):
            for one in shown:
                return Organization(one)
    except Unread as error:
        return Organization(error=error)
    return Organization(error=BadAnswer(OPERATION, "names no tenant"))

"""The tenant itself: ``graph.organization``."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record, Setting
from nhiscan_azure.node import Node
from nhiscan_azure.noting import canonical
from nhiscan_azure.values import moment, text

ID = "graph.organization"
PREMIUM = {"41781fb2-bc02-4b7c-bd55-b576c07bb09d": "P1", "eec0eb4f-6444-4f95-aba0-50c24d67f998": "P2"}
"""Service plans of Entra ID with which the reports of use and, with P2, eligible assignments come."""


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """What the tenant said of itself while the scan was planned."""
    del reader
    if node.organization.error is not None:
        raise node.organization.error
    shown = node.organization.shown or {}
    domains = shown.get("verifiedDomains")
    names = sorted(
        str(one["name"]).lower()
        for one in (domains if isinstance(domains, list) else ())
        if isinstance(one, dict) and one.get("name")
    )
    plans = shown.get("assignedPlans")
    held = {
        PREMIUM[str(one.get("servicePlanId")).lower()]
        for one in (plans if isinstance(plans, list) else ())
        if isinstance(one, dict)
        and str(one.get("capabilityStatus")) in ("Enabled", "Warning")
        and str(one.get("servicePlanId")).lower() in PREMIUM
    }
    yield _setting(node.key, "tenant.name", None, text(shown.get("displayName")))
    yield _setting(node.key, "tenant.created_at", moment(shown.get("createdDateTime")), None)
    yield _setting(node.key, "tenant.domains", len(names), canonical(names))
    yield _setting(node.key, "tenant.premium", len(held), max(held, default="none"))


def _setting(scope: str, name: str, number: int | None, words: str | None) -> Setting:
    return Setting(f"{scope}|{name}", scope, name, number, words, ID)

"""When service principals and single credentials were last used: two reports of Graph's beta, with Entra ID P1 or P2.

A report that cannot be read is a gap. Nobody is then called unused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Credential, Identity, Record
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json
from nhiscan_azure.sources.applications import ID as APPLICATIONS
from nhiscan_azure.sources.applications import PAGE
from nhiscan_azure.values import identifier, moment, odd

PRINCIPALS, CREDENTIALS = "graph.sign-in-activity", "graph.credential-activity"
WINDOW = 30
"""Days that sign-ins are kept with a licence: who is not in a report was not seen in these, at least."""
PAUSE = 2.0
"""Seconds between two pages: the reports answer five calls in ten seconds."""
_ACTIVITIES = (
    "lastSignInActivity",
    "delegatedClientSignInActivity",
    "delegatedResourceSignInActivity",
    "applicationAuthenticationClientSignInActivity",
    "applicationAuthenticationResourceSignInActivity",
)
_TIMES = ("lastSignInDateTime", "lastNonInteractiveSignInDateTime", "lastSuccessfulSignInDateTime")


@dataclass
class Seen:
    """Newest sign-in by key; ``odd`` are those whose times cannot be read: of them nothing is known."""

    at: dict[tuple[str, ...], int] = field(default_factory=dict)
    odd: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, key: tuple[str, ...], *activities: Any) -> None:
        times = [one.get(name) for one in activities if isinstance(one, dict) for name in _TIMES]
        at = max((one for time in times if (one := moment(time)) is not None), default=None)
        if at is not None:
            self.at[key] = max(at, self.at.get(key, at))
        elif any(odd(time) for time in times):
            self.odd.add(key)

    def facts(self, key: tuple[str, ...]) -> tuple[int | None, int | None]:
        """``used_at`` and ``trailing_days``."""
        at = self.at.get(key)
        return at, None if at is None and key in self.odd else WINDOW


def run_principals(node: Node, reader: Reader) -> Iterator[Record]:
    """Last sign-in of each principal, as client or as API, with a user or without. The newest counts."""
    seen = Seen()
    for shown in _rows(node, "servicePrincipalSignInActivities"):
        if app_id := identifier(shown.get("appId")):
            seen.add((app_id,), *(shown.get(name) for name in _ACTIVITIES))
    for one in reader(APPLICATIONS):
        if isinstance(one, Identity) and one.kind != "application":
            used_at, days = seen.facts((one.arn or "",))
            yield one._replace(used_at=used_at, trailing_days=days, source=PRINCIPALS)


def run_credentials(node: Node, reader: Reader) -> Iterator[Record]:
    """Last sign-in with each secret and certificate, by the object that holds it and the id of the key."""
    seen = Seen()
    for shown in _rows(node, "appCredentialSignInActivities"):
        key = identifier(shown.get("keyId"))
        for name in ("appObjectId", "servicePrincipalObjectId"):
            if key and (holder := identifier(shown.get(name))):
                seen.add((holder, key), shown.get("signInActivity"))
    for one in reader(APPLICATIONS):
        if isinstance(one, Credential) and one.kind in ("client_secret", "client_certificate"):
            used_at, days = seen.facts((one.identity.rpartition("/")[2], one.native_id or ""))
            yield one._replace(used_at=used_at, trailing_days=days, source=CREDENTIALS)


def _rows(node: Node, report: str) -> Iterator[Json]:
    first = True
    pages = node.graph.pages(f"graph.reports.{report}", f"beta/reports/{report}", {"$top": PAGE})
    while True:
        if not first:
            node.context.sleep(PAUSE)
        first = False
        try:
            shown, _ = next(pages)
        except StopIteration:
            return
        yield from shown

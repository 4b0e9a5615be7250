"""What the recommender saw in some 90 days: ``recommender.account-insights``, ``recommender.policy-insights``."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import AccessUse, DataTime, Identity, Record
from nhiscan_gcp import records
from nhiscan_gcp.node import Node
from nhiscan_gcp.sources import accounts

ACCOUNTS, POLICIES = "recommender.account-insights", "recommender.policy-insights"
_OPERATION = "recommender.insightTypes.insights.list"
_FIELDS = "insights(content,observationPeriod,lastRefreshTime),nextPageToken"
PAGE = 1000


def run_accounts(node: Node, reader: Reader) -> Iterator[Record]:
    """Last use of accounts of which the recommender says anything: mostly of those that it did not see in use."""
    listed = {
        one.native_id: one
        for one in reader(node.source(accounts.ALL, accounts.EACH))
        if isinstance(one, Identity) and one.kind == "service_account"
    }
    by_email = {one.name: one for one in listed.values()}
    told: dict[str, tuple[int | None, int]] = {}
    as_of: set[int] = set()
    for content, refreshed, days in _insights(node, "google.iam.serviceAccount.Insight") if listed else ():
        account = listed.get(str(content.get("serviceAccountId"))) or by_email.get(str(content.get("email")))
        if account is not None:
            told[account.native_id] = (records.moment(content.get("lastAuthenticatedTime")), days)
            as_of.add(refreshed)
    for unique_id, (at, days) in sorted(told.items()):
        day = None if at is None else at - at % records.DAY
        yield listed[unique_id]._replace(used_at=day, trailing_days=days, source=ACCOUNTS)
    if as_of:
        yield DataTime(min(as_of))


def run_policies(node: Node, reader: Reader) -> Iterator[Record]:
    """What service accounts really used of the roles that they hold on a project.

    A row for each permission that was used, and one for each service in which the role gives permissions, used or not.
    When in the period it was used is not told: the end of the period stands for it.
    """
    del reader
    uses: dict[tuple[str, str, str | None], tuple[int | None, int]] = {}
    as_of: set[int] = set()
    for content, refreshed, days in _insights(node, "google.iam.policy.Insight"):
        kind, _, email = str(content.get("member", "")).partition(":")
        identity = node.identity(email) if kind == "serviceAccount" else None
        if identity is None:
            continue
        as_of.add(refreshed)
        used = _permissions(content.get("exercisedPermissions"))
        rows: dict[tuple[str, str | None], int | None] = {
            (service, None): None for service in _services(node, str(content.get("role", "")))
        }
        for permission in used:
            service = permission.partition(".")[0]
            rows[service, None] = rows[service, permission] = refreshed
        for (service, action), used_at in rows.items():
            before = uses.get((identity, service, action), (None, days))
            latest = max((at for at in (before[0], used_at) if at is not None), default=None)
            uses[identity, service, action] = (latest, min(before[1], days))
    for (identity, service, action), (used_at, days) in sorted(
        uses.items(), key=lambda use: (*use[0][:2], use[0][2] or "")
    ):
        key = "|".join((node.key, identity, service, *((action,) if action else ())))
        yield AccessUse(key, node.key, identity, service, action, used_at, None, days, POLICIES)
    if as_of:
        yield DataTime(min(as_of))


def _insights(node: Node, kind: str) -> Iterator[tuple[Mapping[str, Any], int, int]]:
    """(content, end of the period, length of the period in days) of each insight that tells a period."""
    path = f"v1/projects/{node.project}/locations/global/insightTypes/{kind}/insights"
    for insights, _ in node.rest.pages("recommender", _OPERATION, path, "insights", pageSize=PAGE, fields=_FIELDS):
        for insight in insights:
            content, refreshed = insight.get("content"), records.moment(insight.get("lastRefreshTime"))
            seconds = str(insight.get("observationPeriod", "")).removesuffix("s").partition(".")[0]
            if isinstance(content, dict) and refreshed is not None and seconds.isdigit():
                yield content, refreshed, round(int(seconds[:12]) / records.DAY)


def _permissions(value: Any) -> list[str]:
    """Permissions, in either of the two ways in which the recommender writes them."""
    found = value if isinstance(value, list) else []
    names = [one.get("permission") if isinstance(one, dict) else one for one in found]
    return [name for name in names if isinstance(name, str) and "." in name]


def _services(node: Node, role: str) -> frozenset[str]:
    """The services in which a role gives permissions; none where its definition is not known."""
    if not role.startswith("roles/"):
        return node.registry.services(role)
    document = node.predefined.roles().get(role)
    return records.services_of(json.loads(document.text)) if document is not None else frozenset()

"""Last authentication, from Policy Analyzer: of keys, and on demand of accounts.

Not counted there: API keys bound to an account, and Google services outside Google Cloud, which an account with
domain-wide delegation may use every day.
"""

from collections.abc import Iterator
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Credential, Identity, Record
from nhiscan_gcp import records
from nhiscan_gcp.node import Node
from nhiscan_gcp.sources import accounts, keys

KEYS, ACCOUNTS = "policyanalyzer.key-activities", "policyanalyzer.account-activities"
_OPERATION = "policyanalyzer.activities.query"
_FIELDS = "activities(fullResourceName,activity,observationPeriod),nextPageToken"


def run_keys(node: Node, reader: Reader) -> Iterator[Record]:
    """Last use of the keys that somebody keeps. Asked only where there are some."""
    listed = [
        one
        for one in reader(node.source(keys.ALL, keys.EACH))
        if isinstance(one, Credential) and one.kind == "service_account_key"
    ]
    seen, since = _seen(node, "serviceAccountKeyLastAuthentication", "/keys/") if listed else ({}, None)
    for key in listed:
        used_at, known_since = _use(seen.get(key.native_id or ""), since, key.created_at)
        if used_at is not None or known_since is not None:
            yield key._replace(used_at=used_at, known_since=known_since, source=KEYS)


def run_accounts(node: Node, reader: Reader) -> Iterator[Record]:
    """Last use of accounts. Asked only where there are some."""
    listed = [
        one
        for one in reader(node.source(accounts.ALL, accounts.EACH))
        if isinstance(one, Identity) and one.kind == "service_account"
    ]
    seen, since = _seen(node, "serviceAccountLastAuthentication", "/serviceAccounts/") if listed else ({}, None)
    for account in listed:
        found = seen.get(account.name) or seen.get(account.native_id)
        used_at, known_since = _use(found, since, None)
        if used_at is not None or known_since is not None:
            yield account._replace(used_at=used_at, known_since=known_since, source=ACCOUNTS)


Seen = tuple[int | None, int | None]  # day of the last authentication, start of the observation period


def _seen(node: Node, kind: str, after: str) -> tuple[dict[str, Seen], int | None]:
    """What was seen, by the last part of the name, and since when one would have seen it: the latest start told.

    An answer without rows tells no period: nobody may then say since when something was not used.
    """
    path = f"v1/projects/{node.project}/locations/global/activityTypes/{kind}/activities:query"
    found: dict[str, Seen] = {}
    for rows, _ in node.rest.pages("policyanalyzer", _OPERATION, path, "activities", pageSize=1000, fields=_FIELDS):
        for row in rows:
            period: Any = row.get("observationPeriod")
            activity: Any = row.get("activity")
            start = records.moment(period.get("startTime")) if isinstance(period, dict) else None
            used = records.moment(activity.get("lastAuthenticatedTime")) if isinstance(activity, dict) else None
            name = str(row.get("fullResourceName", "")).rpartition(after)[2]
            found[name] = (_day(used), _day(start))
    return found, max((start for _, start in found.values() if start is not None), default=None)


def _day(at: int | None) -> int | None:
    """The API tells days; its 07:00 is no time of day."""
    return None if at is None else at - at % records.DAY


def _use(found: Seen | None, since: int | None, made: int | None) -> Seen:
    """Used at and known since. What is younger than the period is known from its beginning."""
    used_at, start = found or (None, since)
    return used_at, start if start is None or made is None else max(start, made)

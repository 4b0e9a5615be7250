"""Last use from Cloud Monitoring: of keys and accounts where Policy Analyzer does not tell, and of API keys.

Metrics of Google's services are kept for six weeks, and are asked for whole days (UTC) up to the last midnight. That is
a shorter window than that of Policy Analyzer: who was not seen in it is said to be not seen in 41 days, and no more.
"""

from collections.abc import Iterator
from typing import Any

from nhiscan.connector import BadAnswer, Reader
from nhiscan.model import Credential, DataTime, Identity, Record
from nhiscan_gcp import records
from nhiscan_gcp.node import Node
from nhiscan_gcp.sources import accounts, apikeys, keys

KEYS, ACCOUNTS, API_KEYS = "monitoring.key-use", "monitoring.account-use", "monitoring.api-key-use"
WINDOW = 41
"""Days that are asked for: six weeks without the day that is not over."""
PAGE = 100_000  # points, the most
_OPERATION = "monitoring.projects.timeSeries.list"
_FIELDS = "timeSeries(metric/labels,resource/labels,points),nextPageToken,executionErrors,unreachable"
_AUTHENTICATIONS = "iam.googleapis.com/service_account"


def run_keys(node: Node, reader: Reader) -> Iterator[Record]:
    """Last use of the keys that somebody keeps. Asked only where there are some."""
    yield from _keys(node, reader, (keys.ALL, keys.EACH), "service_account_key")


def run_api_keys(node: Node, reader: Reader) -> Iterator[Record]:
    """Last use of API keys: requests counted by credential."""
    yield from _keys(node, reader, (apikeys.ALL, apikeys.EACH), "api_key")


def _keys(node: Node, reader: Reader, about: tuple[str, str], kind: str) -> Iterator[Record]:
    listed = [one for one in reader(node.source(*about)) if isinstance(one, Credential) and one.kind == kind]
    if not listed:
        return
    if kind == "api_key":
        metric, label = "serviceruntime.googleapis.com/api/request_count", "resource.labels.credential_id"
        more = f' AND resource.type="consumed_api" AND {label}=starts_with("apikey:")'
        seen, source = _seen(node, metric, label, more), API_KEYS
        seen = {name.removeprefix("apikey:"): at for name, at in seen.items()}
    else:
        seen, source = _seen(node, f"{_AUTHENTICATIONS}/key/authn_events_count", "metric.labels.key_id"), KEYS
    for key in listed:
        since, days = _window(node, key.created_at)
        used_at = seen.get(key.native_id or "")
        yield key._replace(used_at=used_at, known_since=since, trailing_days=days, source=source)
    yield DataTime(_midnight(node))


def run_accounts(node: Node, reader: Reader) -> Iterator[Record]:
    """Last use of accounts. Asked only where there are some."""
    listed = [
        one
        for one in reader(node.source(accounts.ALL, accounts.EACH))
        if isinstance(one, Identity) and one.kind == "service_account"
    ]
    label = "resource.labels.unique_id"
    seen = _seen(node, f"{_AUTHENTICATIONS}/authn_events_count", label) if listed else {}
    for account in listed:
        since, days = _window(node, account.created_at)
        used_at = seen.get(account.native_id)
        yield account._replace(used_at=used_at, known_since=since, trailing_days=days, source=ACCOUNTS)
    yield DataTime(_midnight(node))


def _midnight(node: Node) -> int:
    return node.read_time - node.read_time % records.DAY


def _window(node: Node, made: int | None) -> tuple[int | None, int | None]:
    """Known since, or the length of the window in days: what is younger is known from its beginning."""
    return (made, None) if made is not None and made > _midnight(node) - WINDOW * records.DAY else (None, WINDOW)


def _seen(node: Node, metric: str, label: str, more: str = "") -> dict[str, int]:
    """The last day on which something was counted, by the value of a label. BadAnswer where a part did not answer."""
    query: dict[str, Any] = {
        "filter": f'metric.type="{metric}"{more}',
        "interval.startTime": records.stamp(_midnight(node) - WINDOW * records.DAY),
        "interval.endTime": records.stamp(_midnight(node)),
        "aggregation.alignmentPeriod": f"{records.DAY}s",
        "aggregation.perSeriesAligner": "ALIGN_SUM",
        "aggregation.crossSeriesReducer": "REDUCE_SUM",
        "aggregation.groupByFields": label,
    }
    where, _, name = label.split(".")
    path = f"v3/projects/{node.project}/timeSeries"
    found: dict[str, int] = {}
    for series, answer in node.rest.pages(
        "monitoring", _OPERATION, path, "timeSeries", pageSize=PAGE, fields=_FIELDS, **query
    ):
        if answer.get("executionErrors") or answer.get("unreachable"):
            raise BadAnswer(_OPERATION, "says that a part of the data could not be read")
        for one in series:
            labels = one.get(where)
            labels = labels.get("labels") if isinstance(labels, dict) else None
            value = labels.get(name) if isinstance(labels, dict) else None
            points = one.get("points")
            if not isinstance(points, list):
                raise BadAnswer(_OPERATION, "has a series without points")
            day = max((at for point in points if (at := _counted(point)) is not None), default=None)
            if value and day is not None:
                found[str(value)] = max(day, found.get(str(value), 0))
    return found


def _counted(point: Any) -> int | None:
    """The day of a point in which something was counted. BadAnswer for what is no point."""
    try:
        end, value = records.moment(point["interval"]["endTime"]), point["value"]
        count = float(value["int64Value"] if "int64Value" in value else value["doubleValue"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer(_OPERATION, "has a point that is none") from error
    if end is None:
        raise BadAnswer(_OPERATION, "has a point without a time")
    return end - 1 - (end - 1) % records.DAY if count > 0 else None

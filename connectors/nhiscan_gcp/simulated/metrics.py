"""Cloud Monitoring: authentications of keys and accounts and requests with API keys, day by day, for six weeks."""

import re
from collections.abc import Iterator
from datetime import datetime

from nhiscan_gcp.simulated.answers import Json, Sizes, invalid
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.held import HeldProject
from nhiscan_gcp.simulated.ids import stamp
from nhiscan_gcp.simulated.services import DAY, Call, in_project, listed, switched_on

KEPT = 42 * DAY
KEYS = "iam.googleapis.com/service_account/key/authn_events_count"
ACCOUNTS = "iam.googleapis.com/service_account/authn_events_count"
API_KEYS = "serviceruntime.googleapis.com/api/request_count"
_LABELS = {
    KEYS: "metric.labels.key_id",
    ACCOUNTS: "resource.labels.unique_id",
    API_KEYS: "resource.labels.credential_id",
}
_METRIC = re.compile(r'metric\.type="([^"]+)"')
_SUMS = {"perSeriesAligner": "ALIGN_SUM", "crossSeriesReducer": "REDUCE_SUM", "alignmentPeriod": f"{DAY}s"}


def list_series(call: Call) -> Json:
    """``timeSeries.list``: sums of days, grouped by the label that names the credential or account."""
    held = in_project(call, "monitoring.timeSeries.list")
    switched_on(held, "monitoring.googleapis.com")
    metric = _METRIC.search(call.query.one("filter") or "")
    if metric is None or metric[1] not in _LABELS:
        raise invalid("Only authentications and requests are simulated.")
    asked = {name: call.query.one(f"aggregation.{name}") for name in _SUMS}
    if asked != _SUMS or call.query.all("aggregation.groupByFields") != (_LABELS[metric[1]],):
        raise invalid("Only sums of days are simulated.")
    try:
        start, end = (
            int(datetime.fromisoformat(call.query.one(f"interval.{name}") or "").timestamp())
            for name in ("startTime", "endTime")
        )
    except ValueError:
        raise invalid("Invalid interval.") from None
    if not start <= end <= call.now + DAY:
        raise invalid("Invalid interval.")
    start = max(start, call.now - KEPT)
    found = [
        _series(metric[1], held, name, used_at, end)
        for name, used_at in _used(call.estate, held, metric[1])
        if used_at is not None and start <= used_at < end
    ]
    return listed("timeSeries", *call.page(f"{metric[1]} of {held.id}", found, Sizes(100_000, 100_000)))


def _used(estate: Estate, held: HeldProject, metric: str) -> Iterator[tuple[str, int | None]]:
    if metric == API_KEYS:
        for shown, key in zip(estate.api_keys(held, deleted=True), held.project.api_keys, strict=True):
            yield f"apikey:{shown['uid']}", key.used_at
        return
    for account in estate.living(held):
        if metric == ACCOUNTS:
            yield account.unique_id, account.account.used_at
        else:
            yield from ((key.id, key.key.used_at) for key in account.keys)


def _series(metric: str, held: HeldProject, name: str, used_at: int, end: int) -> Json:
    """One day with something and, the newer first, the day after it with nothing."""
    days = (end - 1 - used_at) // DAY
    points = []
    for day, count in ((days - 1, 0), (days, 3)):
        if day >= 0:
            interval = {"startTime": stamp(end - (day + 1) * DAY), "endTime": stamp(end - day * DAY)}
            points.append({"interval": interval, "value": {"int64Value": str(count)}})
    where, _, label = _LABELS[metric].split(".")
    resource: Json = {"type": "consumed_api" if metric == API_KEYS else "iam_service_account", "labels": {}}
    found: Json = {
        "metric": {"type": metric, "labels": {}},
        "resource": resource,
        "metricKind": "DELTA",
        "valueType": "INT64",
        "points": points,
    }
    found[where]["labels"][label] = name
    resource["labels"]["project_id"] = held.id
    return found

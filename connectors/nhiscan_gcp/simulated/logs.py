"""Cloud Logging: the entries of administration, kept for 400 days, that tell who made accounts and keys."""

import json
import re
from collections.abc import Iterator
from datetime import datetime

from nhiscan_gcp.simulated.answers import Json, Query, Sizes, denied, invalid, page
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.held import HeldProject
from nhiscan_gcp.simulated.ids import stamp
from nhiscan_gcp.simulated.services import DAY, Call, listed

KEPT = 400 * DAY
LOG = "cloudaudit.googleapis.com/activity"
_METHODS = re.compile(r"protoPayload\.methodName=\(([^)]*)\)")
_SINCE = re.compile(r'timestamp>="([^"]+)"')
_FIELDS = ("resourceNames", "filter", "orderBy", "pageSize", "pageToken")


def list_entries(call: Call) -> Json:
    """``entries.list``: at most 100 resources in one question; one that may not be read refuses all of it."""
    body = call.body
    if odd := sorted(set(body) - set(_FIELDS)):
        raise invalid(f'Invalid JSON payload received. Unknown name "{odd[0]}".')
    names = body.get("resourceNames")
    if not isinstance(names, list) or not 0 < len(names) <= 100:
        raise invalid("resource_names must name 1 to 100 resources.")
    projects = []
    for name in names:
        held = call.estate.project(str(name).removeprefix("projects/"))
        if held is None:
            raise denied("logging.logEntries.list", str(name))
        call.allow("logging.logEntries.list", held.id)
        projects.append(held)
    wanted, since = _filter(str(body.get("filter", "")))
    since = max(since, call.now - KEPT)
    found = [
        (at, entry)
        for held in projects
        for at, entry in entries(call.estate, held)
        if since <= at <= call.now and entry["protoPayload"]["methodName"] in wanted
    ]
    found.sort(key=lambda one: (one[0], one[1]["insertId"]))
    pairs = [(name, str(body[name])) for name in ("pageSize", "pageToken") if name in body]
    place = json.dumps([names, body.get("filter"), body.get("orderBy")])
    shown, token = page(Query(pairs, ("pageSize", "pageToken")), place, [one for _, one in found], Sizes(50, 1000))
    return listed("entries", shown, token)


def _filter(text: str) -> tuple[set[str], int]:
    """Methods and the earliest time of a filter. No other filter is understood."""
    methods, since = _METHODS.search(text), _SINCE.search(text)
    if f'log_id("{LOG}")' not in text or methods is None or since is None:
        raise invalid("Only filters for creations since a time are simulated.")
    return set(re.findall(r'"([^"]+)"', methods[1])), int(datetime.fromisoformat(since[1]).timestamp())


def entries(estate: Estate, held: HeldProject) -> Iterator[tuple[int, Json]]:
    """(time, entry) of everything in a project whose maker is known. A failed attempt goes before each key."""
    for account in estate.accounts[held.id]:
        one = account.account
        if one.created_by:
            response = {"unique_id": account.unique_id, "email": account.email, "name": account.resource}
            method = "google.iam.admin.v1.CreateServiceAccount"
            yield one.created_at, _entry(estate, held, one.created_at, method, one.created_by, held.id, response)
        for key in account.keys:
            made, who = key.key.valid_after, key.key.created_by
            if who is None:
                continue
            verb = "Upload" if key.key.uploaded else "Create"
            method, place = (
                f"google.iam.admin.v1.{verb}ServiceAccountKey",
                f"projects/-/serviceAccounts/{account.email}",
            )
            yield made - 60, _entry(estate, held, made - 60, method, "user:refused@example.com", place, None)
            response = {"name": f"{account.resource}/keys/{key.id}", "private_key_data": key.secret}
            yield made, _entry(estate, held, made, method, who, place, response)
    for shown, api_key in zip(estate.api_keys(held, deleted=True), held.project.api_keys, strict=True):
        if api_key.created_by:
            method, place = "google.api.apikeys.v2.ApiKeys.CreateKey", f"projects/{held.number}"
            at = api_key.created_at
            yield at, _entry(estate, held, at, method, api_key.created_by, place, shown)


def _entry(
    estate: Estate, held: HeldProject, at: int, method: str, who: str, resource: str, response: Json | None
) -> Json:
    """``response`` None: the attempt was refused."""
    payload: Json = {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "apikeys.googleapis.com" if "apikeys" in method else "iam.googleapis.com",
        "methodName": method,
        "resourceName": resource,
        "authenticationInfo": {"principalEmail": who.partition(":")[2], "principalSubject": who},
        "requestMetadata": {"callerIp": "192.0.2.7", "callerSuppliedUserAgent": "console"},
    }
    if response is None:
        payload["status"] = {"code": 7, "message": "PERMISSION_DENIED"}
    else:
        payload["response"] = response
    return {
        "logName": f"projects/{held.id}/logs/cloudaudit.googleapis.com%2Factivity",
        "insertId": estate.ids.hex(14, "entry", held.id, method, str(at), resource, json.dumps(response)),
        "timestamp": stamp(at),
        "receiveTimestamp": stamp(at),
        "severity": "NOTICE",
        "resource": {"type": "service_account", "labels": {"project_id": held.id}},
        "protoPayload": payload,
    }

"""Who made accounts and keys, from the audit logs: ``logging.creations``, ``logging.creations-of-project``.

Entries of administration are kept for 400 days, always and for everybody. What was made before has no creator here.
Nor has an HMAC key: its entry does not name it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Covered, Credential, Identity, Record, Setting
from nhiscan_gcp import records
from nhiscan_gcp.cutting import cut
from nhiscan_gcp.node import Node
from nhiscan_gcp.rest import Json
from nhiscan_gcp.sources import accounts, apikeys, keys

ALL, EACH = "logging.creations", "logging.creations-of-project"
KEPT = 400
"""Days for which entries of administration are kept; nobody can change it."""
PROJECTS, PAGE = 100, 1000  # the most in a question, on a page
_OPERATION = "logging.entries.list"
_ACCOUNT = "google.iam.admin.v1.CreateServiceAccount"
_KEYS = ("google.iam.admin.v1.CreateServiceAccountKey", "google.iam.admin.v1.UploadServiceAccountKey")
_API_KEY = "google.api.apikeys.v2.ApiKeys.CreateKey"
METHODS = (_ACCOUNT, *_KEYS, _API_KEY)
_WHOLE = "entries,nextPageToken"
_FIELDS = (
    "entries(logName,resource/labels,protoPayload(methodName,resourceName,status/code,"
    "authenticationInfo(principalEmail,principalSubject),response(name,uid,unique_id,email))),nextPageToken"
)
_ROBOT = ".gserviceaccount.com"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """The creators in all projects below, a hundred projects in one question. One that is refused refuses all."""
    yield from _told(node, reader, node.projects(), ALL)
    yield from map(Covered, node.below())


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The creators in one project."""
    yield from _told(node, reader, [node.key], EACH)


def _told(node: Node, reader: Reader, projects: list[str], source: str) -> Iterator[Record]:
    """A relation for each account and key that is still there and whose creator is in the logs."""
    made: dict[str, str] = {}  # key of the record -> member that made it
    for start in range(0, len(projects), PROJECTS):
        some = projects[start : start + PROJECTS]
        for entry in _entries(node, [f"projects/{node.tree.scopes[one].native_id}" for one in some]):
            found = _creation(node, entry)
            if found is not None:
                made[found[0]] = found[1]
    for project in projects:
        yield Setting(f"{project}|audit_log.kept_days", project, "audit_log.kept_days", KEPT, source=source)
    for about in ((accounts.ALL, accounts.EACH), (keys.ALL, keys.EACH), (apikeys.ALL, apikeys.EACH)):
        for record in reader(node.source(*about)) if made else ():
            if isinstance(record, Identity | Credential) and record.key in made:
                yield records.created_by(record.scope, record.key, _known(node, made[record.key]), source)


def _entries(node: Node, projects: list[str]) -> Iterator[Json]:
    """The entries of all creations in some projects, the oldest first."""
    methods = " OR ".join(f'"{method}"' for method in METHODS)
    since = records.stamp(node.read_time - KEPT * records.DAY)
    body = {
        "resourceNames": projects,
        "filter": f'log_id("cloudaudit.googleapis.com/activity") AND timestamp>="{since}"'
        f" AND protoPayload.methodName=({methods})",
        "pageSize": PAGE,
    }

    def ask(fields: str) -> Iterator[Json]:
        for entries, _ in node.rest.pages(
            "logging", _OPERATION, "v2/entries:list", "entries", body=body, fields=fields
        ):
            yield from entries

    return cut(ask, _FIELDS, _WHOLE)


def _creation(node: Node, entry: Json) -> tuple[str, str] | None:
    """Key of what was made, and the member that made it; None for what failed, or does not say."""
    payload = _object(entry.get("protoPayload"))
    scope = node.tree.project(str(entry.get("logName", "")).removeprefix("projects/").partition("/")[0])
    who = _object(payload.get("authenticationInfo"))
    member = _member(records.text(who.get("principalEmail")), records.text(who.get("principalSubject")))
    if scope is None or member is None or _object(payload.get("status")).get("code"):
        return None
    response = _object(payload.get("response"))
    method = payload.get("methodName")
    if method == _ACCOUNT:
        key = _account(node, scope, response, _object(_object(entry.get("resource")).get("labels")))
        return (key, member) if key else None
    names = (str(response.get("name", "")), str(payload.get("resourceName", "")))
    name = records.text(response.get("uid")) or next(
        (found for one in names if (found := one.partition("/keys/")[2])), None
    )
    if name is None or method not in METHODS:
        return None
    return f"{scope}/{'api_key' if method == _API_KEY else 'service_account_key'}/{name}", member


def _account(node: Node, scope: str, response: Mapping[str, Any], labels: Mapping[str, Any]) -> str | None:
    """Key of an account that was made: by its unique id, else by the e-mail of one that is there now."""
    unique_id = records.text(response.get("unique_id")) or records.text(labels.get("unique_id"))
    if unique_id:
        return f"{scope}/service_account/{unique_id}"
    listed = node.accounts() if scope == node.key else node.registry.accounts(scope)
    return listed.keys.get(str(response.get("email") or labels.get("email_id"))) if listed else None


def _member(email: str | None, subject: str | None) -> str | None:
    """Who called, as bindings name members."""
    if email is None:
        return subject
    return f"{'serviceAccount' if email.endswith(_ROBOT) else 'user'}:{email}"


def _known(node: Node, member: str) -> str:
    """The key of the account that a member is, where its project is planned."""
    kind, _, email = member.partition(":")
    return (node.identity(email) if kind == "serviceAccount" else None) or member


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

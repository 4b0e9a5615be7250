"""The REST services of the simulated cloud: each method with its permissions, its limits and its answer."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nhiscan_gcp.simulated.answers import Json, Query, Sizes, api_disabled, denied, invalid, missing, page
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.held import HeldAccount, HeldProject
from nhiscan_gcp.simulated.ids import day

DAY = 86_400
ASSET_WINDOW = 35 * DAY


@dataclass
class Call:
    """A call on its way to an answer. ``allow`` raises where the caller lacks a permission."""

    estate: Estate
    match: Mapping[str, str]
    query: Query
    body: Json
    now: int
    allow: Callable[[str, str], None]  # (permission, scope)
    may: Callable[[str, str], bool]
    settle: int = 0  # seconds until something made shows in a search
    short_every: int = 0

    def page(self, place: str, items: list[Any], sizes: Sizes, *, short: bool = False) -> tuple[list[Any], str]:
        return page(self.query, place, items, sizes, short_every=self.short_every if short else 0)


@dataclass(frozen=True)
class Method:
    """One method of one API. ``action`` is its name in counts; ``known`` are its query parameters."""

    api: str  # "cloudasset": the part of the address before it
    verb: str
    path: re.Pattern[str]
    action: str
    known: tuple[str, ...]
    answer: Callable[[Call], Json]


def listed(name: str, shown: list[Json], token: str) -> Json:
    """An answer with a list, which Google leaves out where it is empty."""
    found: Json = {name: shown} if shown else {}
    if token:
        found["nextPageToken"] = token
    return found


# --- Cloud Resource Manager v3 ---


def search_organizations(call: Call) -> Json:
    """Only what the caller may get is found."""
    call.allow("cloudresourcemanager.organizations.search", "")
    estate = call.estate
    found = [estate.organization_json()] if estate.organization else []
    found = [one for one in found if call.may("resourcemanager.organizations.get", one["name"])]
    return listed("organizations", *call.page("organizations", found, Sizes(50, 200)))


def search_folders(call: Call) -> Json:
    call.allow("cloudresourcemanager.folders.search", "")
    estate = call.estate
    found = [
        estate.folder_json(folder.id)
        for folder in sorted(estate.world.folders, key=lambda folder: folder.id)
        if call.may("resourcemanager.folders.get", f"folders/{folder.id}")
    ]
    return listed("folders", *call.page("folders", found, Sizes(50, 500)))


def search_projects(call: Call) -> Json:
    """Eventually consistent: a project that was made a moment ago is not found yet."""
    call.allow("cloudresourcemanager.projects.search", "")
    wanted = _query(call.query.one("query"))
    found = []
    for _, held in sorted(call.estate.projects.items()):
        shown = call.estate.project_json(held)
        if "state" in wanted and shown["state"] != wanted["state"]:
            continue
        if "parent" in wanted and shown.get("parent") != wanted["parent"]:
            continue
        if held.project.created_at > call.now - call.settle:
            continue
        if call.may("resourcemanager.projects.get", held.id):
            found.append(shown)
    return listed("projects", *call.page("projects", found, Sizes(50, 500)))


def list_projects(call: Call) -> Json:
    """The direct children of a folder or an organisation, strongly consistent."""
    parent = call.query.one("parent") or ""
    if not call.estate.has(parent):
        raise denied("resourcemanager.projects.list", parent)
    call.allow("resourcemanager.projects.list", parent)
    found = [
        call.estate.project_json(held)
        for _, held in sorted(call.estate.projects.items())
        if held.parent == parent and (call.query.true("showDeleted") or not held.project.deleted_at)
    ]
    return listed("projects", *call.page(parent, found, Sizes(50, 500)))


def get_node(call: Call) -> Json:
    """A project, folder or organisation by name. One that is not there is refused like one that may not be seen."""
    kind, name = call.match["kind"], call.match["id"]
    scope = f"{kind}/{name}"
    permission = f"resourcemanager.{kind}.get"
    if not call.estate.has(scope):
        raise denied(permission, scope)
    if kind == "projects":
        held = _project(call, permission)
        return call.estate.project_json(held)
    call.allow(permission, scope)
    return call.estate.folder_json(name) if kind == "folders" else call.estate.organization_json()


def node_policy(call: Call) -> Json:
    """The policy of a project, folder or organisation itself, without what it inherits."""
    kind, name = call.match["kind"], call.match["id"]
    permission = f"resourcemanager.{kind}.getIamPolicy"
    estate = call.estate
    version = int(call.body.get("options", {}).get("requestedPolicyVersion", 1))
    if kind == "projects":
        held = _project(call, permission)
        return estate.policy(f"projects/{held.id}", held.project.bindings, version=version)
    scope = f"{kind}/{name}"
    if not estate.has(scope):
        raise denied(permission, scope)
    call.allow(permission, scope)
    if kind == "folders":
        bindings = next(folder.bindings for folder in estate.world.folders if folder.id == name)
    else:
        assert estate.world.organization is not None
        bindings = estate.world.organization.bindings
    return estate.policy(scope, bindings, version=version)


def _query(text: str | None) -> dict[str, str]:
    """``state:ACTIVE parent:folders/1`` as a mapping."""
    found = {}
    for part in re.split(r"\s+(?:AND\s+)?", (text or "").strip()):
        name, colon, value = part.replace("=", ":", 1).partition(":")
        if colon:
            found[name] = value.strip('"')
    return found


def _project(call: Call, permission: str, name: str = "id") -> HeldProject:
    """The project a call is about; refused alike where it is not there and where the permission lacks."""
    held = call.estate.project(call.match[name])
    if held is None:
        raise denied(permission, f"projects/{call.match[name]}")
    call.allow(permission, held.id)
    return held


def in_project(call: Call, permission: str) -> HeldProject:
    """The same for methods whose path names a project and nothing else."""
    return _project(call, permission, "project")


def switched_on(held: HeldProject, service: str) -> None:
    if service in held.project.disabled_apis:
        raise api_disabled(service, held.number)


# --- IAM v1 over REST ---


def list_keys(call: Call) -> Json:
    """The keys of one account, with what only REST tells. Not paged."""
    held, account = _account(call, "iam.serviceAccountKeys.list")
    del held
    types = call.query.all("keyTypes")
    keys = [
        one.rest(account, whole=True)
        for one in account.keys
        if not types or ("USER_MANAGED" if one.key.user_managed else "SYSTEM_MANAGED") in types
    ]
    return {"keys": keys} if keys else {}


def account_policy(call: Call) -> Json:
    _, account = _account(call, "iam.serviceAccounts.getIamPolicy")
    version = int(call.query.one("options.requestedPolicyVersion") or 1)
    return call.estate.policy(account.resource, account.account.bindings, version=version)


def _account(call: Call, permission: str) -> tuple[HeldProject, HeldAccount]:
    held = _project(call, permission, "project")
    account = call.estate.account(held, call.match["account"])
    if account is None:
        raise missing(f"Service account projects/{held.id}/serviceAccounts/{call.match['account']}")
    return held, account


def list_pools(call: Call) -> Json:
    held = _project(call, "iam.workloadIdentityPools.list", "project")
    deleted = call.query.true("showDeleted")
    found = [call.estate.pool_json(held, pool.id) for pool in held.project.pools if deleted or not pool.deleted]
    return listed("workloadIdentityPools", *call.page(f"pools of {held.id}", found, Sizes(50, 1000)))


def list_providers(call: Call) -> Json:
    held = _project(call, "iam.workloadIdentityPoolProviders.list", "project")
    pool = next((one for one in held.project.pools if one.id == call.match["pool"]), None)
    if pool is None:
        raise missing(f"Pool {call.match['pool']}")
    deleted = call.query.true("showDeleted")
    found = [
        call.estate.provider_json(held, pool.id, provider)
        for provider in pool.providers
        if deleted or not provider.deleted
    ]
    sizes = Sizes(50, 100)
    return listed("workloadIdentityPoolProviders", *call.page(f"providers of {held.id}/{pool.id}", found, sizes))


# --- API keys, HMAC keys, last authentication ---


def list_api_keys(call: Call) -> Json:
    held = _project(call, "apikeys.keys.list", "project")
    switched_on(held, "apikeys.googleapis.com")
    found = call.estate.api_keys(held, deleted=call.query.true("showDeleted"))
    return listed("keys", *call.page(f"api keys of {held.id}", found, Sizes(50, 300)))


def list_hmac_keys(call: Call) -> Json:
    """At most 250 a page; a page ends early where it names too many accounts."""
    held = _project(call, "storage.hmacKeys.list", "project")
    switched_on(held, "storage.googleapis.com")
    deleted = call.query.true("showDeletedKeys")
    found = [shown for key, shown in call.estate.hmac_keys(held) if deleted or key.state != "DELETED"]
    sizes = Sizes(250, 250, "maxResults")
    shown, token = call.page(f"hmac keys of {held.id}", found, sizes, short=True)
    answer: Json = {"kind": "storage#hmacKeysMetadata"}
    if shown:
        answer["items"] = shown
    if token:
        answer["nextPageToken"] = token
    return answer


ACTIVITIES = {
    "serviceAccountKeyLastAuthentication": "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
    "serviceAccountLastAuthentication": "policyanalyzer.serviceAccountLastAuthenticationActivities.query",
}


def query_activities(call: Call) -> Json:
    """The last authentications seen in the observation period. Who was not seen has no row."""
    kind = call.match["type"]
    if kind not in ACTIVITIES:
        raise invalid(f"Unknown activity type {kind}")
    held = _project(call, ACTIVITIES[kind], "project")
    switched_on(held, "policyanalyzer.googleapis.com")
    end = call.now - call.now % DAY
    start = end - call.estate.world.observed_days * DAY
    found = []
    for account in call.estate.living(held):
        if kind == "serviceAccountLastAuthentication":
            found.append(_activity(kind, account, None, account.account.used_at, start, end))
        else:
            found += [_activity(kind, account, key.id, key.key.used_at, start, end) for key in account.keys]
    return listed("activities", *call.page(f"{kind} of {held.id}", [one for one in found if one], Sizes(100, 1000)))


def _activity(kind: str, account: HeldAccount, key: str | None, used_at: int | None, start: int, end: int) -> Json:
    if used_at is None or not start <= used_at <= end:
        return {}
    by_mail = f"//iam.googleapis.com/{account.resource}"
    about: Json = {
        "fullResourceName": by_mail if key is None else f"{by_mail}/keys/{key}",
        "serviceAccountId": account.unique_id,
        "projectNumber": account.project.number,
    }
    name = "serviceAccount" if key is None else "serviceAccountKey"
    return {
        "fullResourceName": about["fullResourceName"],
        "activityType": kind,
        "observationPeriod": {"startTime": day(start), "endTime": day(end)},
        "activity": {"lastAuthenticatedTime": day(used_at), name: about},
    }


# --- Organization Policy ---


def effective_policy(call: Call) -> Json:
    """What holds on a node for one constraint: its own policy, else that of the nearest above."""
    kind, name, constraint = call.match["kind"], call.match["id"], call.match["constraint"]
    scope = f"{kind}/{name}"
    if not call.estate.has(scope):
        raise denied("orgpolicy.policy.get", scope)
    if kind == "projects":
        held = _project(call, "orgpolicy.policy.get")
        switched_on(held, "orgpolicy.googleapis.com")
        chain, scope = held.ancestors, f"projects/{held.number}"
    else:
        call.allow("orgpolicy.policy.get", scope)
        chain = call.estate.folder_ancestors(name) if kind == "folders" else (scope,)
    found: Json = {"name": f"{scope}/policies/{constraint}", "spec": {"rules": [{"enforce": False}]}}
    for node in chain:
        for one in _constraints(call.estate, node):
            if one.name == constraint:
                rule: Json = {"values": {"allowedValues": list(one.values)}} if one.values else {}
                if one.enforced is not None:
                    rule["enforce"] = one.enforced
                found["spec"] = {"rules": [rule]}
                return found
    return found


def _constraints(estate: Estate, node: str) -> Iterable[Any]:
    kind, _, name = node.partition("/")
    if kind == "projects":
        held = estate.project(name)
        return held.project.constraints if held else ()
    if kind == "folders":
        return next(folder.constraints for folder in estate.world.folders if folder.id == name)
    return estate.world.organization.constraints if estate.world.organization else ()

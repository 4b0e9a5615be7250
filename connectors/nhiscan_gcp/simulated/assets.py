"""Cloud Asset Inventory: everything below a node in one list, and every policy in one search."""

import re
from collections.abc import Iterator
from datetime import datetime

from nhiscan_gcp.simulated.answers import Json, Sizes, denied, invalid
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.held import HeldProject
from nhiscan_gcp.simulated.ids import stamp
from nhiscan_gcp.simulated.services import ASSET_WINDOW, Call, listed, switched_on
from nhiscan_gcp.simulated.workloads import TYPES as WORKLOADS
from nhiscan_gcp.simulated.workloads import workload

IAM, CRM, KEYS = "iam.googleapis.com", "cloudresourcemanager.googleapis.com", "apikeys.googleapis.com"
TYPES = (
    f"{CRM}/Organization",
    f"{CRM}/Folder",
    f"{CRM}/Project",
    f"{IAM}/ServiceAccount",
    f"{IAM}/ServiceAccountKey",
    f"{IAM}/Role",
    f"{IAM}/WorkloadIdentityPool",
    f"{IAM}/WorkloadIdentityPoolProvider",
    f"{KEYS}/Key",
    *(kind for kind, _, _ in WORKLOADS.values()),
)


def list_assets(call: Call) -> Json:
    """``assets.list`` with contentType RESOURCE."""
    scope = _scope(call, "cloudasset.assets.listResource")
    content = call.query.one("contentType")
    if content not in ("RESOURCE", "1"):
        raise invalid("Only contentType RESOURCE is simulated.")
    read_time = call.now
    if asked := call.query.one("readTime"):
        try:
            read_time = int(datetime.fromisoformat(asked).timestamp())
        except ValueError:
            raise invalid("Invalid readTime.") from None
        if not call.now - ASSET_WINDOW <= read_time <= call.now:
            raise invalid("readTime must be between 35 days ago and now.")
    wanted = [re.compile(pattern) for pattern in call.query.all("assetTypes")]
    found = [
        one
        for one in call.estate.remembered(f"assets of {scope}", lambda: assets(call.estate, scope))
        if not wanted or any(pattern.fullmatch(one["assetType"]) for pattern in wanted)
    ]
    shown, token = call.page(f"assets of {scope}", found, Sizes(100, 1000), short=True)
    return {"readTime": stamp(read_time), **listed("assets", shown, token)}


def assets(estate: Estate, scope: str) -> Iterator[Json]:
    """Every asset below a node, sorted by type and name."""
    found: list[Json] = []
    if scope.startswith("organizations/"):
        organization = estate.organization_json()
        found.append(_asset(f"//{CRM}/{scope}", f"{CRM}/Organization", [scope], "v3", "Organization", organization))
        found += [_role(estate, scope, role.id) for role in estate.custom_roles(scope) if not role.deleted]
    for folder in estate.world.folders:
        ancestors = estate.folder_ancestors(folder.id)
        if scope in ancestors:
            name = f"//{CRM}/folders/{folder.id}"
            data = estate.folder_json(folder.id)
            found.append(_asset(name, f"{CRM}/Folder", list(ancestors), "v3", "Folder", data))
    for held in estate.below(scope):
        found += _of_project(estate, held)
    yield from sorted(found, key=lambda one: (one["assetType"], one["name"]))


def _of_project(estate: Estate, held: HeldProject) -> Iterator[Json]:
    above = list(held.ancestors)
    name = f"//{CRM}/projects/{held.number}"
    yield _asset(name, f"{CRM}/Project", above, "v3", "Project", estate.project_json(held))
    for account in estate.living(held):
        yield _asset(account.asset(), f"{IAM}/ServiceAccount", above, "v1", "ServiceAccount", account.rest())
        for key in account.keys:
            data = key.rest(account, whole=False)
            yield _asset(
                f"{account.asset()}/keys/{key.id}", f"{IAM}/ServiceAccountKey", above, "v1", "ServiceAccountKey", data
            )
    for role in held.project.roles:
        if not role.deleted:
            yield _role(estate, f"projects/{held.id}", role.id, above)
    for pool in held.project.pools:
        if pool.deleted:
            continue
        data = estate.pool_json(held, pool.id)
        full = f"//{IAM}/{data['name']}"
        yield _asset(full, f"{IAM}/WorkloadIdentityPool", above, "v1", "WorkloadIdentityPool", data)
        for provider in pool.providers:
            if not provider.deleted:
                data = estate.provider_json(held, pool.id, provider)
                yield _asset(
                    f"//{IAM}/{data['name']}",
                    f"{IAM}/WorkloadIdentityPoolProvider",
                    above,
                    "v1",
                    "WorkloadIdentityPoolProvider",
                    data,
                )
    for one in held.project.workloads:
        kind, name, data = workload(estate, held, one)
        _, version, discovery = WORKLOADS[one.kind]
        yield _asset(name, kind, above, version, discovery, data)
    for data in estate.api_keys(held, deleted=False):
        yield _asset(f"//{KEYS}/{data['name']}", f"{KEYS}/Key", above, "v2", "Key", data)


def _role(estate: Estate, parent: str, role_id: str, above: list[str] | None = None) -> Json:
    role = next(one for one in estate.custom_roles(parent) if one.id == role_id)
    data = estate.role_json(parent, role, permissions=True)
    return _asset(f"//{IAM}/{data['name']}", f"{IAM}/Role", above or [parent], "v1", "Role", data)


def _asset(name: str, kind: str, ancestors: list[str], version: str, discovery: str, data: Json) -> Json:
    service = kind.partition("/")[0]
    resource: Json = {
        "version": version,
        "discoveryDocumentUri": f"https://{service}/$discovery/rest",
        "discoveryName": discovery,
        "data": data,
    }
    above = ancestors[1:] if name.endswith(f"/{ancestors[0]}") else ancestors
    if above:
        resource["parent"] = f"//{CRM}/{above[0]}"
    return {
        "name": name,
        "assetType": kind,
        "ancestors": ancestors,
        "updateTime": data.get("updateTime") or data.get("createTime") or "2020-01-01T00:00:00Z",
        "resource": resource,
    }


def search_policies(call: Call) -> Json:
    """``searchAllIamPolicies``: every policy below a node, with the bindings that match the query alone."""
    scope = _scope(call, "cloudasset.assets.searchAllIamPolicies")
    if (call.query.one("query") or "").strip():
        raise invalid("Only the empty query is simulated.")
    kinds = [re.compile(pattern) for pattern in call.query.all("assetTypes")]
    found = [
        one
        for one in call.estate.remembered(f"policies of {scope}", lambda: policies(call.estate, scope))
        if not kinds or any(kind.fullmatch(one["assetType"]) for kind in kinds)
    ]
    shown, token = call.page(f"policies of {scope}", found, Sizes(100, 500), short=True)
    return listed("results", shown, token)


def policies(estate: Estate, scope: str) -> Iterator[Json]:
    """A result for each node and account that has bindings. Folders and the organisation have no project."""
    organization = {"organization": estate.organization} if estate.organization else {}
    if scope.startswith("organizations/") and estate.world.organization and estate.world.organization.bindings:
        policy = {"bindings": estate.bindings(estate.world.organization.bindings)}
        yield {"resource": f"//{CRM}/{scope}", "assetType": f"{CRM}/Organization", "policy": policy, **organization}
    for folder in estate.world.folders:
        above = estate.folder_ancestors(folder.id)
        if scope in above and folder.bindings:
            folders = [one for one in above if one.startswith("folders/")]
            yield {
                "resource": f"//{CRM}/folders/{folder.id}",
                "assetType": f"{CRM}/Folder",
                "folders": folders,
                "policy": {"bindings": estate.bindings(folder.bindings)},
                **organization,
            }
    for held in estate.below(scope):
        folders = [one for one in held.ancestors if one.startswith("folders/")]
        place = {"project": f"projects/{held.number}", **({"folders": folders} if folders else {}), **organization}
        if held.project.bindings:
            yield {
                "resource": f"//{CRM}/projects/{held.id}",
                "assetType": f"{CRM}/Project",
                "policy": {"bindings": estate.bindings(held.project.bindings)},
                **place,
            }
        for account in estate.living(held):
            if account.account.bindings:
                yield {
                    "resource": f"//{IAM}/{account.resource}",
                    "assetType": f"{IAM}/ServiceAccount",
                    "policy": {"bindings": estate.bindings(account.account.bindings)},
                    **place,
                }


SEARCHED = (f"{IAM}/ServiceAccount", f"{KEYS}/Key")
MASK = frozenset({"versionedResources"})
"""What a search leaves out unless ``readMask`` names it."""


def search_resources(call: Call) -> Json:
    """``searchAllResources``, for service accounts and API keys: when they were made, and which keys were deleted."""
    scope = _scope(call, "cloudasset.assets.searchAllResources")
    kinds = call.query.all("assetTypes")
    if not kinds or not set(kinds) <= set(SEARCHED):
        raise invalid(f"Only {' and '.join(SEARCHED)} are simulated.")
    mask = frozenset(filter(None, (call.query.one("readMask") or "").split(",")))
    found = [
        {name: value for name, value in one.items() if (name in mask if mask else name not in MASK)}
        for one in call.estate.remembered(f"search of {scope}", lambda: found_resources(call.estate, scope))
        if one["assetType"] in kinds
    ]
    shown, token = call.page(f"resources of {scope}", found, Sizes(100, 500), short=True)
    return listed("results", shown, token)


def found_resources(estate: Estate, scope: str) -> Iterator[Json]:
    """What a search below a node can find. API keys show for 30 days after they were deleted."""
    organization = {"organization": estate.organization} if estate.organization else {}
    for held in estate.below(scope):
        folders = [one for one in held.ancestors if one.startswith("folders/")]
        place: Json = {
            "project": f"projects/{held.number}",
            "location": "global",
            "parentFullResourceName": f"//{CRM}/projects/{held.id}",
            "parentAssetType": f"{CRM}/Project",
            **({"folders": folders} if folders else {}),
            **organization,
        }
        for account in estate.living(held):
            one: Json = {
                "name": f"//{IAM}/{account.resource}",
                "assetType": SEARCHED[0],
                "displayName": account.email,
                "createTime": stamp(account.account.created_at),
                "state": "DISABLED" if account.account.disabled else "ENABLED",
                "versionedResources": [{"version": "v1", "resource": account.rest()}],
                **place,
            }
            if account.account.description:
                one["description"] = account.account.description
            yield one
        for key in estate.api_keys(held, deleted=True):
            yield {
                "name": f"//{KEYS}/{key['name']}",
                "assetType": SEARCHED[1],
                "displayName": key["displayName"],
                "createTime": key["createTime"],
                "versionedResources": [{"version": "v2", "resource": key}],
                **place,
            }


def _scope(call: Call, permission: str) -> str:
    """The node that a call is about. The API must be on in the project that makes the call, which is the caller's."""
    scope = f"{call.match['kind']}/{call.match['id']}"
    caller = call.estate.world.caller
    if caller is not None:
        switched_on(call.estate.projects[caller.project], "cloudasset.googleapis.com")
    if not call.estate.has(scope):
        raise denied(permission, scope)
    call.allow(permission, scope)
    return scope

"""What Azure Resource Manager lists: places, roles and who holds them, resources, and what lies in vaults."""

import re
from collections.abc import Callable, Iterable

from nhiscan_azure.simulated.answers import Refusal, no_governance
from nhiscan_azure.simulated.armcall import ArmCall, Json
from nhiscan_azure.simulated.azure import MANAGEMENT, Azure, HeldResource

_TELLS_CONDITIONS = "2022-05-01-preview"
_PLACES = frozenset({"Microsoft.Resources/subscriptions/read", "Microsoft.Management/managementGroups/read"})


# --- places ---


def subscriptions(call: ArmCall) -> Json:
    """Those in which the caller may see anything."""
    azure = call.azure
    found = []
    for guid in azure.visible():
        if not call.may("Microsoft.Resources/subscriptions/read", f"/subscriptions/{guid}"):
            continue
        one = azure.subscriptions[guid]
        found.append(
            {
                "id": f"/subscriptions/{guid}",
                "subscriptionId": guid,
                "tenantId": azure.tenant,
                "displayName": one.name,
                "state": one.state,
                "authorizationSource": "RoleBased",
                "subscriptionPolicies": {
                    "locationPlacementId": "Public_2014-09-01",
                    "quotaId": "PayAsYouGo_2014-09-01",
                    "spendingLimit": "Off",
                },
                "tags": dict(one.tags),
            }
        )
    return call.listed(found)


def management_groups(call: ArmCall) -> Json:
    return call.listed(
        {
            "id": f"{MANAGEMENT}{name}",
            "type": "Microsoft.Management/managementGroups",
            "name": name,
            "properties": {"tenantId": call.azure.tenant, "displayName": title},
        }
        for name, title in _groups(call.azure)
        if call.may("Microsoft.Management/managementGroups/read", f"{MANAGEMENT}{name}")
    )


def _groups(azure: Azure) -> list[tuple[str, str]]:
    named = [(one.name, one.title or one.name) for one in azure.world.management_groups]
    return [(azure.tenant, "Tenant Root Group"), *named]


def management_group(call: ArmCall) -> Json:
    """One group; with ``$expand=children`` and ``$recurse=true`` all below it."""
    azure, name = call.azure, call.match["group"]
    titles = {key.lower(): (key, title) for key, title in _groups(azure)}
    if name.lower() not in titles:
        raise Refusal(404, "NotFound", f"The management group '{name}' was not found.")
    name, title = titles[name.lower()]
    call.allow("Microsoft.Management/managementGroups/read", f"{MANAGEMENT}{name}")
    details: Json = {"version": 1, "updatedTime": "2024-01-01T00:00:00Z", "updatedBy": azure.ids.guid("author")}
    if name != azure.tenant:
        declared = next(one for one in azure.world.management_groups if one.name == name)
        parent, parent_title = titles[(declared.parent or azure.tenant).lower()]
        details["parent"] = {"id": f"{MANAGEMENT}{parent}", "name": parent, "displayName": parent_title}
    properties: Json = {"tenantId": azure.tenant, "displayName": title, "details": details}
    if call.query.get("$expand") == "children":
        recurse = call.query.get("$recurse", "false").lower() == "true"
        properties["children"] = _children(azure, name, recurse=recurse)
    return {
        "id": f"{MANAGEMENT}{name}",
        "type": "Microsoft.Management/managementGroups",
        "name": name,
        "properties": properties,
    }


def _children(azure: Azure, name: str, *, recurse: bool) -> list[Json]:
    found = []
    for one in azure.world.management_groups:
        if (one.parent or azure.tenant) == name:
            child: Json = {
                "id": f"{MANAGEMENT}{one.name}",
                "type": "Microsoft.Management/managementGroups",
                "name": one.name,
                "displayName": one.title or one.name,
            }
            if recurse:
                child["children"] = _children(azure, one.name, recurse=True)
            found.append(child)
    for guid, subscription in azure.subscriptions.items():
        if (subscription.parent or azure.tenant) == name:
            found.append(
                {
                    "id": f"/subscriptions/{guid}",
                    "type": "/subscriptions",
                    "name": guid,
                    "displayName": subscription.name,
                }
            )
    return found


def descendants(call: ArmCall) -> Json:
    azure, name = call.azure, call.match["group"]
    call.allow("Microsoft.Management/managementGroups/descendants/read", f"{MANAGEMENT}{name}")
    found: list[Json] = []

    def add(children: list[Json], parent: str) -> None:
        for child in children:
            properties = {"displayName": child["displayName"], "parent": {"id": f"{MANAGEMENT}{parent}"}}
            shown = {name: child[name] for name in ("id", "type", "name")}
            found.append({**shown, "properties": properties})
            add(child.get("children", []), child["name"])

    add(_children(azure, name, recurse=True), name)
    return call.listed(found)


def resource_groups(call: ArmCall) -> Json:
    guid = call.subscription
    call.allow(call.method.needs, f"/subscriptions/{guid}")
    return call.listed(
        {
            "id": f"/subscriptions/{guid}/resourceGroups/{one.name}",
            "name": one.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": one.location,
            "tags": dict(one.tags),
            "properties": {"provisioningState": "Succeeded"},
        }
        for one in call.azure.subscriptions[guid].groups
    )


# --- roles ---


def _filtered(call: ArmCall, scopes: Iterable[tuple[str, Json, str]]) -> Json:
    """Of (scope, object, principal id) those at, above and (without ``atScope()``) below the scope asked about."""
    azure, scope = call.azure, call.scope
    call.allow(call.method.needs, scope)
    at_or_above = {one.lower() for one in azure.above(scope)}
    text = call.query.get("$filter", "")
    principal = _principal_filter(text)
    found = []
    for where, shown, holder in scopes:
        inherited = where.lower() in at_or_above
        below = not inherited and scope.lower() in {one.lower() for one in azure.above(where)}
        if text == "atScope()" and not inherited:
            continue
        if (inherited or below) and principal in (None, holder):
            found.append(shown)
    return call.listed(found)


def _principal_filter(text: str) -> str | None:
    if text in ("", "atScope()"):
        return None
    match = re.fullmatch(r"(?:atScope\(\) and )?(?:principalId eq|assignedTo\()\s*'([^']+)'\)?", text)
    if match is None:
        raise Refusal(400, "InvalidFilter", f"The filter '{text}' is not supported.")
    return match[1].lower()


def role_assignments(call: ArmCall) -> Json:
    azure = call.azure
    return _filtered(call, ((one.scope, azure.assignment_json(one), one.principal) for one in azure.standing()))


def role_definitions(call: ArmCall) -> Json:
    """Built-in roles, and custom ones that can be given at the scope."""
    azure, scope = call.azure, call.scope
    call.allow(call.method.needs, scope)
    text = call.query.get("$filter", "")
    kinds = {"": (True, False), "type eq 'BuiltInRole'": (True,), "type eq 'CustomRole'": (False,)}
    if text not in (*kinds, "atScopeAndBelow()", "atScope()"):
        raise Refusal(400, "InvalidFilter", f"The filter '{text}' is not supported.")
    subscription = scope.split("/")[2] if scope.lower().startswith("/subscriptions/") else None
    above = {one.lower() for one in azure.above(scope)}
    found = []
    for held in azure.roles.values():
        given = {azure.scope_named(one).lower() for one in held.role.scopes} or {azure.root.lower()}
        if text == "atScopeAndBelow()" and any(
            scope.lower() in {up.lower() for up in azure.above(one)} for one in given
        ):
            given |= above
        if held.role.built_in in kinds.get(text, (True, False)) and (held.role.built_in or given & above):
            found.append(azure.role_json(held, subscription, conditions=call.query["api-version"] == _TELLS_CONDITIONS))
    return call.listed(found)


def deny_assignments(call: ArmCall) -> Json:
    azure = call.azure
    return _filtered(call, ((scope, azure.denial_json(scope, denial), "") for scope, denial in azure.denials))


def classic(call: ArmCall) -> Json:
    guid = call.subscription
    call.allow(call.method.needs, f"/subscriptions/{guid}")
    azure = call.azure
    return call.listed(azure.classic_json(guid, address, role) for address, role in azure.subscriptions[guid].classic)


def schedules(kind: str) -> Callable[[ArmCall], Json]:
    """Privileged Identity Management, which the tenant needs a licence for."""
    eligible = kind.startswith("roleEligibility")

    def answer(call: ArmCall) -> Json:
        azure = call.azure
        call.allow(call.method.needs, call.scope)
        if azure.world.directory.premium < 2:
            raise no_governance()
        held = (one for one in azure.assignments if one.declared.eligible == eligible)
        return _filtered(call, ((one.scope, azure.schedule_json(one, kind), one.principal) for one in held))

    return answer


# --- resources ---


def all_resources(call: ArmCall) -> Json:
    """Every resource of a subscription, without what its provider knows of it."""
    guid = call.subscription
    call.allow(call.method.needs, f"/subscriptions/{guid}")
    shown = ("id", "name", "type", "location", "tags", "kind", "sku", "identity")
    return call.listed(
        {name: held.shown[name] for name in shown if name in held.shown}
        for held in call.azure.resources
        if held.subscription == guid
    )


def permissions(call: ArmCall) -> Json:
    """What the caller may do at a scope, role by role. What a fault plan denies is taken away from each."""
    azure, scope = call.azure, call.scope
    call.allow(call.method.needs, scope)
    known = set(call.actions | _PLACES)
    known |= {f"{held.shown['type']}/read" for held in azure.resources}
    denied = [action for action in sorted(known) if azure.may(action, scope) and not call.may(action, scope)]
    return call.listed(
        {
            "actions": list(role.actions),
            "notActions": [*role.not_actions, *denied],
            "dataActions": list(role.data_actions),
            "notDataActions": list(role.not_data_actions),
        }
        for role in azure.held_at(scope)
    )


def of_type(call: ArmCall) -> Json:
    """The resources of one type in a subscription."""
    guid = call.subscription
    kind = f"{call.match['provider']}/{call.match['type']}"
    call.allow(f"{kind}/read", f"/subscriptions/{guid}")
    return call.listed(
        held.shown
        for held in call.azure.resources
        if held.subscription == guid and str(held.shown["type"]).lower() == kind.lower()
    )


def _held(call: ArmCall) -> HeldResource:
    wanted = "/" + call.match["resource"].lower()
    for held in call.azure.resources:
        if held.id.lower() == wanted:
            return held
    raise Refusal(404, "ResourceNotFound", f"The Resource '{call.match['resource']}' was not found.")


def federated(call: ArmCall) -> Json:
    call.allow(call.method.needs, "/" + call.match["resource"])
    return call.listed(_held(call).federated)


def vault_items(name: str) -> Callable[[ArmCall], Json]:
    def answer(call: ArmCall) -> Json:
        call.allow(call.method.needs, "/" + call.match["resource"])
        held = _held(call)
        return call.listed(held.secrets if name == "secrets" else held.keys)

    return answer


def keys(call: ArmCall) -> Json:
    """The keys themselves: a reader never asks. They are planted, and more than reading is needed."""
    call.allow(call.method.needs, "/" + call.match["resource"])
    held = _held(call)
    return {
        "keys": [
            {"keyName": name, "value": call.plant(f"{name} of {held.id}"), "permissions": "Full"}
            for name in ("key1", "key2")
        ]
    }

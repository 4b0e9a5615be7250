"""Azure Resource Manager: the lists a reader may ask for, each with its action, its version and its pages."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from nhiscan_azure.simulated.answers import Refusal, no_governance
from nhiscan_azure.simulated.azure import MANAGEMENT, Azure, HeldResource

Json = dict[str, Any]
PAGE = 100
_TELLS_CONDITIONS = "2022-05-01-preview"
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?", re.ASCII)
_SUBSCRIPTION = r"subscriptions/(?P<subscription>[^/]+)"
_SCOPE = (
    r"(?P<scope>subscriptions/[^/]+(?:/resourceGroups/[^/]+)?(?:/providers/(?!Microsoft\.Authorization/)[^/]+/[^/]+/[^/]+)?"
    r"|providers/Microsoft\.Management/managementGroups/[^/]+)"
)
_RESOURCE = rf"(?P<resource>{_SUBSCRIPTION}/resourceGroups/[^/]+/providers/(?P<provider>[^/]+)/(?P<type>[^/]+)/[^/]+)"


@dataclass(frozen=True)
class ArmMethod:
    """``action`` is its name in counts and fault plans; ``needs`` is the action a role must allow.

    ``versions`` are the api-versions in which it is what it is here: None stands for any.
    """

    verb: str
    path: re.Pattern[str]
    action: str
    needs: str
    known: tuple[str, ...]
    versions: tuple[str, ...] | None
    answer: Callable[["ArmCall"], Any]


@dataclass
class ArmCall:
    """``allow(action, scope)`` refuses what the caller may not; ``may`` only asks."""

    azure: Azure
    method: ArmMethod
    match: Mapping[str, str]
    query: Mapping[str, str]
    base: str
    path: str
    allow: Callable[[str, str], None]
    may: Callable[[str, str], bool]
    next_base: str | None = None
    page: int = PAGE
    plant: Callable[[str], str] = str

    @property
    def subscription(self) -> str:
        """The subscription of the path; refused where there is none such."""
        guid = self.match["subscription"].lower()
        if guid not in self.azure.subscriptions:
            raise Refusal(404, "SubscriptionNotFound", f"The subscription '{guid}' could not be found.")
        return guid

    @property
    def scope(self) -> str:
        return "/" + self.match["scope"]

    def listed(self, items: Iterable[Json]) -> Json:
        """A page of a list, with the address of the next one."""
        found = list(items)
        text = self.query.get("$skipToken", "0")
        if not text.isdigit():
            raise Refusal(400, "InvalidSkipToken", "The skip token is not valid.")
        start = int(text)
        answer: Json = {"value": found[start : start + self.page]}
        if start + self.page < len(found):
            rest = [(name, value) for name, value in self.query.items() if name != "$skipToken"]
            query = urlencode([*rest, ("$skipToken", str(start + self.page))], safe="$'()")
            answer["nextLink"] = f"{self.next_base or self.base}/{self.path}?{query}"
        return answer


# --- places ---


def _subscriptions(call: ArmCall) -> Json:
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


def _management_groups(call: ArmCall) -> Json:
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


def _management_group(call: ArmCall) -> Json:
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


def _descendants(call: ArmCall) -> Json:
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


def _resource_groups(call: ArmCall) -> Json:
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


def _role_assignments(call: ArmCall) -> Json:
    azure = call.azure
    return _filtered(call, ((one.scope, azure.assignment_json(one), one.principal) for one in azure.standing()))


def _role_definitions(call: ArmCall) -> Json:
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


def _deny_assignments(call: ArmCall) -> Json:
    azure = call.azure
    return _filtered(call, ((scope, azure.denial_json(scope, denial), "") for scope, denial in azure.denials))


def _classic(call: ArmCall) -> Json:
    guid = call.subscription
    call.allow(call.method.needs, f"/subscriptions/{guid}")
    azure = call.azure
    return call.listed(azure.classic_json(guid, address, role) for address, role in azure.subscriptions[guid].classic)


def _schedules(kind: str) -> Callable[[ArmCall], Json]:
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


def _all_resources(call: ArmCall) -> Json:
    """Every resource of a subscription, without what its provider knows of it."""
    guid = call.subscription
    call.allow(call.method.needs, f"/subscriptions/{guid}")
    shown = ("id", "name", "type", "location", "tags", "kind", "sku", "identity")
    return call.listed(
        {name: held.shown[name] for name in shown if name in held.shown}
        for held in call.azure.resources
        if held.subscription == guid
    )


def _permissions(call: ArmCall) -> Json:
    """What the caller may do at a scope, role by role. What a fault plan denies is taken away from each."""
    azure, scope = call.azure, call.scope
    call.allow(call.method.needs, scope)
    known = {method.needs for method in ARM_METHODS if method.needs} | _PLACES
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


def _of_type(call: ArmCall) -> Json:
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


def _federated(call: ArmCall) -> Json:
    call.allow(call.method.needs, "/" + call.match["resource"])
    return call.listed(_held(call).federated)


def _vault_items(name: str) -> Callable[[ArmCall], Json]:
    def answer(call: ArmCall) -> Json:
        call.allow(call.method.needs, "/" + call.match["resource"])
        held = _held(call)
        return call.listed(held.secrets if name == "secrets" else held.keys)

    return answer


def _keys(call: ArmCall) -> Json:
    """The keys themselves: a reader never asks. They are planted, and more than reading is needed."""
    call.allow(call.method.needs, "/" + call.match["resource"])
    held = _held(call)
    return {
        "keys": [
            {"keyName": name, "value": call.plant(f"{name} of {held.id}"), "permissions": "Full"}
            for name in ("key1", "key2")
        ]
    }


def _method(
    verb: str,
    path: str,
    action: str,
    needs: str,
    answer: Callable[[ArmCall], Any],
    *versions: str,
    known: tuple[str, ...] = (),
) -> ArmMethod:
    return ArmMethod(verb, re.compile(path, re.IGNORECASE), f"arm.{action}", needs, known, versions or None, answer)


_PLACES = frozenset({"Microsoft.Resources/subscriptions/read", "Microsoft.Management/managementGroups/read"})
_ROLES = rf"{_SCOPE}/providers/Microsoft\.Authorization"
_AUTHORIZATION = "Microsoft.Authorization"
_GROUP = r"providers/Microsoft\.Management/managementGroups"
_SCHEDULES = tuple(
    _method("GET", f"{_ROLES}/{kind}", kind, f"{_AUTHORIZATION}/{kind}/read", _schedules(kind), "2020-10-01",
            "2020-10-01-preview", known=("$filter",))
    for kind in ("roleEligibilitySchedules", "roleEligibilityScheduleInstances", "roleAssignmentSchedules",
                 "roleAssignmentScheduleInstances")
)  # fmt: skip
ARM_METHODS: tuple[ArmMethod, ...] = (
    _method("GET", "subscriptions", "subscriptions.list", "", _subscriptions),
    _method("GET", _GROUP, "managementGroups.list", "", _management_groups),
    _method("GET", rf"{_GROUP}/(?P<group>[^/]+)", "managementGroups.get", "", _management_group,
            known=("$expand", "$recurse")),
    _method("GET", rf"{_GROUP}/(?P<group>[^/]+)/descendants", "managementGroups.descendants", "", _descendants),
    _method("GET", f"{_SUBSCRIPTION}/resourcegroups", "resourceGroups.list",
            "Microsoft.Resources/subscriptions/resourceGroups/read", _resource_groups),
    _method("GET", f"{_ROLES}/permissions", "permissions", f"{_AUTHORIZATION}/permissions/read", _permissions,
            "2022-04-01", "2015-07-01"),
    _method("GET", f"{_ROLES}/roleAssignments", "roleAssignments", f"{_AUTHORIZATION}/roleAssignments/read",
            _role_assignments, "2022-04-01", "2020-10-01-preview", known=("$filter",)),
    _method("GET", f"{_ROLES}/roleDefinitions", "roleDefinitions", f"{_AUTHORIZATION}/roleDefinitions/read",
            _role_definitions, "2022-04-01", "2022-05-01-preview", "2018-01-01-preview", known=("$filter",)),
    _method("GET", f"{_ROLES}/denyAssignments", "denyAssignments", f"{_AUTHORIZATION}/denyAssignments/read",
            _deny_assignments, "2022-04-01", "2018-07-01-preview", known=("$filter",)),
    _method("GET", rf"{_SUBSCRIPTION}/providers/Microsoft\.Authorization/classicAdministrators",
            "classicAdministrators", f"{_AUTHORIZATION}/classicAdministrators/read", _classic, "2015-07-01"),
    *_SCHEDULES,
    _method("GET", rf"{_RESOURCE}/federatedIdentityCredentials", "federatedIdentityCredentials",
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read", _federated,
            "2023-01-31", "2024-11-30", "2022-01-31-preview"),
    _method("GET", rf"{_RESOURCE}/secrets", "vaults.secrets", "Microsoft.KeyVault/vaults/secrets/read",
            _vault_items("secrets")),
    _method("GET", rf"{_RESOURCE}/keys", "vaults.keys", "Microsoft.KeyVault/vaults/keys/read", _vault_items("keys")),
    _method("POST", rf"{_RESOURCE}/listKeys", "storageAccounts.listKeys",
            "Microsoft.Storage/storageAccounts/listKeys/action", _keys),
    _method("GET", f"{_SUBSCRIPTION}/resources", "resources.all", "Microsoft.Resources/subscriptions/resources/read",
            _all_resources, "2021-04-01", "2022-09-01", known=("$filter", "$expand", "$top")),
    _method("GET", rf"{_SUBSCRIPTION}/providers/(?P<provider>[^/]+)/(?P<type>[^/]+)", "resources.list", "", _of_type),
)  # fmt: skip


def check_version(known: tuple[str, ...] | None, version: str | None) -> None:
    """Refuse a call without a version, or with one in which this does not exist."""
    if version is None:
        raise Refusal(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _VERSION.fullmatch(version):
        raise Refusal(
            400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid. The format is yyyy-MM-dd."
        )
    if known is not None and version not in known:
        raise Refusal(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for API version '{version}'. The supported api-versions are "
            f"'{', '.join(known)}'.",
        )

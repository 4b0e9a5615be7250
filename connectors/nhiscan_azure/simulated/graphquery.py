"""Resource Graph: a query over the tables, page by page, of what the caller may see."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from nhiscan_azure.simulated import kql
from nhiscan_azure.simulated.answers import Refusal
from nhiscan_azure.simulated.azure import Azure
from nhiscan_azure.simulated.kqlwords import KqlError
from nhiscan_azure.simulated.world import Subscription

Json = dict[str, Any]
MOST = 1_000
COLUMNS = (
    *("id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy", "sku"),
    *("plan", "properties", "tags", "identity", "zones", "extendedLocation"),
)
_TEMPLATE: Json = {
    **dict.fromkeys(("kind", "location", "resourceGroup", "subscriptionId", "managedBy"), ""),
    **dict.fromkeys(("sku", "plan", "tags", "identity", "zones", "extendedLocation")),
}
_OPTIONS = frozenset({"$skip", "$skipToken", "$top", "allowPartialScopes", "authorizationScopeFilter", "resultFormat"})
READ = "Microsoft.ResourceGraph/resources/read"
May = Callable[[str, str], bool]  # (action, scope)


class ResourceGraph:
    """Answers queries. ``may`` says what the caller may do where."""

    def __init__(self, azure: Azure, may: May) -> None:
        self._azure = azure
        self._may = may
        self.limit_hit = False
        """Say that the caller's subscriptions were too many to look at, as for more than 10,000."""

    def answer(self, body: Json) -> tuple[Json, dict[str, str]]:
        """Body and headers of the answer to a query. Raises Refusal."""
        query = body.get("query")
        if not isinstance(query, str) or set(body) - {
            "query",
            "subscriptions",
            "managementGroups",
            "options",
            "facets",
        }:
            raise _invalid("InvalidRequest", "The request body is not valid.")
        options = body.get("options") or {}
        if not isinstance(options, dict) or set(options) - _OPTIONS:
            raise _invalid("InvalidOptions", "The request has options that are not known.")
        if options.get("resultFormat", "objectArray") != "objectArray":
            raise _invalid("InvalidOptions", "Only objectArray is supported here.")
        most = options.get("$top", MOST)
        if not isinstance(most, int) or not 1 <= most <= MOST:
            raise _invalid("InvalidOptions", "$top must be between 1 and 1000.")
        scopes = self._scopes(body)
        try:
            found = kql.run(
                query,
                {
                    "resources": lambda: self._resources(scopes),
                    "resourcecontainers": lambda: self._containers(scopes),
                    "authorizationresources": lambda: self._authorization(scopes),
                },
                COLUMNS,
            )
        except KqlError as problem:
            raise _invalid("InvalidQuery", f"Query is invalid: {problem}") from None
        return self._page(body, found, options, most)

    def _page(self, body: Json, found: kql.Result, options: Json, most: int) -> tuple[Json, dict[str, str]]:
        walk = {name: body.get(name) for name in ("query", "subscriptions", "managementGroups")}
        mark = hashlib.sha256(json.dumps(walk, sort_keys=True).encode()).hexdigest()[:16]
        start = int(options.get("$skip", 0))
        if token := options.get("$skipToken"):
            try:
                kept, start = json.loads(base64.b64decode(str(token).encode(), validate=True))
            except ValueError:
                raise _invalid("InvalidSkipToken", "The skip token is not valid.") from None
            if kept != mark:
                raise _invalid("InvalidSkipToken", "The skip token belongs to another query.")
        shown = found.rows[start : start + most]
        more = start + most < len(found.rows)
        answer: Json = {
            "totalRecords": len(found.rows),
            "count": len(shown),
            "data": shown,
            "facets": [],
            "resultTruncated": "true" if more and not found.paged else "false",
        }
        if more and found.paged:
            answer["$skipToken"] = base64.b64encode(json.dumps([mark, start + most]).encode()).decode()
        return answer, {"x-ms-tenant-subscription-limit-hit": "true"} if self.limit_hit else {}

    def _scopes(self, body: Json) -> set[str]:
        """Ids of the subscriptions that are asked about."""
        azure = self._azure
        asked = body.get("subscriptions")
        if asked is not None:
            wanted = {str(one).lower() for one in asked}
            seen = wanted & set(self._visible())
            if not seen:
                raise Refusal(
                    403, "Forbidden", "No access was given to subscription, resource group, or resource to be queried."
                )
            return seen
        groups = body.get("managementGroups")
        if groups is None:
            return set(self._visible())
        wanted = {str(one).lower() for one in groups}
        known = {group.name.lower() for group in azure.world.management_groups} | {azure.tenant}
        if not wanted <= known or not any(self._sees_group(one) for one in wanted):
            raise Refusal(403, "Forbidden", "No access was given to the management group to be queried.")
        inside = {
            guid
            for guid, one in azure.subscriptions.items()
            if azure.tenant in wanted or any(group.name.lower() in wanted for group in azure.world.chain(one.parent))
        }
        return inside & set(self._visible())

    def _visible(self) -> list[str]:
        read = "Microsoft.Resources/subscriptions/read"
        return [one for one in self._azure.visible() if self._may(read, f"/subscriptions/{one}")]

    def _sees_group(self, name: str) -> bool:
        scope = f"/providers/Microsoft.Management/managementGroups/{name}"
        return self._may("Microsoft.Management/managementGroups/read", scope) or bool(self._visible())

    # --- tables ---

    def _row(self, shown: Json, **more: Any) -> Json:
        wide = {name: shown[name] for name in COLUMNS if name in shown}
        return {
            **_TEMPLATE,
            **wide,
            "type": str(shown["type"]).lower(),
            "tenantId": self._azure.tenant,
            "tags": shown.get("tags") or None,
            **more,
        }

    def _resources(self, scopes: set[str]) -> Iterator[Json]:
        for held in sorted(self._azure.resources, key=lambda one: one.id.lower()):
            if held.subscription in scopes and self._may(f"{held.shown['type']}/read", held.id):
                yield self._row(held.shown, subscriptionId=held.subscription, resourceGroup=held.group.lower())

    def _containers(self, scopes: set[str]) -> Iterator[Json]:
        azure = self._azure
        for name, title, parent in [
            (azure.tenant, "Tenant Root Group", None),
            *((one.name, one.title or one.name, one.parent or azure.tenant) for one in azure.world.management_groups),
        ]:
            scope = f"/providers/Microsoft.Management/managementGroups/{name}"
            if self._may("Microsoft.Management/managementGroups/read", scope):
                yield self._group(scope, name, title, parent)
        for guid in sorted(scopes):
            subscription = azure.subscriptions[guid]
            yield self._subscription(guid, subscription)
            for group in subscription.groups:
                inside = f"/subscriptions/{guid}/resourceGroups/{group.name}"
                if self._may("Microsoft.Resources/subscriptions/resourceGroups/read", inside):
                    yield self._row(
                        {
                            "id": inside,
                            "name": group.name,
                            "type": "microsoft.resources/subscriptions/resourcegroups",
                            "location": group.location,
                            "tags": dict(group.tags),
                            "properties": {"provisioningState": "Succeeded"},
                        },
                        subscriptionId=guid,
                        resourceGroup=group.name.lower(),
                    )

    def _group(self, scope: str, name: str, title: str, parent: str | None) -> Json:
        azure = self._azure
        details: Json = {"version": 1, "updatedBy": azure.ids.guid("author"), "updatedTime": "2024-01-01T00:00:00Z"}
        if parent is not None:
            shown = next((one.title or one.name for one in azure.world.management_groups if one.name == parent), None)
            details["parent"] = {
                "id": f"/providers/Microsoft.Management/managementGroups/{parent}",
                "name": parent,
                "displayName": shown or "Tenant Root Group",
            }
            upward = None if parent == azure.tenant else parent
            details["managementGroupAncestorsChain"] = azure.groups_above(upward)
        properties = {"displayName": title, "tenantId": azure.tenant, "details": details}
        found = {"id": scope, "name": name, "type": "microsoft.management/managementgroups", "properties": properties}
        return self._row(found)

    def _subscription(self, guid: str, subscription: Subscription) -> Json:
        properties = {
            "state": subscription.state,
            "managementGroupAncestorsChain": self._azure.groups_above(subscription.parent),
            "subscriptionPolicies": {
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
                "locationPlacementId": "Public_2014-09-01",
            },
        }
        return self._row(
            {
                "id": f"/subscriptions/{guid}",
                "name": subscription.name,
                "type": "microsoft.resources/subscriptions",
                "tags": dict(subscription.tags),
                "properties": properties,
            },
            subscriptionId=guid,
        )

    def _authorization(self, scopes: set[str]) -> Iterator[Json]:
        azure = self._azure
        found: list[Json] = []
        for one in azure.standing():
            above = one.subscription is None
            if not above and one.subscription not in scopes:
                continue
            where = azure.root if one.scope == "/" else one.scope  # who reads the root sees what is inherited there
            if self._may("Microsoft.Authorization/roleAssignments/read", where):
                shown = azure.assignment_json(one)
                properties = {
                    **{name: value for name, value in shown["properties"].items() if value is not None},
                    "roleDefinitionId": f"/providers/Microsoft.Authorization/RoleDefinitions/{one.role}",
                }
                shown["id"] = shown["id"].replace("/roleAssignments/", "/RoleAssignments/")
                found.append(self._row({**shown, "properties": properties}, subscriptionId=one.subscription or ""))
        if self._may_anywhere("Microsoft.Authorization/roleDefinitions/read", scopes):
            for held in azure.roles.values():
                shown = azure.role_json(held)
                shown["id"] = shown["id"].replace("/roleDefinitions/", "/RoleDefinitions/")
                found.append(self._row(shown))
        for guid in sorted(scopes):
            if self._may("Microsoft.Authorization/classicAdministrators/read", f"/subscriptions/{guid}"):
                found += [
                    self._row(azure.classic_json(guid, address, role), subscriptionId=guid)
                    for address, role in azure.subscriptions[guid].classic
                ]
        yield from sorted(found, key=lambda row: str(row["id"]).lower())

    def _may_anywhere(self, action: str, scopes: set[str]) -> bool:
        return self._may(action, self._azure.root) or any(self._may(action, f"/subscriptions/{one}") for one in scopes)


def _invalid(code: str, message: str) -> Refusal:
    return Refusal(
        400,
        "BadRequest",
        "Please provide below info when asking for support: timestamp = 2026-11-02T09:00:00Z, correlationId = "
        "00000000-0000-0000-0000-000000000000.",
        details=((code, message),),
    )

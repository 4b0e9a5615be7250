"""What applications may do at APIs: ``graph.app-role-assignments`` and ``graph.delegated-grants``."""

from collections.abc import Iterator, Mapping

from nhiscan.connector import Reader
from nhiscan.model import Grant, Identity, Policy, Record
from nhiscan_azure import keys
from nhiscan_azure.batch import Ask, lists
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json
from nhiscan_azure.sources.applications import ID as APPLICATIONS
from nhiscan_azure.sources.applications import PAGE
from nhiscan_azure.values import identifier, text

ROLES, GRANTS = "graph.app-role-assignments", "graph.delegated-grants"
GRAPH = "00000003-0000-0000-c000-000000000000"
"""Application id of Microsoft Graph: most permissions are its own, so its list is read by itself."""
_HOLDERS = ("ServicePrincipal", "Group")
_SELECT = "id,appRoleId,principalId,principalType,resourceId"
_OPERATION = "graph.servicePrincipals.appRoleAssignedTo"


def run_roles(node: Node, reader: Reader) -> Iterator[Record]:
    """Who holds the application permissions of each API that offers some. Users who were given an app are left out."""
    names: dict[str, dict[str, str]] = {}
    for one in reader(APPLICATIONS):
        if isinstance(one, Policy) and one.arn:
            names.setdefault(one.arn, {})[one.native_id] = one.name
    apis = {
        one.native_id: one.arn
        for one in reader(APPLICATIONS)
        if isinstance(one, Identity) and one.kind != "application" and one.arn in names
    }
    holders: set[str] = set()
    for api, shown in _assigned(node, apis):
        holder, role = identifier(shown.get("principalId")), identifier(shown.get("appRoleId"))
        if holder is None or role is None or shown.get("principalType") not in _HOLDERS:
            continue
        app_id = str(apis[api])
        holders.add(holder)
        principal, resource = node.object(holder), node.object(api)
        yield Grant(
            key=f"{principal}|app_role|{role}|{resource}",
            scope=node.key,
            kind="app_role",
            principal=principal,
            name=names[app_id].get(role, role),
            policy=keys.app_role(node.key, app_id, role),
            resource=resource,
            source=ROLES,
        )
    node.registry.put(ROLES, holders)


def _assigned(node: Node, apis: Mapping[str, str | None]) -> Iterator[tuple[str, Json]]:
    """(object id of the API's principal, assignment), each assignment once."""
    seen: set[str] = set()
    path = "servicePrincipals/{}/appRoleAssignedTo"
    query = {"$select": _SELECT, "$top": PAGE}
    for api in sorted(one for one in apis if apis[one] == GRAPH):
        for found, _ in node.graph.pages(_OPERATION, f"v1.0/{path.format(api)}", query):
            for shown in found:
                if (key := str(shown.get("id"))) not in seen:
                    seen.add(key)
                    yield api, shown
    options = f"?$select={_SELECT}&$top={PAGE}"
    asks = (Ask(api, path.format(api) + options) for api in sorted(apis) if apis[api] != GRAPH)
    for ask, many in lists(node.graph, node.context, _OPERATION, asks):
        for shown in many or ():
            yield ask.name, shown


def run_grants(node: Node, reader: Reader) -> Iterator[Record]:
    """What applications may do for every user of the tenant, because an administrator has consented for all."""
    del reader
    seen: set[str] = set()
    query = {"$filter": "consentType eq 'AllPrincipals'", "$top": PAGE}
    for found, _ in node.graph.pages("graph.oauth2PermissionGrants", "v1.0/oauth2PermissionGrants", query):
        for shown in found:
            client, resource = identifier(shown.get("clientId")), identifier(shown.get("resourceId"))
            if client is None or resource is None or shown.get("consentType") != "AllPrincipals":
                continue
            principal, api = node.object(client), node.object(resource)
            for name in (text(shown.get("scope")) or "").split():
                key = f"{principal}|delegated_permission|{name}|{api}"
                if key not in seen:
                    seen.add(key)
                    yield Grant(key, node.key, "delegated_permission", principal, name, resource=api, source=GRANTS)

"""Roles over the directory: what they allow, who holds or may activate them, which are called privileged."""

import hashlib
from collections.abc import Iterator

from nhiscan.connector import BadAnswer, Reader
from nhiscan.model import Document, Grant, Policy, Record, Setting
from nhiscan_azure import keys
from nhiscan_azure.node import Node
from nhiscan_azure.noting import canonical
from nhiscan_azure.service import Json
from nhiscan_azure.values import identifier, moment, text

DEFINITIONS, ASSIGNMENTS = "graph.directory-roles", "graph.directory-role-assignments"
ELIGIBLE, PRIVILEGED = "graph.eligible-directory-roles", "graph.privileged-roles"
_BASE = "roleManagement/directory"
_DEFINITION = "id,displayName,description,isBuiltIn,isEnabled,templateId,rolePermissions"
_ASSIGNMENT = "id,principalId,roleDefinitionId,directoryScopeId,appScopeId,condition"
_INSTANCE = "id,principalId,roleDefinitionId,directoryScopeId,appScopeId,memberType,startDateTime,endDateTime"


def run_definitions(node: Node, reader: Reader) -> Iterator[Record]:
    """Built-in and own roles with the actions that they allow."""
    del reader
    for found, _ in node.graph.pages(
        "graph.roleDefinitions", f"v1.0/{_BASE}/roleDefinitions", {"$select": _DEFINITION}
    ):
        for shown in found:
            native = identifier(shown.get("id"))
            if native is None:
                raise BadAnswer(DEFINITIONS, "has a role without an id")
            body = canonical(
                {
                    "displayName": text(shown.get("displayName")),
                    "isBuiltIn": shown.get("isBuiltIn") is True,
                    "isEnabled": shown.get("isEnabled") is True,
                    "rolePermissions": shown.get("rolePermissions"),
                    "templateId": identifier(shown.get("templateId")),
                }
            )
            document = Document(hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest(), "policy", body)
            yield document
            yield Policy(
                key=keys.directory_role(node.key, native),
                scope=node.key,
                kind="directory_role",
                native_id=native,
                name=text(shown.get("displayName")) or native,
                arn=identifier(shown.get("templateId")),
                document=document.digest,
                source=DEFINITIONS,
            )


def run_assignments(node: Node, reader: Reader) -> Iterator[Record]:
    """Who holds a role now, activated ones among them."""
    names = _names(reader)
    holders: set[str] = set()
    for found, _ in node.graph.pages(
        "graph.roleAssignments", f"v1.0/{_BASE}/roleAssignments", {"$select": _ASSIGNMENT}
    ):
        for shown in found:
            grant = _grant(node, shown, names, "directory_role", ASSIGNMENTS)
            holders.add(grant.principal.rpartition("/")[2])
            yield grant._replace(condition=text(shown.get("condition")))
    node.registry.put(ASSIGNMENTS, holders)


def run_eligible(node: Node, reader: Reader) -> Iterator[Record]:
    """Who may activate a role. Needs Entra ID P2."""
    names = _names(reader)
    holders: set[str] = set()
    path = f"v1.0/{_BASE}/roleEligibilityScheduleInstances"
    for found, _ in node.graph.pages("graph.roleEligibilityScheduleInstances", path, {"$select": _INSTANCE}):
        for shown in found:
            grant = _grant(node, shown, names, "eligible_assignment", ELIGIBLE)
            holders.add(grant.principal.rpartition("/")[2])
            limits = {"memberType": text(shown.get("memberType"))}
            for name in ("startDateTime", "endDateTime"):
                limits[name] = text(shown.get(name)) if moment(shown.get(name)) is not None else None
            yield grant._replace(condition=canonical({name: one for name, one in limits.items() if one}))
    node.registry.put(ELIGIBLE, holders)


def run_privileged(node: Node, reader: Reader) -> Iterator[Record]:
    """Which roles Microsoft itself calls privileged: in beta alone."""
    del reader
    query = {"$select": "id,isPrivileged"}
    for found, _ in node.graph.pages("graph.beta.roleDefinitions", f"beta/{_BASE}/roleDefinitions", query):
        for shown in found:
            native, told = identifier(shown.get("id")), shown.get("isPrivileged")
            if native is not None and isinstance(told, bool):
                name = f"privileged_role.{native}"
                yield Setting(f"{node.key}|{name}", node.key, name, int(told), None, PRIVILEGED)


def _names(reader: Reader) -> dict[str, str]:
    return {one.native_id: one.name for one in reader(DEFINITIONS) if isinstance(one, Policy)}


def _grant(node: Node, shown: Json, names: dict[str, str], kind: str, source: str) -> Grant:
    native, holder = text(shown.get("id")), identifier(shown.get("principalId"))
    role = identifier(shown.get("roleDefinitionId"))
    if native is None or holder is None or role is None:
        raise BadAnswer(source, "has an assignment without id, principal or role")
    principal = node.object(holder)
    return Grant(
        key=f"{principal}|{kind}|{native}",
        scope=node.key,
        kind=kind,
        principal=principal,
        name=names.get(role, role),
        policy=keys.directory_role(node.key, role),
        resource=_resource(node, shown),
        source=source,
    )


def _resource(node: Node, shown: Json) -> str | None:
    """None for the whole directory; the key of an object, or an administrative unit as Graph writes it."""
    place = text(shown.get("directoryScopeId")) or text(shown.get("appScopeId"))
    if place is None or place == "/":
        return None
    plain = place.strip("/").lower()
    return node.object(plain) if keys.GUID.fullmatch(plain) else place

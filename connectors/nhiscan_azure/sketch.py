"""Sketch an Azure estate in memory, for tests and benchmarks of the analyzer: `Sketch` makes the records.

Names stand for identities: the ids are made up, in order. Places are ids of Resource Manager.
"""

import json
from collections.abc import Sequence
from typing import Any

from nhiscan.model import Alias, Credential, Grant, Identity, Policy, Relation, Scope
from nhiscan.testing.records import MemoryRecords
from nhiscan_azure import keys

AS_OF = 1_790_000_000  # 2026-09-21T13:33:20Z
TENANT_ID = "10000000-0000-0000-0000-000000000000"
TENANT = keys.tenant(TENANT_ID)
VENDOR = "20000000-0000-0000-0000-000000000000"
ROOT_GROUP = f"/providers/microsoft.management/managementgroups/{TENANT_ID}"
SUB = "/subscriptions/30000000-0000-0000-0000-000000000001"
OTHER_SUB = "/subscriptions/30000000-0000-0000-0000-000000000002"
GROUP = f"{SUB}/resourcegroups/app"
GRAPH = "00000003-0000-0000-c000-000000000000"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
BUILT_IN: dict[str, tuple[str, dict[str, Any]]] = {
    OWNER: ("Owner", {"actions": ["*"], "notActions": []}),
    CONTRIBUTOR: (
        "Contributor",
        {
            "actions": ["*"],
            "notActions": [
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
                "Microsoft.Blueprint/blueprintAssignments/write",
                "Microsoft.Blueprint/blueprintAssignments/delete",
                "Microsoft.Compute/galleries/share/action",
            ],
        },
    ),
    ACCESS_ADMINISTRATOR: (
        "User Access Administrator",
        {"actions": ["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"]},
    ),
    READER: ("Reader", {"actions": ["*/read"]}),
}


def block(*actions: str, less: Sequence[str] = (), data: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """An entry of ``permissions``: ``less`` are its notActions, ``data`` its dataActions."""
    return {"actions": list(actions), "notActions": list(less), "dataActions": list(data), "notDataActions": [], **more}


class Sketch:
    """An estate in the making: one tenant, its root group, and two subscriptions below."""

    def __init__(self) -> None:
        self.records = MemoryRecords(AS_OF)
        self._numbers = 0
        self.records.add(
            Scope(TENANT, "azure", "tenant", TENANT_ID, "contoso"),
            Scope(keys.management_group(TENANT_ID), "azure", "management_group", TENANT_ID, parent=TENANT),
        )
        for place in (SUB, OTHER_SUB):
            self.subscription(place)

    def subscription(self, place: str, above: str = TENANT_ID) -> str:
        id_ = place.rpartition("/")[2]
        key = keys.subscription(id_)
        self.records.add(Scope(key, "azure", "subscription", id_, parent=keys.management_group(above)))
        return key

    def management_group(self, name: str, above: str = TENANT_ID) -> str:
        """Its place."""
        key = keys.management_group(name)
        self.records.add(Scope(key, "azure", "management_group", name, parent=keys.management_group(above)))
        return f"/providers/microsoft.management/managementgroups/{name}"

    # --- identities ---

    def identity(self, kind: str, name: str, **facts: Any) -> str:
        self._numbers += 1
        id_ = f"40000000-0000-0000-0000-{self._numbers:012d}"
        key = keys.directory_object(TENANT, id_)
        self.records.add(Identity(key, TENANT, kind, id_, name, **facts))
        return key

    def application(self, name: str, **facts: Any) -> tuple[str, str]:
        """(application, its service principal)."""
        facts.setdefault("publisher", TENANT_ID)
        application = self.identity("application", name, **facts)
        principal = self.identity("service_principal", name, path="Application", publisher=TENANT_ID)
        self.relation("instance_of", principal, application)
        return application, principal

    def principal(self, name: str) -> str:
        """The service principal of an application of its own."""
        return self.application(name)[1]

    def vendor(self, name: str) -> str:
        return self.identity("service_principal", name, path="Application", publisher=VENDOR)

    def user(self, name: str, **facts: Any) -> str:
        return self.identity("user", name, **{"path": "Member", **facts})

    def group(self, name: str, *members: str, assignable: bool = False) -> str:
        key = self.identity("group", name, path="role-assignable" if assignable else None)
        for member in members:
            self.relation("member_of", member, key)
        return key

    def system_identity(self, host: str) -> str:
        """The managed identity that is part of a workload."""
        key = self.identity("managed_identity", host.rpartition("/")[2], path="ManagedIdentity")
        self._alias(key, "resource_id", host)
        self.runs(host, key)
        return key

    def user_identity(self, place: str, *hosts: str) -> str:
        """A user-assigned managed identity, with the workloads that run as it."""
        key = self.identity("managed_identity", place.rpartition("/")[2], path="ManagedIdentity")
        scope = self._scope(place)
        resource = keys.resource(scope, place)
        self.records.add(
            Identity(
                resource, scope, "resource", place, place.rpartition("/")[2],
                path="microsoft.managedidentity/userassignedidentities",
            )
        )  # fmt: skip
        self.relation("instance_of", key, resource)
        self._alias(key, "resource_id", place)
        for host in hosts:
            self.runs(host, key)
        return key

    def runs(self, host: str, identity: str) -> None:
        scope = self._scope(host)
        self.records.add(Relation(f"runs_as|{host}|{identity}", scope, "runs_as", host, identity))

    def owns(self, owner: str, thing: str) -> str:
        return self.relation("owned_by", thing, owner)

    def federated(self, holder: str, name: str, restrictions: Any) -> str:
        """A federated credential of an application, or of the resource of a user-assigned identity."""
        scope = TENANT if "/object/" in holder else holder.partition("/resource/")[0]
        key = f"{scope}/federated_credential/{holder.rpartition('/')[2]}/{name}"
        text = None if restrictions is None else json.dumps(restrictions)
        self.records.add(Credential(key, scope, "federated_credential", None, name, holder, restrictions=text))
        return key

    def relation(self, kind: str, subject: str, target: str) -> str:
        key = f"{kind}|{subject}|{target}"
        self.records.add(Relation(key, TENANT, kind, subject, target))
        return key

    def _alias(self, identity: str, kind: str, value: str) -> None:
        self.records.add(Alias(f"{identity}|{kind}|{value}", TENANT, identity, kind, value))

    # --- grants ---

    def role(
        self, name: str, *blocks: dict[str, Any], text: str | None = "", scopes: Sequence[str] | None = None
    ) -> str:
        """A custom role; ``text`` None: its definition was not read; ``scopes``: where it may be assigned."""
        self._numbers += 1
        guid = f"50000000-0000-0000-0000-{self._numbers:012d}"
        key = keys.role_definition(TENANT, guid)
        shown: dict[str, Any] = {"permissions": list(blocks)}
        if scopes is not None:
            shown["assignableScopes"] = list(scopes)
        written = json.dumps(shown) if text == "" else text
        digest = None if written is None else self.records.keep(written)
        self.records.add(Policy(key, TENANT, "role_definition", guid, name, document=digest))
        return key

    def built_in(self, guid: str, *, read: bool = True) -> str:
        key = keys.role_definition(TENANT, guid)
        name, found = BUILT_IN[guid]
        digest = self.records.keep(json.dumps({"permissions": [found]})) if read else None
        self.records.add(Policy(key, TENANT, "provider_policy", guid, name, document=digest))
        return key

    def assign(
        self, principal: str, role: str, place: str = SUB, condition: str | None = None, kind: str = "role_assignment"
    ) -> str:
        """A role of Azure; ``role`` is a GUID of `BUILT_IN` or a key that `role` gave."""
        self._numbers += 1
        policy = self.built_in(role) if role in BUILT_IN else role
        scope = self._scope(place)
        key = f"{principal}|{kind}|{self._numbers}"
        shown = None if condition is None else json.dumps({"condition": condition, "conditionVersion": "2.0"})
        name = BUILT_IN[role][0] if role in BUILT_IN else role.rpartition("/")[2]
        self.records.add(
            Grant(key, scope, kind, principal, name, policy=policy, resource=keys.within(place), condition=shown)
        )
        return key

    def directory_role(
        self, principal: str, template: str, *actions: str, over: str | None = None, name: str = "role", **facts: Any
    ) -> str:
        """A role of the directory, by template id, with the actions of its definition (none: not read)."""
        policy = keys.directory_role(TENANT, template)
        digest = None
        if actions:
            shown = {"rolePermissions": [{"allowedResourceActions": list(actions)}], "templateId": template, **facts}
            digest = self.records.keep(json.dumps(shown))
        self.records.add(Policy(policy, TENANT, "directory_role", template, name, document=digest))
        key = f"{principal}|directory_role|{template}|{over or ''}"
        self.records.add(Grant(key, TENANT, "directory_role", principal, name, policy=policy, resource=over))
        return key

    def permission(self, principal: str, name: str, id_: str, kind: str = "app_role") -> str:
        """An application permission of Microsoft Graph, or (``delegated_permission``) a consent for all users."""
        policy = keys.app_role(TENANT, GRAPH, id_) if kind == "app_role" else None
        if policy is not None:
            self.records.add(Policy(policy, TENANT, "app_role", id_, name))
        key = f"{principal}|{kind}|{id_}|{name}"
        self.records.add(Grant(key, TENANT, kind, principal, name, policy=policy))
        return key

    def deny(
        self,
        place: str,
        *actions: str,
        principals: Sequence[str] = (),
        spared: Sequence[str] = (),
        condition: str | None = None,
        **facts: Any,
    ) -> str:
        """A deny assignment; without principals it is for everybody."""
        self._numbers += 1
        everybody = keys.directory_object(TENANT, "00000000-0000-0000-0000-000000000000")
        named = list(principals) or [everybody]
        shown = {
            "permissions": [block(*actions)],
            "principals": [one.rpartition("/")[2] for one in named],
            "excludePrincipals": [one.rpartition("/")[2] for one in spared],
            **facts,
        }
        text = None if condition is None else json.dumps({"condition": condition})
        digest = self.records.keep(json.dumps(shown))
        scope, within = self._scope(place), keys.within(place)
        for one in named:
            key = f"{one}|deny_assignment|{self._numbers}"
            self.records.add(
                Grant(key, scope, "deny_assignment", one, "deny", resource=within, condition=text, document=digest)
            )
        return f"{named[0]}|deny_assignment|{self._numbers}"

    def _scope(self, place: str) -> str:
        planned = {scope.key for scope in self.records.scopes()}
        return keys.scope_of(TENANT, place, planned) or TENANT

"""Azure as it stands: management groups, subscriptions, resources and who may do what on them, as ARM shows them."""

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from nhiscan_azure.simulated.directory import Directory
from nhiscan_azure.simulated.entra import Certificate, ServicePrincipal
from nhiscan_azure.simulated.ids import Ids, fine, stamp
from nhiscan_azure.simulated.known import AZURE_ROLES
from nhiscan_azure.simulated.resources import described, federated_of, items_of
from nhiscan_azure.simulated.world import (
    Assignment,
    Denial,
    Holding,
    ManagedIdentity,
    Resource,
    ResourceGroup,
    Role,
    StorageAccount,
    Subscription,
    World,
)

Json = dict[str, Any]
MANAGEMENT = "/providers/Microsoft.Management/managementGroups/"
AUTHORIZATION = "/providers/Microsoft.Authorization/"
_DAY = 86_400


def subscription_id(subscription: Subscription, ids: Ids) -> str:
    return subscription.id or ids.guid("subscription", subscription.name)


def holdings(world: World, ids: Ids) -> Iterator[tuple[Subscription, ResourceGroup, Holding, str]]:
    """(subscription, resource group, resource, ARM id) of everything there is."""
    for subscription in world.subscriptions:
        for group in subscription.groups:
            inside = f"/subscriptions/{subscription_id(subscription, ids)}/resourceGroups/{group.name}"
            for held in group.resources:
                yield subscription, group, held, f"{inside}/providers/{type_of(held)}/{held.name}"


def type_of(held: Holding) -> str:
    if isinstance(held, Resource):
        return held.type
    if isinstance(held, ManagedIdentity):
        return "Microsoft.ManagedIdentity/userAssignedIdentities"
    return "Microsoft.Storage/storageAccounts" if isinstance(held, StorageAccount) else "Microsoft.KeyVault/vaults"


def machines(world: World, ids: Ids, now: int) -> Iterator[ServicePrincipal]:
    """The service principals that Azure makes for managed identities, with certificates that it rotates itself."""
    rotated = (Certificate(now - 40 * _DAY, now + 50 * _DAY, name=None),)
    for _, _, held, resource_id in holdings(world, ids):
        if isinstance(held, ManagedIdentity):
            yield ServicePrincipal(
                held.name,
                "ManagedIdentity",
                certificates=rotated,
                granted=held.granted,
                sign_ins=held.sign_ins,
                alternative_names=("isExplicit=True", resource_id),
            )
        elif isinstance(held, Resource | StorageAccount) and held.system:
            name = held.principal or held.name if isinstance(held, Resource) else held.name
            names = ("isExplicit=False", resource_id)
            yield ServicePrincipal(name, "ManagedIdentity", certificates=rotated, alternative_names=names)


@dataclass(frozen=True)
class HeldRole:
    role: Role
    id: str

    def allows(self, action: str) -> bool:
        return _matches(self.role.actions, action) and not _matches(self.role.not_actions, action)


@dataclass(frozen=True)
class HeldAssignment:
    declared: Assignment
    id: str  # the guid
    scope: str
    subscription: str | None  # None: above subscriptions
    principal: str
    kind: str
    role: str  # the guid


@dataclass(frozen=True)
class HeldResource:
    """``shown`` is the resource as ARM lists it."""

    subscription: str
    group: str
    shown: Json
    federated: tuple[Json, ...] = ()
    secrets: tuple[Json, ...] = ()
    keys: tuple[Json, ...] = ()

    @property
    def id(self) -> str:
        return str(self.shown["id"])


class Azure:
    """Everything that ARM and Resource Graph know, and what the caller may see of it."""

    def __init__(self, world: World, ids: Ids, directory: Directory, caller: str) -> None:
        """``caller`` is the object id of the service principal that reads."""
        self.world = world
        self.ids = ids
        self.directory = directory
        self.tenant = directory.tenant
        self.root = MANAGEMENT + self.tenant
        self.subscriptions = {subscription_id(one, ids): one for one in world.subscriptions}
        self.roles = {role.id: role for role in self._held_roles()}
        self._role_ids = {held.role.name: guid for guid, held in self.roles.items()}
        self.assignments: list[HeldAssignment] = []
        self.denials: list[tuple[str, Denial]] = []
        self.resources: list[HeldResource] = []
        for scope, subscription, assignments in self._scopes():
            self.assignments += [self._held(one, scope, subscription) for one in assignments]
        for guid, one in self.subscriptions.items():
            inside = f"/subscriptions/{guid}"
            self.denials += [(inside, denial) for denial in one.denials]
            for group in one.groups:
                self.denials += [(f"{inside}/resourceGroups/{group.name}", denial) for denial in group.denials]
        for owner, group, held, resource_id in holdings(world, ids):
            secrets, keys = items_of(held, resource_id)
            self.resources.append(
                HeldResource(
                    subscription_id(owner, ids),
                    group.name,
                    described(held, resource_id, directory, self.identity_id),
                    tuple(federated_of(held, resource_id)),
                    secrets,
                    keys,
                )
            )
        self._may = list(self._roles_of(caller))

    # --- scopes ---

    def _scopes(self) -> Iterator[tuple[str, str | None, Iterable[Assignment]]]:
        caller = self.world.caller
        yield "/", None, self.world.elevated
        yield self.root, None, (*self.world.root, *(Assignment(caller.name, role) for role in caller.roles))
        for group in self.world.management_groups:
            yield MANAGEMENT + group.name, None, group.assignments
        for guid, subscription in self.subscriptions.items():
            yield f"/subscriptions/{guid}", guid, subscription.assignments
            for one in subscription.groups:
                yield f"/subscriptions/{guid}/resourceGroups/{one.name}", guid, one.assignments
        for subscription, _, held, resource_id in holdings(self.world, self.ids):
            yield resource_id, subscription_id(subscription, self.ids), held.assignments

    def above(self, scope: str) -> Iterator[str]:
        """The scope itself and every scope that it inherits from, as given, the nearest first, "/" last."""
        if scope == "/":
            yield scope
            return
        parts = scope.strip("/").split("/")
        if parts[0].lower() == "subscriptions":
            yield scope
            if len(parts) > 4:
                yield "/" + "/".join(parts[:4])
            if len(parts) > 2:
                yield "/" + "/".join(parts[:2])
            subscription = self.subscriptions.get(parts[1].lower())
            for group in self.world.chain(subscription.parent if subscription else None):
                yield MANAGEMENT + group.name
        else:
            name = parts[-1]
            for group in self.world.chain(None if name.lower() == self.tenant else name):
                yield MANAGEMENT + group.name
        yield self.root
        yield "/"

    def groups_above(self, parent: str | None) -> list[Json]:
        """``managementGroupAncestorsChain``: the management groups from one upwards, the root last."""
        chain = [{"displayName": group.title or group.name, "name": group.name} for group in self.world.chain(parent)]
        return [*chain, {"displayName": "Tenant Root Group", "name": self.tenant}]

    def identity_id(self, name: str) -> str:
        """The ARM id of a user-assigned identity by its name."""
        for _, _, held, resource_id in holdings(self.world, self.ids):
            if isinstance(held, ManagedIdentity) and held.name == name:
                return resource_id
        raise KeyError(f"no user-assigned identity is named {name!r}")

    # --- roles and assignments ---

    def _held_roles(self) -> Iterator[HeldRole]:
        for name, (guid, actions, not_actions, data) in AZURE_ROLES.items():
            yield HeldRole(Role(name, actions, not_actions, data, description=name, built_in=True), guid)
        for role in self.world.roles:
            yield HeldRole(role, role.id or self.ids.guid("azure role", role.name))

    def _held(self, one: Assignment, scope: str, subscription: str | None) -> HeldAssignment:
        principal = self.directory.id_of(one.principal)
        kind = one.kind or self.directory.kind_of(principal) or "ServicePrincipal"
        role = self._role_ids[one.role]
        guid = one.id or self.ids.guid("assignment", scope, principal, role, str(one.eligible))
        return HeldAssignment(one, guid, scope, subscription, principal, kind, role)

    def standing(self) -> Iterator[HeldAssignment]:
        """Assignments that hold now: all but those that wait to be taken up."""
        return (one for one in self.assignments if not one.declared.eligible)

    def role_id(self, guid: str, subscription: str | None = None) -> str:
        """The ARM id of a role definition, as seen from a subscription or from above."""
        return f"{f'/subscriptions/{subscription}' if subscription else ''}{AUTHORIZATION}roleDefinitions/{guid}"

    def assignment_json(self, one: HeldAssignment) -> Json:
        created = fine(one.declared.created_at)
        return {
            "id": f"{one.scope.rstrip('/')}{AUTHORIZATION}roleAssignments/{one.id}",
            "name": one.id,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": self.role_id(one.role, one.subscription),
                "principalId": one.principal,
                "principalType": one.kind,
                "scope": one.scope,
                "condition": one.declared.condition,
                "conditionVersion": "2.0" if one.declared.condition else None,
                "createdOn": created,
                "updatedOn": created,
                "createdBy": self.ids.guid("author"),
                "updatedBy": self.ids.guid("author"),
                "delegatedManagedIdentityResourceId": None,
                "description": one.declared.description,
            },
        }

    def role_json(self, held: HeldRole, subscription: str | None = None, *, conditions: bool = True) -> Json:
        role = held.role
        limit = {"condition": role.condition, "conditionVersion": "2.0"} if role.condition and conditions else {}
        created = fine(role.created_at)
        author = None if role.built_in else self.ids.guid("author")
        scopes = ["/"] if role.built_in else list(role.scopes) or [self.root]
        return {
            "id": self.role_id(held.id, subscription),
            "name": held.id,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": role.name,
                "type": "BuiltInRole" if role.built_in else "CustomRole",
                "description": role.description,
                "assignableScopes": [self.scope_named(one) for one in scopes],
                "permissions": [
                    {
                        "actions": list(role.actions),
                        "notActions": list(role.not_actions),
                        "dataActions": list(role.data_actions),
                        "notDataActions": list(role.not_data_actions),
                        **limit,
                    }
                ],
                "createdOn": created,
                "updatedOn": created,
                "createdBy": author,
                "updatedBy": author,
            },
        }

    def scope_named(self, text: str) -> str:
        """A scope: as it is, or the name of a subscription or management group."""
        if text.startswith("/"):
            return text
        for guid, subscription in self.subscriptions.items():
            if subscription.name == text:
                return f"/subscriptions/{guid}"
        return MANAGEMENT + text

    def denial_json(self, scope: str, denial: Denial) -> Json:
        guid = self.ids.guid("denial", scope, denial.name)
        everybody = {"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined", "displayName": "All"}
        return {
            "id": f"{scope}{AUTHORIZATION}denyAssignments/{guid}",
            "name": guid,
            "type": "Microsoft.Authorization/denyAssignments",
            "properties": {
                "denyAssignmentName": denial.name,
                "description": denial.name,
                "permissions": [
                    {
                        "actions": list(denial.actions),
                        "notActions": list(denial.not_actions),
                        "dataActions": [],
                        "notDataActions": [],
                    }
                ],
                "scope": scope,
                "doNotApplyToChildScopes": not denial.children_too,
                "principals": [self._party(one) for one in denial.principals] or [everybody],
                "excludePrincipals": [self._party(one) for one in denial.except_for],
                "isSystemProtected": True,
            },
        }

    def _party(self, reference: str) -> Json:
        principal = self.directory.id_of(reference)
        return {
            "id": principal,
            "type": self.directory.kind_of(principal) or "ServicePrincipal",
            "displayName": reference,
        }

    def classic_json(self, subscription: str, address: str, role: str) -> Json:
        guid = self.ids.guid("classic", subscription, address)
        return {
            "id": f"/subscriptions/{subscription}{AUTHORIZATION}classicAdministrators/{guid}",
            "name": guid,
            "type": "Microsoft.Authorization/classicAdministrators",
            "properties": {"emailAddress": address, "role": role},
        }

    def schedule_json(self, one: HeldAssignment, kind: str) -> Json:
        """An assignment of Privileged Identity Management: schedule or instance of it, eligible or active."""
        declared = one.declared
        schedule = self.ids.guid("schedule", one.id)
        requested = f"{one.scope}{AUTHORIZATION}"
        found: Json = {
            "scope": one.scope,
            "roleDefinitionId": self.role_id(one.role, one.subscription),
            "principalId": one.principal,
            "principalType": one.kind,
            "memberType": "Direct",
            "status": "Provisioned" if declared.eligible or declared.end else "Accepted",
            "startDateTime": stamp(declared.created_at),
            "endDateTime": None if declared.end is None else stamp(declared.end),
            "condition": declared.condition,
            "conditionVersion": "2.0" if declared.condition else None,
            "createdOn": stamp(declared.created_at),
        }
        if kind.startswith("roleAssignment"):
            found["assignmentType"] = "Activated" if declared.activated else "Assigned"
        if kind.endswith("Instances"):
            base = kind.removesuffix("Instances")
            found[f"{base}Id"] = f"{requested}{base}s/{schedule}"
            if base == "roleAssignmentSchedule":
                found["originRoleAssignmentId"] = f"{requested}roleAssignments/{one.id}"
        else:
            found["updatedOn"] = stamp(declared.created_at)
        name = one.id if kind.endswith("Instances") else schedule
        return {
            "id": f"{requested}{kind}/{name}",
            "name": name,
            "type": f"Microsoft.Authorization/{kind}",
            "properties": found,
        }

    # --- who may see what ---

    def _roles_of(self, caller: str) -> Iterator[tuple[str, HeldRole]]:
        mine = {caller} | {group for group in self.directory.members if caller in self.directory.transitive(group)}
        for one in self.standing():
            if one.principal in mine:
                yield one.scope.lower(), self.roles[one.role]

    def held_at(self, scope: str) -> list[Role]:
        """The roles that the caller holds at a scope, inherited ones included."""
        above = {one.lower() for one in self.above(scope)}
        return [role.role for held, role in self._may if held in above]

    def may(self, action: str, scope: str) -> bool:
        """Whether the roles of the caller allow an action on a scope."""
        above = {one.lower() for one in self.above(scope)}
        return any(held in above and role.allows(action) for held, role in self._may)

    def visible(self) -> list[str]:
        """Ids of the subscriptions in which the caller may see anything, sorted."""
        found = []
        for guid in sorted(self.subscriptions):
            scope = f"/subscriptions/{guid}"
            inside = any(held.startswith(scope) for held, _ in self._may)
            if inside or self.may("Microsoft.Resources/subscriptions/read", scope):
                found.append(guid)
        return found


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

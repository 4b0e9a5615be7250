"""Entra ID as it stands: every object of a world as Microsoft Graph shows it, by id, with what belongs to what."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nhiscan_azure.simulated.drawing import Drawing
from nhiscan_azure.simulated.entra import (
    GRAPH,
    MICROSOFT_TENANT,
    Application,
    Certificate,
    Granted,
    Group,
    Permission,
    Restriction,
    Secret,
    ServicePrincipal,
    SignIns,
    User,
)
from nhiscan_azure.simulated.ids import Ids, is_guid, maybe
from nhiscan_azure.simulated.known import DIRECTORY_ROLES, GRAPH_APP_ID, GRAPH_ROLES, GRAPH_SCOPES
from nhiscan_azure.simulated.world import World

Json = dict[str, Any]
NO_ROLE = "00000000-0000-0000-0000-000000000000"
"""The id of the default access of an application without app roles."""
_DURATION = "P{}D"


class Principal:
    """A service principal with what stands behind it: its application here, the report about it."""

    def __init__(self, declared: ServicePrincipal, name: str, object_id: str, app_id: str) -> None:
        self.declared = declared
        self.name = name
        self.id = object_id
        self.app_id = app_id


class Directory:
    """``plant(name)`` gives a secret that must never be seen again. ``machines`` are identities that Azure makes.

    ``objects`` holds users, groups, applications and service principals by id; ``vanished`` are ids that are in the
    lists and nowhere else.
    """

    def __init__(
        self, world: World, ids: Ids, plant: Callable[[str], str], machines: Iterable[ServicePrincipal] = ()
    ) -> None:
        self.world = world
        self.ids = ids
        self.tenant = world.tenant or ids.guid("tenant")
        self._drawn = Drawing(ids, plant, self.tenant, world.directory.domain)
        self.objects: dict[str, Json] = {}
        self.vanished: set[str] = set()
        self.principals: dict[str, Principal] = {}  # by name
        self.applications: dict[str, Application] = {}  # by object id
        self.owners: dict[str, tuple[str, ...]] = {}
        self.members: dict[str, tuple[str, ...]] = {}
        self.federated: dict[str, list[Json]] = {}
        self.app_roles: list[Json] = []  # appRoleAssignments
        self.grants: list[Json] = []  # oauth2PermissionGrants
        self._names: dict[str, str] = {}
        self._app_ids: dict[str, str] = {}  # name of an application -> appId
        declared = world.directory
        self._of: dict[int, Application] = {}  # identity of a declared service principal -> its application
        for application in declared.applications:
            self._of.setdefault(id(application.principal), application)
        self._name_all(machines)
        for user in declared.users:
            self._user(user)
        for group in declared.groups:
            self._group(group)
        for application in declared.applications:
            self._application(application)
        for principal in self.principals.values():
            self._principal(principal)
        for group in declared.groups:
            self._grant(group.granted, self.objects[self.id_of(group.name)], "Group")
        for principal in self.principals.values():
            self._grant(principal.declared.granted, self.objects[principal.id], "ServicePrincipal")
            self._delegate(principal)

    # --- names and ids ---

    def _name_all(self, machines: Iterable[ServicePrincipal]) -> None:
        declared = self.world.directory
        for user in declared.users:
            self._take(user.name, user.id or self.ids.guid("user", user.name))
        for group in declared.groups:
            self._take(group.name, group.id or self.ids.guid("group", group.name))
        for application in declared.applications:
            self._app_ids[application.name] = application.app_id or self.ids.guid("app", application.name)
            if application.principal is not None:
                name = application.principal.name or application.name
                self._add(application.principal, name, self._app_ids[application.name])
        for principal in (*declared.principals, *machines):
            self._add(principal, principal.name, principal.app_id or self.ids.guid("app", principal.name))
        if GRAPH not in self.principals:
            offers = (
                *(Permission(value, id=role) for value, role in GRAPH_ROLES.items()),
                *(Permission(value, "Scope", id=scope) for value, scope in GRAPH_SCOPES.items()),
            )
            self._add(ServicePrincipal(GRAPH, tenant=MICROSOFT_TENANT, offers=offers), GRAPH, GRAPH_APP_ID)

    def _add(self, declared: ServicePrincipal, name: str, app_id: str) -> None:
        object_id = declared.id or self.ids.guid("principal", name)
        self._take(name, object_id)
        self.principals[name] = Principal(declared, name, object_id, app_id)

    def _take(self, name: str, object_id: str) -> None:
        if name in self._names:
            raise ValueError(f"two principals are named {name}")
        self._names[name] = object_id

    def id_of(self, reference: str) -> str:
        """The object id of a principal named, or the guid that was given."""
        if reference in self._names:
            return self._names[reference]
        if is_guid(reference):
            return reference.lower()
        raise KeyError(f"no principal is named {reference!r}")

    def kind_of(self, object_id: str) -> str | None:
        """User, Group, ServicePrincipal; None: no object has the id."""
        found = self.objects.get(object_id)
        if found is None:
            return None
        kind = str(found["@odata.type"]).rpartition(".")[2]
        return {"user": "User", "group": "Group"}.get(kind, "ServicePrincipal")

    def of_type(self, *kinds: str) -> list[Json]:
        """All objects of a type, such as ``user``, in the order of their ids."""
        types = {f"#microsoft.graph.{kind}" for kind in kinds}
        return [found for _, found in sorted(self.objects.items()) if found["@odata.type"] in types]

    def transitive(self, group: str) -> Iterator[str]:
        """Ids of everybody in a group and in the groups inside it, each once."""
        seen: set[str] = set()
        waiting = list(self.members.get(group, ()))
        while waiting:
            member = waiting.pop(0)
            if member not in seen:
                seen.add(member)
                yield member
                waiting += self.members.get(member, ())

    # --- objects ---

    def _user(self, user: User) -> None:
        if not user.deleted:
            object_id = self.id_of(user.name)
            self.objects[object_id] = self._drawn.user(user, object_id)

    def _group(self, group: Group) -> None:
        object_id = self.id_of(group.name)
        self.members[object_id] = tuple(self.id_of(one) for one in group.members)
        self.owners[object_id] = tuple(self.id_of(one) for one in group.owners)
        self.objects[object_id] = self._drawn.group(group, object_id)

    def _application(self, application: Application) -> None:
        object_id = application.id or self.ids.guid("application", application.name)
        self.applications[object_id] = application
        self.owners[object_id] = tuple(self.id_of(one) for one in application.owners)
        self.federated[object_id] = self._drawn.federated(application.federated, object_id)
        if application.vanishes:
            self.vanished.add(object_id)
        required = list(self._required(application))
        app_id = self._app_ids[application.name]
        self.objects[object_id] = self._drawn.application(application, object_id, app_id, required)

    def _principal(self, principal: Principal) -> None:
        declared = principal.declared
        self.owners[principal.id] = tuple(self.id_of(one) for one in declared.owners)
        self.federated[principal.id] = self._drawn.federated(declared.federated, principal.id)
        found = self._drawn.principal(
            declared, principal.name, principal.id, principal.app_id, self._offered(principal)
        )
        if declared.agent_of is not None:
            found["@odata.type"] = "#microsoft.graph.agentIdentity"
            found["agentIdentityBlueprintId"] = self._app_ids[declared.agent_of]
            found["createdDateTime"] = maybe(declared.created_at)
        self.objects[principal.id] = found

    def _offered(self, principal: Principal) -> tuple[Permission, ...]:
        """What a service principal offers: what it declares, and before that what its application here does."""
        application = self._of.get(id(principal.declared))
        return (*(application.offers if application else ()), *principal.declared.offers)

    def _required(self, application: Application) -> Iterator[Json]:
        by_resource: dict[str, list[Json]] = {}
        for resource, value in application.requires:
            held = self.principals[resource]
            by_resource.setdefault(held.app_id, []).append({"id": self._permission(held, value)[0], "type": "Role"})
        for app_id, access in by_resource.items():
            yield {"resourceAppId": app_id, "resourceAccess": access}

    def _permission(self, held: Principal, value: str) -> tuple[str, str]:
        """Id and kind of an app role, or else of a scope, that a service principal offers."""
        if not value:
            return NO_ROLE, "Role"
        for kind in ("Role", "Scope"):
            for one in self._offered(held):
                if (one.kind, one.value) == (kind, value):
                    return self._drawn.permission_id(held.name, one), kind
        raise KeyError(f"{held.name} offers no {value}")

    # --- grants ---

    def _grant(self, granted: Iterable[Granted], holder: Json, kind: str) -> None:
        for one in granted:
            resource = self.principals[one.resource]
            role, _ = self._permission(resource, one.permission)
            self.app_roles.append(
                {
                    "id": self.ids.token("app role", holder["id"], resource.id, role),
                    "deletedDateTime": None,
                    "appRoleId": role,
                    "createdDateTime": maybe(one.created_at),
                    "principalDisplayName": holder["displayName"],
                    "principalId": holder["id"],
                    "principalType": kind,
                    "resourceDisplayName": resource.name,
                    "resourceId": resource.id,
                }
            )

    def _delegate(self, principal: Principal) -> None:
        for one in principal.declared.delegated:
            resource = self.principals[one.resource]
            user = None if one.user is None else self.id_of(one.user)
            self.grants.append(
                {
                    "id": self.ids.token("grant", principal.id, resource.id, user or ""),
                    "clientId": principal.id,
                    "consentType": "AllPrincipals" if user is None else "Principal",
                    "principalId": user,
                    "resourceId": resource.id,
                    "scope": one.scopes,
                }
            )

    def role_definitions(self) -> list[Json]:
        found = [
            self._role(name, template, actions, built_in=True, enabled=True)
            for name, (template, actions) in DIRECTORY_ROLES.items()
        ]
        for role in self.world.directory.roles:
            role_id = role.id or self.ids.guid("directory role", role.name)
            found.append(self._role(role.name, role_id, role.actions, built_in=role.built_in, enabled=role.enabled))
        return found

    def _role(self, name: str, role_id: str, actions: tuple[str, ...], *, built_in: bool, enabled: bool) -> Json:
        return {
            "id": role_id,
            "description": name,
            "displayName": name,
            "isBuiltIn": built_in,
            "isEnabled": enabled,
            "resourceScopes": ["/"],
            "templateId": role_id,
            "version": "1" if built_in else None,
            "rolePermissions": [{"allowedResourceActions": list(actions), "condition": None}],
        }

    def role_holders(self, *, eligible: bool) -> Iterator[tuple[str, Json]]:
        """(base id, what an assignment and its schedule have in common), of active or of eligible ones."""
        by_name = {role["displayName"]: role["id"] for role in self.role_definitions()}
        for holder in self.world.directory.holders:
            if holder.eligible != eligible:
                continue
            principal, role = self.id_of(holder.principal), by_name[holder.role]
            key = self.ids.token("role holder", role, principal, holder.scope, str(eligible))
            yield (
                key,
                {
                    "principalId": principal,
                    "roleDefinitionId": role,
                    "directoryScopeId": holder.scope,
                    "start": maybe(holder.start),
                    "end": maybe(holder.end),
                    "activated": holder.activated,
                },
            )

    # --- policies ---

    def restrictions(self, restrictions: Iterable[Restriction]) -> tuple[list[Json], list[Json]]:
        """(passwordCredentials, keyCredentials) of a policy on credentials."""
        passwords: list[Json] = []
        keys: list[Json] = []
        for one in restrictions:
            shown = {
                "restrictionType": one.kind,
                "maxLifetime": None if one.days is None else _DURATION.format(one.days),
                "restrictForAppsCreatedAfterDateTime": maybe(one.apps_after),
                "state": one.state,
                "excludeActors": None,
            }
            (keys if one.kind == "asymmetricKeyLifetime" else passwords).append(shown)
        return passwords, keys

    # --- reports ---

    def uses(self) -> Iterator[tuple[str, Principal | None, str, Json]]:
        """(object id, service principal or None, origin, credential) of each credential whose use is on record."""
        by_app = {principal.app_id: principal for principal in self.principals.values()}
        for object_id, application in self.applications.items():
            held = by_app.get(self._app_ids[application.name])
            for use in self._used(object_id, application.secrets, application.certificates):
                yield object_id, held, "application", use
        for principal in self.principals.values():
            declared = principal.declared
            for use in self._used(principal.id, declared.secrets, declared.certificates):
                yield principal.id, principal, "servicePrincipal", use

    def _used(self, object_id: str, secrets: Iterable[Secret], certificates: Iterable[Certificate]) -> Iterator[Json]:
        for number, secret in enumerate(secrets):
            if secret.used_at is not None:
                yield _use(self._drawn.secret_id(object_id, number, secret), "clientSecret", "sign", secret)
        for number, certificate in enumerate(certificates):
            if certificate.used_at is not None:
                key_id = self._drawn.certificate_id(object_id, number, certificate)
                yield _use(key_id, "certificate", certificate.usage.lower(), certificate)

    def permissions_of(self, principal: str) -> set[str]:
        """The application permissions of Microsoft Graph that a service principal was granted."""
        graph = self.principals[GRAPH]
        names = {role["id"]: str(role["value"]) for role in self.objects[graph.id]["appRoles"]}
        return {
            names[one["appRoleId"]]
            for one in self.app_roles
            if one["principalId"] == principal and one["resourceId"] == graph.id
        }

    def app_id(self, object_id: str) -> str:
        return str(self.objects[object_id]["appId"])


def _use(key_id: str, kind: str, usage: str, credential: Secret | Certificate) -> Json:
    return {
        "keyId": key_id,
        "keyType": kind,
        "keyUsage": usage,
        "created": credential.start,
        "expires": credential.end,
        "used": credential.used_at,
    }


def sign_ins(activity: SignIns) -> dict[str, int | None]:
    """Field of the report -> epoch seconds."""
    return {
        "applicationAuthenticationClientSignInActivity": activity.client,
        "applicationAuthenticationResourceSignInActivity": activity.resource,
        "delegatedClientSignInActivity": activity.delegated_client,
        "delegatedResourceSignInActivity": activity.delegated_resource,
    }

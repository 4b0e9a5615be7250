"""A declared world with its numbers, ids and names: what the services answer from. Never changed by a call."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from nhiscan_gcp.simulated.held import HeldAccount, HeldKey, HeldProject, Json
from nhiscan_gcp.simulated.ids import Ids, stamp
from nhiscan_gcp.simulated.world import (
    ApiKey,
    Binding,
    HmacKey,
    Project,
    Provider,
    Role,
    ServiceAccount,
    World,
)


class Estate:
    """Look-ups over a world. Lists come in a stable order."""

    def __init__(self, world: World, ids: Ids, plant: Callable[[str], str]) -> None:
        """``plant`` gives the secret of a name."""
        self.world = world
        self.ids = ids
        self._plant = plant
        self.organization = f"organizations/{world.organization.id}" if world.organization else None
        self.projects: Mapping[str, HeldProject] = {project.id: self._project(project) for project in world.projects}
        self._remembered: dict[str, list[Json]] = {}
        self.by_number = {held.number: held for held in self.projects.values()}
        self.accounts: Mapping[str, tuple[HeldAccount, ...]] = {
            held.id: tuple(self._account(held, account) for account in held.project.accounts)
            for held in self.projects.values()
        }
        self._by_name = {
            (held.id, name): one
            for held in self.projects.values()
            for one in self.living(held)
            for name in (one.email, one.unique_id)
        }
        self._deleted = {
            one.email: one.unique_id for accounts in self.accounts.values() for one in accounts if one.account.deleted
        }

    def remembered(self, name: str, make: Callable[[], Iterable[Json]]) -> list[Json]:
        """A long list, made once: a walk of many pages asks for it many times."""
        if name not in self._remembered:
            self._remembered[name] = list(make())
        return self._remembered[name]

    def _project(self, project: Project) -> HeldProject:
        number = project.number or self.ids.digits(12, "project", project.id)
        folders = tuple(f"folders/{folder.id}" for folder in self.world.ancestors(project))
        top = (self.organization,) if self.organization else ()
        return HeldProject(
            project, number, (f"projects/{number}", *folders, *top), self.ids.etag("project", project.id)
        )

    def _account(self, project: HeldProject, account: ServiceAccount) -> HeldAccount:
        email = account.email or f"{account.name}@{project.id}.iam.gserviceaccount.com"
        names = [
            key.id or self.ids.hex(40, "key", project.id, account.name, str(number))
            for number, key in enumerate(account.keys)
        ]
        keys = tuple(
            HeldKey(name, key, self._plant(f"private key {name}"))
            for name, key in zip(names, account.keys, strict=True)
        )
        unique_id = account.unique_id or self.ids.digits(21, "account", project.id, account.name)
        return HeldAccount(project, account, email, unique_id, keys, self.ids.etag("account", email))

    def project(self, name: str) -> HeldProject | None:
        """By id or number."""
        return self.projects.get(name) or self.by_number.get(name)

    def account(self, project: HeldProject, name: str) -> HeldAccount | None:
        """A living account of a project by e-mail or unique id, unless it vanishes."""
        held = self._by_name.get((project.id, name))
        return None if held is None or held.account.vanishes else held

    def living(self, project: HeldProject) -> Iterator[HeldAccount]:
        return (one for one in self.accounts[project.id] if not one.account.deleted)

    def below(self, scope: str) -> list[HeldProject]:
        """The projects in a scope ("organizations/1", "folders/2", "projects/id or number"), by id."""
        kind, _, name = scope.partition("/")
        if kind == "projects":
            found = self.project(name)
            return [found] if found else []
        return [held for _, held in sorted(self.projects.items()) if scope in held.ancestors]

    def has(self, scope: str) -> bool:
        """Whether a scope exists."""
        kind, _, name = scope.partition("/")
        if kind == "organizations":
            return scope == self.organization
        if kind == "folders":
            return any(folder.id == name for folder in self.world.folders)
        return kind == "projects" and self.project(name) is not None

    def folder_ancestors(self, folder_id: str) -> tuple[str, ...]:
        """The folder itself, those above it, the organisation, each as ``folders/<id>`` or ``organizations/<id>``."""
        by_id = {folder.id: folder for folder in self.world.folders}
        chain, above = [f"folders/{folder_id}"], by_id[folder_id].parent
        while above is not None:
            chain.append(f"folders/{above}")
            above = by_id[above].parent
        return (*chain, *((self.organization,) if self.organization else ()))

    def member(self, text: str) -> str:
        """A member as bindings show it: an account that was soft-deleted gets its prefix and its unique id."""
        kind, _, email = text.partition(":")
        if kind == "serviceAccount" and email in self._deleted:
            return f"deleted:serviceAccount:{email}?uid={self._deleted[email]}"
        return text

    def bindings(self, bindings: tuple[Binding, ...]) -> list[Json]:
        found = []
        for binding in bindings:
            one: Json = {"role": binding.role, "members": [self.member(member) for member in binding.members]}
            if binding.condition:
                condition = binding.condition
                one["condition"] = {"title": condition.title, "expression": condition.expression}
                if condition.description:
                    one["condition"]["description"] = condition.description
            found.append(one)
        return found

    def policy(self, place: str, bindings: tuple[Binding, ...], *, version: int) -> Json:
        """An IAM policy. Conditional bindings need version 3; asked for less, they come with a hashed role name."""
        shown = self.bindings(bindings)
        conditional = any("condition" in one for one in shown)
        if conditional and version < 3:
            for one in shown:
                if one.pop("condition", None):
                    one["role"] += "_withcond_" + self.ids.hex(20, "condition", place, one["role"])
        found: Json = {"version": 3 if conditional and version >= 3 else 1, "etag": self.ids.etag("policy", place)}
        if shown:
            found["bindings"] = shown
        return found

    # --- resources as their own APIs write them ---

    def project_json(self, held: HeldProject) -> Json:
        project = held.project
        found: Json = {
            "name": f"projects/{held.number}",
            "projectId": held.id,
            "state": "DELETE_REQUESTED" if project.deleted_at else "ACTIVE",
            "displayName": project.name or held.id,
            "createTime": stamp(project.created_at),
            "updateTime": stamp(project.created_at),
            "etag": held.etag,
        }
        if held.parent:
            found["parent"] = held.parent
        if project.labels:
            found["labels"] = dict(project.labels)
        if project.deleted_at:
            found["deleteTime"] = stamp(project.deleted_at)
        return found

    def folder_json(self, folder_id: str) -> Json:
        folder = next(one for one in self.world.folders if one.id == folder_id)
        above = self.folder_ancestors(folder_id)[1:]
        found: Json = {
            "name": f"folders/{folder.id}",
            "displayName": folder.name,
            "state": "ACTIVE",
            "etag": self.ids.etag("folder", folder.id),
        }
        if above:
            found["parent"] = above[0]
        return found

    def organization_json(self) -> Json:
        organization = self.world.organization
        assert organization is not None
        return {
            "name": f"organizations/{organization.id}",
            "displayName": organization.name,
            "directoryCustomerId": organization.customer,
            "state": "ACTIVE",
            "createTime": stamp(organization.created_at),
            "etag": self.ids.etag("organization", organization.id),
        }

    def api_keys(self, held: HeldProject, *, deleted: bool) -> list[Json]:
        return [self._api_key(held, key) for key in held.project.api_keys if deleted or key.deleted_at is None]

    def _api_key(self, held: HeldProject, key: ApiKey) -> Json:
        uid = key.uid or self.ids.uuid("api key", held.id, key.name)
        found: Json = {
            "name": f"projects/{held.number}/locations/global/keys/{uid}",
            "uid": uid,
            "displayName": key.name,
            "createTime": stamp(key.created_at),
            "updateTime": stamp(key.created_at),
            "etag": self.ids.etag("api key", uid),
            "keyString": self._plant(f"api key {uid}"),
        }
        restrictions: Json = {}
        if key.targets:
            restrictions["apiTargets"] = [{"service": service} for service in key.targets]
        if key.clients == "browser":
            restrictions["browserKeyRestrictions"] = {"allowedReferrers": ["https://www.example.com/*"]}
        elif key.clients == "server":
            restrictions["serverKeyRestrictions"] = {"allowedIps": ["192.0.2.0/24"]}
        elif key.clients == "android":
            application = {"packageName": "com.example.parcels", "sha1Fingerprint": self.ids.hex(40, "app", uid)}
            restrictions["androidKeyRestrictions"] = {"allowedApplications": [application]}
        elif key.clients == "ios":
            restrictions["iosKeyRestrictions"] = {"allowedBundleIds": ["com.example.parcels"]}
        if restrictions:
            found["restrictions"] = restrictions
        if key.service_account:
            found["serviceAccountEmail"] = key.service_account
        if key.deleted_at is not None:
            found["deleteTime"] = stamp(key.deleted_at)
        return found

    def secret(self, name: str) -> str:
        """A secret that lies where people put them: in start scripts and environments."""
        return self._plant(name)

    def hmac_keys(self, held: HeldProject) -> list[tuple[HmacKey, Json]]:
        found = []
        accounts = {one.account.name: one for one in self.accounts[held.id]}
        for number, key in enumerate(held.project.hmac_keys):
            access_id = key.access_id or "GOOG1E" + self.ids.hex(55, "hmac", held.id, str(number)).upper()
            found.append(
                (
                    key,
                    {
                        "kind": "storage#hmacKeyMetadata",
                        "id": f"{held.id}/{access_id}",
                        "accessId": access_id,
                        "projectId": held.id,
                        "serviceAccountEmail": accounts[key.service_account].email,
                        "state": key.state,
                        "timeCreated": stamp(key.created_at),
                        "updated": stamp(key.created_at),
                        "etag": self.ids.etag("hmac", access_id),
                    },
                )
            )
        return found

    def role_json(self, parent: str, role: Role, *, permissions: bool) -> Json:
        """A role; ``parent`` is "" for predefined ones."""
        found: Json = {
            "name": f"{parent}/roles/{role.id}" if parent else role.id,
            "title": role.title or role.id,
            "stage": role.stage,
            "etag": self.ids.etag("role", parent, role.id),
        }
        if permissions and role.permissions:
            found["includedPermissions"] = sorted(role.permissions)
        if role.deleted:
            found["deleted"] = True
        return found

    def pool_json(self, held: HeldProject, pool_id: str) -> Json:
        pool = next(one for one in held.project.pools if one.id == pool_id)
        found: Json = {
            "name": f"projects/{held.number}/locations/global/workloadIdentityPools/{pool.id}",
            "displayName": pool.id,
            "state": "DELETED" if pool.deleted else "ACTIVE",
        }
        if pool.disabled:
            found["disabled"] = True
        return found

    def provider_json(self, held: HeldProject, pool_id: str, provider: Provider) -> Json:
        found: Json = {
            "name": f"projects/{held.number}/locations/global/workloadIdentityPools/{pool_id}/providers/{provider.id}",
            "displayName": provider.id,
            "state": "DELETED" if provider.deleted else "ACTIVE",
        }
        if provider.disabled:
            found["disabled"] = True
        if provider.issuer:
            found["oidc"] = {"issuerUri": provider.issuer}
            if provider.audiences:
                found["oidc"]["allowedAudiences"] = list(provider.audiences)
        if provider.aws_account:
            found["aws"] = {"accountId": provider.aws_account}
        if provider.mapping:
            found["attributeMapping"] = dict(provider.mapping)
        if provider.condition:
            found["attributeCondition"] = provider.condition
        return found

    @cached_property
    def predefined(self) -> tuple[Role, ...]:
        return tuple(sorted(self.world.roles, key=lambda role: role.id))

    def custom_roles(self, parent: str) -> tuple[Role, ...]:
        """Custom roles of "organizations/1" or "projects/id"."""
        if self.world.organization and parent == self.organization:
            return self.world.organization.roles
        held = self.project(parent.partition("/")[2]) if parent.startswith("projects/") else None
        return held.project.roles if held else ()


def with_caller(world: World) -> World:
    """The world with the account of the caller in it, where the world names none."""
    if world.caller is not None:
        return world
    from nhiscan_gcp.simulated.world import Caller

    first = world.projects[0]
    reader = ServiceAccount("nhiscan", first.created_at, display_name="nhiscan scanner")
    if all(account.name != reader.name for account in first.accounts):
        first = replace(first, accounts=(*first.accounts, reader))
    return replace(world, projects=(first, *world.projects[1:]), caller=Caller(first.id))

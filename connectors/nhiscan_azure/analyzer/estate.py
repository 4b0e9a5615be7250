"""The estate: every principal of the planned tenants with all that grants it something or takes it away.

Built once from `nhiscan.analyzer.Records`, and only read from then on. How Entra and Azure look as records:
docs/adr/0090-how-entra-and-azure-look.md.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from nhiscan.analyzer import Records
from nhiscan.model import Credential, Grant, Identity, Policy
from nhiscan_azure.analyzer import conditions
from nhiscan_azure.analyzer.catalogue import catalogue
from nhiscan_azure.analyzer.definitions import CONTROL, DATA, Definition, definition
from nhiscan_azure.analyzer.issuers import door
from nhiscan_azure.analyzer.masks import Bits
from nhiscan_azure.analyzer.places import DIRECTORY, ROOT, Places, place_of, plain
from nhiscan_azure.analyzer.rights import Deny, Rights
from nhiscan_azure.analyzer.roles import Power, Role, azure_role, consent, directory_role, permission

PRINCIPALS = ("service_principal", "managed_identity", "user")
ROLE_ASSIGNABLE = "role-assignable"
"""`Identity.path` of a group that roles of the directory may be given to."""
PRIVILEGED = "privileged_role."
"""Begin of the names of settings that tell which roles of the directory Microsoft calls privileged."""
LOCK = "servicePrincipalLockConfiguration"
"""Tag of an application whose principals take no credential of their own."""
_OWNER = json.dumps({"permissions": [{"actions": ["*"], "notActions": []}]})
"""What a classic administrator of a subscription has."""


class Held(NamedTuple):
    """One grant that a principal has, itself or through a group."""

    grant: Grant
    place: str
    role: Role
    condition: conditions.Condition | None
    reason: str | None  # why it is not held for certain: "eligible", "delegated"

    def power(self, bits: Bits) -> Power:
        return self.role.power(bits, self.condition, held=self.reason is None)


class Principal:
    """A service principal, managed identity or user, or a group as if a member had only the group."""

    __slots__ = ("denies", "groups", "held", "identity", "key", "rights")

    def __init__(
        self,
        identity: Identity,
        held: tuple[Held, ...],
        groups: tuple[str, ...],
        denies: tuple[Deny, ...],
        rights: Rights,
    ) -> None:
        self.identity = identity
        self.key = identity.key
        self.held = held  # own, then those of groups, each sorted by the key of the grant
        self.groups = groups  # keys of the groups it is in, sorted
        self.denies = denies
        self.rights = rights

    @property
    def acts_alone(self) -> bool:
        """Whether it signs in without a person."""
        return self.identity.kind in ("service_principal", "managed_identity")


class Estate:
    """All of it. ``unread``: ACCESS_REASONS that hold for everybody."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.catalogue = catalogue()
        self.bits = Bits(self.catalogue)
        scopes = list(records.scopes())
        self.scopes = [scope.key for scope in scopes]
        self.tenants = [scope.key for scope in scopes if scope.kind == "tenant"]
        self.places = Places(scopes)
        self._place_of = {scope.key: place_of(scope) for scope in scopes}
        self.identities: dict[str, Identity] = {}
        self.policies: dict[str, Policy] = {}
        for scope in self.scopes:
            self.identities |= {one.key: one for one in records.identities(scope)}
            self.policies |= {one.key: one for one in records.policies(scope)}
        self._privileged = {
            setting.name.rpartition(".")[2]
            for tenant in self.tenants
            for setting in records.settings(tenant)
            if setting.name.startswith(PRIVILEGED) and setting.number
        }
        self._roles: dict[str, Role] = {}
        self.grants: dict[str, list[Held]] = defaultdict(list)
        """Key of a principal, whether there is such a record or not -> what is granted to it."""
        self._denies: dict[str, Deny] = {}
        self._relate()
        self._alias()
        for scope in self.scopes:
            for grant in records.grants(scope):
                self._take(grant)
        self.unread = tuple(sorted(self._unread()))
        self._rights: dict[tuple[object, ...], Rights] = {}
        self.principals: dict[str, Principal] = {}
        self.groups: dict[str, Principal] = {}
        for key in sorted(self.identities):
            identity = self.identities[key]
            if identity.kind in PRINCIPALS:
                self.principals[key] = self._principal(identity)
            elif identity.kind == "group":
                self.groups[key] = self._principal(identity)

    # --- grants ---

    def _take(self, grant: Grant) -> None:
        if grant.kind == "deny_assignment":
            self._denies.setdefault(grant.key.partition("|")[2], self._deny(grant))  # one grant for each principal
            return
        role = self._role(grant)
        if role is None:
            return
        text = _expression(grant.condition)
        condition = conditions.read(text) if text else None
        reason = {"eligible_assignment": "eligible", "delegated_permission": "delegated"}.get(grant.kind)
        principal = self._emails.get(grant.principal, grant.principal)
        self.grants[principal].append(Held(grant, self._place(grant), role, condition, reason))

    def _place(self, grant: Grant) -> str:
        if grant.kind in ("app_role", "delegated_permission"):
            return DIRECTORY
        over_directory = grant.kind == "directory_role" or "/directory_role/" in (grant.policy or "")
        if over_directory:
            return DIRECTORY + (grant.resource or "").lower().rpartition("/object/")[2].strip("/")
        if grant.resource is not None:
            return plain(grant.resource)
        return self._place_of.get(grant.scope, ROOT)

    def _role(self, grant: Grant) -> Role | None:
        key = f"{grant.kind}|{grant.policy or grant.name}"
        if grant.kind == "delegated_permission":
            key += f"|{grant.resource}"
        if key not in self._roles:
            found = self._made(grant)
            if found is None:
                return None
            self._roles[key] = found
            if found.definition is not None:
                self.bits.add(found.definition)
        return self._roles[key]

    def _made(self, grant: Grant) -> Role | None:
        policy = self.policies.get(grant.policy or "")
        if grant.kind in ("role_assignment", "directory_role", "eligible_assignment"):
            text = self._definition(policy)
            if grant.kind == "directory_role" or "/directory_role/" in (grant.policy or ""):
                privileged = (grant.policy or "").rpartition("/")[2] in self._privileged
                return directory_role(grant, policy, text, self.catalogue, privileged=privileged)
            return azure_role(grant, policy, text)
        if grant.kind == "app_role":
            return permission(grant, policy, self.catalogue)
        if grant.kind == "delegated_permission":
            return consent(grant, self.identities.get(grant.resource or ""), self.catalogue)
        if grant.kind == "classic_administrator":
            return azure_role(grant, policy, definition(_OWNER))
        return None

    def _definition(self, policy: Policy | None) -> Definition | None:
        document = self.records.document(policy.document) if policy is not None and policy.document else None
        return None if document is None else definition(document.text)

    def _deny(self, grant: Grant) -> Deny:
        document = self.records.document(grant.document) if grant.document else None
        shown = _object(document.text if document is not None else None)
        read = definition(document.text) if document is not None else None
        tenant = next(iter(self.tenants), "")
        return Deny(
            grant,
            self._place(grant),
            frozenset(_keys(tenant, shown.get("principals"))) or frozenset({grant.principal}),
            frozenset(_keys(tenant, shown.get("excludePrincipals"))),
            tuple(read.on(CONTROL)) if read is not None else (),
            tuple(read.on(DATA)) if read is not None else (),
            below=shown.get("doNotApplyToChildScopes") is not True,
            conditional=_expression(grant.condition) is not None,
            unread=read is None or read.unreadable,
        )

    # --- relations and names ---

    def _relate(self) -> None:
        self._member_of: dict[str, set[str]] = defaultdict(set)
        self.owners: dict[str, list[tuple[str, str]]] = defaultdict(list)
        """Key of what is owned -> (key of the owner, key of the relation)."""
        self.application_of: dict[str, str] = {}
        self.principals_of: dict[str, list[str]] = defaultdict(list)
        """Key of an application, or of the resource that a managed identity is -> its principals, sorted."""
        self.runs: dict[str, set[str]] = defaultdict(set)
        """Key of a managed identity -> places of the resources that run as it."""
        for scope in self.scopes:
            for one in self.records.relations(scope):
                if one.kind == "member_of":
                    self._member_of[one.subject].add(one.target)
                elif one.kind == "owned_by":
                    self.owners[one.subject].append((one.target, one.key))
                elif one.kind == "instance_of":
                    self.principals_of[one.target].append(one.subject)
                    self.application_of[one.subject] = one.target
                elif one.kind == "runs_as":
                    self.runs[one.target].add(plain(one.subject.partition("/resource/")[2] or one.subject))
        self._groups: dict[str, tuple[str, ...]] = {}

    def _alias(self) -> None:
        self._emails: dict[str, str] = {}
        self.resource_of: dict[str, str] = {}
        """Key of a managed identity -> place of the user-assigned identity or of the workload that it stands for."""
        for scope in self.scopes:
            for alias in self.records.aliases(scope):
                if alias.kind == "email":
                    self._emails[alias.value.lower()] = alias.identity
                elif alias.kind == "resource_id":
                    self.resource_of[alias.identity] = plain(alias.value)

    def groups_of(self, key: str) -> tuple[str, ...]:
        """Keys of all groups that an identity is in, over others too, sorted."""
        if key not in self._member_of:
            return ()
        found = self._groups.get(key)
        if found is None:
            seen: set[str] = set()
            left = list(self._member_of[key])
            while left:
                group = left.pop()
                if group not in seen and group != key:
                    seen.add(group)
                    left.extend(self._member_of.get(group, ()))
            found = self._groups[key] = tuple(sorted(seen))
        return found

    def federated(self) -> Iterator[tuple[str, Credential]]:
        """(key of the principal that is entered, federated credential), of applications and managed identities."""
        for scope in self.scopes:
            for credential in self.records.credentials(scope):
                if credential.kind == "federated_credential":
                    for key in self.principals_of.get(credential.identity, [credential.identity]):
                        yield key, credential

    # --- principals ---

    def _principal(self, identity: Identity) -> Principal:
        groups = self.groups_of(identity.key)
        held = sorted(self.grants.get(identity.key, ()), key=lambda one: one.grant.key)
        for group in groups:
            held.extend(sorted(self.grants.get(group, ()), key=lambda one: one.grant.key))
        names = {identity.key, *groups}
        denies = tuple(deny for deny in self._denies.values() if deny.meant_for(names))
        return Principal(identity, tuple(held), groups, denies, self.rights_of(held, denies))

    def rights_of(self, held: Sequence[Held], denies: tuple[Deny, ...] = ()) -> Rights:
        """The rights that some grants give; the same object for the same rights."""
        once = frozenset((one.place, one.role, one.condition, one.reason) for one in held)
        signature = (once, denies)
        found = self._rights.get(signature)
        if found is None:
            at: dict[str, Power] = {}
            for one in held:
                at[one.place] = at.get(one.place, Power()) | one.power(self.bits)
            needing = {way for one in held if one.role.needs is not None for way in one.role.ways}
            needing -= {way for one in held if one.role.needs is None for way in one.role.ways}
            found = Rights(len(self._rights), at, denies, self.places, self.bits, frozenset(needing))
            self._rights[signature] = found
        return found

    @cached_property
    def roles(self) -> list[Role]:
        """Every role that is granted to somebody, once, by key."""
        once = {(role.kind, role.key): role for role in self._roles.values()}
        return [once[key] for key in sorted(once)]

    def plane_of(self, action: str) -> str:
        """On which plane an action of Resource Manager (in lower case) is; "control" where nothing names it."""
        return self._planes.get(action, CONTROL)

    def heard_of(self, action: str) -> bool:
        """Whether the catalogue or some role definition names an action of Resource Manager (in lower case)."""
        return action in self._planes

    @cached_property
    def _planes(self) -> dict[str, str]:
        """Action -> its plane: by the catalogue, else by built-in roles, else by own ones, which may be wrong."""
        found = {one.name.lower(): one.plane for one in self.catalogue.actions}
        for kind in ("provider_policy", "role_definition"):
            for policy in self.policies.values():
                text = self._definition(policy) if policy.kind == kind else None
                for block in text.blocks if text is not None else ():
                    for pattern in (*block.allows, *block.takes):
                        if "*" not in pattern:
                            found.setdefault(pattern, block.plane)
        return found

    def locked(self, principal: str) -> bool:
        """Whether a service principal takes no credential of its own, because its application says so."""
        application = self.identities.get(self.application_of.get(principal, ""))
        return application is not None and LOCK in _object(application.tags)

    def custom(self, role: Role) -> bool:
        """Whether a role of Azure is one of the customer's own."""
        policy = self.policies.get(role.key)
        return policy is not None and policy.kind == "role_definition"

    def subjects_of(self, credential: Credential) -> list[str]:
        """Keys of the identities of the own tenant whose tokens a federated credential takes."""
        found = door(credential.restrictions)
        tenants = [one for one in self.tenants if found is not None and found.of_tenant(one.rpartition("/")[2])]
        subjects = found.subjects if found is not None and found.expression is None else ()
        return [f"{tenant}/object/{subject.lower()}" for tenant in tenants for subject in subjects]

    def gaps(self, principal: Principal) -> tuple[str, ...]:
        """ACCESS_REASONS: what was not read of a principal, sorted."""
        found = {one.role.unread for one in principal.held if one.role.unread is not None}
        if principal.identity.kind != "group" and not self._members_read:
            found.add("membership-unread")
        return tuple(sorted({*found, *self.unread}))

    def _unread(self) -> Iterator[str]:
        records = self.records
        self._members_read = all(records.complete(tenant, "relation:member_of") for tenant in self.tenants)
        self.azure_unread = [
            scope
            for scope in self.scopes
            if not records.complete(scope, "access_grant:role_assignment")
            or (scope in self.tenants and not records.complete(scope, "scope:management_group"))
        ]
        """Keys of scopes whose role assignments were not read completely, or some of which may not even be known."""
        self.directory_unread = [
            tenant
            for tenant in self.tenants
            if not all(records.complete(tenant, f"access_grant:{kind}") for kind in ("directory_role", "app_role"))
        ]
        """Keys of tenants whose roles and permissions over the directory were not read completely."""
        self.hosts_unread = [
            place_of(scope)
            for scope in records.scopes()
            if scope.kind == "subscription" and not records.complete(scope.key, "relation:runs_as")
        ]
        """Places of subscriptions of which nobody knows what runs as whom."""
        if self.azure_unread or self.directory_unread:
            yield "grants-unread"
        below = [scope for scope in self.scopes if scope not in self.tenants]
        if not all(records.complete(scope, "access_grant:deny_assignment") for scope in below):
            yield "deny-policy-unread"


def _expression(condition: str | None) -> str | None:
    """The expression of `Grant.condition`: JSON that may hold other limits, too; of a role of the directory bare."""
    if condition is None or condition.lstrip().startswith("{"):
        found = _object(condition).get("condition")
        return found if isinstance(found, str) and found else None
    return condition


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _keys(tenant: str, some: Any) -> Iterator[str]:
    """Keys of the objects of a deny assignment. All zeros: everybody."""
    for one in some if isinstance(some, list) else ():
        found = one.get("id") if isinstance(one, dict) else one
        if isinstance(found, str):
            yield f"{tenant}/object/{found.lower()}"

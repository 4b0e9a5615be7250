"""What an estate grants to whom: nodes, roles, bindings and principals, and exact answers about one permission.

Bindings are inherited downward. Nothing takes away what they give but their own conditions: deny policies and principal
access boundaries are not read, which every answer says (`UNREAD`).
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from nhiscan.analyzer import Records
from nhiscan.model import Grant, Identity
from nhiscan_gcp.analyzer.conditions import HOLDS, MAYBE, NO, YES, Condition, Facts, Outcome, condition_of
from nhiscan_gcp.analyzer.hierarchy import Node, Tree
from nhiscan_gcp.analyzer.members import Member, member_of
from nhiscan_gcp.analyzer.permissions import facts as data
from nhiscan_gcp.analyzer.permissions import service_of
from nhiscan_gcp.analyzer.roles import Role, Roles

UNREAD = "deny-policy-unread"
"""Deny policies (IAM v2) and principal access boundaries (IAM v3) are read by no source: each takes away, none adds."""
ACCOUNT_TYPE = "iam.googleapis.com/ServiceAccount"
_NODE_TYPES = {
    "project": "cloudresourcemanager.googleapis.com/Project",
    "folder": "cloudresourcemanager.googleapis.com/Folder",
    "organization": "cloudresourcemanager.googleapis.com/Organization",
}


class Binding(NamedTuple):
    """A role, given to a member in one place."""

    grant: Grant
    member: Member
    place: str  # key of a node or of an account
    role: Role
    condition: Condition | None

    @property
    def keys(self) -> tuple[str, ...]:
        return () if self.condition is None else tuple(sorted(self.condition.names)) or ("condition",)


class Allow(NamedTuple):
    """A binding that gives a permission in some place."""

    binding: Binding
    outcome: Outcome


class Answer(NamedTuple):
    """Whether a permission is held on something."""

    answer: int  # NO | MAYBE | YES
    allows: tuple[Allow, ...] = ()  # the surest first
    reasons: tuple[str, ...] = ()  # ACCESS_REASONS, those of the best binding

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the best binding hangs on."""
        return tuple(sorted(self.allows[0].outcome.keys)) if self.answer == MAYBE and self.allows else ()


class Target(NamedTuple):
    """On what a permission is asked about: a place, and what conditions can know of a resource there."""

    chain: tuple[str, ...]  # places whose bindings reach it, itself first
    facts: Facts


class Principal(NamedTuple):
    """A service account, a pool, or an agent of Google's that bindings name."""

    key: str  # of its Identity; of an agent the member's text
    name: str
    scope: str  # "" of an agent
    kind: str  # "service_account" | "federation" | "agent"
    bindings: tuple[Binding, ...]
    some: tuple[Binding, ...] = ()  # given to some of those who come in through a pool, not to all

    @property
    def all(self) -> tuple[Binding, ...]:
        return (*self.bindings, *self.some)


class Estate:
    """All planned scopes of Google Cloud. Lists come in the order of their keys."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.tree = Tree(records)
        self.roles = Roles(records, self.tree.nodes)
        self.table = self.roles.table
        self.strong = frozenset(data()["strong_roles"])
        self.accounts: dict[str, Identity] = {}
        self.pools: dict[str, Identity] = {}
        self.emails: dict[str, str] = {}
        self.numbers: dict[str, str] = {}
        """Number or id of a project -> key of its node, where something tells the number."""
        self.bindings: list[Binding] = []
        self.on: dict[str, list[Binding]] = {}
        """Place -> what is bound there."""
        self._read_identities()
        self._read_bindings()
        self._by_member: dict[str, list[Binding]] = {}
        for binding in self.bindings:
            self._by_member.setdefault(self._owner_of(binding), []).append(binding)

    def _read_identities(self) -> None:
        for key, node in self.tree.nodes.items():
            if node.kind == "project":
                self.numbers[node.native_id] = key
            for identity in self.records.identities(key):
                if identity.kind == "service_account":
                    self.accounts[identity.key] = identity
                    self.emails[identity.name] = identity.key
                    number = identity.name.partition("-compute@developer.")[0]
                    if identity.path == "/default/compute/" and number.isdecimal():
                        self.numbers[number] = key
                elif identity.kind == "federation":
                    self.pools[identity.key] = identity
                    parts = (identity.arn or "").split("/")
                    if "projects" in parts[:-1]:
                        self.numbers[parts[parts.index("projects") + 1]] = key

    def _read_bindings(self) -> None:
        for key in self.tree.nodes:
            for grant in self.records.grants(key):
                if grant.kind == "role_binding":
                    member = member_of(grant.key.partition("|role_binding|")[0])
                    condition = None if grant.condition is None else _condition(grant.condition)
                    place = grant.resource or key
                    self.bindings.append(Binding(grant, member, place, self.roles.of(grant), condition))
                    self.on.setdefault(place, []).append(self.bindings[-1])

    def _owner_of(self, binding: Binding) -> str:
        """Key of the identity that a binding means by itself, else the member's text."""
        member = binding.member
        if binding.grant.principal in self.accounts:
            return binding.grant.principal
        if member.kind == "account":
            return self.emails.get(member.value, member.text)
        if member.kind == "federated":
            return self.pool_of(member) or member.text
        return member.text

    def pool_of(self, member: Member) -> str | None:
        """Key of the pool through which a member comes in, where the scan read it."""
        home = self.numbers.get(member.home or "")
        key = f"{home}/federation/{member.pool}"
        return key if key in self.pools else None

    # --- principals ---

    @cached_property
    def principals(self) -> Mapping[str, Principal]:
        """Accounts and pools by key, then agents."""
        found: dict[str, Principal] = {}
        everybody = [one for text in ("allUsers", "allAuthenticatedUsers") for one in self._by_member.get(text, ())]
        sets = self._of_nodes()
        for key, identity in sorted(self.accounts.items()):
            own = self._by_member.get(key, ())
            inherited = [one for node in self.tree.nodes[identity.scope].chain for one in sets.get(node, ())]
            found[key] = Principal(
                key, identity.name, identity.scope, "service_account", (*own, *inherited, *everybody)
            )
        for key, identity in sorted(self.pools.items()):
            own = self._by_member.get(key, ())
            whole = tuple(one for one in own if one.member.value == "*")
            some = tuple(one for one in own if one.member.value != "*")
            public = [one for one in everybody if one.member.text == "allUsers"]  # nobody who comes in has an account
            found[key] = Principal(key, identity.name, identity.scope, "federation", (*whole, *public), some)
        for text, bindings in sorted(self._by_member.items()):
            if bindings[0].member.kind == "agent":
                found[text] = Principal(text, bindings[0].member.value, "", "agent", tuple(bindings))
        return found

    def _of_nodes(self) -> Mapping[str, list[Binding]]:
        """Node -> what is given to all service accounts in it."""
        found: dict[str, list[Binding]] = {}
        for text in sorted(self._by_member):
            member = self._by_member[text][0].member
            if member.kind == "node" and member.value in ("", "ServiceAccount") and member.home:
                kind, _, name = member.home.partition("/")
                node = self.numbers.get(name) if kind == "projects" else f"gcp/{kind.removesuffix('s')}/{name}"
                if node is not None:
                    found.setdefault(node, []).extend(self._by_member[text])
        return found

    @cached_property
    def groups(self) -> tuple[Principal, ...]:
        """Groups, whose members nobody read, and all accounts of projects that are not known: any may be meant."""
        found = []
        for text in sorted(self._by_member):
            member = self._by_member[text][0].member
            strange = member.kind == "node" and (member.home or "").startswith("projects/")
            if member.kind == "group" or (strange and (member.home or "")[9:] not in self.numbers):
                found.append(Principal(text, member.value, "", "group", tuple(self._by_member[text])))
        return tuple(found)

    # --- answers ---

    def target(self, key: str) -> Target:
        """A node or an account, as something that permissions are held on."""
        node = self.tree.nodes.get(key)
        if node is not None:
            return Target(node.chain, self._node_facts(node))
        identity = self.accounts.get(key)
        if identity is None:
            return Target((key,), Facts(self.records.as_of))
        home = self.tree.nodes[identity.scope]
        return Target((key, *home.chain), self._account_facts(identity, home))

    def _node_facts(self, node: Node) -> Facts:
        names: frozenset[str] | None = frozenset({node.resource})
        if node.kind == "project":
            number = self._number_of.get(node.key)
            names = None if number is None else frozenset({node.resource, f"projects/{number}"})
        return Facts(
            self.records.as_of,
            names,
            frozenset({_NODE_TYPES.get(node.kind, "")}),
            frozenset({"cloudresourcemanager.googleapis.com"}),
        )

    @cached_property
    def _number_of(self) -> Mapping[str, str]:
        return {key: name for name, key in self.numbers.items() if name.isdecimal()}

    def _account_facts(self, identity: Identity, home: Node) -> Facts:
        """Google's list of resources that have names and types for conditions lacks accounts: they may have none."""
        projects = {home.native_id, "-", *filter(None, [self._number_of.get(home.key)])}
        accounts = (identity.name, identity.native_id)
        names = frozenset(f"projects/{one}/serviceAccounts/{name}" for one in projects for name in accounts)
        return self.any_account._replace(name=names | {""})

    @cached_property
    def any_account(self) -> Facts:
        """What is known of a request about some account."""
        types, services = frozenset({ACCOUNT_TYPE, ""}), frozenset({"iam.googleapis.com", ""})
        return Facts(self.records.as_of, None, types, services)

    def facts_of(self, kind: str, node: Node) -> Facts:
        """What is known of a request about a node of a kind, in a node or below it."""
        if node.kind == kind:
            return self._node_facts(node)
        service = frozenset({"cloudresourcemanager.googleapis.com"})
        return Facts(self.records.as_of, None, frozenset({_NODE_TYPES[kind]}), service)

    @cached_property
    def below(self) -> Mapping[str, list[str]]:
        """Node -> keys of the accounts in it and below it."""
        homes: dict[str, list[str]] = {}
        for key, identity in self.accounts.items():
            homes.setdefault(identity.scope, []).append(key)
        found: dict[str, list[str]] = {}
        for home in sorted(homes):
            for above in self.tree.nodes[home].chain:
                found.setdefault(above, []).extend(homes[home])
        return found

    def chain(self, place: str) -> tuple[str, ...]:
        """A place and all that it lies in."""
        node = self.tree.nodes.get(place)
        if node is not None:
            return node.chain
        identity = self.accounts.get(place)
        return (place,) if identity is None else (place, *self.tree.nodes[identity.scope].chain)

    def outcome_under(self, binding: Binding, facts: Facts) -> Outcome:
        """What a condition says to a request of which something is known."""
        return self._outcome(binding, facts)

    def any_new(self, service: str) -> Facts:
        """What is known of a request for something new of a service: its name is free to choose."""
        services = {f"{service}.googleapis.com", "cloudresourcemanager.googleapis.com", ""}
        return Facts(self.records.as_of, service=frozenset(services))

    def new_in(self, node: str, permission: str) -> Target:
        """Something that is made in a node by a permission."""
        return Target(self.tree.nodes[node].chain, self.any_new(service_of(permission)))

    def check(self, principal: Principal, permission: str, target: Target) -> Answer:
        """Whether a principal holds a permission on a target, with the bindings that give it."""
        return self.held(principal.all, self.table.bit(permission), target, permission.endswith(".setIamPolicy"))

    def held(self, bindings: Sequence[Binding], bit: int, target: Target, granting: bool = False) -> Answer:
        """The same of some bindings and the bit of a permission. ``granting``: it gives roles, any strong one."""
        facts = target.facts._replace(granting=self.strong) if granting else target.facts
        found = []
        for binding in bindings:
            if binding.role.mask & bit and binding.place in target.chain:
                outcome = self._outcome(binding, facts)
                if outcome.answer != NO:
                    found.append(Allow(binding, outcome))
        if not found:
            return Answer(NO)
        found.sort(key=lambda one: (-one.outcome.answer, len(one.outcome.keys), one.binding.grant.key))
        best = found[0].outcome
        reasons = () if best.answer == YES else ("unknown-condition-key",) if best.strange else ("condition",)
        return Answer(best.answer, tuple(found), reasons)

    @staticmethod
    def _outcome(binding: Binding, facts: Facts) -> Outcome:
        """What the condition says, and of those who come in through a pool: who is meant."""
        found = HOLDS if binding.condition is None else binding.condition.outcome(facts)
        member = binding.member
        if found.answer != NO and member.kind == "federated" and member.value != "*":
            return Outcome(MAYBE, found.keys | {member.value}, found.strange)
        return found

    def outcome(self, binding: Binding) -> Outcome:
        """What a condition says while nothing is known of the resource."""
        return self._outcome(binding, Facts(self.records.as_of))

    def gaps(self, principal: Principal) -> tuple[str, ...]:
        """What was not read of what it is given: ACCESS_REASONS."""
        found = {binding.role.reason for binding in principal.all if binding.role.reason is not None}
        node = self.tree.nodes.get(principal.scope)
        if node is not None and node.unread:
            found.add("grants-unread")
        return tuple(sorted(found))

    def resource_of(self, place: str) -> str:
        """A place in Google's words: ``projects/shop``, ``projects/shop/serviceAccounts/ci@...``."""
        node = self.tree.nodes.get(place)
        if node is not None:
            return node.resource
        identity = self.accounts.get(place)
        if identity is None:
            return place
        return f"{self.tree.nodes[identity.scope].resource}/serviceAccounts/{identity.name}"


def _condition(text: str) -> Condition:
    """The condition of a grant, which is stored as JSON."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    expression = found.get("expression") if isinstance(found, dict) else None
    return condition_of(expression if isinstance(expression, str) else "")

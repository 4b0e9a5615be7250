"""Whom something leads to, as sets of nodes: the same set for all who hold it at the same place.

Members stand in classes with the same rights, those with most first, so that "who of them has more than I" is one
comparison a class.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from nhiscan.ways import UNSEEN
from nhiscan_azure.analyzer.escalation.owning import of_principal
from nhiscan_azure.analyzer.estate import ROLE_ASSIGNABLE, Estate, Principal
from nhiscan_azure.analyzer.places import plain, type_of
from nhiscan_azure.analyzer.rights import Rights
from nhiscan_azure.analyzer.roles import OVER_DIRECTORY

VAULT = "microsoft.keyvault/vaults"
USER_ASSIGNED = "microsoft.managedidentity/userassignedidentities"


class Best(NamedTuple):
    """What a set of targets comes to for somebody."""

    node: int
    tenant: bool  # the target administers the tenant
    rank: int | None  # how certainly the target is an administrator; None: it has more, no more
    targets: int  # how many have more


class Pool:
    """A set of nodes."""

    def __init__(self, members: Iterable[int], rights: Callable[[int], Rights]) -> None:
        self.members = tuple(sorted(set(members)))
        grouped: dict[int, list[int]] = defaultdict(list)
        known: dict[int, Rights] = {}
        for node in self.members:
            some = rights(node)
            known[some.number] = some
            grouped[some.number].append(node)
        order = sorted(grouped, key=lambda number: (known[number].order, grouped[number][0]))
        self._classes = [(known[number], grouped[number]) for number in order if known[number].at]
        self._size = sum(len(nodes) for _, nodes in self._classes)
        self._strong = [
            place
            for place, (some, _) in enumerate(self._classes)
            if some.administered or some.tenant_administrator is not None
        ]
        self._judged: dict[int, Best | None] = {}

    def best(self, has: Rights) -> Best | None:
        """The best target for whoever has some rights; None: nobody here has more."""
        if has.number not in self._judged:
            self._judged[has.number] = self._best(has)
        return self._judged[has.number]

    @cached_property
    def _under(self) -> Mapping[str, list[int]]:
        """Place -> classes that have something at or below it; of what they have one place stands for all."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, (some, _) in enumerate(self._classes):
            for place in some.above(max(some.at, key=len)):
                found[place].append(number)
        return found

    def _spared(self, has: Rights) -> set[int]:
        """The classes that have nothing more. They have all that they have where the other has something, too."""
        near = {number for place in has.at for number in self._under.get(place, ())}
        return {number for number in near if not self._classes[number][0].beyond(has)}

    def _best(self, has: Rights) -> Best | None:
        spared = self._spared(has)
        targets = self._size - sum(len(self._classes[number][1]) for number in spared)
        if not targets:
            return None
        mine = has.administrator == 0
        for tenant in (True, False):
            options = []
            for number in self._strong:
                rights, nodes = self._classes[number]
                rank = rights.tenant_administrator if tenant else self._rank(rights, has, mine=mine)
                if rank is not None and number not in spared:
                    options.append((rank, number, nodes[0]))
            if options:
                rank, _, node = min(options)
                return Best(node, tenant, rank, targets)
        first = next(number for number in range(len(self._classes)) if number not in spared)
        return Best(self._classes[first][1][0], tenant=False, rank=None, targets=targets)

    @staticmethod
    def _rank(rights: Rights, has: Rights, *, mine: bool) -> int | None:
        """How certainly somebody administers what the other does not."""
        ranks = [rank for place, rank in rights.administered.items() if not (mine and has.administers(place))]
        return min(ranks, default=None)


class Pools:
    """All pools of an estate, made when they are asked for."""

    def __init__(self, estate: Estate, keys: Sequence[str], nodes: Mapping[str, int]) -> None:
        self._estate = estate
        self.nodes = nodes
        self._principals = [estate.principals.get(key) or estate.groups[key] for key in keys]
        self._made: dict[tuple[object, ...], Pool] = {}
        self._by_place: dict[str, list[tuple[str, int]]] = defaultdict(list)
        """Place -> (type of the resource, node of the identity it runs as), of all that lies at or below it."""
        self._assigned: dict[str, set[int]] = defaultdict(set)
        """Place -> nodes of user-assigned identities at or below it."""
        self._where: dict[tuple[str, int], list[str]] = defaultdict(list)
        for key in keys:
            identity = estate.identities[key]
            if identity.kind == "managed_identity":
                self._host(key)
        self._vaults: dict[str, list[str]] = defaultdict(list)
        for identity in estate.identities.values():
            if identity.kind == "resource" and identity.path == VAULT:
                vault = plain(identity.native_id)
                for place in estate.places.above(vault):
                    self._vaults[place].append(vault)
        self._sort()

    def vaults(self, place: str) -> Sequence[str]:
        """Places of the vaults at or below a place."""
        return self._vaults.get(place, ())

    def principal(self, node: int) -> Principal:
        return self._principals[node]

    def rights(self, node: int) -> Rights:
        return self._principals[node].rights

    def _host(self, key: str) -> None:
        node = self.nodes[key]
        own = self._estate.resource_of.get(key)
        hosts = set(self._estate.runs.get(key, ()))
        if own is not None:
            if type_of(own) == USER_ASSIGNED:
                for place in self._estate.places.above(own):
                    self._assigned[place].add(node)
            else:
                hosts.add(own)
        for host in hosts:
            for place in self._estate.places.above(host):
                self._by_place[place].append((type_of(host), node))
            self._where[(type_of(host), node)].append(host)

    def hosts(self, types: frozenset[str], node: int) -> list[str]:
        """Places of the resources of some types that run as an identity, sorted."""
        return sorted(place for kind in types for place in self._where.get((kind, node), ()))

    def running(self, place: str, types: frozenset[str]) -> Pool:
        """The identities as which resources of some types run, at or below a place."""
        return self._pool(
            ("running", place, types), lambda: (node for kind, node in self._by_place.get(place, ()) if kind in types)
        )

    def assigned(self, place: str) -> Pool:
        """The user-assigned identities at or below a place."""
        return self._pool(("assigned", place), lambda: self._assigned.get(place, ()))

    def some(self, members: Iterable[int]) -> Pool:
        wanted = tuple(sorted(set(members)))
        return self._pool(("some", wanted), lambda: wanted)

    def _pool(self, key: tuple[object, ...], members: Callable[[], Iterable[int]]) -> Pool:
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = Pool(members(), self.rights)
        return found

    def _sort(self) -> None:
        """The pools of whole tenants."""
        self.applications: dict[str, dict[int, Pool]] = {}
        """Tenant -> rank -> service principals that take a credential from whoever may change any application."""
        self.groups: dict[str, Pool] = {}
        self.role_groups: dict[str, Pool] = {}
        self.users: dict[str, Pool] = {}
        self.everybody: dict[str, Pool] = {}
        self.tenant_administrators: dict[str, list[int]] = defaultdict(list)
        sorted_: dict[tuple[str, str], list[int]] = defaultdict(list)
        for node, principal in enumerate(self._principals):
            identity = principal.identity
            tenant = identity.scope
            if identity.kind == "group":
                over_directory = any(held.role.kind == OVER_DIRECTORY for held in principal.held)
                closed = identity.path == ROLE_ASSIGNABLE or over_directory
                sorted_[(tenant, "role-groups" if closed else "groups")].append(node)
                continue
            if identity.provider_managed == 1:
                continue
            sorted_[(tenant, "everybody")].append(node)
            if identity.kind == "service_principal":
                rank = of_principal(self._estate, principal.key)
                sorted_[(tenant, "own" if rank == 0 else "foreign")].append(node)
            elif identity.kind == "user":
                over_directory = any(held.role.kind == OVER_DIRECTORY for held in principal.held)
                if not over_directory:
                    sorted_[(tenant, "users")].append(node)
            if identity.kind == "user" and principal.rights.tenant_administrator == 0:
                self.tenant_administrators[tenant].append(node)
        for tenant in {tenant for tenant, _ in sorted_}:
            own, foreign = (self.some(sorted_[(tenant, what)]) for what in ("own", "foreign"))
            self.applications[tenant] = {0: own, UNSEEN: foreign}
            self.groups[tenant] = self.some(sorted_[(tenant, "groups")])
            self.role_groups[tenant] = self.some(sorted_[(tenant, "role-groups")])
            self.users[tenant] = self.some(sorted_[(tenant, "users")])
            self.everybody[tenant] = self.some(sorted_[(tenant, "everybody")])

"""The ways of one hop that a principal has: which sets it holds, and whom it becomes by them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from nhiscan.ways import UNSEEN
from nhiscan_azure.analyzer.escalation.holding import Holding
from nhiscan_azure.analyzer.escalation.own import Own
from nhiscan_azure.analyzer.escalation.owning import entered, may_add_credentials
from nhiscan_azure.analyzer.escalation.pools import Best, Pool, Pools
from nhiscan_azure.analyzer.escalation.sets import Set
from nhiscan_azure.analyzer.escalation.way import UNIT, Gained, Judged, Way
from nhiscan_azure.analyzer.estate import Estate, Principal
from nhiscan_azure.analyzer.places import DIRECTORY
from nhiscan_azure.analyzer.rights import Rights


class Ways(Holding):
    """Finds them. What follows from rights alone is worked out once for all who have the same."""

    def __init__(self, estate: Estate, pools: Pools, every: Sequence[Set]) -> None:
        super().__init__(estate, every)
        self.pools = pools
        own = Own(estate, pools, every)
        self._shared: dict[int, list[Way]] = {}
        self._needed = [(one, self.masks[one.id] | self.ways.get(one.id, 0)) for one in every]
        self._owned: dict[str, list[tuple[str, str]]] = {}
        for thing, owners in estate.owners.items():
            for owner, relation in owners:
                self._owned.setdefault(owner, []).append((thing, relation))
        self._entered: dict[str, list[tuple[str, str]]] = {}
        self._federate()
        self._places: Mapping[str, Callable[[Rights, Set], Way | None]] = {
            "running-identity": self._running,
            "assigned-identity": self._assigned,
            "user-assigned-identity": self._identity,
            "any-application": self._applications,
            "tenant": own.tenant,
            "tenant-unseen": own.unseen,
            "vault-secrets": own.vault,
        }
        self._related: Mapping[str, Callable[[Principal, Set], Way | None]] = {
            "own-role": own.own_role,
            "own-definition": own.own_definition,
            "owned-application": self._owner,
            "owned-principal": self._owner,
            "owned-group": self._owner,
            "federated-principal": self._federated,
            "tenant-person": self._person,
            "user": self._in_tenant,
            "group": self._in_tenant,
            "role-group": self._in_tenant,
        }

    def of(self, principal: Principal) -> Iterator[Way]:
        """All ways of a principal, by the id of the set."""
        rights = principal.rights
        shared = self._shared.get(rights.number)
        if shared is None:
            shared = [
                way
                for one, needed in self._needed
                if one.gain in self._places
                and not needed & ~rights.anything
                and (way := self._places[one.gain](rights, one)) is not None
            ]
            self._shared[rights.number] = shared
        yield from shared
        for one, needed in self._needed:
            if one.gain in self._related and not needed & ~rights.anything:
                way = self._related[one.gain](principal, one)
                if way is not None:
                    yield way

    def judged(self, principal: Principal, way: Way) -> Judged | None:
        """What a way comes to; None where nobody it leads to has more."""
        if way.own is not None:
            outcome = "administrator" if way.own.administrator else "more"
            return Judged(outcome, way.own.tenant, way.own.rank, None, 1)
        best: Judged | None = None
        targets = 0
        for pool, rank, _ in way.reach:
            found = pool.best(principal.rights)
            if found is None:
                continue
            targets += found.targets
            one = self._of(found, rank)
            if best is None or one.order < best.order:
                best = one
        return None if best is None else best._replace(targets=targets)

    @staticmethod
    def _of(found: Best, rank: int) -> Judged:
        outcome = "more" if found.rank is None else "administrator"
        return Judged(outcome, found.tenant, max(rank, found.rank or 0), found.node, found.targets)

    # --- at places ---

    def _reach(
        self, rights: Rights, one: Set, pool_at: Callable[[str], Pool], hosts: Callable[[int], Sequence[str]]
    ) -> Way | None:
        mask = self.masks[one.id]
        reach: list[tuple[Pool, int, str]] = []
        for place, rank in self.held(rights, mask):
            pool = pool_at(place)
            pools = self._spared(rights, mask, place, pool, hosts) if rights.denies else ((pool, 0),)
            for some, how in pools:
                if some.members:
                    reach.append((some, UNSEEN if one.needs is not None else max(rank, how), place))
        return Way(one, tuple(reach)) if reach else None

    def _spared(
        self, rights: Rights, mask: int, place: str, pool: Pool, hosts: Callable[[int], Sequence[str]]
    ) -> Iterator[tuple[Pool, int]]:
        """The members of a pool that no denial keeps out: for certain, and perhaps."""
        left: dict[int, list[int]] = {0: [], 1: []}
        for node in pool.members:
            powers = [rights.on(host) for host in hosts(node) if rights.covers(place, host)]
            if any(not mask & ~power.sure for power in powers):
                left[0].append(node)
            elif any(not mask & ~power.open for power in powers):
                left[1].append(node)
        return ((self.pools.some(nodes), rank) for rank, nodes in left.items())

    def _running(self, rights: Rights, one: Set) -> Way | None:
        way = self._reach(
            rights,
            one,
            lambda place: self.pools.running(place, one.runs),
            lambda node: self.pools.hosts(one.runs, node),
        )
        if not self.estate.hosts_unread:
            return way
        unseen = tuple(
            (self.pools.assigned(hidden), UNSEEN, place)
            for place, _ in self.held(rights, self.masks[one.id])
            for hidden in self.estate.hosts_unread
            if rights.covers(place, hidden) or rights.covers(hidden, place)
        )
        unseen = tuple(found for found in unseen if found[0].members)
        return Way(one, (*(way.reach if way is not None else ()), *unseen)) if way is not None or unseen else None

    def _identity(self, rights: Rights, one: Set) -> Way | None:
        return self._reach(rights, one, self.pools.assigned, self._where)

    def _where(self, node: int) -> list[str]:
        place = self.estate.resource_of.get(self.pools.principal(node).key)
        return [] if place is None else [place]

    def _assigned(self, rights: Rights, one: Set) -> Way | None:
        found = [self.mask((action,), one.plane) for action in one.anywhere]
        every = rights.every
        ranks = [0 if mask & every.sure else 1 for mask in found if mask & every.open]
        if not ranks:
            return None
        way = self._identity(rights, one)
        if way is None:
            return None
        return way._replace(reach=tuple((pool, max(rank, min(ranks)), place) for pool, rank, place in way.reach))

    # --- over the directory ---

    def _applications(self, rights: Rights, one: Set) -> Way | None:
        reach: list[tuple[Pool, int, str]] = []
        rank = self.by_way(rights, one)
        if rank is not None:
            for tenant in self.estate.tenants:
                for certain, pool in self.pools.applications.get(tenant, {}).items():
                    if pool.members:
                        reach.append((pool, max(rank, certain), DIRECTORY))
        else:
            reach.extend(self._single(rights, one))
        return Way(one, tuple(reach)) if reach else None

    def _single(self, rights: Rights, one: Set) -> Iterator[tuple[Pool, int, str]]:
        """A role of the directory that is held over one application or principal."""
        bit = self.ways[one.id]
        for place, power in rights.at.items():
            if power.open & bit and place.startswith(DIRECTORY):
                for tenant in self.estate.tenants:
                    key = f"{tenant}/object/{place.removeprefix(DIRECTORY)}"
                    members = [
                        self.pools.nodes[found]
                        for found in (*self.estate.principals_of.get(key, ()), key)
                        if found in self.pools.nodes and self.estate.identities[found].kind == "service_principal"
                    ]
                    if members:
                        yield self.pools.some(members), 0 if power.sure & bit else 1, place

    # --- what hangs on who it is ---

    def _person(self, principal: Principal, one: Set) -> Way | None:
        rights = principal.rights
        rank = self.by_way(rights, one)
        if rank is None or rights.tenant_administrator == 0:
            return None
        known = self.pools.tenant_administrators.get(principal.identity.scope)
        rank = self.needing(rights, one, rank)
        if known:
            return Way(one, ((self.pools.some(known), rank, DIRECTORY),))
        return Way(one, own=Gained(tenant=True, administrator=True, rank=rank, place=DIRECTORY))

    def _in_tenant(self, principal: Principal, one: Set) -> Way | None:
        rights = principal.rights
        rank = self.by_way(rights, one)
        if rank is None and self._over_unit(rights, one):
            rank = UNSEEN
        if rank is None:
            return None
        pools = {"user": self.pools.users, "group": self.pools.groups, "role-group": self.pools.role_groups}[one.gain]
        pool = pools.get(principal.identity.scope)
        if pool is None or not pool.members:
            return None
        return Way(one, ((pool, self.needing(rights, one, rank), DIRECTORY),))

    def _over_unit(self, rights: Rights, one: Set) -> bool:
        """Whether a way is held over some administrative unit. Nobody reads who is in it."""
        bit = self.ways[one.id]
        return any(power.open & bit and place.startswith(UNIT) for place, power in rights.at.items())

    def owned(self, principal: Principal, one: Set) -> Iterator[tuple[int, int, str, str]]:
        """(node of the target, rank, key of what is owned, key of the relation)."""
        estate, nodes = self.estate, self.pools.nodes
        for thing, relation in self._owned.get(principal.key, ()):
            known = estate.identities.get(thing)
            if known is None:
                continue
            if one.gain == "owned-group":
                if known.kind == "group":
                    yield nodes[thing], UNSEEN if principal.acts_alone else 0, thing, relation
            elif known.kind == {"owned-application": "application", "owned-principal": "service_principal"}[one.gain]:
                rank = may_add_credentials(estate, principal.key, thing)
                for target in estate.principals_of.get(thing, ()) if known.kind == "application" else (thing,):
                    if rank is not None and target in nodes:
                        yield nodes[target], entered(estate, target, rank), thing, relation

    def _owner(self, principal: Principal, one: Set) -> Way | None:
        by_rank: dict[int, list[int]] = {}
        for node, rank, _, _ in self.owned(principal, one):
            by_rank.setdefault(rank, []).append(node)
        if not by_rank:
            return None
        return Way(one, tuple((self.pools.some(nodes), rank, DIRECTORY) for rank, nodes in sorted(by_rank.items())))

    def _federate(self) -> None:
        """Managed identities whose tokens an application takes."""
        for target, credential in self.estate.federated():
            for key in self.estate.subjects_of(credential):
                self._entered.setdefault(key, []).append((target, credential.key))

    def entering(self, principal: Principal) -> Sequence[tuple[str, str]]:
        """(key of a principal that it enters by a federated credential, key of that)."""
        return self._entered.get(principal.key, ())

    def _federated(self, principal: Principal, one: Set) -> Way | None:
        nodes = [
            self.pools.nodes[target]
            for target, _ in self.entering(principal)
            if target in self.pools.nodes and target != principal.key
        ]
        return Way(one, ((self.pools.some(nodes), 0, DIRECTORY),)) if nodes else None

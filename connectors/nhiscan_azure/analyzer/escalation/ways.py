"""The ways of one hop that a principal has: which sets it holds, and whom it becomes by them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nhiscan_azure.analyzer import conditions
from nhiscan_azure.analyzer.escalation.owning import UNSEEN, may_add_credentials
from nhiscan_azure.analyzer.escalation.pools import Best, Pool, Pools
from nhiscan_azure.analyzer.escalation.sets import Set
from nhiscan_azure.analyzer.estate import Estate, Principal
from nhiscan_azure.analyzer.masks import WAY
from nhiscan_azure.analyzer.places import DIRECTORY
from nhiscan_azure.analyzer.rights import Rights
from nhiscan_azure.analyzer.roles import AZURE, OWNER
from nhiscan_azure.analyzer.verdict import check

ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
_STRONG = (OWNER, ACCESS_ADMINISTRATOR, "f58310d9-a9f6-439a-9e8d-f62e7b41a168")
"""Role definitions that, once held, end in administrator rights: Owner, and those that give every role."""
UNIT = f"{DIRECTORY}administrativeunits/"
"""Begin of the place of an administrative unit."""
IN_UNIT = "a member of the administrative unit that holds more than the principal"
KINDS = {"user": "User", "group": "Group"}


class Gained(NamedTuple):
    """What a principal gets without becoming anybody else."""

    tenant: bool  # the tenant; else rights of Azure at the place
    administrator: bool  # of the tenant, or of a whole subscription or more
    rank: int
    place: str


class Way(NamedTuple):
    """A set that a principal holds, and what it leads to."""

    set: Set
    reach: tuple[tuple[Pool, int, str], ...] = ()  # whom, how certainly, held where
    own: Gained | None = None
    role: str | None = None  # id of the role that it gives itself, where that is not Owner


class Judged(NamedTuple):
    """What a way comes to: the best of its targets."""

    outcome: str  # ESCALATION_OUTCOMES
    tenant: bool
    rank: int
    node: int | None  # of the target; None: itself, or not known
    targets: int

    @property
    def order(self) -> tuple[bool, bool, int]:
        return self.outcome != "administrator", not self.tenant, self.rank


class Ways:
    """Finds them. What follows from rights alone is worked out once for all who have the same."""

    def __init__(self, estate: Estate, pools: Pools, every: Sequence[Set]) -> None:
        self.estate = estate
        self.pools = pools
        self._every = every
        self._shared: dict[int, list[Way]] = {}
        self._masks = {one.id: self._mask(one.all_of, one.plane) for one in every}
        self._ways = {one.id: estate.bits.bit(WAY, one.way) for one in every if one.way is not None}
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
            "tenant": self._tenant,
            "tenant-unseen": self._unseen,
        }
        self._related: Mapping[str, Callable[[Principal, Set], Way | None]] = {
            "own-role": self._own_role,
            "own-definition": self._own_definition,
            "owned-application": self._owner,
            "owned-principal": self._owner,
            "owned-group": self._owner,
            "federated-principal": self._federated,
            "tenant-person": self._person,
            "user": self._in_tenant,
            "group": self._in_tenant,
            "role-group": self._in_tenant,
        }

    def _mask(self, actions: Sequence[str], plane: str) -> int:
        found = 0
        for action in actions:
            found |= self.estate.bits.bit(plane, action.lower())
        return found

    def of(self, principal: Principal) -> Iterator[Way]:
        """All ways of a principal, by the id of the set."""
        rights = principal.rights
        shared = self._shared.get(rights.number)
        if shared is None:
            shared = [
                way
                for one in self._every
                if one.gain in self._places and (way := self._places[one.gain](rights, one)) is not None
            ]
            self._shared[rights.number] = shared
        yield from shared
        for one in self._every:
            if one.gain in self._related:
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

    def _held(self, rights: Rights, mask: int) -> Iterator[tuple[str, int]]:
        """(place, rank) where all of a mask is held: the highest places, where it is certain and where it is not."""
        if mask & ~rights.anything:
            return
        sure = rights.top(mask, sure=True)
        for place in sure:
            yield place, 0
        for place in rights.top(mask):
            if not any(rights.covers(one, place) for one in sure):
                yield place, 1

    def _left(self, rights: Rights, mask: int) -> Iterator[tuple[str, int]]:
        """The same, where no denial takes it away at that very place."""
        return ((place, rank) for place, rank in self._held(rights, mask) if not mask & ~rights.on(place).open)

    def _reach(
        self, rights: Rights, one: Set, pool_at: Callable[[str], Pool], hosts: Callable[[int], Sequence[str]]
    ) -> Way | None:
        mask = self._masks[one.id]
        reach: list[tuple[Pool, int, str]] = []
        for place, rank in self._held(rights, mask):
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
        unseen = tuple(
            (self.pools.assigned(hidden), UNSEEN, place)
            for place, _ in self._held(rights, self._masks[one.id])
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
        found = [self._mask((action,), one.plane) for action in one.anywhere]
        every = rights.every
        ranks = [0 if mask & every.sure else 1 for mask in found if mask & every.open]
        if not ranks:
            return None
        way = self._identity(rights, one)
        if way is None:
            return None
        return way._replace(reach=tuple((pool, max(rank, min(ranks)), place) for pool, rank, place in way.reach))

    # --- over the directory ---

    def _by_way(self, rights: Rights, one: Set) -> int | None:
        """How certainly a way is held over all of the tenant."""
        bit, has = self._ways[one.id], rights.on(DIRECTORY)
        return 0 if has.sure & bit else 1 if has.open & bit else None

    def _needing(self, rights: Rights, one: Set, rank: int) -> int:
        """The rank, where a role or permission gives the way without needing more; else `UNSEEN`."""
        return UNSEEN if one.needs is not None or one.way in rights.needing else rank

    def _applications(self, rights: Rights, one: Set) -> Way | None:
        reach: list[tuple[Pool, int, str]] = []
        rank = self._by_way(rights, one)
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
        bit = self._ways[one.id]
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

    def _tenant(self, rights: Rights, one: Set) -> Way | None:
        rank = self._by_way(rights, one)
        if rank is None or rights.tenant_administrator == 0:
            return None
        return Way(
            one, own=Gained(tenant=True, administrator=True, rank=self._needing(rights, one, rank), place=DIRECTORY)
        )

    def _unseen(self, rights: Rights, one: Set) -> Way | None:
        if rights.tenant_administrator == 0:
            return None
        if one.way is None:
            places = [place for place, _ in self._left(rights, self._masks[one.id])]
            places = [place for place in places if not self.estate.bits.administers(rights.on(place).open)]
            if not places:
                return None
            place = min(places, key=lambda one: (not self.estate.places.wide(one), len(one), one))
            wide = self.estate.places.wide(place)
            return Way(one, own=Gained(tenant=False, administrator=wide, rank=UNSEEN, place=place))
        if self._by_way(rights, one) is None:
            return None
        return Way(one, own=Gained(tenant=True, administrator=True, rank=UNSEEN, place=DIRECTORY))

    # --- what hangs on who it is ---

    def _person(self, principal: Principal, one: Set) -> Way | None:
        rights = principal.rights
        rank = self._by_way(rights, one)
        if rank is None or rights.tenant_administrator == 0:
            return None
        known = self.pools.tenant_administrators.get(principal.identity.scope)
        rank = self._needing(rights, one, rank)
        if known:
            return Way(one, ((self.pools.some(known), rank, DIRECTORY),))
        return Way(one, own=Gained(tenant=True, administrator=True, rank=rank, place=DIRECTORY))

    def _in_tenant(self, principal: Principal, one: Set) -> Way | None:
        rights = principal.rights
        rank = self._by_way(rights, one)
        if rank is None and self._over_unit(rights, one):
            rank = UNSEEN
        if rank is None:
            return None
        pools = {"user": self.pools.users, "group": self.pools.groups, "role-group": self.pools.role_groups}[one.gain]
        pool = pools.get(principal.identity.scope)
        if pool is None or not pool.members:
            return None
        return Way(one, ((pool, self._needing(rights, one, rank), DIRECTORY),))

    def _over_unit(self, rights: Rights, one: Set) -> bool:
        """Whether a way is held over some administrative unit. Nobody reads who is in it."""
        bit = self._ways[one.id]
        return any(power.open & bit and place.startswith(UNIT) for place, power in rights.at.items())

    def _own_role(self, principal: Principal, one: Set) -> Way | None:
        (action,) = one.all_of
        rights = principal.rights
        best: Way | None = None
        for place, _ in self._held(rights, self._masks[one.id]):
            for role, strong in self._candidates(principal, place):
                facts = {
                    conditions.ROLE: role,
                    conditions.PRINCIPAL: principal.identity.native_id,
                    conditions.PRINCIPAL_TYPE: KINDS.get(principal.identity.kind, "ServicePrincipal"),
                }
                answer = check(self.estate, principal, action, place, facts)
                if answer.state == "denied":
                    continue
                rank = UNSEEN if one.needs is not None else 0 if answer.state == "allowed" else 1
                wide = strong and self.estate.places.wide(place)
                found = Gained(tenant=False, administrator=wide, rank=rank, place=place)
                if best is None or best.own is None or _order(found) < _order(best.own):
                    best = Way(one, own=found, role=None if role == OWNER else role)
                break
        return best

    def _candidates(self, principal: Principal, place: str) -> Iterator[tuple[str, bool]]:
        """(id of a role, whether it makes an administrator) that would give more at a place, the strongest first."""
        has = principal.rights.on(place)
        bits = self.estate.bits
        if not bits.administers(has.open):
            yield from ((role, True) for role in _STRONG)
            for role in self.estate.roles:
                if role.kind == AZURE and role.power(bits, None, held=True).sure & ~has.open:
                    yield role.id, False

    def _own_definition(self, principal: Principal, one: Set) -> Way | None:
        rights = principal.rights
        for place, rank in self._left(rights, self._masks[one.id]):
            for held in principal.held:
                custom = held.role.kind == AZURE and self.estate.custom(held.role)
                below = self.estate.places.covers(place, held.place) or self.estate.places.covers(held.place, place)
                if custom and below and held.reason is None:
                    if self.estate.bits.administers(rights.on(held.place).open):
                        continue
                    wide = self.estate.places.wide(held.place)
                    return Way(one, own=Gained(tenant=False, administrator=wide, rank=rank, place=held.place))
        return None

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
                        yield nodes[target], rank, thing, relation

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

    def entered(self, principal: Principal) -> Sequence[tuple[str, str]]:
        """(key of a principal that it enters by a federated credential, key of that)."""
        return self._entered.get(principal.key, ())

    def _federated(self, principal: Principal, one: Set) -> Way | None:
        nodes = [
            self.pools.nodes[target]
            for target, _ in self.entered(principal)
            if target in self.pools.nodes and target != principal.key
        ]
        return Way(one, ((self.pools.some(nodes), 0, DIRECTORY),)) if nodes else None


def _order(gained: Gained) -> tuple[bool, int, int, str]:
    return not gained.administrator, gained.rank, len(gained.place), gained.place

"""The ways by which a principal gives itself more, without becoming anybody else."""

from collections.abc import Iterator, Sequence

from nhiscan.ways import UNSEEN
from nhiscan_azure.analyzer import conditions
from nhiscan_azure.analyzer.definitions import DATA
from nhiscan_azure.analyzer.escalation.holding import Holding
from nhiscan_azure.analyzer.escalation.pools import Pools
from nhiscan_azure.analyzer.escalation.sets import Set
from nhiscan_azure.analyzer.escalation.way import Gained, Way
from nhiscan_azure.analyzer.estate import Estate, Principal
from nhiscan_azure.analyzer.places import DIRECTORY
from nhiscan_azure.analyzer.rights import Rights
from nhiscan_azure.analyzer.roles import AZURE, OWNER
from nhiscan_azure.analyzer.verdict import check

ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
_STRONG = (OWNER, ACCESS_ADMINISTRATOR, "f58310d9-a9f6-439a-9e8d-f62e7b41a168")
"""Role definitions that, once held, end in administrator rights: Owner, and those that give every role."""
_KINDS = {"user": "User", "group": "Group"}
_SECRET = "microsoft.keyvault/vaults/secrets/getsecret/action"  # noqa: S105


class Own(Holding):
    """Finds them."""

    def __init__(self, estate: Estate, pools: Pools, every: Sequence[Set]) -> None:
        super().__init__(estate, every)
        self.pools = pools

    def own_role(self, principal: Principal, one: Set) -> Way | None:
        """Giving itself the strongest role that conditions let through, where it gains most."""
        (action,) = one.all_of
        rights = principal.rights
        best: Way | None = None
        for place, _ in self.held(rights, self.masks[one.id]):
            for role, strong in self._candidates(principal, place):
                answer = check(self.estate, principal, action, place, giving(principal, role))
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

    def own_definition(self, principal: Principal, one: Set) -> Way | None:
        """Writing a custom role that it holds: wherever the role may be assigned it has to be allowed."""
        rights, mask = principal.rights, self.masks[one.id]
        best: Gained | None = None
        for held in principal.held:
            if held.role.kind != AZURE or not self.estate.custom(held.role) or held.reason is not None:
                continue
            definition = held.role.definition
            scopes = definition.scopes if definition is not None and definition.scopes else (held.place,)
            powers = [rights.on(scope) for scope in scopes]
            if any(mask & ~power.open for power in powers):
                continue
            if self.estate.bits.administers(rights.on(held.place).open):
                continue
            rank = int(any(mask & ~power.sure for power in powers))
            wide = self.estate.places.wide(held.place)
            found = Gained(tenant=False, administrator=wide, rank=rank, place=held.place)
            best = found if best is None or _order(found) < _order(best) else best
        return None if best is None else Way(one, own=best)

    def vault(self, rights: Rights, one: Set) -> Way | None:
        """A vault whose secrets it cannot read yet. Which vaults go by access policies nobody reads."""
        mask, secret = self.masks[one.id], self.estate.bits.bit(DATA, _SECRET)
        for place, _ in self.held(rights, mask):
            for vault in self.pools.vaults(place):
                has = rights.on(vault)
                if not mask & ~has.open and not has.open & secret:
                    return Way(one, own=Gained(tenant=False, administrator=False, rank=UNSEEN, place=vault))
        return None

    def tenant(self, rights: Rights, one: Set) -> Way | None:
        """Giving itself the tenant."""
        rank = self.by_way(rights, one)
        if rank is None or rights.tenant_administrator == 0:
            return None
        return Way(
            one, own=Gained(tenant=True, administrator=True, rank=self.needing(rights, one, rank), place=DIRECTORY)
        )

    def unseen(self, rights: Rights, one: Set) -> Way | None:
        """What needs something that no source reads: the tenant by a way over it, a place by actions there."""
        if rights.tenant_administrator == 0:
            return None
        if one.way is None:
            places = [place for place, _ in self.left(rights, self.masks[one.id])]
            places = [place for place in places if not self.estate.bits.administers(rights.on(place).open)]
            if not places:
                return None
            place = min(places, key=lambda one: (not self.estate.places.wide(one), len(one), one))
            wide = self.estate.places.wide(place)
            return Way(one, own=Gained(tenant=False, administrator=wide, rank=UNSEEN, place=place))
        if self.by_way(rights, one) is None:
            return None
        return Way(one, own=Gained(tenant=True, administrator=True, rank=UNSEEN, place=DIRECTORY))


def giving(principal: Principal, role: str) -> dict[str, str]:
    """What is known of a request by which a principal gives itself a role."""
    return {
        conditions.ROLE: role,
        conditions.PRINCIPAL: principal.identity.native_id,
        conditions.PRINCIPAL_TYPE: _KINDS.get(principal.identity.kind, "ServicePrincipal"),
    }


def _order(gained: Gained) -> tuple[bool, int, int, str]:
    return not gained.administrator, gained.rank, len(gained.place), gained.place

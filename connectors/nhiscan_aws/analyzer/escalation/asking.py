"""What the search asks of the evaluator, about many at once.

Resources that the same patterns of a principal's policies match get the same answer. So the members of a pool are put
into classes, and one of each class is asked about. Principals with the same policies share the answers, unless a
statement hangs on who asks.
"""

from collections.abc import Iterable, Sequence

from nhiscan.model import Grant
from nhiscan_aws.analyzer.documents import parsed
from nhiscan_aws.analyzer.escalation.roster import NOBODY, OF_TARGET, Pool, Roster, Spread, bits, rank_of, ranked
from nhiscan_aws.analyzer.estate import Answer, Estate, Held
from nhiscan_aws.analyzer.layers import Layer
from nhiscan_aws.analyzer.principal import Principal
from nhiscan_aws.analyzer.trusting import ASSUME
from nhiscan_aws.analyzer.verdict import judge

Given = tuple[tuple[str, tuple[str, ...]], ...]
"""Condition keys of a request that are known: (name, values)."""

_GRANTED = Held(Grant("", "", "inline_policy", "", "granted for the sake of the question"), "identity", None)
_ALL = parsed('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')


class _Kept:
    """Answers that were given."""

    def __init__(self) -> None:
        self.allowed: dict[tuple[int, str, int, Given, bool], Spread] = {}
        self.somewhere: dict[tuple[int, str], int | None] = {}


class Asker:
    """Asks, and keeps what was answered."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._shared = _Kept()
        self._own = _Kept()
        self._owner = ""
        self._features: dict[int, tuple[int, ...]] = {}
        self._numbers, self._alike = self._signatures()

    def check(self, principal: Principal, action: str, resource: str, given: Given, *, granted: bool = False) -> Answer:
        """The exact answer. ``granted``: as if a policy of its own allowed everything, besides those that it has."""
        if not granted:
            return principal.check(action, resource, dict(given))
        layer = principal.layer
        wide = Layer((*layer.held, _GRANTED), (*layer.documents, _ALL), layer.masks, layer.gaps)
        question = self.estate.question(principal, action, resource, dict(given))
        return judge(question, wide, principal.limits())

    def somewhere(self, principal: Principal, action: str) -> int | None:
        """How certainly an action is allowed on some resource; None: not at all."""
        if self.estate.table.bit(action) & principal.sure and not principal.unread:
            return 0
        kept, number = self._keeper(principal, action)
        key = (number, action)
        if key not in kept.somewhere:
            kept.somewhere[key] = rank_of(principal.check(action))
        return kept.somewhere[key]

    def allowed(
        self, principal: Principal, action: str, pool: Pool, given: Given = (), *, granted: bool = False
    ) -> Spread:
        """The members of a pool on which an action is allowed."""
        if not pool.full:
            return NOBODY
        kept, number = self._keeper(principal, action)
        key = (number, action, id(pool), given, granted)
        found = kept.allowed.get(key)
        if found is None:
            found = NOBODY
            for some in self.classes(principal, action, pool, granted=granted):
                place = (some & -some).bit_length() - 1
                answer = self.check(principal, action, pool.arns[place], given, granted=granted)
                found = found.either(ranked(rank_of(answer), some))
            kept.allowed[key] = found
        return found

    def classes(self, principal: Principal, action: str, pool: Pool, *, granted: bool = False) -> list[int]:
        """Members of a pool that get the same answer, as masks; those that no statement allows are left out."""
        allowing, others, by_target = self._concerning(principal, action, granted=granted)
        masks = [pool.matching(pattern) for pattern in allowing]
        left = 0
        for mask in masks:
            left |= mask
        if granted:
            left = pool.full
        return self.split(left, [*masks, *(pool.matching(pattern) for pattern in others)], pool if by_target else None)

    def split(self, mask: int, by: Iterable[int], pool: Pool | None) -> list[int]:
        """A mask in parts, no two members of which any of ``by`` tells apart, nor (with a pool) what they carry."""
        parts = [mask] if mask else []
        masks = dict.fromkeys((*by, *(self._carried(pool) if pool is not None else ())))
        for one in masks:
            if not one & mask or not mask & ~one:
                continue
            parts = [piece for part in parts for piece in (part & one, part & ~one) if piece]
        return parts

    def _concerning(self, principal: Principal, action: str, *, granted: bool) -> tuple[list[str], list[str], bool]:
        """(patterns of what allows, all others, whether an answer hangs on what a target carries)."""
        facts = self.estate.facts_of(principal)
        allowing: list[str] = []
        others: list[str] = []
        by_target = False
        for layer in (principal.layer, *principal.limits()):
            for document in layer.documents:
                for rule in document.naming(action.lower()) if document is not None else ():
                    sure, unsure = rule.filled(facts)
                    grants = rule.allow and layer is principal.layer and not granted
                    if grants and rule.spared:
                        allowing.append("*")
                        others.extend((*sure, *unsure))
                    else:
                        (allowing if grants else others).extend((*sure, *unsure))
                    by_target = by_target or any(test.key.startswith(OF_TARGET) for test in rule.tests)
        return list(dict.fromkeys(allowing)), list(dict.fromkeys(others)), by_target

    def _carried(self, pool: Pool) -> tuple[int, ...]:
        """Masks of the members that carry the same tags and boundary."""
        found = self._features.get(id(pool))
        if found is None:
            some: dict[tuple[str | None, str | None], int] = {}
            for place, key in enumerate(pool.keys):
                identity = self.estate.identities.get(key)
                principal = self.estate.principals.get(key)
                boundary = principal.boundary.held[0].grant.policy if principal and principal.boundary else None
                carried = (identity.tags if identity else None, boundary)
                some[carried] = some.get(carried, 0) | 1 << place
            found = self._features[id(pool)] = tuple(some.values())
        return found

    def _signatures(self) -> tuple[dict[str, int], list[int]]:
        """(number of the policies of each principal, how many principals have those of a number)."""
        numbers: dict[tuple[object, ...], int] = {}
        alike: list[int] = []
        found = {}
        for principal in (*self.estate.principals.values(), *self.estate.groups.values()):
            boundary = principal.boundary
            signature = (
                principal.scope,
                principal.service_linked,
                principal.identity.kind == "group",
                tuple(held.digest for held in principal.layer.held),
                principal.layer.gaps,
                None if boundary is None else tuple(held.digest for held in boundary.held),
            )
            number = numbers.setdefault(signature, len(numbers))
            if number == len(alike):
                alike.append(0)
            alike[number] += 1
            found[principal.key] = number
        return found, alike

    def _keeper(self, principal: Principal, action: str) -> tuple["_Kept", int]:
        """(where an answer is kept, under which number). What nobody else can use is dropped with the principal."""
        number = self._numbers[principal.key]
        layers = (principal.layer, *principal.limits())
        if self._alike[number] > 1 and not any(self._personal(layer, action) for layer in layers):
            return self._shared, number
        if self._owner != principal.key:
            self._own = _Kept()
            self._owner = principal.key
        return self._own, number

    @staticmethod
    def _personal(layer: Layer, action: str) -> bool:
        lower = action.lower()
        return any(rule.names(lower) for rule in layer.rules)

    # --- becoming roles ---

    def enters(self, principal: Principal, roster: Roster) -> Spread:
        """The roles of an account that a user or role can become by sts:AssumeRole."""
        pool = roster.roles
        mine = principal.scope == roster.scope
        who = principal.account
        plain = roster.plain.get(who, 0)
        odd = [*roster.odd.get(who, {}).values()]
        anybody = [*roster.odd.get("*", {}).values()]
        if principal.identity.kind == "group":
            return self.allowed(principal, ASSUME, pool).within(plain) if plain else NOBODY
        named = 0
        for name in self.names(principal):
            named |= roster.named.get(name, 0)
        if not (plain or odd or anybody or named):
            return NOBODY
        found = NOBODY
        exact = named
        for mask in anybody:
            exact |= mask
        own = self.allowed(principal, ASSUME, pool) if plain or odd or not mine else NOBODY
        if plain:
            found = own.within(plain & ~exact)
        for mask in odd:
            exact |= mask & own.all
        if not mine:
            exact &= own.all
        if not exact:
            return found
        allowing, others, by_target = self._concerning(principal, ASSUME, granted=False)
        by = [pool.matching(pattern) for pattern in (*allowing, *others)]
        by_target = by_target or roster.trust_by_target
        for some in self._by_document(roster, exact):
            for part in self.split(some, (*by, named), pool if by_target else None):
                place = (part & -part).bit_length() - 1
                answer = self.estate.assumes(principal.key, pool.keys[place])
                found = found.either(ranked(rank_of(answer), part))
        return found

    def names(self, principal: Principal) -> Sequence[str]:
        """By what a trust document can name a principal."""
        identity = principal.identity
        names = [principal.arn, identity.native_id]
        if identity.kind == "role":
            names.append(f"{principal.account}/{identity.name}")
        return names

    def _by_document(self, roster: Roster, mask: int) -> Iterable[int]:
        """A mask of roles in parts with the same trust document each."""
        found: dict[str | None, int] = {}
        for place in bits(mask):
            digest = self.estate.identities[roster.roles.keys[place]].trust_document
            found[digest] = found.get(digest, 0) | 1 << place
        return found.values()

"""The ways of one hop that a principal has: which sets it holds, and whom it becomes by them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nhiscan.ways import UNSEEN
from nhiscan_aws.analyzer.escalation.asking import Asker, Given
from nhiscan_aws.analyzer.escalation.rights import Rights
from nhiscan_aws.analyzer.escalation.roster import NOBODY, Pool, Roster, Spread, bits, certain, rank_of, ranked
from nhiscan_aws.analyzer.escalation.sets import ASSUME_ROLE, PASS_ROLE, Need, Set
from nhiscan_aws.analyzer.estate import Estate, Power
from nhiscan_aws.analyzer.principal import RESERVED, Principal

ITSELF = Pool((("", ""),))
"""The pool of ways in which a principal becomes nobody else."""

SIGN_IN = RESERVED + "sso.amazonaws.com/"
"""Path of the roles that IAM Identity Center makes for a permission set."""


class Way(NamedTuple):
    """A set that is held, and the targets it leads to."""

    set: Set
    pool: Pool  # of targets; ITSELF where the principal changes its own rights
    spread: Spread
    raised: bool = False  # the targets get all that their limits leave
    narrow: Spread = NOBODY  # targets that may be given some policies, and not just any
    away: bool = False  # targets live in another account


class Judged(NamedTuple):
    """What comes of a way."""

    administrators: Spread  # targets that are administrators then
    more: Spread  # targets with more rights than the principal, administrators among them


class Ways:
    """Looks for ways. ``rosters``: every account of the estate, by the key of its scope."""

    def __init__(self, estate: Estate, rosters: Mapping[str, Roster], every: Sequence[Set]) -> None:
        self.estate = estate
        self.rosters = rosters
        self.asker = Asker(estate)
        self.rights = Rights(estate)
        table = estate.table
        self._masks = [(one, _together(table.bit(action) for action in _demanded(one))) for one in every]
        self._masks = [(one, mask) for one, mask in self._masks if mask]
        self._first = 0
        for _, mask in self._masks:
            self._first |= mask
        self._held: dict[int, tuple[Set, ...]] = {}
        self._doors: dict[str, dict[str, None]] = {}
        for scope, roster in rosters.items():
            for name in roster.let_in:
                self._doors.setdefault(name, {})[scope] = None
        self._gains: Mapping[str, Callable[[Principal, Set], Way | None]] = {
            "own-limits": self._own_limits,
            "older-version": self._own_limits,
            "group-rights": self._group,
            "without-boundary": self._own_boundary,
            "user-rights": self._user,
            "user-limits": self._user,
            "role-rights": self._role,
            "role-limits": self._role,
            "role-without-boundary": self._role,
            "federated-role": self._federated,
            "passed-role": self._passed,
            "running-role": self._running,
        }

    def held(self, principal: Principal) -> tuple[Set, ...]:
        """The sets of which all actions are left to a principal, somewhere, somehow; trust documents not asked yet."""
        possible = principal.possible & self._first
        found = self._held.get(possible)
        if found is None:
            found = tuple(one for one, mask in self._masks if not mask & ~possible)
            self._held[possible] = found
        return found

    def of(self, principal: Principal) -> list[Way]:
        """All ways of a principal but that of assuming roles, by the id of the set."""
        found = []
        for one in self.held(principal):
            if one.gain == "role-rights" and one.when == "trusted":
                continue
            way = self._gains[one.gain](principal, one)
            if way is not None and (way.spread.all or way.narrow.all):
                found.append(way)
        return found

    def entering(self, principal: Principal, assume: Set, *, home: bool) -> Iterator[Way]:
        """The roles that a principal can assume, account by account; ``home``: those of its own account, too."""
        names = (principal.account, "*", *self.asker.names(principal))
        for scope in sorted({scope for name in names for scope in self._doors.get(name, ())}):
            away = scope != principal.scope
            if not away and not home:
                continue
            roster = self.rosters[scope]
            spread = self.asker.enters(principal, roster)
            if not away:
                spread = spread.within(roster.roles.full & ~roster.roles.mask((principal.key,)))
            if spread.all:
                yield Way(assume, roster.roles, spread, away=away)

    def judged(self, principal: Principal, way: Way) -> Judged:
        """Which targets of a way are worth telling."""
        rights, has = self.rights, self.rights.compared(principal)
        every = way.spread.either(way.narrow)
        if way.pool is ITSELF:
            left = self._left(principal, way.set)
            rank = None if way.set.gain == "older-version" else rights.administrator(principal, left)
            more = every if rights.beyond(left, has) else NOBODY
            return Judged(way.spread.both(ranked(rank, 1)) if more.all else NOBODY, more)
        if way.set.gain == "group-rights":
            return self._judged_groups(principal, way)
        if way.set.gain == "role-without-boundary":
            return self._judged_unbounded(principal, way)
        only = self.estate.table.together(way.set.only) if way.set.only else -1
        if way.away:  # whatever it may do there, it could not do before
            gained = rights.some(way.pool)
        else:
            gained = rights.more(way.pool, every.all, has, raised=way.raised, only=only)
        more = every.within(gained)
        if way.set.only:
            return Judged(NOBODY, more)
        return Judged(way.spread.within(more.all).both(rights.administrators(way.pool, raised=way.raised)), more)

    def _left(self, principal: Principal, one: Set) -> Power:
        """What a principal has after it has changed its own rights."""
        if one.gain == "without-boundary":
            return self.rights.without_boundary(principal)
        return self.rights.ceiling(principal)

    def _judged_groups(self, principal: Principal, way: Way) -> Judged:
        more, administrators = NOBODY, NOBODY
        ceiling = self.rights.ceiling(principal)
        for place in bits(way.spread.all):
            group = self.estate.groups[way.pool.keys[place]].power
            both = capped(group, ceiling)
            if self.rights.beyond(both, self.rights.compared(principal)):
                one = way.spread.within(1 << place)
                more = more.either(one)
                rank = self.rights.administrator(principal, both)
                administrators = administrators.either(one.both(ranked(rank, 1 << place)))
        return Judged(administrators, more)

    def _judged_unbounded(self, principal: Principal, way: Way) -> Judged:
        more, administrators = NOBODY, NOBODY
        for place in bits(way.spread.all):
            target = self.estate.principals[way.pool.keys[place]]
            left = self.rights.without_boundary(target)
            if self.rights.beyond(left, target.power) and self.rights.beyond(left, self.rights.compared(principal)):
                one = way.spread.within(1 << place)
                more = more.either(one)
                rank = self.rights.administrator(target, left)
                administrators = administrators.either(one.both(ranked(rank, 1 << place)))
        return Judged(administrators, more)

    # --- gains ---

    def _own_limits(self, principal: Principal, one: Set) -> Way | None:
        spread, narrow = certain(1), certain(1)
        for need in one.all_of:
            asked = [self._own(principal, need, given) for given in (any_policy(principal, need.action), ())]
            spread = spread.both(ranked(asked[0], 1))
            narrow = narrow.both(ranked(asked[1], 1))
        return Way(one, ITSELF, _seen(one, spread), narrow=_seen(one, narrow))

    def _own(self, principal: Principal, need: Need, given: Given) -> int | None:
        """How certainly an action is allowed on something of its own."""
        if need.on == "any":
            return self.asker.somewhere(principal, need.action)
        ranks = [
            rank
            for arn in self.own(principal, need)
            if (rank := rank_of(principal.check(need.action, arn, dict(given)))) is not None
        ]
        return min(ranks, default=None)

    def own(self, principal: Principal, need: Need) -> list[str]:
        """ARNs of what is a principal's own and the action works on; "*" where they are not known."""
        identity, what = principal.identity, need.on
        roster = self.rosters[principal.scope]
        if what == "itself":
            # iam:AttachUserPolicy is about users alone, and what belongs to AWS cannot be changed
            fits = identity.kind.capitalize() in need.action and not principal.reserved
            return [principal.arn] if fits else []
        if what == "own-group":
            groups = [principal.key] if identity.kind == "group" else principal.groups
            return [self.estate.groups[key].arn for key in groups if key in self.estate.groups]
        if what == "own-policy":
            return [roster.policies.arns[place] for place in roster.customer_policies(principal.key)]
        return ["*"] if (identity.path or "").startswith(SIGN_IN) else []

    def _own_boundary(self, principal: Principal, one: Set) -> Way | None:
        return None if principal.boundary is None else self._own_limits(principal, one)

    def _group(self, principal: Principal, one: Set) -> Way | None:
        if principal.identity.kind != "user":
            return None
        pool = self.rosters[principal.scope].groups
        spread = self._on(principal, one, pool, pool.full & ~pool.mask(principal.groups))
        return Way(one, pool, spread)

    def _user(self, principal: Principal, one: Set) -> Way | None:
        roster = self.rosters[principal.scope]
        pool = roster.users
        others = pool.full & ~pool.mask((principal.key,))
        spread = self._on(principal, one, pool, others)
        narrow = self._on(principal, one, pool, others, just_any=False)
        if one.when is not None:
            spread, narrow = (some.both(roster.when(one.when)) for some in (spread, narrow))
        return Way(one, pool, _seen(one, spread), raised=one.gain == "user-limits", narrow=_seen(one, narrow))

    def _role(self, principal: Principal, one: Set) -> Way | None:
        roster = self.rosters[principal.scope]
        pool = roster.roles
        others = roster.changeable & ~pool.mask((principal.key,))
        spread = self._on(principal, one, pool, others)
        if not spread.all and one.gain != "role-limits":
            return None
        narrow = self._on(principal, one, pool, others, just_any=False)
        if not narrow.all:
            return None
        if one.when == "trusted":
            entering = self.asker.enters(principal, roster)
        else:  # the new trust document names the principal; then a Deny or its boundary alone can keep it out
            assumes = any(need.action == ASSUME_ROLE for need in one.all_of)
            entering = self.asker.allowed(principal, ASSUME_ROLE, pool, granted=not assumes)
        return Way(
            one,
            pool,
            spread.both(entering),
            raised=one.gain == "role-limits",
            narrow=narrow.both(entering),
        )

    def _on(self, principal: Principal, one: Set, pool: Pool, mask: int, *, just_any: bool = True) -> Spread:
        """The targets on which all actions of a set are allowed."""
        found = certain(mask)
        for need in one.all_of:
            if need.action == ASSUME_ROLE or not found.all:
                continue  # judged together with the trust document
            given = any_policy(principal, need.action) if just_any else ()
            if need.on == "role-policy":
                some = self._by_policy(principal, need.action, pool, found.all)
            else:
                some = self.asker.allowed(principal, need.action, pool, given)
            found = found.both(some)
        return found

    def _by_policy(self, principal: Principal, action: str, pool: Pool, mask: int) -> Spread:
        """The roles one of whose customer managed policies an action is allowed on."""
        roster = self.rosters[principal.scope]
        allowed = self.asker.allowed(principal, action, roster.policies)
        found = NOBODY
        for place in bits(allowed.all):
            roles = roster.attached.get(place, 0) & mask
            found = found.either(ranked(allowed.rank(place), roles))
        return found.within(pool.full)

    def _federated(self, principal: Principal, one: Set) -> Way | None:
        roster = self.rosters[principal.scope]
        providers = self.asker.allowed(principal, one.all_of[0].action, roster.providers)
        others = roster.roles.full & ~roster.roles.mask((principal.key,))
        return Way(one, roster.roles, roster.spoken_for(providers).within(others))

    def _passed(self, principal: Principal, one: Set) -> Way | None:
        roster = self.rosters[principal.scope]
        service = one.service
        if service is None:
            return None
        rank = self._anywhere(principal, one)
        trusting = roster.trusting(service)
        if rank is None or not trusting.all:
            return None
        passed = self._passing(principal, one, roster)
        others = roster.roles.full & ~roster.roles.mask((principal.key,))
        spread = passed.both(trusting).within(others).at_best(rank)
        if one.also_passed is not None:
            second = passed.both(roster.letting_in((one.also_passed,)))
            if not second.all:
                spread = spread.at_best(UNSEEN)
        return Way(one, roster.roles, _seen(one, spread))

    def _passing(self, principal: Principal, one: Set, roster: Roster) -> Spread:
        """The roles that may be passed to the service of a set."""
        service = one.service
        found = NOBODY
        for value in service.passed_in(roster.partition) if service is not None else ():
            given: Given = (("iam:passedtoservice", (value,)),)
            found = found.either(self.asker.allowed(principal, PASS_ROLE, roster.roles, given))
        return found

    def _running(self, principal: Principal, one: Set) -> Way | None:
        roster = self.rosters[principal.scope]
        rank = self._anywhere(principal, one)
        if rank is None or one.service is None:
            return None
        others = roster.roles.full & ~roster.roles.mask((principal.key,))
        return Way(one, roster.roles, _seen(one, roster.trusting(one.service).within(others).at_best(rank)))

    def _anywhere(self, principal: Principal, one: Set) -> int | None:
        """How certainly all actions of a set but PassRole are allowed on some resource."""
        worst = 0
        for need in one.all_of:
            if need.action != PASS_ROLE:
                rank = self.asker.somewhere(principal, need.action)
                if rank is None:
                    return None
                worst = max(worst, rank)
        return worst


def capped(power: Power, ceiling: Power) -> Power:
    """What limits leave of rights that are gained."""
    return power._replace(
        possible=power.possible & ceiling.possible,
        sure=power.sure & ceiling.sure,
        everywhere=power.everywhere & ceiling.everywhere,
        surely_everywhere=power.surely_everywhere & ceiling.surely_everywhere,
    )


def any_policy(principal: Principal, action: str) -> Given:
    """What is known of a request that attaches AWS's own policy for administrators."""
    if action.startswith("iam:Attach"):
        return (("iam:policyarn", (f"arn:{principal.partition}:iam::aws:policy/AdministratorAccess",)),)
    return ()


def _demanded(one: Set) -> list[str]:
    """The actions that a principal has to have itself: a role that names it in its trust document demands no more."""
    return [need.action for need in one.all_of if need.action != ASSUME_ROLE or one.when != "trusted"]


def _seen(one: Set, spread: Spread) -> Spread:
    return spread.at_best(UNSEEN) if one.needs else spread


def _together(masks: Iterator[int]) -> int:
    """All bits; 0 where one of them is none: nobody can have that action."""
    found = 0
    for mask in masks:
        if not mask:
            return 0
        found |= mask
    return found

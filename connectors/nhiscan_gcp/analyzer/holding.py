"""What a principal holds where: coverage of places by permissions, and what it administers.

A place is a node or an account. What is held on a node is held on all below. Ranks tell how certain it is: 0 it is
held, 1 a condition decides.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from nhiscan_gcp.analyzer.conditions import MAYBE, NO, YES, Facts, Outcome
from nhiscan_gcp.analyzer.estate import Binding, Estate, Principal
from nhiscan_gcp.analyzer.hierarchy import WIDTH

SURE, OPEN = 0, 1
Coverage = Mapping[str, int]
"""Place -> rank."""
POLICY = {kind: f"resourcemanager.{kind}s.setIamPolicy" for kind in WIDTH}
"""Kind of node -> the permission to say who may do what there."""


class Rule(NamedTuple):
    """A node whose policy, or those of nodes below, a principal may set."""

    place: str
    kinds: frozenset[str]  # of nodes whose policies
    rank: int
    width: int  # 3: the organisation itself; 2: a folder, or projects of more than one; 1: a project


class Held(NamedTuple):
    """A binding, and what its condition says while nothing is known of the resource."""

    binding: Binding
    mask: int
    outcome: Outcome


class Holding:
    """All that one principal holds."""

    def __init__(self, estate: Estate, principal: Principal) -> None:
        self._estate = estate
        self.principal = principal
        self.held: tuple[Held, ...] = tuple(self._all())
        self._masks: dict[str, tuple[int, int]] = {}
        for one in self.held:
            sure, possible = self._masks.get(one.binding.place, (0, 0))
            sure |= one.mask if one.outcome.answer == YES else 0
            self._masks[one.binding.place] = (sure, possible | one.mask)
        self.possible = 0
        for _, possible in self._masks.values():
            self.possible |= possible
        self.rules: tuple[Rule, ...] = tuple(self._rules())

    def _all(self) -> Iterator[Held]:
        for binding in self.principal.all:
            outcome = self._estate.outcome(binding)
            if outcome.answer != NO and binding.role.mask:
                yield Held(binding, binding.role.mask, outcome)

    @property
    def places(self) -> Mapping[str, tuple[int, int]]:
        """Place -> (permissions held for certain, all that may be held), as bound there."""
        return self._masks

    def on(self, chain: Iterable[str]) -> tuple[int, int]:
        """(sure, possible) on something that bindings in these places reach."""
        sure = possible = 0
        for place in chain:
            found = self._masks.get(place)
            if found is not None:
                sure, possible = sure | found[0], possible | found[1]
        return sure, possible

    # --- coverage ---

    def coverage(self, permission: str, facts: Facts, *, accounts: bool) -> Coverage:
        """Where a permission is held. ``accounts``: on accounts, else in nodes alone; ``facts``: what conditions see.

        A condition that names accounts is asked about each of them.
        """
        bit = self._estate.table.bit(permission)
        nodes = self._estate.tree.nodes
        found: dict[str, int] = {}
        for one in self.held if bit & self.possible else ():
            place = one.binding.place
            if not one.mask & bit or (place not in nodes and (not accounts or place not in self._estate.accounts)):
                continue
            outcome = self._outcome(one, facts)
            if outcome.answer == NO:
                continue
            if accounts and outcome.answer == MAYBE and "resource.name" in outcome.keys:
                for account in self._estate.below.get(place, (place,)):
                    target = self._estate.target(account)
                    exact = self._outcome(one, target.facts._replace(granting=facts.granting))
                    if exact.answer != NO:
                        _put(found, account, SURE if exact.answer == YES else OPEN)
            else:
                _put(found, place, SURE if outcome.answer == YES else OPEN)
        return found

    def _outcome(self, one: Held, facts: Facts) -> Outcome:
        return one.outcome if one.outcome.answer == YES else self._estate.outcome_under(one.binding, facts)

    # --- administration ---

    def _rules(self) -> Iterator[Rule]:
        """The widest and surest first."""
        estate = self._estate
        found: dict[str, dict[str, int]] = {}
        for kind, permission in POLICY.items():
            bit = estate.table.bit(permission)
            for one in self.held if bit else ():
                node = estate.tree.nodes.get(one.binding.place)
                if not one.mask & bit or node is None or WIDTH[node.kind] < WIDTH[kind]:
                    continue
                facts = estate.facts_of(kind, node)
                outcome = self._outcome(one, facts._replace(granting=estate.strong))
                if outcome.answer != NO:
                    _put(found.setdefault(node.key, {}), kind, SURE if outcome.answer == YES else OPEN)
        rules = []
        for place, kinds in found.items():
            own = estate.tree.nodes[place].kind
            for rank in (SURE, OPEN):
                some = frozenset(kind for kind, how in kinds.items() if how <= rank)
                if some and not (rank == OPEN and some == frozenset(k for k, how in kinds.items() if how == SURE)):
                    rules.append(Rule(place, some, rank, WIDTH[own] if own in some else min(WIDTH[own], 2)))
        yield from sorted(rules, key=lambda rule: (-rule.width, rule.rank, rule.place))

    def administers(self, place: str, kinds: frozenset[str]) -> int | None:
        """How certainly it rules what another rules in a place; None: it does not."""
        chain = self._estate.chain(place)
        ranks = [
            rule.rank
            for rule in self.rules
            if rule.place in chain and (kinds <= rule.kinds or self.governs(rule, chain))
        ]
        return min(ranks, default=None)

    def governs(self, rule: Rule, chain: tuple[str, ...]) -> bool:
        """Whether a rule is about something that bindings have to pass to reach the first of a chain: what is given
        there is given to all below.
        """
        if rule.place not in chain:
            return False
        nodes = self._estate.tree.nodes
        below = chain[: chain.index(rule.place) + 1]
        return any(one in nodes and nodes[one].kind in rule.kinds for one in below)

    @property
    def width(self) -> int:
        """Of the widest that it administers; 0: nothing."""
        return self.rules[0].width if self.rules else 0


def _put(found: dict[str, int], place: str, rank: int) -> None:
    if found.get(place, rank) >= rank:
        found[place] = rank


def meet(estate: Estate, one: Coverage, other: Coverage) -> Coverage:
    """The places where both are held: the narrower of each pair of which one lies in the other."""
    found: dict[str, int] = {}
    for first, second in ((one, other), (other, one)):
        for place, rank in first.items():
            ranks = [second[above] for above in estate.chain(place) if above in second]
            if ranks:
                _put(found, place, max(rank, min(ranks)))
    return found


def holdings_of(estate: Estate) -> dict[str, Holding]:
    """What every principal holds, by key."""
    return {key: Holding(estate, principal) for key, principal in estate.principals.items()}

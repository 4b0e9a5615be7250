"""Ways of one hop: where a principal holds all permissions of a set, and whom it becomes by that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nhiscan.ways import UNSEEN
from nhiscan_gcp.analyzer.conditions import NO
from nhiscan_gcp.analyzer.conditions import YES as CERTAIN
from nhiscan_gcp.analyzer.escalation.roster import Roster
from nhiscan_gcp.analyzer.escalation.sets import TOKEN, Set
from nhiscan_gcp.analyzer.estate import Estate
from nhiscan_gcp.analyzer.hierarchy import WIDTH
from nhiscan_gcp.analyzer.holding import OPEN, SURE, Coverage, Holding, Rule, meet
from nhiscan_gcp.analyzer.permissions import service_of


class Way(NamedTuple):
    """A set that a principal holds."""

    set: Set
    spread: Mapping[str, int]  # place -> rank: the accounts below it are the targets
    direct: Mapping[str, int]  # key of a principal -> rank: targets by name
    rule: Rule | None = None  # of gains "policy" and "role": what it then administers


class Ways:
    """Finds the ways of principals."""

    def __init__(self, estate: Estate, holdings: Mapping[str, Holding], every: Sequence[Set]) -> None:
        self.estate = estate
        self.holdings = holdings
        self.roster = Roster(estate)
        self._every = every
        bits = [[estate.table.bit(need.permission) for need in one.all_of] for one in every]
        self._sets = [(one, sum(set(some))) for one, some in zip(every, bits, strict=True) if all(some)]
        self._looking: Holding | None = None
        self._coverages: dict[tuple[str, bool], Coverage] = {}
        self._through: dict[str, Mapping[str, tuple[tuple[int, str], ...]]] = {}

    def of(self, holding: Holding) -> Iterator[Way]:
        """All ways of a principal, by set."""
        for one, mask in self._sets:
            if mask & holding.possible == mask:
                way = self._way(holding, one)
                if way is not None and (way.spread or way.direct or way.rule):
                    yield way

    def of_set(self, holding: Holding, one: Set) -> Iterator[Way]:
        """The way of one set, where it is one."""
        way = self._way(holding, one)
        if way is not None:
            yield way

    def _way(self, holding: Holding, one: Set) -> Way | None:
        if one.gain == "policy":
            return self._policy(holding, one)
        if one.gain == "role":
            return self._role(holding, one)
        found = self._covered(holding, one)
        if one.gain == "delegated":
            return Way(one, self._delegated(holding, found), {})
        if one.gain == "pool":
            return Way(one, {}, _direct(found, self.roster.pools))
        if one.gain == "agent":
            return self._agent(one, found)
        if one.gain == "bound-key":
            return Way(one, {}, _direct(found, self.roster.bound_keys))
        if one.runs is not None:
            return self._running(holding, one) if one.gain == "running" else self._beside(one, found)
        return Way(one, {place: _seen(one, rank) for place, rank in found.items()}, {})

    def _covered(self, holding: Holding, one: Set) -> Coverage:
        """The places where all permissions of a set are held. "anywhere" tells of accounts of other projects alone."""
        found: Coverage | None = None
        elsewhere: list[Coverage] = []
        for need in one.all_of:
            some = self.coverage(holding, need.permission, need.on)
            if need.on == "anywhere":
                elsewhere.append(some)
            else:
                found = some if found is None else meet(self.estate, found, some)
            if not some or found == {}:
                return {}
        for some in elsewhere:
            here = meet(self.estate, found or {}, some)
            found = {
                place: rank for place, rank in (found or {}).items() if here.keys().isdisjoint(self.estate.chain(place))
            }
        return found or {}

    def coverage(self, holding: Holding, permission: str, on: str) -> Coverage:
        """Where a permission is held on accounts, or on projects. Kept while one principal is looked at: sets share
        permissions.
        """
        if self._looking is not holding:
            self._looking, self._coverages = holding, {}
        key = (permission, on == "account")
        found = self._coverages.get(key)
        if found is None:
            found = self._coverages[key] = self._coverage(holding, permission, accounts=on == "account")
        return found

    def _coverage(self, holding: Holding, permission: str, *, accounts: bool) -> Coverage:
        if accounts:
            facts = self.estate.any_account
            if permission.endswith(".setIamPolicy"):
                facts = facts._replace(granting=self.estate.strong)
            return holding.coverage(permission, facts, accounts=True)
        return holding.coverage(permission, self.estate.any_new(service_of(permission)), accounts=False)

    # --- gains ---

    def _running(self, holding: Holding, one: Set) -> Way:
        """The accounts as which workloads run, in the projects where they can be entered; of projects whose workloads
        nobody read, all.
        """
        inside = self._covered(holding, one._replace(all_of=tuple(need for need in one.all_of if need.on == "project")))
        owned = [need.permission for need in one.all_of if need.on == "account"]
        direct = _direct(inside, self.roster.running(one.runs or ""))
        spread: Coverage = dict.fromkeys(_direct(inside, self.roster.unread), UNSEEN)
        for permission in owned:
            some = self.coverage(holding, permission, "account")
            spread = meet(self.estate, spread, some)
            ranks = {key: [some[place] for place in self.estate.chain(key) if place in some] for key in direct}
            direct = {key: max(rank, min(ranks[key])) for key, rank in direct.items() if ranks[key]}
        return Way(one, spread, direct)

    def _beside(self, one: Set, found: Coverage) -> Way:
        """The accounts of projects in which a workload of the kind exists, or may exist."""
        spread: dict[str, int] = {}
        for place, rank in found.items():
            home = self.estate.accounts[place].scope if place in self.estate.accounts else place
            for projects, how in ((self.roster.unread, UNSEEN), (self.roster.holding(one.runs or ""), rank)):
                for project in projects.get(home, ()):
                    where = place if home != place else project
                    spread[where] = min(how, spread.get(where, UNSEEN))
        return Way(one, spread, {})

    def _agent(self, one: Set, found: Coverage) -> Way:
        direct: dict[str, int] = {}
        for kind in one.agents:
            for key, rank in _direct(found, self.roster.agents(kind)).items():
                direct[key] = min(_seen(one, rank), direct.get(key, UNSEEN))
        return Way(one, {}, direct)

    def _delegated(self, holding: Holding, found: Coverage) -> Mapping[str, int]:
        spread: dict[str, int] = {}
        for place, rank in found.items():
            for end, ways in self.through(place).items():
                how = next((how for how, key in ways if key != holding.principal.key), None)
                if how is not None:
                    spread[end] = min(max(rank, how), spread.get(end, UNSEEN))
        return spread

    def through(self, place: str) -> Mapping[str, tuple[tuple[int, str], ...]]:
        """Where accounts below a place may get tokens: place -> (rank, account), the two surest."""
        known = self._through.get(place)
        if known is None:
            some: dict[str, list[tuple[int, str]]] = {}
            for key in self.roster.members(place, None).ready.keys:
                for end, rank in self._coverage(self.holdings[key], TOKEN, accounts=True).items():
                    some.setdefault(end, []).append((rank, key))
            known = self._through[place] = {end: tuple(sorted(ways)[:2]) for end, ways in some.items()}
        return known

    def _policy(self, holding: Holding, one: Set) -> Way | None:
        """The widest node of the kind whose policy it may set, unless it has all that an owner has there."""
        table = self.estate.table
        for rule in holding.rules:
            if one.node in rule.kinds and WIDTH[self.estate.tree.nodes[rule.place].kind] >= WIDTH[one.node or ""]:
                sure, possible = holding.on(self.estate.chain(rule.place))
                has = sure if rule.rank == SURE else possible
                if one.node != "project" or has & table.owner != table.owner:
                    return Way(one, {}, {holding.principal.key: rule.rank}, rule)
        return None

    def _role(self, holding: Holding, one: Set) -> Way | None:
        """A custom role that it holds and may change gives all that it wants where it holds it."""
        permission = one.all_of[0].permission
        rules: list[Rule] = []
        nodes = self.estate.tree.nodes
        for held in holding.held:
            role, place = held.binding.role, held.binding.place
            if not role.custom or place not in nodes or role.policy is None:
                continue
            home = role.policy.partition("/role_definition/")[0]
            if home not in nodes:
                continue
            answer = self.estate.check(holding.principal, permission, self.estate.new_in(home, permission))
            kind = nodes[place].kind
            outcome = self.estate.outcome_under(held.binding, self.estate.facts_of(kind, nodes[place]))
            if NO in (answer.answer, outcome.answer):
                continue
            sure = answer.answer == outcome.answer == CERTAIN
            below = frozenset(name for name, width in WIDTH.items() if width <= WIDTH[kind])
            rules.append(Rule(place, below, SURE if sure else OPEN, WIDTH[kind]))
        if not rules:
            return None
        best = min(rules, key=lambda rule: (rule.rank, -rule.width, rule.place))
        return Way(one, {}, {holding.principal.key: best.rank}, best)


def _direct(found: Coverage, below: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Those that live below the places of a coverage. ``below``: place -> who does."""
    direct: dict[str, int] = {}
    for place, rank in sorted(found.items(), key=lambda one: -one[1]):  # the surest last
        direct.update(dict.fromkeys(below.get(place, ()), rank))
    return direct


def _seen(one: Set, rank: int) -> int:
    return UNSEEN if one.needs and one.runs is None else rank

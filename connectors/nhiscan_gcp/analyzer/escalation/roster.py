"""Whom the permissions of a place lead to: the accounts below it, and what else lives in a project."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from nhiscan_gcp.analyzer.escalation.sets import RUNS
from nhiscan_gcp.analyzer.estate import Estate, Principal
from nhiscan_gcp.analyzer.hierarchy import WIDTH


class Crowd:
    """Principals that are looked at together, by key. Compared by identity: some hold fifty thousand."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = tuple(keys)
        self.by_size: tuple[str, ...] | None = None  # see `nhiscan_gcp.analyzer.escalation.rights`
        self.rulers: tuple[str, ...] | None = None

    @cached_property
    def own(self) -> frozenset[str]:
        """The same as a set."""
        return frozenset(self.keys)


class Members(NamedTuple):
    """The accounts below a place."""

    ready: Crowd  # can be become
    doubtful: Crowd  # only when something changes that is not known, or that is not so now
    all: Crowd


class Roster:
    """Looks up once, for all ways."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._members: dict[tuple[str, str | None], Members] = {}
        self._states: dict[str | None, Mapping[str, bool]] = {}
        self._governed: dict[tuple[str, frozenset[str]], Crowd] = {}
        self._running: dict[str, Mapping[str, tuple[str, ...]]] = {}
        self._where: dict[str, Mapping[str, tuple[str, ...]]] = {}
        self._settings: dict[str, dict[str, int | None]] = {
            node: {one.name: one.number for one in estate.records.settings(node)} for node in estate.tree.nodes
        }

    def members(self, place: str, blocked_by: str | None) -> Members:
        """``blocked_by``: a constraint (a Setting) under which accounts cannot be become this way."""
        found = self._members.get((place, blocked_by))
        if found is None:
            states = self._state(blocked_by)
            below = self._estate.below.get(place, (place,) if place in self._estate.accounts else ())
            ready = Crowd(key for key in below if states.get(key) is True)
            doubtful = Crowd(key for key in below if states.get(key) is False)
            everybody = Crowd((*ready.keys, *doubtful.keys)) if doubtful.keys else ready
            found = self._members[(place, blocked_by)] = Members(ready, doubtful, everybody)
        return found

    def governed(self, place: str, kinds: frozenset[str]) -> Crowd:
        """The accounts of nodes whose policy may be set: in a place and below it, of these kinds."""
        everybody = self.members(place, None).all
        if self._estate.tree.nodes[place].kind in kinds or "project" in kinds:
            return everybody
        key = (place, kinds)
        if key not in self._governed:  # folders below an organisation: not the projects beside them
            nodes, chain = self._estate.tree.nodes, self._estate.chain
            self._governed[key] = Crowd(
                account
                for account in everybody.keys
                if any(above in nodes and nodes[above].kind in kinds for above in chain(account))
            )
        return self._governed[key]

    def _state(self, blocked_by: str | None) -> Mapping[str, bool]:
        """Account -> whether it can be become now; none of those for which the constraint holds."""
        found = self._states.get(blocked_by)
        if found is None:
            rules = {key: self.blocked(key, blocked_by) for key, node in self._estate.tree.nodes.items()}
            found = {
                key: identity.state == "active" and rules[identity.scope] is False
                for key, identity in self._estate.accounts.items()
                if rules[identity.scope] is not True
            }
            self._states[blocked_by] = found
        return found

    def blocked(self, node: str, blocked_by: str | None) -> bool | None:
        """Whether a constraint holds in a project: what was read there; else the nearest above, which something in
        between may change again (None).
        """
        if blocked_by is None:
            return False
        for number, above in enumerate(self._estate.chain(node)):
            held = self._settings.get(above, {})
            if blocked_by in held:
                if number and held[blocked_by] != 0:
                    return None
                return held[blocked_by] == 1 if held[blocked_by] is not None else None
        return False

    # --- what else lives in projects ---

    def agents(self, kind: str) -> Mapping[str, tuple[str, ...]]:
        """Place -> agents of a kind, or default accounts, of the projects below it."""
        return self._agents[kind]

    @cached_property
    def _agents(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        found: dict[str, list[tuple[str, str]]] = {"cloudservices": [], "cloudbuild": [], "compute": []}
        for key, identity in self._estate.accounts.items():
            if identity.path == "/default/compute/":
                found["compute"].append((identity.scope, key))
        for principal in self._estate.principals.values():
            if principal.kind == "agent":
                kind = principal.name.partition("@")[2].partition(".")[0]
                home = self.home_of(principal)
                if kind in found and home is not None:
                    found[kind].append((home, principal.key))
        return {kind: self._below(living) for kind, living in found.items()}

    def home_of(self, principal: Principal) -> str | None:
        """The project of an agent: by its number; where no record tells it, the one project in which it is bound."""
        number = principal.bindings[0].member.home
        if number in self._estate.numbers:
            return self._estate.numbers[number]
        nodes = self._estate.tree.nodes
        places = {one.place for one in principal.bindings if one.place in nodes and WIDTH[nodes[one.place].kind] == 1}
        return places.pop() if len(places) == 1 else None

    @cached_property
    def bound_keys(self) -> Mapping[str, tuple[str, ...]]:
        """Place -> accounts as which API keys act that lie below it."""
        return self._below(
            (scope, credential.identity)
            for scope in self._estate.tree.nodes
            for credential in self._estate.records.credentials(scope)
            if credential.kind == "api_key" and credential.identity in self._estate.accounts
        )

    @cached_property
    def pools(self) -> Mapping[str, tuple[str, ...]]:
        """Place -> pools below it that let somebody in."""
        pools = self._estate.pools.values()
        return self._below((one.scope, one.key) for one in pools if one.state not in ("deleted", "disabled"))

    @cached_property
    def _workloads(self) -> Mapping[str, list[tuple[str, str]]]:
        """Kind of workload -> (project, account that one runs as)."""
        found: dict[str, list[tuple[str, str]]] = {kind: [] for kind in RUNS}
        for scope in self._estate.tree.nodes:
            for relation in self._estate.records.relations(scope):
                kind = _kind_of(relation.subject)
                if relation.kind == "runs_as" and kind is not None:
                    found[kind].append((scope, relation.target))
        return found

    def running(self, kind: str) -> Mapping[str, tuple[str, ...]]:
        """Place -> accounts as which workloads of a kind run below it."""
        if kind not in self._running:
            known = self._estate.accounts
            self._running[kind] = self._below(one for one in self._workloads[kind] if one[1] in known)
        return self._running[kind]

    def holding(self, kind: str) -> Mapping[str, tuple[str, ...]]:
        """Place -> projects below it in which workloads of a kind run."""
        if kind not in self._where:
            self._where[kind] = self._below((scope, scope) for scope, _ in self._workloads[kind])
        return self._where[kind]

    @cached_property
    def unread(self) -> Mapping[str, tuple[str, ...]]:
        """Place -> projects below it whose workloads are not known."""
        tree, records = self._estate.tree, self._estate.records
        some = (key for key, node in tree.nodes.items() if node.kind == "project")
        return self._below((key, key) for key in some if not records.complete(key, "relation:runs_as"))

    def _below(self, living: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
        """Place -> those of (project, who) that live below it."""
        found: dict[str, dict[str, None]] = {}
        for home, who in sorted(living):
            for place in self._estate.chain(home):
                found.setdefault(place, {})[who] = None
        return {place: tuple(some) for place, some in found.items()}


def _kind_of(workload: str) -> str | None:
    """RUNS: what the full resource name of a workload is about."""
    service, _, rest = workload.removeprefix("//").partition(".googleapis.com/")
    if service == "run":
        return "job" if "/jobs/" in rest else "service"
    return {"compute": "instance", "cloudfunctions": "function", "appengine": "version"}.get(service)

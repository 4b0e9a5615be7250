"""Why a hop is possible: the grants that allow it, and what it hangs on."""

from collections.abc import Iterator
from typing import NamedTuple

from nhiscan.ways import UNSEEN
from nhiscan_azure.analyzer import patterns
from nhiscan_azure.analyzer.definitions import DIRECTORY as DIRECTORY_PLANE
from nhiscan_azure.analyzer.escalation.own import giving
from nhiscan_azure.analyzer.escalation.owning import needs
from nhiscan_azure.analyzer.escalation.sets import BY_RELATION, Set
from nhiscan_azure.analyzer.escalation.way import IN_UNIT, UNIT, Way
from nhiscan_azure.analyzer.escalation.ways import Ways
from nhiscan_azure.analyzer.estate import Held, Principal
from nhiscan_azure.analyzer.places import DIRECTORY
from nhiscan_azure.analyzer.roles import OF_API, OVER_DIRECTORY, OWNER
from nhiscan_azure.analyzer.verdict import ANYWHERE, Allow, check

LISTED = 5
"""Grants that a hop names for one action."""


class Permit(NamedTuple):
    """What allows an action of a hop."""

    action: str
    resource: str  # the place at which it is held; "" of what holds at none
    grant: str  # key of a Grant; of a Relation or Credential where `granted` is not so
    statement: str
    conditions: tuple[str, ...]
    granted: bool
    shared: bool  # through a group


class Hop(NamedTuple):
    """One hop, explained."""

    start: str  # key of the Identity that takes it
    end: str | None  # key of the Identity that it is then; its own where it changes its own rights; None: not known
    set: Set
    permits: tuple[Permit, ...]
    conditions: tuple[str, ...]  # sorted
    reasons: tuple[str, ...]  # ACCESS_REASONS, sorted
    rank: int
    needs: str | None
    detail: str | None = None  # more about how, in words


class Explainer:
    """Asks again, for one target, and keeps the grants."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._estate = ways.estate

    def hop(self, principal: Principal, way: Way, node: int | None, rank: int) -> Hop:
        """``node``: of the target; None where the way ends by itself. ``rank``: how certain it is all in all."""
        one = way.set
        end: str | None = principal.key
        if node is not None:
            end = self._ways.pools.principal(node).key
        elif one.gain in ("tenant-unseen", "tenant-person"):
            end = None
        permits: list[Permit] = []
        reasons: set[str] = set()
        keys: set[str] = set()
        for permit, why in self._permits(principal, way, node):
            permits.append(permit)
            reasons.update(why)
            keys.update(permit.conditions)
        if rank == UNSEEN:
            reasons.add("resource-unread")
        elif rank and not reasons:
            reasons.add("condition")  # the target's own rights hang on it
        elif not rank:
            reasons, keys = set(), set()
        return Hop(
            principal.key,
            end,
            one,
            tuple(permits),
            tuple(sorted(keys)),
            tuple(sorted(reasons)),
            rank,
            self._needs(principal, way, end, rank),
            self._detail(way),
        )

    def _detail(self, way: Way) -> str | None:
        """Which role it can give itself, where that is not Owner."""
        if way.role is None or way.role == OWNER:
            return None
        built_in = self._estate.catalogue.built_in.get(way.role)
        known = next((role.name for role in self._estate.roles if role.id == way.role), None)
        return f"the condition lets it give the role {known or (built_in.name if built_in else way.role)}"

    def _needs(self, principal: Principal, way: Way, end: str | None, rank: int) -> str | None:
        if way.set.needs is not None or rank < UNSEEN:
            return way.set.needs
        if way.set.gain in BY_RELATION and end is not None:
            owned = next((thing for _, _, thing, _ in self._owned(principal, way.set, end)), end)
            return needs(self._estate, principal.key, owned, end)
        if way.set.gain == "any-application" and end is not None:
            return needs(self._estate, principal.key, end, end)
        if way.set.gain == "running-identity":
            return "a resource that runs as it"
        if way.set.gain in ("group", "role-group") and not self._over_tenant(principal, way.set):
            return IN_UNIT
        needed = {held.role.needs for held in principal.held if way.set.way in held.role.ways and held.role.needs}
        return min(needed) if needed else None

    def _over_tenant(self, principal: Principal, one: Set) -> bool:
        return any(one.way in held.role.ways and held.place == DIRECTORY for held in principal.held)

    def _owned(self, principal: Principal, one: Set, end: str) -> Iterator[tuple[int, int, str, str]]:
        if one.gain == "federated-principal":
            return
        for found in self._ways.owned(principal, one):
            if self._ways.pools.principal(found[0]).key == end:
                yield found

    # --- what allows it ---

    def _permits(self, principal: Principal, way: Way, node: int | None) -> Iterator[tuple[Permit, tuple[str, ...]]]:
        one = way.set
        if one.gain in BY_RELATION and node is not None:
            yield from self._related(principal, one, self._ways.pools.principal(node).key)
        elif one.way is not None:
            yield from self._over_directory(principal, way, node)
        else:
            place = self._place(way, node)
            facts = giving(principal, way.role or OWNER) if one.gain == "own-role" else {}
            for action in one.all_of:
                yield from self._checked(principal, action, place, facts)
            for action in one.anywhere:
                found = list(self._checked(principal, action, ANYWHERE, {}))
                if found:
                    yield from found
                    break

    def _place(self, way: Way, node: int | None) -> str:
        """The place at which the actions are asked about."""
        if way.own is not None or node is None:
            return way.own.place if way.own is not None else ANYWHERE
        places = [place for pool, _, place in way.reach if node in pool.members]
        for place in sorted(places, key=lambda one: (len(one), one)):
            hosts = [
                host
                for host in (*self._ways.pools.hosts(way.set.runs, node), *self._where(node))
                if self._estate.places.covers(place, host)
            ]
            return hosts[0] if hosts else place
        return ANYWHERE

    def _where(self, node: int) -> list[str]:
        place = self._estate.resource_of.get(self._ways.pools.principal(node).key)
        return [] if place is None else [place]

    def _checked(
        self, principal: Principal, action: str, place: str, facts: dict[str, str]
    ) -> Iterator[tuple[Permit, tuple[str, ...]]]:
        answer = check(self._estate, principal, action, place, facts)
        for allow in answer.allows[:LISTED]:
            yield self._permit(principal, action, allow), answer.reasons

    def _permit(self, principal: Principal, action: str, allow: Allow) -> Permit:
        held = allow.held
        return Permit(
            action,
            held.place,
            held.grant.key,
            allow.statement,
            allow.conditions,
            granted=True,
            shared=held.grant.principal != principal.key,
        )

    def _over_directory(
        self, principal: Principal, way: Way, node: int | None
    ) -> Iterator[tuple[Permit, tuple[str, ...]]]:
        places = {place for pool, _, place in way.reach if node in pool.members} or {DIRECTORY}
        found = [
            held
            for held in principal.held
            if way.set.way in held.role.ways
            and held.role.enabled
            and held.reason != "delegated"
            and any(self._estate.places.covers(held.place, place) for place in places)
        ]
        if not found:
            found = [held for held in principal.held if way.set.way in held.role.ways and held.place.startswith(UNIT)]
        found.sort(key=lambda held: (held.reason is not None, held.role.needs is not None, held.grant.key))
        for held in found[:LISTED]:
            reasons = ((held.reason,) if held.reason else ()) + (("condition",) if held.condition is not None else ())
            permit = Permit(
                self._action(held, way.set.way or ""),
                held.place,
                held.grant.key,
                "",
                held.condition.keys if held.condition is not None else (),
                granted=True,
                shared=held.grant.principal != principal.key,
            )
            yield permit, reasons

    def _action(self, held: Held, way: str) -> str:
        """The permission, or the action of a role as granted, by which it has a way."""
        if held.role.kind == OF_API:
            return f"{patterns.GRAPH}{held.role.name}"
        known = self._estate.catalogue.ways[way]
        if held.role.kind == OVER_DIRECTORY:
            for block in held.role.blocks(DIRECTORY_PLANE):
                for action in known.actions:
                    if pattern := block.gives(action):
                        return pattern
        return known.action

    def _related(self, principal: Principal, one: Set, end: str) -> Iterator[tuple[Permit, tuple[str, ...]]]:
        if one.gain == "federated-principal":
            for target, credential in self._ways.entering(principal):
                if target == end:
                    yield Permit("federated credential", "", credential, "", (), granted=False, shared=False), ()
            return
        for _, _, _, relation in self._owned(principal, one, end):
            yield Permit("owner", "", relation, "", (), granted=False, shared=False), ()

"""One action of one principal on one resource, exactly: which grants allow it, and what takes it away."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nhiscan_azure.analyzer import patterns
from nhiscan_azure.analyzer.conditions import Condition
from nhiscan_azure.analyzer.definitions import DIRECTORY as DIRECTORY_PLANE
from nhiscan_azure.analyzer.definitions import Block
from nhiscan_azure.analyzer.estate import Estate, Held, Principal
from nhiscan_azure.analyzer.places import DIRECTORY, plain
from nhiscan_azure.analyzer.rights import Deny
from nhiscan_azure.analyzer.roles import AZURE, DELEGATED, OF_API, OVER_DIRECTORY

ANYWHERE = "*"
ENOUGH = 20
"""Grants that an answer names."""
HANGS = frozenset({"condition", "eligible", "delegated"})
"""ACCESS_REASONS of what is held, and hangs on a request, an activation or a user."""


class Allow(NamedTuple):
    """A grant that allows what was asked."""

    held: Held
    pattern: str  # what gives it, as granted
    statement: str  # number of the permissions block, where a definition has several
    conditions: tuple[str, ...]  # attributes that it hangs on, sorted
    reasons: tuple[str, ...]  # ACCESS_REASONS, sorted; () certain

    @property
    def order(self) -> tuple[bool, int, str]:
        return bool(self.reasons), len(self.held.place), self.held.grant.key


class Answer(NamedTuple):
    """What becomes of one action on one resource."""

    state: str  # "allowed" | "conditional" | "denied"
    allows: tuple[Allow, ...]  # the certain ones first, among these the widest
    denies: tuple[Deny, ...]  # that take it away, or may
    reasons: tuple[str, ...]  # ACCESS_REASONS of what the answer hangs on, sorted

    @property
    def conditions(self) -> tuple[str, ...]:
        return tuple(sorted({key for allow in self.allows for key in allow.conditions}))


def check(
    estate: Estate,
    principal: Principal,
    action: str,
    resource: str = ANYWHERE,
    facts: Mapping[str, str] | None = None,
    plane: str | None = None,
) -> Answer:
    """The answer. ``resource``: id at Resource Manager, or of an object of the directory; "*": on something.

    ``facts``: attributes of the request that are known (`conditions`); ``plane``: of an action of Resource Manager,
    where it is not to be told by its name. What was not read of everybody is not in the answer.
    """
    lower = action.lower()
    plane = plane or estate.plane_of(lower)
    place = None if resource == ANYWHERE else _place(estate, lower, resource)
    allows = sorted(_allows(estate, principal, lower, plane, place, facts or {}), key=lambda one: one.order)
    kept: list[Allow] = []
    denies: dict[str, Deny] = {}
    for allow in allows:
        taken, maybe = _taken(estate, principal, allow.held.place if place is None else place, lower, plane)
        denies |= {deny.grant.key: deny for deny in (*taken, *maybe)}
        if not taken:
            unread = any(deny.unread for deny in maybe)
            kept.append(_open(allow, "deny-policy-unread" if unread else "condition") if maybe else allow)
    kept.sort(key=lambda one: one.order)
    if not kept:
        return Answer("denied", (), tuple(denies[key] for key in sorted(denies)), ())
    sure = not kept[0].reasons
    reasons: set[str] = set() if sure else {reason for allow in kept for reason in allow.reasons}
    shown = [allow for allow in kept if not allow.reasons] if sure else kept
    state = "allowed" if not reasons else "conditional"
    return Answer(state, tuple(shown[:ENOUGH]), tuple(denies[key] for key in sorted(denies)), tuple(sorted(reasons)))


def _place(estate: Estate, action: str, resource: str) -> str:
    if patterns.over_directory(action) or action.startswith(patterns.GRAPH):
        found = resource.lower().removeprefix(DIRECTORY[:-1]).strip("/")
        return DIRECTORY + found
    scope = next((place for place, key in estate.places.scopes.items() if key == resource), None)
    return plain(resource) if scope is None else scope


def _allows(
    estate: Estate, principal: Principal, action: str, plane: str, place: str | None, facts: Mapping[str, str]
) -> Iterator[Allow]:
    for held in principal.held:
        if place is not None and not estate.places.covers(held.place, place):
            continue
        yield from grants(held, action, plane, facts)


def grants(held: Held, action: str, plane: str, facts: Mapping[str, str]) -> Iterator[Allow]:
    """How one grant allows an action (in lower case), by each of its blocks."""
    role = held.role
    if not role.enabled:
        return
    if action.startswith(patterns.GRAPH):
        if role.kind in (OF_API, DELEGATED):
            asked = action.removeprefix(patterns.GRAPH)
            if patterns.permission_matches(role.name.lower(), asked):
                yield Allow(held, role.name, "", (), _reasons(held, ()))
        return
    directory = patterns.over_directory(action)
    if role.kind != (OVER_DIRECTORY if directory else AZURE) or role.definition is None:
        if directory and role.kind == OVER_DIRECTORY and role.definition is None and "self" in role.ways:
            yield Allow(held, role.name, "", (), _reasons(held, (role.unread or "",)))
        return
    several = len(role.definition.blocks) > 1
    for block in role.definition.on(DIRECTORY_PLANE if directory else plane):
        pattern = block.gives(action)
        if pattern is not None:
            yield from _conditioned(held, block, pattern, action, facts, several=several)


def _conditioned(
    held: Held, block: Block, pattern: str, action: str, facts: Mapping[str, str], *, several: bool
) -> Iterator[Allow]:
    keys: set[str] = set()
    open_ = False
    for condition in (held.condition, block.condition):
        holds = True if condition is None else condition.holds(action, facts)
        if holds is False:
            return
        if holds is None:
            open_ = True
            keys.update(_keys(condition, facts))
    more = ("condition",) if open_ else ()
    yield Allow(held, pattern, str(block.number) if several else "", tuple(sorted(keys)), _reasons(held, more))


def _keys(condition: Condition | None, facts: Mapping[str, str]) -> Iterator[str]:
    return (key for key in (condition.keys if condition is not None else ()) if key not in facts)


def _reasons(held: Held, more: tuple[str, ...]) -> tuple[str, ...]:
    found = {*more, *((held.reason,) if held.reason is not None else ())}
    if held.role.unread == "document-unreadable":
        found.add(held.role.unread)
    return tuple(sorted(one for one in found if one))


def _open(allow: Allow, reason: str) -> Allow:
    return allow._replace(reasons=tuple(sorted({*allow.reasons, reason})))


def _taken(estate: Estate, principal: Principal, place: str, action: str, plane: str) -> tuple[list[Deny], list[Deny]]:
    """(deny assignments that take an action away at a place, those that may)."""
    above = estate.places.above(place)
    taken: list[Deny] = []
    maybe: list[Deny] = []
    for deny in principal.denies:
        if deny.place != place and not (deny.below and deny.place in above):
            continue
        if deny.unread:
            maybe.append(deny)
        elif deny.denies(plane, action):
            (maybe if deny.conditional else taken).append(deny)
    return taken, maybe

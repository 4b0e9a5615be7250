"""On which scopes a source runs, and which scopes below it reads from there. Names only: nothing is called here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nhiscan.collect.order import UPPER, fallbacks, standing_in
from nhiscan.connector import Source
from nhiscan.model import Scope


@dataclass(frozen=True)
class Place:
    """One planned scope.

    ``known``    the sources that have to do with it, in order, as they are here: one whose primary has nothing to do
                 with this scope is no fallback in it
    ``runs``     those of them that run here
    ``reached``  id of one that runs on a scope above and reads this one from there -> key of that scope
    ``above``    key of the nearest planned scope above; it is read first
    ``depth``    how many planned scopes are above
    ``below``    keys of all named scopes below, planned or not
    """

    scope: Scope
    known: tuple[Source, ...]
    runs: tuple[Source, ...]
    reached: Mapping[str, str]
    above: str | None
    depth: int
    below: frozenset[str]


def plan(sources: Sequence[Source], scopes: Sequence[Scope]) -> tuple[Place, ...]:
    """The planned scopes, those above before those below, else by key. Scopes with which no source has to do are out.

    ``sources`` are all of the connector, in order; ``scopes`` all that it named. Raises ValueError for a scope that is
    above itself.
    """
    named = {scope.key: scope for scope in scopes}
    chains = {scope.key: _chain(scope, named) for scope in scopes}
    below: dict[str, set[str]] = {}
    for key, chain in chains.items():
        for one in chain:
            below.setdefault(one.key, set()).add(key)
    levelled = any(source.on for source in sources)
    reached: dict[str, dict[str, str]] = {}
    running: dict[str, set[str]] = {}
    for scope in scopes:
        leaf = scope.key not in below and not (levelled and scope.kind in UPPER)
        for source in sources:
            upper = [one for one in chains[scope.key] if source.spans and one.kind in source.on]
            if upper:
                if leaf or (scope.kind in source.on and holds(source, scope, sources)):
                    reached.setdefault(scope.key, {})[source.id] = upper[-1].key  # the highest: nothing is read twice
            elif scope.kind in source.on or (leaf and not source.on):
                running.setdefault(scope.key, set()).add(source.id)
    as_known: dict[frozenset[str], tuple[Source, ...]] = {}
    places = []
    for key in reached.keys() | running.keys():
        runs, seen = running.get(key, set()), reached.get(key, {})
        names = frozenset(runs | seen.keys())
        if names not in as_known:
            as_known[names] = _as_known(names, sources)
        known = as_known[names]
        above = [one.key for one in chains[key] if one.key in reached or one.key in running]
        nearest, lower = (above[0] if above else None), frozenset(below.get(key, ()))
        here = tuple(source for source in known if source.id in runs)
        places.append(Place(named[key], known, here, seen, nearest, len(above), lower))
    return tuple(sorted(places, key=lambda place: (place.depth, place.scope.key)))


def planned(places: Iterable[Place]) -> Iterator[tuple[str, str]]:
    """(scope key, source id) of whatever is planned: all but fallbacks. One that reads from above is planned there."""
    by_key = {place.scope.key: place for place in places}
    for place in by_key.values():
        for source in place.known:
            home = by_key[place.reached.get(source.id, place.scope.key)]
            if any(one.id == source.id and one.fallback_for is None for one in home.known):
                yield place.scope.key, source.id


def holds(source: Source, scope: Scope, sources: Iterable[Source]) -> bool:
    """May what a source shows live in this scope of its own kinds? Not where none of its fallbacks could give it.

    Where the fallbacks of a spanning source run below only, what it showed of the upper scope itself would be lost
    whenever they take its place, and nobody would know.
    """
    if not source.spans or scope.kind not in UPPER:
        return True
    instead = fallbacks(source.id, sources)
    return not instead or any(scope.kind in one.on for one in instead)


def _chain(scope: Scope, named: Mapping[str, Scope]) -> tuple[Scope, ...]:
    """The named scopes above one, the nearest first."""
    chain: list[Scope] = []
    seen = {scope.key}
    while (above := named.get(scope.parent or "")) is not None:
        if above.key in seen:
            raise ValueError(f"{above.key} is above itself")
        seen.add(above.key)
        chain.append(above)
        scope = above
    return tuple(chain)


def _as_known(names: frozenset[str], sources: Sequence[Source]) -> tuple[Source, ...]:
    """The sources of these names as they are where there are no others."""
    by_id = {source.id: source for source in sources}
    found = []
    for source in sources:
        if source.id not in names:
            continue
        primary = source.fallback_for
        while primary is not None and primary not in names:
            primary = by_id[primary].fallback_for
        reads: list[str] = []
        for read in source.reads:
            instead = [] if read in names else [one.id for one in standing_in(read, sources) if one.id in names]
            reads += instead or [read]
        found.append(replace(source, fallback_for=primary, reads=tuple(reads)))
    return tuple(found)

"""In which order the sources of a scope run, and what is wrong with a declaration."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from nhiscan.connector import Source
from nhiscan.model import SCOPE_KINDS, TABLES, UPPER_SCOPE_KINDS

UPPER = frozenset(UPPER_SCOPE_KINDS)
LEAVES = frozenset(SCOPE_KINDS) - UPPER


class BadDeclaration(Exception):
    """The sources of a connector contradict themselves. A bug of the connector; nothing is read."""


def in_order(sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources such that each comes after what it reads, its fallbacks included, and after what it stands in for.

    Where that leaves a choice, the order of declaration stands. Raises BadDeclaration.
    """
    found: dict[str, Source] = {}
    for source in sources:
        if source.id in found:
            raise BadDeclaration(f"the source {source.id} is declared twice")
        found[source.id] = source
    for source in found.values():
        _check(source, found)
    graph = {source.id: _before(source, found) for source in found.values()}
    try:
        sorter = TopologicalSorter(graph)
        sorter.prepare()
    except CycleError as error:
        raise BadDeclaration("the sources wait for each other: " + ", ".join(error.args[1])) from error
    place = {name: number for number, name in enumerate(found)}
    order: list[Source] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=place.__getitem__)
        name = ready.pop(0)
        order.append(found[name])
        sorter.done(name)
    return tuple(order)


def fallbacks(name: str, sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources that stand in for one, in their order; fallbacks of fallbacks are not among them."""
    return tuple(source for source in sources if source.fallback_for == name)


def standing_in(name: str, sources: Iterable[Source]) -> tuple[Source, ...]:
    """The fallbacks of a source, their fallbacks, and so on, in their order."""
    sources = tuple(sources)
    found: set[str] = set()
    todo: Sequence[str] = [name]
    while todo:
        todo = [source.id for one in todo for source in fallbacks(one, sources) if source.id not in found]
        found.update(todo)
    return tuple(source for source in sources if source.id in found)


def _check(source: Source, found: Mapping[str, Source]) -> None:
    others = [*source.reads, *([source.fallback_for] if source.fallback_for else [])]
    for other in others:
        if other not in found:
            raise BadDeclaration(f"the source {source.id} names {other}, which is not planned")
        if other == source.id:
            raise BadDeclaration(f"the source {source.id} names itself")
    _check_places(source, found)
    if not source.lists | source.adds:
        raise BadDeclaration(
            f"the source {source.id} lists nothing and adds nothing: declare what is unknown where it cannot be read"
        )
    for name in source.lists | source.adds:
        table, _, rest = name.partition(":")
        if table not in TABLES or (name in source.adds) != ("." in rest):
            form = "table:kind.fact in adds" if name in source.adds else "table:kind in lists"
            raise BadDeclaration(f"the source {source.id} declares {name!r}: write {form}")
        if name in source.adds and rest.partition(".")[2] not in TABLES[table]._fields:
            raise BadDeclaration(f"the source {source.id} adds {name!r}, and {table} has no such fact")


def _check_places(source: Source, found: Mapping[str, Source]) -> None:
    """Kinds of scopes that contradict each other. What only the scopes named can tell is told by coverage."""
    if odd := sorted(source.on.difference(SCOPE_KINDS)):
        raise BadDeclaration(f"the source {source.id} runs on {odd[0]!r}, which is no kind of scope")
    if source.spans and not source.on:
        raise BadDeclaration(f"the source {source.id} spans: name in `on` the kinds of scopes it runs on")
    instead = fallbacks(source.id, found.values())
    listed = sorted(name for name in source.lists if name.partition(":")[0] == "scope")
    if source.spans and listed and instead and not any(source.on & one.on for one in instead):
        raise BadDeclaration(f"the source {source.id} lists {listed[0]}, and its fallbacks run below only")
    for read in source.reads:
        given = _reach(found[read])
        if not (source.on <= given if source.on else LEAVES & given):
            raise BadDeclaration(f"the source {source.id} reads {read}, which does not read the scopes it runs on")
    if source.fallback_for:
        primary = found[source.fallback_for]
        spans_more = source.spans and not (primary.spans and source.on <= primary.on)
        if spans_more or not (source.on or LEAVES) & _reach(primary):
            raise BadDeclaration(f"the source {source.id} stands in for {primary.id}, which reads other scopes")


def _reach(source: Source) -> frozenset[str]:
    """The kinds of scopes about which a source may say something."""
    return source.on | LEAVES if source.spans else source.on or LEAVES


def _before(source: Source, found: Mapping[str, Source]) -> set[str]:
    before = set(source.reads)
    for read in source.reads:
        before.update(one.id for one in standing_in(read, found.values()) if one.id != source.id)
    if source.fallback_for:
        before.add(source.fallback_for)
    return before

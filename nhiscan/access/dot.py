"""Escalation paths as a graph in the DOT language, for Graphviz and what else reads it.

An identity is one node however many paths go through it. Node ids are our own, so that no name has to be one; texts are
quoted strings, in which a backslash, a double quote and an ampersand are written so that they stand for themselves.
"""

from collections.abc import Iterator, Sequence

from nhiscan.access import words
from nhiscan.access.drawing import title
from nhiscan.access.names import Who
from nhiscan.access.paths import Hop, Path
from nhiscan.text import visible


def dot(paths: Sequence[Path], *, start: Who) -> str:
    """The graph of paths that start at ``start``, in the order given. Without any it has that one node."""
    return "".join(f"{line}\n" for line in _lines(paths, start))


def _lines(paths: Sequence[Path], start: Who) -> Iterator[str]:
    ids: dict[str, str] = {}
    nodes: list[str] = []
    edges: list[str] = []

    def node(who: Who | None) -> str:
        key = f"?{len(nodes)}" if who is None else f"={who.key}"
        if key not in ids:
            ids[key] = f"n{len(ids)}"
            nodes.append(f"  {ids[key]} [{_node(who)}];")
        return ids[key]

    node(start)
    ends: dict[str, str] = {}
    for number, way in enumerate(paths, start=1):
        for step, hop in enumerate(way.hops, start=1):
            label = f"{number}.{step}" if len(paths) > 1 else str(step)
            one, other = node(hop.source), node(hop.target)
            edges.append(f"  {one} -> {other} [{_edge(hop, label)}];")
            if step == len(way.hops):
                ends.setdefault(other, way.row.outcome)
                if way.row.outcome == "administrator":
                    ends[other] = way.row.outcome
    yield "digraph access {"
    yield f"  graph [label={quoted(title(paths, start))}, labelloc=t, rankdir=TB];"
    yield '  node [shape=box, style="rounded,filled", fillcolor="#f4f6f9", color="#6c7787", fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=10, color="#465264"];'
    yield from nodes
    for name, outcome in sorted(ends.items(), key=lambda entry: int(entry[0][1:])):
        colours = ("#fae6f0", "#7d1147") if outcome == "administrator" else ("#fdf1dc", "#764800")
        yield f'  {name} [fillcolor="{colours[0]}", color="{colours[1]}", penwidth=2];'
    yield from edges
    yield "}"


def quoted(*lines: str) -> str:
    """A quoted string of DOT that shows these lines, whatever stands in them."""
    return '"' + "\\n".join(_escaped(line) for line in lines) + '"'


def _escaped(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def _name(who: Who | None) -> str:
    return "an identity that is not known" if who is None else who.name


def _node(who: Who | None) -> str:
    if who is None:
        return f"label={quoted(_name(who))}, style=dashed"
    place = ", ".join(part for part in (who.kind.replace("_", " "), who.scope_name) if part)
    return f"label={quoted(*filter(None, (who.name, place)))}, tooltip={quoted(who.arn or who.key)}"


def _edge(hop: Hop, label: str) -> str:
    verb = words.CATEGORIES.get(hop.category, hop.method or "reaches")
    lines = [f"{label} {verb}", *hop.actions]
    if hop.conditions:
        lines.append(f"if {', '.join(hop.conditions)}")
    text = f"label={quoted(*lines)}"
    if hop.why:
        text += f", tooltip={quoted(hop.why)}"
    return text + (", style=dashed" if hop.conditions or hop.target is None else "")

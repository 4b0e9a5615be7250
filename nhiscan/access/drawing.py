"""Draws escalation paths as SVG: boxes below each other, an arrow for each hop with what it needs beside it.

Downwards, so that a drawing is as wide as a telephone whatever the number of hops. Several paths of one principal hang
from one trunk. The drawing repeats what stands beside it as text, so all of it is one image to a screen reader, with a
title and a description. The same paths give the same bytes.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from nhiscan.access import words
from nhiscan.access.names import Who
from nhiscan.access.paths import Hop, Path
from nhiscan.text import plural, visible

MOST_PATHS = 8
"""Paths of one drawing; the last line says how many more there are."""
MOST_ACTIONS = 3  # beside one arrow

_WIDE = 340  # of a box
_PAD = 10
_TRUNK = 16  # from the edge of the first box to the trunk
_INDENT = 34  # of the boxes of several paths
_LINE = 16
_STEM = 22  # from the edge of a box to the arrow that leaves it
_NAME, _SMALL, _CODE = 13, 12, 12  # font sizes
_SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', Consolas, 'Liberation Mono', monospace"
_STYLE = """
.way-ground{fill:#fff}
@media (prefers-color-scheme:dark){
.way-ground{fill:#10151c}.way-box{fill:#19202a;stroke:#8591a2}.way-line{stroke:#b0bac8}.way-head{fill:#b0bac8}
.way-name,.way-code{fill:#e7ecf3}.way-soft{fill:#b0bac8}
.way-administrator{fill:#431230;stroke:#ffa3cf}.way-more{fill:#3a2a0c;stroke:#f2c56d}
.way-end-administrator{fill:#ffa3cf}.way-end-more{fill:#f2c56d}}
"""


class _Spot(NamedTuple):
    """Where drawing goes on: the left edge of the boxes, and the next free line."""

    x: int
    y: int


def svg(paths: Sequence[Path], start: Who, *, ident: str, standalone: bool = False) -> str:
    """The drawing of paths that start at one principal, in the order given. Without any it is that one box.

    ``ident`` makes the ids in it unique in its page. ``standalone``: a file of its own, which brings its colours for
    light and dark; else the page has them, as the classes ``way-...``.
    """
    drawn = paths[:MOST_PATHS]
    several = len(drawn) > 1
    parts: list[str] = []
    spot = _box(parts, _Spot(_PAD, _PAD), start, None)
    trunk = spot.y
    last = spot.y
    for number, way in enumerate(drawn, start=1):
        if several:
            spot = _Spot(_PAD + _INDENT, spot.y + 8)
        for step, hop in enumerate(way.hops, start=1):
            label = f"{number}.{step}" if several else str(step)
            ends = step == len(way.hops)
            branch = several and step == 1
            after, middle = _hop(parts, spot, hop, label, way if ends else None, branch=branch)
            last = middle if branch else last
            spot = after
    if several:
        x = _PAD + _TRUNK
        parts.insert(0, _line(x, trunk, x, last))
    if more := len(paths) - len(drawn):
        parts.append(_text(_PAD, spot.y + 22, f"and {plural(more, 'more path')}", "way-soft", _SMALL))
        spot = _Spot(spot.x, spot.y + 30)
    across, down = 2 * _PAD + _WIDE + (_INDENT if several else 0), spot.y + _PAD
    return "".join(_whole(parts, paths, start, ident, across, down, standalone=standalone))


def title(paths: Sequence[Path], start: Who) -> str:
    """What the drawing shows: ci-runner can become administrator in 2 steps."""
    name = visible(start.name)
    if not paths:
        return f"No path from {name} to more than it has is known"
    if len(paths) == 1:
        first = paths[0]
        can = "become administrator" if first.row.outcome == "administrator" else "get more than it has"
        return f"{name} can {can} in {plural(max(first.row.hops, len(first.hops)), 'step')}"
    return f"{plural(len(paths), 'path')} from {name} to more than it has"


def _whole(
    parts: Sequence[str], paths: Sequence[Path], start: Who, ident: str, across: int, down: int, *, standalone: bool
) -> Iterator[str]:
    namespace = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
    about = ". ".join(
        "; ".join(f"{number}. {_plain(words.hop(hop))}" for number, hop in enumerate(way.hops, start=1))
        for way in paths[:MOST_PATHS]
    )
    yield (
        f'<svg{namespace} class="way" role="img" aria-labelledby="{ident}-title {ident}-about" width="{across}"'
        f' height="{down}" viewBox="0 0 {across} {down}" font-family="{_SANS}">'
    )
    yield f'<title id="{ident}-title">{escape(_plain(title(paths, start)))}</title>'
    yield f'<desc id="{ident}-about">{escape(about or _plain(start.words))}.</desc>'
    if standalone:
        yield f'<style>{_STYLE}</style><rect class="way-ground" fill="#fff" width="{across}" height="{down}"/>'
    yield from parts
    yield "</svg>"
    if standalone:
        yield "\n"


def _hop(parts: list[str], spot: _Spot, hop: Hop, label: str, ends: Path | None, *, branch: bool) -> tuple[_Spot, int]:
    """The words of a hop, its arrow and the box it leads to. A branch comes from the trunk at the left.

    Gives where drawing goes on, and the height of the middle of the box.
    """
    verb = words.CATEGORIES.get(hop.category, hop.method or "reaches")
    actions = hop.actions
    lines = [(f"{label} {verb}", "way-soft", _SMALL)]
    lines += [(action, "way-code", _CODE) for action in actions[:MOST_ACTIONS]]
    more = len(actions) - MOST_ACTIONS
    if more > 0:
        lines.append((f"and {plural(more, 'more action')}", "way-soft", _SMALL))
    if hop.conditions:
        lines.append((f"if {', '.join(hop.conditions)}", "way-soft", _SMALL))
    top = spot.y
    at = spot.x + 2 if branch else spot.x + _STEM + 14
    y = top + (4 if branch else 8)
    for text, kind, size in lines:
        y += _LINE
        parts.append(_text(at, y, text, kind, size, room=spot.x + _WIDE - at))
    bottom = y + (8 if branch else 14)
    dashed = bool(hop.conditions) or hop.target is None
    after = _box(parts, _Spot(spot.x, bottom), hop.target, ends, itself=_itself(hop))
    middle = (bottom + after.y) // 2
    if branch:
        parts.append(_arrow(_PAD + _TRUNK, middle, spot.x, middle, dashed=dashed))
    else:
        parts.append(_arrow(spot.x + _STEM, top, spot.x + _STEM, bottom, dashed=dashed))
    return after, middle


def _itself(hop: Hop) -> bool:
    return hop.target is not None and hop.target.key == hop.source.key


def _box(parts: list[str], spot: _Spot, who: Who | None, ends: Path | None, *, itself: bool = False) -> _Spot:
    """A box with a name, what it is and where; the last one of a path also with what the path ends in."""
    lines = _lines(who, ends, itself=itself)
    height = _height(lines)
    tone = "" if ends is None else "administrator" if _to_administrator(ends) else "more"
    fill, stroke = _BOXES[tone]
    whole = lines[0][0] if who is None else who.name
    if who is not None and who.arn and who.arn != who.name:
        whole = f"{whole} ({who.arn})"
    shape = (
        f'<rect class="way-box{f" way-{tone}" if tone else ""}" x="{spot.x}" y="{spot.y}" width="{_WIDE}"'
        f' height="{height}" rx="6" fill="{fill}" stroke="{stroke}" stroke-width="{2 if tone else 1}"/>'
    )
    written = "".join(
        _text(spot.x + 12, spot.y + 19 + place * _LINE, text, kind, size, room=_WIDE - 24)
        for place, (text, kind, size) in enumerate(lines)
    )
    parts.append(f"<g><title>{escape(_plain(whole))}</title>{shape}{written}</g>")
    return _Spot(spot.x, spot.y + height)


def _lines(who: Who | None, ends: Path | None, *, itself: bool) -> list[tuple[str, str, int]]:
    """What stands in a box: text, class, size."""
    place = ", ".join(part for part in (who.kind.replace("_", " "), who.scope_name) if part) if who else ""
    if itself:
        place = f"itself: {place}" if place else "itself"
    lines = _named("an identity that is not known" if who is None else who.name)
    lines += [(place, "way-soft", _SMALL)] if place else []
    if ends is not None:
        admin = _to_administrator(ends)
        said = "administrator rights" if admin else "more rights than it had"
        lines.append((said, "way-end-administrator" if admin else "way-end-more", _SMALL))
        lines.append((words.standing(ends), "way-soft", _SMALL))
    return lines


def _named(name: str) -> list[tuple[str, str, int]]:
    """A name on one line. A long address has two: what stands after its @ says less than what stands before."""
    local, at, domain = name.rpartition("@")
    if local and width(_plain(name), _NAME) > _WIDE - 24:
        return [(local, "way-name", _NAME), (at + domain, "way-code", _CODE)]
    return [(name, "way-name", _NAME)]


def _height(lines: Sequence[object]) -> int:
    return 12 + _LINE * len(lines)


_BOXES = {
    "": ("#f4f6f9", "#6c7787"),
    "administrator": ("#fae6f0", "#7d1147"),
    "more": ("#fdf1dc", "#764800"),
}
"""Fill and edge of a box by what a path ends in there."""


def _to_administrator(way: Path) -> bool:
    return way.row.outcome == "administrator"


_INK = {"way-soft": "#465264", "way-end-administrator": "#7d1147", "way-end-more": "#764800"}


def _text(x: int, y: int, text: str, kind: str, size: int, *, room: int = _WIDE) -> str:
    font = f' font-family="{_MONO}"' if kind in ("way-name", "way-code") else ""
    weight = "" if kind in ("way-soft", "way-code") else ' font-weight="600"'
    whole = _plain(text)
    shown = cut(whole, room, size)
    hint = f"<title>{escape(whole)}</title>" if shown != whole else ""
    return (
        f'<text class="{kind}" x="{x}" y="{y}"{font} font-size="{size}"{weight} fill="{_INK.get(kind, "#18212f")}">'
        f"{hint}{escape(shown)}</text>"
    )


def _line(x: int, y: int, to_x: int, to_y: int, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path class="way-line" d="M{x} {y}L{to_x} {to_y}" fill="none" stroke="#465264" stroke-width="1.5"{dash}/>'


def _arrow(x: int, y: int, to_x: int, to_y: int, *, dashed: bool) -> str:
    """A line with a head, downwards or to the right."""
    if x == to_x:
        head = f"M{to_x} {to_y}l-5 -9h10z"
        line = _line(x, y, to_x, to_y - 9, dashed=dashed)
    else:
        head = f"M{to_x} {to_y}l-9 -5v10z"
        line = _line(x, y, to_x - 9, to_y, dashed=dashed)
    return line + f'<path class="way-head" d="{head}" fill="#465264"/>'


def _plain(text: str) -> str:
    """Text on one line, with nothing unseen in it and nothing that XML does not allow."""
    return visible(text).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def width(text: str, size: int) -> float:
    """How wide a text is at most, in pixels.

    By a fixed font, which no usual text font exceeds on average: 0.61 of the size for a letter, a little more than the
    size for the wide ones of East Asia, nothing for marks that combine.
    """
    return sum(_widths(text, size))


def cut(text: str, room: int, size: int) -> str:
    """The text, or as much of it as fits into ``room`` pixels with a mark that it was cut."""
    used = 0.0
    end = 0
    for place, wide in enumerate(_widths(text, size), start=1):
        used += wide
        if used <= room - 0.61 * size:
            end = place
        if used > room:
            return text[:end] + "\u2026"
    return text


def _widths(text: str, size: int) -> Iterator[float]:
    for letter in text:
        if unicodedata.combining(letter):
            yield 0.0
        else:
            yield size * (1.05 if unicodedata.east_asian_width(letter) in "WF" else 0.61)

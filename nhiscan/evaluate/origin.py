"""Where a rule's ``subject`` comes from, when its words show that: straight from the key of a row of its view.

The engine must know the number of every subject. Looking a long key up costs more than most rules do themselves. Where
the words prove that ``subject`` is the key of the row at hand, that row's rowid is carried along instead, as one column
more, and the rest of the rule's text runs as it was checked. What is not proven is looked up.
"""

from collections.abc import Iterator
from typing import NamedTuple

from nhiscan.rule.portable import AGGREGATES, Token, tokens

NUMBER = "nhiscan_rowid"
_JOINS = frozenset({"join", "left", "inner", "cross", "outer", "on", ","})
_ENDS = frozenset({"where", "group", "having", "order", "limit", "window"})
_OTHERWISE = frozenset({"with", "union", "intersect", "except", "right", "full", "natural"})
"""Words after which a row of the result is no longer one row of each table of FROM."""


class _Insertion(NamedTuple):
    offset: int
    text: str


class _Source(NamedTuple):
    """A table (``start`` is its name) or a sub-select (``start`` and ``end`` are its parentheses) of a FROM clause."""

    start: int
    end: int
    alias: str | None


def with_rowid(sql: str, view: str) -> str | None:
    """The SELECT with a column `NUMBER`, the rowid of the row of ``view`` whose key is the subject.

    None where that is not plain: the subject must be the key of a table of FROM, which is the view, or a column of the
    same kind of a sub-select in its place; nothing is grouped or united on the way. A row that a LEFT JOIN did not find
    has neither key nor rowid. (SQLite only.)
    """
    found = tokens(sql)
    insertions = _trace(found, 0, len(found), "subject", view)
    if insertions is None:
        return None
    for insertion in sorted(insertions, reverse=True):
        sql = sql[: insertion.offset] + insertion.text + sql[insertion.offset :]
    return sql


def _trace(found: list[Token], start: int, end: int, wanted: str, view: str) -> list[_Insertion] | None:
    """What to insert into the SELECT between two indexes, so that it delivers the rowid beside the column wanted."""
    if start >= end or found[start].text != "select":
        return None
    depth = found[start].depth
    own = [n for n in range(start, end) if found[n].depth == depth]
    words = {found[n].text for n in own if found[n].kind == "word"}
    if words & (_OTHERWISE | AGGREGATES) or "group" in words or found[start + 1].text == "distinct":
        return None
    first = next((n for n in own if found[n].text == "from"), None)
    if first is None:
        return None
    item = next((item for item in _items(found, start + 1, first, depth) if _name(item) == wanted), None)
    column = _column(item or [])
    if column is None:
        return None
    sources = list(_sources(found, first + 1, end, depth))
    named = [source for source in sources if source.alias == column[0] or (column[0] is None and len(sources) == 1)]
    if len(named) != 1:
        return None
    source = named[0]
    if found[source.start].text == "(":
        inner = _trace(found, source.start + 1, source.end, column[1], view)
        number = NUMBER
    else:
        inner = [] if found[source.start].text == view and column[1] == "key" else None
        number = "rowid"
    if inner is None or not source.alias:
        return None
    return [*inner, _Insertion(found[start].offset + len("select"), f" {source.alias}.{number} AS {NUMBER},")]


def _sources(found: list[Token], start: int, end: int, depth: int) -> Iterator[_Source]:
    """The tables and sub-selects of a FROM clause; ``end`` of a sub-select is the index of its closing parenthesis."""
    position = start
    while position < end:
        close = position
        if found[position].text == "(":
            close = next(n for n in range(position + 1, end) if found[n].text == ")" and found[n].depth == depth)
        alias = _alias(found, close + 1, end)
        if alias is None and found[position].kind == "word":
            alias = found[position].text
        yield _Source(position, close, alias)
        rest = (n for n in range(close + 1, end) if found[n].depth == depth)
        after = next((n for n in rest if found[n].text in _ENDS | {"join", ","}), end)
        if after < end and found[after].text in _ENDS:
            return
        position = after + 1


def _items(found: list[Token], start: int, end: int, depth: int) -> Iterator[list[Token]]:
    item: list[Token] = []
    for token in found[start:end]:
        if token.text == "," and token.depth == depth:
            yield item
            item = []
        else:
            item.append(token)
    yield item


def _name(item: list[Token]) -> str:
    """The name that a select item delivers: its alias, or that of the column."""
    return item[-1].text if item else ""


def _column(item: list[Token]) -> tuple[str | None, str] | None:
    """(table or None, column) of a select item that is a column and nothing else, with or without AS."""
    words = [token.text for token in item]
    if len(words) > 2 and words[-2] == "as":
        words, item = words[:-2], item[:-2]
    if any(token.kind != "word" and token.text != "." for token in item):
        return None
    if len(words) == 1:
        return None, words[0]
    return (words[0], words[2]) if len(words) == 3 and words[1] == "." else None


def _alias(found: list[Token], position: int, end: int) -> str | None:
    """The alias at an index, if one stands there."""
    if position < end and found[position].text == "as":
        position += 1
    if position < end and found[position].kind == "word" and found[position].text not in _JOINS | _ENDS:
        return found[position].text
    return None

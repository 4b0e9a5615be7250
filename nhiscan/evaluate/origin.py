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
"""Words after which a row of the result is no longer one row of the first table of FROM."""


class _Insertion(NamedTuple):
    offset: int
    text: str


def with_rowid(sql: str, view: str) -> str | None:
    """The SELECT with a column `NUMBER`, the rowid of the row of ``view`` whose key is the subject.

    None where that is not plain: the subject must be the key of the first table of FROM, which is the view, or a column
    of the same kind of a sub-select in its place; nothing is grouped or united on the way. (SQLite only.)
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
    source = next((item for item in _items(found, start + 1, first, depth) if _name(item) == wanted), None)
    column = _column(source or [])
    if column is None:
        return None
    name = found[first + 1 : end]
    if name[0].text == "(":
        close = next(n for n in range(first + 2, end) if found[n].text == ")" and found[n].depth == depth)
        alias, after = _alias(found, close + 1, end)
        inner = _trace(found, first + 2, close, column[1], view)
        number = NUMBER
    else:
        alias, after = _alias(found, first + 2, end)
        alias = alias or name[0].text
        inner = [] if name[0].text == view and column[1] == "key" else None
        number = "rowid"
    if inner is None or alias is None or (column[0] is None and after in _JOINS) or column[0] not in (None, alias):
        return None
    return [*inner, _Insertion(found[start].offset + len("select"), f" {alias}.{number} AS {NUMBER},")]


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


def _alias(found: list[Token], position: int, end: int) -> tuple[str | None, str]:
    """The alias at an index, if one stands there, and the word after it."""
    if position < end and found[position].text == "as":
        position += 1
    here = found[position].text if position < end else ""
    if position < end and found[position].kind == "word" and here not in _JOINS | _ENDS:
        return here, found[position + 1].text if position + 1 < end else ""
    return None, here

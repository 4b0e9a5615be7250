"""What a rule's SQL may say, as far as its words show: one SELECT that SQLite and PostgreSQL answer in the same way.

SQLite forgives much that PostgreSQL refuses or answers differently. What can be told from the words is refused here;
names, functions and access are left to the compiler (`nhiscan.rule.sandbox`).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

FUNCTIONS = frozenset(
    {"abs", "coalesce", "count", "length", "lower", "max", "min", "nullif", "replace", "substr", "sum", "trim"}
    | {
        "ltrim",
        "rtrim",
        "upper",
        "like",
        "row_number",
        "rank",
        "dense_rank",
        "lag",
        "lead",
        "first_value",
        "last_value",
    }
)
"""Functions that both databases know and answer alike (``like`` is the name of the operator LIKE)."""

AGGREGATES = frozenset({"count", "max", "min", "sum"})

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^']|'')*')
    |(?P<number>\d+(?![\w.]))
    |(?P<param>:[A-Za-z_]\w*)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<mark><>|!=|<=|>=|\|\||=(?!=)|[<>+\-*/%(),.])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_REFUSED_WORDS = {
    "glob": "GLOB exists in SQLite only; use LIKE or substr",
    "regexp": "REGEXP exists in SQLite only",
    "match": "MATCH exists in SQLite only",
    "rowid": "rowid exists in SQLite only; use the key",
    "oid": "oid is not a column of the inventory",
    "_rowid_": "_rowid_ exists in SQLite only; use the key",
    "collate": "COLLATE differs between databases; text is compared by code point",
    "true": "there are no truth values; columns hold 0 and 1",
    "false": "there are no truth values; columns hold 0 and 1",
    "isnull": "write IS NULL",
    "notnull": "write IS NOT NULL",
    "indexed": "INDEXED BY exists in SQLite only",
    "cast": "",  # judged below
    "current_time": "a rule reads no clock; use :as_of",
    "current_date": "a rule reads no clock; use :as_of",
    "current_timestamp": "a rule reads no clock; use :as_of",
    "insert": "a rule only reads: one SELECT",
    "update": "a rule only reads: one SELECT",
    "delete": "a rule only reads: one SELECT",
    "attach": "a rule only reads: one SELECT",
    "pragma": "a rule only reads: one SELECT",
    "values": "write SELECT ... UNION ALL SELECT ...",
}
_LOGIC = frozenset({"where", "on", "having", "and", "or", "not", "when"})
_ENDS = frozenset({"and", "or", "then", "group", "order", "union", "limit", "window", "join", "left", "inner", "cross"})
_CLAUSES = frozenset({"where", "group", "having", "order", "limit", "union", "intersect", "except", "window"})


class Token(NamedTuple):
    kind: str  # "text" | "number" | "param" | "word" | "mark"
    text: str  # words in lower case
    offset: int
    depth: int  # of parentheses around it


class Fault(NamedTuple):
    offset: int
    message: str


class SqlFault(Exception):
    """The SQL cannot be split into words. ``offset`` says where."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(offset, message)
        self.offset, self.message = offset, message


def tokens(sql: str) -> list[Token]:
    """The words of a rule's SQL without space and comments. Raises SqlFault at anything a rule has no use for."""
    return list(_tokens(sql))


@lru_cache(maxsize=512)  # a rule is split five times before it runs
def _tokens(sql: str) -> tuple[Token, ...]:
    found: list[Token] = []
    offset = depth = 0
    while offset < len(sql):
        match = _TOKEN.match(sql, offset)
        if match is None:
            raise SqlFault(offset, _no_token(sql[offset:]))
        kind, text = match.lastgroup or "", match.group()
        if kind != "space":
            if text == ")":
                depth -= 1
            found.append(Token(kind, text.lower() if kind == "word" else text, offset, depth))
            if text == "(":
                depth += 1
        offset = match.end()
    return tuple(found)


def _no_token(rest: str) -> str:
    first = rest[0]
    if first in '"`[':
        return f"{first} quotes a name in one database and a text in another; names need no quotes, texts take '...'"
    if first == ";":
        return "a rule is one SELECT; leave out the semicolon"
    if first == "'":
        return "text without its closing quote"
    if first in "?@$#":
        return f"{first} is no parameter here; parameters are named, like :as_of"
    if first.isdigit():
        return "only whole decimal numbers read alike in both databases"
    if rest.startswith("=="):
        return "write = instead of =="
    return f"unexpected character {first!r}"


def faults(sql: str) -> list[Fault]:
    """All that is refused by its words alone, in order of appearance."""
    try:
        found = tokens(sql)
    except SqlFault as fault:
        return [Fault(fault.offset, fault.message)]
    if not found:
        return [Fault(0, "the SQL is empty")]
    return sorted(_judge(found))


def _judge(found: list[Token]) -> Iterator[Fault]:
    if found[0].text not in ("select", "with"):
        yield Fault(found[0].offset, "a rule is one SELECT (or WITH ... SELECT)")
    for position, token in enumerate(found):
        before = found[position - 1] if position else None
        after = found[position + 1] if position + 1 < len(found) else None
        then = found[position + 2] if position + 2 < len(found) else None
        qualified = before is not None and before.text == "."
        if (
            token.kind == "text"
            and before is not None
            and before.kind == "word"
            and before.offset + len(before.text) == token.offset
        ):
            yield Fault(before.offset, f"{before.text}'...' is not a plain text")
        if token.kind == "word" and not qualified:
            if reason := _REFUSED_WORDS.get(token.text):
                yield Fault(token.offset, reason)
            yield from _word(found, position, token, after, then)
        if token.text in "/%" and not (
            after and (after.text == "nullif" or (after.kind == "number" and int(after.text)))
        ):
            yield Fault(
                token.offset,
                f"after {token.text} write a number or nullif(..., 0): databases differ on division by zero",
            )
    yield from _outer(found)
    yield from _truth(found)
    yield from _orders(found)
    yield from _groups(found)


def _word(found: list[Token], position: int, token: Token, after: Token | None, then: Token | None) -> Iterator[Fault]:
    text = after.text if after else ""
    if token.text == "is":
        words = [other.text for other in found[position + 1 : position + 4]]
        words = words[1:] if words[:1] == ["not"] else words
        if words[:1] != ["null"] and words[:2] != ["distinct", "from"]:
            yield Fault(
                token.offset, "IS takes NULL; to compare two values that may be null write IS [NOT] DISTINCT FROM"
            )
    elif token.text == "like":
        escaped = then is not None and then.text == "escape"
        if after is None or after.kind != "text" or ("\\" in text and not escaped):
            yield Fault(
                token.offset,
                "LIKE takes a literal pattern (a backslash only with ESCAPE); compare data with substr",
            )
    elif token.text == "in" and text != "(":
        yield Fault(token.offset, "IN takes a list or a SELECT in parentheses")
    elif token.text == "cast":
        if [other.text for other in _inside(found, position + 1)][-2:] != ["as", "text"]:
            yield Fault(
                token.offset,
                "CAST only to TEXT: a text that is no number is 0 in one database and an error in the other",
            )
    elif text == "(" and token.text in ("min", "max") and _commas(found, position + 1):
        yield Fault(token.offset, f"{token.text} of several values exists in SQLite only; write CASE")
    elif text == "(" and token.text == "substr":
        inside = _inside(found, position + 1)
        comma = next(
            (n for n, other in enumerate(inside) if other.text == "," and other.depth == found[position].depth + 1), 0
        )
        start = inside[comma + 1].text if comma and comma + 1 < len(inside) else "1"
        if start in ("-", "0"):
            yield Fault(token.offset, "substr counts from 1; other starts differ between databases")
    elif token.text in ("from", "join") and after and after.kind == "word" and then and then.text == "(":
        yield Fault(after.offset, f"{after.text}(...) is no table of the inventory")
    elif token.text in ("from", "join") and text == "(":
        end = position + 2 + len(_inside(found, position + 1))
        following = found[end + 1] if end + 1 < len(found) else None
        if following is None or following.kind != "word" or following.text in _ENDS | _CLAUSES | {"on", "where"}:
            yield Fault(token.offset, "a SELECT in FROM needs a name: (SELECT ...) AS name")


def _inside(found: list[Token], opening: int) -> list[Token]:
    """What stands between the parenthesis at an index and its partner."""
    if opening >= len(found) or found[opening].text != "(":
        return []
    depth = found[opening].depth
    end = next(
        (n for n in range(opening + 1, len(found)) if found[n].text == ")" and found[n].depth == depth), len(found)
    )
    return found[opening + 1 : end]


def _commas(found: list[Token], opening: int) -> int:
    return sum(token.text == "," and token.depth == found[opening].depth + 1 for token in _inside(found, opening))


def _outer(found: list[Token]) -> Iterator[Fault]:
    """ORDER BY and LIMIT around the whole: a result has no order, and LIMIT would cut the population."""
    for token, after in zip(found, [*found[1:], None], strict=True):
        if token.depth == 0 and token.kind == "word":
            if token.text == "limit":
                yield Fault(token.offset, "LIMIT at the outer level would cut the population")
            elif token.text == "order" and after and after.text == "by":
                yield Fault(token.offset, "ORDER BY at the outer level means nothing: results have no order")


def _truth(found: list[Token]) -> Iterator[Fault]:
    """``WHERE planned`` instead of ``WHERE planned = 1``: PostgreSQL has truth values of their own."""
    simple_case: list[bool] = []  # CASE x WHEN 1: the WHEN takes a value
    between: set[int] = set()  # depths at which the next AND belongs to BETWEEN
    for position, token in enumerate(found[:-1]):
        if token.kind == "mark":
            if token.text == ")":
                between.discard(token.depth + 1)
            continue
        if token.text == "case":
            simple_case.append(found[position + 1].text != "when")
        elif token.text == "end" and simple_case:
            simple_case.pop()
        elif token.text == "between":
            between.add(token.depth)
        if token.text == "and" and token.depth in between:
            between.discard(token.depth)
            continue
        if token.text not in _LOGIC or (token.text == "when" and simple_case and simple_case[-1]):
            continue
        if token.text == "on" and found[position + 1].text == "(":
            continue
        length = _operand(found, position + 1)
        end = found[position + 1 + length] if position + 1 + length < len(found) else None
        if length and (end is None or end.text == ")" or (end.kind == "word" and end.text in _ENDS)):
            yield Fault(found[position + 1].offset, "compare it, as in x = 1: a number is no truth value in PostgreSQL")


def _operand(found: list[Token], start: int) -> int:
    """How many tokens a lone column, number or parameter takes; 0 where something else stands."""
    first = found[start]
    if first.kind in ("number", "param"):
        return 1
    if first.kind != "word" or first.text in ("exists", "not", "case", "null", "select"):
        return 0
    following = [token.text for token in found[start + 1 : start + 3]]
    if following[:1] == ["("]:
        return 0
    return 3 if following[:1] == ["."] else 1


def _orders(found: list[Token]) -> Iterator[Fault]:
    """Nulls come first in one database and last in the other unless the order says where."""
    for position, token in enumerate(found[:-1]):
        if token.text != "order" or found[position + 1].text != "by" or token.depth == 0:
            continue
        item: list[Token] = []
        for other in [*found[position + 2 :], Token("mark", ")", 0, token.depth - 1)]:
            ends = other.depth < token.depth or (
                other.depth == token.depth and other.text in (",", "limit", "rows", "range", "groups")
            )
            if not ends:
                item.append(other)
                continue
            words = [part.text for part in item if part.text not in ("asc", "desc")]
            if words and words[-1] != "key" and words[-2:-1] != ["nulls"]:
                yield Fault(item[0].offset, "say where nulls come: NULLS FIRST or NULLS LAST")
            item = []
            if other.text != ",":
                break


def _groups(found: list[Token]) -> Iterator[Fault]:
    """With GROUP BY, each column selected outside an aggregate must be grouped by: SQLite picks any row's value."""
    for position, token in enumerate(found[:-1]):
        if token.text != "group" or found[position + 1].text != "by":
            continue
        level = token.depth
        start = next((n for n in range(position, -1, -1) if found[n].text == "select" and found[n].depth == level), 0)
        grouped = [tuple(part.text for part in item) for item in _items(found[position + 2 :], level)]
        if any(part[:1] and part[0].isdigit() for part in grouped):
            continue  # GROUP BY 1: by position
        for item in _items(found[start + 1 :], level):
            words = [part.text for part in item]
            alias = words[-1] if len(words) > 2 and words[-2] == "as" else None
            expression = tuple(words[:-2] if alias else words)
            if expression in grouped or (alias and (alias,) in grouped):
                continue
            for name, offset in _bare(item[: len(expression)]):
                if name not in grouped and name[-1:] not in grouped and not any(name == part[-1:] for part in grouped):
                    yield Fault(offset, f"{''.join(name)} is neither grouped by nor inside an aggregate")


def _items(found: list[Token], level: int) -> Iterator[list[Token]]:
    """Comma-separated items up to the next clause or the end of the level."""
    item: list[Token] = []
    for token in found:
        if token.depth < level or (token.depth == level and token.text in _CLAUSES | {"from", ")"}):
            break
        if token.depth == level and token.text == ",":
            yield item
            item = []
        elif token.text != "distinct" or item:
            item.append(token)
    if item:
        yield item


_NOT_COLUMNS = frozenset(
    {"case", "when", "then", "else", "end", "and", "or", "not", "null", "is", "in", "like", "escape", "between"}
    | {"distinct", "as", "text", "cast", "exists", "over", "filter"}
)


def _bare(item: list[Token]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Columns in an expression that stand outside aggregates, sub-selects and window definitions."""
    skip_to = -1
    position = 0
    while position < len(item):
        token = item[position]
        after = item[position + 1].text if position + 1 < len(item) else ""
        if position > skip_to and token.kind == "word":
            if after == "(" and token.text in AGGREGATES | {"exists", "over", "in", "filter"}:
                skip_to = position + 2 + len(_inside(item, position + 1))
            elif after == "(" or token.text in _NOT_COLUMNS:
                pass
            elif after == "." and position + 2 < len(item):
                yield (token.text, ".", item[position + 2].text), token.offset
                position += 2
            else:
                yield (token.text,), token.offset
        elif position > skip_to and token.text == "(" and after == "select":
            skip_to = position + 1 + len(_inside(item, position))
        position += 1

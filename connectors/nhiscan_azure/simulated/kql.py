"""The part of the Kusto Query Language that inventory queries need, read and carried out.

A table, then ``where``, ``project``, ``extend``, ``project-away``, ``order by``, ``take``, ``count``, ``distinct`` and
``summarize`` with ``count()``. What is not understood is refused, as Resource Graph refuses what it does not support:
no query is ever answered by guessing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nhiscan_azure.simulated.kqlwords import COMPARE, FUNCTIONS, KqlError, Row, Value, lower, sort_key

_TOKEN = re.compile(
    r"""\s*(?:(?P<comment>//[^\n]*)|(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<name>[A-Za-z_$][\w-]*)|(?P<sign>==|=~|!=|!~|<=|>=|[<>=()\[\],.|*!~]))""",
    re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True)
class Result:
    """``columns`` in order. ``paged`` is whether it can be continued: it shows ``id`` and takes no fixed number."""

    columns: tuple[str, ...]
    rows: list[Row]
    paged: bool


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def run(query: str, tables: Mapping[str, Callable[[], Iterable[Row]]], columns: Sequence[str]) -> Result:
    """The rows of a query over tables whose rows all have ``columns``. Raises KqlError."""
    return _Query(_tokens(query), tables, columns).run()


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    text = text.rstrip().rstrip(";")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if not text[at:].strip():
                break
            raise KqlError(f"query could not be parsed at {text[at : at + 12].strip()!r}")
        at = match.end()
        kind = str(match.lastgroup)
        if kind != "comment":
            found.append(_Token(kind, match[kind]))
    return found


class _Query:
    """One query on its way through its tokens."""

    def __init__(
        self, tokens: list[_Token], tables: Mapping[str, Callable[[], Iterable[Row]]], columns: Sequence[str]
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._tables = tables
        self._columns = list(columns)
        self._paged = True

    def run(self) -> Result:
        name = self._name()
        table = self._tables.get(name.lower())
        if table is None:
            raise KqlError(f"table {name!r} is not supported")
        rows = [dict(row) for row in table()]
        while self._peek():
            self._sign("|")
            step = self._name().lower()
            carry = getattr(self, "_do_" + step.replace("-", "_"), None)
            if carry is None:
                raise KqlError(f"operator {step!r} is not supported")
            rows = carry(rows)
        return Result(tuple(self._columns), rows, self._paged and "id" in self._columns)

    # --- operators ---

    def _do_where(self, rows: list[Row]) -> list[Row]:
        condition = self._or()
        return [row for row in rows if condition(row) is True]

    def _do_project(self, rows: list[Row]) -> list[Row]:
        made = list(self._assignments())
        self._columns = [name for name, _ in made]
        return [{name: value(row) for name, value in made} for row in rows]

    def _do_extend(self, rows: list[Row]) -> list[Row]:
        made = list(self._assignments())
        self._columns += [name for name, _ in made if name not in self._columns]
        return [{**row, **{name: value(row) for name, value in made}} for row in rows]

    def _do_project_away(self, rows: list[Row]) -> list[Row]:
        gone = set(self._names())
        self._columns = [name for name in self._columns if name not in gone]
        return [{name: row[name] for name in self._columns} for row in rows]

    def _do_distinct(self, rows: list[Row]) -> list[Row]:
        self._columns = self._names()
        seen: dict[str, Row] = {}
        for row in rows:
            seen.setdefault(repr([row[name] for name in self._columns]), {name: row[name] for name in self._columns})
        return list(seen.values())

    def _do_take(self, rows: list[Row]) -> list[Row]:
        self._paged = False
        token = self._next()
        if token.kind != "number":
            raise KqlError("take needs a number")
        return rows[: int(token.text)]

    _do_limit = _do_take

    def _do_count(self, rows: list[Row]) -> list[Row]:
        self._columns = ["Count"]
        return [{"Count": len(rows)}]

    def _do_summarize(self, rows: list[Row]) -> list[Row]:
        title = "count_"
        first = self._name()
        if self._is("="):
            self._sign("=")
            title, first = first, self._name()
        if first.lower() != "count":
            raise KqlError(f"aggregation {first!r} is not supported")
        self._sign("(")
        self._sign(")")
        by: list[tuple[str, Value]] = []
        if self._word("by"):
            by = list(self._assignments())
        counts: dict[str, tuple[Row, int]] = {}
        for row in rows:
            group = {name: value(row) for name, value in by}
            key = repr(list(group.values()))
            counts[key] = (group, counts.get(key, (group, 0))[1] + 1)
        if not by and not counts:
            counts[""] = ({}, 0)
        self._columns = [*(name for name, _ in by), title]
        return [{**group, title: number} for group, number in counts.values()]

    def _do_order(self, rows: list[Row]) -> list[Row]:
        if not self._word("by"):
            raise KqlError("order needs 'by'")
        keys: list[tuple[Value, bool]] = []
        while True:
            value = self._or()
            down = not self._word("asc")
            if down:
                self._word("desc")
            keys.append((value, down))
            if not self._is(","):
                break
            self._sign(",")
        for value, down in reversed(keys):
            rows = sorted(rows, key=sort_key(value), reverse=down)
        return rows

    _do_sort = _do_order

    def _assignments(self) -> Iterable[tuple[str, Value]]:
        while True:
            if self._peek(1) == _Token("sign", "=") and self._kind() == "name":
                name = self._name()
                self._sign("=")
                yield name, self._or()
            else:
                start = self._at
                value = self._or()
                used = self._tokens[start : self._at]
                names = [token.text for token in used if token.kind == "name"]
                if not all(token.kind == "name" or token.text == "." for token in used):
                    raise KqlError("an expression needs a name of its own")
                yield "_".join(names), value
            if not self._is(","):
                return
            self._sign(",")

    # --- expressions ---

    def _or(self) -> Value:
        left = self._and()
        while self._word("or"):
            left = _either(left, self._and())
        return left

    def _and(self) -> Value:
        left = self._compared()
        while self._word("and"):
            left = _both(left, self._compared())
        return left

    def _compared(self) -> Value:
        left = self._operand()
        token = self._peek()
        if token is None:
            return left
        sign = token.text.lower()
        if sign == "!" and (after := self._peek(1)) is not None:
            sign = "!" + after.text.lower()
            if sign not in COMPARE and sign != "!in":
                raise KqlError(f"operator {sign!r} is not supported")
            self._at += 1
        if sign in ("in", "!in"):
            return self._inside(left, negated=sign == "!in")
        compare = COMPARE.get(sign)
        if compare is None:
            return left
        self._at += 1
        right = self._operand()
        return lambda row: compare(left(row), right(row))

    def _inside(self, left: Value, *, negated: bool) -> Value:
        self._at += 1
        folded = self._is("~")
        if folded:
            self._at += 1
        self._sign("(")
        options = self._arguments()

        def found(row: Row) -> Any:
            value = left(row)
            several = [option(row) for option in options]
            if folded:
                return (lower(value) in [lower(one) for one in several]) != negated
            return (value in several) != negated

        return found

    def _arguments(self) -> list[Value]:
        """What stands up to the closing parenthesis."""
        found: list[Value] = []
        while not self._is(")"):
            found.append(self._or())
            if not self._is(")"):
                self._sign(",")
        self._sign(")")
        return found

    def _operand(self) -> Value:
        token = self._next()
        if token.kind == "string":
            text = _text(token.text)
            return lambda _: text
        if token.kind == "number":
            number = float(token.text) if "." in token.text else int(token.text)
            return lambda _: number
        if token == _Token("sign", "("):
            value = self._or()
            self._sign(")")
            return self._path(value)
        if token.kind != "name":
            raise KqlError(f"{token.text!r} was not expected")
        if self._is("("):
            return self._nothing() if token.text.lower() == "dynamic" else self._path(self._call(token.text))
        if token.text.lower() in ("true", "false"):
            truth = token.text.lower() == "true"
            return lambda _: truth
        name = token.text
        if name not in self._columns:
            raise KqlError(f"failed to resolve column {name!r}")
        return self._path(lambda row: row[name])

    def _path(self, value: Value) -> Value:
        while True:
            if self._is("."):
                self._sign(".")
                value = _inner(value, self._name())
            elif self._is("["):
                self._sign("[")
                token = self._next()
                if token.kind not in ("string", "number"):
                    raise KqlError("an index is a text or a number")
                value = _inner(value, _text(token.text) if token.kind == "string" else int(token.text))
                self._sign("]")
            else:
                return value

    def _call(self, name: str) -> Value:
        self._sign("(")
        values = self._arguments()
        if name.lower() == "not" and len(values) == 1:
            return lambda row: None if (truth := values[0](row)) is None else not truth
        called = FUNCTIONS.get(name.lower())
        if called is None:
            raise KqlError(f"unknown function {name!r}")
        least, most, function = called
        if not least <= len(values) <= most:
            raise KqlError(f"function {name!r} takes another number of arguments")
        return lambda row: function(*(value(row) for value in values))

    def _nothing(self) -> Value:
        """``dynamic(null)``: no value of the kind of an object."""
        self._sign("(")
        if self._name().lower() != "null":
            raise KqlError("dynamic() is supported with null alone")
        self._sign(")")
        return lambda _: None

    # --- tokens ---

    def _peek(self, ahead: int = 0) -> _Token | None:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else None

    def _kind(self) -> str:
        token = self._peek()
        return token.kind if token else ""

    def _is(self, sign: str) -> bool:
        return self._peek() == _Token("sign", sign)

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise KqlError("the query ends too early")
        self._at += 1
        return token

    def _sign(self, sign: str) -> None:
        token = self._next()
        if token != _Token("sign", sign):
            raise KqlError(f"{sign!r} was expected, not {token.text!r}")

    def _word(self, word: str) -> bool:
        token = self._peek()
        if token is not None and token.kind == "name" and token.text.lower() == word:
            self._at += 1
            return True
        return False

    def _name(self) -> str:
        token = self._next()
        if token.kind != "name":
            raise KqlError(f"a name was expected, not {token.text!r}")
        return token.text

    def _names(self) -> list[str]:
        found = [self._name()]
        while self._is(","):
            self._sign(",")
            found.append(self._name())
        for name in found:
            if name not in self._columns:
                raise KqlError(f"failed to resolve column {name!r}")
        return found


def _text(literal: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), literal[1:-1])


def _inner(value: Value, key: str | int) -> Value:
    def found(row: Row) -> Any:
        held = value(row)
        if isinstance(held, dict) and isinstance(key, str):
            return held.get(key)
        if isinstance(held, list) and isinstance(key, int):
            return held[key] if key < len(held) else None
        return None

    return found


def _either(left: Value, right: Value) -> Value:
    return lambda row: left(row) is True or right(row) is True


def _both(left: Value, right: Value) -> Value:
    return lambda row: left(row) is True and right(row) is True

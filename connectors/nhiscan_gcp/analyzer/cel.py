"""The Common Expression Language, as far as conditions of bindings and of identity providers use it: text to a tree.

Source: the CEL language definition, and "Attribute reference for IAM Conditions". Macros, maps and messages are read as
calls and fields that nobody here knows, so that what they say is open and never wrong.
"""

import re
from typing import NamedTuple

MOST_TEXT = 16_384
"""Characters of an expression that is read. Google takes fewer."""
MOST_NESTED = 40
"""Brackets inside brackets."""
MOST_DEPTH = 100
"""Of the tree. Google takes twelve logical operators at most."""


class BadExpression(ValueError):
    """The text is no expression."""


class Literal(NamedTuple):
    """A text, a whole number or a truth value; None stands for null and for numbers that no condition needs."""

    value: str | int | bool | None


class Name(NamedTuple):
    """An attribute by its path: ``resource.name``."""

    path: str


class Call(NamedTuple):
    """A function, or an operator by its sign; ``target`` where it is called on something."""

    function: str
    arguments: tuple["Expression", ...]
    target: "Expression | None" = None


class Many(NamedTuple):
    """A list."""

    items: tuple["Expression", ...]


Expression = Literal | Name | Call | Many

_DEEP = "the expression is nested deeper than any can be"
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>[rRbB]{0,2}(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])
    )""",
    re.VERBOSE,
)
_SPACE = re.compile(r"(?:\s|//[^\n]*(?:\n|$))*")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r"}
_RELATIONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


class _Token(NamedTuple):
    kind: str
    text: str


def parse(text: str) -> Expression:
    """Raises BadExpression."""
    if len(text) > MOST_TEXT:
        raise BadExpression("the expression is longer than any can be")
    reader = _Reader(_tokens(text))
    found = reader.expression()
    if reader.ahead.kind != "end":
        raise BadExpression(f"something follows the expression: {reader.ahead.text[:20]!r}")
    _measure(found)
    return found


def _measure(tree: Expression) -> None:
    """Refuses a tree that could not be walked."""
    left: list[tuple[Expression, int]] = [(tree, 1)]
    while left:
        one, depth = left.pop()
        if depth > MOST_DEPTH:
            raise BadExpression(_DEEP)
        if isinstance(one, Many):
            left.extend((item, depth + 1) for item in one.items)
        elif isinstance(one, Call):
            parts = (*one.arguments, *([one.target] if one.target is not None else []))
            left.extend((part, depth + 1) for part in parts)


def _tokens(text: str) -> list[_Token]:
    found = []
    at = _end(_SPACE, text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadExpression(f"no expression holds {text[at : at + 10]!r}")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = _end(_SPACE, text, match.end())
    return [*found, _Token("end", "")]


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


class _Reader:
    """One function for each level of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def ahead(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *signs: str) -> str | None:
        """The next token, where it is one of these signs or words."""
        ahead = self.ahead
        if ahead.kind in ("sign", "name") and ahead.text in signs:
            self._at += 1
            return ahead.text
        return None

    def _demand(self, sign: str) -> None:
        if self._take(sign) is None:
            raise BadExpression(f"{sign!r} is missing before {self.ahead.text[:20]!r}")

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise BadExpression(_DEEP)
        found = self._either()
        if self._take("?"):
            first = self.expression()
            self._demand(":")
            found = Call("?:", (found, first, self.expression()))
        self._depth -= 1
        return found

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._take("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Call("||", tuple(parts))

    def _both(self) -> Expression:
        parts = [self._relation()]
        while self._take("&&"):
            parts.append(self._relation())
        return parts[0] if len(parts) == 1 else Call("&&", tuple(parts))

    def _relation(self) -> Expression:
        found = self._sum()
        while sign := self._take(*_RELATIONS):
            found = Call(sign, (found, self._sum()))
        return found

    def _sum(self) -> Expression:
        found = self._unary()
        while sign := self._take("+", "-", "*", "/", "%"):  # no condition hangs on which of them binds closer
            found = Call(sign, (found, self._unary()))
        return found

    def _unary(self) -> Expression:
        signs = []
        while sign := self._take("!", "-"):
            signs.append(sign)
        found = self._member()
        for sign in reversed(signs):
            found = Call(sign, (found,))
        return found

    def _member(self) -> Expression:
        found = self._primary()
        while True:
            if self._take("."):
                name = self._name()
                if self._take("("):
                    found = Call(name, self._items(")"), found)
                elif isinstance(found, Name):
                    found = Name(f"{found.path}.{name}")
                else:
                    found = Call(".", (found, Literal(name)))
            elif self._take("["):
                found = Call("[]", (found, *self._items("]")))
            else:
                return found

    def _name(self) -> str:
        ahead = self.ahead
        if ahead.kind != "name":
            raise BadExpression(f"a name is missing before {ahead.text[:20]!r}")
        self._at += 1
        return ahead.text

    def _items(self, end: str) -> tuple[Expression, ...]:
        found = []
        while not self._take(end):
            found.append(self.expression())
            if not self._take(","):
                self._demand(end)
                break
        return tuple(found)

    def _primary(self) -> Expression:
        kind, text = self.ahead
        if self._take("("):
            found = self.expression()
            self._demand(")")
            return found
        if self._take("["):
            return Many(self._items("]"))
        self._take(".")
        kind, text = self.ahead
        self._at += 1
        if kind == "text":
            return Literal(_unquoted(text))
        if kind == "number":
            return Literal(int(text) if text.isdecimal() else None)
        if kind != "name":
            raise BadExpression(f"no expression begins with {text[:20]!r}" if text else "the expression breaks off")
        if text in ("true", "false", "null"):
            return Literal({"true": True, "false": False, "null": None}[text])
        if self._take("("):
            return Call(text, self._items(")"))
        return Name(text)


def _unquoted(text: str) -> str:
    start = text.find('"') if "'" not in text or -1 < text.find('"') < text.find("'") else text.find("'")
    prefix, body = text[:start].lower(), text[start + 1 : -1]
    if "r" in prefix:
        return body
    return _ESCAPE.sub(lambda one: chr(int(one[1] or one[2], 16)) if one[1] or one[2] else _letter(one[3]), body)


def _letter(letter: str) -> str:
    return _LETTERS.get(letter, letter)

"""How Microsoft Graph reads the options of a query: ``$select``, ``$filter``, ``$top``, ``$count``, ``$orderby``."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nhiscan_azure.simulated.answers import Refusal, bad_request, unsupported
from nhiscan_azure.simulated.shapes import properties

Json = dict[str, Any]
Test = Callable[[Json], bool]
MOST_OPTIONS = 15
"""Values that one ``in`` may hold."""

_TOKEN = re.compile(r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<word>[A-Za-z0-9_.:/-]+)|(?P<sign>[(),]))", re.ASCII)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "ge": lambda left, right: left is not None and bool(left >= right),
    "gt": lambda left, right: left is not None and bool(left > right),
    "le": lambda left, right: left is not None and bool(left <= right),
    "lt": lambda left, right: left is not None and bool(left < right),
}


class Options:
    """The query options of one call. A name that is not in ``known`` is refused."""

    def __init__(self, pairs: Sequence[tuple[str, str]], known: Sequence[str], *, eventual: bool) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name not in known and name != "$skiptoken":
                raise bad_request(f"Query option '{name}' is not allowed. To allow it, set the 'AllowedQueryOptions' "
                                  "property on EnableQueryAttribute or QueryValidationSettings.")  # fmt: skip
            if name in self._values:
                raise bad_request(f"Query option '{name}' was specified more than once, but it must be specified at "
                                  "most once.")  # fmt: skip
            self._values[name] = value
        self.eventual = eventual

    def one(self, name: str) -> str | None:
        return self._values.get(name)

    @property
    def counted(self) -> bool:
        """Whether the number of all items is asked for, and is given: that needs the header ConsistencyLevel."""
        return self.eventual and (self.one("$count") or "").lower() == "true"

    @property
    def selected(self) -> tuple[str, ...]:
        text = self.one("$select")
        return tuple(name.strip() for name in text.split(",")) if text else ()

    def top(self, default: int, most: int, *, lowers: bool = False) -> int:
        """Items on a page. A size above ``most`` is refused, or quietly lowered."""
        text = self.one("$top")
        if text is None:
            return min(default, most)
        if not text.isdigit():
            raise bad_request(f"Invalid value '{text}' for $top query option found.")
        size = int(text)
        if lowers and size > most:
            return most
        if not 1 <= size <= most:
            raise unsupported(f"Invalid page size specified: '{size}'. Must be between 1 and {most} inclusive.")
        return size

    def walk(self) -> list[tuple[str, str]]:
        """What a next link repeats."""
        return sorted((name, value) for name, value in self._values.items() if name != "$skiptoken")

    def filter(self, entity: str) -> Test | None:
        text = self.one("$filter")
        if text is None:
            return None
        return _Filter(text, entity, advanced=self.counted).parse()

    def ordered(self, items: list[Json], entity: str) -> list[Json]:
        text = self.one("$orderby")
        if text is None:
            return items
        name, _, direction = text.partition(" ")
        _known(entity, name)
        return sorted(items, key=lambda item: str(item.get(name) or ""), reverse=direction == "desc")


def check_selected(entity: str, names: Sequence[str]) -> None:
    """Refuse what the type does not have."""
    for name in names:
        _known(entity, name)


def shown(item: Mapping[str, Any], entity: str, names: Sequence[str]) -> Json:
    """The selected properties of an item, null or empty where it holds none; ``id`` only where it is selected."""
    kind = str(item.get("@odata.type", "")).rpartition(".")[2] or entity
    declared = properties(kind)
    found = {name: value for name, value in item.items() if name.startswith("@odata")}
    for name in names:
        if name in declared:
            found[name] = item.get(name, [] if declared[name] else None)
    return found


def _known(entity: str, name: str) -> bool:
    declared = properties(entity)
    if name not in declared:
        raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.{entity}'.")
    return declared[name]


class _Filter:
    """One ``$filter``: comparisons, ``in``, startswith, endswith, ``any`` over texts, and, or, not."""

    def __init__(self, text: str, entity: str, *, advanced: bool) -> None:
        self._text = text
        self._entity = entity
        self._advanced = advanced
        self._tokens = list(self._read())
        self._at = 0

    def parse(self) -> Test:
        test = self._or()
        if self._at != len(self._tokens):
            raise self._invalid()
        return test

    def _read(self) -> list[tuple[str, str]]:
        found = []
        at = 0
        while at < len(self._text.rstrip()):
            match = _TOKEN.match(self._text, at)
            if match is None:
                raise self._invalid()
            found.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()
        return found

    def _or(self) -> Test:
        tests = [self._and()]
        while self._word("or"):
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def _and(self) -> Test:
        tests = [self._single()]
        while self._word("and"):
            tests.append(self._single())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _single(self) -> Test:
        if self._word("not"):
            self._needs_advanced()
            test = self._single()
            return lambda item: not test(item)
        if self._sign("("):
            test = self._or()
            self._expect(")")
            return test
        kind, text = self._next()
        if kind != "word":
            raise self._invalid()
        if text.lower() in ("startswith", "endswith"):
            return self._edge(text.lower())
        if "/" in text:
            return self._any(text)
        _known(self._entity, text)
        return self._compare(text)

    def _compare(self, name: str) -> Test:
        _, operator = self._next()
        if operator.lower() == "in":
            self._expect("(")
            options = [self._literal()]
            while self._sign(","):
                options.append(self._literal())
            self._expect(")")
            if len(options) > MOST_OPTIONS:
                raise unsupported(
                    "Too many child clauses specified in search filter expression containing 'OR' operators: "
                    f"{len(options)}. Max allowed: {MOST_OPTIONS}."
                )
            return lambda item: item.get(name) in options
        compare = _OPERATORS.get(operator.lower())
        if compare is None:
            raise self._invalid()
        if operator.lower() == "ne":
            self._needs_advanced()
        value = self._literal()
        return lambda item: compare(item.get(name), value)

    def _edge(self, function: str) -> Test:
        if function == "endswith":
            self._needs_advanced()
        self._expect("(")
        _, name = self._next()
        _known(self._entity, name)
        self._expect(",")
        value = str(self._literal()).lower()
        self._expect(")")
        if function == "startswith":
            return lambda item: str(item.get(name) or "").lower().startswith(value)
        return lambda item: str(item.get(name) or "").lower().endswith(value)

    def _any(self, text: str) -> Test:
        name, _, function = text.partition("/")
        if not _known(self._entity, name) or function != "any":
            raise self._invalid()
        self._expect("(")
        _, lambda_text = self._next()
        variable, _, compared = lambda_text.partition(":")
        if compared != variable:
            raise self._invalid()
        _, operator = self._next()
        if operator != "eq":
            raise self._invalid()
        value = self._literal()
        self._expect(")")
        return lambda item: value in (item.get(name) or [])

    def _literal(self) -> Any:
        kind, text = self._next()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind != "word":
            raise self._invalid()
        return {"true": True, "false": False, "null": None}.get(text, text)

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self._invalid()
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self, word: str) -> bool:
        return self._take("word", word)

    def _sign(self, sign: str) -> bool:
        return self._take("sign", sign)

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._invalid()

    def _needs_advanced(self) -> None:
        if not self._advanced:
            raise unsupported("Unsupported or invalid query filter clause specified: the query needs the header "
                              "ConsistencyLevel: eventual and $count=true.")  # fmt: skip

    def _invalid(self) -> Refusal:
        return bad_request(f"Invalid filter clause: {self._text[:80]!r}.")

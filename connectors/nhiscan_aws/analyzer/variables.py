"""Policy variables: ``${aws:username}``, ``${aws:PrincipalTag/team, 'nobody'}``, and ``${*}`` for a plain star.

Source: IAM User Guide, "IAM policy elements: Variables and tags". A variable without a value makes its text match
nothing, unless a default is given. Only single-valued keys can stand in a variable.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from nhiscan_aws.analyzer.patterns import escaped

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT = re.compile(r"\s*(.*?)\s*,\s*'(.*)'\s*", re.DOTALL)
_PLAIN = ("*", "?", "$")


class Variable(NamedTuple):
    key: str  # lower case
    default: str | None


class Template(NamedTuple):
    """A text with variables in it."""

    text: str  # as written
    parts: tuple[str | Variable, ...]

    def fill(self, get: Callable[[str], Any]) -> tuple[str, bool] | None:
        """(the text, whether all of it is certain): ``*`` stands where a value is not known. None: matches nothing."""
        found = []
        certain = True
        for part in self.parts:
            if isinstance(part, str):
                found.append(part)
                continue
            value = get(part.key)
            if isinstance(value, tuple) and len(value) == 1:
                found.append(escaped(value[0]))
            elif value == ():
                if part.default is None:
                    return None
                found.append(escaped(part.default))
            else:
                found.append("*")
                certain = False
        return "".join(found), certain


def template(text: str) -> str | Template:
    """A text with its variables told apart; the text itself, where it holds none but ``${*}``, ``${?}``, ``${$}``."""
    parts: list[str | Variable] = []
    at = 0
    for match in _VARIABLE.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        inside = match.group(1)
        if inside in _PLAIN:
            parts.append(escaped(inside))
            continue
        default = _DEFAULT.fullmatch(inside)
        name = default.group(1) if default else inside.strip()
        parts.append(Variable(name.lower(), default.group(2) if default else None))
    parts.append(text[at:])
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts)
    return Template(text, tuple(part for part in parts if part))

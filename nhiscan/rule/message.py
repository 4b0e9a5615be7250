"""Fills the placeholders of messages and commands with facts. Never raises on what a cloud delivered.

A placeholder is ``{fact}`` or ``{fact:style}``; ``{{`` and ``}}`` stand for braces. Styles for times (epoch seconds):

``date``      2026-01-31 (UTC)
``time``      2026-01-31 13:45 UTC
``days``      whole days from then to ``as_of``: 123
``ago``       123 days ago, today, in 5 days
``duration``  for a length in seconds: 3 days, 5 hours, 2 minutes

Styles for texts:

``words``     for kinds: ``access_key`` reads "access key"
``list``      a JSON list of texts, or texts joined by commas: a, b and c (five at most, the rest is counted)
``doubts``    reason codes of access ("scp-unread"), in words
``steps``     `nhiscan.model.EscalationPath.steps`: why each hop is possible, numbered where there are several

In a message a part in square brackets that names a fact is left out, brackets and all, when one of its facts is None:
``[, last used on {used_at:date}]``.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any

from nhiscan.doubts import reasons
from nhiscan.text import visible

Value = str | int | None
DAY = 86400
_LISTED = 5
"""Items that the style ``list`` names."""
_CLAUSE = re.compile(r"\[([^\[\]]*\{[^\[\]]*)\]")


class TemplateError(ValueError):
    """A template that cannot be used. Raised when a rule is loaded, not when facts are filled in."""


def placeholders(template: str) -> Iterator[tuple[str, str]]:
    """(fact, style) of each placeholder. Raises TemplateError."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise TemplateError(f"{error} (write {{{{ and }}}} for braces)") from error
    for _, name, style, conversion in parts:
        if name is None:
            continue
        if conversion or not name.isidentifier():
            raise TemplateError(
                f"placeholder {{{name}{'!' + conversion if conversion else ''}}} is not {{fact}} or {{fact:style}}"
            )
        if style and style not in STYLES and style not in TEXT_STYLES:
            known = ", ".join((*STYLES, *TEXT_STYLES))
            raise TemplateError(f"unknown style {style!r} of {{{name}}}; known: {known}")
        yield name, style or ""


def sentence(template: str, facts: Mapping[str, Value]) -> str:
    """The message with its facts. A fact that is None or missing reads "unknown"; unseen characters are shown."""

    def clause(found: re.Match[str]) -> str:
        known = all(_styled(facts.get(name), style, 0) is not None for name, style in placeholders(found[1]))
        return found[1] if known else ""

    whole = _CLAUSE.sub(clause, template)
    return _fill(whole, facts, lambda _, text: "unknown" if text is None else visible(text))


def commands(templates: Iterable[str], facts: Mapping[str, Value]) -> tuple[str, ...]:
    """The commands with their facts, each fact quoted for a POSIX shell, so that no name can become a command.

    A command that names a fact which is None is left out: it is about something that this subject does not have.
    """
    return tuple(
        _fill(template, facts, lambda _, text: shell_word(text or ""))
        for template in templates
        if all(facts.get(name) is not None for name, _ in placeholders(template))
    )


def shell_word(text: str) -> str:
    """One word of a POSIX shell. Unseen characters are written out, as ``visible`` does, so that a terminal that
    shows the command does not obey them; such a name cannot be used by copying the command.
    """
    return shlex.quote(visible(text))


def _fill(template: str, facts: Mapping[str, Value], show: Callable[[str, str | None], str]) -> str:
    out: list[str] = []
    for literal, name, style, _ in Formatter().parse(template):
        out.append(literal)
        if name is not None:
            out.append(show(name, _styled(facts.get(name), style or "", facts.get("as_of"))))
    return "".join(out)


def _styled(value: Value, style: str, as_of: Value) -> str | None:
    if value is None:
        return None
    if style in TEXT_STYLES:
        return TEXT_STYLES[style](str(value))
    if not style or not isinstance(value, int):
        return str(value)
    return STYLES[style](value, as_of if isinstance(as_of, int) else 0)


def _date(value: int, _: int) -> str | None:
    moment = _moment(value)
    return None if moment is None else moment.strftime("%Y-%m-%d")


def _time(value: int, _: int) -> str | None:
    moment = _moment(value)
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def _moment(value: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # outside the calendar


def _days(value: int, as_of: int) -> str:
    return str(int((as_of - value) / DAY))


def _ago(value: int, as_of: int) -> str:
    days = int((as_of - value) / DAY)
    if not days:
        return "today"
    return f"{_count(days, 'day')} ago" if days > 0 else f"in {_count(-days, 'day')}"


def _duration(value: int, _: int) -> str:
    for length, unit in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if abs(value) >= length:
            return _count(int(value / length), unit)
    return _count(value, "second")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _words(text: str) -> str:
    return text.replace("_", " ")


def _list(text: str) -> str:
    found = _json_list(text)
    items = text.split(",") if found is None else [item for item in found if isinstance(item, str)]
    shown = [item.strip() for item in items[:_LISTED]]
    if more := len(items) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def _steps(text: str) -> str:
    hops = [hop for hop in _json_list(text) or () if isinstance(hop, dict)]
    whys = [str(hop.get("why") or hop.get("method") or "a step").rstrip(". ") for hop in hops]
    if len(whys) < 2:
        return whys[0] if whys else text
    return "; ".join(f"{number}. {why}" for number, why in enumerate(whys, start=1))


def _json_list(text: str) -> list[Any] | None:
    """None for what is no JSON list. Lists in facts are made by analyzers, but a message never fails."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


TEXT_STYLES: Mapping[str, Callable[[str], str]] = {
    "words": _words,
    "list": _list,
    "doubts": reasons,
    "steps": _steps,
}

STYLES: Mapping[str, Callable[[int, int], str | None]] = {
    "date": _date,
    "time": _time,
    "days": _days,
    "ago": _ago,
    "duration": _duration,
}

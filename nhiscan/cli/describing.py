"""What somebody may do, told as text: an identity's rights at length, and the answer to one question."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from nhiscan.access import words
from nhiscan.access.explanation import Explanation, codes
from nhiscan.access.names import Names, Who
from nhiscan.access.paths import Path, object_of, strings
from nhiscan.access.principal import Principal
from nhiscan.analyzer import Deciding, Decision
from nhiscan.doubts import reasons
from nhiscan.model import ACCESS_LEVELS, EffectiveAccess, Privilege
from nhiscan.text import plural, visible

MOST_LISTED = 20
"""Identities that are named of those it reaches, and capabilities of one sort; JSON holds all of them."""
MOST_PATHS = 10
MOST_ACTIONS = 3  # of one capability


class Page:
    """Lines of text. Prose is wrapped at ``width`` (None: not at all), indented by a hanging indent."""

    def __init__(self, width: int | None) -> None:
        self._width = width
        self.lines: list[str] = []

    def say(self, text: str, *, first: str = "", rest: str | None = None) -> None:
        """One paragraph: ``first`` stands before its first line, blanks of the same length (or ``rest``) below."""
        below = " " * len(first) if rest is None else rest
        flat = visible(" ".join(text.split(" ")))
        if self._width is None:
            self.lines.append((first + flat).rstrip())
            return
        self.lines += textwrap.wrap(
            flat,
            max(self._width, 40),
            initial_indent=first,
            subsequent_indent=below,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [first.rstrip()]

    def fact(self, heading: str, text: str) -> None:
        if text:
            self.say(text, first=f"  {heading}:".ljust(18))

    def head(self, text: str) -> None:
        self.lines.append("")
        self.say(text)

    def text(self) -> Iterator[str]:
        return (f"{line}\n" for line in self.lines)


def called(one: Principal | Who, names: Names) -> str:
    """Who it is: user ci-runner (arn:...) in acme-prod."""
    name = one.name if one.kind in ("", one.name) else f"{one.kind.replace('_', ' ')} {one.name}"
    place = names.scope(one.scope) if one.scope else ""
    return name + (f" ({one.arn})" if one.arn and one.arn != one.name else "") + (f" in {place}" if place else "")


def described(found: Explanation, names: Names, notes: Iterable[str], width: int | None) -> Iterator[str]:
    """The explanation of one identity, as lines."""
    page = Page(width)
    page.say(called(found.principal, names))
    for note in notes:
        page.fact("Note", note)
    _level(page, found, names)
    _paths(page, found.paths)
    _held(page, "May do", [row for row in found.access if row.effect == "allowed"], names)
    _held(page, "Would do, but is held back", [row for row in found.access if row.effect != "allowed"], names)
    if found.trust:
        page.head(f"Who may become it by its trust policy: {len(found.trust)}")
        for row in found.trust[:MOST_LISTED]:
            guard = ", ".join(word for word in ("another scope" if row.external else "", row.width or "") if word)
            text = f"{row.principal_kind} {row.principal}" + (f" ({guard})" if guard else "")
            page.say(text + words.conditions(object_of(row.conditions)), first="  - ")
        _more(page, len(found.trust))
    privilege = found.privilege
    _group(page, "Can become", found.reaches, privilege.reaches if privilege else None, names)
    _group(page, "Who can become it", found.reached_by, privilege.reached_by if privilege else None, names)
    if found.right_sized is not None:
        page.head("A policy with what it has used and nothing more: add --right-sized")
    return page.text()


def _level(page: Page, found: Explanation, names: Names) -> None:
    row = found.privilege
    if row is None:
        group = found.principal.kind == "group"
        why = (
            "none of its own: its members have what it gives"
            if group
            else "not worked out: nobody judged this identity"
        )
        page.fact("Level", why)
        return
    level = words.LEVELS.get(row.level, row.level)
    if row.path and row.hops:
        level += f" in {plural(row.hops, 'step')}"
    page.fact("Level", f"{level}; {row.confidence}{_because(row.reason)}")
    page.fact("Own rights", _services(row))
    if row.effect != "allowed":
        limits = ", ".join(words.limits(row.limited_by, names)) or words.EFFECTS.get(row.effect, row.effect)
        page.fact("Held back", f"{words.LEVELS.get(row.granted, row.granted)}, by {limits}")
    owner = found.principal.owner or "none known"
    page.fact(
        "Owner", owner + (f"; a {found.principal.nature}" if found.principal.nature in ("machine", "person") else "")
    )


def _because(reason: str | None) -> str:
    why = reasons(codes(reason))
    return f", because {why}" if why else ""


def _services(row: Privilege) -> str:
    """What it may do by itself, the highest level first: permissions management, write on s3; read on everything."""
    given: dict[str, list[str]] = {}  # services -> levels
    services = object_of(row.services)
    for level in sorted(services, key=_height):
        listed = services[level] if isinstance(services[level], list) else [services[level]]
        shown = ", ".join("everything" if name == "*" else str(name) for name in listed[:MOST_LISTED])
        more = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
        given.setdefault(shown + more, []).append(words.LEVELS.get(level, level))
    return "; ".join(f"{', '.join(levels)} on {listed}" for listed, levels in given.items()) or "none"


def _height(level: str) -> tuple[int, str]:
    return (ACCESS_LEVELS.index(level) if level in ACCESS_LEVELS else len(ACCESS_LEVELS), level)


def _paths(page: Page, paths: Sequence[Path]) -> None:
    if not paths:
        return
    page.head(f"Ways to more than it has: {len(paths)}")
    for number, way in enumerate(paths[:MOST_PATHS], start=1):
        page.say(f"{words.outcome(way)}: {words.way(way)} ({words.standing(way)})", first=f"  {number}. ", rest="     ")
        for step, hop in enumerate(way.hops, start=1):
            page.say(hop.why or words.hop(hop), first=f"     {number}.{step} ")
            for allow in hop.allows:
                page.say(words.allowed_by(allow), first="         - ")
            if hop.needs:
                page.say(f"needs {hop.needs}", first="         - ")
        if way.row.reason:
            page.say(f"not proven: {reasons(codes(way.row.reason))}", first="     ")
        if way.weakest:
            page.say(f"to break it: {words.weakest(way.weakest)}", first="     ")
    if len(paths) > MOST_PATHS:
        page.say(f"and {len(paths) - MOST_PATHS} more; --format json has all of them", first="  ")


def _held(page: Page, heading: str, rows: Sequence[EffectiveAccess], names: Names) -> None:
    if not rows:
        return
    page.head(f"{heading}: {len(rows)}")
    for row in rows[:MOST_LISTED]:
        source = names.source(row.via)
        text = _capability(row)
        text += f", by {source.words}" + (f", statement {row.statement}" if row.statement else "")
        text += words.conditions(strings(row.conditions))
        if row.effect != "allowed":
            text += f"; {', '.join(words.limits(row.limited_by, names)) or words.EFFECTS.get(row.effect, row.effect)}"
        text += f"; {row.confidence}{_because(row.reason)}" if row.confidence != "proven" else ""
        page.say(text, first="  - ")
    _more(page, len(rows))


def _capability(row: EffectiveAccess) -> str:
    """Write in s3, sqs: 12 actions, such as s3:PutObject, on arn:aws:s3:::reports/*."""
    what = words.CAPABILITIES.get(row.capability, row.capability)
    if row.capability == "unknown":
        return what
    if row.capability == "level":
        services = "every service" if row.service == "*" else row.service.replace(",", ", ")
        what = f"{words.LEVELS.get(row.level, row.level)} in {services}"
    actions = row.action.split(",")
    if len(actions) > MOST_ACTIONS:
        said = f"{plural(row.actions, 'action')}, such as {', '.join(actions[:MOST_ACTIONS])},"
    else:
        said = ", ".join(actions)
    return f"{what}: {said} on {row.resource}"


def _group(page: Page, heading: str, listed: Sequence[Who] | None, counted: int | None, names: Names) -> None:
    number = len(listed) if listed is not None else counted
    if number is None:
        return
    page.head(f"{heading}: {plural(number, 'identity').replace('identitys', 'identities')}")
    for who in sorted(listed or (), key=lambda who: (who.scope, who.kind, who.name, who.key))[:MOST_LISTED]:
        page.say(called(who, names), first="  - ")
    if listed:
        _more(page, number)


def _more(page: Page, number: int) -> None:
    if number > MOST_LISTED:
        page.say(f"and {number - MOST_LISTED} more; --format json has all of them", first="  ")


def answered(question: str, decision: Decision, names: Names, notes: Iterable[str], width: int | None) -> Iterator[str]:
    """The answer to one question: the verdict is the first word."""
    page = Page(width)
    page.say(f"{decision.verdict}: {question}")
    for note in notes:
        page.fact("Note", note)
    if decision.explanation:
        page.fact("Why", decision.explanation)
    for one in decision.statements:
        page.fact(_EFFECTS.get(one.effect, one.effect), deciding(one, names))
    if decision.reasons:
        page.fact("Not certain", reasons(decision.reasons))
    return page.text()


_EFFECTS = {"allow": "Allowed by", "deny": "Denied by", "no-allow": "Not allowed by"}


def deciding(one: Deciding, names: Names) -> str:
    """A statement that decides, in words: statement 1 of inline policy deploy of user ci-runner.

    Where no statement decides but the want of one, the layer that has none.
    """
    layer = words.LAYERS.get(one.layer, one.layer.replace("_", " "))
    source = names.source(one.source)
    if one.effect == "no-allow":
        return f"{layer}, where no statement allows it" + (f" ({one.name})" if one.name else "")
    if source.kind == "trust" and one.layer != "trust":
        source = source._replace(kind="")
    named = source.words if source.kind else f"{layer} {one.name or source.name}"
    return (f"statement {one.statement} of " if one.statement else "") + named + words.conditions(one.conditions)

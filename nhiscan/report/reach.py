"""What identities can really do and become: tables of 03-population, and the section of the report with drawings.

All of it follows from the tables ``privilege`` and ``escalation_path``, which the analyzers filled.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from nhiscan.access import drawing, words
from nhiscan.access.explanation import codes
from nhiscan.access.names import Names
from nhiscan.access.paths import WORST_FIRST, Path, object_of, paths, strings
from nhiscan.doubts import reasons
from nhiscan.inventory import Sql
from nhiscan.model import CONFIDENCES, PRIVILEGE_LEVELS
from nhiscan.report.tables import Cell, time_cell

if TYPE_CHECKING:
    from markupsafe import Markup

CAP_DRAWN = 21
"""Paths that are drawn, of all providers together: seven of each where there are three."""
CAP_NAMED = 5  # identities that are named beside a drawing, of those that can go the same way
CAP_PEOPLE = 200  # rows of the table of administrators

ACCESS_COLUMNS = (
    "identity", "provider", "scope", "scope_name", "type", "name", "arn", "nature", "owner", "level", "granted",
    "effect", "held_back_by", "path", "hops", "reaches", "reached_by", "services", "conditional", "confidence",
    "not_proven_because", "first_seen", "confirmed",
)  # fmt: skip
PATH_COLUMNS = (
    "path", "provider", "scope", "scope_name", "identity", "type", "name", "arn", "method", "category", "outcome",
    "grade", "hops", "targets", "target", "target_name", "way", "why", "actions", "break_action", "break_policy",
    "break_policy_arn", "break_holder", "break_statement", "needs", "conditions", "confidence", "not_proven_because",
    "first_seen", "confirmed",
)  # fmt: skip


def access(sql: Sql, names: Names) -> Iterator[tuple[Cell, ...]]:
    """How far the rights of every identity of the planned scopes go: `ACCESS_COLUMNS`."""
    rows = sql.rows(
        """SELECT v.key, s.provider, v.scope, i.kind, i.name, i.arn, i.nature, o.value, v.level, v.granted, v.effect,
        v.limited_by, v.path, v.hops, v.reaches, v.reached_by, v.services, v.conditional, v.confidence, v.reason,
        v.first_seen_at, v.confirmed
        FROM privilege v LEFT JOIN scope s ON s.key = v.scope LEFT JOIN identity i ON i.key = v.key
        LEFT JOIN owner o ON o.key = v.key WHERE v.planned = 1 ORDER BY v.key"""
    )
    for row in rows:
        yield (
            *row[:3],
            names.scope(row[2]),
            *row[3:11],
            "; ".join(words.limits(row[11], names)),
            *row[12:16],
            _services(row[16]),
            *row[17:19],
            reasons(row[19]),
            time_cell(row[20]),
            row[21],
        )


def _services(text: str | None) -> str:
    """The level and the services it holds for: read s3, sqs; write *."""
    given = object_of(text)
    return "; ".join(
        f"{level} {', '.join(str(name) for name in services)}"
        for level, services in sorted(given.items())
        if isinstance(services, list)
    )


def escalation_paths(sql: Sql, names: Names) -> Iterator[tuple[Cell, ...]]:
    """Every path of the planned scopes, in words: `PATH_COLUMNS`."""
    state = sql.rows("SELECT first_seen_at, confirmed FROM escalation_path WHERE planned = 1 ORDER BY key")
    providers: dict[str, str] = dict(sql.rows("SELECT key, provider FROM scope"))
    for way, (first_seen, confirmed) in zip(paths(sql, names, "planned = 1", {}, "key"), state, strict=True):
        row, weakest = way.row, way.weakest
        yield (
            row.key,
            providers.get(row.scope),
            row.scope,
            names.scope(row.scope),
            row.principal,
            way.principal.kind,
            way.principal.name,
            way.principal.arn,
            row.method,
            row.category,
            row.outcome,
            row.grade,
            row.hops,
            row.targets,
            row.target,
            way.target.name if way.target else None,
            words.way(way),
            "; ".join(hop.why or words.hop(hop) for hop in way.hops),
            ", ".join(dict.fromkeys(allow.action for hop in way.hops for allow in hop.allows)),
            row.action,
            weakest.source.name if weakest else None,
            weakest.source.arn if weakest else None,
            weakest.source.holder.name if weakest and weakest.source.holder else None,
            row.statement,
            row.needs,
            ", ".join(strings(row.conditions)),
            row.confidence,
            reasons(row.reason),
            time_cell(first_seen),
            confirmed,
        )


# --- the section of the report ---


class Level(NamedTuple):
    """How many identities have a level, of the planned scopes."""

    words: str
    number: int


class Person(NamedTuple):
    """A line of the table of those who are administrator, can become it, or would be."""

    name: str
    kind: str
    scope_name: str
    level: str
    hops: int | None
    confidence: str
    reaches: int
    reached_by: int
    held_by: str


class Step(NamedTuple):
    text: str
    allows: list[str]
    needs: str | None


class Drawn(NamedTuple):
    """A path with its drawing and the same as text."""

    title: str
    picture: "Markup"
    steps: list[Step]
    standing: str
    doubt: str
    weakest: str
    others: list[str]
    more: int  # identities besides those named, that can go the same way


class Reach(NamedTuple):
    """The values of the section. ``ways`` counts different ways, ``paths`` all rows; ``unread`` names scopes."""

    judged: int
    levels: list[Level]
    people: list[Person]
    number: int  # of people, above the cap too
    drawn: list[Drawn]
    ways: int
    paths: int
    unread: list[str]
    providers: int  # that have ways


_RANK = " ".join(f"WHEN '{level}' THEN {place}" for place, level in enumerate(PRIVILEGE_LEVELS))
_SURE = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(CONFIDENCES))
_PEOPLE = (
    "v.planned = 1 AND (v.level IN ('administrator', 'escalates_to_administrator') OR v.granted = 'administrator')"
)


def reach(sql: Sql, names: Names) -> Reach:
    """Put the section together."""
    levels = sql.rows(
        "SELECT level, count(*) FROM privilege WHERE planned = 1 GROUP BY level"
        f" ORDER BY CASE level {_RANK} ELSE 99 END"
    )
    counted = [Level(words.LEVELS.get(level, level), number) for level, number in levels]
    number = sql.one(f"SELECT count(*) FROM privilege v WHERE {_PEOPLE}")
    total = sql.one("SELECT count(*) FROM escalation_path WHERE planned = 1")
    drawn, ways, providers = _drawn(sql, names)
    unread = sql.rows(
        "SELECT DISTINCT scope FROM need WHERE planned = 1 AND complete = 0"
        " AND need IN ('privilege', 'escalation_path', 'effective_access') ORDER BY scope"
    )
    return Reach(
        sum(level.number for level in counted),
        counted,
        _people(sql, names),
        int(number[0]) if number else 0,
        drawn,
        ways,
        int(total[0]) if total else 0,
        [names.scope(scope) for (scope,) in unread],
        providers,
    )


def _people(sql: Sql, names: Names) -> list[Person]:
    rows = sql.rows(
        f"""SELECT v.key, v.level, v.granted, v.effect, v.hops, v.confidence, v.reaches, v.reached_by, v.limited_by
        FROM privilege v WHERE {_PEOPLE}
        ORDER BY CASE v.level {_RANK} ELSE 99 END, CASE v.confidence {_SURE} ELSE 99 END, coalesce(v.hops, 0), v.key
        LIMIT {CAP_PEOPLE}"""
    )
    return [_person(names, row) for row in rows]


def _person(names: Names, row: Sequence[Any]) -> Person:
    key, level, granted, effect, hops, confidence, reaches, reached_by, limited_by = row
    who = names.who(key)
    said = words.LEVELS.get(level, level)
    if effect in ("bounded", "denied") and granted == "administrator":
        said = f"{effect} administrator: {said}"
    limits = "; ".join(words.limits(limited_by, names))
    held = limits or ("" if effect == "allowed" else words.EFFECTS.get(effect, effect))
    return Person(
        who.name, who.kind.replace("_", " "), who.scope_name, said, hops, confidence, reaches, reached_by, held
    )


_SAME_WAY = (
    "outcome, grade, confidence, hops, method, CASE WHEN target = principal THEN '' ELSE coalesce(target, '?') END,"
    " coalesce(via, ''), coalesce(statement, ''), action"
)
"""Identities whose paths agree in all of this go the same way: the members of a group, say."""


def _drawn(sql: Sql, names: Names) -> tuple[list[Drawn], int, int]:
    """The paths that levels rest on, one for each way: the worst first, of equal ones the shortest. Then
    the number of ways, and of the providers that have some.

    Each provider has its turn, so that one with many ways, or surer ones, does not hide another.
    """
    rows = sql.rows(
        f"""SELECT (SELECT s.provider FROM scope s WHERE s.key = p.scope) AS provider, {_SAME_WAY}, key, principal
        FROM escalation_path p WHERE planned = 1 AND EXISTS (
            SELECT 1 FROM privilege v WHERE v.key = p.principal AND v.path = p.key)
        ORDER BY 1, {WORST_FIRST}, {_SAME_WAY}, key"""
    )
    ways: dict[str | None, list[tuple[str, list[str]]]] = {}  # provider -> key of the path drawn, who can go it as well
    for (provider, *_), group in groupby(rows, key=lambda row: row[:-2]):
        found = [(row[-2], row[-1]) for row in group]
        ways.setdefault(provider, []).append((found[0][0], [principal for _, principal in found[1:]]))
    drawn: list[Drawn] = []
    for listed, share in zip(ways.values(), shares([len(found) for found in ways.values()], CAP_DRAWN), strict=True):
        for key, others in listed[:share]:
            named = [names.who(principal).name for principal in others[:CAP_NAMED]]
            more = len(others) - len(named)
            number = len(drawn) + 1
            drawn += [_picture(way, number, named, more) for way in paths(sql, names, "key = :key", {"key": key})]
    return drawn, sum(map(len, ways.values())), len(ways)


def shares(wanted: Sequence[int], most: int) -> list[int]:
    """``most`` places dealt out one by one, to each in turn who still wants one."""
    given = [0] * len(wanted)
    while most and any(have < want for have, want in zip(given, wanted, strict=True)):
        for place, want in enumerate(wanted):
            if most and given[place] < want:
                given[place] += 1
                most -= 1
    return given


def _picture(way: Path, number: int, others: list[str], more: int) -> Drawn:
    from markupsafe import Markup

    picture = drawing.svg([way], way.principal, ident=f"way-{number}")
    steps = [
        Step(hop.why or words.hop(hop), [words.allowed_by(allow) for allow in hop.allows], hop.needs)
        for hop in way.hops
    ]
    return Drawn(
        drawing.title([way], way.principal),
        Markup(picture),  # noqa: S704 made here, every name in it escaped
        steps,
        words.standing(way),
        reasons(codes(way.row.reason)),
        words.weakest(way.weakest) if way.weakest else "",
        others,
        more,
    )

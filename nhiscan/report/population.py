"""02-scope's limitations and 03-population: what there is, how complete it is known to be, and the rows for people.

``inventory/<table>.jsonl`` holds the very values that the rules saw; every other file here is a view of those, made by
SQL over them, and `nhiscan verify` makes it again.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nhiscan.findings import scope_names
from nhiscan.inventory import Sql
from nhiscan.inventory.views import KEYS, VIEWS
from nhiscan.report.material import Calls
from nhiscan.report.tables import (
    Cell,
    Files,
    day_cell,
    expiry_cell,
    last_use_cell,
    time_cell,
    truth_cell,
)

GAPS = ("partial", "denied", "failed")
"""Coverage states after which a listing is not known to be complete."""


def called(names: Mapping[str, str], scope: str) -> str:
    return names.get(scope) or scope


def inventory(sql: Sql, files: Files) -> None:
    """Every table that rules may read, with the very values they saw."""
    for name, columns in VIEWS.items():
        names = [column.name for column in columns]
        query = f"SELECT {', '.join(names)} FROM {name} ORDER BY {', '.join(KEYS[name])}"
        files.lines(f"03-population/inventory/{name}.jsonl", names, sql.rows(query))


DOCUMENTS = """SELECT trust_document AS digest FROM identity WHERE trust_document IS NOT NULL
UNION SELECT document FROM policy WHERE document IS NOT NULL
UNION SELECT document FROM access_grant WHERE document IS NOT NULL"""
"""Digests of the documents that the population refers to."""


def documents(sql: Sql) -> Iterator[tuple[Cell, ...]]:
    """(digest, kind, text) of the documents that the population refers to, out of the inventory's own table."""
    return sql.rows(
        f"SELECT d.digest, d.kind, d.text FROM document d JOIN ({DOCUMENTS}) n ON n.digest = d.digest ORDER BY 1"
    )


KEY_COLUMNS = (
    "credential", "provider", "scope", "scope_name", "type", "id", "name", "state", "created", "changed", "expires",
    "last_used", "last_use_as_of", "identity", "identity_type", "identity_name", "identity_arn", "nature", "owner",
    "owner_resolution", "first_seen", "confirmed", "predecessor", "successor", "source", "calls",
)  # fmt: skip


def keys(sql: Sql, calls: Calls) -> Iterator[tuple[Cell, ...]]:
    """Every credential of the planned scopes."""
    names = scope_names(sql)
    rows = sql.rows(
        """SELECT c.key, s.provider, c.scope, c.kind, c.native_id, c.name, c.state, c.created_at, c.changed_at,
        c.expires_at, c.never_expires, c.used_at, c.known_since, c.data_time, c.identity, i.kind, i.name, i.arn,
        i.nature, o.value, o.resolution, c.first_seen_at, c.confirmed, c.predecessor, c.successor, c.source
        FROM credential c LEFT JOIN scope s ON s.key = c.scope LEFT JOIN identity i ON i.key = c.identity
        LEFT JOIN owner o ON o.key = c.identity WHERE c.planned = 1 ORDER BY c.key"""
    )
    for row in rows:
        yield (
            *row[:3],
            called(names, row[2]),
            *row[3:7],
            time_cell(row[7]),
            time_cell(row[8]),
            expiry_cell(row[9], row[10]),
            last_use_cell(row[11], row[12]),
            time_cell(row[13]) if row[11] is not None or row[12] is not None else None,
            *row[14:21],
            time_cell(row[21]),
            *row[22:26],
            calls.of(row[2], row[25]),
        )


IDENTITY_COLUMNS = (
    "identity", "provider", "scope", "scope_name", "type", "id", "name", "arn", "path", "state", "created", "last_used",
    "console_access", "mfa", "nature", "nature_reason", "nature_confidence", "owner", "owner_found_by",
    "owner_resolution", "credentials", "description", "tags", "first_seen", "confirmed", "source", "calls",
)  # fmt: skip


def identities(sql: Sql, calls: Calls) -> Iterator[tuple[Cell, ...]]:
    """Every identity of the planned scopes, with the number of its credentials."""
    names = scope_names(sql)
    rows = sql.rows(
        """SELECT i.key, s.provider, i.scope, i.kind, i.native_id, i.name, i.arn, i.path, i.state, i.created_at,
        i.used_at, i.known_since, i.console_access, i.mfa, i.nature, i.nature_reason, i.nature_confidence, o.value,
        o.method, o.resolution, coalesce(n.number, 0), i.description, i.tags, i.first_seen_at, i.confirmed, i.source
        FROM identity i LEFT JOIN scope s ON s.key = i.scope LEFT JOIN owner o ON o.key = i.key
        LEFT JOIN (SELECT identity, count(*) AS number FROM credential GROUP BY identity) n ON n.identity = i.key
        WHERE i.planned = 1 ORDER BY i.key"""
    )
    for row in rows:
        yield (
            *row[:3],
            called(names, row[2]),
            *row[3:9],
            time_cell(row[9]),
            last_use_cell(row[10], row[11]),
            truth_cell(row[12]),
            truth_cell(row[13]),
            *row[14:23],
            time_cell(row[23]),
            *row[24:26],
            calls.of(row[2], row[25]),
        )


GRANT_COLUMNS = (
    "grant", "provider", "scope", "scope_name", "type", "principal", "principal_type", "principal_name", "name",
    "policy", "policy_arn", "resource", "condition", "document", "first_seen", "confirmed", "source", "calls",
)  # fmt: skip


def grants(sql: Sql, calls: Calls) -> Iterator[tuple[Cell, ...]]:
    """Every grant of the planned scopes: who holds which policy or role, on what."""
    names = scope_names(sql)
    rows = sql.rows(
        """SELECT g.key, s.provider, g.scope, g.kind, g.principal, i.kind, i.name, g.name, g.policy, p.arn,
        g.resource, g.condition, g.document, g.first_seen_at, g.confirmed, g.source
        FROM access_grant g LEFT JOIN scope s ON s.key = g.scope LEFT JOIN identity i ON i.key = g.principal
        LEFT JOIN policy p ON p.key = g.policy WHERE g.planned = 1 ORDER BY g.key"""
    )
    for row in rows:
        name = called(names, row[2])
        yield (*row[:3], name, *row[3:13], time_cell(row[13]), *row[14:16], calls.of(row[2], row[15]))


class Tie(NamedTuple):
    """A tie-out with its result: equal, explained or not explained."""

    scope: str
    scope_name: str
    what: str
    source_a: str
    count_a: int
    source_b: str
    count_b: int
    difference: int
    explanation: str | None
    result: str


def ties(sql: Sql) -> list[Tie]:
    names = scope_names(sql)
    rows = sql.rows(
        "SELECT scope, what, source_a, count_a, source_b, count_b, explanation FROM tie_out WHERE planned = 1"
        " ORDER BY key"
    )
    return [
        Tie(
            scope,
            called(names, scope),
            what,
            source_a,
            count_a,
            source_b,
            count_b,
            count_a - count_b,
            why,
            "equal" if count_a == count_b else "explained" if why else "not explained",
        )
        for scope, what, source_a, count_a, source_b, count_b, why in rows
    ]


class Gap(NamedTuple):
    """A line of the blind-spot register. ``breaks``: it stands between the population and a proven one."""

    kind: str  # "source" | "tie-out" | "fact" | "unconfirmed" | "input"
    scope: str
    scope_name: str
    what: str
    state: str
    why: str | None
    code: str | None
    operation: str | None
    permission: str | None
    breaks: int


def gaps(sql: Sql) -> list[Gap]:
    """What could not be read or proven, the worst first: sources, tie-outs, facts, last known rows, missing inputs."""
    names = scope_names(sql)
    found: list[Gap] = []
    coverage = sql.rows(
        "SELECT scope, source, state, message, code, operation, permission FROM coverage"
        " WHERE planned = 1 AND state IN ('partial', 'denied', 'failed') ORDER BY key"
    )
    for scope, source, state, message, code, operation, permission in coverage:
        name = called(names, scope)
        found.append(Gap("source", scope, name, source, state, message, code, operation, permission, 1))
    for scope, name in _without_coverage(sql, names):
        found.append(Gap("source", scope, name, "every source", "not read", "no source was run", None, None, None, 1))
    for tie in ties(sql):
        if tie.result == "not explained":
            why = f"{tie.source_a} lists {tie.count_a}, {tie.source_b} counts {tie.count_b}"
            found.append(Gap("tie-out", tie.scope, tie.scope_name, tie.what, tie.result, why, None, None, None, 1))
    needs = sql.rows("SELECT scope, need, reason FROM need WHERE planned = 1 AND complete = 0 ORDER BY scope, need")
    for scope, need, reason in needs:
        found.append(
            Gap("fact", scope, called(names, scope), need, "not completely known", reason, None, None, None, 0)
        )
    for table in ("identity", "credential", "access_grant"):
        rows = sql.rows(
            f"SELECT scope, count(*) FROM {table} WHERE planned = 1 AND confirmed = 0 GROUP BY scope ORDER BY scope"
        )
        for scope, number in rows:
            why = f"{number} rows are the last known state; this scan could not confirm them"
            found.append(
                Gap("unconfirmed", scope, called(names, scope), table, "unconfirmed", why, None, None, None, 0)
            )
    if not has_roster(sql):
        why = "no people roster was given, so the rules on leavers could not be determined"
        found.append(Gap("input", "", "all scopes", "people roster", "not given", why, None, None, None, 0))
    return found


def _without_coverage(sql: Sql, names: dict[str, str]) -> list[tuple[str, str]]:
    """Planned leaf scopes in which no source was run: nothing is known of them, which must not read as empty."""
    rows = sql.rows(
        """SELECT s.key FROM scope s WHERE s.planned = 1 AND NOT EXISTS (SELECT 1 FROM coverage c WHERE c.scope = s.key)
        AND NOT EXISTS (SELECT 1 FROM scope child WHERE child.parent = s.key AND child.planned = 1) ORDER BY s.key"""
    )
    return [(key, names[key]) for (key,) in rows]


def read_above(sql: Sql) -> dict[tuple[str, str], str]:
    """(scope, source) -> the scope above in which the source made the calls that read this scope, too.

    Such a row of coverage counts no calls and bears the digest of those calls.
    """
    parents: dict[str, str] = dict(sql.rows("SELECT key, parent FROM scope WHERE parent IS NOT NULL"))
    made: dict[tuple[str, str], str] = {}
    reading: list[tuple[str, str, str]] = []
    for scope, source, calls, sha256 in sql.rows(
        "SELECT scope, source, calls, transcript_sha256 FROM coverage WHERE transcript_sha256 IS NOT NULL ORDER BY key"
    ):
        if calls:
            made[scope, source] = sha256
        else:
            reading.append((scope, source, sha256))
    found = {}
    for scope, source, sha256 in reading:
        above, seen = parents.get(scope), {scope}
        while above is not None and above not in seen and made.get((above, source)) != sha256:
            seen.add(above)
            above = parents.get(above)
        if above is not None and above not in seen:
            found[scope, source] = above
    return found


def has_roster(sql: Sql) -> bool:
    """Was a people roster part of the scan?"""
    return sql.one("SELECT 1 FROM need WHERE planned = 1 AND need = 'person'") is not None


GAP_COLUMNS = (
    "kind", "scope", "scope_name", "what", "state", "why", "code", "operation", "permission", "breaks_completeness",
)  # fmt: skip
TIE_COLUMNS = (
    "scope", "scope_name", "what", "source_a", "count_a", "source_b", "count_b", "difference", "explanation", "result",
)  # fmt: skip
LEAVER_COLUMNS = (
    "person", "person_id", "person_email", "person_name", "end_date", "identity", "identity_name", "relation",
    "credential", "credential_type", "credential_name", "credential_state", "last_used", "used_after_end", "outcome",
)  # fmt: skip

OUTCOMES = {
    "active_after_termination": "active after the last day",
    "within_grace": "active, within the time allowed",
    "deprovisioned": "revoked",
    "state_unknown": "could not be determined",
    "no_credential": "the identity has no credential",
    "no_account_matched": "no identity matched",
}
"""Outcome of a line of the leavers test -> words."""

DAY = 86_400

_GONE = "p.planned = 1 AND (p.status = 'left' OR p.end_date + 86400 <= :as_of)"
_PERSON = "p.key AS person, p.person_id, p.email, p.name, p.end_date"
_OWNED = "owner o JOIN identity i ON i.key = o.key AND i.planned = 1 JOIN person p ON p.key = o.person"
# Three parts, each one walk with look-ups by primary key: the tables of a scan have no other index.
_LEAVERS = f"""
SELECT {_PERSON}, i.key AS identity, i.name, o.method, c.key AS credential, c.kind, c.name AS called, c.state,
       c.used_at, c.known_since, c.confirmed
FROM credential c JOIN owner o ON o.key = c.identity JOIN identity i ON i.key = c.identity AND i.planned = 1
JOIN person p ON p.key = o.person WHERE c.planned = 1 AND {_GONE}
UNION ALL
SELECT {_PERSON}, i.key, i.name, o.method, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM {_OWNED} WHERE {_GONE}
AND i.key NOT IN (SELECT identity FROM credential WHERE planned = 1 AND identity IS NOT NULL)
UNION ALL
SELECT {_PERSON}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM person p WHERE {_GONE} AND p.key NOT IN (
    SELECT o.person FROM owner o JOIN identity i ON i.key = o.key WHERE i.planned = 1 AND o.person IS NOT NULL)
ORDER BY person, identity, credential"""


def leavers(sql: Sql, as_of: int, grace_days: int) -> Iterator[tuple[Cell, ...]]:
    """People who had left by ``as_of``, joined to what they own: `LEAVER_COLUMNS`.

    A person counts as gone from the end of the last day. ``grace_days`` is the time allowed for revoking.
    """
    rows = sql.rows(_LEAVERS, {"as_of": as_of})
    for row in rows:
        end, credential, state, used_at, known_since = row[4], row[8], row[11], row[12], row[13]
        gone = None if end is None else end + DAY
        if used_at is None:
            after = "" if credential is None else "unknown" if known_since is None else "no"
        else:
            after = "unknown" if gone is None else truth_cell(int(used_at >= gone))
        if row[5] is None:
            outcome = "no_account_matched"
        elif credential is None:
            outcome = "no_credential"
        elif row[14] == 0 or state in (None, "unknown"):
            outcome = "state_unknown"
        elif state != "active":
            outcome = "deprovisioned"
        elif gone is not None and as_of < gone + grace_days * DAY:
            outcome = "within_grace"
        else:
            outcome = "active_after_termination"
        used = "" if credential is None else last_use_cell(used_at, known_since)
        yield (*row[:4], day_cell(end), *row[5:12], used, after, outcome)

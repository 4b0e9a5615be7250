"""From the staged rows of a scan to the ranges: new and changed rows begin, changed and vanished rows end.

A live row that was not staged ends only where its kind was listed exhaustively in its scope by this scan. Everything is
set-based SQL over the whole plan at once, the same on both databases. ``source`` alone is not a change: which source
showed a record may differ from scan to scan.
"""

from nhiscan.inventory.sql import Sql
from nhiscan.inventory.staging import Stage, used, used_source
from nhiscan.inventory.tables import Ranged

_SOURCE_AND_KEY = ("key", "source")


def prepare(sql: Sql) -> None:
    """The small temporary tables that a merge reads and fills."""
    listing = "record TEXT, scope TEXT, kind TEXT, complete BIGINT, PRIMARY KEY (record, scope, kind)"
    sql.create(f"CREATE TEMP TABLE stage_listing ({listing})")
    sql.create(
        "CREATE TEMP TABLE stage_need"
        " (scope TEXT, need TEXT, complete BIGINT, lists BIGINT, reason TEXT, PRIMARY KEY (scope, need))"
    )
    sql.create("CREATE TEMP TABLE stage_gone (scope TEXT PRIMARY KEY)")
    without_rowid = " WITHOUT ROWID" if sql.dialect == "sqlite" else ""
    sql.create(f"CREATE TEMP TABLE delta (key TEXT PRIMARY KEY, change TEXT, first_scan BIGINT){without_rowid}")
    sql.create("CREATE TEMP TABLE use_delta (key TEXT PRIMARY KEY)")


def complete(ranged: Ranged, alias: str, dialect: str) -> str:
    """SQL that is 1 where the kind of the row was listed exhaustively in its scope, else 0.

    A need that names the kind decides; one for the whole table stands in where there is none.
    """

    def one(kind: str) -> str:
        where = f"l.record = '{ranged.name}' AND l.scope = {alias}.{ranged.home} AND l.kind = {kind}"
        return f"(SELECT l.complete FROM stage_listing l WHERE {where})"

    kind = ranged.kind(alias, dialect)
    return f"COALESCE({one(kind)}, 0)" if kind == "''" else f"COALESCE({one(kind)}, {one(chr(39) * 2)}, 0)"


def differs(left: str, right: str, names: tuple[str, ...], dialect: str) -> str:
    """SQL that is true where one of the columns is not the same; nulls are equal."""
    return " OR ".join(f"{left}.{name} {different(dialect)} {right}.{name}" for name in names)


def different(dialect: str) -> str:
    """The operator that tells two values apart and takes null for a value."""
    return "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"


def merge(sql: Sql, ranged: Ranged, staged: Stage, scan: int) -> None:
    """Bring the ranges of one record to what this scan found."""
    stage = staged.table
    analyze(sql, stage)
    values = {"scan": scan}
    columns = tuple(column.name for column in ranged.stored)
    compared = tuple(name for name in columns if name not in _SOURCE_AND_KEY)
    planned = f"EXISTS (SELECT 1 FROM scan_scope p WHERE p.scope = r.{ranged.home} AND p.scan = :scan)"
    listed = complete(ranged, "r", sql.dialect)
    sql.run("DELETE FROM delta")
    first = sql.one(f"SELECT 1 FROM {ranged.table} LIMIT 1") is None
    if first:
        came, first_scan = f"{stage} s", ":scan"
    else:
        came, first_scan = f"delta d JOIN {stage} s ON s.key = d.key AND d.change <> 'ended'", "d.first_scan"
        sql.run(
            "INSERT INTO delta (key, change, first_scan)"
            " SELECT r.key, CASE WHEN s.key IS NULL THEN 'ended' ELSE 'changed' END, r.first_scan"
            f" FROM {ranged.table} r LEFT JOIN {stage} s ON s.key = r.key WHERE r.to_scan IS NULL"
            f" AND ((s.key IS NULL AND {planned} AND {listed} = 1)"
            f" OR (s.key IS NOT NULL AND ({differs('r', 's', compared, sql.dialect)})))",
            values,
        )
        if ranged.name == "scope":
            _end_scopes_below(sql, stage)
        sql.run(
            "INSERT INTO delta (key, change, first_scan) SELECT s.key, 'new',"
            f" COALESCE((SELECT min(r.first_scan) FROM {ranged.table} r WHERE r.key = s.key), :scan) FROM {stage} s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {ranged.table} r WHERE r.key = s.key AND r.to_scan IS NULL)",
            values,
        )
        analyze(sql, "delta")
        sql.run(
            f"UPDATE {ranged.table} SET to_scan = :scan WHERE to_scan IS NULL"
            " AND key IN (SELECT d.key FROM delta d WHERE d.change <> 'new')",
            values,
        )
    sql.run(
        f"INSERT INTO {ranged.table} ({', '.join(columns)}, first_scan, from_scan)"
        f" SELECT {', '.join('s.' + name for name in columns)}, {first_scan}, :scan FROM {came}",
        values,
    )
    if ranged.name == "credential":
        sql.run(
            "INSERT INTO lineage (identity, kind, created_at, key, first_scan)"
            f" SELECT s.identity, s.kind, s.created_at, s.key, :scan FROM {came}"
            " WHERE s.identity IS NOT NULL AND s.kind IS NOT NULL AND s.created_at IS NOT NULL ON CONFLICT DO NOTHING",
            values,
        )
    if ranged.last_use:
        _merge_last_use(sql, stage, scan, first=first)
    if ranged.name != "scope" and not _all_listed(sql, ranged, staged):
        sql.run(
            f"INSERT INTO scan_seen (record, key, scan) SELECT '{ranged.name}', s.key, :scan FROM {stage} s"
            f" WHERE {complete(ranged, 's', sql.dialect)} = 0",
            values,
        )


def _all_listed(sql: Sql, ranged: Ranged, staged: Stage) -> bool:
    """Whether every kind of the staged rows was listed exhaustively in its scope; then none has to be noted as seen."""
    select = "SELECT scope, kind, complete FROM stage_listing WHERE record = :record"
    told = {(scope, kind): bool(full) for scope, kind, full in sql.rows(select, {"record": ranged.name})}
    return all(told.get((scope, kind), told.get((scope, ""), False)) for scope, kind in staged.kinds)


def _end_scopes_below(sql: Sql, stage: str) -> None:
    """Gather in ``stage_gone`` the scopes that ended and those below them that nothing shows any more."""
    sql.run("INSERT INTO stage_gone (scope) SELECT d.key FROM delta d WHERE d.change = 'ended'")
    while sql.run(
        "INSERT INTO stage_gone (scope) SELECT r.key FROM scope_range r WHERE r.to_scan IS NULL"
        " AND r.parent IN (SELECT g.scope FROM stage_gone g) AND r.key NOT IN (SELECT g.scope FROM stage_gone g)"
        f" AND r.key NOT IN (SELECT s.key FROM {stage} s)"
    ):
        pass
    sql.run(
        "INSERT INTO delta (key, change) SELECT g.scope, 'ended' FROM stage_gone g"
        " WHERE g.scope NOT IN (SELECT d.key FROM delta d)"
    )


def end_what_lived_there(sql: Sql, ranged: Ranged, scan: int) -> None:
    """End what lived in scopes that ended."""
    values = {"scan": scan}
    gone = "SELECT g.scope FROM stage_gone g"
    if ranged.last_use:
        sql.run(
            "UPDATE last_use SET to_scan = :scan WHERE to_scan IS NULL AND subject IN"
            f" (SELECT r.key FROM {ranged.table} r WHERE r.to_scan IS NULL AND r.scope IN ({gone}))",
            values,
        )
    sql.run(f"UPDATE {ranged.table} SET to_scan = :scan WHERE to_scan IS NULL AND scope IN ({gone})", values)


def _merge_last_use(sql: Sql, stage: str, scan: int, *, first: bool) -> None:
    """Last use moves by itself: a narrow row for each change of it, and none while it was not collected."""
    values = {"scan": scan}
    facts = ("used_at", "known_since", "trailing_days")
    new = (
        "INSERT INTO last_use (subject, from_scan, used_at, known_since, trailing_days, source)"
        f" SELECT s.key, :scan, s.used_at, s.known_since, s.trailing_days, {used_source('s')}"
        f" FROM {stage} s WHERE {used('s')}"
    )
    if first:
        sql.run(new, values)
        return
    sql.run("DELETE FROM use_delta")
    told = f"CASE WHEN {used('s')} THEN {used_source('s')} END"
    changed = f"{differs('u', 's', facts, sql.dialect)} OR u.source {different(sql.dialect)} {told}"
    sql.run(
        f"INSERT INTO use_delta (key) SELECT u.subject FROM last_use u JOIN {stage} s ON s.key = u.subject"
        f" WHERE u.to_scan IS NULL AND ({changed})"
    )
    sql.run(
        "INSERT INTO use_delta (key) SELECT d.key FROM delta d WHERE d.change = 'ended'"
        " AND EXISTS (SELECT 1 FROM last_use u WHERE u.subject = d.key AND u.to_scan IS NULL)"
    )
    analyze(sql, "use_delta")
    sql.run(
        "UPDATE last_use SET to_scan = :scan WHERE to_scan IS NULL AND subject IN (SELECT d.key FROM use_delta d)",
        values,
    )
    sql.run(
        f"{new} AND NOT EXISTS (SELECT 1 FROM last_use u WHERE u.subject = s.key AND u.to_scan IS NULL)",
        values,
    )


def merge_needs(sql: Sql, scan: int) -> None:
    """Bring the ranges of needs of the planned scopes to what this scan says; run once, when all needs are known."""
    values = {"scan": scan}
    changed = differs("need_range", "s", ("complete", "lists", "reason"), sql.dialect)
    sql.run(
        "UPDATE need_range SET to_scan = :scan WHERE to_scan IS NULL"
        " AND scope IN (SELECT p.scope FROM scan_scope p WHERE p.scan = :scan)"
        " AND NOT EXISTS (SELECT 1 FROM stage_need s WHERE s.scope = need_range.scope AND s.need = need_range.need"
        f" AND NOT ({changed}))",
        values,
    )
    sql.run(
        "INSERT INTO need_range (scope, need, complete, lists, reason, from_scan)"
        " SELECT s.scope, s.need, s.complete, s.lists, s.reason, :scan FROM stage_need s WHERE NOT EXISTS"
        " (SELECT 1 FROM need_range r WHERE r.scope = s.scope AND r.need = s.need AND r.to_scan IS NULL)",
        values,
    )


def analyze(sql: Sql, table: str) -> None:
    """Tell PostgreSQL how big a table has become inside this transaction; SQLite plans these joins well without."""
    if sql.dialect == "postgresql":
        sql.run(f"ANALYZE {table}")

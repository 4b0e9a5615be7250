"""The inventory as of one scan, under the names that rules know (`nhiscan.inventory.views`).

A row belongs to the state as of scan N when it began at N or before and has not ended by N. The ranges of a scope
change only in scans that planned it, so this is what the last finished scan up to N that planned the scope left.

Last use and its ``data_time``: the source that said it is kept with the last use. ``data_time`` is that source's, in
the last scan up to N that showed the record: the last one that planned its scope where it confirmed the record, else
the last one before it that listed the kind completely or is noted as having seen the record. It moves with each scan
without a row being written.
"""

from collections.abc import Callable, Iterable

from nhiscan import model
from nhiscan.inventory.merging import analyze
from nhiscan.inventory.sql import Sql
from nhiscan.inventory.tables import RANGED, Listing, Ranged, listing
from nhiscan.inventory.views import KEYS, VIEWS, columns_of, ddl

_DAY = 86_400


def prepare(sql: Sql, number: int) -> None:
    """Small temporary tables about every scope any scan up to ``number`` planned.

    ``state_scope``    its last scan, that scan's start, and whether it is ``number`` itself
    ``state_listing``  which kinds that scan listed exhaustively
    """
    values = {"number": number}
    sql.create(
        "CREATE TEMP TABLE state_scope (scope TEXT PRIMARY KEY, last_scan BIGINT, last_scan_at BIGINT, planned BIGINT)"
    )
    sql.run(
        "INSERT INTO state_scope (scope, last_scan, last_scan_at, planned)"
        " SELECT l.scope, l.last_scan, s.started_at, CASE WHEN l.last_scan = :number THEN 1 ELSE 0 END"
        " FROM (SELECT scope, max(scan) AS last_scan FROM scan_scope WHERE scan <= :number GROUP BY scope) l"
        " JOIN scan s ON s.number = l.last_scan",
        values,
    )
    sql.create(
        "CREATE TEMP TABLE state_listing"
        " (record TEXT, scope TEXT, kind TEXT, complete BIGINT, PRIMARY KEY (record, scope, kind))"
    )


def put_listings(sql: Sql, needs: Iterable[model.Need]) -> None:
    """Note for ``state_listing`` what needs say about listings."""
    found = [made for need in needs if (made := listing(need)) is not None]
    sql.temp_insert("state_listing", Listing._fields, found)


def needs_as_of(number: int, *, planned: int) -> str:
    """SELECT of the needs in force, of the scopes that scan ``number`` planned (1) or of the others (0)."""
    return (
        f"SELECT n.scope, n.need, n.complete, n.lists, n.reason, {planned} AS planned FROM need_range n"
        f" JOIN state_scope b ON b.scope = n.scope AND b.planned = {planned} WHERE {_holds('n', number)}"
    )


def define(sql: Sql, name: str, number: int, needs: str, *, materialise: bool) -> None:
    """Make one of `VIEWS` in the connection: a temporary table with its primary key, or a temporary view.

    ``needs`` is the SELECT of the view ``need``. Rows of a table stand in the order of their keys: on SQLite their
    rowids then number them, which spares every rule that is judged over them a look-up for each row.
    """
    select = _select(name, number, needs, sql.dialect)
    if not materialise:
        sql.run(f"CREATE TEMP VIEW {name} AS {select}")
        return
    sql.create(ddl(name, temporary=True))
    columns = ", ".join(column.name for column in VIEWS[name])
    order = f" ORDER BY {', '.join(KEYS[name])}" if sql.dialect == "sqlite" else ""
    sql.run(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM ({select}) v{order}")
    analyze(sql, name)


def _holds(alias: str, number: int) -> str:
    return f"{alias}.from_scan <= {number} AND ({alias}.to_scan IS NULL OR {alias}.to_scan > {number})"


def _select(name: str, number: int, needs: str, dialect: str) -> str:
    if name == "need":
        return needs
    if name in ("coverage", "tie_out"):
        columns = ", ".join(column.name for column in columns_of(_RECORDS[name]))
        return f"SELECT {columns}, 1 AS planned FROM scan_{name} WHERE scan = {number}"
    ranged = RANGED[name]
    make: Callable[[Ranged, int, str], str] = _SELECTS.get(name, _plain)
    return make(ranged, number, dialect)


_RECORDS: dict[str, type] = {"coverage": model.Coverage, "tie_out": model.TieOut}


def _scope(ranged: Ranged, number: int, _dialect: str) -> str:
    return (
        f"SELECT {_own(ranged)}, COALESCE(b.planned, 0) AS planned, b.last_scan, b.last_scan_at"
        f" FROM scope_range r LEFT JOIN state_scope b ON b.scope = r.key WHERE {_holds('r', number)}"
    )


def _own(ranged: Ranged) -> str:
    return ", ".join(f"r.{column.name}" for column in ranged.stored)


def _confirmed(ranged: Ranged) -> str:
    """1 where the last scan that planned the row's scope listed its kind exhaustively or noted that it saw the row."""
    return (
        "CASE WHEN COALESCE(kl.complete, tl.complete, 0) = 1 THEN 1 WHEN EXISTS (SELECT 1 FROM scan_seen z"
        f" WHERE z.record = '{ranged.name}' AND z.key = r.key AND z.scan = b.last_scan) THEN 1 ELSE 0 END"
    )


def _joined(ranged: Ranged, number: int, dialect: str, *, more: str = "") -> str:
    """A need that names the kind (``kl``) decides; one for the whole table (``tl``) stands in where there is none."""
    listings = "".join(
        f" LEFT JOIN state_listing {alias} ON {alias}.record = '{ranged.name}' AND {alias}.scope = r.scope"
        f" AND {alias}.kind = {kind}"
        for alias, kind in (("kl", ranged.kind("r", dialect)), ("tl", "''"))
    )
    return (
        f" FROM {ranged.table} r JOIN state_scope b ON b.scope = r.scope JOIN scan f ON f.number = r.first_scan"
        f"{listings}{more} WHERE {_holds('r', number)}"
    )


def _plain(ranged: Ranged, number: int, dialect: str) -> str:
    state = f"b.planned, {_confirmed(ranged)} AS confirmed, f.started_at AS first_seen_at"
    return f"SELECT {_own(ranged)}, {state}{_joined(ranged, number, dialect)}"


def _with_last_use(ranged: Ranged, number: int, dialect: str, extra: str, join: str) -> str:
    """The view of a record that says when it was last used; ``extra`` (with its comma) and ``join`` add columns."""
    use = f" LEFT JOIN last_use u ON u.subject = r.key AND {_holds('u', number)}"
    inner = (
        f"SELECT {_own(ranged)}, b.planned, b.last_scan, {_confirmed(ranged)} AS confirmed,"
        " f.started_at AS first_seen_at, u.used_at, u.known_since AS fixed_since, u.trailing_days,"
        " u.source AS used_source, u.from_scan AS used_from"
        f"{extra}{_joined(ranged, number, dialect, more=use + join)}"
    )
    kind = ranged.kind("i", dialect)
    listed = (
        "COALESCE((SELECT n.complete FROM need_range n WHERE n.scope = i.scope AND n.lists = 1"
        f" AND n.need = '{ranged.name}:' || {kind} AND {_holds_at('n')}),"
        f" (SELECT n.complete FROM need_range n WHERE n.scope = i.scope AND n.lists = 1 AND n.need = '{ranged.name}'"
        f" AND {_holds_at('n')}), 0) = 1"
    )
    seen = f"EXISTS (SELECT 1 FROM scan_seen z WHERE z.record = '{ranged.name}' AND z.key = i.key AND z.scan = c.scan)"
    said = (
        "SELECT COALESCE(c.data_time, c.ended_at) FROM scan_coverage c"
        " WHERE c.scope = i.scope AND c.source = i.used_source"
    )
    data_time = (
        "CASE WHEN i.used_source IS NULL THEN NULL"
        f" WHEN i.confirmed = 1 THEN ({said} AND c.scan = i.last_scan)"
        f" ELSE ({said} AND c.scan >= i.used_from AND c.scan < i.last_scan AND ({listed} OR {seen})"
        " ORDER BY c.scan DESC LIMIT 1) END AS data_time"
    )
    middle = f"SELECT i.*, {data_time} FROM ({inner}) i"
    columns = ", ".join(
        f"COALESCE(m.fixed_since, m.data_time - m.trailing_days * {_DAY}) AS known_since"
        if column.name == "known_since"
        else f"m.{column.name}"
        for column in VIEWS[ranged.name]
    )
    return f"SELECT {columns} FROM ({middle}) m"


def _holds_at(alias: str) -> str:
    return f"{alias}.from_scan <= c.scan AND ({alias}.to_scan IS NULL OR {alias}.to_scan > c.scan)"


def _identity(ranged: Ranged, number: int, dialect: str) -> str:
    join = f" LEFT JOIN classification_range k ON k.key = r.key AND {_holds('k', number)}"
    extra = ", k.nature, k.reason AS nature_reason, k.confidence AS nature_confidence"
    return _with_last_use(ranged, number, dialect, extra, join)


def _credential(ranged: Ranged, number: int, dialect: str) -> str:
    def neighbour(operator: str, direction: str) -> str:
        return (
            "(SELECT l.key FROM lineage l WHERE l.identity = r.identity AND l.kind = r.kind"
            f" AND l.created_at {operator} r.created_at AND l.key <> r.key AND l.first_scan <= {number}"
            f" ORDER BY l.created_at {direction}, l.key {direction} LIMIT 1)"
        )

    extra = f", {neighbour('<', 'DESC')} AS predecessor, {neighbour('>', 'ASC')} AS successor"
    return _with_last_use(ranged, number, dialect, extra, "")


def _access_use(ranged: Ranged, number: int, dialect: str) -> str:
    return _with_last_use(ranged, number, dialect, "", "")


_SELECTS: dict[str, Callable[[Ranged, int, str], str]] = {
    "scope": _scope,
    "identity": _identity,
    "credential": _credential,
    "access_use": _access_use,
}

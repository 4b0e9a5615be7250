"""Effective access as capabilities, escalation paths hop by hop, privilege, and the use of services.

Rows of former scans keep what they said; what they did not say is null. Needs of their scans say so, too: a rule that
is judged over such a scan once more must not take what nobody worked out for what is not there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# name of the table -> its columns: text unless it says int
REMADE = {
    "effective_access_range": (
        "key, scope, principal, capability, level, service, action, actions int, resource, everywhere int, effect, via,"
        " statement, conditional int, conditions, limited_by, confidence, reason"
    ),
    "escalation_path_range": (
        "key, scope, principal, target, method, category, outcome, grade, hops int, targets int, steps, action, via,"
        " statement, needs, conditional int, conditions, confidence, reason"
    ),
    "trust_range": (
        "key, scope, identity, principal_kind, principal, principal_scope, external int, external_id int,"
        " conditional int, conditions, statement, organization int, source_guard int, audience int, subject, width,"
        " confidence, reason"
    ),
}
MADE = {
    "access_use_range": "key, scope, identity, service, action, source",
    "privilege_range": (
        "key, scope, level, granted, effect, path, hops int, reaches int, reached_by int, services, limited_by,"
        " conditional int, confidence, reason"
    ),
}
RANGE = ("first_scan", "from_scan", "to_scan")
# need of former scans -> needs that they could not meet yet, and whether each is the listing of a table
UNMET = {
    "effective_access": (("effective_access:capability", 0), ("escalation_path", 1), ("privilege", 1)),
    "trust": (("trust:width", 0),),
}
WHY = "it was worked out by an earlier version"


def _create(name: str, columns: str) -> tuple[str, ...]:
    names = []
    made: list[sa.Column[object]] = []
    for each in columns.split(","):
        column, _, kind = each.strip().partition(" ")
        names.append(column)
        type_ = sa.BigInteger() if kind else TEXT
        made.append(sa.Column(column, type_, nullable=column not in ("key", "scope")))
    made += [sa.Column(column, sa.BigInteger(), nullable=column == "to_scan") for column in RANGE]
    key = sa.PrimaryKeyConstraint("key", "from_scan", name=f"pk_{name}")
    op.create_table(name, *made, key, sqlite_with_rowid=False)
    return (*names, *RANGE)


def upgrade() -> None:
    for name, columns in MADE.items():
        _create(name, columns)
    for name, columns in REMADE.items():
        before = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(name)}
        op.execute(sa.text(f"CREATE TABLE moved AS SELECT * FROM {name}"))
        op.drop_table(name)
        kept = ", ".join(column for column in _create(name, columns) if column in before)
        op.execute(sa.text(f"INSERT INTO {name} ({kept}) SELECT {kept} FROM moved"))
        op.drop_table("moved")
    for need, unmet in UNMET.items():
        for name, lists in unmet:
            op.execute(
                sa.text(
                    "INSERT INTO need_range (scope, need, complete, lists, reason, from_scan, to_scan)"
                    f" SELECT scope, '{name}', 0, {lists}, '{WHY}', from_scan, to_scan FROM need_range r"
                    f" WHERE r.need = '{need}' AND NOT EXISTS"
                    f" (SELECT 1 FROM need_range o WHERE o.scope = r.scope AND o.need = '{name}')"
                )
            )

"""Credentials: who made them, whether the provider saw them in the open, and what they may be used for.

Rows of former scans keep what they said; what they did not say is null.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NAME = "credential_range"
KEPT = (
    "key, scope, kind, native_id, name, identity, state, created_at int, changed_at int, expires_at int,"
    " never_expires int, slot int, service"
)
MADE = "origin, exposed int, restrictions"
REST = "source"
RANGE = "first_scan int, from_scan int, to_scan int"


def _names(columns: str) -> list[str]:
    return [column.split()[0] for column in columns.split(",")]


def _column(spelled: str) -> sa.Column[object]:
    name, _, kind = spelled.strip().partition(" ")
    required = name in ("key", "scope", "first_scan", "from_scan")
    return sa.Column(name, sa.BigInteger() if kind else TEXT, nullable=not required)


def upgrade() -> None:
    """The new columns stand where the record has them, so the table is made again."""
    op.execute(sa.text(f"CREATE TABLE moved AS SELECT * FROM {NAME}"))
    op.drop_table(NAME)
    columns = [_column(one) for part in (KEPT, MADE, REST, RANGE) for one in part.split(",")]
    key = sa.PrimaryKeyConstraint("key", "from_scan", name=f"pk_{NAME}")
    op.create_table(NAME, *columns, key, sqlite_with_rowid=False)
    kept = ", ".join(_names(KEPT) + _names(REST) + _names(RANGE))
    op.execute(sa.text(f"INSERT INTO {NAME} ({kept}) SELECT {kept} FROM moved"))
    op.drop_table("moved")

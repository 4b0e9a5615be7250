"""Identities: whose software they are, who may sign in to them, and when a user leaves. Credentials: a fingerprint.

Rows of former scans keep what they said; what they did not say is null.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
RANGE = "source, first_scan int, from_scan int, to_scan int"
IDENTITY = (
    "key, scope, kind, native_id, name, arn, path, state, created_at int, description, tags, provider_managed int,"
    " console_access int, mfa int"
)
CREDENTIAL = (
    "key, scope, kind, native_id, name, identity, state, created_at int, changed_at int, expires_at int,"
    " never_expires int, slot int, service, origin"
)
TABLES = {  # name -> columns before the new ones, the new ones, those after
    "identity_range": (
        IDENTITY,
        "publisher, publisher_verified int, audience, leaves_at int",
        f"trust_document, {RANGE}",
    ),
    "credential_range": (CREDENTIAL, "fingerprint", f"exposed int, restrictions, {RANGE}"),
}


def _names(columns: str) -> list[str]:
    return [column.split()[0] for column in columns.split(",")]


def _column(spelled: str) -> sa.Column[object]:
    name, _, kind = spelled.strip().partition(" ")
    required = name in ("key", "scope", "first_scan", "from_scan")
    return sa.Column(name, sa.BigInteger() if kind else TEXT, nullable=not required)


def upgrade() -> None:
    """The new columns stand where the records have them, so the tables are made again."""
    for name, (before, new, after) in TABLES.items():
        op.execute(sa.text(f"CREATE TABLE moved AS SELECT * FROM {name}"))
        op.drop_table(name)
        columns = [_column(one) for part in (before, new, after) for one in part.split(",")]
        key = sa.PrimaryKeyConstraint("key", "from_scan", name=f"pk_{name}")
        op.create_table(name, *columns, key, sqlite_with_rowid=False)
        kept = ", ".join(_names(before) + _names(after))
        op.execute(sa.text(f"INSERT INTO {name} ({kept}) SELECT {kept} FROM moved"))
        op.drop_table("moved")

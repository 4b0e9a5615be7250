"""What rules gave: results as ranges, counts, and findings with what happened to them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("opened_scan", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_scan", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject", name="pk_finding"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("scan", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_finding_event"),
    )
    op.create_index("ix_finding_event_subject", "finding_event", ["rule", "subject"])
    op.create_table(
        "result_range",
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("confidence", TEXT, nullable=True),
        sa.Column("severity", TEXT, nullable=True),
        sa.Column("from_scan", sa.BigInteger(), nullable=False),
        sa.Column("to_scan", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rule", "subject", "from_scan", name="pk_result_range"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rule_count",
        sa.Column("scan", sa.BigInteger(), nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("population", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("unknown", sa.BigInteger(), nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("scan", "rule", "scope", name="pk_rule_count"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rule_run",
        sa.Column("scan", sa.BigInteger(), nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("parameters", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("scan", "rule", name="pk_rule_run"),
        sqlite_with_rowid=False,
    )

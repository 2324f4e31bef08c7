"""The whole life of a grant: freezing, extension, who acted, what decisions saw.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _columns() -> dict[str, tuple[sa.Column[object], ...]]:
    return {
        "requests": (
            sa.Column("extends_id", sa.String(length=48), nullable=True),
            sa.Column("origin", sa.String(length=16), nullable=False, server_default="entity"),
        ),
        "grants": (
            sa.Column("events", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("frozen", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("suspended", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("case_id", sa.String(length=64), nullable=True),
            sa.Column("supersedes_id", sa.String(length=48), nullable=True),
            sa.Column("notice", sa.JSON(), nullable=True),
        ),
        "grant_events": (
            sa.Column("frozen", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("by_id", sa.String(length=48), nullable=True),
            sa.Column("case_ref", sa.String(length=64), nullable=True),
            sa.Column("number", sa.Integer(), nullable=True),
            sa.Column("receipt_id", sa.String(length=48), nullable=True),
        ),
        "parties": (
            sa.Column("status_seq", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("contact", sa.String(length=128), nullable=True),
        ),
    }


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index(op.f("ix_grants_supersedes_id"), "grants", ["supersedes_id"], unique=False)
    op.create_index(op.f("ix_grants_state_not_after_ms"), "grants", ["state", "not_after_ms"], unique=False)
    op.create_table(
        "party_events",
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("anchored_block", sa.BigInteger(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_party_events_party_id")),
        sa.PrimaryKeyConstraint("party_id", "seq", name=op.f("pk_party_events")),
    )


def downgrade() -> None:
    op.drop_table("party_events")
    op.drop_index(op.f("ix_grants_state_not_after_ms"), table_name="grants")
    op.drop_index(op.f("ix_grants_supersedes_id"), table_name="grants")
    for table, columns in _columns().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)

"""Asks for data: what organisations need of what departments have, and every move of theirs.

Revision ID: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_asks",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("asker_id", sa.String(48), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("type_code", sa.String(64), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("words", sa.String(500), nullable=True),
        sa.Column("purpose_code", sa.String(64), nullable=True),
        sa.Column("basis_code", sa.String(64), nullable=True),
        sa.Column("purpose", sa.String(500), nullable=False),
        sa.Column("basis", sa.String(500), nullable=False),
        sa.Column("frequency", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("route", sa.String(16), nullable=True),
        sa.Column("party_id", sa.String(48), nullable=True),
        sa.Column("restarted", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(500), nullable=True),
        sa.Column("filed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("plain", sa.Boolean(), nullable=False),
        sa.Column("late_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("escalated_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("in_time", sa.Boolean(), nullable=True),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["asker_id"], ["parties.id"], name="fk_data_asks_asker_id"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_data_asks_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_data_asks"),
        sa.UniqueConstraint("number", name="uq_data_asks_number"),
    )
    op.create_index("ix_data_asks_asker_id_filed_at_ms", "data_asks", ["asker_id", "filed_at_ms"])
    op.create_index("ix_data_asks_party_id_filed_at_ms", "data_asks", ["party_id", "filed_at_ms"])
    op.create_index("ix_data_asks_state_due_at_ms", "data_asks", ["state", "due_at_ms"])
    op.create_index("ix_data_asks_settled_at_ms", "data_asks", ["settled_at_ms"])
    op.create_table(
        "data_ask_events",
        sa.Column("ask_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("mover", sa.String(16), nullable=False),
        sa.Column("by", sa.String(64), nullable=True),
        sa.Column("party_id", sa.String(48), nullable=True),
        sa.Column("note", sa.String(16), nullable=True),
        sa.Column("text", sa.String(500), nullable=True),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["ask_id"], ["data_asks.id"], name="fk_data_ask_events_ask_id"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_data_ask_events_party_id"),
        sa.PrimaryKeyConstraint("ask_id", "seq", name="pk_data_ask_events"),
    )


def downgrade() -> None:
    op.drop_table("data_ask_events")
    op.drop_table("data_asks")

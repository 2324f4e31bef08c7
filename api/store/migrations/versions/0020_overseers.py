"""Overseers: offices, acts about parties, the watch over the use of data.

Revision ID: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "office_holdings",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("staff", sa.String(64), nullable=False),
        sa.Column("office", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=True),
        sa.Column("proposed_by", sa.String(64), nullable=False),
        sa.Column("proposed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_office_holdings_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_office_holdings"),
        sa.UniqueConstraint("staff", "live", name="uq_office_holdings_staff_live"),
    )
    op.create_index("ix_office_holdings_party_id_proposed_at_ms", "office_holdings", ["party_id", "proposed_at_ms"])
    op.create_table(
        "party_acts",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("described", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(200), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=True),
        sa.Column("proposed_by", sa.String(64), nullable=False),
        sa.Column("proposed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_party_acts"),
        sa.UniqueConstraint("party_id", "kind", "live", name="uq_party_acts_party_id_kind_live"),
    )
    op.create_index("ix_party_acts_proposed_at_ms_id", "party_acts", ["proposed_at_ms", "id"])
    op.create_index("ix_party_acts_state_kind", "party_acts", ["state", "kind"])
    op.create_table(
        "watch_alarms",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=True),
        sa.Column("raised_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken_by", sa.String(64), nullable=True),
        sa.Column("taken_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(64), nullable=True),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(16), nullable=True),
        sa.Column("remark", sa.String(200), nullable=True),
        sa.Column("checked_by", sa.String(64), nullable=True),
        sa.Column("checked_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_watch_alarms_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_watch_alarms"),
        sa.UniqueConstraint("party_id", "kind", "subject", "live", name="uq_watch_alarms_party_id_kind_subject_live"),
    )
    op.create_index("ix_watch_alarms_raised_at_ms_id", "watch_alarms", ["raised_at_ms", "id"])
    op.create_index("ix_watch_alarms_state_raised_at_ms", "watch_alarms", ["state", "raised_at_ms"])
    op.create_table(
        "watch_tallies",
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("minute_ms", sa.BigInteger(), nullable=False),
        sa.Column("pulls", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_watch_tallies_party_id"),
        sa.PrimaryKeyConstraint("party_id", "minute_ms", name="pk_watch_tallies"),
    )
    op.create_table(
        "watch_marks",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watch_marks"),
    )


def downgrade() -> None:
    op.drop_table("watch_marks")
    op.drop_table("watch_tallies")
    op.drop_table("watch_alarms")
    op.drop_table("party_acts")
    op.drop_table("office_holdings")

"""Disputes about certificates and looks, and corrections with everybody who has to put a value right.

Revision ID: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("holder_id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("type_code", sa.String(64), nullable=True),
        sa.Column("record_id", sa.String(48), nullable=True),
        sa.Column("field", sa.String(64), nullable=True),
        sa.Column("receipt_id", sa.String(48), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("contested", sa.Boolean(), nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("statement_enc", sa.LargeBinary(), nullable=False),
        sa.Column("answer_enc", sa.LargeBinary(), nullable=True),
        sa.Column("contest_enc", sa.LargeBinary(), nullable=True),
        sa.Column("decision_enc", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("plain", sa.Boolean(), nullable=False),
        sa.Column("contest_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("escalated_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name="fk_disputes_holder_id"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_disputes_party_id"),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name="fk_disputes_record_id"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_disputes_receipt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_disputes"),
        sa.UniqueConstraint("number", name="uq_disputes_number"),
    )
    op.create_index("ix_disputes_holder_id_opened_at_ms", "disputes", ["holder_id", "opened_at_ms"])
    op.create_index("ix_disputes_party_id_opened_at_ms", "disputes", ["party_id", "opened_at_ms"])
    op.create_index("ix_disputes_receipt_id", "disputes", ["receipt_id"])
    op.create_index("ix_disputes_record_id", "disputes", ["record_id"])
    op.create_index("ix_disputes_state_due_at_ms", "disputes", ["state", "due_at_ms"])
    op.create_table(
        "dispute_events",
        sa.Column("dispute_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(16), nullable=False),
        sa.Column("note", sa.String(64), nullable=True),
        sa.Column("receipt_id", sa.String(48), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name="fk_dispute_events_dispute_id"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_dispute_events_receipt_id"),
        sa.PrimaryKeyConstraint("dispute_id", "seq", name="pk_dispute_events"),
    )
    op.create_table(
        "amendments",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("dispute_id", sa.String(48), nullable=False),
        sa.Column("holder_id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("type_code", sa.String(64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("old_record_id", sa.String(48), nullable=False),
        sa.Column("new_record_id", sa.String(48), nullable=True),
        sa.Column("return_id", sa.String(48), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("plain", sa.Boolean(), nullable=False),
        sa.Column("revoked_block", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name="fk_amendments_dispute_id"),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name="fk_amendments_holder_id"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_amendments_party_id"),
        sa.ForeignKeyConstraint(["old_record_id"], ["records.id"], name="fk_amendments_old_record_id"),
        sa.ForeignKeyConstraint(["new_record_id"], ["records.id"], name="fk_amendments_new_record_id"),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name="fk_amendments_return_id"),
        sa.PrimaryKeyConstraint("id", name="pk_amendments"),
        sa.UniqueConstraint("return_id", name="uq_amendments_return_id"),
    )
    op.create_index("ix_amendments_dispute_id", "amendments", ["dispute_id"])
    op.create_index("ix_amendments_holder_id_created_at_ms", "amendments", ["holder_id", "created_at_ms"])
    op.create_index("ix_amendments_old_record_id", "amendments", ["old_record_id"])
    op.create_index("ix_amendments_party_id_created_at_ms", "amendments", ["party_id", "created_at_ms"])
    op.create_index("ix_amendments_state", "amendments", ["state"])
    op.create_table(
        "amendment_recipients",
        sa.Column("amendment_id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("copies", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("told_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("next_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.String(16), nullable=True),
        sa.Column("receipt_id", sa.String(48), nullable=True),
        sa.ForeignKeyConstraint(["amendment_id"], ["amendments.id"], name="fk_amendment_recipients_amendment_id"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_amendment_recipients_party_id"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_amendment_recipients_receipt_id"),
        sa.PrimaryKeyConstraint("amendment_id", "party_id", name="pk_amendment_recipients"),
    )
    op.create_index("ix_amendment_recipients_party_id_state", "amendment_recipients", ["party_id", "state"])
    op.create_index("ix_amendment_recipients_state_next_at_ms", "amendment_recipients", ["state", "next_at_ms"])


def downgrade() -> None:
    for name in ("amendment_recipients", "amendments", "dispute_events", "disputes"):
        op.drop_table(name)

"""Who looked: masks, cases, notifications.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "look_counts",
        sa.Column("receipt_id", sa.String(length=48), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_look_counts_receipt_id")),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_look_counts")),
    )
    op.create_index(op.f("ix_look_counts_key_since_ms"), "look_counts", ["key", "since_ms"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("party_id", sa.String(length=48), nullable=True),
        sa.Column("grant_id", sa.String(length=48), nullable=True),
        sa.Column("receipt_id", sa.String(length=48), nullable=True),
        sa.Column("access_id", sa.String(length=48), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("hold", sa.String(length=8), nullable=False),
        sa.Column("reason_enc", sa.LargeBinary(), nullable=False),
        sa.Column("decision_enc", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(length=48), nullable=True),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("escalated_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["access_id"], ["statutory_accesses.id"], name=op.f("fk_cases_access_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["parties.id"], name=op.f("fk_cases_decided_by")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_cases_grant_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_cases_holder_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_cases_party_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_cases_receipt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
    )
    op.create_index(op.f("ix_cases_grant_id"), "cases", ["grant_id"], unique=False)
    op.create_index(op.f("ix_cases_holder_id_opened_at_ms"), "cases", ["holder_id", "opened_at_ms"], unique=False)
    op.create_index(op.f("ix_cases_party_id_opened_at_ms"), "cases", ["party_id", "opened_at_ms"], unique=False)
    op.create_index(op.f("ix_cases_receipt_id"), "cases", ["receipt_id"], unique=False)
    op.create_index(op.f("ix_cases_state_due_at_ms"), "cases", ["state", "due_at_ms"], unique=False)
    op.create_table(
        "case_events",
        sa.Column("case_id", sa.String(length=48), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=24), nullable=False),
        sa.Column("note", sa.String(length=64), nullable=True),
        sa.Column("receipt_id", sa.String(length=48), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_case_events_receipt_id")),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_case_events")),
    )
    op.create_table(
        "suspensions",
        sa.Column("case_id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_suspensions_case_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_suspensions_holder_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_suspensions_party_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_suspensions")),
    )
    op.create_index(op.f("ix_suspensions_holder_id_party_id"), "suspensions", ["holder_id", "party_id"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("party_id", sa.String(length=48), nullable=True),
        sa.Column("topic", sa.String(length=24), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("read_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("send_state", sa.String(length=8), nullable=False),
        sa.Column("next_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_notifications_holder_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_notifications_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("key", name=op.f("uq_notifications_key")),
    )
    op.create_index(op.f("ix_notifications_holder_id_at_ms"), "notifications", ["holder_id", "at_ms"], unique=False)
    op.create_index(op.f("ix_notifications_party_id_at_ms"), "notifications", ["party_id", "at_ms"], unique=False)
    op.create_index(
        op.f("ix_notifications_send_state_next_at_ms"), "notifications", ["send_state", "next_at_ms"], unique=False
    )
    op.create_table(
        "notification_settings",
        sa.Column("audience", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("party_id", sa.String(length=48), nullable=True),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("address_enc", sa.LargeBinary(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_notification_settings_holder_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_notification_settings_party_id")),
        sa.PrimaryKeyConstraint("audience", name=op.f("pk_notification_settings")),
    )
    op.create_table(
        "look_marks",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_marks")),
    )


def downgrade() -> None:
    op.drop_table("look_marks")
    op.drop_table("notification_settings")
    op.drop_index(op.f("ix_notifications_holder_id_at_ms"), table_name="notifications")
    op.drop_index(op.f("ix_notifications_party_id_at_ms"), table_name="notifications")
    op.drop_index(op.f("ix_notifications_send_state_next_at_ms"), table_name="notifications")
    op.drop_table("notifications")
    op.drop_index(op.f("ix_suspensions_holder_id_party_id"), table_name="suspensions")
    op.drop_table("suspensions")
    op.drop_table("case_events")
    op.drop_index(op.f("ix_cases_grant_id"), table_name="cases")
    op.drop_index(op.f("ix_cases_holder_id_opened_at_ms"), table_name="cases")
    op.drop_index(op.f("ix_cases_party_id_opened_at_ms"), table_name="cases")
    op.drop_index(op.f("ix_cases_receipt_id"), table_name="cases")
    op.drop_index(op.f("ix_cases_state_due_at_ms"), table_name="cases")
    op.drop_table("cases")
    op.drop_index(op.f("ix_look_counts_key_since_ms"), table_name="look_counts")
    op.drop_table("look_counts")

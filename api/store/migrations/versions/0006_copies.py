"""The life of a copy after its grant; webhooks.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("copies", sa.Column("delete_by_ms", sa.BigInteger(), nullable=True))
    op.add_column("copies", sa.Column("due_at_ms", sa.BigInteger(), nullable=True))
    op.add_column("copies", sa.Column("retained_basis", sa.String(64), nullable=True))
    op.create_index("ix_copies_state_due_at_ms_id", "copies", ["state", "due_at_ms", "id"])
    op.create_index("ix_contents_holder_id", "contents", ["holder_id"])
    op.create_table(
        "copy_events",
        sa.Column("copy_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("stated_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("receipt_id", sa.String(48), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], name="fk_copy_events_copy_id"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_copy_events_receipt_id"),
        sa.PrimaryKeyConstraint("copy_id", "seq", name="pk_copy_events"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("url", sa.String(512), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_webhooks_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_party_id", "webhooks", ["party_id"])
    op.create_table(
        "notices",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("grant_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_notices_party_id"),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name="fk_notices_grant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("key", name="uq_notices_key"),
        sa.UniqueConstraint("grant_id", "seq", name="uq_notices_grant_id_seq"),
    )
    op.create_table(
        "notice_deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("webhook_id", sa.String(48), nullable=False),
        sa.Column("notice_id", sa.String(48), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.String(64), nullable=True),
        sa.Column("delivered_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_notice_deliveries_webhook_id"),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name="fk_notice_deliveries_notice_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notice_deliveries"),
        sa.UniqueConstraint("webhook_id", "notice_id", name="uq_notice_deliveries_webhook_id_notice_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notice_deliveries_state_next_at_ms", "notice_deliveries", ["state", "next_at_ms"])
    op.create_table(
        "corrections",
        sa.Column("return_id", sa.String(48), nullable=False),
        sa.Column("after", sa.String(48), nullable=False),
        sa.Column("done_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name="fk_corrections_return_id"),
        sa.PrimaryKeyConstraint("return_id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_done_at_ms", "corrections", ["done_at_ms"])


def downgrade() -> None:
    for name in ("corrections", "notice_deliveries", "notices", "webhooks", "copy_events"):
        op.drop_table(name)
    op.drop_index("ix_contents_holder_id", "contents")
    op.drop_index("ix_copies_state_due_at_ms_id", "copies")
    for name in ("retained_basis", "due_at_ms", "delete_by_ms"):
        op.drop_column("copies", name)

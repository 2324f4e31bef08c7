"""Erasure and retention.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("relation", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("plan_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("traces", sa.JSON(), nullable=False),
        sa.Column("receipt_id", sa.String(length=48), nullable=True),
        sa.Column("asked_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("erased_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'cooling', 'running', 'shredded', 'done', 'cancelled')",
            name=op.f("ck_erasures_state"),
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_erasures_holder_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_erasures_receipt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_state_due_at_ms"), "erasures", ["state", "due_at_ms"], unique=False)
    op.create_index(op.f("ix_erasures_holder_id_asked_at_ms"), "erasures", ["holder_id", "asked_at_ms"], unique=False)
    op.create_table(
        "retention_keys",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("master_key_id", sa.String(length=64), nullable=False),
        sa.Column("key_commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("shredded_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_retention_keys_holder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_keys")),
    )
    op.create_index(op.f("ix_retention_keys_holder_id"), "retention_keys", ["holder_id"], unique=False)
    op.create_index(op.f("ix_retention_keys_ends_ms"), "retention_keys", ["ends_ms"], unique=False)
    op.create_table(
        "retained_contents",
        sa.Column("content_id", sa.String(length=48), nullable=False),
        sa.Column("key_id", sa.String(length=48), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_retained_contents_content_id")),
        sa.ForeignKeyConstraint(["key_id"], ["retention_keys.id"], name=op.f("fk_retained_contents_key_id")),
        sa.PrimaryKeyConstraint("content_id", name=op.f("pk_retained_contents")),
    )
    op.create_index(op.f("ix_retained_contents_key_id"), "retained_contents", ["key_id"], unique=False)


def downgrade() -> None:
    for table in ("retained_contents", "retention_keys", "erasures"):
        op.drop_table(table)

"""Upkeep of registrations, statutory queries and kept copies.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("receipt_id", sa.String(48), nullable=True))
    op.create_index("ix_requests_receipt_id", "requests", ["receipt_id"], unique=True)
    # What the provider calls people is noted anew at each one's next sign-in, then with a receipt.
    op.drop_table("provider_subjects")
    _subjects(
        sa.Column("receipt_id", sa.String(48), nullable=False),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_provider_subjects_receipt_id"),
        sa.UniqueConstraint("receipt_id", name="uq_provider_subjects_receipt_id"),
    )
    op.add_column("look_counts", sa.Column("counted_in", sa.String(48), nullable=True))
    op.create_index("ix_look_counts_counted_in_since_ms", "look_counts", ["counted_in", "since_ms"])
    op.create_index("ix_statutory_accesses_at_ms", "statutory_accesses", ["at_ms"])
    op.create_table(
        "retained_proofs",
        sa.Column("receipt_id", sa.String(48), nullable=False),
        sa.Column("key_id", sa.String(48), nullable=False),
        sa.Column("bundle_enc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_retained_proofs_receipt_id"),
        sa.ForeignKeyConstraint(["key_id"], ["retention_keys.id"], name="fk_retained_proofs_key_id"),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_retained_proofs"),
    )
    op.create_index("ix_retained_proofs_key_id", "retained_proofs", ["key_id"])


def downgrade() -> None:
    op.drop_table("retained_proofs")
    op.drop_index("ix_statutory_accesses_at_ms", table_name="statutory_accesses")
    op.drop_index("ix_look_counts_counted_in_since_ms", table_name="look_counts")
    op.drop_column("look_counts", "counted_in")
    op.drop_table("provider_subjects")
    _subjects()
    op.drop_index("ix_requests_receipt_id", table_name="requests")
    op.drop_column("requests", "receipt_id")


def _subjects(*more: sa.schema.SchemaItem) -> None:
    op.create_table(
        "provider_subjects",
        sa.Column("subject_bidx", sa.LargeBinary(32), nullable=False),
        sa.Column("holder_id", sa.String(48), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name="fk_provider_subjects_holder_id"),
        sa.PrimaryKeyConstraint("subject_bidx", name="pk_provider_subjects"),
        *more,
    )
    op.create_index("ix_provider_subjects_holder_id", "provider_subjects", ["holder_id"])

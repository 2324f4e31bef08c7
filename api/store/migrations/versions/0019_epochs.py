"""Epochs of the keys that copies are marked with, and the fields of a content whose spelling bears a mark.

Revision ID: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "epochs",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("key_enc", sa.LargeBinary(), nullable=False),
        sa.Column("key_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("receipt_id", sa.String(48), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_epochs_receipt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_epochs"),
        sa.UniqueConstraint("seq", name="uq_epochs_seq"),
    )
    op.add_column("contents", sa.Column("spellings", sa.JSON(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _provenance_anew(rowid=False)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _provenance_anew(rowid=True)
    op.drop_column("contents", "spellings")
    op.drop_table("epochs")


def _provenance_anew(*, rowid: bool) -> None:
    """The table of tags with row ids, or as an index of itself; SQLite cannot change that in place."""
    op.create_table(
        "provenance_new",
        sa.Column("tag", sa.LargeBinary(16), nullable=False),
        sa.Column("content_id", sa.String(48), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name="fk_provenance_content_id"),
        sa.PrimaryKeyConstraint("tag", "content_id", name="pk_provenance"),
        sqlite_with_rowid=rowid,
    )
    op.execute("INSERT INTO provenance_new SELECT tag, content_id FROM provenance ORDER BY tag, content_id")
    op.drop_table("provenance")
    op.rename_table("provenance_new", "provenance")

"""Returned files in pieces, so that nobody holds a whole one in memory.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "return_chunks",
        sa.Column("return_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("chunk_enc", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("return_id", "seq", name="pk_return_chunks"),
    )
    # A file that still waits was sealed as one piece, which no migration can cut: it has no keys. It is asked for anew.
    op.execute(
        "UPDATE returns SET state = 'failed', error_code = 'returns.stopped' WHERE state IN ('received', 'checking')"
    )
    op.drop_column("returns", "file_enc")


def downgrade() -> None:
    op.add_column("returns", sa.Column("file_enc", sa.LargeBinary(), nullable=True))
    op.drop_table("return_chunks")

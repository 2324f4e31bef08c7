"""Returned files on their way in.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Returns that are sealed already were settled in the same transaction.
    op.add_column("returns", sa.Column("settle_next", sa.Integer(), nullable=True))
    op.create_index("ix_returns_settle_next", "returns", ["settle_next"])


def downgrade() -> None:
    op.drop_index("ix_returns_settle_next", table_name="returns")
    op.drop_column("returns", "settle_next")

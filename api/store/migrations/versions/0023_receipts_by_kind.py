"""Receipts by kind and time, as flow map and indicators ask for them; an index of requests that another one contains.

Revision ID: 0023
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_receipts_kind_at_ms", "receipts", ["kind", "at_ms"])
    op.drop_index("ix_requests_entity_id", table_name="requests")


def downgrade() -> None:
    op.create_index("ix_requests_entity_id", "requests", ["entity_id"])
    op.drop_index("ix_receipts_kind_at_ms", table_name="receipts")

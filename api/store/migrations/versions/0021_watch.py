"""What the watch counts is found by index; what stands in the log before it began is not judged anew.

Revision ID: 0021
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_requests_entity_id_created_at_ms", "requests", ["entity_id", "created_at_ms"])
    op.create_index("ix_watch_tallies_minute_ms", "watch_tallies", ["minute_ms"])
    op.execute(
        "INSERT INTO watch_marks (id, number)"
        " SELECT 1, newest.number FROM (SELECT MAX(number) AS number FROM receipts) AS newest"
        " WHERE newest.number IS NOT NULL AND NOT EXISTS (SELECT 1 FROM watch_marks)"
    )


def downgrade() -> None:
    op.drop_index("ix_watch_tallies_minute_ms", "watch_tallies")
    op.drop_index("ix_requests_entity_id_created_at_ms", "requests")

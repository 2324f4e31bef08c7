"""Bulk pulls.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pull_jobs",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=True),
        sa.Column("chosen", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("request_enc", sa.LargeBinary(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("fetching_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_pull_jobs_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pull_jobs"),
    )
    op.create_index("ix_pull_jobs_party_id_created_at_ms_id", "pull_jobs", ["party_id", "created_at_ms", "id"])
    op.create_index("ix_pull_jobs_state_created_at_ms", "pull_jobs", ["state", "created_at_ms"])
    op.create_table(
        "pull_job_items",
        sa.Column("job_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("grant_id", sa.String(48), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=True),
        sa.Column("copy_id", sa.String(48), nullable=True),
        sa.Column("receipt_id", sa.String(48), nullable=True),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["pull_jobs.id"], name="fk_pull_job_items_job_id"),
        sa.PrimaryKeyConstraint("job_id", "seq", name="pk_pull_job_items"),
    )
    op.create_index("ix_pull_job_items_job_id_state_seq", "pull_job_items", ["job_id", "state", "seq"])


def downgrade() -> None:
    op.drop_table("pull_job_items")
    op.drop_table("pull_jobs")

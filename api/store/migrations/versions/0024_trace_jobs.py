"""Jobs of tracing.

Revision ID: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trace_jobs",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("begun_by", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("clues_enc", sa.LargeBinary(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_trace_jobs_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trace_jobs"),
    )
    op.create_index("ix_trace_jobs_party_id_created_at_ms_id", "trace_jobs", ["party_id", "created_at_ms", "id"])
    op.create_index("ix_trace_jobs_state_created_at_ms", "trace_jobs", ["state", "created_at_ms"])
    op.create_table(
        "trace_job_files",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("job_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("name_enc", sa.LargeBinary(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("key_enc", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("error_facts", sa.JSON(), nullable=True),
        sa.Column("trace_id", sa.String(48), nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["trace_jobs.id"], name="fk_trace_job_files_job_id"),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.id"], name="fk_trace_job_files_trace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trace_job_files"),
        sa.UniqueConstraint("job_id", "seq", name="uq_trace_job_files_job_id_seq"),
    )
    op.create_index("ix_trace_job_files_state_seq_job_id", "trace_job_files", ["state", "seq", "job_id"])
    op.create_table(
        "trace_job_pieces",
        sa.Column("file_id", sa.String(48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("piece_enc", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "seq", name="pk_trace_job_pieces"),
    )


def downgrade() -> None:
    op.drop_table("trace_job_pieces")
    op.drop_table("trace_job_files")
    op.drop_table("trace_jobs")

"""What parties are registered to ask for, service items and fair use of requests, access by statutory duty and alarms.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _columns() -> dict[str, tuple[sa.Column[object], ...]]:
    return {
        "requests": (
            sa.Column("legal_basis", sa.String(length=24), nullable=False, server_default="consent"),
            sa.Column("item_no", sa.Integer(), nullable=True),
        ),
        "grants": (
            sa.Column("legal_basis", sa.String(length=24), nullable=False, server_default="consent"),
            sa.Column("fair_use", sa.JSON(), nullable=True),
        ),
    }


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "registrations",
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("legal_basis", sa.String(length=24), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("registered_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_registrations_party_id")),
        sa.PrimaryKeyConstraint("party_id", "legal_basis", "code", name=op.f("pk_registrations")),
    )
    op.create_table(
        "statutory_accesses",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("grant_id", sa.String(length=48), nullable=True),
        sa.Column("receipt_id", sa.String(length=48), nullable=True),
        sa.Column("basis_code", sa.String(length=64), nullable=False),
        sa.Column("basis_version", sa.Integer(), nullable=False),
        sa.Column("case_no", sa.String(length=64), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("subject_bidx", sa.LargeBinary(length=32), nullable=False),
        sa.Column("near_bidx", sa.LargeBinary(length=32), nullable=False),
        sa.Column("request_bidx", sa.LargeBinary(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("masked_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("mask_basis", sa.String(length=128), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_statutory_accesses_grant_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_statutory_accesses_holder_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_statutory_accesses_party_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_statutory_accesses_receipt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statutory_accesses")),
        sa.UniqueConstraint("grant_id", name=op.f("uq_statutory_accesses_grant_id")),
    )
    op.create_index(op.f("ix_statutory_accesses_receipt_id"), "statutory_accesses", ["receipt_id"], unique=False)
    op.create_index(
        op.f("ix_statutory_accesses_party_id_basis_code_at_ms"),
        "statutory_accesses",
        ["party_id", "basis_code", "at_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_statutory_accesses_holder_id_at_ms"), "statutory_accesses", ["holder_id", "at_ms"], unique=False
    )
    op.create_table(
        "statutory_alarms",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("basis_code", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("raised_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_by", sa.String(length=48), nullable=True),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("remark", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["closed_by"], ["parties.id"], name=op.f("fk_statutory_alarms_closed_by")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_statutory_alarms_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statutory_alarms")),
    )
    op.create_index(
        op.f("ix_statutory_alarms_party_id_state"),
        "statutory_alarms",
        ["party_id", "state"],
        unique=False,
    )
    op.create_index(
        op.f("ix_statutory_alarms_state_raised_at_ms"), "statutory_alarms", ["state", "raised_at_ms"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_statutory_alarms_state_raised_at_ms"), table_name="statutory_alarms")
    op.drop_index(op.f("ix_statutory_alarms_party_id_state"), table_name="statutory_alarms")
    op.drop_table("statutory_alarms")
    op.drop_index(op.f("ix_statutory_accesses_holder_id_at_ms"), table_name="statutory_accesses")
    op.drop_index(op.f("ix_statutory_accesses_party_id_basis_code_at_ms"), table_name="statutory_accesses")
    op.drop_index(op.f("ix_statutory_accesses_receipt_id"), table_name="statutory_accesses")
    op.drop_table("statutory_accesses")
    op.drop_table("registrations")
    for table, columns in _columns().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)

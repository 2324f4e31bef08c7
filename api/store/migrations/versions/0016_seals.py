"""Seals: the demo authority's certificates, sealed documents, and who still has to seal them.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seal_certificates",
        sa.Column("owner", sa.String(48), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("serial", sa.String(48), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("receipt_id", sa.String(48), nullable=True),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_seal_certificates_receipt_id"),
        sa.PrimaryKeyConstraint("owner", "generation", name="pk_seal_certificates"),
        sa.UniqueConstraint("serial", name="uq_seal_certificates_serial"),
    )
    op.create_table(
        "seal_plans",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("type_code", sa.String(64), nullable=False),
        sa.Column("cosigners", sa.JSON(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_seal_plans_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_seal_plans"),
    )
    op.create_index("ix_seal_plans_party_id_type_code", "seal_plans", ["party_id", "type_code"])
    op.create_table(
        "sealed_documents",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("holder_id", sa.String(48), nullable=False),
        sa.Column("record_id", sa.String(48), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("issuer_id", sa.String(48), nullable=False),
        sa.Column("type_code", sa.String(64), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("file_enc", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name="fk_sealed_documents_holder_id"),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name="fk_sealed_documents_record_id"),
        sa.ForeignKeyConstraint(["issuer_id"], ["parties.id"], name="fk_sealed_documents_issuer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sealed_documents"),
        sa.UniqueConstraint("record_id", "version", name="uq_sealed_documents_record_id_version"),
    )
    op.create_index("ix_sealed_documents_holder_id", "sealed_documents", ["holder_id"])
    op.create_index("ix_sealed_documents_state_created_at_ms", "sealed_documents", ["state", "created_at_ms"])
    op.create_table(
        "seal_steps",
        sa.Column("document_id", sa.String(48), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("serial", sa.String(48), nullable=True),
        sa.Column("file_sha256", sa.LargeBinary(32), nullable=True),
        sa.Column("receipt_id", sa.String(48), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["sealed_documents.id"], name="fk_seal_steps_document_id"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_seal_steps_party_id"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_seal_steps_receipt_id"),
        sa.PrimaryKeyConstraint("document_id", "position", name="pk_seal_steps"),
    )
    op.create_index("ix_seal_steps_party_id_state", "seal_steps", ["party_id", "state"])


def downgrade() -> None:
    for table in ("seal_steps", "sealed_documents", "seal_plans", "seal_certificates"):
        op.drop_table(table)

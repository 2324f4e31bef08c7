"""Passkeys, sign-ins under way, prepared grants.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_subjects",
        sa.Column("subject_bidx", sa.LargeBinary(length=32), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_provider_subjects_holder_id")),
        sa.PrimaryKeyConstraint("subject_bidx", name=op.f("pk_provider_subjects")),
    )
    op.create_index(op.f("ix_provider_subjects_holder_id"), "provider_subjects", ["holder_id"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("state_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_sign_ins")),
    )
    op.create_index(op.f("ix_sign_ins_expires_at_ms"), "sign_ins", ["expires_at_ms"], unique=False)
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("credential_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("receipt_id", sa.String(length=48), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_passkeys_holder_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_passkeys_receipt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_hash", name=op.f("uq_passkeys_credential_hash")),
    )
    op.create_index(op.f("ix_passkeys_holder_id"), "passkeys", ["holder_id"], unique=False)
    op.create_table(
        "passkey_challenges",
        sa.Column("challenge_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("browser_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_passkey_challenges_holder_id")),
        sa.PrimaryKeyConstraint("challenge_hash", name=op.f("pk_passkey_challenges")),
    )
    op.create_index(op.f("ix_passkey_challenges_expires_at_ms"), "passkey_challenges", ["expires_at_ms"], unique=False)
    op.create_table(
        "grant_drafts",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("request_id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("presenter_id", sa.String(length=48), nullable=False),
        sa.Column("terms_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("custody", sa.String(length=16), nullable=False),
        sa.Column("binding_kind", sa.String(length=64), nullable=True),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_grant_drafts_holder_id")),
        sa.ForeignKeyConstraint(["presenter_id"], ["holders.id"], name=op.f("fk_grant_drafts_presenter_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_grant_drafts_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_drafts")),
    )
    for column in ("expires_at_ms", "holder_id", "request_id"):
        op.create_index(op.f(f"ix_grant_drafts_{column}"), "grant_drafts", [column], unique=False)


def downgrade() -> None:
    for table in ("grant_drafts", "passkey_challenges", "passkeys", "sign_ins", "provider_subjects"):
        op.drop_table(table)

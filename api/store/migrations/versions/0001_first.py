"""Every table of the first release.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chain_blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_chain_blocks")),
    )
    op.create_table(
        "chain_status",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("last_ok_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_status")),
    )
    op.create_table(
        "chain_txs",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("sender", sa.LargeBinary(length=20), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("to", sa.LargeBinary(length=20), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_chain_txs")),
        sa.UniqueConstraint("sender", "nonce", name=op.f("uq_chain_txs_sender_nonce")),
        sa.UniqueConstraint("tx_hash", name=op.f("uq_chain_txs_tx_hash")),
    )
    op.create_index(op.f("ix_chain_txs_sender_state_nonce"), "chain_txs", ["sender", "state", "nonce"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("tx_key", sa.String(length=128), nullable=False),
        sa.Column("anchor_state", sa.String(length=16), nullable=False),
        sa.Column("anchored_block", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "clock_mark",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("high_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_mark")),
    )
    op.create_table(
        "holders",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number_bidx", sa.LargeBinary(length=32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("master_key_id", sa.String(length=64), nullable=False),
        sa.Column("key_commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("profile_enc", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('person', 'enterprise')", name=op.f("ck_holders_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holders")),
        sa.UniqueConstraint("kind", "number_bidx", name=op.f("uq_holders_kind_number_bidx")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.String(length=96), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body_enc", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_log_nodes")),
    )
    op.create_table(
        "log_state",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("last_time_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_state")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("leased_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.Column("done_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index("ix_outbox_open", "outbox", ["done_at_ms", "id"], unique=False)
    op.create_table(
        "parties",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name_zh", sa.String(length=128), nullable=False),
        sa.Column("name_en", sa.String(length=128), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=True),
        sa.Column("address", sa.LargeBinary(length=20), nullable=True),
        sa.Column("http_key", sa.JSON(), nullable=True),
        sa.Column("http_key_thumbprint", sa.String(length=64), nullable=True),
        sa.Column("custody", sa.String(length=16), nullable=False),
        sa.Column("department_code", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("anchor_state", sa.String(length=16), nullable=False),
        sa.Column("anchored_block", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parties")),
        sa.UniqueConstraint("http_key_thumbprint", name=op.f("uq_parties_http_key_thumbprint")),
    )
    op.create_table(
        "signature_nonces",
        sa.Column("key_thumbprint", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=128), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_thumbprint", "nonce", name=op.f("pk_signature_nonces")),
    )
    op.create_index(op.f("ix_signature_nonces_expires_at_ms"), "signature_nonces", ["expires_at_ms"], unique=False)
    op.create_table(
        "contents",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("media_type", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("original_enc", sa.LargeBinary(), nullable=False),
        sa.Column("original_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("records", sa.JSON(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_contents_holder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contents")),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("entity_id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("purpose_code", sa.String(length=64), nullable=False),
        sa.Column("scenario_code", sa.String(length=64), nullable=True),
        sa.Column("case_no", sa.String(length=64), nullable=True),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("cut", sa.JSON(), nullable=False),
        sa.Column("wanted_days", sa.Integer(), nullable=False),
        sa.Column("wanted_uses", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["parties.id"], name=op.f("fk_requests_entity_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_requests_holder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_entity_id"), "requests", ["entity_id"], unique=False)
    op.create_index(op.f("ix_requests_holder_id"), "requests", ["holder_id"], unique=False)
    op.create_table(
        "returns",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("type_code", sa.String(length=64), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("file_enc", sa.LargeBinary(), nullable=True),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("auto_seal", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("next_line", sa.Integer(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("rows_good", sa.Integer(), nullable=False),
        sa.Column("rows_warned", sa.Integer(), nullable=False),
        sa.Column("rows_bad", sa.Integer(), nullable=False),
        sa.Column("rows_duplicate", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_facts", sa.JSON(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("anchored_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_returns_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
    )
    op.create_index(
        op.f("ix_returns_party_id_file_sha256_type_code"),
        "returns",
        ["party_id", "file_sha256", "type_code"],
        unique=False,
    )
    op.create_index(op.f("ix_returns_state"), "returns", ["state"], unique=False)
    op.create_table(
        "user_sessions",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("party_id", sa.String(length=48), nullable=True),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("display_enc", sa.LargeBinary(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_user_sessions_holder_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_user_sessions_party_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_sessions")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("return_id", sa.String(length=48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("tree", sa.LargeBinary(), nullable=False),
        sa.Column("anchor_state", sa.String(length=16), nullable=False),
        sa.Column("anchored_block", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_batches_return_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("issuer", "root", name=op.f("uq_batches_issuer_root")),
        sa.UniqueConstraint("return_id", "seq", name=op.f("uq_batches_return_id_seq")),
    )
    op.create_index(op.f("ix_batches_return_id"), "batches", ["return_id"], unique=False)
    op.create_table(
        "grants",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("request_id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("entity_id", sa.String(length=48), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_address", sa.LargeBinary(length=20), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=65), nullable=False),
        sa.Column("secret_enc", sa.LargeBinary(), nullable=False),
        sa.Column("custody", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("use_count", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("lock_version", sa.Integer(), nullable=False),
        sa.Column("anchor_state", sa.String(length=16), nullable=False),
        sa.Column("anchored_block", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["parties.id"], name=op.f("fk_grants_entity_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_grants_holder_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_grants_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint("digest", name=op.f("uq_grants_digest")),
        sa.UniqueConstraint("request_id", name=op.f("uq_grants_request_id")),
    )
    op.create_index(op.f("ix_grants_entity_id"), "grants", ["entity_id"], unique=False)
    op.create_index(op.f("ix_grants_holder_id"), "grants", ["holder_id"], unique=False)
    op.create_table(
        "provenance",
        sa.Column("tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("content_id", sa.String(length=48), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_provenance_content_id")),
        sa.PrimaryKeyConstraint("tag", "content_id", name=op.f("pk_provenance")),
    )
    op.create_table(
        "return_rows",
        sa.Column("return_id", sa.String(length=48), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("column", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_return_rows_return_id")),
        sa.PrimaryKeyConstraint("return_id", "line", "seq", name=op.f("pk_return_rows")),
    )
    op.create_table(
        "copies",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("content_id", sa.String(length=48), nullable=False),
        sa.Column("grant_id", sa.String(length=48), nullable=False),
        sa.Column("entity_id", sa.String(length=48), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("media_type", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("file_enc", sa.LargeBinary(), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mark_document", sa.JSON(), nullable=False),
        sa.Column("mark_salt_enc", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_copies_content_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["parties.id"], name=op.f("fk_copies_entity_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_copies_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copies")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_copies_fingerprint")),
    )
    op.create_index(op.f("ix_copies_content_id"), "copies", ["content_id"], unique=False)
    op.create_index(op.f("ix_copies_file_sha256"), "copies", ["file_sha256"], unique=False)
    op.create_index(op.f("ix_copies_grant_id"), "copies", ["grant_id"], unique=False)
    op.create_table(
        "grant_events",
        sa.Column("grant_id", sa.String(length=48), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("signature", sa.LargeBinary(length=65), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("anchored_block", sa.BigInteger(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_grant_events_grant_id")),
        sa.PrimaryKeyConstraint("grant_id", "seq", name=op.f("pk_grant_events")),
    )
    op.create_table(
        "records",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=False),
        sa.Column("batch_id", sa.String(length=48), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("type_code", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.String(length=16), nullable=False),
        sa.Column("number_bidx", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_bidx", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_records_batch_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_records_holder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
        sa.UniqueConstraint("batch_id", "leaf_index", name=op.f("uq_records_batch_id_leaf_index")),
        sa.UniqueConstraint("number_bidx", "version", name=op.f("uq_records_number_bidx_version")),
    )
    op.create_index(op.f("ix_records_holder_id_type_code"), "records", ["holder_id", "type_code"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("party_id", sa.String(length=48), nullable=True),
        sa.Column("grant_id", sa.String(length=48), nullable=True),
        sa.Column("copy_id", sa.String(length=48), nullable=True),
        sa.Column("return_id", sa.String(length=48), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("details_enc", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("promise", sa.LargeBinary(length=64), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], name=op.f("fk_receipts_copy_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_receipts_grant_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_receipts_holder_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_receipts_party_id")),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_receipts_return_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("number", name=op.f("uq_receipts_number")),
    )
    op.create_index(op.f("ix_receipts_copy_id"), "receipts", ["copy_id"], unique=False)
    op.create_index(op.f("ix_receipts_grant_id"), "receipts", ["grant_id"], unique=False)
    op.create_index(op.f("ix_receipts_holder_id_at_ms"), "receipts", ["holder_id", "at_ms"], unique=False)
    op.create_table(
        "prepared_receipts",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("receipt_id", sa.String(length=48), nullable=False),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_prepared_receipts_receipt_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_prepared_receipts")),
        sa.UniqueConstraint("receipt_id", name=op.f("uq_prepared_receipts_receipt_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "request_evidence",
        sa.Column("receipt_id", sa.String(length=48), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_request_evidence_receipt_id")),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_request_evidence")),
    )
    op.create_table(
        "traces",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("receipt_id", sa.String(length=48), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_traces_party_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_traces_receipt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traces")),
    )
    # Rows that always exist: the empty log, and a clock that has seen nothing.
    op.execute(sa.text("INSERT INTO log_state (id, size, fence, last_time_s) VALUES (1, 0, 0, 0)"))
    op.execute(sa.text("INSERT INTO clock_mark (id, high_ms) VALUES (1, 0), (2, 0)"))


def downgrade() -> None:
    op.drop_table("traces")
    op.drop_table("request_evidence")
    op.drop_table("prepared_receipts")
    op.drop_index(op.f("ix_receipts_holder_id_at_ms"), table_name="receipts")
    op.drop_index(op.f("ix_receipts_grant_id"), table_name="receipts")
    op.drop_index(op.f("ix_receipts_copy_id"), table_name="receipts")
    op.drop_table("receipts")
    op.drop_index(op.f("ix_records_holder_id_type_code"), table_name="records")
    op.drop_table("records")
    op.drop_table("grant_events")
    op.drop_index(op.f("ix_copies_grant_id"), table_name="copies")
    op.drop_index(op.f("ix_copies_file_sha256"), table_name="copies")
    op.drop_index(op.f("ix_copies_content_id"), table_name="copies")
    op.drop_table("copies")
    op.drop_table("return_rows")
    op.drop_table("provenance")
    op.drop_index(op.f("ix_grants_holder_id"), table_name="grants")
    op.drop_index(op.f("ix_grants_entity_id"), table_name="grants")
    op.drop_table("grants")
    op.drop_index(op.f("ix_batches_return_id"), table_name="batches")
    op.drop_table("batches")
    op.drop_table("user_sessions")
    op.drop_index(op.f("ix_returns_state"), table_name="returns")
    op.drop_index(op.f("ix_returns_party_id_file_sha256_type_code"), table_name="returns")
    op.drop_table("returns")
    op.drop_index(op.f("ix_requests_holder_id"), table_name="requests")
    op.drop_index(op.f("ix_requests_entity_id"), table_name="requests")
    op.drop_table("requests")
    op.drop_table("contents")
    op.drop_index(op.f("ix_signature_nonces_expires_at_ms"), table_name="signature_nonces")
    op.drop_table("signature_nonces")
    op.drop_table("parties")
    op.drop_index("ix_outbox_open", table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("log_state")
    op.drop_table("log_nodes")
    op.drop_table("leases")
    op.drop_table("idempotency_keys")
    op.drop_table("holders")
    op.drop_table("clock_mark")
    op.drop_table("checkpoints")
    op.drop_index(op.f("ix_chain_txs_sender_state_nonce"), table_name="chain_txs")
    op.drop_table("chain_txs")
    op.drop_table("chain_status")
    op.drop_table("chain_blocks")

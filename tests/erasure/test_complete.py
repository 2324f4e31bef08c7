"""Whoever adds a table about people must say what erasure does to it."""

from api.store.queries.erasures import DELETED
from api.store.tables import Base, Holder

# Columns that lead to a holder, and what becomes of the row: the row goes, or stays as a tombstone without contents.
GO = {f"{table.__tablename__}.{column.key}" for table, column in DELETED}
TOMBSTONES = {
    "amendments.holder_id",
    "cases.holder_id",
    "contents.holder_id",
    "counter_visits.holder_id",
    "disputes.holder_id",
    "erasures.holder_id",
    "grants.holder_id",
    "mandates.person_id",
    "mandates.principal_id",
    "receipts.holder_id",
    "records.holder_id",
    "requests.holder_id",
    "retention_keys.holder_id",
    "sealed_documents.holder_id",
    "statutory_accesses.holder_id",
    "suspensions.holder_id",
}
# Sealed columns, by how erasure makes them unreadable.
OVERWRITTEN = {
    "cases.decision_enc",
    "cases.reason_enc",
    "contents.original_enc",
    "copies.file_enc",
    "copies.mark_salt_enc",
    "counter_visits.body_enc",
    "disputes.answer_enc",
    "disputes.contest_enc",
    "disputes.decision_enc",
    "disputes.statement_enc",
    "grants.secret_enc",
    "holders.profile_enc",
    "mandates.body_enc",
    "receipts.details_enc",
    "records.body_enc",
    "sealed_documents.file_enc",
}
ROW_GOES = {
    "grant_drafts.body_enc",
    "idempotency_keys.body_enc",
    "notification_settings.address_enc",
    "passkeys.body_enc",
    "request_evidence.body_enc",
    "user_sessions.display_enc",
}
# Written by the erasure itself under keys that end: proofs of delivery, without any value.
KEPT = {"retained_proofs.bundle_enc"}
# About nobody who could be told apart: dropped once read, identifiers alone, or a key that marks copies.
NOT_PERSONAL = {
    "epochs.key_enc",
    "pull_jobs.request_enc",
    "return_chunks.chunk_enc",
    "sign_ins.body_enc",
    "trace_job_files.key_enc",
    "trace_job_files.name_enc",
    "trace_job_pieces.piece_enc",
    "trace_jobs.clues_enc",
}


def test_every_reference_to_a_holder_is_thought_of() -> None:
    found = {
        f"{table.name}.{key.parent.name}"
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == Holder.__tablename__
    }
    assert found == GO | TOMBSTONES


def test_every_sealed_column_is_thought_of() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_enc")
    }
    assert found == OVERWRITTEN | ROW_GOES | KEPT | NOT_PERSONAL

"""The tables.

Times are UTC milliseconds (`_ms`), hashes and keys are bytes, identifiers are opaque strings with a type prefix.
Nothing here is SQLite's alone: PostgreSQL runs the same metadata. Personal values stand only in `*_enc` columns
(AES-256-GCM, see `api.store.crypto`); what must be found without being read has a keyed blind index.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(48)
CODE = String(64)
HASH = LargeBinary(32)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Declarative base with stable constraint names, which migrations need."""

    metadata = MetaData(naming_convention=NAMING)


class Holder(Base):
    """A person or enterprise whose data are kept. `number_bidx` finds it by ID number or USCC."""

    __tablename__ = "holders"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    number_bidx: Mapped[bytes] = mapped_column(HASH)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    master_key_id: Mapped[str] = mapped_column(CODE)
    key_commitment: Mapped[bytes] = mapped_column(HASH)
    profile_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        UniqueConstraint("kind", "number_bidx"),
        CheckConstraint("kind IN ('person', 'enterprise')", name="kind"),
    )


class Party(Base):
    """A department, entity, regulator or operator as PartyRegistry knows it. No natural person stands here."""

    __tablename__ = "parties"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    name_zh: Mapped[str] = mapped_column(String(128))
    name_en: Mapped[str] = mapped_column(String(128))
    uscc: Mapped[str | None] = mapped_column(String(18))
    address: Mapped[bytes | None] = mapped_column(LargeBinary(20))
    http_key: Mapped[dict[str, str] | None] = mapped_column(JSON)
    http_key_thumbprint: Mapped[str | None] = mapped_column(CODE, unique=True)
    custody: Mapped[str] = mapped_column(String(16), default="demo")
    department_code: Mapped[str | None] = mapped_column(CODE)  # which of the catalogue's departments it is
    status: Mapped[str] = mapped_column(String(16))
    anchor_state: Mapped[str] = mapped_column(String(16), default="pending")
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class Return(Base):
    """One file (or API call) by which a department returns records."""

    __tablename__ = "returns"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    type_code: Mapped[str] = mapped_column(CODE)
    file_sha256: Mapped[bytes] = mapped_column(HASH)
    file_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    auto_seal: Mapped[bool] = mapped_column()
    state: Mapped[str] = mapped_column(String(16), index=True)
    next_line: Mapped[int] = mapped_column(Integer, default=0)
    rows_total: Mapped[int] = mapped_column(Integer, default=0)
    rows_good: Mapped[int] = mapped_column(Integer, default=0)
    rows_warned: Mapped[int] = mapped_column(Integer, default=0)
    rows_bad: Mapped[int] = mapped_column(Integer, default=0)
    rows_duplicate: Mapped[int] = mapped_column(Integer, default=0)
    error_code: Mapped[str | None] = mapped_column(CODE)
    error_facts: Mapped[dict[str, str | int] | None] = mapped_column(JSON)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    sealed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    anchored_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "party_id", "file_sha256", "type_code"),)


class ReturnRow(Base):
    """A row that was not simply good: its line, column and reason; never its values."""

    __tablename__ = "return_rows"
    return_id: Mapped[str] = mapped_column(ForeignKey("returns.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    column: Mapped[str | None] = mapped_column(CODE)
    reason: Mapped[str] = mapped_column(CODE)
    facts: Mapped[dict[str, str | int]] = mapped_column(JSON)


class Batch(Base):
    """One slice of a return: at most 1,024 leaves under one root.

    `tree` holds all levels, leaves first, 32 bytes a node.
    """

    __tablename__ = "batches"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    return_id: Mapped[str] = mapped_column(ForeignKey("returns.id"), index=True)
    seq: Mapped[int] = mapped_column(Integer)
    issuer: Mapped[bytes] = mapped_column(LargeBinary(20))
    root: Mapped[bytes] = mapped_column(HASH)
    size: Mapped[int] = mapped_column(Integer)
    tree: Mapped[bytes] = mapped_column(LargeBinary)
    anchor_state: Mapped[str] = mapped_column(String(16), default="open")  # open, pending, anchored
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("issuer", "root"), UniqueConstraint("return_id", "seq"))


class Record(Base):
    """A certificate version.

    `number_bidx` = keyed index over (type, issuer party, natural key): redelivery finds it.
    """

    __tablename__ = "records"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    leaf_index: Mapped[int] = mapped_column(Integer)
    leaf_hash: Mapped[bytes] = mapped_column(HASH)
    type_code: Mapped[str] = mapped_column(CODE)
    rules: Mapped[str] = mapped_column(String(16))
    number_bidx: Mapped[bytes] = mapped_column(HASH)
    content_bidx: Mapped[bytes] = mapped_column(HASH)
    version: Mapped[int] = mapped_column(Integer)
    body_enc: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(16), default="current")  # current, superseded, revoked
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index(None, "holder_id", "type_code"),
        UniqueConstraint("number_bidx", "version"),
        UniqueConstraint("batch_id", "leaf_index"),
    )


class Request(Base):
    """An entity's ask. `holder_id` is null for a number that nobody here has; the entity cannot tell."""

    __tablename__ = "requests"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), index=True)
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"), index=True)
    purpose_code: Mapped[str] = mapped_column(CODE)
    scenario_code: Mapped[str | None] = mapped_column(CODE)
    case_no: Mapped[str | None] = mapped_column(String(64))
    items: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    cut: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    wanted_days: Mapped[int] = mapped_column(Integer)
    wanted_uses: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    lapses_at_ms: Mapped[int] = mapped_column(BigInteger)
    decided_at_ms: Mapped[int | None] = mapped_column(BigInteger)


class Grant(Base):
    """A grant.

    `lock_version` is what the re-check locks; `secret_enc` holds its one-off key, terms salt and binding token.
    """

    __tablename__ = "grants"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), unique=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), index=True)
    digest: Mapped[bytes] = mapped_column(HASH, unique=True)
    key_address: Mapped[bytes] = mapped_column(LargeBinary(20))
    terms: Mapped[dict[str, object]] = mapped_column(JSON)
    message: Mapped[dict[str, object]] = mapped_column(JSON)
    signature: Mapped[bytes] = mapped_column(LargeBinary(65))
    secret_enc: Mapped[bytes] = mapped_column(LargeBinary)
    custody: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    not_before_ms: Mapped[int] = mapped_column(BigInteger)
    not_after_ms: Mapped[int] = mapped_column(BigInteger)
    max_uses: Mapped[int] = mapped_column(Integer)
    use_count: Mapped[int] = mapped_column(Integer, default=0)
    seq: Mapped[int] = mapped_column(Integer, default=0)
    lock_version: Mapped[int] = mapped_column(Integer, default=0)
    anchor_state: Mapped[str] = mapped_column(String(16), default="pending")
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    ended_at_ms: Mapped[int | None] = mapped_column(BigInteger)


class GrantEvent(Base):
    """One change of a grant, in order; each holds the hash of the one before."""

    __tablename__ = "grant_events"
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(CODE)
    reason: Mapped[str | None] = mapped_column(CODE)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary(65))
    prev_hash: Mapped[bytes] = mapped_column(HASH)
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)


class Content(Base):
    """What copies are made of: fixed records, fields, format and epoch.

    The unmarked original is kept encrypted for the tracer.
    """

    __tablename__ = "contents"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    media_type: Mapped[str] = mapped_column(CODE)
    epoch: Mapped[str] = mapped_column(CODE)
    original_enc: Mapped[bytes] = mapped_column(LargeBinary)
    original_sha256: Mapped[bytes] = mapped_column(HASH)
    records: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class Copy(Base):
    """One marked file for one grant. The same request gives the same copy; each delivery has its own receipt."""

    __tablename__ = "copies"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    content_id: Mapped[str] = mapped_column(ForeignKey("contents.id"), index=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    fingerprint: Mapped[bytes] = mapped_column(HASH, unique=True)
    media_type: Mapped[str] = mapped_column(CODE)
    epoch: Mapped[str] = mapped_column(CODE)
    file_enc: Mapped[bytes] = mapped_column(LargeBinary)
    file_sha256: Mapped[bytes] = mapped_column(HASH, index=True)
    mark_document: Mapped[dict[str, object]] = mapped_column(JSON)
    mark_salt_enc: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16), default="held")
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class Provenance(Base):
    """Keyed tags of the cells that a content holds; the tracer looks suspects' cells up here."""

    __tablename__ = "provenance"
    tag: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    content_id: Mapped[str] = mapped_column(ForeignKey("contents.id"), primary_key=True)


class Receipt(Base):
    """A receipt: prepared (no number) or numbered.

    `details_enc` opens the commitment; `holder_id` serves *who looked*.
    """

    __tablename__ = "receipts"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id"), index=True)
    copy_id: Mapped[str | None] = mapped_column(ForeignKey("copies.id"), index=True)
    return_id: Mapped[str | None] = mapped_column(ForeignKey("returns.id"))
    reason: Mapped[str | None] = mapped_column(CODE)
    repeats: Mapped[int] = mapped_column(Integer, default=1)
    commitment: Mapped[bytes] = mapped_column(HASH)
    details_enc: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[bytes | None] = mapped_column(LargeBinary)
    leaf_hash: Mapped[bytes | None] = mapped_column(HASH)
    promise: Mapped[bytes | None] = mapped_column(LargeBinary(64))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "holder_id", "at_ms"),)


class PreparedReceipt(Base):
    """The queue of receipts without a number, in order of preparation; a row leaves when its receipt is numbered."""

    __tablename__ = "prepared_receipts"
    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), unique=True)
    __table_args__ = ({"sqlite_autoincrement": True},)


class RequestEvidence(Base):
    """The signed request (RFC 9421 base, signature, key) that a delivery answered: an entity cannot deny its pull."""

    __tablename__ = "request_evidence"
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), primary_key=True)
    body_enc: Mapped[bytes] = mapped_column(LargeBinary)


class LogNode(Base):
    """Perfect subtrees of the receipt log, leaves at level 0; written by the log writer with the receipt."""

    __tablename__ = "log_nodes"
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes] = mapped_column(HASH)


class LogState(Base):
    """The log's one row: its size, and the fencing token that every write must carry."""

    __tablename__ = "log_state"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    fence: Mapped[int] = mapped_column(BigInteger)
    last_time_s: Mapped[int] = mapped_column(BigInteger)


class ClockMark(Base):
    """The latest database time that a writer acted on; one row. Time never goes below it, so nothing un-expires."""

    __tablename__ = "clock_mark"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    high_ms: Mapped[int] = mapped_column(BigInteger)


class Checkpoint(Base):
    """A signed head of the log on its way to the chain."""

    __tablename__ = "checkpoints"
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(HASH)
    note: Mapped[str] = mapped_column(Text)
    tx_key: Mapped[str] = mapped_column(String(128))
    anchor_state: Mapped[str] = mapped_column(String(16), default="pending")
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class Outbox(Base):
    """Facts that others must act on, written in the fact's own transaction; workers lease rows."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(CODE)
    key: Mapped[str] = mapped_column(String(128), unique=True)
    payload: Mapped[dict[str, object]] = mapped_column(JSON)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    leased_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(CODE)
    done_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_outbox_open", "done_at_ms", "id"),)


class ChainTx(Base):
    """The relay's journal (chain.ports.TxJournal)."""

    __tablename__ = "chain_txs"
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    sender: Mapped[bytes] = mapped_column(LargeBinary(20))
    nonce: Mapped[int] = mapped_column(BigInteger)
    to: Mapped[bytes | None] = mapped_column(LargeBinary(20))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    tx_hash: Mapped[bytes] = mapped_column(HASH, unique=True)
    state: Mapped[str] = mapped_column(String(16))
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[bytes | None] = mapped_column(HASH)
    error: Mapped[str | None] = mapped_column(CODE)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("sender", "nonce"), Index(None, "sender", "state", "nonce"))


class ChainBlock(Base):
    """Blocks that the indexer has applied, newest last; the newest is the cursor."""

    __tablename__ = "chain_blocks"
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(HASH)
    time_s: Mapped[int] = mapped_column(BigInteger)


class ChainStatus(Base):
    """What people and operators are told of the chain; one row."""

    __tablename__ = "chain_status"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))  # ok, delayed, halted
    reason: Mapped[str | None] = mapped_column(CODE)
    since_ms: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[int] = mapped_column(BigInteger)
    last_ok_ms: Mapped[int] = mapped_column(BigInteger)


class Trace(Base):
    """One examined file and its verdict."""

    __tablename__ = "traces"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    file_sha256: Mapped[bytes] = mapped_column(HASH)
    outcome: Mapped[str] = mapped_column(String(16))
    report: Mapped[dict[str, object]] = mapped_column(JSON)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class Lease(Base):
    """Who holds which role; the token grows with each new holder and fences the old one off."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(CODE, primary_key=True)
    holder: Mapped[str] = mapped_column(CODE)
    token: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger)


class UserSession(Base):
    """A signed-in person.

    `token_hash` = SHA-256 of the cookie; `subject_enc` nothing personal beyond what the page must show.
    """

    __tablename__ = "user_sessions"
    token_hash: Mapped[bytes] = mapped_column(HASH, primary_key=True)
    role: Mapped[str] = mapped_column(String(24))
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    subject: Mapped[str] = mapped_column(CODE)
    display_enc: Mapped[bytes] = mapped_column(LargeBinary)
    csrf: Mapped[str] = mapped_column(CODE)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger)


class SignatureNonce(Base):
    """Nonces of signed requests that were seen; a repeat is a replay."""

    __tablename__ = "signature_nonces"
    key_thumbprint: Mapped[str] = mapped_column(CODE, primary_key=True)
    nonce: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger, index=True)


class IdempotencyKey(Base):
    """Answers of changing calls, kept 7 days: the same key with the same body gives the same answer."""

    __tablename__ = "idempotency_keys"
    actor: Mapped[str] = mapped_column(String(96), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(HASH)
    state: Mapped[str] = mapped_column(String(16))  # running, done
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)

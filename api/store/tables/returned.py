"""What departments returned: files, their rows, batches and records."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class Return(Base):
    """One file (or API call) by which a department returns records."""

    __tablename__ = "returns"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    type_code: Mapped[str] = mapped_column(CODE)
    file_sha256: Mapped[bytes] = mapped_column(HASH)
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
    sealed_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # set: its records show
    settle_next: Mapped[int | None] = mapped_column(Integer, index=True)
    """Sealed: the batch to be settled next, until all are. Settling marks what its records replace."""
    anchored_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    form: Mapped[str] = mapped_column(String(8), default="csv", server_default="csv")  # csv, xlsx, json
    sheet: Mapped[int | None] = mapped_column(Integer)
    columns: Mapped[dict[str, str | None] | None] = mapped_column(JSON(none_as_null=True))
    """Field by header, as somebody said; null: as names and what is remembered tell."""
    reading: Mapped[bytes | None] = mapped_column(HASH)  # digest of sheet and columns, null where neither was said
    origin: Mapped[str] = mapped_column(String(16), default="current", server_default="current")  # current, backfill
    handed_in_by: Mapped[str | None] = mapped_column(CODE)  # pseudonyms of officers
    reviewed_by: Mapped[str | None] = mapped_column(CODE)
    reviewed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "party_id", "file_sha256", "type_code"), Index(None, "created_at_ms"))


class ReturnChunk(Base):
    """A piece of a returned file, sealed, until the file was checked.

    Pieces are stored before their return is, each in a transaction of its own; those whose return never came to be
    are forgotten later. Therefore no foreign key.
    """

    __tablename__ = "return_chunks"
    return_id: Mapped[str] = mapped_column(ID, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    chunk_enc: Mapped[bytes] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


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

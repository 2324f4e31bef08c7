"""The receipt log."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


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
    __table_args__ = (Index(None, "holder_id", "at_ms"), Index(None, "kind", "at_ms"))


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


class Cosignature(Base):
    """What a witness signed beside the log: its line under the note of a checkpoint (C2SP tlog-cosignature).

    `witness` is its name and the key's id, as in its verifier key; `signed_at_s` the time that the line says.
    """

    __tablename__ = "cosignatures"
    size: Mapped[int] = mapped_column(ForeignKey("checkpoints.size"), primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(255), primary_key=True)
    line: Mapped[str] = mapped_column(Text)
    signed_at_s: Mapped[int] = mapped_column(BigInteger)

"""Erasure of a holder's data, and the keys under which what the law makes one keep lives on for a while."""

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class Erasure(Base):
    """A holder's wish that everything be erased, and how far its execution has come.

    `plan_digest` is of what the holder was shown. `traces` are the inverted nonces of ciphertexts that must not be
    found in the database's files any more; they are looked for until none is, then forgotten.
    """

    __tablename__ = "erasures"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    relation: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(16))
    plan_digest: Mapped[bytes] = mapped_column(HASH)
    traces: Mapped[list[str]] = mapped_column(JSON)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    asked_at_ms: Mapped[int] = mapped_column(BigInteger)
    confirmed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    due_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    erased_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        CheckConstraint("state IN ('asked', 'cooling', 'running', 'shredded', 'done', 'cancelled')", name="state"),
        Index(None, "state", "due_at_ms"),
        Index(None, "holder_id", "asked_at_ms"),
    )


class RetentionKey(Base):
    """What one law makes the platform keep of an erased holder, under a key of its own that is shredded at `ends_ms`.

    An empty `wrapped_key` says that it was.
    """

    __tablename__ = "retention_keys"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    basis: Mapped[str] = mapped_column(CODE)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    master_key_id: Mapped[str] = mapped_column(CODE)
    key_commitment: Mapped[bytes] = mapped_column(HASH)
    ends_ms: Mapped[int] = mapped_column(BigInteger, index=True)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    shredded_at_ms: Mapped[int | None] = mapped_column(BigInteger)


class RetainedContent(Base):
    """Which retention key a content's original, and its copies' salts, stand under."""

    __tablename__ = "retained_contents"
    content_id: Mapped[str] = mapped_column(ForeignKey("contents.id"), primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("retention_keys.id"), index=True)


class RetainedProof(Base):
    """The evidence bundle of a kept copy's first delivery, as it stood at the erasure, under its retention key."""

    __tablename__ = "retained_proofs"
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("retention_keys.id"), index=True)
    bundle_enc: Mapped[bytes] = mapped_column(LargeBinary)

"""What becomes of delivered copies, and what entities' systems are told."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class CopyEvent(Base):
    """One move of a copy, in order; each holds the hash of the one before, the first that of the delivered file.

    `actor` is worker, machine, staff or delivery. A statement of the entity (and an escalation) has a receipt.
    """

    __tablename__ = "copy_events"
    copy_id: Mapped[str] = mapped_column(ForeignKey("copies.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(CODE)  # grant_<state>, data_life, retention_over, a basis, a method, …
    due_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    stated_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    prev_hash: Mapped[bytes] = mapped_column(HASH)
    at_ms: Mapped[int] = mapped_column(BigInteger)


class Webhook(Base):
    """An address at which an entity's system wants to be told. No secret: messages carry the platform's signature."""

    __tablename__ = "webhooks"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), index=True)
    url: Mapped[str] = mapped_column(String(512))
    kinds: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))  # active, removed
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class Notice(Base):
    """Something that an entity is told of a grant: `seq` counts per grant, `key` names the fact and keeps it single.

    `facts` hold identifiers, states and times, never anything personal.
    """

    __tablename__ = "notices"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"))
    seq: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(16))
    facts: Mapped[dict[str, object]] = mapped_column(JSON)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("grant_id", "seq"),)


class NoticeDelivery(Base):
    """A notice on its way to one address: the outbox of webhooks, written with the fact; the worker leases rows."""

    __tablename__ = "notice_deliveries"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id"))
    notice_id: Mapped[str] = mapped_column(ForeignKey("notices.id"))
    state: Mapped[str] = mapped_column(String(16))  # waiting, delivered, dead
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at_ms: Mapped[int] = mapped_column(BigInteger)  # not before; while leased, when the lease runs out
    status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None] = mapped_column(CODE)
    delivered_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        UniqueConstraint("webhook_id", "notice_id"),
        Index(None, "state", "next_at_ms"),
        {"sqlite_autoincrement": True},
    )


class Correction(Base):
    """A sealed return whose newer versions may concern copies that were delivered; written with the seal."""

    __tablename__ = "corrections"
    return_id: Mapped[str] = mapped_column(ForeignKey("returns.id"), primary_key=True)
    after: Mapped[str] = mapped_column(ID, default="")  # the last superseded record that was looked at
    done_at_ms: Mapped[int | None] = mapped_column(BigInteger, index=True)

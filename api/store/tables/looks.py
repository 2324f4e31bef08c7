"""Who looked: repeated looks, cases about lines that a holder did not expect, and what people are told."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class LookCount(Base):
    """How often the look of a receipt was repeated within its window; `key` is what makes two looks the same.

    `counted_in` is the receipt of that count, once the window is over.
    """

    __tablename__ = "look_counts"
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), primary_key=True)
    key: Mapped[bytes] = mapped_column(HASH)
    since_ms: Mapped[int] = mapped_column(BigInteger)
    repeats: Mapped[int] = mapped_column(Integer)
    counted_in: Mapped[str | None] = mapped_column(ID)
    __table_args__ = (Index(None, "key", "since_ms"), Index(None, "counted_in", "since_ms"))


class Case(Base):
    """A holder says of a line or a grant: this was not me.

    `hold` says what was stopped for its time: grant, access or nothing. Texts stand under the holder's key. `access_id`
    is set where the line is one of statutory duty.
    """

    __tablename__ = "cases"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id"), index=True)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    access_id: Mapped[str | None] = mapped_column(ForeignKey("statutory_accesses.id"))
    state: Mapped[str] = mapped_column(String(16))
    hold: Mapped[str] = mapped_column(String(8))  # grant, access, none
    reason_enc: Mapped[bytes] = mapped_column(LargeBinary)
    decision_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    opened_at_ms: Mapped[int] = mapped_column(BigInteger)
    due_at_ms: Mapped[int] = mapped_column(BigInteger)
    escalated_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index(None, "holder_id", "opened_at_ms"),
        Index(None, "party_id", "opened_at_ms"),
        Index(None, "state", "due_at_ms"),
    )


class CaseEvent(Base):
    """One move of a case, each with its receipt. `actor` is holder, regulator or platform."""

    __tablename__ = "case_events"
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(24))
    note: Mapped[str | None] = mapped_column(CODE)
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"))
    at_ms: Mapped[int] = mapped_column(BigInteger)


class Suspension(Base):
    """That a party may not query about a holder by statutory duty while a case is open, or since it was upheld."""

    __tablename__ = "suspensions"
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    since_ms: Mapped[int] = mapped_column(BigInteger)
    lifted_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "holder_id", "party_id"),)


class Notification(Base):
    """Something that a holder or a party is told, written with its fact, once per `key`.

    `facts` are identifiers, states and counts, never a value or a name; words come from the locale. `send_state` is
    none (the portal alone), waiting (from `next_at_ms` on), sent or dead.
    """

    __tablename__ = "notifications"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    topic: Mapped[str] = mapped_column(String(24))
    facts: Mapped[dict[str, object]] = mapped_column(JSON)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    read_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    send_state: Mapped[str] = mapped_column(String(8))
    next_at_ms: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(SmallInteger)
    error: Mapped[str | None] = mapped_column(CODE)
    __table_args__ = (
        Index(None, "holder_id", "at_ms"),
        Index(None, "party_id", "at_ms"),
        Index(None, "send_state", "next_at_ms"),
    )


class NotificationSetting(Base):
    """What a holder or a party wants to be told, and where: `topics` maps a topic to off, portal, digest or once.

    `audience` is the id of either. The address stands under the holder's key, or the platform's for a party.
    """

    __tablename__ = "notification_settings"
    audience: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    topics: Mapped[dict[str, str]] = mapped_column(JSON)
    address_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(String(8))
    changed_at_ms: Mapped[int] = mapped_column(BigInteger)


class LookMark(Base):
    """How far the worker has come with telling holders who looked; one row."""

    __tablename__ = "look_marks"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)

"""Disputes about certificates and looks; corrections that follow, and who has to put the corrected value right."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, ID, Base


class Dispute(Base):
    """A holder objects to a certificate, one of its fields, or a line of who looked.

    `party_id` is who must answer. Texts stand under the holder's key. `plain`: the date was reckoned with plain
    weekdays, since a year in it was not announced. `ordered`: the regulator has decided for the holder.
    """

    __tablename__ = "disputes"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    subject: Mapped[str] = mapped_column(String(16))  # certificate, field, line
    type_code: Mapped[str | None] = mapped_column(CODE)
    record_id: Mapped[str | None] = mapped_column(ForeignKey("records.id"), index=True)
    field: Mapped[str | None] = mapped_column(CODE)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    contested: Mapped[bool] = mapped_column()
    ordered: Mapped[bool] = mapped_column()
    statement_enc: Mapped[bytes] = mapped_column(LargeBinary)
    answer_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    contest_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    decision_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened_at_ms: Mapped[int] = mapped_column(BigInteger)
    due_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # by when whoever has it must act
    plain: Mapped[bool] = mapped_column()
    contest_until_ms: Mapped[int | None] = mapped_column(BigInteger)
    escalated_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index(None, "holder_id", "opened_at_ms"),
        Index(None, "party_id", "opened_at_ms"),
        Index(None, "state", "due_at_ms"),
    )


class DisputeEvent(Base):
    """One move of a dispute, each with its receipt. `actor` is holder, party, regulator or platform."""

    __tablename__ = "dispute_events"
    dispute_id: Mapped[str] = mapped_column(ForeignKey("disputes.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(CODE)
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"))
    at_ms: Mapped[int] = mapped_column(BigInteger)


class Amendment(Base):
    """A correction: the version that was wrong, the return that holds the right one, and the new version once sealed.

    `fields` are the names of what was corrected, never a value. `revoked_block`: where the chain revoked the old one.
    """

    __tablename__ = "amendments"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    dispute_id: Mapped[str] = mapped_column(ForeignKey("disputes.id"), index=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    type_code: Mapped[str] = mapped_column(CODE)
    fields: Mapped[list[str]] = mapped_column(JSON)
    old_record_id: Mapped[str] = mapped_column(ForeignKey("records.id"), index=True)
    new_record_id: Mapped[str | None] = mapped_column(ForeignKey("records.id"))
    return_id: Mapped[str] = mapped_column(ForeignKey("returns.id"), unique=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    due_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    plain: Mapped[bool] = mapped_column()
    revoked_block: Mapped[int | None] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    sealed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    done_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "holder_id", "created_at_ms"), Index(None, "party_id", "created_at_ms"))


class AmendmentRecipient(Base):
    """Somebody who holds copies with a corrected value. `copies` lists them as `{"copy", "grant"}`.

    `told` counts how often it was told; `next_at_ms`: when the worker looks again. A confirmation has its receipt.
    """

    __tablename__ = "amendment_recipients"
    amendment_id: Mapped[str] = mapped_column(ForeignKey("amendments.id"), primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    copies: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    told: Mapped[int] = mapped_column(Integer)
    told_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    next_at_ms: Mapped[int] = mapped_column(BigInteger)
    confirmed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_by: Mapped[str | None] = mapped_column(String(16))  # machine, staff
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    __table_args__ = (Index(None, "state", "next_at_ms"), Index(None, "party_id", "state"))

"""Asks for data (供需对接): what organisations need of what departments have. Nothing personal."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, ID, Base


class DataAsk(Base):
    """Somebody's ask for fields of a certificate type, or in words for what the catalogue does not have.

    `asker_id` asks; `party_id` is the department that has it, none while it is at the regulator's desk. `asked_by` is a
    pseudonym. `answer` is what was last said to the asker. `restarted`: it was handed on once, which began a new term;
    no later one does. `plain` as for disputes. `in_time` is known once it is answered or its date has passed
    (`settled_at_ms`); `late_at_ms`: the first date that nobody kept.
    """

    __tablename__ = "data_asks"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    asker_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    asked_by: Mapped[str] = mapped_column(CODE)
    type_code: Mapped[str | None] = mapped_column(CODE)
    fields: Mapped[list[str]] = mapped_column(JSON)
    words: Mapped[str | None] = mapped_column(String(500))
    purpose_code: Mapped[str | None] = mapped_column(CODE)
    basis_code: Mapped[str | None] = mapped_column(CODE)
    purpose: Mapped[str] = mapped_column(String(500))
    basis: Mapped[str] = mapped_column(String(500))
    frequency: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    route: Mapped[str | None] = mapped_column(String(16))  # open, consent, duty: how what is matched is had
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    restarted: Mapped[bool] = mapped_column()
    answer: Mapped[str | None] = mapped_column(String(500))
    filed_at_ms: Mapped[int] = mapped_column(BigInteger)
    due_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    plain: Mapped[bool] = mapped_column()
    late_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    escalated_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # the regulators were told that it is late
    settled_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    in_time: Mapped[bool | None] = mapped_column()
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index(None, "asker_id", "filed_at_ms"),
        Index(None, "party_id", "filed_at_ms"),
        Index(None, "state", "due_at_ms"),
        Index(None, "settled_at_ms"),
    )


class DataAskEvent(Base):
    """One move of an ask, as its receipt (kind admission, by `(ask, seq)`) says it.

    `mover` is asker, department, regulator or platform, `by` the pseudonym of who made it. `party_id`: the department
    that has the ask afterwards. `note`: handed (to another department) or overdue.
    """

    __tablename__ = "data_ask_events"
    ask_id: Mapped[str] = mapped_column(ForeignKey("data_asks.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    mover: Mapped[str] = mapped_column(String(16))
    by: Mapped[str | None] = mapped_column(CODE)
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    note: Mapped[str | None] = mapped_column(String(16))
    text: Mapped[str | None] = mapped_column(String(500))
    due_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)

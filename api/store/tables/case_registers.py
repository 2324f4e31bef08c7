"""Registers of case numbers, as the bodies that query by law bring them; kept as keyed hashes."""

from datetime import date

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, Base


class CaseRegister(Base):
    """That a body brings the numbers of its cases: when first and last, an empty delivery included."""

    __tablename__ = "case_registers"
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    first_at_ms: Mapped[int] = mapped_column(BigInteger)
    last_at_ms: Mapped[int] = mapped_column(BigInteger)


class CaseNumber(Base):
    """A body's case: its number as a keyed hash alone, the days of its opening and closing, when it was registered."""

    __tablename__ = "case_numbers"
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    number_bidx: Mapped[bytes] = mapped_column(HASH, primary_key=True)
    opened_on: Mapped[date] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date, index=True)
    registered_at_ms: Mapped[int] = mapped_column(BigInteger)


class CaseAccount(Base):
    """When an account of a body last queried by statutory duty, and when it last brought case numbers."""

    __tablename__ = "case_accounts"
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(CODE, primary_key=True)
    asked_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    brought_at_ms: Mapped[int | None] = mapped_column(BigInteger)


class CaseFinding(Base):
    """What an alarm of the watch about a case number is about beside its hash, for those who look into it.

    `access_id` or `request_id` is the first use of the number; `late`: the register was late then. `came_at_ms`: when
    the number was registered after all.
    """

    __tablename__ = "case_findings"
    alarm_id: Mapped[str] = mapped_column(ForeignKey("watch_alarms.id"), primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    number_bidx: Mapped[bytes] = mapped_column(HASH)
    access_id: Mapped[str | None] = mapped_column(String(48))
    request_id: Mapped[str | None] = mapped_column(String(48))
    late: Mapped[bool] = mapped_column()
    came_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "party_id", "number_bidx"),)

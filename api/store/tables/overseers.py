"""Overseers: offices on the operator's side, acts about parties, and the watch over them. Nothing personal."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, ID, Base


class OfficeHolding(Base):
    """That somebody of a party holds an office, or shall: `state` proposed, active, declined or ended.

    `staff` is a pseudonym, as are `proposed_by`, `decided_by` and `ended_by`. `live` is 1 while proposed or active and
    null afterwards: nobody has two at once.
    """

    __tablename__ = "office_holdings"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    staff: Mapped[str] = mapped_column(CODE)
    office: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    live: Mapped[int | None] = mapped_column(SmallInteger)
    proposed_by: Mapped[str] = mapped_column(CODE)
    proposed_at_ms: Mapped[int] = mapped_column(BigInteger)
    decided_by: Mapped[str | None] = mapped_column(CODE)
    decided_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    ended_by: Mapped[str | None] = mapped_column(CODE)
    ended_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("staff", "live"), Index(None, "party_id", "proposed_at_ms"))


class PartyAct(Base):
    """An act about a party: its admission, suspension or return, by whom and, where it takes two, by whom as well.

    `party_id` names no row before an admission is done. `described` is what is admitted, as it is published; `reason`
    what stands behind a suspension or a return. `state`: proposed, confirmed (on its way to the chain), done, declined,
    withdrawn. `live` as for offices: one open act of a kind for each party.
    """

    __tablename__ = "party_acts"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # admission, suspension, return
    party_id: Mapped[str] = mapped_column(ID)
    described: Mapped[dict[str, object] | None] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16))
    live: Mapped[int | None] = mapped_column(SmallInteger)
    proposed_by: Mapped[str] = mapped_column(CODE)
    proposed_at_ms: Mapped[int] = mapped_column(BigInteger)
    decided_by: Mapped[str | None] = mapped_column(CODE)
    decided_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    done_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        UniqueConstraint("party_id", "kind", "live"),
        Index(None, "proposed_at_ms", "id"),
        Index(None, "state", "kind"),
    )


class WatchAlarm(Base):
    """What looked unusual in an organisation's use of data by consent, and how regulators looked into it.

    `subject` is what it is about beside the party: a purpose's code or "". `live` is 1 until it is closed: one of a
    kind, party and subject at a time. `taken_by`, `closed_by`, `checked_by` are pseudonyms of officers.
    """

    __tablename__ = "watch_alarms"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(CODE)
    seen: Mapped[int] = mapped_column(Integer)
    limit: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    live: Mapped[int | None] = mapped_column(SmallInteger)
    raised_at_ms: Mapped[int] = mapped_column(BigInteger)
    last_at_ms: Mapped[int] = mapped_column(BigInteger)
    taken_by: Mapped[str | None] = mapped_column(CODE)
    taken_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    closed_by: Mapped[str | None] = mapped_column(CODE)
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(16))
    remark: Mapped[str | None] = mapped_column(String(200))
    checked_by: Mapped[str | None] = mapped_column(CODE)
    checked_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        UniqueConstraint("party_id", "kind", "subject", "live"),
        Index(None, "raised_at_ms", "id"),
        Index(None, "state", "raised_at_ms"),
    )


class WatchTally(Base):
    """How many pulls of a party, served or refused, fell into a minute; kept for two days."""

    __tablename__ = "watch_tallies"
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    minute_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True, index=True)
    pulls: Mapped[int] = mapped_column(Integer)


class WatchMark(Base):
    """How far the worker has come with the watch: the number of the last receipt that was counted; one row."""

    __tablename__ = "watch_marks"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)

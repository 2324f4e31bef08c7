"""Acting for others: mandates, what was granted under them, visits at a counter."""

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class Mandate(Base):
    """Somebody's authority to act for a holder.

    `body_enc` (under the principal's key, bound to all other columns) holds both names, the evidence and the salt of
    `commitment`. `types` and `purposes` None: all. `ends_ms` None: until somebody ends it.
    """

    __tablename__ = "mandates"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    principal_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    actions: Mapped[list[str]] = mapped_column(JSON)
    types: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    purposes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    registrar_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"), index=True)
    appointed_under: Mapped[str | None] = mapped_column(ForeignKey("mandates.id"))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(CODE)
    commitment: Mapped[bytes] = mapped_column(HASH)
    body_enc: Mapped[bytes] = mapped_column(LargeBinary)
    majority: Mapped[bool] = mapped_column(default=False)  # ends when the child turns 18, not on a day that was chosen
    ends_ms: Mapped[int | None] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    begun_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    ended_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        CheckConstraint("kind IN ('legal_representative', 'agent', 'guardian')", name="kind"),
        CheckConstraint("state IN ('proposed', 'active', 'ended', 'expired')", name="state"),
        Index(None, "state", "ends_ms"),
    )


class GrantAuthority(Base):
    """Under which authority a grant was made, where its holder did not make it: a mandate, or a visit at a counter."""

    __tablename__ = "grant_authorities"
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), primary_key=True)
    relation: Mapped[str] = mapped_column(String(24))
    mandate_id: Mapped[str | None] = mapped_column(ForeignKey("mandates.id"), index=True)
    visit_id: Mapped[str | None] = mapped_column(ForeignKey("counter_visits.id"), index=True)


class CounterVisit(Base):
    """Somebody at a service window. `holder_id` None: nobody here has that number; the look-up counts all the same.

    `officer` is a pseudonym; `body_enc` (under the holder's key, bound to the other columns) holds the name to be
    printed and the salt of `commitment`.
    """

    __tablename__ = "counter_visits"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    officer: Mapped[str] = mapped_column(CODE)
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    document: Mapped[str] = mapped_column(String(24))
    commitment: Mapped[bytes | None] = mapped_column(HASH)
    body_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened_at_ms: Mapped[int] = mapped_column(BigInteger)
    closes_at_ms: Mapped[int] = mapped_column(BigInteger)
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "officer", "opened_at_ms"),)


class CounterAct(Base):
    """What was done in a visit, in order; the printed receipt lists it."""

    __tablename__ = "counter_acts"
    visit_id: Mapped[str] = mapped_column(ForeignKey("counter_visits.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    act: Mapped[str] = mapped_column(String(16))  # approved, denied, revoked
    request_id: Mapped[str | None] = mapped_column(ForeignKey("requests.id"))
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id"))
    at_ms: Mapped[int] = mapped_column(BigInteger)


class CounterTally(Base):
    """How many look-ups an officer has made on a day (China Standard Time, as YYYYMMDD)."""

    __tablename__ = "counter_tallies"
    officer: Mapped[str] = mapped_column(CODE, primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    used: Mapped[int] = mapped_column(Integer)

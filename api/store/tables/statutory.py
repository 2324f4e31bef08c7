"""What parties are registered to ask for, access by statutory duty, and the alarms that watch it."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class Registration(Base):
    """That a party may ask under a purpose (`legal_basis` consent) or a basis of statutory duty (statutory_duty)."""

    __tablename__ = "registrations"
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    legal_basis: Mapped[str] = mapped_column(String(24), primary_key=True)
    code: Mapped[str] = mapped_column(CODE, primary_key=True)
    registered_at_ms: Mapped[int] = mapped_column(BigInteger)


class StatutoryAccess(Base):
    """One query by statutory duty, whatever came of it: delivered, nothing (also for a number nobody has), refused.

    `subject_bidx` = keyed index of the number asked for, `near_bidx` of that number without its last four characters:
    by these the alarm counts distinct and neighbouring numbers, and nobody reads them; `request_bidx` that of the whole
    query, by which a repeat is known. `case_standing`: how the case number stood in the party's register, null where it
    never brought one. `holder_id`, `grant_id` are null
    where there was nothing to deliver or the number is nobody's here. Until `masked_until_ms` the holder sees that
    somebody queried and under which law it is masked (`mask_basis`), not who; then all of it.
    """

    __tablename__ = "statutory_accesses"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id"), unique=True)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    basis_code: Mapped[str] = mapped_column(CODE)
    basis_version: Mapped[int] = mapped_column(Integer)
    case_no: Mapped[str] = mapped_column(String(64))
    case_standing: Mapped[str | None] = mapped_column(String(16))
    items: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    subject_bidx: Mapped[bytes] = mapped_column(HASH)
    near_bidx: Mapped[bytes] = mapped_column(HASH)
    request_bidx: Mapped[bytes] = mapped_column(HASH)
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(CODE)
    masked_until_ms: Mapped[int | None] = mapped_column(BigInteger)
    mask_basis: Mapped[str | None] = mapped_column(String(128))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index(None, "party_id", "basis_code", "at_ms"),
        Index(None, "holder_id", "at_ms"),
        Index(None, "at_ms"),
    )


class StatutoryAlarm(Base):
    """What looked like enumeration: `seen` against `limit`. `kind`: distinct, neighbouring, absent, case, hours, quota.

    While one that `blocks` is open, all of its party's queries are refused; a regulator closes it.
    """

    __tablename__ = "statutory_alarms"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    basis_code: Mapped[str] = mapped_column(CODE)
    kind: Mapped[str] = mapped_column(String(16))
    blocks: Mapped[bool] = mapped_column()
    seen: Mapped[int] = mapped_column(Integer)
    limit: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))  # open, closed
    raised_at_ms: Mapped[int] = mapped_column(BigInteger)
    last_at_ms: Mapped[int] = mapped_column(BigInteger)
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    remark: Mapped[str | None] = mapped_column(String(200))
    __table_args__ = (Index(None, "party_id", "state"), Index(None, "state", "raised_at_ms"))

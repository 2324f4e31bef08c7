"""Requests, grants and their changes; and what parties were allowed to do when."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class Request(Base):
    """An entity's ask. `holder_id` is null for a number that nobody here has; the entity cannot tell.

    `extends_id` names the grant that it would take the place of; `origin` is `holder` where the holder offered that.
    `item_no` is the service item (the plan's annex 2) that the data are for. `legal_basis` is consent, or
    statutory_duty for an access that nobody is asked about, which is no request and listed with none. `receipt_id` is
    the receipt of its having been asked; neither of the two that nobody asked has one.
    """

    __tablename__ = "requests"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"), index=True)
    legal_basis: Mapped[str] = mapped_column(String(24), default="consent")
    purpose_code: Mapped[str] = mapped_column(CODE)
    item_no: Mapped[int | None] = mapped_column(Integer)
    scenario_code: Mapped[str | None] = mapped_column(CODE)
    case_no: Mapped[str | None] = mapped_column(String(64))
    items: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    cut: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    wanted_days: Mapped[int] = mapped_column(Integer)
    wanted_uses: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    extends_id: Mapped[str | None] = mapped_column(ID)
    origin: Mapped[str] = mapped_column(String(16), default="entity")
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    lapses_at_ms: Mapped[int] = mapped_column(BigInteger)
    decided_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    receipt_id: Mapped[str | None] = mapped_column(ID, unique=True, index=True)
    __table_args__ = (Index(None, "entity_id", "created_at_ms"),)


class Grant(Base):
    """A grant.

    `lock_version` is what the re-check locks; `secret_enc` holds its one-off key, terms salt and binding token.
    `events` counts its events, `seq` its signed changes on chain. `frozen` is a dispute's hold under `case_id`,
    independent of the state; `suspended` says that a regulator holds it up on the chain as well. `supersedes_id` is
    the older grant that this one extends; `notice` what the holder read. `legal_basis` is the terms' own; one of
    statutory_duty is no consent and nobody can take it back. `fair_use` keeps the caps under which it was given.
    """

    __tablename__ = "grants"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), unique=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), index=True)
    legal_basis: Mapped[str] = mapped_column(String(24), default="consent")
    fair_use: Mapped[dict[str, object] | None] = mapped_column(JSON)
    digest: Mapped[bytes] = mapped_column(HASH, unique=True)
    key_address: Mapped[bytes] = mapped_column(LargeBinary(20))
    terms: Mapped[dict[str, object]] = mapped_column(JSON)
    message: Mapped[dict[str, object]] = mapped_column(JSON)
    signature: Mapped[bytes] = mapped_column(LargeBinary(65))
    secret_enc: Mapped[bytes] = mapped_column(LargeBinary)
    custody: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    not_before_ms: Mapped[int] = mapped_column(BigInteger)
    not_after_ms: Mapped[int] = mapped_column(BigInteger)
    max_uses: Mapped[int] = mapped_column(Integer)
    use_count: Mapped[int] = mapped_column(Integer, default=0)
    seq: Mapped[int] = mapped_column(Integer, default=0)
    lock_version: Mapped[int] = mapped_column(Integer, default=0)
    anchor_state: Mapped[str] = mapped_column(String(16), default="pending")
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    ended_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(Integer, default=0)
    frozen: Mapped[bool] = mapped_column(default=False)
    suspended: Mapped[bool] = mapped_column(default=False)
    case_id: Mapped[str | None] = mapped_column(CODE)
    supersedes_id: Mapped[str | None] = mapped_column(ID, index=True)
    notice: Mapped[dict[str, object] | None] = mapped_column(JSON)
    __table_args__ = (Index(None, "state", "not_after_ms"),)


class GrantEvent(Base):
    """One change of a grant, in order; each holds the hash of the one before.

    `state` and `frozen` are the grant's from here on. `actor` says as what somebody acted, `by_id` under which party
    or mandate, `case_ref` for which case or order. `number` is the place of a signed change on chain; `receipt_id`
    its receipt, null only while one that came from the chain waits for it.
    """

    __tablename__ = "grant_events"
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(CODE)
    reason: Mapped[str | None] = mapped_column(CODE)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary(65))
    prev_hash: Mapped[bytes] = mapped_column(HASH)
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    frozen: Mapped[bool] = mapped_column(default=False)
    by_id: Mapped[str | None] = mapped_column(ID)
    case_ref: Mapped[str | None] = mapped_column(CODE)
    number: Mapped[int | None] = mapped_column(Integer)
    receipt_id: Mapped[str | None] = mapped_column(ID)


class PartyEvent(Base):
    """One change of what a party may do, in order; each holds the hash of the one before.

    `seq` counts from 1: a party without events is as it was admitted. Decisions name the newest event that they saw.
    """

    __tablename__ = "party_events"
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(CODE)
    prev_hash: Mapped[bytes] = mapped_column(HASH)
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)

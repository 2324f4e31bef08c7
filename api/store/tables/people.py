"""Holders and parties, and the sessions, keys and nonces by which they act."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class Holder(Base):
    """A person or enterprise whose data are kept. `number_bidx` finds it by ID number or USCC."""

    __tablename__ = "holders"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    number_bidx: Mapped[bytes] = mapped_column(HASH)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    master_key_id: Mapped[str] = mapped_column(CODE)
    key_commitment: Mapped[bytes] = mapped_column(HASH)
    profile_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        UniqueConstraint("kind", "number_bidx"),
        CheckConstraint("kind IN ('person', 'enterprise')", name="kind"),
    )


class Party(Base):
    """A department, entity, regulator or operator as PartyRegistry knows it. No natural person stands here."""

    __tablename__ = "parties"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    name_zh: Mapped[str] = mapped_column(String(128))
    name_en: Mapped[str] = mapped_column(String(128))
    uscc: Mapped[str | None] = mapped_column(String(18))
    address: Mapped[bytes | None] = mapped_column(LargeBinary(20))
    http_key: Mapped[dict[str, str] | None] = mapped_column(JSON)
    http_key_thumbprint: Mapped[str | None] = mapped_column(CODE, unique=True)
    custody: Mapped[str] = mapped_column(String(16), default="demo")
    department_code: Mapped[str | None] = mapped_column(CODE)  # which of the catalogue's departments it is
    status: Mapped[str] = mapped_column(String(16))
    status_seq: Mapped[int] = mapped_column(Integer, default=0)  # how often the status changed: its newest PartyEvent
    contact: Mapped[str | None] = mapped_column(String(128))  # where people reach the organisation
    anchor_state: Mapped[str] = mapped_column(String(16), default="pending")
    anchored_block: Mapped[int | None] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class UserSession(Base):
    """A signed-in person.

    `token_hash` = SHA-256 of the cookie; `subject_enc` nothing personal beyond what the page must show. `mandate_id`:
    under which mandate the person acts for somebody else at present; `duty`: what staff is there for (counter).
    """

    __tablename__ = "user_sessions"
    token_hash: Mapped[bytes] = mapped_column(HASH, primary_key=True)
    role: Mapped[str] = mapped_column(String(24))
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    party_id: Mapped[str | None] = mapped_column(ForeignKey("parties.id"))
    subject: Mapped[str] = mapped_column(CODE)
    mandate_id: Mapped[str | None] = mapped_column(ForeignKey("mandates.id"))
    duty: Mapped[str | None] = mapped_column(String(16))
    display_enc: Mapped[bytes] = mapped_column(LargeBinary)
    csrf: Mapped[str] = mapped_column(CODE)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger)


class SignatureNonce(Base):
    """Nonces of signed requests that were seen; a repeat is a replay."""

    __tablename__ = "signature_nonces"
    key_thumbprint: Mapped[str] = mapped_column(CODE, primary_key=True)
    nonce: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger, index=True)


class IdempotencyKey(Base):
    """Answers of changing calls, kept 7 days: the same key with the same body gives the same answer."""

    __tablename__ = "idempotency_keys"
    actor: Mapped[str] = mapped_column(String(96), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(HASH)
    state: Mapped[str] = mapped_column(String(16))  # running, done
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)

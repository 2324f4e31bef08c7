"""By what people show who they are: the provider's subjects, sign-ins under way, passkeys, prepared grants."""

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class ProviderSubject(Base):
    """Whom the identity provider calls by which name: a keyed hash of issuer and `sub`, and the holder's row.

    `receipt_id` is the receipt of its having been noted.
    """

    __tablename__ = "provider_subjects"
    subject_bidx: Mapped[bytes] = mapped_column(HASH, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), unique=True)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class SignIn(Base):
    """A round at the identity provider that has begun: single use, of one browser, for ten minutes.

    `state_hash` and `browser_hash` are SHA-256 of what travels in the address and in the cookie; `body_enc` holds
    nonce, PKCE verifier and what follows.
    """

    __tablename__ = "sign_ins"
    state_hash: Mapped[bytes] = mapped_column(HASH, primary_key=True)
    browser_hash: Mapped[bytes] = mapped_column(HASH)
    body_enc: Mapped[bytes] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger, index=True)


class Passkey(Base):
    """A registered WebAuthn credential. `body_enc` holds its id, public key and name under the holder's key."""

    __tablename__ = "passkeys"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    credential_hash: Mapped[bytes] = mapped_column(HASH, unique=True)
    body_enc: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    used_at_ms: Mapped[int | None] = mapped_column(BigInteger)


class PasskeyChallenge(Base):
    """A WebAuthn challenge that was handed out: single use, for one purpose, for one holder or one browser."""

    __tablename__ = "passkey_challenges"
    challenge_hash: Mapped[bytes] = mapped_column(HASH, primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))  # register, sign_in
    holder_id: Mapped[str | None] = mapped_column(ForeignKey("holders.id"))
    browser_hash: Mapped[bytes | None] = mapped_column(HASH)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger, index=True)


class GrantDraft(Base):
    """A grant laid before its holder and not yet given: terms, salts and key under the holder's key, for ten minutes.

    `presenter_id` is the holder row of whoever must show presence, `terms_digest` what that presence must be for.
    """

    __tablename__ = "grant_drafts"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id"), index=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    presenter_id: Mapped[str] = mapped_column(ForeignKey("holders.id"))
    terms_digest: Mapped[bytes] = mapped_column(HASH)
    custody: Mapped[str] = mapped_column(String(16))
    binding_kind: Mapped[str | None] = mapped_column(CODE)
    body_enc: Mapped[bytes] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger, index=True)

"""Seals: certificates of the demo authority, sealed documents, and who still has to seal them."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, Base


class SealCertificate(Base):
    """A certificate of the embedded demo authority. `owner` is root, issuing, timestamp, platform or a party's id.

    Whoever loses a key gets the next `generation`, under a key of its own; `revoked_at_ms` goes into the next list.
    """

    __tablename__ = "seal_certificates"
    owner: Mapped[str] = mapped_column(ID, primary_key=True)
    generation: Mapped[int] = mapped_column(Integer, primary_key=True)
    serial: Mapped[str] = mapped_column(String(48), unique=True)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    not_after_ms: Mapped[int] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    revoked_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))  # of the revocation


class SealPlan(Base):
    """Who seals a department's certificates of one type beside it, in which order; the newest one that is open counts.

    `cosigners` are party ids in their order, of whom `needed` must seal.
    """

    __tablename__ = "seal_plans"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    type_code: Mapped[str] = mapped_column(CODE)
    cosigners: Mapped[list[str]] = mapped_column(JSON)
    needed: Mapped[int] = mapped_column(Integer)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    ended_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "party_id", "type_code"),)


class SealedDocument(Base):
    """A certificate as a PDF with its seals: waiting for further seals, sealed, refused, or replaced by a newer one.

    `file_enc` is sealed under the holder's key, with all columns bound in that say what the file is.
    """

    __tablename__ = "sealed_documents"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    record_id: Mapped[str] = mapped_column(ForeignKey("records.id"))
    version: Mapped[int] = mapped_column(Integer)  # which sealing of this record, from 1
    issuer_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    type_code: Mapped[str] = mapped_column(CODE)
    needed: Mapped[int] = mapped_column(Integer)  # co-signers that must seal; 0 for a certificate of one seal
    state: Mapped[str] = mapped_column(String(16))  # waiting, sealed, refused, replaced
    file_sha256: Mapped[bytes] = mapped_column(HASH)
    file_enc: Mapped[bytes] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    sealed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("record_id", "version"), Index(None, "state", "created_at_ms"))


class SealStep(Base):
    """One seal of a document, in order; position 1 is the issuer. Each one that was set has a receipt."""

    __tablename__ = "seal_steps"
    document_id: Mapped[str] = mapped_column(ForeignKey("sealed_documents.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    state: Mapped[str] = mapped_column(String(16))  # waiting, sealed, declined
    serial: Mapped[str | None] = mapped_column(String(48))
    file_sha256: Mapped[bytes | None] = mapped_column(HASH)  # of the file with this seal as its last
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "party_id", "state"),)

"""What left: contents, copies, and the tags by which the tracer finds them."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, ID, MEDIA_TYPE, Base


class Content(Base):
    """What copies are made of: fixed records, fields, format, epoch, and which fields bear spellings as a mark.

    The unmarked original is kept encrypted for the tracer.
    """

    __tablename__ = "contents"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    holder_id: Mapped[str] = mapped_column(ForeignKey("holders.id"), index=True)
    media_type: Mapped[str] = mapped_column(MEDIA_TYPE)
    epoch: Mapped[str] = mapped_column(CODE)
    original_enc: Mapped[bytes] = mapped_column(LargeBinary)
    original_sha256: Mapped[bytes] = mapped_column(HASH)
    records: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    spellings: Mapped[dict[str, str] | None] = mapped_column(JSON)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)


class Copy(Base):
    """One marked file for one grant. The same request gives the same copy; each delivery has its own receipt."""

    __tablename__ = "copies"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    content_id: Mapped[str] = mapped_column(ForeignKey("contents.id"), index=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    fingerprint: Mapped[bytes] = mapped_column(HASH, unique=True)
    media_type: Mapped[str] = mapped_column(MEDIA_TYPE)
    epoch: Mapped[str] = mapped_column(CODE)
    file_enc: Mapped[bytes] = mapped_column(LargeBinary)
    file_sha256: Mapped[bytes] = mapped_column(HASH, index=True)
    mark_document: Mapped[dict[str, object]] = mapped_column(JSON)
    mark_salt_enc: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16), default="held")
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    delete_by_ms: Mapped[int | None] = mapped_column(BigInteger)  # end of the life that the terms allow
    # By when it must be gone; if retained, until when; see `deletions`.
    due_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    retained_basis: Mapped[str | None] = mapped_column(CODE)
    __table_args__ = (Index(None, "state", "due_at_ms", "id"),)


class Provenance(Base):
    """Keyed tags of the cells that a content holds; the tracer looks suspects' cells up here.

    On SQLite the table is its own index (without row ids): half the size, and one descent for a tag in place of two.
    """

    __tablename__ = "provenance"
    tag: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    content_id: Mapped[str] = mapped_column(ForeignKey("contents.id"), primary_key=True)
    __table_args__ = ({"sqlite_with_rowid": False},)


class Trace(Base):
    """One examined file and its verdict."""

    __tablename__ = "traces"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    file_sha256: Mapped[bytes] = mapped_column(HASH)
    outcome: Mapped[str] = mapped_column(String(16))
    report: Mapped[dict[str, object]] = mapped_column(JSON)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    created_at_ms: Mapped[int] = mapped_column(BigInteger)

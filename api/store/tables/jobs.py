"""Bulk pulls: an entity's jobs, and the grants of each."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, ID, MEDIA_TYPE, Base


class PullJob(Base):
    """A bulk pull. `chosen` is the filter that it was asked by, None for a list of grants.

    `request_enc` holds the signed request with its body; each delivery of the job rests on it. `fetching_until_ms` is
    the lease of whoever fetches the result: one at a time. After `expires_at_ms` nothing of the job is delivered.
    """

    __tablename__ = "pull_jobs"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    media_type: Mapped[str] = mapped_column(MEDIA_TYPE)
    fields: Mapped[list[str] | None] = mapped_column(JSON)
    chosen: Mapped[dict[str, str] | None] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))  # checking, ready, cancelled
    request_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    total: Mapped[int] = mapped_column(Integer)
    fetching_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "party_id", "created_at_ms", "id"), Index(None, "state", "created_at_ms"))


class PullJobItem(Base):
    """One grant of a job; `grant_id` is as it was asked, and may be nobody's.

    `deliveries` counts how often it left; `receipt_id` is that of the newest delivery.
    """

    __tablename__ = "pull_job_items"
    job_id: Mapped[str] = mapped_column(ForeignKey("pull_jobs.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    grant_id: Mapped[str] = mapped_column(ID)
    state: Mapped[str] = mapped_column(String(16))  # waiting, ready, delivered, refused
    reason: Mapped[str | None] = mapped_column(CODE)
    copy_id: Mapped[str | None] = mapped_column(ID)
    receipt_id: Mapped[str | None] = mapped_column(ID)
    deliveries: Mapped[int] = mapped_column(Integer, default=0)
    __table_args__ = (Index(None, "job_id", "state", "seq"),)

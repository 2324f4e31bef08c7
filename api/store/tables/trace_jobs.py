"""Jobs of tracing: many suspect files in one run, each held only while it waits."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, ID, Base


class TraceJob(Base):
    """A regulator's files to be traced in the background, one after another.

    `clues_enc`: what the regulator knows beside the files, until the job ends.
    """

    __tablename__ = "trace_jobs"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    begun_by: Mapped[str] = mapped_column(CODE)  # an officer's pseudonym
    state: Mapped[str] = mapped_column(String(16))  # open, running, done, cancelled
    clues_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    total: Mapped[int] = mapped_column(Integer)
    total_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    started_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    ended_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "party_id", "created_at_ms", "id"), Index(None, "state", "created_at_ms"))


class TraceJobFile(Base):
    """One suspect file of a job, and what became of it.

    `key_enc` wraps the key that its pieces are sealed under; it goes in the transaction that says how the file ended,
    and with it whatever is left of the file anywhere. Its name goes with the job.
    """

    __tablename__ = "trace_job_files"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("trace_jobs.id"))
    seq: Mapped[int] = mapped_column(Integer)
    name_enc: Mapped[bytes] = mapped_column(LargeBinary)
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    key_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16))  # waiting, running, done, refused, cancelled
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    error_code: Mapped[str | None] = mapped_column(CODE)
    error_facts: Mapped[dict[str, str | int] | None] = mapped_column(JSON)
    trace_id: Mapped[str | None] = mapped_column(ForeignKey("traces.id"))
    ended_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("job_id", "seq"), Index(None, "state", "seq", "job_id"))


class TraceJobPiece(Base):
    """A piece of a suspect file, sealed, until the file was traced.

    Pieces are stored before their file's row is, as those of returned files; therefore no foreign key.
    """

    __tablename__ = "trace_job_pieces"
    file_id: Mapped[str] = mapped_column(ID, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    piece_enc: Mapped[bytes] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)

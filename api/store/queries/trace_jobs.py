"""Jobs of tracing: their files, held sealed while they wait, and what became of each. The subject is the regulator."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store.crypto import KEY_BYTES, DataKey, Purpose, Vault, bound_columns
from api.store.inserts import insert_many
from api.store.queries import paging
from api.store.queries.parties import PartyStatus
from api.store.tables import Party, Trace, TraceJob, TraceJobFile, TraceJobPiece

PIECE_BYTES = 1 << 20
"""Plain bytes of each stored piece of a file but its last."""
DROPPED_AT_ONCE = 4
LEFT_AT_ONCE = 100


class JobState(StrEnum):
    """OPEN until somebody starts it; DONE once every file has a verdict or a reason."""

    OPEN = "open"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class FileState(StrEnum):
    """REFUSED has no verdict but a reason; CANCELLED was forgotten before its turn came."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


UNFINISHED = (JobState.OPEN.value, JobState.RUNNING.value)
HELD = (FileState.WAITING.value, FileState.RUNNING.value)
"""States in which a file's bytes are still needed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A job's files by state, the traced ones by outcome, the refused ones by reason."""

    by_state: Mapping[str, int]
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A file of a job, with its verdict's outcome where there is one."""

    file: TraceJobFile
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Fresh:
    """A file that comes in: its id, its key, which no row holds yet, and its size in bytes."""

    id: str
    key: bytes
    size: int

    @classmethod
    def of(cls, file_id: str, size: int) -> "Fresh":
        """With a key of its own."""
        return cls(file_id, os.urandom(KEY_BYTES), size)

    @property
    def pieces(self) -> int:
        """How many pieces it has."""
        return -(-self.size // PIECE_BYTES)


def sealed_piece(file: Fresh, seq: int, content: bytes, now_ms: int) -> dict[str, object]:
    """Piece `seq` of a file as it is stored: readable by whoever has the file's key."""
    sealed = DataKey(file.id, file.key).seal(Purpose.SUSPECT_PIECE, f"{file.id}/{seq}", content)
    return {"file_id": file.id, "seq": seq, "piece_enc": sealed, "created_at_ms": now_ms}


def add_pieces(session: Session, pieces: Sequence[dict[str, object]]) -> None:
    """Store sealed pieces."""
    insert_many(session, TraceJobPiece, pieces)


def add_file(session: Session, vault: Vault, job: TraceJob, file: Fresh, name: str) -> None:
    """Make a file whose pieces are stored the next one of a job that is locked."""
    job.total += 1
    job.total_bytes += file.size
    row = TraceJobFile(
        id=file.id,
        job_id=job.id,
        seq=job.total,
        file_bytes=file.size,
        state=FileState.WAITING.value,
        attempts=0,
        name_enc=b"",
    )
    row.name_enc = vault.platform.seal(Purpose.SUSPECT_NAME, file.id, name.encode(), bound=_bound(row))
    row.key_enc = vault.platform.seal(Purpose.SUSPECT_KEY, file.id, file.key, bound=_bound(row))
    session.add(row)


def open_name(vault: Vault, row: TraceJobFile) -> str:
    """A file's name as the regulator gave it. Raises `store.ciphertext`, `store.key_commitment`."""
    return vault.platform.open(Purpose.SUSPECT_NAME, row.id, row.name_enc, bound=_bound(row)).decode()


def open_file(session: Session, vault: Vault, row: TraceJobFile) -> bytes:
    """A waiting file's bytes. Raises `store.ciphertext` (altered, moved, gone), `store.key_commitment`."""
    wrapped = vault.platform.open(Purpose.SUSPECT_KEY, row.id, row.key_enc or b"", bound=_bound(row))
    key = DataKey(row.id, wrapped)
    pieces = session.execute(
        select(TraceJobPiece.seq, TraceJobPiece.piece_enc)
        .where(TraceJobPiece.file_id == row.id)
        .order_by(TraceJobPiece.seq)
    ).all()
    content = b"".join(key.open(Purpose.SUSPECT_PIECE, f"{row.id}/{seq}", sealed) for seq, sealed in pieces)
    if len(content) != row.file_bytes:
        raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose=Purpose.SUSPECT_PIECE.value)
    return content


def seal_clues(vault: Vault, job: TraceJob, clues: Mapping[str, str | int | None]) -> None:
    """Keep what the regulator knows beside the files, as long as the job is not over."""
    job.clues_enc = vault.platform.seal(Purpose.TRACE_CLUES, job.id, json.dumps(clues).encode())


def open_clues(vault: Vault, job: TraceJob) -> dict[str, str | int | None]:
    """What `seal_clues` kept. Raises `store.ciphertext`, `store.key_commitment`."""
    found: dict[str, str | int | None] = json.loads(
        vault.platform.open(Purpose.TRACE_CLUES, job.id, job.clues_enc or b"")
    )
    return found


def job_of(session: Session, party_id: str, job_id: str, *, lock: bool = False) -> TraceJob | None:
    """A regulator's job; None where it is another's."""
    query = select(TraceJob).where(TraceJob.id == job_id, TraceJob.party_id == party_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def jobs_of(session: Session, party_id: str, *, cursor: str | None = None) -> paging.Page[TraceJob]:
    """A regulator's jobs, newest first."""
    rows = session.execute(
        select(TraceJob)
        .where(TraceJob.party_id == party_id, *paging.after(cursor, TraceJob.created_at_ms, TraceJob.id))
        .order_by(TraceJob.created_at_ms.desc(), TraceJob.id.desc())
        .limit(paging.LIMIT + 1)
    ).scalars()
    return paging.page(list(rows), paging.LIMIT, lambda row: (row.created_at_ms, row.id))


def unfinished(session: Session, party_id: str) -> tuple[int, int]:
    """(How many jobs of a regulator are not over, bytes of all their files)."""
    query = select(func.count(), func.coalesce(func.sum(TraceJob.total_bytes), 0))
    count, size = session.execute(query.where(TraceJob.party_id == party_id, TraceJob.state.in_(UNFINISHED))).one()
    return int(count), int(size)


def counts_of(session: Session, job_ids: Sequence[str]) -> dict[str, Counts]:
    """The counts of several jobs in one look."""
    found: dict[str, tuple[dict[str, int], dict[str, int], dict[str, int]]] = {
        job_id: (dict.fromkeys((state.value for state in FileState), 0), {}, {}) for job_id in job_ids
    }
    rows = session.execute(
        select(TraceJobFile.job_id, TraceJobFile.state, TraceJobFile.error_code, Trace.outcome, func.count())
        .outerjoin(Trace, Trace.id == TraceJobFile.trace_id)
        .where(TraceJobFile.job_id.in_(job_ids))
        .group_by(TraceJobFile.job_id, TraceJobFile.state, TraceJobFile.error_code, Trace.outcome)
    )
    for job_id, state, reason, outcome, count in rows:
        by_state, outcomes, reasons = found[job_id]
        by_state[state] += count
        if outcome is not None:
            outcomes[outcome] = outcomes.get(outcome, 0) + count
        if reason is not None:
            reasons[reason] = reasons.get(reason, 0) + count
    return {
        job_id: Counts(by_state, dict(sorted(outcomes.items())), dict(sorted(reasons.items())))
        for job_id, (by_state, outcomes, reasons) in found.items()
    }


def lines_of(
    session: Session, job_id: str, *, after: int = 0, state: FileState | None = None, limit: int
) -> list[Line]:
    """A job's files in order after `after`, those in `state` if given."""
    query = (
        select(TraceJobFile, Trace.outcome)
        .outerjoin(Trace, Trace.id == TraceJobFile.trace_id)
        .where(TraceJobFile.job_id == job_id, TraceJobFile.seq > after)
    )
    if state is not None:
        query = query.where(TraceJobFile.state == state.value)
    rows = session.execute(query.order_by(TraceJobFile.seq).limit(limit)).all()
    return [Line(file, outcome) for file, outcome in rows]


def next_file(session: Session) -> TraceJobFile | None:
    """The file that is next: one that a killed worker had begun, else the lowest number of all running jobs.

    By number, so that a short job does not wait for the end of a long one. A suspended regulator's files wait.
    """
    return session.execute(
        select(TraceJobFile)
        .join(TraceJob, TraceJob.id == TraceJobFile.job_id)
        .join(Party, Party.id == TraceJob.party_id)
        .where(
            TraceJobFile.state.in_(HELD),
            TraceJob.state == JobState.RUNNING.value,
            Party.status == PartyStatus.ACTIVE.value,
        )
        .order_by(TraceJobFile.state, TraceJobFile.seq, TraceJob.created_at_ms, TraceJob.id)
        .limit(1)
    ).scalar()


def lock_file(session: Session, file_id: str) -> tuple[TraceJob, TraceJobFile]:
    """A file and its job, fresh from the database, the job locked until the transaction ends."""
    job_id = session.get_one(TraceJobFile, file_id).job_id
    fresh = {"populate_existing": True}
    job = session.execute(
        select(TraceJob).where(TraceJob.id == job_id).with_for_update().execution_options(**fresh)
    ).scalar_one()
    row = session.execute(
        select(TraceJobFile).where(TraceJobFile.id == file_id).execution_options(**fresh)
    ).scalar_one()
    return job, row


def end_file(session: Session, job: TraceJob, row: TraceJobFile, state: FileState, now_ms: int) -> None:
    """A file of a locked job is over: its key and first pieces go at once, and with the last file the job is done."""
    row.state, row.key_enc, row.ended_at_ms = state.value, None, now_ms
    session.flush()
    drop_pieces(session, row.id)
    held = select(TraceJobFile.id).where(TraceJobFile.job_id == job.id, TraceJobFile.state.in_(HELD)).limit(1)
    if session.execute(held).first() is None:
        end_job(job, JobState.DONE, now_ms)


def end_job(job: TraceJob, state: JobState, now_ms: int) -> None:
    """A job is over; what was known beside its files is forgotten."""
    job.state, job.clues_enc, job.ended_at_ms = state.value, None, now_ms


def cancel_files(session: Session, job_id: str, now_ms: int) -> None:
    """Forget what waits: the keys are gone with this transaction, the pieces follow."""
    session.execute(
        update(TraceJobFile)
        .where(TraceJobFile.job_id == job_id, TraceJobFile.state.in_(HELD))
        .values(state=FileState.CANCELLED.value, key_enc=None, ended_at_ms=now_ms)
        .execution_options(synchronize_session=False)
    )


def drop_pieces(session: Session, file_id: str, limit: int = DROPPED_AT_ONCE) -> int:
    """Forget up to `limit` pieces of a file; how many."""
    some = select(TraceJobPiece.seq).where(TraceJobPiece.file_id == file_id).order_by(TraceJobPiece.seq).limit(limit)
    gone = session.execute(
        delete(TraceJobPiece)
        .where(TraceJobPiece.file_id == file_id, TraceJobPiece.seq.in_(some))
        .execution_options(synchronize_session=False)
        .returning(TraceJobPiece.seq)
    )
    return len(gone.all())


def drop_left_pieces(session: Session, before_ms: int, job_id: str | None = None) -> int:
    """Forget some pieces that nobody needs: of files that are over, and of uploads before that time that broke off.

    `job_id`: of that job's alone.
    """
    needless: ColumnElement[bool] = TraceJobPiece.file_id.in_(_over(job_id))
    if job_id is None:
        known = select(TraceJobFile.id)
        needless = or_(needless, TraceJobPiece.file_id.not_in(known) & (TraceJobPiece.created_at_ms < before_ms))
    some = session.execute(
        select(TraceJobPiece.file_id, TraceJobPiece.seq).where(needless).limit(DROPPED_AT_ONCE)
    ).all()
    for file_id, seq in some:
        session.execute(
            delete(TraceJobPiece)
            .where(TraceJobPiece.file_id == file_id, TraceJobPiece.seq == seq)
            .execution_options(synchronize_session=False)
        )
    return len(some)


def overdue(session: Session, open_before_ms: int, begun_before_ms: int) -> list[str]:
    """Jobs that nobody started or that could not be finished, for too long."""
    return list(
        session.execute(
            select(TraceJob.id)
            .where(
                or_(
                    (TraceJob.state == JobState.OPEN.value) & (TraceJob.created_at_ms < open_before_ms),
                    (TraceJob.state == JobState.RUNNING.value) & (TraceJob.created_at_ms < begun_before_ms),
                )
            )
            .order_by(TraceJob.id)
            .limit(LEFT_AT_ONCE)
        ).scalars()
    )


def lock_job(session: Session, job_id: str) -> TraceJob | None:
    """A job, fresh from the database and locked until the transaction ends."""
    return session.execute(
        select(TraceJob).where(TraceJob.id == job_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()


def purge(session: Session, before_ms: int) -> int:
    """Forget jobs that ended before a time, with their files' names; how many. Traces stay."""
    old = list(
        session.execute(
            select(TraceJob.id).where(TraceJob.ended_at_ms < before_ms).order_by(TraceJob.id).limit(LEFT_AT_ONCE)
        ).scalars()
    )
    left = select(TraceJobFile.id).where(TraceJobFile.job_id.in_(old))
    for query in (
        delete(TraceJobPiece).where(TraceJobPiece.file_id.in_(left)),
        delete(TraceJobFile).where(TraceJobFile.job_id.in_(old)),
        delete(TraceJob).where(TraceJob.id.in_(old)),
    ):
        session.execute(query.execution_options(synchronize_session=False))
    return len(old)


def _over(job_id: str | None) -> Select[str]:
    query = select(TraceJobFile.id).where(TraceJobFile.state.not_in(HELD))
    return query if job_id is None else query.where(TraceJobFile.job_id == job_id)


def _bound(row: TraceJobFile) -> bytes:
    return bound_columns(row.job_id, row.seq, row.file_bytes)

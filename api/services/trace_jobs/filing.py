"""Jobs as regulators handle them: begin, add files, start, look, cancel."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Actor, Also, Context, Role
from api.services.returns import Incoming
from api.services.trace_candidates import Clues
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.queries import trace_jobs
from api.store.queries.paging import Page
from api.store.queries.trace_jobs import UNFINISHED, Counts, FileState, Fresh, JobState
from api.store.tables import TraceJob, TraceJobFile

MAX_FILES = 1_000
"""Files of one job."""
MAX_OPEN = 20
MAX_BYTES = 4 << 30
"""Of all files of a regulator's jobs that are not over."""
MAX_NAME = 255
FILES_PAGE = 200
_AT_ONCE = 4
"""Pieces that are stored in one transaction."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A file that is handed in: its name as the regulator has it, and where it is read from."""

    name: str
    file: Incoming


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with its counts."""

    job: TraceJob
    counts: Counts


@dataclass(frozen=True, slots=True)
class Shown:
    """A file of a job with its name, and its verdict's outcome where there is one."""

    file: TraceJobFile
    name: str
    outcome: str | None


def create(
    ctx: Context,
    actor: Actor,
    files: Sequence[Handed],
    clues: Clues | None = None,
    *,
    begin: bool = False,
    also: Also[JobView] | None = None,
) -> JobView:
    """Make a job of files, none of which is looked at before it is started; `begin` starts it at once.

    Raises `trace_jobs.too_many`, `trace_jobs.too_many_files`, `trace_jobs.too_large`, and with `begin`
    `trace_jobs.no_files`.
    """
    party_id = actor.party(Role.REGULATOR)
    _require_room(ctx, party_id, None, files)
    fresh = _stored(ctx, files)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        _require_room_in(session, party_id, None, files)
        job = TraceJob(
            id=ids.new_trace_job_id(),
            party_id=party_id,
            begun_by=actor.subject,
            state=JobState.OPEN.value,
            total=0,
            total_bytes=0,
            created_at_ms=now,
        )
        known = clues or Clues()
        trace_jobs.seal_clues(
            ctx.vault, job, {"number": known.number, "from_ms": known.from_ms, "until_ms": known.until_ms}
        )
        session.add(job)
        session.flush()
        _attach(ctx, session, job, files, fresh)
        if begin:
            _begin(job, now)
        return _told(session, job, also)


def add(
    ctx: Context, actor: Actor, job_id: str, files: Sequence[Handed], *, also: Also[JobView] | None = None
) -> JobView:
    """Add files to a job that is not over. Raises `trace_jobs.not_found`, `trace_jobs.over`, and as `create`."""
    party_id = actor.party(Role.REGULATOR)
    _require_room(ctx, party_id, job_id, files)
    fresh = _stored(ctx, files)
    with unit_of_work(ctx.db) as session:
        job = _own(session, party_id, job_id, lock=True)
        _require_room_in(session, party_id, job, files)
        _attach(ctx, session, job, files, fresh)
        return _told(session, job, also)


def start(ctx: Context, actor: Actor, job_id: str, *, also: Also[JobView] | None = None) -> JobView:
    """Have a job's files traced. Starting twice is no error.

    Raises `trace_jobs.not_found`, `trace_jobs.over`, `trace_jobs.no_files`.
    """
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        job = _own(session, actor.party(Role.REGULATOR), job_id, lock=True)
        _require_unfinished(job)
        if job.state == JobState.OPEN:
            _begin(job, now)
        return _told(session, job, also)


def cancel(ctx: Context, actor: Actor, job_id: str, *, also: Also[JobView] | None = None) -> JobView:
    """Forget what waits; verdicts that were given stand. One that is over stays as it is. `trace_jobs.not_found`."""
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        job = _own(session, actor.party(Role.REGULATOR), job_id, lock=True)
        end_early(session, job, now)
        view = _told(session, job, also)
    forget_left(ctx, job_id)
    return view


def end_early(session: Session, job: TraceJob, now_ms: int) -> None:
    """Cancel a locked job, if it is not over."""
    if job.state in UNFINISHED:
        trace_jobs.cancel_files(session, job.id, now_ms)
        trace_jobs.end_job(job, JobState.CANCELLED, now_ms)


def forget_left(ctx: Context, job_id: str | None = None, before_ms: int = 0) -> None:
    """Drop pieces whose key is gone already, a few in each transaction, so that nobody waits for long."""
    dropped = trace_jobs.DROPPED_AT_ONCE
    while dropped == trace_jobs.DROPPED_AT_ONCE:
        with unit_of_work(ctx.db) as session:
            dropped = trace_jobs.drop_left_pieces(session, before_ms, job_id)


def get(ctx: Context, actor: Actor, job_id: str) -> JobView:
    """One job. Raises `trace_jobs.not_found`, for another's as well."""
    with read_only(ctx.db) as session:
        return _view(session, _own(session, actor.party(Role.REGULATOR), job_id))


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[JobView]:
    """A regulator's jobs, newest first."""
    with read_only(ctx.db) as session:
        page = trace_jobs.jobs_of(session, actor.party(Role.REGULATOR), cursor=cursor)
        counts = trace_jobs.counts_of(session, [job.id for job in page.items])
        return Page([JobView(job, counts[job.id]) for job in page.items], page.next_cursor)


def files(
    ctx: Context, actor: Actor, job_id: str, *, after: int = 0, state: FileState | None = None
) -> tuple[Sequence[Shown], int | None]:
    """Files in order after `after`, and where the next page begins (None on the last)."""
    with read_only(ctx.db) as session:
        job = _own(session, actor.party(Role.REGULATOR), job_id)
        found = trace_jobs.lines_of(session, job.id, after=after, state=state, limit=FILES_PAGE + 1)
    page = [Shown(one.file, trace_jobs.open_name(ctx.vault, one.file), one.outcome) for one in found[:FILES_PAGE]]
    return page, page[-1].file.seq if len(found) > FILES_PAGE else None


def _require_room(ctx: Context, party_id: str, job_id: str | None, handed: Sequence[Handed]) -> None:
    """Before anything is stored, so that what is refused takes no room."""
    with read_only(ctx.db) as session:
        job = None if job_id is None else _own(session, party_id, job_id)
        _require_room_in(session, party_id, job, handed)


def _require_room_in(session: Session, party_id: str, job: TraceJob | None, handed: Sequence[Handed]) -> None:
    count, size = trace_jobs.unfinished(session, party_id)
    if job is None and count >= MAX_OPEN:
        raise ApiError("trace_jobs.too_many", Kind.LIMITED, limit=MAX_OPEN)
    if job is not None:
        _require_unfinished(job)
    if (0 if job is None else job.total) + len(handed) > MAX_FILES:
        raise ApiError("trace_jobs.too_many_files", limit=MAX_FILES)
    if size + sum(one.file.size for one in handed) > MAX_BYTES:
        raise ApiError("trace_jobs.too_large", Kind.LIMITED, limit_gb=MAX_BYTES >> 30)


def _stored(ctx: Context, handed: Sequence[Handed]) -> list[Fresh]:
    """Store the files' pieces, sealed, some at a time. Their keys are in memory alone until the files belong to a job.

    Who dies before that leaves pieces that nobody can ever read, which the worker drops.
    """
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
    fresh = [Fresh.of(ids.new_suspect_id(), one.file.size) for one in handed]
    waiting: list[dict[str, object]] = []
    for one, file in zip(handed, fresh, strict=True):
        one.file.file.seek(0)
        for seq in range(file.pieces):
            waiting.append(trace_jobs.sealed_piece(file, seq, one.file.file.read(trace_jobs.PIECE_BYTES), now))
            if len(waiting) == _AT_ONCE:
                _store_pieces(ctx, waiting)
                waiting = []
    if waiting:
        _store_pieces(ctx, waiting)
    return fresh


def _store_pieces(ctx: Context, pieces: Sequence[dict[str, object]]) -> None:
    with unit_of_work(ctx.db) as session:
        trace_jobs.add_pieces(session, pieces)


def _attach(ctx: Context, session: Session, job: TraceJob, handed: Sequence[Handed], fresh: Sequence[Fresh]) -> None:
    for one, file in zip(handed, fresh, strict=True):
        trace_jobs.add_file(session, ctx.vault, job, file, one.name[:MAX_NAME])
    session.flush()


def _begin(job: TraceJob, now_ms: int) -> None:
    if not job.total:
        raise ApiError("trace_jobs.no_files", Kind.CONFLICT)
    job.state, job.started_at_ms = JobState.RUNNING.value, now_ms


def _require_unfinished(job: TraceJob) -> None:
    if job.state not in UNFINISHED:
        raise ApiError("trace_jobs.over", Kind.CONFLICT)


def _own(session: Session, party_id: str, job_id: str, *, lock: bool = False) -> TraceJob:
    job = trace_jobs.job_of(session, party_id, job_id, lock=lock)
    if job is None:
        raise ApiError("trace_jobs.not_found", Kind.NOT_FOUND)
    return job


def _told(session: Session, job: TraceJob, also: Also[JobView] | None) -> JobView:
    session.flush()
    view = _view(session, job)
    if also is not None:
        also(session, view)
    return view


def _view(session: Session, job: TraceJob) -> JobView:
    return JobView(job, trace_jobs.counts_of(session, [job.id])[job.id])

"""The worker's half: one file at a time, its verdict and the end of its bytes in one transaction."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from api.errors import ApiError, Kind, place_of
from api.services import traces
from api.services.context import Actor, Context, Role
from api.services.trace_candidates import Clues, Search
from api.services.trace_jobs.filing import end_early, forget_left
from api.services.traces import Suspect
from api.store import Session, clock, read_only, unit_of_work
from api.store.queries import trace_jobs
from api.store.queries.trace_jobs import FileState
from api.store.tables import Trace, TraceJob, TraceJobFile
from watermark.errors import WatermarkError

log = logging.getLogger("mydata.trace_jobs")
MAX_ATTEMPTS = 3
"""How often a file is begun whose tracing ends with the process itself."""
ORIGINALS_HELD_S = 300.0
"""For how long opened originals serve the files after; they are personal data, and may have been erased since."""
HOUR_MS = 3_600_000
OPEN_MS = 24 * HOUR_MS
UNFINISHED_MS = 7 * 24 * HOUR_MS
KEPT_MS = 30 * 24 * HOUR_MS


@dataclass(slots=True)
class Rounds:
    """What is kept between files: originals that were opened for pictures, by what the regulator knew beside them."""

    searches: dict[Clues, tuple[Search, float]] = field(default_factory=dict)

    def search(self, ctx: Context, clues: Clues) -> Search:
        """For one file: with a limit of pictures of its own, and the originals that were opened just before."""
        now = time.monotonic()
        self.searches = {key: one for key, one in self.searches.items() if now - one[1] < ORIGINALS_HELD_S}
        held = self.searches.get(clues)
        before, since = (Search(ctx, clues), now) if held is None else held
        search = before.following()
        self.searches[clues] = search, since
        return search

    def let_go(self) -> None:
        """Nothing waits: no original is held any longer."""
        self.searches.clear()


def turn(ctx: Context, rounds: Rounds) -> bool:
    """Trace the next file that waits; False where none does. Raises ApiError of kind UNAVAILABLE alone.

    A file that cannot be traced is refused with its reason and holds no other up.
    """
    begun = _begin(ctx)
    if begun is None:
        rounds.let_go()
        return False
    job, row = begun
    if row.attempts > MAX_ATTEMPTS:
        _refuse(ctx, row.id, ApiError("trace_jobs.given_up", Kind.INTERNAL))
        return True
    try:
        _trace(ctx, rounds, job, row)
    except MemoryError:
        raise
    except WatermarkError as error:
        _refuse(ctx, row.id, ApiError(error.code, Kind.INVALID, **error.facts))
    except ApiError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        _refuse(ctx, row.id, error)
    except Exception as error:
        # Whatever it was, the others go on; a message or traceback may carry what stands in the file.
        log.error("a file of %s stopped: %s", job.id, place_of(error))  # noqa: TRY400 - as said
        _refuse(ctx, row.id, ApiError("trace_jobs.stopped", Kind.INTERNAL))
    forget_left(ctx, job.id)
    return True


def keep_house(ctx: Context) -> None:
    """End jobs that nobody started or that never came to their end; drop what is left; forget old jobs' names."""
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        late = trace_jobs.overdue(session, now - OPEN_MS, now - UNFINISHED_MS)
    for job_id in late:
        _lapse(ctx, job_id)
    forget_left(ctx, before_ms=now - HOUR_MS)
    with unit_of_work(ctx.db) as session:
        trace_jobs.purge(session, clock.advance(session) - KEPT_MS)


def _lapse(ctx: Context, job_id: str) -> None:
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        job = trace_jobs.lock_job(session, job_id)
        if job is not None:
            end_early(session, job, now)


def _begin(ctx: Context) -> tuple[TraceJob, TraceJobFile] | None:
    with read_only(ctx.db) as session:
        waiting = trace_jobs.next_file(session)
    if waiting is None:
        return None
    with unit_of_work(ctx.db) as session:
        job, row = trace_jobs.lock_file(session, waiting.id)
        if row.state not in trace_jobs.HELD:
            return None  # cancelled between the two looks; the caller asks again
        row.state = FileState.RUNNING.value
        row.attempts += 1
        return job, row


def _trace(ctx: Context, rounds: Rounds, job: TraceJob, row: TraceJobFile) -> None:
    known = trace_jobs.open_clues(ctx.vault, job)
    clues = Clues(str(known["number"]), _moment(known["from_ms"]), _moment(known["until_ms"]))
    with read_only(ctx.db) as session:
        data = trace_jobs.open_file(session, ctx.vault, row)
    suspect = Suspect(trace_jobs.open_name(ctx.vault, row), data)
    actor = Actor(Role.REGULATOR, job.begun_by, party_id=job.party_id)

    def finish(session: Session, rows: Sequence[Trace]) -> None:
        (done,) = rows
        held_job, held = trace_jobs.lock_file(session, row.id)
        if held.state != FileState.RUNNING:
            raise ApiError("trace_jobs.over", Kind.CONFLICT)  # cancelled meanwhile: no verdict, no receipt
        session.flush()  # the trace stands before what names it
        held.trace_id = done.id
        trace_jobs.end_file(session, held_job, held, FileState.DONE, done.created_at_ms)

    traces.examine_files(ctx, actor, [suspect], rounds.search(ctx, clues), also=finish)


def _refuse(ctx: Context, file_id: str, error: ApiError) -> None:
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        job, row = trace_jobs.lock_file(session, file_id)
        if row.state != FileState.RUNNING:
            return
        row.error_code, row.error_facts = error.code, dict(error.facts)
        trace_jobs.end_file(session, job, row, FileState.REFUSED, now)


def _moment(value: str | int | None) -> int | None:
    return value if isinstance(value, int) else None

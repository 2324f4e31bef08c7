"""The background side of jobs: looks at each grant before anything is delivered, a few at a time.

It runs in the service process, for refusals are counted there, and gives way: after each slice it rests as long as the
slice took, so that single pulls always find half of a processor. A killed service goes on with the next slice.
"""

import logging
import os
import secrets
import threading
import time

from api.errors import ApiError, Kind, place_of
from api.policy.decide import Deny
from api.policy.replay import Seen
from api.services.context import Context
from api.services.pulls import denial
from api.services.refusals import refuse
from api.store import clock, leases, read_only, unit_of_work
from api.store.queries import pull_jobs
from api.store.queries.deliveries import PulledGrant
from api.store.queries.pull_jobs import ItemState, JobState, Note
from api.store.tables import PullJob

log = logging.getLogger("mydata.pull_jobs")
LEASE = "pull_jobs"
LEASE_S = 10.0
SLICE = 50
IDLE_S = 0.2
LEAST_REST_S = 0.01
HOUSEKEEPING_S = 60.0
KEPT_MS = 30 * 86_400_000


def run(ctx: Context, stop: threading.Event) -> None:
    """Look at jobs until stopped; what the store refuses is tried again."""
    holder = f"pull-jobs/{os.getpid()}/{secrets.token_hex(8)}"
    next_housekeeping = 0.0
    while not stop.is_set():
        begun = time.monotonic()
        try:
            busy = _leased(ctx, holder) and turn(ctx)
            if begun >= next_housekeeping:
                next_housekeeping = begun + HOUSEKEEPING_S
                forget_old(ctx)
        except ApiError as error:
            log.warning("jobs wait: %s", error.code)
            busy = False
        except Exception as error:
            # Whatever it was, the thread must live on; a message or traceback may carry personal data.
            log.error("jobs wait: %s", place_of(error))  # noqa: TRY400 - as said
            busy = False
        stop.wait(max(LEAST_REST_S, time.monotonic() - begun) if busy else IDLE_S)


def turn(ctx: Context) -> bool:
    """One slice of every job that waits, so that no entity's long job holds another's short one up; False: none."""
    with read_only(ctx.db) as session:
        jobs = pull_jobs.to_check(session)
    for job in jobs:
        _slice(ctx, job)
    return bool(jobs)


def forget_old(ctx: Context) -> None:
    """Forget jobs that expired long ago."""
    with unit_of_work(ctx.db) as session:
        pull_jobs.purge(session, clock.advance(session) - KEPT_MS)


def _leased(ctx: Context, holder: str) -> bool:
    """Whether this process is the one that looks: one at a time, should there be two for a moment."""
    with read_only(ctx.db) as session:
        if not pull_jobs.to_check(session):
            return False
    with unit_of_work(ctx.db) as session:
        return leases.acquire(session, LEASE, holder, LEASE_S) is not None


def _slice(ctx: Context, job: PullJob) -> None:
    notes: list[Note] = []
    refused: list[tuple[PulledGrant, Deny, Seen]] = []
    fields = asked_fields(job)
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        lines = pull_jobs.lines_of(session, job, states=[ItemState.WAITING], limit=SLICE)
        for line in lines:
            try:
                why = denial(ctx, session, job.party_id, line.item.grant_id, fields)
            except ApiError as error:
                if error.kind is Kind.UNAVAILABLE:
                    raise
                notes.append(Note(line.item.seq, ItemState.REFUSED, error.code))
                continue
            if why is None:
                notes.append(Note(line.item.seq, ItemState.READY))
            else:
                refused.append(why)
                notes.append(Note(line.item.seq, ItemState.REFUSED, why[1].reason))
    for grant, deny, seen in refused:
        # The holder sees who was turned away, whether a pull was refused or a job.
        refuse(ctx, grant, deny, seen)
    with unit_of_work(ctx.db) as session:
        standing = pull_jobs.job_of(session, job.party_id, job.id, lock=True)
        if standing is None or standing.state != JobState.CHECKING:
            return
        pull_jobs.note(session, job.id, notes)
        if len(lines) < SLICE or standing.expires_at_ms <= now:
            standing.state = JobState.READY.value


def asked_fields(job: PullJob) -> list[tuple[str, str]] | None:
    """What a job asks of each grant, as (type, field); None for everything granted."""
    if job.fields is None:
        return None
    return [(type_code, name) for type_code, _, name in (one.partition("/") for one in job.fields)]

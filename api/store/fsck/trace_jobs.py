"""Tracing jobs: what waits can be read, what is over has let go of its file, and no verdict is another regulator's."""

from sqlalchemy import func, select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import trace_jobs
from api.store.queries.trace_jobs import HELD, UNFINISHED, FileState
from api.store.tables import Trace, TraceJob, TraceJobFile


def check_trace_jobs(check: Check) -> None:
    """Each job against its files, each file against its seals and its state."""
    counts = {
        job_id: (count, size)
        for job_id, count, size in check.session.execute(
            select(TraceJobFile.job_id, func.count(), func.sum(TraceJobFile.file_bytes)).group_by(TraceJobFile.job_id)
        )
    }
    jobs: dict[str, TraceJob] = {}
    for job in check.each("trace_jobs", select(TraceJob).order_by(TraceJob.id)):
        jobs[job.id] = job
        if counts.get(job.id, (0, 0)) != (job.total, job.total_bytes) or not _clues_fit(check, job):
            check.find("trace_jobs", job.id, "fsck.trace_job_edited")
    owners = check.session.execute(select(Trace.id, Trace.party_id))
    traced = {found.id: found.party_id for found in owners}
    for row in check.each("trace_job_files", select(TraceJobFile).order_by(TraceJobFile.id)):
        of = jobs.get(row.job_id)
        held = row.state in HELD
        sound = (
            of is not None
            and held == (row.key_enc is not None)
            and (not held or of.state in UNFINISHED)
            and (row.state == FileState.DONE) == (row.trace_id is not None)
            and (row.state == FileState.REFUSED) == (row.error_code is not None)
            and (row.trace_id is None or traced.get(row.trace_id) == of.party_id)
        )
        if not sound or not _opens(check, row, held=held):
            check.find("trace_job_files", row.id, "fsck.trace_job_edited")


def _clues_fit(check: Check, job: TraceJob) -> bool:
    if job.state not in UNFINISHED:
        return job.clues_enc is None
    try:
        trace_jobs.open_clues(check.vault, job)
    except ApiError:
        return False
    return True


def _opens(check: Check, row: TraceJobFile, *, held: bool) -> bool:
    try:
        trace_jobs.open_name(check.vault, row)
        if held:
            trace_jobs.open_file(check.session, check.vault, row)
    except ApiError:
        return False
    return True

"""Tracing jobs: hundreds of suspect files handed in together, traced in the background one by one."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile

from api.http.auth import ContextDep, allow
from api.http.forms import INT_MAX, Answered, IdempotencyKey, moment, once
from api.http.strict_json import StrictJsonRoute
from api.locale import error_text
from api.services import returns, trace_jobs
from api.services.context import Actor, Role
from api.services.trace_candidates import MAX_CLUE, Clues
from api.services.trace_jobs import Handed, JobView, Shown
from api.store.queries.trace_jobs import FileState

router = APIRouter(prefix="/traces/jobs", tags=["traces"], route_class=StrictJsonRoute)
Regulator = Annotated[Actor, allow(Role.REGULATOR)]
Cursor = Annotated[str | None, Query(max_length=128)]


def handed(files: list[UploadFile] | None) -> list[Handed]:
    """Uploaded files, measured and not read into memory."""
    return [Handed(one.filename or "", returns.incoming(one.file)) for one in files or ()]


def described(files: list[Handed]) -> list[list[str]]:
    """By what the same files are known again."""
    return [[one.name, one.file.sha256.hex()] for one in files]


def shown(view: JobView) -> dict[str, Any]:
    """A job as JSON."""
    job, counts = view.job, view.counts
    return {
        "id": job.id,
        "state": job.state,
        "total": job.total,
        "bytes": job.total_bytes,
        "counts": dict(counts.by_state),
        "outcomes": dict(counts.outcomes),
        "reasons": dict(counts.reasons),
        "created_at": moment(job.created_at_ms),
        "started_at": moment(job.started_at_ms),
        "ended_at": moment(job.ended_at_ms),
    }


def line(found: Shown) -> dict[str, Any]:
    """A job's file as JSON."""
    file = found.file
    code, facts = file.error_code, file.error_facts or {}
    return {
        "seq": file.seq,
        "name": found.name,
        "bytes": file.file_bytes,
        "state": file.state,
        "outcome": found.outcome,
        "trace": file.trace_id,
        "error": None
        if code is None
        else {
            "code": code,
            "facts": facts,
            "zh": error_text(code, "zh-Hans", facts),
            "en": error_text(code, "en", facts),
        },
        "ended_at": moment(file.ended_at_ms),
    }


@router.post("", status_code=201)
def create(
    ctx: ContextDep,
    request: Request,
    actor: Regulator,
    file: Annotated[list[UploadFile] | None, File()] = None,
    number: Annotated[str, Form(max_length=MAX_CLUE)] = "",
    since: Annotated[date | None, Form()] = None,
    until: Annotated[date | None, Form()] = None,
    key: IdempotencyKey = None,
) -> Response:
    """Make a job of suspect files; more may be added before it is over. Nothing is traced before it is started.

    `number`, `since`, `until` as for a single trace, for all files of the job. Bytes are held sealed until their file
    has its verdict or its reason.
    """
    files = handed(file)

    def act(answered: Answered) -> None:
        trace_jobs.create(
            ctx,
            actor,
            files,
            Clues.of_days(number, since, until),
            also=lambda session, view: answered(session, shown(view)),
        )

    told = [described(files), number, str(since), str(until)]
    return once(ctx, actor, request, key, told, act, status=201)


@router.get("")
def list_jobs(ctx: ContextDep, actor: Regulator, cursor: Cursor = None) -> dict[str, Any]:
    """The regulator's tracing jobs, newest first."""
    page = trace_jobs.list_own(ctx, actor, cursor)
    return {"items": [shown(view) for view in page.items], "next_cursor": page.next_cursor}


@router.get("/{job_id}")
def get_job(ctx: ContextDep, actor: Regulator, job_id: str) -> dict[str, Any]:
    """How far a job is: its files by state, the traced ones by outcome, the refused ones by reason."""
    return shown(trace_jobs.get(ctx, actor, job_id))


@router.get("/{job_id}/files")
def list_files(
    ctx: ContextDep,
    actor: Regulator,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=INT_MAX)] = 0,
    state: Annotated[Literal["waiting", "running", "done", "refused", "cancelled"] | None, Query()] = None,
) -> dict[str, Any]:
    """A job's files in order, each with its trace or the reason why it has none; go on after the last one's number."""
    wanted = None if state is None else FileState(state)
    found, following = trace_jobs.files(ctx, actor, job_id, after=after, state=wanted)
    return {"items": [line(one) for one in found], "next_after": following}


@router.post("/{job_id}/files")
def add_files(
    ctx: ContextDep,
    request: Request,
    actor: Regulator,
    job_id: str,
    file: Annotated[list[UploadFile] | None, File()] = None,
    key: IdempotencyKey = None,
) -> Response:
    """Add files to a job that is not over, started or not."""
    files = handed(file)

    def act(answered: Answered) -> None:
        trace_jobs.add(ctx, actor, job_id, files, also=lambda session, view: answered(session, shown(view)))

    return once(ctx, actor, request, key, described(files), act)


@router.post("/{job_id}/start")
def start(ctx: ContextDep, request: Request, actor: Regulator, job_id: str, key: IdempotencyKey = None) -> Response:
    """Have a job's files traced, one after another."""

    def act(answered: Answered) -> None:
        trace_jobs.start(ctx, actor, job_id, also=lambda session, view: answered(session, shown(view)))

    return once(ctx, actor, request, key, None, act)


@router.post("/{job_id}/cancel")
def cancel(ctx: ContextDep, request: Request, actor: Regulator, job_id: str, key: IdempotencyKey = None) -> Response:
    """Stop a job and forget the files that wait; verdicts that were given stand."""

    def act(answered: Answered) -> None:
        trace_jobs.cancel(ctx, actor, job_id, also=lambda session, view: answered(session, shown(view)))

    return once(ctx, actor, request, key, None, act)

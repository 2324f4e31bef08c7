"""Pages of a regulator: many suspect files in one run. One may leave them; the run is found under Trace a leak."""

from typing import Annotated

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from api import locale
from api.errors import ApiError, Kind
from api.http.app import MANY
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import INT_MAX
from api.http.language import preferred_language
from api.http.v1.trace_jobs import handed
from api.locale import Lang, translator
from api.portals import frame as at
from api.portals.render import respond, with_query
from api.portals.views import trace_jobs as views
from api.portals.views.common import FormError
from api.services import trace_jobs
from api.services.context import Actor, Context
from api.services.trace_jobs import JobView, Shown
from api.store.queries.trace_jobs import UNFINISHED, FileState, JobState

router = APIRouter(prefix="/regulator/traces/jobs", include_in_schema=False)
REFRESH_S = 5


def url_of(job_id: str) -> str:
    """Where a job's page is."""
    return f"/regulator/traces/jobs/{at.segment(job_id)}"


def line(view: JobView) -> views.JobLine:
    """A job in a list."""
    job = view.job
    return views.JobLine(id=job.id, state=job.state, total=job.total, over=_over(view), created_at_ms=job.created_at_ms)


@router.get("/{job_id}")
def job(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=INT_MAX)] = 0,
) -> Response:
    """One run of many files: how far it is, and what became of each."""
    return _page(request, ctx, actor, job_id, after, None, 200)


@router.get("/{job_id}/progress")
def progress(request: Request, ctx: ContextDep, actor: at.Inspector, job_id: str) -> Response:
    """How far it is, for the page's script."""
    view = trace_jobs.get(ctx, actor, job_id)
    answer = {
        "state": view.job.state,
        "done": _over(view),
        "total": view.job.total,
        "text": _progress_text(view, preferred_language(request)),
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


@router.post("/{job_id}/files")
def add(
    request: Request, ctx: ContextDep, actor: at.Inspector, job_id: str, files: Annotated[list[UploadFile], File()]
) -> Response:
    """Add files to a run that is not over."""
    try:
        trace_jobs.add(ctx, actor, job_id, handed(files))
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            raise
        reason = at.said(error, preferred_language(request))
        return _page(request, ctx, actor, job_id, 0, reason, int(STATUS[error.kind]))
    return at.see_other(url_of(job_id))


@router.post("/{job_id}/start")
def start(ctx: ContextDep, actor: at.Inspector, job_id: str) -> Response:
    """Begin a run that a system handed in."""
    trace_jobs.start(ctx, actor, job_id)
    return at.see_other(url_of(job_id))


@router.post("/{job_id}/cancel")
def cancel(ctx: ContextDep, actor: at.Inspector, job_id: str) -> Response:
    """Stop a run and forget the files that wait."""
    trace_jobs.cancel(ctx, actor, job_id)
    return at.see_other(url_of(job_id))


def _page(
    request: Request, ctx: Context, actor: Actor, job_id: str, after: int, error: FormError | None, status: int
) -> Response:
    lang = preferred_language(request)
    found = trace_jobs.get(ctx, actor, job_id)
    lines, following = trace_jobs.files(ctx, actor, job_id, after=after)
    counts = found.counts.by_state
    view = views.JobPage(
        line=line(found),
        done=counts[FileState.DONE],
        refused=counts[FileState.REFUSED],
        waiting=counts[FileState.WAITING] + counts[FileState.RUNNING],
        cancelled=counts[FileState.CANCELLED],
        progress_url=f"{url_of(job_id)}/progress",
        progress_text=_progress_text(found, lang),
        ended_at_ms=found.job.ended_at_ms,
        outcomes=tuple(views.Counted(name=name, count=count) for name, count in found.counts.outcomes.items()),
        files=tuple(_file(one, lang) for one in lines),
        first_url=url_of(job_id) if after else None,
        next_url=None if following is None else with_query(url_of(job_id), after=str(following)),
        can_change=found.job.state in UNFINISHED,
        max_files=trace_jobs.MAX_FILES,
        max_bytes=ctx.settings.max_upload_bytes * MANY,
        error=error,
    )
    refresh_s = REFRESH_S if found.job.state == JobState.RUNNING else None
    frame = at.frame(request, ctx, "regulator", "traces", actor, refresh_s=refresh_s)
    return respond("regulator/trace_job.html", view, frame, status)


def _file(one: Shown, lang: Lang) -> views.FileLine:
    row = one.file
    error = None
    if row.error_code is not None:
        error = FormError(code=row.error_code, text=locale.error_text(row.error_code, lang, row.error_facts))
    return views.FileLine(
        seq=row.seq, name=one.name, state=row.state, trace_id=row.trace_id, outcome=one.outcome, error=error
    )


def _over(view: JobView) -> int:
    counts = view.counts.by_state
    return view.job.total - counts[FileState.WAITING] - counts[FileState.RUNNING]


def _progress_text(view: JobView, lang: Lang) -> str:
    return translator(lang).gettext("%(done)s of %(total)s files looked at") % {
        "done": locale.format_number(_over(view), lang),
        "total": locale.format_number(view.job.total, lang),
    }

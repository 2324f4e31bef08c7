"""Pages of an entity: bulk pulls. One may leave them; the work goes on, and is found in the list."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse

from api import locale
from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.http.v1.pull_jobs import archive
from api.locale import Lang, translator
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import entity_jobs as views
from api.portals.views.common import Choice, FormError
from api.portals.wording import FORMAT_HINTS, FORMATS
from api.services import pull_jobs, pulls, requests
from api.services.context import Actor, Context
from api.services.pull_jobs import Choice as Chosen
from api.services.pull_jobs import JobRequest, JobView
from api.store.queries.pull_jobs import ItemState, JobState, Line

router = APIRouter(prefix="/entity", include_in_schema=False)
Text = Annotated[str, Form(max_length=64)]
REFRESH_S = 5
CHANGEABLE = frozenset({JobState.CHECKING.value, JobState.READY.value})


@router.get("/jobs")
def list_jobs(request: Request, ctx: ContextDep, actor: at.Clerk, cursor: at.Cursor = None) -> Response:
    """Begin a bulk pull, and all of them, newest first."""
    return _list(request, ctx, actor, cursor, ("", ""), None, 200)


@router.post("/jobs")
def create(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    media_type: Annotated[str, Form(alias="format", max_length=128)],
    purpose: Text = "",
    case_prefix: Text = "",
) -> Response:
    """Begin a bulk pull over the consents in force that match."""
    prefix = case_prefix.strip()
    try:
        choice = Chosen(purpose=purpose or None, case_prefix=prefix or None)
        view = pull_jobs.create(ctx, actor, JobRequest(media_type, choice=choice))
    except ApiError as error:
        reason = at.said(error, preferred_language(request))
        return _list(request, ctx, actor, None, (purpose, prefix), reason, int(STATUS[error.kind]))
    return at.see_other(_url(view.job.id))


@router.get("/jobs/{job_id}")
def job(request: Request, ctx: ContextDep, actor: at.Clerk, job_id: str) -> Response:
    """One bulk pull: how far it is, and what was refused."""
    return _page(request, ctx, actor, job_id, None, 200)


@router.get("/jobs/{job_id}/progress")
def progress(request: Request, ctx: ContextDep, actor: at.Clerk, job_id: str) -> Response:
    """How far it is, for the page's script."""
    view = pull_jobs.get(ctx, actor, job_id)
    answer = {
        "state": view.state,
        "done": _done(view),
        "total": view.job.total,
        "text": _progress_text(view, preferred_language(request)),
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


@router.post("/jobs/{job_id}/result")
def result(request: Request, ctx: ContextDep, actor: at.Clerk, job_id: str) -> Response:
    """Take the archive: every copy is delivered, marked and receipted while it is saved."""
    try:
        return archive(pull_jobs.fetch(ctx, actor, job_id), job_id)
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            raise
        reason = at.said(error, preferred_language(request))
        return _page(request, ctx, actor, job_id, reason, int(STATUS[error.kind]))


@router.post("/jobs/{job_id}/cancel")
def cancel(ctx: ContextDep, actor: at.Clerk, job_id: str) -> Response:
    """Stop a bulk pull."""
    pull_jobs.cancel(ctx, actor, job_id)
    return at.see_other(_url(job_id))


@router.post("/jobs/{job_id}/resume")
def resume(ctx: ContextDep, actor: at.Clerk, job_id: str) -> Response:
    """Go on with a bulk pull, and look again at what was refused."""
    pull_jobs.resume(ctx, actor, job_id)
    return at.see_other(_url(job_id))


def _url(job_id: str) -> str:
    return f"/entity/jobs/{at.segment(job_id)}"


def _list(
    request: Request,
    ctx: Context,
    actor: Actor,
    cursor: str | None,
    filled: tuple[str, str],
    error: FormError | None,
    status: int,
) -> Response:
    lang = preferred_language(request)
    page = pull_jobs.list_own(ctx, actor, cursor)
    view = views.Jobs(
        jobs=tuple(_line(ctx, one, lang) for one in page.items),
        purposes=tuple(Choice(value=one.code, label=one.label(lang)) for one in requests.purposes_of(ctx, actor)),
        purpose=filled[0],
        case_prefix=filled[1],
        formats=tuple(
            Choice(value=name, label=FORMATS[name], hint=translator(lang).gettext(FORMAT_HINTS[name]))
            for name in (pulls.XLSX, pulls.JSON, pulls.CSV, pulls.PDF)
        ),
        error=error,
        pager=at.older("/entity/jobs", page.next_cursor, cursor=cursor),
    )
    return respond("entity/jobs.html", view, at.frame(request, ctx, "entity", "jobs", actor), status)


def _page(request: Request, ctx: Context, actor: Actor, job_id: str, error: FormError | None, status: int) -> Response:
    lang = preferred_language(request)
    found = pull_jobs.get(ctx, actor, job_id)
    lines, more = pull_jobs.items(ctx, actor, job_id)
    counts = found.counts.by_state
    view = views.JobPage(
        line=_line(ctx, found, lang),
        done=_done(found),
        progress_url=f"{_url(job_id)}/progress",
        progress_text=_progress_text(found, lang),
        expires_at_ms=found.job.expires_at_ms,
        reasons=tuple(
            views.Reason(text=locale.error_text(code, lang), code=code, count=count)
            for code, count in found.counts.reasons.items()
        ),
        items=tuple(_item(one, lang) for one in lines),
        more_items=more is not None,
        can_fetch=found.state == JobState.READY and counts[ItemState.READY] + counts[ItemState.DELIVERED] > 0,
        can_cancel=found.state in CHANGEABLE,
        can_resume=found.state == JobState.CANCELLED
        or (found.state == JobState.READY and counts[ItemState.REFUSED] > 0),
        error=error,
    )
    refresh_s = REFRESH_S if found.state == JobState.CHECKING else None
    frame = at.frame(request, ctx, "entity", "jobs", actor, refresh_s=refresh_s)
    return respond("entity/job.html", view, frame, status)


def _line(ctx: Context, view: JobView, lang: Lang) -> views.JobLine:
    job, counts = view.job, view.counts.by_state
    return views.JobLine(
        id=job.id,
        meant=_meant(ctx, view, lang),
        format=FORMATS[job.media_type],
        state=view.state,
        total=job.total,
        ready=counts[ItemState.READY],
        delivered=counts[ItemState.DELIVERED],
        refused=counts[ItemState.REFUSED],
        created_at_ms=job.created_at_ms,
    )


def _meant(ctx: Context, view: JobView, lang: Lang) -> str:
    """What the job was begun over, in words."""
    labels = translator(lang)
    chosen = view.job.chosen
    if chosen is None:
        return labels.gettext("Consents listed by a system")
    said = []
    if "purpose" in chosen:
        purpose = ctx.catalogue.purposes.get(chosen["purpose"])
        said.append(purpose.label(lang) if purpose else chosen["purpose"])
    if "scenario" in chosen:
        pack = ctx.catalogue.packs.get(chosen["scenario"])
        said.append(pack.label(lang) if pack else chosen["scenario"])
    if "case_prefix" in chosen:
        said.append(labels.gettext("cases beginning with %(prefix)s") % {"prefix": chosen["case_prefix"]})
    return labels.gettext(", ").join(said)


def _item(line: Line, lang: Lang) -> views.ItemLine:
    item = line.item
    return views.ItemLine(
        seq=item.seq,
        case_no=line.case_no,
        state=item.state,
        reason=None if item.reason is None else locale.error_text(item.reason, lang),
        url=None if item.reason == "pull.not_found" else f"/entity/grants/{at.segment(item.grant_id)}",
    )


def _done(view: JobView) -> int:
    return view.job.total - view.counts.by_state[ItemState.WAITING]


def _progress_text(view: JobView, lang: Lang) -> str:
    return translator(lang).gettext("%(done)s of %(total)s consents looked at") % {
        "done": locale.format_number(_done(view), lang),
        "total": locale.format_number(view.job.total, lang),
    }

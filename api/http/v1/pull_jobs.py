"""Bulk pulls: many grants in one job, looked at in the background, delivered into one archive while it is fetched."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from api.http.auth import ContextDep, Credentials, allow, credentials
from api.http.forms import INT_MAX, Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.grants import evidence_of, split
from api.services import pull_jobs, pulls
from api.services.context import Actor, Role
from api.services.pull_jobs import Choice, Fetch, JobRequest, JobView
from api.store import Session
from api.store.queries.pull_jobs import ItemState, Line

router = APIRouter(prefix="/pull-jobs", tags=["pull-jobs"], route_class=StrictJsonRoute)
Clerk = Annotated[Actor, allow(Role.ENTITY)]
Given = Annotated[Credentials, Depends(credentials)]
Cursor = Annotated[str | None, Query(max_length=128)]
GrantId = Annotated[str, Field(min_length=1, max_length=48)]
ZIP = "application/zip"


class ChoiceIn(Strict):
    """Active grants that match everything given."""

    purpose: str | None = Field(default=None, min_length=1, max_length=64)
    scenario: str | None = Field(default=None, min_length=1, max_length=64)
    case_prefix: str | None = Field(default=None, min_length=1, max_length=64)


class JobIn(Strict):
    """Grants by id, or a filter over one's active grants; the format of all copies, and fields as `type/field`."""

    grants: list[GrantId] | None = Field(default=None, min_length=1, max_length=pull_jobs.MAX_GRANTS)
    filter: ChoiceIn | None = None
    format: Literal["json", "csv", "xlsx", "pdf"] = "json"
    fields: list[str] | None = Field(default=None, min_length=1, max_length=64)


def shown(view: JobView) -> dict[str, Any]:
    """A job as JSON."""
    job = view.job
    return {
        "id": job.id,
        "state": view.state,
        "format": job.media_type,
        "fields": job.fields,
        "filter": job.chosen,
        "total": job.total,
        "counts": dict(view.counts.by_state),
        "reasons": dict(view.counts.reasons),
        "created_at": moment(job.created_at_ms),
        "expires_at": moment(job.expires_at_ms),
    }


def line(found: Line) -> dict[str, Any]:
    """A job's item as JSON."""
    item = found.item
    return {
        "seq": item.seq,
        "grant": item.grant_id,
        "case_no": found.case_no,
        "state": item.state,
        "reason": item.reason,
        "copy": item.copy_id,
        "receipt": item.receipt_id,
        "deliveries": item.deliveries,
    }


@router.post("", status_code=202)
def create(
    ctx: ContextDep, request: Request, actor: Clerk, given: Given, body: JobIn, key: IdempotencyKey = None
) -> Response:
    """Begin a job. The signed request stands as evidence in every delivery that the job makes."""
    media_type = next(name for name, extension in pulls.EXTENSION.items() if extension == body.format)
    for one in body.fields or ():
        split(one)
    choice = None if body.filter is None else Choice(**body.filter.model_dump())
    asked = JobRequest(media_type, body.grants, choice, body.fields)
    signed = evidence_of(request.state.evidence)

    def act(answered: Answered) -> None:
        def keep(session: Session, view: JobView) -> None:
            answered(session, shown(view))

        pull_jobs.create(ctx, actor, asked, signed, given.body, also=keep)

    return once(ctx, actor, request, key, body, act, status=202)


@router.get("")
def list_jobs(ctx: ContextDep, actor: Clerk, cursor: Cursor = None) -> dict[str, Any]:
    """One's jobs, newest first."""
    page = pull_jobs.list_own(ctx, actor, cursor)
    return {"items": [shown(view) for view in page.items], "next_cursor": page.next_cursor}


@router.get("/{job_id}")
def get_job(ctx: ContextDep, actor: Clerk, job_id: str) -> dict[str, Any]:
    """How far a job is: its items by state, the refused ones by reason."""
    return shown(pull_jobs.get(ctx, actor, job_id))


@router.get("/{job_id}/items")
def list_items(
    ctx: ContextDep,
    actor: Clerk,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=INT_MAX)] = 0,
    state: Annotated[Literal["waiting", "ready", "delivered", "refused"] | None, Query()] = None,
) -> dict[str, Any]:
    """A job's grants in order, each with its state; go on after the last one's number."""
    wanted = None if state is None else ItemState(state)
    found, following = pull_jobs.items(ctx, actor, job_id, after=after, state=wanted)
    return {"items": [line(one) for one in found], "next_after": following}


@router.post("/{job_id}/cancel")
def cancel(ctx: ContextDep, request: Request, actor: Clerk, job_id: str, key: IdempotencyKey = None) -> Response:
    """Stop a job: nothing more is looked at or delivered until it is resumed."""

    def act(answered: Answered) -> None:
        pull_jobs.cancel(ctx, actor, job_id, also=lambda session, view: answered(session, shown(view)))

    return once(ctx, actor, request, key, None, act)


@router.post("/{job_id}/resume")
def resume(ctx: ContextDep, request: Request, actor: Clerk, job_id: str, key: IdempotencyKey = None) -> Response:
    """Go on with a cancelled job, and look again at what was refused."""

    def act(answered: Answered) -> None:
        pull_jobs.resume(ctx, actor, job_id, also=lambda session, view: answered(session, shown(view)))

    return once(ctx, actor, request, key, None, act)


@router.get("/{job_id}/result")
def get_result(ctx: ContextDep, actor: Clerk, job_id: str) -> Response:
    """The archive, delivered as it is fetched: each copy with its receipt, an index, a manifest with every hash.

    Fetching again is a delivery again, with receipts of its own and no second use; what serves no longer drops out.
    """
    return archive(pull_jobs.fetch(ctx, actor, job_id), job_id)


def archive(fetch: Fetch, job_id: str) -> StreamingResponse:
    """An archive on its way. It has no length and no digest beforehand: the manifest at its end has them."""
    headers = {"Content-Disposition": f'attachment; filename="{job_id}.zip"'}
    return StreamingResponse(_closing(fetch), media_type=ZIP, headers=headers)


async def _closing(fetch: Fetch) -> AsyncIterator[bytes]:
    try:
        async for part in iterate_in_threadpool(fetch):
            if part:
                yield part
    finally:
        # Also where the caller went away: what was delivered is noted, and the next may fetch.
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(fetch.close)

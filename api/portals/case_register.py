"""Pages on which departments and courts bring the numbers of their cases."""

from typing import Annotated

from fastapi import APIRouter, File, Request, Response, UploadFile

from api.catalogue.case_register import case_rules
from api.documents.case_numbers import read_cases
from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import case_register as views
from api.portals.views.common import FormError
from api.services import case_register
from api.services.context import Actor, Context

router = APIRouter(include_in_schema=False)


@router.get("/department/case-register")
def register(request: Request, ctx: ContextDep, actor: at.Officer) -> Response:
    """The department's register of case numbers, by counts."""
    return _page(request, ctx, actor, None, None)


@router.get("/entity/case-register")
def entity_register(request: Request, ctx: ContextDep, actor: at.Clerk) -> Response:
    """The organisation's register of case numbers, by counts."""
    return _page(request, ctx, actor, None, None)


@router.post("/department/case-register")
def deliver(request: Request, ctx: ContextDep, actor: at.Officer, file: Annotated[UploadFile, File()]) -> Response:
    """Bring a file of case numbers, by an account that does not query."""
    return _deliver(request, ctx, actor, file)


@router.post("/entity/case-register")
def entity_deliver(request: Request, ctx: ContextDep, actor: at.Clerk, file: Annotated[UploadFile, File()]) -> Response:
    """Bring a file of case numbers, by an account that does not query."""
    return _deliver(request, ctx, actor, file)


def _deliver(request: Request, ctx: Context, actor: Actor, file: UploadFile) -> Response:
    try:
        data = file.file.read(ctx.settings.max_body_bytes + 1)
        if len(data) > ctx.settings.max_body_bytes:
            raise ApiError("case_register.too_many", limit=case_rules().max_entries)
        done = case_register.deliver(ctx, actor, read_cases(data, case_rules().max_entries))
    except ApiError as error:
        said = at.said(error, preferred_language(request), "file")
        return _page(request, ctx, actor, None, said, int(STATUS[error.kind]))
    shown = views.Done(added=done.added, changed=done.changed, unchanged=done.unchanged, came=done.came)
    return _page(request, ctx, actor, shown, None)


def _page(
    request: Request, ctx: Context, actor: Actor, done: views.Done | None, error: FormError | None, status: int = 200
) -> Response:
    portal, own = actor.role.value, case_register.own(ctx, actor)
    view = views.CaseRegisterPage(
        base=f"/{portal}/case-register",
        queries=f"/{portal}/queries",
        last_at_ms=None if own.register is None else own.register.last_at_ms,
        open=own.held.open,
        closed=own.held.closed,
        late=own.late,
        late_days=own.late_days,
        max_entries=case_rules().max_entries,
        may_bring=own.may_bring,
        done=done,
        error=error,
    )
    return respond("staff/case_register.html", view, at.frame(request, ctx, portal, "queries", actor), status)

"""Pages of a department that keeps a register: register legal representatives or guardians, end what it registered."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.http.v1.mandates import until_ms
from api.policy.mandates import DOCUMENTS, EndReason, MandateKind
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import mandates as views
from api.portals.views.common import FormError
from api.services import mandates
from api.services.context import Actor, Context
from api.services.mandates import MandateView, Registration

router = APIRouter(prefix="/department/mandates", include_in_schema=False)
KindName = Literal["legal_representative", "guardian"]
REASONS = {
    MandateKind.LEGAL_REPRESENTATIVE: (EndReason.REGISTER, EndReason.MISTAKE),
    MandateKind.GUARDIAN: (EndReason.REGISTER, EndReason.COURT, EndReason.MISTAKE),
}


@router.get("")
def registry(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    kind: Annotated[KindName | None, Query()] = None,
    cursor: at.Cursor = None,
) -> Response:
    """What the department registered, and the form of a kind."""
    return _page(request, ctx, actor, kind, cursor, None)


@router.post("")
def register(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    kind: Annotated[KindName, Form()],
    principal_number: Annotated[str, Form(max_length=18)] = "",
    principal_name: Annotated[str, Form(max_length=64)] = "",
    person_number: Annotated[str, Form(max_length=18)] = "",
    person_name: Annotated[str, Form(max_length=64)] = "",
    document: Annotated[str, Form(max_length=24)] = "",
    document_no: Annotated[str, Form(max_length=64)] = "",
    until: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Register a representative; in force at once. Numbers are not shown again where something was not right."""
    try:
        new = Registration(
            MandateKind(kind),
            principal_number,
            principal_name,
            person_number,
            person_name,
            document,
            document_no,
            until_ms(until or None),
        )
        mandates.register(ctx, actor, new)
    except ApiError as error:
        if error.kind not in {Kind.INVALID, Kind.CONFLICT}:
            raise
        return _page(request, ctx, actor, kind, None, at.said(error, preferred_language(request)))
    return at.see_other("/department/mandates")


@router.post("/{mandate_id}/end")
def end(
    ctx: ContextDep,
    actor: at.Officer,
    mandate_id: str,
    reason: Annotated[Literal["register", "court", "mistake"], Form()],
) -> Response:
    """End what was registered, with the reason."""
    mandates.end(ctx, actor, mandate_id, reason)
    return at.see_other("/department/mandates")


def _page(
    request: Request, ctx: Context, actor: Actor, kind: str | None, cursor: str | None, error: FormError | None
) -> Response:
    kinds = mandates.registers(ctx, actor)
    chosen = next((one for one in kinds if one == kind), kinds[0] if len(kinds) == 1 else None)
    page = mandates.list_registered(ctx, actor, cursor)
    view = views.Registry(
        kinds=tuple(one.value for one in kinds),
        chosen=None if chosen is None else chosen.value,
        documents=() if chosen is None else tuple(one.value for one in DOCUMENTS[chosen]),
        lines=tuple(_line(one) for one in page.items),
        pager=at.older("/department/mandates", page.next_cursor, kind=kind, cursor=cursor),
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond("department/mandates.html", view, at.frame(request, ctx, "department", "mandates", actor), status)


def _line(one: MandateView) -> views.RegisteredLine:
    row = one.row
    kind = MandateKind(row.kind)
    live = one.state.value in {"proposed", "active"}
    return views.RegisteredLine(
        id=row.id,
        kind=row.kind,
        state=one.state.value,
        document="" if one.body is None else one.body.document,
        document_no="" if one.body is None else one.body.document_no,
        registered_at_ms=row.created_at_ms,
        until_ms=row.ends_ms,
        reason=row.reason,
        reasons=tuple(reason.value for reason in REASONS[kind]) if live else (),
    )

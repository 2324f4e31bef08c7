"""Consents on a regulator's pages: find one, read its trail, hold it up, lift that, declare it void."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import translator
from api.policy.states import GRANT_TRANSITIONS, GrantState, InvalidReason
from api.portals import frame as at
from api.portals.lives import trail
from api.portals.render import respond
from api.portals.views import regulator as views
from api.portals.views.common import Choice, FormError
from api.portals.wording import INVALID_REASONS
from api.services import grants
from api.services.cases import shown_number
from api.services.context import Actor, Context
from api.services.grants import supervision
from api.services.grants.supervision import Held
from api.store.queries.registrations import LegalBasis

router = APIRouter(prefix="/regulator/grants", include_in_schema=False)
REASONS = (InvalidReason.COURT, InvalidReason.REGULATOR, InvalidReason.PURPOSE_WITHDRAWN)
Number = Annotated[str, Query(max_length=supervision.NUMBER_MAX)]


@router.get("")
def stopped(
    request: Request, ctx: ContextDep, actor: at.Inspector, number: Number = "", cursor: at.Cursor = None
) -> Response:
    """Find a consent by a number that stands in evidence; and what is held up or void."""
    lang, error = preferred_language(request), None
    if number.strip():
        try:
            return at.see_other(f"/regulator/grants/{at.segment(supervision.find(ctx, actor, number))}")
        except ApiError as refused:
            error = at.said(refused, lang, "number")
    page, now = supervision.list_held(ctx, actor, cursor), at.now_ms(ctx)

    def line(one: Held) -> views.HeldGrant:
        case_no = one.grant.terms["case_no"]
        return views.HeldGrant(
            id=one.grant.id,
            entity=at.named(one.entity, lang),
            purpose=at.purpose_of(ctx, one.grant.terms, lang),
            case_no=None if case_no is None else str(case_no),
            state=grants.shown_state(one.grant, now).value,
            held=one.grant.frozen,
            reference=one.grant.case_id if one.grant.suspended else None,
            created_at_ms=one.grant.created_at_ms,
        )

    view = views.Grants(
        number=number,
        held=tuple(line(one) for one in page.items),
        error=error,
        pager=at.older("/regulator/grants", page.next_cursor, cursor=cursor),
    )
    status = 200 if error is None else int(STATUS[Kind.NOT_FOUND])
    return respond("regulator/grants.html", view, at.frame(request, ctx, "regulator", "grants", actor), status)


@router.get("/{grant_id}")
def grant(request: Request, ctx: ContextDep, actor: at.Inspector, grant_id: str) -> Response:
    """One consent with its trail, and the measures that are open."""
    known = supervision.find(ctx, actor, grant_id)
    if known != grant_id:
        return at.see_other(f"/regulator/grants/{at.segment(known)}")
    return _page(request, ctx, actor, grant_id, views.Measure(), None)


@router.post("/{grant_id}/measures")
def measure(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    grant_id: str,
    act: Annotated[Literal["freeze", "lift", "invalidate"], Form()],
    reason: Annotated[Literal["court", "regulator", "purpose_withdrawn"], Form()] = "regulator",
    reference: Annotated[str, Form(max_length=256)] = "",
    confirm: Annotated[Literal["", "yes"], Form()] = "",
) -> Response:
    """Take a measure: first the page says what follows from it and asks once more, then it is done."""
    filled = views.Measure(act=act, reason=reason, reference=reference.strip())
    try:
        if not filled.reference or not filled.reference.isprintable() or len(filled.reference) > grants.CASE_MAX:
            raise ApiError("grants.bad_case", limit=grants.CASE_MAX)
        if not confirm:
            return _page(request, ctx, actor, grant_id, filled, None, confirm=True)
        if act == "freeze":
            grants.freeze(ctx, grant_id, filled.reference, actor)
        elif act == "lift":
            grants.unfreeze(ctx, grant_id, filled.reference, actor)
        else:
            grants.invalidate(ctx, actor, grant_id, InvalidReason(reason), reference=filled.reference)
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            raise
        return _page(request, ctx, actor, grant_id, filled, error)
    return at.see_other(f"/regulator/grants/{at.segment(grant_id)}")


def _page(
    request: Request,
    ctx: Context,
    actor: Actor,
    grant_id: str,
    filled: views.Measure,
    error: ApiError | None,
    *,
    confirm: bool = False,
) -> Response:
    lang = preferred_language(request)
    labels = translator(lang)
    found = supervision.open_one(ctx, actor, grant_id)
    row = found.page.grant
    state = grants.shown_state(row, at.now_ms(ctx))
    case_no = row.terms["case_no"]
    said: FormError | None = None if error is None else at.said(error, lang)
    view = views.SupervisedGrant(
        id=row.id,
        digest="0x" + row.digest.hex(),
        entity=at.named(found.page.entity, lang),
        entity_uscc=found.page.entity.uscc or "—",
        purpose=at.purpose_of(ctx, row.terms, lang),
        case_no=None if case_no is None else str(case_no),
        by_duty=row.legal_basis == LegalBasis.STATUTORY_DUTY,
        state=state.value,
        frozen=row.frozen,
        held_for=row.case_id,
        case_url=None if found.case is None else f"/regulator/cases/{at.segment(found.case.id)}",
        case_number=None if found.case is None else shown_number(found.case),
        from_ms=row.not_before_ms,
        until_ms=row.not_after_ms,
        ended_at_ms=row.ended_at_ms,
        uses=row.use_count,
        max_uses=row.max_uses,
        custody=row.custody,
        items=at.items(ctx, lang, row.terms["items"]),
        copies=tuple(
            views.SupervisedCopy(id=copy.id, media_type=copy.media_type, state=copy.state) for copy in found.page.copies
        ),
        changes=trail(ctx, found.page, "regulator", lang),
        reasons=tuple(Choice(value=one.value, label=labels.gettext(INVALID_REASONS[one.value])) for one in REASONS),
        can_freeze=not state.final and not row.suspended,
        can_lift=row.suspended and row.case_id is not None and not state.final,
        can_invalidate=GrantState.INVALIDATED in GRANT_TRANSITIONS[state],
        filled=filled,
        error=said,
        confirm=confirm,
    )
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("regulator/grant.html", view, at.frame(request, ctx, "regulator", "grants", actor), status)

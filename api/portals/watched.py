"""Pages of the watch: a regulator's queue of alarms, with suspension from it; and the same for an auditor to read."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import Lang, format_number, translator
from api.policy.case_register import HOUR_MS
from api.policy.watch import CloseReason
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import watched as views
from api.portals.views.common import Choice
from api.portals.wording import CLOSE_REASONS, WATCHES
from api.services import admissions, case_register, watch
from api.services.case_register import BodyView
from api.services.context import Actor, Context, Role
from api.services.watch import AlarmView, CaseView
from api.store.queries.parties import PartyStatus

router = APIRouter(include_in_schema=False)


@router.get("/regulator/watch")
def queue(request: Request, ctx: ContextDep, actor: at.Inspector, cursor: at.Cursor = None) -> Response:
    """What looked unusual in the use of data by consent."""
    return _page(request, ctx, actor, cursor, None)


@router.post("/regulator/watch/{alarm_id}")
def move(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    alarm_id: str,
    act: Annotated[Literal["take", "close", "agree", "reopen"], Form()],
    reason: Annotated[Literal["explained", "harmless", "measures"], Form()] = "explained",
    remark: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Take an alarm, close it with a reason, or look at it once more."""
    try:
        if act == "take":
            watch.take(ctx, actor, alarm_id)
        elif act == "close":
            watch.close(ctx, actor, alarm_id, CloseReason(reason), remark)
        else:
            watch.look_again(ctx, actor, alarm_id, agrees=act == "agree")
    except ApiError as error:
        return _page(request, ctx, actor, None, error)
    return at.see_other("/regulator/watch")


@router.post("/regulator/parties/{party_id}/suspend")
def suspend(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    party_id: str,
    reason: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Suspend an organisation at once; a security officer lets it back on a regulator's or a colleague's proposal."""
    try:
        admissions.suspend(ctx, actor, party_id, reason)
    except ApiError as error:
        return _page(request, ctx, actor, None, error)
    return at.see_other("/regulator/watch")


@router.get("/auditor/watch")
def read_queue(request: Request, ctx: ContextDep, actor: at.Auditor, cursor: at.Cursor = None) -> Response:
    """The queue, to be read."""
    return _page(request, ctx, actor, cursor, None)


def _page(request: Request, ctx: Context, actor: Actor, cursor: str | None, error: ApiError | None) -> Response:
    lang, portal = preferred_language(request), actor.role.value
    labels, base = translator(lang), f"/{portal}/watch"
    page = watch.list_all(ctx, actor, cursor)
    view = views.Watch(
        base=base,
        alarms=tuple(_card(ctx, one, actor, lang) for one in page.items),
        reasons=tuple(Choice(value=code, label=labels.gettext(text)) for code, text in CLOSE_REASONS.items()),
        error=None if error is None else at.said(error, lang),
        pager=at.older(base, page.next_cursor, cursor=cursor),
        # Beside the newest alarms alone: it is the same on every page.
        registers=() if cursor else tuple(_register(one, lang) for one in case_register.list_bodies(ctx, actor)),
    )
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("staff/watch.html", view, at.frame(request, ctx, portal, "watch", actor), status)


def _card(ctx: Context, one: AlarmView, actor: Actor, lang: Lang) -> views.AlarmCard:
    row, labels = one.row, translator(lang)
    purpose = ctx.catalogue.purposes.get(row.subject)
    facts = {
        "seen": format_number(row.seen, lang),
        "limit": format_number(row.limit, lang),
        "subject": row.subject if purpose is None else purpose.label(lang),
    }
    active = one.party is not None and one.party.status == PartyStatus.ACTIVE
    return views.AlarmCard(
        id=row.id,
        organisation=at.named(one.party, lang),
        party_id=row.party_id,
        what=labels.gettext(WATCHES[row.kind]) % facts,
        state=row.state,
        raised_at_ms=row.raised_at_ms,
        last_at_ms=row.last_at_ms,
        taken_at_ms=row.taken_at_ms,
        closed_at_ms=row.closed_at_ms,
        checked_at_ms=row.checked_at_ms,
        reason=None if row.reason is None else labels.gettext(CLOSE_REASONS[row.reason]),
        remark=row.remark,
        mine=row.taken_by == actor.subject,
        may_take=one.may_take,
        may_close=one.may_close,
        may_check=one.may_check,
        may_suspend=actor.role is Role.REGULATOR and active and row.state == "taken",
        case=None if one.case is None else _case(one.case, row.raised_at_ms),
    )


def _case(case: CaseView, raised_at_ms: int) -> views.CaseFacts:
    hours = None if case.came_at_ms is None else max(0, case.came_at_ms - raised_at_ms) // HOUR_MS
    return views.CaseFacts(case_no=case.case_no, use=case.use, late=case.late, came_after_h=hours)


def _register(one: BodyView, lang: Lang) -> views.RegisterLine:
    body = one.body
    return views.RegisterLine(
        organisation=at.named(body.party, lang),
        since_ms=body.since_ms,
        last_at_ms=None if body.register is None else body.register.last_at_ms,
        late=one.late,
    )

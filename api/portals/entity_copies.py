"""Pages of an entity: its copies with their duties, and the addresses at which its systems are told."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from api import locale
from api.catalogue.retention import load_retention
from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import INT_MAX
from api.http.language import preferred_language
from api.locale import Lang, translator
from api.policy.copy_states import COPY_TRANSITIONS, DUTIES, CopyState
from api.portals import frame as at
from api.portals.copies import copy_line, copy_moves
from api.portals.render import respond, with_query
from api.portals.views import entity_copies as views
from api.portals.views.common import Choice, FormError, Pager
from api.portals.wording import NOTICE_KINDS
from api.services import copies, webhooks
from api.services.context import Actor, Context
from api.services.copies import CITY_TIME, Statement
from api.services.notices import NoticeKind
from api.store.tables import Webhook
from chain.canonical import canonical

router = APIRouter(prefix="/entity", include_in_schema=False)
Code = Annotated[str, Form(max_length=64)]


@router.get("/copies")
def list_copies(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    only: Annotated[Literal["duties", "all"], Query()] = "duties",
    cursor: at.Cursor = None,
) -> Response:
    """Copies with something to do, or all, newest first."""
    lang = preferred_language(request)
    page = copies.list_visible(ctx, actor, cursor, states=DUTIES if only == "duties" else None)
    view = views.Copies(
        copies=tuple(copy_line(ctx, one, lang) for one in page.items),
        only=only,
        duties=copies.duties(ctx, actor),
        pager=at.older("/entity/copies", page.next_cursor, only=only, cursor=cursor),
    )
    return respond("entity/copies.html", view, at.frame(request, ctx, "entity", "copies", actor))


@router.get("/copies/{copy_id}")
def copy_page(request: Request, ctx: ContextDep, actor: at.Clerk, copy_id: str) -> Response:
    """One copy: its moves, and what may be stated of it."""
    return _copy(request, ctx, actor, copy_id, None)


@router.post("/copies/{copy_id}/deletion")
def confirm_deletion(
    request: Request, ctx: ContextDep, actor: at.Clerk, copy_id: str, method: Code, sure: Code = ""
) -> Response:
    """Staff confirm that a copy was destroyed; the receipt says that no machine signed."""
    at_s = at.now_ms(ctx) // 1000
    try:
        if sure != "yes":
            raise ApiError("portal.bad_form", field=translator(preferred_language(request)).gettext("Confirmation"))
        statement = Statement(canonical({"method": method, "deleted_at": at_s}).decode())
        copies.confirm_deletion(ctx, actor, copy_id, method, at_s, statement)
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            raise
        return _copy(request, ctx, actor, copy_id, error)
    return at.see_other(f"/entity/copies/{at.segment(copy_id)}")


@router.post("/copies/{copy_id}/retention")
def claim_retention(
    request: Request, ctx: ContextDep, actor: at.Clerk, copy_id: str, basis: Code, until: Code = ""
) -> Response:
    """Staff name the law that makes them keep a copy, and until when."""
    try:
        try:
            day = date.fromisoformat(until)
        except ValueError:
            raise ApiError("copies.bad_date") from None
        statement = Statement(canonical({"basis": basis, "until": day.isoformat()}).decode())
        copies.claim_retention(ctx, actor, copy_id, basis, day, statement)
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            raise
        return _copy(request, ctx, actor, copy_id, error)
    return at.see_other(f"/entity/copies/{at.segment(copy_id)}")


@router.get("/webhooks")
def list_webhooks(request: Request, ctx: ContextDep, actor: at.Clerk) -> Response:
    """The addresses that are told, and a form for one more."""
    return _addresses(request, ctx, actor, "", frozenset(NOTICE_KINDS), None)


@router.post("/webhooks")
def register(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    url: Annotated[str, Form(max_length=600)] = "",
    kinds: Annotated[list[str] | None, Form(max_length=16)] = None,
) -> Response:
    """Name an address; what is not right comes back as it was filled in."""
    ticked = frozenset(kinds or ()) & frozenset(NOTICE_KINDS)
    try:
        webhooks.register(ctx, actor, url.strip(), [NoticeKind(kind) for kind in sorted(ticked)])
    except ApiError as error:
        return _addresses(request, ctx, actor, url, ticked, error)
    return at.see_other("/entity/webhooks")


@router.get("/webhooks/{webhook_id}")
def messages(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    webhook_id: str,
    before: Annotated[int | None, Query(ge=0, le=INT_MAX)] = None,
) -> Response:
    """What an address was told, and how each attempt ended."""
    lang = preferred_language(request)
    found = webhooks.messages(ctx, actor, webhook_id, before)
    path = f"/entity/webhooks/{at.segment(webhook_id)}"
    view = views.Messages(
        address=_address(found.webhook, lang),
        messages=tuple(
            views.Message(
                number=one.delivery.id,
                kind=translator(lang).gettext(NOTICE_KINDS[one.notice.kind]),
                grant_id=one.notice.grant_id,
                seq=one.notice.seq,
                at_ms=one.notice.at_ms,
                state=one.delivery.state,
                attempts=one.delivery.attempts,
                status=one.delivery.status,
                error=None if one.delivery.error is None else locale.error_text(one.delivery.error, lang),
            )
            for one in found.lines
        ),
        pager=Pager(
            newer_url=None if before is None else path,
            older_url=None if found.before is None else with_query(path, before=found.before),
        ),
    )
    return respond("entity/messages.html", view, at.frame(request, ctx, "entity", "keys", actor))


@router.post("/webhooks/{webhook_id}/remove")
def remove(ctx: ContextDep, actor: at.Clerk, webhook_id: str) -> Response:
    """Tell an address nothing more."""
    webhooks.remove(ctx, actor, webhook_id)
    return at.see_other("/entity/webhooks")


@router.post("/webhooks/{webhook_id}/resend")
def resend(
    ctx: ContextDep, actor: at.Clerk, webhook_id: str, number: Annotated[int, Form(ge=0, le=INT_MAX)]
) -> Response:
    """Send a message once more."""
    webhooks.resend(ctx, actor, number)
    return at.see_other(f"/entity/webhooks/{at.segment(webhook_id)}")


def _copy(request: Request, ctx: Context, actor: Actor, copy_id: str, error: ApiError | None) -> Response:
    lang = preferred_language(request)
    found = copies.get(ctx, actor, copy_id)
    moves = COPY_TRANSITIONS[CopyState(found.copy.state)]
    methods = load_retention().methods.values() if CopyState.DELETED in moves else ()
    bases = copies.bases_for(found.grant) if CopyState.RETAINED in moves else ()
    tomorrow = datetime.fromtimestamp(at.now_ms(ctx) / 1000, CITY_TIME).date() + timedelta(days=1)
    view = views.Copy(
        copy=copy_line(ctx, found, lang),
        moves=copy_moves(found, lang),
        grant_url=f"/entity/grants/{at.segment(found.grant.id)}",
        methods=tuple(Choice(value=one.code, label=one.label(lang)) for one in methods),
        bases=tuple(
            Choice(
                value=one.code,
                label=one.label(lang),
                hint=translator(lang).ngettext("at most %(num)d year", "at most %(num)d years", one.max_years)
                % {"num": one.max_years},
            )
            for one in bases
        ),
        until_min=tomorrow.isoformat(),
        error=None if error is None else at.said(error, lang),
    )
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("entity/copy.html", view, at.frame(request, ctx, "entity", "copies", actor), status)


def _addresses(
    request: Request, ctx: Context, actor: Actor, url: str, ticked: frozenset[str], error: ApiError | None
) -> Response:
    lang = preferred_language(request)
    known = webhooks.list_own(ctx, actor)
    said: FormError | None = None if error is None else at.said(error, lang, "url")
    view = views.Addresses(
        addresses=tuple(_address(one, lang) for one in known),
        kinds=tuple(Choice(value=code, label=translator(lang).gettext(text)) for code, text in NOTICE_KINDS.items()),
        url=url,
        ticked=ticked,
        full=len(known) >= webhooks.MAX_WEBHOOKS,
        error=said,
    )
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("entity/webhooks.html", view, at.frame(request, ctx, "entity", "keys", actor), status)


def _address(row: Webhook, lang: Lang) -> views.Address:
    labels = translator(lang)
    return views.Address(
        id=row.id,
        url=row.url,
        kinds=tuple(labels.gettext(text) for code, text in NOTICE_KINDS.items() if code in row.kinds),
    )

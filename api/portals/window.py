"""Pages of the service window: find the person who stands there, answer for them, print what they take home."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from api.errors import ApiError, Kind
from api.http.auth import FIRST, ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import CHINA_STANDARD_TIME, Lang, translator
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import counter as views
from api.portals.views.common import Choice, FormError
from api.services import counter, slips
from api.services.context import Actor, Context
from api.services.counter import Desk
from api.services.grants import Approval
from api.services.requests import RequestView

router = APIRouter(prefix="/department/counter", include_in_schema=False)
SECTION = "counter"


@router.get("")
def window(request: Request, ctx: ContextDep, actor: at.Officer) -> Response:
    """Find the person; what is still open, and how many look-ups are left today."""
    return _window(request, ctx, actor, None, 200)


@router.post("")
def find(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    number: Annotated[str, Form(max_length=18)] = "",
    name: Annotated[str, Form(max_length=64)] = "",
    document: Annotated[str, Form(max_length=24)] = "",
) -> Response:
    """Open a visit: a form's answer, so that the number stands in no address."""
    try:
        visit_id = counter.open_visit(ctx, actor, number.upper(), name, document)
    except ApiError as error:
        if error.kind is Kind.FORBIDDEN:
            raise
        return _window(request, ctx, actor, at.said(error, preferred_language(request)), int(STATUS[error.kind]))
    return at.see_other(f"/department/counter/{at.segment(visit_id)}")


@router.get("/{visit_id}")
def visit(request: Request, ctx: ContextDep, actor: at.Officer, visit_id: str) -> Response:
    """What waits for the person, what stands, what was done."""
    lang = preferred_language(request)
    found = counter.desk(ctx, actor, visit_id)
    view = _visit(ctx, found, lang)
    return respond("department/visit.html", view, at.frame(request, ctx, "department", SECTION, actor))


@router.get("/{visit_id}/requests/{request_id}")
def ask(request: Request, ctx: ContextDep, actor: at.Officer, visit_id: str, request_id: str) -> Response:
    """One request, to be read out."""
    return _ask_page(request, ctx, actor, visit_id, request_id, frozenset(), None, None, None)


@router.post("/{visit_id}/requests/{request_id}")
def decide(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    visit_id: str,
    request_id: str,
    decision: Annotated[Literal["approve", "deny"], Form()],
    until: Annotated[str, Form(max_length=10)] = "",
    uses: Annotated[str, Form(max_length=6)] = "",
    items: Annotated[list[str] | None, Form(max_length=64)] = None,
) -> Response:
    """The person's answer, said at the window."""
    if decision == "deny":
        counter.deny(ctx, actor, visit_id, request_id)
        return at.see_other(f"/department/counter/{at.segment(visit_id)}")
    lang = preferred_language(request)
    ticked = frozenset(items or ())
    try:
        found = counter.request(ctx, actor, visit_id, request_id)
        counter.approve(ctx, actor, visit_id, request_id, _approval(ctx, found, ticked, until, uses))
    except ApiError as error:
        if error.kind is not Kind.INVALID and not error.code.startswith(("requests.sensitive", "requests.nothing")):
            raise
        said = at.said(error, lang)
        return _ask_page(request, ctx, actor, visit_id, request_id, ticked, until, uses, said)
    return at.see_other(f"/department/counter/{at.segment(visit_id)}")


@router.post("/{visit_id}/grants/{grant_id}/revoke", dependencies=FIRST)
def revoke(ctx: ContextDep, actor: at.Officer, visit_id: str, grant_id: str) -> Response:
    """Take a consent back for the person, at once."""
    counter.revoke(ctx, actor, visit_id, grant_id)
    return at.see_other(f"/department/counter/{at.segment(visit_id)}")


@router.get("/{visit_id}/slip.pdf")
def slip(ctx: ContextDep, actor: at.Officer, visit_id: str) -> Response:
    """The receipt to print."""
    return download(slips.pdf(ctx, actor, visit_id), "application/pdf", f"{visit_id}.pdf")


@router.post("/{visit_id}/close")
def close(ctx: ContextDep, actor: at.Officer, visit_id: str) -> Response:
    """End the visit."""
    counter.close(ctx, actor, visit_id)
    return at.see_other("/department/counter")


def _window(request: Request, ctx: Context, actor: Actor, error: FormError | None, status: int) -> Response:
    labels = translator(preferred_language(request))
    day = counter.today(ctx, actor)
    view = views.Window(
        used=day.used,
        limit=day.limit,
        documents=tuple(Choice(value=code.value, label=labels.gettext(name)) for code, name in slips.DOCUMENTS.items()),
        open=tuple(views.OpenVisit(id=one.id, name=one.name, closes_at_ms=one.closes_at_ms) for one in day.visits),
        error=error,
    )
    return respond("department/counter.html", view, at.frame(request, ctx, "department", SECTION, actor), status)


def _visit(ctx: Context, found: Desk, lang: Lang) -> views.Visit:
    names = [one.schema.label(lang) for one in found.certificates]
    return views.Visit(
        id=found.visit.id,
        name=found.visit.name,
        document=translator(lang).gettext(slips.DOCUMENTS[found.visit.document]),
        closes_at_ms=found.visit.closes_at_ms,
        waiting=tuple(
            views.WaitingRequest(
                id=one.request.id,
                entity=at.named(one.entity, lang),
                purpose=one.purpose.label(lang),
                fields=len(one.request.items),
                lapses_at_ms=one.request.lapses_at_ms,
            )
            for one in found.waiting
        ),
        grants=tuple(
            views.StandingGrant(
                id=one.grant.id,
                entity=at.named(one.entity, lang),
                purpose=at.purpose_of(ctx, one.grant.terms, lang),
                until_ms=one.grant.not_after_ms,
                fields=_count(one.grant.terms["items"]),
            )
            for one in found.grants
        ),
        certificates=tuple(dict.fromkeys(names)),
        done=len(found.acts),
    )


def _count(listed: object) -> int:
    assert isinstance(listed, Sequence)
    return len(listed)


def _ask_page(
    request: Request,
    ctx: Context,
    actor: Actor,
    visit_id: str,
    request_id: str,
    ticked: frozenset[str],
    until: str | None,
    uses: str | None,
    error: FormError | None,
) -> Response:
    lang = preferred_language(request)
    found = counter.request(ctx, actor, visit_id, request_id)
    row, purpose = found.request, found.purpose
    asked = at.items(ctx, lang, row.items)
    today = _today(ctx)
    last = (today + timedelta(days=row.wanted_days)).isoformat()
    view = views.Ask(
        visit=visit_id,
        id=row.id,
        name=counter.name_of(ctx, actor, visit_id),
        entity=at.named(found.entity, lang),
        entity_uscc=found.entity.uscc or "—",
        purpose=purpose.label(lang),
        purpose_text=purpose.text(lang),
        case_no=row.case_no,
        necessary=tuple(one for one in asked if one.necessary),
        optional=tuple(one for one in asked if not one.necessary and not one.sensitive),
        sensitive=tuple(one for one in asked if not one.necessary and one.sensitive),
        ticked=ticked,
        until=until or last,
        until_min=(today + timedelta(days=1)).isoformat(),
        until_max=last,
        uses=int(uses) if uses and uses.isascii() and uses.isdigit() else row.wanted_uses,
        uses_max=row.wanted_uses,
        keep_days=purpose.data_life_days,
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond("department/ask.html", view, at.frame(request, ctx, "department", SECTION, actor), status)


def _approval(ctx: Context, found: RequestView, ticked: frozenset[str], until: str, uses: str) -> Approval:
    """The form as an approval. Raises `portal.bad_form`. What was read out was read out in Chinese."""
    labels = translator("zh-Hans")
    row = found.request
    try:
        days = (date.fromisoformat(until) - _today(ctx)).days
    except ValueError:
        raise ApiError("portal.bad_form", field=labels.gettext("Until")) from None
    if not 1 <= days <= row.wanted_days:
        raise ApiError("portal.bad_form", field=labels.gettext("Until"))
    if not (uses.isascii() and uses.isdigit() and 1 <= int(uses) <= row.wanted_uses):
        raise ApiError("portal.bad_form", field=labels.gettext("Times at most"))
    pairs = frozenset((type_code, name) for type_code, _, name in (key.partition("/") for key in ticked))
    return Approval(ticked=pairs, days=days, uses=int(uses))


def _today(ctx: Context) -> date:
    return datetime.fromtimestamp(at.now_ms(ctx) / 1000, CHINA_STANDARD_TIME).date()

"""Queries by statutory duty on pages: a department asks and sees what it asked; a regulator sees what looked wrong."""

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from api import locale
from api.catalogue.model import HolderKind, StatutoryBasis
from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.http.v1.grants import delivered
from api.locale import Lang, translator
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import duty as views
from api.portals.views.common import Choice, FormError, Item
from api.portals.wording import ALARMS, FORMATS
from api.services import pulls, statutory, statutory_alarms
from api.services.context import Actor, Context
from api.services.statutory import NewAccess
from api.services.statutory_alarms import AlarmView

router = APIRouter(include_in_schema=False)
Code = Annotated[str, Form(max_length=64)]
NUMBER_MAX = 32


@router.get("/department/queries")
def queries(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    chosen: Annotated[str, Query(alias="basis", max_length=64)] = "",
    cursor: at.Cursor = None,
) -> Response:
    """The form of a query, and what was queried before."""
    return _queries_page(request, ctx, actor, chosen, views.Filled(), None, cursor)


@router.post("/department/queries")
def ask(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    basis: Code,
    case_no: Code = "",
    number: Annotated[str, Form(max_length=NUMBER_MAX)] = "",
    kind: Annotated[Literal["person", "enterprise"], Form()] = "person",
    items: Annotated[list[str] | None, Form(max_length=64)] = None,
    media_type: Annotated[str, Form(alias="format", max_length=32)] = pulls.PDF,
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Query, and take the marked copy. The number travels in the form's body and stands in no address."""
    ticked = frozenset(items or ())
    fields = [(type_code, name) for type_code, _, name in (key.partition("/") for key in sorted(ticked))]
    try:
        new = NewAccess(basis, case_no.strip(), HolderKind(kind), number.strip(), fields)
        served = statutory.query(ctx, actor, new, media_type, idempotency_key=once or secrets.token_urlsafe(18))
        return delivered(served.pulled)
    except ApiError as error:
        filled = views.Filled(case_no=case_no, number=number, kind=kind, ticked=ticked)
        reason = at.said(error, preferred_language(request))
        return _queries_page(request, ctx, actor, basis, filled, reason, None, int(STATUS[error.kind]))


@router.get("/regulator/alarms")
def alarms(request: Request, ctx: ContextDep, actor: at.Inspector, cursor: at.Cursor = None) -> Response:
    """What looked like enumeration, newest first."""
    return _alarms_page(request, ctx, actor, cursor, None, 200)


@router.post("/regulator/alarms/{alarm_id}/close")
def close(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    alarm_id: str,
    remark: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Close an alarm with a remark."""
    try:
        statutory_alarms.close(ctx, actor, alarm_id, remark)
    except ApiError as error:
        reason = at.said(error, preferred_language(request))
        return _alarms_page(request, ctx, actor, None, reason, int(STATUS[error.kind]))
    return at.see_other("/regulator/alarms")


def _queries_page(
    request: Request,
    ctx: Context,
    actor: Actor,
    chosen: str,
    filled: views.Filled,
    error: FormError | None,
    cursor: str | None,
    status: int = 200,
) -> Response:
    lang = preferred_language(request)
    bases = statutory.bases_of(ctx, actor)
    if not chosen and len(bases) == 1:
        chosen = bases[0].code
    basis = next((one for one in bases if one.code == chosen), None)
    page = statutory.list_own(ctx, actor, cursor)
    view = views.Queries(
        bases=tuple(Choice(value=one.code, label=one.label(lang), hint=one.law(lang)) for one in bases),
        basis=None if basis is None else _basis(ctx, basis, lang),
        filled=filled,
        formats=tuple(Choice(value=name, label=FORMATS[name]) for name in (pulls.PDF, pulls.JSON, pulls.CSV)),
        once=secrets.token_urlsafe(18),
        error=error,
        asked=tuple(
            views.Asked(
                at_ms=one.access.at_ms,
                basis=one.access.basis_code if one.basis is None else one.basis.label(lang),
                case_no=one.access.case_no or "—",
                fields=tuple(item.label for item in at.items(ctx, lang, one.access.items)),
                outcome=one.access.outcome,
                reason=None if one.access.reason is None else locale.error_text(one.access.reason, lang),
            )
            for one in page.items
        ),
        pager=at.older("/department/queries", page.next_cursor, cursor=cursor),
    )
    return respond("department/queries.html", view, at.frame(request, ctx, "department", "queries", actor), status)


def _basis(ctx: Context, basis: StatutoryBasis, lang: Lang) -> views.Basis:
    return views.Basis(
        code=basis.code,
        name=basis.label(lang),
        text=basis.text(lang),
        law=basis.law(lang),
        case_example=basis.case_example,
        kinds=tuple(sorted(kind.value for kind in basis.holder_kinds)),
        quota_per_day=basis.quota_per_day,
        items=tuple(_item(ctx, one.type_code, one.field, lang) for one in basis.allowances),
    )


def _item(ctx: Context, type_code: str, name: str, lang: Lang) -> Item:
    return at.item(ctx, lang, {"type": type_code, "field": name})


def _alarms_page(
    request: Request, ctx: Context, actor: Actor, cursor: str | None, error: FormError | None, status: int
) -> Response:
    lang = preferred_language(request)
    page = statutory_alarms.list_all(ctx, actor, cursor)
    view = views.Alarms(
        alarms=tuple(_alarm(one, lang) for one in page.items),
        error=error,
        pager=at.older("/regulator/alarms", page.next_cursor, cursor=cursor),
    )
    return respond("regulator/alarms.html", view, at.frame(request, ctx, "regulator", "alarms", actor), status)


def _alarm(one: AlarmView, lang: Lang) -> views.Alarm:
    row = one.alarm
    facts = {"seen": locale.format_number(row.seen, lang), "limit": locale.format_number(row.limit, lang)}
    return views.Alarm(
        id=row.id,
        organisation=at.named(one.party, lang),
        basis=row.basis_code if one.basis is None else one.basis.label(lang),
        what=translator(lang).gettext(ALARMS[row.kind]) % facts,
        blocks=row.blocks,
        state=row.state,
        raised_at_ms=row.raised_at_ms,
        last_at_ms=row.last_at_ms,
        closed_at_ms=row.closed_at_ms,
        remark=row.remark,
    )

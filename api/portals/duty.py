"""Queries by statutory duty on pages: departments and courts ask and see what they asked; regulators see alarms."""

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from api import locale
from api.catalogue.model import HolderKind
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
from api.services import pulls, statutory, statutory_alarms, statutory_standing
from api.services.context import Actor, Context
from api.services.statutory import NewAccess
from api.services.statutory_alarms import AlarmView
from api.services.statutory_standing import BasisUse
from api.store.tables import StatutoryAlarm

router = APIRouter(include_in_schema=False)
Code = Annotated[str, Form(max_length=64)]
Chosen = Annotated[str, Query(alias="basis", max_length=64)]
NUMBER_MAX = 32


class _Query:
    """A query's form as it came."""

    def __init__(
        self,
        basis: Code,
        case_no: Code = "",
        number: Annotated[str, Form(max_length=NUMBER_MAX)] = "",
        kind: Annotated[Literal["person", "enterprise"], Form()] = "person",
        items: Annotated[list[str] | None, Form(max_length=64)] = None,
        media_type: Annotated[str, Form(alias="format", max_length=128)] = pulls.PDF,
        hidden_days: Annotated[int, Form(ge=0, le=3660)] = 0,
        once: Annotated[str, Form(max_length=64)] = "",
    ) -> None:
        self.basis, self.media_type, self.once = basis, media_type, once
        ticked = frozenset(items or ())
        self.filled = views.Filled(
            case_no=case_no.strip(), number=number.strip(), kind=kind, ticked=ticked, hidden_days=hidden_days
        )

    def meant(self) -> NewAccess:
        """What is asked of the service."""
        filled = self.filled
        fields = [(type_code, name) for type_code, _, name in (key.partition("/") for key in sorted(filled.ticked))]
        kind = HolderKind(filled.kind)
        return NewAccess(self.basis, filled.case_no, kind, filled.number, fields, filled.hidden_days)


@router.get("/department/queries")
def queries(
    request: Request, ctx: ContextDep, actor: at.Officer, chosen: Chosen = "", cursor: at.Cursor = None
) -> Response:
    """The form of a query, and what was queried before."""
    return _queries_page(request, ctx, actor, chosen, views.Filled(), None, cursor)


@router.get("/entity/queries")
def entity_queries(
    request: Request, ctx: ContextDep, actor: at.Clerk, chosen: Chosen = "", cursor: at.Cursor = None
) -> Response:
    """The same for an organisation with a duty by law that is no department, such as a court."""
    return _queries_page(request, ctx, actor, chosen, views.Filled(), None, cursor)


@router.post("/department/queries")
def ask(request: Request, ctx: ContextDep, actor: at.Officer, asked: Annotated[_Query, Depends()]) -> Response:
    """Query, and take the marked copy. The number travels in the form's body and stands in no address."""
    return _answer(request, ctx, actor, asked)


@router.post("/entity/queries")
def entity_ask(request: Request, ctx: ContextDep, actor: at.Clerk, asked: Annotated[_Query, Depends()]) -> Response:
    """Query as a court does, and take the marked copy; the organisation's account signs for the query."""
    return _answer(request, ctx, actor, asked)


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


def _answer(request: Request, ctx: Context, actor: Actor, asked: _Query) -> Response:
    try:
        once = asked.once or secrets.token_urlsafe(18)
        return delivered(statutory.query(ctx, actor, asked.meant(), asked.media_type, idempotency_key=once).pulled)
    except ApiError as error:
        reason = at.said(error, preferred_language(request))
        status = int(STATUS[error.kind])
        return _queries_page(request, ctx, actor, asked.basis, asked.filled, reason, None, status)


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
    lang, portal = preferred_language(request), actor.role.value
    base = f"/{portal}/queries"
    found = statutory_standing.standing(ctx, actor)
    if not chosen and len(found.bases) == 1:
        chosen = found.bases[0].basis.code
    use = next((one for one in found.bases if one.basis.code == chosen), None)
    page = statutory.list_own(ctx, actor, cursor)
    view = views.Queries(
        base=base,
        register=f"/{portal}/case-register",
        bases=tuple(
            Choice(value=one.basis.code, label=one.basis.label(lang), hint=one.basis.law(lang)) for one in found.bases
        ),
        basis=None if use is None else _basis(ctx, use, lang),
        blocked=found.blocked,
        alarms=tuple(
            views.OwnAlarm(what=_what(one, lang), blocks=one.blocks, raised_at_ms=one.raised_at_ms)
            for one in found.alarms
        ),
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
                hidden_until_ms=one.access.masked_until_ms,
            )
            for one in page.items
        ),
        pager=at.older(base, page.next_cursor, basis=chosen or None, cursor=cursor),
    )
    return respond("staff/queries.html", view, at.frame(request, ctx, portal, "queries", actor), status)


def _basis(ctx: Context, use: BasisUse, lang: Lang) -> views.Basis:
    basis = use.basis
    return views.Basis(
        code=basis.code,
        name=basis.label(lang),
        text=basis.text(lang),
        law=basis.law(lang),
        case_example=basis.case_example,
        kinds=tuple(sorted(kind.value for kind in basis.holder_kinds)),
        quota_per_day=basis.quota_per_day,
        quota_per_case=basis.quota_per_case,
        used=use.used,
        left=use.left,
        hidden_days_max=basis.max_delay_days,
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


def _what(row: StatutoryAlarm, lang: Lang) -> str:
    """An alarm in a sentence with its figures."""
    facts = {"seen": locale.format_number(row.seen, lang), "limit": locale.format_number(row.limit, lang)}
    return translator(lang).gettext(ALARMS[row.kind]) % facts


def _alarm(one: AlarmView, lang: Lang) -> views.Alarm:
    row = one.alarm
    return views.Alarm(
        id=row.id,
        organisation=at.named(one.party, lang),
        basis=row.basis_code if one.basis is None else one.basis.label(lang),
        what=_what(row, lang),
        blocks=row.blocks,
        state=row.state,
        raised_at_ms=row.raised_at_ms,
        last_at_ms=row.last_at_ms,
        closed_at_ms=row.closed_at_ms,
        remark=row.remark,
    )

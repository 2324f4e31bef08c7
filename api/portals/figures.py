"""Pages of indicators: a regulator's and an auditor's, each figure with its definition, and the same as a file."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.http.v1.indicators import Form, exported
from api.locale import Lang, format_number
from api.portals import frame as at
from api.portals.render import respond, with_query
from api.portals.views import indicators as views
from api.services import indicators
from api.services.context import Actor, Context
from api.services.indicators import Figure

router = APIRouter(include_in_schema=False)
First = Annotated[str, Query(alias="from", max_length=10)]
Last = Annotated[str, Query(alias="until", max_length=10)]
FORMS = (("csv", "CSV"), ("xlsx", "XLSX"), ("json", "JSON"))


@router.get("/regulator/indicators")
def for_regulators(
    request: Request, ctx: ContextDep, actor: at.Inspector, first: First = "", last: Last = ""
) -> Response:
    """The indicators of a period."""
    return _page(request, ctx, actor, first, last)


@router.get("/regulator/indicators/export")
def export_for_regulators(
    ctx: ContextDep,
    actor: at.Inspector,
    form: Annotated[Form, Query(alias="format")],
    first: First = "",
    last: Last = "",
) -> Response:
    """The indicators as a file."""
    return exported(indicators.read(ctx, actor, _day(first), _day(last)), form)


@router.get("/auditor/indicators")
def for_auditors(request: Request, ctx: ContextDep, actor: at.Auditor, first: First = "", last: Last = "") -> Response:
    """The indicators of a period."""
    return _page(request, ctx, actor, first, last)


@router.get("/auditor/indicators/export")
def export_for_auditors(
    ctx: ContextDep,
    actor: at.Auditor,
    form: Annotated[Form, Query(alias="format")],
    first: First = "",
    last: Last = "",
) -> Response:
    """The indicators as a file."""
    return exported(indicators.read(ctx, actor, _day(first), _day(last)), form)


def _page(request: Request, ctx: Context, actor: Actor, first: str, last: str) -> Response:
    lang, error = preferred_language(request), None
    try:
        found = indicators.read(ctx, actor, _day(first), _day(last))
    except ApiError as refused:
        error = refused
        found = indicators.read(ctx, actor)
    portal = actor.role.value
    base = f"/{portal}/indicators"
    days = {"from": found.first.isoformat(), "until": found.last.isoformat()}
    view = views.Indicators(
        base=base,
        first=days["from"],
        last=days["until"],
        figures=tuple(_card(one, lang) for one in found.figures),
        exports=tuple((label, with_query(f"{base}/export", format=form, **days)) for form, label in FORMS),
        error=None if error is None else at.said(error, lang),
    )
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("staff/indicators.html", view, at.frame(request, ctx, portal, "indicators", actor), status)


def _card(one: Figure, lang: Lang) -> views.FigureCard:
    told, share = one.indicator, one.share
    english = lang == "en"
    return views.FigureCard(
        code=told.code,
        name=told.en if english else told.zh,
        definition=told.definition_en if english else told.definition_zh,
        numerator=one.numerator,
        denominator=one.denominator,
        share=None if share is None else f"{format_number(round(share * 100, 1), lang)}%",
        per_mille=None if share is None else round(share * 1000),
    )


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ApiError("indicators.period", days=indicators.DAYS_MAX) from None

"""Pages of data quality: a department's own returns, all departments' for a regulator, and one return's report."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import Lang, format_date, format_number
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import quality as views
from api.portals.views.common import FormError
from api.services import quality, returns
from api.services.context import Actor, Context
from api.services.quality import DEFINITIONS, Rate, Report

router = APIRouter(include_in_schema=False)
First = Annotated[str, Query(alias="from", max_length=10)]
Last = Annotated[str, Query(alias="until", max_length=10)]


@router.get("/department/quality")
def own(request: Request, ctx: ContextDep, actor: at.Officer, first: First = "", last: Last = "") -> Response:
    """The quality of what the department returned."""
    return _period(request, ctx, actor, "department", first, last)


@router.get("/regulator/quality")
def everybodys(request: Request, ctx: ContextDep, actor: at.Inspector, first: First = "", last: Last = "") -> Response:
    """The quality of what all departments returned."""
    return _period(request, ctx, actor, "regulator", first, last)


@router.get("/department/returns/{return_id}/quality")
def of_return(request: Request, ctx: ContextDep, actor: at.Officer, return_id: str) -> Response:
    """One return, rule by rule."""
    item = returns.get(ctx, actor, return_id)
    report = quality.of_return(ctx, actor, return_id)
    base = f"/department/returns/{at.segment(item.id)}"
    page = at.frame(request, ctx, "department", "returns", actor)
    return respond("staff/quality.html", _view(ctx, report, preferred_language(request), base, period=False), page)


def _period(request: Request, ctx: Context, actor: Actor, portal: str, first: str, last: str) -> Response:
    lang, base = preferred_language(request), f"/{portal}/quality"
    error, status = None, 200
    try:
        report = quality.overview(ctx, actor, _day(first), _day(last))
    except ApiError as refused:
        error, status = at.said(refused, lang), int(STATUS[refused.kind])
        report = quality.overview(ctx, actor)
    view = _view(ctx, report, lang, base, period=True, parties=portal == "regulator", error=error)
    return respond("staff/quality.html", view, at.frame(request, ctx, portal, "quality", actor), status)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ApiError("quality.period", days=quality.DAYS_MAX) from None


def _view(
    ctx: Context,
    report: Report,
    lang: Lang,
    base: str,
    *,
    period: bool,
    parties: bool = False,
    error: FormError | None = None,
) -> views.Quality:
    types = ctx.catalogue.types
    english = lang == "en"
    return views.Quality(
        base=base,
        period=period,
        first=report.first.isoformat() if report.first else "",
        last=report.last.isoformat() if report.last else "",
        passed=_share(report.passed, lang),
        lines=tuple(
            views.Line(
                party=(one.party_en if english else one.party_zh) if parties else "",
                type_name=types[one.type_code].label(lang),
                returns=one.returns,
                passed=_share(one.passed, lang),
            )
            for one in report.lines
        ),
        rules=tuple(
            views.Rule(
                severity=one.rule.severity.value,
                text=one.rule.en if english else one.rule.zh,
                found=_share(one.found, lang),
            )
            for one in report.rules
        ),
        worst=tuple(
            views.Worst(
                type_name=types[one.type_code].label(lang),
                field=types[one.type_code].field(one.field).label(lang),
                rows=one.rows,
            )
            for one in report.worst
            if types[one.type_code].has_column(one.field)
        ),
        trend=tuple(
            views.Day(day=format_date(one.day.isoformat(), lang), passed=_share(one.passed, lang))
            for one in report.trend
        ),
        definitions={name: en if english else zh for name, (zh, en) in DEFINITIONS.items()},
        error=error,
    )


def _share(rate: Rate, lang: Lang) -> views.Share:
    per_mille = rate.per_mille
    text = "" if per_mille is None else f"{format_number(per_mille // 10, lang)}.{per_mille % 10} %"
    return views.Share(text=text, part=rate.part, whole=rate.whole, per_mille=per_mille or 0)

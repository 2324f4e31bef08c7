"""Data quality: a department's own and, for regulators, everybody's; one return's report."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.http.auth import ContextDep, allow
from api.http.strict_json import StrictJsonRoute
from api.services import quality
from api.services.context import Actor, Role
from api.services.quality import DEFINITIONS, Rate, Report

router = APIRouter(tags=["returns"], route_class=StrictJsonRoute)


def shown(report: Report) -> dict[str, Any]:
    """A report as JSON, its definitions with it."""
    return {
        "from": report.first and report.first.isoformat(),
        "until": report.last and report.last.isoformat(),
        "passed": _rate(report.passed),
        "lines": [
            {
                "party": one.party_id,
                "type": one.type_code,
                "returns": one.returns,
                "passed": _rate(one.passed),
                "warned": one.warned,
                "duplicate": one.duplicate,
            }
            for one in report.lines
        ],
        "rules": [
            {
                "code": one.rule.code,
                "severity": one.rule.severity.value,
                "found": _rate(one.found),
                "zh": one.rule.zh,
                "en": one.rule.en,
            }
            for one in report.rules
        ],
        "worst": [{"type": one.type_code, "field": one.field, "rows": one.rows} for one in report.worst],
        "trend": [{"day": one.day.isoformat(), "passed": _rate(one.passed)} for one in report.trend],
        "definitions": {name: {"zh": zh, "en": en} for name, (zh, en) in DEFINITIONS.items()},
    }


def _rate(rate: Rate) -> dict[str, int | None]:
    return {"part": rate.part, "whole": rate.whole, "per_mille": rate.per_mille}


@router.get("/quality")
def overview(
    ctx: ContextDep,
    actor: Annotated[Actor, allow(Role.DEPARTMENT, Role.REGULATOR)],
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="until")] = None,
) -> dict[str, Any]:
    """Pass rates, rules, trend and worst fields of the returns of a period; for regulators of all departments."""
    return shown(quality.overview(ctx, actor, first, last))


@router.get("/returns/{return_id}/quality")
def of_return(ctx: ContextDep, actor: Annotated[Actor, allow(Role.DEPARTMENT)], return_id: str) -> dict[str, Any]:
    """The quality of one return, rule by rule."""
    return shown(quality.of_return(ctx, actor, return_id))

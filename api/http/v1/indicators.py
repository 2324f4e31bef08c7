"""Indicators of supervision, each with its definition; and the same as a file."""

import json
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from api.http.auth import ContextDep, allow
from api.http.forms import download
from api.http.strict_json import StrictJsonRoute
from api.services import indicators
from api.services.context import Actor, Role
from api.services.indicators import Figures

router = APIRouter(prefix="/indicators", tags=["indicators"], route_class=StrictJsonRoute)
Overseer = Annotated[Actor, allow(Role.REGULATOR, Role.AUDITOR)]
First = Annotated[date | None, Query(alias="from")]
Last = Annotated[date | None, Query(alias="until")]
Form = Literal["json", "csv", "xlsx"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("")
def read_indicators(ctx: ContextDep, actor: Overseer, first: First = None, last: Last = None) -> dict[str, Any]:
    """Each indicator with definition, numerator and denominator; both days inclusive, by default thirty days."""
    return indicators.as_json(indicators.read(ctx, actor, first, last))


@router.get("/export")
def export_indicators(
    ctx: ContextDep,
    actor: Overseer,
    form: Annotated[Form, Query(alias="format")] = "json",
    first: First = None,
    last: Last = None,
) -> Response:
    """The same as one file: JSON, CSV or XLSX, definitions included."""
    return exported(indicators.read(ctx, actor, first, last), form)


def exported(found: Figures, form: Form) -> Response:
    """Figures as a file to be saved."""
    name = f"indicators-{found.first:%Y%m%d}-{found.last:%Y%m%d}"
    if form == "csv":
        return download(indicators.as_csv(found), "text/csv; charset=utf-8", f"{name}.csv")
    if form == "xlsx":
        return download(indicators.as_xlsx(found), XLSX, f"{name}.xlsx")
    data = json.dumps(indicators.as_json(found), ensure_ascii=False, indent=2).encode()
    return download(data, "application/json", f"{name}.json")

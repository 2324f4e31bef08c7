"""Pages of a department between a file and its report: which column is which field; the report as a workbook."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from api.documents.header_rows import plain
from api.documents.intake.looking import Column, Proposal
from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import Lang, translator
from api.portals import frame as at
from api.portals.department import report_table, type_name
from api.portals.render import respond
from api.portals.views import department as views
from api.portals.views.common import Choice, FormError
from api.portals.wording import COLUMN_BASES, FILE_FORMS
from api.services import intake, returns
from api.services.context import Actor, Context
from api.store.queries.returns import ReturnState
from watermark.carriers.xlsx_writing import Grid, write_workbook

router = APIRouter(prefix="/department", include_in_schema=False)
SHEET_MAX = 1000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/returns/{return_id}/columns")
def columns(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    return_id: str,
    sheet: Annotated[int | None, Query(ge=0, le=SHEET_MAX)] = None,
) -> Response:
    """What each column is taken for, to be corrected."""
    if returns.get(ctx, actor, return_id).state != ReturnState.MAPPING:
        return at.see_other(f"/department/returns/{at.segment(return_id)}")
    return _page(request, ctx, actor, return_id, sheet, None, 200)


@router.post("/returns/{return_id}/columns")
def confirm(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    return_id: str,
    header: Annotated[list[str], Form(max_length=256)],
    field: Annotated[list[str], Form(max_length=256)],
    sheet: Annotated[int | None, Form(ge=0, le=SHEET_MAX)] = None,
    remember: Annotated[bool, Form()] = False,
) -> Response:
    """Take the officer's word; the worker checks the file."""
    said = {text: name or None for text, name in zip(header, field, strict=False)}
    try:
        item = intake.confirm(ctx, actor, return_id, said, sheet=sheet, remember=remember)
    except ApiError as error:
        if error.code in {"returns.not_found", "returns.not_mapping"}:
            raise
        reason = at.said(error, preferred_language(request))
        return _page(request, ctx, actor, return_id, sheet, reason, int(STATUS[error.kind]), said)
    return at.see_other(f"/department/returns/{at.segment(item.id)}")


@router.get("/returns/{return_id}/rows.xlsx")
def rows(request: Request, ctx: ContextDep, actor: at.Officer, return_id: str) -> Response:
    """All noted rows as a workbook: line, column, state, reason; never a value of theirs."""
    heads, *table = report_table(ctx, actor, return_id, preferred_language(request))
    return download(write_workbook(Grid([heads], table)), XLSX, f"{return_id}.rows.xlsx")


def _page(
    request: Request,
    ctx: Context,
    actor: Actor,
    return_id: str,
    sheet: int | None,
    error: FormError | None,
    status: int,
    said: dict[str, str | None] | None = None,
) -> Response:
    lang = preferred_language(request)
    item = returns.get(ctx, actor, return_id)
    found = intake.proposal(ctx, actor, return_id, sheet)
    schema = ctx.catalogue.ready_type(item.type_code)
    fields = tuple(Choice(value=one.name, label=one.label(lang)) for one in schema.fields)
    sheets = found.look.sheets if len(found.look.sheets) > 1 else ()
    labels = translator(lang)
    view = views.Columns(
        id=item.id,
        type_name=type_name(ctx, item, lang),
        form=labels.gettext(FILE_FORMS[found.look.form.value]),
        sheets=tuple(Choice(value=str(one.number), label=_sheet(one.name, one.rows, lang)) for one in sheets),
        sheet=found.look.sheet if sheets else None,
        columns=_columns(found, fields, lang, said),
        missing=tuple(schema.field(name).label(lang) for name in found.missing) if said is None else (),
        error=error,
    )
    return respond("department/columns.html", view, at.frame(request, ctx, "department", "returns", actor), status)


def _sheet(name: str, count: int, lang: Lang) -> str:
    return translator(lang).gettext("%(name)s (%(rows)s rows)") % {"name": name, "rows": count}


def _shown(header: str, number: int, lang: Lang) -> str:
    """A column's name, with its number in words where other columns have the same, or none."""
    labels, name = translator(lang), plain(header, number)
    if not name:
        return labels.gettext("(column %(number)s has no name)") % {"number": number}
    return name if name == header else labels.gettext("%(name)s (column %(number)s)") % {"name": name, "number": number}


def _columns(
    found: Proposal, fields: tuple[Choice, ...], lang: Lang, said: dict[str, str | None] | None
) -> tuple[views.MappedColumn, ...]:
    labels = translator(lang)

    def one(number: int, column: Column) -> views.MappedColumn:
        name = column.field if said is None else said.get(column.header)
        return views.MappedColumn(
            number=number,
            header=column.header,
            shown=_shown(column.header, number, lang),
            samples=column.samples,
            field=name or "",
            basis=labels.gettext(COLUMN_BASES[column.basis.value]) % {"percent": column.confidence},
            doubtful=column.doubtful,
            choices=fields,
        )

    return tuple(one(number, column) for number, column in enumerate(found.columns, 1))

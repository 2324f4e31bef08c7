"""Pages of a department: return a file, read its report, seal it, watch it being recorded."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from api import locale
from api.catalogue.model import Field, TypeSchema
from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import Lang, translator
from api.portals import frame as at
from api.portals.recorded import PENDING, Record, Seen, record
from api.portals.render import respond
from api.portals.views import department as views
from api.portals.views.common import Choice, FormError, Proof, ProofFact
from api.portals.wording import COLUMN_RULES
from api.services import backfill, intake, parties, returns
from api.services.context import Actor, Context
from api.store.queries.returns import Origin, ReturnState
from api.store.tables import Return, ReturnRow

router = APIRouter(prefix="/department", include_in_schema=False)
ROWS_SHOWN = 100
AGENT = "agent"
REFRESH_S = 5
WORKING = frozenset({ReturnState.RECEIVED.value, ReturnState.CHECKING.value, ReturnState.SEALED.value})


@router.get("")
def new(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    chosen: Annotated[str, Query(alias="type", max_length=64)] = "",
) -> Response:
    """The drop zone."""
    return _new_page(request, ctx, actor, chosen, None, 200)


@router.get("/template.csv")
def template(
    request: Request, ctx: ContextDep, actor: at.Officer, chosen: Annotated[str, Query(alias="type", max_length=64)]
) -> Response:
    """An empty file of a type: its header line, for Excel with a byte order mark."""
    schema = next((one for one in _types(ctx, actor) if one.code == chosen), None)
    if schema is None:
        raise ApiError("catalogue.unknown_type", Kind.NOT_FOUND)
    lang = preferred_language(request)
    return download(_table([[field.label(lang) for field in schema.fields]]), "text/csv", f"{schema.code}.csv")


@router.post("/returns")
def receive(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    file: Annotated[UploadFile, File()],
    chosen: Annotated[str, Form(alias="type", max_length=64)],
    auto_seal: Annotated[bool, Form()] = False,
    look: Annotated[bool, Form()] = False,
    old: Annotated[bool, Form()] = False,
) -> Response:
    """Take the file in. Where its columns say what they are the worker checks it; else the officer is asked."""
    said = returns.Said(look_first=True, origin=Origin.BACKFILL if old else Origin.CURRENT)
    try:
        item = returns.receive(ctx, actor, chosen, returns.incoming(file.file), auto_seal=auto_seal, said=said)
        asks = item.state == ReturnState.MAPPING and (look or intake.has_to_ask(ctx, actor, item.id))
    except ApiError as error:
        reason = at.said(error, preferred_language(request), "file")
        return _new_page(request, ctx, actor, chosen, reason, int(STATUS[error.kind]))
    return at.see_other(f"/department/returns/{at.segment(item.id)}" + ("/columns" if asks else ""))


@router.get("/returns")
def list_returns(request: Request, ctx: ContextDep, actor: at.Officer, cursor: at.Cursor = None) -> Response:
    """All returns, newest first."""
    lang = preferred_language(request)
    page, now = returns.list_own(ctx, actor, cursor), record(ctx, lang)
    lines = tuple(
        views.ReturnLine(
            id=item.id,
            type_name=type_name(ctx, item, lang),
            state=item.state,
            total=item.rows_total,
            good=item.rows_good,
            bad=item.rows_bad,
            created_at_ms=item.created_at_ms,
            delay=seen.delay,
        )
        for item in page.items
        for seen in (_seen(item, now),)
    )
    view = views.Returns(returns=lines, pager=at.older("/department/returns", page.next_cursor, cursor=cursor))
    return respond("department/returns.html", view, at.frame(request, ctx, "department", "returns", actor))


@router.get("/returns/{return_id}")
def one(request: Request, ctx: ContextDep, actor: at.Officer, return_id: str) -> Response:
    """A return with its report."""
    return _return_page(request, ctx, actor, return_id, None, 200)


@router.post("/returns/{return_id}/review")
def review(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    return_id: str,
    rows: Annotated[int, Form(ge=0, le=10**9)],
) -> Response:
    """A second officer's word on old records that were entered by hand."""
    try:
        backfill.review(ctx, actor, return_id, rows)
    except ApiError as error:
        if error.code == "returns.not_found":
            raise
        reason = at.said(error, preferred_language(request), "rows")
        return _return_page(request, ctx, actor, return_id, reason, int(STATUS[error.kind]))
    return at.see_other(f"/department/returns/{at.segment(return_id)}")


def _return_page(
    request: Request, ctx: Context, actor: Actor, return_id: str, error: FormError | None, status: int
) -> Response:
    lang = preferred_language(request)
    found = returns.report(ctx, actor, return_id)
    item = found.item
    if item.state == ReturnState.MAPPING:
        return at.see_other(f"/department/returns/{at.segment(item.id)}/columns")
    refresh_s = REFRESH_S if item.state in WORKING else None
    page = at.frame(request, ctx, "department", "returns", actor, refresh_s=refresh_s)
    custody = parties.own(ctx, actor).custody
    view = _view(ctx, item, found.rows[:ROWS_SHOWN], custody, record(ctx, lang))
    if item.origin == Origin.BACKFILL:
        own = item.handed_in_by in {None, actor.subject} or not backfill.numbered(ctx, actor)
        view = replace(view, backfill=True, reviewed_at_ms=item.reviewed_at_ms, own_entry=own)
    if error is not None:
        view = replace(view, error=error)
    return respond("department/return.html", view, page, status)


@router.get("/returns/{return_id}/progress")
def progress(request: Request, ctx: ContextDep, actor: at.Officer, return_id: str) -> Response:
    """How far it is, for the page's script."""
    item = returns.get(ctx, actor, return_id)
    done, total = _done(item)
    text = _progress_text(item, record(ctx, preferred_language(request)))
    answer = {"state": item.state, "done": done, "total": total, "text": text}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


@router.get("/returns/{return_id}/rows.csv")
def rows(request: Request, ctx: ContextDep, actor: at.Officer, return_id: str) -> Response:
    """All noted rows as a file: line, column, state, reason; never a value of theirs."""
    table = report_table(ctx, actor, return_id, preferred_language(request))
    return download(_table(table), "text/csv", f"{return_id}.rows.csv")


def report_table(ctx: Context, actor: Actor, return_id: str, lang: Lang) -> list[list[str]]:
    """A report as lines of cells, heads first."""
    labels = translator(lang)
    schema = ctx.catalogue.types.get(returns.get(ctx, actor, return_id).type_code)
    table = [[labels.gettext(name) for name in ("Line", "Column", "State", "Reason", "Code")]]
    table += [
        [str(row.line), _column(schema, row, lang), row.state, _reason(row, lang), row.reason]
        for row in _all_rows(ctx, actor, return_id)
    ]
    return table


@router.post("/returns/{return_id}/seal")
def seal(ctx: ContextDep, actor: at.Officer, return_id: str) -> Response:
    """Seal the good rows."""
    returns.seal(ctx, actor, return_id)
    return at.see_other(f"/department/returns/{at.segment(return_id)}")


def _types(ctx: Context, actor: Actor) -> list[TypeSchema]:
    code = parties.own(ctx, actor).department_code
    return [schema for schema in ctx.catalogue.ready_types() if schema.department == code]


def _new_page(
    request: Request, ctx: Context, actor: Actor, chosen: str, error: FormError | None, status: int
) -> Response:
    lang = preferred_language(request)
    types = _types(ctx, actor)
    if not chosen and len(types) == 1:
        chosen = types[0].code
    schema = next((known for known in types if known.code == chosen), None)
    view = views.NewReturn(
        types=tuple(Choice(value=known.code, label=known.label(lang)) for known in types),
        chosen=schema.code if schema else None,
        columns=tuple(_rule(field, lang) for field in schema.fields) if schema else (),
        template_url=f"/department/template.csv?type={at.segment(schema.code)}" if schema else None,
        max_bytes=ctx.settings.max_upload_bytes,
        max_rows=ctx.settings.max_rows,
        error=error,
    )
    return respond("department/new.html", view, at.frame(request, ctx, "department", "new", actor), status)


def _rule(field: Field, lang: Lang) -> views.Column:
    labels = translator(lang)
    rule = labels.gettext(COLUMN_RULES[field.kind.value])
    if field.choices:
        names = (choice.en if lang == "en" else choice.zh for choice in field.choices)
        rule = rule % {"choices": labels.gettext(", ").join(names)}
    return views.Column(name=field.label(lang), rule=rule, required=field.required)


def type_name(ctx: Context, item: Return, lang: Lang) -> str:
    """What the type of a return is called."""
    schema = ctx.catalogue.types.get(item.type_code)
    return schema.label(lang) if schema else item.type_code


def _done(item: Return) -> tuple[int, int]:
    """Rows that are checked, of all (warned ones are among the good); nothing to count while a seal is recorded."""
    if item.state in {ReturnState.RECEIVED, ReturnState.SEALED}:
        return 0, 0
    checked = item.rows_good + item.rows_bad + item.rows_duplicate
    return min(checked, item.rows_total), item.rows_total


def _seen(item: Return, now: Record) -> Seen:
    """How far the roots of a return are; before its seal there is nothing to record."""
    if item.sealed_at_ms is None:
        return Seen(PENDING)
    return now.of(item.state, item.sealed_at_ms, f"anchor:{item.id}:0")


def _progress_text(item: Return, now: Record) -> str:
    lang = now.lang
    labels = translator(lang)
    if item.state == ReturnState.SEALED:
        if (delay := _seen(item, now).delay) is not None:
            words = {"time": locale.format_datetime(delay.since_ms, lang), "text": delay.text}
            return labels.gettext("Delayed since %(time)s. %(text)s") % words
        return labels.gettext("Recording usually takes less than a minute.")
    done, total = _done(item)
    if not total:
        return labels.gettext("The file is saved; its check begins in a moment.")
    return labels.gettext("%(done)s of %(total)s rows checked") % {
        "done": locale.format_number(done, lang),
        "total": locale.format_number(total, lang),
    }


def _view(ctx: Context, item: Return, noted: Sequence[ReturnRow], custody: str, now: Record) -> views.Return:
    lang = now.lang
    schema = ctx.catalogue.types.get(item.type_code)
    done, total = _done(item)
    base = f"/department/returns/{at.segment(item.id)}"
    lines = tuple(
        views.RowReport(
            line=row.line,
            column=_column(schema, row, lang) or None,
            state=row.state,
            reason=_reason(row, lang),
            code=row.reason,
        )
        for row in noted
    )
    error = None
    if item.error_code is not None:
        error = at.said(ApiError(item.error_code, Kind.INVALID, **(item.error_facts or {})), lang)
    return views.Return(
        id=item.id,
        type_name=type_name(ctx, item, lang),
        state=item.state,
        file_bytes=item.file_bytes,
        created_at_ms=item.created_at_ms,
        sealed_at_ms=item.sealed_at_ms,
        anchored_at_ms=item.anchored_at_ms,
        done=done,
        total=total,
        good=item.rows_good,
        warned=item.rows_warned,
        bad=item.rows_bad,
        duplicate=item.rows_duplicate,
        rows=lines,
        more_rows=len(noted) == ROWS_SHOWN,
        report_url=f"{base}/rows.csv" if noted else None,
        book_url=f"{base}/rows.xlsx" if noted else None,
        progress_url=f"{base}/progress",
        progress_text=_progress_text(item, now),
        error=error,
        custody=custody,
        proof=_proof(item, _seen(item, now)),
        can_seal=item.state == ReturnState.CHECKED and item.rows_good > 0 and custody != AGENT,
    )


def _proof(item: Return, seen: Seen) -> Proof | None:
    if item.sealed_at_ms is None:
        return None
    return Proof(
        state=seen.state,
        delay=seen.delay,
        subject="return",
        at_ms=item.anchored_at_ms,
        receipt_number=None,
        facts=(ProofFact(name="file", value="0x" + item.file_sha256.hex()),),
        bundle_url=None,
    )


def _column(schema: TypeSchema | None, row: ReturnRow, lang: Lang) -> str:
    """The column as the catalogue names it; a column that the catalogue does not know keeps its own name."""
    if row.column is None:
        return ""
    if schema is not None and schema.has_field(row.column):
        return schema.field(row.column).label(lang)
    return row.column


def _reason(row: ReturnRow, lang: Lang) -> str:
    return locale.error_text(row.reason, lang, row.facts)


def _all_rows(ctx: Context, actor: Actor, return_id: str) -> Iterator[ReturnRow]:
    after = (-1, -1)
    while True:
        found = returns.report(ctx, actor, return_id, after=after).rows
        if not found:
            return
        yield from found
        after = (found[-1].line, found[-1].seq)


def _table(table: list[list[str]]) -> bytes:
    """CSV that Excel opens as UTF-8; a cell that a spreadsheet would run as a formula is quoted with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for line in table:
        writer.writerow([f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell for cell in line])
    return out.getvalue().encode("utf-8-sig")

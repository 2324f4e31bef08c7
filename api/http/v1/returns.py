"""Returns: a department hands a file in, reads the report, seals."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import Field, TypeAdapter, ValidationError

from api.documents.intake.looking import Proposal
from api.errors import ApiError
from api.http.auth import ContextDep, allow
from api.http.forms import INT_MAX, Answered, IdempotencyKey, Strict, anchoring, moment, once
from api.http.strict_json import StrictJsonRoute, strict_json
from api.services import backfill, intake, returns
from api.services.anchoring import Outlook, outlook
from api.services.context import Actor, Context, Role
from api.store.queries.returns import Origin, RowState
from api.store.tables import Return, ReturnRow

router = APIRouter(prefix="/returns", tags=["returns"], route_class=StrictJsonRoute)
Officer = Annotated[Actor, allow(Role.DEPARTMENT)]
EVENT_INTERVAL_S = 0.5
EVENTS_S = 600.0
COLUMNS_MAX = 65_536
SHEET_MAX = 1000
ColumnText = Annotated[str, Field(max_length=200)]
FieldName = Annotated[str, Field(max_length=64)]
Columns = Annotated[dict[ColumnText, FieldName | None], Field(max_length=256)]


def shown(item: Return) -> dict[str, Any]:
    """A return as JSON."""
    return {
        "id": item.id,
        "type": item.type_code,
        "state": item.state,
        "rows": {
            "total": item.rows_total,
            "good": item.rows_good,
            "warned": item.rows_warned,
            "bad": item.rows_bad,
            "duplicate": item.rows_duplicate,
            "next_line": item.next_line,
        },
        "file_sha256": "0x" + item.file_sha256.hex(),
        "error": None if item.error_code is None else {"code": item.error_code, "facts": item.error_facts or {}},
        "created_at": moment(item.created_at_ms),
        "sealed_at": moment(item.sealed_at_ms),
        "anchored_at": moment(item.anchored_at_ms),
        "form": item.form,
        "origin": item.origin,
        "reviewed_at": moment(item.reviewed_at_ms),
    }


def anchoring_of(item: Return, now: Outlook) -> dict[str, object] | None:
    """How far its roots are on their way to the chain; null before it is sealed."""
    if item.sealed_at_ms is None:
        return None
    return anchoring(now.of(item.state, item.sealed_at_ms, f"anchor:{item.id}:0"))


def shown_proposal(found: Proposal) -> dict[str, Any]:
    """A proposal as JSON."""
    return {
        "form": found.look.form.value,
        "encoding": found.look.encoding,
        "sheet": found.look.sheet,
        "sheets": [{"number": one.number, "name": one.name, "rows": one.rows} for one in found.look.sheets],
        "header_line": found.look.header_line,
        "certain": found.certain,
        "missing": list(found.missing),
        "columns": [
            {
                "header": column.header,
                "field": column.field,
                "basis": column.basis.value,
                "confidence": column.confidence,
                "doubtful": column.doubtful,
                "samples": list(column.samples),
                "candidates": [{"field": one.field, "confidence": one.confidence} for one in column.candidates],
            }
            for column in found.columns
        ],
    }


def _columns(text: str) -> dict[str, str | None]:
    try:
        return TypeAdapter(Columns).validate_python(strict_json(text.encode()), strict=True)
    except ValidationError:
        raise ApiError("http.invalid_input", place="columns") from None


def shown_row(row: ReturnRow) -> dict[str, Any]:
    """A noted row as JSON: where and why, never what it held."""
    return {"line": row.line, "state": row.state, "column": row.column, "reason": row.reason, "facts": row.facts}


@router.post("", status_code=202)
def receive(
    ctx: ContextDep,
    request: Request,
    actor: Officer,
    file: Annotated[UploadFile, File()],
    type_code: Annotated[str, Form(alias="type", max_length=64)],
    seal: Annotated[bool, Form()] = False,
    look: Annotated[bool, Form()] = False,
    columns: Annotated[str | None, Form(max_length=COLUMNS_MAX)] = None,
    sheet: Annotated[int | None, Form(ge=0, le=SHEET_MAX)] = None,
    origin: Annotated[Origin, Form()] = Origin.CURRENT,
    key: IdempotencyKey = None,
) -> Response:
    """Take a file in (CSV, XLSX, JSON); it is checked by the worker. With `seal`, sealed as soon as it is checked.

    `columns` is a JSON object of fields by header, null for a column that is left out, and is checked against the
    file's head before anything is kept; `sheet` a workbook's sheet by number. With `look` the file waits as `mapping`
    until its columns are confirmed.
    """
    incoming = returns.incoming(file.file)
    said = returns.Said(None if columns is None else _columns(columns), sheet, origin, look)
    described = (type_code, seal, incoming.sha256.hex(), said.reading and said.reading.hex(), look)

    def act(answered: Answered) -> None:
        returns.receive(
            ctx,
            actor,
            type_code,
            incoming,
            auto_seal=seal,
            said=intake.fitted(ctx, type_code, incoming, said),
            also=lambda session, row: answered(session, shown(row)),
        )

    return once(ctx, actor, request, key, described, act, status=202)


@router.get("")
def list_returns(
    ctx: ContextDep, actor: Officer, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """The department's returns, newest first."""
    page, now = returns.list_own(ctx, actor, cursor), outlook(ctx)
    items = [{**shown(item), "anchoring": anchoring_of(item, now)} for item in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


@router.get("/{return_id}")
def get_return(ctx: ContextDep, actor: Officer, return_id: str) -> dict[str, Any]:
    """One return with its counts."""
    item = returns.get(ctx, actor, return_id)
    return {**shown(item), "anchoring": anchoring_of(item, outlook(ctx))}


@router.get("/{return_id}/rows")
def list_rows(
    ctx: ContextDep,
    actor: Officer,
    return_id: str,
    state: RowState | None = None,
    after_line: Annotated[int, Query(ge=-1, le=INT_MAX)] = -1,
    after_seq: Annotated[int, Query(ge=-1, le=INT_MAX)] = -1,
) -> dict[str, Any]:
    """Rows that were not simply good, in file order; go on after the last one's line and seq."""
    report = returns.report(ctx, actor, return_id, state, after=(after_line, after_seq))
    items = [{**shown_row(row), "seq": row.seq} for row in report.rows]
    return {"items": items}


@router.get("/{return_id}/columns")
def propose_columns(
    ctx: ContextDep,
    actor: Officer,
    return_id: str,
    sheet: Annotated[int | None, Query(ge=0, le=SHEET_MAX)] = None,
) -> dict[str, Any]:
    """Which column of a waiting file is taken for which field, why, and with what confidence; samples are blotted."""
    return shown_proposal(intake.proposal(ctx, actor, return_id, sheet))


class ColumnsBody(Strict):
    """What an officer says of a file's columns."""

    columns: Columns = Field(min_length=1)
    sheet: Annotated[int, Field(ge=0, le=SHEET_MAX)] | None = None
    remember: bool = True


@router.post("/{return_id}/columns")
def confirm_columns(
    ctx: ContextDep,
    request: Request,
    actor: Officer,
    return_id: str,
    body: ColumnsBody,
    key: IdempotencyKey = None,
) -> Response:
    """Say which columns of a waiting file are which fields; it is checked then, and the answer is remembered."""

    def act(answered: Answered) -> None:
        intake.confirm(
            ctx,
            actor,
            return_id,
            body.columns,
            sheet=body.sheet,
            remember=body.remember,
            also=lambda session, row: answered(session, shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/{return_id}/seal")
def seal(ctx: ContextDep, request: Request, actor: Officer, return_id: str, key: IdempotencyKey = None) -> Response:
    """Seal a checked return: its records become visible and are anchored."""

    def act(answered: Answered) -> None:
        returns.seal(ctx, actor, return_id, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, None, act)


class ReviewBody(Strict):
    """What a second officer found."""

    rows: Annotated[int, Field(ge=0, le=INT_MAX)]


@router.post("/{return_id}/review")
def review(
    ctx: ContextDep, request: Request, actor: Officer, return_id: str, body: ReviewBody, key: IdempotencyKey = None
) -> Response:
    """Review a sealed return of back-filled records as another officer than the one who handed it in."""

    def act(answered: Answered) -> None:
        backfill.review(ctx, actor, return_id, body.rows, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, body, act)


@router.get("/{return_id}/events")
def events(ctx: ContextDep, actor: Officer, return_id: str) -> StreamingResponse:
    """Progress as server-sent events until the return has ended, for ten minutes at most."""
    returns.get(ctx, actor, return_id)
    return StreamingResponse(_follow(ctx, actor, return_id), media_type="text/event-stream")


async def _follow(ctx: Context, actor: Actor, return_id: str) -> AsyncIterator[str]:
    before = ""
    # A return may wait for its officer for days; the browser connects again, and proves its session anew.
    ends_at = time.monotonic() + EVENTS_S
    while time.monotonic() < ends_at:
        item = await asyncio.to_thread(returns.get, ctx, actor, return_id)
        now = json.dumps(shown(item))
        if now != before:
            yield f"event: progress\ndata: {now}\n\n"
            before = now
        if item.state in returns.ENDED:
            return
        await asyncio.sleep(EVENT_INTERVAL_S)

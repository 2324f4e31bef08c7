"""Returns: a department hands a file in, reads the report, seals."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from api.http.auth import ContextDep, allow
from api.http.forms import INT_MAX, Answered, IdempotencyKey, moment, once
from api.http.strict_json import StrictJsonRoute
from api.services import returns
from api.services.context import Actor, Context, Role
from api.store.queries.returns import RowState
from api.store.tables import Return, ReturnRow

router = APIRouter(prefix="/returns", tags=["returns"], route_class=StrictJsonRoute)
Officer = Annotated[Actor, allow(Role.DEPARTMENT)]
EVENT_INTERVAL_S = 0.5
EVENTS_S = 600.0


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
    }


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
    key: IdempotencyKey = None,
) -> Response:
    """Take a file in; it is checked by the worker. With `seal`, sealed as soon as it is checked."""
    incoming = returns.incoming(file.file)
    described = (type_code, seal, incoming.sha256.hex())

    def act(answered: Answered) -> None:
        returns.receive(
            ctx, actor, type_code, incoming, auto_seal=seal, also=lambda session, row: answered(session, shown(row))
        )

    return once(ctx, actor, request, key, described, act, status=202)


@router.get("")
def list_returns(
    ctx: ContextDep, actor: Officer, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """The department's returns, newest first."""
    page = returns.list_own(ctx, actor, cursor)
    return {"items": [shown(item) for item in page.items], "next_cursor": page.next_cursor}


@router.get("/{return_id}")
def get_return(ctx: ContextDep, actor: Officer, return_id: str) -> dict[str, Any]:
    """One return with its counts."""
    return shown(returns.get(ctx, actor, return_id))


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


@router.post("/{return_id}/seal")
def seal(ctx: ContextDep, request: Request, actor: Officer, return_id: str, key: IdempotencyKey = None) -> Response:
    """Seal a checked return: its records become visible and are anchored."""

    def act(answered: Answered) -> None:
        returns.seal(ctx, actor, return_id, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, None, act)


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

"""Traces: a regulator hands in leaked files and gets verdicts."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile

from api.errors import ApiError
from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, download, moment, once
from api.http.language import preferred_language
from api.http.strict_json import StrictJsonRoute
from api.http.v1.receipts import BUNDLE
from api.services import trace_reports, traces
from api.services.context import Actor, Role
from api.services.trace_candidates import MAX_CLUE, Clues, Search
from api.services.trace_wording import wording_of
from api.services.traces import Suspect
from api.store.tables import Trace
from chain.receipt import ReceiptKind

router = APIRouter(prefix="/traces", tags=["traces"], route_class=StrictJsonRoute)
Regulator = Annotated[Actor, allow(Role.REGULATOR)]


def shown(item: Trace) -> dict[str, Any]:
    """A trace as JSON."""
    return {
        "id": item.id,
        "outcome": item.outcome,
        "report": traces.verdict_of(item),
        "receipt": item.receipt_id,
        "created_at": moment(item.created_at_ms),
    }


@router.post("", status_code=201)
def create(
    ctx: ContextDep,
    request: Request,
    actor: Regulator,
    file: Annotated[list[UploadFile], File()],
    number: Annotated[str, Form(max_length=MAX_CLUE)] = "",
    since: Annotated[date | None, Form()] = None,
    until: Annotated[date | None, Form()] = None,
    key: IdempotencyKey = None,
) -> Response:
    """Trace one file or several; each gets a verdict, a receipt and an id of its own.

    `number`: what can be read off a picture (number of the copy, the certificate or the person). A picture without one
    is compared with originals whose consent was given from `since` to `until`, the newest 300.
    """
    if len(file) > traces.MAX_FILES:
        raise ApiError("traces.too_many_files", limit=traces.MAX_FILES)
    suspects = [Suspect(item.filename or "", item.file.read()) for item in file]
    clues = Clues.of_days(number, since, until)
    described = [*(traces.file_sha256(suspect.data).hex() for suspect in suspects), number, str(since), str(until)]

    def act(answered: Answered) -> None:
        traces.examine_files(
            ctx,
            actor,
            suspects,
            Search(ctx, clues),
            also=lambda session, rows: answered(session, {"items": [shown(row) for row in rows]}),
        )

    return once(ctx, actor, request, key, described, act, status=201)


@router.get("")
def list_traces(
    ctx: ContextDep, actor: Regulator, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """The regulator's traces, newest first."""
    page = traces.list_own(ctx, actor, cursor)
    return {"items": [shown(item) for item in page.items], "next_cursor": page.next_cursor}


@router.get("/{trace_id}")
def get_trace(ctx: ContextDep, actor: Regulator, trace_id: str) -> dict[str, Any]:
    """One trace."""
    return shown(traces.get(ctx, actor, trace_id))


@router.get("/{trace_id}/report")
def get_report(
    ctx: ContextDep,
    request: Request,
    actor: Regulator,
    trace_id: str,
    form: Annotated[Literal["json", "html", "pdf"], Query(alias="format")] = "json",
) -> Response:
    """The tracer's report as sealed JSON, which `python -m watermark rescore` computes again, as a page or as a PDF."""
    row = traces.get(ctx, actor, trace_id)
    if form == "json":
        return download(traces.sealed_report(row), "application/json", f"{row.id}.json")
    if form == "html":
        page = trace_reports.as_page(ctx, actor, row.id, str(request.base_url).rstrip("/"))
        return download(page, "text/html; charset=utf-8", f"{row.id}.html")
    wording = wording_of(ctx, row.report, preferred_language(request))
    return download(trace_reports.as_pdf(ctx, actor, row.id, wording), "application/pdf", f"{row.id}.pdf")


@router.get("/{trace_id}/evidence/{copy_id}")
def get_evidence(
    ctx: ContextDep,
    actor: Regulator,
    trace_id: str,
    copy_id: str,
    of: Annotated[Literal["delivery", "deletion"], Query()] = "delivery",
) -> Response:
    """The evidence bundle of a copy that the trace names: of its first delivery, or of its newest signed deletion."""
    found = traces.bundle(ctx, actor, trace_id, copy_id, ReceiptKind(of))
    return download(found.to_bytes(), BUNDLE, f"{copy_id}.bundle.json")

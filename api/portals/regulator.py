"""Pages of a regulator: trace a leaked file, read the verdict with its proof, watch the log."""

import json
import math
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, File, Request, Response, UploadFile

from api import locale
from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS, as_api_error
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import Lang, format_number, translator
from api.policy.copy_states import CopyState
from api.portals import frame as at
from api.portals.copies import copy_line
from api.portals.render import respond
from api.portals.views import regulator as views
from api.portals.views.common import FormError, Proof, ProofFact
from api.portals.wording import LAYERS
from api.services import copies, log, parties, receipting, traces
from api.services.context import Actor, Context
from api.services.traces import Suspect
from api.store.tables import Party, Trace
from watermark.errors import WatermarkError

router = APIRouter(prefix="/regulator", include_in_schema=False)
CANDIDATES_SHOWN = 10


@router.get("")
def home(request: Request, ctx: ContextDep, actor: at.Inspector, cursor: at.Cursor = None) -> Response:
    """The drop zone, and what was examined before."""
    return _traces_page(request, ctx, actor, cursor, None, 200)


@router.post("/traces")
def examine(
    request: Request, ctx: ContextDep, actor: at.Inspector, files: Annotated[list[UploadFile], File()]
) -> Response:
    """Examine one file or several. A file that cannot be read is named with the reason; the others stand."""
    lang = preferred_language(request)
    if len(files) > traces.MAX_FILES:
        refused = ApiError("traces.too_many_files", limit=traces.MAX_FILES)
        return _traces_page(request, ctx, actor, None, at.said(refused, lang), int(STATUS[refused.kind]))
    done: list[Trace] = []
    for file in files:
        try:
            done.append(traces.examine_file(ctx, actor, Suspect(file.filename or "", file.file.read())))
        except (WatermarkError, ApiError) as error:
            ours = as_api_error(error)
            return _traces_page(request, ctx, actor, None, at.said(ours, lang), int(STATUS[ours.kind]))
    return at.see_other(f"/regulator/traces/{at.segment(done[0].id)}" if len(done) == 1 else "/regulator")


@router.get("/traces/{trace_id}")
def verdict(request: Request, ctx: ContextDep, actor: at.Inspector, trace_id: str) -> Response:
    """One verdict."""
    row = traces.get(ctx, actor, trace_id)
    view = _verdict(ctx, actor, row, preferred_language(request))
    return respond("regulator/trace.html", view, at.frame(request, ctx, "regulator", "traces", actor))


@router.get("/traces/{trace_id}/report.json")
def report(ctx: ContextDep, actor: at.Inspector, trace_id: str) -> Response:
    """The verdict for machines, as the tracer gave it."""
    row = traces.get(ctx, actor, trace_id)
    data = json.dumps(row.report, ensure_ascii=False, indent=2).encode()
    return download(data, "application/json", f"{row.id}.json")


@router.get("/traces/{trace_id}/evidence/{copy_id}")
def evidence(ctx: ContextDep, actor: at.Inspector, trace_id: str, copy_id: str) -> Response:
    """The proof file of a copy that the verdict names."""
    return download(traces.bundle(ctx, actor, trace_id, copy_id).to_bytes(), at.BUNDLE, f"{copy_id}.bundle.json")


@router.get("/receipts/{receipt_id}/bundle")
def bundle(ctx: ContextDep, actor: at.Inspector, receipt_id: str) -> Response:
    """The proof file of an examination."""
    return download(receipting.bundle(ctx, actor, receipt_id).to_bytes(), at.BUNDLE, f"{receipt_id}.bundle.json")


@router.get("/copies")
def overdue(request: Request, ctx: ContextDep, actor: at.Inspector, cursor: at.Cursor = None) -> Response:
    """Copies of which nothing was stated in time, everybody's, newest first."""
    lang = preferred_language(request)
    page = copies.list_visible(ctx, actor, cursor)
    view = views.Overdue(
        copies=tuple(copy_line(ctx, one, lang) for one in page.items),
        reported=copies.counts(ctx, actor)[CopyState.ESCALATED],
        pager=at.older("/regulator/copies", page.next_cursor, cursor=cursor),
    )
    return respond("regulator/copies.html", view, at.frame(request, ctx, "regulator", "copies", actor))


@router.get("/log")
def health(request: Request, ctx: ContextDep, actor: at.Inspector) -> Response:
    """Health of the log and of the chain under it."""
    lang = preferred_language(request)
    seen = log.health(ctx)
    chain = seen.chain
    view = views.LogHealth(
        log_id=seen.log_id,
        size=seen.size.numbered,
        waiting=seen.size.prepared,
        checkpoint_size=None if seen.newest is None else seen.newest.size,
        checkpoint_at_ms=None if seen.newest is None else seen.newest.created_at_ms,
        anchored_size=seen.size.anchored,
        chain_state="unknown" if chain is None else chain.state,
        chain_reason=None if chain is None or chain.reason is None else locale.error_text(chain.reason, lang),
        chain_head=0 if chain is None else chain.head,
        chain_since_ms=None if chain is None else chain.since_ms,
        engine=ctx.settings.engine,
        note="" if seen.newest is None else seen.newest.note,
    )
    return respond("regulator/log.html", view, at.frame(request, ctx, "regulator", "log", actor))


def _traces_page(
    request: Request, ctx: Context, actor: Actor, cursor: str | None, error: FormError | None, status: int
) -> Response:
    lang = preferred_language(request)
    page = traces.list_own(ctx, actor, cursor)
    names = _names(ctx)
    lines = tuple(
        views.TraceLine(
            id=row.id, outcome=row.outcome, accused=_accused(row.report, names, lang), at_ms=row.created_at_ms
        )
        for row in page.items
    )
    view = views.Traces(
        traces=lines,
        max_bytes=ctx.settings.max_upload_bytes,
        max_files=traces.MAX_FILES,
        error=error,
        pager=at.older("/regulator", page.next_cursor, cursor=cursor),
    )
    return respond("regulator/traces.html", view, at.frame(request, ctx, "regulator", "traces", actor), status)


def _names(ctx: Context) -> Mapping[str, Party]:
    return {party.id: party for party in parties.list_public(ctx)}


def _objects(report: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    listed = report.get(key, [])
    assert isinstance(listed, list)
    return listed


def _accused(report: Mapping[str, object], names: Mapping[str, Party], lang: Lang) -> tuple[str, ...]:
    found = [at.named(names.get(str(one["entity"])), lang) for one in _objects(report, "accused")]
    return tuple(dict.fromkeys(found))


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _verdict(ctx: Context, actor: Actor, row: Trace, lang: Lang) -> views.Trace:
    told, names = row.report, _names(ctx)
    labels = translator(lang)
    bound = told.get("bound")
    size = at.anchored_size(ctx)
    receipt = None if row.receipt_id is None else receipting.get(ctx, actor, row.receipt_id)
    named = _objects(told, "named")
    facts = (
        views.TraceFact(label=labels.gettext("Kind of file"), value=str(told["kind"])),
        views.TraceFact(label=labels.gettext("Fingerprint"), value=str(told["file_sha256"]), mono=True),
        views.TraceFact(label=labels.gettext("Copies compared"), value=format_number(_number(told["n"]), lang)),
        views.TraceFact(label=labels.gettext("Version of the tracer"), value=str(told["marker"])),
    )
    layers = told.get("layers", {})
    assert isinstance(layers, Mapping)
    copy_proof = None
    if named:
        copy_proof = _copy_proof(row, named[0], size)
    return views.Trace(
        id=row.id,
        outcome=row.outcome,
        level=None if told.get("level") is None else str(told["level"]),
        accused=_accused(told, names, lang),
        bound_log10=math.log10(_number(bound)) if bound else None,
        examined=int(_number(told["n"])),
        remarks=(*_remarks(told, lang), *_deletions(named, lang)),
        at_ms=row.created_at_ms,
        facts=facts,
        candidates=_candidates(ctx, told, names, lang),
        layers=tuple(views.Layer(name=_layer(str(name), lang), weight=_number(w)) for name, w in layers.items()),
        copy_proof=copy_proof,
        trace_proof=None
        if receipt is None
        else at.receipt_proof(receipt, size, "trace", f"/regulator/receipts/{at.segment(receipt.id)}/bundle"),
        report_url=f"/regulator/traces/{at.segment(row.id)}/report.json",
    )


def _remarks(told: Mapping[str, object], lang: Lang) -> tuple[str, ...]:
    """The tracer's wording, beyond the one for the outcome itself, which the page's heading says."""
    codes = told.get("codes", [])
    assert isinstance(codes, list)
    outcome = f"watermark.trace.{told['outcome']}"
    return tuple(locale.error_text(str(code), lang) for code in codes if code != outcome)


def _deletions(named: list[Mapping[str, object]], lang: Lang) -> tuple[str, ...]:
    """What recipients stated of the copies that the verdict names: that they had destroyed them."""
    labels = translator(lang)
    texts = {
        "machine": labels.gettext(
            "On %(when)s the recipient's system signed that it had destroyed the copy %(copy)s. This file was examined "
            "after that; the signed statement is part of the evidence."
        ),
        "staff": labels.gettext(
            "On %(when)s the recipient's staff confirmed that they had destroyed the copy %(copy)s. This file was "
            "examined after that."
        ),
    }
    found = []
    for about in named:
        for one in _objects(about, "deletions"):
            when = locale.format_datetime(int(_number(one["stated_at_ms"])), lang)
            found.append(texts[str(one["by"])] % {"when": when, "copy": str(about["copy"])})
    return tuple(found)


def _layer(name: str, lang: Lang) -> str:
    """A layer's name in words; its ending tells whose code it carried."""
    base, _, level = name.partition(".")
    labels = translator(lang)
    word = labels.gettext(LAYERS[base]) if base in LAYERS else base
    if level == "entity":
        return labels.gettext("%(layer)s (recipient)") % {"layer": word}
    return labels.gettext("%(layer)s (copy)") % {"layer": word} if level == "copy" else word


def _candidates(
    ctx: Context, told: Mapping[str, object], names: Mapping[str, Party], lang: Lang
) -> tuple[views.Candidate, ...]:
    about = {str(one["copy"]): one for one in _objects(told, "named")}
    accused = {(str(one["entity"]), one["copy"]) for one in _objects(told, "accused")}
    entities = {entity for entity, copy in accused if copy is None}
    found = []
    for one in _objects(told, "ranked")[:CANDIDATES_SHOWN]:
        entity, copy = str(one["entity"]), one["copy"]
        known = about.get(str(copy), {})
        purpose = ctx.catalogue.purposes.get(str(known.get("purpose")))
        delivered = known.get("deliveries") or [{}]
        assert isinstance(delivered, list)
        at_ms = delivered[0].get("at_ms")
        found.append(
            views.Candidate(
                entity=at.named(names.get(entity), lang),
                copy_id=None if copy is None else str(copy),
                purpose=purpose.label(lang) if purpose else None,
                delivered_at_ms=None if at_ms is None else int(at_ms),
                log10_e=_number(one["log10_e"]),
                named=(entity, copy) in accused or entity in entities,
            )
        )
    return tuple(found)


def _copy_proof(row: Trace, about: Mapping[str, object], size: int) -> Proof | None:
    delivered = about.get("deliveries")
    if not isinstance(delivered, list) or not delivered:
        return None
    first, number = delivered[0], delivered[0].get("number")
    copy = str(about["copy"])
    return Proof(
        state="anchored" if number is not None and number < size else "pending",
        subject="delivery",
        at_ms=int(first["at_ms"]),
        receipt_number=number,
        facts=(
            ProofFact(name="copy", value=copy),
            ProofFact(name="grant", value=str(about["grant_digest"])),
        ),
        bundle_url=None if number is None else f"/regulator/traces/{at.segment(row.id)}/evidence/{at.segment(copy)}",
    )

"""Pages of a regulator: trace a leaked file, read the verdict with its proof, watch the log."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from api import locale
from api.errors import ApiError
from api.http.app import MANY
from api.http.auth import ContextDep
from api.http.errors import STATUS, as_api_error
from api.http.forms import download
from api.http.language import preferred_language
from api.http.v1.trace_jobs import handed
from api.locale import Lang, format_number, translator
from api.policy.copy_states import CopyState
from api.portals import frame as at
from api.portals import trace_jobs as job_pages
from api.portals.copies import copy_line
from api.portals.looked import day_of
from api.portals.recorded import Record, record, witness_lines
from api.portals.render import respond
from api.portals.views import regulator as views
from api.portals.views.common import FormError, Proof, ProofFact
from api.services import copies, log, parties, receipting, trace_jobs, trace_reports, traces
from api.services.context import Actor, Context
from api.services.trace_candidates import MAX_CLUE, MAX_LOOKED_AT, Clues, Search
from api.services.trace_wording import layers_in_words, looked_in_words, wording_of
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
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    files: Annotated[list[UploadFile], File()],
    number: Annotated[str, Form(max_length=MAX_CLUE)] = "",
    since: Annotated[str, Form(max_length=10)] = "",
    until: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Examine one file at once, or begin a run of several, in which each has its verdict or its reason."""
    clues = Clues.of_days(number, day_of(since), day_of(until))
    try:
        if len(files) > 1:
            begun = trace_jobs.create(ctx, actor, handed(files), clues, begin=True)
            return at.see_other(job_pages.url_of(begun.job.id))
        suspect = Suspect(files[0].filename or "", files[0].file.read())
        done = traces.examine_file(ctx, actor, suspect, Search(ctx, clues))
    except (WatermarkError, ApiError) as error:
        ours = as_api_error(error)
        reason = at.said(ours, preferred_language(request))
        return _traces_page(request, ctx, actor, None, reason, int(STATUS[ours.kind]))
    return at.see_other(f"/regulator/traces/{at.segment(done.id)}")


@router.get("/traces/{trace_id}")
def verdict(request: Request, ctx: ContextDep, actor: at.Inspector, trace_id: str) -> Response:
    """One verdict."""
    row = traces.get(ctx, actor, trace_id)
    view = _verdict(ctx, actor, row, preferred_language(request))
    return respond("regulator/trace.html", view, at.frame(request, ctx, "regulator", "traces", actor))


@router.get("/traces/{trace_id}/report.json")
def report(ctx: ContextDep, actor: at.Inspector, trace_id: str) -> Response:
    """The tracer's report, sealed, with all that is needed to compute its scores again."""
    row = traces.get(ctx, actor, trace_id)
    return download(traces.sealed_report(row), "application/json", f"{row.id}.json")


@router.get("/traces/{trace_id}/report.html")
def report_page(request: Request, ctx: ContextDep, actor: at.Inspector, trace_id: str) -> Response:
    """The report as a page of its own, with a control of codes that were never issued."""
    return _as_page(request, ctx, actor, trace_id, None)


@router.get("/traces/{trace_id}/report.pdf")
def report_pdf(request: Request, ctx: ContextDep, actor: at.Inspector, trace_id: str) -> Response:
    """The report as a PDF in the reader's language."""
    return _as_pdf(request, ctx, actor, trace_id, None)


@router.post("/traces/{trace_id}/report")
def report_with_pictures(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    trace_id: str,
    files: Annotated[UploadFile, File()],
    form: Annotated[Literal["pdf", "html"], Form()] = "pdf",
) -> Response:
    """The report with suspect and original side by side: the examined file, given again, is compared once more."""
    suspect = Suspect(files.filename or "", files.file.read())
    make = _as_pdf if form == "pdf" else _as_page
    try:
        return make(request, ctx, actor, trace_id, suspect)
    except (WatermarkError, ApiError) as error:
        ours = as_api_error(error)
        lang = preferred_language(request)
        view = _verdict(ctx, actor, traces.get(ctx, actor, trace_id), lang, at.said(ours, lang))
        frame = at.frame(request, ctx, "regulator", "traces", actor)
        return respond("regulator/trace.html", view, frame, int(STATUS[ours.kind]))


def _as_page(request: Request, ctx: Context, actor: Actor, trace_id: str, suspect: Suspect | None) -> Response:
    made = trace_reports.as_page(ctx, actor, trace_id, str(request.base_url).rstrip("/"), suspect)
    return download(made, "text/html; charset=utf-8", f"{trace_id}.html")


def _as_pdf(request: Request, ctx: Context, actor: Actor, trace_id: str, suspect: Suspect | None) -> Response:
    lang = preferred_language(request)
    wording = wording_of(ctx, traces.get(ctx, actor, trace_id).report, lang)
    made = trace_reports.as_pdf(ctx, actor, trace_id, wording, suspect)
    return download(made, "application/pdf", f"{trace_id}.pdf")


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
        witnesses=witness_lines(seen),
        delay=record(ctx, lang).of_head(seen.newest).delay,
    )
    return respond("regulator/log.html", view, at.frame(request, ctx, "regulator", "log", actor))


def _traces_page(
    request: Request,
    ctx: Context,
    actor: Actor,
    cursor: str | None,
    error: FormError | None,
    status: int,
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
        max_together=ctx.settings.max_upload_bytes * MANY,
        max_files=trace_jobs.MAX_FILES,
        max_clue=MAX_CLUE,
        max_looked_at=MAX_LOOKED_AT,
        error=error,
        pager=at.older("/regulator", page.next_cursor, cursor=cursor),
        jobs=() if cursor else tuple(job_pages.line(one) for one in trace_jobs.list_own(ctx, actor).items),
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


def _named(report: Mapping[str, object], names: Mapping[str, Party], lang: Lang) -> tuple[views.Named, ...]:
    return tuple(
        views.Named(
            entity=at.named(names.get(str(one["entity"])), lang),
            copy_id=None if one["copy"] is None else str(one["copy"]),
            log10_e=_number(one["log10_e"]),
            entity_log10=_power(one.get("bound")),
            copy_log10=_power(one.get("copy_bound")),
        )
        for one in _objects(report, "accused")
    )


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _power(bound: object) -> float | None:
    return math.log10(_number(bound)) if bound else None


def _verdict(ctx: Context, actor: Actor, row: Trace, lang: Lang, error: FormError | None = None) -> views.Trace:
    told, names = row.report, _names(ctx)
    labels = translator(lang)
    now = record(ctx, lang)
    receipt = None if row.receipt_id is None else receipting.get(ctx, actor, row.receipt_id)
    named = _objects(told, "named")
    facts = (
        views.TraceFact(label=labels.gettext("Kind of file"), value=str(told["kind"])),
        views.TraceFact(label=labels.gettext("Fingerprint"), value=str(told["file_sha256"]), mono=True),
        views.TraceFact(label=labels.gettext("Copies compared"), value=format_number(_number(told["n"]), lang)),
        views.TraceFact(label=labels.gettext("Version of the tracer"), value=str(told["marker"])),
    )
    copy_proof = None
    if named:
        copy_proof = _copy_proof(row, named[0], now)
    return views.Trace(
        id=row.id,
        outcome=row.outcome,
        level=None if told.get("level") is None else str(told["level"]),
        accused=_accused(told, names, lang),
        named=_named(told, names, lang),
        bound_log10=_power(told.get("bound")),
        examined=int(_number(told["n"])),
        remarks=(*_remarks(told, lang), *_deletions(named, lang)),
        at_ms=row.created_at_ms,
        facts=facts,
        candidates=_candidates(ctx, told, names, lang),
        layers=tuple(views.Layer(name=name, weight=weight) for name, weight in layers_in_words(told, lang)),
        copy_proof=copy_proof,
        trace_proof=None
        if receipt is None
        else at.receipt_proof(receipt, now, "trace", f"/regulator/receipts/{at.segment(receipt.id)}/bundle"),
        report_url=f"/regulator/traces/{at.segment(row.id)}/report.json",
        page_url=f"/regulator/traces/{at.segment(row.id)}/report.html",
        pdf_url=f"/regulator/traces/{at.segment(row.id)}/report.pdf",
        pictures_url=f"/regulator/traces/{at.segment(row.id)}/report" if named else None,
        max_bytes=ctx.settings.max_upload_bytes,
        error=error,
    )


def _remarks(told: Mapping[str, object], lang: Lang) -> tuple[str, ...]:
    """The tracer's wording, beyond the one for the outcome itself, which the page's heading says."""
    codes = told.get("codes", [])
    assert isinstance(codes, list)
    outcome = f"watermark.trace.{told['outcome']}"
    said = (locale.error_text(str(code), lang) for code in codes if code != outcome)
    return (*said, *looked_in_words(told, lang))


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


def _copy_proof(row: Trace, about: Mapping[str, object], now: Record) -> Proof | None:
    delivered = about.get("deliveries")
    if not isinstance(delivered, list) or not delivered:
        return None
    first, number = delivered[0], delivered[0].get("number")
    copy = str(about["copy"])
    seen = now.of_number(number, int(first["at_ms"]))
    return Proof(
        state=seen.state,
        delay=seen.delay,
        subject="delivery",
        at_ms=int(first["at_ms"]),
        receipt_number=number,
        facts=(
            ProofFact(name="copy", value=copy),
            ProofFact(name="grant", value=str(about["grant_digest"])),
        ),
        bundle_url=None if number is None else f"/regulator/traces/{at.segment(row.id)}/evidence/{at.segment(copy)}",
    )

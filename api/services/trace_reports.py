"""A trace's report for the file of a case: as a page and as a PDF, with pictures where the file is given again.

The service keeps no suspect file. Pictures of suspect and original side by side need it, so whoever wants them hands
the same file in once more; they are made for this one answer and kept nowhere. They show the original, so they are
given only where the verdict names a copy, and every holder whose data they show learns that a regulator looked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.documents.pdf_writer import GreyJpeg
from api.documents.trace_report import CopyProof, ShownPicture, TraceReportView, render_trace_report
from api.documents.trace_words import report_text
from api.errors import ApiError, Kind
from api.locale import Lang, format_datetime
from api.services import evidence, looks, traces
from api.services.context import Actor, Context
from api.services.traces import NAMED, Suspect
from api.store import Session, read_only
from api.store.queries import copies, erasures, receipts
from api.store.tables import Trace
from chain.note import parse_checkpoint
from watermark.aligned import Aligned, aligned
from watermark.examine import examine
from watermark.forgetting import forget
from watermark.report import read_report
from watermark.report_page import CopyLinks, figure_of, report_page
from watermark.rescore import control_for
from watermark.words import Lang as WordsLang

DECOYS = 1_000_000
"""Codes that were never issued, scored for a report's control: some two seconds of processor for an A4 page."""

TABLE_DECOYS = 200_000
"""The same where orders of rows and names are weighed: forty records of JSON take 25 seconds for a million."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What the caller knows in words: names of entities by id, names of layers, further remarks."""

    lang: Lang
    names: Mapping[str, str]
    layers: Sequence[tuple[str, float]]
    remarks: Sequence[str]


def as_page(ctx: Context, actor: Actor, trace_id: str, base_url: str, suspect: Suspect | None = None) -> bytes:
    """The report as a page of its own. Raises `traces.not_found`, `traces.other_file`."""
    row = traces.get(ctx, actor, trace_id)
    places = _places(ctx, actor, row, suspect)
    links = []
    for one in _named(row):
        delivered = _objects(one["deliveries"])[:1]
        proof = f"{base_url}/regulator/traces/{row.id}/evidence/{one['copy']}"
        links += [CopyLinks(str(one["copy"]), f"#{first['number']}", proof, proof) for first in delivered]
    figures = None if places is None else [figure_of(one) for one in places]
    return report_page(_document(row), row.id, links=links, figures=figures).encode()


def as_pdf(ctx: Context, actor: Actor, trace_id: str, wording: Wording, suspect: Suspect | None = None) -> bytes:
    """The report as a PDF in one language. Raises as `as_page`, and `documents.missing_glyph`."""
    row = traces.get(ctx, actor, trace_id)
    places = _places(ctx, actor, row, suspect)
    with read_only(ctx.db) as session:
        proofs = [_proof(ctx, session, one, wording.lang) for one in _named(row)]
    return render_trace_report(
        TraceReportView(
            _words_in(wording.lang),
            row.id,
            format_datetime(row.created_at_ms, wording.lang),
            _document(row),
            wording.names,
            wording.layers,
            wording.remarks,
            None if places is None else [_picture(one, wording.lang) for one in places],
            proofs,
        )
    )


def _document(row: Trace) -> dict[str, object]:
    """The tracer's report with a control of codes that were never issued."""
    document = traces.tracers_report(row)
    found = control_for(read_report(traces.sealed_report(row)), DECOYS, TABLE_DECOYS)
    if found is not None:
        document["control"] = found.to_dict()
    return document


def _named(row: Trace) -> list[Mapping[str, object]]:
    return _objects(row.report.get(NAMED, []))


def _objects(value: object) -> list[Mapping[str, object]]:
    assert isinstance(value, list)
    return value


def _places(ctx: Context, actor: Actor, row: Trace, suspect: Suspect | None) -> list[Aligned] | None:
    """Where the file shows the original of the first copy named; None without the file."""
    if suspect is None:
        return None
    if traces.file_sha256(suspect.data) != row.file_sha256:
        raise ApiError("traces.other_file", Kind.CONFLICT)
    named = _named(row)
    if not named:
        return []
    examined = examine(suspect.data, suspect.name)
    with read_only(ctx.db) as session:
        copy = copies.get_copy(session, str(named[0]["copy"]))
        assert copy is not None
        content = copies.content_of_copy(session, copy)
        if not content.original_enc:
            return []
        original = copies.open_original(erasures.content_key(session, ctx.vault, content), content)
        about = traces.whose(session, row.report)
    looks.by_regulator(ctx, actor, "trace", about, {"trace": row.id})
    try:
        return aligned(examined, original, content.media_type)
    finally:
        forget()


def _picture(one: Aligned, lang: Lang) -> ShownPicture:
    figure = figure_of(one)
    columns, rows = one.size
    original, suspect, beyond = (GreyJpeg(data, columns, rows) for data in one.pictures)
    return ShownPicture(report_text(figure.caption, _words_in(lang), figure.facts), (original, suspect, beyond))


def _words_in(lang: Lang) -> WordsLang:
    """The tracer's own texts know two languages by shorter names."""
    return "zh" if lang == "zh-Hans" else "en"


def _proof(ctx: Context, session: Session, one: Mapping[str, object], lang: Lang) -> CopyProof:
    """What the ledger and the chain hold of a copy's first delivery."""
    copy_id = str(one["copy"])
    deliveries = _objects(one["deliveries"])
    receipt = receipts.get_receipt(session, str(deliveries[0]["receipt"])) if deliveries else None
    facts = [("page.entity", str(one["entity_zh" if lang == "zh-Hans" else "entity_en"]))]
    code = str(one["purpose"])
    purpose = ctx.catalogue.statutory_bases.get(code) or ctx.catalogue.purposes.get(code)
    facts.append(("page.purpose", code if purpose is None else purpose.label(lang)))
    facts.append(("page.case", str(one["case_no"] or "—")))
    if receipt is None or receipt.number is None:
        return CopyProof(copy_id, _worded(facts, lang), waiting=True)
    try:
        made = evidence.receipt_bundle(ctx, session, receipt)
    except ApiError as error:
        if error.code != "store.erased":
            raise
        return CopyProof(copy_id, _worded(facts, lang), waiting=False)
    assert made.receipt is not None
    facts += [
        ("page.delivered", format_datetime(receipt.at_ms, lang)),
        ("page.receipt_number", f"{receipt.number}  ({receipt.id})"),
        ("page.commitment", "0x" + made.receipt.commitment.hex()),
    ]
    if made.mark is not None:
        facts.append(("page.code", str(made.mark.document["code_sha256"])))
    facts.append(("page.log", made.receipt.log))
    if made.log is None:
        return CopyProof(copy_id, _worded(facts, lang), waiting=True)
    head = parse_checkpoint(made.log.checkpoint.split("\n\n")[0] + "\n")
    facts += [
        ("page.checkpoint", str(head.size)),
        ("page.root", "0x" + head.root.hex()),
        ("page.path", report_text("page.path_length", _words_in(lang), {"count": len(made.log.proof)})),
        ("page.contract", f"0x{made.contracts['ReceiptLog'].hex()}  (chain {made.chain_id})"),
    ]
    return CopyProof(copy_id, _worded(facts, lang), waiting=False)


def _worded(facts: Sequence[tuple[str, str]], lang: Lang) -> list[tuple[str, str]]:
    return [(report_text(code, _words_in(lang)), value) for code, value in facts]

"""The report of a trace as a PDF, Chinese or English: verdict, numbers, control, pictures, receipts and their proof.

The same facts as the report's JSON, set for reading and for the file of a case; the JSON is what can be computed again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.documents.certificate import INK, LINE, MUTED, PALE, PRIMARY
from api.documents.control_drawing import HEIGHT as CONTROL_HEIGHT
from api.documents.control_drawing import draw_control
from api.documents.fonts import Typeface
from api.documents.pdf_writer import A4, Align, GreyJpeg, Page, PdfDocument, Style, rgb
from api.documents.text_layout import wrap
from api.documents.trace_words import report_text
from watermark.report_page import bound_text
from watermark.words import Lang

_LEFT, _RIGHT = 48.0, A4[0] - 48.0
_WIDTH = _RIGHT - _LEFT
_TOP, _BOTTOM = A4[1] - 50.0, 58.0
_TEXT = Style(9.5, INK)
_SMALL = Style(8, MUTED)
_STRONG = Style(9.5, INK, weight=0.12)
_HASH = Style(8.3, INK)
_HEAD = Style(8, MUTED)
_LEADING = 13.5
_PAD = 5.0
_GAP = 8.0
_RANKED = 15
_NUMBER = frozenset({"page.rank", "page.log10_e"})
_TONES = {"identified": rgb("#B3261E"), "suspect": rgb("#8A5A00")}
_PARTS = ("page.picture_original", "page.picture_suspect", "page.picture_difference")


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """Original, suspect and difference of one place; all of one size. `caption`: in words."""

    caption: str
    parts: tuple[GreyJpeg, GreyJpeg, GreyJpeg]


@dataclass(frozen=True, slots=True)
class CopyProof:
    """What the ledger holds of a copy that is named: (label, value) in words; `waiting` until the chain has it."""

    copy_id: str
    facts: Sequence[tuple[str, str]]
    waiting: bool


@dataclass(frozen=True, slots=True)
class TraceReportView:
    """What the report shows.

    `document`: the tracer's report (docs/formats.md), with `control` if there is one. `names`: of entities by id.
    `layers`: of the strongest candidate, in words, with log10 E. `remarks`: further lines in words. `pictures` is None
    where nobody gave the file again.
    """

    lang: Lang
    trace_id: str
    examined: str
    document: Mapping[str, Any]
    names: Mapping[str, str]
    layers: Sequence[tuple[str, float]]
    remarks: Sequence[str] = ()
    pictures: Sequence[ShownPicture] | None = None
    proofs: Sequence[CopyProof] = ()


def render_trace_report(view: TraceReportView) -> bytes:
    """The report as a PDF; the same view gives the same bytes. Raises ApiError `documents.missing_glyph`."""
    sheet = _Sheet(view.lang, PdfDocument(report_text("page.title", view.lang, {"file": view.trace_id})))
    _head(sheet, view)
    _accused(sheet, view)
    _facts(sheet, "page.numbers", _numbers(view))
    _layers(sheet, view)
    _control(sheet, view)
    _pictures(sheet, view)
    _proofs(sheet, view)
    _ranked(sheet, view)
    _check(sheet, view)
    sheet.number_pages(view.trace_id)
    return sheet.document.to_bytes()


class _Sheet:
    """Where on which page the next thing goes."""

    def __init__(self, lang: Lang, document: PdfDocument) -> None:
        self.lang = lang
        self.document = document
        self.page: Page = document.page()
        self.y = _TOP

    def said(self, code: str, facts: Mapping[str, str | int | float] | None = None) -> str:
        """The words of a code."""
        return report_text(code, self.lang, facts)

    def room(self, height: float) -> None:
        """Makes sure that `height` fits above the foot."""
        if self.y - height < _BOTTOM:
            self.page = self.document.page()
            self.y = _TOP

    def heading(self, code: str, following: float = 60.0) -> None:
        """A heading that stays with what follows it."""
        self.room(34 + following)
        self.y -= 24
        self.page.text(_LEFT, self.y, self.said(code), Style(12, INK, weight=0.25))
        self.page.line(_LEFT, self.y - 6, _RIGHT, self.y - 6, PRIMARY, 1.0)
        self.y -= 12

    def paragraph(self, words: str, style: Style = _TEXT, indent: float = 0.0) -> None:
        """Lines of text."""
        for line in wrap(words, style, _WIDTH - 2 * indent):
            self.room(_LEADING)
            self.page.text(_LEFT + indent, self.y - 10, line, style)
            self.y -= style.size + 4

    def number_pages(self, trace_id: str) -> None:
        pages = self.document.pages
        for number, page in enumerate(pages, start=1):
            page.line(_LEFT, _BOTTOM - 12, _RIGHT, _BOTTOM - 12, LINE, 0.5)
            page.text(_LEFT, _BOTTOM - 23, self.said("page.foot"), Style(7, MUTED))
            page.text(_RIGHT, _BOTTOM - 23, f"{trace_id}   {number} / {len(pages)}", Style(7, MUTED), Align.RIGHT)


def _head(sheet: _Sheet, view: TraceReportView) -> None:
    document = view.document
    page = sheet.page
    title = "溯源报告" if view.lang == "zh" else "Trace report"
    other = "Trace report" if view.lang == "zh" else "溯源报告"
    page.text(_LEFT, sheet.y - 20, title, Style(22, INK, Typeface.SERIF, weight=0.35))
    page.text(_LEFT, sheet.y - 36, other, Style(9, MUTED, Typeface.SERIF))
    page.text(_RIGHT, sheet.y - 12, f"{sheet.said('page.number')}  {view.trace_id}", _SMALL, Align.RIGHT)
    page.text(_RIGHT, sheet.y - 25, f"{sheet.said('page.examined')}  {view.examined}", _SMALL, Align.RIGHT)
    sheet.y -= 52
    outcome = str(document["outcome"])
    colour = _TONES.get(outcome, PRIMARY)
    said = [*(sheet.said(str(code)) for code in document["codes"]), *view.remarks, sheet.said("page.not_excluded")]
    lines = [line for words in said for line in wrap(words, _TEXT, _WIDTH - 34)]
    height = 34 + len(lines) * _LEADING
    sheet.room(height)
    page.box(_LEFT, sheet.y - height, _WIDTH, height, fill=PALE)
    page.box(_LEFT, sheet.y - height, 4, height, fill=colour)
    page.text(_LEFT + 16, sheet.y - 20, sheet.said("page.outcome." + outcome), Style(15, colour, weight=0.3))
    for at, line in enumerate(lines):
        page.text(_LEFT + 16, sheet.y - 37 - at * _LEADING, line, _TEXT)
    sheet.y -= height + 2


def _table(sheet: _Sheet, heads: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float]) -> None:
    """A table whose columns take these shares of the width; cells break into lines, numbers stand right."""
    widths = [share / sum(shares) * _WIDTH for share in shares]

    def row(cells: Sequence[str], style: Style) -> float:
        broken = [wrap(cell, style, width - 2 * _PAD) for cell, width in zip(cells, widths, strict=True)]
        height = max(map(len, broken)) * (style.size + 3.5) + 5
        sheet.room(height)
        left = _LEFT
        for head, lines, width in zip(heads, broken, widths, strict=True):
            for at, line in enumerate(lines):
                y = sheet.y - style.size - 2.5 - at * (style.size + 3.5)
                right = head in _NUMBER
                x = left + width - _PAD if right else left + _PAD
                sheet.page.text(x, y, line, style, Align.RIGHT if right else Align.LEFT)
            left += width
        sheet.y -= height
        return height

    row([sheet.said(head) for head in heads], _HEAD)
    sheet.page.line(_LEFT, sheet.y, _RIGHT, sheet.y, PRIMARY, 0.5)
    for cells in rows:
        row(cells, _TEXT)
        sheet.page.line(_LEFT, sheet.y, _RIGHT, sheet.y, LINE, 0.5)


def _facts(sheet: _Sheet, heading: str | None, facts: Sequence[tuple[str, str]]) -> None:
    """Labels left, values right."""
    if heading is not None:
        sheet.heading(heading)
    for label, value in facts:
        style = _HASH if value.startswith("0x") else _TEXT
        lines = wrap(value, style, _WIDTH - 170 - _PAD)
        names = wrap(label, _HEAD, 160)
        height = max(len(lines), len(names)) * _LEADING + 4
        sheet.room(height)
        for at, line in enumerate(names):
            sheet.page.text(_LEFT + _PAD, sheet.y - 11.5 - at * _LEADING, line, _HEAD)
        for at, line in enumerate(lines):
            sheet.page.text(_LEFT + 170, sheet.y - 11.5 - at * _LEADING, line, style)
        sheet.y -= height
        sheet.page.line(_LEFT, sheet.y, _RIGHT, sheet.y, LINE, 0.5)


def _entity(view: TraceReportView, entity_id: str) -> str:
    name = view.names.get(entity_id)
    return f"{name} ({entity_id})" if name else entity_id


def _accused(sheet: _Sheet, view: TraceReportView) -> None:
    sheet.heading("page.accused")
    if not view.document["accused"]:
        sheet.paragraph(sheet.said("page.none_named"), indent=_PAD)
        return
    ranks = {one["copy"]: number for number, one in enumerate(view.document["ranked"], 1)}
    rows = [
        (
            _entity(view, str(one["entity"])),
            str(one["copy"] or "—"),
            str(ranks.get(one["copy"], "—")),
            f"{float(one['log10_e']):.1f}",
            bound_text(one.get("bound")),
            bound_text(one.get("copy_bound")),
        )
        for one in view.document["accused"]
    ]
    heads = ["page.entity", "page.copy", "page.rank", "page.log10_e", "page.entity_bound", "page.copy_bound"]
    _table(sheet, heads, rows, (4, 3.6, 1, 1.4, 1.7, 1.7))


def _numbers(view: TraceReportView) -> list[tuple[str, str]]:
    document, lang = view.document, view.lang
    level = document["level"]
    values = {
        "page.n": f"{int(document['n']):,}",
        "page.bound": bound_text(document["bound"]),
        "page.level": report_text(f"page.{level}", lang) if level else "—",
        "page.kind": str(document["kind"]),
        "page.sha256": str(document["file_sha256"]),
        "page.contents": ", ".join(map(str, document["contents"])) or "—",
        "page.fits": str(len(document["fits"])),
        "page.marker": str(document["marker"]),
    }
    return [(report_text(code, lang), value) for code, value in values.items()]


def _layers(sheet: _Sheet, view: TraceReportView) -> None:
    if view.layers:
        sheet.heading("page.layers")
        rows = [(name, f"{weight:.1f}") for name, weight in view.layers]
        _table(sheet, ["page.layer", "page.log10_e"], rows, (5, 1.4))


def _control(sheet: _Sheet, view: TraceReportView) -> None:
    control = view.document.get("control")
    if not control:
        return
    sheet.heading("page.control", CONTROL_HEIGHT + 40)
    facts = {"decoys": f"{int(control['decoys']):,}", "highest": f"{float(control['highest']):.2f}"}
    sheet.paragraph(sheet.said("page.control_says", facts), _SMALL)
    named = [(str(one["copy"] or one["entity"]), float(one["log10_e"])) for one in view.document["accused"]]
    draw_control(sheet.page, control, named, (_LEFT, sheet.y - CONTROL_HEIGHT - 4), _WIDTH)
    sheet.y -= CONTROL_HEIGHT + 8


def _pictures(sheet: _Sheet, view: TraceReportView) -> None:
    if view.pictures is None:
        return
    side = (_WIDTH - 2 * _GAP) / 3
    heights = [side * one.parts[0].rows / one.parts[0].columns for one in view.pictures]
    sheet.heading("page.pictures", 60.0 + (min(heights[0], 300.0) if heights else 0.0))
    if not view.pictures:
        sheet.paragraph(sheet.said("page.no_pictures"))
        return
    sheet.paragraph(sheet.said("page.pictures_say"), _SMALL)
    for one, full in zip(view.pictures, heights, strict=True):
        width = side * min(1.0, (_TOP - _BOTTOM - 90) / full)
        height = full * width / side
        sheet.room(height + 40)
        sheet.y -= 6
        sheet.page.text(_LEFT, sheet.y - 9, one.caption, _STRONG)
        sheet.y -= 17
        for at, (picture, code) in enumerate(zip(one.parts, _PARTS, strict=True)):
            x = _LEFT + at * (side + _GAP)
            sheet.page.picture(picture, x, sheet.y - height, width)
            sheet.page.box(x, sheet.y - height, width, height, stroke=LINE)
            sheet.page.text(x, sheet.y - height - 10, sheet.said(code), _SMALL)
        sheet.y -= height + 16


def _proofs(sheet: _Sheet, view: TraceReportView) -> None:
    if not view.proofs:
        return
    sheet.heading("page.receipts")
    for proof in view.proofs:
        _facts(sheet, None, [(sheet.said("page.copy"), proof.copy_id), *proof.facts])
        if proof.waiting:
            sheet.paragraph(sheet.said("page.waiting"), _SMALL)
        sheet.y -= 6
    sheet.paragraph(sheet.said("page.proof_says"), _SMALL)


def _ranked(sheet: _Sheet, view: TraceReportView) -> None:
    rows = [
        (str(number), _entity(view, str(one["entity"])), str(one["copy"] or "—"), f"{float(one['log10_e']):.1f}")
        for number, one in enumerate(view.document["ranked"][:_RANKED], 1)
    ]
    if rows:
        sheet.heading("page.ranked")
        _table(sheet, ["page.rank", "page.entity", "page.copy", "page.log10_e"], rows, (1, 5, 4, 1.4))


def _check(sheet: _Sheet, view: TraceReportView) -> None:
    sheet.heading("page.check", 50)
    sheet.paragraph(sheet.said("page.rescore"), indent=_PAD)
    sheet.paragraph(str(view.document["seal"]), _HASH, indent=_PAD)

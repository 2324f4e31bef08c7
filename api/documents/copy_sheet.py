"""An entity's copy as a PDF: the granted fields and nothing else, with who may use them and for what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from api.catalogue.model import Catalogue, Field, FieldKind, TypeSchema
from api.documents.certificate import CLEAR, INK, LINE, MUTED, PALE, PRIMARY, grouped, qr_modules
from api.documents.copies import CopyRecord, ordered
from api.documents.fonts import Typeface
from api.documents.pdf_writer import A4, Align, Page, PdfDocument, Style, rgb
from api.documents.text_layout import wrap

_LEFT, _RIGHT = 48.0, A4[0] - 48.0
_WIDTH = _RIGHT - _LEFT
_TOP, _BOTTOM = A4[1] - CLEAR - 14, CLEAR + 30
_HEAD = Style(8, MUTED)
_HEAD_EN = Style(6.5, MUTED)
_CELL = Style(9.5, INK)
_TABLE_CELL = Style(8.6, INK)
_LEADING = 13.0
_PAD = 5.0
_STRIPE = rgb("#F7F9FA")
_QR = 62.0
COPY_SEAL_SPOT = (_RIGHT - 34.0, _TOP - 26.0)
"""The middle of the platform's copy seal on the first page, which has room there without a code to verify by."""


@dataclass(frozen=True, slots=True)
class CopyHeader:
    """For whom and for what a copy is. `made_on` and `keep_until` are texts ready to be shown."""

    entity_zh: str
    entity_en: str
    purpose_zh: str
    purpose_en: str
    case_no: str | None
    made_on: str
    grant_id: str
    keep_until: str = ""


@dataclass(frozen=True, slots=True)
class CopySheetView:
    """What a sheet shows.

    With `header` None the sheet depends on the records alone, so copies for different entities can share one
    original, as the tracer's *content* wants it; the marked copy's visible line then names the entity.
    """

    records: Sequence[CopyRecord]
    catalogue: Catalogue
    header: CopyHeader | None = None
    verify_url: str | None = None


def render_copy_sheet(view: CopySheetView) -> bytes:
    """The sheet as a PDF; the same view gives the same bytes. 14 mm stay free at the top and bottom of each page.

    Several records of one type stand in one table where its columns fit, else each as label and value. Raises
    ApiError `documents.no_records`, `documents.missing_glyph`, `catalogue.unknown_field`.
    """
    pairs = ordered(view.records, view.catalogue)
    sheet = _Sheet(PdfDocument("数据副本 Data copy"))
    sheet.begin(view)
    for code, group in groupby(pairs, key=lambda pair: pair[0].code):
        schema = view.catalogue.ready_type(code)
        _section(sheet, schema, [record for _, record in group])
    sheet.number_pages()
    return sheet.document.to_bytes()


class _Sheet:
    """Where on which page the next thing goes."""

    def __init__(self, document: PdfDocument) -> None:
        self.document = document
        self.page: Page = document.page()
        self.y = _TOP

    def begin(self, view: CopySheetView) -> None:
        page = self.page
        page.text(_LEFT, self.y - 22, "数据副本", Style(22, INK, Typeface.SERIF, weight=0.35))
        page.text(_LEFT, self.y - 38, "Data copy released by its holder", Style(9, MUTED, Typeface.SERIF))
        if view.verify_url is not None:
            page.modules(qr_modules(view.verify_url), _RIGHT - _QR, self.y - _QR, _QR, INK)
            page.text(_RIGHT - _QR - 8, self.y - _QR + 1, "扫码核验 Scan to verify", Style(7, MUTED), Align.RIGHT)
            self.y -= _QR - 46
        self.y -= 56
        if view.header is not None:
            self._header(view.header)

    def _header(self, header: CopyHeader) -> None:
        entries = [
            ("仅供", "Only for", f"{header.entity_zh}  {header.entity_en}".strip()),
            ("用途", "Purpose", f"{header.purpose_zh}  {header.purpose_en}".strip()),
            ("案件编号", "Case", header.case_no or "—"),
            ("取用日期", "Released on", header.made_on),
            ("授权编号", "Grant", header.grant_id),
        ]
        if header.keep_until:
            entries.append(("最迟删除", "Delete by", header.keep_until))
        wrapped = [(zh, en, wrap(value, _CELL, _WIDTH - 128)) for zh, en, value in entries]
        height = sum(len(lines) * _LEADING + 5 for _, _, lines in wrapped) + 13
        self.page.box(_LEFT, self.y - height, _WIDTH, height, fill=PALE)
        self.page.box(_LEFT, self.y - height, 3, height, fill=PRIMARY)
        y = self.y - 8
        for zh, en, lines in wrapped:
            used = self.page.text(_LEFT + 14, y - 9.5, zh, Style(8.5, MUTED))
            self.page.text(_LEFT + 14 + used + 4, y - 9.5, en, _HEAD_EN)
            for line in lines:
                self.page.text(_LEFT + 116, y - 9.5, line, _CELL)
                y -= _LEADING
            y -= 5
        self.y -= height + 12

    def room(self, height: float) -> bool:
        """Makes sure that `height` fits above the foot; True where a new page was begun."""
        if self.y - height >= _BOTTOM:
            return False
        self.page = self.document.page()
        self.y = _TOP
        return True

    def number_pages(self) -> None:
        pages = self.document.pages
        note = "本副本只可用于持有人授权的用途，不得转给他人。 For the granted purpose only; not to be passed on."
        for number, page in enumerate(pages, start=1):
            page.line(_LEFT, _BOTTOM - 8, _RIGHT, _BOTTOM - 8, LINE, 0.5)
            page.text(_LEFT, _BOTTOM - 19, note, Style(7, MUTED))
            page.text(_RIGHT, _BOTTOM - 19, f"{number} / {len(pages)}", Style(7, MUTED), Align.RIGHT)


def _shown(field: Field, record: CopyRecord) -> str:
    value = record.values[field.name]
    return grouped(value) if value and field.kind in (FieldKind.ID_NUMBER, FieldKind.USCC) else field.display(value)


def _section(sheet: _Sheet, schema: TypeSchema, records: list[CopyRecord]) -> None:
    # Records with different fields granted can't share a table.
    for names, group in groupby(records, key=lambda record: tuple(sorted(record.values))):
        fields = [field for field in schema.all_fields if field.name in names]
        same = list(group)
        widths = _column_widths(fields, same) if len(same) > 1 else None
        _heading(sheet, schema, same, 90)
        if widths is not None:
            _table(sheet, fields, same, widths)
        else:
            for record in same:
                _block(sheet, fields, record)
        sheet.y -= 14


def _heading(sheet: _Sheet, schema: TypeSchema, records: list[CopyRecord], following: float) -> None:
    sheet.room(30 + following)
    y = sheet.y - 14
    used = sheet.page.text(_LEFT, y, schema.zh, Style(12, INK, weight=0.2))
    used += 6 + sheet.page.text(_LEFT + used + 6, y, schema.en, Style(8.5, MUTED))
    organs = sorted({record.organ_zh for record in records if record.organ_zh})
    if len(organs) == 1:
        sheet.page.text(_RIGHT, y, organs[0], Style(8.5, MUTED), Align.RIGHT)
    sheet.page.line(_LEFT, y - 6, _RIGHT, y - 6, PRIMARY, 1.2)
    sheet.y = y - 6


def _column_widths(fields: Sequence[Field], records: Sequence[CopyRecord]) -> list[float] | None:
    """Widths that fill the page, by what the columns hold; None where a column would become too narrow to read."""
    wanted = []
    least = []
    for field in fields:
        head = max(_HEAD.width(field.zh), _HEAD_EN.width(field.en))
        cells = [_TABLE_CELL.width(_shown(field, record)) for record in records]
        wanted.append(max([head, *cells]) + 2 * _PAD)
        least.append(max(head, min(max(cells), 84)) + 2 * _PAD)
    if sum(least) > _WIDTH:
        return None
    spare = _WIDTH - sum(least)
    lacking = [want - have for want, have in zip(wanted, least, strict=True)]
    total = sum(lacking)
    if total <= 0:
        return [have + spare / len(fields) for have in least]
    return [have + spare * lack / total for have, lack in zip(least, lacking, strict=True)]


def _table(sheet: _Sheet, fields: Sequence[Field], records: Sequence[CopyRecord], widths: Sequence[float]) -> None:
    def head() -> None:
        y = sheet.y
        for field, left, width in _columns(fields, widths):
            sheet.page.text(left + _PAD, y - 12, field.zh, _HEAD)
            sheet.page.text(left + _PAD, y - 20, wrap(field.en, _HEAD_EN, width - 2 * _PAD)[0], _HEAD_EN)
        sheet.y = y - 25
        sheet.page.line(_LEFT, sheet.y, _RIGHT, sheet.y, PRIMARY, 0.5)

    head()
    for number, record in enumerate(records):
        cells = [
            (left, wrap(_shown(field, record), _TABLE_CELL, width - 2 * _PAD))
            for field, left, width in _columns(fields, widths)
        ]
        height = max(len(lines) for _, lines in cells) * _LEADING + 7
        if sheet.room(height):
            head()
        if number % 2:
            sheet.page.box(_LEFT, sheet.y - height, _WIDTH, height, fill=_STRIPE)
        for left, lines in cells:
            for position, line in enumerate(lines):
                sheet.page.text(left + _PAD, sheet.y - 13.5 - position * _LEADING, line, _TABLE_CELL)
        sheet.y -= height
        sheet.page.line(_LEFT, sheet.y, _RIGHT, sheet.y, LINE, 0.5)


def _columns(fields: Sequence[Field], widths: Sequence[float]) -> Iterator[tuple[Field, float, float]]:
    left = _LEFT
    for field, width in zip(fields, widths, strict=True):
        yield field, left, width
        left += width


def _block(sheet: _Sheet, fields: Sequence[Field], record: CopyRecord) -> None:
    """One record, a line for each field: label left, value right."""
    for field in fields:
        lines = wrap(_shown(field, record), _CELL, _WIDTH - 190)
        height = len(lines) * _LEADING + 8
        sheet.room(height)
        used = sheet.page.text(_LEFT + _PAD, sheet.y - 14, field.zh, Style(9, MUTED))
        sheet.page.text(_LEFT + _PAD + used + 5, sheet.y - 14, field.en, _HEAD_EN)
        for position, line in enumerate(lines):
            sheet.page.text(_LEFT + 190, sheet.y - 14 - position * _LEADING, line, _CELL)
        sheet.y -= height
        sheet.page.line(_LEFT, sheet.y, _RIGHT, sheet.y, LINE, 0.5)
    sheet.y -= 8

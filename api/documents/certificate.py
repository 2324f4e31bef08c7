"""A certificate as an A4 page: the holder's own copy of what a department returned."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import segno

from api.catalogue.canonical import OPEN_END
from api.catalogue.model import Field, FieldKind, TypeSchema, display_date
from api.documents.fonts import Typeface
from api.documents.ornament import SEAL_RED, demo_seal, guilloche_band, rosette
from api.documents.pdf_writer import A4, MM, Align, Page, PdfDocument, Style, rgb
from api.documents.text_layout import wrap

INK = rgb("#1B2A33")
MUTED = rgb("#5A6A74")
LINE = rgb("#D3DDE3")
PRIMARY = rgb("#0A5E8C")
PALE = rgb("#E3EEF4")
GUILLOCHE = rgb("#A9CBDD")

CLEAR = 14 * MM
"""Kept free at the top and the bottom of every page for a copy's visible line."""

_LEFT, _RIGHT = 60.0, A4[0] - 60.0
_GUTTER = 24.0
_HALF = (_RIGHT - _LEFT - _GUTTER) / 2
_FRAME = (36.0, CLEAR + 4, A4[0] - 36.0, A4[1] - CLEAR - 4)
_FOOT = 226.0  # rows end above; below stand code, number and seal
_LABEL_ZH = Style(8.5, MUTED)
_LABEL_EN = Style(7, MUTED)
_VALUE = Style(11.5, INK)
_NAME = Style(13.5, INK, weight=0.25)
_LEADING = 16.0
_QR = 84.0


@dataclass(frozen=True, slots=True)
class CertificateView:
    """What a certificate's page shows.

    `values`: canonical values by field name. `organ_zh`/`organ_en`: the issuing office. `verify_url` goes into the
    QR code and must not hold anything personal. `demo` draws the fictitious seal and marks the page as a
    demonstration; without it the page has no seal, since a real one comes from the department's own signer. `elc`: the
    e-certificate identifier, if the certificate has one.

    `sealed`: seals will be set on the finished page, so none is drawn and their places stay free (`seal_spots`).
    `cosigners`: the offices that seal beside the issuer, in order; they get a sheet of their own at the end.
    """

    schema: TypeSchema
    values: Mapping[str, str]
    organ_zh: str
    organ_en: str
    record_id: str
    verify_url: str
    demo: bool = True
    elc: str | None = None
    sealed: bool = False
    cosigners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealSpot:
    """Where the middle of a seal goes: page counted from the end (0 is the last), and points."""

    from_end: int
    x: float
    y: float


def seal_spots(cosigners: int) -> tuple[SealSpot, ...]:
    """The places of all seals of a certificate with so many co-signers: the issuer's first."""
    issuer = SealSpot(1 if cosigners else 0, _RIGHT - 62, _FRAME[1] + 46 + 62)
    return (issuer, *(SealSpot(0, *_sheet_spot(number)) for number in range(cosigners)))


def render_certificate(view: CertificateView) -> bytes:
    """The certificate as a PDF; the same view gives the same bytes. About 10 ms once the faces are loaded.

    Long values make further pages. Raises ApiError `documents.missing_glyph` where a name or value has a character
    that the faces lack.
    """
    document = PdfDocument(f"{view.schema.zh} {view.schema.en}")
    page = document.page()
    _ground(page, view)
    y = _title(page, view)
    rows = _rows(view)
    heights = [max(cell.height for cell in row) for row in rows]
    air = max(0.0, min(11.0, (y - _FOOT - sum(heights)) / len(rows)))  # few fields are spread over the page
    for row, height in zip(rows, (height + air for height in heights), strict=True):
        if y - height < _FOOT:
            page = document.page()
            _ground(page, view)
            y = A4[1] - CLEAR - 60
        for cell in row:
            cell.draw(page, y - air / 2)
        y -= height
        page.line(_LEFT, y, _RIGHT, y, LINE, 0.6)
    _foot(page, view)
    if view.cosigners:
        _seal_sheet(document, view)
    return document.to_bytes()


def grouped(number: str) -> str:
    """A number in groups that the eye can hold: 6-8-4 for an 18-character identity number, else fours."""
    if re.fullmatch(r"\d{17}[\dX]", number):
        return f"{number[:6]} {number[6:14]} {number[14:]}"
    if re.fullmatch(r"[0-9A-Z]{9,}", number):
        return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
    return number


def qr_modules(url: str) -> list[list[int]]:
    """The QR code of `url` as rows of 0 and 1, without the quiet zone."""
    return [list(row) for row in segno.make(url, error="m", micro=False, boost_error=False).matrix]


@dataclass(frozen=True, slots=True)
class _Cell:
    """A field's label above its value, set at x."""

    field: Field
    x: float
    style: Style
    lines: Sequence[str]

    @property
    def height(self) -> float:
        return 21.0 + _LEADING * len(self.lines)

    def draw(self, page: Page, top: float) -> None:
        y = top - 14
        used = page.text(self.x, y, self.field.zh, _LABEL_ZH)
        page.text(self.x + used + 5, y, self.field.en, _LABEL_EN)
        for line in self.lines:
            y -= _LEADING
            page.text(self.x, y, line, self.style)


def _rows(view: CertificateView) -> list[list[_Cell]]:
    """Fields in schema order, two to a row where both are short."""
    rows: list[list[_Cell]] = []
    half_open = False
    for field in view.schema.fields:
        style = _NAME if field.name == view.schema.holder_name_field else _VALUE
        value = view.values.get(field.name, "")
        text = grouped(value) if field.kind in (FieldKind.ID_NUMBER, FieldKind.USCC) else field.display(value)
        if style.width(text) <= _HALF and field.kind is not FieldKind.ADDRESS:
            x = _LEFT + _HALF + _GUTTER if half_open else _LEFT
            cell = _Cell(field, x, style, (text,))
            if half_open:
                rows[-1].append(cell)
            else:
                rows.append([cell])
            half_open = not half_open
        else:
            rows.append([_Cell(field, _LEFT, style, wrap(text, style, _RIGHT - _LEFT))])
            half_open = False
    return rows


def _ground(page: Page, view: CertificateView) -> None:
    left, bottom, right, top = _FRAME
    page.form(rosette(150, PALE), A4[0] / 2, 452)
    page.form(guilloche_band(right - left - 12, 15, GUILLOCHE), left + 6, top - 22)
    page.form(guilloche_band(right - left - 12, 15, GUILLOCHE), left + 6, bottom + 7)
    page.box(left, bottom, right - left, top - bottom, stroke=PRIMARY, line_width=1.4)
    page.box(left + 4, bottom + 4, right - left - 8, top - bottom - 8, stroke=PRIMARY, line_width=0.4)
    page.line(left + 6, top - 25, right - 6, top - 25, GUILLOCHE, 0.4)
    page.line(left + 6, bottom + 25, right - 6, bottom + 25, GUILLOCHE, 0.4)
    if view.demo:
        page.box(_RIGHT - 62, top - 50, 62, 17, stroke=SEAL_RED, line_width=0.8)
        page.text(_RIGHT - 31, top - 45, "演示 DEMO", Style(8.5, SEAL_RED, weight=0.15), Align.CENTRE)


def _title(page: Page, view: CertificateView) -> float:
    """Office, name of the certificate in both languages; returns the y at which fields begin."""
    middle = A4[0] / 2
    size = min(
        30.0, 30 * (_RIGHT - _LEFT - 20) / Style(30, typeface=Typeface.SERIF, tracking=2.4).width(view.schema.zh)
    )
    page.text(middle, 722, view.organ_zh, Style(11.5, PRIMARY, tracking=0.6), Align.CENTRE)
    page.text(middle, 708, view.organ_en, Style(7.5, MUTED), Align.CENTRE)
    title = Style(size, INK, Typeface.SERIF, tracking=size * 0.08, weight=size * 0.018)
    page.text(middle, 668, view.schema.zh, title, Align.CENTRE)
    page.text(middle, 648, view.schema.en, Style(11.5, MUTED, Typeface.SERIF, tracking=0.3), Align.CENTRE)
    page.line(middle - 46, 634, middle + 46, 634, PRIMARY, 1.6)
    page.line(middle - 46, 630.5, middle + 46, 630.5, PRIMARY, 0.4)
    return 622.0


def _validity(view: CertificateView) -> str:
    schema, values = view.schema, view.values
    issued = values.get(schema.issued_on, "") if schema.issued_on else ""
    end = values.get(schema.valid_until, "") if schema.valid_until else ""
    if not end or end == OPEN_END:
        return "长期 Long-term"
    return f"{display_date(issued)} 至 {display_date(end)}" if issued else f"至 {display_date(end)}"


def _foot(page: Page, view: CertificateView) -> None:
    schema = view.schema
    bottom = _FRAME[1] + 46
    page.modules(qr_modules(view.verify_url), _LEFT, bottom + 18, _QR, INK)
    page.text(_LEFT + _QR / 2, bottom + 7, "扫码核验 Scan to verify", Style(7, MUTED), Align.CENTRE)
    x, y = _LEFT + _QR + 20, bottom + 18 + _QR - 8
    entries = (
        ("证书编号", "Certificate number", grouped(view.values.get(schema.serial_field, "")), Style(10.5, INK)),
        ("有效期限", "Validity", _validity(view), Style(9, INK)),
        ("记录编号", "Record", view.record_id, Style(8, INK)),
    )
    for zh, en, value, style in entries:
        used = page.text(x, y, zh, _LABEL_ZH)
        page.text(x + used + 5, y, en, _LABEL_EN)
        lines = wrap(value, style, 205)
        for line in lines:
            y -= style.size + 3.5
            page.text(x, y, line, style)
        y -= 15
    if view.elc:
        y = _FOOT - 15
        used = page.text(_LEFT, y, "电子证照标识", Style(7.5, MUTED))
        used += 4 + page.text(_LEFT + used + 4, y, "E-certificate identifier", Style(6, MUTED))
        page.text(_LEFT + used + 8, y, view.elc, Style(6.5, INK))
    issued = view.values.get(schema.issued_on, "") if schema.issued_on else ""
    centre = _RIGHT - 62
    if issued:
        page.text(centre, bottom + 43, display_date(issued), Style(8.8, INK), Align.CENTRE)
    if view.demo and not view.sealed:
        page.form(demo_seal(view.organ_zh), centre, bottom + 62, opacity=0.86, multiply=True)
    note_zh = "电子副本：与签发部门返还的数据一致。是否仍然有效，以扫码核验结果为准。"
    note_en = (
        "Electronic copy of the data returned by the issuing department. Whether it is still valid: scan the code."
    )
    page.text(A4[0] / 2, _FRAME[1] + 36, note_zh, Style(7.5, MUTED), Align.CENTRE)
    page.text(A4[0] / 2, _FRAME[1] + 28, note_en, Style(6, MUTED), Align.CENTRE)


def _sheet_spot(number: int) -> tuple[float, float]:
    """The middle of the seal of co-signer `number` (from 0): two in a row, four rows."""
    return _LEFT + _HALF / 2 + (_HALF + _GUTTER) * (number % 2), 560.0 - 156.0 * (number // 2)


def _seal_sheet(document: PdfDocument, view: CertificateView) -> None:
    """The last page: who seals beside the issuer, in order, with a place for each seal."""
    page = document.page()
    _ground(page, view)
    middle = A4[0] / 2
    page.text(middle, 722, view.organ_zh, Style(11.5, PRIMARY, tracking=0.6), Align.CENTRE)
    page.text(middle, 684, "联合签章页", Style(24, INK, Typeface.SERIF, tracking=2, weight=0.4), Align.CENTRE)
    page.text(middle, 666, f"{view.schema.zh}  Joint seals", Style(10, MUTED, Typeface.SERIF), Align.CENTRE)
    for number, organ in enumerate(view.cosigners):
        x, y = _sheet_spot(number)
        page.box(x - _HALF / 2, y - 62, _HALF, 146, stroke=LINE, line_width=0.6)
        used = page.text(x - _HALF / 2 + 8, y + 70, f"联合签章 {number + 1}", Style(8.5, MUTED))
        page.text(x - _HALF / 2 + 13 + used, y + 70, f"Co-signer {number + 1}", Style(7, MUTED))
        size = min(9.5, 132.0 / max(len(organ), 1))
        page.text(x + _HALF / 2 - 8, y + 70, organ, Style(size, INK), Align.RIGHT)
    note = "各单位依次加盖；未满规定数目不予签发。 Sealed in this order; not issued before enough have sealed."
    page.text(middle, _FRAME[1] + 36, note, Style(7.5, MUTED), Align.CENTRE)

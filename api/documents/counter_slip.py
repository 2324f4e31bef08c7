"""The receipt that an officer prints at the window: one page, large and plain, for somebody without a phone.

The code leads to a page that knows the visit by an opaque id; nothing personal stands in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.documents.certificate import INK, LINE, MUTED, PALE, PRIMARY, qr_modules
from api.documents.fonts import Typeface
from api.documents.pdf_writer import A4, Align, Page, PdfDocument, Style
from api.documents.text_layout import wrap

_LEFT, _RIGHT = 50.0, A4[0] - 50.0
_WIDTH = _RIGHT - _LEFT
_TOP, _FOOT = A4[1] - 56, 228.0  # what was done stands between; below: how to take it back, and the code
_SIZES = (16.0, 14.0, 12.0, 10.5)
_LABEL_WIDTH = 6.2  # in sizes of the text
_FIELDS_SHOWN = 14
_QR = 108.0


@dataclass(frozen=True, slots=True)
class SlipEntry:
    """One thing that was done: a heading and lines of (label, text)."""

    heading: str
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SlipView:
    """What the page says. `person` is a name with all but its first character hidden; `when` is ready to be shown."""

    office: str
    person: str
    document: str
    when: str
    entries: Sequence[SlipEntry]
    visit_id: str
    verify_url: str


def masked(name: str) -> str:
    """A name with its first character alone: the paper may be lost."""
    return name[:1] + "*" * min(max(len(name) - 1, 1), 3)


def listed(labels: Sequence[str]) -> str:
    """Field names as people read them; a long list ends with how many there are."""
    shown = "、".join(labels[:_FIELDS_SHOWN])
    return shown if len(labels) <= _FIELDS_SHOWN else f"{shown}等，共 {len(labels)} 项"


def render_slip(view: SlipView) -> bytes:
    """The page as a PDF; the same view gives the same bytes.

    Text shrinks until everything fits; what does not fit at the smallest size is counted and named as being on record.
    Raises ApiError `documents.missing_glyph`.
    """
    document = PdfDocument("窗口代办回执 Receipt of a counter")
    page = document.page()
    y = _head(page, view)
    room = y - _FOOT
    size = next((size for size in _SIZES if sum(_height(one, size) for one in view.entries) <= room), _SIZES[-1])
    for at, entry in enumerate(view.entries):
        left = len(view.entries) - at
        rest = size * 2 if left > 1 else 0
        if _height(entry, size) + rest > y - _FOOT:
            page.text(_LEFT, y - size * 1.4, f"另有 {left} 项，窗口有完整记录，可随时查询。", Style(size, INK))
            break
        y = _entry(page, entry, y, size)
    _foot(page, view)
    return document.to_bytes()


def _head(page: Page, view: SlipView) -> float:
    page.text(_LEFT, _TOP - 24, "窗口代办回执", Style(28, INK, Typeface.SERIF, weight=0.5))
    page.text(_RIGHT, _TOP - 14, "请妥善保管", Style(13, MUTED), Align.RIGHT)
    page.text(_RIGHT, _TOP - 28, "Receipt of a service counter", Style(8, MUTED), Align.RIGHT)
    page.line(_LEFT, _TOP - 38, _RIGHT, _TOP - 38, PRIMARY, 1.6)
    y = _TOP - 62
    for line in (
        f"办理人：{view.person}    核验证件：{view.document}",
        f"办理窗口：{view.office}",
        f"办理时间：{view.when}",
    ):
        for part in wrap(line, Style(14, INK), _WIDTH):
            page.text(_LEFT, y, part, Style(14, INK))
            y -= 21
    return y - 2


def _wrapped(entry: SlipEntry, size: float) -> list[tuple[str, list[str]]]:
    style = Style(size, INK)
    width = _WIDTH - 24 - size * _LABEL_WIDTH
    return [(label, wrap(text, style, width)) for label, text in entry.lines]


def _height(entry: SlipEntry, size: float) -> float:
    heading = len(wrap(entry.heading, Style(size * 1.15, INK, weight=0.3), _WIDTH - 24)) * size * 1.6
    return heading + sum(len(lines) for _, lines in _wrapped(entry, size)) * size * 1.5 + size + 10


def _entry(page: Page, entry: SlipEntry, top: float, size: float) -> float:
    height = _height(entry, size)
    page.box(_LEFT, top - height + 8, _WIDTH, height - 8, fill=PALE)
    page.box(_LEFT, top - height + 8, 4, height - 8, fill=PRIMARY)
    y, x = top - size * 0.4, _LEFT + 16
    head = Style(size * 1.15, PRIMARY, weight=0.3)
    for line in wrap(entry.heading, head, _WIDTH - 24):
        y -= size * 1.5
        page.text(x, y, line, head)
    y -= size * 0.15
    for label, lines in _wrapped(entry, size):
        for at, line in enumerate(lines):
            y -= size * 1.5
            if at == 0:
                page.text(x, y, label, Style(size, MUTED))
            page.text(x + size * _LABEL_WIDTH, y, line, Style(size, INK))
    return top - height


def _foot(page: Page, view: SlipView) -> None:
    width = _WIDTH - _QR - 24
    page.line(_LEFT, _FOOT - 8, _RIGHT, _FOOT - 8, LINE, 0.8)
    y = _FOOT - 30
    page.text(_LEFT, y, "想收回怎么办？", Style(17, INK, weight=0.35))
    told = (
        "带上身份证，到任何一个政务服务窗口，说“我要收回授权”。当场生效，不收费，不需要手机。",
        "收回以后，对方不能再取您的数据；已经取走的，必须按期删除。",
    )
    for text in told:
        for line in wrap(text, Style(14, INK), width):
            y -= 22
            page.text(_LEFT, y, line, Style(14, INK))
        y -= 4
    page.modules(qr_modules(view.verify_url), _RIGHT - _QR, _FOOT - 24 - _QR, _QR, INK)
    page.text(_RIGHT - _QR / 2, _FOOT - 38 - _QR, "家人可扫码查真伪", Style(10, MUTED), Align.CENTRE)
    page.text(_RIGHT - _QR / 2, _FOOT - 49 - _QR, "Scan to check this receipt", Style(7, MUTED), Align.CENTRE)
    page.text(_LEFT, 46, f"回执编号 {view.visit_id}", Style(9, MUTED))
    note = "二维码里没有任何个人信息。 The code holds nothing personal."
    page.text(_LEFT, 34, note, Style(7.5, MUTED))

"""Reading a PDF: origins of its glyphs, its words, its hidden ids."""

import ctypes
import io
import re
from dataclasses import replace

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium

from watermark.carriers.pdfium import BLANK, PDFIUM
from watermark.carriers.table_reading import MAX_CLAIMS, TEXT_SPLIT
from watermark.errors import WatermarkError
from watermark.evidence import Claim
from watermark.reading import GlyphPage, Reading, Row

MAX_PAGES = 200
MAX_GLYPHS = 300_000
MAX_XMP = 1 << 20

_GROUP = re.compile(r"[0-9]+[0-9A-Za-z]*")
_XMP_COPY = re.compile(r'mydata:copy(?:="|>)([A-Za-z0-9_.\-]{1,64})["<]')
_XMP_MARK = re.compile(r'mydata:mark(?:="|>)([0-9a-f]{32})["<]')


def read_pdf(data: bytes) -> Reading:
    """Glyphs, words (one row for the whole document) and hidden ids.

    Errors: `watermark.bad_pdf`, `watermark.encrypted_pdf`, `watermark.too_many_pages`, `watermark.too_many_glyphs`.
    """
    pages, words = read_glyphs(data)
    row = Row(("",) * len(words), tuple(words))
    return Reading("pdf", ((row,),), tuple(_claims(data)), tuple(pages))


def read_suspect_pdf(data: bytes) -> Reading:
    """As `read_pdf`, and the pages that show pictures as rasters, and the pictures themselves."""
    from watermark.carriers.pdf_pictures import suspect_pictures
    from watermark.carriers.pdf_rendering import picture_pages

    reading = read_pdf(data)
    pages = picture_pages(data, [len(page.codes) for page in reading.pages])
    return replace(reading, rasters=pages, pictures=suspect_pictures(data))


def text_of(data: bytes) -> str:
    """The text as a reader extracts it, pages parted by form feeds. Errors: `watermark.bad_pdf`."""
    with PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise WatermarkError("watermark.bad_pdf") from error
        try:
            return "\f".join(_page_text(document, number) for number in range(len(document)))
        finally:
            document.close()


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    page = document[number]
    text_page = page.get_textpage()
    text: str = text_page.get_text_range()
    text_page.close()
    page.close()
    return text


def read_glyphs(data: bytes) -> tuple[list[GlyphPage], list[str]]:
    """(glyphs by page, words). Spaces and what the reader made up are left out."""
    with PDFIUM:
        return _read_glyphs(data)


def _read_glyphs(data: bytes) -> tuple[list[GlyphPage], list[str]]:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD
        raise WatermarkError("watermark.encrypted_pdf" if locked else "watermark.bad_pdf") from error
    try:
        if len(document) > MAX_PAGES:
            raise WatermarkError("watermark.too_many_pages", limit=MAX_PAGES)
        pages: list[GlyphPage] = []
        words: list[str] = []
        left = MAX_GLYPHS
        for number in range(len(document)):
            page, text = _read_page(document, number, left)
            left -= len(page.codes)
            pages.append(page)
            words += _words(text)
    except pypdfium2.PdfiumError as error:
        raise WatermarkError("watermark.bad_pdf") from error
    finally:
        document.close()
    return pages, words


def _words(text: str) -> list[str]:
    """Words line by line, and numbers that are printed in groups put together again."""
    words: list[str] = []
    for line in text.splitlines():
        parts = [w for w in TEXT_SPLIT.split(line) if w]
        words += parts
        grouped: list[str] = []
        for part in [*parts, ""]:
            if _GROUP.fullmatch(part):
                grouped.append(part)
                continue
            if len(grouped) > 1:
                words.append("".join(grouped))
            grouped = []
    return words


def _read_page(document: pypdfium2.PdfDocument, number: int, left: int) -> tuple[GlyphPage, str]:
    page = document[number]
    text_page = page.get_textpage()
    raw = text_page.raw
    count = pdfium.FPDFText_CountChars(raw)
    if count > left:
        raise WatermarkError("watermark.too_many_glyphs", limit=MAX_GLYPHS)
    codes: list[int] = []
    xs: list[float] = []
    ys: list[float] = []
    text: list[str] = []
    x, y = ctypes.c_double(), ctypes.c_double()
    for i in range(max(count, 0)):
        code = pdfium.FPDFText_GetUnicode(raw, i)
        text.append(chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else " ")
        if pdfium.FPDFText_IsGenerated(raw, i) or not pdfium.FPDFText_GetCharOrigin(raw, i, x, y):
            continue
        if code in BLANK:  # readers keep, drop or make up spaces as they like
            continue
        codes.append(code)
        xs.append(x.value)
        ys.append(y.value)
    text_page.close()
    page.close()
    return GlyphPage(tuple(codes), tuple(xs), tuple(ys)), "".join(text)


def _claims(data: bytes) -> list[Claim]:
    """Hidden ids; a file that the structure reader rejects simply has none."""
    try:
        with pikepdf.open(io.BytesIO(data)) as pdf:
            return _found_claims(pdf)[:MAX_CLAIMS]
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError, RuntimeError):
        return []


def _found_claims(pdf: pikepdf.Pdf) -> list[Claim]:
    found: dict[Claim, None] = {}
    metadata = pdf.Root.get("/Metadata")
    if isinstance(metadata, pikepdf.Stream):
        xmp = bytes(metadata.read_bytes())[:MAX_XMP].decode("utf-8", "replace")
        for copy_id, tag in zip(_XMP_COPY.findall(xmp), _XMP_MARK.findall(xmp), strict=False):
            found[Claim(copy_id, tag)] = None
    for page in list(pdf.pages)[:MAX_PAGES]:
        private = page.obj.get("/PieceInfo", pikepdf.Dictionary()).get("/Mydata", pikepdf.Dictionary()).get("/Private")
        if private is not None:
            found[Claim(str(private.get("/Copy", "")), str(private.get("/Mark", "")))] = None
    return list(found)

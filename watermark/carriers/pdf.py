"""The PDF carrier: layer G (every glyph moved by a fifth of a point), layer P in pictures, a visible line, hidden ids.

The moves are real text positions, so they survive a re-save and rendering. Text extraction stays as it was: a glyph
whose move would join or part two words stays where it is, which costs a little evidence and no correctness.
"""

import io
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import pikepdf
from pikepdf import Dictionary, Name, String

from watermark.carriers.pdf_evidence import LAYOUT, pdf_evidence
from watermark.carriers.pdf_glyphs import original_glyphs, steps
from watermark.carriers.pdf_layout import GlyphMover, page_resources
from watermark.carriers.pdf_pictures import Marked, marked_pictures
from watermark.carriers.pdf_reading import text_of
from watermark.carriers.pdf_text import OutlineFont, VisibleLine, default_font, overlay
from watermark.carriers.pdfium import BLANK
from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark, chips
from watermark.provenance import Leak

PDF_TYPE = "application/pdf"
_ATTEMPTS = 5
_XMP_NAMESPACE = "urn:mydata:copy/1#"
_XMP_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


@dataclass(frozen=True)
class PdfCarrier:
    """Finished PDFs of any producer whose text is text. `font` draws the visible line (default: Noto Sans SC)."""

    font: OutlineFont | None = None
    name = "pdf"
    media_types = frozenset({PDF_TYPE})

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The marked copy. Its text reads as the original's, which is checked on the finished file.

        Errors: `watermark.bad_original` (not a PDF, or encrypted), `watermark.signed_original` (marking would break the
        signature: mark first, then seal), `watermark.missing_glyph` (the notice has a character the font lacks).
        """
        text = _text(original)
        with _opened(original) as pdf:
            pictures = marked_pictures(pdf, mark, key)
        for whole in (False, True):
            still: set[int] = set()
            for _ in range(_ATTEMPTS):
                copy = self._marked(original, mark, key, pictures, still, whole=whole)
                found = _text(copy)
                if found == text:
                    return copy
                joined_or_parted = _beside_changes(original, text, found) - still
                if not joined_or_parted:
                    break
                still |= joined_or_parted
        # No glyph can be moved without changing the text that readers extract: the copy keeps its other marks.
        return self._marked(original, mark, key, pictures, None, whole=True)

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """See `Carrier.evidence`."""
        from watermark.carriers.reading import read

        return pdf_evidence(Leak.of(read(suspect)), original, content_id)

    def _marked(
        self,
        original: bytes,
        mark: Mark,
        key: EpochKey,
        pictures: list[Marked],
        still: set[int] | None,
        *,
        whole: bool,
    ) -> bytes:
        """A copy in which all glyphs but those of `still` (None: all) are moved; see `GlyphMover.move` for `whole`."""
        with _opened(original) as pdf:
            mover = _mover(pdf)
            moves = chips(mark, key, LAYOUT, 2 * mover.count).reshape(-1, 2) * steps(mover)
            moves[sorted(still) if still is not None else slice(None)] = 0.0
            offsets = moves.tolist()
            mover.move(lambda number: (offsets[number][0], offsets[number][1]), whole=whole)
            for picture in pictures:
                picture.put(pdf)
            self._draw_notice(pdf, mark)
            _hide_ids(pdf, mark.copy_id, key.copy_tag(mark.content_id, mark.entity_id, mark.copy_id))
            out = io.BytesIO()
            pdf.save(out, compress_streams=True, deterministic_id=True)
        return out.getvalue()

    def _draw_notice(self, pdf: pikepdf.Pdf, mark: Mark) -> None:
        font = self.font or default_font()
        lines = [VisibleLine(pdf, text, font) for text in (mark.notice_zh, mark.notice_en) if text]
        if not lines:
            return
        for page in pdf.pages:
            x0, y0, x1, y1 = (float(v) for v in page.mediabox)
            drawn = overlay(page_resources(page), (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), lines)
            # The page's own content may leave a changed matrix or clip behind.
            page.contents_add(pdf.make_stream(b"q\n"), prepend=True)
            page.contents_add(pdf.make_stream(b"\nQ\n" + drawn))


def _opened(data: bytes) -> pikepdf.Pdf:
    try:
        pdf = pikepdf.open(io.BytesIO(data))
    except pikepdf.PdfError as error:
        raise WatermarkError("watermark.bad_original") from error
    code = "watermark.bad_original" if pdf.is_encrypted else None
    if "/AcroForm" in pdf.Root and int(pdf.Root.AcroForm.get("/SigFlags", 0)) & 1:
        code = "watermark.signed_original"
    if code:
        pdf.close()
        raise WatermarkError(code)
    return pdf


def _mover(pdf: pikepdf.Pdf) -> GlyphMover:
    try:
        return GlyphMover(pdf)
    except (pikepdf.PdfError, KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        # A content stream that names what its resources lack: nothing of it can be moved safely.
        raise WatermarkError("watermark.bad_original") from error


def _text(data: bytes) -> str:
    try:
        return text_of(data)
    except WatermarkError as error:
        raise WatermarkError("watermark.bad_original") from error


def _beside_changes(original: bytes, text: str, found: str) -> set[int]:
    """Numbers of the glyphs on both sides of every gap that reads differently; empty if it is not gaps that differ."""
    wanted, gaps = _letters_and_gaps(text)
    letters, other_gaps = _letters_and_gaps(found)
    glyphs = original_glyphs(original)[1]
    if letters != wanted or [ord(c) for c in wanted] != glyphs.code.tolist():
        return set()
    changed = [k for k, (one, other) in enumerate(zip(gaps, other_gaps, strict=True)) if one != other]
    places = [p for k in changed for p in (k - 1, k) if 0 <= p < len(wanted)]
    return {number for number in glyphs.number[places].tolist() if number >= 0}


def _letters_and_gaps(text: str) -> tuple[list[str], list[str]]:
    """What is not white space, and the white space before each and at the end."""
    letters: list[str] = []
    gaps = [""]
    for char in text:
        if char.isspace() or ord(char) in BLANK:
            gaps[-1] += char
        else:
            letters.append(char)
            gaps.append("")
    return letters, gaps


def _hide_ids(pdf: pikepdf.Pdf, copy_id: str, tag: str) -> None:
    """The copy's id with its keyed tag in the XMP metadata and in every page's private data (ISO 32000-2, 14.5)."""
    xmp = _XMP_EMPTY
    if isinstance(pdf.Root.get("/Metadata"), pikepdf.Stream):
        existing = bytes(pdf.Root.Metadata.read_bytes()).decode("utf-8", "replace")
        if "</rdf:RDF>" in existing:
            xmp = existing
    described = (
        f'<rdf:Description rdf:about="" xmlns:mydata="{_XMP_NAMESPACE}" '
        f"mydata:copy={quoteattr(copy_id)} mydata:mark={quoteattr(tag)}/>"
    )
    stream = pdf.make_stream(xmp.replace("</rdf:RDF>", described + "</rdf:RDF>", 1).encode())
    stream[Name.Type] = Name.Metadata
    stream[Name.Subtype] = Name.XML
    pdf.Root.Metadata = stream
    for page in pdf.pages:
        private = Dictionary(Copy=String(copy_id), Mark=String(tag))
        page.obj[Name.PieceInfo] = Dictionary(
            Mydata=Dictionary(LastModified=String("D:20000101000000Z"), Private=private)
        )

"""A small PDF writer: every glyph placed on its own, exact text extraction, the same bytes for the same input.

Why not a library: the mark's layer G moves single glyphs, which needs a position operator per glyph, and the faces are
CFF, which the usual writers refuse. Coordinates are points from the page's lower left corner (ISO 32000-2, 8.3).
"""

import hashlib
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream

from api.documents.fonts import FontFace, Typeface, font_face

A4 = (595.28, 841.89)
"""Width and height in points (ISO 216)."""
MM = 72 / 25.4
"""Points in a millimetre."""

Colour = tuple[float, float, float]


def rgb(hexadecimal: str) -> Colour:
    """A colour from `#RRGGBB`, components 0 to 1."""
    return (
        int(hexadecimal[1:3], 16) / 255,
        int(hexadecimal[3:5], 16) / 255,
        int(hexadecimal[5:7], 16) / 255,
    )


class Align(StrEnum):
    """Where a text stands relative to its x."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Style:
    """How text is set: face, size in points, colour, extra space between glyphs in points, and stroke weight.

    The faces have one weight; `weight` (points) strokes the outline as well, which thickens it.
    """

    size: float
    colour: Colour = (0, 0, 0)
    typeface: Typeface = Typeface.SANS
    tracking: float = 0
    weight: float = 0

    def width(self, text: str) -> float:
        """The width of `text` in points."""
        return font_face(self.typeface).width(text, self.size) + self.tracking * max(len(text) - 1, 0)


@dataclass(frozen=True, slots=True)
class Form:
    """A drawing that is placed as a whole (form XObject): content operators and bounding box."""

    content: bytes
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class GreyJpeg:
    """A grey picture as a JPEG, `columns` by `rows` pixels."""

    data: bytes
    columns: int
    rows: int


class _UsedGlyphs:
    """The characters used of one face, and under which font resource and code each is written.

    Some glyphs serve several characters (middle dot and bullet, blank and no-break blank). One font can map a code to
    one character only, so the second goes to a second font over the same glyphs: `layers`, each code to character.
    """

    def __init__(self, typeface: Typeface, prefix: str) -> None:
        self.typeface = typeface
        self.face: FontFace = font_face(typeface)
        self.prefix = prefix
        self.layers: list[dict[int, str]] = []
        self.codes: dict[str, tuple[str, str, float]] = {}

    def code(self, character: str) -> tuple[str, str, float]:
        """(font resource, code in hexadecimal, width in 1/1000 em) of a character."""
        known = self.codes.get(character)
        if known is not None:
            return known
        self.face.require(character)
        glyph = self.face.glyphs[ord(character)]
        cid = self.face.cids[glyph]
        number = next((n for n, layer in enumerate(self.layers) if cid not in layer), len(self.layers))
        if number == len(self.layers):
            self.layers.append({})
        self.layers[number][cid] = character
        entry = (f"{self.prefix}{number}", f"{cid:04X}", float(self.face.widths[glyph]))
        self.codes[character] = entry
        return entry


class Page:
    """One page under construction. Later drawing covers earlier drawing."""

    def __init__(self, document: "PdfDocument", size: tuple[float, float]) -> None:
        self.size = size
        self._document = document
        self._operators: list[str] = []

    def text(self, x: float, y: float, text: str, style: Style, align: Align = Align.LEFT) -> float:
        """Sets one line with its baseline at y, glyph by glyph; returns its width in points.

        Raises ApiError `documents.missing_glyph`.
        """
        width = style.width(text)
        if align is not Align.LEFT:
            x -= width if align is Align.RIGHT else width / 2
        glyphs = self._document.glyphs(style.typeface)
        out = ["BT", f"{_colour(style.colour)} rg"]
        if style.weight:
            out.append(f"2 Tr {style.weight:g} w {_colour(style.colour)} RG")
        current = ""
        scale = style.size / 1000
        for character in text:
            font, code, advance = glyphs.code(character)
            if font != current:
                out.append(f"/{font} {style.size:g} Tf")
                current = font
            out.append(f"1 0 0 1 {x:.2f} {y:.2f} Tm <{code}> Tj")
            x += advance * scale + style.tracking
        if style.weight:
            out.append("0 Tr")
        out.append("ET")
        self._operators += out
        return width

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: Colour, width: float = 0.5) -> None:
        """A straight line."""
        self._operators.append(f"{_colour(colour)} RG {width:g} w {x1:.2f} {y1:.2f} m {x2:.2f} {y2:.2f} l S")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: Colour | None = None,
        stroke: Colour | None = None,
        line_width: float = 0.5,
    ) -> None:
        """A rectangle from its lower left corner, filled, stroked or both."""
        head = (f"{_colour(fill)} rg " if fill else "") + (f"{_colour(stroke)} RG {line_width:g} w " if stroke else "")
        paint = "B" if fill and stroke else "f" if fill else "S"
        self._operators.append(f"{head}{x:.2f} {y:.2f} {width:.2f} {height:.2f} re {paint}")

    def modules(self, rows: Sequence[Sequence[int]], x: float, y: float, size: float, colour: Colour) -> None:
        """A matrix of squares (a QR code) `size` points wide, lower left corner at (x, y); a run is one rectangle."""
        side = size / len(rows)
        out = [f"{_colour(colour)} rg"]
        for row_number, row in enumerate(rows):
            start = None
            bottom = y + (len(rows) - 1 - row_number) * side
            for column, dark in enumerate([*row, 0]):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    out.append(f"{x + start * side:.3f} {bottom:.3f} {(column - start) * side:.3f} {side:.3f} re")
                    start = None
        out.append("f")
        self._operators += out

    def form(
        self, form: Form, x: float, y: float, scale: float = 1, opacity: float = 1, *, multiply: bool = False
    ) -> None:
        """Places a drawing with its origin at (x, y). `multiply` lets what lies below show through, as ink does."""
        name = self._document.form_name(form)
        state = self._document.state_name(opacity, multiply=multiply)
        self._operators.append(f"q /{state} gs {scale:g} 0 0 {scale:g} {x:.2f} {y:.2f} cm /{name} Do Q")

    def picture(self, picture: GreyJpeg, x: float, y: float, width: float) -> float:
        """Places a picture `width` points wide with its lower left corner at (x, y); returns its height in points."""
        height = width * picture.rows / picture.columns
        name = self._document.picture_name(picture)
        self._operators.append(f"q {width:.2f} 0 0 {height:.2f} {x:.2f} {y:.2f} cm /{name} Do Q")
        return height

    def steps(self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 0.5) -> None:
        """An open line through several points."""
        if len(points) > 1:
            path = " ".join(f"{x:.2f} {y:.2f} {'l' if at else 'm'}" for at, (x, y) in enumerate(points))
            self._operators.append(f"{_colour(colour)} RG {width:g} w {path} S")

    def content(self) -> bytes:
        """The page's content stream."""
        return "\n".join(self._operators).encode("ascii")


class PdfDocument:
    """A document under construction; `to_bytes` writes it. Not for use by several threads at once."""

    def __init__(self, title: str, language: str = "zh-CN") -> None:
        self._title = title
        self._language = language
        self._pages: list[Page] = []
        self._glyphs: dict[Typeface, _UsedGlyphs] = {}
        self._forms: dict[Form, str] = {}
        self._pictures: dict[GreyJpeg, str] = {}
        self._states: dict[tuple[float, bool], str] = {}

    def page(self, size: tuple[float, float] = A4) -> Page:
        """Appends an empty page."""
        page = Page(self, size)
        self._pages.append(page)
        return page

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages so far."""
        return tuple(self._pages)

    def glyphs(self, typeface: Typeface) -> _UsedGlyphs:
        """The used glyphs of a face, for `Page`."""
        if typeface not in self._glyphs:
            prefix = {Typeface.SANS: "FA", Typeface.SERIF: "FB"}[typeface]
            self._glyphs[typeface] = _UsedGlyphs(typeface, prefix)
        return self._glyphs[typeface]

    def form_name(self, form: Form) -> str:
        """The resource name of a drawing, for `Page`."""
        return self._forms.setdefault(form, f"X{len(self._forms)}")

    def picture_name(self, picture: GreyJpeg) -> str:
        """The resource name of a picture, for `Page`."""
        return self._pictures.setdefault(picture, f"P{len(self._pictures)}")

    def state_name(self, opacity: float, *, multiply: bool) -> str:
        """The resource name of a graphics state, for `Page`."""
        return self._states.setdefault((opacity, multiply), f"G{len(self._states)}")

    def to_bytes(self) -> bytes:
        """The finished file. Same calls, same bytes: no clock and no random identifier enters it."""
        with pikepdf.new() as pdf:
            resources = pdf.make_indirect(self._resources(pdf))
            for page in self._pages:
                target = pdf.add_blank_page(page_size=page.size)
                target.Contents = Stream(pdf, page.content())
                target.Resources = resources
            pdf.Root.Lang = pikepdf.String(self._language)
            pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
            pdf.docinfo[Name.Title] = self._title
            buffer = io.BytesIO()
            pdf.save(
                buffer,
                compress_streams=True,
                object_stream_mode=pikepdf.ObjectStreamMode.generate,
                deterministic_id=True,
            )
        return buffer.getvalue()

    def _resources(self, pdf: pikepdf.Pdf) -> Dictionary:
        fonts: dict[str, pikepdf.Object] = {}
        for used in self._glyphs.values():
            fonts |= _embedded(pdf, used)
        forms: dict[str, pikepdf.Object] = {}
        for form, name in self._forms.items():
            stream = Stream(pdf, _deflated(form.content), Filter=Name.FlateDecode)
            stream.Type, stream.Subtype = Name.XObject, Name.Form
            stream.BBox = Array([round(edge, 2) for edge in form.box])
            stream.Resources = Dictionary()
            forms["/" + name] = pdf.make_indirect(stream)
        for picture, name in self._pictures.items():
            stream = Stream(pdf, picture.data, Filter=Name.DCTDecode)
            stream.Type, stream.Subtype = Name.XObject, Name.Image
            stream.Width, stream.Height, stream.BitsPerComponent = picture.columns, picture.rows, 8
            stream.ColorSpace = Name.DeviceGray
            forms["/" + name] = pdf.make_indirect(stream)
        states = {
            "/" + name: Dictionary(
                Type=Name.ExtGState, ca=opacity, CA=opacity, BM=Name.Multiply if multiply else Name.Normal
            )
            for (opacity, multiply), name in self._states.items()
        }
        return Dictionary(Font=Dictionary(fonts), XObject=Dictionary(forms), ExtGState=Dictionary(states))


def _colour(colour: Colour) -> str:
    return " ".join(f"{component:.3g}" for component in colour)


@lru_cache(maxsize=256)
def _deflated(content: bytes) -> bytes:
    return zlib.compress(content, 9)  # drawings come back in every document; text does not


def _embedded(pdf: pikepdf.Pdf, used: _UsedGlyphs) -> dict[str, pikepdf.Object]:
    """Type 0 fonts over one embedded subset: one per layer of `used`, by resource name."""
    face = used.face
    widths = {face.cids[face.glyphs[ord(c)]]: face.widths[face.glyphs[ord(c)]] for c in used.codes}
    glyphs = tuple(sorted({face.glyphs[ord(character)] for character in used.codes}))
    cff = face.subset(glyphs, remember=used.typeface is Typeface.SERIF)  # titles alone are set in it
    tag = "".join(chr(ord("A") + byte % 26) for byte in hashlib.sha256(cff).digest()[:6])
    base = Name(f"/{tag}+{face.name}")
    program = Stream(pdf, cff)
    program.Subtype = Name.CIDFontType0C
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=base,
        Flags=4,
        FontBBox=Array(face.bbox),
        ItalicAngle=0,
        Ascent=face.ascent,
        Descent=face.descent,
        CapHeight=face.cap_height,
        StemV=80,
        FontFile3=pdf.make_indirect(program),
    )
    ranges: list[pikepdf.Object | int] = []
    for cid in sorted(widths):
        ranges += [cid, Array([widths[cid]])]
    descendant = pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType0,
            BaseFont=base,
            CIDSystemInfo=Dictionary(
                Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0
            ),
            FontDescriptor=pdf.make_indirect(descriptor),
            DW=1000,
            W=Array(ranges),
        )
    )
    return {
        f"/{used.prefix}{number}": pdf.make_indirect(
            Dictionary(
                Type=Name.Font,
                Subtype=Name.Type0,
                BaseFont=base,
                Encoding=Name("/Identity-H"),
                DescendantFonts=Array([descendant]),
                ToUnicode=pdf.make_indirect(Stream(pdf, _to_unicode(layer.items()))),
            )
        )
        for number, layer in enumerate(used.layers)
    }


def _to_unicode(codes: Iterable[tuple[int, str]]) -> bytes:
    """A ToUnicode CMap (ISO 32000-2, 9.10.3), at most 100 mappings to a block."""
    entries = [f"<{cid:04X}> <{character.encode('utf-16-be').hex().upper()}>" for cid, character in sorted(codes)]
    out = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    for start in range(0, len(entries), 100):
        block = entries[start : start + 100]
        out += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    out.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return "\n".join(out).encode("ascii")

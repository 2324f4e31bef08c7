"""Reads word processor files (ECMA-376) as the tracer needs them: paragraphs, the spacing of their letters, tables.

Made for untrusted files, like `watermark.carriers.xlsx_reading`: what is unpacked is counted and capped, a document
type is refused, links are not followed, nothing is written.
"""

import io
import zipfile
import zlib
from dataclasses import dataclass, field
from xml.parsers import expat

from watermark.carriers.table_reading import MAX_CELLS, TEXT_SPLIT, found_claims
from watermark.errors import WatermarkError
from watermark.reading import Paragraph, Reading, Row

MAX_PARTS = 4096
MAX_UNPACKED = 64 * 1024 * 1024
BODY = "word/document.xml"
_CHUNK = 1 << 16
_MAX_SPACING = 31_680
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}


def looks_like_docx(data: bytes) -> bool:
    """Whether an archive has the main part of a word processor's file. Raises nothing."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return BODY in archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return False


def read_docx(data: bytes) -> Reading:
    """Paragraphs with their spacing; rows of tables, and lines as rows of words.

    Errors: `watermark.bad_docx`, `watermark.too_complex`, `watermark.too_many_cells`.
    """
    body, properties = _open(data)
    lines = [Row(("",) * len(words), words) for words in map(_words, body.paragraphs) if words]
    if sum(len(row.values) for row in (*lines, *body.rows)) > MAX_CELLS:
        raise WatermarkError("watermark.too_many_cells", limit=MAX_CELLS)
    sheets = (tuple(body.rows), tuple(lines)) if body.rows else (tuple(lines),)
    texts = [*(paragraph.text for paragraph in body.paragraphs if "|" in paragraph.text), properties]
    return Reading("docx", sheets, found_claims("\n".join(texts), []), paragraphs=tuple(body.paragraphs))


def _words(paragraph: Paragraph) -> tuple[str, ...]:
    return tuple(word for word in TEXT_SPLIT.split(paragraph.text) if word)


def _open(data: bytes) -> tuple["_Body", str]:
    body, properties = _Body(), _Text()
    left = [MAX_UNPACKED]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) > MAX_PARTS:
                raise WatermarkError("watermark.too_complex")
            if BODY not in names:
                raise WatermarkError("watermark.bad_docx")
            _parse(archive, BODY, body, left)
            for name in names:
                if name.lower().startswith("docprops/") and name.lower().endswith(".xml"):
                    _parse(archive, name, properties, left)
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, RuntimeError, ValueError, EOFError) as error:
        raise WatermarkError("watermark.bad_docx") from error
    return body, "\n".join(properties.pieces)


def _refuse_document_type(*_: object) -> None:
    raise WatermarkError("watermark.bad_docx")


def _parse(archive: zipfile.ZipFile, name: str, reader: "_Body | _Text", left: list[int]) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = lambda tag, attributes: reader.begin(tag.rpartition(" ")[2], attributes)
    parser.EndElementHandler = lambda tag: reader.end(tag.rpartition(" ")[2])
    parser.CharacterDataHandler = reader.text
    with archive.open(name) as part:
        while chunk := part.read(_CHUNK):
            left[0] -= len(chunk)
            if left[0] < 0:
                raise WatermarkError("watermark.too_complex")
            parser.Parse(chunk)
        parser.Parse(b"", True)


class _Text:
    """All text of a part."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""

    def end(self, tag: str) -> None:
        """An element closes."""

    def text(self, data: str) -> None:
        """Text between tags."""
        self.pieces.append(data)


@dataclass
class _Run:
    spacing: int = 0
    in_properties: bool = False


@dataclass
class _Body:
    """The main part: paragraphs in order, and rows of tables. What was deleted under revision marks is left out."""

    paragraphs: list[Paragraph] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    _pieces: list[list[tuple[str, int]]] = field(default_factory=list)
    _cells: list[list[str]] = field(default_factory=list)
    _heads: list[tuple[str, ...]] = field(default_factory=list)
    _run: _Run | None = None
    _collecting: bool = False

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if tag == "p":
            self._pieces.append([])
        elif tag == "r":
            self._run = _Run()
        elif tag == "rPr" and self._run is not None:
            self._run.in_properties = True
        elif tag == "spacing" and self._run is not None and self._run.in_properties:
            self._run.spacing = _value(attributes)
        elif tag == "t":
            self._collecting = True
        elif tag in _BREAKS and self._run is not None and not self._run.in_properties:
            self._add(_BREAKS[tag])
        elif tag == "tbl":
            self._heads.append(())
        elif tag == "tr":
            self._cells.append([])
        elif tag == "tc" and self._cells:
            self._cells[-1].append("")

    def end(self, tag: str) -> None:
        """An element closes."""
        if tag == "p" and self._pieces:
            self._close_paragraph(self._pieces.pop())
        elif tag == "r":
            self._run = None
        elif tag == "rPr" and self._run is not None:
            self._run.in_properties = False
        elif tag == "t":
            self._collecting = False
        elif tag == "tr" and self._cells and self._heads:
            self._close_row(tuple(value.strip() for value in self._cells.pop()))
        elif tag == "tbl" and self._heads:
            self._heads.pop()

    def text(self, data: str) -> None:
        """Text between tags."""
        if self._collecting:
            self._add(data)

    def _add(self, text: str) -> None:
        if self._pieces:
            self._pieces[-1].append((text, self._run.spacing if self._run else 0))

    def _close_paragraph(self, pieces: list[tuple[str, int]]) -> None:
        text = "".join(piece for piece, _ in pieces)
        self.paragraphs.append(Paragraph(text, tuple((len(piece), spacing) for piece, spacing in pieces)))
        if self._cells and self._cells[-1]:
            self._cells[-1][-1] += text

    def _close_row(self, values: tuple[str, ...]) -> None:
        if not any(values):
            return
        if not self._heads[-1]:
            self._heads[-1] = values
        names = tuple(self._heads[-1][i] if i < len(self._heads[-1]) else "" for i in range(len(values)))
        self.rows.append(Row(names, values))


def _value(attributes: dict[str, str]) -> int:
    """The value of a spacing in twentieths of a point; a file may state anything."""
    found = next((value for name, value in attributes.items() if name.rpartition(" ")[2] == "val"), "0")
    try:
        number = float(found[:16].removesuffix("pt")) * (20 if found.endswith("pt") else 1)
    except ValueError:
        return 0
    return round(number) if abs(number) <= _MAX_SPACING else 0

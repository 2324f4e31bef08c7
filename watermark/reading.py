"""What was read out of a file of any kind: plain data, safe to hand from the sandbox as JSON."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watermark.evidence import Claim


@dataclass(frozen=True)
class Row:
    """One record: names and raw values in the file's order.

    `marks` holds per value what its spelling shows (JSON: bit 0 white space before the name, bit 1 after the colon,
    bit 2 first of its object; CSV: bit 0 quoted though it need not be; -1 where the writer had no choice); empty when
    the reading does not tell.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class GlyphPage:
    """Glyphs of one PDF page in the order of its text: code points, and origins in points."""

    codes: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Raster:
    """A picture's luma, one byte a pixel, row by row from the upper left corner."""

    width: int
    height: int
    pixels: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or len(self.pixels) != self.width * self.height:
            raise ValueError("raster")

    @classmethod
    def of(cls, luma: NDArray[np.uint8]) -> "Raster":
        """The raster of an array of shape (rows, columns)."""
        return cls(luma.shape[1], luma.shape[0], luma.tobytes())

    @property
    def luma(self) -> NDArray[np.uint8]:
        """As an array, shape (rows, columns), not writable."""
        return np.frombuffer(self.pixels, dtype=np.uint8).reshape(self.height, self.width)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a word processor's file: its text, and runs of (letters, spacing in twentieths of a point)."""

    text: str
    runs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if sum(count for count, _ in self.runs) != len(self.text):
            raise ValueError("paragraph")


@dataclass(frozen=True)
class Piece:
    """Text that a picture shows in one line, such as a cell. `at`: middles of its letters, pixels from the left."""

    text: str
    at: tuple[float, ...]
    top: float
    bottom: float

    def __post_init__(self) -> None:
        if not self.text or len(self.text) != len(self.at) or not self.top < self.bottom:
            raise ValueError("piece")

    @property
    def middle(self) -> float:
        """Pixels from above."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top


@dataclass(frozen=True)
class Reading:
    """A file, read.

    `kind`: json, csv, text, xlsx, docx, pdf, image or zip. `sheets`: alternative readings of the same table (rows, or
    columns turned to rows).
    `claims`: explicit copy ids with their tags. `pages`: glyphs, for a PDF. `rasters`: the picture, or pages of a PDF
    that show pictures. `pictures`: those inside a PDF, as they are stored. `files`: names and bytes of what an archive
    holds, not yet read. `lines`: of a text as they are, trailing blanks included. `paragraphs`: of a word processor's
    file. `seen`: lines of lettering that were read off the pictures (`watermark.seen_tables`); never from the sandbox.
    """

    kind: str
    sheets: tuple[tuple[Row, ...], ...] = ()
    claims: tuple[Claim, ...] = ()
    pages: tuple[GlyphPage, ...] = ()
    rasters: tuple[Raster, ...] = ()
    pictures: tuple[Raster, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
    lines: tuple[str, ...] = ()
    paragraphs: tuple[Paragraph, ...] = ()
    seen: tuple[tuple[Piece, ...], ...] = ()

    def to_json(self) -> dict[str, object]:
        """Plain JSON types."""
        return {
            "kind": self.kind,
            "sheets": [[[r.names, r.values, r.marks] for r in sheet] for sheet in self.sheets],
            "claims": [[c.copy_id, c.tag] for c in self.claims],
            "pages": [[p.codes, p.x, p.y] for p in self.pages],
            "lines": list(self.lines),
            "paragraphs": [[p.text, p.runs] for p in self.paragraphs],
            "files": [[name, base64.b64encode(data).decode()] for name, data in self.files],
            "rasters": [_raster_json(raster) for raster in self.rasters],
            "pictures": [_raster_json(raster) for raster in self.pictures],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Reading":
        """The inverse of `to_json`; every part is converted, so a malformed answer raises instead of passing on.

        Errors: ValueError, TypeError, KeyError on another shape.
        """
        return cls(
            kind=str(data["kind"]),
            sheets=tuple(tuple(_row(*row) for row in sheet) for sheet in data["sheets"]),
            claims=tuple(Claim(str(copy_id), str(tag)) for copy_id, tag in data["claims"]),
            pages=tuple(_page(*page) for page in data["pages"]),
            lines=tuple(map(str, data["lines"])),
            paragraphs=tuple(_paragraph(*paragraph) for paragraph in data["paragraphs"]),
            files=tuple((str(name), base64.b64decode(held, validate=True)) for name, held in data["files"]),
            rasters=tuple(_raster(*raster) for raster in data["rasters"]),
            pictures=tuple(_raster(*raster) for raster in data["pictures"]),
        )


def _row(names: list[str], values: list[str], marks: list[int]) -> Row:
    row = Row(tuple(map(str, names)), tuple(map(str, values)), tuple(map(int, marks)))
    if len(row.names) != len(row.values) or len(row.marks) not in {0, len(row.values)}:
        raise ValueError("row")
    return row


def _paragraph(text: str, runs: list[tuple[int, int]]) -> Paragraph:
    return Paragraph(str(text), tuple((int(count), int(spacing)) for count, spacing in runs))


def _page(codes: list[int], x: list[float], y: list[float]) -> GlyphPage:
    page = GlyphPage(tuple(map(int, codes)), tuple(map(float, x)), tuple(map(float, y)))
    if not len(page.codes) == len(page.x) == len(page.y):
        raise ValueError("page")
    return page


def _raster_json(raster: Raster) -> list[object]:
    return [raster.width, raster.height, base64.b64encode(raster.pixels).decode()]


def _raster(width: int, height: int, pixels: str) -> Raster:
    return Raster(int(width), int(height), base64.b64decode(pixels, validate=True))

"""The two faces in which documents are set: metrics, subsets to embed, outlines to draw.

Noto Sans SC and Noto Serif SC are CID-keyed CFF fonts in which CID and glyph index differ for almost every glyph, so
both are kept. Faces are loaded once per process and never change, so threads may share them; HarfBuzz's own objects
are used under a lock.
"""

import struct
import threading
from array import array
from collections.abc import Iterable
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import pylopdf_fonts_zh_cn
import uharfbuzz
from fontTools.ttLib import TTFont

from api.errors import ApiError

UNITS = 1000
"""Font units in an em, of both faces."""

_LOADING = threading.Lock()
_DROPPED = ("GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "DSIG", "name", "cmap")
_REMEMBERED = 128


class Typeface(StrEnum):
    """The faces at hand."""

    SANS = "sans"
    SERIF = "serif"


class FontFace:
    """One face. `glyphs` maps a code point to its glyph index; `cids` and `widths` (1/1000 em) go by glyph index."""

    def __init__(self, path: str) -> None:
        with TTFont(path, lazy=True) as font:
            order = font.getGlyphOrder()
            index = {name: gid for gid, name in enumerate(order)}
            metrics = font["hmtx"].metrics
            self.glyphs: dict[int, int] = {point: index[name] for point, name in font.getBestCmap().items()}
            self.cids = array("H", (int(name[3:]) if name.startswith("cid") else 0 for name in order))
            self.widths = array("H", (metrics[name][0] for name in order))
            head, os2 = font["head"], font["OS/2"]
            self.bbox: tuple[int, int, int, int] = (head.xMin, head.yMin, head.xMax, head.yMax)
            self.ascent: int = os2.sTypoAscender
            self.descent: int = os2.sTypoDescender
            self.cap_height: int = os2.sCapHeight
            self.name: str = font["name"].getDebugName(6)
        self._face: Any = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(path))
        self._font: Any = uharfbuzz.Font(self._face)
        self._lock = threading.Lock()
        self._subsets: dict[tuple[int, ...], bytes] = {}

    def missing(self, text: Iterable[str]) -> int:
        """How many different characters of `text` the face lacks."""
        return sum(1 for character in set(text) if ord(character) not in self.glyphs)

    def require(self, text: Iterable[str]) -> None:
        """Raises ApiError `documents.missing_glyph` where a character lacks: a silent box would be a false name."""
        missing = self.missing(text)
        if missing:
            raise ApiError("documents.missing_glyph", count=missing)

    def width(self, text: str, size: float) -> float:
        """The advance of `text` at `size`, in points."""
        glyphs, widths = self.glyphs, self.widths
        try:
            units: int = sum([widths[glyphs[ord(character)]] for character in text])
        except KeyError:
            raise ApiError("documents.missing_glyph", count=self.missing(text)) from None
        return units * size / UNITS

    def subset(self, glyphs: tuple[int, ...], *, remember: bool = False) -> bytes:
        """A bare CFF table with only these glyph indices (and .notdef); CIDs are kept.

        `remember` keeps up to `_REMEMBERED` answers, for glyphs that come back and are nobody's own, as titles are.
        """
        known = self._subsets.get(glyphs)
        if known is not None:
            return known
        table = self._cut(glyphs)
        if remember and len(self._subsets) < _REMEMBERED:
            self._subsets[glyphs] = table
        return table

    def _cut(self, glyphs: tuple[int, ...]) -> bytes:
        request = uharfbuzz.SubsetInput()
        request.glyph_set.update(glyphs)
        for tag in _DROPPED:
            request.drop_table_tag_set.add(int.from_bytes(tag.encode(), "big"))
        with self._lock:
            data = uharfbuzz.subset(self._face, request).blob.data
        return _table(data, b"CFF ")

    def outline(self, character: str) -> tuple[str, ...]:
        """A glyph's outline as PDF path operators in font units, without a painting operator."""
        self.require(character)
        operators: list[str] = []
        with self._lock:
            self._font.draw_glyph(self.glyphs[ord(character)], _path_writer(), operators)
        return tuple(operators)


def _table(font: bytes, wanted: bytes) -> bytes:
    """One table of an OpenType font (ISO/IEC 14496-22, table directory)."""
    for position in range(12, 12 + 16 * struct.unpack(">H", font[4:6])[0], 16):
        tag, _, offset, length = struct.unpack(">4sLLL", font[position : position + 16])
        if tag == wanted:
            return font[offset : offset + length]
    raise ApiError("documents.font_broken")


def _path_writer() -> object:
    """HarfBuzz callbacks that append PDF path operators to a list; CFF outlines have lines and cubic curves only."""

    def write(operator: str, numbers: tuple[float, ...], operators: list[str]) -> None:
        operators.append(" ".join(f"{number:g}" for number in numbers) + " " + operator)

    functions = uharfbuzz.DrawFuncs()
    functions.set_move_to_func(lambda x, y, out: write("m", (x, y), out))
    functions.set_line_to_func(lambda x, y, out: write("l", (x, y), out))
    functions.set_cubic_to_func(lambda ax, ay, bx, by, x, y, out: write("c", (ax, ay, bx, by, x, y), out))
    functions.set_close_path_func(lambda out: out.append("h"))
    return functions


@cache
def _load(typeface: Typeface) -> FontFace:
    paths = {Typeface.SANS: pylopdf_fonts_zh_cn.sans_path, Typeface.SERIF: pylopdf_fonts_zh_cn.serif_path}
    return FontFace(str(paths[typeface]()))


def font_face(typeface: Typeface) -> FontFace:
    """The face, loaded on first use (about 0.2 s) and kept."""
    with _LOADING:  # functools.cache alone would let two threads load the same face at once
        return _load(typeface)


@lru_cache(maxsize=512)
def glyph_outline(typeface: Typeface, character: str) -> tuple[str, ...]:
    """`FontFace.outline`, remembered: seals repeat the same few characters."""
    return font_face(typeface).outline(character)

"""The visible line of a copy, drawn as outlines: search and extraction never meet it."""

import math
from functools import lru_cache
from pathlib import Path

import pikepdf
import pylopdf_fonts_zh_cn
import uharfbuzz
from pikepdf import Array, Dictionary, Name

from watermark.errors import WatermarkError

_EM = 1000
_TILE_SIZE, _TILE_ANGLE, _TILE_GAP, _TILE_ROWS, _TILE_ALPHA = 12.0, 30.0, 60.0, 110.0, 0.09
_EDGE_SIZE, _EDGE_MARGIN = 6.5, 9.0


class _Pen:
    """Collects one glyph's outline as PDF path operators."""

    def __init__(self) -> None:
        self.ops: list[str] = []
        self._at = (0.0, 0.0)

    def moveTo(self, p: tuple[float, float]) -> None:  # noqa: N802 -- the pen protocol of harfbuzz and fontTools
        self.ops.append(f"{p[0]:.0f} {p[1]:.0f} m")
        self._at = p

    def lineTo(self, p: tuple[float, float]) -> None:  # noqa: N802 -- the pen protocol
        self.ops.append(f"{p[0]:.0f} {p[1]:.0f} l")
        self._at = p

    def curveTo(self, a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:  # noqa: N802 -- the pen protocol
        self.ops.append(f"{a[0]:.0f} {a[1]:.0f} {b[0]:.0f} {b[1]:.0f} {c[0]:.0f} {c[1]:.0f} c")
        self._at = c

    def qCurveTo(self, a: tuple[float, float], c: tuple[float, float]) -> None:  # noqa: N802 -- the pen protocol
        x, y = self._at
        one = (x + 2 * (a[0] - x) / 3, y + 2 * (a[1] - y) / 3)
        two = (c[0] + 2 * (a[0] - c[0]) / 3, c[1] + 2 * (a[1] - c[1]) / 3)
        self.curveTo(one, two, c)

    def closePath(self) -> None:  # noqa: N802 -- the pen protocol
        self.ops.append("h")

    def endPath(self) -> None:  # noqa: N802 -- the pen protocol
        self.ops.append("h")


class OutlineFont:
    """A font file whose glyphs are drawn as paths. Units: 1/1000 em."""

    def __init__(self, path: Path) -> None:
        self._font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path))))
        self._font.scale = (_EM, _EM)
        self._glyphs: dict[str, tuple[str, int]] = {}

    def glyph(self, char: str) -> tuple[str, int]:
        """(path operators, advance) of one character. Errors: `watermark.missing_glyph`."""
        if char not in self._glyphs:
            glyph = self._font.get_nominal_glyph(ord(char))
            if not glyph:
                raise WatermarkError("watermark.missing_glyph", code_point=f"U+{ord(char):04X}")
            pen = _Pen()
            self._font.draw_glyph_with_pen(glyph, pen)
            self._glyphs[char] = (" ".join(pen.ops), round(self._font.get_glyph_h_advance(glyph)))
        return self._glyphs[char]


@lru_cache(maxsize=1)
def default_font() -> OutlineFont:
    """Noto Sans SC, read once a process."""
    return OutlineFont(Path(pylopdf_fonts_zh_cn.sans_path()))


class VisibleLine:
    """One line of text as a form, with its width in em thousandths."""

    def __init__(self, pdf: pikepdf.Pdf, text: str, font: OutlineFont) -> None:
        ops: list[str] = []
        pen = drawn = 0
        for char in text:
            path, advance = font.glyph(char)
            if path:
                # Relative moves keep numbers short and the stream small.
                ops.append(f"1 0 0 1 {pen - drawn} 0 cm {path} f")
                drawn = pen
            pen += advance
        self.width = pen
        self.form = pdf.make_stream("\n".join(ops).encode())
        self.form[Name.Type] = Name.XObject
        self.form[Name.Subtype] = Name.Form
        self.form[Name.BBox] = Array([0, -300, max(pen, 1), _EM])


def overlay(resources: pikepdf.Object, box: tuple[float, float, float, float], lines: list[VisibleLine]) -> bytes:
    """Content that draws the lines over a page: the first tiled across it, all of them once at the lower edge.

    `box`: the page's corners in points. Adds what it needs to `resources`. An artifact in the sense of ISO 32000-2,
    14.8.2.2, so readers for the blind skip it.
    """
    names = []
    for number, line in enumerate(lines):
        name = f"/MydataLine{number}"
        _entry(resources, Name.XObject)[name] = line.form
        names.append(name)
    _entry(resources, Name.ExtGState)["/MydataTile"] = Dictionary(Type=Name.ExtGState, ca=_TILE_ALPHA)
    x0, y0, x1, y1 = box
    ops = ["/Artifact <</Type /Pagination /Subtype /Watermark>> BDC q 0 g /MydataTile gs"]
    ops += _tiles(names[0], lines[0].width * _TILE_SIZE / _EM, x0, y0, x1, y1)
    ops.append("Q q 0.35 g")
    y = y0 + _EDGE_MARGIN
    for name, line in zip(reversed(names), reversed(lines), strict=True):
        size = min(_EDGE_SIZE, 0.94 * (x1 - x0) * _EM / max(line.width, 1))
        x = (x0 + x1 - line.width * size / _EM) / 2
        ops.append(f"q {size / _EM:.6f} 0 0 {size / _EM:.6f} {x:.2f} {y:.2f} cm {name} Do Q")
        y += _EDGE_SIZE * 1.3
    ops.append("Q EMC")
    return "\n".join(ops).encode()


def _entry(resources: pikepdf.Object, name: pikepdf.Name) -> pikepdf.Object:
    existing = resources.get(name)
    # A dictionary shared with other pages must not grow on their behalf.
    resources[name] = Dictionary(dict(existing.items())) if existing is not None else Dictionary()
    return resources[name]


def _tiles(name: str, length: float, x0: float, y0: float, x1: float, y1: float) -> list[str]:
    """The line in parallel rows at an angle, every other row set off by half; along and across are the turned axes."""
    cos, sin = math.cos(math.radians(_TILE_ANGLE)), math.sin(math.radians(_TILE_ANGLE))
    k = _TILE_SIZE / _EM
    corners = [(x * cos + y * sin, y * cos - x * sin) for x in (x0, x1) for y in (y0, y1)]
    first_along, last_along = min(c[0] for c in corners), max(c[0] for c in corners)
    across, last_across = min(c[1] for c in corners), max(c[1] for c in corners)
    step = length + _TILE_GAP
    ops = []
    row = 0
    while across < last_across:
        along = first_along - (step / 2 if row % 2 else 0.0)
        while along < last_along:
            x, y = along * cos - across * sin, along * sin + across * cos
            if x < x1 and x + length * cos > x0 and y < y1 and y + length * sin > y0:
                ops.append(f"q {k * cos:.6f} {k * sin:.6f} {-k * sin:.6f} {k * cos:.6f} {x:.1f} {y:.1f} cm {name} Do Q")
            along += step
        across += _TILE_ROWS
        row += 1
    return ops

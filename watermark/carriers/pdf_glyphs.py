"""A PDF's glyphs: what each moves by under layer G, and which drawing number a reader's glyph has."""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pikepdf
from numpy.typing import NDArray

from watermark.carriers.pdf_layout import GlyphMover
from watermark.carriers.pdf_reading import read_glyphs
from watermark.forgetting import forgettable
from watermark.reading import GlyphPage

STEP = 0.2
SMALL_STEP = 0.018

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_PROBE_BASE = 24
_PROBE_STEP = 0.02
_MAX_PAIRS = 4_000_000


def steps(mover: GlyphMover) -> Floats:
    """How far each glyph moves across and up, in points; shape (n, 2).

    A fifth of a point (0.07 mm); less for small print, where it would show. Beside a space nothing moves across:
    readers find words by the gap.
    """
    size = np.minimum(STEP, SMALL_STEP * np.array(mover.sizes, dtype=np.float64))
    across = np.where(np.array(mover.beside_space, dtype=np.bool_), 0.0, size)
    return np.stack([across, size], axis=1)


@dataclass(frozen=True)
class Glyphs:
    """Glyphs of a document, all pages in one. Shapes (n,), points; `number` is the drawing number or -1."""

    code: Ints
    page: Ints
    x: Floats
    y: Floats
    number: Ints

    @property
    def points(self) -> Floats:
        """Positions, shape (n, 2)."""
        return np.stack([self.x, self.y], axis=1)


def joined(pages: tuple[GlyphPage, ...] | list[GlyphPage]) -> Glyphs:
    """The glyphs of all pages in one, without drawing numbers."""

    def all_of(parts: list[tuple[float, ...]]) -> Floats:
        return np.array([v for part in parts for v in part], dtype=np.float64)

    code = np.array([c for p in pages for c in p.codes], dtype=np.intp)
    page = np.repeat(np.arange(len(pages), dtype=np.intp), [len(p.codes) for p in pages])
    return Glyphs(code, page, all_of([p.x for p in pages]), all_of([p.y for p in pages]), np.full(len(code), -1))


def _moved(original: bytes, place: int) -> tuple[Floats, Glyphs]:
    """The original with each glyph moved by two digits of its number, base 24, from digit `place` on."""
    with pikepdf.open(io.BytesIO(original)) as pdf:
        mover = GlyphMover(pdf)

        def digits(number: int) -> tuple[float, float]:
            rest = number // _PROBE_BASE**place
            return rest % _PROBE_BASE * _PROBE_STEP, rest // _PROBE_BASE % _PROBE_BASE * _PROBE_STEP

        mover.move(digits)
        out = io.BytesIO()
        pdf.save(out)
    return steps(mover), joined(read_glyphs(out.getvalue())[0])


@lru_cache(maxsize=8)  # few: originals are personal data
def original_glyphs(original: bytes) -> tuple[Floats, Glyphs]:
    """(how far each glyph is moved by the mark, glyphs as the reader sees them with their drawing numbers).

    Reader and writer may count differently (ligatures, doubled glyphs, forms). So the original is moved by known,
    distinct amounts and read: each glyph then tells its own number.
    """
    plain = joined(read_glyphs(original)[0])
    number = np.zeros(len(plain.code), dtype=np.intp)
    known = np.ones(len(plain.code), dtype=np.bool_)
    place = 0
    while True:
        size, moved = _moved(original, place)
        partner = _same_glyphs(plain, moved)
        shift = moved.points[partner] - plain.points if len(moved.code) else np.zeros((len(plain.code), 2))
        digits = np.rint(shift / _PROBE_STEP).astype(np.intp)
        exact = np.abs(shift - digits * _PROBE_STEP).max(axis=1, initial=0.0) < _PROBE_STEP / 4
        known &= (partner >= 0) & exact & (digits >= 0).all(axis=1) & (digits < _PROBE_BASE).all(axis=1)
        number += (digits[:, 0] + digits[:, 1] * _PROBE_BASE) * _PROBE_BASE**place
        place += 2
        if _PROBE_BASE**place >= len(size):
            break
    number[~known | (number >= len(size))] = -1
    return size, Glyphs(plain.code, plain.page, plain.x, plain.y, number)


def _same_glyphs(plain: Glyphs, moved: Glyphs) -> Ints:
    """For each glyph its place in the moved original, or -1; the reader may list turned text in another order."""
    if np.array_equal(plain.code, moved.code):
        return np.arange(len(plain.code), dtype=np.intp)
    partner = np.full(len(plain.code), -1, dtype=np.intp)
    reach = _PROBE_BASE * _PROBE_STEP
    for page in np.unique(plain.page).tolist():
        for code in np.unique(plain.code[plain.page == page]).tolist():
            ours = np.flatnonzero((plain.code == code) & (plain.page == page))
            theirs = np.flatnonzero((moved.code == code) & (moved.page == page))
            if not len(theirs) or len(ours) * len(theirs) > _MAX_PAIRS:
                continue
            shift = moved.points[theirs][None] - plain.points[ours][:, None]
            fits: NDArray[np.bool_] = np.all((shift > -_PROBE_STEP / 2) & (shift < reach), axis=2)
            only = fits.sum(axis=1) == 1
            partner[ours[only]] = theirs[fits[only].argmax(axis=1)]
    return partner


forgettable(original_glyphs)

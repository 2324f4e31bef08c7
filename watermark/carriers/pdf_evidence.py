"""What a leaked PDF shows of layer G: how far each glyph stands from where the original has it.

The page may have been saved anew, moved, scaled, turned, cropped, cut into, or set on another page: an affine map per
pair of pages is fitted to glyphs that stand in the same text, from the leak and the original alone.
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pikepdf
from numpy.typing import NDArray

from watermark.carriers.pdf_layout import GlyphMover
from watermark.carriers.pdf_reading import read_glyphs, read_pdf
from watermark.evidence import ChipLayer, Evidence
from watermark.provenance import Leak, Sheet, best_match
from watermark.reading import GlyphPage

STEP = 0.2
SMALL_STEP = 0.018
LAYOUT = "layout"
"""Name of the layer; it separates the codes' derivations."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_PROBE_BASE = 24
_PROBE_STEP = 0.02
_NEAR = 1.0
_CLIP = 0.6
_OUTLIER = 1.0
_MIN_GLYPHS = 12
_GRAMS = (7, 5, 4, 3, 2, 1)
_ENOUGH_ANCHORS = 60
_SAMPLES = 400
_NEIGHBOURS = 40
_MAX_LOCAL = 4000
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


def _joined(pages: tuple[GlyphPage, ...] | list[GlyphPage]) -> Glyphs:
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
    return steps(mover), _joined(read_glyphs(out.getvalue())[0])


@lru_cache(maxsize=8)  # few: originals are personal data
def original_glyphs(original: bytes) -> tuple[Floats, Glyphs]:
    """(how far each glyph is moved by the mark, glyphs as the reader sees them with their drawing numbers).

    Reader and writer may count differently (ligatures, doubled glyphs, forms). So the original is moved by known,
    distinct amounts and read: each glyph then tells its own number.
    """
    plain = _joined(read_glyphs(original)[0])
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


def _unique_grams(codes: Ints, length: int) -> dict[tuple[int, ...], int]:
    """Runs of `length` codes that stand exactly once -> place of the first."""
    places: dict[tuple[int, ...], int] = {}
    items = codes.tolist()
    for i in range(len(items) - length + 1):
        gram = tuple(items[i : i + length])
        places[gram] = -1 if gram in places else i
    return {gram: i for gram, i in places.items() if i >= 0}


def _anchors(leak: Ints, original: Ints) -> Ints:
    """Pairs (leak place, original place) of glyphs in text that stands once in each; shape (n, 2)."""
    found: dict[int, int] = {}
    for length in _GRAMS:
        ours = _unique_grams(original, length)
        for gram, i in _unique_grams(leak, length).items():
            j = ours.get(gram)
            if j is not None:
                for k in range(length):
                    found.setdefault(i + k, j + k)
        if len(found) >= _ENOUGH_ANCHORS:
            break
    return np.array(sorted(found.items()), dtype=np.intp).reshape(-1, 2)


def _fit(source: Floats, target: Floats) -> Floats:
    """Least-squares affine map, shape (3, 2): [x y 1] @ map."""
    design = np.concatenate([source, np.ones((len(source), 1))], axis=1)
    affine: Floats = np.linalg.lstsq(design, target, rcond=None)[0]
    return affine


def _apply(affine: Floats, points: Floats) -> Floats:
    result: Floats = points @ affine[:2] + affine[2]
    return result


def _scale(affine: Floats) -> float:
    return float(np.sqrt(abs(np.linalg.det(affine[:2]))))


def _robust_fit(source: Floats, target: Floats) -> Floats | None:
    """The affine map that most pairs agree on, by sampling with fixed seeds; None if too few do."""
    rng = np.random.default_rng(len(source))
    best: tuple[int, NDArray[np.bool_]] | None = None
    spread = float(np.ptp(source, axis=0).max()) or 1.0
    for _ in range(_SAMPLES):
        chosen = rng.choice(len(source), 3, replace=False)
        corner = source[chosen]
        area = abs(np.linalg.det(corner[1:] - corner[0]))
        if area < 0.02 * spread**2:
            affine = _similarity(corner[:2], target[chosen[:2]], spread)
        else:
            affine = _fit(corner, target[chosen])
        if affine is None:
            continue
        inside = _inside(affine, source, target)
        count = int(inside.sum())
        if best is None or count > best[0]:
            best = (count, inside)
    if best is None or best[0] < _MIN_GLYPHS:
        return None
    inside = best[1]
    for _ in range(4):
        affine = _fit(source[inside], target[inside])
        inside = _inside(affine, source, target)
        if int(inside.sum()) < _MIN_GLYPHS:
            return None
    return affine


def _similarity(source: Floats, target: Floats, spread: float) -> Floats | None:
    """Turn, scale and shift through two pairs of points."""
    a, b = complex(*source[0]), complex(*source[1])
    p, q = complex(*target[0]), complex(*target[1])
    if abs(b - a) < 0.2 * spread:
        return None
    m = (q - p) / (b - a)
    t = p - m * a
    return np.array([[m.real, m.imag], [-m.imag, m.real], [t.real, t.imag]])


def _inside(affine: Floats, source: Floats, target: Floats) -> NDArray[np.bool_]:
    scale = _scale(affine)
    if not 0.05 < scale < 20:
        return np.zeros(len(source), dtype=np.bool_)
    distance = np.linalg.norm(_apply(affine, source) - target, axis=1)
    result: NDArray[np.bool_] = distance < _NEAR * scale
    return result


def _partners(leak: Glyphs, original: Glyphs, affine: Floats) -> Ints:
    """Pairs (leak place, original place) of equal codes that fall together under `affine`; each leak glyph once."""
    predicted = _apply(affine, original.points)
    limit = _NEAR * _scale(affine)
    pairs: list[tuple[int, int]] = []
    for code in np.intersect1d(leak.code, original.code).tolist():
        ours, theirs = np.flatnonzero(original.code == code), np.flatnonzero(leak.code == code)
        if len(ours) * len(theirs) > _MAX_PAIRS:
            continue
        distance = np.linalg.norm(predicted[ours][:, None] - leak.points[theirs][None], axis=2)
        nearest = distance.argmin(axis=1)
        close = np.flatnonzero(distance[np.arange(len(ours)), nearest] < limit)
        pairs += zip(theirs[nearest[close]].tolist(), ours[close].tolist(), strict=True)
    return np.array(pairs, dtype=np.intp).reshape(-1, 2)


def _midhinge(values: Floats, axis: int) -> Floats:
    """The middle of two clusters of signs; unlike a median it does not jump to one of them."""
    low, high = np.quantile(values, [0.25, 0.75], axis=axis)
    result: Floats = (low + high) / 2
    return result


def _flattened(residual: Floats, points: Floats) -> Floats:
    """Residual without smooth or line-wise shifts.

    Of three ways the one is taken after which the moves look most like +-0.2 pt. That looks at no candidate's code.
    """
    choices = [residual]
    if _MIN_GLYPHS < len(points) <= _MAX_LOCAL:
        distance = np.linalg.norm(points[:, None] - points[None], axis=2)
        near = np.argsort(distance, axis=1)[:, : min(_NEIGHBOURS, len(points))]
        choices.append(residual - _midhinge(residual[near], axis=1))
    lines = np.rint(points[:, 1] / 4)
    by_line = residual.copy()
    for line in np.unique(lines):
        here = lines == line
        if here.sum() >= 6:
            by_line[here] -= _midhinge(residual[here], axis=0)
    choices.append(by_line)
    return min(choices, key=lambda r: float(np.minimum(np.abs(np.abs(r) - STEP), 1.0).mean()))


def layout_scores(leak: Glyphs, original: Glyphs, size: Floats) -> Floats:
    """Scores of layer G: across and up for each glyph, scaled so that its own step is 0.2, clipped; shape (2 n,).

    `size`: how far the mark moves each of the original's glyphs, shape (n, 2).
    """
    count = len(size)
    total = np.zeros((count, 2))
    seen = np.zeros(count)
    anchors = _anchors(leak.code, original.code)
    if len(anchors) < _MIN_GLYPHS or not count:
        return total.reshape(-1)
    page_pairs = np.unique(np.stack([leak.page[anchors[:, 0]], original.page[anchors[:, 1]]], axis=1), axis=0)
    for leak_page, original_page in page_pairs.tolist():
        here = (leak.page[anchors[:, 0]] == leak_page) & (original.page[anchors[:, 1]] == original_page)
        if here.sum() < _MIN_GLYPHS:
            continue
        affine = _robust_fit(original.points[anchors[here, 1]], leak.points[anchors[here, 0]])
        if affine is None:
            continue
        on_leak, on_original = _page(leak, leak_page), _page(original, original_page)
        pairs = _partners(on_leak, on_original, affine)
        if len(pairs) < _MIN_GLYPHS:
            continue
        source, target = on_original.points[pairs[:, 1]], on_leak.points[pairs[:, 0]]
        affine = _fit(source, target)
        residual = (target - _apply(affine, source)) @ np.linalg.inv(affine[:2])
        number = on_original.number[pairs[:, 1]]
        known = number >= 0
        step = np.where(known[:, None], size[number], 0.0)
        residual = np.where(step > 0, residual * STEP / np.where(step > 0, step, 1.0), 0.0)
        flat = np.where(step > 0, _flattened(residual, source), 0.0)
        flat[np.abs(flat).max(axis=1) > _OUTLIER] = 0
        np.add.at(total, number[known], np.clip(flat[known], -_CLIP, _CLIP))
        np.add.at(seen, number[known], 1)
    return (total / np.maximum(seen, 1)[:, None]).reshape(-1)


def _page(glyphs: Glyphs, page: int) -> Glyphs:
    here = glyphs.page == page
    return Glyphs(glyphs.code[here], glyphs.page[here], glyphs.x[here], glyphs.y[here], glyphs.number[here])


def pdf_evidence(leak: Leak, original: bytes, content_id: str) -> Evidence:
    """Everything that `leak` shows of the original PDF. A leak that is no PDF can only show its values."""
    reading = leak.reading
    coverage = best_match(leak, Sheet(read_pdf(original).sheets[0])).coverage
    layers: tuple[ChipLayer, ...] = ()
    if reading.pages:
        size, glyphs = original_glyphs(original)
        layers = (ChipLayer(LAYOUT, layout_scores(_joined(reading.pages), glyphs, size)),)
    return Evidence(content_id, layers, (), reading.claims, coverage)

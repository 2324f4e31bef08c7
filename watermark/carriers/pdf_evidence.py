"""What a leaked PDF shows of layer G: how far each glyph stands from where the original has it.

The page may have been saved anew, moved, scaled, turned, cropped, cut into, or set on another page: an affine map per
pair of pages is fitted to glyphs that stand in the same text, from the leak and the original alone.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from watermark.carriers.pdf_glyphs import STEP, Glyphs, joined, original_glyphs
from watermark.carriers.pdf_reading import read_pdf
from watermark.evidence import PICTURE_CELL, ChipLayer, Evidence, SpreadLayer
from watermark.provenance import Leak, Sheet, best_match

LAYOUT = "layout"
"""Name of the layer; it separates the codes' derivations."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_SAME_FORM = 40
_NEARLY_ALL = 0.9
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


def _all_compared(scores: Floats | None, original: bytes) -> bool:
    """Whether the places of nearly all glyphs that the mark moves were read from text."""
    movable = np.count_nonzero(original_glyphs(original)[0])
    return scores is not None and bool(0 < _NEARLY_ALL * movable < np.count_nonzero(scores))


def pdf_evidence(leak: Leak, original: bytes, content_id: str) -> Evidence:
    """Everything that `leak` shows of the original PDF. A leak that is no PDF can only show its values."""
    reading = leak.reading
    coverage = best_match(leak, Sheet(read_pdf(original).sheets[0])).coverage
    scores: Floats | None = None
    if reading.pages:
        size, glyphs = original_glyphs(original)
        scores = layout_scores(joined(reading.pages), glyphs, size)
    if reading.rasters and not _all_compared(scores, original):
        from watermark.carriers.pdf_raster_evidence import raster_scores

        seen, agreeing = raster_scores(reading.rasters, original)
        # Where a page's text could be compared, its picture tells nothing more.
        scores = seen if scores is None or not scores.any() else np.where(scores != 0, scores, seen)
        if agreeing >= _SAME_FORM and not coverage.rows:
            coverage = replace(coverage, cells=frozenset({PICTURE_CELL}), rows=1)
    layers = (ChipLayer(LAYOUT, scores),) if scores is not None else ()
    pictures: tuple[SpreadLayer, ...] = ()
    if reading.rasters or reading.pictures:
        from watermark.carriers.pdf_picture_evidence import picture_layers

        pictures, agreeing = picture_layers(reading, original)
        if agreeing >= _SAME_FORM and not coverage.rows:
            coverage = replace(coverage, cells=frozenset({PICTURE_CELL}), rows=1)
    return Evidence(content_id, layers, (), reading.claims, coverage, pictures)

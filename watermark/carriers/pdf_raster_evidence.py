"""Layer G read from pixels: a rendered, printed, scanned or photographed copy of a PDF.

The original's page is drawn and the suspect laid on it. What a small shift of a glyph changes is its gradient; so for
each glyph the shift is what the gradient explains of the difference (least squares over the glyph's box, together
with its contrast and paper). Grey values need not survive: a binarised page shows shifts as well.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.carriers.image_evidence import best_registered
from watermark.carriers.pdf_glyphs import STEP, original_glyphs
from watermark.carriers.pdf_rendering import DrawnPage, drawn_page
from watermark.forgetting import forgettable
from watermark.reading import Raster
from watermark.registration import Features, Registered, features

Floats = NDArray[np.float64]

DPI = 150.0
MAX_PAGES = 6
"""Pages of an original that a picture is held against."""

_BLUR = 1.0
_MARGIN = 1.0
_MIN_CONTRAST = 0.2
_MIN_SEEN = 20
_NEIGHBOURS = 40
_CLIP = 1.5
_BLOCK = 512


@lru_cache(maxsize=4)  # few: originals are personal data
def original_page(original: bytes, number: int) -> tuple[DrawnPage, Features]:
    """A page of an original as a picture, with its features. Errors: those of `drawn_page`."""
    page = drawn_page(original, number, DPI)
    return page, features(page.luma)


def raster_scores(rasters: tuple[Raster, ...], original: bytes) -> tuple[Floats, int]:
    """(scores of layer G as `layout_scores` gives them, shape (2 n,); the most features that agreed on any page)."""
    size, glyphs = original_glyphs(original)
    total = np.zeros((len(size), 2))
    seen_best = 0
    for number in range(min(int(glyphs.page.max(initial=-1)) + 1, MAX_PAGES)):
        page, known = original_page(original, number)
        seen = best_registered(rasters, page.luma, known)
        if seen is None:
            continue
        seen_best = max(seen_best, seen.inliers)
        here = np.flatnonzero((glyphs.page == number) & (glyphs.number >= 0))
        on_page = np.flatnonzero(glyphs.page == number)
        if len(on_page) != len(page.boxes):
            continue
        boxes = page.boxes[here - on_page[0]]
        shifts, noise = glyph_shifts(seen, page, boxes)
        total[glyphs.number[here]] = _scores(shifts, noise, glyphs.points[here], size[glyphs.number[here]])
    return total.reshape(-1), seen_best


def _sums(plane: Floats, boxes: NDArray[np.intp]) -> Floats:
    """Sums of a plane over boxes (left, top, right, bottom), shape (n,)."""
    integral = cv2.integral(plane, sdepth=cv2.CV_64F)
    left, top, right, bottom = boxes.T
    result: Floats = integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]
    return result


def glyph_shifts(seen: Registered, page: DrawnPage, boxes: Floats) -> tuple[Floats, Floats]:
    """(shift of each glyph in points, right and up; its variance), both of shape (n, 2); NaN where it is not seen."""
    rows, columns = page.luma.shape
    edges = np.concatenate([np.floor(boxes[:, :2] - _MARGIN), np.ceil(boxes[:, 2:] + _MARGIN)], axis=1)
    places = edges.astype(np.intp)
    places[:, 0::2] = places[:, 0::2].clip(0, columns)
    places[:, 1::2] = places[:, 1::2].clip(0, rows)
    area = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    ours = np.asarray(cv2.GaussianBlur(page.luma.astype(np.float32), (0, 0), _BLUR), np.float64)
    theirs = np.asarray(cv2.GaussianBlur(seen.luma, (0, 0), _BLUR), np.float64)
    right = np.asarray(cv2.Sobel(ours, cv2.CV_64F, 1, 0, scale=1 / 8), np.float64)
    down = np.asarray(cv2.Sobel(ours, cv2.CV_64F, 0, 1, scale=1 / 8), np.float64)
    terms = [ours, np.ones_like(ours), -right, -down]
    normal = np.empty((len(places), 4, 4))
    target = np.empty((len(places), 4))
    for i, one in enumerate(terms):
        for j in range(i, 4):
            normal[:, i, j] = normal[:, j, i] = _sums(one * terms[j], places)
        target[:, i] = _sums(one * theirs, places)
    power = _sums(theirs * theirs, places)
    visible = _sums(seen.valid.astype(np.float64), places) >= area - 0.5
    usable = visible & (area > 12)
    trace = np.einsum("nii->ni", normal)
    normal[:, range(4), range(4)] += 1e-9 * trace + 1e-6
    inverse = np.linalg.inv(normal)
    fit = np.einsum("nij,nj->ni", inverse, target)
    usable &= fit[:, 0] > _MIN_CONTRAST
    contrast = np.where(usable, fit[:, 0], 1.0)
    left_over = np.maximum(power - np.einsum("ni,ni->n", fit, target), 0) / np.maximum(area - 4, 1)
    # Neighbouring pixels err alike (blur, resampling), which scales all variances by the same factor.
    variance = left_over[:, None] * inverse[:, (2, 3), (2, 3)] / contrast[:, None] ** 2
    shifts = fit[:, 2:] / contrast[:, None] @ page.points
    spread = variance @ np.square(page.points)
    shifts[~usable] = np.nan
    spread[~usable] = np.nan
    return shifts, spread


def _scores(shifts: Floats, noise: Floats, points: Floats, step: Floats) -> Floats:
    """Shifts without what neighbours share (registration's error), clipped and weighted by how surely they are known.

    `points`: where the glyphs stand, `step`: how far the mark moves each; shapes (n, 2).
    """
    out = np.zeros_like(shifts)
    seen = np.flatnonzero(~np.isnan(shifts).any(axis=1))
    if len(seen) < _MIN_SEEN:
        return out
    near = _neighbours(points[seen])
    for axis in range(2):
        moved = shifts[seen, axis]
        moved = moved - np.median(moved[near], axis=1)
        limit = _CLIP * float(np.quantile(np.abs(moved), 0.75)) + 1e-9
        variance = noise[seen, axis] + STEP**2 / 4
        size = step[seen, axis]
        out[seen, axis] = np.clip(moved, -limit, limit) * size / (variance + limit**2 / 4) * STEP
    return out


def _neighbours(points: Floats) -> NDArray[np.intp]:
    """The nearest glyphs of each, itself not among them, shape (n, up to 40)."""
    count = min(_NEIGHBOURS, len(points) - 1)
    found = np.empty((len(points), count), dtype=np.intp)
    for start in range(0, len(points), _BLOCK):
        part = points[start : start + _BLOCK]
        distance = np.square(part[:, None] - points[None]).sum(axis=2)
        distance[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        found[start : start + _BLOCK] = np.argpartition(distance, count - 1, axis=1)[:, :count]
    return found


forgettable(original_page)

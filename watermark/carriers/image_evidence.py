"""What a leaked picture shows of layer P: its difference from the original, cell by cell.

The suspect is laid on the original, the original as blurred and toned as the suspect is taken away, and what is left
is weighted by how far it can be trusted there. Only the leak and the original are looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.carriers.image_layer import CELLS, PIXELS, cell_shape, texture
from watermark.carriers.image_reading import open_picture
from watermark.evidence import PICTURE_CELL, Coverage, Evidence, SpreadLayer
from watermark.forgetting import forgettable
from watermark.provenance import Leak
from watermark.reading import Raster
from watermark.registration import Features, Registered, Suspect, features, register

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

_BLURS = (0.7, 1.5, 3.0, 5.0, 8.0)
_SAMPLED = 60_000
_FITS = 4
_MIN_SAMPLES = 500
_REFITS = 3
_TELLING = 0.25
_MOSTLY = 0.8
_BINS = 200
_BIN = 2.0
_BELOW = 72.0
_OFTEN = 40
_REACH = 6.0
_LIGHT = 16.0
_CLIP = 3.0
_NOISE_FLOOR = 1.0
_EDGE_TRUST = 0.02
_NOISE_REACH = 4.0
_MAX_RESIDUAL = 40.0
_HIGH_PASS = 3.0
_FOREIGN = 24.0
_SPOT = 15
_SOLID = 0.5
_FOLLOWS = 0.4


@lru_cache(maxsize=4)  # few: originals are personal data
def original_picture(original: bytes) -> tuple[Gray, Features]:
    """Luma and features of an original. Errors: `watermark.bad_original` and its like."""
    luma = open_picture(original).luma
    return luma, features(luma)


def image_evidence(leak: Leak, original: bytes, content_id: str) -> Evidence:
    """Everything that `leak` shows of a picture. A leak that shows no picture shows nothing of it."""
    rasters = leak.reading.rasters
    if not rasters:
        return Evidence(content_id)
    luma, known = original_picture(original)
    best = best_registered(rasters, luma, known)
    if best is None:
        return Evidence(content_id)
    coverage = Coverage(frozenset({PICTURE_CELL}), 1, strong=False)
    cells = cell_sums(best, luma)
    layers = (SpreadLayer(PIXELS, cells),) if cells else ()
    return Evidence(content_id, (), (), leak.reading.claims, coverage, layers)


@lru_cache(maxsize=12)  # one file's pictures, held against many originals
def suspect_of(raster: Raster) -> Suspect:
    """A leak's picture, whose features are found once."""
    return Suspect(raster.luma)


def best_registered(rasters: tuple[Raster, ...], luma: Gray, known: Features) -> Registered | None:
    """Of a leak's pictures, the one that shows the original best: most agreeing features, then most of it."""
    found = [one for raster in rasters if (one := register(suspect_of(raster), luma, known)) is not None]
    return max(found, key=lambda one: (one.inliers, int(one.valid.sum())), default=None)


def _terms(original: Floats) -> Iterator[Floats]:
    """What a faithful but blurred, toned and slightly shifted copy is made of, one plane after another."""
    soft, softer = _blurred(original, _BLURS[0]), _blurred(original, _BLURS[1])
    yield original
    yield soft
    yield softer
    for sigma in _BLURS[2:]:
        yield _blurred(original, sigma)
    yield np.asarray(soft * soft / 255, np.float32)
    yield np.asarray(soft * soft * soft / 65025, np.float32)
    yield np.asarray(softer * softer / 255, np.float32)
    yield np.asarray(cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8), np.float32)
    yield np.asarray(cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8), np.float32)
    yield np.ones_like(original)


def _blurred(plane: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


@dataclass(frozen=True)
class Difference:
    """What a suspect has beyond the original, all of the original's shape.

    `left`: in the suspect's grey levels. `trust`: 1 where it counts. `slope`: how much of a small change of the
    original's luma the suspect still shows: about 1, and 0 where it was washed out to white or black.
    """

    left: Floats
    trust: Floats
    slope: Floats


def difference(seen: Registered, original: Gray) -> Difference | None:
    """The suspect without what the original explains; None if too little of it is seen.

    First the original's blurred and toned planes, by least squares that forget what does not fit (a stamp, a
    redaction). Then a curve from what they predict to what the suspect shows: after whitening or binarising it is a
    step, and only the pixels on the step tell anything; there the planes are fitted again.
    """
    plain = original.astype(np.float32)
    valid = np.asarray(cv2.erode(seen.valid, np.ones((7, 7), np.uint8), borderValue=0), np.uint8)
    places = np.flatnonzero(valid)
    if len(places) < _MIN_SAMPLES:
        return None
    weights = _fitted(seen, plain, places)
    predicted = _combined(weights, plain)
    ours = places[~_foreign(predicted, seen.luma).ravel()[places]]
    places = ours if len(ours) >= _MIN_SAMPLES else places
    curve = Curve.of(predicted.ravel()[places], seen.luma.ravel()[places])
    for _ in range(_REFITS):
        telling = places[curve.slope(predicted.ravel()[places]) > _TELLING * curve.steepest]
        if len(telling) < _MIN_SAMPLES or len(telling) > _MOSTLY * len(places):
            break
        predicted = _combined(_fitted(seen, plain, telling, robust=False), plain)
        curve = Curve.of(predicted.ravel()[places], seen.luma.ravel()[places])
    trust = valid.astype(np.float32)
    left = (seen.luma - curve.value(predicted)) * trust
    light = cv2.GaussianBlur(left, (0, 0), _LIGHT) / (cv2.GaussianBlur(trust, (0, 0), _LIGHT) + 1e-3)
    return Difference(np.asarray((left - light) * trust, np.float32), trust, curve.slope(predicted))


def _fitted(seen: Registered, plain: Floats, places: NDArray[np.intp], *, robust: bool = True) -> NDArray[np.float64]:
    """How much of each plane of `_terms` the suspect shows at `places`."""
    chosen = places[:: max(1, len(places) // _SAMPLED)]
    design = np.stack([term.ravel()[chosen] for term in _terms(plain)], axis=1).astype(np.float64)
    target = seen.luma.ravel()[chosen].astype(np.float64)
    kept = np.ones(len(target), dtype=np.bool_)
    weights: NDArray[np.float64] = np.zeros(design.shape[1])
    for _ in range(_FITS if robust else 1):
        if kept.sum() < _MIN_SAMPLES // 2:
            break
        weights = np.asarray(np.linalg.lstsq(design[kept], target[kept], rcond=None)[0], np.float64)
        error = np.abs(target - design @ weights)
        kept = error < max(10.0, 4 * float(np.median(error)))
    return weights


def _foreign(predicted: Floats, shown: Floats) -> NDArray[np.bool_]:
    """Spots that do not show the original (black bars, a stamp): they would bend the curve of tones for all the rest.

    There the pixels are far off and do not follow what is predicted. After binarising many are far off, but follow.
    """
    far = (cv2.absdiff(predicted, shown) > _FOREIGN).astype(np.float32)
    window = (_SPOT, _SPOT)
    mean_p, mean_s = cv2.blur(predicted, window), cv2.blur(shown, window)
    varies_p = np.maximum(cv2.blur(predicted * predicted, window) - mean_p * mean_p, 0)
    varies_s = np.maximum(cv2.blur(shown * shown, window) - mean_s * mean_s, 0)
    together = cv2.blur(predicted * shown, window) - mean_p * mean_s
    unlike = together < _FOLLOWS * np.sqrt(varies_p * varies_s) + 1.0
    return np.asarray((cv2.blur(far, window) > _SOLID) & (far > 0) & unlike, np.bool_)


def _combined(weights: NDArray[np.float64], plain: Floats) -> Floats:
    total = np.zeros_like(plain)
    for weight, term in zip(weights.tolist(), _terms(plain), strict=True):
        total += np.float32(weight) * term
    return total


@dataclass(frozen=True)
class Curve:
    """Mean of what is shown over what was predicted, at the levels that occur often enough; float arrays (n,)."""

    levels: NDArray[np.float64]
    means: NDArray[np.float64]

    @classmethod
    def of(cls, predicted: Floats, shown: Floats) -> "Curve":
        """The curve of some pixels, each of shape (n,)."""
        bins = np.clip((predicted + _BELOW) / _BIN, 0, _BINS - 1).astype(np.intp)
        counts = np.bincount(bins, minlength=_BINS)
        often = np.flatnonzero(counts >= min(_OFTEN, int(counts.max())))
        levels = np.bincount(bins, weights=predicted, minlength=_BINS)[often] / counts[often]
        means = np.bincount(bins, weights=shown, minlength=_BINS)[often] / counts[often]
        return cls(levels, means)

    def value(self, predicted: Floats) -> Floats:
        """What is shown where so much is predicted."""
        return np.asarray(np.interp(predicted, self.levels, self.means), np.float32)

    def slope(self, predicted: Floats) -> Floats:
        """How steep the curve is, at least 0."""
        grid = np.linspace(self.levels[0], self.levels[-1], 4 * _BINS)
        low, high = np.maximum(grid - _REACH, self.levels[0]), np.minimum(grid + _REACH, self.levels[-1])
        rise = np.interp(high, self.levels, self.means) - np.interp(low, self.levels, self.means)
        width = high - low
        steep = np.where(width > _BIN, np.maximum(rise, 0) / np.maximum(width, _BIN), 1.0)
        return np.asarray(np.interp(predicted, grid, steep), np.float32)

    @property
    def steepest(self) -> float:
        """Its steepest place."""
        return float(self.slope(np.asarray(self.levels, np.float32)).max())


def cell_sums(seen: Registered, original: Gray) -> tuple[tuple[int, Floats], ...]:
    """What each cell leans to, by cell size; empty if too little is seen."""
    found = difference(seen, original)
    if found is None:
        return ()
    left, trust = found.left, found.trust
    shape = (original.shape[0], original.shape[1])
    noise = cv2.GaussianBlur(np.square(np.clip(left, -_MAX_RESIDUAL, _MAX_RESIDUAL)), (0, 0), _NOISE_REACH)
    noise = np.asarray(noise + _NOISE_FLOOR, np.float32)
    plain = original.astype(np.float32)
    edge = cv2.GaussianBlur(
        cv2.magnitude(cv2.Sobel(plain, cv2.CV_32F, 1, 0), cv2.Sobel(plain, cv2.CV_32F, 0, 1)) / 8, (0, 0), 1.0
    )
    limit = _CLIP * np.sqrt(noise)
    weight = texture(original).full_gain(shape) * found.slope * trust / (noise + _EDGE_TRUST * np.square(edge))
    leaning = np.asarray(np.clip(left, -limit, limit) * weight, np.float32)
    return tuple((size, _summed(leaning, size)) for size, _ in sorted(CELLS))


def _summed(leaning: Floats, size: int) -> Floats:
    """Sums over cells of `size` pixels; those of the largest without what is coarser than they."""
    rows, columns = cell_shape((leaning.shape[0], leaning.shape[1]), size)
    padded = cv2.copyMakeBorder(
        leaning, 0, rows * size - leaning.shape[0], 0, columns * size - leaning.shape[1], cv2.BORDER_CONSTANT, value=0
    )
    cells = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA) * np.float32(size * size)
    if size == max(cell for cell, _ in CELLS):
        cells = cells - cv2.GaussianBlur(cells, (0, 0), _HIGH_PASS)
    return np.asarray(cells, np.float32)


forgettable(original_picture, suspect_of)

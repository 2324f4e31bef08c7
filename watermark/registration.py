"""Finding where a suspect picture shows an original, and bringing it on to the original's pixels.

Informed: both pictures are there, no template is hidden in either. RootSIFT features (Arandjelovic and Zisserman,
2012) and a homography by MAGSAC++ (Barath et al., 2020); a mirrored suspect is tried when too few features agree; a
small or plain picture is tried as a whole in its eight positions. Then local bending is measured by a grid of phase
correlations, and the suspect is resampled once.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.bending import Bend, bending

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]

MIN_INLIERS = 12
"""Agreeing features below which a homography is not believed."""

_MIN_CORRELATION = 0.35
_LONGEST = 1400
_SMALL = 600
_ENLARGED = 1.6
_FEATURES = 4000
_RATIO = 0.85
_REACH = 3.0
_THUMB = 160
_MIN_SIDE = 24
_ROUNDS = 2
_PREFILTER_FROM = 0.7


@dataclass(frozen=True)
class Features:
    """Places (n, 2) in the picture's pixels and RootSIFT descriptors (n, 128)."""

    places: Matrix
    descriptors: Floats


@dataclass(frozen=True)
class Suspect:
    """A suspect picture; its features are found once, however many originals it is held against."""

    luma: Gray

    @cached_property
    def plain(self) -> Features:
        """Features of the picture as it is."""
        return features(self.luma)

    @cached_property
    def mirrored(self) -> Features:
        """Features of the picture seen in a mirror."""
        return features(np.ascontiguousarray(self.luma[:, ::-1]))


@dataclass(frozen=True)
class Registered:
    """A suspect on the original's pixels.

    `luma`: float, shape of the original. `valid`: 1 where the suspect shows it, else 0. `inliers`: features that
    agree, 0 if the picture was matched as a whole. `scale`: pixels of the suspect per pixel of the original.
    """

    luma: Floats
    valid: Gray
    inliers: int
    scale: float


def features(luma: Gray, count: int = _FEATURES) -> Features:
    """The strongest features of a picture, looked at in a size that fits its detail."""
    longest = max(luma.shape)
    scale = _LONGEST / longest if longest > _LONGEST else (_ENLARGED if longest <= _SMALL else 1.0)
    shown = luma
    if scale != 1.0:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        shown = np.asarray(cv2.resize(luma, None, fx=scale, fy=scale, interpolation=how), np.uint8)
    points, descriptors = cv2.SIFT.create(count, contrastThreshold=0.02).detectAndCompute(shown, None)
    if descriptors is None or not points:
        return Features(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    places = (np.array([p.pt for p in points], dtype=np.float64) + 0.5) / scale - 0.5
    root = np.sqrt(descriptors / (np.abs(descriptors).sum(axis=1, keepdims=True) + 1e-9))
    return Features(places, np.asarray(root, np.float32))


def _homography(suspect: Features, original: Features) -> tuple[Matrix | None, int]:
    """(map from suspect to original, features that agree)."""
    if min(len(suspect.places), len(original.places)) < 8:
        return None, 0
    near = cv2.BFMatcher(cv2.NORM_L2).knnMatch(suspect.descriptors, original.descriptors, k=2)
    good = [pair[0] for pair in near if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(good) < 8:
        return None, 0
    source = np.array([suspect.places[g.queryIdx] for g in good], dtype=np.float32)
    target = np.array([original.places[g.trainIdx] for g in good], dtype=np.float32)
    found, agree = cv2.findHomography(
        source, target, method=cv2.USAC_MAGSAC, ransacReprojThreshold=_REACH, maxIters=5000, confidence=0.9999
    )
    if found is None or not np.isfinite(found).all():
        return None, 0
    chosen = agree.ravel() > 0
    # Many features may lie on one spot (a repeated stamp); places that differ are what counts.
    distinct = len(np.unique(np.rint(target[chosen] / 4), axis=0))
    return np.asarray(found, np.float64), distinct


def _plausible(found: Matrix, suspect: tuple[int, ...], original: tuple[int, ...]) -> bool:
    """Whether the suspect's frame stays a convex frame of a reasonable size on the original."""
    rows, columns = suspect[:2]
    corners = np.array([[0, 0, 1], [columns, 0, 1], [columns, rows, 1], [0, rows, 1]], dtype=np.float64)
    mapped = corners @ found.T
    if (mapped[:, 2] <= 1e-9).any():
        return False
    places = mapped[:, :2] / mapped[:, 2:]
    edges = np.roll(places, -1, axis=0) - places
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    if not ((turns > 0).all() or (turns < 0).all()):
        return False
    area = 0.5 * abs(float((places[:, 0] * np.roll(places[:, 1], -1) - places[:, 1] * np.roll(places[:, 0], -1)).sum()))
    share = area / (original[0] * original[1])
    return 0.002 < share < 1000


def _turned(shape: tuple[int, ...], quarter: int, *, mirrored: bool) -> Matrix:
    """Map from a picture's pixels to those of the picture turned by `quarter` x 90 degrees, after a mirror."""
    rows, columns = shape[:2]
    change = np.eye(3)
    if mirrored:
        change = np.array([[-1.0, 0, columns - 1], [0, 1, 0], [0, 0, 1]]) @ change
    for _ in range(quarter % 4):  # clockwise: x' = rows - 1 - y, y' = x
        change = np.array([[0.0, -1, rows - 1], [1, 0, 0], [0, 0, 1]]) @ change
        rows, columns = columns, rows
    return change


def _as_a_whole(suspect: Gray, original: Gray) -> Matrix | None:
    """The position, of eight, in which the whole suspect looks like the whole original; None if none does."""
    rows, columns = original.shape
    scale = min(1.0, _THUMB / max(rows, columns))
    thumb = (max(8, round(columns * scale)), max(8, round(rows * scale)))
    ours = _normalised(cv2.resize(original, thumb, interpolation=cv2.INTER_AREA))
    found: list[tuple[float, Matrix]] = []
    for mirrored in (False, True):
        for quarter in range(4):
            seen = np.rot90(suspect[:, ::-1] if mirrored else suspect, -quarter)
            aspect = (seen.shape[1] / seen.shape[0]) / (columns / rows)
            if not 0.5 < aspect < 2.0:
                continue
            shown = cv2.resize(np.ascontiguousarray(seen), thumb, interpolation=cv2.INTER_AREA)
            likeness = float((ours * _normalised(shown)).mean())
            stretch = _stretch(seen.shape, original.shape)
            found.append((likeness, stretch @ _turned(suspect.shape, quarter, mirrored=mirrored)))
    best = max(found, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] >= _MIN_CORRELATION else None


def _stretch(source: tuple[int, ...], target: tuple[int, ...]) -> Matrix:
    """Map between pixel centres of two frames that cover the same picture."""
    x, y = target[1] / source[1], target[0] / source[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _normalised(picture: NDArray[np.generic]) -> Floats:
    values = np.asarray(picture, np.float32)
    return np.asarray((values - values.mean()) / (values.std() + 1e-3), np.float32)


def _placed(suspect: Suspect, original: Gray, known: Features) -> tuple[Matrix | None, int]:
    """(map from suspect to original, features that agree or 0)."""
    shape = suspect.luma.shape
    found, agreed = _homography(suspect.plain, known)
    if found is not None and agreed >= MIN_INLIERS and _plausible(found, shape, original.shape):
        return found, agreed
    found, agreed = _homography(suspect.mirrored, known)
    if found is not None and agreed >= MIN_INLIERS and _plausible(found, shape, original.shape):
        return found @ _turned(shape, 0, mirrored=True), agreed
    return _as_a_whole(suspect.luma, original), 0


def register(suspect: Gray | Suspect, original: Gray, known: Features | None = None) -> Registered | None:
    """`suspect` on the pixels of `original`; None if the one does not show the other.

    `known`: the original's features, where they are at hand.
    """
    shown = suspect if isinstance(suspect, Suspect) else Suspect(suspect)
    if min(*shown.luma.shape, *original.shape) < _MIN_SIDE:
        return None
    found, agreed = _placed(shown, original, known or features(original))
    if found is None:
        return None
    back: Matrix = np.asarray(np.linalg.inv(found), np.float64)
    scale = _scale_at_centre(back, original.shape)
    source = shown.luma
    if scale > 1 / _PREFILTER_FROM:
        # Shrinking by interpolation alone would fold fine detail into the mark's band.
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.45 * scale), np.uint8)
    bend = Bend.none()
    reference = np.asarray(original, np.float32)
    for round_ in range(_ROUNDS + 1):
        luma, valid = _resampled(source, back, bend, original.shape)
        if round_ == _ROUNDS:
            break
        measured = bending(luma, valid, reference)
        if measured is None:
            break
        bend = bend.plus(measured)
    if not valid.any() or (agreed == 0 and _correlation(luma, valid, reference) < _MIN_CORRELATION):
        return None
    return Registered(luma, valid, agreed, scale)


def _scale_at_centre(back: Matrix, shape: tuple[int, ...]) -> float:
    """Pixels of the suspect per pixel of the original, where the original's middle is."""
    x, y = shape[1] / 2, shape[0] / 2
    points = np.array([[x, y, 1], [x + 1, y, 1], [x, y + 1, 1]]) @ back.T
    places = points[:, :2] / points[:, 2:]
    return math.sqrt(abs(float(np.linalg.det(places[1:] - places[0])))) or 1.0


def _resampled(source: Gray, back: Matrix, bend: Bend, shape: tuple[int, ...]) -> tuple[Floats, Gray]:
    rows, columns = shape[:2]
    x = np.arange(columns, dtype=np.float32)[None, :] + bend.across
    y = np.arange(rows, dtype=np.float32)[:, None] + bend.down
    m = back.astype(np.float32)
    over = 1.0 / (m[2, 0] * x + m[2, 1] * y + m[2, 2])
    map_x = (m[0, 0] * x + m[0, 1] * y + m[0, 2]) * over
    map_y = (m[1, 0] * x + m[1, 1] * y + m[1, 2]) * over
    del x, y, over
    luma = cv2.remap(np.asarray(source, np.float32), map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = (map_x > 1) & (map_x < source.shape[1] - 2) & (map_y > 1) & (map_y < source.shape[0] - 2)
    return np.asarray(luma, np.float32), inside.astype(np.uint8)


def _correlation(luma: Floats, valid: Gray, reference: Floats) -> float:
    chosen = valid.astype(np.bool_)
    a, b = luma[chosen], reference[chosen]
    if len(a) < 256 or a.std() < 1e-3 or b.std() < 1e-3:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])

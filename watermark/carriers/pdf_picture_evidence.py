"""What a leak shows of the pictures inside an original PDF: each is a layer P of its own.

The leak may be a PDF that still holds the pictures, a picture that was cut out of one, or a page as a printer, a
scanner or a phone made it: whatever it holds is laid on every picture of the original, likeliest first.
"""

import io
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
import pikepdf
from numpy.typing import NDArray

from watermark.carriers.image_evidence import cell_sums, suspect_of
from watermark.carriers.image_reading import luma_of
from watermark.carriers.pdf_pictures import embedded_pictures, layer_name
from watermark.evidence import SpreadLayer
from watermark.forgetting import forgettable
from watermark.reading import Raster, Reading
from watermark.registration import MIN_INLIERS, Features, Registered, Suspect, features, register

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

MAX_LAYERS = 8
"""Pictures of an original that are weighed: of those that the leak shows, the largest."""

_TRIES = 6
_MAX_REGISTERED = 40
_THUMB = 32
_SAME = 0.9


@dataclass(frozen=True)
class OriginalPicture:
    """A picture of an original: its number there, and its luma."""

    number: int
    luma: Gray

    @cached_property
    def features(self) -> Features:
        """Found once."""
        return features(self.luma)

    @cached_property
    def thumb(self) -> Floats:
        """Small, for a first comparison."""
        return _thumb(self.luma)


@lru_cache(maxsize=4)  # few: originals are personal data
def original_pictures(original: bytes) -> tuple[OriginalPicture, ...]:
    """The pictures of an original that carry layer P."""
    with pikepdf.open(io.BytesIO(original)) as pdf:
        return tuple(OriginalPicture(one.number, luma_of(one.image)) for one in embedded_pictures(pdf))


@dataclass(frozen=True)
class PlacedPicture:
    """Where a leak shows a picture of the original best."""

    picture: OriginalPicture
    seen: Registered


def picture_layers(reading: Reading, original: bytes) -> tuple[tuple[SpreadLayer, ...], int]:
    """(a layer for each picture of the original that the leak shows; the most features that agreed on any)."""
    layers: list[SpreadLayer] = []
    agreeing = 0
    for placed in placed_pictures(reading, original):
        agreeing = max(agreeing, placed.seen.inliers)
        cells = cell_sums(placed.seen, placed.picture.luma)
        if cells:
            layers.append(SpreadLayer(layer_name(placed.picture.number), cells))
    return tuple(layers), agreeing


def placed_pictures(reading: Reading, original: bytes) -> list[PlacedPicture]:
    """The pictures of the original that the leak shows, in their order there; those of which most is seen."""
    held = original_pictures(original)
    if not held:
        return []
    shown = _suspects(reading.pictures + reading.rasters)
    stored = len(reading.pictures) if reading.kind == "pdf" else len(shown)
    left = _MAX_REGISTERED
    found: list[PlacedPicture] = []
    for picture in held:
        # Pictures as they are stored come first; a page is drawn coarser than its pictures may be.
        order = sorted(range(len(shown)), key=lambda i: (i >= stored, -_likeness(shown[i], picture)))
        for i in order[: min(_TRIES, left)]:
            left -= 1
            seen = register(shown[i].suspect, picture.luma, picture.features)
            if seen is not None and (seen.inliers >= MIN_INLIERS or _likeness(shown[i], picture) >= _SAME):
                found.append(PlacedPicture(picture, seen))
                break
    found.sort(key=lambda one: -int(one.seen.valid.sum()))
    return sorted(found[:MAX_LAYERS], key=lambda one: one.picture.number)


@dataclass(frozen=True)
class _Shown:
    suspect: Suspect
    thumb: Floats


@lru_cache(maxsize=1)  # one file's pictures, held against many originals
def _suspects(rasters: tuple[Raster, ...]) -> tuple[_Shown, ...]:
    return tuple(_Shown(suspect_of(raster), _thumb(raster.luma)) for raster in rasters)


def _thumb(luma: Gray) -> Floats:
    small = cv2.resize(luma, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray((small - small.mean()) / (small.std() + 1e-3), np.float32)


def _likeness(shown: _Shown, picture: OriginalPicture) -> float:
    return float((shown.thumb * picture.thumb).mean())


forgettable(original_pictures, _suspects)

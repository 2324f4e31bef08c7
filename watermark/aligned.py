"""Suspect and original side by side: what a verdict on a picture rests on, to be looked at.

For each place where a suspect shows an original: the original's region, the suspect laid on it, and ten times what is
left of their difference when blur, tones and light are taken away. These pictures show the original: they are as
personal as it is.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from watermark.carriers import carrier_for
from watermark.carriers.image_evidence import best_registered, difference, original_picture
from watermark.carriers.pdf_picture_evidence import placed_pictures
from watermark.carriers.pdf_raster_evidence import MAX_PAGES, original_page
from watermark.carriers.pdf_reading import read_glyphs
from watermark.examine import Examined
from watermark.registration import Registered

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

MAX_SHOWN = 4
"""Places that are shown; those with the most agreeing features."""

_LONGEST = 1100
_MARGIN = 6
_TIMES = 10.0
_QUALITY = 88
_MIN_FEATURES = 12
_STANDS_OUT = 3


@dataclass(frozen=True)
class Aligned:
    """One place: three grey JPEGs of the same size (pixels), and how many features agreed there.

    `page`: number of the original's page from 1, or None; `picture`: number of the picture inside it from 1, or None.
    """

    original: bytes
    suspect: bytes
    difference: bytes
    size: tuple[int, int]
    features: int
    page: int | None = None
    picture: int | None = None

    @property
    def pictures(self) -> tuple[bytes, bytes, bytes]:
        """Original, suspect, difference."""
        return self.original, self.suspect, self.difference


def aligned(examined: Examined, original: bytes, media_type: str) -> list[Aligned]:
    """Where a suspect shows an original, best first; of an archive, all its files. Empty without pictures."""
    found = [one for part in examined.parts for one in aligned(part, original, media_type)]
    if examined.leak.reading.rasters or examined.leak.reading.pictures:
        kind = carrier_for(media_type).name
        if kind == "image":
            found += _on_picture(examined, original)
        elif kind == "pdf":
            found += [*_on_pages(examined, original), *_on_pictures(examined, original)]
    return sorted(found, key=lambda one: -one.features)[:MAX_SHOWN]


def _on_picture(examined: Examined, original: bytes) -> list[Aligned]:
    luma, known = original_picture(original)
    seen = best_registered(examined.leak.reading.rasters, luma, known)
    return [] if seen is None else [_shown(seen, luma)]


def _on_pages(examined: Examined, original: bytes) -> list[Aligned]:
    found: list[tuple[Registered, Gray, int]] = []
    for number in range(min(len(read_glyphs(original)[0]), MAX_PAGES)):
        page, known = original_page(original, number)
        seen = best_registered(examined.leak.reading.rasters, page.luma, known)
        if seen is not None and seen.inliers >= _MIN_FEATURES:
            found.append((seen, page.luma, number + 1))
    # Pages of one form, or with a picture in common, lie on one another in part: the page that is meant stands out.
    most = max((seen.inliers for seen, _, _ in found), default=0)
    return [_shown(seen, luma, page=page) for seen, luma, page in found if seen.inliers * _STANDS_OUT >= most]


def _on_pictures(examined: Examined, original: bytes) -> list[Aligned]:
    placed = placed_pictures(examined.leak.reading, original)
    return [_shown(one.seen, one.picture.luma, picture=one.picture.number + 1) for one in placed]


def _shown(seen: Registered, original: Gray, *, page: int | None = None, picture: int | None = None) -> Aligned:
    rows, columns = np.flatnonzero(seen.valid.any(axis=1)), np.flatnonzero(seen.valid.any(axis=0))
    top, bottom = max(int(rows[0]) - _MARGIN, 0), int(rows[-1]) + 1 + _MARGIN
    left, right = max(int(columns[0]) - _MARGIN, 0), int(columns[-1]) + 1 + _MARGIN
    region = (slice(top, bottom), slice(left, right))
    left_over = difference(seen, original)
    beyond = np.zeros_like(seen.luma) if left_over is None else left_over.left
    outside = seen.valid[region] == 0
    suspect = np.where(outside, 255.0, seen.luma[region])
    planes = [original[region].astype(np.float32), suspect, np.where(outside, 128.0, 128.0 + _TIMES * beyond[region])]
    scale = min(1.0, _LONGEST / max(planes[0].shape))
    small = [_scaled(np.asarray(plane, np.float32), scale) for plane in planes]
    size = (small[0].shape[1], small[0].shape[0])
    return Aligned(_jpeg(small[0]), _jpeg(small[1]), _jpeg(small[2]), size, seen.inliers, page, picture)


def _scaled(plane: Floats, scale: float) -> Gray:
    if scale != 1.0:
        plane = np.asarray(cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)


def _jpeg(luma: Gray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(luma).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()

"""Putting layer P into pixels, whether they stand in a file of their own or inside a PDF."""

import io
from typing import TYPE_CHECKING

from watermark.keys import EpochKey
from watermark.payload import Mark, chips

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

MIN_SIDE = 64
"""Pixels below which a picture cannot hold a code."""

QUALITY = 95
"""Of lossy pictures, so that their coding does not swallow the mark."""


def marked(image: "Image.Image", luma: "NDArray[np.uint8]", mark: Mark, key: EpochKey, layer: str) -> "Image.Image":
    """`image` (L, LA, RGB or RGBA) with the code of `mark` in its luma; `layer` separates several pictures' codes."""
    import cv2
    import numpy as np
    from PIL import Image

    from watermark.carriers.image_layer import marking
    from watermark.spread import POSITIONS, layout_seed

    code = chips(mark, key, layer, POSITIONS)
    change = marking(luma, code, layout_seed(key, mark.content_id, layer))
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return Image.fromarray(np.asarray(cv2.add(pixels, change, dtype=cv2.CV_8U), np.uint8))
    colours = pixels.shape[2] - (image.mode in {"LA", "RGBA"})
    planes = [change] * colours + [np.zeros_like(change)] * (pixels.shape[2] - colours)
    changed = np.asarray(cv2.add(pixels, cv2.merge(planes), dtype=cv2.CV_8U), np.uint8)
    return Image.fromarray(changed)


def jpeg_of(image: "Image.Image", **kept: object) -> bytes:
    """`image` as a JPEG fine enough to carry the mark."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, subsampling=0, **kept)
    return out.getvalue()

"""Attacks that change values and leave every pixel where it is. Pictures are RGB, uint8, (height, width, 3).

Each is a pure function: the same picture, strength and generator state give the same bytes.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


def floats(picture: Picture) -> Floats:
    """The picture as float32, 0 to 255."""
    return picture.astype(np.float32)


def whole(values: NDArray[np.float32] | NDArray[np.float64]) -> Picture:
    """Values rounded and clipped to a picture."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def luma(picture: Picture) -> Floats:
    """Rec. 601 luma, float32, (height, width)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def gaussian(values: Floats, sigma: float) -> Floats:
    """A Gaussian blur with `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)


def encoded(picture: Picture, extension: str, *settings: int) -> bytes:
    """The picture as a file of `extension` (`.png`, `.jpg`, `.webp`) with OpenCV's encoder settings."""
    done, data = cv2.imencode(extension, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), list(settings))
    if not done:
        raise ValueError(extension)
    return data.tobytes()


def decoded(data: bytes) -> Picture:
    """A file as an RGB picture."""
    found = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise ValueError("no picture")
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def jpeg(picture: Picture, quality: int) -> Picture:
    """Through JPEG, 4:2:0."""
    return decoded(encoded(picture, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality))


def webp(picture: Picture, quality: int) -> Picture:
    """Through lossy WebP."""
    return decoded(encoded(picture, ".webp", cv2.IMWRITE_WEBP_QUALITY, quality))


def noise(picture: Picture, rng: np.random.Generator, sigma: float) -> Picture:
    """Independent Gaussian noise on every channel."""
    return whole(floats(picture) + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(sigma))


def blur(picture: Picture, sigma: float) -> Picture:
    """A Gaussian blur."""
    return whole(gaussian(floats(picture), sigma))


def median(picture: Picture, size: int) -> Picture:
    """The median of `size` x `size` pixels."""
    return np.asarray(cv2.medianBlur(picture, size), dtype=np.uint8)


def sharpen(picture: Picture, amount: float) -> Picture:
    """Unsharp mask of sigma 1.2."""
    values = floats(picture)
    return whole(values + np.float32(amount) * (values - gaussian(values, 1.2)))


def gamma(picture: Picture, exponent: float) -> Picture:
    """255 (x/255)^exponent."""
    table = whole(255.0 * (np.arange(256, dtype=np.float64) / 255.0) ** exponent)
    return table[picture]


def contrast(picture: Picture, factor: float, shift: float = 0.0) -> Picture:
    """Stretched about mid-grey, then shifted."""
    return whole((floats(picture) - 128) * np.float32(factor) + np.float32(128 + shift))


def colour_cast(picture: Picture, red: float, green: float, blue: float) -> Picture:
    """Every channel times its own factor, as under a lamp."""
    return whole(floats(picture) * np.array([red, green, blue], dtype=np.float32))


def greyscale(picture: Picture) -> Picture:
    """Luma in all three channels."""
    return whole(np.repeat(luma(picture)[..., None], 3, axis=2))


def posterise(picture: Picture, levels: int) -> Picture:
    """So many levels a channel."""
    step = 255.0 / (levels - 1)
    return whole(np.rint(floats(picture) / step) * step)


def _paper(values: Floats) -> Floats:
    """The brightness of the paper under the ink: a wide dilation, smoothed, computed at a quarter of the size."""
    height, width = values.shape
    small = cv2.resize(values, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.morphologyEx(small, cv2.MORPH_DILATE, np.ones((9, 9), np.uint8))
    small = cv2.GaussianBlur(small, (0, 0), 8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def whiten(picture: Picture) -> Picture:
    """What scanner apps do: divided by the paper's brightness, white and black points pulled in."""
    values = floats(picture) / np.maximum(_paper(luma(picture)), 1)[..., None]
    return whole((values - np.float32(0.12)) / np.float32(0.80) * 255)


def binarise(picture: Picture) -> Picture:
    """Black and white, by Otsu's threshold of the luma over the paper's brightness."""
    values = whole(luma(picture) / np.maximum(_paper(luma(picture)), 1) * 255)
    _, black_white = cv2.threshold(values, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.repeat(np.asarray(black_white, dtype=np.uint8)[..., None], 3, axis=2)


def halftone(picture: Picture, cell: float) -> Picture:
    """A clustered-dot screen at 45 degrees with `cell` pixels between dots, as a monochrome laser printer sets it."""
    values = luma(picture) / 255.0
    height, width = values.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    turn = np.float32(2 * np.pi / (cell * np.sqrt(2)))
    screen = 0.5 + 0.25 * (np.cos((columns + rows) * turn) + np.cos((columns - rows) * turn))
    return np.repeat(np.where(values > screen * 0.98 + 0.01, 255, 0).astype(np.uint8)[..., None], 3, axis=2)

"""Layer P: the code as a faint pattern in a picture's luma, in cells of 2, 4 and 8 pixels.

Marked before the picture is encoded. The pattern is stronger in texture than on flat paper, and white paper is
darkened a little so that the pattern has room. Its strength is what keeps the copy within a fixed distance of the
original: the larger the better for tracing.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.spread import spread

PIXELS = "pixels"
"""Name of the layer; it separates the codes' derivations."""

CELLS = ((8, 0.8), (4, 1.0), (2, 0.55))
"""(pixels of a cell's side, relative amplitude), coarsest first."""

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

_MAX_MEAN_SQUARE = 65025 / 10**4.685
_MAX_SSIM_LOSS = 0.0060
_SSIM_C2 = (0.03 * 255) ** 2
_STRENGTHS = np.geomspace(0.25, 2.6, 80)
_WHITE_SHIFT = 0.85
_WHITE_RANGE = 6.0
_HIGH_PASS = 3.0
_TEXTURE_GAIN = 0.08
_MAX_GAIN = 2.5


@dataclass(frozen=True)
class Texture:
    """What a picture hides. At half its size: `gain` of the pattern (1 on flat paper), `deviation` of its luma."""

    gain: Floats
    deviation: Floats

    def full_gain(self, shape: tuple[int, int]) -> Floats:
        """`gain` at the picture's size, shape (rows, columns)."""
        return np.asarray(cv2.resize(self.gain, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def texture(luma: Gray) -> Texture:
    """Texture of a picture, looked at over about 3 pixels."""
    rows, columns = luma.shape
    half = ((columns + 1) // 2, (rows + 1) // 2)
    values = luma.astype(np.float32)
    mean = cv2.GaussianBlur(cv2.resize(values, half, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    square = cv2.GaussianBlur(cv2.resize(values * values, half, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    deviation = cv2.sqrt(np.maximum(square - mean * mean, 0))
    # Eroded, so that it does not ring into the flat side of an edge.
    gain = np.clip(1 + _TEXTURE_GAIN * cv2.erode(deviation, np.ones((3, 3), np.uint8)), 1, _MAX_GAIN)
    return Texture(np.asarray(gain, np.float32), np.asarray(deviation, np.float32))


def cell_shape(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Rows and columns of cells of `size` pixels that cover a picture of shape `shape`."""
    return -(-shape[0] // size), -(-shape[1] // size)


def pattern(shape: tuple[int, int], chips: NDArray[np.int8], seed: bytes) -> Floats:
    """The pattern at strength 1 and gain 1, shape `shape`."""
    drawn: Floats | None = None
    for size, amplitude in CELLS:
        rows, columns = cell_shape(shape, size)
        cells = amplitude * spread(seed, size, (rows, columns), chips)
        if drawn is None:
            # What is coarser than a few cells would show as clouds, and lighting takes it away anyhow.
            drawn = np.asarray(cells - cv2.GaussianBlur(cells, (0, 0), _HIGH_PASS), np.float32)
        else:
            drawn = cells + _doubled(drawn)[:rows, :columns]
    assert drawn is not None
    return _doubled(drawn)[: shape[0], : shape[1]]


def _doubled(cells: Floats) -> Floats:
    wider = (2 * cells.shape[1], 2 * cells.shape[0])
    return np.asarray(cv2.resize(cells, wider, interpolation=cv2.INTER_CUBIC), np.float32)


def _white_shift(luma: Floats) -> Floats:
    """How much the picture is darkened to leave room above: only next to white."""
    near_white = np.clip((luma - (255 - _WHITE_RANGE)) / _WHITE_RANGE, 0, 1)
    shift: Floats = (near_white * np.float32(-_WHITE_SHIFT)).astype(np.float32)
    return shift


def strength(seen: Texture, drawn: Floats, shift: Floats) -> float:
    """The largest strength that keeps the mark invisible by PSNR and by a forecast of SSIM, looked at in every 4th row.

    In a window of luma variance s^2, noise of variance v lowers SSIM to about (2 s^2 + c) / (2 s^2 + v + c).
    """
    variance = float(np.square(drawn[::4]).mean())
    gain, deviation = seen.gain[::2, ::2], seen.deviation[::2, ::2]
    noise = variance * np.square(gain)
    room = 2 * np.square(deviation) + _SSIM_C2
    darkened = float(np.square(shift[::4]).mean())
    chosen = float(_STRENGTHS[0])
    for candidate in _STRENGTHS.tolist():
        power = candidate**2 * noise
        loss = float((power / (room + power)).mean())
        if candidate**2 * float(noise.mean()) + darkened > _MAX_MEAN_SQUARE or loss > _MAX_SSIM_LOSS:
            break
        chosen = candidate
    return chosen


def marking(luma: Gray, chips: NDArray[np.int8], seed: bytes) -> NDArray[np.int16]:
    """What is to be added to every channel, whole numbers, shape of `luma`."""
    shape = (luma.shape[0], luma.shape[1])
    seen = texture(luma)
    drawn = pattern(shape, chips, seed)
    shift = _white_shift(luma.astype(np.float32))
    full = drawn * (strength(seen, drawn, shift) * seen.full_gain(shape)) + shift
    return np.asarray(np.rint(full), np.int16)

"""Local bending between two pictures that already lie on each other roughly: paper that curls, lenses, page warps."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LARGE = 900
_BLOCKS = (64, 96)
_MIN_VALID = 0.98
_MIN_DEVIATION = 6.0
_MIN_RESPONSE = 0.15
_MAX_BLOCKS = 900
_GRID = 33
_REWEIGHTED = 6


@dataclass(frozen=True)
class Bend:
    """Shifts right and down, in pixels, at every pixel of the original; float, its shape."""

    across: Floats
    down: Floats

    @classmethod
    def none(cls) -> "Bend":
        """No bending."""
        return cls(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32))

    def plus(self, other: "Bend") -> "Bend":
        """Both, one after the other (they are small, so they add)."""
        return Bend(self.across + other.across, self.down + other.down)


def bending(luma: Floats, valid: NDArray[np.uint8], reference: Floats) -> Bend | None:
    """What still separates `luma` from `reference`, a smooth field; None if too few blocks can tell.

    A polynomial (of first to third degree, by how many blocks there are) is fitted to the shifts of overlapping
    blocks, so that a block that errs does not tear the picture.
    """
    places, shifts = _block_shifts(luma, valid, reference)
    if len(places) < 6:
        return None
    rows, columns = reference.shape
    degree = 3 if len(places) > 60 else (2 if len(places) > 20 else 1)
    weights = np.ones(len(places))
    design = _basis((places[:, 0] / columns) * 2 - 1, (places[:, 1] / rows) * 2 - 1, degree)
    for _ in range(_REWEIGHTED):
        root = np.sqrt(weights)[:, None]
        fit = np.linalg.lstsq(design * root, shifts * root, rcond=None)[0]
        distance = np.linalg.norm(shifts - design @ fit, axis=1)
        weights = 1 / (1 + (distance / (1.48 * float(np.median(distance)) + 0.02)) ** 2)
    grid_x, grid_y = np.meshgrid(np.linspace(-1, 1, _GRID), np.linspace(-1, 1, _GRID))
    field = (_basis(grid_x, grid_y, degree) @ fit).astype(np.float32)
    return Bend(_enlarged(field[..., 0], rows, columns), _enlarged(field[..., 1], rows, columns))


def _enlarged(field: Floats, rows: int, columns: int) -> Floats:
    """A field given at `_GRID` places from edge to edge, at every pixel."""
    scale_x, scale_y = (_GRID - 1) / columns, (_GRID - 1) / rows
    change = np.array([[scale_x, 0, scale_x / 2], [0, scale_y, scale_y / 2]])
    return np.asarray(
        cv2.warpAffine(
            np.ascontiguousarray(field),
            change,
            (columns, rows),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )


def _basis(u: NDArray[np.float64], v: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    return np.stack([u**i * v**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=-1)


def _block_shifts(
    luma: Floats, valid: NDArray[np.uint8], reference: Floats
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(middles, shifts) of the blocks that show enough; each of shape (n, 2), x before y."""
    rows, columns = reference.shape
    block = _BLOCKS[max(rows, columns) > _LARGE]
    step = block // 2
    while (rows // step) * (columns // step) > 4 * _MAX_BLOCKS:
        step += block // 4
    window = cv2.createHanningWindow((block, block), cv2.CV_32F)
    ours = np.asarray(cv2.GaussianBlur(reference, (0, 0), 1.0), np.float32)
    theirs = np.asarray(cv2.GaussianBlur(luma, (0, 0), 1.0), np.float32)
    places: list[tuple[float, float]] = []
    shifts: list[tuple[float, float]] = []
    for y in range(0, rows - block + 1, step):
        for x in range(0, columns - block + 1, step):
            here = (slice(y, y + block), slice(x, x + block))
            one = ours[here]
            if valid[here].mean() < _MIN_VALID or one.std() < _MIN_DEVIATION:
                continue
            other = theirs[here]
            shift, response = cv2.phaseCorrelate(one - one.mean(), other - other.mean(), window)
            if response > _MIN_RESPONSE and max(abs(shift[0]), abs(shift[1])) < block / 4:
                places.append((x + block / 2, y + block / 2))
                shifts.append((shift[0], shift[1]))
    return np.array(places, dtype=np.float64).reshape(-1, 2), np.array(shifts, dtype=np.float64).reshape(-1, 2)

"""Several copies of one content made into one file. Pictures of equal size; each is a pure function."""

from collections.abc import Sequence

import numpy as np

from api.demo.watermark_bench.tone import Picture, floats, whole

TILE = 48


def average(copies: Sequence[Picture]) -> Picture:
    """The mean of all."""
    total = floats(copies[0])
    for copy in copies[1:]:
        total += copy
    return whole(total / np.float32(len(copies)))


def lowest(copies: Sequence[Picture]) -> Picture:
    """Every value the smallest of all."""
    return np.asarray(np.minimum.reduce(list(copies)), dtype=np.uint8)


def highest(copies: Sequence[Picture]) -> Picture:
    """Every value the largest of all."""
    return np.asarray(np.maximum.reduce(list(copies)), dtype=np.uint8)


def middle(copies: Sequence[Picture]) -> Picture:
    """Every value the median of all; of an even number the mean of the two in the middle."""
    ordered = np.sort(np.stack(copies), axis=0)
    half = len(copies) // 2
    if len(copies) % 2:
        return np.ascontiguousarray(ordered[half])
    return whole((floats(ordered[half - 1]) + floats(ordered[half])) / 2)


def mosaic(copies: Sequence[Picture], rng: np.random.Generator) -> Picture:
    """Tiles of 48 pixels, each from one copy at random."""
    height, width = copies[0].shape[:2]
    choice = rng.integers(0, len(copies), (-(-height // TILE), -(-width // TILE)))
    chosen = np.repeat(np.repeat(choice, TILE, axis=0), TILE, axis=1)[:height, :width]
    out = copies[0].copy()
    for number, copy in enumerate(copies[1:], 1):
        here = chosen == number
        out[here] = copy[here]
    return out

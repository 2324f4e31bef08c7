"""Chips spread over cells of a picture: a keyed layout says which chip position a cell carries, and with which sign.

The layout is the same for all copies of a content and needs the epoch's key: whoever knew it could read his own code
out of his copy and take it away. So a leak is first reduced to one number per cell, without any key (`SpreadLayer`);
only then are the cells folded to positions. Folding looks at no candidate's code.
"""

import hashlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from watermark.evidence import ChipLayer, Evidence, SpreadLayer
from watermark.keys import Codes
from watermark.payload import MARKER

POSITIONS = 4096
"""Chip positions of a spread layer; a cell's word holds one in its lower 12 bits and the sign in its highest."""

_SIGN_BIT = 15


def layout_seed(key: Codes, content_id: str, layer: str) -> bytes:
    """Seed of one layer's cell layout; 32 bytes, the same for all copies of the content."""
    return hashlib.sha256(key.layout_seed(content_id, MARKER) + b"cells\0" + layer.encode()).digest()


@lru_cache(maxsize=12)
def cell_words(seed: bytes, size: int, count: int) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """(position, sign -1 or +1) of the first `count` cells of `size` pixels, row by row; each of shape (count,)."""
    stream = hashlib.shake_256(seed + size.to_bytes(2, "big")).digest(2 * count)
    words = np.frombuffer(stream, dtype="<u2")
    return words & np.uint16(POSITIONS - 1), 1.0 - 2.0 * (words >> _SIGN_BIT).astype(np.float32)


def spread(seed: bytes, size: int, shape: tuple[int, int], chips: NDArray[np.int8]) -> NDArray[np.float32]:
    """The chips that the cells of `size` pixels carry, -1 or +1, as a picture of shape `shape` (rows, columns)."""
    positions, signs = cell_words(seed, size, shape[0] * shape[1])
    carried: NDArray[np.float32] = signs * chips.astype(np.float32)[positions]
    return carried.reshape(shape)


def folded(layer: SpreadLayer, key: Codes, content_id: str) -> ChipLayer:
    """One score a position, shape (POSITIONS,).

    Cell sizes are weighted by how far the sums at the positions stand out of what independent cells would give, as
    the leak itself shows it: w = sqrt(excess) / noise.
    """
    seed = layout_seed(key, content_id, layer.name)
    scores = np.zeros(POSITIONS)
    for size, cells in layer.cells:
        values = cells.ravel()
        positions, signs = cell_words(seed, size, len(values))
        sums = np.bincount(positions, weights=signs * values, minlength=POSITIONS)
        noise = float(np.square(values, dtype=np.float64).sum()) / POSITIONS
        if noise <= 0.0:
            continue
        excess = float(np.square(sums).mean()) - noise
        # Two standard deviations of the estimate: a size that shows nothing still counts a little.
        floor = 2.0 * noise * (2.0 / POSITIONS) ** 0.5
        scores += np.sqrt(max(excess, floor)) / noise * sums
    return ChipLayer(layer.name, scores)


def with_folded(evidence: Evidence, key: Codes) -> Evidence:
    """`evidence` with its spread layers folded to chip layers under `key`."""
    if not evidence.spread_layers:
        return evidence
    chips = tuple(folded(layer, key, evidence.content_id) for layer in evidence.spread_layers)
    return replace(evidence, chip_layers=evidence.chip_layers + chips, spread_layers=())

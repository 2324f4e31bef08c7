"""Scores of many candidates at once, equal to those that `watermark.detect` gives one by one.

A code is used as the bytes of its stream and never unpacked: eight chips are one byte, and what a byte adds to the
score stands in a table of 256 sums for each place. So a million candidates cost their hashes and little more, and
memory holds the codes of one batch.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from watermark.detect import (
    DISPERSIONS,
    NEIGHBOUR_BASES,
    discordant_pairs,
    kept_neighbours,
    mixture_log10_e,
    order_terms,
)
from watermark.evidence import OrderLayer

BATCH = 4096
"""Candidates whose codes are held at the same time."""

_GATHER = 512
_PAIRWISE_ITEMS = 96
_BYTE_CHIPS = (np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.int8) << 1) - 1


def shake_rows(seeds: Iterable[bytes], count: int) -> NDArray[np.uint8]:
    """The first `count` bytes of SHAKE-256 of each seed, shape (seeds, count)."""
    stream = b"".join([hashlib.shake_256(seed).digest(count) for seed in seeds])
    return np.frombuffer(stream, dtype=np.uint8).reshape(-1, count)


class ChipTable:
    """What every byte of a code adds to z = v.b/|v|. `scores`: one level's part of a layer, shape (n,)."""

    def __init__(self, scores: NDArray[np.float64]) -> None:
        self.bytes = (len(scores) + 7) // 8
        norm = float(np.linalg.norm(scores))
        self.empty = norm == 0.0
        padded = np.zeros(8 * self.bytes)
        if not self.empty:
            padded[: len(scores)] = scores / norm
        self._table = (padded.reshape(-1, 8) @ _BYTE_CHIPS.T.astype(np.float64)).reshape(-1)
        self._offsets = 256 * np.arange(self.bytes, dtype=np.int32)

    def log10_e(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """log10 e-values of codes given as bytes, shape (candidates, `bytes`); result (candidates,)."""
        if self.empty:
            return np.zeros(len(codes))
        return mixture_log10_e(self.z(codes))

    def z(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The standardised scores z, shape (candidates,)."""
        out = np.empty(len(codes))
        for start in range(0, len(codes), _GATHER):  # so that the places stay in the processor's cache
            part = codes[start : start + _GATHER] + self._offsets
            out[start : start + _GATHER] = self._table.take(part).sum(axis=1)
        return out


def order_words(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The 64-bit words of streams, whose ranks are permutations (`watermark.keys.shake_permutation`)."""
    return rows.view(">u8").astype(np.uint64)


def orders_log10_e(layer: OrderLayer, words: Iterable[NDArray[np.uint64]]) -> NDArray[np.float64]:
    """log10 e-values of candidates by one layer.

    `words[g]`: shape (candidates, size of group g), as `order_words` gives them; result (candidates,).
    """
    shown = []
    for group, of_group in zip(layer.groups, words, strict=True):
        seen = of_group[:, list(group.observed)]
        shown.append((seen.shape[1], *_counts(seen)))
    if layer.pooled:
        single = np.stack([_mixed([one]) for one in shown])
        return _log10_sum(single) - math.log10(len(shown))
    return _mixed(shown)


def _counts(seen: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Discordant pairs and kept neighbours of each row of words."""
    places = np.argsort(np.argsort(seen, axis=1, kind="stable"), axis=1)
    if seen.shape[1] > _PAIRWISE_ITEMS:
        rows = places.tolist()
        pairs = np.array([discordant_pairs(row) for row in rows], dtype=np.float64)
        return pairs, np.array([kept_neighbours(row) for row in rows], dtype=np.float64)
    discordant = np.zeros(len(seen))
    for i in range(1, seen.shape[1]):
        discordant += (places[:, :i] > places[:, i : i + 1]).sum(axis=1)
    return discordant, (np.diff(places, axis=1) == 1).sum(axis=1).astype(np.float64)


def _mixed(shown: Sequence[tuple[int, NDArray[np.float64], NDArray[np.float64]]]) -> NDArray[np.float64]:
    """The mixture of `watermark.detect` over groups (items, discordant pairs, kept neighbours)."""
    weights = order_terms([items for items, _, _ in shown])
    inverted = np.sum([d for _, d, _ in shown], axis=0)
    kept = np.sum([a for _, _, a in shown], axis=0)
    terms = [np.full(len(inverted), weights.constant), np.where(inverted == 0, weights.exact, -np.inf)]
    terms += [w - q * inverted / math.log(10) for w, q in zip(weights.dispersions, DISPERSIONS, strict=True)]
    terms += [w + kept * math.log10(t) for w, t in zip(weights.neighbours, NEIGHBOUR_BASES, strict=True)]
    return _log10_sum(np.stack(terms))


def _log10_sum(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    top = terms.max(axis=0)
    total: NDArray[np.float64] = top + np.log10((10.0 ** (terms - top)).sum(axis=0))
    return total

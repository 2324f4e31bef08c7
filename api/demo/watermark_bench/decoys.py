"""Codes that were never issued, scored against every case of one picture at once, beside the bound that is stated.

The same mathematics as the tracer's own control (`watermark.control`), with the product's e-value; a code is drawn once
and held against all cases of a picture, which makes a million of them affordable in each.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watermark.detect import mixture_log10_e

BATCH = 4096
LEVELS = tuple(range(1, 9))
"""log10 E at which the tail is counted."""


Scores = NDArray[np.float64]
Shown = Sequence[Sequence[Scores]]
"""What one leak shows: by content, the score vector of each layer."""


def kept(file: Path, names: Sequence[str], cases: Sequence[Shown]) -> None:
    """Keeps what leaks showed, by attack, for a later pass."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for case, shown in enumerate(cases):
        for content, layers in enumerate(shown):
            for layer, scores in enumerate(layers):
                arrays[f"{case}/{content}/{layer}"] = scores.astype(np.float32)
    np.savez_compressed(file, names=np.array(list(names)), **arrays)  # type: ignore[arg-type]  # the stub takes the names for its flag


def kept_in(file: Path) -> tuple[list[str], list[list[list[Scores]]]]:
    """What `kept` kept: names, and what each leak showed."""
    with np.load(file) as held:
        names = [str(name) for name in held["names"]]
        cases: list[list[list[Scores]]] = [[] for _ in names]
        for place in (key for key in held.files if key != "names"):
            case, content, _ = (int(part) for part in place.split("/"))
            while len(cases[case]) <= content:
                cases[case].append([])
            cases[case][content].append(held[place].astype(np.float64))
    return names, cases


@dataclass(frozen=True)
class Tail:
    """Of `decoys` codes, how many reach E = 10, 100, ... (`reached`), and log10 E of the strongest."""

    decoys: int
    reached: tuple[int, ...]
    highest: float

    def worst_ratio(self) -> float:
        """The largest of (measured share) / (bound 10^-level) over levels where the bound expects at least 10."""
        levels = [level for level in LEVELS if self.decoys * 10.0**-level >= 10]
        return max((self.reached[level - 1] / (self.decoys * 10.0**-level) for level in levels), default=0.0)


def tails(cases: Sequence[Shown], decoys: int, seed: bytes) -> list[Tail]:
    """A tail for every case.

    A decoy's e-value is what the tracer would give an entity with one copy of each content: within a content the
    product over layers and the two halves of the code; over contents half the product, half the mean.
    """
    reached = np.zeros((len(cases), len(LEVELS)), dtype=np.int64)
    highest = np.full(len(cases), -math.inf)
    owners = [(case, content) for case, contents in enumerate(cases) for content in range(len(contents))]
    columns = _columns([cases[case][content] for case, content in owners])
    for number, start in enumerate(range(0, decoys, BATCH)):
        size = min(BATCH, decoys - start)
        found = np.zeros((len(owners), size))
        for length, (whose, vectors) in columns.items():
            codes = np.frombuffer(stream(seed, length, number, size * length // 8), dtype=np.uint8)
            bits = np.unpackbits(codes).reshape(size, length).astype(np.float32)
            scores = _log10_e(2 * (bits @ vectors) - vectors.sum(axis=0))
            for column, owner in enumerate(whose):
                found[owner] += scores[:, column]
        for case in range(len(cases)):
            scores = joint(found[[at for at, owner in enumerate(owners) if owner[0] == case]])
            reached[case] += [int((scores >= level).sum()) for level in LEVELS]
            highest[case] = max(highest[case], float(scores.max()))
    return [Tail(decoys, tuple(row.tolist()), float(top)) for row, top in zip(reached, highest, strict=True)]


_GRID = np.linspace(-40, 40, 40_001)
_ON_GRID = mixture_log10_e(_GRID)


def _log10_e(z: NDArray[np.float32]) -> NDArray[np.float64]:
    """The product's e-value, between points 0.002 apart. It is convex, so this is never less than the true one."""
    return np.asarray(np.interp(z, _GRID, _ON_GRID), dtype=np.float64)


def joint(contents: NDArray[np.float64]) -> NDArray[np.float64]:
    """log10 E over contents, shape (contents, decoys): half the product, half the mean; 0 where there are none."""
    if not len(contents):
        return np.zeros(1)
    if len(contents) == 1:
        return np.asarray(contents[0])
    mean = np.log10(np.mean(10.0 ** np.minimum(contents, 300), axis=0))
    total = contents.sum(axis=0)
    top = np.maximum(mean, total)
    return np.asarray(top + np.log10(0.5 * 10.0 ** (mean - top) + 0.5 * 10.0 ** (total - top)))


def stream(seed: bytes, length: int, number: int, count: int) -> bytes:
    """The codes of one batch: `count` bytes of SHAKE-256, cut into codes of `length` bits."""
    return hashlib.shake_256(seed + f"/{length}/{number}".encode()).digest(count)


def _columns(shown: Sequence[Sequence[Scores]]) -> dict[int, tuple[list[int], NDArray[np.float32]]]:
    """By length of code: whose each column is, and unit score vectors, each of one half of the positions."""
    owners: dict[int, list[int]] = {}
    vectors: dict[int, list[NDArray[np.float32]]] = {}
    for at, layers in enumerate(shown):
        for scores in layers:
            size = -(-len(scores) // 8) * 8
            for half in (0, 1):
                part = np.zeros(size, dtype=np.float32)
                part[: len(scores)][half::2] = scores[half::2]
                norm = float(np.linalg.norm(part))
                if norm > 0:
                    owners.setdefault(size, []).append(at)
                    vectors.setdefault(size, []).append(part / np.float32(norm))
    return {size: (owners[size], np.stack(vectors[size], axis=1)) for size in owners}

"""Scores and their bound.

Every layer gives an e-value: a number whose mean is at most 1 for a candidate whose code is independent of the leak.
So an innocent reaches E >= 1/a with probability at most a (Markov), whatever was done to the file, and evidence of
independently keyed layers may be multiplied. Everything is computed in log10.

Chips: with v the scores and b the candidate's chips, z = v.b/|v| is sub-Gaussian with variance proxy 1 (Hoeffding),
so that exp(l z - l^2/2) is an e-value for every l; a fixed mixture over l needs no tuning.

Orders: for a uniform permutation the number D of discordant pairs has the generating function prod_i (1 - q^i)/(i (1
- q)) (Mallows), and the number A of neighbours that stayed neighbours has factorial moments E[C(A,k)] = (m-k)/(m k!);
so q^D and t^A, divided by these exact means, are e-values. One term of weight 1/2 is the constant 1, so a wrong or
destroyed order costs at most a factor of 2.
"""

import math
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from watermark.evidence import OrderLayer

IDENTIFIED_ALPHA = 1e-9
SUSPECT_ALPHA = 1e-6

TAG_LOG10_E = 128 * math.log10(2)
"""Evidence of a verified 128-bit tag, or of a file that equals one that holds such a tag."""

CHIP_GRID = (1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 11.0, 15.0, 20.0, 28.0)
CHIP_CONSTANT = 0.25
DISPERSIONS = (0.02, 0.1, 0.3, 0.8, 2.0)
NEIGHBOUR_BASES = (2.0, 4.0, 8.0, 16.0, 64.0, 256.0)
_CONSTANT_WEIGHT, _EXACT_WEIGHT, _DISPERSION_WEIGHT, _NEIGHBOUR_WEIGHT = 0.5, 0.2, 0.15, 0.15
_LN10 = math.log(10.0)


def log10_sum(terms: Iterable[float]) -> float:
    """log10 of the sum of 10**t, without overflow; -inf for no terms."""
    values = list(terms)
    top = max(values, default=-math.inf)
    if top == -math.inf:
        return top
    return top + math.log10(sum(10.0 ** (t - top) for t in values))


def log10_mean(terms: Sequence[float]) -> float:
    """log10 of the mean of 10**t; 0 (that is E = 1) for no terms."""
    return log10_sum(terms) - math.log10(len(terms)) if terms else 0.0


def chip_log10_e(scores: NDArray[np.float64], chips: NDArray[np.int8]) -> NDArray[np.float64]:
    """log10 e-values of candidates' chips against one score vector.

    `scores`: shape (n,). `chips`: -1 or +1, shape (n,) or (candidates, n). Result: shape () or (candidates,).
    """
    norm = float(np.linalg.norm(scores))
    if norm == 0.0:
        return np.zeros(chips.shape[:-1])
    return mixture_log10_e((chips @ scores) / norm)


def mixture_log10_e(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """log10 e-values of standardised chip scores `z`, any shape: the mixture over `CHIP_GRID`, with the constant 1."""
    grid = np.array(CHIP_GRID)
    exponents = (np.multiply.outer(z, grid) - grid**2 / 2) / _LN10
    weights = np.full(len(grid), (1 - CHIP_CONSTANT) / len(grid))
    terms = np.concatenate(
        [np.broadcast_to(math.log10(CHIP_CONSTANT), (*np.shape(z), 1)), exponents + np.log10(weights)], axis=-1
    )
    top = terms.max(axis=-1, keepdims=True)
    result: NDArray[np.float64] = top[..., 0] + np.log10((10.0 ** (terms - top)).sum(axis=-1))
    return result


@lru_cache(maxsize=65536)
def _log_mallows(items: int, dispersion: float) -> float:
    """Natural log of E[exp(-dispersion D)] for a uniform permutation of `items`."""
    i = np.arange(1, items + 1)
    return float(np.sum(np.log(-np.expm1(-i * dispersion)) - np.log(i) - math.log(-math.expm1(-dispersion))))


@lru_cache(maxsize=65536)
def _log_neighbours(items: int, base: float) -> float:
    """Natural log of E[base**A] for a uniform permutation of `items`: ln sum_k (base-1)^k (m-k)/(m k!)."""
    k = np.arange(items)
    logs = k * math.log(base - 1) + np.log((items - k) / items) - np.array([math.lgamma(j + 1) for j in range(items)])
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))


def discordant_pairs(ranks: Sequence[int]) -> int:
    """Pairs of `ranks` (all different) that stand in descending order."""
    seen: list[int] = []
    count = 0
    for rank in ranks:
        count += len(seen) - bisect_right(seen, rank)
        insort(seen, rank)
    return count


def kept_neighbours(ranks: Sequence[int]) -> int:
    """Neighbours of `ranks` (all different) that are also neighbours, in this order, among the ranks that are left."""
    compressed = {rank: i for i, rank in enumerate(sorted(ranks))}
    places = [compressed[rank] for rank in ranks]
    return sum(b == a + 1 for a, b in pairwise(places))


@dataclass(frozen=True)
class OrderTerms:
    """log10 weights of the mixture's terms, less their exact means, for groups of given sizes."""

    constant: float
    exact: float
    dispersions: tuple[float, ...]
    neighbours: tuple[float, ...]


def order_terms(sizes: Sequence[int]) -> OrderTerms:
    """The weights for groups in which `sizes` items are left; see the module's docstring."""
    dispersed = math.log10(_DISPERSION_WEIGHT / len(DISPERSIONS))
    neighbouring = math.log10(_NEIGHBOUR_WEIGHT / len(NEIGHBOUR_BASES))
    return OrderTerms(
        constant=math.log10(_CONSTANT_WEIGHT),
        exact=math.log10(_EXACT_WEIGHT) + sum(math.lgamma(m + 1) for m in sizes) / _LN10,
        dispersions=tuple(dispersed - sum(_log_mallows(m, q) for m in sizes) / _LN10 for q in DISPERSIONS),
        neighbours=tuple(neighbouring - sum(_log_neighbours(m, t) for m in sizes) / _LN10 for t in NEIGHBOUR_BASES),
    )


def _order_log10_e(shown: Sequence[tuple[int, int, int]]) -> float:
    """log10 e-value of groups (items, discordant pairs, kept neighbours), multiplied within each mixture term."""
    weights = order_terms([items for items, _, _ in shown])
    inverted, kept = sum(d for _, d, _ in shown), sum(a for _, _, a in shown)
    terms = [weights.constant]
    if inverted == 0:
        terms.append(weights.exact)
    terms += [w - q * inverted / _LN10 for w, q in zip(weights.dispersions, DISPERSIONS, strict=True)]
    terms += [w + kept * math.log10(t) for w, t in zip(weights.neighbours, NEIGHBOUR_BASES, strict=True)]
    return log10_sum(terms)


def order_log10_e(layer: OrderLayer, order_of: Callable[[int, int], Sequence[int]]) -> float:
    """log10 e-value of a candidate whose permutation of a group is `order_of(index, size)`."""
    shown = []
    for group in layer.groups:
        rank_of = {item: rank for rank, item in enumerate(order_of(group.index, group.size))}
        ranks = [rank_of[item] for item in group.observed]
        shown.append((len(ranks), discordant_pairs(ranks), kept_neighbours(ranks)))
    if layer.pooled:
        return log10_mean([_order_log10_e([one]) for one in shown])
    return _order_log10_e(shown)


def claim_log10_e(claims: Sequence[tuple[str, str]], copy_id: str, tag: str) -> float:
    """log10 e-value of explicit ids: half the weight on "the tag verifies", spread over all ids that the leak shows.

    An id without its tag gives less than nothing (E = 1/2): anybody may have pasted it.
    """
    if not claims:
        return 0.0
    if (copy_id, tag) in claims:
        return TAG_LOG10_E + math.log10(0.5 / len(claims))
    return math.log10(0.5)

"""Spellings of a value that mean the same, in fields where spelling is nobody's business, coded against collusion.

Only fields that the caller names are touched (in the service: those for which the catalogue says so), and in them only
the width of brackets and of a hyphen between digits in a text with other wide characters, the strokes of a plain date,
or the zeros that end an amount of two decimals. Each such place is one position of a symmetric Tardos code (Tardos
2003; Skoric, Katzenbeisser, Celik 2008): position i shows its second spelling with probability p_i, which is keyed and
the same for all copies of a content, and an entity's code draws every position anew.

For an innocent the positions are independent of the leak and their probabilities are known, so that for every t the
number exp(t S - sum_i ln(p_i e^(t a_i) + (1 - p_i) e^(t b_i))) has mean exactly 1, where S is the sum of the scores a_i
(spelt like the leak's second form) and b_i: an e-value, whatever colluders did to choose among what they saw.
"""

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from watermark.evidence import VariantLayer
from watermark.keys import Codes
from watermark.payload import MARKER

VARIANTS = "variants"
"""Name of the layer; it separates the codes' derivation."""

_CUTOFF = 0.1
_STEPS = 65_536
_GRID = (0.1, 0.2, 0.35, 0.6, 1.0, 1.6)
_CONSTANT = 0.25
_LN10 = math.log(10.0)
_WIDE, _NARROW = str.maketrans("()", "\uff08\uff09"), str.maketrans("\uff08\uff09", "()")
_BRACKET = re.compile("[\uff08\uff09()]")
_HYPHEN = re.compile("(?<=[0-9])[-\uff0d](?=[0-9])")
_DATE = re.compile(r"([0-9]{4})([-/])([0-9]{2})\2([0-9]{2})")
_AMOUNT = re.compile(r"(-?[0-9]+)(?:\.([0-9]{1,2}))?")
_STROKES, _SLASHES = {0x2F: "-"}, {0x2D: "/"}
_WIDE_LETTER = re.compile("[\u3400-\u9fff]")


class Spelling(StrEnum):
    """What may vary in a field: brackets and hyphens between digits; brackets alone; a date's strokes; ending zeros."""

    TEXT = "text"
    BRACKETS = "brackets"
    DATE = "date"
    ZEROS = "zeros"


Spellings = Mapping[str, Spelling]
"""Field name to what may vary in it; a field that is not named never varies."""


def places(value: str, spelling: Spelling | None) -> list[bool]:
    """For each place of a value where spelling may vary, whether it shows its second form.

    A text has one for its brackets and one for its hyphens between digits: a value is spelt one way throughout.
    """
    return [second for _, second in _found(value, spelling)]


def kinds(value: str, spelling: Spelling | None) -> list[str]:
    """What varies at each of `places`: date, zeros, bracket or hyphen."""
    return [kind for kind, _ in _found(value, spelling)]


def _found(value: str, spelling: Spelling | None) -> list[tuple[str, bool]]:
    if spelling is None:
        return []
    if spelling is Spelling.DATE:
        date = _DATE.fullmatch(value)
        return [("date", date[2] == "/")] if date else []
    if spelling is Spelling.ZEROS:
        full = _two_decimals(value)
        return [("zeros", value != full)] if full.endswith("0") else []
    if not _WIDE_LETTER.search(value):
        return []
    found = []
    if bracket := _BRACKET.search(value):
        found.append(("bracket", bracket[0] in "()"))
    if spelling is Spelling.TEXT and (hyphen := _HYPHEN.search(value)):
        found.append(("hyphen", hyphen[0] != "-"))
    return found


def _two_decimals(value: str) -> str:
    """An amount with both its decimals; nothing for what is no amount of at most two."""
    amount = _AMOUNT.fullmatch(value)
    return f"{amount[1]}.{amount[2] or '':0<2}" if amount else ""


def spelt(value: str, spelling: Spelling | None, wanted: Sequence[bool]) -> str:
    """`value` with its places in the wanted forms: the second where true. `wanted`: one for each of `places`."""
    return _written(value, _found(value, spelling), wanted)


def _written(value: str, found: Sequence[tuple[str, bool]], wanted: Sequence[bool]) -> str:
    for (kind, _), second in zip(found, wanted, strict=True):
        if kind == "date":
            value = value.translate(_SLASHES if second else _STROKES)
        elif kind == "zeros":
            full = _two_decimals(value)
            value = full.rstrip("0").rstrip(".") if second else full
        elif kind == "bracket":
            value = value.translate(_NARROW if second else _WIDE)
        else:
            value = _HYPHEN.sub("\uff0d" if second else "-", value)
    return value


def base(value: str, spelling: Spelling | None) -> str:
    """The one form of all spellings of a value."""
    return spelt(value, spelling, [False] * len(places(value, spelling)))


def _biases() -> NDArray[np.int64]:
    """The 256 biases in use, in 65536ths: the arcsine law between its cutoffs."""
    low = math.asin(math.sqrt(_CUTOFF))
    angles = low + (np.arange(256) + 0.5) / 256 * (math.pi / 2 - 2 * low)
    found: NDArray[np.int64] = np.rint(_STEPS * np.sin(angles) ** 2).astype(np.int64)
    return found


_BIASES = _biases()


def biases(key: Codes, content_id: str, count: int) -> NDArray[np.int64]:
    """How often, in 65536ths, each position of a content shows its second form; shape (count,)."""
    seed = hashlib.sha256(key.layout_seed(content_id, MARKER) + b"biases\0").digest()
    found: NDArray[np.int64] = _BIASES[np.frombuffer(hashlib.shake_256(seed).digest(count), dtype=np.uint8)]
    return found


def second_forms(rows: NDArray[np.uint8], of: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Codes from streams of two bytes a position, shape (..., 2 count): true where the second form stands."""
    words = np.ascontiguousarray(rows).view(">u2").astype(np.int64)
    return np.asarray(words < of)


def entity_variants(key: Codes, content_id: str, entity_id: str, count: int) -> NDArray[np.bool_]:
    """Which positions show their second form in an entity's copies, shape (count,)."""
    stream = hashlib.shake_256(key.entity_code(content_id, entity_id) + VARIANTS.encode()).digest(2 * count)
    return second_forms(np.frombuffer(stream, dtype=np.uint8), biases(key, content_id, count))


class VariantTable:
    """Scores of codes against what a leak shows."""

    def __init__(self, layer: VariantLayer, key: Codes, content_id: str) -> None:
        self.count = len(layer.shown)
        self._biases = biases(key, content_id, self.count)
        self._seen = np.flatnonzero(layer.shown)
        p = self._biases[self._seen] / _STEPS
        second = layer.shown[self._seen] > 0
        rare, common = np.sqrt((1 - p) / p), np.sqrt(p / (1 - p))
        self._like = np.where(second, rare, -rare)  # the candidate's code has the second form
        self._unlike = np.where(second, -common, common)
        means = (np.log(p * np.exp(t * self._like) + (1 - p) * np.exp(t * self._unlike)) for t in _GRID)
        self._logs = [float(logs.sum()) for logs in means]

    def log10_e(self, rows: NDArray[np.uint8]) -> NDArray[np.float64]:
        """log10 e-values of streams, shape (candidates, 2 count); result (candidates,)."""
        if not len(self._seen):
            return np.zeros(len(rows))
        codes = second_forms(rows, self._biases)[:, self._seen]
        sums = np.where(codes, self._like, self._unlike).sum(axis=1)
        terms = [np.full(len(rows), math.log10(_CONSTANT))]
        weight = math.log10((1 - _CONSTANT) / len(_GRID))
        terms += [weight + (t * sums - log) / _LN10 for t, log in zip(_GRID, self._logs, strict=True)]
        stacked = np.stack(terms)
        top = stacked.max(axis=0)
        found: NDArray[np.float64] = top + np.log10((10.0 ** (stacked - top)).sum(axis=0))
        return found


def respelt(
    rows: Sequence[Mapping[str, str]], spellings: Spellings, code: Callable[[int], Sequence[bool]]
) -> list[dict[str, str]]:
    """The rows with their places as `code(count)` wants them; every other value is the same object."""
    written = [dict(row) for row in rows]
    found = []
    for row in written:
        for name, value in row.items():
            spelling = spellings.get(name)
            if spelling is not None and (at := _found(value, spelling)):
                found.append((row, name, at))
    if not found:
        return written
    wanted = list(code(sum(len(at) for _, _, at in found)))
    begun = 0
    for row, name, at in found:
        # A number of a JSON file is a string of a type of its own, by which it is written without quotes.
        row[name] = type(row[name])(_written(row[name], at, wanted[begun : begun + len(at)]))
        begun += len(at)
    return written

"""The control: what codes that were never issued score against the same leak.

Their tail must lie under 1/E. It shows to anybody who doubts the theorem that on this very file innocents are not
named; and it would show a fault in reading or registration that made the evidence lean towards everybody.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watermark.batch import BATCH, ChipTable
from watermark.evidence import Evidence
from watermark.scoring import CodeStream, weigh
from watermark.variants import VARIANTS, VariantTable

BIN = 0.25
"""Width of the histogram's bins in log10 E."""
_LOWEST, _HIGHEST = -6.0, 16.0


@dataclass(frozen=True)
class Control:
    """Scores of `decoys` codes that were never issued: `counts[i]` of them lie in [low + i BIN, low + (i + 1) BIN).

    The first and the last bin take what lies beyond. `highest`: log10 E of the strongest. `seed`: from which all of
    them grow, so that anybody gets the same.
    """

    decoys: int
    highest: float
    low: float
    counts: tuple[int, ...]
    seed: bytes

    def tail(self, log10_e: float) -> int:
        """Decoys that reach `log10_e`, to the bin."""
        first = max(0, math.ceil((log10_e - self.low) / BIN))
        return sum(self.counts[first:])

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "decoys": self.decoys,
            "highest": round(self.highest, 3),
            "low": self.low,
            "bin": BIN,
            "counts": list(self.counts),
            "seed": self.seed.hex(),
        }


class DecoyCodes:
    """Codes of one batch of decoys at one level (`entity`, `copy`).

    For each layer one long SHAKE-256 stream, cut into rows.
    """

    def __init__(self, seed: bytes, level: str, batch: int, size: int) -> None:
        self._seed = seed + f"/{level}/{batch}/".encode()
        self._size = size

    def rows(self, label: bytes, count: int) -> NDArray[np.uint8]:
        """See `CodeStream.rows`."""
        stream = hashlib.shake_256(self._seed + label).digest(self._size * count)
        return np.frombuffer(stream, dtype=np.uint8).reshape(self._size, count)

    @property
    def size(self) -> int:
        """See `CodeStream.size`."""
        return self._size


def control_of(evidence: Evidence, decoys: int, seed: bytes, variants: VariantTable | None = None) -> Control:
    """Scores of `decoys` made-up copies of made-up entities. Explicit ids are left out: a decoy has none.

    `variants`: the table of the evidence's spellings, whose biases are keyed.
    """
    counts = np.zeros(round((_HIGHEST - _LOWEST) / BIN), dtype=np.int64)
    # A layout is as good as any other for codes that are random everywhere.
    tables = [
        (chips.name, ChipTable(chips.scores[0::2]), ChipTable(chips.scores[1::2])) for chips in evidence.chip_layers
    ]
    highest = -math.inf
    for number, start in enumerate(range(0, decoys, BATCH)):
        size = min(BATCH, decoys - start)
        found = np.zeros(size)
        for level, at in (("entity", 1), ("copy", 2)):
            streams: CodeStream = DecoyCodes(seed, level, number, size)
            orders = [order for order in evidence.order_layers if order.level.value == level]
            found += weigh(streams, [(table[0], _table(table, at)) for table in tables], orders)
        if variants is not None:
            rows = DecoyCodes(seed, "entity", number, size).rows(VARIANTS.encode(), 2 * variants.count)
            found += variants.log10_e(rows)
        highest = max(highest, float(found.max()))
        places = np.clip(((found - _LOWEST) / BIN).astype(np.int64), 0, len(counts) - 1)
        counts += np.bincount(places, minlength=len(counts))
    return Control(decoys, highest, _LOWEST, tuple(counts.tolist()), seed)


def _table(tables: tuple[str, ChipTable, ChipTable], at: int) -> ChipTable:
    return tables[1] if at == 1 else tables[2]

"""Which of a leak's rows and cells an original explains. Exact comparison of normal forms; no key, no candidate."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from watermark.cells import Weight, normalise, weigh
from watermark.evidence import Coverage
from watermark.reading import Reading, Row

MIN_SHARE = 0.6
"""Share of the leak's row, or of the original's, that must agree before a row counts as the same record."""
MIN_WEAK_ROWS = 3
MAX_COMMON_ROWS = 64
MAX_COMMON_LEAK_ROWS = 256
"""Values in more rows than this, of the original or the leak, do not lead to a row; they only confirm one."""


@dataclass(frozen=True)
class NormalRow:
    """A row with its normalised values beside the raw ones; `distinct` without the empty value."""

    row: Row
    values: tuple[str, ...]
    distinct: frozenset[str]

    @classmethod
    def of(cls, row: Row) -> "NormalRow":
        """`row` with its normalised values."""
        values = tuple(map(normalise, row.values))
        return cls(row, values, frozenset(values) - {""})


class Sheet:
    """Normalised rows with an index by value. `first_cell[r]`: sheet-wide number of row r's first cell."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = [NormalRow.of(row) for row in rows]
        self.first_cell = [0, *accumulate(len(row.values) for row in self.rows)]
        self._index: dict[str, list[int]] = {}
        for i, row in enumerate(self.rows):
            for value in row.distinct:
                self._index.setdefault(value, []).append(i)

    def rows_with(self, value: str, limit: int) -> Sequence[int]:
        """Rows that hold `value`; none if it is in more than `limit`."""
        rows = self._index.get(value, ())
        return rows if len(rows) <= limit else ()


@dataclass(frozen=True)
class Leak:
    """A reading with its sheets normalised once, to be held against many originals."""

    reading: Reading
    sheets: tuple[Sheet, ...]

    @classmethod
    def of(cls, reading: Reading) -> "Leak":
        """`reading`, normalised."""
        return cls(reading, tuple(Sheet(rows) for rows in reading.sheets))


@dataclass(frozen=True)
class Matching:
    """How a leak's rows fall on an original's.

    `pairs`: (leak row, original row), only where exactly one original row agrees best, each original row once, in the
    leak's order. `sheet`: the leak's reading that was used.
    """

    sheet: Sheet
    pairs: tuple[tuple[int, int], ...]
    coverage: Coverage


def match(leak: Sheet, original: Sheet) -> Matching:
    """Compare one reading of a leak with an original."""
    partner: dict[int, tuple[int, int]] = {}
    tally = _Tally(leak)
    for r, met in sorted(_meetings(leak, original).items()):
        shared_by = {i: leak.rows[r].distinct & original.rows[i].distinct for i in sorted(met)}
        tally.add(r, shared_by, original)
        best = _only_best(shared_by)
        if best is not None and len(shared_by[best]) > partner.get(best, (0, 0))[0]:
            partner[best] = (len(shared_by[best]), r)
    pairs = sorted((r, i) for i, (_, r) in partner.items())
    return Matching(leak, tuple(pairs), tally.coverage())


def best_match(leak: Leak, original: Sheet) -> Matching:
    """The match of the reading that the original explains best (rows, or columns turned to rows)."""
    matches = [match(sheet, original) for sheet in leak.sheets or (Sheet(()),)]
    return max(matches, key=lambda m: (len(m.coverage.cells), len(m.pairs)))


def _meetings(leak: Sheet, original: Sheet) -> dict[int, set[int]]:
    """Leak row -> original rows that share a value not common to many."""
    met: dict[int, set[int]] = {}
    for i, row in enumerate(original.rows):
        for value in row.distinct:
            if not original.rows_with(value, MAX_COMMON_ROWS):
                continue
            for r in leak.rows_with(value, MAX_COMMON_LEAK_ROWS):
                met.setdefault(r, set()).add(i)
    return met


def _only_best(shared_by: dict[int, frozenset[str]]) -> int | None:
    counts = Counter({i: len(shared) for i, shared in shared_by.items()}).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    shared = shared_by[counts[0][0]]
    return counts[0][0] if len(shared) > 1 or any(weigh(value) for value in shared) else None


class _Tally:
    """Counts rows and cells that an original explains."""

    def __init__(self, leak: Sheet) -> None:
        self._leak = leak
        self._cells: set[int] = set()
        self._weak_cells: set[int] = set()
        self._strong_rows = self._weak_rows = self._equal_rows = self._whole_rows = 0

    def add(self, r: int, shared_by: dict[int, frozenset[str]], original: Sheet) -> None:
        row = self._leak.rows[r]
        strong_here: frozenset[str] = frozenset()
        weak_here: frozenset[str] = frozenset()
        for i, shared in shared_by.items():
            other = original.rows[i]
            weights = [weigh(value) for value in shared]
            identifiers = weights.count(Weight.IDENTIFIER)
            share = len(shared) / min(len(row.distinct), len(other.distinct))
            whole = shared == other.distinct
            weak = identifiers >= 1 or weights.count(Weight.MEDIUM) >= 2
            if identifiers and len(shared) >= 2 and share >= MIN_SHARE:
                strong_here |= shared
            if weak:
                weak_here |= shared
            self._whole_rows += whole
            self._equal_rows += weak and whole and len(shared) >= 3
        self._strong_rows += bool(strong_here)
        self._weak_rows += bool(weak_here)
        first = self._leak.first_cell[r]
        self._cells |= {first + k for k, value in enumerate(row.values) if value in strong_here}
        self._weak_cells |= {first + k for k, value in enumerate(row.values) if value in weak_here}

    def coverage(self) -> Coverage:
        whole = self._whole_rows > 0
        if self._strong_rows:
            return Coverage(frozenset(self._cells | self._weak_cells), self._strong_rows, strong=True, whole=whole)
        if self._weak_rows >= MIN_WEAK_ROWS or self._equal_rows:
            return Coverage(frozenset(self._weak_cells), self._weak_rows, strong=False, whole=whole)
        return Coverage(whole=whole)

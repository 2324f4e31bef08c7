"""Cuts a text stream into CSV records with physical line numbers, so that one bad quote spoils one row and no more.

The csv module alone would swallow everything from an unbalanced quote to the next one, however far; here a record
may run over at most `MAX_LINES` lines, and where that doesn't close it, its first line alone is bad.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

MAX_LINES = 20
MAX_RECORD = 100_000  # characters; below csv.field_size_limit, which is the whole process's and stays untouched


@dataclass(frozen=True, slots=True)
class Record:
    """One record: first physical line (1-based), cells, and a reason where it couldn't be cut.

    `faults`: cells that cannot be taken as they are, by position, each with its reason; of workbooks and JSON files.
    """

    line: int
    cells: list[str]
    reason: str | None = None
    faults: Mapping[int, str] | None = None

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it, as in the empty lines below a spreadsheet's table."""
        return self.reason is None and not self.faults and not any(cell and not cell.isspace() for cell in self.cells)


class RecordLines:
    """An iterable of records over `stream`'s lines. `width` = cells expected: a merged record must have as many."""

    def __init__(self, stream: Iterable[str], delimiter: str, width: int) -> None:
        self._lines = iter(stream)
        self._waiting: deque[str] = deque()
        self._delimiter = delimiter
        self._width = width

    def __iter__(self) -> Iterator[Record]:
        number = 1
        while (line := self._next()) is not None:
            if line.count('"') % 2 == 0:
                yield self._cut(number, line)
                number += 1
                continue
            record, used = self._joined(number, line)
            yield record
            number += used

    def count(self, after_line: int) -> int:
        """How many records below that line are not blank. Lines without a quote need not be cut for that."""
        number, found = 1, 0
        while (line := self._next()) is not None:
            if '"' in line:
                record, used = (self._cut(number, line), 1) if line.count('"') % 2 == 0 else self._joined(number, line)
                blank = record.blank
            else:
                used, blank = 1, len(line) <= MAX_RECORD and not line.replace(self._delimiter, "").strip()
            found += number > after_line and not blank
            number += used
        return found

    def _next(self) -> str | None:
        return self._waiting.popleft() if self._waiting else next(self._lines, None)

    def _joined(self, number: int, first: str) -> tuple[Record, int]:
        """A record whose quoted cell runs over line ends, and how many lines it took."""
        taken = [first]
        quotes = first.count('"')
        while quotes % 2 and len(taken) < MAX_LINES:
            line = self._next()
            if line is None:
                break
            taken.append(line)
            quotes += line.count('"')
        if quotes % 2 == 0:
            record = self._cut(number, "".join(taken))
            if record.reason is None and len(record.cells) == self._width:
                return record, len(taken)
        self._waiting.extendleft(reversed(taken[1:]))
        return Record(number, [], "returns.unbalanced_quote"), 1

    def _cut(self, number: int, text: str) -> Record:
        if len(text) > MAX_RECORD:
            return Record(number, [], "returns.row_too_long")
        try:
            # csv.reader wants an iterable of lines, but takes line ends inside one string as well.
            cells = next(csv.reader((text,), delimiter=self._delimiter, strict=True), [])
        except csv.Error:
            return Record(number, [], "returns.unbalanced_quote")
        return Record(number, cells)

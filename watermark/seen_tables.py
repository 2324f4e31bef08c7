"""Tables in pictures: a screenshot of a sheet, a browser or an editor is read, then looked up and traced by its rows.

What is read are letters and where they stand, without any original. Held against an original that the tracer has, they
are made out by `watermark.carriers.seen_evidence`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from statistics import median

from watermark.carriers import carrier_for
from watermark.carriers.seen_evidence import BETWEEN_WORDS
from watermark.carriers.table_reading import found_claims
from watermark.errors import WatermarkError
from watermark.examine import Examined
from watermark.lettering import can_read, pieces_of
from watermark.provenance import Leak
from watermark.reading import Piece, Raster, Reading, Row

MAX_READ = 4
"""Pictures of a suspect, all files of an archive together, whose lettering is read."""

_BROKEN = 100_000.0
"""Pixels between the lines of a record that was broken, once they are one."""

_STEP, _STEEPEST = 0.002, 40
"""Slopes of lines that are tried: steps, and how many on either side."""

Line = tuple[Piece, ...]


NO_READER, UNREAD = "watermark.trace.no_reader", "watermark.trace.lettering_unread"
"""Said in a verdict: the part that reads is not installed; a picture was too much for it."""


@dataclass(frozen=True)
class Lettering:
    """A suspect with what its pictures say, and the codes of what could not be done."""

    examined: Examined
    codes: tuple[str, ...] = ()


def is_table(media_type: str) -> bool:
    """Whether copies of such an original can be seen in a picture as rows of text."""
    return carrier_for(media_type).name in {"table", "xlsx"}


def with_lettering(examined: Examined, settled: AbstractSet[str] = frozenset()) -> Lettering:
    """The suspect with the rows of text that its first pictures show; `settled`: files of an archive to leave alone."""
    if not can_read():
        return Lettering(examined, (NO_READER,))
    reader = _Reader(settled)
    read = reader.read(examined)
    return Lettering(read, (UNREAD,) if reader.failed else ())


def shows_more(examined: Examined) -> bool:
    """Whether it has pictures, and nothing was read in them yet."""
    return bool(examined.rasters) and not _seen(examined)


def _seen(examined: Examined) -> bool:
    return bool(examined.leak.reading.seen) or any(_seen(part) for part in examined.parts)


class _Reader:
    def __init__(self, settled: AbstractSet[str]) -> None:
        self.failed = False
        self._settled = settled
        self._left = MAX_READ

    def read(self, examined: Examined) -> Examined:
        parts = [part if part.name in self._settled else self.read(part) for part in examined.parts]
        reading = examined.leak.reading
        lines = [line for raster in (*reading.rasters, *reading.pictures) for line in self._lines(raster)]
        leak = Leak.of(_with_lines(reading, lines)) if lines else examined.leak
        return replace(examined, leak=leak, parts=tuple(parts))

    def _lines(self, raster: Raster) -> list[Line]:
        if not self._left:
            return []
        self._left -= 1
        try:
            pieces, whole = pieces_of(raster)
        except WatermarkError:  # the trace goes on without it, and says so
            self.failed = True
            return []
        self.failed = self.failed or not whole
        return lines_of(pieces)


def _with_lines(reading: Reading, lines: Sequence[Line]) -> Reading:
    rows = tuple(_row(line) for line in lines)
    text = "\n".join(piece.text for line in lines for piece in line)
    claims = tuple(dict.fromkeys([*reading.claims, *found_claims(text, [])]))
    return replace(reading, sheets=(*reading.sheets, rows), seen=tuple(lines), claims=claims)


def _row(line: Line) -> Row:
    """What can be looked up: each piece as a whole, and the words in it."""
    values = dict.fromkeys(piece.text for piece in line)
    values |= dict.fromkeys(word for piece in line for word in BETWEEN_WORDS.split(piece.text) if word)
    return Row(("",) * len(values), tuple(values))


def lines_of(pieces: Iterable[Piece]) -> list[Line]:
    """Pieces that stand side by side, from above, each line from the left."""
    found = list(pieces)
    if not found:
        return []
    high = median(piece.height for piece in found)
    slope = _slope(found, high)
    ordered = sorted((_level(piece, slope), number) for number, piece in enumerate(found))
    lines: list[list[Piece]] = []
    levels: list[float] = []
    for level, number in ordered:
        if not lines or level - median(levels) >= high * 0.4:
            lines.append([])
            levels = []
        lines[-1].append(found[number])
        levels.append(level)
    return _records([tuple(sorted(line, key=lambda piece: piece.at[0])) for line in lines])


def _level(piece: Piece, slope: float) -> float:
    """How far down a piece's line begins, at the left edge."""
    return piece.middle - slope * (piece.at[0] + piece.at[-1]) / 2


def _slope(pieces: Sequence[Piece], high: float) -> float:
    """By how much lines fall from left to right: where most pieces stand level with others, none if in doubt."""
    counted = {}
    for step in range(-_STEEPEST, _STEEPEST + 1):
        slope = step * _STEP
        found = Counter(int(_level(piece, slope) / (high * 0.3)) for piece in pieces)
        counted[slope] = sum(count * count for count in found.values())
    best = max(counted, key=lambda slope: (counted[slope], -abs(slope)))
    return best if counted[best] > 1.2 * counted[0.0] else 0.0


def _records(lines: Sequence[Line]) -> list[Line]:
    """The lines, those joined that are one record of JSON which was broken to fit a window."""
    found: list[Line] = []
    open_record = False
    for line in lines:
        text = "".join(piece.text for piece in line).rstrip(",\uff0c \u3001")
        if open_record and not text.startswith("{"):
            found[-1] = (_joined((*found[-1], *line)),)
        else:
            found.append(line)
            open_record = text.startswith("{")
        open_record = open_record and not text.endswith("}")
    return found


def _joined(pieces: Line) -> Piece:
    """Pieces one after another as one; what stands in a later line counts as further to the right."""
    at: list[float] = []
    for piece in pieces:
        shift = 0.0 if not at or piece.at[0] > at[-1] else (at[-1] // _BROKEN + 1) * _BROKEN
        at += [x + shift for x in piece.at]
    text = "".join(piece.text for piece in pieces)
    return Piece(text, tuple(at), min(one.top for one in pieces), max(one.bottom for one in pieces))

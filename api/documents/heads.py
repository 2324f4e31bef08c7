"""The head of a department's file: encoding, delimiter, which line is the header, which field each column is."""

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from api.catalogue.canonical import header_key
from api.catalogue.model import Field, FieldKind, TypeSchema
from api.documents.header_rows import MANY_DIGITS, grouped_header, header_block, joined, plain, told_apart
from api.documents.intake.answers import MAX_COLUMNS
from api.documents.intake.grid import Grid
from api.documents.records import MAX_RECORD
from api.errors import ApiError, Kind

_ENCODINGS = ("utf-8", "gb18030")
_DELIMITERS = (",", "\t", ";", "|")
_CHUNK = 1 << 16
_TOLD_APART = (FieldKind.ID_NUMBER, FieldKind.USCC, FieldKind.DATE)
_BLANK_BYTES = b"\xef\xbb\xbf \t\r\n\0"
LINES = 10
"""Among so many lines of a CSV file the header is looked for."""
KNOWN_NAMES = 2
"""With fewer known names a line may be a person's row: nothing of it may be repeated."""
Source = Callable[[], BinaryIO]
"""Opens the file at its beginning, each time anew."""


@dataclass(frozen=True, slots=True)
class TableLimits:
    """What a file may be at most: bytes of the file, records below the header, characters of one cell."""

    max_bytes: int = 32 * 1024 * 1024
    max_rows: int = 200_000
    max_cell: int = 4_000


def line_ends(source: Source, limits: TableLimits) -> int:
    """How many line ends the file has, at most; refuses one that is too large or says nothing."""
    size, ends, blank = 0, 0, True
    with source() as file:
        while piece := file.read(_CHUNK):
            size += len(piece)
            if size > limits.max_bytes:
                raise ApiError("returns.too_large", Kind.TOO_LARGE, limit=limits.max_bytes)
            ends += piece.count(b"\n") + piece.count(b"\r")
            blank = blank and not piece.strip(_BLANK_BYTES)
    if blank:
        raise ApiError("returns.empty_file")
    return ends


def encoding_of(source: Source) -> str:
    """utf-8 (with or without byte order mark) or gb18030. Raises ApiError `returns.not_csv`, `returns.encoding`."""
    with source() as file:
        data = file.read(8)
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise ApiError("returns.not_csv")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:2]:
        raise ApiError("returns.encoding")
    for encoding in _ENCODINGS:
        stream = opened(source, encoding)
        try:
            while stream.read(_CHUNK):
                pass
        except UnicodeDecodeError:
            continue
        return encoding
    raise ApiError("returns.encoding")


def opened(source: Source, encoding: str) -> io.TextIOWrapper:
    """The text as a stream, decoded piece by piece."""
    return io.TextIOWrapper(source(), encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def csv_header(source: Source, encoding: str, names: Collection[str]) -> tuple[str, int, tuple[str, ...], int]:
    """(delimiter, line, cells, how many of them are known) of the header, among the first lines that aren't blank.

    Titles may stand above it: it is the line in which most names are known, and where none is the first one of
    several cells that are told apart. A line is cut where most cells are known, else where there are most cells.
    Two lines are one header where a name with empty cells to its right stands over several (`header_rows`); the line
    is that of the lower one.
    """
    found: list[tuple[int, _Cut]] = []
    refused: int | None = None
    for number, line in enumerate(opened(source, encoding), start=1):
        if not line.strip().strip(",;|"):
            continue
        cut = _cut(line, names) if len(line) <= MAX_RECORD else None
        if cut is not None:
            found.append((number, cut))
        elif refused is None:
            refused = number
        if len(found) == LINES or len(line) > MAX_RECORD:
            break
    if not found:
        raise ApiError("returns.empty_file") if refused is None else ApiError("returns.no_header", line=refused)
    number, best = max(found, key=lambda one: one[1].known)  # of several the first
    if not best.known:
        number, best = next((one for one in found if len(set(one[1].cells)) > 1), found[0])
    if len(best.cells) > MAX_COLUMNS:
        raise ApiError("returns.too_many_columns", limit=MAX_COLUMNS)
    at = next(index for index, one in enumerate(found) if one[1] is best)
    rows = [cut.again(best.delimiter) for _, cut in found]
    last, header = grouped_header(rows, at, names)
    if header is None or len(header) > MAX_COLUMNS:
        return best.delimiter, number, told_apart(best.cells), best.known
    return best.delimiter, found[last][0], header, len({header_key(name) for name in header if name} & set(names))


@dataclass(frozen=True, slots=True)
class _Cut:
    """A line cut into cells, and how many of them are known names."""

    line: str
    delimiter: str
    cells: tuple[str, ...]
    known: int

    def again(self, delimiter: str) -> tuple[str, ...]:
        """The line cut there, with the empty cells at its end; nothing where it can't be."""
        try:
            return tuple(cell.strip() for cell in _cells(self.line, delimiter))
        except csv.Error:
            return ()


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader((line.lstrip("\ufeff"),), delimiter=delimiter, strict=True))


def _cut(line: str, names: Collection[str]) -> _Cut | None:
    best: _Cut | None = None
    for delimiter in _DELIMITERS:
        try:
            cells = _trimmed(_cells(line, delimiter))
        except csv.Error:
            continue
        cut = _Cut(line, delimiter, cells, sum(1 for cell in cells if header_key(cell) in names))
        if best is None or (cut.known, 0 if cut.known else len(cells)) > (
            best.known,
            0 if best.known else len(best.cells),
        ):
            best = cut
    return best


def grid_header(grid: Grid, known: Collection[str]) -> tuple[int, tuple[str, ...]]:
    """(line, cells) of a grid's header: around the row among the first ones in which most names are known.

    Of several the lowest; where none is known the first row of several cells that are told apart. A header of several
    rows ends with its last one; see `header_rows` for what its columns are called then.
    """
    rows = [tuple(cell.strip() for cell in cells) for _, cells in grid.top]
    filled = [number for number, cells in enumerate(rows) if any(cells)]
    if not filled:
        raise ApiError("returns.empty_file")
    blocks = {number: header_block(rows, grid.merges, number) for number in filled}
    names = {
        (first, last): joined([_trimmed(row) for row in rows[first : last + 1]], known)
        for first, last in blocks.values()
    }
    counts = {block: len({header_key(name) for name in header if name} & set(known)) for block, header in names.items()}
    seed = max(filled, key=lambda number: (counts[blocks[number]], number))
    if not counts[blocks[seed]]:
        seed = next((number for number in filled if len(set(_trimmed(rows[number]))) > 1), filled[0])
    return grid.top[blocks[seed][1]][0], names[blocks[seed]]


def _trimmed(cells: Sequence[str]) -> tuple[str, ...]:
    texts = [cell.strip() for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def by_key(mapping: Mapping[str, str | None] | None) -> dict[str, str | None]:
    """What was said of headers, by `header_key`."""
    return {header_key(header): name for header, name in (mapping or {}).items()}


def fit_columns(
    schema: TypeSchema, header: tuple[str, ...], by_header: Mapping[str, Field], mapped: Mapping[str, str | None]
) -> tuple[str | None, ...]:
    """The field of each column, None for one that is left out.

    What is said of a name that several columns have concerns them all, unless one of them is named by its number.

    Raises ApiError `returns.unknown_column`, `returns.duplicate_column`, `returns.missing_column`,
    `returns.header_is_row`, `catalogue.unknown_field`.
    """
    columns: list[str | None] = []
    unknown: list[int] = []
    repeated: list[int] = []
    for position, text in enumerate(header, start=1):
        key, alike = header_key(text), header_key(plain(text, position))
        if key not in mapped and alike in mapped:
            key = alike
        if key in mapped:
            name = mapped[key]
            if name is not None and not schema.has_column(name):
                raise ApiError("catalogue.unknown_field", field=name, type=schema.code)
            columns.append(name)
        elif key in by_header:
            columns.append(by_header[key].name)
        else:
            columns.append(None)
            (repeated if alike in by_header else unknown).append(position)
    if unknown:
        raise ApiError("returns.unknown_column", columns=_names(header, unknown))
    if repeated:
        raise ApiError("returns.duplicate_column", columns=_names(header, repeated))
    twice = [position for position, name in enumerate(columns, start=1) if name and columns.count(name) > 1]
    if twice:
        raise ApiError("returns.duplicate_column", columns=_names(header, twice))
    if any(name and _is_value(schema, name, text) for name, text in zip(columns, header, strict=True)):
        raise ApiError("returns.header_is_row")
    missing = [f.zh for f in schema.fields if f.required and f.name not in columns]
    if missing:
        raise ApiError("returns.missing_column", columns="、".join(missing))
    return tuple(columns)


def _is_value(schema: TypeSchema, name: str, text: str) -> bool:
    """Whether what stands above a column is one of its values: the file has no header, and this is a person's row."""
    field = schema.field(name)
    if field.kind not in _TOLD_APART or not text.strip():
        return False
    try:
        field.canonical(text, demo=True)
    except ApiError:
        return False
    return True


def _names(header: tuple[str, ...], positions: list[int]) -> str:
    """Headers for a message. What looks like a value (long, or many digits) is named by its position alone."""
    return "、".join(
        text if 0 < len(text) <= 30 and sum(map(str.isdigit, text)) < MANY_DIGITS else f"#{position}"
        for position, text in ((position, header[position - 1]) for position in positions)
    )

"""Reads a department's CSV file: encoding, delimiter, header against the type's fields, then row by row.

Whatever is wrong with the file as a whole raises ApiError `returns.…` before any row; whatever is wrong with a row
stays with that row. Nothing that a cell holds leaves in an error: facts are column names, counts and limits.
"""

import csv
import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import date
from types import MappingProxyType
from typing import BinaryIO

from api.catalogue.canonical import header_key
from api.catalogue.model import Field, FieldKind, TypeSchema
from api.documents.records import Record, RecordLines
from api.errors import ApiError, Kind

_ENCODINGS = ("utf-8", "gb18030")
_DELIMITERS = (",", "\t", ";", "|")
_CHUNK = 1 << 16
_FORMULA = frozenset("=+-@＝＋－＠")
_BLANK_MARKS = frozenset({"-", "－", "—", "--", "——", "/", "N/A"})
_NUMERIC = (FieldKind.AMOUNT, FieldKind.INTEGER)
_SUSPICIOUSLY_OLD = "1920-01-01"
_BLANK_BYTES = b"\xef\xbb\xbf \t\r\n\0"
Facts = Mapping[str, str | int]
Source = Callable[[], BinaryIO]
"""Opens the file at its beginning, each time anew."""
_NO_FACTS: Facts = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TableLimits:
    """What a file may be at most: bytes of the file, records below the header, characters of one cell."""

    max_bytes: int = 32 * 1024 * 1024
    max_rows: int = 200_000
    max_cell: int = 4_000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong or odd: the field's name and the file's own column header, None where it is the whole row."""

    field: str | None
    column: str | None
    reason: str
    facts: Facts = attribute(default_factory=lambda: _NO_FACTS)


@dataclass(frozen=True, slots=True)
class RowOk:
    """A row without any problem: its first physical line (1-based) and its canonical values in schema order."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class RowWarned:
    """A row that is taken but deserves a look."""

    line: int
    values: dict[str, str]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class RowBad:
    """A row that is not taken, with all its problems."""

    line: int
    problems: tuple[Problem, ...]


Row = RowOk | RowWarned | RowBad


@dataclass(frozen=True, slots=True)
class DepartmentTable:
    """A file whose header fits its type.

    `header`: the columns as the file writes them. `columns`: for each the field's name, None for a column that the
    mapping leaves out. `rows()` may be called again and again; it opens the file anew and holds one record at a time.
    """

    schema: TypeSchema
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    columns: tuple[str | None, ...]
    header_line: int
    source: Source = attribute(repr=False)
    demo: bool
    today: str | None
    limits: TableLimits

    def rows(self, after_line: int = 0) -> Iterator[Row]:
        """The rows in file order; those that begin at or before `after_line` are skipped unchecked.

        Blank lines are no rows. Raises nothing.
        """
        reader = _RowReader(self)
        start = max(after_line, self.header_line)
        for record in RecordLines(_open(self.source, self.encoding), self.delimiter, len(self.header)):
            if record.line > start and not record.blank:
                yield reader.read(record)

    def count(self) -> int:
        """How many rows `rows()` gives; reads the file without checking values."""
        records = RecordLines(_open(self.source, self.encoding), self.delimiter, len(self.header))
        return sum(1 for record in records if record.line > self.header_line and not record.blank)


def read_department_csv(
    data: bytes | Source,
    schema: TypeSchema,
    *,
    demo: bool = False,
    today: date | None = None,
    mapping: Mapping[str, str | None] | None = None,
    limits: TableLimits | None = None,
) -> DepartmentTable:
    """Opens a department's CSV file for one certificate type.

    `data`: the file's bytes, or how to open it, for one too large to hold; UTF-8 with or without BOM, or GB18030;
    comma, tab, semicolon or bar between cells. `mapping` gives the field (or None: leave out) of headers that the
    catalogue doesn't know. `today` (the city's day) switches on the warnings about dates; `demo` accepts numbers of
    the demo region.

    Raises ApiError: `returns.too_large`, `returns.empty_file`, `returns.not_csv`, `returns.encoding`,
    `returns.no_header`, `returns.duplicate_column`, `returns.unknown_column`, `returns.missing_column`,
    `returns.no_rows`, `returns.too_many_rows`, `catalogue.type_not_ready`.
    """
    limits = limits or TableLimits()
    if not schema.ready:
        raise ApiError("catalogue.type_not_ready", Kind.CONFLICT, type=schema.code)
    source: Source = (lambda: io.BytesIO(data)) if isinstance(data, bytes) else data
    ends = _line_ends(source, limits)
    encoding = _encoding(source)
    by_header = {key: f for f in schema.fields for key in f.headers}
    mapped = {header_key(header): name for header, name in (mapping or {}).items()}
    delimiter, line, header = _header(source, encoding, by_header, mapped)
    table = DepartmentTable(
        schema=schema,
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        columns=_columns(schema, header, by_header, mapped),
        header_line=line,
        source=source,
        demo=demo,
        today=today.isoformat() if today else None,
        limits=limits,
    )
    # Line ends bound the number of records from above, so only a file near the limit is counted exactly.
    if ends <= limits.max_rows:
        if next(table.rows(), None) is None:
            raise ApiError("returns.no_rows")
        return table
    count = table.count()
    if count == 0:
        raise ApiError("returns.no_rows")
    if count > limits.max_rows:
        raise ApiError("returns.too_many_rows", Kind.TOO_LARGE, limit=limits.max_rows, found=count)
    return table


def _line_ends(source: Source, limits: TableLimits) -> int:
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


def _encoding(source: Source) -> str:
    with source() as file:
        data = file.read(8)
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise ApiError("returns.not_csv")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:2]:
        raise ApiError("returns.encoding")
    for encoding in _ENCODINGS:
        stream = _open(source, encoding)
        try:
            while stream.read(_CHUNK):
                pass
        except UnicodeDecodeError:
            continue
        return encoding
    raise ApiError("returns.encoding")


def _open(source: Source, encoding: str) -> io.TextIOWrapper:
    """The text as a stream, decoded piece by piece."""
    return io.TextIOWrapper(source(), encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def _header(
    source: Source, encoding: str, by_header: Mapping[str, Field], mapped: Mapping[str, str | None]
) -> tuple[str, int, tuple[str, ...]]:
    """(delimiter, line, cells) of the first line that isn't blank, cut where most cells are known."""
    for number, line in enumerate(_open(source, encoding), start=1):
        if not line.strip().strip(",;|"):
            continue
        best: tuple[int, str, tuple[str, ...]] | None = None
        for delimiter in _DELIMITERS:
            try:
                cells = next(csv.reader((line.lstrip("\ufeff"),), delimiter=delimiter, strict=True))
            except csv.Error:
                continue
            while cells and not cells[-1].strip():
                cells.pop()
            known = sum(1 for cell in cells if header_key(cell) in by_header or header_key(cell) in mapped)
            if best is None or known > best[0]:
                best = (known, delimiter, tuple(cell.strip() for cell in cells))
        # With fewer than two known names the line may be a person's row: nothing of it may be repeated.
        if best is None or best[0] < 2:
            raise ApiError("returns.no_header", line=number)
        return best[1], number, best[2]
    raise ApiError("returns.empty_file")


def _columns(
    schema: TypeSchema, header: tuple[str, ...], by_header: Mapping[str, Field], mapped: Mapping[str, str | None]
) -> tuple[str | None, ...]:
    columns: list[str | None] = []
    unknown: list[int] = []
    for position, text in enumerate(header, start=1):
        key = header_key(text)
        if key in mapped:
            name = mapped[key]
            if name is not None and not schema.has_column(name):
                raise ApiError("catalogue.unknown_field", field=name, type=schema.code)
            columns.append(name)
        elif key in by_header:
            columns.append(by_header[key].name)
        else:
            columns.append(None)
            unknown.append(position)
    if unknown:
        raise ApiError("returns.unknown_column", columns=_names(header, unknown))
    twice = [position for position, name in enumerate(columns, start=1) if name and columns.count(name) > 1]
    if twice:
        raise ApiError("returns.duplicate_column", columns=_names(header, twice))
    missing = [f.zh for f in schema.fields if f.required and f.name not in columns]
    if missing:
        raise ApiError("returns.missing_column", columns="、".join(missing))
    return tuple(columns)


def _names(header: tuple[str, ...], positions: list[int]) -> str:
    """Headers for a message. What looks like a value (long, or many digits) is named by its position alone."""
    return "、".join(
        text if 0 < len(text) <= 30 and sum(map(str.isdigit, text)) < 5 else f"#{position}"
        for position, text in ((position, header[position - 1]) for position in positions)
    )


class _RowReader:
    """Turns records into rows; what the header fixes is worked out once."""

    def __init__(self, table: DepartmentTable) -> None:
        schema = table.schema
        present = {name: position for position, name in enumerate(table.columns) if name is not None}
        self._width = len(table.header)
        self._plan = [(f, present.get(f.name, -1)) for f in schema.fields]
        self._column = {name: table.header[position] for name, position in present.items()}
        self._schema = schema
        self._demo = table.demo
        self._today = table.today
        self._max_cell = table.limits.max_cell
        self._dates = [f.name for f in schema.fields if f.kind is FieldKind.DATE]
        self._past = [name for name in ("birth_date", schema.issued_on) if name in present]

    def read(self, record: Record) -> Row:
        if record.reason is not None:
            return RowBad(record.line, (Problem(None, None, record.reason),))
        cells = record.cells
        if len(cells) != self._width and (len(cells) < self._width or any(cells[self._width :])):
            facts: Facts = {"expected": self._width, "found": len(cells)}
            return RowBad(record.line, (Problem(None, None, "returns.cell_count", facts),))
        values: dict[str, str] = {}
        problems: list[Problem] = []
        for schema_field, position in self._plan:
            raw = cells[position] if position >= 0 else ""
            try:
                values[schema_field.name] = self._value(schema_field, raw)
            except ApiError as error:
                column = self._column.get(schema_field.name)
                problems.append(Problem(schema_field.name, column, error.code, error.facts))
        for name, code in self._schema.broken_rules(values):
            problems.append(Problem(name, self._column.get(name), code, {"field": name}))
        if problems:
            return RowBad(record.line, tuple(problems))
        warnings = tuple(self._warnings(values)) if self._today else ()
        return RowWarned(record.line, values, warnings) if warnings else RowOk(record.line, values)

    def _value(self, schema_field: Field, raw: str) -> str:
        """A cell's canonical value. A cell that a spreadsheet would run as a formula is refused, whatever it says."""
        if len(raw) > self._max_cell:
            raise ApiError("catalogue.too_long", field=schema_field.name, limit=schema_field.limits.max_length)
        text = raw.strip()
        if text in _BLANK_MARKS:
            text = ""
        elif text and (text[0] in _FORMULA or raw[0] in "\t\r") and not _plain_negative(schema_field, text):
            raise ApiError("returns.formula_cell", field=schema_field.name)
        return schema_field.canonical(text, demo=self._demo)

    def _warnings(self, values: Mapping[str, str]) -> Iterator[Problem]:
        today = self._today
        assert today is not None
        if self._schema.ended(values, today) and self._schema.valid_until:
            name = self._schema.valid_until
            yield Problem(name, self._column.get(name), "returns.expired", {"field": name})
        for name in self._past:
            if name is not None and values[name] > today:
                yield Problem(name, self._column[name], "returns.in_the_future", {"field": name})
        for name in self._dates:
            if values[name] and values[name] < _SUSPICIOUSLY_OLD:
                yield Problem(name, self._column.get(name), "returns.old_date", {"field": name})


def _plain_negative(schema_field: Field, text: str) -> bool:
    if schema_field.kind not in _NUMERIC or text[0] not in "-－":
        return False
    rest = text[1:].replace(",", "").replace(".", "", 1)
    return bool(rest) and rest.isdigit()


def natural_key(schema: TypeSchema, values: Mapping[str, str]) -> tuple[str, ...]:
    """The values that tell one certificate of the type from another; equal keys in one file are repetitions."""
    return tuple(itertools.chain((schema.code,), (values[name] for name in schema.natural_key)))

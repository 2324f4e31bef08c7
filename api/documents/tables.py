"""Reads a department's file: its form, encoding, delimiter, header against the type's fields, then row by row.

CSV is read here, as a stream, however long it is; workbooks and JSON come from `api.documents.intake` as a grid.

Whatever is wrong with the file as a whole raises ApiError `returns.…` before any row; whatever is wrong with a row
stays with that row. Nothing that a cell holds leaves in an error: facts are column names, counts and limits.
"""

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import date
from types import MappingProxyType

from api.catalogue.canonical import header_key
from api.catalogue.columns import known_headers
from api.catalogue.model import Field, FieldKind, TypeSchema
from api.catalogue.quality import quality
from api.documents.heads import (
    KNOWN_NAMES,
    Source,
    TableLimits,
    by_key,
    csv_header,
    encoding_of,
    fit_columns,
    grid_header,
    line_ends,
    opened,
)
from api.documents.intake.grid import Form, Grid, read_grid, sniff
from api.documents.records import Record, RecordLines
from api.errors import ApiError, Kind

_REMEMBERED, _REMEMBERED_LENGTH = 4096, 64
_FORMULA = frozenset("=+-@＝＋－＠")
_BLANK_MARKS = frozenset({"-", "－", "—", "--", "——", "/", "N/A"})
_NUMERIC = (FieldKind.AMOUNT, FieldKind.INTEGER)
_SUSPICIOUSLY_OLD = "1920-01-01"
Facts = Mapping[str, str | int]
_NO_FACTS: Facts = MappingProxyType({})


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
    grid: Grid | None = None

    @property
    def form(self) -> Form:
        """What the file is."""
        return Form.CSV if self.grid is None else self.grid.form

    def rows(self, after_line: int = 0) -> Iterator[Row]:
        """The rows in file order; those that begin at or before `after_line` are skipped unchecked.

        Blank lines are no rows. Raises nothing.
        """
        reader = _RowReader(self)
        start = max(after_line, self.header_line)
        for record in self._records():
            if record.line > start and not record.blank:
                yield reader.read(record)

    def count(self) -> int:
        """How many rows `rows()` gives; reads the file without checking values."""
        if self.grid is not None:
            return self.grid.count(self.header_line)
        records = RecordLines(opened(self.source, self.encoding), self.delimiter, len(self.header))
        return records.count(self.header_line)

    def _records(self) -> Iterable[Record]:
        if self.grid is not None:
            return self.grid.records(len(self.header))
        return RecordLines(opened(self.source, self.encoding), self.delimiter, len(self.header))


def read_department_file(
    source: Source,
    schema: TypeSchema,
    *,
    demo: bool = False,
    today: date | None = None,
    mapping: Mapping[str, str | None] | None = None,
    sheet: int | None = None,
    limits: TableLimits | None = None,
) -> DepartmentTable:
    """Opens a department's file, whatever it is: told by how it begins. Errors: `sniff` and the two that follow."""
    form = sniff(source)
    if form is Form.CSV:
        return read_department_csv(source, schema, demo=demo, today=today, mapping=mapping, limits=limits)
    return read_department_grid(
        source, form, schema, demo=demo, today=today, mapping=mapping, sheet=sheet, limits=limits
    )


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
    ends = line_ends(source, limits)
    encoding = encoding_of(source)
    by_header, mapped = known_headers(schema), by_key(mapping)
    delimiter, line, header, known = csv_header(source, encoding, by_header.keys() | mapped.keys())
    if known < KNOWN_NAMES:
        raise ApiError("returns.no_header", line=line)
    table = DepartmentTable(
        schema=schema,
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        columns=fit_columns(schema, header, by_header, mapped),
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


def read_department_grid(
    source: Source,
    form: Form,
    schema: TypeSchema,
    *,
    demo: bool = False,
    today: date | None = None,
    mapping: Mapping[str, str | None] | None = None,
    sheet: int | None = None,
    limits: TableLimits | None = None,
) -> DepartmentTable:
    """Opens a department's workbook or JSON file for one certificate type; the rest as `read_department_csv`.

    `sheet`: the number of the workbook's sheet, None for the only one that holds something. The header may stand below
    a title and run over several rows with merged cells (`header_rows`). Lines of rows are a sheet's rows, a
    list's records counted from 1, or the lines of JSON lines.

    Raises ApiError: those of `intake.grid.Reader.read` and of `read_department_csv`; `returns.several_sheets`.
    """
    limits = limits or TableLimits()
    if not schema.ready:
        raise ApiError("catalogue.type_not_ready", Kind.CONFLICT, type=schema.code)
    with source() as file:
        data = file.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        raise ApiError("returns.too_large", Kind.TOO_LARGE, limit=limits.max_bytes)
    grid = read_grid(data, form, sheet=sheet, max_rows=limits.max_rows)
    if not grid.top:
        raise ApiError("returns.several_sheets", sheets=len(grid.sheets))
    by_header, mapped = known_headers(schema), by_key(mapping)
    line, header = grid_header(grid, by_header.keys() | mapped.keys())
    known = sum(header_key(cell) in by_header or header_key(cell) in mapped for cell in header)
    if known < KNOWN_NAMES:
        raise ApiError("returns.no_header", line=line)
    table = DepartmentTable(
        schema=schema,
        encoding=grid.encoding,
        delimiter="",
        header=header,
        columns=fit_columns(schema, header, by_header, mapped),
        header_line=line,
        source=source,
        demo=demo,
        today=today.isoformat() if today else None,
        limits=limits,
        grid=grid,
    )
    count = table.count()
    if not count:
        raise ApiError("returns.no_rows")
    if count > limits.max_rows:
        raise ApiError("returns.too_many_rows", Kind.TOO_LARGE, limit=limits.max_rows, found=count)
    return table


class _RowReader:
    """Turns records into rows; what the header fixes is worked out once."""

    def __init__(self, table: DepartmentTable) -> None:
        schema = table.schema
        present = {name: position for position, name in enumerate(table.columns) if name is not None}
        self._width = len(table.header)
        # A cell's canonical value depends on nothing but the cell, and most columns say a few things over and over.
        self._plan: list[tuple[Field, int, dict[str, str]]] = [(f, present.get(f.name, -1), {}) for f in schema.fields]
        self._column = {name: table.header[position] for name, position in present.items()}
        self._schema = schema
        self._demo = table.demo
        self._today = table.today
        self._max_cell = table.limits.max_cell
        self._dates = [f.name for f in schema.fields if f.kind is FieldKind.DATE]
        rules = quality().of(schema)
        self._stale = (rules.stale_field, rules.stale_before(date.fromisoformat(table.today)) if table.today else None)
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
        faults = record.faults
        for schema_field, position, known in self._plan:
            if faults is not None and position in faults:
                facts = {"field": schema_field.name}
                problems.append(Problem(schema_field.name, self._column[schema_field.name], faults[position], facts))
                continue
            raw = cells[position] if position >= 0 else ""
            value = known.get(raw)
            if value is not None:
                values[schema_field.name] = value
                continue
            try:
                values[schema_field.name] = value = self._value(schema_field, raw)
                if len(known) < _REMEMBERED and len(raw) <= _REMEMBERED_LENGTH:
                    known[raw] = value
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
        issued, before = self._stale
        if issued is not None and before is not None and values[issued] and values[issued] < before:
            yield Problem(issued, self._column.get(issued), "returns.stale", {"field": issued})
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

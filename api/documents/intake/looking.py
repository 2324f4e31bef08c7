"""A look at a department's file before it is checked: its header, a few values, and which column may be which field.

Each column is told by what is remembered of files with this header, by its name, by a name much like a known one, and
by its first values. What is said comes with a confidence in percent; whoever hands the file in has the last word.
"""

import hashlib
import itertools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.catalogue.canonical import header_key
from api.catalogue.columns import known_headers, shapes
from api.catalogue.model import Field, FieldKind, TypeSchema
from api.documents.heads import Source, TableLimits, csv_header, encoding_of, grid_header, line_ends, opened
from api.documents.intake.grid import Form, Grid, Sheet, read_grid, sniff
from api.documents.records import Record, RecordLines
from api.errors import ApiError, Kind

SAMPLE_ROWS = 50
SHOWN = 3
CHOSEN_FROM = 50
"""Percent from which a field is proposed at all."""
APART = 5
LIKE_FROM = 0.5
_WEIGHT = {
    FieldKind.ID_NUMBER: 90,
    FieldKind.USCC: 90,
    FieldKind.ENUM: 80,
    FieldKind.DATE: 70,
    FieldKind.NAME: 60,
    FieldKind.ORGANISATION: 60,
    FieldKind.ADDRESS: 60,
}
_PATTERNED = 80
_TELLING = frozenset({FieldKind.ID_NUMBER, FieldKind.USCC, FieldKind.DATE})
"""Kinds whose values cannot be mistaken: where none of them fits, the column's name is in doubt."""
_KEPT = frozenset(" -/.:年月日")


class Basis(StrEnum):
    """Why a column is taken for a field."""

    REMEMBERED = "remembered"
    NAME = "name"
    SYNONYM = "synonym"
    SIMILAR = "similar"
    VALUES = "values"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Look:
    """A file's head: `samples` are the first values of each column. Without a header where a sheet must be chosen."""

    form: Form
    encoding: str
    sheets: tuple[Sheet, ...]
    sheet: int | None
    header: tuple[str, ...]
    header_line: int
    samples: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field that a column may be, in percent."""

    field: str
    confidence: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the file has it: the field that it is taken for, why, and what else it may be.

    `samples` are its first values with their middles blotted out; `doubtful`: its values speak against its name.
    """

    header: str
    field: str | None
    basis: Basis
    confidence: int
    doubtful: bool
    samples: tuple[str, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Which column is which field. `missing`: required fields that no column is taken for."""

    look: Look
    columns: tuple[Column, ...]
    missing: tuple[str, ...]

    @property
    def certain(self) -> bool:
        """Whether there is nothing to ask: every column is known by its name or remembered, none is in doubt."""
        known = {Basis.NAME, Basis.SYNONYM, Basis.REMEMBERED}
        sure = all(column.basis in known and not column.doubtful for column in self.columns)
        return bool(self.columns) and sure and not self.missing

    @property
    def mapping(self) -> dict[str, str | None]:
        """Field by header, as it is proposed."""
        return {column.header: column.field for column in self.columns}


def signature(header: Iterable[str]) -> bytes:
    """By what files with the same header are known again, in whatever order it stands; 32 bytes."""
    return hashlib.sha256(json.dumps(sorted(header_key(text) for text in header)).encode()).digest()


def look(
    source: Source, known: Collection[str], *, sheet: int | None = None, limits: TableLimits | None = None
) -> Look:
    """Read a file's head. `known`: headers (as `header_key` gives them) by which the header's row is told.

    Raises ApiError as `read_department_file`, but for what concerns single columns.
    """
    limits = limits or TableLimits()
    form = sniff(source)
    if form is not Form.CSV:
        with source() as file:
            data = file.read(limits.max_bytes + 1)
        if len(data) > limits.max_bytes:
            raise ApiError("returns.too_large", Kind.TOO_LARGE, limit=limits.max_bytes)
        grid = read_grid(data, form, sheet=sheet)
        if not grid.top:
            return Look(form, grid.encoding, grid.sheets, None, (), 0, ())
        return _look_at_grid(grid, known)
    line_ends(source, limits)
    encoding = encoding_of(source)
    delimiter, line, header, _ = csv_header(source, encoding, known)
    records = RecordLines(opened(source, encoding), delimiter, len(header))
    return Look(form, encoding, (), None, header, line, _samples(records, line, len(header)))


def _look_at_grid(grid: Grid, known: Collection[str]) -> Look:
    line, header = grid_header(grid, known)
    samples = _samples(grid.records(len(header)), line, len(header))
    return Look(grid.form, grid.encoding, grid.sheets, grid.sheet, header, line, samples)


def _samples(records: Iterable[Record], header_line: int, width: int) -> tuple[tuple[str, ...], ...]:
    below = (record for record in records if record.line > header_line and not record.blank and not record.reason)
    rows = [record.cells[:width] for record in itertools.islice(below, SAMPLE_ROWS)]
    return tuple(
        tuple(row[position].strip() for row in rows if position < len(row) and row[position].strip())
        for position in range(width)
    )


def propose(
    schema: TypeSchema, seen: Look, remembered: Mapping[str, str | None] | None = None, *, demo: bool = False
) -> Proposal:
    """Say of each column which field it is. `remembered`: field by header, as an officer said for this header."""
    known, said = known_headers(schema), {header_key(k): v for k, v in (remembered or {}).items()}
    chosen: dict[int, tuple[str | None, Basis, int]] = {}
    taken: set[str] = set()
    for position, text in enumerate(seen.header):
        key = header_key(text)
        if key in said and (said[key] is None or schema.has_column(said[key] or "")):
            chosen[position] = said[key], Basis.REMEMBERED, 100
        elif key in known and known[key].name not in taken:
            found = known[key]
            own = key in {header_key(found.name), header_key(found.zh), header_key(found.en)}
            chosen[position] = (found.name, Basis.NAME, 100) if own else (found.name, Basis.SYNONYM, 95)
        else:
            continue
        taken.add(chosen[position][0] or "")
    free = [f for f in schema.fields if f.name not in taken]
    guesses = {
        position: sorted(_guesses(free, seen.header[position], seen.samples[position], demo), reverse=True)
        for position in range(len(seen.header))
        if position not in chosen
    }
    _choose(guesses, chosen, taken)
    columns = tuple(
        _column(schema, seen, position, chosen.get(position), guesses.get(position, []), demo)
        for position in range(len(seen.header))
    )
    named = {column.field for column in columns}
    return Proposal(seen, columns, tuple(f.name for f in schema.fields if f.required and f.name not in named))


def _choose(
    guesses: Mapping[int, Sequence[tuple[int, str, str]]],
    chosen: dict[int, tuple[str | None, Basis, int]],
    taken: set[str],
) -> None:
    """Take the best guesses first. Two that say the same of two fields say nothing, until one of these is taken."""
    order = sorted((position for position in guesses if guesses[position]), key=lambda p: (-guesses[p][0][0], p))
    moved = True
    while moved:
        moved = False
        for position in order:
            best = [guess for guess in guesses[position] if guess[1] not in taken]
            if position in chosen or not best or best[0][0] < CHOSEN_FROM:
                continue
            if len(best) == 1 or best[0][0] - best[1][0] >= APART:
                chosen[position] = best[0][1], Basis(best[0][2]), best[0][0]
                taken.add(best[0][1])
                moved = True


def _column(
    schema: TypeSchema,
    seen: Look,
    position: int,
    chosen: tuple[str | None, Basis, int] | None,
    guesses: Sequence[tuple[int, str, str]],
    demo: bool,
) -> Column:
    name, basis, confidence = chosen or (None, Basis.NONE, 0)
    values = seen.samples[position]
    doubtful = False
    if name is not None and basis is not Basis.REMEMBERED:
        found = schema.field(name)
        doubtful = found.kind in _TELLING and len(values) >= SHOWN and _share(found, values, demo) == 0
    return Column(
        header=seen.header[position],
        field=name,
        basis=basis,
        confidence=min(confidence, 40) if doubtful else confidence,
        doubtful=doubtful,
        samples=tuple(masked(value) for value in values[:SHOWN]),
        candidates=tuple(Candidate(other, score) for score, other, _ in guesses[:3] if score >= CHOSEN_FROM // 2),
    )


def _guesses(free: Sequence[Field], header: str, values: Sequence[str], demo: bool) -> Iterable[tuple[int, str, str]]:
    for f in free:
        alike = max((_alike(header_key(header), key) for key in f.headers), default=0.0)
        shown = _weight(f) * _share(f, values, demo) if len(values) >= SHOWN else 0.0
        if alike >= LIKE_FROM:
            score = 50 * alike + (40 if shown >= CHOSEN_FROM else 0)
            yield round(score), f.name, Basis.SIMILAR.value
        elif shown:
            yield round(shown), f.name, Basis.VALUES.value


def _weight(f: Field) -> int:
    return _PATTERNED if f.kind is FieldKind.SERIAL and f.limits.pattern else _WEIGHT.get(f.kind, 0)


def _share(f: Field, values: Sequence[str], demo: bool) -> float:
    """The share of values that the field takes."""
    shape = shapes().get(f.kind)
    good = 0
    for value in values:
        try:
            said = f.canonical(value, demo=demo)
        except ApiError:
            continue
        good += bool(said) and (shape is None or shape.fullmatch(said) is not None)
    return good / len(values) if values else 0.0


def _alike(left: str, right: str) -> float:
    """Dice's coefficient of two names' pairs of characters."""
    pairs = [{text[at : at + 2] for at in range(len(text) - 1)} or {text} for text in (left, right)]
    return 2 * len(pairs[0] & pairs[1]) / (len(pairs[0]) + len(pairs[1]))


def masked(value: str) -> str:
    """A value by which its column is recognised and nobody else: its middle is blotted out, separators stay."""
    front, back = max(1, min(4, len(value) // 4)), len(value) - (1 if len(value) > 4 else 0)
    return "".join(
        letter if at < front or at >= back or letter in _KEPT else "*" for at, letter in enumerate(value[:40])
    )

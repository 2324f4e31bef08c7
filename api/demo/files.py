"""Department files of the fictitious city, as offices would export them, each with the report that it must earn.

Encodings, delimiters, headers and spellings vary from file to file. Bad rows are additional: every certificate of the
city stands in its file once, good. What a reader must say of each line is known before any reader sees it.
"""

import csv
import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from api.catalogue.canonical import OPEN_END
from api.catalogue.model import Catalogue, Field, FieldKind, HolderKind, TypeSchema
from api.demo.city import City
from api.demo.people import DemoCertificate

_ENCODINGS = ("utf-8", "utf-8-sig", "gb18030")
_DELIMITERS = (",", ",", "\t")


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """One file and the report that it must earn.

    `bad`: line to (field name or None, reason code). `warned`: line to reason code. `duplicates`: lines that repeat
    an earlier line exactly. `good` counts rows that are to be stored, the warned ones included. Lines are physical and
    1-based; the header is line 1.
    """

    path: Path
    type_code: str
    department: str
    encoding: str
    delimiter: str
    rows: int
    good: int
    warned: Mapping[int, str]
    bad: Mapping[int, tuple[str | None, str]]
    duplicates: tuple[int, ...]


def write_department_files(
    city: City, folder: Path, catalogue: Catalogue, bad_rows: int = 6, seed: int = 1
) -> list[ExpectedFile]:
    """Writes one CSV file per certificate type into `folder`, with `bad_rows` bad or repeated rows in each.

    The kinds of badness take turns: wrong check character, a required cell left empty, an impossible date, a formula
    cell, too few cells, an unbalanced quote, a repeated row. The same arguments give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expected = []
    for position, (type_code, certificates) in enumerate(sorted(city.by_type().items())):
        rng = random.Random(f"{seed}-{city.seed}-{type_code}")  # noqa: S311 - repeatable by design, nothing secret
        schema = catalogue.ready_type(type_code)
        file = _File(schema, rng, position, city.today.isoformat())
        expected.append(file.write(folder / f"{schema.department}-{type_code}.csv", certificates, bad_rows))
    return expected


class _File:
    """How one office writes its file."""

    def __init__(self, schema: TypeSchema, rng: random.Random, position: int, today: str) -> None:
        self._schema = schema
        self._rng = rng
        self._today = today
        self._encoding = _ENCODINGS[position % len(_ENCODINGS)]
        self._delimiter = _DELIMITERS[position // 2 % len(_DELIMITERS)]
        self._dates = position % 4
        self._aliases = position % 2 == 1
        self._fields = list(schema.fields)
        if position % 3 == 2:
            rng.shuffle(self._fields)

    def write(self, path: Path, certificates: list[DemoCertificate], bad_rows: int) -> ExpectedFile:
        rows: list[tuple[str, tuple[str | None, str] | None, DemoCertificate]] = [
            (self._line(self._cells(certificate)), None, certificate) for certificate in certificates
        ]
        spoilers = self._spoilers()
        repeats: list[tuple[int, str, DemoCertificate]] = []
        for number in range(bad_rows):
            victim = self._rng.choice(certificates)
            spoil = spoilers[number % len(spoilers)]
            if spoil is None:
                # A repeated row that is warned about as well would only blur what is expected of it.
                sound = [c for c in certificates if not self._warning(c)]
                if sound:
                    victim = self._rng.choice(sound)
                    repeats.append((self._rng.randint(0, 10_000), self._line(self._cells(victim)), victim))
                continue
            line, problem = spoil(self._cells(victim))
            rows.insert(self._rng.randint(0, len(rows)), (line, problem, victim))
        for where, line, victim in repeats:
            first = next(i for i, row in enumerate(rows) if row[1] is None and row[2] is victim)
            rows.insert(first + 1 + where % (len(rows) - first), (line, None, victim))
        header = self._line([self._header(field) for field in self._fields])
        data = "\r\n".join([header, *(line for line, _, _ in rows)]) + "\r\n"
        path.write_bytes(data.encode(self._encoding))
        return self._expected(path, rows)

    def _expected(
        self, path: Path, rows: list[tuple[str, tuple[str | None, str] | None, DemoCertificate]]
    ) -> ExpectedFile:
        bad: dict[int, tuple[str | None, str]] = {}
        warned: dict[int, str] = {}
        duplicates: list[int] = []
        seen: set[int] = set()
        for line, (_, problem, certificate) in enumerate(rows, start=2):
            if problem is not None:
                bad[line] = problem
            elif id(certificate) in seen:
                duplicates.append(line)
            else:
                seen.add(id(certificate))
                if self._warning(certificate):
                    warned[line] = "returns.expired"
        return ExpectedFile(
            path=path,
            type_code=self._schema.code,
            department=self._schema.department,
            encoding=self._encoding,
            delimiter=self._delimiter,
            rows=len(rows),
            good=len(seen),
            warned=warned,
            bad=bad,
            duplicates=tuple(duplicates),
        )

    def _warning(self, certificate: DemoCertificate) -> bool:
        end = self._schema.valid_until
        return end is not None and "" < certificate.values[end] < self._today

    def _header(self, field: Field) -> str:
        return field.synonyms[0] if self._aliases and field.synonyms else field.zh

    def _cells(self, certificate: DemoCertificate) -> list[str]:
        return [self._spelling(field, certificate.values[field.name]) for field in self._fields]

    def _spelling(self, field: Field, value: str) -> str:
        """A canonical value as this office spells it."""
        if field.kind is FieldKind.ENUM:
            choice = next(choice for choice in field.choices if choice.code == value)
            return choice.aliases[0] if self._aliases and choice.aliases else choice.zh
        if field.kind is FieldKind.DATE and value:
            if value == OPEN_END:
                return "长期"
            year, month, day = value.split("-")
            return (
                value,
                f"{year}/{int(month)}/{int(day)}",
                f"{year}年{int(month)}月{int(day)}日",
                f"{year}{month}{day}",
            )[self._dates]
        if field.kind is FieldKind.ID_NUMBER and self._dates == 1:
            return value.lower()
        return value

    def _line(self, cells: list[str]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=self._delimiter, lineterminator="").writerow(cells)
        return buffer.getvalue()

    def _spoilers(self) -> list[Callable[[list[str]], tuple[str, tuple[str | None, str]]] | None]:
        """Ways to spoil a row, in turn; None stands for repeating one."""
        return [
            self._wrong_check,
            self._missing_value,
            self._impossible_date,
            self._formula,
            None,
            self._too_few_cells,
            self._open_quote,
        ]

    def _position(self, name: str) -> int:
        return next(number for number, field in enumerate(self._fields) if field.name == name)

    def _replaced(self, cells: list[str], name: str, text: str, reason: str) -> tuple[str, tuple[str | None, str]]:
        cells[self._position(name)] = text
        return self._line(cells), (name, reason)

    def _wrong_check(self, cells: list[str]) -> tuple[str, tuple[str | None, str]]:
        name = self._schema.holder_field
        number = cells[self._position(name)]
        wrong = "0" if number[-1] != "0" else "1"
        person = self._schema.holder_kind is HolderKind.PERSON
        reason = "catalogue.id_check_digit" if person else "catalogue.uscc_check_digit"
        return self._replaced(cells, name, number[:-1] + wrong, reason)

    def _missing_value(self, cells: list[str]) -> tuple[str, tuple[str | None, str]]:
        return self._replaced(cells, self._schema.holder_name_field, "", "catalogue.required")

    def _impossible_date(self, cells: list[str]) -> tuple[str, tuple[str | None, str]]:
        name = self._schema.issued_on or next(f.name for f in self._fields if f.kind is FieldKind.DATE)
        return self._replaced(cells, name, "2026-02-30", "catalogue.bad_date")

    def _formula(self, cells: list[str]) -> tuple[str, tuple[str | None, str]]:
        text = '=HYPERLINK("http://example.invalid","查看")'
        return self._replaced(cells, self._schema.holder_name_field, text, "returns.formula_cell")

    def _too_few_cells(self, cells: list[str]) -> tuple[str, tuple[str | None, str]]:
        return self._line(cells[:-2]), (None, "returns.cell_count")

    def _open_quote(self, cells: list[str]) -> tuple[str, tuple[str | None, str]]:
        return '"' + self._line(cells), (None, "returns.unbalanced_quote")

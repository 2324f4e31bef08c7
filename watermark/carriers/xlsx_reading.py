"""Reads workbooks of any writer as the tracer needs them: the texts of their cells, and the marks among them.

Made for untrusted files: what is unpacked is counted and capped, a document type (the door to entities and to other
files) is refused, links and formulas are not followed, and nothing is written anywhere.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.parsers import expat

from watermark.carriers.table_reading import MAX_CELLS, found_claims
from watermark.errors import WatermarkError
from watermark.reading import Reading, Row

MAX_PARTS = 4096
MAX_UNPACKED = 64 * 1024 * 1024
MAX_COLUMNS = 16_384
_CHUNK = 1 << 16
_SHEET = re.compile(r"(?:^|/)worksheets/[^/]*?(\d*)\.xml$", re.IGNORECASE)
_PLACE = re.compile(r"([A-Za-z]{1,3})\d*")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DAY_FORMATS = frozenset({*range(14, 18), 22, *range(27, 32), 36, *range(50, 59)})
_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
_DAY_ZERO = date(1899, 12, 30)


@dataclass
class _Budget:
    """What may still be unpacked, over all parts together: declared sizes are the file's own claim."""

    left: int = field(default_factory=lambda: MAX_UNPACKED)


@dataclass
class _Sheet:
    rows: list[list[tuple[int, str]]] = field(default_factory=list)


def looks_like_workbook(data: bytes) -> bool:
    """Whether an archive has the parts of a workbook. Raises nothing."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(_SHEET.search(name) for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False


def read_xlsx(data: bytes) -> Reading:
    """All sheets' rows, one after another; the first line of each sheet names its columns and is a row too.

    Errors: `watermark.bad_xlsx`, `watermark.too_complex`, `watermark.too_many_cells`.
    """
    grids, texts = _open(data)
    rows: list[Row] = []
    for grid in grids:
        names: dict[int, str] = {}
        for cells in grid.rows:
            names = names or {column: value.strip() for column, value in cells}
            rows.append(Row(tuple(names.get(column, "") for column, _ in cells), tuple(value for _, value in cells)))
    cells_with_marks = [value for row in rows for value in row.values if "|" in value]
    return Reading("xlsx", (tuple(rows),), found_claims("\n".join([*texts, *cells_with_marks]), []))


def first_sheet(data: bytes) -> list[list[str]]:
    """The lines of the first sheet of a workbook of our own, each with as many cells. Errors: those of `read_xlsx`."""
    lines = _open(data)[0][0].rows
    width = 1 + max((column for cells in lines for column, _ in cells), default=0)
    found = []
    for cells in lines:
        line = [""] * width
        for column, value in cells:
            line[column] = value
        found.append(line)
    return found


def _open(data: bytes) -> tuple[list[_Sheet], list[str]]:
    """The sheets, and texts of the document's own properties."""
    budget = _Budget()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) > MAX_PARTS:
                raise WatermarkError("watermark.too_complex")
            sheets = sorted(
                (name for name in names if _SHEET.search(name)), key=lambda name: (int(_number(name) or 0), name)
            )
            if not sheets:
                raise WatermarkError("watermark.bad_xlsx")
            shared, days, properties = _Strings(), _Formats(), _Strings()
            for name in names:
                lower = name.lower()
                if lower.endswith("sharedstrings.xml"):
                    _parse(archive, name, shared, budget)
                elif lower.endswith("xl/styles.xml"):
                    _parse(archive, name, days, budget)
                elif lower.startswith("docprops/"):
                    _parse(archive, name, properties, budget)
            found = []
            counted = [0]
            for name in sheets:
                reader = _Cells(shared.strings, days.days(), counted)
                _parse(archive, name, reader, budget)
                found.append(reader.sheet)
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, RuntimeError, ValueError, EOFError) as error:
        # Among them: a method of packing that workbooks do not use, and parts under a password.
        raise WatermarkError("watermark.bad_xlsx") from error
    return found, [properties.whole()]


def _number(name: str) -> str:
    found = _SHEET.search(name)
    return found[1][:9] if found else ""


def _refuse_document_type(*_: object) -> None:
    raise WatermarkError("watermark.bad_xlsx")


def _parse(archive: zipfile.ZipFile, name: str, reader: "_Reader", budget: _Budget) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = lambda tag, attributes: reader.begin(tag.rpartition(" ")[2], attributes)
    parser.EndElementHandler = lambda tag: reader.end(tag.rpartition(" ")[2])
    parser.CharacterDataHandler = reader.text
    with archive.open(name) as part:
        while chunk := part.read(_CHUNK):
            budget.left -= len(chunk)
            if budget.left < 0:
                raise WatermarkError("watermark.too_complex")
            parser.Parse(chunk)
        parser.Parse(b"", True)


class _Reader:
    """Gathers texts between tags; what is nested in pronunciation hints (`rPh`) is none of the cell's text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._hints = 0

    def begin(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - subclasses look at attributes
        """An element opens."""
        self._hints += tag == "rPh"

    def end(self, tag: str) -> None:
        """An element closes."""
        self._hints -= tag == "rPh"

    def text(self, data: str) -> None:
        """Text between tags."""
        if not self._hints:
            self._pieces.append(data)

    def _take(self) -> str:
        taken = "".join(self._pieces)
        self._pieces.clear()
        return taken


class _Strings(_Reader):
    """Shared strings; of other parts, all their text."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []
        self._parts: list[str] = []

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        super().begin(tag, attributes)
        if tag == "si":
            self._parts.clear()
        if tag == "t":
            self._pieces.clear()

    def end(self, tag: str) -> None:
        if tag == "t" and not self._hints:
            self._parts.append(self._take())
        if tag == "si":
            self.strings.append(_plain("".join(self._parts)))
        super().end(tag)

    def whole(self) -> str:
        """All text that was met outside shared strings."""
        return _plain("".join(self._pieces))


class _Formats(_Reader):
    """Which cell styles show a number as a day."""

    def __init__(self) -> None:
        super().__init__()
        self._own: dict[int, str] = {}
        self._styles: list[int] = []
        self._inside = False

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt":
            self._own[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
        elif tag == "cellXfs":
            self._inside = True
        elif tag == "xf" and self._inside:
            self._styles.append(int(attributes.get("numFmtId", "0")))

    def end(self, tag: str) -> None:
        if tag == "cellXfs":
            self._inside = False

    def text(self, data: str) -> None:
        """Styles hold no text."""

    def days(self) -> Callable[[str], bool]:
        """Whether the style of a cell (its number, as written) is one of days."""
        shown = {at for at, number in enumerate(self._styles) if self._is_day(number)}
        return lambda style: style.isascii() and style.isdigit() and len(style) < 6 and int(style) in shown

    def _is_day(self, number: int) -> bool:
        code = _LITERAL.sub("", self._own.get(number, "")).lower()
        return number in _DAY_FORMATS or ("y" in code and "m" in code)


class _Cells(_Reader):
    """The cells of one sheet, by their columns."""

    def __init__(self, shared: list[str], is_day: Callable[[str], bool], counted: list[int]) -> None:
        super().__init__()
        self.sheet = _Sheet()
        self._shared = shared
        self._is_day = is_day
        self._counted = counted
        self._row: list[tuple[int, str]] = []
        self._column = 0
        self._kind = self._style = ""
        self._value: str | None = None
        self._wanted = False

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        super().begin(tag, attributes)
        if tag == "row":
            self._row, self._column = [], -1
        elif tag == "c":
            place = _PLACE.fullmatch(attributes.get("r", ""))
            self._column = _column(place[1]) if place else self._column + 1
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._value = None
        elif tag in {"v", "t"}:
            self._pieces.clear()
            self._wanted = not self._hints

    def end(self, tag: str) -> None:
        if tag in {"v", "t"} and self._wanted:
            self._value = (self._value or "") + self._take()
            self._wanted = False
        elif tag == "c":
            self._add()
        elif tag == "row" and self._row:
            self.sheet.rows.append(self._row)
        super().end(tag)

    def text(self, data: str) -> None:
        """Text of values alone: formulas stand beside them."""
        if self._wanted:
            super().text(data)

    def _add(self) -> None:
        value = self._shown(self._value or "")
        if not value:
            return
        self._counted[0] += 1
        if self._counted[0] > MAX_CELLS:
            raise WatermarkError("watermark.too_many_cells", limit=MAX_CELLS)
        if self._column >= MAX_COLUMNS:
            raise WatermarkError("watermark.bad_xlsx")
        self._row.append((self._column, value))

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            at = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1
            if not 0 <= at < len(self._shared):
                raise WatermarkError("watermark.bad_xlsx")
            return self._shared[at]
        if self._kind in {"inlineStr", "str"}:
            return _plain(value)
        if self._kind == "b":
            return "true" if value == "1" else "false"
        if self._kind == "n" and value and self._is_day(self._style):
            return _day(value)
        return value


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _day(value: str) -> str:
    """The day that a serial number shows (days since 30 December 1899); the number itself where it shows none."""
    try:
        return (_DAY_ZERO + timedelta(days=int(float(value)))).isoformat()
    except (ValueError, OverflowError):
        return value

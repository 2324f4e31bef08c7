"""Workbooks and JSON files of departments: read in a child process with limits, and handed on row by row.

Nobody vouches for what is handed in. The child (`parsing`) turns it into rows of texts; here its answer is taken as
bytes of a stranger: what is not of the agreed form is an error, never an exception of another kind.
"""

import atexit
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO

from api.documents.header_rows import Merge
from api.documents.intake.answers import FAULTS, MAX_COLUMNS, REFUSALS, TOP_ROWS
from api.documents.intake.parsing import LIMITS, Question
from api.documents.records import Record
from api.errors import ApiError, Kind
from watermark.confinement import Broken, Confined, ConfinedError

__all__ = ["TOP_ROWS", "Form", "Grid", "Reader", "Sheet", "read_grid", "sniff"]
_START = 4096
_TOO_LARGE = frozenset({"returns.too_many_rows", "returns.unpacked_too_large"})


class Form(StrEnum):
    """What a file is, told by how it begins; never by its name."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


def sniff(source: Callable[[], BinaryIO]) -> Form:
    """What a file is. Raises ApiError `returns.old_workbook`, `returns.not_csv`."""
    with source() as file:
        head = file.read(_START)
    if head.startswith(b"PK\x03\x04"):
        return Form.XLSX
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise ApiError("returns.old_workbook")
    if head.startswith((b"%PDF", b"PK", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf")):
        raise ApiError("returns.not_csv")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return Form.JSON if text[:1] in {b"[", b"{"} else Form.CSV


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook that holds something: its number in the workbook, its name, its rows."""

    number: int
    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A file's rows. `top`: the first rows, among which the header stands, with merged cells (`merges`) filled in.

    `sheet` is None where a workbook has several and none was chosen; then there are no rows.
    """

    form: Form
    encoding: str
    sheets: tuple[Sheet, ...]
    sheet: int | None
    top: tuple[tuple[int, tuple[str, ...]], ...]
    body: bytes = field(repr=False)
    merges: tuple[Merge, ...] = ()

    def records(self, width: int = 0) -> Iterator[Record]:
        """All rows, those of the header among them; each with its number in the file and at least `width` cells."""
        for line in io.BytesIO(self.body):
            number, cells, faults = _row(line)
            if len(cells) < width:
                cells += [""] * (width - len(cells))
            reason = faults.pop(-1, None)
            yield Record(number, cells, reason, faults or None)

    def count(self, after_line: int) -> int:
        """How many rows stand below that line."""
        return sum(record.line > after_line and not record.blank for record in self.records())


class Reader(Confined):
    """One child process that reads files one after another; it is replaced when a file brings it down."""

    def __init__(self) -> None:
        super().__init__("api.documents.intake.parsing", LIMITS)

    def read(self, data: bytes, form: Form, *, sheet: int | None = None, max_rows: int = 0) -> Grid:
        """Read a workbook or JSON file; without `max_rows` only its beginning.

        Raises ApiError: `returns.bad_workbook`, `returns.locked_workbook`, `returns.hostile_file`,
        `returns.no_such_sheet`, `returns.too_many_sheets`, `returns.too_many_columns`, `returns.too_many_rows`,
        `returns.unpacked_too_large`, `returns.too_complex`, `returns.unreadable`, `returns.bad_json`,
        `returns.encoding`, `returns.empty_file`, `returns.no_rows`, `returns.reader_unavailable`.
        """
        try:
            answer = self.ask(data, Question(form.value, sheet, max_rows).to_bytes())
        except ConfinedError as error:
            if error.why is Broken.UNAVAILABLE:
                raise ApiError("returns.reader_unavailable", Kind.UNAVAILABLE) from None
            raise ApiError("returns.too_complex", Kind.TOO_LARGE) from None
        head, _, body = answer.partition(b"\n")
        try:
            about: Any = json.loads(head)
            if "error" in about:
                code = about["error"] if about["error"] in REFUSALS else "returns.unreadable"
                facts = {str(name): fact for name, fact in about["facts"].items() if type(fact) is int}
            else:
                code, facts = "", {}
                top = tuple((int(line), tuple(map(str, cells))) for line, cells in about["top"])
                return Grid(
                    form,
                    str(about["encoding"]),
                    tuple(Sheet(int(number), str(name), int(rows)) for number, name, rows in about["sheets"]),
                    None if about["sheet"] is None else int(about["sheet"]),
                    top,
                    body,
                    tuple(_merge(one, len(top)) for one in about.get("merges", ())),
                )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ApiError("returns.unreadable") from None
        raise ApiError(code, Kind.TOO_LARGE if code in _TOO_LARGE else Kind.INVALID, **facts)


def _merge(said: Iterable[object], rows: int) -> Merge:
    top, left, bottom, right = (int(str(one)) for one in said)
    if not (0 <= top <= bottom and top < rows and 0 <= left <= right < MAX_COLUMNS):
        raise ValueError
    return Merge(top, left, bottom, right)


def _row(line: bytes) -> tuple[int, list[str], dict[int, str]]:
    try:
        number, cells, *rest = json.loads(line)
        faults = {int(position): str(reason) for position, reason in rest[0].items()} if rest else {}
        if type(number) is int and all(type(cell) is str for cell in cells) and FAULTS.issuperset(faults.values()):
            return number, cells, faults
    except (AttributeError, IndexError, TypeError, ValueError):
        pass
    raise ApiError("returns.unreadable")


def read_grid(data: bytes, form: Form, *, sheet: int | None = None, max_rows: int = 0) -> Grid:
    """Read a file in the process-wide child. Errors: those of `Reader.read`."""
    return _shared().read(data, form, sheet=sheet, max_rows=max_rows)


_shared_lock = threading.Lock()
_shared_reader: list[Reader] = []


def _shared() -> Reader:
    with _shared_lock:
        if not _shared_reader:
            _shared_reader.append(Reader())
            atexit.register(_shared_reader[0].close)
        return _shared_reader[0]

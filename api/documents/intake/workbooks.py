"""Workbooks (XLSX), in the child: unpacked within limits, looked through for what is hostile, and read by calamine."""

import io
import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from xml.parsers import expat

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from api.documents.intake.answers import EXACT_DIGITS, MAX_CELL, MAX_COLUMNS, TOP_ROWS, Refused, line

MAX_UNPACKED = 200 << 20
MAX_PARTS = 2000
MAX_SHEETS = 64
MAX_MERGES = 500
"""Among the first rows; whoever reads the header goes through them."""
SPARE_ROWS = 1000
"""Rows that may be titles, or empty between others."""

_WIDE = re.compile(rb"""(?i)\sr\s*=\s*["'][A-Z]{3,}\d""")
_DEEP = re.compile(rb"""(?i)\sr\s*=\s*["'][A-Z]{1,2}\d{7,}""")
_SUSPECT = re.compile(rb"""<(?:[^\s<>/:]+:)?f[\s/>]|\st\s*=\s*["']e["']""")
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9]\d{0,6})")


def read_workbook(data: bytes, sheet: int | None, max_rows: int) -> Iterator[bytes]:
    """The answer's lines for one sheet; `sheet` None: the only one with something in it. Raises `Refused`."""
    parts = _parts(data)
    try:
        # What was looked at is what is read: the parts alone, as they were unpacked here.
        book = CalamineWorkbook.from_filelike(io.BytesIO(_repacked(parts)))
    except CalamineError:
        raise Refused("returns.bad_workbook") from None
    sheets = [
        (number, one.name)
        for number, one in enumerate(book.sheets_metadata)
        if one.typ is SheetTypeEnum.WorkSheet and one.visible is SheetVisibleEnum.Visible
    ]
    if len(sheets) > MAX_SHEETS:
        raise Refused("returns.too_many_sheets", limit=MAX_SHEETS)
    opened = {number: _sheet(book, number) for number, _ in sheets}
    filled = [(number, name) for number, name in sheets if opened[number].end is not None]
    if sheet is not None and sheet not in opened:
        raise Refused("returns.no_such_sheet")
    chosen = sheet if sheet is not None else (filled[0][0] if len(filled) == 1 else None)
    about: dict[str, Any] = {
        "encoding": "utf-8",
        "sheets": [[number, name[:100], opened[number].height] for number, name in filled],
        "sheet": chosen,
    }
    if not filled:
        raise Refused("returns.empty_file")
    if chosen is None:
        yield line({**about, "top": []})
        return
    page = opened[chosen]
    if page.total_width > MAX_COLUMNS:
        raise Refused("returns.too_many_columns", limit=MAX_COLUMNS)
    if max_rows and page.total_height > max_rows + SPARE_ROWS:
        # Counted before anything is read: a cell far below makes a million empty rows.
        raise Refused("returns.too_many_rows", limit=max_rows, found=page.total_height)
    path = _path_of(parts, chosen)
    faults = _suspects(parts[path]) if path is not None else {}
    yield from _rows(page, faults, about, max_rows)


def _sheet(book: CalamineWorkbook, number: int) -> CalamineSheet:
    try:
        return book.get_sheet_by_index(number)
    except CalamineError:
        raise Refused("returns.bad_workbook") from None


def _rows(
    sheet: CalamineSheet, faults: dict[int, dict[int, str]], about: dict[str, Any], max_rows: int
) -> Iterator[bytes]:
    start, end = sheet.start or (0, 0), sheet.end or (0, 0)
    width = end[1] + 1
    merged = sheet.merged_cell_ranges or []
    if len(merged) > 100_000:
        raise Refused("returns.too_complex")
    _forbid_merged(merged, faults, end)
    rows = _from_top(sheet, start)
    head: list[tuple[int, list[Any]]] = []
    texts: list[list[str]] = []
    for number, cells in rows:
        head.append((number, cells))
        texts.append([_text(cell)[0] for cell in cells])
        if len(head) == TOP_ROWS:
            break
    above = [
        [top, left, bottom, min(right, width - 1)]
        for (top, left), (bottom, right) in merged
        if top < len(texts) and left < width
    ]
    yield line({**about, "top": _spread(texts, merged, width), "merges": above[:MAX_MERGES]})
    count = 0
    for number, cells in itertools.chain(head, rows):
        found = faults.get(number, {})
        out: list[str] = []
        for position, cell in enumerate(cells):
            text, fault = (cell, None) if type(cell) is str else _text(cell)
            out.append(text[:MAX_CELL])
            if fault is not None:
                found = {**found, position: fault}
        while out and not out[-1]:
            out.pop()
        if not out and not found:
            continue
        count += 1
        if count > max_rows + TOP_ROWS:
            if max_rows == 0:
                return
            raise Refused("returns.too_many_rows", limit=max_rows, found=count)
        yield line([number, out, found] if found else [number, out])


def _from_top(sheet: CalamineSheet, start: tuple[int, int]) -> Iterator[tuple[int, list[Any]]]:
    """Rows with their 1-based numbers and cells from column A."""
    left = [""] * start[1]
    # iter_rows begins at the sheet's first row, whatever stands in it.
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, (left + cells if len(cells) + len(left) == (sheet.end or (0, 0))[1] + 1 else cells)


def _text(cell: object) -> tuple[str, str | None]:
    """A cell as text, and why it cannot be taken, if so."""
    if isinstance(cell, str):
        return cell, None
    if isinstance(cell, bool):
        return ("TRUE" if cell else "FALSE"), None
    if isinstance(cell, int | float):
        if cell != cell or abs(cell) >= 10**EXACT_DIGITS:
            return "", "returns.number_cell"
        return (str(int(cell)) if cell == int(cell) else f"{cell:.{EXACT_DIGITS}g}"), None
    if isinstance(cell, datetime):
        midnight = (cell.hour, cell.minute, cell.second) == (0, 0, 0)
        return (cell.date().isoformat(), None) if midnight else ("", "returns.time_cell")
    if isinstance(cell, date):
        return cell.isoformat(), None
    return "", "returns.time_cell"


def _spread(texts: list[list[str]], merged: list[Any], width: int) -> list[list[Any]]:
    """The first rows with the text of merged cells in each of them: a header may run over several rows."""
    texts = [row + [""] * (width - len(row)) for row in texts]
    for (top, left), (bottom, right) in merged:
        if top >= len(texts):
            continue
        said = texts[top][left] if left < width else ""
        for row in texts[top : bottom + 1]:
            row[left : right + 1] = [said] * (min(right + 1, width) - left)
    return [[number, [cell[:MAX_CELL] for cell in row]] for number, row in enumerate(texts, 1)]


def _forbid_merged(merged: list[Any], faults: dict[int, dict[int, str]], end: tuple[int, int]) -> None:
    """Cells that a merge hides have no value of their own: a row with one is not taken, unless it is the header."""
    marked = 0
    for (top, left), (bottom, right) in merged:
        for row in range(top, min(bottom, end[0]) + 1):
            for column in range(left, min(right, end[1]) + 1):
                if (row, column) != (top, left):
                    marked += 1
                    faults.setdefault(row + 1, {})[column] = "returns.merged_cell"
        if marked > 1_000_000:
            raise Refused("returns.too_complex")


def _parts(data: bytes) -> dict[str, bytes]:
    """The XML parts of a workbook, unpacked within limits; whatever declares a document type is refused (XXE)."""
    found: dict[str, bytes] = {}
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            entries = book.infolist()
            if len(entries) > MAX_PARTS:
                raise Refused("returns.too_complex")
            for entry in entries:
                name = entry.filename
                if not name.endswith((".xml", ".rels")):
                    continue
                if entry.flag_bits & 1:
                    raise Refused("returns.locked_workbook")
                if name in found:
                    raise Refused("returns.bad_workbook")
                if entry.file_size > left:
                    raise Refused("returns.unpacked_too_large", limit=MAX_UNPACKED >> 20)
                with book.open(entry) as part:
                    content = part.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise Refused("returns.unpacked_too_large", limit=MAX_UNPACKED >> 20)
                _harmless(content)
                found[name] = content
    except Refused:
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        raise Refused("returns.bad_workbook") from None
    except zlib.error:
        raise Refused("returns.bad_workbook") from None
    if "xl/workbook.xml" not in found:
        raise Refused("returns.bad_workbook")
    return found


def _harmless(content: bytes) -> None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        raise Refused("returns.bad_workbook")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise Refused("returns.hostile_file")
    if _WIDE.search(content) or _DEEP.search(content):
        raise Refused("returns.too_many_columns", limit=MAX_COLUMNS)


def _repacked(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return out.getvalue()


def _path_of(parts: dict[str, bytes], number: int) -> str | None:
    """The part in which the sheet of that number stands; None where nothing in it is suspect in any sheet."""
    suspect = [name for name, content in parts.items() if name.startswith("xl/") and _SUSPECT.search(content)]
    if not suspect:
        return None
    ids: list[str] = []
    targets: dict[str, str] = {}

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "sheet":
            ids.append(next((v for k, v in attributes.items() if _local(k) == "id"), ""))

    def relation(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    _walk(parts["xl/workbook.xml"], sheet)
    _walk(parts.get("xl/_rels/workbook.xml.rels", b"<a/>"), relation)
    target = targets.get(ids[number], "") if number < len(ids) else ""
    path = target.lstrip("/") if target.startswith(("/xl/", "xl/")) else f"xl/{target}"
    if path not in parts:
        # Formulas somewhere, and no telling where: nothing of it is taken for values.
        raise Refused("returns.bad_workbook")
    return path


def _suspects(content: bytes) -> dict[int, dict[int, str]]:
    """Cells of a sheet that hold a formula or an error, by 1-based row and 0-based column."""
    found: dict[int, dict[int, str]] = {}
    if not _SUSPECT.search(content):
        return found
    at = [0, -1]

    def begin(name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if local == "row":
            given = attributes.get("r", "")
            at[0], at[1] = int(given) if given.isdecimal() else at[0] + 1, -1
        elif local == "c":
            place = _REFERENCE.fullmatch(attributes.get("r", ""))
            at[1] = _column(place[1]) if place else at[1] + 1
            if place:
                at[0] = int(place[2])
            if attributes.get("t") == "e":
                found.setdefault(at[0], {})[at[1]] = "returns.error_cell"
        elif local == "f":
            found.setdefault(at[0], {})[at[1]] = "returns.formula"

    _walk(content, begin)
    return found


def _walk(content: bytes, begin: Callable[[str, dict[str, str]], None]) -> None:
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = begin
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        raise Refused("returns.bad_workbook") from None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1

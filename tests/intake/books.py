"""Workbooks and JSON files as offices write them, and spoilt ones."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from tests.flow.files import SCHEMA, Row

FIELDS = [field.name for field in SCHEMA.fields]
HEADS = [field.zh for field in SCHEMA.fields]
DATES = {field.name for field in SCHEMA.fields if field.kind == "date"}


def cells(row: Row, *, dates: bool = True) -> list[Any]:
    """A row as it stands in a workbook: dates as dates."""
    said = [row.get(name, "") for name in FIELDS]
    return [
        date.fromisoformat(value) if dates and name in DATES and "1901" < value < "2200" else value
        for name, value in zip(FIELDS, said, strict=True)
    ]


def book(
    rows: Sequence[Sequence[Any]],
    *,
    heads: Sequence[Sequence[Any]] = (HEADS,),
    change: Callable[[Worksheet], None] | None = None,
    more: Callable[[Any], None] | None = None,
) -> bytes:
    """A workbook of one sheet: header rows, then rows."""
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in [*heads, *rows]:
        sheet.append(list(row))
    if change is not None:
        change(sheet)
    if more is not None:
        more(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def workbook(rows: Sequence[Row], **more: Any) -> bytes:
    """Certificates as a workbook."""
    return book([cells(row) for row in rows], **more)


def json_list(rows: Sequence[Row], encoding: str = "utf-8", indent: int | None = None) -> bytes:
    """Certificates as a list of objects, named as people name fields."""
    return json.dumps(_named(rows), ensure_ascii=False, indent=indent).encode(encoding)


def json_lines(rows: Sequence[Row], encoding: str = "utf-8") -> bytes:
    """Certificates as one object a line."""
    return b"".join(json.dumps(one, ensure_ascii=False).encode(encoding) + b"\n" for one in _named(rows))


def _named(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [{head: row.get(name, "") for name, head in zip(FIELDS, HEADS, strict=True)} for row in rows]


def with_part(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content) if entry.filename == name else content)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"


def bomb(mega: int = 400) -> bytes:
    """A small workbook whose sheet unpacks to so many megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book([["a"]]))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != SHEET:
                new.writestr(entry.filename, old.read(entry))
        with new.open(SHEET, "w", force_zip64=True) as part:
            part.write(b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>')
            for _ in range(mega):
                part.write(b" " * (1 << 20))
            part.write(b"</sheetData></worksheet>")
    return out.getvalue()

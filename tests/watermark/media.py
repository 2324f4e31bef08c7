"""One small original of every kind of file that `python -m watermark mark` takes, and how its labels are taken out.

Names, notices and keyed tags are the first thing that a leaker removes; what is left is what the carrier promises.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import docx
import openpyxl

from tests.watermark.attacks import PDF_ATTACKS
from tests.watermark.cases import CSV, JSON, LINES, licence, plain_pdf, records_of, table_content
from tests.watermark.pictures import certificate, decoded, encoded
from watermark.carriers.xlsx_writing import XLSX_TYPE

_PROSE = (
    "经核实,申请人提交的材料齐全,符合本办法第三条和第七条规定的条件。",
    "The holder states that the household consists of four persons.",
)


@dataclass(frozen=True)
class Medium:
    """One kind of file: its ending, an original, and a copy of it without whatever says in words whose it is."""

    suffix: str
    original: Callable[[], bytes]
    without_label: Callable[[bytes], bytes]


def _records(media_type: str) -> Callable[[], bytes]:
    return lambda: table_content([licence(i) for i in range(16)], media_type, 0).original


def _bare_json(copy: bytes) -> bytes:
    return json.dumps(records_of(copy), ensure_ascii=False).encode()


def _as_csv(rows: list[list[str]]) -> bytes:
    """The rows without their last column, which holds the label."""
    out = io.StringIO()
    csv.writer(out).writerows(row[:-1] for row in rows)
    return out.getvalue().encode()


def _bare_csv(copy: bytes) -> bytes:
    return _as_csv(list(csv.reader(io.StringIO(copy.decode("utf-8-sig"), newline=""))))


def _bare_xlsx(copy: bytes) -> bytes:
    """Cells alone, typed into a new workbook."""
    sheet = openpyxl.load_workbook(io.BytesIO(copy)).worksheets[0]
    made = openpyxl.Workbook()
    for row in sheet.iter_rows(values_only=True):
        made.active.append(row[:-1])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _text() -> bytes:
    return "\n".join(f"第{i}条 {_PROSE[i % 2]} 编号{1000 + 37 * i}" for i in range(240)).encode()


def _bare_text(copy: bytes) -> bytes:
    """The original's lines alone."""
    return b"\n".join(copy.split(b"\n")[:240])


def _document() -> bytes:
    made = docx.Document()
    for i in range(12):
        made.add_paragraph(f"{i + 1}. {_PROSE[i % 2]}")
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _bare_document(copy: bytes) -> bytes:
    """Saved anew without the custom properties."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(copy)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            emptied = entry.filename == "docProps/custom.xml"
            new.writestr(entry.filename, b"<Properties/>" if emptied else old.read(entry))
    return out.getvalue()


def _picture(form: str) -> Medium:
    """A certificate; its metadata go when it is saved by another program, which loses a little."""
    lossless = form in {"PNG", "TIFF"}
    first, again = ({}, {}) if lossless else ({"quality": 95}, {"quality": 85})
    return Medium(
        form.lower(),
        lambda: encoded(certificate(), form, **first),
        lambda copy: encoded(decoded(copy), form, **again),
    )


MEDIA: Mapping[str, Medium] = {
    "PNG": _picture("PNG"),
    "JPEG": _picture("JPEG"),
    "WebP": _picture("WEBP"),
    "TIFF": _picture("TIFF"),
    "PDF": Medium("pdf", lambda: plain_pdf("lines", LINES), PDF_ATTACKS["saved"]),
    "JSON": Medium("json", _records(JSON), _bare_json),
    "CSV": Medium("csv", _records(CSV), _bare_csv),
    "XLSX": Medium("xlsx", _records(XLSX_TYPE), _bare_xlsx),
    "TXT": Medium("txt", _text, _bare_text),
    "DOCX": Medium("docx", _document, _bare_document),
}

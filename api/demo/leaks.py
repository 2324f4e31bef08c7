"""Leaks as they happen: copies re-serialised, re-ordered, cut, stripped of what names them; and files of strangers.

What each must come to is fixed here, before any tracer runs: who is named, or that nobody may be.
"""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import openpyxl
import pikepdf

from api.demo.city import City, generate_city

LABEL = "_mydata"
UNRELATED = 20


@dataclass(frozen=True, slots=True)
class Leak:
    """A leaked file, and what must come out: the outcome and, where somebody is to be named, the entity's code."""

    name: str
    file_name: str
    data: bytes
    outcome: str
    entity: str | None = None


def reindented_json(data: bytes) -> bytes:
    """Loaded and dumped again with other white space; names keep their order."""
    return json.dumps(json.loads(data), ensure_ascii=True, indent=4).encode()


def bare_json(data: bytes, *, sort: bool) -> bytes:
    """The records alone, without anything that names the copy; with `sort`, names in alphabetical order."""
    records = json.loads(data)["records"]
    return json.dumps(records, ensure_ascii=False, indent=1, sort_keys=sort).encode()


def cut_csv(data: bytes, drop: Sequence[str] = (), *, sort: bool = False, encoding: str = "utf-8") -> bytes:
    """The label column and those of `drop` taken out; with `sort`, columns and rows in alphabetical order."""
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    columns = [name for name in rows[0] if name != LABEL and name not in drop]
    if sort:
        columns.sort()
        rows.sort(key=lambda row: [row[name] for name in columns])
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode(encoding)


def workbook_as_csv(data: bytes) -> bytes:
    """A workbook opened in a spreadsheet program and saved as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows(openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets[0].iter_rows(values_only=True))
    return buffer.getvalue().encode("utf-8-sig")


def resaved_workbook(data: bytes) -> bytes:
    """A workbook opened in another program, its label column deleted, and saved with that program's own parts."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    sheet.delete_cols(next(cell.column for cell in sheet[1] if cell.value == LABEL))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def pasted_label(data: bytes, other: bytes) -> bytes:
    """A sorted, cut table with the copy id of somebody else's copy in it: an attempt to frame them."""
    named = re.search(rb"copy_[0-9a-f]{32}", other)
    assert named is not None
    return cut_csv(data, sort=True) + b"source;" + named[0] + b"\r\n"


def stripped_pdf(data: bytes) -> bytes:
    """Metadata, private data and the visible line taken out, streams packed anew by another program."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        if "/Metadata" in pdf.Root:
            del pdf.Root.Metadata
        for page in pdf.pages:
            if "/PieceInfo" in page.obj:
                del page.obj["/PieceInfo"]
            page.contents_coalesce()
            content = re.sub(rb"/Artifact <<.*?EMC", b"", page.Contents.read_bytes(), flags=re.DOTALL)
            page.Contents = pdf.make_stream(content)
        out = io.BytesIO()
        pdf.save(out, linearize=True, recompress_flate=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def unrelated(count: int = UNRELATED) -> list[Leak]:
    """Files of the same kinds about people of another city: certificates, tables, letters. None is of ours."""
    city: City = generate_city(60, 600, seed=771)
    made = []
    for at in range(count):
        certificates = [c.values for c in city.certificates[at * 9 : at * 9 + 1 + at % 8]]
        if at % 4 == 0:
            data, ending = json.dumps({"data": certificates}, ensure_ascii=False).encode(), "json"
        elif at % 4 == 1:
            data, ending = _csv(certificates), "csv"
        elif at % 4 == 2:
            data, ending = _pdf(certificates), "pdf"
        else:
            lines = [f"{name}: {value}" for values in certificates for name, value in values.items()]
            data, ending = "\n".join(lines).encode(), "txt"
        made.append(Leak(f"unrelated {at + 1}", f"file{at + 1}.{ending}", data, "none"))
    return made


def _csv(certificates: Sequence[dict[str, str]]) -> bytes:
    columns = sorted({name for values in certificates for name in values})
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="")
    writer.writeheader()
    writer.writerows(certificates)
    return buffer.getvalue().encode("gb18030")


def _pdf(certificates: Sequence[dict[str, str]]) -> bytes:
    from api.documents.pdf_writer import PdfDocument, Style

    document = PdfDocument("letter")
    page = document.page()
    lines = [f"{name} {value}" for values in certificates for name, value in values.items()][:50]
    for at, line in enumerate(lines):
        page.text(60, 780 - 14 * at, line[:60], Style(10))
    return document.to_bytes()

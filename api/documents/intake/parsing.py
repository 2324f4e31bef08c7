"""What runs in the child process: a workbook or JSON file becomes lines of JSON, or an error; nothing is decided here.

The answer is one line about the file and then one line a row: `[line, cells, faults]`, where `faults` says by position
which cells cannot be taken as they are. It knows neither catalogue nor service, and starts fast.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from api.documents.intake.answers import Refused
from api.documents.intake.json_records import read_json
from api.documents.intake.workbooks import read_workbook
from watermark import confinement
from watermark.confinement import Limits

LIMITS = Limits(timeout_s=60.0, cpu_s=50, memory_bytes=1 << 30, answer_bytes=96 << 20, files=2000)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be read: the form, the sheet's number (None: the only one), how many rows at most (0: the top)."""

    form: str
    sheet: int | None
    max_rows: int

    def to_bytes(self) -> bytes:
        """As the child is asked."""
        return json.dumps([self.form, self.sheet, self.max_rows]).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Question":
        """What the child was asked."""
        return cls(*json.loads(data))


FORMS: Mapping[str, Callable[[bytes, Question], Iterator[bytes]]] = {
    "xlsx": lambda data, asked: read_workbook(data, asked.sheet, asked.max_rows),
    "json": lambda data, asked: read_json(data, asked.max_rows),
}


def serve() -> None:
    """The child's loop."""
    confinement.serve(_answer, _warm_up, LIMITS)


def _answer(data: bytes, label: bytes) -> bytes:
    try:
        question = Question.from_bytes(label)
        return b"".join(FORMS[question.form](data, question))
    except Refused as refused:
        return json.dumps({"error": refused.code, "facts": refused.facts}).encode()
    except (MemoryError, RecursionError):
        return b'{"error": "returns.too_complex", "facts": {}}'
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return b'{"error": "returns.unreadable", "facts": {}}'


def _warm_up() -> None:
    cells = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" s="0"><v>1</v></c></row>'
    _answer(_sample_book(cells), Question("xlsx", None, 10).to_bytes())
    _answer(_sample_book(cells.replace("<v>", "<f>1</f><v>")), Question("xlsx", None, 10).to_bytes())
    for text in ('[{"甲": 1}]', '{"a": 1.5}\n{"a": 2}'):
        for encoding in ("utf-8-sig", "gb18030"):
            _answer(text.encode(encoding), Question("json", None, 10).to_bytes())


def _sample_book(rows: str) -> bytes:
    main, relations = "http://schemas.openxmlformats.org", "officeDocument/2006/relationships"
    sheets = f'<sheets><sheet name="s" sheetId="1" r:id="r1" xmlns:r="{main}/{relations}"/></sheets>'
    types = '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.ms-excel.sheet.main+xml"/>'
    link = '<Relationship Id="r1" Type="{}/{}/{}" Target="{}"/>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{main}/package/2006/content-types">{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{main}/package/2006/relationships">'
        + link.format(main, relations, "officeDocument", "xl/workbook.xml")
        + "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{main}/spreadsheetml/2006/main">{sheets}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{main}/package/2006/relationships">'
        + link.format(main, relations, "worksheet", "worksheets/sheet1.xml")
        + "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}/spreadsheetml/2006/main"><sheetData>{rows}'
        "</sheetData></worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return out.getvalue()

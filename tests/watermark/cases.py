"""Made-up contents and copies for the tests: people, tables, and PDFs of several writing habits."""

import hashlib
import io
import json
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Dictionary, Name

from watermark import (
    ContentCandidates,
    EpochKey,
    IssuedCopy,
    Mark,
    Record,
    Table,
    carrier_for,
    notice_en,
    notice_zh,
    write_original,
)

KEY = EpochKey("2026Q4", bytes(range(32)))
KEYS = {KEY.epoch: KEY}
JSON, CSV, PDF = "application/json", "text/csv", "application/pdf"


def licence(i: int) -> Record:
    """A driving licence of made-up person `i`."""
    return Record(
        "机动车驾驶证",
        {
            "证号": f"3710991990{1 + i % 12:02}{1 + i % 28:02}{1000 + 7 * i:04}",
            "姓名": "张王李赵孙周吴郑"[i % 8] + f"晓{'明芳强丽'[i % 4]}",
            "性别": "男女"[i % 2],
            "准驾车型": ("C1", "C2", "B1")[i % 3],
            "有效期至": f"20{31 + i % 9}-0{1 + i % 9}-{10 + i % 18}",
            "住址": f"威海市环翠区人民路{100 + i}号{1 + i % 9}单元",
            "发证机关": "威海市公安局交警支队",
        },
    )


def payment(i: int) -> Record:
    """Month `i` of one person's social insurance: no two rows alike, no identifier in any."""
    month = f"{2024 + i // 12}-{1 + i % 12:02}"
    base = 9000 + 37 * i
    own, other = f"{base * 0.08:.2f}", f"{base * 0.16:.2f}"
    return Record("社保缴费", {"月份": month, "缴费基数": f"{base}.00", "个人缴费": own, "单位缴费": other})


@dataclass
class Content:
    """One original with its issued copies."""

    content_id: str
    media_type: str
    original: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    entities: dict[str, str] = field(default_factory=dict)

    def issue(self, copy_id: str, entity_id: str, key: EpochKey = KEY) -> bytes:
        """Mark a copy and remember it."""
        mark = Mark(
            copy_id,
            entity_id,
            self.content_id,
            notice_zh("甲保险公司", "机动车理赔", copy_id[-6:]),
            notice_en("A Insurance", "motor claims", copy_id[-6:]),
        )
        self.files[copy_id] = carrier_for(self.media_type).embed(self.original, mark, key)
        self.entities[copy_id] = entity_id
        return self.files[copy_id]

    @property
    def issued(self) -> tuple[IssuedCopy, ...]:
        """All copies made."""
        return tuple(
            IssuedCopy(copy_id, self.entities[copy_id], KEY.epoch, hashlib.sha256(file).digest())
            for copy_id, file in self.files.items()
        )

    @property
    def candidates(self) -> ContentCandidates:
        """What the tracer is given."""
        return ContentCandidates(self.content_id, self.original, self.media_type, self.issued)


def table_content(records: list[Record], media_type: str, entities: int = 3, content_id: str = "content_t") -> Content:
    """A content of `records`, issued to party_0, party_1, ... as copy_0, copy_1, ..."""
    content = Content(content_id, media_type, write_original(Table(records, {"schema": "copy/1"}), media_type))
    for i in range(entities):
        content.issue(f"copy_{content_id}_{i}", f"party_{i}")
    return content


def records_of(data: bytes) -> list[dict[str, str]]:
    """The values of a JSON copy's records."""
    return [record["values"] for record in json.loads(data)["records"]]


def as_set(records: list[dict[str, str]]) -> set[frozenset[tuple[str, str]]]:
    """Records without any order."""
    return {frozenset(record.items()) for record in records}


LINES = [
    "Certificate of vehicle licence no. 371099199001011234",
    "Holder: ZHANG Xiaoming, born 1990-01-01 in Weihai",
    "Address: 128 Renmin Road, unit 3, Huancui District",
    "Class C1, valid from 2021-04-02 to 2031-04-01 inclusive",
    "Issued by the municipal traffic police of Weihai",
    "File number 370012345678, verification code 88f2-19ac",
    "This certificate was returned to its holder and may be",
    "shared only as the holder decides; see the receipt log.",
    "Quick brown foxes jump over lazy dogs, 0123456789 times.",
    "Sphinx of black quartz, judge my vow; pack my box well.",
]


def _text(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _own_tm(lines: list[str]) -> str:
    ops = ["BT /F1 11 Tf"]
    for i, line in enumerate(lines):
        ops += [f"1 0 0 1 {60 + 6.6 * k:.2f} {780 - 20 * i} Tm ({_text(c)}) Tj" for k, c in enumerate(line)]
    return "\n".join([*ops, "ET"])


def _lines(lines: list[str]) -> str:
    ops = ["BT /F1 11 Tf 20 TL 1 0 0 1 60 780 Tm"]
    for i, line in enumerate(lines):
        ops.append(f"({_text(line)}) {'Tj' if i == 0 else chr(39)}")
    return "\n".join([*ops, "ET"])


def _kerned(lines: list[str]) -> str:
    ops = ["q 0.5 0 0 0.5 10 10 cm BT /F1 22 Tf 96 Tz 0.1 Tc"]
    for i, line in enumerate(lines):
        half = len(line) // 2
        ops.append(f"{'100 1520' if i == 0 else '0 -40'} Td [({_text(line[:half])}) -35 ({_text(line[half:])})] TJ")
    return "\n".join([*ops, "ET Q"])


def _turned(lines: list[str]) -> str:
    ops = ["q 0 1 -1 0 560 20 cm BT /F1 11 Tf"]
    for i, line in enumerate(lines):
        ops.append(f"1 0 0 1 40 {500 - 20 * i} Tm 2 Ts ({_text(line)}) Tj 0 Ts")
    return "\n".join([*ops, "ET Q"])


WRITERS = {"own_tm": _own_tm, "lines": _lines, "kerned": _kerned, "turned": _turned}


def plain_pdf(writer: str = "own_tm", lines: list[str] | None = None, *, in_form: bool = False) -> bytes:
    """One page of A4 in Courier, written in one of several ways; with `in_form` inside a form."""
    content = WRITERS[writer](lines or LINES).encode()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(595, 842))
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Courier, Encoding=Name.WinAnsiEncoding)
        resources = Dictionary(Font=Dictionary(F1=pdf.make_indirect(font)))
        if in_form:
            form = pdf.make_stream(content)
            form[Name.Type], form[Name.Subtype] = Name.XObject, Name.Form
            form[Name.BBox] = pikepdf.Array([0, 0, 595, 842])
            form[Name.Resources] = resources
            resources, content = Dictionary(XObject=Dictionary(Fm0=form)), b"q /Fm0 Do Q"
        page.Resources = resources
        page.Contents = pdf.make_stream(content)
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True)
    return out.getvalue()


def pdf_content(original: bytes, entities: int = 3, content_id: str = "content_p") -> Content:
    """A PDF content issued to party_0, party_1, ..."""
    content = Content(content_id, PDF, original)
    for i in range(entities):
        content.issue(f"copy_{content_id}_{i}", f"party_{i}")
    return content

"""Writes workbooks (ECMA-376, Office Open XML): one sheet of text cells, the same bytes for the same contents.

Written here rather than by a library: libraries stamp the time of writing into the file and put the sheet, in clear,
into a temporary file. Every cell is a text: nothing is run as a formula, no leading zero and no last digit is lost.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from watermark.errors import WatermarkError

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET_NAME = "数据 Data"
PROPERTY = "mydata"
MAX_CELL_CHARS = 32_767
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
_NARROW, _WIDE = 8, 48
_HEAD, _TEXT, _QUOTED = 1, 2, 3
# What a spreadsheet runs as a formula when somebody types it: such a cell is told to stay a text when it is edited.
_FORMULA = frozenset("=+-@\t\r＝＋－＠")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_CONTENT = "application/vnd.openxmlformats-"


@dataclass(frozen=True)
class Grid:
    """A sheet: `heads` are its lines of names, `rows` its records; all lines have as many cells."""

    heads: Sequence[Sequence[str]]
    rows: Sequence[Sequence[str]]


def write_workbook(grid: Grid, *, label: str = "", notice: str = "") -> bytes:
    """The workbook. `label` stands in its custom properties, `notice` at the foot of every printed page.

    Errors: `watermark.bad_original` for a cell that no spreadsheet holds.
    """
    parts = {
        "[Content_Types].xml": _types(bool(label)),
        "_rels/.rels": _root_relations(bool(label)),
        "docProps/core.xml": _core(),
        **({"docProps/custom.xml": custom_properties(label)} if label else {}),
        "xl/workbook.xml": _workbook(),
        "xl/_rels/workbook.xml.rels": _relations(
            ("rId1", f"{_OFFICE}/relationships/worksheet", "worksheets/sheet1.xml"),
            ("rId2", f"{_OFFICE}/relationships/styles", "styles.xml"),
        ),
        "xl/styles.xml": _styles(),
        "xl/worksheets/sheet1.xml": "".join(_sheet(grid, notice)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, _FIRST_MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, text.encode())
    return out.getvalue()


def column_name(number: int) -> str:
    """A, B, … Z, AA, … for columns 0, 1, … in order."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _text(value: str) -> str:
    """A text as XML; what XML or the format cannot hold is written as `_xHHHH_`, as the format provides."""
    if len(value) > MAX_CELL_CHARS:
        raise WatermarkError("watermark.bad_original")
    kept = _LOOKS_ESCAPED.sub("_x005F_", value)
    return escape(_UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", kept))


def _sheet(grid: Grid, notice: str) -> Iterator[str]:
    width = len(grid.heads[0])
    if any(len(line) != width for line in (*grid.heads, *grid.rows)):
        raise WatermarkError("watermark.bad_original")
    below = f"A{len(grid.heads) + 1}"
    yield f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    yield f'<pane ySplit="{len(grid.heads)}" topLeftCell="{below}" activePane="bottomLeft" state="frozen"/>'
    yield "</sheetView></sheetViews><cols>"
    for at in range(width):
        longest = max(_width(line[at]) for line in (*grid.heads, *grid.rows))
        chosen = min(max(longest + 2, _NARROW), _WIDE)
        yield f'<col min="{at + 1}" max="{at + 1}" width="{chosen}" style="{_TEXT}" customWidth="1"/>'
    yield "</cols><sheetData>"
    for number, line in enumerate((*grid.heads, *grid.rows), 1):
        yield f'<row r="{number}">'
        for at, value in enumerate(line):
            if not value:
                continue
            style = _HEAD if number <= len(grid.heads) else _QUOTED if value[0] in _FORMULA else _TEXT
            place = f"{column_name(at)}{number}"
            yield f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{_text(value)}</t></is></c>'
        yield "</row>"
    yield "</sheetData>"
    if notice:
        yield f"<headerFooter><oddFooter>&amp;C{_text(notice.replace('&', '&&'))}</oddFooter></headerFooter>"
    yield "</worksheet>"


def _width(value: str) -> int:
    """Columns of a fixed-width font: Chinese characters take two."""
    return sum(1 if character.isascii() else 2 for character in value[:_WIDE])


def _types(with_custom: bool) -> str:
    kinds = [
        ("/xl/workbook.xml", "officedocument.spreadsheetml.sheet.main+xml"),
        ("/xl/worksheets/sheet1.xml", "officedocument.spreadsheetml.worksheet+xml"),
        ("/xl/styles.xml", "officedocument.spreadsheetml.styles+xml"),
        ("/docProps/core.xml", "package.core-properties+xml"),
    ]
    if with_custom:
        kinds.append(("/docProps/custom.xml", "officedocument.custom-properties+xml"))
    listed = "".join(f'<Override PartName="{name}" ContentType="{_CONTENT}{kind}"/>' for name, kind in kinds)
    relations = f'<Default Extension="rels" ContentType="{_CONTENT}package.relationships+xml"/>'
    return f'{_XML}<Types xmlns="{_PACKAGE}/content-types">{relations}{listed}</Types>'


def _root_relations(with_custom: bool) -> str:
    related = [
        ("rId1", f"{_OFFICE}/relationships/officeDocument", "xl/workbook.xml"),
        ("rId2", f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
    ]
    if with_custom:
        related.append(("rId3", f"{_OFFICE}/relationships/custom-properties", "docProps/custom.xml"))
    return _relations(*related)


def _relations(*related: tuple[str, str, str]) -> str:
    listed = "".join(f'<Relationship Id="{name}" Type="{kind}" Target="{target}"/>' for name, kind, target in related)
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _core() -> str:
    # No time and no person: the bytes must depend on the contents alone.
    return (
        f'{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>mydata</dc:creator></cp:coreProperties>'
    )


def custom_properties(label: str) -> str:
    """The part that holds `label` as the custom property `mydata`."""
    value = f"<vt:lpwstr>{_text(label)}</vt:lpwstr>"
    return (
        f'{_XML}<Properties xmlns="{_OFFICE}/custom-properties" xmlns:vt="{_OFFICE}/docPropsVTypes">'
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="2" name="{PROPERTY}">{value}</property>'
        "</Properties>"
    )


def _workbook() -> str:
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}/relationships"><bookViews><workbookView/></bookViews>'
        f'<sheets><sheet name={quoteattr(SHEET_NAME)} sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _styles() -> str:
    # Number format 49 is @: text.
    shared = 'numFmtId="49" borderId="0" xfId="0" applyNumberFormat="1"'
    return (
        f'{_XML}<styleSheet xmlns="{_MAIN}">'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
        '</fill><fill><patternFill patternType="solid"><fgColor rgb="FFE8EEF4"/></patternFill></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        f'<xf fontId="1" fillId="2" {shared} applyFont="1" applyFill="1"/><xf fontId="0" fillId="0" {shared}/>'
        f'<xf fontId="0" fillId="0" {shared} quotePrefix="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )

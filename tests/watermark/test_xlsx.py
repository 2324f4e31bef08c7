"""Workbooks: the same bytes each time, nothing altered, read back by another library, refused where hostile."""

import csv
import io
import time
import zipfile

import openpyxl
import pytest
from openpyxl.styles import numbers

from tests.watermark.cases import CSV, KEYS, Content, licence, table_content
from watermark import Mark, Outcome, Record, Table, Verdict, WatermarkError, carrier_for, write_original
from watermark.carriers import xlsx_reading
from watermark.carriers.reading import read
from watermark.carriers.xlsx_reading import MAX_UNPACKED, first_sheet
from watermark.carriers.xlsx_writing import XLSX_TYPE, Grid, column_name, write_workbook
from watermark.sandbox import Sandbox
from watermark.trace import trace

HOSTILE = [
    "=1+1",
    "+86 631",
    "-5",
    "@SUM(A1)",
    "\tx",
    "0001",
    "370100199001011234",
    "_x0041_",
    'a<b>&"c"',
    "线\r\n一",
    "\x07",
]


@pytest.fixture(scope="module")
def one_row() -> Content:
    return table_content([licence(1)], XLSX_TYPE)


@pytest.fixture(scope="module")
def sixteen() -> Content:
    return table_content([licence(i) for i in range(16)], XLSX_TYPE)


def _trace(leak: bytes, *contents: Content, name: str = "leak.xlsx") -> Verdict:
    return trace(leak, name, [c.candidates for c in contents], KEYS)


def _named(verdict: Verdict) -> list[tuple[str, str | None]]:
    return [(s.entity_id, s.copy_id) for s in verdict.accused]


def _lines(data: bytes) -> list[list[str]]:
    """As another library reads it."""
    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets[0]
    return [["" if value is None else str(value) for value in row] for row in sheet.iter_rows(values_only=True)]


def _saved_again(data: bytes) -> bytes:
    """Opened and saved by another program: other parts, shared strings, properties of its own."""
    out = io.BytesIO()
    openpyxl.load_workbook(io.BytesIO(data)).save(out)
    return out.getvalue()


def _as_csv(lines: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode("utf-8-sig")


PARTY_1 = [("party_1", "copy_content_t_1")]


def test_the_same_contents_give_the_same_bytes() -> None:
    grid = Grid([["甲"], ["a"]], [["1"]])
    first = write_workbook(grid, label="x", notice="y")
    time.sleep(2.1)  # times in archives are exact to two seconds
    assert write_workbook(grid, label="x", notice="y") == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None


def test_hostile_texts_come_back_as_they_were_and_none_is_a_formula() -> None:
    grid = Grid([[f"n{i}" for i in range(len(HOSTILE))]] * 2, [HOSTILE])
    data = write_workbook(grid)
    assert first_sheet(data)[2] == HOSTILE
    cells = [cell for cell in openpyxl.load_workbook(io.BytesIO(data)).active[3] if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.number_format for cell in cells} == {numbers.FORMAT_TEXT}
    assert [cell.value for cell in cells][:7] == HOSTILE[:7]
    assert [cell.quotePrefix for cell in cells][:6] == [True] * 5 + [False]
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")


def test_columns_are_named_as_spreadsheets_name_them() -> None:
    assert [column_name(n) for n in (0, 25, 26, 701, 702, 16383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


def test_a_copy_alters_no_value_and_another_library_reads_it(sixteen: Content) -> None:
    original = _lines(sixteen.original)
    for file in sixteen.files.values():
        copy = _lines(file)
        assert copy[0][-1] == copy[1][-1] == "_mydata"
        found = [{n: v for n, v in zip(copy[1], row, strict=True) if n != "_mydata"} for row in copy[2:]]
        wanted = [dict(zip(original[1], row, strict=True)) for row in original[2:]]
        assert sorted(map(sorted, (r.items() for r in found))) == sorted(map(sorted, (r.items() for r in wanted)))
    assert len(set(sixteen.files.values())) == 3


def test_a_copy_says_whose_it_is_in_its_properties_and_on_paper(one_row: Content) -> None:
    book = openpyxl.load_workbook(io.BytesIO(one_row.files["copy_content_t_1"]))
    assert book.custom_doc_props.names == ["mydata"]
    assert "copy_content_t_1" in book.custom_doc_props["mydata"].value
    assert "仅限甲保险公司" in book.active.oddFooter.center.text
    assert book.active.freeze_panes == "A3"


def test_as_delivered_and_saved_again(one_row: Content) -> None:
    file = one_row.files["copy_content_t_1"]
    untouched = _trace(file, one_row)
    assert (untouched.outcome, _named(untouched), untouched.kind) == (Outcome.IDENTIFIED, PARTY_1, "xlsx")
    again = _trace(_saved_again(file), one_row)
    assert (again.outcome, _named(again)) == (Outcome.IDENTIFIED, PARTY_1)
    assert "watermark.trace.untouched" not in again.codes


def test_one_row_saved_as_csv_still_names_its_copy(one_row: Content) -> None:
    leak = _as_csv(_lines(one_row.files["copy_content_t_1"]))
    verdict = _trace(leak, one_row, name="leak.csv")
    assert (verdict.outcome, _named(verdict)) == (Outcome.IDENTIFIED, PARTY_1)


@pytest.mark.parametrize("heads", [(0, 1), (0,), (1,), ()])
@pytest.mark.parametrize("as_csv", [True, False])
def test_sixteen_rows_without_any_label_name_the_copy(sixteen: Content, heads: tuple[int, ...], as_csv: bool) -> None:
    lines = [line[:-1] for line in _lines(sixteen.files["copy_content_t_1"])]
    lines = [line for at, line in enumerate(lines) if at > 1 or at in heads]
    leak, name = (_as_csv(lines), "l.csv") if as_csv else (_book(lines), "l.xlsx")
    verdict = _trace(leak, sixteen, name=name)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.to_dict()
    assert _named(verdict) == PARTY_1
    assert verdict.layers["names"] > 1


def test_sorted_rows_and_columns_name_nobody(sixteen: Content) -> None:
    lines = [line[:-1] for line in _lines(sixteen.files["copy_content_t_1"])]
    order = sorted(range(len(lines[0])), key=lambda at: lines[1][at])
    lines = [[line[at] for at in order] for line in lines]
    verdict = _trace(_book(lines[:2] + sorted(lines[2:])), sixteen)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert not verdict.accused


def test_a_csv_copy_saved_as_a_workbook() -> None:
    content = table_content([licence(i) for i in range(16)], CSV)
    rows = list(csv.reader(io.StringIO(content.files["copy_content_t_2"].decode(), newline="")))
    verdict = _trace(_book([row[:-1] for row in rows]), content)
    assert (verdict.outcome, _named(verdict)) == (Outcome.IDENTIFIED, [("party_2", "copy_content_t_2")])


def _book(lines: list[list[object]] | list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_days_numbers_and_truths_of_other_writers_are_read() -> None:
    import datetime

    book = openpyxl.Workbook()
    book.active.append(["a", "b", "c", "d", "e"])
    book.active.append([datetime.date(2031, 4, 1), 42, 1.5, True, "=A2"])
    book.create_sheet("二").append(["x", None, "y"])
    out = io.BytesIO()
    book.save(out)
    rows = read(out.getvalue()).sheets[0]
    assert [row.values for row in rows] == [
        ("a", "b", "c", "d", "e"),
        ("2031-04-01", "42", "1.5", "true"),
        ("x", "y"),
    ]
    assert rows[1].names == ("a", "b", "c", "d")


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
ENTITY = b'<!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/hostname">]><s><row><c t="str"><v>&e;</v></c></row></s>'
LAUGHS = b'<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><s><row><c t="str"><v>&b;</v></c></row></s>'


def _lying_about_its_size() -> bytes:
    """The central directory says one byte; what is unpacked is more."""
    data = bytearray(_zip({SHEET: b"<s>" + b" " * 4096 + b"</s>"}))
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = (1).to_bytes(4, "little")
    return bytes(data)


def _damaged() -> bytes:
    data = bytearray(_book([["a"], ["b"]]))
    place = data.index(SHEET.encode()) + len(SHEET)
    data[place + 40 : place + 48] = bytes(8)
    return bytes(data)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    with Sandbox(timeout_s=60) as box:
        yield box


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_zip({SHEET: ENTITY}), "watermark.bad_xlsx"),
        (_zip({SHEET: LAUGHS}), "watermark.bad_xlsx"),
        (_zip({SHEET: b"<s><row>"}), "watermark.bad_xlsx"),
        (_zip({SHEET: b'<s><row><c t="s"><v>7</v></c></row></s>'}), "watermark.bad_xlsx"),
        (_zip({SHEET: b'<s><row><c r="ZZZ1"><v>7</v></c></row></s>'}), "watermark.bad_xlsx"),
        (_zip({SHEET: b"<s/>", **{f"xl/x{n}": b"" for n in range(5000)}}), "watermark.too_complex"),
        (_damaged(), "watermark.bad_xlsx"),
    ],
    ids=["entity", "laughs", "cut", "no string", "column", "parts", "damaged"],
)
def test_hostile_workbooks_are_refused_in_the_sandbox(sandbox: Sandbox, data: bytes, code: str) -> None:
    with pytest.raises(WatermarkError) as refused:
        sandbox.read(data, "a.xlsx")
    assert refused.value.code == code
    assert sandbox.read(_book([["a"], ["b"]]), "b.xlsx").kind == "xlsx"


def test_a_workbook_that_lies_about_its_size_is_refused() -> None:
    with pytest.raises(WatermarkError, match=r"bad_xlsx"):
        read(_lying_about_its_size())


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = _zip({SHEET: b"<s>" + b"<row><c><v>1</v></c></row>" * 101 + b"</s>"})
    monkeypatch.setattr(xlsx_reading, "MAX_CELLS", 100)
    with pytest.raises(WatermarkError, match=r"too_many_cells"):
        read(cells)
    monkeypatch.setattr(xlsx_reading, "MAX_CELLS", 101)
    assert len(read(cells).sheets[0]) == 101
    two = {"xl/sharedStrings.xml": b"<s>" + b" " * 5000 + b"</s>", SHEET: b"<s>" + b" " * 5000 + b"</s>"}
    monkeypatch.setattr(xlsx_reading, "MAX_UNPACKED", 10_000)
    with pytest.raises(WatermarkError, match=r"too_complex"):
        read(_zip(two))
    monkeypatch.setattr(xlsx_reading, "MAX_UNPACKED", 11_000)
    assert read(_zip(two)).kind == "xlsx"


@pytest.mark.slow
def test_a_bomb_is_stopped_in_the_sandbox(sandbox: Sandbox) -> None:
    with pytest.raises(WatermarkError, match=r"too_complex"):
        sandbox.read(_zip({SHEET: b"<s>" + b" " * (MAX_UNPACKED + 1) + b"</s>"}), "a.xlsx")


def test_originals_that_do_not_fit_are_refused() -> None:
    mark = Mark("copy_1", "p", "c", "n")
    carrier = carrier_for(XLSX_TYPE)
    for bad in (b"PK\x03\x04", _zip({SHEET: b"<s/>"}), write_workbook(Grid([["_mydata"]] * 2, []))):
        with pytest.raises(WatermarkError, match=r"bad_original"):
            carrier.embed(bad, mark, KEYS["2026Q4"])
    with pytest.raises(WatermarkError, match=r"bad_original"):
        write_workbook(Grid([["a"], ["a"]], [["x" * 40_000]]))
    assert write_original(Table([Record("t", {"a": "1"})]), XLSX_TYPE) == write_original(
        Table([Record("t", {"a": "1"})]), XLSX_TYPE
    )

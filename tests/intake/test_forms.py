"""Workbooks, JSON and CSV of one content are one content; what cannot be taken is said cell by cell."""

import io
from datetime import date, datetime
from typing import Any

import pytest

from api import locale
from api.catalogue.columns import known_headers
from api.documents.heads import TableLimits
from api.documents.intake.grid import Form, Reader
from api.documents.intake.looking import Basis, Look, look, masked, propose, signature
from api.documents.tables import DepartmentTable, RowBad, RowOk, RowWarned, read_department_file
from api.errors import ApiError
from tests.flow.files import SCHEMA, Row, licences, table
from tests.intake import books

ROWS = licences(20, 6)


def read(data: bytes, **more: Any) -> DepartmentTable:
    return read_department_file(lambda: io.BytesIO(data), SCHEMA, demo=True, today=date(2026, 11, 23), **more)


def values(data: bytes, **more: Any) -> list[Row]:
    rows = list(read(data, **more).rows())
    assert not [row for row in rows if isinstance(row, RowBad)]
    return [row.values for row in rows if not isinstance(row, RowBad)]


def refusal(data: bytes, **more: Any) -> str:
    with pytest.raises(ApiError) as caught:
        read(data, **more)
    code, facts = caught.value.code, caught.value.facts
    for lang in locale.LANGUAGES:
        assert "{" not in locale.error_text(code, lang, facts)
    assert code in locale.error_texts()
    return code


def problems(data: bytes, **more: Any) -> dict[int, list[tuple[str | None, str]]]:
    return {
        row.line: [(one.field, one.reason) for one in row.problems]
        for row in read(data, **more).rows()
        if isinstance(row, RowBad)
    }


FORMS = {
    "csv": table(ROWS),
    "csv with mark": table(ROWS, encoding="utf-8-sig"),
    "csv gb18030": table(ROWS, encoding="gb18030"),
    "xlsx": books.workbook(ROWS),
    "xlsx with texts for dates": books.book([books.cells(row, dates=False) for row in ROWS]),
    "json list": books.json_list(ROWS),
    "json indented, with mark": books.json_list(ROWS, "utf-8-sig", 2),
    "json gb18030": books.json_list(ROWS, "gb18030"),
    "json records": b'{"records": ' + books.json_list(ROWS) + b"}",
    "json lines": books.json_lines(ROWS),
    "json lines gb18030": books.json_lines(ROWS, "gb18030"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(form: str) -> None:
    assert values(FORMS[form]) == values(FORMS["csv"])
    assert values(FORMS["csv"])[0]["id_number"] == ROWS[0]["id_number"], "the rows are those that were written"


def test_lines_are_those_of_the_file() -> None:
    assert [row.line for row in read(FORMS["xlsx"]).rows()] == [2, 3, 4, 5, 6, 7]
    assert [row.line for row in read(FORMS["json list"]).rows()] == [1, 2, 3, 4, 5, 6]
    gap = books.book([[], *(books.cells(row) for row in ROWS[:2]), [], books.cells(ROWS[2])])
    assert [row.line for row in read(gap).rows()] == [3, 4, 6]
    assert [row.line for row in read(gap).rows(4)] == [6]


def test_a_title_and_a_header_of_two_rows() -> None:
    """Title over all, groups over some, single heads over two rows, as offices lay forms out."""
    top = ["威海市机动车驾驶证返还表"]
    groups = ["证号", "持证人", "", "", "", "", *books.HEADS[6:]]
    names = ["", *books.HEADS[1:6], *[""] * len(books.HEADS[6:])]

    def merge(sheet: Any) -> None:
        sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(books.HEADS))
        sheet.merge_cells(start_row=2, end_row=2, start_column=2, end_column=6)
        for column in (1, *range(7, len(books.HEADS) + 1)):
            sheet.merge_cells(start_row=2, end_row=3, start_column=column, end_column=column)

    data = books.book([books.cells(row) for row in ROWS], heads=[top, groups, names], change=merge)
    assert values(data) == values(FORMS["csv"])
    assert read(data).header_line == 3


def grouped(*, upright: bool = True, title: bool = False) -> bytes:
    """Two dates under heads of their own, and 有效期限 over 起 and 止, as forms of many offices have them."""
    above, below = list(books.HEADS), [""] * len(books.HEADS)
    begun, first, since, until = (
        books.FIELDS.index(name) for name in ("birth_date", "first_issued_on", "valid_from", "valid_until")
    )
    above[begun], below[begun], above[first], below[first] = "出生", "日期", "初次领证", "日期"
    above[since], above[until], below[since], below[until] = "有效期限", "", "起", "止"

    def merge(sheet: Any) -> None:
        row = 2 if title else 1
        sheet.merge_cells(start_row=row, end_row=row, start_column=since + 1, end_column=until + 1)
        for column, name in enumerate(below, 1):
            if upright and not name:
                sheet.merge_cells(start_row=row, end_row=row + 1, start_column=column, end_column=column)
        if title:
            sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(above))

    if not upright:  # columns without a lower name are not merged, and each of the lower names is under a group
        above[begun], below[begun], above[first], below[first] = books.HEADS[begun], "", books.HEADS[first], ""
    heads = [["驾驶证返还表"], above, below] if title else [above, below]
    return books.book([books.cells(row) for row in ROWS], heads=heads, change=merge)


SPAN: dict[str, str | None] = {"有效期限 起": "valid_from", "有效期限 止": "valid_until"}


@pytest.mark.parametrize("title", [False, True])
@pytest.mark.parametrize("upright", [False, True])
def test_a_group_over_several_columns_is_named_with_what_is_below_it(upright: bool, title: bool) -> None:
    data = grouped(upright=upright, title=title)
    found = seen(data)
    assert found.header_line == 2 + title
    names = dict(zip(books.FIELDS, found.header, strict=True))
    assert (names["valid_from"], names["valid_until"]) == tuple(SPAN)
    if upright:
        assert (names["birth_date"], names["first_issued_on"]) == ("出生 日期", "初次领证 日期")
    assert values(data, mapping=SPAN) == values(FORMS["csv"])


def test_the_usual_groups_need_no_hand() -> None:
    assert values(grouped()) == values(FORMS["csv"])
    assert propose(SCHEMA, seen(grouped()), demo=True).certain


def test_a_group_right_above_values_stays_the_header() -> None:
    """Nothing stands below 有效期限 but the dates: the two columns are told apart by their numbers."""
    heads = list(books.HEADS)
    since, until = (books.FIELDS.index(name) for name in ("valid_from", "valid_until"))
    heads[since], heads[until] = "有效期限", ""

    def merge(sheet: Any) -> None:
        sheet.merge_cells(start_row=1, end_row=1, start_column=since + 1, end_column=until + 1)

    data = books.book([books.cells(row) for row in ROWS], heads=[heads], change=merge)
    names = (f"有效期限 #{since + 1}", f"有效期限 #{until + 1}")
    assert (seen(data).header_line, seen(data).header[since : until + 1]) == (1, names)
    said = dict(zip(names, ("valid_from", "valid_until"), strict=True))
    assert values(data, mapping=said) == values(FORMS["csv"])


def test_columns_of_one_name_are_told_apart_by_their_numbers() -> None:
    text = FORMS["csv"].decode("utf-8-sig")
    lines = [line + (",备注,备注,," if n == 0 else ",a,b,c,d") for n, line in enumerate(text.splitlines())]
    data = "\n".join(lines).encode()
    assert refusal(data) == "returns.unknown_column"
    width = len(seen(data).header)
    assert seen(data).header[-2:] == (f"备注 #{width - 1}", f"备注 #{width}")


TITLES = {
    "one cell": "威海市机动车驾驶证返还表\n",
    "many cells": "威海市机动车驾驶证返还表" + "," * 11 + "\n",
    "particulars": "返还表\n填报单位,示例局,联系人,甲\n\n",
    "a quote that does not end": '返还表 "甲\n',
}


@pytest.mark.parametrize("title", TITLES)
def test_a_table_of_commas_may_have_a_title(title: str) -> None:
    data = TITLES[title].encode() + FORMS["csv"]
    assert values(data) == values(FORMS["csv"])
    assert seen(data).header_line == 1 + TITLES[title].count("\n")
    late = ("说明\n" * 10).encode() + FORMS["csv"]
    assert refusal(late) == "returns.no_header"


def test_cells_that_are_no_values() -> None:
    def change(sheet: Any) -> None:
        sheet["A2"] = int(ROWS[0]["id_number"][:17] + "0")
        sheet["B3"] = "=A1&A2"
        sheet["F4"] = datetime(1990, 1, 2, 13, 5)  # noqa: DTZ001  workbooks know no zones
        sheet.merge_cells("B5:B6")
        sheet["E7"] = "#N/A"
        sheet["E7"].data_type = "e"

    found = problems(books.workbook(ROWS, change=change))
    assert found[2] == [("id_number", "returns.number_cell")]
    assert found[3] == [("name", "returns.formula")]
    assert found[4] == [("birth_date", "returns.time_cell")]
    assert found[6] == [("name", "returns.merged_cell")]
    assert found[7] == [("address", "returns.error_cell")]
    assert set(found) == {2, 3, 4, 6, 7}


def test_numbers_as_texts_and_texts_as_numbers() -> None:
    """A file number of twelve digits survives as a number; what a number cannot hold is refused, never guessed."""

    def change(sheet: Any) -> None:
        for line in range(2, 8):
            sheet.cell(line, 11).value = int(sheet.cell(line, 11).value)

    assert values(books.workbook(ROWS, change=change)) == values(FORMS["csv"])
    as_number = books.json_list(ROWS[:2]).replace(
        b'"' + ROWS[1]["id_number"].encode() + b'"', ROWS[1]["id_number"].replace("X", "0").encode()
    )
    assert problems(as_number) == {2: [("id_number", "returns.number_cell")]}


def test_records_that_are_none() -> None:
    good = books.json_lines(ROWS[:1]).decode()
    lines = good + "nonsense\n" + '{"姓名": "甲", "姓名": "乙"}\n' + "7\n" + books.json_lines(ROWS[1:2]).decode()
    found = problems(lines.encode())
    assert {line: [reason for _, reason in what] for line, what in found.items()} == {
        2: ["returns.not_a_record"],
        3: ["returns.name_twice"],
        4: ["returns.not_a_record"],
    }
    assert [row.line for row in read(lines.encode()).rows() if not isinstance(row, RowBad)] == [1, 5]
    nested = books.json_list(ROWS[:1]).replace(b'"' + ROWS[0]["name"].encode() + b'"', b'["a"]')
    assert problems(nested) == {1: [("name", "returns.nested_value")]}


def two_sheets(workbook: Any) -> None:
    workbook.create_sheet("说明").append(["请逐行填写"])


def test_several_sheets_are_a_question() -> None:
    data = books.workbook(ROWS, more=two_sheets)
    assert refusal(data) == "returns.several_sheets"
    assert values(data, sheet=0) == values(FORMS["csv"])
    assert refusal(data, sheet=1) == "returns.no_header"
    assert refusal(data, sheet=7) == "returns.no_such_sheet"
    empty_beside = books.workbook(ROWS, more=lambda made: made.create_sheet("空"))
    assert values(empty_beside) == values(FORMS["csv"]), "an empty sheet is none"


WORLD = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
HOSTILE = {
    "XXE in the sheet": (lambda d: books.with_part(d, books.SHEET, lambda c: WORLD + c), "returns.hostile_file"),
    "entities in the strings": (
        lambda d: books.with_part(d, "xl/workbook.xml", lambda c: c.replace(b"<workbook", WORLD + b"<workbook", 1)),
        "returns.hostile_file",
    ),
    "a cell at the far end": (
        lambda d: books.with_part(d, books.SHEET, lambda c: c.replace(b'r="A2"', b'r="XFD1048576"', 1)),
        "returns.too_many_columns",
    ),
    "a far row": (
        lambda d: books.with_part(d, books.SHEET, lambda c: c.replace(b'r="A2"', b'r="A1048576"', 1)),
        "returns.too_many_columns",
    ),
    "cut in the middle": (lambda d: d[: len(d) // 2], "returns.bad_workbook"),
    "a zip of something else": (lambda _: b"PK\x03\x04" + bytes(200), "returns.bad_workbook"),
    "an old workbook": (lambda _: b"\xd0\xcf\x11\xe0" + bytes(500), "returns.old_workbook"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(100), "returns.not_csv"),
    "deep": (lambda _: b'{"a":' * 100_000, "returns.too_complex"),
    "half a list": (lambda _: books.json_list(ROWS).decode()[:-20].encode(), "returns.bad_json"),
    "not a number": (lambda _: b'[{"a": NaN}]', "returns.bad_json"),
    "a bomb": (lambda _: books.bomb(), "returns.unpacked_too_large"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name(name: str) -> None:
    spoil, code = HOSTILE[name]
    assert refusal(spoil(FORMS["xlsx"])) == code
    assert len(values(FORMS["xlsx"])) == 6, "the next file is read as if nothing had happened"


def test_rows_without_end() -> None:
    limits = TableLimits(max_rows=5)
    for form in ("xlsx", "json list", "json lines"):
        with pytest.raises(ApiError, match=r"returns\.too_many_rows"):
            list(read(FORMS[form], limits=limits).rows())


def test_a_child_that_dies_is_an_error_and_is_replaced() -> None:
    with Reader() as reader:
        assert reader.read(FORMS["xlsx"], Form.XLSX, max_rows=10).count(1) == 6
        assert reader._worker is not None
        reader._worker.kill()
        with pytest.raises(ApiError, match=r"returns\.too_complex"):
            reader.read(FORMS["xlsx"], Form.XLSX)
        assert reader.read(FORMS["xlsx"], Form.XLSX, max_rows=10).count(1) == 6


LIES = [
    b"[]",
    b"7",
    b'{"error": "auth.required", "facts": {"a": "x"}}',
    b'{"encoding": "utf-8"}',
    b'{"encoding": "utf-8", "sheets": [], "sheet": null, "top": [[0, ["a"]]]}\n[1, [7]]',
    b'{"encoding": "utf-8", "sheets": [], "sheet": null, "top": [[0, ["a"]]]}\n[1, ["a"], {"0": "said.by.a.file"}]',
]


@pytest.mark.parametrize("lie", LIES)
def test_a_child_that_lies_says_nothing_that_goes_further(lie: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reader, "ask", lambda *_: lie)
    with pytest.raises(ApiError, match=r"^returns\.unreadable$"):
        list(Reader().read(b"[]", Form.JSON).records())


# Which column is which field


def seen(data: bytes) -> Look:
    return look(lambda: io.BytesIO(data), known_headers(SCHEMA).keys())


def proposed(heads: list[str], rows: list[Row], remembered: Any = None) -> dict[str, tuple[str | None, str, int]]:
    data = books.book([books.cells(row) for row in rows], heads=[heads])
    found = propose(SCHEMA, seen(data), remembered, demo=True)
    return {column.header: (column.field, column.basis.value, column.confidence) for column in found.columns}


def test_names_and_synonyms_need_no_question() -> None:
    heads = ["SFZH", "持证人名称", "xb", *books.HEADS[3:8], "生效日期", "到期日", "dabh", "发证局"]
    data = books.book([books.cells(row) for row in ROWS], heads=[heads])
    found = propose(SCHEMA, seen(data), demo=True)
    assert found.certain
    assert [column.field for column in found.columns] == books.FIELDS
    assert {column.basis for column in found.columns} == {Basis.NAME, Basis.SYNONYM}
    assert values(data) == values(FORMS["csv"]), "and the check itself knows the same names"


def test_values_tell_what_names_do_not() -> None:
    heads = ["A", "B", "C", *books.HEADS[3:7], "D", "E", "F", "G", "颁发机关名称"]
    found = proposed(heads, ROWS)
    assert found["A"] == ("id_number", "values", 90)
    assert found["C"] == ("sex", "values", 80)
    assert found["D"][:2] == ("licence_class", "values")
    assert found["G"][:2] == ("file_number", "values")
    # Of two columns of dates one alone may say that it never ends; so the other one is the other one.
    assert (found["E"][:2], found["F"][:2]) == (("valid_from", "values"), ("valid_until", "values"))
    assert found["颁发机关名称"][:2] == ("issuing_authority", "similar")


def test_what_values_cannot_tell_is_not_guessed() -> None:
    heads = [*books.HEADS[:6], "D", books.HEADS[7], "E", *books.HEADS[9:]]
    data = books.book([books.cells(row) for row in ROWS], heads=[heads])
    found = {column.header: column for column in propose(SCHEMA, seen(data), demo=True).columns}
    for head in ("D", "E"):
        assert found[head].field is None
        assert {one.field for one in found[head].candidates} == {"first_issued_on", "valid_from"}


def test_values_that_speak_against_a_name() -> None:
    heads = [books.HEADS[1], books.HEADS[0], *books.HEADS[2:]]
    data = books.book([books.cells(row) for row in ROWS], heads=[heads])
    found = propose(SCHEMA, seen(data), demo=True)
    assert [column.header for column in found.columns if column.doubtful] == ["证号"]
    assert not found.certain


def test_what_an_officer_said_comes_first() -> None:
    heads = ["甲", "乙", *books.HEADS[2:]]
    found = proposed(heads, ROWS, {"甲": "id_number", "乙": "name"})
    assert found["甲"] == ("id_number", "remembered", 100)
    assert found["乙"] == ("name", "remembered", 100)
    assert signature(["甲", "乙 "]) == signature(["乙", "甲"]) != signature(["甲"])


def test_samples_do_not_repeat_what_they_show() -> None:
    for row in ROWS:
        for name in ("id_number", "name", "address", "file_number"):
            assert masked(row[name]) != row[name]
            assert row[name][4:-1] not in masked(row[name]) or len(row[name]) < 6
    assert masked("1990-05-12") == "19**-**-*2"


def test_rows_are_of_three_sorts() -> None:
    kinds = {type(row) for row in read(FORMS["xlsx"]).rows()}
    assert kinds <= {RowOk, RowWarned}

"""Department files: every way in which one can be wrong, and that a wrong row leaves its neighbours alone."""

import random
import tracemalloc
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.catalogue import load_catalogue
from api.catalogue.identifiers import id_check_character, uscc_check_character
from api.documents.heads import TableLimits, fit_columns
from api.documents.records import RecordLines
from api.documents.tables import (
    RowBad,
    RowOk,
    RowWarned,
    natural_key,
    read_department_csv,
)
from api.errors import ApiError
from api.locale import error_texts

CATALOGUE = load_catalogue()
TODAY = date(2026, 11, 22)
SENIOR = CATALOGUE.type("person.senior_card")
HEADER = ["姓名", "性别", "出生日期", "公民身份号码", "优待证编号", "优待证类别", "住址", "发证日期", "发证机关"]


def first(rows):
    return next(iter(rows))


def id_number(order: int) -> str:
    digits = f"37109919500101{order:03d}"
    return digits + id_check_character(digits)


def row(order: int = 1, **changed: str) -> list[str]:
    cells = dict(
        zip(
            HEADER,
            ["张建国", "男", "1950-01-01", id_number(2 * order + 1), f"3710{order:08d}", "70周岁以上",
             "威海市环翠区新威路1号", "2020-01-02", "演示市行政审批服务局"],
            strict=True,
        )
    )  # fmt: skip
    return list((cells | changed).values())


def text(*rows: list[str], header: list[str] | None = None, sep: str = ",", end: str = "\n") -> str:
    return "".join(sep.join(cells) + end for cells in [header or HEADER, *rows])


def read(data: str | bytes, schema=SENIOR, **more):
    data = data if isinstance(data, bytes) else data.encode()
    return read_department_csv(data, schema, demo=True, today=TODAY, **more)


def refused(data: str | bytes, schema=SENIOR, **more) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read(data, schema, **more)
    assert caught.value.code in error_texts()
    return caught.value


def only_problem(data: str, line: int = 2, **more):
    rows = list(read(data, **more).rows())
    bad = [r for r in rows if isinstance(r, RowBad)]
    assert [r.line for r in bad] == [line]
    assert len(bad[0].problems) == 1
    problem = bad[0].problems[0]
    assert problem.reason in error_texts()
    return problem


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("sep", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_delimiter_and_line_end_gives_the_same_rows(encoding, sep, end):
    table = read(text(row(1), row(2), sep=sep, end=end).encode(encoding))
    assert table.delimiter == sep
    assert table.header == tuple(HEADER)
    rows = list(table.rows())
    assert [r.line for r in rows] == [2, 3]
    assert all(isinstance(r, RowOk) for r in rows)
    assert rows[0].values == {
        "name": "张建国", "sex": "male", "birth_date": "1950-01-01", "id_number": id_number(3),
        "card_number": "371000000001", "card_class": "over_70", "address": "威海市环翠区新威路1号",
        "issued_on": "2020-01-02", "issuing_authority": "演示市行政审批服务局",
    }  # fmt: skip
    assert list(rows[0].values) == [f.name for f in SENIOR.fields]


def test_gb18030_beyond_gbk_is_read():
    table = read(text(row(1, 姓名="张䶮"), row(2, 姓名="阿依古丽·买买提")).encode("gb18030"))
    assert [r.values["name"] for r in table.rows()] == ["张䶮", "阿依古丽·买买提"]
    assert table.encoding == "gb18030"


@pytest.mark.parametrize("name", ["zh", "en", "name", "synonym"])
def test_headers_by_every_name(name):
    header = [{"zh": f.zh, "en": f.en, "name": f.name, "synonym": (*f.synonyms, f.zh)[0]}[name] for f in SENIOR.fields]
    assert isinstance(next(iter(read(text(row(), header=header)).rows())), RowOk)


def test_headers_are_compared_without_width_case_and_blanks():
    header = [
        "姓 名",
        "性别",
        "出生日期",
        "SFZH",
        "ｃａｒｄ＿ｎｕｍｂｅｒ",
        "优待证类别",
        "住址",
        "DATE OF ISSUE",
        "发证机关",
    ]
    assert isinstance(next(iter(read(text(row(), header=header)).rows())), RowOk)


def test_columns_may_stand_in_any_order():
    order = [3, 1, 8, 0, 2, 4, 7, 6, 5]
    cells = row()
    data = text([cells[i] for i in order], header=[HEADER[i] for i in order])
    assert next(iter(read(data).rows())).values == next(iter(read(text(cells)).rows())).values


def test_an_optional_column_may_be_absent():
    keep = [i for i, name in enumerate(HEADER) if name != "住址"]
    cells = row()
    data = text([cells[i] for i in keep], header=[HEADER[i] for i in keep])
    assert next(iter(read(data).rows())).values["address"] == ""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "returns.empty_file"),
        (b"\xef\xbb\xbf\r\n \n", "returns.empty_file"),
        (b"\0\0\0", "returns.empty_file"),
        (text().encode(), "returns.no_rows"),
        (text(end="\n\n,,,,,,,,\n").encode(), "returns.no_rows"),
        (b"PK\x03\x04 rest of a workbook", "returns.not_csv"),
        (b"%PDF-1.7", "returns.not_csv"),
        (text(row()).encode("utf-16"), "returns.encoding"),
        (b"\x81\xff\xff," + text(row()).encode(), "returns.encoding"),
        (b",,,\n;;;\n|\n", "returns.empty_file"),
    ],
)
def test_a_file_that_is_none_is_refused(data, code):
    assert refused(data).code == code


def test_a_file_without_a_header_is_refused_and_nothing_of_its_first_line_repeated():
    error = refused(text(row(1), header=row(2)))
    assert error.code == "returns.no_header"
    assert dict(error.facts) == {"line": 1}


def test_columns_are_named_where_they_do_not_fit():
    error = refused(text(row(), header=[*HEADER[:-1], "备注说明"]))
    assert (error.code, error.facts["columns"]) == ("returns.unknown_column", "备注说明")
    error = refused(text(row(), header=[*HEADER[:-1], "身份证号"]))
    assert error.code == "returns.duplicate_column"
    assert error.facts["columns"] == "公民身份号码、身份证号"
    error = refused(text(row()[:-2], header=HEADER[:-2]))
    assert (error.code, error.facts["columns"]) == ("returns.missing_column", "发证日期、发证机关")


def test_a_header_that_looks_like_a_value_is_named_by_its_position():
    error = refused(text(row(), header=[*HEADER[:-1], "371099195001010018"]))
    assert error.facts["columns"] == "#9"


def test_the_officers_mapping_helps_out():
    header = [*HEADER[:-1], "盖章单位", "内部备注"]
    data = text([*row(), "x"], header=header)
    assert refused(data).code == "returns.unknown_column"
    table = read(data, mapping={"盖章单位": "issuing_authority", "内部备注": None})
    assert isinstance(next(iter(table.rows())), RowOk)
    assert table.columns[-1] is None
    error = refused(data, mapping={"盖章单位": "no_such", "内部备注": None})
    assert error.code == "catalogue.unknown_field"


def test_a_type_without_fields_takes_no_file():
    unready = replace(CATALOGUE.type("person.senior_card"), ready=False, fields=(), claims=())
    assert refused(text(row()), unready).code == "catalogue.type_not_ready"


def test_limits_of_bytes_and_rows():
    data = text(*[row(n) for n in range(1, 6)])
    assert refused(data, limits=TableLimits(max_bytes=len(data.encode()) - 1)).code == "returns.too_large"
    assert read(data, limits=TableLimits(max_bytes=len(data.encode()), max_rows=5)).count() == 5
    error = refused(data, limits=TableLimits(max_rows=4))
    assert (error.code, error.facts["found"], error.facts["limit"]) == ("returns.too_many_rows", 5, 4)
    # Line ends inside quotes and blank lines are no rows.
    assert read(text(row(1, 住址='"新威路\n1号"'), [""], row(2)), limits=TableLimits(max_rows=2)).count() == 2


LINE = st.lists(st.sampled_from([" ", ",", "甲", '"', "\u3000", ";", "1"]), max_size=6).map("".join)


@settings(max_examples=300)
@given(st.lists(LINE, max_size=8), st.integers(0, 4), st.sampled_from(["\n", "\r\n"]))
def test_records_are_counted_as_they_are_cut(lines, after, end):
    kept = [line + end for line in lines]
    cut = [record for record in RecordLines(kept, ",", 2) if record.line > after and not record.blank]
    assert RecordLines(kept, ",", 2).count(after) == len(cut)


def test_a_cell_that_was_seen_before_is_judged_as_the_first_time():
    again = [row(1), row(2), row(3, 性别="x"), row(4), row(5, 性别="x"), row(6, 发证日期="=1"), row(7)]
    alone = [first(read(text(cells)).rows()) for cells in again]
    for here, there in zip(read(text(*again)).rows(), alone, strict=True):
        assert replace(here, line=2) == there


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "\t=", " ="])
def test_formula_cells_are_refused(start):
    problem = only_problem(text(row(1, 姓名=f"{start}HYPERLINK(1)"), row(2)))
    assert (problem.field, problem.column, problem.reason) == ("name", "姓名", "returns.formula_cell")


def test_a_tab_before_a_value_is_a_formula_cell():
    problem = only_problem(text(row(1, 姓名="\t张三"), row(2)))
    assert problem.reason == "returns.formula_cell"


LICENCE = CATALOGUE.type("enterprise.business_licence")


def licence(**changed: str) -> bytes:
    code = "91371099MA0001181"
    values = {
        "uscc": code + uscc_check_character(code), "name": "演示海风食品有限公司", "company_type": "有限责任公司",
        "legal_representative": "张建国", "registered_capital": "100", "established_on": "2020-01-01",
        "term_until": "长期", "address": "新威路1号", "scope": "餐饮", "issuing_authority": "演示局",
        "issued_on": "2020-01-01",
    } | changed  # fmt: skip
    return f"{','.join(values)}\n{','.join(values.values())}\n".encode()


def test_a_negative_amount_is_no_formula_and_a_dash_is_a_blank():
    amount = first(read(licence(registered_capital="-5.5"), LICENCE).rows())
    assert amount.problems[0].reason == "catalogue.too_small"
    for dash in ("-", "－", "—", "/"):
        assert first(read(licence(registered_capital=dash), LICENCE).rows()).values["registered_capital"] == ""
    assert first(read(licence(name="-"), LICENCE).rows()).problems[0].reason == "catalogue.required"
    assert first(read(licence(registered_capital="-1+2"), LICENCE).rows()).problems[0].reason == "returns.formula_cell"


def test_a_nul_byte_spoils_its_row_alone():
    assert only_problem(text(row(1, 姓名="张\0三"), row(2))).reason == "catalogue.bad_characters"


def test_too_few_and_too_many_cells():
    problem = only_problem(text(row(1)[:-1], row(2)))
    assert (problem.reason, dict(problem.facts)) == ("returns.cell_count", {"expected": 9, "found": 8})
    problem = only_problem(text([*row(1), "x"], row(2)))
    assert problem.facts["found"] == 10
    assert isinstance(next(iter(read(text([*row(1), "", ""], row(2))).rows())), RowOk)


def test_an_unbalanced_quote_spoils_one_row():
    lines = text(*[row(n) for n in range(1, 60)]).splitlines()
    lines[3] = '"' + lines[3]
    lines[10] = lines[10].replace("张建国", '"张建国')
    lines[12] = lines[12].replace("张建国", '"张建国')
    rows = list(read("\n".join(lines)).rows())
    assert [r.line for r in rows] == list(range(2, 61))
    bad = {r.line: r.problems[0].reason for r in rows if isinstance(r, RowBad)}
    assert bad == dict.fromkeys((4, 11, 13), "returns.unbalanced_quote")


def test_two_stray_quotes_that_would_pair_up_swallow_nothing():
    lines = text(*[row(n) for n in range(1, 8)]).splitlines()
    lines[2] = lines[2].replace("张建国", '"张建国')
    lines[5] += '"'
    rows = {r.line: r for r in read("\n".join(lines)).rows()}
    assert list(rows) == list(range(2, 9))
    assert [line for line, r in rows.items() if isinstance(r, RowBad)] == [3, 6]


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends():
    address = '"新威路1号, ""A""座\n门"'
    rows = list(read(text(row(1, 住址="x"), row(2, 住址=address), row(3))).rows())
    assert [r.line for r in rows] == [2, 3, 5]
    assert rows[1].problems[0].reason == "catalogue.bad_characters"  # a line end is no part of an address
    rows = list(read(text(row(2, 住址='"新威路1号, ""A""座"'))).rows())
    assert rows[0].values["address"] == '新威路1号, "A"座'


def test_an_endless_row_is_bad_and_the_next_one_read():
    rows = list(read(text(row(1, 住址="路" * 120_000), row(2))).rows())
    assert rows[0].problems[0].reason == "returns.row_too_long"
    assert isinstance(rows[1], RowOk)
    assert only_problem(text(row(1, 住址="路" * 50_000), row(2))).reason == "catalogue.too_long"


def test_all_problems_of_a_row_are_told_at_once_without_any_value():
    cells = row(1, 姓名="", 性别="不详", 出生日期="1950-02-30", 公民身份号码="371099195001010000")
    problems = first(read(text(cells)).rows()).problems
    assert {(p.field, p.reason) for p in problems} == {
        ("name", "catalogue.required"),
        ("sex", "catalogue.not_a_choice"),
        ("birth_date", "catalogue.bad_date"),
        ("id_number", "catalogue.id_check_digit"),
    }
    told = "".join(f"{p.column}{dict(p.facts)}" for p in problems)
    assert not any(cell and cell in told for cell in cells)


def test_rules_between_fields():
    assert only_problem(text(row(1, 出生日期="1951-01-01"), row(2))).reason == "catalogue.birth_differs_from_id"
    assert only_problem(text(row(1, 性别="女"), row(2))).reason == "catalogue.sex_differs_from_id"


def test_warnings_need_a_day_and_do_not_stop_a_row():
    future = text(row(1, 发证日期="2027-01-01"))
    warned = first(read(future).rows())
    assert isinstance(warned, RowWarned)
    assert [(w.field, w.column, w.reason) for w in warned.warnings] == [
        ("issued_on", "发证日期", "returns.in_the_future")
    ]
    assert warned.values["issued_on"] == "2027-01-01"
    assert isinstance(first(read_department_csv(future.encode(), SENIOR, demo=True).rows()), RowOk)
    old = first(read(text(row(1, 发证日期="1919-01-01"))).rows())
    assert [w.reason for w in old.warnings] == ["returns.old_date"]
    ended = first(read(licence(term_until="2026-11-21"), LICENCE).rows())
    assert [w.reason for w in ended.warnings] == ["returns.expired"]
    assert isinstance(first(read(licence(term_until="2026-11-22"), LICENCE).rows()), RowOk)


def test_reading_goes_on_where_it_stopped():
    table = read(text(*[row(n, 姓名="" if n % 3 == 0 else "张建国") for n in range(1, 30)]))
    rows = list(table.rows())
    for after in (0, 1, 7, 29, 30, 99):
        assert list(table.rows(after)) == [r for r in rows if r.line > after]


def test_natural_key_tells_repetitions():
    values = first(read(text(row(1))).rows()).values
    assert natural_key(SENIOR, values) == ("person.senior_card", "371000000001")


def test_memory_stays_bounded():
    data = text(*[row(n % 480) for n in range(1, 8_000)]).encode()
    table = read(data)
    tracemalloc.start()
    assert sum(1 for _ in table.rows()) == 7_999
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data) > 1_000_000
    # io.BytesIO shares the bytes until written to; one record and one decoded chunk are held.
    assert peak < 300_000


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3))
def test_no_bytes_whatever_break_the_reader(noise, where):
    body = text(row(1), row(2)).encode()
    data = [noise, body[:80] + noise + body[80:], body + noise, noise + body][where]
    try:
        table = read(data)
    except ApiError as error:
        codes = [error.code]
    else:
        bad = [r for r in table.rows() if isinstance(r, RowBad)]
        codes = [p.reason for r in bad for p in r.problems]
    assert error_texts().keys() >= set(codes)


def test_random_corruption_touches_no_other_row():
    rng = random.Random(5)
    clean = text(*[row(n) for n in range(1, 40)]).splitlines()
    good = {r.line: r.values for r in read("\n".join(clean)).rows()}
    for _ in range(150):
        lines = list(clean)
        victim = rng.randint(1, 39)
        line = lines[victim]
        at = rng.randint(0, len(line) - 1)
        lines[victim] = line[:at] + rng.choice('",;\t=x0"') + line[at + rng.randint(0, 2) :]
        rows = {r.line: r for r in read("\n".join(lines)).rows()}
        assert set(rows) == set(good)
        for number, values in good.items():
            if number != victim + 1:
                assert isinstance(rows[number], RowOk), (victim, lines[victim])
                assert rows[number].values == values


@pytest.mark.parametrize(
    ("value", "field"), [(id_number(7), "id_number"), ("1950年1月1日", "birth_date"), ("1950-01-01", "birth_date")]
)
def test_a_person_s_row_is_no_header_though_an_officer_says_so(value, field):
    """Neither the row nor anything of it may be kept as columns, nor told."""
    said = {value: field, "张三": None}
    with pytest.raises(ApiError) as caught:
        fit_columns(SENIOR, (value, "张三"), {}, said)
    assert (caught.value.code, caught.value.facts) == ("returns.header_is_row", {})
    with pytest.raises(ApiError, match=r"returns\.missing_column"):
        fit_columns(SENIOR, ("证件", "张三"), {}, {"证件": field, "张三": None})

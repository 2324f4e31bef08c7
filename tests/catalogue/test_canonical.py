"""Canonical forms: spellings meet, nonsense is refused with a code and never with the value."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.catalogue import Choice, Field, FieldKind, load_catalogue
from api.catalogue.canonical import OPEN_END, Limits
from api.catalogue.identifiers import id_check_character
from api.errors import ApiError
from api.locale import error_texts

ID = "37109919800101123" + id_check_character("37109919800101123")
SEX = (Choice("male", "男", "Male", ("1", "M")), Choice("female", "女", "Female", ("2",)))


def field(kind: FieldKind, **more) -> Field:
    if kind is FieldKind.ENUM:
        more.setdefault("choices", SEX)
    return Field("f", "项", "Field", kind, **more)


def code_of(target: Field, raw: str) -> str:
    with pytest.raises(ApiError) as caught:
        target.canonical(raw, demo=True)
    error = caught.value
    assert error.facts["field"] == "f"
    assert set(error.facts) <= {"field", "limit"}
    assert len(raw) < 4 or not any(raw in str(fact) for fact in error.facts.values())
    return error.code


@pytest.mark.parametrize(
    "raw",
    [
        "2026-11-22",
        "2026/11/22",
        "2026.11.22",
        "2026年11月22日",
        "20261122",
        " 2026-11-22 ",
        "２０２６－１１－２２",
        "２０２６年１１月２２日",
    ],
)
def test_dates_meet_in_iso(raw):
    assert field(FieldKind.DATE).canonical(raw) == "2026-11-22"


@pytest.mark.parametrize("raw", ["2026/1/2", "2026年1月2日", "2026-1-2", "20260102"])
def test_short_dates_are_padded(raw):
    assert field(FieldKind.DATE).canonical(raw) == "2026-01-02"


@pytest.mark.parametrize(
    "raw",
    [
        "2026-02-30",
        "2026-13-01",
        "26-11-22",
        "2026-11/22",
        "2026-W01-1",
        "2026112",
        "9999",
        "73999.5",
        "99999",
        "长期",
        "٢٠٢٦-١١-٢٢",
        "22/11/2026",
    ],
)
def test_impossible_dates_are_refused(raw):
    assert code_of(field(FieldKind.DATE), raw) == "catalogue.bad_date"


@pytest.mark.parametrize("raw", ["45678", "45678.0", "10000", "73050", "４５６７８"])
def test_a_spreadsheet_s_inner_number_is_told_from_other_faults(raw):
    assert code_of(field(FieldKind.DATE), raw) == "catalogue.date_serial"


def test_long_term_is_a_date_where_allowed():
    target = field(FieldKind.DATE, limits=Limits(open_ended=True))
    assert target.canonical("长期") == target.canonical("长期有效") == OPEN_END == target.canonical(OPEN_END)
    assert target.display(OPEN_END) == "长期"
    assert target.display(OPEN_END, "en") == "Long-term"
    assert code_of(field(FieldKind.DATE), OPEN_END) == "catalogue.date_out_of_range"


def test_dates_before_1900_are_out_of_range():
    assert code_of(field(FieldKind.DATE), "1899-12-31") == "catalogue.date_out_of_range"


@pytest.mark.parametrize(
    "raw",
    [
        ID,
        f" {ID} ",
        ID.lower(),
        ID.translate({48 + i: 0xFF10 + i for i in range(10)}),
        f"{ID[:6]} {ID[6:14]} {ID[14:]}",
    ],
)
def test_id_spellings_meet(raw):
    assert field(FieldKind.ID_NUMBER).canonical(raw, demo=True) == ID


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (ID[:-1], "catalogue.id_length"),
        (ID[:-1] + ("0" if ID[-1] != "0" else "1"), "catalogue.id_check_digit"),
        ("A" + ID[1:], "catalogue.id_characters"),
        ("3.71099E+17", "catalogue.rewritten_number"),
        ("371099198001011200.0", "catalogue.rewritten_number"),
        ("371099198002301" + "12" + id_check_character("37109919800230112"), "catalogue.id_birth_date"),
        ("999999198001011" + "12" + id_check_character("99999919800101112"), "catalogue.id_region"),
    ],
)
def test_wrong_id_numbers_have_their_own_reason(raw, code):
    assert code_of(field(FieldKind.ID_NUMBER), raw) == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("91110000600037341", "catalogue.uscc_length"),
        ("9111000060003734IL", "catalogue.uscc_characters"),
        ("911100006000373411", "catalogue.uscc_check_digit"),
        ("9.111E+17", "catalogue.rewritten_number"),
    ],
)
def test_wrong_credit_codes_have_their_own_reason(raw, code):
    assert code_of(field(FieldKind.USCC), raw) == code


@pytest.mark.parametrize("raw", ["男", "male", "Male", "MALE", "1", " M ", "１"])
def test_enum_takes_code_label_and_alias(raw):
    assert field(FieldKind.ENUM).canonical(raw) == "male"


def test_enum_refuses_the_rest():
    assert code_of(field(FieldKind.ENUM), "不详") == "catalogue.not_a_choice"


@pytest.mark.parametrize(
    ("raw", "want"),
    [("1,234.5", "1234.50"), ("¥12", "12.00"), ("－3.10", "-3.10"), ("-0", "0.00"), ("100.5000", "100.50")],
)
def test_amounts_have_fixed_decimals(raw, want):
    assert field(FieldKind.AMOUNT).canonical(raw) == want


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("12.345", "catalogue.too_many_decimals"),
        ("1e5", "catalogue.bad_amount"),
        ("1_000", "catalogue.bad_amount"),
        ("NaN", "catalogue.bad_amount"),
        ("Infinity", "catalogue.bad_amount"),
        ("12万元", "catalogue.bad_amount"),
        ("9" * 30, "catalogue.bad_amount"),
        ("-1", "catalogue.too_small"),
        ("101", "catalogue.too_large"),
    ],
)
def test_wrong_amounts_are_refused(raw, code):
    from decimal import Decimal

    limits = Limits(minimum=Decimal(0), maximum=Decimal(100)) if code.endswith(("small", "large")) else Limits()
    assert code_of(field(FieldKind.AMOUNT, limits=limits), raw) == code


@pytest.mark.parametrize(("raw", "want"), [("007", "7"), ("1,200", "1200"), ("-5", "-5"), ("１２", "12")])
def test_integers_lose_leading_zeros(raw, want):
    assert field(FieldKind.INTEGER).canonical(raw) == want


@pytest.mark.parametrize("raw", ["1.5", "a", "--1", "1 2"])
def test_wrong_integers_are_refused(raw):
    assert code_of(field(FieldKind.INTEGER), raw) == "catalogue.bad_integer"


@pytest.mark.parametrize(
    "raw", ["王小明", "欧阳娜娜", "阿依古丽·买买提", "阿依古丽•买买提", "Anne-Marie O'Neil", "J. Smith", "䶮"]
)
def test_names_of_many_kinds_are_taken(raw):
    assert field(FieldKind.NAME).canonical(raw)


def test_name_dots_meet():
    target = field(FieldKind.NAME)
    assert (
        target.canonical("阿依古丽•买买提")
        == target.canonical("阿依古丽·买买提")
        == target.canonical("阿依古丽・买买提")
    )


@pytest.mark.parametrize("raw", ["王2", "王_", "<b>王</b>", "·王", "王·", "王,小明"])
def test_names_with_foreign_characters_are_refused(raw):
    assert code_of(field(FieldKind.NAME), raw) == "catalogue.bad_name"


@pytest.mark.parametrize("raw", ["张\u200b三", "张\x00三", "张\u202e三", "a\x07b", "张\ue000", "张\u0085三"])
@pytest.mark.parametrize("kind", [FieldKind.NAME, FieldKind.TEXT, FieldKind.SERIAL, FieldKind.ADDRESS])
def test_invisible_characters_are_refused(kind, raw):
    assert code_of(field(kind), raw) == "catalogue.bad_characters"


def test_text_brackets_and_dashes_meet():
    target = field(FieldKind.ADDRESS)
    assert target.canonical("海滨路12—3号(南门)") == target.canonical("海滨路12-3号（南门）") == "海滨路12-3号（南门）"
    assert target.canonical("本市——环翠") == "本市——环翠"


def test_decomposed_text_is_composed():
    assert field(FieldKind.TEXT).canonical("Cafe\u0301") == "Café"


def test_serials_are_narrow_and_upper_case():
    assert field(FieldKind.SERIAL).canonical("鲁（2026）演示第０１ ａ号") == "鲁(2026)演示第01A号"


def test_lengths_and_patterns_are_held():
    assert code_of(field(FieldKind.TEXT, limits=Limits(max_length=3)), "四个字符") == "catalogue.too_long"
    assert code_of(field(FieldKind.SERIAL, limits=Limits(min_length=3)), "12") == "catalogue.too_short"
    assert code_of(field(FieldKind.SERIAL, limits=Limits(pattern=r"\d{3}")), "12A") == "catalogue.bad_pattern"


def test_blank_is_required_or_empty():
    assert code_of(field(FieldKind.TEXT), "  \u3000") == "catalogue.required"
    assert field(FieldKind.TEXT, required=False).canonical(" ") == ""


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(FieldKind)), st.text(max_size=30))
def test_any_text_gives_a_stable_form_or_a_known_code(kind, raw):
    target = field(kind, required=False)
    codes = []
    form = raw
    for _ in range(2):
        try:
            form = target.canonical(form, demo=True)
        except ApiError as error:
            codes.append(error.code)
            break
        if form == "":
            break
        codes.append(form)
    # Either refused at once with a code that has a text, or the form of the form is the form.
    assert len(codes) == 0 or (codes[0] in error_texts() if len(codes) == 1 else codes[0] == codes[1])


def test_an_eight_field_row_is_checked_in_microseconds():
    schema = load_catalogue().type("person.driving_licence")
    raw = {
        "id_number": ID, "name": "王小明", "sex": "男", "address": "威海市环翠区新威路12号3单元401室",
        "birth_date": "1980-01-01", "licence_class": "C1", "valid_until": "2031-03-01", "file_number": "371000123456",
    }  # fmt: skip
    plan = [(schema.field(name), value) for name, value in raw.items()]
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(500):
            for target, value in plan:
                target.canonical(value, demo=True)
        best = min(best, (time.perf_counter() - start) / 500)
    # Measured 9 microseconds; the aim is 60, the bound leaves room for a busy machine and still catches stdnum's 300.
    assert best < 120e-6

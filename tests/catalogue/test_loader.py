"""The catalogue as it is delivered, and that a bad file is refused with its name, place and problem."""

import csv
import shutil
from pathlib import Path

import pytest

import api.catalogue
from api.catalogue import FieldKind, HolderKind, load_catalogue
from api.errors import ApiError
from api.locale import error_texts

HERE = Path(api.catalogue.__file__).parent
CODES = sorted(load_catalogue().types)


@pytest.fixture
def catalogue():
    return load_catalogue()


def test_the_plans_lists_are_complete(catalogue):
    assert len(catalogue.types) == 50
    assert [schema.number for schema in catalogue.types.values()] == list(range(1, 51))
    assert sum(s.holder_kind is HolderKind.PERSON for s in catalogue.types.values()) == 32
    assert len(catalogue.items) == 500
    assert len({item.number for item in catalogue.items}) == 500
    assert len(catalogue.scenarios) == 15
    with (HERE / "certificate_types.csv").open(encoding="utf-8", newline="") as stream:
        names = [row["certificate_name"] for row in csv.DictReader(stream)]
    assert [schema.zh for schema in catalogue.types.values()] == names


def test_all_fifty_types_have_fields(catalogue):
    assert len(catalogue.ready_types()) == 50
    for schema in catalogue.types.values():
        assert schema.ready
        assert len(schema.fields) >= 8
        assert schema.version >= 1


def labels(catalogue):
    for schema in catalogue.types.values():
        yield schema.code, schema.zh, schema.en
        for field in schema.fields:
            yield f"{schema.code}.{field.name}", field.zh, field.en
            for choice in field.choices:
                yield f"{schema.code}.{field.name}.{choice.code}", choice.zh, choice.en
            if field.unit_zh:
                yield f"{schema.code}.{field.name} unit", field.unit_zh, field.unit_en
    for department in catalogue.departments.values():
        yield department.code, department.zh, department.en
        yield department.code, department.demo_zh, department.demo_en
    for purpose in catalogue.purposes.values():
        yield purpose.code, purpose.zh, purpose.en
        yield purpose.code, purpose.text_zh, purpose.text_en
    for pack in catalogue.packs.values():
        yield pack.code, pack.zh, pack.en


def test_every_label_is_there_in_both_languages(catalogue):
    seen = 0
    for where, zh, en in labels(catalogue):
        seen += 1
        assert zh.strip(), where
        # Letters and signs that are the same in both languages (blood groups) may stand for themselves.
        assert any("\u4e00" <= c <= "\u9fff" for c in zh) or zh == en, (where, zh)
        assert en.strip(), where
        assert not any("\u4e00" <= c <= "\u9fff" for c in en), (where, en)
    assert seen > 300


def test_no_demo_office_bears_a_real_citys_name(catalogue):
    for department in catalogue.departments.values():
        assert department.demo_zh.startswith("演示")
        assert department.demo_en.startswith("Demo")


@pytest.mark.parametrize("code", CODES)
def test_ready_types_hang_together(catalogue, code):
    schema = catalogue.type(code)
    holder = schema.field(schema.holder_field)
    wanted = FieldKind.ID_NUMBER if schema.holder_kind is HolderKind.PERSON else FieldKind.USCC
    assert holder.kind is wanted
    assert holder.identifying
    assert schema.field(schema.holder_name_field).identifying
    assert schema.natural_key
    assert schema.department in catalogue.departments
    for field in schema.fields:
        if field.kind in (FieldKind.ID_NUMBER, FieldKind.SERIAL, FieldKind.USCC, FieldKind.DATE, FieldKind.AMOUNT):
            assert field.normative, f"{code}.{field.name}: a mark may not touch identifiers, dates and amounts"
        if field.kind is FieldKind.ID_NUMBER:
            assert field.sensitive


def test_purposes_ask_no_more_than_they_say(catalogue):
    assert {
        "insurance.motor.underwriting",
        "insurance.motor.claims",
        "insurance.life.underwriting",
        "bank.personal_credit",
        "employment.recruitment_check",
        "telecom.service_change",
    } <= catalogue.purposes.keys()
    for purpose in catalogue.purposes.values():
        for allowance in purpose.allowances:
            assert catalogue.ready_type(allowance.type_code).has_field(allowance.field)
            assert purpose.allowance(allowance.type_code, allowance.field) is allowance
        assert [a for code in purpose.types for a in purpose.fields_of(code)] == list(purpose.allowances)
    claims = catalogue.purpose("insurance.motor.claims")
    assert claims.allowance("person.driving_licence", "licence_class").necessary
    assert not claims.allowance("person.driving_licence", "address").necessary
    assert claims.allowance("person.driving_licence", "file_number") is None


def test_packs_stay_within_their_purpose(catalogue):
    for pack in catalogue.packs.values():
        purpose = catalogue.purpose(pack.purpose)
        assert pack.days <= purpose.max_days
        assert pack.uses <= purpose.max_uses
        for item in pack.items:
            assert purpose.allowance(item.type_code, item.field) is not None


def test_types_are_found_by_any_of_their_names(catalogue):
    for name in ("person.driving_licence", "机动车驾驶证", "driving licence", " Driving Licence "):
        assert catalogue.type_named(name).code == "person.driving_licence"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: c.type("x"), "catalogue.unknown_type"),
        (lambda c: c.type_named("x"), "catalogue.unknown_type"),
        (lambda c: c.purpose("x"), "catalogue.unknown_purpose"),
        (lambda c: c.pack("x"), "catalogue.unknown_pack"),
        (lambda c: c.type("person.id_card").field("x"), "catalogue.unknown_field"),
    ],
)
def test_what_is_not_there_has_its_code(catalogue, call, code):
    with pytest.raises(ApiError) as caught:
        call(catalogue)
    assert caught.value.code == code
    assert code in error_texts()


def test_the_catalogue_is_read_once(catalogue):
    assert load_catalogue() is catalogue
    assert len(catalogue.version) <= 16


def edit(name, old, new):
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def unready(code):
    """A type whose fields are not known yet: an index entry without its file."""

    def change(folder: Path) -> None:
        (folder / "types" / f"{code}.toml").unlink()
        path = folder / "types.toml"
        before, entry, after = path.read_text(encoding="utf-8").partition(f'code = "{code}"')
        path.write_text(before + entry + after.replace("ready = true", "ready = false", 1), encoding="utf-8")

    return change


CARD = "types/person.id_card.toml"
BAD_FILES = {
    "missing file": (lambda folder: (folder / "purposes.toml").unlink(), "purposes.toml", "missing"),
    "broken TOML": (edit("packs.toml", "[[pack]]", "[[pack"), "packs.toml", ""),
    "not UTF-8": (lambda folder: (folder / "packs.toml").write_bytes(b"\xff\xfe"), "packs.toml", "utf-8"),
    "unknown key": (edit(CARD, 'kind = "date"', 'kind = "date"\nsensitve = true'), CARD, "Extra inputs"),
    "unknown kind": (edit(CARD, 'kind = "date"', 'kind = "day"'), CARD, "Input should be"),
    "empty label": (edit(CARD, 'en = "Name"', 'en = ""'), CARD, "at least 1 character"),
    "bad field name": (edit(CARD, 'name = "sex"', 'name = "Sex"'), CARD, "pattern"),
    "field twice": (edit(CARD, 'name = "sex"', 'name = "name"'), CARD, "twice"),
    "header twice": (edit(CARD, 'zh = "性别"', 'zh = "姓名"'), CARD, "two fields answer"),
    "no natural key": (edit(CARD, "natural_key = true", "natural_key = false"), CARD, "natural key"),
    "holder is no number": (edit(CARD, 'holder_field = "id_number"', 'holder_field = "name"'), CARD, "kind id_number"),
    "end is no date": (edit(CARD, 'valid_until = "valid_until"', 'valid_until = "name"'), CARD, "kind date"),
    "rule names nothing": (edit(CARD, '["sex", "id_number"]', '["gender", "id_number"]'), CARD, "unknown field"),
    "broken pattern": (
        edit("types/person.driving_licence.toml", "\\d{12}", "(\\d{12}"),
        "types/person.driving_licence.toml",
        "pattern",
    ),
    "choices share a spelling": (edit(CARD, '"M"', '"F"'), CARD, "share a spelling"),
    "ready without a file": (lambda folder: (folder / CARD).unlink(), "types.toml", "contradicts"),
    "unknown department": (edit("types.toml", '"public_security"', '"police"'), "types.toml", "unknown department"),
    "type missing": (edit("types.toml", "no = 50\n", "no = 51\n"), "types.toml", "not here"),
    "wrong holder kind": (
        edit("types.toml", '"person.id_card"', '"enterprise.id_card"'),
        "types.toml",
        "does not begin",
    ),
    "purpose asks for nothing known": (
        edit("purposes.toml", '"licence_class"', '"licence_klass"'),
        "purposes.toml",
        "no field",
    ),
    "purpose asks for an unready type": (unready("person.senior_card"), "purposes.toml", "no fields"),
    "purpose without a limit": (edit("purposes.toml", "max_days = 30\n", ""), "purposes.toml", "required"),
    "purpose without end": (
        edit("purposes.toml", "max_days = 30\n", "max_days = 99999\n"),
        "purposes.toml",
        "less than",
    ),
    "purpose for the wrong holders": (
        edit("purposes.toml", 'holder_kinds = ["person"]', 'holder_kinds = ["enterprise"]'),
        "purposes.toml",
        "differ",
    ),
    "pack beyond its purpose": (edit("packs.toml", "days = 30", "days = 31"), "packs.toml", "exceed"),
    "pack asks for more": (
        edit("packs.toml", '"first_issued_on"', '"file_number"'),
        "packs.toml",
        "exceeds the purpose",
    ),
    "pack makes optional necessary": (
        edit("packs.toml", 'optional = ["address"]', 'necessary = ["address"]'),
        "packs.toml",
        "",
    ),
    "pack of an unknown purpose": (
        edit("packs.toml", '"insurance.motor.underwriting"', '"insurance.boat"'),
        "packs.toml",
        "unknown purpose",
    ),
    "pack nowhere": (edit("packs.toml", '["社会生活", "保险"]', '["社会生活", "旅行"]'), "packs.toml", "scenarios.csv"),
    "list with a short row": (edit("scenarios.csv", "社会生活,保险,", "社会生活,"), "scenarios.csv", "cells"),
    "list with other columns": (edit("certificate_types.csv", "type_no", "number"), "certificate_types.csv", "columns"),
    "claim on the wrong kind": (edit(CARD, 'source = "birth_date"', 'source = "name"'), CARD, "no field of kind date"),
    "claim on nothing": (edit(CARD, 'source = "address"', 'source = "home"'), CARD, "no field of kind address"),
    "claim of an odd age": (edit(CARD, "[6, 14,", "[7, 14,"), CARD, "years must be some of 6, 14"),
    "claim of no age": (edit(CARD, "years = [6, 14, 16, 18, 22, 60, 65, 70]\n", ""), CARD, "years must be"),
    "claim twice": (edit(CARD, "[6, 14,", "[6, 6, 14,"), CARD, "stands there twice"),
    "claim with years it has no use for": (
        edit(CARD, 'kind = "district"', 'kind = "district"\nyears = [18]'),
        CARD,
        "age_over alone",
    ),
    "claim that a field is named like": (
        edit(CARD, 'name = "ethnicity"', 'name = "district"'),
        CARD,
        "a field has a claim's name",
    ),
    "unknown kind of claim": (edit(CARD, 'kind = "district"', 'kind = "planet"'), CARD, "Input should be"),
    "claim kind as a column": (edit(CARD, 'kind = "address"', 'kind = "claim"'), CARD, "never a column"),
    "a person's trade secret": (edit(CARD, "sensitive = true", "trade_secret = true"), CARD, "enterprises"),
    "two districts with one name": (edit("districts.toml", '"文登区"', '"环翠区"'), "districts.toml", "share"),
    "no district": (
        lambda folder: (folder / "districts.toml").write_text("district = []\n", encoding="utf-8"),
        "districts.toml",
        "at least 1",
    ),
    "identifiers of no body": (edit("types.toml", "MA22Y0XU3D", "MA22Y0XU3C"), "types.toml", "credit code"),
    "number twice": (edit("types.toml", "no = 50\n", "no = 49\n"), "types.toml", "used twice"),
    "code twice": (edit("types.toml", '"person.vehicle_licence"', '"person.id_card"'), "types.toml", "used twice"),
    "optional natural key": (
        edit(CARD, "natural_key = true", "natural_key = true\nrequired = false"),
        CARD,
        "natural key must be required",
    ),
    "holder's kind of number": (
        edit("types/enterprise.mining_licence.toml", 'kind = "uscc"', 'kind = "id_number"'),
        "types/enterprise.mining_licence.toml",
        "kind uscc",
    ),
    "choices without kind": (edit(CARD, 'kind = "enum"', 'kind = "text"'), CARD, "choices belong"),
    "unit in one language": (
        edit("types/enterprise.mining_licence.toml", 'unit_en = "km²"', ""),
        "types/enterprise.mining_licence.toml",
        "both languages",
    ),
    "pattern on a date": (edit(CARD, 'kind = "date"', 'kind = "date"\npattern = "x"'), CARD, "pattern belongs"),
    "rule of an unknown kind": (edit(CARD, '"not_after"', '"before"'), CARD, "Input should be"),
    "rule on the wrong kind": (
        edit(CARD, '["valid_from", "valid_until"]', '["valid_from", "name"]'),
        CARD,
        "not_after is about date and date",
    ),
    "limits the wrong way round": (
        edit("types/person.birth_certificate.toml", "minimum = 20\nmaximum = 45", "minimum = 46\nmaximum = 45"),
        "types/person.birth_certificate.toml",
        "minimum exceeds maximum",
    ),
    "purpose twice": (
        edit("purposes.toml", '"insurance.motor.claims"', '"insurance.motor.underwriting"'),
        "purposes.toml",
        "used twice",
    ),
    "purpose names a field twice": (
        edit(
            "purposes.toml", 'optional = ["name", "first_issued_on"', 'optional = ["licence_class", "first_issued_on"'
        ),
        "purposes.toml",
        "stands there twice",
    ),
    "purpose without a frequency": (edit("purposes.toml", "pulls_per_day = 3\n", ""), "purposes.toml", "required"),
    "cap beyond the purpose's": (
        edit("purposes.toml", "data_life_days = 365\n\n", "data_life_days = 3650\n\n"),
        "purposes.toml",
        "exceeds the purpose's",
    ),
    "more a day than a month": (
        edit("purposes.toml", "pulls_per_day = 3\npulls_per_month = 3", "pulls_per_day = 3\npulls_per_month = 2"),
        "purposes.toml",
        "more pulls a day",
    ),
    "basis twice": (
        edit("statutory_bases.toml", '"police.investigation"', '"court.enforcement"'),
        "statutory_bases.toml",
        "used twice",
    ),
    "basis with a broken pattern": (
        edit("statutory_bases.toml", "'JZ\\d", "'(JZ\\d"),
        "statutory_bases.toml",
        "case_pattern",
    ),
    "basis whose example does not fit": (
        edit("statutory_bases.toml", '"JZ2026-000318"', '"JZ2026-318"'),
        "statutory_bases.toml",
        "does not match",
    ),
    "basis without a quota": (
        edit("statutory_bases.toml", "quota_per_day = 200\n", ""),
        "statutory_bases.toml",
        "required",
    ),
    "basis without a law": (
        edit("statutory_bases.toml", 'law_zh = "《中华人民共和国民事诉讼法》第二百五十三条"\n', ""),
        "statutory_bases.toml",
        "required",
    ),
    "basis for the wrong holders": (
        edit("statutory_bases.toml", 'holder_kinds = ["person", "enterprise"]', 'holder_kinds = ["person"]'),
        "statutory_bases.toml",
        "differ",
    ),
    "basis that reads what is not there": (
        edit("statutory_bases.toml", '"co_ownership"', '"owners"'),
        "statutory_bases.toml",
        "no field",
    ),
    "spelling of what is normative": (
        edit("types/person.real_estate_title.toml", 'normative = false\nspelling = "text"', 'spelling = "text"'),
        "types/person.real_estate_title.toml",
        "does not belong",
    ),
    "strokes of a date in a text": (
        edit("types/person.real_estate_title.toml", 'spelling = "text"', 'spelling = "date"'),
        "types/person.real_estate_title.toml",
        "does not belong",
    ),
    "version named twice": (edit("versions.toml", '"2026.2"', '"2026.1"'), "versions.toml", "named twice"),
    "district renamed without a version": (
        edit("districts.toml", '"Huancui"', '"Huan Cui"'),
        "versions.toml",
        "digest",
    ),
    "schema changed without a version": (edit(CARD, "max_length = 50", "max_length = 51"), "versions.toml", "digest"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_name(tmp_path, name):
    change, file, problem = BAD_FILES[name]
    folder = tmp_path / "catalogue"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    change(folder)
    with pytest.raises(ApiError) as caught:
        load_catalogue(folder)
    error = caught.value
    assert error.code == "catalogue.bad_file"
    assert error.facts["file"] == file
    assert problem in error.facts["problem"]
    assert error.facts["where"]


def test_an_untouched_copy_loads(tmp_path):
    folder = tmp_path / "catalogue"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    assert load_catalogue(folder).version == load_catalogue().version


def test_a_type_without_fields_says_so(tmp_path):
    folder = tmp_path / "catalogue"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    unready("person.family_planning_booklet")(folder)
    with pytest.raises(ApiError) as caught:
        load_catalogue(folder)
    digest = caught.value.facts["problem"].rpartition(" ")[2]
    with (folder / "versions.toml").open("a", encoding="utf-8") as stream:
        stream.write(f'\n[[version]]\nname = "2026.9"\nsha256 = "{digest}"\n')
    changed = load_catalogue(folder)
    assert changed.version == "2026.9"
    assert not changed.type("person.family_planning_booklet").fields
    with pytest.raises(ApiError) as caught:
        changed.ready_type("person.family_planning_booklet")
    assert caught.value.code == "catalogue.type_not_ready"

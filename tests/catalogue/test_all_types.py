"""Every one of the fifty types: what is made, is valid; what is shown, reads back; every spelling means one value."""

import unicodedata
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.catalogue import Field, FieldKind, HolderKind, TypeSchema, load_catalogue
from api.catalogue.canonical import OPEN_END
from api.demo.city import ALL_TYPES, generate_city
from api.demo.people import DemoCertificate
from api.documents.tables import natural_key
from api.errors import ApiError

CATALOGUE = load_catalogue()
TODAY = date(2026, 11, 22)
CODES = sorted(CATALOGUE.types)
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)} | {" ": "\u3000"})
NUMBERS = (FieldKind.AMOUNT, FieldKind.INTEGER)


@cache
def pool() -> dict[str, list[DemoCertificate]]:
    found: dict[str, list[DemoCertificate]] = {code: [] for code in CODES}
    for seed in (1, 2, 3):
        for code, certificates in generate_city(80, 900, seed=seed, today=TODAY, types=ALL_TYPES).by_type().items():
            found[code] += certificates[:6]
    return found


def spellings(field: Field, value: str) -> list[str]:
    """Ways in which people and offices write a canonical value."""
    if not value:
        return ["", " ", "\u3000"]
    found = [value, f" {value}\u3000", field.display(value) if field.kind not in NUMBERS else value]
    if field.kind is FieldKind.DATE:
        if value == OPEN_END:
            return [*found, "长期", "长期有效", "long-term"]
        year, month, day = value.split("-")
        found += [f"{year}{month}{day}", f"{year}/{int(month)}/{int(day)}", f"{year}.{month}.{day}"]
        found += [f"{year}年{int(month)}月{int(day)}日", value.translate(FULL_WIDTH)]
    elif field.kind in (FieldKind.ID_NUMBER, FieldKind.USCC):
        found += [value.lower(), value.translate(FULL_WIDTH), f"{value[:6]} {value[6:14]} {value[14:]}"]
    elif field.kind is FieldKind.SERIAL:
        found += [value.lower(), value.translate(FULL_WIDTH), f"{value[:2]} {value[2:]}"]
    elif field.kind is FieldKind.ENUM:
        choice = next(one for one in field.choices if one.code == value)
        found += [choice.zh, choice.en, choice.en.upper(), *choice.aliases]
    elif field.kind in NUMBERS:
        found += [value.translate(FULL_WIDTH), field.display(value).removesuffix(field.unit_zh).strip()]
        if "." in value:
            found += [f"¥{value}", value.rstrip("0").rstrip(".")]
    elif field.kind is FieldKind.NAME:
        found += [value.replace("·", "•"), value.replace("·", "・"), unicodedata.normalize("NFD", value)]
    else:
        found += [value.replace("（", "(").replace("）", ")"), unicodedata.normalize("NFD", value)]
    return found


@pytest.mark.parametrize("code", CODES)
def test_what_is_made_is_valid_and_reads_back_as_it_is_shown(code):
    schema, certificates = CATALOGUE.type(code), pool()[code]
    assert certificates
    for certificate in certificates:
        values = certificate.values
        assert schema.canonical(values, demo=True) == values
        shown = {
            field.name: field.display(values[field.name]).removesuffix(field.unit_zh).replace("—", "").strip()
            for field in schema.fields
        }
        again = schema.canonical(shown, demo=True)
        assert again == values
        assert schema.canonical(again, demo=True) == again
        assert not schema.broken_rules(values)
        assert natural_key(schema, values)[0] == code
        for lang in ("zh-Hans", "en"):
            assert all(field.display(values[field.name], lang).strip() for field in schema.fields)


@pytest.mark.parametrize("code", CODES)
def test_every_spelling_means_the_same_value(code):
    schema = CATALOGUE.type(code)
    for certificate in pool()[code]:
        for field in schema.fields:
            value = certificate.values[field.name]
            for raw in spellings(field, value):
                assert field.canonical(raw, demo=True) == value, (field.name, raw)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_mixture_of_spellings_gives_the_same_record(data):
    schema = CATALOGUE.type(data.draw(st.sampled_from(CODES)))
    certificate = data.draw(st.sampled_from(pool()[schema.code]))
    raw = {f.name: data.draw(st.sampled_from(spellings(f, certificate.values[f.name]))) for f in schema.fields}
    assert schema.canonical(raw, demo=True) == certificate.values


def corrupted(field: Field, value: str) -> str | None:
    """A value that cannot be right, or None where the field takes nearly anything."""
    if field.kind is FieldKind.DATE:
        return "2026-02-30"
    if field.kind in (FieldKind.ID_NUMBER, FieldKind.USCC):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    if field.kind is FieldKind.ENUM:
        return "不在列表之内"
    if field.kind in NUMBERS:
        return "许多"
    return "#" if field.limits.pattern else None


@pytest.mark.parametrize("code", CODES)
def test_every_field_that_has_a_form_refuses_what_lacks_it(code):
    schema = CATALOGUE.type(code)
    values = next(c.values for c in pool()[code])
    refused = 0
    for field in schema.fields:
        if field.required:
            with pytest.raises(ApiError, match=r"catalogue\.required"):
                schema.canonical(values | {field.name: " "}, demo=True)
        wrong = corrupted(field, values[field.name] or "0")
        if wrong is not None:
            refused += 1
            with pytest.raises(ApiError) as caught:
                schema.canonical(values | {field.name: wrong}, demo=True)
            assert caught.value.facts["field"] == field.name
    assert refused >= 3


def rule_holders() -> list[TypeSchema]:
    return [schema for schema in CATALOGUE.types.values() if schema.rules]


@pytest.mark.parametrize("schema", rule_holders(), ids=lambda schema: schema.code)
def test_every_rule_can_be_broken(schema):
    for rule in schema.rules:
        left, right = rule.fields
        values = next((c.values for c in pool()[schema.code] if c.values[left] and c.values[right]), None)
        if values is None:  # an optional field that the generator left blank everywhere
            continue
        if rule.kind == "not_after":
            broken = {left: "2199-01-01", right: "1999-01-01"}
        elif rule.kind == "birth_matches_id":
            broken = {left: "1901-01-01"}
        elif rule.kind == "sex_matches_id":
            broken = {left: "female" if values[left] == "male" else "male"}
        else:
            broken = {left: values[right]}
        assert left in {name for name, _ in schema.broken_rules(values | broken)}


def test_the_types_split_as_the_plan_counts_them():
    kinds = [schema.holder_kind for schema in CATALOGUE.types.values()]
    assert (kinds.count(HolderKind.PERSON), kinds.count(HolderKind.ENTERPRISE)) == (32, 18)


def test_secrets_of_trade_belong_to_enterprises_and_are_agreed_to_separately():
    secrets = [(s, f) for s in CATALOGUE.types.values() for f in s.fields if f.trade_secret]
    assert len(secrets) >= 10
    assert all(schema.holder_kind is HolderKind.ENTERPRISE for schema, _ in secrets)
    assert all(field.apart for _, field in secrets)
    card = CATALOGUE.type("person.id_card")
    assert card.field("id_number").apart
    assert not card.field("name").apart

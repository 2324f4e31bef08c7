"""Claims: from the right field, right on every day about a birthday, shared like fields without being columns."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.catalogue import ClaimKind, FieldKind, load_catalogue
from api.catalogue.claims import AGES, FALSE, TRUE, age_claim
from api.demo.city import ALL_TYPES, generate_city
from api.errors import ApiError

CATALOGUE = load_catalogue()
CARD = CATALOGUE.type("person.id_card")
TODAY = date(2026, 11, 22)


def completed_years(birth: date, on: date) -> int:
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


@given(
    st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.sampled_from(AGES)
)
def test_an_age_is_reached_on_the_birthday(birth, on, years):
    expected = TRUE if completed_years(birth, on) >= years else FALSE
    assert age_claim("birth_date", years).value(birth.isoformat(), on) == expected


@given(
    st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(0, 40_000)
)
def test_an_age_once_reached_stays_reached(birth, on, later):
    claim = age_claim("birth_date", 18)
    if claim.value(birth.isoformat(), on) == TRUE:
        assert claim.value(birth.isoformat(), on + timedelta(days=later)) == TRUE


@pytest.mark.parametrize(
    ("on", "expected"),
    [(date(2026, 2, 28), FALSE), (date(2026, 3, 1), TRUE), (date(2028, 2, 29), TRUE), (date(2025, 12, 31), FALSE)],
)
def test_who_was_born_on_29_february(on, expected):
    assert age_claim("birth_date", 18).value("2008-02-29", on) == expected


@given(
    st.none() | st.dates(date(1900, 1, 1), date(2030, 1, 1)),
    st.dates(date(1990, 1, 1), date(2060, 1, 1)),
    st.none() | st.sampled_from(["", "威海市环翠区文登路1号", "某地"]),
)
def test_claims_derived_for_many_are_those_derived_for_one(birth, on, address):
    values = {"birth_date": birth.isoformat() if birth else ""} | ({} if address is None else {"address": address})
    assert CARD.derivation(on).of(values) == CARD.derive(values, on)


def test_the_card_claims_every_age_and_the_district():
    assert [claim.years for claim in CARD.claims if claim.kind is ClaimKind.AGE_OVER] == [6, 14, 16, 18, 22, 60, 65, 70]
    values = {"birth_date": "1961-11-22", "address": "威海市环翠区文登路1号"}
    derived = CARD.derive(values, TODAY)
    assert derived == {
        "age_over_6": TRUE, "age_over_14": TRUE, "age_over_16": TRUE, "age_over_18": TRUE, "age_over_22": TRUE,
        "age_over_60": TRUE, "age_over_65": TRUE, "age_over_70": FALSE, "district": "371002",
    }  # fmt: skip
    assert CARD.field("district").display("371002") == "环翠区"
    assert CARD.field("district").display("371002", "en") == "Huancui"
    assert CARD.field("age_over_18").display(TRUE) == "是"
    assert CARD.field("age_over_18").display(FALSE, "en") == "No"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("山东省荣成市成山大道8号", "371082"),
        ("威海市文登区环翠区路3号", "371003"),
        ("河南省南阳市望海花园9号", ""),
        ("", ""),
    ],
)
def test_a_district_is_the_first_that_an_address_names(address, code):
    assert CARD.derive({"address": address, "birth_date": ""}, TODAY)["district"] == code
    assert CARD.derive({"address": address}, TODAY)["age_over_18"] == ""


def test_a_claim_is_shared_like_a_field_but_is_no_column():
    field = CARD.field("age_over_18")
    assert field.kind is FieldKind.CLAIM
    assert field.canonical("是") == TRUE
    assert field.canonical("no") == FALSE
    assert not field.apart
    assert CARD.has_field("age_over_18")
    assert not CARD.has_column("age_over_18")
    assert field not in CARD.fields
    assert field in CARD.all_fields
    assert CARD.claim("age_over_18").source == "birth_date"
    assert CARD.claim("birth_date") is None
    assert {claim.name for claim in CARD.claims_from("address")} == {"district"}
    with pytest.raises(ApiError) as caught:
        CARD.canonical({"age_over_18": TRUE})
    assert caught.value.code == "catalogue.unknown_field"


def test_whoever_may_see_a_source_could_have_asked_for_less():
    with_birth = [s for s in CATALOGUE.types.values() if s.has_column("birth_date") and len(s.claims) > 0]
    assert len(with_birth) >= 12
    for schema in with_birth:
        for claim in schema.claims:
            source = schema.field(claim.source)
            assert source.kind is (FieldKind.DATE if claim.kind is ClaimKind.AGE_OVER else FieldKind.ADDRESS)


def test_everybody_in_the_city_lives_in_a_district():
    city = generate_city(60, 600, today=TODAY, types=ALL_TYPES)
    ages = {person.number: person.age(TODAY) for person in city.persons}
    for certificate in city.by_type()["person.id_card"]:
        derived = CARD.derive(certificate.values, TODAY)
        assert derived["district"]
        assert derived["age_over_60"] == (TRUE if ages[certificate.holder] >= 60 else FALSE)

"""Numbers: our fast checks against python-stdnum and against identifiers found in public code."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from api.catalogue import load_catalogue
from api.catalogue.identifiers import (
    elc_check_character,
    elc_identifier,
    id_check_character,
    is_elc,
    is_uscc,
    mod37_36,
    uscc_check_character,
)
from api.errors import ApiError

ELC_GOOD = [
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
    "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",
    "11100000000013338W032.11220000013544541J.2430599.001.F",
]
ELC_WRONG = "11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M"

ID_FIELD = load_catalogue().type("person.id_card").field("id_number")
USCC_FIELD = load_catalogue().type("enterprise.business_licence").field("uscc")
REGIONS = ["110101", "371002", "371081", "310115", "440305", "650102", "371000", "999999", "000000", "372801", "820000"]


def stdnum_accepts_id(number: str) -> bool:
    try:
        return ric.validate(number) == number
    except (ValidationError, KeyError):
        return False


def accepts(field, number: str) -> bool:
    try:
        return field.canonical(number) == number
    except ApiError:
        return False


@pytest.mark.parametrize("identifier", ELC_GOOD)
def test_elc_vectors_hold(identifier):
    assert is_elc(identifier)
    type_code, issuer, serial, version, _ = identifier.removeprefix("1.2.156.3005.2.").split(".")
    assert elc_identifier(type_code, issuer, serial, version).endswith(identifier.removeprefix("1.2.156.3005.2."))


@pytest.mark.parametrize("identifier", ELC_GOOD)
def test_elc_refuses_every_other_check_character(identifier):
    others = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") - {identifier[-1]}
    assert not any(is_elc(identifier[:-1] + other) for other in others)


def test_elc_found_in_the_wild_is_wrong_and_d_would_be_right():
    assert not is_elc(ELC_WRONG)
    assert elc_check_character(ELC_WRONG) == "D"


@pytest.mark.parametrize("broken", ["", "a.b.c.d.e", "A.B.C.D", "A.B.C.D.EE", "A..C.D.E", "A.B.C.D.E.F"])
def test_elc_of_wrong_shape_is_refused(broken):
    assert not is_elc(broken)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=40), st.data())
def test_mod37_36_finds_every_single_error_and_swap(text, data):
    good = mod37_36(text)
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c != text[position]]))
    assert mod37_36(text[:position] + other + text[position + 1 :]) != good


@given(st.text("0123456789", min_size=17, max_size=17))
def test_id_check_character_equals_stdnum(first17):
    assert id_check_character(first17) == ric.calc_check_digit(first17 + "0")


@given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=17, max_size=17))
def test_uscc_check_character_equals_stdnum(first17):
    assert uscc_check_character(first17) == uscc.calc_check_digit(first17)


def test_id_field_decides_as_stdnum_does():
    rng = random.Random(11)
    agreed = {True: 0, False: 0}
    for _ in range(3000):
        birth = f"{rng.randint(1900, 2030)}{rng.randint(0, 13):02d}{rng.randint(0, 32):02d}"
        first17 = rng.choice(REGIONS) + birth + f"{rng.randint(0, 999):03d}"
        number = first17 + (id_check_character(first17) if rng.random() < 0.8 else rng.choice("0123456789X"))
        expected = stdnum_accepts_id(number)
        assert accepts(ID_FIELD, number) == expected, number
        agreed[expected] += 1
    assert min(agreed.values()) > 200


def test_uscc_field_decides_as_stdnum_does():
    rng = random.Random(12)
    agreed = {True: 0, False: 0}
    for _ in range(3000):
        body = (
            "91"
            + rng.choice(("371002", "110000", "37100A"))
            + "".join(rng.choices("0123456789ABCDEFGHJKLMNPQRTUWXYIO", k=9))
        )
        try:
            check = uscc_check_character(body)
        except KeyError:
            check = "0"
        number = body + (check if rng.random() < 0.8 else "1")
        assert accepts(USCC_FIELD, number) == uscc.is_valid(number), number
        agreed[uscc.is_valid(number)] += 1
    assert min(agreed.values()) > 200


def test_real_published_credit_code_is_accepted():
    assert USCC_FIELD.canonical("91110000600037341L") == "91110000600037341L"


def test_demo_numbers_are_accepted_in_demo_mode_alone():
    first17 = "37109919800101123"
    number = first17 + id_check_character(first17)
    assert ID_FIELD.canonical(number, demo=True) == number
    with pytest.raises(ApiError) as caught:
        ID_FIELD.canonical(number)
    assert caught.value.code == "catalogue.demo_number"
    code = "91371099MA0001181"
    code += uscc_check_character(code)
    assert USCC_FIELD.canonical(code, demo=True) == code
    with pytest.raises(ApiError) as caught:
        USCC_FIELD.canonical(code)
    assert caught.value.code == "catalogue.demo_number"


def test_every_type_gives_its_certificates_an_identifier_that_holds():
    catalogue = load_catalogue()
    issuer, record = "11371099MA2DQMQG02", "cert_0192f0a1b2c3d4e5f60718293a4b5c6d"
    found = {schema.elc(issuer, record, 1) for schema in catalogue.types.values()}
    assert len(found) == 50
    assert all(is_elc(identifier) for identifier in found)
    licence = catalogue.type("person.driving_licence")
    assert licence.elc(issuer, record, 2) != licence.elc(issuer, record, 1)
    parts = licence.elc(issuer, record, 2).removeprefix("1.2.156.3005.2.").split(".")
    assert parts[0] == licence.elc_type
    assert parts[1:4] == [issuer, "0192F0A1B2C3D4E5F60718293A4B5C6D", "002"]


@pytest.mark.parametrize(
    ("code", "good"),
    [
        ("11371099MA22Y0XU3D", True),
        ("11371099MA22Y0XU3C", False),
        ("11371099MA22Y0XU3", False),
        ("", False),
        ("1137109OMA22Y0XU3D", False),
    ],
)
def test_is_uscc(code, good):
    assert is_uscc(code) is good

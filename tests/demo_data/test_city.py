"""The fictitious city: exactly as many certificates as asked, valid, in step with one another, nobody real."""

from collections import Counter
from datetime import date
from itertools import pairwise

import pytest
from stdnum.cn import uscc

from api.catalogue import load_catalogue
from api.demo.certificates import USUAL_TYPES
from api.demo.city import ALL_TYPES, generate_city
from api.demo.people import add_years, credit_code, identity_number
from api.documents.fonts import Typeface, font_face
from api.errors import ApiError

TODAY = date(2026, 11, 22)
CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def city():
    return generate_city(300, 5000, seed=7, today=TODAY, types=ALL_TYPES)


def test_the_same_arguments_give_the_same_city(city):
    again = generate_city(300, 5000, seed=7, today=TODAY, types=ALL_TYPES)
    assert again.certificates == city.certificates
    assert generate_city(300, 5000, seed=8, today=TODAY).certificates != city.certificates


@pytest.mark.parametrize(("citizens", "records"), [(1, 1), (3, 3), (20, 60), (100, 1000), (300, 5000)])
def test_the_number_of_certificates_is_exact(citizens, records):
    made = generate_city(citizens, records, today=TODAY)
    assert len(made.certificates) == records
    assert len(made.persons) == citizens


def test_more_than_people_can_hold_is_refused():
    with pytest.raises(ApiError) as caught:
        generate_city(1, 100_000, today=TODAY)
    assert caught.value.code == "demo.too_many_records"
    assert caught.value.facts["limit"] > 20
    with pytest.raises(ApiError) as caught:
        generate_city(0, 1)
    assert caught.value.code == "demo.too_few_citizens"


def test_every_type_can_be_had(city):
    assert set(city.by_type()) == {schema.code for schema in CATALOGUE.ready_types()} == ALL_TYPES


def test_a_small_city_has_a_few_of_every_type_in_the_same_number_of_certificates():
    small = generate_city(40, 420, today=TODAY, types=ALL_TYPES)
    assert len(small.certificates) == 420
    assert set(small.by_type()) == ALL_TYPES


def test_only_what_was_asked_for_is_added():
    plain = generate_city(40, 420, today=TODAY)
    assert set(plain.by_type()) <= USUAL_TYPES
    more = generate_city(40, 420, today=TODAY, types={*USUAL_TYPES, "enterprise.mining_licence"})
    assert set(more.by_type()) - USUAL_TYPES == {"enterprise.mining_licence"}
    assert [firm.trade for firm in more.enterprises[len(plain.enterprises) :]] == ["mine"]
    with pytest.raises(ApiError) as caught:
        generate_city(3, 3, today=TODAY, types={"person.fishing_licence"})
    assert caught.value.code == "catalogue.unknown_type"


def test_every_certificate_is_canonical_and_unlike_any_other(city):
    keys = Counter()
    for certificate in city.certificates:
        schema = CATALOGUE.type(certificate.type_code)
        assert schema.canonical(certificate.values, demo=True) == certificate.values
        assert certificate.values[schema.holder_field] == certificate.holder
        keys[schema.code, *(certificate.values[name] for name in schema.natural_key)] += 1
    assert max(keys.values()) == 1


def test_nobody_could_be_real(city):
    assert all(person.number.startswith("371099") for person in city.persons)
    assert all(firm.uscc[2:8] == "371099" and firm.name.startswith("演示") for firm in city.enterprises)
    for certificate in city.certificates:
        with pytest.raises(ApiError) as caught:
            CATALOGUE.type(certificate.type_code).canonical(certificate.values)
        assert caught.value.code == "catalogue.demo_number"


def test_ones_papers_agree(city):
    people = {person.number: person for person in city.persons}
    for certificate in city.certificates:
        person = people.get(certificate.holder)
        if person is None:
            continue
        values = certificate.values
        assert values["name"] == person.name
        assert values.get("sex", person.sex) == person.sex
        assert values.get("birth_date", person.birth.isoformat()) == person.birth.isoformat()
        schema = CATALOGUE.type(certificate.type_code)
        issued = values[schema.issued_on]
        assert person.birth.isoformat() < issued <= TODAY.isoformat()
        for name in ("address", "residence_address"):
            if certificate.type_code != "person.real_estate_title" and values.get(name):
                assert values[name] == person.address
        if certificate.type_code == "person.driving_licence":
            assert values["first_issued_on"] >= add_years(person.birth, 18).isoformat()
        if certificate.type_code == "person.blood_donation":
            first, last = add_years(person.birth, 18).isoformat(), add_years(person.birth, 60).isoformat()
            assert first <= values["donated_on"] <= last
        if certificate.type_code == "person.senior_card":
            assert person.age(TODAY) >= 60


def test_spouses_name_each_other(city):
    certificates = {c.holder: c.values for c in city.by_type()["person.marriage_certificate"]}
    assert len(certificates) > 50
    for person in city.persons:
        if person.spouse is None:
            continue
        assert person.spouse.spouse is person
        mine, theirs = certificates[person.number], certificates[person.spouse.number]
        assert mine["spouse_id_number"] == person.spouse.number
        assert mine["spouse_name"] == theirs["name"]
        assert mine["certificate_number"] == theirs["certificate_number"]
        assert mine["registered_on"] == theirs["registered_on"]
        assert {person.sex, person.spouse.sex} == {"male", "female"}
        limit = 22 if person.sex == "male" else 20
        assert add_years(person.birth, limit).isoformat() <= mine["registered_on"]
        assert person.address == person.spouse.address


def test_rarer_papers_agree_with_the_others(city):
    held: dict[tuple[str, str], list[dict[str, str]]] = {}
    for certificate in city.certificates:
        held.setdefault((certificate.holder, certificate.type_code), []).append(certificate.values)
    people = {person.number: person for person in city.persons}
    seen = set()
    for (holder, code), papers in held.items():
        for values in papers:
            if code == "person.vehicle_inspection_mark":
                cars = held[holder, "person.vehicle_licence"]
                assert any((car["vin"], car["plate_number"]) == (values["vin"], values["plate_number"]) for car in cars)
            elif code in ("person.education_proof", "person.employment_dispatch"):
                schools = held[holder, "person.education_certificate"]
                assert any((one["school"], one["major"]) == (values["school"], values["major"]) for one in schools)
            elif code in ("person.cremation_certificate", "person.household_cancellation_proof"):
                (death,) = held[holder, "person.death_certificate"]
                number = values.get("deceased_id_number") or values["subject_id_number"]
                assert number == death["deceased_id_number"]
                assert number not in people
            elif code == "person.birth_certificate" and values["mother_id_number"] in people:
                mother, child = people[values["mother_id_number"]], people[holder]
                assert mother.sex == "female"
                assert mother.spouse is not None
                assert values["father_id_number"] == mother.spouse.number
                assert 21 <= mother.age(child.birth) <= 42
            elif code == "person.disability_card":
                assert values["card_number"].startswith(holder)
            elif code == "person.divorce_certificate":
                assert people[holder].spouse is None
            elif code == "person.marriage_record_proof":
                married_on = people[holder].married_on
                married = married_on is not None and married_on.isoformat() <= values["searched_until"]
                assert (values["record"] == "married") is married
            else:
                continue
            seen.add(code)
    assert len(seen) == 9
    firms = {firm.uscc: firm for firm in city.enterprises}
    for (holder, code), papers in held.items():
        if code.startswith("enterprise."):
            assert all(values["name"] == firms[holder].name for values in papers)
            assert all(
                values.get("legal_representative", firms[holder].owner.name) == firms[holder].owner.name
                for values in papers
            )
    assert all(
        ((firm.uscc, "enterprise.business_licence") in held) is firm.uscc.startswith("91") for firm in city.enterprises
    )


@pytest.mark.parametrize(("citizens", "records"), [(20, 120), (300, 5000)])
def test_landlords_and_donors_have_enough_rows(citizens, records):
    made = generate_city(citizens, records, today=TODAY)
    assert made.landlords
    assert made.donors
    assert made.drivers
    for person in made.landlords:
        assert sum(c.type_code == "person.real_estate_title" for c in made.of(person.number)) >= 16
    for person in made.donors:
        assert sum(c.type_code == "person.blood_donation" for c in made.of(person.number)) >= 14
    for person in made.drivers:
        assert {"person.driving_licence", "person.vehicle_licence"} <= {c.type_code for c in made.of(person.number)}


def test_donations_keep_their_distance(city):
    days: dict[str, list[tuple[str, str]]] = {}
    for certificate in city.by_type()["person.blood_donation"]:
        days.setdefault(certificate.holder, []).append(
            (certificate.values["donated_on"], certificate.values["donation_type"])
        )
    for taken in days.values():
        ordered = sorted(taken)
        for (first, _), (second, kind) in pairwise(ordered):
            gap = (date.fromisoformat(second) - date.fromisoformat(first)).days
            assert gap >= (15 if kind == "platelets" else 184)


def test_everything_can_be_printed(city):
    used = {character for c in city.certificates for value in c.values.values() for character in value}
    assert font_face(Typeface.SANS).missing(used) == 0
    assert font_face(Typeface.SERIF).missing(used) == 0


def test_numbers_have_their_check_characters():
    assert all(uscc.is_valid(credit_code(order)) for order in range(0, 5000, 37))
    assert len({credit_code(order) for order in range(2000)}) == 2000
    assert identity_number(date(1980, 1, 1), 123) == "371099198001011231"

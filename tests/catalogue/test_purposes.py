"""Purposes with their fair use, packs for every kind of recipient, and bases of statutory duty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.catalogue import FairUse, HolderKind, load_catalogue
from api.demo.parties import ENTITIES, demo_parties
from api.errors import ApiError
from api.locale import error_texts

CATALOGUE = load_catalogue()
CAPS = st.builds(
    FairUse,
    st.integers(1, 9),
    st.integers(9, 90),
    st.integers(1, 90),
    st.integers(1, 900),
    st.none() | st.integers(1, 900),
)


@pytest.mark.parametrize("purpose", CATALOGUE.purposes.values(), ids=lambda purpose: purpose.code)
def test_every_type_of_a_purpose_has_caps_within_the_purposes_own(purpose):
    assert set(purpose.fair_use) == set(purpose.types)
    for use in (*purpose.fair_use.values(), purpose.fair_use_of(), purpose.fair_use_of(purpose.types[:1])):
        assert 1 <= use.pulls_per_day <= use.pulls_per_month
        assert 1 <= use.max_days <= purpose.max_days
        assert 1 <= use.data_life_days <= purpose.data_life_days
        assert use.range_days is None or use.range_days >= 1


def test_the_strictest_rule_holds_where_a_pull_spans_types():
    purpose = CATALOGUE.purpose("bank.personal_credit")
    title, record = "person.real_estate_title", "person.marriage_record_proof"
    assert purpose.fair_use_of([title]).data_life_days == purpose.data_life_days == 1825
    assert purpose.fair_use_of([title]).range_days is None
    both = purpose.fair_use_of([title, record])
    assert (both.data_life_days, both.range_days) == (365, 90)
    assert purpose.fair_use_of() == purpose.fair_use_of(purpose.types)


@given(CAPS, CAPS, CAPS)
def test_strictest_is_an_order(one, two, three):
    assert one.strictest(one) == one
    assert one.strictest(two) == two.strictest(one)
    assert one.strictest(two).strictest(three) == one.strictest(two.strictest(three))
    least = one.strictest(two)
    assert least.pulls_per_day == min(one.pulls_per_day, two.pulls_per_day)
    assert least.data_life_days == min(one.data_life_days, two.data_life_days)


def test_there_are_packs_for_every_kind_of_recipient():
    families = {CATALOGUE.purpose(pack.purpose).code for pack in CATALOGUE.packs.values()}
    assert {
        "insurance.motor.underwriting", "insurance.motor.claims", "insurance.life.underwriting",
        "insurance.life.claims",
        "bank.personal_credit", "bank.enterprise_credit", "employment.recruitment_check", "telecom.service_change",
        "government.social_security", "government.medical_insurance", "government.housing_fund",
    } <= families  # fmt: skip
    packed = [CATALOGUE.purpose(pack.purpose) for pack in CATALOGUE.packs.values()]
    assert {kind for purpose in packed for kind in purpose.holder_kinds} == set(HolderKind)
    assert {purpose.code for purpose in packed} == CATALOGUE.purposes.keys()


def test_every_purpose_and_basis_has_somebody_registered_for_it_in_the_demo():
    parties = demo_parties(CATALOGUE)
    assert all(any(code.startswith(p.purposes) for p in ENTITIES) for code in CATALOGUE.purposes)
    assert {code for p in parties for code in p.bases} == CATALOGUE.statutory_bases.keys()
    assert all(p.uscc for p in parties if p.role in ("department", "entity"))
    assert len({p.uscc for p in parties if p.uscc}) == sum(1 for p in parties if p.uscc)


@pytest.mark.parametrize("basis", CATALOGUE.statutory_bases.values(), ids=lambda basis: basis.code)
def test_a_basis_cites_its_law_and_knows_its_case_numbers(basis):
    assert basis.law_zh.startswith("《")
    assert "article" in basis.law_en
    assert basis.case_fits(basis.case_example)
    for wrong in ("", " ", basis.case_example + "1号", basis.case_example[1:], basis.case_example.lower() + "x"):
        assert not basis.case_fits(wrong)
    assert basis.label("en") != basis.label()
    assert basis.text("en") != basis.text()
    assert basis.law("en") != basis.law()
    for type_code in basis.types:
        for allowance in basis.fields_of(type_code):
            assert basis.allowance(type_code, allowance.field) is allowance
    assert basis.allowance("person.id_card", "ethnicity") is None


def test_a_basis_that_is_not_there_has_its_code():
    with pytest.raises(ApiError) as caught:
        CATALOGUE.statutory_basis("gossip")
    assert caught.value.code == "catalogue.unknown_basis"
    assert "catalogue.unknown_basis" in error_texts()

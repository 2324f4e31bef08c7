"""Fair use: what is kept at consent and what the catalogue says now bind together, whichever is stricter."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.catalogue import load_catalogue
from api.catalogue.model import Allowance, FairUse, HolderKind, Purpose
from api.locale import error_texts
from api.policy import fair_use
from api.policy.fair_use import Used
from api.policy.requests import Ask, ClampNote, ClampReason, clamp

LICENCE, CARD = "person.driving_licence", "person.id_card"
LOOSE, TIGHT = FairUse(5, 20, 90, 365), FairUse(1, 3, 10, 30, 100)


def purpose(**caps: FairUse) -> Purpose:
    return Purpose(
        code="p",
        version=1,
        zh="",
        en="",
        text_zh="",
        text_en="",
        holder_kinds=frozenset({HolderKind.PERSON}),
        case_required=False,
        max_days=90,
        max_uses=20,
        data_life_days=365,
        allowances=(Allowance(LICENCE, "licence_class", True), Allowance(CARD, "name", True)),
        fair_use={LICENCE: caps.get("licence", LOOSE), CARD: caps.get("card", LOOSE)},
    )


def test_the_strictest_type_binds_the_request() -> None:
    wish, notes = clamp(Ask(60, 4), purpose(card=TIGHT), [LICENCE, CARD])
    assert (wish, notes) == (
        Ask(10, 4),
        [ClampNote(ClampReason.DAYS, 60, 10), ClampNote(ClampReason.RANGE, 0, 100)],
    )
    assert clamp(Ask(60, 4), purpose(card=TIGHT), [LICENCE]) == (Ask(60, 4), [])


def test_what_was_agreed_is_never_loosened_and_what_was_tightened_binds_at_once() -> None:
    kept = fair_use.kept({LICENCE: FairUse(2, 4, 30, 90)})
    assert fair_use.binding(purpose(), kept, [LICENCE])[LICENCE] == FairUse(2, 4, 30, 90)
    assert fair_use.binding(purpose(licence=TIGHT), kept, [LICENCE])[LICENCE] == TIGHT
    assert fair_use.binding(purpose(), None, [LICENCE])[LICENCE] == LOOSE


@pytest.mark.parametrize(
    ("used", "denied"),
    [(Used(0, 0), False), (Used(0, 2), False), (Used(1, 1), True), (Used(0, 3), True), (Used(4, 9), True)],
)
def test_frequency(used: Used, denied: bool) -> None:
    assert (fair_use.too_frequent({LICENCE: LOOSE, CARD: TIGHT}, used) == fair_use.TOO_FREQUENT) is denied
    assert fair_use.too_frequent({}, used) is None


CAPS = st.builds(FairUse, st.integers(1, 5), st.integers(1, 9), st.just(9), st.just(9))


@given(CAPS, CAPS, st.integers(0, 12), st.integers(0, 12))
def test_what_is_not_counted_could_not_have_been_denied(one: FairUse, other: FairUse, day: int, more: int) -> None:
    caps, uses = {LICENCE: one, CARD: other}, day + more
    if not fair_use.may_bind(caps, uses):
        assert fair_use.too_frequent(caps, Used(day, uses)) is None


def test_range_is_counted_from_the_day_of_issue_and_what_cannot_be_told_is_not_released() -> None:
    schema = load_catalogue().type(LICENCE)
    assert schema.issued_on is not None
    today = date(2026, 11, 22)
    for issued, inside in (("2026-08-14", True), ("2026-08-13", False), ("", False)):
        assert fair_use.in_range(TIGHT, schema, {schema.issued_on: issued}, today) is inside, issued
    assert fair_use.in_range(LOOSE, schema, {}, today)


def test_every_reason_has_its_texts() -> None:
    assert {deny.reason for deny in fair_use.REASONS} <= error_texts().keys()

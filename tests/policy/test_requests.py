"""Requests are cut to what the purpose allows and clamped to fair use, never in silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.catalogue.model import Allowance, HolderKind, Purpose
from api.locale import error_texts
from api.policy.requests import Ask, AskedItem, ClampNote, ClampReason, Cut, CutReason, KeptItem, clamp, cut

TYPE = "person.driving_licence"
PURPOSE = Purpose(
    code="insurance.motor.underwriting",
    version=1,
    zh="承保",
    en="Underwriting",
    text_zh="",
    text_en="",
    holder_kinds=frozenset({HolderKind.PERSON}),
    case_required=True,
    max_days=30,
    max_uses=3,
    data_life_days=365,
    allowances=(Allowance(TYPE, "licence_class", True), Allowance(TYPE, "name", False)),
)


def kept(*items: AskedItem) -> tuple[list[KeptItem], list[Cut]]:
    return cut(items, PURPOSE)


def test_order_and_necessity_are_the_purposes() -> None:
    assert kept(AskedItem(TYPE, "name"), AskedItem(TYPE, "licence_class")) == (
        [KeptItem(TYPE, "name", False), KeptItem(TYPE, "licence_class", True)],
        [],
    )


def test_what_the_purpose_does_not_allow_is_cut() -> None:
    assert kept(AskedItem(TYPE, "address", True), AskedItem("person.marriage", "name")) == (
        [],
        [Cut(TYPE, "address", CutReason.NOT_ALLOWED), Cut("person.marriage", "name", CutReason.NOT_ALLOWED)],
    )


def test_nobody_forces_what_the_other_calls_optional() -> None:
    assert kept(AskedItem(TYPE, "name", True)) == (
        [KeptItem(TYPE, "name", False)],
        [Cut(TYPE, "name", CutReason.MADE_OPTIONAL)],
    )
    assert kept(AskedItem(TYPE, "licence_class", False)) == ([KeptItem(TYPE, "licence_class", False)], [])
    assert kept(AskedItem(TYPE, "licence_class", True)) == ([KeptItem(TYPE, "licence_class", True)], [])


def test_repeats_are_kept_once_and_mildest() -> None:
    assert kept(AskedItem(TYPE, "licence_class", True), AskedItem(TYPE, "licence_class", False)) == (
        [KeptItem(TYPE, "licence_class", False)],
        [Cut(TYPE, "licence_class", CutReason.REPEATED)],
    )


CLAIMED = Purpose(
    **{
        **{name: getattr(PURPOSE, name) for name in PURPOSE.__slots__ if not name.startswith("_")},
        "allowances": (Allowance(TYPE, "age_over_18", True), Allowance(TYPE, "district", False)),
    }
)
LESS = {"birth_date": ["age_over_18", "age_over_60"], "address": ["district"]}


def replaced(*items: AskedItem) -> tuple[list[KeptItem], list[Cut]]:
    return cut(items, CLAIMED, lambda type_code, name: LESS.get(name, []) if type_code == TYPE else [])


def test_a_field_is_replaced_by_the_claims_that_the_purpose_may_ask_for() -> None:
    assert replaced(AskedItem(TYPE, "birth_date"), AskedItem(TYPE, "address", True)) == (
        [KeptItem(TYPE, "age_over_18", True), KeptItem(TYPE, "district", False)],
        [
            Cut(TYPE, "birth_date", CutReason.REPLACED, ("age_over_18",)),
            Cut(TYPE, "address", CutReason.REPLACED, ("district",)),
        ],
    )


def test_a_claim_asked_for_beside_its_field_is_asked_once() -> None:
    kept_items, notes = replaced(AskedItem(TYPE, "age_over_18", False), AskedItem(TYPE, "birth_date", True))
    assert kept_items == [KeptItem(TYPE, "age_over_18", False)]
    assert notes == [Cut(TYPE, "birth_date", CutReason.REPLACED, ("age_over_18",))]


def test_a_field_stays_where_the_purpose_needs_it_itself() -> None:
    assert cut([AskedItem(TYPE, "name")], PURPOSE, lambda _type, _name: ["age_over_18"]) == kept(
        AskedItem(TYPE, "name")
    )


def test_what_is_allowed_neither_itself_nor_by_a_claim_is_cut() -> None:
    assert replaced(AskedItem("person.other", "birth_date"), AskedItem(TYPE, "name")) == (
        [],
        [Cut("person.other", "birth_date", CutReason.NOT_ALLOWED), Cut(TYPE, "name", CutReason.NOT_ALLOWED)],
    )


NAMES = st.sampled_from(["licence_class", "name", "address"])
ASKED = st.builds(AskedItem, st.sampled_from([TYPE, "x"]), NAMES, st.sampled_from([None, True, False]))


@given(st.lists(ASKED, max_size=8))
def test_cut_never_adds_and_never_loses_without_a_note(items: list[AskedItem]) -> None:
    left, notes = cut(items, PURPOSE)
    asked = {(item.type_code, item.field) for item in items}
    fields = [(item.type_code, item.field) for item in left]
    assert len(fields) == len(set(fields))
    assert set(fields) <= asked
    assert all(PURPOSE.allowance(*field) for field in fields)
    removed = [note for note in notes if note.reason is not CutReason.MADE_OPTIONAL]
    assert len(left) + len(removed) == len(items)
    for item in left:
        allowance = PURPOSE.allowance(item.type_code, item.field)
        assert allowance is not None
        assert not item.necessary or allowance.necessary
    again, more = cut([AskedItem(item.type_code, item.field, item.necessary) for item in left], PURPOSE)
    assert (again, more) == (left, []), "cutting twice changes nothing"


@pytest.mark.parametrize(
    ("ask", "allowed", "notes"),
    [
        (Ask(30, 3), Ask(30, 3), []),
        (Ask(1, 1), Ask(1, 1), []),
        (Ask(31, 3), Ask(30, 3), [ClampNote(ClampReason.DAYS, 31, 30)]),
        (Ask(30, 4), Ask(30, 3), [ClampNote(ClampReason.USES, 4, 3)]),
        (Ask(0, -5), Ask(1, 1), [ClampNote(ClampReason.DAYS, 0, 1), ClampNote(ClampReason.USES, -5, 1)]),
    ],
)
def test_clamp(ask: Ask, allowed: Ask, notes: list[ClampNote]) -> None:
    assert clamp(ask, PURPOSE) == (allowed, notes)


@given(st.integers(), st.integers())
def test_clamp_stays_in_range(days: int, uses: int) -> None:
    wish, notes = clamp(Ask(days, uses), PURPOSE)
    assert 1 <= wish.days <= PURPOSE.max_days
    assert 1 <= wish.uses <= PURPOSE.max_uses
    assert bool(notes) == (wish != Ask(days, uses))


def test_notes_as_stored() -> None:
    assert Cut(TYPE, "name", CutReason.NOT_ALLOWED).to_json() == {
        "type": TYPE,
        "field": "name",
        "reason": "request.cut_not_allowed",
    }
    assert Cut(TYPE, "birth_date", CutReason.REPLACED, ("age_over_18",)).to_json() == {
        "type": TYPE,
        "field": "birth_date",
        "reason": "request.cut_replaced",
        "by": ["age_over_18"],
    }
    assert ClampNote(ClampReason.DAYS, 99, 30).to_json() == {
        "reason": "request.clamped_days",
        "wanted": 99,
        "allowed": 30,
    }


def test_every_reason_has_its_texts() -> None:
    assert {reason.value for reason in (*CutReason, *ClampReason)} <= error_texts().keys()

"""Spellings that a verifier takes for a committed value, and those that it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.spelling import spelling_forms

TAKEN = {
    "人民路12－3号(东门)": "人民路12-3号（东门）",
    "人民路12-3号(东门)": "人民路12-3号（东门）",
    "人民路12－3号（东门）": "人民路12-3号（东门）",
    "2025/01/02": "2025-01-02",
    "12.5": "12.50",
    "-7": "-7.00",
}
OTHER = [
    "人民路12-3号（东门）",
    "2025-01-02",
    "2025/1/2",
    "12.50",
    "1.234",
    "A(1)",
    "１２",
    "",
    "12－3",
    "+7",
    "7.",
    "07/08",
]


@pytest.mark.parametrize("shown", TAKEN)
def test_a_spelling_leads_to_its_canonical_form(shown: str) -> None:
    assert TAKEN[shown] in spelling_forms(shown)


@pytest.mark.parametrize("shown", OTHER)
def test_nothing_else_is_taken(shown: str) -> None:
    assert spelling_forms(shown) == ()


@given(st.text(max_size=60))
def test_it_is_a_small_set_and_never_the_value_itself(value: str) -> None:
    forms = spelling_forms(value)
    assert len(forms) <= 3 and value not in forms

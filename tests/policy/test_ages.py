"""From which moment somebody decides alone, and is of age."""

from datetime import date

import pytest

from api.policy.mandates import birthday_ms, majority_ms, midnight_ms, own_consent_ms

BORN_2012_03_05 = "110101201203050019"
BORN_ON_29_FEBRUARY = "110101201202290013"


@pytest.mark.parametrize(
    ("number", "years", "day"),
    [
        (BORN_2012_03_05, 14, date(2026, 3, 5)),
        (BORN_2012_03_05, 18, date(2030, 3, 5)),
        (BORN_ON_29_FEBRUARY, 14, date(2026, 3, 1)),
        (BORN_ON_29_FEBRUARY, 16, date(2028, 2, 29)),
    ],
)
def test_a_birthday_begins_at_its_midnight_in_china(number: str, years: int, day: date) -> None:
    assert birthday_ms(number, years) == midnight_ms(day)


def test_fourteen_is_the_age_of_one_s_own_consent_and_eighteen_that_of_majority() -> None:
    assert own_consent_ms(BORN_2012_03_05) == birthday_ms(BORN_2012_03_05, 14)
    assert majority_ms(BORN_2012_03_05) == birthday_ms(BORN_2012_03_05, 18)

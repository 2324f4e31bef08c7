"""A true age stays true; an untrue one becomes unknown on the birthday, and nobody says the new value by himself."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from api.catalogue import load_catalogue
from api.policy.claims import outdated, unknown

CARD = load_catalogue().type("person.id_card")
DAYS = st.dates(date(1930, 1, 1), date(2026, 1, 1))


def committed(born: date, on_date: date) -> dict[str, str]:
    values = {"birth_date": born.isoformat(), "address": "演示市环翠区和平路1号"}
    return {**values, **CARD.derive(values, on_date)}


def test_on_the_birthday_it_is_outdated_and_not_a_day_earlier() -> None:
    values = committed(date(2008, 11, 22), date(2026, 11, 20))
    assert values["age_over_18"] == "false"
    assert outdated(CARD, values, date(2026, 11, 21)) == frozenset()
    assert outdated(CARD, values, date(2026, 11, 22)) == {"age_over_18"}


@given(DAYS, DAYS, st.integers(0, 40_000))
def test_true_stays_true_and_false_is_never_said_wrongly(born: date, on_date: date, later: int) -> None:
    values = committed(born, on_date)
    today = on_date + timedelta(days=min(later, (date(2090, 1, 1) - on_date).days))
    stale = outdated(CARD, values, today)
    for claim in CARD.claims:
        if values[claim.name] == "true" or claim.name == "district":
            assert claim.name not in stale
        elif values[claim.name] == "false" and claim.name not in stale:
            assert claim.value(values["birth_date"], today) == "false"


def test_a_claim_that_was_not_committed_is_unknown_and_a_field_never_is() -> None:
    values = committed(date(1990, 1, 1), date(2026, 1, 1))
    del values["age_over_18"]
    names = ["name", "birth_date", "age_over_18", "age_over_60"]
    assert unknown(CARD, values, names, date(2026, 6, 1)) == {"age_over_18"}

"""What the catalogue says to an ask, every move there is, and the clock over weekends and holidays."""

from datetime import datetime
from itertools import product

import pytest

from api.catalogue.offers import load_offers
from api.catalogue.working_days import load_working_days
from api.errors import ApiError
from api.locale import CHINA_STANDARD_TIME
from api.policy import data_asks as policy
from api.policy.data_asks import ASK_MOVES, AskMover, AskState, Matched, Route, Wanted, check_move, match
from api.services.data_asks.record import checked_text

LICENCE, REGISTER, BLOOD = "person.driving_licence", "enterprise.business_licence", "person.blood_donation"
MOVES = {
    ("waiting", "agreed"): {"department"},
    ("waiting", "refused"): {"department"},
    ("waiting", "waiting"): {"department"},
    ("waiting", "overdue"): {"platform"},
    ("waiting", "withdrawn"): {"asker"},
    ("desk", "waiting"): {"regulator"},
    ("desk", "agreed"): {"regulator"},
    ("desk", "refused"): {"regulator"},
    ("desk", "overdue"): {"platform"},
    ("desk", "withdrawn"): {"asker"},
    ("overdue", "agreed"): {"department", "regulator"},
    ("overdue", "refused"): {"department", "regulator"},
    ("overdue", "ordered"): {"regulator"},
    ("overdue", "withdrawn"): {"asker"},
    ("ordered", "agreed"): {"department"},
    ("ordered", "withdrawn"): {"asker"},
}


@pytest.mark.parametrize("before", AskState)
def test_each_move_is_somebody_s_and_no_other_s(before: AskState) -> None:
    for after, mover in product(AskState, AskMover):
        if mover.value in MOVES.get((before.value, after.value), set()):
            check_move(before, after, mover)
            continue
        with pytest.raises(ApiError) as error:
            check_move(before, after, mover)
        assert error.value.code == "data_asks.transition"
    assert before.open == bool(ASK_MOVES[before])


@pytest.mark.parametrize(
    ("type_code", "fields", "wanted", "consent", "duty", "state", "route"),
    [
        (REGISTER, ["name", "company_type"], "daily", [], [], "matched", "open"),
        (REGISTER, ["name"], "on_change", [], [], "waiting", None),  # offered every day, no oftener
        (LICENCE, ["licence_class"], "once", [], [], "waiting", None),
        (LICENCE, ["licence_class"], "daily", ["licence_class"], [], "matched", "consent"),
        (LICENCE, ["licence_class"], "on_change", ["licence_class"], [], "waiting", None),
        (LICENCE, ["licence_class", "address"], "once", ["licence_class"], [], "waiting", None),
        (LICENCE, ["licence_class"], "once", [], ["licence_class"], "matched", "duty"),
        (LICENCE, ["licence_class"], "daily", [], ["licence_class"], "waiting", None),  # a duty reads single cases
        (BLOOD, ["name"], "once", ["name"], ["name"], "refused", None),  # withheld, whatever else allows
    ],
)
def test_what_the_catalogue_says(
    type_code: str,
    fields: list[str],
    wanted: str,
    consent: list[str],
    duty: list[str],
    state: str,
    route: str | None,
) -> None:
    found = match(
        load_offers().by_type[type_code],
        fields,
        Wanted(wanted),
        by_consent=[(type_code, name) for name in consent],
        by_duty=[(type_code, name) for name in duty],
    )
    assert found == Matched(AskState(state), None if route is None else Route(route))


def test_what_nobody_offers_goes_to_the_desk_and_what_is_apart_is_conditional() -> None:
    assert match(None, [], Wanted.ONCE) == Matched(AskState.DESK)
    offers = load_offers().by_type.values()
    mixed = [
        (one, field.name)
        for one in offers
        if one.attribute == "unconditional"
        for field in one.schema.all_fields
        if one.of(field) == "conditional"
    ]
    assert mixed, "some enterprise data are a secret or sensitive"
    assert {match(one, [name], Wanted.ONCE).state for one, name in mixed} == {AskState.WAITING}


@pytest.mark.parametrize(
    ("filed", "last"),
    [
        ("2026-11-23T09:00", "2026-11-24"),  # a Monday
        ("2026-11-23T23:59", "2026-11-24"),  # after hours: the day of filing never counts, whatever the hour
        ("2026-11-24T00:00", "2026-11-25"),
        ("2026-11-27T16:00", "2026-11-30"),  # a Friday
        ("2026-11-28T10:00", "2026-11-30"),  # a Saturday
        ("2026-11-29T22:00", "2026-11-30"),  # a Sunday
        ("2026-02-13T10:00", "2026-02-14"),  # the Saturday before the Spring Festival is worked
        ("2026-02-14T10:00", "2026-02-24"),  # nine free days
        ("2026-02-18T10:00", "2026-02-24"),  # filed within them
        ("2026-02-27T10:00", "2026-02-28"),  # a Saturday worked afterwards
        ("2026-09-30T18:00", "2026-10-08"),  # National Day
        ("2026-10-09T10:00", "2026-10-10"),  # a Saturday worked for it
        ("2026-09-18T10:00", "2026-09-20"),  # the Sunday, not the Saturday
        ("2026-01-02T10:00", "2026-01-04"),  # a Sunday worked for New Year
    ],
)
def test_one_working_day_over_weekends_holidays_and_worked_ones(filed: str, last: str) -> None:
    at = datetime.fromisoformat(filed).replace(tzinfo=CHINA_STANDARD_TIME)
    term = load_working_days().term(int(at.timestamp() * 1000), policy.ANSWER_DAYS)
    moment = datetime.fromtimestamp(term.due_at_ms / 1000 - 1, CHINA_STANDARD_TIME)
    assert (moment.date().isoformat(), moment.hour, term.plain) == (last, 23, False)


@pytest.mark.parametrize(
    "text",
    [
        "查询37100219900101123X的情况",
        "身份证 371002 19900101 1234",
        "联系 138-0013-8000",
        "３７１００２１９９００１０１１２３４",
        "卡号6222021234567890123",
        "发到 someone@example.com",
    ],
)
def test_nobody_is_named_in_an_ask(text: str) -> None:
    with pytest.raises(ApiError) as error:
        checked_text(text, what="words")
    assert (error.value.code, error.value.facts) == ("data_asks.personal", {"what": "words"})
    assert text not in str(error.value)


@pytest.mark.parametrize("text", ["", "  ", "x" * 501, "a\x00b"])
def test_a_text_is_words(text: str) -> None:
    with pytest.raises(ApiError) as error:
        checked_text(text, what="purpose")
    assert error.value.code == "data_asks.bad_text"


def test_laws_and_amounts_are_no_numbers_of_somebody() -> None:
    said = "《企业信息公示暂行条例》（国务院令第654号）第六条；2026年11月；每月约100000条；91371099MA3DEM0C06"
    assert checked_text(f" {said} ", what="basis") == said

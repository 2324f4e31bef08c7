"""Queries by statutory duty: order of reasons, quotas, and what is taken for a walk through numbers."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.catalogue import load_catalogue
from api.catalogue.case_register import case_rules
from api.catalogue.model import HolderKind
from api.locale import CHINA_STANDARD_TIME, error_texts
from api.policy import statutory
from api.policy.decide import Deny, Permit
from api.policy.statutory import AccessAsk, AlarmKind, Tally, decide_access

BASIS = load_catalogue().statutory_basis("police.investigation")
ITEMS = frozenset({("person.id_card", "name")})
RULES = case_rules()
ASK = AccessAsk(True, HolderKind.PERSON, BASIS.case_example, ITEMS)
CALM = Tally(today=0, of_case=0, near=0, burst=0, blocked=False)
NOON = int(datetime(2026, 11, 23, 12, tzinfo=CHINA_STANDARD_TIME).timestamp() * 1000)
NIGHT = int(datetime(2026, 11, 23, 3, tzinfo=CHINA_STANDARD_TIME).timestamp() * 1000)


def wide(text: str) -> str:
    """A text with full-width digits."""
    return text.translate({ord("0") + digit: "０１２３４５６７８９"[digit] for digit in range(10)})


@pytest.mark.parametrize(
    ("ask", "tally", "reason"),
    [
        (replace(ASK, registered=False, case_no="x"), replace(CALM, blocked=True), statutory.NOT_REGISTERED),
        (replace(ASK, holder_kind=HolderKind.ENTERPRISE), CALM, statutory.WRONG_HOLDER_KIND),
        (replace(ASK, case_no=BASIS.case_example + "1"), CALM, statutory.BAD_CASE_NO),
        # The same number in full-width digits would be another case, with a quota of its own.
        (replace(ASK, case_no=wide(BASIS.case_example)), CALM, statutory.BAD_CASE_NO),
        (replace(ASK, items=frozenset()), CALM, statutory.NOTHING_ASKED),
        (replace(ASK, items=ITEMS | {("person.id_card", "ethnicity")}), CALM, statutory.FIELD_OUTSIDE_BASIS),
        (ASK, replace(CALM, blocked=True), statutory.BLOCKED),
        (ASK, replace(CALM, today=BASIS.quota_per_day), statutory.QUOTA_DAY),
        (ASK, replace(CALM, of_case=BASIS.quota_per_case), statutory.QUOTA_CASE),
        (ASK, replace(CALM, near=statutory.NEAR_LIMIT - 1), statutory.BLOCKED),
        (ASK, replace(CALM, burst=statutory.BURST_LIMIT - 1), statutory.BLOCKED),
    ],
)
def test_the_first_reason_that_applies(ask: AccessAsk, tally: Tally, reason: Deny) -> None:
    assert decide_access(BASIS, RULES, ask, tally, NOON)[0] == reason


def test_one_below_each_limit_is_served_without_an_alarm() -> None:
    edge = Tally(
        BASIS.quota_per_day - 1,
        BASIS.quota_per_case - 1,
        statutory.NEAR_LIMIT - 2,
        statutory.BURST_LIMIT - 2,
        blocked=False,
    )
    assert decide_access(BASIS, RULES, ASK, edge, NOON) == (Permit(ITEMS), [])


def test_night_hours_alarm_and_stop_nothing() -> None:
    verdict, alarms = decide_access(BASIS, RULES, ASK, CALM, NIGHT)
    assert verdict == Permit(ITEMS)
    assert [(alarm.kind, alarm.blocks) for alarm in alarms] == [(AlarmKind.HOURS, False)]


def test_misses_alarm_at_the_bases_own_number() -> None:
    assert statutory.misses(BASIS, BASIS.alarm_misses - 1) is None
    alarm = statutory.misses(BASIS, BASIS.alarm_misses)
    assert alarm is not None and alarm.blocks and alarm.kind is AlarmKind.ABSENT


TALLIES = st.builds(
    Tally, st.integers(0, 200), st.integers(0, 40), st.integers(0, 8), st.integers(0, 40), blocked=st.booleans()
)


@given(TALLIES, TALLIES)
def test_who_did_more_is_never_served_where_who_did_less_is_not(one: Tally, more: Tally) -> None:
    worse = Tally(
        max(one.today, more.today),
        max(one.of_case, more.of_case),
        max(one.near, more.near),
        max(one.burst, more.burst),
        blocked=one.blocked or more.blocked,
    )
    if isinstance(decide_access(BASIS, RULES, ASK, one, NOON)[0], Deny):
        assert isinstance(decide_access(BASIS, RULES, ASK, worse, NOON)[0], Deny)


def test_neighbours_have_a_stem_in_common() -> None:
    assert statutory.stem("371099196001010011") == statutory.stem("37109919600101002X")
    assert statutory.stem("371099196001010011") != statutory.stem("371099196001020011")


def test_every_reason_has_its_texts() -> None:
    assert {deny.reason for deny in statutory.REASONS} <= error_texts().keys()

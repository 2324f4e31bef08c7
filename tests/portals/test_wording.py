"""Every state that the product knows has a word, an icon of ours and a tone; bounds are said as people say them."""

import re

import pytest

from api.catalogue.offers import Attribute
from api.policy.data_asks import AskMover, AskState, Route, Wanted
from api.policy.disputes import RecipientState
from api.policy.states import GrantState, RequestState
from api.portals import states as looks
from api.portals import wording
from api.portals.render import STATIC
from api.store.queries.returns import ReturnState, RowState
from chain.receipt import ReceiptKind
from watermark.trace import Outcome

SPRITE = (STATIC / "icons.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("return", ReturnState),
        ("row", RowState),
        ("grant", GrantState),
        ("request", RequestState),
        ("outcome", Outcome),
        ("recipient", RecipientState),
        ("sharing", Attribute),
        ("footprint", ReceiptKind),
    ],
)
def test_every_state_has_a_badge(kind: str, states: type) -> None:
    assert {state.value for state in states} == set(looks.STATES[kind])


def test_asks_have_words_for_whatever_they_come_to() -> None:
    assert set(looks.STATES["ask"]) == {*AskState, "handed"}
    assert set(wording.ASK_NEXT) == set(wording.ASK_NEXT_OF_OTHERS) == set(AskState)
    assert (set(wording.ASK_MOVERS), set(wording.ASK_ROUTES)) == (set(AskMover), set(Route))
    assert set(wording.WANTED) == set(Wanted)


def test_badges_use_icons_that_exist() -> None:
    icons = set(re.findall(r'<symbol id="([a-z]+)"', SPRITE))
    used = {badge.icon for badges in looks.STATES.values() for badge in badges.values()}
    assert used <= icons


@pytest.mark.parametrize(
    ("log10", "zh", "en"),
    [
        (-9, "十亿分之一", "one in 1,000,000,000"),
        (-9.9, "十亿分之一", "one in 1,000,000,000"),
        (-8, "一亿分之一", "one in 100,000,000"),
        (-6, "百万分之一", "one in 1,000,000"),
        (-4, "一万分之一", "one in 10,000"),
        (-3, "千分之一", "one in 1,000"),
        (-1, "十分之一", "one in 10"),
        (-12, "一万亿分之一", "one in 1,000,000,000,000"),
        (-0.3, "", ""),
        (-40, "10⁻⁴⁰", "10⁻⁴⁰"),
    ],
)
def test_odds_in_words(log10: float, zh: str, en: str) -> None:
    assert wording.odds_in_words(log10, "zh-Hans") == zh
    assert wording.odds_in_words(log10, "en") == en

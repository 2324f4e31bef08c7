"""Life of a copy: every pair of states, and every date that an end or the agreed life can lead to."""

import itertools

import pytest

from api.errors import ApiError
from api.policy.copy_states import (
    COPY_TRANSITIONS,
    DAY_MS,
    CopyState,
    after_delivery,
    check_copy_transition,
    deletion_due_ms,
)
from api.policy.states import GrantState

# What grants.md and the docstrings promise, written down once more and not taken from the code.
MOVES = {
    "held": "delete_due deleted",
    "delete_due": "delete_due deleted retained overdue held",
    "deleted": "held",
    "retained": "delete_due deleted held",
    "overdue": "deleted retained escalated",
    "escalated": "deleted",
}
PAIRS = list(itertools.product(CopyState, CopyState))
DAYS, NOW = 7, 1_000 * DAY_MS


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_every_pair(before: CopyState, after: CopyState) -> None:
    if after.value in MOVES[before.value].split():
        check_copy_transition(before, after)
    else:
        with pytest.raises(ApiError) as caught:
            check_copy_transition(before, after)
        assert caught.value.code == "copies.transition"
        assert caught.value.facts == {"before": before.value, "after": after.value}


def test_every_state_can_end_in_a_deletion() -> None:
    assert all(CopyState.DELETED in moves for state, moves in COPY_TRANSITIONS.items() if state != CopyState.DELETED)
    assert set(COPY_TRANSITIONS) == set(CopyState)


@pytest.mark.parametrize("state", CopyState)
@pytest.mark.parametrize("counted", [True, False])
def test_after_delivery_moves_only_as_allowed(state: CopyState, counted: bool) -> None:
    after = after_delivery(state, counted=counted)
    heals = {"deleted"} | ({"delete_due", "retained"} if counted else set())
    assert after == (CopyState.HELD if state.value in heals else state)
    if after != state:
        check_copy_transition(state, after)


def due(ended: GrantState | None, delete_by: int | None, ended_at: int = NOW, now: int = NOW) -> int | None:
    return deletion_due_ms(ended=ended, ended_at_ms=ended_at, delete_by_ms=delete_by, now_ms=now, days=DAYS)


@pytest.mark.parametrize("state", [GrantState.REVOKED, GrantState.INVALIDATED, GrantState.TERMINATED])
def test_a_withdrawn_grant_leaves_days(state: GrantState) -> None:
    assert due(state, NOW + 300 * DAY_MS) == NOW + 7 * DAY_MS
    assert due(state, NOW + 3 * DAY_MS) == NOW + 3 * DAY_MS, "never longer than was agreed"
    assert due(state, None) == NOW + 7 * DAY_MS


@pytest.mark.parametrize("state", [GrantState.EXPIRED, GrantState.EXHAUSTED, GrantState.SUPERSEDED])
def test_any_other_end_leaves_the_agreed_life(state: GrantState) -> None:
    assert due(state, NOW + 300 * DAY_MS) == NOW + 300 * DAY_MS
    assert due(state, None) == NOW + 7 * DAY_MS


def test_a_live_grant_orders_ahead_of_the_end_of_the_agreed_life() -> None:
    end = NOW + 7 * DAY_MS
    assert due(None, end + 1) is None
    assert due(None, end) == end
    assert due(None, None) is None


def test_an_order_that_comes_late_leaves_a_day() -> None:
    for state in [None, *(s for s in GrantState if s.final)]:
        assert due(state, NOW - 50 * DAY_MS, ended_at=NOW - 90 * DAY_MS) == NOW + DAY_MS

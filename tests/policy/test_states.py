"""What may follow what: no way leads out of an end."""

import itertools

import pytest

from api.errors import ApiError, Kind
from api.policy.states import (
    GRANT_TRANSITIONS,
    REQUEST_TRANSITIONS,
    GrantState,
    RequestState,
    check_request_transition,
    check_transition,
)

WITHDRAWALS = {GrantState.REVOKED, GrantState.INVALIDATED}
ENDS = set(GrantState) - {GrantState.ACTIVE, GrantState.PAUSED}


def test_tables_are_complete() -> None:
    assert set(GRANT_TRANSITIONS) == set(GrantState)
    assert set(REQUEST_TRANSITIONS) == set(RequestState)


def test_ends_are_final() -> None:
    """What has run out may still be withdrawn; nothing leads back to serving."""
    assert {state for state in GrantState if state.final} == ENDS
    for state in ENDS:
        for after in set(GrantState) - WITHDRAWALS:
            with pytest.raises(ApiError, match=r"grant\.transition"):
                check_transition(state, after)


ALLOWED = (
    {(GrantState.ACTIVE, end) for end in ENDS}
    | {(GrantState.PAUSED, end) for end in ENDS - {GrantState.EXHAUSTED}}
    | {(GrantState.ACTIVE, GrantState.PAUSED), (GrantState.PAUSED, GrantState.ACTIVE)}
    | set(itertools.product({GrantState.EXPIRED, GrantState.EXHAUSTED}, WITHDRAWALS))
)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(GrantState, GrantState)))
def test_grant(before: GrantState, after: GrantState) -> None:
    if (before, after) in ALLOWED:
        check_transition(before, after)
        return
    with pytest.raises(ApiError) as raised:
        check_transition(before, after)
    assert raised.value.kind is Kind.CONFLICT
    assert raised.value.facts == {"before": before.value, "after": after.value}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(RequestState, RequestState)))
def test_request(before: RequestState, after: RequestState) -> None:
    if before is RequestState.REQUESTED and after is not RequestState.REQUESTED:
        check_request_transition(before, after)
        return
    with pytest.raises(ApiError, match=r"request\.transition"):
        check_request_transition(before, after)

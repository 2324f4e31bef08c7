"""When one grant takes the place of another: which may be extended, and what becomes of the older one."""

from api.errors import ApiError, Kind
from api.policy.states import GRANT_TRANSITIONS, GrantState
from api.services.grants.events import Add, Author, T, announce_end, changed
from api.services.grants.reading import shown_state
from api.store import Session
from api.store.queries import grants
from api.store.queries.registrations import LegalBasis
from api.store.tables import Grant

EXTENDABLE = frozenset({GrantState.ACTIVE, GrantState.PAUSED, GrantState.EXPIRED, GrantState.EXHAUSTED})
"""What came to its end by itself may be given anew; what somebody ended may not be brought back by this door."""


def check_extendable(grant: Grant, now_ms: int) -> None:
    """Raise `grant.transition` or `grants.frozen` unless a new grant may take this one's place.

    `grants.not_found` for an access by statutory duty, which nobody agreed to and nobody can extend.
    """
    if grant.legal_basis != LegalBasis.CONSENT:
        raise ApiError("grants.not_found", Kind.NOT_FOUND)
    state = shown_state(grant, now_ms)
    if state not in EXTENDABLE:
        raise ApiError("grant.transition", Kind.CONFLICT, before=state.value, after=GrantState.SUPERSEDED.value)
    if grant.frozen:
        raise ApiError("grants.frozen", Kind.CONFLICT)


def take_place(session: Session, newer: Grant, older_id: str, author: Author, now_ms: int, add: Add[T]) -> None:
    """The older grant ends as SUPERSEDED in the transaction in which the newer begins; one that had ended stays.

    Raises `grant.transition`, `grants.frozen`: the older one may have changed since the newer was asked for.
    """
    older = grants.lock_grant(session, older_id)
    assert older is not None
    assert (older.holder_id, older.entity_id) == (newer.holder_id, newer.entity_id)
    check_extendable(older, now_ms)
    state = shown_state(older, now_ms)
    if GrantState.SUPERSEDED in GRANT_TRANSITIONS[state]:
        changed(session, older, GrantState.SUPERSEDED, author, now_ms, add, case_ref=newer.id)
        announce_end(session, older)

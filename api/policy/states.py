"""States of requests, grants and copies, and the moves that are allowed between them. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from api.errors import ApiError, Kind


class GrantState(StrEnum):
    """Life of a grant. Only ACTIVE serves; no state after PAUSED leads back to it.

    EXPIRED by time, EXHAUSTED by uses, REVOKED by the holder, TERMINATED by the recipient, INVALIDATED by court,
    regulator or a withdrawn purpose, SUPERSEDED by an extension, which is a grant of its own.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    REVOKED = "revoked"
    TERMINATED = "terminated"
    INVALIDATED = "invalidated"
    SUPERSEDED = "superseded"

    @property
    def final(self) -> bool:
        """Whether the grant serves no more, and never will."""
        return self not in {GrantState.ACTIVE, GrantState.PAUSED}


_ENDS = frozenset(
    {
        GrantState.EXPIRED,
        GrantState.REVOKED,
        GrantState.TERMINATED,
        GrantState.INVALIDATED,
        GrantState.SUPERSEDED,
    }
)

_WITHDRAWALS = frozenset({GrantState.REVOKED, GrantState.INVALIDATED})

GRANT_TRANSITIONS: Mapping[GrantState, frozenset[GrantState]] = {
    GrantState.ACTIVE: _ENDS | {GrantState.PAUSED, GrantState.EXHAUSTED},
    # A paused grant serves nothing, so it cannot be used up.
    GrantState.PAUSED: _ENDS | {GrantState.ACTIVE},
    # Consent can be withdrawn at any time (PIPL article 15), also for what was taken under it: copies go the sooner.
    GrantState.EXPIRED: _WITHDRAWALS,
    GrantState.EXHAUSTED: _WITHDRAWALS,
    GrantState.REVOKED: frozenset(),
    GrantState.TERMINATED: frozenset(),
    GrantState.INVALIDATED: frozenset(),
    GrantState.SUPERSEDED: frozenset(),
}
"""From each state, the states that may follow. No move leads back to serving: nothing un-revokes or un-expires."""


def check_transition(before: GrantState, after: GrantState) -> None:
    """Raise ApiError `grant.transition` (conflict) unless `after` may follow `before`."""
    if after not in GRANT_TRANSITIONS[before]:
        raise ApiError("grant.transition", Kind.CONFLICT, before=before.value, after=after.value)


class InvalidReason(StrEnum):
    """Why a grant was declared void by somebody who is neither its holder nor its recipient."""

    COURT = "court"
    REGULATOR = "regulator"
    GUARDIANSHIP_ENDED = "guardianship_ended"
    MANDATE_ENDED = "mandate_ended"
    PURPOSE_WITHDRAWN = "purpose_withdrawn"
    HOLDER_ERASED = "holder_erased"


class RequestState(StrEnum):
    """Life of a request; all but REQUESTED are final."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    LAPSED = "lapsed"


REQUEST_TRANSITIONS: Mapping[RequestState, frozenset[RequestState]] = {
    RequestState.REQUESTED: frozenset({RequestState.APPROVED, RequestState.DENIED, RequestState.LAPSED}),
    RequestState.APPROVED: frozenset(),
    RequestState.DENIED: frozenset(),
    RequestState.LAPSED: frozenset(),
}
"""From each state of a request, the states that may follow."""


def check_request_transition(before: RequestState, after: RequestState) -> None:
    """Raise ApiError `request.transition` (conflict) unless `after` may follow `before`."""
    if after not in REQUEST_TRANSITIONS[before]:
        raise ApiError("request.transition", Kind.CONFLICT, before=before.value, after=after.value)

"""Cases: what a holder says was not theirs, from opened to decided; the moves and the clock. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from api.errors import ApiError, Kind

DAY_MS = 86_400_000
DAYS = 15
"""A regulator decides within this many days; after that the case is reported as overdue."""
TEXT_MAX = 1000


class CaseState(StrEnum):
    """Life of a case; UPHELD, DISMISSED and WITHDRAWN are final."""

    OPENED = "opened"
    UNDER_REVIEW = "under_review"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return not CASE_TRANSITIONS[self]


CASE_TRANSITIONS: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.OPENED: frozenset({CaseState.UNDER_REVIEW, CaseState.WITHDRAWN}),
    # Nobody decides what nobody has looked at.
    CaseState.UNDER_REVIEW: frozenset({CaseState.UPHELD, CaseState.DISMISSED, CaseState.WITHDRAWN}),
    CaseState.UPHELD: frozenset(),
    CaseState.DISMISSED: frozenset(),
    CaseState.WITHDRAWN: frozenset(),
}
"""From each state of a case, the states that may follow."""


class Hold(StrEnum):
    """What stands still while a case is open."""

    GRANT = "grant"  # the grant is frozen
    ACCESS = "access"  # the party may not query about the holder by statutory duty
    NONE = "none"  # there was nothing left to stop, or it may not be stopped by its holder


def check_case_transition(before: CaseState, after: CaseState) -> None:
    """Raise ApiError `cases.transition` (conflict) unless `after` may follow `before`."""
    if after not in CASE_TRANSITIONS[before]:
        raise ApiError("cases.transition", Kind.CONFLICT, before=before.value, after=after.value)


def due_ms(opened_at_ms: int) -> int:
    """By when a case must be decided."""
    return opened_at_ms + DAYS * DAY_MS

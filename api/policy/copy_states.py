"""Life of a delivered copy: its states, the moves between them, and when it must be gone. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from api.errors import ApiError, Kind
from api.policy.states import GrantState

DAY_MS = 86_400_000


class CopyState(StrEnum):
    """Where a copy stands between its delivery and its end.

    HELD: the entity may have it. DELETE_DUE: it was told by when the copy must be gone. DELETED: it stated that, in a
    receipt. RETAINED: it named a law that makes it keep the copy, and until when. OVERDUE: the date has passed and
    nothing was stated. ESCALATED: some days later still nothing; the regulator has it on its list.
    """

    HELD = "held"
    DELETE_DUE = "delete_due"
    DELETED = "deleted"
    RETAINED = "retained"
    OVERDUE = "overdue"
    ESCALATED = "escalated"


COPY_TRANSITIONS: Mapping[CopyState, frozenset[CopyState]] = {
    # Whoever is done earlier may delete earlier.
    CopyState.HELD: frozenset({CopyState.DELETE_DUE, CopyState.DELETED}),
    # To itself: a consent that is taken back after it had run out brings the date nearer, never further away.
    CopyState.DELETE_DUE: frozenset(
        {CopyState.DELETE_DUE, CopyState.DELETED, CopyState.RETAINED, CopyState.OVERDUE, CopyState.HELD}
    ),
    # The same copy delivered anew under a grant that still serves: a deletion covers deliveries before it alone.
    CopyState.DELETED: frozenset({CopyState.HELD}),
    CopyState.RETAINED: frozenset({CopyState.DELETE_DUE, CopyState.DELETED, CopyState.HELD}),
    # A further delivery heals nothing that is overdue, so no move leads back to HELD.
    CopyState.OVERDUE: frozenset({CopyState.DELETED, CopyState.RETAINED, CopyState.ESCALATED}),
    # Once the regulator was told, only the deletion itself ends the matter.
    CopyState.ESCALATED: frozenset({CopyState.DELETED}),
}
"""From each state, the states that may follow."""

WITHDRAWN = frozenset({GrantState.REVOKED, GrantState.INVALIDATED, GrantState.TERMINATED})
"""Ends after which the recipient has no reason left to keep what it took; the other ends leave the agreed life."""

DUTIES = frozenset({CopyState.DELETE_DUE, CopyState.OVERDUE, CopyState.ESCALATED})
"""States in which the entity has something to do."""

GONE = frozenset({CopyState.DELETED})
"""States in which the entity has stated that it holds the copy no longer."""


def check_copy_transition(before: CopyState, after: CopyState) -> None:
    """Raise ApiError `copies.transition` (conflict) unless `after` may follow `before`."""
    if after not in COPY_TRANSITIONS[before]:
        raise ApiError("copies.transition", Kind.CONFLICT, before=before.value, after=after.value)


def after_delivery(state: CopyState, *, counted: bool) -> CopyState:
    """The state of a copy that was just delivered again under a grant that serves.

    A repeat that counts as no use of its own (the answer was lost on the way) only undoes a deletion: the bytes are
    in the entity's hands again.
    """
    if state is CopyState.DELETED:
        return CopyState.HELD
    if counted and state in {CopyState.DELETE_DUE, CopyState.RETAINED}:
        return CopyState.HELD
    return state


def deletion_due_ms(
    *, ended: GrantState | None, ended_at_ms: int, delete_by_ms: int | None, now_ms: int, days: int
) -> int | None:
    """By when a held copy must be gone, UTC milliseconds; None while nothing orders it.

    `ended` is the state in which its grant ended at `ended_at_ms`, None while it serves or is paused; `delete_by_ms` is
    the end of the life that the terms allow (delivery + `data_life_days`); `days` is what an entity gets to delete in.
    A grant that was withdrawn gives `days` from its end; any other end leaves the agreed life. The order for a life
    that runs out under a live grant goes out `days` ahead. The date is never later than the agreed life, except that an
    order which comes late leaves a day.
    """
    if ended in WITHDRAWN:
        due = ended_at_ms + days * DAY_MS
        if delete_by_ms is not None:
            due = min(due, delete_by_ms)
    elif delete_by_ms is None:
        if ended is None:
            return None
        due = ended_at_ms + days * DAY_MS
    elif ended is None and now_ms < delete_by_ms - days * DAY_MS:
        return None
    else:
        due = delete_by_ms
    return max(due, now_ms + DAY_MS)

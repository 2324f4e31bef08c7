"""Disputes (异议投诉) and corrections: their states, who may make which move, and the clocks. Pure.

A dispute is answered by whoever stands behind what it is about: the department that issued a certificate, or the
organisation that looked. The regulator has it when nobody answers in time, and once more where the holder asks it to.
"""

from collections.abc import Mapping
from enum import StrEnum

from api.errors import ApiError, Kind

ANSWER_DAYS = 10
"""Working days in which a dispute is answered, and in which an order of the regulator is carried out."""
CONTEST_DAYS = 10
"""Working days after an answer in which its holder may ask the regulator."""
DECIDE_DAYS = 15
"""Working days that the regulator has."""
CONFIRM_DAYS = 5
"""Working days in which whoever holds a corrected value confirms that it has put its own right."""
REMIND_MS = 86_400_000
"""How long until whoever has not confirmed is told again."""
TEXT_MAX = 1000


class Subject(StrEnum):
    """What a dispute is about."""

    CERTIFICATE = "certificate"
    FIELD = "field"
    LINE = "line"  # of who looked


class Mover(StrEnum):
    """Who makes a move. PARTY is the department or organisation that must answer."""

    HOLDER = "holder"
    PARTY = "party"
    REGULATOR = "regulator"
    PLATFORM = "platform"


class DisputeState(StrEnum):
    """Life of a dispute.

    OPENED: whoever must answer has it. OVERDUE: they did not in time; the regulator has it, too. CORRECTING: a new
    version of the certificate is on its way. CORRECTED, UPHELD (right, with nothing to be corrected on a certificate)
    and REFUSED are answers, after which the holder may ask the regulator once: CONTESTED. ORDERED: the regulator says
    that the holder is right, and whoever answered must act. DISMISSED by the regulator; WITHDRAWN by the holder.
    """

    OPENED = "opened"
    OVERDUE = "overdue"
    CORRECTING = "correcting"
    CORRECTED = "corrected"
    UPHELD = "upheld"
    REFUSED = "refused"
    CONTESTED = "contested"
    ORDERED = "ordered"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"

    @property
    def open(self) -> bool:
        """Whether somebody other than the holder has something to do."""
        return self in OPEN


Moves = Mapping[DisputeState, Mapping[DisputeState, Mover]]
_ANSWERS = {
    DisputeState.CORRECTING: Mover.PARTY,
    DisputeState.UPHELD: Mover.PARTY,
    DisputeState.REFUSED: Mover.PARTY,
}
_DECISIONS = {DisputeState.ORDERED: Mover.REGULATOR, DisputeState.DISMISSED: Mover.REGULATOR}
_CONTEST = {DisputeState.CONTESTED: Mover.HOLDER}
_WITHDRAWAL = {DisputeState.WITHDRAWN: Mover.HOLDER}

DISPUTE_MOVES: Moves = {
    DisputeState.OPENED: {**_ANSWERS, **_WITHDRAWAL, DisputeState.OVERDUE: Mover.PLATFORM},
    # The late may still answer; the regulator need not wait for them.
    DisputeState.OVERDUE: {**_ANSWERS, **_DECISIONS, **_WITHDRAWAL},
    # Back to where it was, with the date that it had, where the new version could not be made after all.
    DisputeState.CORRECTING: {
        DisputeState.CORRECTED: Mover.PLATFORM,
        DisputeState.OPENED: Mover.PLATFORM,
        DisputeState.OVERDUE: Mover.PLATFORM,
        DisputeState.ORDERED: Mover.PLATFORM,
    },
    DisputeState.CORRECTED: _CONTEST,
    DisputeState.UPHELD: _CONTEST,
    DisputeState.REFUSED: _CONTEST,
    DisputeState.CONTESTED: {**_DECISIONS, **_WITHDRAWAL},
    # What the regulator has ordered is not refused.
    DisputeState.ORDERED: {DisputeState.CORRECTING: Mover.PARTY, DisputeState.UPHELD: Mover.PARTY},
    DisputeState.DISMISSED: {},
    DisputeState.WITHDRAWN: {},
}
"""From each state of a dispute, the states that may follow and who brings them about."""

OPEN = frozenset(
    {
        DisputeState.OPENED,
        DisputeState.OVERDUE,
        DisputeState.CORRECTING,
        DisputeState.CONTESTED,
        DisputeState.ORDERED,
    }
)
ANSWERED = frozenset({DisputeState.CORRECTED, DisputeState.UPHELD, DisputeState.REFUSED})
WITH_REGULATOR = frozenset({DisputeState.OVERDUE, DisputeState.CONTESTED})
"""States in which the regulator has something to decide."""


def moves_from(state: DisputeState, *, contested: bool) -> Mapping[DisputeState, Mover]:
    """The moves from a state; `contested`: the regulator was asked before, which is possible once."""
    return {to: who for to, who in DISPUTE_MOVES[state].items() if not (contested and to is DisputeState.CONTESTED)}


def check_move(before: DisputeState, after: DisputeState, mover: Mover, *, contested: bool) -> None:
    """Raise ApiError `disputes.transition` (conflict) unless `mover` may bring `after` about."""
    if moves_from(before, contested=contested).get(after) is not mover:
        raise ApiError("disputes.transition", Kind.CONFLICT, before=before.value, after=after.value)


def corrects(subject: Subject) -> bool:
    """Whether there is a certificate that a new version could correct."""
    return subject is not Subject.LINE


class AmendmentState(StrEnum):
    """Life of a correction.

    RETURNING until the new version is sealed, or FAILED; TELLING until all who hold the old value have confirmed; DONE.
    """

    RETURNING = "returning"
    TELLING = "telling"
    DONE = "done"
    FAILED = "failed"


class RecipientState(StrEnum):
    """Where somebody who holds a corrected value stands.

    ESCALATED: the date has passed, and the regulator was told. RELEASED: it stated that it destroyed all of its copies,
    so that nothing is left to be put right.
    """

    WAITING = "waiting"
    TOLD = "told"
    ESCALATED = "escalated"
    CONFIRMED = "confirmed"
    RELEASED = "released"


RECIPIENT_MOVES: Mapping[RecipientState, frozenset[RecipientState]] = {
    RecipientState.WAITING: frozenset({RecipientState.TOLD, RecipientState.RELEASED}),
    RecipientState.TOLD: frozenset({RecipientState.CONFIRMED, RecipientState.ESCALATED, RecipientState.RELEASED}),
    # The regulator knows; the duty stays.
    RecipientState.ESCALATED: frozenset({RecipientState.CONFIRMED, RecipientState.RELEASED}),
    RecipientState.CONFIRMED: frozenset(),
    RecipientState.RELEASED: frozenset(),
}
"""From each state of a recipient, the states that may follow."""

SETTLED = frozenset({RecipientState.CONFIRMED, RecipientState.RELEASED})
OWING = frozenset({RecipientState.TOLD, RecipientState.ESCALATED})


def check_recipient_move(before: RecipientState, after: RecipientState) -> None:
    """Raise ApiError `corrections.transition` (conflict) unless `after` may follow `before`."""
    if after not in RECIPIENT_MOVES[before]:
        raise ApiError("corrections.transition", Kind.CONFLICT, before=before.value, after=after.value)


def shown_to_holder(state: AmendmentState, counts: Mapping[RecipientState, int]) -> AmendmentState:
    """How a correction stands for its holder, by the recipients whom no law keeps back.

    One that goes on while everybody shown is settled would tell that there is somebody who is not shown.
    """
    if state not in {AmendmentState.TELLING, AmendmentState.DONE}:
        return state
    settled = all(recipient in SETTLED for recipient, number in counts.items() if number)
    return AmendmentState.DONE if settled else AmendmentState.TELLING

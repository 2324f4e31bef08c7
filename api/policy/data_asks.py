"""Asks for data (供需对接): what the catalogue says to one, states, who may make which move, the clock. Pure.

An ask says which fields of which certificate type somebody needs, or in words what the catalogue does not have. What is
offered is matched at once, what is withheld refused at once; all else goes to a department, or, where none is known, to
the desk of the regulator, each with one working day. Nothing in an ask is about a person.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.catalogue.offers import Attribute, Offer
from api.errors import ApiError, Kind

ANSWER_DAYS = 1
"""Working days in which an ask is answered, in which the regulator decides, and in which an order is carried out."""
TEXT_MAX = 500
FIELDS_MAX = 64
OPEN_MAX = 50
"""So many asks of one organisation may wait at a time."""


class AskState(StrEnum):
    """Life of an ask.

    MATCHED: the catalogue offers it. WAITING: a department has it. DESK: nobody offers it; the regulator's desk names a
    department or answers. OVERDUE: no answer in time; the regulator has it, too. ORDERED: the regulator says that the
    department must provide it. AGREED and REFUSED are answers. WITHDRAWN by whoever asked.
    """

    MATCHED = "matched"
    WAITING = "waiting"
    DESK = "desk"
    OVERDUE = "overdue"
    ORDERED = "ordered"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def open(self) -> bool:
        """Whether somebody has to answer."""
        return self in OPEN


class AskMover(StrEnum):
    """Who makes a move. DEPARTMENT is the one that has the ask."""

    ASKER = "asker"
    DEPARTMENT = "department"
    REGULATOR = "regulator"
    PLATFORM = "platform"


class Route(StrEnum):
    """How what was matched is had: from the desk without condition, by holders' consent, or by a duty in law."""

    OPEN = "open"
    CONSENT = "consent"
    DUTY = "duty"


class Wanted(StrEnum):
    """How often the data are needed."""

    ONCE = "once"
    MONTHLY = "monthly"
    DAILY = "daily"
    ON_CHANGE = "on_change"


OPEN = frozenset({AskState.WAITING, AskState.DESK, AskState.OVERDUE, AskState.ORDERED})
FIRST = frozenset({AskState.MATCHED, AskState.REFUSED, AskState.WAITING, AskState.DESK})
"""States in which an ask may begin."""
WITH_REGULATOR = frozenset({AskState.DESK, AskState.OVERDUE})
"""States in which the regulator has something to do."""
ANSWERS = frozenset({AskState.MATCHED, AskState.AGREED, AskState.REFUSED})

Moves = Mapping[AskState, Mapping[AskState, frozenset[AskMover]]]
_ASKER, _PLATFORM = frozenset({AskMover.ASKER}), frozenset({AskMover.PLATFORM})
_DEPARTMENT, _REGULATOR = frozenset({AskMover.DEPARTMENT}), frozenset({AskMover.REGULATOR})
_EITHER = _DEPARTMENT | _REGULATOR

ASK_MOVES: Moves = {
    AskState.MATCHED: {},
    AskState.WAITING: {
        AskState.AGREED: _DEPARTMENT,
        AskState.REFUSED: _DEPARTMENT,
        AskState.WAITING: _DEPARTMENT,  # handed to another department
        AskState.OVERDUE: _PLATFORM,
        AskState.WITHDRAWN: _ASKER,
    },
    AskState.DESK: {
        AskState.WAITING: _REGULATOR,
        AskState.AGREED: _REGULATOR,
        AskState.REFUSED: _REGULATOR,
        AskState.OVERDUE: _PLATFORM,
        AskState.WITHDRAWN: _ASKER,
    },
    # The late may still answer; the regulator need not wait for them.
    AskState.OVERDUE: {
        AskState.AGREED: _EITHER,
        AskState.REFUSED: _EITHER,
        AskState.ORDERED: _REGULATOR,
        AskState.WITHDRAWN: _ASKER,
    },
    # What the regulator has ordered is not refused.
    AskState.ORDERED: {AskState.AGREED: _DEPARTMENT, AskState.WITHDRAWN: _ASKER},
    AskState.AGREED: {},
    AskState.REFUSED: {},
    AskState.WITHDRAWN: {},
}
"""From each state of an ask, the states that may follow and who brings them about."""


def check_move(before: AskState, after: AskState, mover: AskMover) -> None:
    """Raise ApiError `data_asks.transition` (conflict) unless `mover` may bring `after` about."""
    if mover not in ASK_MOVES[before].get(after, frozenset()):
        raise ApiError("data_asks.transition", Kind.CONFLICT, before=before.value, after=after.value)


def moves_of(state: AskState, mover: AskMover) -> frozenset[AskState]:
    """What somebody may do with an ask in a state."""
    return frozenset(to for to, movers in ASK_MOVES[state].items() if mover in movers)


@dataclass(frozen=True, slots=True)
class Matched:
    """What the catalogue says to an ask: the state in which it begins, and how it is had where it is matched."""

    state: AskState
    route: Route | None = None


_OFTEN = {Wanted.ONCE: 0, Wanted.MONTHLY: 1, Wanted.DAILY: 2, Wanted.ON_CHANGE: 3}
Item = tuple[str, str]


def match(
    offer: Offer | None,
    fields: Sequence[str],
    wanted: Wanted,
    *,
    by_consent: Collection[Item] = (),
    by_duty: Collection[Item] = (),
) -> Matched:
    """What becomes of an ask for fields of an offer; None: the catalogue does not have it.

    `by_consent`, `by_duty`: the (type, field) pairs that the asker's registered purpose, or duty by law, allows. A
    duty reads single cases and gives no supply by itself. Whoever needs data oftener than they are offered is
    answered by the department.
    """
    if offer is None:
        return Matched(AskState.DESK)
    if offer.attribute is Attribute.WITHHELD:
        return Matched(AskState.REFUSED)
    items = {(offer.schema.code, name) for name in fields}
    if wanted is Wanted.ONCE and items <= set(by_duty):
        return Matched(AskState.MATCHED, Route.DUTY)
    if _OFTEN[wanted] <= _OFTEN[Wanted(offer.frequency.value)]:
        if all(offer.of(offer.schema.field(name)) is Attribute.UNCONDITIONAL for name in fields):
            return Matched(AskState.MATCHED, Route.OPEN)
        if items <= set(by_consent):
            return Matched(AskState.MATCHED, Route.CONSENT)
    return Matched(AskState.WAITING)

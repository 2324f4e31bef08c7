"""Whether a case number is one that its body brought, and who may bring numbers. Pure.

That a number has the right form says nothing about whether there is such a case. Each body that queries by law
therefore brings the numbers of its cases, through somebody who does not query: who invents a case would need a second
person to register it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from api.catalogue.case_register import CaseRules

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CASE_NO_MAX = 64


class Standing(StrEnum):
    """How a case number stood when it was used."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    LATE = "late"  # unknown, while the register is late
    CLOSED = "closed"


STRANGE = frozenset({Standing.UNKNOWN, Standing.LATE, Standing.CLOSED})
"""What a regulator is told of."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case as its body brought it."""

    case_no: str
    opened_on: date
    closed_on: date | None


def standing(
    rules: CaseRules, delivered_ms: int | None, closed_on: date | None, at_ms: int, today: date, *, known: bool
) -> Standing | None:
    """How a number stands on a day; None for a body that never brought a register, which is a gap of its own.

    `delivered_ms`: when the body last brought anything. On the day of its closing a case is still open.
    """
    if delivered_ms is None:
        return None
    if known:
        return Standing.CLOSED if closed_on is not None and closed_on < today else Standing.KNOWN
    return Standing.LATE if is_late(rules, delivered_ms, at_ms) else Standing.UNKNOWN


def is_late(rules: CaseRules, delivered_ms: int, at_ms: int) -> bool:
    """Whether nothing was delivered for so long that a new case may well be missing."""
    return at_ms - delivered_ms > rules.late_days * DAY_MS


def may_be_one(first: str, second: str) -> bool:
    """Whether two accounts of a body may be one person's: the same, or both of staff and one of them shared.

    A machine's account is the body itself (`party_…`), a person's `staff:<party>:<pseudonym>`, that of staff without
    numbers of their own `staff:<party>`.
    """
    if first == second:
        return True
    shorter, longer = sorted((first, second), key=len)
    return longer.startswith(shorter + ":")


def malformed(case: Case, today: date, *, fits: bool) -> str | None:
    """Why a line is not taken, as an error code; `fits`: its number has a form of the body's own bases."""
    number = case.case_no
    if not number or len(number) > CASE_NO_MAX or not number.isprintable() or not fits:
        return "case_register.bad_case_no"
    if case.opened_on > today or (case.closed_on is not None and not case.opened_on <= case.closed_on <= today):
        return "case_register.bad_days"
    return None

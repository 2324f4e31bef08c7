"""Whether a query by statutory duty is served, and what of it looks like enumeration. Pure.

Nobody consents to such a query, so it must say by which law and in which case, stays within quotas, and is watched: who
walks through numbers is stopped before the walk is worth anything, and a regulator decides how it goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.catalogue.case_register import CaseRules
from api.catalogue.model import HolderKind, StatutoryBasis
from api.locale import CHINA_STANDARD_TIME
from api.policy.case_register import STRANGE, Standing
from api.policy.decide import Deny, Field, Permit

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BURST_MS = 10 * 60_000
NEAR_LIMIT = 4
"""So many different numbers that differ in their last four characters alone, within an hour: somebody counts up."""
BURST_LIMIT = 20
"""So many different numbers within ten minutes: no officer types as fast."""
STEM = 4
"""How many characters at a number's end a walk changes: sequence and check character."""
NIGHT = range(6)
"""Hours of the city's day at which nobody is at a desk. The police are, so this alone stops nothing."""


class AlarmKind(StrEnum):
    """What an alarm saw."""

    NEIGHBOURING = "neighbouring"
    DISTINCT = "distinct"
    ABSENT = "absent"
    CASE = "case"
    HOURS = "hours"
    QUOTA = "quota"


BLOCKING = frozenset({AlarmKind.NEIGHBOURING, AlarmKind.DISTINCT, AlarmKind.ABSENT, AlarmKind.CASE})
"""Alarms that stop the party's queries until a regulator has looked."""


@dataclass(frozen=True, slots=True)
class AccessAsk:
    """A query as it was sent. `registered`: whether the party may use the basis at all.

    `case`: how its number stands in the party's register, None where there is none. `brings`: whether the account that
    asks may be one that brings case numbers.
    """

    registered: bool
    holder_kind: HolderKind
    case_no: str
    items: frozenset[Field]
    case: Standing | None = None
    brings: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """What the party has done before, this query left out unless said otherwise.

    `today`: its queries under the basis in 24 hours. `of_case`: other numbers under the same case number.
    `near`: other numbers within an hour that begin like this one. `burst`: other numbers within ten minutes.
    `blocked`: a blocking alarm of the party is open. `strange`, `strange_or_late`: other case numbers of a day that the
    party's register did not hold or had closed, without and with those of while it was late.
    """

    today: int
    of_case: int
    near: int
    burst: int
    blocked: bool
    strange: int = 0
    strange_or_late: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to be raised: how much was seen, and how much is usual."""

    kind: AlarmKind
    seen: int
    limit: int

    @property
    def blocks(self) -> bool:
        """Whether the party's queries stop."""
        return self.kind in BLOCKING


NOT_REGISTERED = Deny("statutory.not_registered")
BRINGS_CASES = Deny("statutory.brings_cases")
WRONG_HOLDER_KIND = Deny("statutory.wrong_holder_kind")
BAD_CASE_NO = Deny("statutory.bad_case_no")
NOTHING_ASKED = Deny("statutory.nothing_asked")
FIELD_OUTSIDE_BASIS = Deny("statutory.field_outside_basis")
BLOCKED = Deny("statutory.blocked")
QUOTA_DAY = Deny("statutory.quota_day")
QUOTA_CASE = Deny("statutory.quota_case")
REASONS = (
    NOT_REGISTERED,
    BRINGS_CASES,
    WRONG_HOLDER_KIND,
    BAD_CASE_NO,
    NOTHING_ASKED,
    FIELD_OUTSIDE_BASIS,
    BLOCKED,
    QUOTA_DAY,
    QUOTA_CASE,
)
"""Every answer besides a permit."""


def decide_access(
    basis: StatutoryBasis, rules: CaseRules, ask: AccessAsk, tally: Tally, now_ms: int
) -> tuple[Permit | Deny, Sequence[Alarm]]:
    """Permit or deny with the first reason that applies, and the alarms that the query raises, served or not.

    The order: whether the party, and this account of it, may use this basis at all; whether the query is one that the
    basis knows; whether the party is stopped; what it has done so far. Nothing here depends on whether anybody has the
    number asked for.
    """
    if not ask.registered:
        return NOT_REGISTERED, ()
    if ask.brings:
        return BRINGS_CASES, ()
    malformed = _malformed(basis, ask)
    if malformed is not None:
        return malformed, ()
    if tally.blocked:
        return BLOCKED, ()
    found = _patterns(rules, ask, tally)
    if any(alarm.blocks for alarm in found):
        return BLOCKED, found
    for limit, seen, reason in (
        (basis.quota_per_day, tally.today, QUOTA_DAY),
        (basis.quota_per_case, tally.of_case, QUOTA_CASE),
    ):
        if seen >= limit:
            return reason, (*found, Alarm(AlarmKind.QUOTA, seen + 1, limit))
    if datetime.fromtimestamp(now_ms / 1000, CHINA_STANDARD_TIME).hour in NIGHT:
        found = [*found, Alarm(AlarmKind.HOURS, 1, 0)]
    return Permit(ask.items), found


def misses(basis: StatutoryBasis, nothing_found: int) -> Alarm | None:
    """The alarm of so many queries in a day that found nothing, else None.

    A number that nobody has and a person without such a certificate count alike, or the alarm would tell them apart.
    """
    if nothing_found < basis.alarm_misses:
        return None
    return Alarm(AlarmKind.ABSENT, nothing_found, basis.alarm_misses)


def stem(number: str) -> str:
    """What neighbouring numbers have in common."""
    return number[:-STEM]


def _malformed(basis: StatutoryBasis, ask: AccessAsk) -> Deny | None:
    if ask.holder_kind not in basis.holder_kinds:
        return WRONG_HOLDER_KIND
    if not basis.case_fits(ask.case_no):
        return BAD_CASE_NO
    if not ask.items:
        return NOTHING_ASKED
    if any(basis.allowance(*item) is None for item in ask.items):
        return FIELD_OUTSIDE_BASIS
    return None


def _patterns(rules: CaseRules, ask: AccessAsk, tally: Tally) -> list[Alarm]:
    found = []
    if tally.near + 1 >= NEAR_LIMIT:
        found.append(Alarm(AlarmKind.NEIGHBOURING, tally.near + 1, NEAR_LIMIT))
    if tally.burst + 1 >= BURST_LIMIT:
        found.append(Alarm(AlarmKind.DISTINCT, tally.burst + 1, BURST_LIMIT))
    if ask.case in STRANGE:
        here = 0 if ask.case is Standing.LATE else 1
        for seen, limit in ((tally.strange + here, rules.unknown), (tally.strange_or_late + 1, rules.unknown_late)):
            if seen >= limit:
                found.append(Alarm(AlarmKind.CASE, seen, limit))
                break
    return found

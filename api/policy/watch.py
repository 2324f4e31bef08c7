"""What in the use of data by consent looks unusual, by figures alone. Pure; thresholds are `api.catalogue.watch`.

An alarm stops nothing by itself: a regulator looks, and suspends an organisation or a consent where that is needed.
That many people are asked under one and the same case number is what a made-up one looks like from here; whether it
exists is known where its body brings a register (`api.policy.case_register`), which raises the last two.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from api.catalogue.watch import WatchRules
from api.locale import CHINA_STANDARD_TIME

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


class WatchKind(StrEnum):
    """What an alarm saw."""

    BURST = "burst"
    HOURS = "hours"
    DRIFT = "drift"
    ENUMERATION = "enumeration"
    CASE = "case"
    CASE_UNKNOWN = "case_unknown"
    CASE_CLOSED = "case_closed"


class WatchState(StrEnum):
    """Where an alarm stands in the queue. CLOSED is looked at once more, by somebody else: CHECKED, or OPEN again."""

    OPEN = "open"
    TAKEN = "taken"
    CLOSED = "closed"
    CHECKED = "checked"


class CloseReason(StrEnum):
    """Why an alarm was closed."""

    EXPLAINED = "explained"
    HARMLESS = "harmless"
    MEASURES = "measures"


@dataclass(frozen=True, slots=True)
class Use:
    """What an organisation did, as far as a rule needs it. Each figure is of its rule's own window.

    `burst`: pulls in the last minutes; `night`: pulls in the present night. `purpose_today`: requests of a day under
    the purpose; `purpose_before`, `before`: requests under it, and at all, in the days before. `unknown`, `asked`:
    requests of a day to numbers that nobody has, and all. `of_case`: holders asked under the case number.
    """

    burst: int = 0
    night: int = 0
    purpose_today: int = 0
    purpose_before: int = 0
    before: int = 0
    unknown: int = 0
    asked: int = 0
    of_case: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Something unusual: how much was seen, and from how much on it is unusual."""

    kind: WatchKind
    seen: int
    limit: int


def judge(rules: WatchRules, use: Use) -> list[Seen]:
    """All that is unusual."""
    found = []
    if use.burst >= rules.burst.pulls:
        found.append(Seen(WatchKind.BURST, use.burst, rules.burst.pulls))
    if use.night >= rules.hours.pulls:
        found.append(Seen(WatchKind.HOURS, use.night, rules.hours.pulls))
    known = use.before >= rules.drift.known_requests
    if known and not use.purpose_before and use.purpose_today >= rules.drift.requests:
        found.append(Seen(WatchKind.DRIFT, use.purpose_today, rules.drift.requests))
    often = use.unknown * 100 >= use.asked * rules.enumeration.percent
    if use.unknown >= rules.enumeration.unknown and often:
        found.append(Seen(WatchKind.ENUMERATION, use.unknown, rules.enumeration.unknown))
    if use.of_case >= rules.case.holders:
        found.append(Seen(WatchKind.CASE, use.of_case, rules.case.holders))
    return found


def night_since(rules: WatchRules, at_ms: int) -> int | None:
    """When the night began in which a moment lies, in UTC milliseconds; None by day."""
    at = datetime.fromtimestamp(at_ms / 1000, CHINA_STANDARD_TIME)
    if not rules.hours.from_hour <= at.hour < rules.hours.until_hour:
        return None
    begun = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=rules.hours.from_hour)
    return round(begun.timestamp() * 1000)

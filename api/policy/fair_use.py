"""Fair use: how often, how long, and how far back one purpose may use one type of data. Pure.

Caps bind twice. At consent time days, uses and the life of copies are brought into them with a note, and the caps are
kept with the grant. At fetch time the strictest of what was kept and what the catalogue says now holds, so that a cap
tightened later binds at once and one loosened later changes nothing that was agreed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import reduce

from api.catalogue.model import FairUse, Purpose, TypeSchema
from api.policy.decide import Deny

DAY_MS = 86_400_000
MONTH_DAYS = 30

TOO_FREQUENT = Deny("pull.too_frequent")
OUT_OF_RANGE = Deny("pull.out_of_range")
REASONS = (TOO_FREQUENT, OUT_OF_RANGE)
"""What fair use answers besides leaving a pull alone."""

Caps = Mapping[str, FairUse]
"""Caps by type code."""


@dataclass(frozen=True, slots=True)
class Used:
    """How many uses of a grant fall into the last 24 hours and into the last 30 days, before the one in question."""

    day: int
    month: int


def caps_of(purpose: Purpose, type_codes: Iterable[str]) -> dict[str, FairUse]:
    """What a purpose may do with each of these types."""
    return {code: purpose.fair_use_of((code,)) for code in sorted(set(type_codes))}


def kept(caps: Caps) -> dict[str, object]:
    """Caps as a grant's row keeps them."""
    return {code: asdict(cap) for code, cap in caps.items()}


def binding(purpose: Purpose, kept_caps: Mapping[str, object] | None, type_codes: Iterable[str]) -> dict[str, FairUse]:
    """The strictest caps for these types: what the grant was given under, and what the catalogue says now."""
    now = caps_of(purpose, type_codes)
    return {code: cap.strictest(_read(kept_caps, code) or cap) for code, cap in now.items()}


def overall(caps: Caps) -> FairUse | None:
    """One rule over several types: the strictest in each respect; None where there is no type."""
    return reduce(FairUse.strictest, caps.values()) if caps else None


def may_bind(caps: Caps, uses: int) -> bool:
    """Whether a grant used so many times in all could be at a cap, so that its recent uses must be counted."""
    rule = overall(caps)
    return rule is not None and uses >= min(rule.pulls_per_day, rule.pulls_per_month)


def too_frequent(caps: Caps, used: Used) -> Deny | None:
    """Why one more use would be too many now, else None."""
    rule = overall(caps)
    if rule is None:
        return None
    if used.day >= rule.pulls_per_day or used.month >= rule.pulls_per_month:
        return TOO_FREQUENT
    return None


def in_range(cap: FairUse, schema: TypeSchema, values: Mapping[str, str], today: date) -> bool:
    """Whether a certificate is recent enough: its day of issue lies at most `range_days` back.

    One without a day of issue counts as out of range where there is one: what cannot be told is not released.
    """
    if cap.range_days is None:
        return True
    issued = values.get(schema.issued_on or "", "")
    return bool(issued) and issued >= (today - timedelta(days=cap.range_days)).isoformat()


def _read(kept_caps: Mapping[str, object] | None, code: str) -> FairUse | None:
    found = None if kept_caps is None else kept_caps.get(code)
    if not isinstance(found, Mapping):
        return None
    return FairUse(**found)

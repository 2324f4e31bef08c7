"""What became of a consent, and what may be done with it; and why a decision fell as it did."""

from dataclasses import dataclass

from api.portals.views.common import Delay, FormError


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a consent's history. `what` is a code of the states "change"; `who` and `why` are words.

    `reference` (the number of a case or order) and `receipt_id` are for regulators.
    """

    at_ms: int
    what: str
    who: str
    why: str | None
    anchored: bool
    reference: str | None = None
    receipt_id: str | None = None
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A consent's history, newest first, and the buttons that are offered.

    `until_min`, `until_max` (days) and `uses_max` bound an extension; `asked`: a request for one waits for its answer.
    `older_url` and `newer_url` lead to the consent whose place this one took, and to the one that took its place.
    """

    changes: tuple[Change, ...]
    frozen: bool
    one_off: bool
    per_day: int
    per_month: int
    can_pause: bool
    can_resume: bool
    can_extend: bool
    can_terminate: bool
    until_min: str
    until_max: str
    uses_max: int
    asked: bool
    older_url: str | None
    newer_url: str | None
    error: FormError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that a decision was made on, with how it stood then; `holds` False where it alone forbids."""

    label: str
    value: str
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision made again. `back_url` leads to the consent; `reason` is words, None where it was allowed."""

    portal: str
    allowed: bool
    reason: str | None
    again: str
    agrees: bool
    at_ms: int
    receipt_number: int | None
    back_url: str | None
    facts: tuple[Fact, ...]

"""The queue of alarms."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCard:
    """An alarm; `what` is a sentence with its figures. The `may_…` say what this reader may do next."""

    id: str
    organisation: str
    party_id: str
    what: str
    state: str
    raised_at_ms: int
    last_at_ms: int
    taken_at_ms: int | None
    closed_at_ms: int | None
    checked_at_ms: int | None
    reason: str | None
    remark: str | None
    mine: bool
    may_take: bool
    may_close: bool
    may_check: bool
    may_suspend: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The queue, newest first."""

    base: str
    alarms: tuple[AlarmCard, ...]
    reasons: tuple[Choice, ...]
    error: FormError | None
    pager: Pager

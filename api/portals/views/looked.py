"""Pages of who looked, of cases and of notices."""

from dataclasses import dataclass

from api.portals.views.citizen import Day
from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprints:
    """足迹. `only` is the chosen group, `who` a party's id, `since` and `until` days.

    `looks` counts masked lines, too.
    """

    only: str
    groups: tuple[Choice, ...]
    parties: tuple[Choice, ...]
    who: str
    since: str
    until: str
    days: tuple[Day, ...]
    looks: int
    masked: int
    json_url: str
    csv_url: str
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """这不是我: what is contested, and what stops at once. One of `receipt`, `grant`, `access` is set."""

    what: str
    receipt: str = ""
    grant: str = ""
    access: str = ""
    stops: str
    text: str
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCard:
    """A case in a list. `late`: nobody decided it in time."""

    url: str
    number: str
    who: str
    state: str
    opened_at_ms: int
    due_at_ms: int
    late: bool
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLine:
    """A masked line as a regulator sees it."""

    access: str
    who: str
    law: str
    case_no: str
    at_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Cases; `masks` are for regulators."""

    cases: tuple[CaseCard, ...]
    masks: tuple[MaskLine, ...]
    error: FormError | None
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMove:
    """One move of a case, in words."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision behind the line, made again."""

    recorded: str
    replayed: str
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. What follows `error` is a regulator's, the line's evidence; `grant_url` leads to the consent."""

    id: str
    number: str
    who: str
    what: str
    purpose: str | None
    state: str
    hold: str
    opened_at_ms: int
    due_at_ms: int
    late: bool
    reason: str | None
    decision: str | None
    moves: tuple[CaseMove, ...]
    can_withdraw: bool
    can_review: bool
    can_decide: bool
    error: FormError | None
    verdict: Verdict | None = None
    signed_base: str | None = None
    bundle_url: str | None = None
    grant_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice in words. `url` leads to what it is about."""

    id: str
    text: str
    url: str | None
    at_ms: int
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicChoice:
    """How one is told of a topic: `mode` is the one chosen."""

    topic: str
    label: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """通知, with its settings. `base` is the portal's path of the page; `modes` are offered for each topic."""

    base: str
    notices: tuple[Notice, ...]
    unread: int
    topics: tuple[TopicChoice, ...]
    modes: tuple[Choice, ...]
    address: str
    language: str
    error: FormError | None
    pager: Pager

"""Pages of an entity's bulk pulls."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A job in the list: what it took, how far it is."""

    id: str
    meant: str
    format: str
    state: str
    total: int
    ready: int
    delivered: int
    refused: int
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """All jobs, newest first, and the form for a new one as it was filled in."""

    jobs: tuple[JobLine, ...]
    purposes: tuple[Choice, ...]
    purpose: str
    case_prefix: str
    formats: tuple[Choice, ...]
    error: FormError | None
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why grants were refused, and how many."""

    text: str
    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """One consent of a job."""

    seq: int
    case_no: str | None
    state: str
    reason: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One job: its progress, what can be taken, what was refused and why."""

    line: JobLine
    done: int
    progress_url: str
    progress_text: str
    expires_at_ms: int
    reasons: tuple[Reason, ...]
    items: tuple[ItemLine, ...]
    more_items: bool
    can_fetch: bool
    can_cancel: bool
    can_resume: bool
    error: FormError | None

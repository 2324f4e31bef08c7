"""Pages of a regulator's tracing jobs."""

from dataclasses import dataclass

from api.portals.views.common import FormError


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A job in the list. `over` counts the files that have a verdict, a reason or were forgotten."""

    id: str
    state: str
    total: int
    over: int
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many files have one outcome, as in `states.STATES`."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A file of a job: its trace with the outcome, or its state and, where it was refused, the reason."""

    seq: int
    name: str
    state: str
    trace_id: str | None
    outcome: str | None
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One job: its progress, what came out, file by file. `first_url` and `next_url` turn the pages of files."""

    line: JobLine
    done: int
    refused: int
    waiting: int
    cancelled: int
    progress_url: str
    progress_text: str
    ended_at_ms: int | None
    outcomes: tuple[Counted, ...]
    files: tuple[FileLine, ...]
    first_url: str | None
    next_url: str | None
    can_change: bool
    max_files: int
    max_bytes: int
    error: FormError | None

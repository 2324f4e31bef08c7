"""A body's own register of case numbers."""

from dataclasses import dataclass

from api.portals.views.common import FormError


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a file did; `came`: alarms about numbers that were missing until now."""

    added: int
    changed: int
    unchanged: int
    came: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRegisterPage:
    """The register by counts, and where a file is handed in. `last_at_ms` is None before the first delivery.

    `may_bring`: whether this account may; one that queries may not.
    """

    base: str
    queries: str
    last_at_ms: int | None
    open: int
    closed: int
    late: bool
    late_days: int
    max_entries: int
    may_bring: bool
    done: Done | None
    error: FormError | None

"""Pages of a department."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Pager, Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnLine:
    """A return in the list."""

    id: str
    type_name: str
    state: str
    total: int
    good: int
    bad: int
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """All returns of the department, newest first, with the department's totals."""

    returns: tuple[ReturnLine, ...]
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that a file of a type must or may have, named as the file should name it."""

    name: str
    rule: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReturn:
    """The drop zone. `columns` belong to the chosen type and are empty before one is chosen."""

    types: tuple[Choice, ...]
    chosen: str | None
    columns: tuple[Column, ...]
    template_url: str | None
    max_bytes: int
    max_rows: int
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReport:
    """A row that was not simply good: never its values. `state` is bad, warned or duplicate; `reason` is words."""

    line: int
    column: str | None
    state: str
    reason: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """One return: what the check found, how far sealing and recording are."""

    id: str
    type_name: str
    state: str
    file_bytes: int
    created_at_ms: int
    sealed_at_ms: int | None
    anchored_at_ms: int | None
    done: int
    total: int
    good: int
    warned: int
    bad: int
    duplicate: int
    rows: tuple[RowReport, ...]
    more_rows: bool
    report_url: str | None
    progress_url: str
    progress_text: str
    error: FormError | None
    custody: str
    proof: Proof | None
    can_seal: bool

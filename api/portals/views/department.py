"""Pages of a department."""

from dataclasses import dataclass

from api.portals.views.common import Choice, Delay, FormError, Pager, Proof


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
    delay: Delay | None = None


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
    book_url: str | None = None
    progress_url: str
    progress_text: str
    error: FormError | None
    custody: str
    proof: Proof | None
    can_seal: bool
    backfill: bool = False
    reviewed_at_ms: int | None = None
    own_entry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """A column of a waiting file: its header, blotted values, the field it is taken for and why (words)."""

    number: int
    header: str
    shown: str
    samples: tuple[str, ...]
    field: str
    basis: str
    doubtful: bool
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column is which field. `sheets` where one has to be chosen first."""

    id: str
    type_name: str
    form: str
    sheets: tuple[Choice, ...]
    sheet: int | None
    columns: tuple[MappedColumn, ...]
    missing: tuple[str, ...]
    error: FormError | None

"""Pages of data quality."""

from dataclasses import dataclass

from api.portals.views.common import FormError


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share in words ("97.5 %", or "" of nothing), its parts, and thousandths for the bar."""

    text: str
    part: int
    whole: int
    per_mille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A department's returns of one type; `party` only where several departments are shown."""

    party: str
    type_name: str
    returns: int
    passed: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with its definition and where it found something."""

    severity: str
    text: str
    found: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """A field by which rows were left out."""

    type_name: str
    field: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day's pass rate."""

    day: str
    passed: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The page; `definitions` by the part of the page that they are about. `period`: whether one can be chosen."""

    base: str
    period: bool
    first: str
    last: str
    passed: Share
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]
    worst: tuple[Worst, ...]
    trend: tuple[Day, ...]
    definitions: dict[str, str]
    error: FormError | None

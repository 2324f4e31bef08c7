"""The page of indicators."""

from dataclasses import dataclass

from api.portals.views.common import FormError


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureCard:
    """One figure with its definition. `share` is "87.5 %", None for a count and where nothing happened."""

    code: str
    name: str
    definition: str
    numerator: int
    denominator: int | None
    share: str | None
    per_mille: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicators:
    """All figures of a period; days as the form has them (YYYY-MM-DD)."""

    base: str
    first: str
    last: str
    figures: tuple[FigureCard, ...]
    exports: tuple[tuple[str, str], ...]
    error: FormError | None

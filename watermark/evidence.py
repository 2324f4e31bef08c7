"""What a leak and an original show together, before any candidate's code is looked at.

Everything here is derived from the leaked bytes and the original alone. That is what makes the error bound hold: an
innocent's code is independent of it, whatever the attack was.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

PICTURE_CELL = -1
"""Number of the cell that stands for all that a leak shows as a picture; those of values start at 0."""


class Level(StrEnum):
    """Whose code a layer carries."""

    ENTITY = "entity"
    COPY = "copy"


@dataclass(frozen=True)
class ChipLayer:
    """A layer of -1/+1 chips: `scores[i]` leans to the chip that position i seems to hold, 0 where nothing is left.

    Shape (positions of the original,); any scale.
    """

    name: str
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class VariantLayer:
    """Spellings that a leak shows (`watermark.variants`), by position: +1 the second form, -1 the first, 0 nothing."""

    shown: NDArray[np.int8]


@dataclass(frozen=True)
class SpreadLayer:
    """A layer of chips spread over a picture's cells, not yet folded by the keyed layout (`watermark.spread`).

    `cells`: (cell size in pixels of the original, what each cell leans to, shape (rows, columns)); 0 where nothing is
    left, any scale.
    """

    name: str
    cells: tuple[tuple[int, NDArray[np.float32]], ...]


@dataclass(frozen=True)
class OrderGroup:
    """One list whose order is keyed: `size` items in the original, `observed` = those left, in the leak's order."""

    index: int
    size: int
    observed: tuple[int, ...]


@dataclass(frozen=True)
class OrderLayer:
    """A layer of keyed permutations.

    With `pooled`, the leak shows one order only and any of the groups may be its source (a spreadsheet made from
    objects takes its columns from one of them): evidence is then averaged over the groups, else multiplied.
    """

    name: str
    level: Level
    groups: tuple[OrderGroup, ...]
    pooled: bool = False


@dataclass(frozen=True)
class Claim:
    """An explicit id found in the leak, with the tag beside it. Evidence only if the keyed tag verifies."""

    copy_id: str
    tag: str


@dataclass(frozen=True)
class Coverage:
    """Which of the leak's cells the original explains (`cells`: leak-wide cell numbers), and how strongly.

    `rows`: leak's rows that count as records of this original; 0 if it is not found in the leak. `strong`: at least
    one of them holds an identifier and enough beside it. `whole`: some row of the original stands in the leak with
    all its values, telling or not.
    """

    cells: frozenset[int] = frozenset()
    rows: int = 0
    strong: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Evidence:
    """All that one original says about one leak."""

    content_id: str
    chip_layers: tuple[ChipLayer, ...] = ()
    order_layers: tuple[OrderLayer, ...] = ()
    claims: tuple[Claim, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    spread_layers: tuple[SpreadLayer, ...] = ()
    variants: VariantLayer | None = None

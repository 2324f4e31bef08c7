"""Figures, and how they are printed: each with its aim or its peer, and the ratio between the two."""

from dataclasses import dataclass
from math import ceil

from rich.console import Console


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    `aim` is a first aim, `peer` the same work done by `peer_name`, both in `unit`. `more_is_better` says in which
    direction the ratio counts: 1.0 means that aim or peer is met, more is better.
    """

    group: str
    name: str
    value: float
    unit: str
    aim: float | None = None
    peer: float | None = None
    peer_name: str = ""
    more_is_better: bool = True
    note: str = ""

    def ratio(self) -> float | None:
        """This figure against its aim, or against its peer where it has no aim; None where it has neither."""
        other = self.aim if self.aim is not None else self.peer
        if other is None or not other or not self.value:
            return None
        return self.value / other if self.more_is_better else other / self.value

    def to_json(self) -> dict[str, object]:
        """The figure as it is written to a file."""
        ratio = self.ratio()
        return {
            "group": self.group,
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "aim": self.aim,
            "peer": None if self.peer is None else round(self.peer, 3),
            "peer_name": self.peer_name or None,
            "ratio": None if ratio is None else round(ratio, 3),
            "note": self.note or None,
        }


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def print_figures(figures: list[Figure], console: Console) -> None:
    """Print all figures, a line each, under the names of their groups."""
    for group in dict.fromkeys(figure.group for figure in figures):
        console.print(f"\n[bold]{group}[/]")
        for figure in (f for f in figures if f.group == group):
            console.print(line(figure), highlight=False, markup=False, soft_wrap=True)


def line(figure: Figure) -> str:
    """A figure, what it is held against with the ratio, and its note."""
    against = ""
    ratio = figure.ratio()
    if ratio is not None and figure.aim is not None:
        against = f"aim {number(figure.aim)}, {ratio:.2f} of it"
    elif ratio is not None and figure.peer is not None:
        against = f"{figure.peer_name} {number(figure.peer)}, {ratio:.2f} of it"
    return f"  {figure.name:<38} {number(figure.value):>9} {figure.unit:<7} {against:<34} {figure.note}".rstrip()

"""The control of a trace, drawn: what never-issued codes scored, the stated bound, and where the accused stand."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from api.documents.certificate import INK, LINE, MUTED
from api.documents.pdf_writer import Align, Page, Style, rgb

HEIGHT = 190.0
"""Points that the drawing takes."""

_FOOT, _HEAD, _SIDE = 30.0, 14.0, 34.0
_HIGHEST = 24.0
_LABEL = Style(7.5, MUTED)
_POWER = Style(5.5, MUTED)
_NAME = Style(7.5, INK)
_STEPS, _BOUND, _ACCUSED = rgb("#1A4F8B"), rgb("#B3261E"), rgb("#1B5E20")
_DASH = 5.0


def draw_control(
    page: Page, control: Mapping[str, Any], accused: Sequence[tuple[str, float]], at: tuple[float, float], width: float
) -> None:
    """Draws `watermark.control.Control.to_dict` with its lower left corner `at`, `width` points wide.

    `accused`: names with their log10 E. Steps: decoys that reach E, on a logarithmic scale; dashed: N/E, which they
    must not exceed but by chance.
    """
    scale = _Scale(control, max((log10_e for _, log10_e in accused), default=0.0), at, width)
    left, right = at[0] + _SIDE, at[0] + width
    for power in range(int(scale.top) + 1):
        y = scale.y(10.0**power)
        page.line(left, y, right, y, LINE, 0.4)
        page.text(left - 11, y - 2.5, "10", _LABEL, Align.RIGHT)
        page.text(left - 10.5, y + 1, str(power), _POWER)
    step = 2 if scale.high - scale.low <= 30 else 5
    base = at[1] + _FOOT
    for tick in range(math.ceil(scale.low / step) * step, int(scale.high) + 1, step):
        page.line(scale.x(tick), base, scale.x(tick), base - 3, MUTED, 0.5)
        page.text(scale.x(tick), base - 12, str(tick), _LABEL, Align.CENTRE)
    page.line(left, base, right, base, MUTED, 0.5)
    page.text((left + right) / 2, at[1] + 4, "log10 E", _LABEL, Align.CENTRE)
    page.steps(scale.tail(control), _STEPS, 1.4)
    _dashed(page, scale)
    for number, (name, log10_e) in enumerate(accused):
        x = scale.x(log10_e)
        page.line(x, base, x, at[1] + HEIGHT - _HEAD, _ACCUSED, 1.0)
        more = "> " if log10_e > scale.high else ""
        page.text(x - 4, at[1] + HEIGHT - _HEAD - 8 - 10 * number, f"{more}{name}  {log10_e:.1f}", _NAME, Align.RIGHT)


class _Scale:
    """Where values stand on the page."""

    def __init__(self, control: Mapping[str, Any], strongest: float, at: tuple[float, float], width: float) -> None:
        self.low = float(control["low"])
        reach = self.low + float(control["bin"]) * len(control["counts"])
        self.high = min(max(reach, strongest * 1.06 + 1), _HIGHEST)
        self.decoys = int(control["decoys"])
        self.top = math.log10(max(self.decoys, 10))
        self._at, self._width = at, width

    def x(self, log10_e: float) -> float:
        share = (min(max(log10_e, self.low), self.high) - self.low) / (self.high - self.low)
        return self._at[0] + _SIDE + share * (self._width - _SIDE)

    def y(self, count: float) -> float:
        share = math.log10(count) / self.top if count >= 1 else -0.03
        return self._at[1] + _FOOT + max(share, -0.03) * (HEIGHT - _FOOT - _HEAD)

    def tail(self, control: Mapping[str, Any]) -> list[tuple[float, float]]:
        """Decoys that reach each value, as the corners of steps."""
        counts: Sequence[int] = control["counts"]
        left, points = sum(counts), []
        for number, count in enumerate(counts):
            at = self.low + number * float(control["bin"])
            if left:
                points += [(self.x(at), self.y(left)), (self.x(at + float(control["bin"])), self.y(left))]
            left -= count
        return points


def _dashed(page: Page, scale: _Scale) -> None:
    """The bound: all decoys at E = 1, one at E = their number."""
    x0, y0, x1, y1 = scale.x(0), scale.y(scale.decoys), scale.x(scale.top), scale.y(1)
    length = math.hypot(x1 - x0, y1 - y0)
    count = max(1, int(length / (2 * _DASH)))
    for number in range(count):
        a, b = number / count, (number + 0.5) / count
        page.line(x0 + (x1 - x0) * a, y0 + (y1 - y0) * a, x0 + (x1 - x0) * b, y0 + (y1 - y0) * b, _BOUND, 0.9)

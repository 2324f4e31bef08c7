"""The control as a drawing (SVG): what never-issued codes scored, the stated bound, and where the accused stand."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 16, 40
_MAX_SHOWN = 24.0


def control_plot(control: Mapping[str, Any], accused: Sequence[tuple[str, float]], label: str) -> str:
    """The drawing of `Control.to_dict`. `accused`: names with their log10 E; `label`: what it is, for readers aloud.

    Steps: decoys that reach E, on a logarithmic scale. Dashed: N/E, which they must not exceed but by chance.
    """
    decoys, low, width = int(control["decoys"]), float(control["low"]), float(control["bin"])
    counts: Sequence[int] = control["counts"]
    strongest = max((log10_e for _, log10_e in accused), default=0.0)
    high = min(max(low + width * len(counts), strongest * 1.06 + 1), _MAX_SHOWN)
    top = math.log10(max(decoys, 10))

    def x(log10_e: float) -> float:
        share = (min(max(log10_e, low), high) - low) / (high - low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(count: float) -> float:
        share = math.log10(max(count, 0.5)) / top if count >= 1 else -0.04
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{escape(label)}" font-family="sans-serif" font-size="11">'
        ),
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for power in range(int(top) + 1):
        parts.append(_line(_LEFT, y(10**power), _WIDTH - _RIGHT, y(10**power), "#e3e6ea"))
        parts.append(_text(_LEFT - 6, y(10**power) + 4, f"10{_superscript(power)}", "end"))
    step = 2 if high - low <= 30 else 5
    for tick in range(math.ceil(low / step) * step, int(high) + 1, step):
        parts.append(_line(x(tick), _HEIGHT - _BOTTOM, x(tick), _HEIGHT - _BOTTOM + 4, "#555"))
        parts.append(_text(x(tick), _HEIGHT - _BOTTOM + 16, str(tick), "middle"))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "log₁₀ E", "middle"))
    parts.append(_tail(counts, low, width, x, y))
    parts.append(_line(x(0), y(decoys), x(top), y(1), "#b3261e", dashed=True))
    for name, log10_e in accused:
        parts.append(_line(x(log10_e), _TOP, x(log10_e), _HEIGHT - _BOTTOM, "#1b5e20"))
        more = "→ " if log10_e > high else ""
        parts.append(_text(x(log10_e) - 5, _TOP + 11, f"{more}{escape(name)} {log10_e:.1f}", "end"))
    return "".join([*parts, "</svg>"])


def _tail(
    counts: Sequence[int], low: float, width: float, x: Callable[[float], float], y: Callable[[float], float]
) -> str:
    """Decoys that reach each E, as steps."""
    left = sum(counts)
    points = []
    for number, count in enumerate(counts):
        if left:
            at = low + number * width
            points += [f"{x(at):.1f},{y(left):.1f}", f"{x(at + width):.1f},{y(left):.1f}"]
        left -= count
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="#1a4f8b" stroke-width="2"/>'


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}"{dash}/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{words}</text>'


def _superscript(power: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(power))

"""Drawings that make a certificate look like one: a guilloche band, a rosette, and the demo seal. Vectors only.

The seal is fictitious on purpose: a plain double ring with 演示 in it, never the star of a state organ's seal. A real
seal's picture comes from the department's own signer and is no business of this module.
"""

import math
from functools import lru_cache

from api.documents.fonts import UNITS, Typeface, font_face, glyph_outline
from api.documents.pdf_writer import Colour, Form, rgb

SEAL_RED = rgb("#C8102E")
SEAL_RADIUS = 56.0
"""Outer radius of the seal in points: 40 mm across, as round seals of offices are."""

_KAPPA = 0.5522847498  # control distance of a quarter circle drawn as a cubic curve
_ARC = math.radians(204)  # part of the ring that the organ's name may take


def _circle(x: float, y: float, radius: float) -> str:
    k = _KAPPA * radius
    return (
        f"{x + radius:.2f} {y:.2f} m "
        f"{x + radius:.2f} {y + k:.2f} {x + k:.2f} {y + radius:.2f} {x:.2f} {y + radius:.2f} c "
        f"{x - k:.2f} {y + radius:.2f} {x - radius:.2f} {y + k:.2f} {x - radius:.2f} {y:.2f} c "
        f"{x - radius:.2f} {y - k:.2f} {x - k:.2f} {y - radius:.2f} {x:.2f} {y - radius:.2f} c "
        f"{x + k:.2f} {y - radius:.2f} {x + radius:.2f} {y - k:.2f} {x + radius:.2f} {y:.2f} c h"
    )


def _numbers(colour: Colour) -> str:
    return " ".join(f"{component:.3g}" for component in colour)


def _glyph(character: str, x: float, y: float, size: float, angle: float, squeeze: float) -> str:
    """A glyph's filled outline, its middle over (x, y), turned by `angle`, its width scaled by `squeeze`."""
    scale = size / UNITS
    cos, sin = math.cos(angle), math.sin(angle)
    half = font_face(Typeface.SERIF).width(character, size) * squeeze / 2
    # The baseline is lowered by about a third of the size, which centres a Chinese glyph's body on the point.
    left, down = -half, -0.38 * size
    matrix = (squeeze * scale * cos, squeeze * scale * sin, -scale * sin, scale * cos)
    origin = (x + left * cos - down * sin, y + left * sin + down * cos)
    path = "\n".join(glyph_outline(Typeface.SERIF, character))
    numbers = " ".join(f"{number:.5f}" for number in matrix) + f" {origin[0]:.2f} {origin[1]:.2f}"
    return f"q {numbers} cm\n{path}\nB Q"


@lru_cache(maxsize=128)
def demo_seal(organ: str, small: str = "电子证照样章") -> Form:
    """The seal of a fictitious organ, centre at (0, 0), as outlines: its words do not enter the page's text.

    `small` is what stands along its foot. Raises ApiError `documents.missing_glyph`.
    """
    font_face(Typeface.SERIF).require(organ)
    radius = SEAL_RADIUS
    colour = _numbers(SEAL_RED)
    out = [
        f"{colour} RG {colour} rg",
        f"3.2 w {_circle(0, 0, radius - 1.6)} S",
        f"0.8 w {_circle(0, 0, radius - 5.6)} S",
    ]
    size = min(15.0, (radius - 17) * _ARC / max(len(organ), 1) * 1.05)
    squeeze = 0.86
    ring = radius - 8.5 - size * 0.55
    # Short names are not spread over the whole arc: a glyph and a third each is what a seal cutter would leave.
    span = min(_ARC, len(organ) * size * 1.34 / ring)
    out.append(f"{0.03 * UNITS:g} w")  # the outlines' own units: thickens the strokes as a cut seal has them
    for position, character in enumerate(organ):
        turn = span / 2 - span * (position + 0.5) / len(organ)
        out.append(_glyph(character, -ring * math.sin(turn), ring * math.cos(turn), size, turn, squeeze))
    for position, character in enumerate("演示"):
        out.append(_glyph(character, (position - 0.5) * 23, 8, 22, 0, 1))
    for position, character in enumerate(small):
        out.append(_glyph(character, (position - (len(small) - 1) / 2) * 9, -radius * 0.61, 9, 0, 0.95))
    edge = radius + 1
    return Form("\n".join(out).encode("ascii"), (-edge, -edge, edge, edge))


@lru_cache(maxsize=8)
def guilloche_band(width: float, height: float, colour: Colour) -> Form:
    """A band of interlaced waves, lower left corner at (0, 0): hard to retype, easy on ink."""
    out = [f"0.3 w {_numbers(colour)} RG"]
    steps = int(width / 3)
    for wave in range(7):
        phase = wave * math.pi / 3.5
        points = []
        for step in range(steps + 1):
            x = width * step / steps
            envelope = 0.62 + 0.38 * math.sin(2 * math.pi * x / width * 3 + phase / 2)
            y = height / 2 + height / 2 * envelope * math.sin(2 * math.pi * x / 46 + phase)
            points.append(f"{x:.1f} {y:.1f} {'l' if step else 'm'}")
        out.append(" ".join(points) + " S")
    return Form("\n".join(out).encode("ascii"), (0, -1, width, height + 1))


@lru_cache(maxsize=128)
def seal_plate(organ: str) -> Form:
    """A frame that names who sealed, centre at (0, 0), as outlines: for seals of real organs.

    It imitates no seal: a picture of a real one comes from its organ alone. Raises `documents.missing_glyph`.
    """
    font_face(Typeface.SERIF).require(organ)
    size = min(11.0, 132.0 / max(len(organ), 1))
    colour = _numbers(SEAL_RED)
    out = [f"{colour} RG {colour} rg", "1 w -76 -20 152 40 re S", f"{0.02 * UNITS:g} w"]
    for text, height, points in ((organ, 9.0, size), ("电子签章", -8.0, 9.0)):
        for position, character in enumerate(text):
            out.append(_glyph(character, (position - (len(text) - 1) / 2) * points * 1.06, height, points, 0, 1))
    return Form("\n".join(out).encode("ascii"), (-77, -21, 77, 21))


def scaled(form: Form, factor: float) -> Form:
    """The same drawing, larger or smaller around (0, 0)."""
    content = b"q %.4f 0 0 %.4f 0 0 cm\n%b\nQ" % (factor, factor, form.content)
    left, bottom, right, top = (edge * factor for edge in form.box)
    return Form(content, (left, bottom, right, top))


@lru_cache(maxsize=8)
def rosette(radius: float, colour: Colour) -> Form:
    """A rosette around (0, 0) for the page's ground: rings of circles that all pass through one another."""
    out = [f"0.3 w {_numbers(colour)} RG"]
    for count, middle, reach in ((60, 0.72, 0.28), (48, 0.46, 0.22), (36, 0.26, 0.14)):
        for number in range(count):
            turn = 2 * math.pi * number / count
            out.append(
                _circle(radius * middle * math.cos(turn), radius * middle * math.sin(turn), radius * reach) + " S"
            )
    edge = radius + 1
    return Form("\n".join(out).encode("ascii"), (-edge, -edge, edge, edge))

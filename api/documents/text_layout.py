"""Breaking text into lines: Chinese between any two characters, Latin at blanks, no closing mark at a line's start."""

import re
from collections.abc import Callable

from api.documents.fonts import UNITS, font_face
from api.documents.pdf_writer import Style

_NEVER_FIRST = frozenset("，。、；：？！）》】」』”’,.;:?!)]}%")
_NEVER_LAST = frozenset("（《【「『“‘([{")
_MAX_CARRIED = 4
_PIECES = re.compile(r"[A-Za-z0-9_@#&+*/=.\-]+|\s+|.", re.DOTALL)


def wrap(text: str, style: Style, width: float) -> list[str]:
    """The lines of `text` no wider than `width` points; a Latin word wider than that is cut. At least one line.

    Raises ApiError `documents.missing_glyph`.
    """
    face = font_face(style.typeface)
    face.require(text.replace("\n", ""))
    scale = style.size / UNITS

    def advance(piece: str) -> float:
        units: int = sum([face.widths[face.glyphs[ord(c)]] for c in piece])
        return units * scale + style.tracking * len(piece)

    lines: list[str] = []
    current, used = "", 0.0
    for piece in _pieces(text, advance, width):
        if piece == "\n":
            lines.append(current.rstrip())
            current, used = "", 0.0
            continue
        if piece.isspace() and not current:
            continue
        size = advance(piece)
        if used + size > width + style.tracking + 0.01 and current and not piece.isspace():
            keep, carried = _kinsoku(current, piece)
            lines.append(keep.rstrip())
            current = carried
            used = advance(current)
        current += piece
        used += size
    lines.append(current.rstrip())
    return lines


def _pieces(text: str, advance: Callable[[str], float], width: float) -> list[str]:
    out: list[str] = []
    for line_number, line in enumerate(text.split("\n")):
        if line_number:
            out.append("\n")
        for piece in _PIECES.findall(line):
            out += [piece] if len(piece) == 1 or advance(piece) <= width else list(piece)
    return out


def _kinsoku(line: str, following: str) -> tuple[str, str]:
    """(what stays, what moves down) so that no line begins or ends with the wrong mark; few characters move."""
    cut = len(line)
    while cut > max(1, len(line) - _MAX_CARRIED) and (
        (line[cut:] or following)[0] in _NEVER_FIRST or line[cut - 1] in _NEVER_LAST
    ):
        cut -= 1
    return line[:cut], line[cut:]

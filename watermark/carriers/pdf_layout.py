"""Moving single glyphs of a finished PDF by real text positions (ISO 32000-2, 9.4), whatever program produced it.

A glyph that is placed by its own Tm is moved by changing that Tm. Any other glyph is moved across by a pair of TJ
adjustments that cancel, and up or down by the text rise: no width table is needed and nothing after it moves.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pikepdf
from pikepdf import Array, Name, Operator, String

Matrix = tuple[float, float, float, float]
Offsets = Callable[[int], tuple[float, float]]
"""Glyph number -> (right, up) in points of the page."""

_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0)
_TWO_BYTE_CMAPS = frozenset({"/Identity-H", "/UniGB-UCS2-H", "/UniGB-UTF16-H"})
_CODESPACE = re.compile(rb"begincodespacerange(.*?)endcodespacerange", re.DOTALL)
_HEX = re.compile(rb"<([0-9A-Fa-f]+)>")
_SPACE = re.compile(rb"<((?:[0-9A-Fa-f]{2})+)>\s*<(?:0020|00[aA]0|3000)>")
_POSITIONING = frozenset({"Tm", "Td", "TD", "T*", "'", '"', "Tj", "TJ", "BT", "ET"})
_MAX_FORM_DEPTH = 8


def _times(a: Matrix, b: Matrix) -> Matrix:
    """The linear part of a x b, row vectors as in PDF."""
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    )


def _into(m: Matrix, dx: float, dy: float) -> tuple[float, float] | None:
    """A page vector in the space that `m` maps to the page; None where `m` is singular."""
    det = m[0] * m[3] - m[1] * m[2]
    if abs(det) < 1e-12:
        return None
    return (dx * m[3] - dy * m[2]) / det, (-dx * m[1] + dy * m[0]) / det


def code_bytes(font: pikepdf.Object) -> int:
    """Bytes of a character code in `font`; 0 where they vary or the writing is vertical: such text stays put."""
    if font.get("/Subtype") != "/Type0":
        return 1
    encoding = font.get("/Encoding")
    if isinstance(encoding, pikepdf.Stream):
        found = _CODESPACE.search(encoding.read_bytes())
        lengths = {len(h) // 2 for h in _HEX.findall(found[1])} if found else set()
        return 2 if lengths == {2} and not int(encoding.get("/WMode", 0)) else 0
    return 2 if str(encoding) in _TWO_BYTE_CMAPS else 0


def space_codes(font: pikepdf.Object, width: int) -> frozenset[bytes]:
    """Codes of `width` bytes that stand for a space, as far as the font tells: its ToUnicode map, or ASCII."""
    codes = {b" "} if width == 1 else set()
    to_unicode = font.get("/ToUnicode")
    if isinstance(to_unicode, pikepdf.Stream):
        codes |= {bytes.fromhex(m[1].decode()) for m in _SPACE.finditer(to_unicode.read_bytes())}
    return frozenset(code for code in codes if len(code) == width)


@dataclass(frozen=True)
class _State:
    ctm: Matrix = _IDENTITY
    size: float = 0.0
    width: int = 0
    spaces: frozenset[bytes] = frozenset()
    stretch: float = 1.0
    rise: float = 0.0


@dataclass
class _Show:
    """One show operation: the instruction's place, the state it runs in, its parts split into codes."""

    place: int
    state: _State
    text: Matrix
    parts: list[Any]
    own_tm: int | None
    first: int = 0


@dataclass
class _Stream:
    """One content stream, parsed: page or form."""

    owner: pikepdf.Object | pikepdf.Page
    instructions: list[Any]
    shows: list[_Show] = field(default_factory=list)


class GlyphMover:
    """All glyphs of `pdf` in drawing order, ready to be moved. A form that is drawn twice counts once.

    `count`: how many. `sizes`: their font sizes on the page, in points. `beside_space`: whether a glyph is a space or
    the one before or after it; moving such glyphs across could close the gap between two words.
    """

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._streams: list[_Stream] = []
        self._forms: set[tuple[int, int]] = set()
        self._fonts: dict[tuple[int, int], tuple[int, frozenset[bytes]]] = {}
        self.count = 0
        self.sizes: list[float] = []
        self._spaces: list[int] = []
        for page in pdf.pages:
            self._scan(page, page.resources, _IDENTITY, 0)

    @property
    def beside_space(self) -> list[bool]:
        """See the class; one flag a glyph."""
        flags = [False] * self.count
        for space in self._spaces:
            flags[max(space - 1, 0) : space + 2] = [True] * len(flags[max(space - 1, 0) : space + 2])
        return flags

    def move(self, offsets: Offsets, *, whole: bool = False) -> None:
        """Rewrite every stream, each glyph moved by `offsets`. The mover is used up.

        With `whole`, every show operation stays one operation and its glyphs move along the line only: some readers
        cannot put turned text together from single glyphs.
        """
        for stream in self._streams:
            data = pikepdf.unparse_content_stream(_rewritten(stream, offsets, whole=whole))
            if isinstance(stream.owner, pikepdf.Page):
                stream.owner.Contents = self._pdf.make_stream(data)
            else:
                stream.owner.write(data)

    def _font(self, font: pikepdf.Object) -> tuple[int, frozenset[bytes]]:
        if font.objgen not in self._fonts or font.objgen == (0, 0):
            width = code_bytes(font)
            self._fonts[font.objgen] = (width, space_codes(font, width))
        return self._fonts[font.objgen]

    def _scan(self, owner: pikepdf.Object | pikepdf.Page, resources: pikepdf.Object, ctm: Matrix, depth: int) -> None:
        stream = _Stream(owner, list(pikepdf.parse_content_stream(owner)))
        self._streams.append(stream)
        scan = _Scan(_State(ctm))
        for place, instruction in enumerate(stream.instructions):
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                continue
            operands, operator = instruction.operands, str(instruction.operator)
            if operator == "Tf":
                font = resources.Font[str(operands[0])]
                width, spaces = self._font(font)
                scan.state = replace(scan.state, size=float(operands[1]), width=width, spaces=spaces)
            elif operator == "Do":
                self._form(resources.XObject[str(operands[0])], resources, scan.state.ctm, depth)
            elif operator in {"Tj", "TJ", "'", '"'}:
                self._show(stream, scan, place, operator, operands)
            else:
                scan.step(place, operator, operands)
            if operator in _POSITIONING:
                scan.after_positioning(operator, stream.shows)

    def _form(self, form: pikepdf.Object, resources: pikepdf.Object, ctm: Matrix, depth: int) -> None:
        if form.get("/Subtype") != "/Form" or form.objgen in self._forms or depth >= _MAX_FORM_DEPTH:
            return
        self._forms.add(form.objgen)
        matrix = form.get("/Matrix")
        linear = _linear(matrix) if matrix is not None else _IDENTITY
        self._scan(form, form.get("/Resources", resources), _times(linear, ctm), depth + 1)

    def _show(self, stream: _Stream, scan: "_Scan", place: int, operator: str, operands: pikepdf.Object) -> None:
        width = scan.state.width
        if not width or not scan.state.size:
            return
        items = list(operands[0]) if operator == "TJ" else [operands[-1]]
        parts: list[Any] = []
        for item in items:
            if isinstance(item, String):
                raw = bytes(item)
                parts += [raw[i : i + width] for i in range(0, len(raw), width)]
            else:
                parts.append(item)
        codes = [part for part in parts if isinstance(part, bytes)]
        glyphs = len(codes)
        own = scan.last_tm if operator == "Tj" and glyphs == 1 else None
        stream.shows.append(_Show(place, scan.state, scan.text, parts, own, self.count))
        self._spaces += [self.count + k for k, code in enumerate(codes) if code in scan.state.spaces]
        self.count += glyphs
        scale = _scale(_times(scan.text, scan.state.ctm))
        self.sizes += [abs(scan.state.size) * scale] * glyphs


def _linear(operands: pikepdf.Object) -> Matrix:
    return (float(operands[0]), float(operands[1]), float(operands[2]), float(operands[3]))


def _scale(m: Matrix) -> float:
    return math.sqrt(abs(m[0] * m[3] - m[1] * m[2]))


class _Scan:
    """Graphics and text state while a stream is read."""

    def __init__(self, state: _State) -> None:
        self.state = state
        self.text: Matrix = _IDENTITY
        self.last_tm: int | None = None
        self._stack: list[_State] = []
        self._open: _Show | None = None

    def step(self, place: int, operator: str, operands: pikepdf.Object) -> None:
        if operator == "q":
            self._stack.append(self.state)
        elif operator == "Q" and self._stack:
            self.state = self._stack.pop()
        elif operator == "cm":
            self.state = replace(self.state, ctm=_times(_linear(operands), self.state.ctm))
        elif operator == "BT":
            self.text = _IDENTITY
        elif operator == "Tm":
            self.text = _linear(operands)
            self.last_tm = place
        elif operator == "Tz":
            self.state = replace(self.state, stretch=float(operands[0]) / 100)
        elif operator == "Ts":
            self.state = replace(self.state, rise=float(operands[0]))

    def after_positioning(self, operator: str, shows: list[_Show]) -> None:
        """A Tm may be changed only if exactly one glyph hangs on it: the next positioning must be a Tm or the end."""
        if operator == "Tm":
            self._open = None
            return
        if self._open is not None and operator not in {"ET", "BT"}:
            self._open.own_tm = None
        self._open = shows[-1] if operator == "Tj" and shows and self.last_tm is not None else None
        self.last_tm = None


def _rewritten(stream: _Stream, offsets: Offsets, *, whole: bool) -> list[Any]:
    out: list[Any] = list(stream.instructions)
    for show in stream.shows:
        if show.own_tm is not None:
            _move_tm(out, show, offsets)
        else:
            change = _moved_along if whole else _moved
            out[show.place] = change(show, stream.instructions[show.place], offsets)
    flat: list[Any] = []
    for item in out:
        flat.extend(item) if isinstance(item, list) else flat.append(item)
    return flat


def _move_tm(out: list[Any], show: _Show, offsets: Offsets) -> None:
    vector = _into(show.state.ctm, *offsets(show.first))
    if vector is None or show.own_tm is None:
        return
    operands = list(out[show.own_tm].operands)
    operands[4] = Decimal(f"{float(operands[4]) + vector[0]:.3f}")
    operands[5] = Decimal(f"{float(operands[5]) + vector[1]:.3f}")
    out[show.own_tm] = pikepdf.ContentStreamInstruction(operands, Operator("Tm"))


def _moved(show: _Show, instruction: pikepdf.ContentStreamInstruction, offsets: Offsets) -> list[Any]:
    out = _before_show(instruction)
    matrix = _times(show.text, show.state.ctm)
    number = show.first
    for part in show.parts:
        if not isinstance(part, bytes):
            out.append(([Array([part])], Operator("TJ")))
            continue
        vector = _into(matrix, *offsets(number)) or (0.0, 0.0)
        number += 1
        adjust = _adjustment(show, vector[0])
        out.append(([Decimal(f"{show.state.rise + vector[1]:.4f}")], Operator("Ts")))
        out.append(([Array([adjust, String(part), -adjust])], Operator("TJ")))
    out.append(([Decimal(f"{show.state.rise:.4f}")], Operator("Ts")))
    return out


def _moved_along(show: _Show, instruction: pikepdf.ContentStreamInstruction, offsets: Offsets) -> list[Any]:
    matrix = _times(show.text, show.state.ctm)
    number = show.first
    items: list[Any] = []
    for part in show.parts:
        if not isinstance(part, bytes):
            items.append(part)
            continue
        vector = _into(matrix, *offsets(number)) or (0.0, 0.0)
        number += 1
        adjust = _adjustment(show, vector[0])
        items += [adjust, String(part), -adjust]
    return [*_before_show(instruction), ([Array(items)], Operator("TJ"))]


def _adjustment(show: _Show, across: float) -> Decimal:
    return Decimal(f"{-across * 1000 / (show.state.size * (show.state.stretch or 1.0)):.2f}")


def _before_show(instruction: pikepdf.ContentStreamInstruction) -> list[Any]:
    """What the operators ' and " do before they show."""
    operator, operands = str(instruction.operator), instruction.operands
    out: list[Any] = []
    if operator == '"':
        out += [([operands[0]], Operator("Tw")), ([operands[1]], Operator("Tc"))]
    if operator in {"'", '"'}:
        out.append(([], Operator("T*")))
    return out


def page_resources(page: pikepdf.Page) -> pikepdf.Object:
    """The page's own resource dictionary, made if it inherits one, so that additions touch this page alone."""
    inherited = page.resources
    page.obj[Name.Resources] = pikepdf.Dictionary(dict(inherited.items()))
    return page.obj[Name.Resources]

"""Letters read off a picture, held against an original table: which of its rows, fields and spellings they show.

The tracer holds the original, so it need not read: of each line it only has to tell which record it shows, and of each
value that it recognises, which of the few permitted spellings. Letters may be misread and cells cut off. Nothing here
sees a key or a candidate; what cannot be told is left out.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import median

from watermark.cells import Weight, normalise, weigh
from watermark.provenance import MAX_COMMON_ROWS, Leak, Sheet
from watermark.reading import Piece, Row
from watermark.variants import Spelling, base, kinds, places, spelt

BETWEEN_WORDS = re.compile(
    r"[\s:;,|(){}\[\]\"'\uff1a\uff1b\uff0c\uff08\uff09\u3002\u3010\u3011\u3001\u201c\u201d\u2018\u2019]+"
)
"""What parts words in a line that was read, such as one of CSV or JSON in an editor."""

_LIKE = 0.7
"""Share of letters in common from which a misread value counts as the record's, in a record known by other values."""
_MISREAD = 8
"""Of so many letters of an identifier one may be misread."""
_MAX_TRIED = 8
_GRAM = 5
_LEAST = 4
"""Letters from which a piece of a value counts as that value, cut off."""
_AGREE = 0.9
"""Share of neighbours in the common order from which a picture shows columns."""
_NARROW_BRACKET, _WIDE_BRACKET = 0.58, 0.72
_NARROW_HYPHEN, _WIDE_HYPHEN = 0.67, 0.78
"""Widths of a sign, in those of a wide letter: what lies between says nothing."""
_DIGIT_WIDTH = 0.55
_BRACKETS, _HYPHENS = "\uff08\uff09()", "-\uff0d\u2014\u2013"


@dataclass(frozen=True)
class _Token:
    """A piece, or a word in it: letters `start` to `end` of `piece`."""

    piece: Piece
    start: int
    end: int
    plain: str

    @classmethod
    def of(cls, piece: Piece, start: int, end: int) -> "_Token":
        return cls(piece, start, end, normalise(piece.text[start:end]))

    @property
    def x(self) -> float:
        """Where it begins."""
        return self.piece.at[self.start]

    @property
    def text(self) -> str:
        return self.piece.text[self.start : self.end]


@dataclass(frozen=True)
class _Met:
    """A record that a line shows: its fields by number, with what shows each and whether that was read exactly."""

    row: int
    fields: Mapping[int, tuple[_Token, bool]]
    score: float


def made_out(leak: Leak, rows: Sequence[Row], spellings: Mapping[str, Spelling]) -> Leak:
    """`leak` with one more sheet: the records of the original `rows` that its lines of lettering show.

    Each value is the original's, in the spelling that is seen. Values that are not seen are empty.
    """
    original = _Original(rows)
    met = [found for line in leak.reading.seen if (found := original.shown_by(line)) is not None]
    if not met:
        return leak
    columns = _columns(met, rows)
    told = tuple(_row(found, rows[found.row], columns, spellings) for found in met)
    return Leak(leak.reading, (Sheet(told), *leak.sheets))


class _Original:
    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._sheet = Sheet(rows)
        self._grams: dict[str, list[int]] | None = None

    def shown_by(self, line: Sequence[Piece]) -> _Met | None:
        """The record that a line shows, if one agrees best."""
        tokens = [token for piece in line for token in _tokens(piece)]
        tried = self._likely(tokens)
        met = sorted((self._met(i, tokens, line) for i in tried), key=lambda one: -one.score)
        if not met or (len(met) > 1 and met[0].score == met[1].score) or not self._sure(met[0]):
            return None
        return met[0]

    def _likely(self, tokens: Sequence[_Token]) -> list[int]:
        counted: Counter[int] = Counter()
        for value in {token.plain for token in tokens} - {""}:
            for i in self._sheet.rows_with(value, MAX_COMMON_ROWS):
                counted[i] += len(value)
        if not counted:
            for value in {token.plain for token in tokens}:
                for gram in _grams(value):
                    for i in self._with_gram(gram):
                        counted[i] += 1
        return [i for i, _ in counted.most_common(_MAX_TRIED)]

    def _with_gram(self, gram: str) -> Sequence[int]:
        if self._grams is None:
            self._grams = {}
            for i, row in enumerate(self._sheet.rows):
                for found in {one for value in row.distinct for one in _grams(value)}:
                    self._grams.setdefault(found, []).append(i)
        rows = self._grams.get(gram, [])
        return rows if len(rows) <= MAX_COMMON_ROWS else ()

    def _met(self, i: int, tokens: Sequence[_Token], line: Sequence[Piece]) -> _Met:
        fields: dict[int, tuple[_Token, bool]] = {}
        score = 0.0
        used: list[_Token] = []
        values = self._sheet.rows[i].values
        for exactly in (True, False):
            for j in sorted(range(len(values)), key=lambda k: -len(values[k])):
                if j in fields or not values[j]:
                    continue
                left = [one for one in tokens if not any(_overlap(one, other) for other in used)]
                if exactly:
                    found = _exact(values[j], left) or _inside(values[j], line, used)
                else:
                    found = _like(values[j], left)
                if found is None:
                    continue
                token, share = found
                fields[j] = token, share == 1.0
                score += share * len(values[j])
                used.append(token)
        return _Met(i, fields, score)

    def _sure(self, met: _Met) -> bool:
        """Whether what was read exactly tells the record, or an identifier that was misread has enough beside it."""
        values = self._sheet.rows[met.row].values
        exact = [weigh(values[j]) for j, (_, exactly) in met.fields.items() if exactly]
        if Weight.IDENTIFIER in exact or exact.count(Weight.MEDIUM) >= 2 or len(exact) >= 4:
            return True
        known = exact.count(Weight.MEDIUM) + len(exact) >= 2
        return known and any(
            weigh(values[j]) is Weight.IDENTIFIER and _nearly(token.plain, values[j])
            for j, (token, _) in met.fields.items()
        )


def _tokens(piece: Piece) -> list[_Token]:
    """The piece as a whole, and its words."""
    found = [_Token.of(piece, 0, len(piece.text))]
    ends = [(gap.start(), gap.end()) for gap in BETWEEN_WORDS.finditer(piece.text)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(piece.text)]
    if ends:
        found += [_Token.of(piece, a, b) for a, b in zip(starts, stops, strict=True) if a < b]
    return [token for token in found if token.plain]


def _exact(value: str, tokens: Sequence[_Token]) -> tuple[_Token, float] | None:
    return next(((token, 1.0) for token in tokens if token.plain == value), None)


def _like(value: str, tokens: Sequence[_Token]) -> tuple[_Token, float] | None:
    """The token that is most like the value: misread, or cut off at the edge of its cell."""
    best: tuple[_Token, float] | None = None
    for token in tokens:
        if len(token.plain) < _LEAST or len(value) < _LEAST:
            continue
        share = SequenceMatcher(None, token.plain, value, autojunk=False).ratio()
        if len(token.plain) < len(value) and value.startswith(token.plain.rstrip(".\u2026")[:-1]):
            share = max(share, _LIKE)
        if share >= _LIKE and (best is None or share > best[1]):
            best = token, min(share, 0.99)
    return best


def _inside(value: str, line: Sequence[Piece], used: Sequence[_Token]) -> tuple[_Token, float] | None:
    """The value within a piece that holds more, such as two cells that were read as one."""
    if len(value) < _LEAST:
        return None
    for piece in line:
        start = _folded(piece.text).find(value)
        token = _Token(piece, max(0, start), max(0, start) + len(value), value)
        if start >= 0 and not any(_overlap(token, other) for other in used):
            return token, 1.0
    return None


def _folded(text: str) -> str:
    """Letters as `normalise` has them, one for each."""
    return "".join(folded if len(folded := unicodedata.normalize("NFKC", one).lower()) == 1 else one for one in text)


def _overlap(one: _Token, other: _Token) -> bool:
    return one.piece is other.piece and one.start < other.end and other.start < one.end


def _nearly(read: str, value: str) -> bool:
    if abs(len(read) - len(value)) > 1:
        return False
    wrong = len(value) - sum(
        block.size for block in SequenceMatcher(None, read, value, autojunk=False).get_matching_blocks()
    )
    return wrong <= max(1, len(value) // _MISREAD)


def _grams(value: str) -> set[str]:
    return {value[k : k + _GRAM] for k in range(len(value) - _GRAM + 1)}


def _columns(met: Sequence[_Met], rows: Sequence[Row]) -> list[str] | None:
    """The fields from the left to the right, where the lines stand in columns; None where each has its own order."""
    where: dict[str, list[float]] = {}
    orders = []
    for found in met:
        names = rows[found.row].names
        order = sorted((token.x, names[j]) for j, (token, _) in found.fields.items())
        orders.append([name for _, name in order])
        for x, name in order:
            where.setdefault(name, []).append(x)
    place = {name: median(found) for name, found in where.items()}
    pairs = [place[a] < place[b] for order in orders for a, b in pairwise(order)]
    if len(met) > 1 and pairs and sum(pairs) < _AGREE * len(pairs):
        return None
    seldom = max(1, len(met) // 4)
    return [name for name in sorted(place, key=lambda one: place[one]) if len(where[name]) >= seldom]


def _row(found: _Met, row: Row, columns: list[str] | None, spellings: Mapping[str, Spelling]) -> Row:
    shown = {
        row.names[j]: _spelt(row.values[j], spellings.get(row.names[j]), token, exactly=exactly)
        for j, (token, exactly) in found.fields.items()
    }
    if columns is None:
        order = sorted((token.x, row.names[j]) for j, (token, _) in found.fields.items())
        columns = [name for _, name in order]
    return Row(tuple(columns), tuple(shown.get(name, "") for name in columns))


def _spelt(value: str, spelling: Spelling | None, token: _Token, *, exactly: bool) -> str:
    """The original's value in the spelling that is seen."""
    if spelling is None or not places(value, spelling):
        return value
    wanted = [_second(kind, value, spelling, token, exactly=exactly) for kind in kinds(value, spelling)]
    told = [one for one in wanted if one is not None]
    # A blank inside is the same value to whoever compares, and shows no spelling.
    return spelt(value, spelling, told) if len(told) == len(wanted) else value[:1] + " " + value[1:]


def _second(kind: str, value: str, spelling: Spelling, token: _Token, *, exactly: bool) -> bool | None:
    """Whether the second form is seen; None where that cannot be told."""
    if kind == "bracket":
        width = _width(token, _BRACKETS)
        return None if width is None or _NARROW_BRACKET < width < _WIDE_BRACKET else width <= _NARROW_BRACKET
    if kind == "hyphen":
        width = _width(token, _HYPHENS)
        return None if width is None or _NARROW_HYPHEN < width < _WIDE_HYPHEN else width >= _WIDE_HYPHEN
    if not exactly or base(token.text, spelling) != base(value, spelling):
        return None
    shown = places(token.text, spelling)
    return shown[0] if shown else None


def _width(token: _Token, signs: str) -> float | None:
    """How wide the signs in a token are, in those of a wide letter.

    Told by where their neighbours stand: whoever reads them takes the wide for the narrow and the other way round.
    """
    text, at = token.piece.text, token.piece.at
    steps = [b - a for a, b, one, two in zip(at, at[1:], text, text[1:], strict=False) if _han(one) and _han(two)]
    if len(steps) < 2:
        return None
    letter = median(steps)
    found = []
    for k in range(max(1, token.start), min(token.end, len(text) - 1)):
        before, after = text[k - 1], text[k + 1]
        # A line that was broken is joined again far to the right: nothing is measured across the break.
        if text[k] in signs and _known(before) and _known(after) and at[k + 1] - at[k - 1] < 4 * letter:
            found.append((at[k + 1] - at[k - 1]) / letter - (_letter_width(before) + _letter_width(after)) / 2)
    return sum(found) / len(found) if found and letter > 0 else None


def _han(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff"


def _known(letter: str) -> bool:
    return _han(letter) or (letter.isascii() and letter.isdigit())


def _letter_width(letter: str) -> float:
    return 1.0 if _han(letter) else _DIGIT_WIDTH

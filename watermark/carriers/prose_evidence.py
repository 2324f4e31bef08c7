"""What a leaked text or word processor's file shows of an original: lines and paragraphs, and their spacing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from watermark.carriers.docx_reading import read_docx
from watermark.carriers.table_reading import decode, read_text
from watermark.evidence import ChipLayer, Coverage, Evidence
from watermark.provenance import Leak, Sheet, best_match
from watermark.reading import Paragraph, Row

TRAILING, SPACING = "trailing", "spacing"
"""Names of the layers; they separate the codes' derivations."""

LETTERS_A_CHIP = 2
_ZIP = b"PK\x03\x04"
_TELLING_LETTERS = 8
_STRONG_LETTERS = 120
_MAX_SEARCHED = 200_000


def prose_rows(original: bytes) -> list[Row]:
    """Rows of an original text or word processor's file, for provenance."""
    sheets = read_docx(original).sheets if original.startswith(_ZIP) else read_text(decode(original)).sheets
    return [row for sheet in sheets for row in sheet]


def text_evidence(leak: Leak, original: bytes, content_id: str) -> Evidence:
    """Everything that `leak` shows of an original text: blanks at the ends of lines, and which lines there are."""
    lines = decode(original).splitlines()
    pairs = _paired([line.rstrip() for line in leak.reading.lines], [line.rstrip() for line in lines])
    scores = np.zeros(len(lines))
    seen: set[bool] = set()
    for r, i in pairs:
        if lines[i] == lines[i].rstrip():  # an original's own blank carries nothing
            blank = leak.reading.lines[r] != leak.reading.lines[r].rstrip()
            seen.add(blank)
            scores[i] = 1.0 if blank else -1.0
    if len(seen) < 2:
        scores[:] = 0.0  # a writer's fixed habit says nothing
    shared = [lines[i].rstrip() for _, i in pairs or _paired(_said(leak), [line.rstrip() for line in lines])]
    chips = (ChipLayer(TRAILING, scores),) if scores.any() else ()
    return _with_coverage(leak, original, content_id, chips, shared)


def docx_evidence(leak: Leak, original: bytes, content_id: str) -> Evidence:
    """Everything that `leak` shows of an original file: the spacing of its letters, and which paragraphs there are."""
    paragraphs = read_docx(original).paragraphs
    found = leak.reading.paragraphs
    scores = np.zeros(chip_count(paragraphs))
    starts = np.cumsum([0, *(len(paragraph.text) for paragraph in paragraphs)]).tolist()
    pairs = _paired([one.text for one in found], [one.text for one in paragraphs])
    for r, i in pairs:
        _compare(found[r], 0, paragraphs[i], 0, len(paragraphs[i].text), starts[i], scores)
    shared = [paragraphs[i].text for _, i in pairs]
    for r, i, at_leak, at_original, length in _parts(found, paragraphs, pairs):
        _compare(found[r], at_leak, paragraphs[i], at_original, length, starts[i], scores)
        shared.append(paragraphs[i].text[at_original : at_original + length])
    if not found:  # the words alone, in a file of another kind
        shared = [paragraphs[i].text for _, i in _paired(_said(leak), [one.text.rstrip() for one in paragraphs])]
    chips = (ChipLayer(SPACING, scores),) if scores.any() else ()
    return _with_coverage(leak, original, content_id, chips, shared)


def _said(leak: Leak) -> list[str]:
    """The leak's lines or paragraphs, without blanks at their ends."""
    lines = leak.reading.lines or tuple(one.text for one in leak.reading.paragraphs)
    return [line.rstrip() for line in lines]


def chip_count(paragraphs: Sequence[Paragraph]) -> int:
    """Chips that the letters of a file carry: one for every two of them, over all paragraphs in order."""
    return -(-sum(len(paragraph.text) for paragraph in paragraphs) // LETTERS_A_CHIP)


def spacings(paragraph: Paragraph) -> NDArray[np.int32]:
    """The spacing of each letter, in twentieths of a point, shape (letters,)."""
    counts, values = zip(*paragraph.runs, strict=True) if paragraph.runs else ((), ())
    return np.repeat(np.array(values, dtype=np.int32), np.array(counts, dtype=np.int64))


def _compare(
    leak: Paragraph,
    at_leak: int,
    original: Paragraph,
    at_original: int,
    length: int,
    start: int,
    scores: NDArray[np.float64],
) -> None:
    wider = spacings(leak)[at_leak : at_leak + length] - spacings(original)[at_original : at_original + length]
    wider[np.abs(wider) > 10 * 2] = 0  # somebody else's formatting
    places = (start + at_original + np.arange(length)) // LETTERS_A_CHIP
    np.add.at(scores, places, np.sign(wider).astype(np.float64))


def _paired(leak: Sequence[str], original: Sequence[str]) -> list[tuple[int, int]]:
    """(leak's number, original's number) of equal texts that say something; repeated ones in their order."""
    places: dict[str, list[int]] = {}
    for i, text in enumerate(original):
        if text.strip():
            places.setdefault(text, []).append(i)
    repeated: dict[str, list[int]] = {}
    for r, text in enumerate(leak):
        if text in places:
            repeated.setdefault(text, []).append(r)
    # Where one was lost, nobody can tell which of several equal ones it was.
    pairs = [
        pair
        for text, rows in repeated.items()
        if len(rows) == len(places[text])
        for pair in zip(rows, places[text], strict=True)
    ]
    return sorted(pairs)


def _parts(
    leak: Sequence[Paragraph], original: Sequence[Paragraph], pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int, int, int]]:
    """Paragraphs of which one is a part of the other: (leak's, original's, start in each, length)."""
    taken_leak, taken = {r for r, _ in pairs}, {i for _, i in pairs}
    rest = [i for i, one in enumerate(original) if i not in taken and len(one.text) >= _TELLING_LETTERS]
    found: list[tuple[int, int, int, int, int]] = []
    searched = 0
    for r, one in enumerate(leak):
        if r in taken_leak or len(one.text) < _TELLING_LETTERS:
            continue
        for i in rest:
            searched += 1
            if searched > _MAX_SEARCHED:
                return found
            other = original[i].text
            if other.count(one.text) == 1:
                found.append((r, i, 0, other.index(one.text), len(one.text)))
                break
            if one.text.count(other) == 1:
                found.append((r, i, one.text.index(other), 0, len(other)))
    return found


def _with_coverage(
    leak: Leak, original: bytes, content_id: str, chips: tuple[ChipLayer, ...], shared: Sequence[str]
) -> Evidence:
    coverage = best_match(leak, Sheet(prose_rows(original))).coverage
    telling = [text for text in shared if len(text) >= _TELLING_LETTERS]
    letters = sum(map(len, telling))
    if len(telling) >= 2 or letters >= _STRONG_LETTERS:
        # Whole lines of prose, word for word, are content of ours though no cell in them is a number.
        strong = coverage.strong or letters >= _STRONG_LETTERS
        cells = coverage.cells or frozenset(range(len(telling)))
        coverage = Coverage(cells, max(coverage.rows, len(telling)), strong=strong, whole=coverage.whole)
    return Evidence(content_id, chips, (), leak.reading.claims, coverage)

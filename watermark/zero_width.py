"""Zero-width marks: characters that nobody sees, in fields that the caller names; an extra, off by default.

Four of them stand behind the first letter of a value, each one of two (U+200B, U+2060), and carry two chips of the
entity and the copy on average. They survive CSV, workbooks, word processors, databases, NFC and NFKC, and die under a
filter of one line or an export to GBK. A value is never changed but by them: `plain` gives it back. Left alone is any
value with a digit (identifiers, amounts, dates must compare equal byte by byte everywhere), without two letters in a
row, or with an invisible character of its own.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence

ZERO_WIDTH = "zero_width"
"""Name of the layer; it separates the codes' derivations."""

CHIPS = 4
"""Chips, and characters, of one value."""

_MINUS, _PLUS = "\u200b", "\u2060"
_RUN = re.compile(f"[{_MINUS}{_PLUS}]+")


def fits(value: str) -> bool:
    """Whether a value may carry marks: two letters at its beginning, no digit, nothing invisible."""
    if len(value) < 2 or not value[:2].isalpha() or unicodedata.combining(value[1]):
        return False
    return not any(c.isdigit() or c.isnumeric() or unicodedata.category(c) in {"Cf", "Cc", "Mn", "Mc"} for c in value)


def marked(value: str, chips: Sequence[int]) -> str:
    """`value` with its chips (-1 or +1, `CHIPS` of them) behind its first letter; `fits` must hold."""
    return value[0] + "".join(_PLUS if chip > 0 else _MINUS for chip in chips) + value[1:]


def plain(value: str) -> str:
    """`value` without zero-width marks."""
    return value if value.isascii() else _RUN.sub("", value)


def shown(value: str) -> list[int]:
    """The chips that a value shows; empty unless there is one run of as many as a mark has."""
    runs = [] if value.isascii() else _RUN.findall(value)
    if len(runs) != 1 or len(runs[0]) != CHIPS:
        return []
    return [1 if c == _PLUS else -1 for c in runs[0]]


def with_marks(
    rows: Sequence[Mapping[str, str]], fields: Collection[str], code: Callable[[int], Sequence[int]]
) -> list[dict[str, str]]:
    """The rows with marks in `fields`. `code(count)` gives chips for every cell of the table, marked or not.

    So that a tracer need not know which fields were named: a cell without marks shows nothing.
    """
    chips = code(CHIPS * sum(map(len, rows)))
    at = 0
    found = []
    for row in rows:
        written = {}
        for name, value in row.items():
            carries = name in fields and fits(value)
            written[name] = marked(value, chips[at : at + CHIPS]) if carries else value
            at += CHIPS
        found.append(written)
    return found

"""A header that runs over several rows, and headers that repeat: what each column is called.

Offices lay forms out with groups: 有效期限 merged over 起 and 止. A column's name is what stands lowest in its header
where that is known and stands there once; else all its levels, "有效期限 起". Names that are still the same, or empty
more than once, are told apart by the column's number, "备注 #12": whatever a file looks like, each of its columns can
be named by hand.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from api.catalogue.canonical import header_key

MANY_DIGITS = 5
"""What has so many digits may be a person's: no name of a column."""
_COLONS = frozenset(":：")


@dataclass(frozen=True, slots=True)
class Merge:
    """Cells merged into one, among the first rows: positions from 0, the last ones included."""

    top: int
    left: int
    bottom: int
    right: int


def header_block(rows: Sequence[Sequence[str]], merges: Sequence[Merge], seed: int) -> tuple[int, int]:
    """The first and last row of the header around row `seed`, one of `rows`, in which merged cells are filled in."""
    first = last = seed
    while True:
        grown = [one for one in merges if one.top <= last and one.bottom >= first and one.bottom > one.top]
        low = min([first, *(one.top for one in grown)])
        high = min(max([last, *(one.bottom for one in grown)]), len(rows) - 1)
        if high + 1 < len(rows) and _is_below(rows[high + 1], _groups(rows, merges, low, high, ends=high)):
            high += 1
        if low > 0 and _is_above(rows[low - 1], _groups(rows, merges, low - 1, low - 1, ends=low - 1)):
            low -= 1
        if (low, high) == (first, last):
            return first, last
        first, last = low, high


def grouped_header(
    rows: Sequence[Sequence[str]], at: int, known: Collection[str]
) -> tuple[int, tuple[str, ...] | None]:
    """The last row of the header around row `at`, and its columns' names; None where the header is that row alone.

    For files that keep no merges, such as a workbook saved as CSV: a text with empty cells to its right, none of them
    missing, is taken for a group. Rows of people are not: such a lower row is empty wherever no group is above it.
    """
    merges = [one for number in {at - 1, at} if number >= 0 for one in _spans(rows[number], number)]
    filled = [list(row) for row in rows]
    for one in merges:
        filled[one.top][one.left : one.right + 1] = [rows[one.top][one.left]] * (one.right + 1 - one.left)
    first, last = header_block(filled, merges, at)
    if first == last:
        return at, None
    names = joined(filled[first : last + 1], known)
    while names and not names[-1]:
        names = names[:-1]
    return last, names


def _spans(row: Sequence[str], number: int) -> list[Merge]:
    """Each text of a row that has empty cells to its right, with them."""
    starts = [column for column, text in enumerate(row) if text]
    ends = [column - 1 for column in starts[1:]] + [len(row) - 1]
    return [Merge(number, start, number, end) for start, end in zip(starts, ends, strict=False) if end > start]


def _groups(rows: Sequence[Sequence[str]], merges: Sequence[Merge], first: int, last: int, *, ends: int) -> list[Merge]:
    """Merges over several columns that begin in rows `first` to `last` and end in row `ends`, with a text."""
    return [
        one
        for one in merges
        if first <= one.top <= last and one.bottom == ends and one.right > one.left and _at(rows[one.top], one.left)
    ]


def _is_below(row: Sequence[str], groups: Sequence[Merge]) -> bool:
    """Whether a row names the columns of the groups above it, and says nothing of others."""
    grouped = {column for one in groups for column in range(one.left, one.right + 1)}
    said = {column for column, text in enumerate(row) if text}
    parted = any(len({_at(row, c) for c in range(one.left, one.right + 1)}) > 1 for one in groups)
    return bool(said) and said <= grouped and parted and all(_is_name(row[column]) for column in said)


def _is_above(row: Sequence[str], groups: Sequence[Merge]) -> bool:
    """Whether a row has groups for the columns below it: a title stands alone, and a form's particulars have colons."""
    texts = {text for text in row if text}
    return bool(groups) and len(texts) > 1 and all(_is_name(text) and not _COLONS & set(text) for text in texts)


def _is_name(text: str) -> bool:
    return sum(map(str.isdigit, text)) < MANY_DIGITS


def _at(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def joined(levels: Sequence[Sequence[str]], known: Collection[str]) -> tuple[str, ...]:
    """Each column's name from its header's rows, the highest first. `known`: as `header_key` gives them."""
    width = max(map(len, levels))
    parts: list[list[str]] = []
    for column in range(width):
        said: list[str] = []
        for row in levels:
            text = _at(row, column)
            if text and (not said or said[-1] != text):
                said.append(text)
        parts.append(said or [""])
    lowest = Counter(header_key(said[-1]) for said in parts)
    return told_apart(
        [
            said[-1] if header_key(said[-1]) in known and lowest[header_key(said[-1])] == 1 else " ".join(said)
            for said in parts
        ]
    )


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns; those that are the same get their column's number, counted from 1."""
    keys = [header_key(name) for name in names]
    often = Counter(keys)
    return tuple(
        f"{name} #{number}".strip() if often[key] > 1 else name
        for number, (name, key) in enumerate(zip(names, keys, strict=True), 1)
    )


def plain(name: str, number: int) -> str:
    """What a column's name was before it was told apart."""
    return name.removesuffix(f"#{number}").rstrip()

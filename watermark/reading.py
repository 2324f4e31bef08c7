"""What was read out of a file of any kind: plain data, safe to hand from the sandbox as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watermark.evidence import Claim


@dataclass(frozen=True)
class Row:
    """One record: names and raw values in the file's order.

    `marks` holds per value what its spelling shows (JSON: bit 0 white space before the name, bit 1 after the colon,
    bit 2 first of its object; CSV: bit 0 quoted though it need not be; -1 where the writer had no choice); empty when
    the reading does not tell.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class GlyphPage:
    """Glyphs of one PDF page in the order of its text: code points, and origins in points."""

    codes: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Reading:
    """A file, read.

    `kind`: json, csv, text, xlsx or pdf. `sheets`: alternative readings of the same table (rows, or columns turned to
    rows).
    `claims`: explicit copy ids with their tags. `pages`: glyphs, for a PDF.
    """

    kind: str
    sheets: tuple[tuple[Row, ...], ...] = ()
    claims: tuple[Claim, ...] = ()
    pages: tuple[GlyphPage, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Plain JSON types."""
        return {
            "kind": self.kind,
            "sheets": [[[r.names, r.values, r.marks] for r in sheet] for sheet in self.sheets],
            "claims": [[c.copy_id, c.tag] for c in self.claims],
            "pages": [[p.codes, p.x, p.y] for p in self.pages],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Reading":
        """The inverse of `to_json`; every part is converted, so a malformed answer raises instead of passing on.

        Errors: ValueError, TypeError, KeyError on another shape.
        """
        return cls(
            kind=str(data["kind"]),
            sheets=tuple(tuple(_row(*row) for row in sheet) for sheet in data["sheets"]),
            claims=tuple(Claim(str(copy_id), str(tag)) for copy_id, tag in data["claims"]),
            pages=tuple(_page(*page) for page in data["pages"]),
        )


def _row(names: list[str], values: list[str], marks: list[int]) -> Row:
    row = Row(tuple(map(str, names)), tuple(map(str, values)), tuple(map(int, marks)))
    if len(row.names) != len(row.values) or len(row.marks) not in {0, len(row.values)}:
        raise ValueError("row")
    return row


def _page(codes: list[int], x: list[float], y: list[float]) -> GlyphPage:
    page = GlyphPage(tuple(map(int, codes)), tuple(map(float, x)), tuple(map(float, y)))
    if not len(page.codes) == len(page.x) == len(page.y):
        raise ValueError("page")
    return page

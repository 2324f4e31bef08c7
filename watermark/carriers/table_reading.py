"""Reading tables from any re-serialisation: JSON of several shapes, CSV of several dialects, plain text."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from watermark.errors import WatermarkError
from watermark.evidence import Claim
from watermark.reading import Reading, Row

FIRST = 4
"""Bit of a JSON mark: the member opens its object, so the blank before it is another than that after a comma."""

MARK_COLUMN = "_mydata"
MAX_CELLS = 1_000_000
MAX_CLAIMS = 64
MAX_SPACING_CHARS = 8_000_000
MAX_PROSE_CHARS = 200_000

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|\s+|[^\s{}\[\]:,"]+', re.DOTALL)
# White space and punctuation, ASCII and Chinese (colon, semicolon, comma, brackets, full stop, enumeration comma).
TEXT_SPLIT = re.compile(r"[\s:;,|()\[\]\uff1a\uff1b\uff0c\uff08\uff09\u3002\u3010\u3011\u3001]+")
_CLAIM = re.compile(r"\|([A-Za-z0-9_.\-]{1,64})\|([0-9a-f]{32})(?![0-9a-f])")
_TAG = re.compile(r"[0-9a-f]{32}")
_HEAD_CHARS = 65_536
_DELIMITERS = (",", "\t", ";", "|")


def decode(data: bytes) -> str:
    """Text of `data`: UTF-8 with or without BOM, UTF-16 with BOM, else GB18030. Errors: `watermark.binary`."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise WatermarkError("watermark.binary")


@dataclass
class _Object:
    pairs: list[tuple[str, object]]
    spacing: tuple[int, ...]


def _spacing(text: str) -> Iterator[tuple[int, ...]]:
    """Per object, in the order in which objects close, the white space of its members (see `Row.marks`)."""
    stack: list[list[int] | None] = []
    blank_before, previous, member = False, "", 0
    for part in _TOKEN.findall(text):
        if part.isspace():
            blank_before = True
            continue
        members = stack[-1] if stack else None
        if part == "{":
            stack.append([])
        elif part == "[":
            stack.append(None)
        elif part in "}]":
            closed = stack.pop() if stack else None
            if part == "}" and closed is not None:
                yield tuple(closed)
        elif members is not None and previous in {"{", ","} and part[0] == '"':
            member = int(blank_before) | (FIRST if previous == "{" else 0)
        if members is not None and previous == ":":
            # A nested value ends with its own members behind it; its bit is set before it is entered.
            members.append(member | int(blank_before) << 1)
        blank_before, previous = False, part


def _load(text: str) -> object:
    spacings = _spacing(text) if len(text) <= MAX_SPACING_CHARS else iter(())

    def build(pairs: list[tuple[str, object]]) -> _Object:
        return _Object(pairs, next(spacings, ()))

    return json.loads(text, object_pairs_hook=build, parse_int=str, parse_float=str, parse_constant=str)


def _scalar(value: object) -> str | None:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _names(value: object) -> frozenset[str]:
    """Names of an object's scalars; empty for anything else."""
    if not isinstance(value, _Object):
        return frozenset()
    return frozenset(name for name, member in value.pairs if _scalar(member) is not None)


class _Collector:
    """Turns a JSON tree into rows: an object's scalars, with those of objects nested in it directly, are one row.

    Objects side by side with the same names are rows of their own.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.cells = 0
        self.claims: list[Claim] = []

    def add(self, names: list[str], values: list[str], marks: list[int]) -> None:
        if not values:
            return
        self.cells += len(values)
        if self.cells > MAX_CELLS:
            raise WatermarkError("watermark.too_many_cells", limit=MAX_CELLS)
        self.rows.append(Row(tuple(names), tuple(values), tuple(marks) if len(marks) == len(values) else ()))

    def visit(self, node: object) -> None:
        if isinstance(node, _Object):
            names: list[str] = []
            values: list[str] = []
            marks: list[int] = []
            self._object(node, names, values, marks)
            self.add(names, values, marks)
        elif isinstance(node, list):
            scalars = [s for s in map(_scalar, node) if s is not None]
            if len(scalars) > 1:
                self.add([""] * len(scalars), scalars, [])
            for item in node:
                if not isinstance(item, str):
                    self.visit(item)

    def _object(self, node: _Object, names: list[str], values: list[str], marks: list[int]) -> None:
        self._claim(node)
        spaced = len(node.spacing) == len(node.pairs)
        alike = Counter(_names(value) for _, value in node.pairs)
        for i, (name, value) in enumerate(node.pairs):
            scalar = _scalar(value)
            if scalar is not None:
                names.append(name)
                values.append(scalar)
                marks.extend([node.spacing[i]] if spaced else [])
            elif isinstance(value, _Object) and _names(value) and alike[_names(value)] == 1:
                self._object(value, names, values, marks)
            else:
                self.visit(value)

    def _claim(self, node: _Object) -> None:
        found = dict(node.pairs)
        copy_id, tag = found.get("copy"), found.get("mark")
        if isinstance(copy_id, str) and isinstance(tag, str) and _TAG.fullmatch(tag) and len(self.claims) < MAX_CLAIMS:
            self.claims.append(Claim(copy_id, tag))


def _turned(node: object) -> tuple[Row, ...]:
    """Column-wise JSON (`{"column": [...]}`, `{"column": {"0": ...}}`) read as rows; empty for any other shape."""
    if not isinstance(node, _Object) or len(node.pairs) < 2:
        return ()
    columns: list[list[str]] = []
    for _, value in node.pairs:
        items = [v for _, v in value.pairs] if isinstance(value, _Object) else value
        if not isinstance(items, list):
            return ()
        column = [s for s in map(_scalar, items) if s is not None]
        if len(column) != len(items) or (columns and len(column) != len(columns[0])):
            return ()
        columns.append(column)
    names = tuple(name for name, _ in node.pairs)
    return tuple(Row(names, values) for values in zip(*columns, strict=True))


def read_json(text: str) -> Reading:
    """JSON, or JSON Lines. Errors: `watermark.bad_json`, `watermark.too_many_cells`."""
    collector = _Collector()
    turned: tuple[Row, ...] = ()
    try:
        tree = _load(text)
        turned = _turned(tree)
        collector.visit(tree)
    except RecursionError as error:
        raise WatermarkError("watermark.bad_json") from error
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise WatermarkError("watermark.bad_json") from error
        try:
            for line in lines:
                collector.visit(_load(line))
        except (ValueError, RecursionError) as inner:
            raise WatermarkError("watermark.bad_json") from inner
    sheets = (tuple(collector.rows),) + ((turned,) if turned else ())
    return Reading("json", sheets, found_claims(text, collector.claims))


def found_claims(text: str, found: list[Claim]) -> tuple[Claim, ...]:
    """`found`, and every id with a tag beside it that stands in `text` as the label of a table does."""
    extra = (Claim(m[1], m[2]) for m in _CLAIM.finditer(text))
    return tuple(dict.fromkeys([*found, *extra]))[:MAX_CLAIMS]


def split_csv(text: str, delimiter: str) -> list[list[tuple[str, int]]]:
    """Cells of `text` with their quoting mark (RFC 4180; a stray quote is taken as text)."""
    d = re.escape(delimiter)
    cell = re.compile(rf'(?:"((?:[^"]|"")*+)"|([^{d}\r\n]*))({d}|\r\n|\n|\r|\Z)')
    rows: list[list[tuple[str, int]]] = []
    row: list[tuple[str, int]] = []
    position = cells = 0
    while position < len(text):
        match = cell.match(text, position)
        if match is None:  # cannot happen: the second branch and \Z match anything
            break
        quoted, plain, end = match.groups()
        if quoted is None:
            row.append((plain, 0 if plain else -1))
        else:
            value = quoted.replace('""', '"')
            row.append((value, -1 if needs_quotes(value, delimiter) or not value else 1))
        cells += 1
        if cells > MAX_CELLS:
            raise WatermarkError("watermark.too_many_cells", limit=MAX_CELLS)
        position = match.end()
        if end != delimiter:
            rows.append(row)
            row = []
    if row:
        rows.append(row)
    return [r for r in rows if r != [("", 0)]]  # blank lines; a lone empty value is written as ""


def needs_quotes(value: str, delimiter: str = ",") -> bool:
    """Whether a CSV cell cannot be written without quotes."""
    return any(c in value for c in (delimiter, '"', "\r", "\n")) or value != value.strip()


def _delimiter(text: str) -> str | None:
    head = "\n".join(text[:_HEAD_CHARS].splitlines()[:40])
    best: tuple[int, str] | None = None
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in split_csv(head, delimiter))
        if not widths:
            continue
        width, count = widths.most_common(1)[0]
        if width > 1 and (best is None or width * count > best[0]):
            best = (width * count, delimiter)
    return best[1] if best else None


def read_csv(text: str) -> Reading:
    """CSV of any delimiter; the first line gives the names and is kept as a row too, since leaks may have lost it."""
    delimiter = _delimiter(text)
    if delimiter is None:
        return read_text(text)
    cells = split_csv(text, delimiter)
    names = [value.strip() for value, _ in cells[0]]
    rows = []
    for row in cells:
        padded = names[: len(row)] + [""] * (len(row) - len(names))
        rows.append(Row(tuple(padded), tuple(v for v, _ in row), tuple(m for _, m in row)))
    sheets = [tuple(rows)]
    if len(text) <= MAX_PROSE_CHARS:
        sheets.append(read_text(text).sheets[0])  # commas may be those of a message
    return Reading("csv", tuple(sheets), found_claims(text, []), lines=_raw_lines(text))


def read_text(text: str) -> Reading:
    """Plain text: every line a row of its words."""
    rows = []
    cells = 0
    for line in text.splitlines():
        words = tuple(w for w in TEXT_SPLIT.split(line) if w)
        cells += len(words)
        if cells > MAX_CELLS:
            raise WatermarkError("watermark.too_many_cells", limit=MAX_CELLS)
        if words:
            rows.append(Row(("",) * len(words), words))
    return Reading("text", (tuple(rows),), found_claims(text, []), lines=_raw_lines(text))


def _raw_lines(text: str) -> tuple[str, ...]:
    """Lines as they are, of what may be prose."""
    return tuple(text.splitlines()) if len(text) <= MAX_PROSE_CHARS else ()


def sniff_text(text: str) -> str:
    """json, csv or text, by what the text looks like."""
    stripped = text.lstrip()
    if stripped[:1] in {"{", "["}:
        return "json"
    return "csv" if _delimiter(text) else "text"

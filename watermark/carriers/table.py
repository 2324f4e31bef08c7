"""The table carrier: JSON and CSV whose values are never touched.

The copy differs from its original in five ways, none of them a value: a header with id, keyed tag and notice; the
order of the rows (keyed per copy); the order of names within a record or of the columns (keyed per entity, so that an
entity that holds several copies cannot average it away); and the spelling of white space (JSON) or of optional quotes
(CSV).
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from json.encoder import encode_basestring
from typing import Any

from watermark.carriers.table_evidence import (
    NAMES,
    ROWS,
    SPELLING,
    Number,
    is_json,
    json_document,
    record_cells,
    table_evidence,
)
from watermark.carriers.table_reading import MARK_COLUMN, decode, needs_quotes, split_csv
from watermark.carriers.xlsx_writing import XLSX_TYPE, Grid, write_workbook
from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark, chips, copy_order, entity_order
from watermark.provenance import Leak
from watermark.variants import Spelling, entity_variants, respelt
from watermark.zero_width import ZERO_WIDTH, with_marks

JSON_TYPE = "application/json"
CSV_TYPE = "text/csv"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Record:
    """One certificate's released fields. `extra` (JSON only) stands beside `type` and `values`, such as proofs."""

    type: str
    values: Mapping[str, str]
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Records in a neutral order; `header` (JSON only) is what the copy's header says besides the mark."""

    records: Sequence[Record]
    header: Mapping[str, object] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """All value names in order of first appearance."""
        return list(dict.fromkeys(name for record in self.records for name in record.values))

    @property
    def rows(self) -> list[list[str]]:
        """Values by `columns`, empty where a record lacks one."""
        return [[record.values.get(name, "") for name in self.columns] for record in self.records]


def write_original(table: Table, media_type: str) -> bytes:
    """The unmarked original of `table`, the same bytes for the same table.

    JSON: sorted names, no white space, UTF-8. CSV (RFC 4180): column `type`, then the value columns; XLSX: the
    same under two equal lines of names.
    Errors: `watermark.unsupported_type`; `watermark.bad_original` for a column that the mark needs.
    """
    if media_type == JSON_TYPE:
        records = [{**r.extra, "type": r.type, "values": dict(r.values)} for r in table.records]
        document = {"mydata": dict(table.header), "records": records}
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    if media_type not in {CSV_TYPE, XLSX_TYPE}:
        raise WatermarkError("watermark.unsupported_type", media_type=media_type)
    columns = table.columns
    if "type" in columns or MARK_COLUMN in columns:
        raise WatermarkError("watermark.bad_original")
    if media_type == XLSX_TYPE:
        rows = [[record.type, *row] for record, row in zip(table.records, table.rows, strict=True)]
        return write_workbook(Grid([["type", *columns]] * 2, rows))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["type", *columns])
    writer.writerows([record.type, *row] for record, row in zip(table.records, table.rows, strict=True))
    return out.getvalue().encode()


@dataclass(frozen=True)
class TableCarrier:
    """JSON and CSV tables. `spellings`: fields whose values may be spelt otherwise (`watermark.variants`); none.

    `zero_width`: fields that may carry characters which nobody sees (`watermark.zero_width`); none.
    """

    spellings: Mapping[str, Spelling] = field(default_factory=dict)
    zero_width: frozenset[str] = frozenset()
    name = "table"
    media_types = frozenset({JSON_TYPE, CSV_TYPE})

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The marked copy.

        JSON originals: an object with `records`, a list of objects whose texts stand in `values` or in the record
        itself, or such a list alone, whose copy has no header; everything else passes through. CSV originals:
        RFC 4180 with a line of names. Errors: `watermark.bad_original`.
        """
        try:
            text = decode(original)
        except WatermarkError as error:
            raise WatermarkError("watermark.bad_original") from error
        if is_json(text):
            return _embed_json(text, mark, key, self._varied)
        return _embed_csv(original, mark, key, self._varied)

    def _varied(self, rows: list[dict[str, str]], mark: Mark, key: EpochKey) -> list[dict[str, str]]:
        return hidden_rows(spelt_rows(rows, mark, key, self.spellings), mark, key, self.zero_width)

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """See `Carrier.evidence`."""
        from watermark.carriers.reading import read

        return table_evidence(Leak.of(read(suspect)), original, content_id, self.spellings)


def spelt_rows(
    rows: list[dict[str, str]], mark: Mark, key: EpochKey, spellings: Mapping[str, Spelling]
) -> list[dict[str, str]]:
    """The values as the entity's code spells them, where `spellings` lets them vary."""
    if not spellings:
        return rows
    code = partial(entity_variants, key, mark.content_id, mark.entity_id)
    return respelt(rows, spellings, lambda count: code(count).tolist())


def hidden_rows(rows: list[dict[str, str]], mark: Mark, key: EpochKey, fields: frozenset[str]) -> list[dict[str, str]]:
    """The values with zero-width marks in `fields`."""
    if not fields:
        return rows
    return with_marks(rows, fields, lambda count: chips(mark, key, ZERO_WIDTH, count).tolist())


Varied = Callable[[list[dict[str, str]], Mark, EpochKey], list[dict[str, str]]]


def _embed_json(original: str, mark: Mark, key: EpochKey, varied: Varied) -> bytes:
    document = _parsed(original)
    records: list[dict[str, Any]] = document["records"]
    for record, cells in zip(records, varied([record_cells(r) for r in records], mark, key), strict=True):
        record.get("values", record).update(cells)
    spaces = iter(chips(mark, key, SPELLING, 2 * sum(len(record_cells(r)) for r in records)).tolist())
    written = [_record(r, i, mark, key, spaces) for i, r in enumerate(records)]
    order = copy_order(key, mark.content_id, mark.copy_id, ROWS, 0, len(records))
    body = ",\n".join(written[i] for i in order)
    if original.lstrip("\ufeff \t\r\n").startswith("["):
        return f"[\n{body}\n]\n".encode()
    said = {"notice": mark.notice_zh, "notice_en": mark.notice_en, "maker": mark.maker, "made_at": mark.made_at}
    header = {
        **document["mydata"],
        **{name: text for name, text in said.items() if text},
        "copy": mark.copy_id,
        "mark": key.copy_tag(mark.content_id, mark.entity_id, mark.copy_id),
    }
    head = "".join(
        f"{_dump(name)}:{_dump(value)},\n"
        for name, value in {**document, "mydata": header}.items()
        if name != "records"
    )
    return f'{{{head}"records":[\n{body}\n]}}\n'.encode()


def _parsed(original: str) -> dict[str, Any]:
    try:
        document = json_document(original.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise WatermarkError("watermark.bad_original") from error
    if not isinstance(document.setdefault("mydata", {}), dict):
        raise WatermarkError("watermark.bad_original")
    for record in document["records"]:
        if not isinstance(record, dict) or not isinstance(record.get("values", {}), dict):
            raise WatermarkError("watermark.bad_original")
        if not all(isinstance(value, str) for value in record.get("values", {}).values()):
            raise WatermarkError("watermark.bad_original")
    return document


def _dump(value: object) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_dump(str(name))}:{_dump(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _record(record: dict[str, Any], index: int, mark: Mark, key: EpochKey, spaces: Iterator[int]) -> str:
    members = []
    for name, value in record_cells(record).items():
        before = " " if next(spaces) > 0 else ""
        after = " " if next(spaces) > 0 else ""
        members.append(f"{before}{encode_basestring(name)}:{after}{_dump(value)}")
    order = entity_order(key, mark.content_id, mark.entity_id, NAMES, index, len(members))
    body = ",".join(members[j] for j in order)
    if "values" not in record:
        rest = [f"{_dump(name)}:{_dump(value)}" for name, value in record.items() if not isinstance(value, str)]
        return "{" + ",".join([body, *rest] if body else rest) + "}"
    parts = [
        f'"values":{{{body}}}' if name == "values" else f"{_dump(name)}:{_dump(value)}"
        for name, value in record.items()
    ]
    return "{" + ",".join(parts) + "}"


def _embed_csv(original: bytes, mark: Mark, key: EpochKey, varied: Varied) -> bytes:
    rows = split_csv(decode(original), ",")
    if not rows or any(len(row) != len(rows[0]) for row in rows) or MARK_COLUMN in {v for v, _ in rows[0]}:
        raise WatermarkError("watermark.bad_original")
    names, records = [v for v, _ in rows[0]], rows[1:]
    width = len(names)
    if len(set(names)) == width:
        plain = [dict(zip(names, (value for value, _ in row), strict=True)) for row in records]
        records = [[(row[name], 0) for name in names] for row in varied(plain, mark, key)]
    columns = entity_order(key, mark.content_id, mark.entity_id, NAMES, 0, width)
    quotes = chips(mark, key, SPELLING, width * len(records)).tolist()
    tag = key.copy_tag(mark.content_id, mark.entity_id, mark.copy_id)
    label = _quoted(f"{mark.notice_zh}|{mark.copy_id}|{tag}")
    lines = [",".join([*(_cell(names[j], wanted=False) for j in columns), MARK_COLUMN])]
    for i in copy_order(key, mark.content_id, mark.copy_id, ROWS, 0, len(records)):
        cells = [_cell(records[i][j][0], wanted=quotes[i * width + j] > 0) for j in columns]
        lines.append(",".join([*cells, label]))
    bom = _BOM if original.startswith(_BOM) else b""
    return bom + ("\r\n".join(lines) + "\r\n").encode()


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _cell(value: str, *, wanted: bool) -> str:
    # An empty cell stays unquoted: some databases read "" as an empty text and nothing as NULL.
    return _quoted(value) if needs_quotes(value) or (wanted and value) else value

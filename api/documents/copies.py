"""What copies are made from: the granted fields of records as canonical bytes, before any mark.

These bytes are the *original* of a content: the watermark's carriers mark them, the tracer holds a suspect against
them. So they depend on the records and fields alone, never on who receives them, and the same input gives the same
bytes.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.catalogue.model import Catalogue, TypeSchema
from api.errors import ApiError

COPY_SCHEMA = "mydata/copy/1"


@dataclass(frozen=True, slots=True)
class CopyRecord:
    """One record in a copy: a reference that the recipient may keep, and the granted fields in canonical form.

    `organ_zh`: the issuing office, shown on the sheet alone.
    """

    type_code: str
    reference: str
    values: Mapping[str, str]
    organ_zh: str = ""


def ordered(records: Sequence[CopyRecord], catalogue: Catalogue) -> list[tuple[TypeSchema, CopyRecord]]:
    """Records in the plan's order of types, then by reference, each with its schema: the order of every format.

    Raises ApiError `documents.no_records`, `catalogue.unknown_field`.
    """
    if not records:
        raise ApiError("documents.no_records")
    pairs = [(catalogue.ready_type(record.type_code), record) for record in records]
    for schema, record in pairs:
        for name in record.values:
            schema.field(name)
    return sorted(pairs, key=lambda pair: (pair[0].number, pair[1].reference))


def _row(schema: TypeSchema, record: CopyRecord) -> dict[str, str]:
    row = {"type": record.type_code, "record": record.reference}
    return row | {f.name: record.values[f.name] for f in schema.all_fields if f.name in record.values}


def spellings(records: Sequence[CopyRecord], catalogue: Catalogue) -> dict[str, str]:
    """Fields whose spelling may bear a mark, by name: a name that several types have only where all agree."""
    found: dict[str, str | None] = {}
    for record in records:
        schema = catalogue.ready_type(record.type_code)
        for name in record.values:
            kind = schema.field(name).spelling
            if found.setdefault(name, kind) != kind:
                found[name] = None
    return {name: str(kind) for name, kind in found.items() if kind is not None}


def copy_rows(records: Sequence[CopyRecord], catalogue: Catalogue) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a table of records: every granted field once, in order of first mention. Raises as above."""
    rows = [_row(schema, record) for schema, record in ordered(records, catalogue)]
    return list(dict.fromkeys(name for row in rows for name in row)), rows


def original_json(records: Sequence[CopyRecord], catalogue: Catalogue) -> bytes:
    """`{"schema": "mydata/copy/1", "records": [{"type", "record", field: value, …}, …]}` as UTF-8 without blanks.

    Fields stand in schema order, records in the plan's order of types. Raises ApiError as `original_csv`.
    """
    rows = [_row(schema, record) for schema, record in ordered(records, catalogue)]
    document = {"schema": COPY_SCHEMA, "records": rows}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def original_csv(records: Sequence[CopyRecord], catalogue: Catalogue) -> bytes:
    """A table (RFC 4180, UTF-8): columns `type`, `record`, then every granted field once, in order of first mention.

    A field that a record's type lacks is an empty cell. Raises ApiError `documents.no_records`,
    `catalogue.unknown_type`, `catalogue.type_not_ready`, `catalogue.unknown_field`.
    """
    columns, rows = copy_rows(records, catalogue)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()

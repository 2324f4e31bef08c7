"""The product's own copies of every ready certificate type, in all three formats."""

import csv
import io
import json

import pytest
from pdfminer.high_level import extract_text

from api.catalogue import Catalogue, TypeSchema, load_catalogue
from api.documents.copies import CopyRecord, original_csv, original_json
from api.documents.copy_sheet import CopySheetView, render_copy_sheet
from tests.watermark.attacks import PDF_ATTACKS
from tests.watermark.cases import CSV, JSON, KEYS, Content, pdf_content
from watermark import Outcome
from watermark.carriers.pdf_reading import text_of
from watermark.trace import trace

CATALOGUE: Catalogue = load_catalogue()
TYPES = [schema for schema in CATALOGUE.types.values() if schema.fields]


def _value(schema: TypeSchema, number: int) -> str:
    field = schema.fields[number]
    made_up = {
        "date": f"20{10 + number}-0{1 + number % 9}-1{number % 9}",
        "id_number": "371099199001011234",
        "amount": f"{1000 + number * 37}.50",
        "integer": str(number + 3),
        "serial": f"WH{20230000 + number * 7919}",
        "name": "张晓明",
        "address": "威海市环翠区人民路128号3幢2单元",
    }
    return field.choices[0].code if field.choices else made_up.get(field.kind.value, "威海市示例机构")


def _record(schema: TypeSchema) -> CopyRecord:
    values = {field.name: _value(schema, i) for i, field in enumerate(schema.fields)}
    return CopyRecord(schema.code, f"rec_{schema.number:026}", values, "威海市公安局")


@pytest.mark.parametrize("schema", TYPES, ids=lambda schema: schema.code)
def test_copies_of_a_certificate_hold_its_values(schema: TypeSchema) -> None:
    record = _record(schema)
    row = {"type": record.type_code, "record": record.reference, **record.values}
    in_json = Content("content_j", JSON, original_json([record], CATALOGUE)).issue("copy_j", "party_0")
    assert json.loads(in_json)["records"] == [row]
    in_csv = Content("content_c", CSV, original_csv([record], CATALOGUE)).issue("copy_c", "party_0")
    held = list(csv.DictReader(io.StringIO(in_csv.decode(), newline="")))
    assert [{name: values[name] for name in row} for values in held] == [row]


# A sheet takes seconds; every tenth type stands for the others, which the full run sees.
SHEETS = [
    pytest.param(schema, marks=pytest.mark.slow if number % 10 == 0 else pytest.mark.full, id=schema.code)
    for number, schema in enumerate(TYPES)
]


@pytest.mark.parametrize("schema", SHEETS)
def test_sheet_of_a_certificate_reads_as_before_and_is_traced(schema: TypeSchema) -> None:
    content = pdf_content(render_copy_sheet(CopySheetView([_record(schema)], CATALOGUE)))
    copy = content.files["copy_content_p_1"]
    assert text_of(copy) == text_of(content.original)
    # pdfminer guesses the order of columns from ties; the lines themselves must be the same.
    lines = sorted(extract_text(io.BytesIO(content.original)).splitlines())
    assert sorted(extract_text(io.BytesIO(copy)).splitlines()) == lines
    verdict = trace(PDF_ATTACKS["saved"](copy), "leak.pdf", [content.candidates], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [s.entity_id for s in verdict.accused] == ["party_1"]
    assert verdict.layers["layout.entity"] > 30

"""Originals of copies: granted fields only, canonical, independent of the order in which records are given."""

import csv
import io
import json
from dataclasses import replace

import pytest

from api.catalogue import load_catalogue
from api.documents.copies import CopyRecord, original_csv, original_json
from api.errors import ApiError

CATALOGUE = load_catalogue()
LICENCE = CopyRecord("person.driving_licence", "r1", {"valid_until": "2031-03-01", "licence_class": "C1"})
TITLES = [
    CopyRecord("person.real_estate_title", f"t{n}", {"area": f"{n}.50", "location": f"新威路{n}号, A座"})
    for n in range(3)
]


def test_json_holds_the_granted_fields_in_schema_order():
    document = json.loads(original_json([*TITLES, LICENCE], CATALOGUE))
    assert document["schema"] == "mydata/copy/1"
    assert [list(record) for record in document["records"]] == [
        ["type", "record", "licence_class", "valid_until"],
        *[["type", "record", "location", "area"]] * 3,
    ]
    assert document["records"][0] == {
        "type": "person.driving_licence", "record": "r1", "licence_class": "C1", "valid_until": "2031-03-01",
    }  # fmt: skip


def test_csv_is_one_table_with_blanks_where_a_type_lacks_a_field():
    rows = list(csv.DictReader(io.StringIO(original_csv([*TITLES, LICENCE], CATALOGUE).decode(), newline="")))
    assert list(rows[0]) == ["type", "record", "licence_class", "valid_until", "location", "area"]
    assert rows[0]["area"] == ""
    assert rows[3]["location"] == "新威路2号, A座"


@pytest.mark.parametrize("make", [original_json, original_csv])
def test_the_same_records_give_the_same_bytes_in_any_order(make):
    assert make([*TITLES, LICENCE], CATALOGUE) == make([LICENCE, *reversed(TITLES)], CATALOGUE)


@pytest.mark.parametrize("make", [original_json, original_csv])
def test_unfit_records_are_refused(make):
    for records, code in (
        ([], "documents.no_records"),
        ([CopyRecord("person.id_card", "r", {"salary": "1"})], "catalogue.unknown_field"),
        ([CopyRecord("person.none", "r", {})], "catalogue.unknown_type"),
    ):
        with pytest.raises(ApiError) as caught:
            make(records, CATALOGUE)
        assert caught.value.code == code
    unready = replace(CATALOGUE.type("person.id_card"), ready=False, fields=(), claims=())
    with pytest.raises(ApiError) as caught:
        make([CopyRecord(unready.code, "r", {})], replace(CATALOGUE, types={unready.code: unready}))
    assert caught.value.code == "catalogue.type_not_ready"

"""The table carrier: nothing of a value changes, everything else is keyed."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watermark.cases import CSV, JSON, KEY, as_set, licence, records_of, table_content
from watermark import Mark, Record, Table, WatermarkError, carrier_for, write_original
from watermark.carriers.table_reading import MARK_COLUMN

TEXT = st.characters(codec="utf-8", exclude_characters="\x00")
NAMES = st.text(alphabet=TEXT, min_size=1, max_size=6).filter(
    lambda s: s.strip() == s and s not in {"type", MARK_COLUMN}
)
VALUES = st.text(alphabet=TEXT, max_size=12)
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=6), min_size=1, max_size=6)
MARK = Mark("copy_1", "party_a", "content_1", '仅限"甲",用于\n乙 编号1', "For A, only")


def _embed(original: bytes, media_type: str, mark: Mark = MARK) -> bytes:
    return carrier_for(media_type).embed(original, mark, KEY)


@settings(max_examples=40, deadline=None)
@given(RECORDS)
def test_json_holds_exactly_the_original_values(values: list[dict[str, str]]) -> None:
    original = write_original(Table([Record("t", v) for v in values]), JSON)
    copy = json.loads(_embed(original, JSON))
    assert sorted(map(sorted, (r["values"].items() for r in copy["records"]))) == sorted(
        map(sorted, (v.items() for v in values))
    )
    assert {r["type"] for r in copy["records"]} == {"t"}


@settings(max_examples=40, deadline=None)
@given(RECORDS)
def test_flat_json_records_hold_exactly_the_original_values(values: list[dict[str, str]]) -> None:
    original = json.dumps({"schema": "x/1", "records": values}, ensure_ascii=False).encode()
    copy = json.loads(_embed(original, JSON))
    flat = [record for record in values if "values" not in record]
    assert all(record in copy["records"] for record in flat)
    assert len(copy["records"]) == len(values)
    assert copy["schema"] == "x/1"


@settings(max_examples=40, deadline=None)
@given(RECORDS)
def test_csv_holds_exactly_the_original_values(values: list[dict[str, str]]) -> None:
    table = Table([Record("t", v) for v in values])
    rows = list(csv.DictReader(io.StringIO(_embed(write_original(table, CSV), CSV).decode(), newline="")))
    expected = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    held = [{name: row[name] for name in table.columns} for row in rows]
    assert sorted(map(sorted, (r.items() for r in held))) == sorted(map(sorted, (r.items() for r in expected)))
    assert {r["type"] for r in rows} == {"t"}


@pytest.mark.parametrize("media_type", [JSON, CSV])
def test_same_mark_gives_same_bytes_and_another_copy_other_bytes(media_type: str) -> None:
    original = write_original(Table([licence(i) for i in range(12)]), media_type)
    assert _embed(original, media_type) == _embed(original, media_type)
    other = Mark("copy_2", MARK.entity_id, MARK.content_id, MARK.notice_zh, MARK.notice_en)
    assert _embed(original, media_type, other) != _embed(original, media_type)


def test_entity_fixes_names_and_copy_fixes_rows() -> None:
    content = table_content([licence(i) for i in range(8)], JSON, entities=1)
    content.issue("copy_second", "party_0")
    content.issue("copy_other", "party_9")
    first, second, other = (records_of(content.files[c]) for c in ("copy_content_t_0", "copy_second", "copy_other"))

    def names(records: list[dict[str, str]]) -> dict[str, list[str]]:
        return {record["证号"]: list(record) for record in records}

    assert names(first) == names(second) != names(other)
    assert [r["证号"] for r in first] != [r["证号"] for r in second]
    assert as_set(first) == as_set(second) == as_set(other)


def test_extra_parts_of_records_and_header_pass_through() -> None:
    record = Record("t", {"a": "1"}, {"proof": ["0x1", {"index": 3}]})
    copy = json.loads(_embed(write_original(Table([record], {"batch": 7}), JSON), JSON))
    assert copy["records"][0]["proof"] == ["0x1", {"index": 3}]
    assert copy["mydata"]["batch"] == 7
    assert copy["mydata"]["copy"] == "copy_1"
    assert copy["mydata"]["notice"] == MARK.notice_zh


def test_csv_keeps_its_byte_order_mark() -> None:
    original = b"\xef\xbb\xbf" + write_original(Table([licence(0)]), CSV)
    copy = _embed(original, CSV)
    assert copy.startswith(b"\xef\xbb\xbf")
    assert copy.count(b"\xef\xbb\xbf") == 1


@pytest.mark.parametrize(
    ("media_type", "original"),
    [
        (JSON, b"{"),
        (JSON, b'{"mydata": {}}'),
        (JSON, b'{"records": [1]}'),
        (JSON, b'{"records": [{"values": {"a": [1]}}]}'),
        (JSON, b'{"records": [{"values": []}]}'),
        (CSV, b""),
        (CSV, b"a,b\r\n1\r\n"),
        (CSV, b"a,_mydata\r\n1,2\r\n"),
    ],
)
def test_originals_of_another_form_are_refused(media_type: str, original: bytes) -> None:
    with pytest.raises(WatermarkError) as refused:
        _embed(original, media_type)
    assert refused.value.code == "watermark.bad_original"


def test_columns_that_the_mark_needs_are_refused() -> None:
    with pytest.raises(WatermarkError) as refused:
        write_original(Table([Record("t", {MARK_COLUMN: "x"})]), CSV)
    assert refused.value.code == "watermark.bad_original"


def test_unknown_media_type_is_refused() -> None:
    with pytest.raises(WatermarkError) as refused:
        carrier_for("audio/ogg")
    assert refused.value.code == "watermark.unsupported_type"

"""JSON originals of other shapes than the service's own: lists, numbers, nested parts. Nothing in them is altered."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watermark.cases import JSON, KEY, KEYS, Content, licence
from watermark import Mark, Outcome, WatermarkError, carrier_for
from watermark.trace import trace

MARK = Mark("copy_1", "party_1", "content_l", "notice")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
RECORDS = st.lists(st.dictionaries(st.text(), SCALARS | st.lists(SCALARS) | st.dictionaries(st.text(), SCALARS)))


def _embed(original: bytes) -> bytes:
    return carrier_for(JSON).embed(original, MARK, KEY)


def _sorted(records: Sequence[object]) -> list[str]:
    return sorted(json.dumps(record, sort_keys=True) for record in records)


@settings(max_examples=60, deadline=None)
@given(RECORDS)
def test_a_list_of_any_records_keeps_every_value(records: list[dict[str, object]]) -> None:
    records = [{f"_{name}": value for name, value in record.items()} for record in records]  # `values` is ours
    assert _sorted(json.loads(_embed(json.dumps(records).encode()))) == _sorted(records)


def test_numbers_keep_their_spelling() -> None:
    copy = _embed(b'[{"a": 12.50, "b": 123456789012345678901234567890.10, "c": {"d": [1.0, 2e5]}}]')
    for spelt in (b"12.50", b"123456789012345678901234567890.10", b"1.0,2e5"):
        assert spelt in copy


def test_a_list_of_records_is_traced() -> None:
    rows = [{**licence(i).values, "no": i, "fee": 12.5 + i} for i in range(16)]
    content = Content("content_l", JSON, json.dumps(rows, ensure_ascii=False).encode())
    for i in range(3):
        content.issue(f"copy_{i}", f"party_{i}")
    leak = json.dumps(json.loads(content.files["copy_1"])).encode()
    verdict = trace(leak, "leak.json", [content.candidates], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [one.copy_id for one in verdict.accused] == ["copy_1"]


@pytest.mark.parametrize("original", [b"[1, 2]", b'[{"values": 3}]', b'{"records": 3}', b"[" * 100_000])
def test_other_shapes_are_refused(original: bytes) -> None:
    with pytest.raises(WatermarkError) as refused:
        _embed(original)
    assert refused.value.code == "watermark.bad_original"

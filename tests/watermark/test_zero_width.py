"""Zero-width marks: only in named fields, given back to the letter, telling on their own, gone after a filter."""

import csv
import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watermark.cases import CSV, JSON, KEY, KEYS, licence
from watermark import ContentCandidates, EpochKey, IssuedCopy, Mark, Outcome, Record, Table, write_original
from watermark.carriers import Carrier
from watermark.carriers.table import TableCarrier
from watermark.carriers.xlsx import XlsxCarrier
from watermark.carriers.xlsx_writing import XLSX_TYPE
from watermark.cells import normalise
from watermark.command.line import main
from watermark.trace import trace
from watermark.zero_width import CHIPS, fits, marked, plain, shown

FIELDS = frozenset({"姓名", "发证机关", "证号", "有效期至"})
CARRIERS: dict[str, Carrier] = {
    JSON: TableCarrier(zero_width=FIELDS),
    CSV: TableCarrier(zero_width=FIELDS),
    XLSX_TYPE: XlsxCarrier(zero_width=FIELDS),
}


def _original(media_type: str, people: int = 16) -> bytes:
    return write_original(Table([licence(i) for i in range(people)]), media_type)


def _copies(media_type: str) -> tuple[ContentCandidates, list[bytes]]:
    original = _original(media_type)
    marks = [Mark(f"copy_{i}", f"party_{i}", "content_z", "") for i in range(3)]
    files = [CARRIERS[media_type].embed(original, mark, KEY) for mark in marks]
    issued = tuple(IssuedCopy(f"copy_{i}", f"party_{i}", KEY.epoch, b"") for i in range(3))
    return ContentCandidates("content_z", original, media_type, issued), files


def _values(copy: bytes) -> list[dict[str, str]]:
    return [record["values"] for record in json.loads(copy)["records"]]


def _sorted_table(copy: bytes, change: Callable[[str], str] = lambda text: text) -> bytes:
    """All values of a JSON copy as a CSV whose rows and columns are sorted: only what stands inside values is left."""
    rows = sorted(({name: change(v) for name, v in row.items()} for row in _values(copy)), key=lambda row: row["证号"])
    out = io.StringIO()
    writer = csv.DictWriter(out, sorted(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@settings(max_examples=200)
@given(st.text(max_size=12), st.lists(st.sampled_from([-1, 1]), min_size=CHIPS, max_size=CHIPS))
def test_a_value_is_given_back_to_the_letter(value: str, chips: list[int]) -> None:
    if not fits(value):
        return
    carried = marked(value, chips)
    assert plain(carried) == value
    assert shown(carried) == chips
    assert shown(value) == []
    assert normalise(carried) == normalise(value)
    assert not any(c.isdigit() for c in value)


UNFIT = ["371099199001011234", "2031-01-10", "12.50", "A1", "李", "", "\u200b甲乙", "人民路128号"]


@pytest.mark.parametrize("value", UNFIT)
def test_identifiers_dates_and_amounts_never_carry_marks(value: str) -> None:
    assert not fits(value)


def test_off_by_default_and_only_where_named() -> None:
    mark = Mark("copy_1", "party_1", "content_z", "")
    original = _original(JSON)
    assert _values(TableCarrier().embed(original, mark, KEY)) != []
    assert all(plain(v) == v for row in _values(TableCarrier().embed(original, mark, KEY)) for v in row.values())
    before = {row["证号"]: row for row in _values(original)}
    for row in _values(CARRIERS[JSON].embed(original, mark, KEY)):
        known = before[row["证号"]]
        assert {name: plain(value) for name, value in row.items()} == known
        assert {name for name in row if row[name] != known[name]} == {"姓名", "发证机关"}


@pytest.mark.parametrize("media_type", list(CARRIERS))
def test_every_format_tells_the_copy(media_type: str) -> None:
    content, files = _copies(media_type)
    verdict = trace(files[1] + (b"\n" if media_type != XLSX_TYPE else b""), "", [content], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert verdict.layers["zero_width.entity"] > 5


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
}


@pytest.mark.parametrize("form", FORMS)
def test_sorted_and_pasted_elsewhere_it_still_tells(form: str) -> None:
    content, files = _copies(JSON)
    verdict = trace(_sorted_table(files[2], FORMS[form]), "x.csv", [content], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.to_dict()
    assert [s.entity_id for s in verdict.accused] == ["party_2"]


def test_planted_faults_and_a_filter_name_nobody() -> None:
    """A filter of one line or an export to GBK takes them out; another's key and turned marks name nobody."""
    content, files = _copies(JSON)
    for change in (plain, lambda text: text.encode("gbk", "ignore").decode("gbk")):
        verdict = trace(_sorted_table(files[2], change), "x.csv", [content], KEYS)
        assert not verdict.accused
        assert "zero_width.entity" not in verdict.layers
    other = trace(_sorted_table(files[2]), "x.csv", [content], {KEY.epoch: EpochKey(KEY.epoch, bytes(32))})
    assert not other.accused
    turned = _sorted_table(files[2], lambda text: text.translate({0x200B: 0x2060, 0x2060: 0x200B}))
    assert not trace(turned, "x.csv", [content], KEYS).accused


def test_the_command_writes_them_where_told(tmp_path: Path) -> None:
    original, out = tmp_path / "a.json", tmp_path / "b.json"
    original.write_bytes(write_original(Table([Record("t", {"name": "张晓明", "note": "甲乙"})]), JSON))
    ids = ["--copy", "c", "--entity", "e", "--content", "x", "--key", "07" * 32]
    assert main(["mark", str(original), str(out), *ids, "--zero-width", "note"]) == 0
    (row,) = _values(out.read_bytes())
    assert (row["name"], plain(row["note"])) == ("张晓明", "甲乙")
    assert len(row["note"]) == 2 + CHIPS
    text = tmp_path / "a.txt"
    text.write_text("one line\nand another\n")
    assert main(["mark", str(text), str(tmp_path / "b.txt"), *ids, "--zero-width", "note"]) == 2

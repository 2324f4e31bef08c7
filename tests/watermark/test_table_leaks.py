"""Leaked tables, from untouched to sorted: who is named, and who must not be."""

import csv
import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.watermark.cases import CSV, JSON, KEYS, Content, licence, payment, records_of, table_content
from watermark import Outcome, Verdict
from watermark.trace import trace


def _trace(leak: bytes, *contents: Content, name: str = "leak") -> Verdict:
    return trace(leak, name, [c.candidates for c in contents], KEYS)


def _dump(data: object, **how: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, **how).encode()  # type: ignore[arg-type]  # json's own keywords


def _csv(rows: list[dict[str, str]], columns: list[str] | None = None, **how: object) -> bytes:
    out = io.StringIO()
    columns = columns or list(rows[0])
    writer = csv.DictWriter(out, columns, extrasaction="ignore", **how)  # type: ignore[arg-type]  # csv's own keywords
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _csv_rows(copy: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(copy.decode(), newline="")))


def _named(verdict: Verdict) -> list[tuple[str, str | None]]:
    return [(s.entity_id, s.copy_id) for s in verdict.accused]


PARTY_1 = [("party_1", "copy_content_t_1")]


def test_untouched_file_is_conclusive(one_json: Content) -> None:
    verdict = _trace(one_json.files["copy_content_t_1"], one_json)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert _named(verdict) == PARTY_1
    assert verdict.level == "copy"
    assert "watermark.trace.untouched" in verdict.codes
    assert verdict.bound is not None
    assert verdict.bound < 1e-30


def test_reserialised_json_with_its_header_is_identified(one_json: Content) -> None:
    verdict = _trace(_dump(json.loads(one_json.files["copy_content_t_1"]), sort_keys=True, indent=2), one_json)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert _named(verdict) == PARTY_1
    assert verdict.layers["label"] > 30


JSON_LEAKS: dict[str, Callable[[list[dict[str, str]]], bytes]] = {
    "list": _dump,
    "indented": lambda rows: _dump({"data": {"items": rows}}, indent=4),
    "lines": lambda rows: b"\n".join(_dump(row) for row in rows),
    "by_number": lambda rows: _dump({row["证号"]: row for row in rows}),
    "columns": lambda rows: _dump({name: [row[name] for row in rows] for name in rows[0]}),
    "split": lambda rows: _dump({"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}),
    "csv": _csv,
    "semicolons": lambda rows: _csv(rows, delimiter=";"),
    "tabs": lambda rows: _csv(rows, delimiter="\t"),
    "bom": lambda rows: b"\xef\xbb\xbf" + _csv(rows),
    "gb18030": lambda rows: _csv(rows).decode().encode("gb18030"),
    "utf16": lambda rows: _csv(rows).decode().encode("utf-16"),
    "sorted_columns": lambda rows: _csv(rows, sorted(rows[0])),
    "two_columns": lambda rows: _csv(rows, ["住址", "证号"]),
    "no_names": lambda rows: _csv(rows).split(b"\r\n", 1)[1],
    "renamed": lambda rows: _csv([{f"c{i}": v for i, v in enumerate(row.values())} for row in rows]),
    "full_width": lambda rows: _dump([{k: v.replace("1", "\uff11") for k, v in row.items()} for row in rows]),
    "other_columns_added": lambda rows: _csv([{"no": str(i), **row, "note": "x"} for i, row in enumerate(rows)]),
}


@pytest.mark.parametrize("how", JSON_LEAKS)
@pytest.mark.parametrize("kind", [JSON, CSV])
def test_sixteen_rows_in_order_name_the_entity(
    how: str, kind: str, sixteen_json: Content, sixteen_csv: Content
) -> None:
    content = sixteen_json if kind == JSON else sixteen_csv
    copy = content.files["copy_content_t_1"]
    rows = records_of(copy) if kind == JSON else _csv_rows(copy)
    rows = [{k: v for k, v in row.items() if k not in {"_mydata", "type"}} for row in rows]
    verdict = _trace(JSON_LEAKS[how](rows), content)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.to_dict()
    assert _named(verdict) == PARTY_1
    assert verdict.bound is not None
    assert verdict.bound <= 1e-9


def test_sixteen_rows_of_one_column_of_order_only(months_csv: Content) -> None:
    """No identifier, columns sorted, spelling gone: the order of 16 rows is enough."""
    content = table_content([payment(i) for i in range(16)], CSV)
    rows = _csv_rows(content.files["copy_content_t_2"])
    verdict = _trace(_csv(rows, ["个人缴费", "月份"]), content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert _named(verdict) == [("party_2", "copy_content_t_2")]
    assert set(verdict.layers) == {"rows", "names", "spelling.entity", "spelling.copy"}


def test_a_few_rows_moved_or_lost_still_name_the_entity() -> None:
    content = table_content([licence(i) for i in range(40)], JSON)
    rows = records_of(content.files["copy_content_t_1"])
    rows = rows[20:34] + rows[:18]  # two blocks swapped, eight rows lost
    rows[3], rows[4] = rows[4], rows[3]
    verdict = _trace(_csv(rows, sorted(rows[0])), content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert _named(verdict) == PARTY_1


def test_text_edit_keeps_the_spelling() -> None:
    """One record cut out of a file with an editor: its blanks are half of what identifies it."""
    content = table_content([licence(i) for i in range(16)], JSON)
    lines = content.files["copy_content_t_1"].decode().split("\n")
    start = lines.index('"records":[')
    cut = sorted(line.rstrip(",") for line in lines[start + 1 : start + 17])
    verdict = _trace(("[" + ",\n".join(cut) + "]").encode(), content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert _named(verdict) == PARTY_1
    assert verdict.layers["spelling.entity"] > 5
    assert verdict.layers["rows"] < 3


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rows_with_sorted_names_hold_no_evidence(seed: int, sixteen_json: Content) -> None:
    rows = records_of(sixteen_json.files["copy_content_t_1"])
    random.Random(seed).shuffle(rows)
    verdict = _trace(_dump(rows, sort_keys=True), sixteen_json)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.fits == ("party_0", "party_1", "party_2")
    assert not verdict.accused
    assert max(s.log10_e for s in verdict.ranked) < 3


def test_sorted_table_of_one_entity_is_suspect_by_provenance() -> None:
    content = table_content([licence(i) for i in range(16)], JSON, entities=1)
    rows = sorted(records_of(content.files["copy_content_t_0"]), key=lambda r: r["证号"])
    verdict = _trace(_dump(rows, sort_keys=True), content)
    assert verdict.outcome is Outcome.SUSPECT
    assert _named(verdict) == [("party_0", "copy_content_t_0")]
    assert verdict.bound is None
    assert {"watermark.trace.provenance", "watermark.trace.holder_and_source"} <= set(verdict.codes)


def test_whoever_outlived_an_erasure_is_not_named_by_provenance_alone() -> None:
    """Another's original may be gone with what would have spoken for this one; a code still names."""
    content = table_content([licence(i) for i in range(16)], JSON, entities=1)
    rows = sorted(records_of(content.files["copy_content_t_0"]), key=lambda r: r["证号"])
    kept = replace(content.candidates, outlived=True)
    verdict = trace(_dump(rows, sort_keys=True), "leak.json", [kept], KEYS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert not verdict.accused
    assert {"watermark.trace.several_fit", "watermark.trace.holder_and_source"} <= set(verdict.codes)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("leak.json", _dump(rows, sort_keys=True))
    assert trace(archive.getvalue(), "leak.zip", [kept], KEYS).outcome is Outcome.INCONCLUSIVE
    assert trace(content.files["copy_content_t_0"], "copy.json", [kept], KEYS).outcome is Outcome.IDENTIFIED


def test_sorted_order_is_worth_nothing(sixteen_json: Content) -> None:
    rows = sorted(records_of(sixteen_json.files["copy_content_t_1"]), key=lambda r: r["证号"])
    verdict = _trace(_csv(rows, sorted(rows[0])), sixteen_json)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert all(s.log10_e <= 0.5 for s in verdict.ranked)


def test_one_record_held_by_three_without_header_is_inconclusive(one_json: Content) -> None:
    for records in (records_of(one_json.files["copy_content_t_1"]), json.loads(one_json.original)["records"]):
        verdict = _trace(_dump(records, sort_keys=True), one_json)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert not verdict.accused


def test_more_fields_than_others_hold_point_to_one() -> None:
    """party_9 alone was granted the address."""
    wide = table_content([licence(i) for i in range(3)], JSON, 0, "content_w")
    wide.issue("copy_w", "party_9")
    narrow_records = [licence(i) for i in range(3)]
    for record in narrow_records:
        del record.values["住址"]  # type: ignore[attr-defined]  # a dict here
    narrow = table_content(narrow_records, JSON, 2, "content_n")
    rows = sorted(records_of(wide.files["copy_w"]), key=lambda r: r["证号"])
    verdict = _trace(_dump(rows, sort_keys=True), wide, narrow)
    assert verdict.outcome is Outcome.SUSPECT
    assert _named(verdict) == [("party_9", "copy_w")]
    less = [{k: v for k, v in row.items() if k != "住址"} for row in rows]
    assert _trace(_dump(less, sort_keys=True), wide, narrow).outcome is Outcome.INCONCLUSIVE


def test_pasting_anothers_copy_id_accuses_nobody(one_json: Content) -> None:
    data = json.loads(one_json.files["copy_content_t_0"])
    data["records"] = json.loads(one_json.original)["records"]
    data["mydata"]["copy"] = "copy_content_t_1"  # the tag beside it stays party_0's
    verdict = _trace(_dump(data, sort_keys=True), one_json)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert not verdict.accused
    data["mydata"]["mark"] = "0" * 32
    assert not _trace(_dump(data, sort_keys=True), one_json).accused


def test_anothers_header_on_foreign_data_accuses_nobody(one_json: Content) -> None:
    data = json.loads(one_json.files["copy_content_t_1"])
    data["records"] = [{"type": "x", "values": {"fruit": "apple", "count": "3"}}]
    verdict = _trace(_dump(data), one_json)
    assert verdict.outcome is Outcome.NONE
    assert "watermark.trace.pointer_only" in verdict.codes


def test_order_of_the_guilty_beats_a_pasted_id(sixteen_json: Content) -> None:
    data = json.loads(sixteen_json.files["copy_content_t_2"])
    data["mydata"]["copy"] = "copy_content_t_1"
    verdict = _trace(_dump(data), sixteen_json)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert _named(verdict) == [("party_2", "copy_content_t_2")]


def test_values_pasted_into_a_message_are_provenance() -> None:
    content = table_content([licence(5)], JSON, 1)
    value = licence(5).values
    parts = [f"姓名\uff1a{value['姓名']}", f"性别 {value['性别']}", f"证号 {value['证号']}", f"住 {value['住址']}"]
    note = "\uff0c".join(["请查一下", *parts]) + f"\uff0c{value['准驾车型']}, 到 {value['有效期至']}"
    verdict = _trace(note.encode(), content, name="note.txt")
    assert verdict.outcome is Outcome.SUSPECT
    assert _named(verdict) == [("party_0", "copy_content_t_0")]
    assert verdict.bound is None


def test_two_entities_tables_put_together_name_both() -> None:
    one = table_content([licence(i) for i in range(20)], JSON, 3, "content_a")
    two = table_content([licence(i) for i in range(20, 40)], JSON, 3, "content_b")
    rows = records_of(one.files["copy_content_a_0"]) + records_of(two.files["copy_content_b_2"])
    verdict = _trace(_dump(rows), one, two)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert {s.entity_id for s in verdict.accused} == {"party_0", "party_2"}
    assert "watermark.trace.several" in verdict.codes


def test_many_one_record_files_merged_name_the_entity() -> None:
    """Each record alone carries an order of seven names; ten of them are enough together."""
    contents = [table_content([licence(i)], JSON, 3, f"content_{i}") for i in range(10)]
    rows = [records_of(c.files[f"copy_content_{i}_1"])[0] for i, c in enumerate(contents)]
    verdict = _trace(_dump(rows), *contents)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [s.entity_id for s in verdict.accused] == ["party_1"]
    assert verdict.n == 30


def test_own_copies_of_one_entity_cannot_be_averaged_away() -> None:
    content = table_content([licence(i) for i in range(16)], JSON, 3)
    for i in range(9):
        content.issue(f"copy_own_{i}", "party_1")
    rows = records_of(content.files["copy_content_t_1"])
    random.Random(1).shuffle(rows)  # any mixture of its own row orders
    verdict = _trace(_dump(rows), content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [s.entity_id for s in verdict.accused] == ["party_1"]
    assert verdict.level == "entity"


def test_copy_within_the_entity_has_its_own_bound() -> None:
    content = table_content([licence(i) for i in range(16)], JSON, 1)
    for i in range(9):
        content.issue(f"copy_own_{i}", "party_0")
    verdict = _trace(_dump(records_of(content.files["copy_own_4"])), content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert _named(verdict) == [("party_0", "copy_own_4")]
    assert verdict.level == "copy"
    assert (verdict.ranked[0].entity_id, verdict.ranked[0].copy_id) == ("party_0", "copy_own_4")


def test_copies_whose_key_is_missing_are_counted_and_said(one_json: Content) -> None:
    verdict = trace(_dump(records_of(one_json.files["copy_content_t_1"])), "", [one_json.candidates], {})
    assert verdict.n == 3
    assert "watermark.trace.key_missing" in verdict.codes
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_verdict_is_plain_json(one_json: Content) -> None:
    verdict = _trace(one_json.files["copy_content_t_1"], one_json)
    data = json.loads(json.dumps(verdict.to_dict()))
    assert data["outcome"] == "identified"
    (accused,) = data["accused"]
    assert {"copy": "copy_content_t_1", "entity": "party_1"}.items() <= accused.items()
    assert set(accused) == {"copy", "entity", "log10_e", "bound", "copy_bound"}
    assert set(data["ranked"][0]) == {"copy", "entity", "log10_e"}
    assert data["n"] == 3
    assert {"level", "bound", "ranked", "layers", "codes", "fits", "contents", "file_sha256", "marker"} <= set(data)

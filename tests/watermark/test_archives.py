"""Archives of several suspects: each is traced, all attempts are counted, bombs are refused."""

import io
import json
import zipfile
import zlib

import pytest

import watermark.examine as limits
from tests.watermark.cases import KEY, KEYS, Content, records_of
from tests.watermark.pictures import encoded, photo
from watermark import Outcome, WatermarkError, candidate_tags, sniff
from watermark.carriers.zip_reading import MAX_DEPTH, MAX_FILES, read_zip
from watermark.examine import examine
from watermark.report import read_report, report_document, write_report
from watermark.rescore import rescore
from watermark.trace import trace


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def _leak(content: Content, copy_id: str) -> bytes:
    return json.dumps(records_of(content.files[copy_id])).encode()


def test_each_file_of_an_archive_is_traced(sixteen_json: Content) -> None:
    suspect = _zip(
        {
            "deep/leak.json": _leak(sixteen_json, "copy_content_t_1"),
            "deep/other.txt": b"nothing of ours\n",
            "more.zip": _zip({"inner.json": _leak(sixteen_json, "copy_content_t_2")}),
            "__MACOSX/._x": b"left out",
            "odd.exe": b"\x00\x01\x02\xff",
        }
    )
    verdict = trace(suspect, "suspects.zip", [sixteen_json.candidates], KEYS)
    assert verdict.kind == "zip"
    assert verdict.outcome is Outcome.IDENTIFIED
    assert {one.copy_id for one in verdict.accused} == {"copy_content_t_1", "copy_content_t_2"}
    assert "watermark.trace.several" in verdict.codes
    assert {name: part.outcome for name, part in verdict.parts} == {
        "deep/leak.json": Outcome.IDENTIFIED,
        "deep/other.txt": Outcome.NONE,
        "more.zip/inner.json": Outcome.IDENTIFIED,
    }
    assert verdict.unread == (("odd.exe", "watermark.unsupported_kind"),)
    assert verdict.n == 9, "three copies, held against three files"
    report = read_report(write_report(report_document(verdict)))
    assert not rescore(report, KEYS).differences


def test_an_archives_report_that_names_another_differs(sixteen_json: Content) -> None:
    suspect = _zip({"leak.json": _leak(sixteen_json, "copy_content_t_1")})
    document = report_document(trace(suspect, "s.zip", [sixteen_json.candidates], KEYS))
    lied = json.loads(write_report(document))
    lied["accused"][0]["entity"] = "party_0"
    from watermark.report import _seal

    lied["seal"] = _seal({name: value for name, value in lied.items() if name != "seal"})
    assert rescore(read_report(write_report(lied))).differences


def test_values_in_an_archive_lead_to_their_contents(sixteen_json: Content) -> None:
    leak = _leak(sixteen_json, "copy_content_t_1")
    assert candidate_tags(_zip({"a.json": leak}), "a.zip", KEY) == candidate_tags(leak, "a.json", KEY)


@pytest.mark.parametrize(
    ("name", "suspect"),
    [
        ("tabs", lambda rows: "\n".join("\t".join(row) for row in rows)),
        ("pipes", lambda rows: "\n".join("| " + " | ".join(row) + " |" for row in rows)),
        ("blanks", lambda rows: "\n".join("   ".join(row) for row in rows)),
        ("message", lambda rows: "你好，请看下表：\n\n" + "\n".join("\t".join(row) for row in rows) + "\n\n谢谢！\n"),
        ("quoted", lambda rows: "\n".join("> " + "  ".join(row) for row in rows)),
    ],
)
def test_a_table_pasted_into_a_message_keeps_its_order(name: str, suspect: object, sixteen_csv: Content) -> None:
    lines = sixteen_csv.files["copy_content_t_1"].decode().splitlines()[1:]
    import csv

    rows = [row[:-1] for row in csv.reader(lines)]
    text = suspect(rows)  # type: ignore[operator]  # a function of the rows
    verdict = trace(text.encode(), f"{name}.txt", [sixteen_csv.candidates], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.layers
    assert [one.copy_id for one in verdict.accused] == ["copy_content_t_1"]


def _refusal(data: bytes) -> str:
    with pytest.raises(WatermarkError) as refused:
        examine(data, "x.zip")
    return refused.value.code


def _bomb() -> bytes:
    """100 MiB of zeros in some kilobytes, whose head claims a single byte."""
    data = bytearray(_zip({"zeros.txt": bytes(100 * 1024 * 1024)}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (1).to_bytes(4, "little")
    return bytes(data)


def test_bombs_and_broken_archives_are_refused() -> None:
    nested = _zip({"a.csv": b"a,b\n1,2\n"})
    for _ in range(MAX_DEPTH):
        nested = _zip({"inner.zip": nested})
    assert _refusal(nested) == "watermark.zip_limit"
    assert _refusal(_zip({f"{i}.csv": b"a,b\n1,2\n" for i in range(MAX_FILES + 1)})) == "watermark.zip_limit"
    assert _refusal(_zip({"zeros.txt": bytes(100 * 1024 * 1024)})) == "watermark.zip_limit"
    assert _refusal(_bomb()) in {"watermark.zip_limit", "watermark.bad_zip"}
    assert _refusal(_zip({})) == "watermark.wrong_extension"
    assert _refusal(_zip({"a.csv": b"1"})[:-30]) == "watermark.bad_zip"
    assert _refusal(b"PK\x03\x04" + zlib.compress(b"x" * 100)) == "watermark.bad_zip"
    assert _refusal(_zip({"odd.exe": b"\x00\x01\x02\xff"})) == "watermark.unsupported_kind"


def test_all_pictures_of_an_archive_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: counted one by one, each would pass."""
    pictures = {f"{number}.png": encoded(photo(80, 100, number)) for number in range(3)}
    assert len(examine(_zip(pictures), "all.zip").rasters) == 3
    monkeypatch.setattr(limits, "MAX_PIXELS_IN_ALL", 2 * 80 * 100)
    found = examine(_zip(pictures), "some.zip")
    assert (len(found.rasters), found.unread) == (2, (("2.png", "watermark.too_complex"),))
    monkeypatch.setattr(limits, "MAX_PIXELS_IN_ALL", 80 * 100 - 1)
    assert _refusal(_zip(pictures)) == "watermark.too_complex"


def test_a_locked_archive_is_refused() -> None:
    data = bytearray(_zip({"a.csv": b"a,b\n1,2\n"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert _refusal(bytes(data)) == "watermark.bad_zip"


def test_office_files_are_no_archives() -> None:
    from watermark.carriers.xlsx_writing import Grid, write_workbook

    book = write_workbook(Grid([["a"], ["b"]], [["1"]]))
    assert sniff(book) == "xlsx"
    assert [name for name, _ in read_zip(_zip({"book.xlsx": book})).files] == ["book.xlsx"]

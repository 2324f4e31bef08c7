"""Screenshots of tables: read, made out against the original, and traced to whose copy was on the screen."""

import csv
import html
import io
import json
from pathlib import Path

import pytest

from tests.watermark.cases import CSV, JSON, KEY, licence, table_content
from tests.watermark.screens import Rows, as_file, letters, screen
from watermark import ContentCandidates, EpochKey, IssuedCopy, Mark, Record, Table, carrier_for, write_original
from watermark.carriers.seen_evidence import made_out
from watermark.carriers.xlsx_writing import XLSX_TYPE
from watermark.command.line import main
from watermark.examine import Examined, examine
from watermark.lettering import can_read
from watermark.provenance import Leak
from watermark.reading import Reading, Row
from watermark.seen_tables import lines_of, shows_more, with_lettering
from watermark.trace import Outcome, Verdict, trace
from watermark.variants import Spelling

MANY = 10_000
LEAKER = 4_711
reading = pytest.mark.skipif(not can_read(), reason="the part that reads lettering (mydata[ocr]) is not installed")
OTHER = EpochKey(KEY.epoch, bytes(range(1, 33)))


def _person(i: int) -> Record:
    values = dict(licence(i).values)
    values["住址"] = f"威海市环翠区人民路{100 + i}-{1 + i % 7}号（{'东南西北'[i % 4]}区）"
    return Record("机动车驾驶证", values)


class Case:
    """A table issued to ten thousand; the copy of one of them (or of somebody who never had one) was leaked."""

    def __init__(self, rows: int, media_type: str = CSV, spellings: dict[str, Spelling] | None = None) -> None:
        self.media_type = media_type
        self.spellings = spellings or {}
        self.original = write_original(Table([_person(i) for i in range(rows)], {"schema": "copy/1"}), media_type)

    def copy(self, number: int = LEAKER) -> bytes:
        mark = Mark(f"copy_{number}", f"party_{number}", "content_s", "")
        return carrier_for(self.media_type, self.spellings).embed(self.original, mark, KEY)

    def rows(self, number: int = LEAKER) -> Rows:
        """As a spreadsheet program shows them, without the id column."""
        found = list(csv.DictReader(io.StringIO(self.copy(number).decode())))
        return [{name: value for name, value in row.items() if name not in {"_mydata", "type"}} for row in found]

    @property
    def content(self) -> ContentCandidates:
        issued = tuple(IssuedCopy(f"copy_{i}", f"party_{i}", KEY.epoch, b"") for i in range(MANY))
        return ContentCandidates("content_s", self.original, self.media_type, issued, self.spellings)

    def trace(self, suspect: bytes | Examined, key: EpochKey = KEY, name: str = "") -> Verdict:
        return trace(suspect, name, [self.content], {key.epoch: key})


def _named(verdict: Verdict) -> list[str]:
    return [one.entity_id for one in verdict.accused] if verdict.bound is not None and verdict.bound <= 1e-6 else []


@reading
def test_a_screenshot_names_whose_copy_was_on_the_screen() -> None:
    case = Case(16)
    rows = [{name: row[name] for name in ("证号", "住址")} for row in case.rows()]
    seen = with_lettering(examine(as_file(screen(rows)), "leak.png"))
    assert not seen.codes
    verdict = case.trace(seen.examined)
    assert _named(verdict) == [f"party_{LEAKER}"]
    assert verdict.n == MANY
    assert verdict.kind == "image"
    shifted = case.trace(seen.examined, OTHER)
    assert not shifted.accused
    assert shifted.outcome is Outcome.INCONCLUSIVE


@reading
@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "dark", "how"),
    [
        (14, True, {"form": "JPEG", "quality": 70}),
        (14, False, {"scale": 0.75}),
        pytest.param(14, True, {"scale": 1.5}, marks=pytest.mark.full),
        pytest.param(18, False, {"form": "JPEG", "quality": 70, "scale": 0.75}, marks=pytest.mark.full),
    ],
)
def test_modes_scales_and_compression_are_survived(size: int, dark: bool, how: dict[str, object]) -> None:
    case = Case(18)
    columns = ("证号", "姓名")
    rows = [{name: row[name] for name in row if name in columns} for row in case.rows()][2:]
    verdict = case.trace(as_file(screen(rows, size=size, dark=dark), **how))  # type: ignore[arg-type] # options of two calls
    assert _named(verdict) == [f"party_{LEAKER}"]
    assert verdict.n == MANY, "nothing but a table was given: one try"


@reading
@pytest.mark.slow
def test_an_innocents_screenshot_accuses_nobody() -> None:
    """Planted: somebody's copy that was never issued is on the screen."""
    case = Case(16)
    verdict = case.trace(as_file(screen([{"证号": row["证号"], "姓名": row["姓名"]} for row in case.rows(MANY + 7)])))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert not verdict.accused


@reading
@pytest.mark.slow
def test_spellings_are_seen_where_the_order_is_gone() -> None:
    case = Case(24, spellings={"住址": Spelling.TEXT})
    rows = sorted(({"证号": row["证号"], "住址": row["住址"]} for row in case.rows()), key=lambda row: row["证号"])
    seen = with_lettering(examine(as_file(screen(rows)), "leak.png")).examined
    told = {one.entity_id: one.log10_e for one in case.trace(seen).ranked}
    assert max(told, key=lambda name: told[name]) == f"party_{LEAKER}"
    assert told[f"party_{LEAKER}"] > 4
    assert max(one.log10_e for one in case.trace(seen, OTHER).ranked) < 6


@reading
@pytest.mark.full
def test_a_picture_of_no_certificate_is_tried_as_a_table_and_both_tries_count() -> None:
    case = Case(16)
    page = table_content([licence(40)], JSON)
    suspect = as_file(screen([{"证号": row["证号"], "姓名": row["姓名"]} for row in case.rows()]))
    blank = ContentCandidates("content_p", as_file(screen([{"a": "b"}]).resize((200, 200))), "image/png", page.issued)
    verdict = trace(suspect, "leak.png", [case.content, blank], {KEY.epoch: KEY})
    assert _named(verdict) == [f"party_{LEAKER}"]
    assert verdict.n == 2 * (MANY + 3)


@reading
@pytest.mark.slow
def test_the_command_traces_a_screenshot_of_a_workbook(tmp_path: Path) -> None:
    case = Case(16, XLSX_TYPE)
    shown = Case(16)  # the same rows and code of another kind would be another order: the workbook's is read
    (tmp_path / "table.xlsx").write_bytes(case.original)
    copy = examine(case.copy(), "copy.xlsx").leak.reading.sheets[0]
    named = [dict(zip(row.names, row.values, strict=True)) for row in copy]
    rows = [row for row in named if row.get("证号", "").startswith("371")]
    assert len(rows) == len(shown.rows())
    (tmp_path / "leak.png").write_bytes(as_file(screen([{"证号": row["证号"], "姓名": row["姓名"]} for row in rows])))
    listed = "".join(json.dumps({"copy": f"copy_{i}", "entity": f"party_{i}"}) + "\n" for i in range(MANY))
    (tmp_path / "copies.jsonl").write_text(listed)
    given = ["--original", str(tmp_path / "table.xlsx"), "--content", "content_s"]
    given += ["--copies", str(tmp_path / "copies.jsonl"), "--key", KEY.secret.hex(), "--epoch", KEY.epoch]
    assert main(["trace", str(tmp_path / "leak.png"), *given, "--json", str(tmp_path / "out.json")]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["bound"] <= 1e-6
    assert [one["copy"] for one in result["accused"]] == [f"copy_{LEAKER}"]


@reading
@pytest.mark.browser
@pytest.mark.slow
def test_what_a_browser_shows_is_traced(tmp_path: Path) -> None:
    """A sheet as a page in the system's fonts, and the JSON itself, whose records the window breaks."""
    from playwright.sync_api import sync_playwright

    from tests.portals.screenshots import ARGUMENTS, CHROMIUM

    if not Path(CHROMIUM).exists():
        pytest.skip("needs Debian's chromium")
    sheet, raw = Case(16), Case(16, JSON)
    names = list(sheet.rows()[0])
    lines = [names, *([row[name] for name in names] for row in sheet.rows())]
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in line) for line in lines)
    (tmp_path / "sheet.html").write_text(f"<meta charset=utf-8><style>td{{white-space:nowrap}}</style><table>{cells}")
    (tmp_path / "raw.json").write_bytes(raw.copy())
    shots = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name in ("sheet.html", "raw.json"):
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto((tmp_path / name).as_uri())
            shots[name] = page.screenshot()
        browser.close()
    assert _named(sheet.trace(shots["sheet.html"])) == [f"party_{LEAKER}"]
    assert _named(raw.trace(shots["raw.json"])) == [f"party_{LEAKER}"]


def test_without_the_part_the_verdict_says_what_was_left_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watermark.seen_tables.can_read", lambda: False)
    verdict = Case(4).trace(as_file(screen([{"证号": "371099"}])))
    assert verdict.outcome is Outcome.NONE
    assert "watermark.trace.no_reader" in verdict.codes


def test_a_reader_that_fails_leaves_the_trace_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    from watermark.errors import WatermarkError

    def failing(raster: object) -> list[object]:
        raise WatermarkError("watermark.timeout")

    monkeypatch.setattr("watermark.seen_tables.can_read", lambda: True)
    monkeypatch.setattr("watermark.seen_tables.pieces_of", failing)
    examined = examine(as_file(screen([{"证号": "371099"}])), "leak.png")
    assert shows_more(examined)
    verdict = Case(4).trace(examined)
    assert verdict.codes == ("watermark.trace.none", "watermark.trace.lettering_unread")


ADDRESS = "威海市环翠区人民路100-1号（东区）"
ROWS = [
    Row(
        ("证号", "姓名", "住址"), (f"37109919900101{1000 + 7 * i}", f"张晓{name}", ADDRESS.replace("100", str(100 + i)))
    )
    for i, name in enumerate("明芳强")
]
TEXT = {"住址": Spelling.TEXT}


def _made_out(*pieces: object) -> list[Row]:
    lines = lines_of(pieces)  # type: ignore[arg-type] # pieces of these tests
    leak = made_out(Leak.of(Reading("image", seen=tuple(lines))), ROWS, TEXT)
    return [row.row for row in leak.sheets[0].rows] if leak.sheets else []


def test_the_letters_places_tell_the_spelling_whatever_was_read() -> None:
    narrow = ADDRESS.replace("（", "(").replace("）", ")")
    wide_hyphen = ADDRESS.replace("-", "\uff0d")
    rows = _made_out(
        letters(ROWS[0].values[0], 10, 1),
        letters(narrow, 200, 1, shown=ADDRESS),
        letters(ROWS[1].values[0], 10, 2),
        letters(wide_hyphen.replace("100", "101"), 200, 2, shown=narrow.replace("100", "101")),
    )
    assert [row.values for row in rows] == [
        (ROWS[0].values[0], narrow),
        (ROWS[1].values[0], wide_hyphen.replace("100", "101")),
    ]
    assert {row.names for row in rows} == {("证号", "住址")}


def test_misread_cut_and_joined_values_are_made_out() -> None:
    misread = ROWS[2].values[0][:-1] + "B"
    rows = _made_out(
        letters(ROWS[0].values[0] + "张晓明", 10, 1),  # two cells read as one
        letters(misread, 10, 2),
        letters("张晓强", 200, 2),
        letters(ROWS[2].values[2], 300, 2),
        letters(ROWS[1].values[2][:12], 300, 3),  # cut off at the edge of its cell, nothing beside it
    )
    assert [row.values[0] for row in rows] == [ROWS[0].values[0], ROWS[2].values[0]]
    assert rows[1].values == ROWS[2].values


def test_a_strangers_row_is_nobodys() -> None:
    """The same street and form, another person: three digits of the number differ."""
    number = ROWS[0].values[0]
    stranger = number[:6] + "1985" + number[10:]
    assert not _made_out(letters(stranger, 10, 1), letters("张晓军", 200, 1))


def test_a_record_of_json_that_the_window_broke_is_one() -> None:
    first = '{"values":{"姓名":"张晓明","住址":"威海市环翠区人民'
    lines = lines_of([letters(first, 5, 1), letters('路100-1号（东区）"}},', 5, 2), letters('{"values":{}},', 5, 3)])
    assert [line[0].text for line in lines] == [first + '路100-1号（东区）"}},', '{"values":{}},']
    (row,) = _made_out(letters(first, 5, 1), letters('路100-1号（东区）","证号":"371099199001011000"}},', 5, 2))
    assert row.names == ("姓名", "住址", "证号")
    assert row.values[1].replace(" ", "") == ADDRESS


def test_lines_that_slope_are_told_apart() -> None:
    """A screen that was photographed askew: a line falls by more than it is high."""
    pieces = [letters(ROWS[i].values[0], 10, 2 * i) for i in range(3)]
    pieces += [letters(f"张晓{'明芳强'[i]}", 900, 2 * i + 1) for i in range(3)]  # 24 pixels lower than its line begins
    assert [[piece.text[:2] for piece in line] for line in lines_of(pieces)] == [["37", "张晓"]] * 3
    level = [letters("371099", 10, i) for i in range(6)] + [letters("张晓明", 900, i) for i in range(6)]
    assert [len(line) for line in lines_of(level)] == [2] * 6


def test_among_many_originals_tables_are_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many originals a picture is held against those that it looks like; a table looks like none."""
    case = Case(16)
    shown = [letters(row["证号"], 10, i) for i, row in enumerate(case.rows(7))]
    monkeypatch.setattr("watermark.seen_tables.can_read", lambda: True)
    monkeypatch.setattr("watermark.seen_tables.pieces_of", lambda raster: (shown, True))
    (tmp_path / "leak.png").write_bytes(as_file(screen([{"证号": "371099"}])))
    (tmp_path / "table.csv").write_bytes(case.original)
    (tmp_path / "other.csv").write_bytes(table_content([licence(70 + i) for i in range(3)], CSV, 0).original)
    listed = "".join(json.dumps({"copy": f"copy_{i}", "entity": f"party_{i}"}) + "\n" for i in range(20))
    (tmp_path / "copies.jsonl").write_text(listed)
    given = ["--key", KEY.secret.hex(), "--epoch", KEY.epoch, "--json", str(tmp_path / "out.json")]
    for name, content in [("table", "content_s"), *(("other", f"content_{i}") for i in range(6))]:
        given += ["--original", str(tmp_path / f"{name}.csv"), "--content", content]
        given += ["--copies", str(tmp_path / "copies.jsonl")]
    assert main(["trace", str(tmp_path / "leak.png"), *given]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert [one["copy"] for one in result["accused"]] == ["copy_7"]
    assert result["n"] == 7 * 20

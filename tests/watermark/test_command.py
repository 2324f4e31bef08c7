"""`python -m watermark`: what it writes, its exit codes, its words in both languages, and reports that are checked."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.watermark.cases import CSV, JSON, LINES, licence, plain_pdf, table_content
from watermark.command.line import main
from watermark.words import TEXTS_FILE, WORDS_FILE

ROOT = Path(__file__).parents[2]
KEY = "07" * 32
OTHER_KEY = "08" * 32
Files = dict[str, Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An original of each kind, a list of 40 copies of 20 entities, and where to write."""
    found = {name: tmp_path / name for name in ("original.json", "original.csv", "original.pdf", "copies.jsonl", "key")}
    records = [licence(i) for i in range(16)]
    found["original.json"].write_bytes(table_content(records, JSON, 0).original)
    found["original.csv"].write_bytes(table_content(records, CSV, 0).original)
    found["original.pdf"].write_bytes(plain_pdf("lines", LINES))
    copies = (json.dumps({"copy": f"copy_{i}", "entity": f"party_{i // 2}"}) + "\n" for i in range(40))
    found["copies.jsonl"].write_text("".join(copies))
    found["key"].write_text(KEY + "\n")
    return found | {"folder": tmp_path, "result": tmp_path / "result.json"}


def _mark(files: Files, kind: str, *more: str, copy: str = "copy_7", entity: str = "party_3", key: str = KEY) -> Path:
    original, out = files[f"original.{kind}"], files["folder"] / f"leak-{copy}.{kind}"
    ids = ["--copy", copy, "--entity", entity, "--content", "content_1", "--key", key]
    assert main(["mark", str(original), str(out), *ids, *more]) == 0
    return out


def _trace(files: Files, kind: str, *suspects: Path, more: tuple[str, ...] = (), key: str = KEY) -> int:
    fixed = ["--original", str(files[f"original.{kind}"]), "--content", "content_1"]
    fixed += ["--copies", str(files["copies.jsonl"]), "--key", key, "--json", str(files["result"])]
    return main(["trace", *map(str, suspects), *fixed, *more])


def test_the_key_may_stand_in_a_file_and_copies_of_older_epochs_are_traced(files: Files) -> None:
    leak = _mark(files, "csv", "--epoch", "2025", copy="copy_old", entity="party_old", key=f"2025={OTHER_KEY}")
    with files["copies.jsonl"].open("a") as stream:
        stream.write('\n{"copy": "copy_old", "entity": "party_old", "epoch": "2025"}\n')
    assert _trace(files, "csv", leak, key=f"@{files['key']}", more=("--key", f"2025={OTHER_KEY}")) == 0
    result = json.loads(files["result"].read_text())
    assert [one["copy"] for one in result["accused"]] == ["copy_old"]
    assert result["n"] == 41
    assert main(["rescore", str(files["result"]), "--key", KEY, "--key", f"2025={OTHER_KEY}"]) == 0


def test_the_file_of_a_copy_is_known_by_its_hash(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    leak = _mark(files, "json")
    sha256 = re.findall(r"SHA-256 ([0-9a-f]{64})", capsys.readouterr().out)[0]
    files["copies.jsonl"].write_text(json.dumps({"copy": "x", "entity": "y", "file_sha256": "0x" + sha256}) + "\n")
    assert _trace(files, "json", leak) == 0
    result = json.loads(files["result"].read_text())
    assert result["outcome"] == "identified"
    assert "watermark.trace.untouched" in result["codes"]
    capsys.readouterr()
    assert main(["rescore", str(files["result"]), "--lang", "en"]) == 0
    assert f"must commit to the file hash {sha256}" in capsys.readouterr().out
    _tell_lie(files, lambda report: report["grounds"]["untouched"][0].update(file_sha256="0x" + "00" * 32))
    assert main(["rescore", str(files["result"])]) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"outcome": "identified"', '"outcome": "suspect"', 1),
        lambda text: text.replace("party_3", "party_4"),
        lambda text: text + " ",
        lambda text: text.replace("\n", "\n\n", 1),
        lambda text: re.sub(r'("scores": ".{40})(.)', lambda m: m[1] + ("A" if m[2] != "A" else "B"), text, count=1),
    ],
    ids=["outcome", "name", "blank", "line", "scores"],
)
def test_a_changed_report_is_refused(files: Files, change: Callable[[str], str]) -> None:
    assert _trace(files, "pdf", _mark(files, "pdf")) == 0
    text = files["result"].read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    files["result"].write_text(changed, encoding="utf-8")
    assert main(["rescore", str(files["result"])]) == 1


@pytest.mark.parametrize(
    "lie",
    [
        lambda report: report["accused"][0].update(log10_e=200.0),
        lambda report: report.update(bound=1e-60),
        lambda report: report.update(n=10**200),
        lambda report: report["accused"][0].update(entity="party_4"),
        lambda report: report["ranked"][0].update(log10_e=10.0),
        lambda report: report["grounds"]["contents"][0]["codes"][1].update(entity_code="0x" + "00" * 32),
        lambda report: report.update(n=2),
        lambda report: report["accused"][0].update(copy="copy_6"),
        lambda report: report["accused"][0].update(bound=1e-60),
        lambda report: report["accused"][0].update(copy_bound=1e-60),
        lambda report: report.update(level="entity"),
        lambda report: report.update(layers={"rows": 99.0}),
        lambda report: report["ranked"].reverse(),
        lambda report: report.update(ranked=report["ranked"][1:]),
        lambda report: report.update(ranked=report["ranked"][:-1]),
        lambda report: report.update(outcome="suspect", codes=["watermark.trace.suspect"]),
        lambda report: report["codes"].append("watermark.trace.several"),
        lambda report: _untouched(report),  # noqa: PLW0108 - it is defined below
        lambda report: report.update(
            outcome="suspect",
            bound=None,
            level="entity",
            fits=["party_4"],
            codes=[f"watermark.trace.{code}" for code in ("suspect", "provenance", "holder_and_source")],
            accused=[{"copy": None, "entity": "party_4", "log10_e": 0.0, "bound": None, "copy_bound": None}],
        ),
        lambda report: report.update(
            outcome="none", bound=None, level=None, codes=["watermark.trace.none"], accused=[]
        ),
        lambda report: report["grounds"]["held"].update(party_3=1),
        lambda report: report["grounds"].update(attempts=2),
    ],
    ids=[
        *("score", "bound", "count", "entity", "rank", "code", "fewer candidates", "another copy", "entity's bound"),
        *("copy's bound", "level", "layers", "reversed", "first dropped", "last dropped", "suspect", "several"),
        *("untouched", "provenance", "none", "held", "attempts"),
    ],
)
def test_a_report_that_lies_under_a_new_seal_differs(files: Files, lie: Callable[[dict[str, Any]], object]) -> None:
    assert _trace(files, "csv", _mark(files, "csv")) == 0
    assert main(["rescore", str(files["result"])]) == 0
    _tell_lie(files, lie)
    assert main(["rescore", str(files["result"])]) == 1
    assert main(["rescore", str(files["result"]), "--key", KEY]) == 1


def _tell_lie(files: Files, lie: Callable[[dict[str, Any]], object]) -> None:
    """Change a report and seal it anew, as a forger would."""
    from watermark.report import _seal, write_report

    report = json.loads(files["result"].read_text(encoding="utf-8"))
    lie(report)
    report["seal"] = _seal({name: value for name, value in report.items() if name != "seal"})
    files["result"].write_bytes(write_report(report))


def _untouched(report: dict[str, Any]) -> None:
    """An uninvolved entity, as if the suspect were the very file that it got."""
    report["codes"] = ["watermark.trace.identified", "watermark.trace.untouched"]
    bound = 40 / 2.0**128
    report["accused"] = [
        {"copy": "copy_8", "entity": "party_4", "log10_e": 38.532, "bound": bound, "copy_bound": bound}
    ]
    report["bound"] = bound


def _merged(files: Files) -> Path:
    """The first lines of one entity's copy and the last of another's: both are named, not equally surely."""
    one = _mark(files, "csv", copy="copy_7", entity="party_3").read_text("utf-8").splitlines()
    other = _mark(files, "csv", copy="copy_9", entity="party_4").read_text("utf-8").splitlines()
    out = files["folder"] / "merged.csv"
    out.write_text("\n".join([*one[:12], *other[12:]]) + "\n", "utf-8")
    return out


def test_each_accused_has_the_bound_of_both_levels_and_the_whole_has_the_weakest(files: Files) -> None:
    page = files["folder"] / "page.html"
    assert _trace(files, "csv", _merged(files), more=("--html", str(page), "--decoys", "10")) == 0
    result = json.loads(files["result"].read_text())
    accused = result["accused"]
    assert {(one["entity"], one["copy"]) for one in accused} == {("party_3", "copy_7"), ("party_4", "copy_9")}
    for one in accused:
        assert one["bound"] == pytest.approx(result["n"] * 10 ** -one["log10_e"], rel=0.01)
        assert f"{one['bound']:.2e}" in page.read_text("utf-8") and f"{one['copy_bound']:.2e}" in page.read_text(
            "utf-8"
        )
    own = sum(e for layer, e in result["layers"].items() if layer != "names" and not layer.endswith(".entity"))
    assert accused[0]["copy_bound"] == pytest.approx(2 * 10**-own, rel=0.01), "two copies, told apart by their own part"
    assert accused[0]["copy_bound"] != accused[0]["bound"]
    assert result["bound"] == max(one["bound"] for one in accused) > min(one["bound"] for one in accused)
    assert main(["rescore", str(files["result"])]) == 0


@pytest.mark.parametrize("dropped", [0, 1])
def test_a_co_accused_who_is_dropped_is_missed(files: Files, dropped: int) -> None:
    assert _trace(files, "csv", _merged(files)) == 0

    def lie(report: dict[str, Any]) -> None:
        del report["accused"][dropped]
        report.update(bound=report["accused"][0]["bound"], codes=["watermark.trace.identified"])

    _tell_lie(files, lie)
    assert main(["rescore", str(files["result"])]) == 1


def test_an_only_copy_is_as_sure_as_its_entity(files: Files) -> None:
    files["copies.jsonl"].write_text("".join(json.dumps({"copy": f"c{i}", "entity": f"e{i}"}) + "\n" for i in range(9)))
    assert _trace(files, "csv", _mark(files, "csv", copy="c4", entity="e4")) == 0
    (one,) = json.loads(files["result"].read_text())["accused"]
    assert one["copy_bound"] == one["bound"] < 1e-9


def test_an_archive_is_checked_against_its_files(files: Files) -> None:
    leak = files["folder"] / "leak.zip"
    with zipfile.ZipFile(leak, "w") as archive:
        for copy, entity in (("copy_7", "party_3"), ("copy_9", "party_4")):
            archive.write(_mark(files, "csv", copy=copy, entity=entity), f"{copy}.csv")
    assert _trace(files, "csv", leak) == 0
    result = json.loads(files["result"].read_text())
    assert len(result["accused"]) == 2
    assert result["bound"] == max(one["bound"] for one in result["accused"])
    assert main(["rescore", str(files["result"])]) == 0
    honest = files["result"].read_bytes()
    lies: list[Callable[[dict[str, Any]], object]] = [
        lambda report: report["accused"].pop(),
        lambda report: report.update(bound=report["bound"] / 1000),
        lambda report: report.update(level="entity"),
        lambda report: report["accused"][0].update(copy="copy_0"),
        lambda report: report.update(n=report["n"] // 2),
        lambda report: report["parts"].pop(),
    ]
    for lie in lies:
        files["result"].write_bytes(honest)
        _tell_lie(files, lie)
        assert main(["rescore", str(files["result"])]) == 1


def test_several_suspects_go_to_a_folder_with_progress(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    suspects = files["folder"] / "suspects"
    suspects.mkdir()
    for copy, entity in (("copy_1", "party_0"), ("copy_9", "party_4")):
        _mark(files, "csv", copy=copy, entity=entity).rename(suspects / f"{copy}.csv")
    (suspects / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    capsys.readouterr()
    assert _trace(files, "csv", suspects, more=("--lang", "en")) == 3
    said = capsys.readouterr()
    assert [line.split(" ")[0] for line in said.err.splitlines()] == ["1/3", "2/3", "3/3"]
    assert "Examined 3 files, 1 could not be read" in said.out
    summary = json.loads((files["result"] / "summary.json").read_text())
    assert [one.get("outcome", one.get("error")) for one in summary] == [
        "watermark.bad_pdf",
        "identified",
        "identified",
    ]
    for one in summary[1:]:
        assert main(["rescore", str(files["result"] / one["report"])]) == 0


def test_a_page_shows_the_verdict_and_the_control(files: Files) -> None:
    page = files["folder"] / "page.html"
    assert _trace(files, "pdf", _mark(files, "pdf"), more=("--html", str(page), "--decoys", "3000")) == 0
    text = page.read_text(encoding="utf-8")
    result = json.loads(files["result"].read_text())
    assert sum(result["control"]["counts"]) == 3000
    assert "<svg" in text and "<script" not in text
    for shown in ("copy_7", "party_3", result["seal"], result["file_sha256"], "3000", "layout.entity"):
        assert shown in text, shown
    assert not re.search(r"page\.[a-z_]+", text)


def test_names_on_a_page_are_text(files: Files) -> None:
    evil = '<script>alert("x")</script>'
    files["copies.jsonl"].write_text(json.dumps({"copy": evil, "entity": evil}) + "\n")
    page = files["folder"] / "page.html"
    leak = files["folder"] / "a<b>.csv"
    _mark(files, "csv").rename(leak)
    assert _trace(files, "csv", leak, more=("--html", str(page), "--decoys", "10")) == 0
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "a<b>" not in text
    assert "&lt;script&gt;" in text


WRONG: dict[str, tuple[list[str], str]] = {
    "no key": (["--key", "abc"], "32"),
    "no key file": (["--key", "@nowhere"], "nowhere"),
    "two keys": (["--key", KEY, "--key", KEY], "Two keys"),
    "no epoch": (["--key", f"2024={KEY}"], "epoch"),
    "bad id": (["--key", KEY, "--copy", "a b"], "letters"),
    "bad type": (["--key", KEY, "--type", "audio/ogg"], "audio/ogg"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_of_mark_is_said_and_leaves_nothing(
    files: Files, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more, said = WRONG[case]
    out = files["folder"] / "out.csv"
    ids = ["--copy", "c", "--entity", "e", "--content", "x"]
    assert main(["mark", str(files["original.csv"]), str(out), *ids, *more]) == 2
    words = capsys.readouterr().err
    assert said in words
    assert re.search("[\u4e00-\u9fff]", words), "both languages"
    assert KEY not in words
    assert not out.exists()


def test_an_original_is_never_overwritten(files: Files) -> None:
    original = files["original.csv"]
    before = original.read_bytes()
    ids = ["--copy", "c", "--entity", "e", "--content", "x", "--key", KEY]
    assert main(["mark", str(original), str(original), *ids]) == 2
    assert original.read_bytes() == before


@pytest.mark.parametrize(
    "lines", ["", '{"copy": "a"}\n', '{"copy": "a", "entity": 3}\n', "x\n", '["copy", "entity"]\n']
)
def test_a_bad_list_of_copies_is_said(files: Files, lines: str, capsys: pytest.CaptureFixture[str]) -> None:
    leak = _mark(files, "csv")
    capsys.readouterr()
    good = '{"copy": "a", "entity": "b"}\n'
    files["copies.jsonl"].write_text(good + "\n" + lines if lines else "\n")
    assert _trace(files, "csv", leak) == 2
    assert ("3" if lines else "nothing to compare") in capsys.readouterr().err
    assert not files["result"].exists()


@pytest.mark.parametrize(
    "other", ['"entity": "z"', '"entity": "b", "epoch": "2"', '"entity": "b", "file_sha256": "00"']
)
def test_a_copy_of_two_is_refused_with_its_line(files: Files, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    leak = _mark(files, "csv")
    files["copies.jsonl"].write_text(
        '{"copy": "a", "entity": "b"}\n\n{"copy": "c", "entity": "b"}\n{"copy": "a", ' + other + "}\n"
    )
    capsys.readouterr()
    assert _trace(files, "csv", leak) == 2
    assert "Line 4" in capsys.readouterr().err
    assert not files["result"].exists()


def test_a_line_that_is_repeated_counts_once(files: Files) -> None:
    leak = _mark(files, "csv")
    assert _trace(files, "csv", leak) == 0
    once = json.loads(files["result"].read_text())
    files["copies.jsonl"].write_text(files["copies.jsonl"].read_text() * 2)
    assert _trace(files, "csv", leak) == 0
    twice = json.loads(files["result"].read_text())
    assert [twice[name] for name in ("n", "accused", "ranked")] == [once[name] for name in ("n", "accused", "ranked")]


def test_another_file_is_no_report(files: Files) -> None:
    assert main(["rescore", str(files["copies.jsonl"])]) == 2
    assert main(["rescore", str(files["folder"] / "nowhere")]) == 2


def test_every_word_stands_in_both_languages() -> None:
    words = tomllib.loads(WORDS_FILE.read_text("utf-8"))
    for code, texts in words.items():
        assert set(texts) == {"zh", "en"}, code
        assert set(re.findall(r"\{(\w+)\}", texts["zh"])) == set(re.findall(r"\{(\w+)\}", texts["en"])), code
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "watermark").rglob("*.py"))
    used = set(re.findall(r'["\']((?:page|help|watermark\.(?:command|report|rescore))\.[a-z_0-9]+)["\']', sources))
    built = {code for code in words if code.startswith(("page.outcome.", "help."))}
    assert used | built == set(words)


def test_errors_have_the_services_words() -> None:
    """The package works alone, so it has its own copy of the texts that the service's catalogue holds."""
    own = tomllib.loads(TEXTS_FILE.read_text("utf-8"))
    assert own == tomllib.loads((ROOT / "api/locale/errors/watermark.toml").read_text("utf-8"))


def test_it_runs_as_a_module(files: Files) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "watermark", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "rescore" in done.stdout
    assert files

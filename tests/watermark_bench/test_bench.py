"""The watermark's bench runs from end to end in its quick way; its judgement, its decoys and its peers are true."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from api.demo.watermark_bench import attacks, cases, decoys, peers, pictures, report, report_innocents, tables
from watermark.control import control_of
from watermark.detect import chip_log10_e
from watermark.evidence import ChipLayer, Evidence

PATIENCE_S = 600
Row = dict[str, object]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a quick run left."""
    out = tmp_path_factory.mktemp("bench") / "run"
    said = subprocess.run(
        [sys.executable, "-m", "api.demo.watermark_bench", "--quick", "--out", str(out)],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert said.returncode == 0, said.stderr.decode()
    assert b"## Targets" in said.stdout
    return out


@pytest.mark.slow
def test_a_quick_run_names_the_leakers_and_nobody_by_a_planted_fault(run: Path) -> None:
    rows = report.rows_of(run)
    named = {row["attack"]: row for row in rows if row["part"] == "note" and "named" in row and "control" not in row}
    assert set(named) == {"none", "JPEG 50", "average of 2"}
    assert all(row["named"] and row["innocents"] == 0 for row in named.values())
    assert named["average of 2"]["named_right"] == 2
    faults = [row for row in rows if "control" in row]
    assert {row["control"] for row in faults} == {"another key", "the original", "a copy never issued"}
    assert not any(row["named"] or row["innocents"] for row in faults)


@pytest.mark.slow
def test_a_quick_run_holds_decoys_against_every_case(run: Path) -> None:
    rows = report.rows_of(run)
    kinds = report_innocents.by_kind(rows)
    assert {kind: len(those) for kind, those in kinds.items()} == {"Pictures": 3, "PDF": 1, "Tables": 54}
    assert all(row["decoys"] == 4096 for those in kinds.values() for row in those)
    assert report_innocents.accused_decoys(rows) == 0 and report_innocents.faults(rows) == []
    text = (run / "report.md").read_text(encoding="utf-8")
    heads = ("## Innocents", "### Pictures", "### PDF", "### Tables", "### Issued copies")
    places = [text.index(head + "\n") for head in heads]
    assert places == sorted(places)


@pytest.mark.slow
def test_a_quick_run_leaves_tables_and_pictures(run: Path) -> None:
    text = (run / "report.md").read_text(encoding="utf-8")
    assert "| JPEG 50 | 1 of 1 |" in text
    assert "| normative values altered | 0 | 0 in 3 tables of 200 rows | reached |" in text
    for name in ("before", "after", "difference-x10"):
        assert (run / "pictures" / f"id_card-{name}.png").stat().st_size > 1000
    rows = report.rows_of(run)
    bare = [row for row in rows if row["part"] == "tables" and not row.get("nameable", True)]
    assert bare and not any(row["innocents"] for row in bare)
    named = [row["named"] for row in rows if row["part"] == "tables" and row.get("attack") == "data frame and back"]
    assert len(named) == 3 and all(named)


def test_a_verdict_that_names_an_innocent_counts_against_the_bench() -> None:
    issue = tables.issue_table(tables.CSV, 30, 50)
    guilty, other = issue.leakers(2)
    suspect = tables.as_csv(tables.rows_of(issue.file(guilty)))
    asked = cases.ask(suspect, "leak.csv", issue.contents())
    right, wrong = cases.judged(asked, [guilty], 50), cases.judged(asked, [other], 50)
    assert right["named"] is True and right["innocents"] == 0
    assert wrong["named"] is False and wrong["innocents"] == 1


def test_a_file_that_cannot_be_read_names_nobody() -> None:
    issue = tables.issue_table(tables.CSV, 5, 5)
    asked = cases.ask(b"\x00" * 40, "leak.png", issue.contents())
    assert asked.error
    assert cases.judged(asked, [1], 5)["named"] is False


def _layers(size: int, seed: int) -> tuple[ChipLayer, ...]:
    rng = np.random.default_rng(seed)
    return (ChipLayer("a", rng.normal(size=size)), ChipLayer("b", rng.normal(size=size // 2)))


def _scores(size: int, seed: int) -> list[np.ndarray]:
    return [layer.scores for layer in _layers(size, seed)]


def test_what_leaks_showed_is_kept_for_the_decoys(tmp_path: Path) -> None:
    cases_ = [[_scores(64, 1), _scores(32, 2)], []]
    decoys.kept(tmp_path / "kept.npz", ["a", "b"], cases_)
    names, back = decoys.kept_in(tmp_path / "kept.npz")
    assert names == ["a", "b"]
    assert [len(shown) for shown in back] == [2, 0]
    assert np.allclose(back[0][1][1], cases_[0][1][1], atol=1e-6)


def test_decoys_lie_under_the_bound_and_a_code_that_is_in_the_leak_does_not() -> None:
    tail, empty = decoys.tails([[_scores(512, 1)], []], 40_000, b"seed")
    assert tail.worst_ratio() < 1
    assert tail.reached[0] > 0
    assert empty.reached == (0,) * len(decoys.LEVELS)
    # The fault: a leak that leans towards a decoy's own code is found out.
    bits = np.unpackbits(np.frombuffer(decoys.stream(b"seed", 512, 0, 4096 * 64), dtype=np.uint8)).reshape(4096, 512)
    leaning = [2.0 * bits[7] - 1]
    (told,) = decoys.tails([[leaning]], 4096, b"seed")
    assert told.reached[-1] == 1 and told.highest > 50


def test_decoys_score_as_the_tracers_own_control_does() -> None:
    layers = _layers(1024, 3)
    ours, (theirs,) = (
        control_of(Evidence("c", layers), 40_000, b"x"),
        decoys.tails([[[layer.scores for layer in layers]]], 40_000, b"x"),
    )
    for level in (1, 2):
        expected = ours.tail(level)
        assert abs(theirs.reached[level - 1] - expected) < 6 * np.sqrt(expected + 4)
    code = np.where(layers[0].scores > 0, 1, -1).astype(np.int8)
    assert float(chip_log10_e(layers[0].scores, code)) > 20


def test_a_peers_code_is_named_only_when_no_innocents_would_be() -> None:
    needed = peers.agreeing_bits(10_000, 64)
    assert 55 <= needed <= 60
    every = peers.codes("content", 10_000, 64)
    assert every.shape == (10_000, 64)
    read = every[5].copy()
    read[: 64 - needed] ^= 1
    assert peers.judged(read, every, [5]) == {"whole": False, "named": True, "innocents": 0, "agree": needed}
    assert peers.judged(read, every, [6])["innocents"] == 1
    read[64 - needed] ^= 1
    assert peers.judged(read, every, [5])["named"] is False
    assert peers.judged(None, every, [5])["named"] is False


def test_a_peer_of_32_bits_names_nobody_among_ten_thousand_at_the_bound() -> None:
    every = peers.codes("content", 10_000, peers.BITS[peers.RIVAGAN])
    assert peers.judged(every[5].copy(), every, [5]) == {"whole": True, "named": False, "innocents": 0, "agree": 32}
    assert peers.agreeing_bits(4_000, 32) == 32


def test_registration_for_peers_brings_a_picture_back() -> None:
    original = pictures.landscape(np.random.default_rng(8), 320, 420)
    turned = next(one for one in attacks.NOTE if one.name == "rotate 3")([original])
    back = peers.registered(turned, original)
    assert back.shape == original.shape
    inner = (slice(30, -30), slice(30, -30))
    assert np.abs(back[inner].astype(int) - original[inner]).mean() < 8


def test_a_peer_that_cannot_be_had_is_told_and_not_invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise peers.PeerMissingError("no network")

    monkeypatch.setattr(peers, "run_command", missing)
    with pytest.raises(peers.PeerMissingError):
        peers.installed(tmp_path / "none")
    assert not (tmp_path / "none" / "installed").exists()
    (tmp_path / "machine.json").write_text('{"cores": 1, "machine": "m", "python": "3", "load_1_5_15_min": []}')
    row = {"part": "peers", "subject": "china", "missing": "no network"}
    (tmp_path / "peers-china.jsonl").write_text(json.dumps(row) + "\n")
    assert "Not to be had in this run: no network." in report.written(tmp_path)


def test_without_photographs_made_ones_are_used_and_it_is_said(tmp_path: Path) -> None:
    found = pictures.photographs(tmp_path)
    assert len(found) == 3
    assert all("made" in one.source and one.name.startswith("made_") for one in found)

"""Decoys of the bench's PDFs and tables score as the tracer's control does; a leak that knows them is found out."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from api.demo.watermark_bench import file_decoys, pdfs, report, report_innocents, tables, units
from watermark import Verdict
from watermark.control import DecoyCodes, control_of
from watermark.evidence import Evidence, Level, OrderLayer

PATIENCE_S = 600
KNOWN = 7
"""The decoy whose code the planted faults leak."""

DECOYS = 4096
RESAVED = "saved anew, ids and line stripped"
Told = tuple[dict[str, object], Verdict | None]


@pytest.fixture(scope="module")
def of_tables() -> list[Told]:
    """A table of 20 rows under three attacks, in JSON and CSV."""
    issues = [tables.issue_table(kind, 20, 50) for kind in (tables.JSON, tables.CSV)]
    return [case for issue in issues for case in tables.table_cases(issue, tables.ATTACKS[:3])]


@pytest.fixture(scope="module")
def of_pdfs() -> list[Told]:
    """A certificate's PDF, saved anew, and its text."""
    return list(pdfs.pdf_cases(pdfs.issue_pdf("id_card", 50), (RESAVED, "text extracted")))


def _wanted(out: Path) -> units.Wanted:
    return units.Wanted((), (), (), candidates=50, decoys=DECOYS, out=out, peers=out / "peers")


def _kept(out: Path, of_pdfs: list[Told], of_tables: list[Told]) -> None:
    for name, told in (("pdf-id_card", of_pdfs), ("tables-all", of_tables)):
        assert list(file_decoys.kept(out / f"{name}.zip", told)) == [row for row, _ in told]


def _leaning(told: Told, evidence: Evidence) -> Told:
    """The case with this evidence in the place of its own."""
    row, verdict = told
    assert verdict is not None and verdict.grounds is not None
    (content,) = verdict.grounds.contents
    grounds = dataclasses.replace(verdict.grounds, contents=(dataclasses.replace(content, evidence=evidence),))
    return row, dataclasses.replace(verdict, grounds=grounds)


def _evidence(told: Told) -> Evidence:
    verdict = told[1]
    assert verdict is not None and verdict.grounds is not None
    (content,) = verdict.grounds.contents
    return content.evidence


def _rows_of_a_decoy(told: Told) -> Told:
    """The planted fault of a table: whoever read it knew a decoy's code, and read the rows in that order."""
    evidence = _evidence(told)
    (rows,) = (layer for layer in evidence.order_layers if layer.name == "rows")
    (group,) = rows.groups
    codes = DecoyCodes(b"all" + evidence.content_id.encode(), "copy", 0, KNOWN + 1)
    label = rows.name.encode() + group.index.to_bytes(4, "big")
    words = codes.rows(label, 8 * group.size)[KNOWN].view(">u8")
    order = tuple(int(item) for item in np.argsort(words, kind="stable"))
    planted = OrderLayer(rows.name, rows.level, (dataclasses.replace(group, observed=order),))
    others = tuple(layer for layer in evidence.order_layers if layer is not rows)
    return _leaning(told, dataclasses.replace(evidence, order_layers=(*others, planted)))


def _glyphs_of_a_decoy(told: Told) -> Told:
    """The planted fault of a PDF: glyphs lean to where a decoy's code would have put them."""
    evidence = _evidence(told)
    (chips,) = evidence.chip_layers
    scores = chips.scores.copy()
    for level, places in (("entity", slice(0, None, 2)), ("copy", slice(1, None, 2))):
        count = len(scores[places])
        codes = DecoyCodes(b"id_card" + evidence.content_id.encode(), level, 0, KNOWN + 1)
        drawn = codes.rows(chips.name.encode(), (count + 7) // 8)[KNOWN]
        scores[places] = 2.0 * np.unpackbits(drawn)[:count] - 1.0
    return _leaning(told, dataclasses.replace(evidence, chip_layers=(dataclasses.replace(chips, scores=scores),)))


def test_decoys_of_files_score_as_the_tracers_own_control_does(of_pdfs: list[Told], of_tables: list[Told]) -> None:
    told = [*of_pdfs[:1], *of_tables]
    suspects = [
        file_decoys.Suspect(str(row["attack"]), str(row["content"]), 50, (_evidence((row, verdict)),))
        for row, verdict in told
    ]
    assert {layer.level for one in suspects for layer in one.contents[0].order_layers} == {Level.ENTITY, Level.COPY}
    for suspect, tail in zip(suspects, file_decoys.tails(suspects, 10_000, b"seed"), strict=True):
        (evidence,) = suspect.contents
        control = control_of(evidence, 10_000, b"seed" + evidence.content_id.encode())
        assert list(tail.reached) == [control.tail(level) for level in range(1, 9)]
        assert tail.highest == pytest.approx(control.highest)
        assert tail.reached[0] > 0 and tail.worst_ratio() < 1 and tail.accused == 0


def test_what_files_showed_is_kept_and_nobody_is_accused(
    tmp_path: Path, of_pdfs: list[Told], of_tables: list[Told]
) -> None:
    _kept(tmp_path, of_pdfs, of_tables)
    for subject, count in (("id_card", 2), ("all", 10), ("education", 0)):
        assert units.done(units.Unit("file_decoys", subject, _wanted(tmp_path))) == count
    rows = report.rows_of(tmp_path)
    kinds = report_innocents.by_kind(rows)
    assert {kind: len(those) for kind, those in kinds.items()} == {"PDF": 2, "Tables": 10}
    bare = next(row for row in kinds["PDF"] if row["attack"] == "text extracted")
    assert bare["reached"] == [0] * 8 and bare["decoys"] == DECOYS
    assert report_innocents.accused_decoys(rows) == 0 and report_innocents.faults(rows) == []


def test_a_scorer_that_knows_a_decoys_code_is_found_out_and_the_command_fails(
    tmp_path: Path, of_pdfs: list[Told], of_tables: list[Told]
) -> None:
    _kept(tmp_path, [_glyphs_of_a_decoy(of_pdfs[0]), *of_pdfs[1:]], [*of_tables[:-1], _rows_of_a_decoy(of_tables[-1])])
    command = [sys.executable, "-m", "api.demo.watermark_bench", "--parts", "file_decoys", "--decoys", str(DECOYS)]
    said = subprocess.run(
        [*command, "--out", str(tmp_path)], capture_output=True, timeout=PATIENCE_S, check=False, text=True
    )
    rows = [row for row in report.rows_of(tmp_path) if row["part"] == "file_decoys"]
    named = {(row["of"], row["attack"]): row["accused"] for row in rows if row["accused"]}
    assert named == {("pdf", RESAVED): 1, ("tables", str(of_tables[-1][0]["attack"])): 1}
    assert "FAILED: 2 innocent decoys accused" in said.stdout
    assert said.returncode == 1, said.stderr
    told, reached = report_innocents.target(rows) or ("", True)
    assert told.startswith("2 innocents") and not reached


def test_a_tail_over_its_bound_and_an_issued_innocent_fail_a_run() -> None:
    tail = {"part": "decoys", "decoys": 10_000, "reached": [900, 99, 9, 1, 0, 0, 0, 0], "highest": 4.1}
    assert report_innocents.faults([tail]) == []
    over = tail | {"reached": [1001, 99, 9, 1, 0, 0, 0, 0]}
    assert report_innocents.faults([over]) == ["Pictures: the decoys' tail is over its bound"]
    assert report_innocents.faults([tail, {"part": "pdf", "innocents": 1}]) == ["1 innocent issued copies accused"]


def test_the_target_is_reached_only_where_every_case_met_a_million_decoys() -> None:
    tail = {"decoys": 1_000_000, "reached": [900, 99, 9, 1, 0, 0, 0, 0], "highest": 4.1}
    cases_ = [{"part": part, "named": True, "innocents": 0} for part in ("note", "pdf", "tables")]
    tails = [{"part": "decoys"} | tail, *({"part": "file_decoys", "of": of} | tail for of in ("pdf", "tables"))]
    told, reached = report_innocents.target([*cases_, *tails]) or ("", False)
    assert reached and "1,000,000 decoys in each of 3 of 3 cases" in told
    assert report_innocents.target([*cases_, *tails[:2]]) is not None
    for rows in ([*cases_, *tails[:2]], [*cases_, *tails[:2], tails[2] | {"decoys": 999_999}]):
        assert not (report_innocents.target(rows) or ("", True))[1]
    assert report_innocents.target(cases_) is None

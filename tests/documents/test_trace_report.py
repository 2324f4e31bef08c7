"""The report of a trace as a PDF: everything that a verdict rests on stands in it, in either language."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image

from api.documents.pdf_writer import GreyJpeg
from api.documents.trace_report import CopyProof, ShownPicture, TraceReportView, render_trace_report
from api.documents.trace_words import own_words
from watermark.carriers.pdf_reading import text_of
from watermark.words import Lang

SEAL = "0x" + "5e" * 32
LONG = "演示海安财产保险股份有限公司"


def _picture(columns: int = 240, rows: int = 320) -> GreyJpeg:
    out = io.BytesIO()
    shades = np.tile(np.linspace(0, 255, columns).astype(np.uint8), (rows, 1))
    Image.fromarray(shades).save(out, "JPEG")
    return GreyJpeg(out.getvalue(), columns, rows)


def _document(**other: object) -> dict[str, object]:
    counts = [0] * 88
    counts[20:30] = [60_000, 50_000, 40_000, 30_000, 10_000, 6_000, 3_000, 900, 90, 10]
    scored = {"copy": "copy_0123456789abcdef0123456789abcdef", "entity": "party_a", "log10_e": 12.34}
    return {
        "outcome": "identified",
        "codes": ["watermark.trace.identified"],
        "accused": [scored],
        "ranked": [scored, {"copy": "copy_b", "entity": "party_b", "log10_e": -0.5}],
        "level": "copy",
        "n": 12345,
        "bound": 1.2e-9,
        "kind": "image",
        "file_sha256": "0x" + "ab" * 32,
        "contents": ["cont_1"],
        "fits": ["party_a"],
        "marker": "mydata-watermark/1",
        "control": {"decoys": 200_000, "highest": 1.5, "low": -6.0, "bin": 0.25, "counts": counts},
        "seal": SEAL,
        **other,
    }


def view_of(lang: Lang, **other: object) -> TraceReportView:
    """A report with everything in it."""
    pictures = [ShownPicture("第 1 页" if lang == "zh" else "Page 1", (_picture(), _picture(), _picture()))]
    facts = [("log", "mydata.example/log"), ("root", "0x" + "cd" * 32)]
    proof = CopyProof("copy_0123456789abcdef0123456789abcdef", facts, waiting=False)
    return TraceReportView(
        lang,
        "trace_1",
        "2026-11-23 10:00",
        _document(**other),
        {"party_a": LONG, "party_b": "B"},
        [("细微版式（接收方）" if lang == "zh" else "Fine layout (recipient)", 8.1)],
        (),
        pictures,
        [proof],
    )


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_everything_stands_in_it(lang: Lang) -> None:
    made = render_trace_report(view_of(lang))
    assert made == render_trace_report(view_of(lang))
    told = text_of(made)
    flat = "".join(told.split())
    for wanted in ("12,345", "1.20e-09", "12.3", SEAL, "0x" + "cd" * 32, "copy_0123456789abcdef0123456789abcdef", LONG):
        assert wanted in flat, wanted
    words = {"zh": ("溯源报告", "对照", "对齐后", "凭证"), "en": ("Tracereport", "Control", "aligned", "Receipts")}
    for word in words[lang]:
        assert word in flat, word
    with pikepdf.open(io.BytesIO(made)) as pdf:
        images = [one for one in pdf.objects if isinstance(one, pikepdf.Stream) and one.get("/Subtype") == "/Image"]
        assert len(images) == 1  # three equal pictures are one
        assert images[0].read_raw_bytes() == _picture().data


def test_nobody_named_and_no_pictures() -> None:
    nobody = {"outcome": "none", "codes": ["watermark.trace.none"], "accused": [], "bound": None, "level": None}
    view = view_of("en", **nobody, ranked=[], contents=[], control=None)
    bare = TraceReportView(view.lang, view.trace_id, view.examined, view.document, {}, ())
    told = " ".join(text_of(render_trace_report(bare)).split())
    assert "No copy is named." in told
    assert "aligned" not in told
    empty = TraceReportView(view.lang, view.trace_id, view.examined, view.document, {}, (), pictures=())
    assert "shows no picture" in " ".join(text_of(render_trace_report(empty)).split())


def test_long_lists_break_into_pages_and_tall_pictures_fit() -> None:
    ranked = [{"copy": f"copy_{n:032x}", "entity": "party_a", "log10_e": -0.1 * n} for n in range(60)]
    view = view_of("zh", ranked=ranked, accused=ranked[:30])
    tall = ShownPicture("x", (_picture(60, 900),) * 3)
    made = render_trace_report(replace(view, pictures=[tall], proofs=[*view.proofs] * 12))
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert len(pdf.pages) > 3


def test_every_word_of_its_own_is_used_and_stands_in_both_languages() -> None:
    sources = "".join(
        (Path(__file__).parents[2] / at).read_text("utf-8")
        for at in ("api/documents/trace_report.py", "api/services/trace_reports.py")
    )
    for code, words in own_words().items():
        assert set(words) == {"zh", "en"}, code
        assert f'"{code}"' in sources or f"'{code}'" in sources, code

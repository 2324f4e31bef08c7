"""Whatever is written, in Chinese or Latin, over several pages or runs: it reads as before, and the code is found."""

import io
from typing import NamedTuple

import docx
import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.documents.fonts import Typeface, font_face
from api.documents.pdf_writer import PdfDocument, Style
from tests.watermark.attacks import PDF_ATTACKS
from tests.watermark.cases import KEY, PDF
from tests.watermark.media import MEDIA
from watermark import Mark, carrier_for
from watermark.carriers.media import DOCX_TYPE
from watermark.detect import chip_log10_e
from watermark.evidence import ChipLayer
from watermark.payload import chips

MARK = Mark("copy_1", "party_1", "content_r", "仅限甲保险公司用于理赔 编号1", "For A only. No. 1")
INNOCENT = Mark("copy_2", "party_2", "content_r", "")
FACE = font_face(Typeface.SANS)
HAN = st.sampled_from([chr(code) for code in range(0x4E00, 0x9FA6) if code in FACE.glyphs])
LATIN = st.one_of(st.characters(min_codepoint=0x20, max_codepoint=0x7E), st.sampled_from("äéñøßüÅÇ，。《》：、"))
bounded = settings(max_examples=50, deadline=None, derandomize=True, database=None)


def _evidence(leak: bytes, original: bytes, media_type: str) -> ChipLayer | None:
    found = carrier_for(media_type).evidence(leak, original, MARK.content_id).chip_layers
    assert len(found) < 2
    return found[0] if found else None


def _chips(layer: ChipLayer, mark: Mark) -> np.ndarray:
    return chips(mark, KEY, layer.name, len(layer.scores))


class Line(NamedTuple):
    """A text of a page, and its size in points."""

    text: str
    size: float


LINES = st.builds(Line, st.text(HAN | LATIN, min_size=12, max_size=30), st.sampled_from([7.5, 10.5, 12, 16]))
PAGES = st.lists(st.lists(LINES, min_size=5, max_size=9), min_size=1, max_size=3)


def _sheet(pages: list[list[Line]]) -> bytes:
    """A PDF with a numbered line for each text."""
    document = PdfDocument("x")
    for number, lines in enumerate(pages):
        page = document.page()
        for at, line in enumerate(lines):
            page.text(50, 790 - 24 * at, f"{number + 1}.{at + 1} {line.text}", Style(line.size))
    return document.to_bytes()


def _read(data: bytes, wanted: list[str]) -> tuple[list[str], list[list[tuple[int, int] | None]]]:
    """The text of each page, and where a reader's search finds each of `wanted` on it."""
    pdf = pypdfium2.PdfDocument(data)
    try:
        texts = [page.get_textpage() for page in pdf]
        found = [[text.search(words, match_case=True).get_next() for words in wanted] for text in texts]
        return [text.get_text_range() for text in texts], found
    finally:
        pdf.close()


@pytest.mark.slow
@bounded
@given(pages=PAGES)
def test_any_pdf_reads_as_before_and_shows_its_code(pages: list[list[Line]]) -> None:
    original = _sheet(pages)
    copy = carrier_for(PDF).embed(original, MARK, KEY)
    wanted = [line.text.strip()[:6] or "1.1" for lines in pages for line in lines]
    assert _read(copy, wanted) == _read(original, wanted)
    layer = _evidence(PDF_ATTACKS["saved"](copy), original, PDF)
    assert layer is not None
    assert chip_log10_e(layer.scores, _chips(layer, MARK)) > 9
    assert chip_log10_e(layer.scores, _chips(layer, INNOCENT)) < 4


class Run(NamedTuple):
    """A piece of a paragraph in one format."""

    text: str
    bold: bool | None
    size: int | None


TYPED = HAN | LATIN | st.sampled_from("\t\n　😀")
RUNS = st.builds(Run, st.text(TYPED, max_size=24), st.sampled_from([None, True, False]), st.sampled_from([None, 9, 22]))
PARAGRAPHS = st.lists(st.lists(RUNS, max_size=4), min_size=1, max_size=8)


def _letter(paragraphs: list[list[Run]]) -> bytes:
    """A word processor's file; its last paragraph and table are always there."""
    made = docx.Document()
    for runs in paragraphs:
        paragraph = made.add_paragraph()
        for run in runs:
            written = paragraph.add_run(run.text)
            written.bold = run.bold
            written.font.size = run.size and docx.shared.Pt(run.size)
    made.add_table(1, 1).cell(0, 0).text = "经核实,申请人提交的材料齐全,符合本办法第三条和第七条规定的条件,准予登记。"
    made.add_paragraph("The holder states that the household consists of four persons, one of them under age.")
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _shown(data: bytes) -> list[list[tuple[str, bool | None, object]]]:
    """Every paragraph as another library reads it: letters with their formats."""
    read = docx.Document(io.BytesIO(data))
    paragraphs = [*read.paragraphs, *(p for t in read.tables for c in t._cells for p in c.paragraphs)]
    return [[(letter, run.bold, run.font.size) for run in p.runs for letter in run.text] for p in paragraphs]


@bounded
@given(paragraphs=PARAGRAPHS)
def test_any_document_reads_as_before_and_shows_its_code(paragraphs: list[list[Run]]) -> None:
    original = _letter(paragraphs)
    copy = carrier_for(DOCX_TYPE).embed(original, MARK, KEY)
    before, after = _shown(original), _shown(copy)
    notices = len(paragraphs) + 1
    assert ["".join(letter for letter, _, _ in line) for line in after[notices : notices + 2]] == [
        MARK.notice_zh,
        MARK.notice_en,
    ]
    assert after[:notices] + after[notices + 2 :] == before
    layer = _evidence(MEDIA["DOCX"].without_label(copy), original, DOCX_TYPE)
    assert layer is not None
    shown = layer.scores != 0
    assert shown.sum() > 50
    assert (np.sign(layer.scores) == _chips(layer, MARK))[shown].all(), "not a single chip is misread"
    assert chip_log10_e(layer.scores, _chips(layer, INNOCENT)) < 4

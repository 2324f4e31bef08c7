"""The PDF carrier: text as it was, glyphs moved as coded, copies named after every attack on the file."""

import io
import json

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pdfminer.high_level import extract_text

from tests.watermark.attacks import PDF_ATTACKS
from tests.watermark.cases import (
    KEY,
    KEYS,
    LINES,
    PDF,
    WRITERS,
    Content,
    licence,
    pdf_content,
    plain_pdf,
    table_content,
)
from watermark import Mark, Outcome, Verdict, WatermarkError, carrier_for
from watermark.carriers.pdf_glyphs import original_glyphs, steps
from watermark.carriers.pdf_layout import GlyphMover
from watermark.carriers.pdf_reading import read_glyphs
from watermark.payload import chips
from watermark.trace import trace

FORMS = [(writer, in_form) for writer in WRITERS for in_form in (False, True)]


def _text(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def _trace(leak: bytes, *contents: Content) -> Verdict:
    return trace(leak, "leak.pdf", [c.candidates for c in contents], KEYS)


@pytest.mark.parametrize(("writer", "in_form"), FORMS)
def test_extraction_is_unchanged(writer: str, in_form: bool) -> None:
    content = pdf_content(plain_pdf(writer, in_form=in_form), 1)
    copy = content.files["copy_content_p_0"]
    assert _text(copy) == _text(content.original)
    assert "vehicle licence no. 371099199001011234" in _text(content.original) or writer == "turned"
    if writer != "turned":  # pdfminer lists turned text glyph by glyph, marked or not
        assert extract_text(io.BytesIO(copy)) == extract_text(io.BytesIO(content.original))


@pytest.mark.parametrize(("writer", "in_form"), FORMS)
def test_every_glyph_moves_as_its_chips_say(writer: str, in_form: bool) -> None:
    content = pdf_content(plain_pdf(writer, in_form=in_form), 1)
    size, glyphs = original_glyphs(content.original)
    assert len(size) == sum(map(len, LINES))
    assert (glyphs.number >= 0).all()
    mark = Mark("copy_content_p_0", "party_0", "content_p", "")
    wanted = (chips(mark, KEY, "layout", size.size).reshape(-1, 2) * size)[glyphs.number]
    copied = read_glyphs(content.files["copy_content_p_0"])[0][0]
    assert list(copied.codes) == glyphs.code.tolist()
    moved = np.stack([copied.x, copied.y], axis=1) - glyphs.points
    if writer == "turned" and np.abs(moved[:, 0]).max() < 0.002:
        wanted[:, 0] = 0  # moved along the line only, or the reader would lose the lines
    assert np.abs(moved - wanted).max() < 0.002


def test_small_print_moves_less_and_gaps_between_words_stay() -> None:
    with pikepdf.open(io.BytesIO(plain_pdf("own_tm", ["to be"]))) as pdf:
        moves = steps(GlyphMover(pdf))
    assert np.allclose(moves[:, 1], 0.018 * 11)
    assert moves[:, 0].tolist() == pytest.approx([0.198, 0, 0, 0, 0.198])


def test_same_mark_gives_same_bytes(page: Content) -> None:
    again = pdf_content(page.original)
    assert again.files == page.files
    assert len(set(page.files.values())) == 3


@pytest.mark.parametrize("attack", PDF_ATTACKS)
def test_attacked_page_names_the_entity(page: Content, attack: str) -> None:
    leak = PDF_ATTACKS[attack](page.files["copy_content_p_1"])
    verdict = _trace(leak, page)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.to_dict()
    assert [(s.entity_id, s.copy_id) for s in verdict.accused] == [("party_1", "copy_content_p_1")]
    assert verdict.layers["layout.entity"] > 8
    assert "label" not in verdict.layers


@pytest.mark.slow
@pytest.mark.parametrize(("writer", "in_form"), FORMS)
def test_stripped_copies_of_any_producer_name_the_entity(writer: str, in_form: bool) -> None:
    content = pdf_content(plain_pdf(writer, in_form=in_form))
    verdict = _trace(PDF_ATTACKS["saved"](content.files["copy_content_p_2"]), content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [s.entity_id for s in verdict.accused] == ["party_2"]


def test_original_that_leaked_elsewhere_accuses_nobody(page: Content) -> None:
    """The holder's own unmarked file: content found, three recipients fit, no code in it."""
    verdict = _trace(PDF_ATTACKS["scaled"](page.original), page)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "watermark.trace.holder_and_source" in verdict.codes
    assert all(s.log10_e < 3 for s in verdict.ranked)


def test_average_of_two_entities_copies_names_no_innocent(page: Content) -> None:
    """Glyph for glyph the middle of two copies: what they share stays, what differs cancels."""
    one, two = (read_glyphs(page.files[f"copy_content_p_{i}"])[0][0] for i in (0, 1))
    middle = {(x, y): ((x + a) / 2, (y + b) / 2) for x, y, a, b in zip(one.x, one.y, two.x, two.y, strict=True)}
    from tests.watermark.attacks import _moved_tms

    def mean(x: float, y: float) -> tuple[float, float]:
        nearest = min(middle, key=lambda p: abs(p[0] - x) + abs(p[1] - y))
        return middle[nearest]

    verdict = _trace(_moved_tms(mean)(page.files["copy_content_p_0"]), page)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert {s.entity_id for s in verdict.accused} <= {"party_0", "party_1"}


def test_anothers_template_with_equal_layout_accuses_nobody(page: Content) -> None:
    """The same form filled in for somebody else registers well, and must not count."""
    lines = [line.translate(str.maketrans("0123456789", "7418529630")).replace("ZHANG", "WANGX") for line in LINES]
    other = pdf_content(plain_pdf("own_tm", lines), 3, "content_other")
    verdict = _trace(PDF_ATTACKS["saved"](other.files["copy_content_other_1"]), page)
    assert not verdict.accused
    assert verdict.outcome in {Outcome.NONE, Outcome.INCONCLUSIVE}


def test_values_typed_into_a_table_are_provenance_only(page: Content) -> None:
    words = ["371099199001011234", "370012345678", "88f2-19ac", "1990-01-01"]
    leak = json.dumps([dict(zip("abcd", words, strict=True))]).encode()
    verdict = trace(leak, "leak.json", [page.candidates], KEYS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.matched_contents == ("content_p",)


def test_pdf_of_nothing_of_ours_is_none(page: Content) -> None:
    leak = plain_pdf("lines", ["A recipe for apple pie, 2 eggs, 300 g flour", "Bake at 180 degrees for 45 minutes"])
    table = table_content([licence(0)], "application/json")
    assert _trace(leak, page, table).outcome is Outcome.NONE


def test_hidden_ids_with_their_tag_identify_a_text_only_leak(page: Content) -> None:
    """All glyphs put back on the grid of the original, metadata kept: the keyed tag is what remains."""

    def restore(pdf: pikepdf.Pdf) -> None:
        with pikepdf.open(io.BytesIO(page.original)) as original:
            pdf.pages[0].Contents = pdf.copy_foreign(original.pages[0].Contents)

    from tests.watermark.attacks import _edit

    leak = _edit(page.files["copy_content_p_1"], restore)
    verdict = _trace(leak, page)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [s.entity_id for s in verdict.accused] == ["party_1"]
    assert verdict.layers["label"] > 30
    assert verdict.layers["layout.entity"] < 1


def _refused(original: bytes, notice: str = "仅限甲") -> str:
    with pytest.raises(WatermarkError) as refused:
        carrier_for(PDF).embed(original, Mark("copy_1", "p", "c", notice), KEY)
    return refused.value.code


def test_unfit_originals_are_refused() -> None:
    assert _refused(b"no pdf") == "watermark.bad_original"
    assert _refused(plain_pdf(), "仅限\U00020bb7野家") == "watermark.missing_glyph"

    def sign(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), SigFlags=3)

    def lose_font(pdf: pikepdf.Pdf) -> None:
        del pdf.pages[0].Resources["/Font"]

    from tests.watermark.attacks import _edit

    assert _refused(_edit(plain_pdf(), sign)) == "watermark.signed_original"
    assert _refused(_edit(plain_pdf(), lose_font)) == "watermark.bad_original"
    locked = _edit(plain_pdf(), lambda _: None, encryption=pikepdf.Encryption(owner="a", user=""))
    assert _refused(locked) == "watermark.bad_original"


def test_visible_line_is_drawn_on_every_page(page: Content) -> None:
    def ink(data: bytes) -> int:
        document = pypdfium2.PdfDocument(data)
        pixels = document[0].render(scale=1, grayscale=True).to_numpy()
        document.close()
        return int((pixels[-30:] < 200).sum())  # the lower edge, empty in the original

    assert ink(page.original) == 0
    assert ink(page.files["copy_content_p_0"]) > 100

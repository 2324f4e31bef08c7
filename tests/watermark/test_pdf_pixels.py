"""Layer G read from pixels: renderings, prints, scans and photos of a PDF copy, and PDFs that are mere pictures."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.watermark.cases import KEY, KEYS, LINES, Content, pdf_content, plain_pdf
from tests.watermark.pictures import (
    Pixels,
    binarised,
    cropped,
    encoded,
    jpeg,
    noisy,
    page_picture,
    photo,
    photographed,
    scaled,
    turned,
    whitened,
)
from watermark import Outcome, Verdict
from watermark.carriers.pdf_evidence import LAYOUT, pdf_evidence
from watermark.carriers.pdf_glyphs import original_glyphs
from watermark.carriers.pdf_raster_evidence import DPI, original_page
from watermark.carriers.pdf_reading import read_suspect_pdf
from watermark.detect import chip_log10_e
from watermark.payload import entity_chips, layout
from watermark.provenance import Leak
from watermark.reading import Raster, Reading
from watermark.trace import trace

SCANNED: dict[str, Callable[[Pixels], Pixels]] = {
    "screenshot": lambda p: jpeg(scaled(p, 0.8), 85),
    "printed_and_scanned": lambda p: jpeg(noisy(turned(cv2.GaussianBlur(p, (0, 0), 0.8), 0.7), 4), 80),
    "photographed": photographed,
    "binarised": binarised,
    "whitened": whitened,
    "coarse": lambda p: jpeg(p, 30),
    "half": lambda p: cropped(p, 0.6),
}


def _trace(leak: bytes, name: str, *contents: Content) -> Verdict:
    return trace(leak, name, [c.candidates for c in contents], KEYS)


@pytest.mark.parametrize("attack", SCANNED)
def test_a_picture_of_the_page_names_the_copy(page: Content, attack: str) -> None:
    leak = SCANNED[attack](page_picture(page.files["copy_content_p_1"], 150 if attack == "half" else 120))
    verdict = _trace(encoded(leak), "leak.png", page)
    assert verdict.outcome in {Outcome.IDENTIFIED, Outcome.SUSPECT}, verdict.to_dict()
    assert {s.entity_id for s in verdict.accused} == {"party_1"}
    assert verdict.kind == "image"


def _as_pdf(pixels: Pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PDF", resolution=150)
    return out.getvalue()


def test_a_pdf_that_is_a_picture_is_looked_at(page: Content) -> None:
    leak = _as_pdf(jpeg(page_picture(page.files["copy_content_p_2"], 150), 70))
    assert len(read_suspect_pdf(leak).rasters) == 1
    assert not read_suspect_pdf(page.files["copy_content_p_2"]).rasters
    verdict = _trace(leak, "leak.pdf", page)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert {s.entity_id for s in verdict.accused} == {"party_2"}
    assert verdict.kind == "pdf"


def test_pictures_of_the_original_and_of_others_accuse_nobody(page: Content) -> None:
    verdict = _trace(encoded(page_picture(page.original)), "leak.png", page)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "watermark.trace.picture_only" in verdict.codes
    lines = [line.translate(str.maketrans("0123456789", "7418529630")).replace("ZHANG", "WANGX") for line in LINES]
    other = pdf_content(plain_pdf("own_tm", lines), 3, "content_other")
    assert not _trace(encoded(page_picture(other.files["copy_content_other_1"])), "leak.png", page).accused
    assert _trace(encoded(photo(300, 400)), "leak.png", page).outcome is Outcome.NONE


def test_planted_faults_are_not_named(page: Content) -> None:
    def scores(pixels: Pixels) -> np.ndarray:
        leak = Leak.of(Reading("image", rasters=(Raster.of(np.ascontiguousarray(pixels[..., 0])),)))
        return pdf_evidence(leak, page.original, page.content_id).chip_layers[0].scores

    seen = scores(page_picture(page.files["copy_content_p_1"], 150))
    places = layout(KEY, page.content_id, LAYOUT, len(seen)).entity
    right = entity_chips(KEY, page.content_id, "party_1", LAYOUT, len(places))
    assert chip_log10_e(seen[places], right) > 10
    assert chip_log10_e(seen[places], entity_chips(KEY, page.content_id, "party_x", LAYOUT, len(places))) < 4
    assert chip_log10_e(seen[places], np.roll(right, 1)) < 4
    plain = scores(page_picture(page.original, 150))
    assert chip_log10_e(plain[places], right) < 4


def test_boxes_hold_their_glyphs(page: Content) -> None:
    drawn, _ = original_page(page.original, 0)
    glyphs = original_glyphs(page.original)[1]
    assert len(drawn.boxes) == len(glyphs.code)
    dark = [drawn.luma[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].min() for x0, y0, x1, y1 in drawn.boxes]
    assert (np.array(dark) < 200).mean() > 0.97
    scale = DPI / 72
    assert np.allclose(drawn.points @ np.array([[scale, 0], [0, -scale]]), np.eye(2), atol=0.01)

"""The image carrier: near the original, same bytes for the same mark, copies named after what people do to pictures."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.watermark.cases import KEY, KEYS, Content
from tests.watermark.pictures import (
    PICTURE_ATTACKS,
    PNG,
    Pixels,
    binarised,
    certificate,
    cropped,
    decoded,
    encoded,
    jpeg,
    photo,
    picture_content,
    scaled,
)
from watermark import Mark, Outcome, Verdict, WatermarkError, carrier_for
from watermark.carriers.image_evidence import image_evidence
from watermark.carriers.image_layer import PIXELS
from watermark.carriers.image_reading import luma_of, open_picture
from watermark.detect import chip_log10_e
from watermark.evidence import ChipLayer
from watermark.keys import shake_bits
from watermark.payload import layout
from watermark.provenance import Leak
from watermark.reading import Raster, Reading
from watermark.registration import register
from watermark.spread import POSITIONS, with_folded
from watermark.trace import trace

pytestmark = pytest.mark.slow

MARK = Mark("copy_a", "party_a", "content_a", "")


@pytest.fixture(scope="module")
def paper() -> Content:
    return picture_content(certificate())


@pytest.fixture(scope="module")
def snapshot() -> Content:
    return picture_content(photo(420, 560), content_id="content_s")


def _trace(leak: Pixels, *contents: Content) -> Verdict:
    return trace(encoded(leak), "leak.png", [c.candidates for c in contents], KEYS)


def _scores(leak: Pixels, content: Content) -> ChipLayer:
    found = Leak.of(Reading("image", rasters=(Raster.of(luma_of(Image.fromarray(leak))),)))
    evidence = with_folded(image_evidence(found, content.original, content.content_id), KEY)
    return evidence.chip_layers[0]


def _psnr(one: Pixels, other: Pixels) -> float:
    return float(10 * np.log10(65025 / np.square(one.astype(np.float64) - other).mean()))


def test_a_copy_looks_like_its_original(paper: Content, snapshot: Content) -> None:
    for content in (paper, snapshot):
        original, copy = decoded(content.original), decoded(content.files[f"copy_{content.content_id}_0"])
        assert copy.shape == original.shape
        assert 46.0 <= _psnr(original, copy) < 60.0
        assert np.abs(copy.astype(int) - original).max() <= 16


def test_same_mark_gives_same_bytes_and_each_copy_differs(paper: Content) -> None:
    again = picture_content(certificate())
    assert again.files == paper.files
    assert len({decoded(file).tobytes() for file in paper.files.values()}) == 3


ATTACKED = [("paper", attack) for attack in PICTURE_ATTACKS]
ATTACKED += [("snapshot", attack) for attack in ("as_is", "jpeg50", "cropped", "mirrored", "photographed")]


@pytest.mark.parametrize(("which", "attack"), ATTACKED)
def test_attacked_picture_names_the_copy(which: str, attack: str, request: pytest.FixtureRequest) -> None:
    content: Content = request.getfixturevalue(which)
    leak = PICTURE_ATTACKS[attack](decoded(content.files[f"copy_{content.content_id}_1"]))
    verdict = _trace(leak, content)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.to_dict()
    assert [(s.entity_id, s.copy_id) for s in verdict.accused] == [("party_1", f"copy_{content.content_id}_1")]
    assert verdict.kind == "image"
    assert "label" not in verdict.layers


def test_average_of_three_names_some_and_no_innocent() -> None:
    content = picture_content(certificate(), entities=6)
    mean = np.mean([decoded(content.files[f"copy_content_i_{i}"]) for i in range(3)], axis=0)
    verdict = _trace(np.rint(mean).astype(np.uint8), content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert {s.entity_id for s in verdict.accused} == {"party_0", "party_1", "party_2"}
    assert "watermark.trace.several" in verdict.codes


def test_another_persons_certificate_of_the_same_template_accuses_nobody(paper: Content) -> None:
    other = picture_content(certificate("李小红", seed=9), content_id="content_other")
    leak = jpeg(decoded(other.files["copy_content_other_1"]), 80)
    verdict = _trace(leak, paper)
    assert not verdict.accused
    assert verdict.outcome in {Outcome.NONE, Outcome.INCONCLUSIVE}
    both = _trace(leak, paper, other)
    assert [(s.entity_id, s.copy_id) for s in both.accused] == [("party_1", "copy_content_other_1")]
    assert both.n == 6


def test_the_unmarked_original_accuses_nobody(paper: Content) -> None:
    verdict = _trace(scaled(decoded(paper.original), 0.8), paper)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.codes == (
        "watermark.trace.inconclusive",
        "watermark.trace.picture_only",
        "watermark.trace.holder_and_source",
    )


def test_another_picture_is_none(paper: Content) -> None:
    assert _trace(photo(300, 300, seed=33), paper).outcome is Outcome.NONE


def test_binarised_certificate_is_read_at_the_threshold() -> None:
    content = picture_content(certificate(size=(900, 1200)), 2)
    verdict = _trace(binarised(decoded(content.files["copy_content_i_0"])), content)
    assert verdict.outcome in {Outcome.SUSPECT, Outcome.IDENTIFIED}, verdict.to_dict()
    assert [s.entity_id for s in verdict.accused] == ["party_0"]


def _decoys(scores: np.ndarray, count: int, seed: bytes) -> np.ndarray:
    found = []
    for start in range(0, count, 2000):
        codes = shake_bits(seed + start.to_bytes(4, "big"), 2000 * len(scores)).reshape(2000, -1)
        found.append(chip_log10_e(scores, codes))
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("attack", "count"),
    [("jpeg50", 8_000), *(pytest.param(a, 100_000, marks=pytest.mark.slow) for a in ("photographed", "cropped"))],
)
def test_decoys_stay_under_the_bound(paper: Content, attack: str, count: int) -> None:
    """Never-issued codes against an attacked leak: their e-values obey Markov's bound, and none is accused."""
    scores = _scores(PICTURE_ATTACKS[attack](decoded(paper.files["copy_content_i_1"])), paper).scores
    values = _decoys(scores[layout(KEY, "content_i", PIXELS, POSITIONS).entity], count, attack.encode())
    for level in (10.0, 100.0, 1000.0):
        assert (values >= np.log10(level)).sum() <= count / level + 5 * (count / level) ** 0.5 + 1
    assert values.max() < np.log10(count / 1e-6)


def test_the_decoy_check_can_fail(paper: Content) -> None:
    scores = _scores(decoded(paper.files["copy_content_i_1"]), paper).scores[:2048]
    leaning = np.where(np.random.default_rng(1).random((500, 2048)) < 0.6, np.sign(scores), -np.sign(scores))
    assert chip_log10_e(scores, leaning.astype(np.int8)).min() > 3


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(64, 150),
    columns=st.integers(64, 150),
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]),
    seed=st.integers(0, 5),
)
def test_any_size_and_mode_is_marked(rows: int, columns: int, mode: str, seed: int) -> None:
    form = {"CMYK": "JPEG", "LA": "PNG"}.get(mode, "TIFF" if seed % 2 else "PNG")
    image = Image.fromarray(photo(rows, columns, seed)).convert(mode)
    out = io.BytesIO()
    image.save(out, form)
    carrier = carrier_for(PNG)
    copy = carrier.embed(out.getvalue(), MARK, KEY)
    marked, plain = open_picture(copy), open_picture(out.getvalue())
    assert marked.format == form
    assert marked.image.size == (columns, rows)
    assert ("A" in marked.image.mode) == ("A" in plain.image.mode)
    assert marked.claims[0].copy_id == "copy_a"
    assert 0 < np.abs(marked.luma.astype(int) - plain.luma).mean() < 4
    assert carrier.embed(out.getvalue(), MARK, KEY) == copy


def test_resolution_profile_transparency_and_orientation_are_kept() -> None:
    image = Image.fromarray(photo(90, 120)).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    out = io.BytesIO()
    image.save(out, "PNG", dpi=(200, 200), icc_profile=b"a profile")
    copy = Image.open(io.BytesIO(carrier_for(PNG).embed(out.getvalue(), MARK, KEY)))
    assert copy.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    assert copy.info["icc_profile"] == b"a profile"
    assert copy.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees to see it
    exif[0x8825] = {1: "N"}
    out = io.BytesIO()
    Image.fromarray(photo(90, 120)).save(out, "JPEG", quality=95, exif=exif)
    upright = Image.open(io.BytesIO(carrier_for("image/jpeg").embed(out.getvalue(), MARK, KEY)))
    assert upright.size == (90, 120)
    assert not upright.getexif()  # where a photo was taken is nobody's business


def _refused(data: bytes) -> str:
    with pytest.raises(WatermarkError) as refused:
        carrier_for(PNG).embed(data, MARK, KEY)
    return refused.value.code


def test_unfit_originals_are_refused() -> None:
    assert _refused(b"no picture") == "watermark.bad_original"
    assert _refused(encoded(photo(100, 100))[:900]) == "watermark.bad_original"
    assert _refused(encoded(photo(40, 100))) == "watermark.picture_small"
    assert _refused(encoded(np.zeros((80, 80), np.uint16))) == "watermark.picture_mode"
    pages = io.BytesIO()
    Image.new("L", (80, 80)).save(pages, "TIFF", save_all=True, append_images=[Image.new("L", (80, 80))])
    assert _refused(pages.getvalue()) == "watermark.several_pictures"
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 200_000
    assert _refused(bomb.getvalue()) == "watermark.too_many_pixels"


def test_suspects_are_refused_clearly(paper: Content) -> None:
    def code(data: bytes, name: str) -> str:
        with pytest.raises(WatermarkError) as refused:
            trace(data, name, [paper.candidates], KEYS)
        return refused.value.code

    assert code(encoded(photo(80, 80))[:700], "a.png") == "watermark.bad_image"
    assert code(encoded(photo(80, 80)), "a.csv") == "watermark.wrong_extension"
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    assert code(bomb.getvalue(), "a.png") == "watermark.too_many_pixels"


def test_registration_finds_its_place_and_refuses_others() -> None:
    luma = luma_of(Image.fromarray(certificate()))
    seen = register(np.ascontiguousarray(cropped(np.dstack([luma] * 3), 0.4)[..., 0]), luma)
    assert seen is not None
    assert seen.inliers >= 12
    inside = seen.valid.astype(bool)
    assert 0.3 < inside.mean() < 0.45
    assert np.abs(seen.luma[inside] - luma[inside]).mean() < 1.0
    assert register(luma_of(Image.fromarray(photo(300, 300, 40))), luma) is None
    assert register(np.zeros((300, 300), np.uint8), luma) is None
    assert register(luma[:20, :20], luma) is None

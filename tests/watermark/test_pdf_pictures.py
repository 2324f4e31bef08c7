"""Pictures inside a PDF: marked in place, each with a code of its own, and read wherever they turn up."""

import io
import zlib
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from tests.watermark.cases import KEY, KEYS, Content, pdf_content, plain_pdf
from tests.watermark.pictures import (
    Pixels,
    decoded,
    encoded,
    jpeg,
    noisy,
    page_picture,
    photo,
    photographed,
    picture_content,
    scaled,
)
from watermark import EpochKey, Mark, Outcome, Verdict, carrier_for
from watermark.carriers.pdf_picture_evidence import picture_layers
from watermark.carriers.pdf_pictures import embedded_pictures, suspect_pictures
from watermark.carriers.pdf_reading import text_of
from watermark.detect import chip_log10_e
from watermark.evidence import Evidence
from watermark.payload import entity_chips, layout
from watermark.provenance import Leak
from watermark.reading import Raster, Reading
from watermark.report import read_report, report_document, write_report
from watermark.rescore import rescore
from watermark.spread import with_folded
from watermark.trace import trace


def _image(pdf: pikepdf.Pdf, pixels: Pixels, form: str = "DCT", **entries: object) -> pikepdf.Object:
    """An image XObject of 8 bits a channel, RGB or grey, as JPEG or deflated."""
    if form == "DCT":
        stream = pdf.make_stream(encoded(pixels, "JPEG", quality=88))
        stream[Name.Filter] = Name.DCTDecode
    else:
        stream = pdf.make_stream(zlib.compress(pixels.tobytes()))
        stream[Name.Filter] = Name.FlateDecode
    stream[Name.Type], stream[Name.Subtype] = Name.XObject, Name.Image
    stream[Name.Width], stream[Name.Height] = pixels.shape[1], pixels.shape[0]
    stream[Name.BitsPerComponent] = 8
    stream[Name.ColorSpace] = Name.DeviceRGB if pixels.ndim == 3 else Name.DeviceGray
    for name, value in entries.items():
        stream["/" + name] = value
    return stream


def _saved(pdf: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True)
    return out.getvalue()


@lru_cache(maxsize=1)
def album() -> bytes:
    """Two pages: text, a JPEG photo on both, a deflated photo with a soft mask, and five pictures to leave alone."""
    with pikepdf.open(io.BytesIO(plain_pdf())) as pdf:
        page = pdf.pages[0]
        shared = _image(pdf, photo(300, 400, 1))
        mask = _image(pdf, np.tile(np.linspace(60, 255, 320).astype(np.uint8), (240, 1)), "Flate")
        soft = _image(pdf, photo(240, 320, 2), "Flate", SMask=mask)
        ink = pdf.make_stream(encoded_cmyk())
        ink[Name.Filter] = Name.DCTDecode
        for name, value in (("Type", Name.XObject), ("Subtype", Name.Image), ("ColorSpace", Name.DeviceCMYK)):
            ink["/" + name] = value
        ink[Name.Width], ink[Name.Height], ink[Name.BitsPerComponent] = 96, 96, 8
        bits = pdf.make_stream(zlib.compress(bytes(8 * 64)))
        bits[Name.Filter] = Name.FlateDecode
        bits[Name.Type], bits[Name.Subtype], bits[Name.ImageMask] = Name.XObject, Name.Image, True
        bits[Name.Width], bits[Name.Height], bits[Name.BitsPerComponent] = 64, 64, 1
        tiny = _image(pdf, photo(96, 96, 3)[:40, :40].copy(), "Flate")
        keyed = _image(pdf, photo(96, 96, 4), "Flate", Mask=Array([0, 3, 0, 3, 0, 3]))
        names = {"P1": shared, "P2": soft, "K": ink, "B": bits, "T": tiny, "M": keyed}
        page.resources[Name.XObject] = Dictionary({"/" + name: value for name, value in names.items()})
        drawn = "q 200 0 0 150 60 400 cm /P1 Do Q q 160 0 0 120 300 400 cm /P2 Do Q "
        drawn += " ".join(f"q 40 0 0 40 {60 + 50 * k} 330 cm /{name} Do Q" for k, name in enumerate("KBTM"))
        page.contents_add(pdf.make_stream(drawn.encode()))
        second = pdf.add_blank_page(page_size=(595, 842))
        second.Resources = Dictionary(XObject=Dictionary(Again=shared))
        second.Contents = pdf.make_stream(b"q 400 0 0 300 90 300 cm /Again Do Q")
        return _saved(pdf)


def encoded_cmyk() -> bytes:
    out = io.BytesIO()
    Image.fromarray(photo(96, 96, 5)).convert("CMYK").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture(scope="module")
def with_photos() -> Content:
    return pdf_content(album(), 3, "content_album")


def _streams(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    """(what the dictionary says of form and colour, pixels or stored bytes) of every image, in a stable order."""
    found = []
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for item in pdf.objects:
            if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Image":
                said = {
                    name: repr(item.get(name))
                    for name in ("/Width", "/Height", "/ColorSpace", "/BitsPerComponent", "/ImageMask")
                }
                said["/SMask"] = str("/SMask" in item)
                last = item.Filter[-1] if isinstance(item.Filter, Array) else item.Filter
                said["last filter"] = str(last)
                found.append((said, item.read_bytes(pikepdf.StreamDecodeLevel.all)))
    return sorted(found, key=lambda one: sorted(one[0].items()))


def _trace(leak: bytes, name: str, *contents: Content) -> Verdict:
    return trace(leak, name, [c.candidates for c in contents], KEYS)


def _file(content: Content, number: int = 1) -> bytes:
    return content.files[f"copy_{content.content_id}_{number}"]


def test_photos_are_marked_and_all_else_is_left_alone(with_photos: Content) -> None:
    original, copy = _streams(with_photos.original), _streams(_file(with_photos))
    assert [said for said, _ in original] == [said for said, _ in copy]
    changed = {said["/Width"]: before != after for (said, before), (_, after) in zip(original, copy, strict=True)}
    with pikepdf.open(io.BytesIO(album())) as pdf:
        assert [one.image.size for one in embedded_pictures(pdf)] == [(400, 300), (320, 240)]
    # The soft mask is 320 wide as well; it sorts first, being grey.
    same = [(said, before == after) for (said, before), (_, after) in zip(original, copy, strict=True)]
    assert [said["/Width"] for said, equal in same if not equal] in (["320", "400"], ["400", "320"])
    assert changed["400"] and not changed["96"] and not changed["64"] and not changed["40"]
    for (said, before), (_, after) in zip(original, copy, strict=True):
        if before != after:
            one, other = (np.frombuffer(data, np.uint8).astype(np.float64) for data in (before, after))
            assert 10 * np.log10(65025 / np.square(one - other).mean()) > 41, said  # a JPEG written again loses some
    assert text_of(_file(with_photos)) == text_of(with_photos.original)


def test_same_mark_gives_same_bytes(with_photos: Content) -> None:
    assert pdf_content(album(), 3, "content_album").files == with_photos.files


def test_each_picture_has_a_code_of_its_own_and_adds_to_the_text(with_photos: Content) -> None:
    verdict = _trace(_resaved(_file(with_photos)), "leak.pdf", with_photos)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [(s.entity_id, s.copy_id) for s in verdict.accused] == [("party_1", "copy_content_album_1")]
    entity = {name: value for name, value in verdict.layers.items() if name.endswith(".entity")}
    assert set(entity) == {"layout.entity", "picture.0.entity", "picture.1.entity"}
    assert min(entity.values()) > 8
    assert all(s.log10_e < 3 for s in verdict.ranked if s.entity_id != "party_1")
    found = rescore(read_report(write_report(report_document(verdict))), KEYS)
    assert not found.differences


def _resaved(data: bytes) -> bytes:
    """Through another tool: no hidden ids, no visible line."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        del pdf.Root.Metadata
        for page in pdf.pages:
            del page.obj["/PieceInfo"]
        return _saved(pdf)


CUT: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda p: p,
    "compressed": lambda p: jpeg(p, 60),
    "smaller": lambda p: jpeg(scaled(p, 0.7), 80),
    "cropped": lambda p: jpeg(p[30:260, 40:330], 80),
}


@pytest.mark.parametrize("how", CUT)
def test_a_picture_cut_out_of_the_pdf_names_the_copy(with_photos: Content, how: str) -> None:
    pictures = suspect_pictures(_file(with_photos))
    assert (400, 300) in [(raster.width, raster.height) for raster in pictures]
    cut = next(raster for raster in pictures if raster.width == 400)
    leak = encoded(CUT[how](np.dstack([cut.luma] * 3)))
    verdict = _trace(leak, "photo.png", with_photos)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.to_dict()
    assert {s.entity_id for s in verdict.accused} == {"party_1"}
    assert verdict.layers["picture.0.entity"] > 8
    assert "picture.1.entity" not in verdict.layers


def test_a_photographed_page_is_read_by_its_pictures_too(with_photos: Content) -> None:
    """The second page shows a photo and no text: without layer P there would be nothing."""
    shown = page_picture(_file(with_photos), 110, page=1)
    verdict = _trace(encoded(photographed(shown)), "page.png", with_photos)
    assert verdict.outcome is Outcome.IDENTIFIED, verdict.to_dict()
    assert {s.entity_id for s in verdict.accused} == {"party_1"}
    assert verdict.layers["picture.0.entity"] > 8


def test_pictures_of_the_original_and_of_others_accuse_nobody(with_photos: Content) -> None:
    own = _trace(with_photos.original, "own.pdf", with_photos)
    assert own.outcome is Outcome.INCONCLUSIVE
    assert not own.accused
    bare = _trace(encoded(photo(300, 400, 1)), "own.png", with_photos)
    assert bare.outcome is Outcome.INCONCLUSIVE
    assert "watermark.trace.picture_only" in bare.codes
    assert _trace(encoded(photo(300, 400, 17)), "other.png", with_photos).outcome is Outcome.NONE
    alone = picture_content(photo(300, 400, 1), content_id="content_alone")
    elsewhere = _trace(encoded(decoded(_file(alone))), "other.png", with_photos)
    assert not elsewhere.accused


def test_planted_faults_are_not_named(with_photos: Content) -> None:
    def scores(pixels: Pixels, content_id: str = "content_album", key: EpochKey = KEY) -> np.ndarray:
        leak = Leak.of(Reading("image", rasters=(Raster.of(np.ascontiguousarray(pixels)),)))
        layers, _ = picture_layers(leak.reading, with_photos.original)
        evidence = with_folded(Evidence(content_id, spread_layers=layers), key)
        return next(layer.scores for layer in evidence.chip_layers if layer.name == "picture.0")

    cut = next(raster.luma for raster in suspect_pictures(_file(with_photos)) if raster.width == 400)
    seen = scores(cut)
    places = layout(KEY, "content_album", "picture.0", len(seen)).entity
    right = entity_chips(KEY, "content_album", "party_1", "picture.0", len(places))
    assert chip_log10_e(seen[places], right) > 10
    assert chip_log10_e(seen[places], entity_chips(KEY, "content_album", "party_x", "picture.0", len(places))) < 4
    assert chip_log10_e(seen[places], entity_chips(KEY, "content_album", "party_1", "picture.1", len(places))) < 4
    assert chip_log10_e(scores(cut, key=EpochKey("2026Q4", bytes(32)))[places], right) < 4
    assert chip_log10_e(scores(cut, "content_other")[places], right) < 4
    plain = cv2.cvtColor(photo(300, 400, 1), cv2.COLOR_RGB2GRAY)
    assert chip_log10_e(scores(np.asarray(plain, np.uint8))[places], right) < 4


def test_a_scan_bound_as_a_pdf_carries_the_mark_without_any_text() -> None:
    """A foreign PDF that is one picture a page, as scanners write them."""
    out = io.BytesIO()
    Image.fromarray(photo(420, 300, 8)).save(out, "PDF", resolution=72)
    content = pdf_content(out.getvalue(), 3, "content_scan")
    verdict = _trace(encoded(noisy(page_picture(_file(content, 2), 100), 4)), "scan.png", content)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert {s.entity_id for s in verdict.accused} == {"party_2"}


def test_data_that_do_not_fit_their_picture_are_left_alone() -> None:
    with pikepdf.open(io.BytesIO(plain_pdf())) as pdf:
        broken = _image(pdf, photo(100, 100, 1))
        broken[Name.Width] = 300
        torn = pdf.make_stream(b"\xff\xd8\xff\xe0 torn")
        torn[Name.Type], torn[Name.Subtype], torn[Name.Filter] = Name.XObject, Name.Image, Name.DCTDecode
        torn[Name.Width], torn[Name.Height], torn[Name.BitsPerComponent] = 90, 90, 8
        torn[Name.ColorSpace] = Name.DeviceRGB
        pdf.pages[0].resources[Name.XObject] = Dictionary(A=broken, B=torn)
        original = _saved(pdf)
    mark = Mark("copy_a", "party_a", "content_a", "")
    copy = carrier_for("application/pdf").embed(original, mark, KEY)
    assert sorted(data for _, data in _raw(copy)) == sorted(data for _, data in _raw(original))


def _raw(data: bytes) -> list[tuple[int, bytes]]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return [
            (n, item.read_raw_bytes())
            for n, item in enumerate(pdf.objects)
            if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Image"
        ]

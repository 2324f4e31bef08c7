"""PDF pages as pictures: pages of a suspect that show pictures, and an original's page with its glyphs' places."""

import ctypes
import math
from dataclasses import dataclass

import cv2
import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from watermark.carriers.pdfium import BLANK, PDFIUM
from watermark.errors import WatermarkError
from watermark.reading import Raster

Gray = NDArray[np.uint8]
Floats = NDArray[np.float64]

SUSPECT_DPI = 200
MAX_RENDERED = 8
"""Pages of a suspect that are looked at as pictures."""

_MAX_PIXELS = 24_000_000
_MAX_SIDE = 12_000
_PICTURE_SHARE = 0.1
_FEW_GLYPHS = 20
_FINE = 4
_MAX_FINE_PIXELS = 50_000_000
_PRECISION = 100_000


@dataclass(frozen=True)
class DrawnPage:
    """A page as a picture.

    `luma`: shape (rows, columns). `boxes`: left, top, right, bottom of each glyph in pixels, in the order of
    `read_glyphs`, shape (n, 4). `points`: how a shift of one pixel right and one down reads in points of the page,
    shape (2, 2), rows right and down, columns x and y.
    """

    luma: Gray
    boxes: Floats
    points: Floats


def picture_pages(data: bytes, glyphs: list[int]) -> tuple[Raster, ...]:
    """Pages that are pictures, wholly or for a good part: a scan, a screenshot, text drawn as outlines.

    `glyphs`: how many each page has as text. Errors: `watermark.bad_pdf`.
    """
    found: list[Raster] = []
    left = _MAX_PIXELS
    with PDFIUM:
        document = _opened(data)
        try:
            for number, count in enumerate(glyphs):
                if len(found) >= MAX_RENDERED:
                    break
                page = document[number]
                if count < _FEW_GLYPHS or _picture_share(page) >= _PICTURE_SHARE:
                    luma = _rendered(page, SUSPECT_DPI / 72, left)
                    if luma is not None and int(luma.max()) > int(luma.min()):
                        left -= luma.size
                        found.append(Raster.of(luma))
                page.close()
        except pypdfium2.PdfiumError as error:
            raise WatermarkError("watermark.bad_pdf") from error
        finally:
            document.close()
    return tuple(found)


def small_pages(data: bytes, dpi: float, limit: int) -> list[Gray]:
    """The first `limit` pages of an original as small pictures, for a first look. Errors: `watermark.bad_pdf`."""
    found: list[Gray] = []
    with PDFIUM:
        document = _opened(data)
        try:
            for number in range(min(len(document), limit)):
                page = document[number]
                luma = _rendered(page, dpi / 72, _MAX_PIXELS)
                page.close()
                if luma is not None and int(luma.max()) > int(luma.min()):
                    found.append(luma)
        except pypdfium2.PdfiumError as error:
            raise WatermarkError("watermark.bad_pdf") from error
        finally:
            document.close()
    return found


def drawn_page(data: bytes, number: int, dpi: float) -> DrawnPage:
    """Page `number` of an original. Errors: `watermark.bad_pdf`, `watermark.too_many_pixels` for a page of metres."""
    with PDFIUM:
        document = _opened(data)
        try:
            page = document[number]
            scale = dpi / 72
            fine = _FINE
            width, height = page.get_size()
            while fine > 1 and width * height * (scale * fine) ** 2 > _MAX_FINE_PIXELS:
                fine -= 1
            # Drawn fine and then shrunk: at screen sizes PDFium puts glyphs on whole pixels.
            large = _rendered(page, scale * fine, _MAX_FINE_PIXELS)
            if large is None:
                raise WatermarkError("watermark.too_many_pixels", limit=_MAX_FINE_PIXELS // 1_000_000)
            size = (max(1, large.shape[1] // fine), max(1, large.shape[0] // fine))
            cut = np.ascontiguousarray(large[: size[1] * fine, : size[0] * fine])
            luma = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
            to_pixels = _to_pixels(page, large.shape[1] / fine, large.shape[0] / fine)
            boxes = _boxes(page, to_pixels)
            page.close()
        except pypdfium2.PdfiumError as error:
            raise WatermarkError("watermark.bad_pdf") from error
        finally:
            document.close()
    return DrawnPage(luma, boxes, np.asarray(np.linalg.inv(to_pixels[:2]), np.float64))


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise WatermarkError("watermark.bad_pdf") from error


def _rendered(page: pypdfium2.PdfPage, scale: float, budget: int) -> Gray | None:
    """Luma of a page on white; smaller where it would not fit the budget, None where that leaves nothing."""
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return None
    scale = min(scale, math.sqrt(budget / (width * height)) * 0.99, _MAX_SIDE / max(width, height))
    if min(width, height) * scale < 16:
        return None
    bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
    luma = np.array(bitmap.to_numpy(), dtype=np.uint8)
    bitmap.close()
    return luma.reshape(luma.shape[0], luma.shape[1])


def _picture_share(page: pypdfium2.PdfPage) -> float:
    """Share of the page under pictures, at most 1."""
    width, height = page.get_size()
    covered = 0.0
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = map(float, item.get_bounds())
        covered += abs((right - left) * (top - bottom))
    return min(1.0, covered / max(float(width * height), 1e-6))


def _to_pixels(page: pypdfium2.PdfPage, width: float, height: float) -> Floats:
    """Affine map from points of the page to pixels of its picture, shape (3, 2): [x y 1] @ map."""
    x, y = ctypes.c_int(), ctypes.c_int()
    corners = np.array([[0.0, 0.0, 1.0], [100.0, 0.0, 1.0], [0.0, 100.0, 1.0]])
    seen = np.zeros((3, 2))
    for i, (px, py, _) in enumerate(corners.tolist()):
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, _PRECISION, _PRECISION, 0, px, py, x, y)
        seen[i] = x.value / _PRECISION * width, y.value / _PRECISION * height
    return np.asarray(np.linalg.solve(corners, seen), np.float64)


def _boxes(page: pypdfium2.PdfPage, to_pixels: Floats) -> Floats:
    """Boxes of the glyphs that `read_glyphs` lists, in its order."""
    text_page = page.get_textpage()
    raw = text_page.raw
    found: list[list[float]] = []
    x, y = ctypes.c_double(), ctypes.c_double()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for i in range(max(pdfium.FPDFText_CountChars(raw), 0)):
        code = pdfium.FPDFText_GetUnicode(raw, i)
        if pdfium.FPDFText_IsGenerated(raw, i) or not pdfium.FPDFText_GetCharOrigin(raw, i, x, y) or code in BLANK:
            continue
        known = pdfium.FPDFText_GetCharBox(raw, i, left, right, bottom, top)
        sides = [left.value, bottom.value, right.value, top.value] if known else [0.0] * 4
        found.append(sides)
    text_page.close()
    sides_all = np.array(found, dtype=np.float64).reshape(-1, 4)
    ones = np.ones(len(sides_all))
    ends = np.stack(
        [np.stack([sides_all[:, a], sides_all[:, b], ones], axis=1) @ to_pixels for a, b in ((0, 1), (2, 3))]
    )
    return np.concatenate([ends.min(axis=0), ends.max(axis=0)], axis=1)

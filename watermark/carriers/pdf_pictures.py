"""Pictures inside a PDF: which of them carry layer P, marking them in place, and taking them out of a suspect.

A picture keeps its place, size, colour space, soft mask and kind of compression. Left alone are masks, pictures of
other than 8 bits a channel, inks and palettes (a pattern needs shades of grey or RGB), those with a colour that counts
as transparent (marking would change which pixels it takes out), those under 64 pixels a side, and inline images.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray
from pikepdf import Dictionary, Name
from PIL import Image

from watermark.carriers.image_marking import MIN_SIDE, jpeg_of, marked
from watermark.carriers.image_reading import MAX_PIXELS, luma_of
from watermark.carriers.pdfium import PDFIUM
from watermark.errors import WatermarkError
from watermark.keys import EpochKey
from watermark.payload import Mark
from watermark.reading import Raster

MAX_PICTURES = 32
"""Pictures of one PDF that are marked, and of a suspect that are taken out."""

_MAX_TOTAL_PIXELS = 4 * MAX_PIXELS
_MAX_SUSPECT_PIXELS = 24_000_000
_DEPTH = 8
_CHANNELS = {"/DeviceGray": 1, "/CalGray": 1, "/DeviceRGB": 3, "/CalRGB": 3}
_PLAIN_DECODE = {1: [0, 1], 3: [0, 1] * 3}
_PLAIN_FILTERS = frozenset({"/FlateDecode", "/LZWDecode", "/ASCII85Decode", "/ASCIIHexDecode", "/RunLengthDecode"})
_JPEG = "/DCTDecode"
_UP = 2


@dataclass(frozen=True)
class Embedded:
    """A picture of an original that carries layer P.

    `place`: object number and generation. `number`: its number among the pictures of the original. `image`: in mode
    L or RGB. `lossy`: kept as JPEG.
    """

    place: tuple[int, int]
    number: int
    image: Image.Image
    lossy: bool


@dataclass(frozen=True)
class Marked:
    """A marked picture, ready to take its original's place: the stream's bytes as stored."""

    place: tuple[int, int]
    data: bytes
    columns: int
    channels: int
    lossy: bool

    def put(self, pdf: pikepdf.Pdf) -> None:
        """Write it into `pdf`, which must be the original that it was made from."""
        stream = pdf.get_object(self.place)
        if self.lossy:
            stream.write(self.data, filter=Name.DCTDecode)
            return
        rows = Dictionary(Predictor=15, Colors=self.channels, BitsPerComponent=8, Columns=self.columns)
        stream.write(self.data, filter=Name.FlateDecode, decode_parms=rows)


def layer_name(number: int) -> str:
    """Name of the layer that picture `number` carries; it separates the codes' derivations."""
    return f"picture.{number}"


def embedded_pictures(pdf: pikepdf.Pdf) -> Iterator[Embedded]:
    """The pictures of an original that carry layer P, in the order of its objects; each once, wherever it is shown.

    The number of a picture is its place in this order, so it is the same whenever the same bytes are opened.
    """
    images = [item for item in pdf.objects if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Image"]
    beside = [image.get(name) for image in images for name in ("/SMask", "/Mask")]
    masks = {mask.objgen for mask in beside if isinstance(mask, pikepdf.Stream)}
    number = 0
    left = _MAX_TOTAL_PIXELS
    for stream in images:
        if number >= MAX_PICTURES:
            return
        if stream.objgen in masks:
            continue
        size = _fit_size(stream)
        channels = _channels(stream)
        if size is None or channels is None or size[0] * size[1] > left:
            continue
        image = _pixels(stream, size, channels)
        if image is not None:
            left -= size[0] * size[1]
            yield Embedded(stream.objgen, number, image, _filters(stream)[-1:] == [_JPEG])
            number += 1


def marked_pictures(pdf: pikepdf.Pdf, mark: Mark, key: EpochKey) -> list[Marked]:
    """All pictures of an original, marked for one copy; deterministic."""
    found = []
    for one in embedded_pictures(pdf):
        image = marked(one.image, luma_of(one.image), mark, key, layer_name(one.number))
        channels = len(image.getbands())
        data = jpeg_of(image) if one.lossy else _deflated(np.asarray(image))
        found.append(Marked(one.place, data, image.width, channels, one.lossy))
    return found


def _deflated(pixels: NDArray[np.uint8]) -> bytes:
    """The rows as PNG's predictor "up" stores them (ISO 32000-2, 7.4.4.4)."""
    rows = pixels.reshape(pixels.shape[0], -1)
    above = np.zeros_like(rows)
    above[1:] = rows[:-1]
    kind = np.full((len(rows), 1), _UP, np.uint8)
    return zlib.compress(np.concatenate([kind, rows - above], axis=1).tobytes(), 2)


def _filters(stream: pikepdf.Object) -> list[str]:
    """Names of a stream's filters, in the order in which they are undone."""
    filters = stream.get("/Filter")
    if filters is None:
        return []
    return [str(one) for one in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]


def _fit_size(stream: pikepdf.Object) -> tuple[int, int] | None:
    """(columns, rows) of a picture that may be marked by size, depth and transparency."""
    try:
        columns, rows = int(stream.Width), int(stream.Height)
        soft = stream.get("/SMask")
        plain = (
            int(stream.get("/BitsPerComponent", 0)) == 8
            and not bool(stream.get("/ImageMask", False))
            and not isinstance(stream.get("/Mask"), pikepdf.Array)
            and not (isinstance(soft, pikepdf.Stream) and "/Matte" in soft)
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    fits = plain and min(columns, rows) >= MIN_SIDE and columns * rows <= MAX_PIXELS
    return (columns, rows) if fits else None


def _channels(stream: pikepdf.Object) -> int | None:
    """1 for grey, 3 for RGB, None for anything else, and where values are turned round or filters are others."""
    filters = _filters(stream)
    plain, last = filters[:-1], filters[-1:]
    if not set(plain) <= _PLAIN_FILTERS or not set(last) <= _PLAIN_FILTERS | {_JPEG}:
        return None
    space = stream.get("/ColorSpace")
    channels: int | None = None
    if isinstance(space, pikepdf.Name):
        channels = _CHANNELS.get(str(space))
    elif isinstance(space, pikepdf.Array) and len(space):
        channels = _CHANNELS.get(str(space[0]))
        if space[0] == "/ICCBased" and len(space) == 2 and isinstance(space[1], pikepdf.Stream):
            other = space[1].get("/Alternate")
            lab = isinstance(other, pikepdf.Array) and other[0] == "/Lab"
            channels = None if lab else {1: 1, 3: 3}.get(int(space[1].get("/N", 0)))
    decode = stream.get("/Decode")
    if channels is None or (decode is not None and [float(v) for v in decode] != _PLAIN_DECODE[channels]):
        return None
    parameters = stream.get("/DecodeParms")
    listed = list(parameters) if isinstance(parameters, pikepdf.Array) else [parameters]
    if any(isinstance(one, Dictionary) and "/ColorTransform" in one for one in listed):
        return None
    return channels


def _pixels(stream: pikepdf.Object, size: tuple[int, int], channels: int) -> Image.Image | None:
    """The pixels; None where the data do not fit what the picture states."""
    try:
        data = stream.read_bytes(pikepdf.StreamDecodeLevel.all)
    except (pikepdf.PdfError, ValueError, RuntimeError):
        return None
    if len(data) < size[0] * size[1] * channels:
        return None
    return Image.frombytes("L" if channels == 1 else "RGB", size, data[: size[0] * size[1] * channels])


def suspect_pictures(data: bytes) -> tuple[Raster, ...]:
    """Pictures inside a suspect PDF as they are stored, of whatever kind, each once. Errors: `watermark.bad_pdf`.

    Runs in the sandbox.
    """
    found: dict[bytes, Raster] = {}
    left = _MAX_SUSPECT_PIXELS
    with PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise WatermarkError("watermark.bad_pdf") from error
        try:
            for number in range(len(document)):
                page = document[number]
                for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_DEPTH):
                    if len(found) < MAX_PICTURES and isinstance(item, pypdfium2.PdfImage):
                        left -= _take(item, found, left)
                page.close()
                if len(found) >= MAX_PICTURES:
                    break
        except pypdfium2.PdfiumError as error:
            raise WatermarkError("watermark.bad_pdf") from error
        finally:
            document.close()
    return tuple(found.values())


def _take(item: pypdfium2.PdfImage, found: dict[bytes, Raster], room: int) -> int:
    """Add a picture to `found`; how many pixels it took."""
    columns, rows = item.get_px_size()
    if min(columns, rows) < MIN_SIDE or columns * rows > room:
        return 0
    stored = hashlib.sha256(item.get_data(decode_simple=False)).digest()
    if stored in found:
        return 0
    try:
        bitmap = item.get_bitmap()
    except pypdfium2.PdfiumError:
        return 0
    luma = np.asarray(bitmap.to_pil().convert("RGB").convert("L"), np.uint8)
    bitmap.close()
    if int(luma.max()) == int(luma.min()):
        return 0
    found[stored] = Raster.of(luma)
    return int(luma.size)

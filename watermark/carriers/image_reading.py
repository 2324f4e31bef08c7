"""Opening pictures: PNG, JPEG, WebP, TIFF, and of suspects also GIF and BMP. Runs inside the sandbox for suspects."""

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import (
    Image,
    ImageOps,
    MpoImagePlugin,  # noqa: F401 -- loaded now: the sandbox can open no file later
    UnidentifiedImageError,
)

from watermark.errors import WatermarkError
from watermark.evidence import Claim
from watermark.reading import Raster, Reading

MAX_PIXELS = 40_000_000
"""More than A4 at 600 dpi."""

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
SUSPECT_FORMATS = (*FORMATS, "GIF", "BMP")

_MAX_XMP = 1 << 20
_XMP_COPY = re.compile(r'mydata:copy(?:="|>)([A-Za-z0-9_.\-]{1,64})["<]')
_XMP_MARK = re.compile(r'mydata:mark(?:="|>)([0-9a-f]{32})["<]')
_TRANSPARENT = frozenset({"LA", "RGBA", "PA", "La", "RGBa"})

# A second line behind the check of the size that a file states.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@dataclass(frozen=True)
class Picture:
    """An opened picture, upright.

    `image`: in mode L, LA, RGB or RGBA. `luma`: as seen on white paper, shape (rows, columns). `format`: of the file.
    `frames`: pictures in it. `dpi`: pixels per inch across and down. `compression`: of a TIFF.
    """

    image: Image.Image
    luma: NDArray[np.uint8]
    format: str
    frames: int
    claims: tuple[Claim, ...]
    icc_profile: bytes | None
    dpi: tuple[float, float] | None
    compression: str | None


def open_picture(data: bytes, formats: tuple[str, ...] = FORMATS, broken: str = "watermark.bad_original") -> Picture:
    """Open one picture; of a camera's file with several, the first.

    Errors: `broken` for what cannot be decoded, `watermark.too_many_pixels`, `watermark.picture_mode` for depths that
    are not 8 bits a channel.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; the pixels are what counts
            with Image.open(io.BytesIO(data), formats=formats) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise WatermarkError("watermark.too_many_pixels", limit=MAX_PIXELS // 1_000_000)
                opened.load()
                upright = ImageOps.exif_transpose(opened)
                return _picture(_plain(upright), opened, turned=upright.size != opened.size)
    except Image.DecompressionBombError as error:
        raise WatermarkError("watermark.too_many_pixels", limit=MAX_PIXELS // 1_000_000) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError) as error:
        raise WatermarkError(broken) from error
    except (OverflowError, EOFError, AttributeError, ZeroDivisionError, RuntimeError) as error:
        raise WatermarkError(broken) from error


def _picture(image: Image.Image, opened: Image.Image, *, turned: bool) -> Picture:
    info = opened.info
    profile = info.get("icc_profile")
    kept = isinstance(profile, bytes) and opened.mode != "CMYK"  # a profile of inks says nothing of RGB
    compression = info.get("compression")
    return Picture(
        image,
        luma_of(image),
        str(opened.format),
        int(getattr(opened, "n_frames", 1)),
        claims_of(info),
        profile if kept else None,
        _dpi(info.get("dpi"), turned=turned),
        compression if isinstance(compression, str) else None,
    )


def _dpi(stated: object, *, turned: bool) -> tuple[float, float] | None:
    """Pixels per inch, if they are usable numbers."""
    if not isinstance(stated, tuple) or len(stated) != 2:
        return None
    across, down = (float(v) for v in stated)
    if not (1 <= across <= 100_000 and 1 <= down <= 100_000):
        return None
    return (down, across) if turned else (across, down)


def _plain(image: Image.Image) -> Image.Image:
    """In L, LA, RGB or RGBA. One bit and palettes are spread to 8 bits a channel."""
    mode = image.mode
    if mode in {"L", "LA", "RGB", "RGBA"}:
        return image
    if mode == "1":
        return image.convert("L")
    if mode in _TRANSPARENT or (mode == "P" and "transparency" in image.info):
        return image.convert("RGBA")
    if mode in {"P", "RGBX", "CMYK", "YCbCr"}:
        return image.convert("RGB")
    raise WatermarkError("watermark.picture_mode", mode=mode)


def luma_of(image: Image.Image) -> NDArray[np.uint8]:
    """Luma (ITU-R BT.601) as seen on white paper, shape (rows, columns)."""
    if image.mode in _TRANSPARENT:
        paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
        paper.alpha_composite(image.convert("RGBA"))
        image = paper.convert("RGB")
    return np.asarray(image.convert("L"), dtype=np.uint8)


def read_image(data: bytes) -> Reading:
    """A suspect picture: its luma, and hidden ids.

    Errors: `watermark.bad_image`, `watermark.too_many_pixels`, `watermark.picture_mode`.
    """
    picture = open_picture(data, SUSPECT_FORMATS, "watermark.bad_image")
    return Reading("image", claims=picture.claims, rasters=(Raster.of(picture.luma),))


def claims_of(info: Mapping[str | tuple[int, int], object]) -> tuple[Claim, ...]:
    """Hidden ids in a picture's XMP."""
    raw = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    text = raw[:_MAX_XMP].decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)[:_MAX_XMP]
    pairs = zip(_XMP_COPY.findall(text), _XMP_MARK.findall(text), strict=False)
    return tuple(dict.fromkeys(Claim(copy_id, tag) for copy_id, tag in pairs))

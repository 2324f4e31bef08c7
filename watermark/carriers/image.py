"""The image carrier: layer P in the pixels, a hidden id in the metadata; PNG, JPEG, WebP and TIFF.

The copy is upright (the EXIF orientation is applied), keeps size, resolution, colour profile and transparency, and
nothing else of the original's metadata: place and camera of a photo are not part of what was granted. One-bit and
palette pictures become 8 bits a channel, since a pattern needs shades. Coarsely compressed originals are written
finer than they came, or their own grain would swallow the mark.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from watermark.carriers.image_marking import MIN_SIDE, QUALITY, jpeg_of, marked
from watermark.carriers.image_reading import Picture, open_picture
from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark
from watermark.provenance import Leak

if TYPE_CHECKING:
    from PIL import Image

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/tiff"})
_XMP_NAMESPACE = "urn:mydata:copy/1#"
_LOSSLESS_TIFF = frozenset({"raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits"})


@dataclass(frozen=True)
class ImageCarrier:
    """Pictures of certificates and photos."""

    name = "image"
    media_types = IMAGE_TYPES

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The marked copy, in the original's format.

        Errors: `watermark.bad_original` (cannot be decoded), `watermark.too_many_pixels`, `watermark.picture_mode`
        (not 8 bits a channel), `watermark.several_pictures` (an animation or several pages), `watermark.picture_small`.
        """
        picture = open_picture(original)
        if picture.frames > 1 and picture.format != "MPO":
            raise WatermarkError("watermark.several_pictures", count=picture.frames)
        if min(picture.image.size) < MIN_SIDE:
            raise WatermarkError("watermark.picture_small", pixels=MIN_SIDE)
        from watermark.carriers.image_layer import PIXELS

        image = marked(picture.image, picture.luma, mark, key, PIXELS)
        return _encoded(image, picture, original, xmp_of(mark, key))

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """See `Carrier.evidence`."""
        from watermark.carriers.image_evidence import image_evidence
        from watermark.carriers.reading import read

        return image_evidence(Leak.of(read(suspect)), original, content_id)


def xmp_of(mark: Mark, key: EpochKey) -> bytes:
    """The copy's id with its keyed tag as an XMP packet (ISO 16684-1)."""
    tag = key.copy_tag(mark.content_id, mark.entity_id, mark.copy_id)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:mydata="{_XMP_NAMESPACE}" '
        f"mydata:copy={quoteattr(mark.copy_id)} mydata:mark={quoteattr(tag)}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _encoded(image: "Image.Image", picture: Picture, original: bytes, xmp: bytes) -> bytes:
    """The file. Errors: `watermark.bad_original` for a format that is not written."""
    from PIL.PngImagePlugin import PngInfo

    out = io.BytesIO()
    kept: dict[str, object] = {"icc_profile": picture.icc_profile} if picture.icc_profile else {}
    if picture.dpi is not None:
        kept["dpi"] = picture.dpi
    if picture.format == "PNG":
        told = PngInfo()
        told.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(out, "PNG", pnginfo=told, compress_level=1, **kept)
    elif picture.format in {"JPEG", "MPO"}:
        return jpeg_of(image, xmp=xmp, **kept)
    elif picture.format == "WEBP":
        kept.pop("dpi", None)
        lossless = b"VP8L" in original[:64]
        image.save(out, "WEBP", lossless=lossless, quality=20 if lossless else QUALITY, method=2, xmp=xmp, **kept)
    elif picture.format == "TIFF":
        packed = picture.compression if picture.compression in _LOSSLESS_TIFF else "tiff_deflate"
        image.save(out, "TIFF", compression=packed, tiffinfo={700: xmp}, **kept)
    else:
        raise WatermarkError("watermark.bad_original")
    return out.getvalue()

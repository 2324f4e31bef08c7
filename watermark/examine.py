"""A suspect, read once in the sandbox, for look-up and trace."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

from watermark.errors import WatermarkError
from watermark.provenance import Leak
from watermark.reading import Raster
from watermark.sandbox import read_untrusted

MAX_PIXELS_IN_ALL = 160_000_000
"""Of all pictures in a suspect, those in an archive's files together: all are held at once, a byte each."""
_FEW_GLYPHS = 20


@dataclass(frozen=True)
class Examined:
    """A suspect file, read. `sha256`: of its bytes. `read_ms`: how long that took.

    `parts`: the files of an archive, each examined; `unread`: names and error codes of those that could not be.
    """

    name: str
    sha256: bytes
    leak: Leak
    read_ms: float
    parts: tuple["Examined", ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """json, csv, text, xlsx, docx, pdf or zip, or another kind that `watermark.carriers.reading` knows."""
        return self.leak.reading.kind

    @property
    def copy_ids(self) -> tuple[str, ...]:
        """Explicit copy ids in the file. They help to find contents and prove nothing."""
        own = [claim.copy_id for claim in self.leak.reading.claims]
        return tuple(dict.fromkeys([*own, *(copy_id for part in self.parts for copy_id in part.copy_ids)]))

    @property
    def rasters(self) -> tuple[Raster, ...]:
        """All that the file shows as pictures: itself or pages that are pictures, pictures inside it; parts' too."""
        own = self.leak.reading.rasters + self.leak.reading.pictures
        return own + tuple(raster for part in self.parts for raster in part.rasters)

    @property
    def only_pictures(self) -> bool:
        """Whether nothing can be read in the file but what its pictures show."""
        if self.parts:
            return all(part.only_pictures for part in self.parts)
        written = sum(len(page.codes) for page in self.leak.reading.pages)
        return self.kind in {"image", "pdf"} and written < _FEW_GLYPHS and bool(self.rasters)


def examine(suspect: bytes, name: str = "") -> Examined:
    """Read a suspect file in the sandbox. Errors: `watermark.*` when it cannot be read at all.

    Of an archive it is enough if one file can be read. `watermark.too_complex` for one whose pictures have more than
    `MAX_PIXELS_IN_ALL` pixels, or with which those of its archive have.
    """
    return _examine(suspect, name, MAX_PIXELS_IN_ALL)


def _examine(suspect: bytes, name: str, most_pixels: int) -> Examined:
    start = time.perf_counter()
    leak = Leak.of(read_untrusted(suspect, name))
    left = most_pixels - _pixels(leak.reading.rasters + leak.reading.pictures)
    if left < 0:
        raise WatermarkError("watermark.too_complex")
    parts: list[Examined] = []
    unread: list[tuple[str, str]] = []
    refused: WatermarkError | None = None
    for part, data in leak.reading.files:
        try:
            parts.append(_examine(data, part, left))
            left -= _pixels(parts[-1].rasters)
        except WatermarkError as error:
            refused = error
            unread.append((part, error.code))
    if refused is not None and not parts:
        raise refused
    spent = (time.perf_counter() - start) * 1000
    return Examined(name, hashlib.sha256(suspect).digest(), leak, spent, tuple(parts), tuple(unread))


def _pixels(rasters: Iterable[Raster]) -> int:
    return sum(raster.width * raster.height for raster in rasters)

"""Which of several originals a picture shows, when neither a number nor a hidden id tells.

Originals of one template lie well on one another. So the suspect is laid on one page of the kind, and then all pages
are compared with it where it lies, window by window; on the likeliest it is laid again, until the likeliest stays the
likeliest. What was found is a list of contents to be traced, no evidence: every original that was looked at counts in
the number of candidates. Only the suspect and the originals are looked at, never a code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.carriers.image_evidence import suspect_of
from watermark.carriers.image_reading import open_picture
from watermark.carriers.pdf_rendering import small_pages
from watermark.carriers.reading import sniff
from watermark.errors import WatermarkError
from watermark.reading import Raster
from watermark.registration import Registered, register

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

MAX_PAGES = 2
"""Pages of an original that are looked at."""
MAX_SHOWN = 4
"""Pictures of a suspect that are looked for."""
KEPT = 5
"""Contents that are worth a trace."""

_DPI = 72
_LONGEST = 842
_ROUNDS = 6
_WINDOW = (15, 15)
_INK = 36.0
_SHRINK = 4000.0
_TINY = 48


@dataclass(frozen=True)
class _Page:
    content_id: str
    packed: bytes
    tiny: Floats

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        rows, columns = self.luma.shape
        return rows, columns

    @property
    def luma(self) -> Gray:
        """Unpacked anew each time: hundreds of pages are held."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.packed, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


@dataclass(frozen=True)
class Likely:
    """A content, and how well its likest page agrees with the suspect where that lies: 0 not at all, 1 wholly."""

    content_id: str
    likeness: float


class PictureIndex:
    """Small pages of originals, in memory, for one run. They are personal data: let go of it afterwards."""

    def __init__(self) -> None:
        self._pages: list[_Page] = []
        self._looked_at: dict[str, None] = {}

    @property
    def looked_at(self) -> Sequence[str]:
        """All contents that were added and can be looked at: PDFs and pictures."""
        return tuple(self._looked_at)

    def add(self, content_id: str, original: bytes) -> None:
        """Add the first pages of an original. What is neither a PDF nor a picture, or broken, is passed over."""
        kind = sniff(original)
        try:
            if kind == "pdf":
                pages = small_pages(original, _DPI, MAX_PAGES)
            elif kind == "image":
                pages = [_shrunk(open_picture(original).luma)]
            else:
                return
        except WatermarkError:
            return
        for luma in pages:
            done, packed = cv2.imencode(".png", luma, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            if done:
                self._pages.append(_Page(content_id, packed.tobytes(), _tiny(luma)))
                self._looked_at[content_id] = None

    def likest(self, rasters: Sequence[Raster], keep: int = KEPT) -> list[Likely]:
        """The contents that the pictures of a suspect show, likeliest first, at most `keep`; empty if it shows none."""
        best: dict[str, float] = {}
        for raster in rasters[:MAX_SHOWN]:
            for page, likeness in zip(self._pages, self._scores(raster), strict=True):
                best[page.content_id] = max(likeness, best.get(page.content_id, 0.0))
        ranked = sorted(((likeness, content_id) for content_id, likeness in best.items() if likeness > 0), reverse=True)
        return [Likely(content_id, likeness) for likeness, content_id in ranked[:keep]]

    def _scores(self, raster: Raster) -> list[float]:
        """Likeness of every page, 0 where the suspect could not be laid on a page of its size."""
        scores = np.zeros(len(self._pages))
        tried: list[int] = []
        for _ in range(min(_ROUNDS, len(self._pages))):
            chosen = self._next(scores, tried)
            if chosen in tried:
                break
            tried.append(chosen)
            seen = register(suspect_of(raster), self._pages[chosen].luma)
            if seen is None:
                continue
            laid = _Laid(seen)
            for number, page in enumerate(self._pages):
                if page.shape == laid.shape:
                    scores[number] = max(scores[number], laid.likeness(page.luma))
        return [float(score) for score in scores]

    def _next(self, scores: NDArray[np.float64], tried: Sequence[int]) -> int:
        """The likeliest page; before any is likely, the commonest, then the one least like those tried in vain."""
        if scores.any():
            return int(scores.argmax())
        tiny = np.stack([page.tiny for page in self._pages])
        if not tried:
            return int((tiny @ tiny.mean(axis=0)).argmax())
        nearest = (tiny @ tiny[list(tried)].T).max(axis=1)
        nearest[list(tried)] = np.inf
        return int(nearest.argmin())


class _Laid:
    """A suspect on a page's pixels, ready to be compared with any page of the same size."""

    def __init__(self, seen: Registered) -> None:
        self._shown = np.clip(seen.luma, 0, 255).astype(np.float32)
        self._mean = _mean(self._shown)
        self._varies = np.maximum(_mean(self._shown * self._shown) - self._mean * self._mean, 0)
        inside = cv2.erode(seen.valid, np.ones(_WINDOW, np.uint8), borderValue=0)
        self._inside = np.asarray(inside, np.bool_)
        self.shape = (seen.luma.shape[0], seen.luma.shape[1])

    def likeness(self, page: Gray) -> float:
        """Mean agreement of the windows that hold anything; few windows count for little."""
        plain = page.astype(np.float32)
        mean = _mean(plain)
        varies = np.maximum(_mean(plain * plain) - mean * mean, 0)
        together = _mean(plain * self._shown) - mean * self._mean
        counted = self._inside & ((varies > _INK) | (self._varies > _INK))
        agreement = np.clip(together / (cv2.sqrt(varies * self._varies) + _INK), 0, 1)[counted]
        return float(agreement.sum() / (agreement.size + _SHRINK))


def _mean(plane: Floats) -> Floats:
    return np.asarray(cv2.blur(plane, _WINDOW), np.float32)


def _shrunk(luma: Gray) -> Gray:
    scale = min(1.0, _LONGEST / max(luma.shape))
    if scale == 1.0:
        return luma
    return np.asarray(cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _tiny(luma: Gray) -> Floats:
    """A normalised thumbnail as a vector of length 1, shape (n,)."""
    small = cv2.resize(luma, (_TINY, _TINY), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return np.asarray(small / (np.linalg.norm(small) + 1e-6), np.float32)

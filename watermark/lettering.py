"""Reads the lettering of a picture: which letters stand where. In a child process of its own, with limits.

The reader is rapidocr (the models PP-OCRv6, on onnxruntime), an optional part: `pip install mydata[ocr]`. Its models
lie in its package; nothing is fetched. The child is given plain pixels, which another confined child decoded, and is
ended after each picture, since it holds some hundred megabytes.
"""

import importlib.util
import json
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from watermark import confinement
from watermark.confinement import Broken, Confined, ConfinedError, Limits
from watermark.errors import WatermarkError
from watermark.reading import Piece, Raster

MAX_PIXELS = 9_000_000
"""Of a picture that is read as it is, a little more than a screen of 3840 x 2160; larger ones are scaled down to it."""
MAX_PIECES = 1_000
"""Pieces of text that are read of one picture, from above; what stands below them is left unread."""
MAX_SECONDS = 40
"""Of processor time for a picture, looked at between two bands of it."""

if TYPE_CHECKING:  # an optional part, loaded in the child alone
    from rapidocr import RapidOCR

_MODULE = "watermark.lettering"
_LIMITS = Limits(timeout_s=480.0, cpu_s=160, memory_bytes=3 << 29, answer_bytes=1 << 24, files=1)
_BAND_PIXELS = 1_200_000
_MARGIN = 48
"""Pixels by which the bands overlap above and below: more than a letter is high."""
_NARROW = 736
"""Pixels to which the reader enlarges the shorter side of what it is given."""
_LEAST_SURE = 0.5
_one_at_a_time = threading.Lock()

Gray = NDArray[np.uint8]


def can_read() -> bool:
    """Whether the part that reads lettering is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


def pieces_of(raster: Raster) -> tuple[list[Piece], bool]:
    """(the lettering of a picture, from above; whether that is all). One picture at a time in the whole process.

    Errors: `watermark.timeout`, `watermark.too_complex` where the reader fails on it, `watermark.sandbox_unavailable`
    where it cannot be started.
    """
    head = raster.width.to_bytes(4, "big") + raster.height.to_bytes(4, "big")
    with _one_at_a_time, Confined(_MODULE, _LIMITS) as child:
        try:
            answer: Any = json.loads(child.ask(head + raster.pixels))
            whole, pieces = bool(answer["whole"]), [_piece(*one) for one in answer["pieces"]]
        except ConfinedError as error:
            codes = {Broken.TIMEOUT: "watermark.timeout", Broken.UNAVAILABLE: "watermark.sandbox_unavailable"}
            raise WatermarkError(codes.get(error.why, "watermark.too_complex")) from error
        except (KeyError, TypeError, ValueError) as error:
            raise WatermarkError("watermark.too_complex") from error
    return sorted(pieces, key=lambda piece: piece.middle), whole


def _piece(text: str, at: list[float], top: float, bottom: float) -> Piece:
    return Piece(str(text), tuple(float(x) for x in at), float(top), float(bottom))


def serve() -> None:
    """The child. Not called in the parent."""
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    one_thread = {f"EngineConfig.onnxruntime.{which}_op_num_threads": 1 for which in ("intra", "inter")}
    wide = {"Global.max_side_len": 4096, "Global.text_score": _LEAST_SURE}
    engine = RapidOCR(params={**one_thread, **wide, "Global.use_cls": False, "Global.log_level": "critical"})

    def warm_up() -> None:
        """Load the models while files can be opened, and read one word."""
        shown = np.full((64, 256), 255, np.uint8)
        cv2.putText(shown, "371099 A", (10, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 0, 2)
        _answer(engine, shown)

    def answer(data: bytes, _label: bytes) -> bytes:
        try:
            width, height = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
            return json.dumps(_answer(engine, Raster(width, height, data[8:]).luma)).encode()
        except Exception:  # whatever a picture makes the reader raise: nothing was read
            return b"null"

    confinement.serve(answer, warm_up, _LIMITS)


def _answer(engine: "RapidOCR", luma: Gray) -> dict[str, object]:
    found: list[list[object]] = []
    begun, whole = time.process_time(), True
    shown, scale = _fitting(luma)
    for band, top, core in _bands(shown):
        if len(found) >= MAX_PIECES or time.process_time() - begun > MAX_SECONDS:
            whole = False
            break
        for text, at, above, below in _read(engine, band):
            if core[0] <= (above + below) / 2 + top < core[1]:
                found.append([text, [x / scale for x in at], (above + top) / scale, (below + top) / scale])
    return {"whole": whole and len(found) <= MAX_PIECES, "pieces": found[:MAX_PIECES]}


def _fitting(luma: Gray) -> tuple[Gray, float]:
    """(the picture, scaled down where it is larger than what is read, by what factor)."""
    import cv2

    scale = min(1.0, (MAX_PIXELS / luma.size) ** 0.5)
    if scale == 1.0:
        return luma, 1.0
    return np.asarray(cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8), scale


def _bands(luma: Gray) -> Iterator[tuple[Gray, int, tuple[int, int]]]:
    """(a band of the picture, where it begins, from where to where its lettering counts): memory stays bounded."""
    rows, columns = luma.shape
    step = min(2_000, max(4 * _MARGIN, _BAND_PIXELS // columns))
    for core in range(0, rows, step):
        top, bottom = max(0, core - _MARGIN), min(rows, core + step + _MARGIN)
        yield _padded(luma[top:bottom]), top, (core, core + step)


def _padded(band: Gray) -> Gray:
    """With paper below or beside it where it is a strip: the reader enlarges what is narrow, and with it the rest."""
    rows, columns = band.shape
    high = max(rows, min(_NARROW, columns * 34 // 100))
    wide = max(columns, min(_NARROW, rows * 34 // 100))
    if (high, wide) == band.shape:
        return band
    return np.pad(band, ((0, high - rows), (0, wide - columns)), constant_values=int(np.median(band)))


def _read(engine: "RapidOCR", band: Gray) -> Iterable[tuple[str, list[float], float, float]]:
    """(text, middles of its letters, top, bottom) of each piece."""
    seen: Any = engine(  # what its types say of letters is not what comes
        np.repeat(band[..., None], 3, axis=2), use_cls=False, return_word_box=True, return_single_char_box=True
    )
    if seen.boxes is None or not seen.word_results:
        return
    for box, letters in zip(seen.boxes, seen.word_results, strict=True):
        text = "".join(letter for letter, _, _ in letters)
        at = [float(np.mean([corner[0] for corner in place])) for letter, _, place in letters for _ in letter]
        if text:
            yield text, at, float(box[:, 1].min()), float(box[:, 1].max())

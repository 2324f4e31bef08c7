"""Opens suspects in a child process with limits (`watermark.confinement`): files that nobody vouches for.

`Sandbox` keeps one worker alive for many files and replaces it when a file kills it. The worker answers in JSON,
never in pickles, so that a worker taken over by a file can lie about that file and do nothing else.
"""

import atexit
import json
import threading
from dataclasses import replace
from typing import Any

from watermark import confinement
from watermark.carriers.reading import MAX_BYTES, read
from watermark.confinement import Broken, Confined, ConfinedError, Limits
from watermark.errors import WatermarkError
from watermark.reading import Reading

MEMORY_BYTES = 1 << 30
"""Address space a worker may take beyond what it has when it is ready."""
CPU_SECONDS = 20
TIMEOUT_SECONDS = 30.0
MAX_ANSWER_BYTES = 1 << 28
FILES_PER_WORKER = 200

_LIMITS = Limits(TIMEOUT_SECONDS, CPU_SECONDS, MEMORY_BYTES, MAX_ANSWER_BYTES, FILES_PER_WORKER)
_BROKEN = {
    Broken.TIMEOUT: "watermark.timeout",
    Broken.TOO_COMPLEX: "watermark.too_complex",
    Broken.UNAVAILABLE: "watermark.sandbox_unavailable",
}
_WARM_UP = (
    '{"a": "甲", "b": 1}'.encode("utf-8-sig"),
    "甲,乙\n1,2\n".encode("gb18030"),
    "甲\t乙\n1\t2\n".encode("utf-16"),
    b"plain words\n",
)


class Sandbox(Confined):
    """One worker process. Safe to share between threads; files are read one after another."""

    def __init__(self, *, timeout_s: float = TIMEOUT_SECONDS) -> None:
        super().__init__("watermark.sandbox", replace(_LIMITS, timeout_s=timeout_s))

    def read(self, data: bytes, name: str = "") -> Reading:
        """Read one file.

        Errors: those of `carriers.reading.read`; `watermark.timeout` when it takes too long, `watermark.too_complex`
        when it asks for too much memory or brings the reader down.
        """
        if len(data) > MAX_BYTES:
            raise WatermarkError("watermark.too_large", limit_mb=MAX_BYTES >> 20)
        try:
            answer: Any = json.loads(self.ask(data, name.encode("utf-8", "replace")[-255:]))
        except ConfinedError as error:
            raise WatermarkError(_BROKEN[error.why]) from error
        except ValueError as error:
            self.close()
            raise WatermarkError("watermark.too_complex") from error
        if not isinstance(answer, dict):
            raise WatermarkError("watermark.too_complex")
        if "error" in answer:
            facts = answer.get("facts", {})
            raise WatermarkError(
                str(answer["error"]), **{str(k): v for k, v in facts.items() if isinstance(v, str | int)}
            )
        try:
            return Reading.from_json(answer["reading"])
        except (KeyError, TypeError, ValueError) as error:
            raise WatermarkError("watermark.too_complex") from error


def read_untrusted(data: bytes, name: str = "") -> Reading:
    """Read one file in the process-wide sandbox. Errors: those of `Sandbox.read`."""
    return _shared().read(data, name)


_shared_lock = threading.Lock()
_shared_sandbox: list[Sandbox] = []


def _shared() -> Sandbox:
    with _shared_lock:
        if not _shared_sandbox:
            _shared_sandbox.append(Sandbox())
            atexit.register(_shared_sandbox[0].close)
        return _shared_sandbox[0]


def serve() -> None:
    """The worker: read requests from standard input until it ends. Not called in the parent."""
    confinement.serve(
        lambda data, label: json.dumps(_answer(data, label.decode("utf-8", "replace"))).encode(), _warm_up, _LIMITS
    )


def _answer(data: bytes, name: str) -> dict[str, object]:
    try:
        return {"reading": read(data, name).to_json()}
    except WatermarkError as error:
        return {"error": error.code, "facts": dict(error.facts)}
    except (MemoryError, RecursionError):
        return {"error": "watermark.too_complex"}
    except Exception:  # a malformed file may raise anything from the readers; the worker must live on
        return {"error": "watermark.unreadable"}


def _warm_up() -> None:
    """Import and initialise everything while files can still be opened."""
    import io

    import pikepdf
    from PIL import Image

    from watermark.carriers.xlsx_writing import Grid, write_workbook

    read(write_workbook(Grid([["a"], ["b"]], [["1"]]), label="c"))
    for data in _WARM_UP:
        read(data)
    for form in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"):
        drawn = io.BytesIO()
        Image.new("RGB", (8, 8)).save(drawn, form)
        read(drawn.getvalue())
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.Metadata = pdf.make_stream(b"<x/>")
        out = io.BytesIO()
        pdf.save(out)
    read(out.getvalue())

"""Opens untrusted files in a child process: no secrets, no environment, no new file or socket, bounded memory and time.

`Sandbox` keeps one worker alive for many files and replaces it when a file kills it. The worker answers in JSON,
never in pickles, so that a worker taken over by a file can lie about that file and do nothing else.
"""

import atexit
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from watermark.carriers.reading import MAX_BYTES, read
from watermark.errors import WatermarkError
from watermark.reading import Reading

MEMORY_BYTES = 1 << 30
"""Address space a worker may take beyond what it has when it is ready."""
CPU_SECONDS = 20
TIMEOUT_SECONDS = 30.0
MAX_ANSWER_BYTES = 1 << 28
FILES_PER_WORKER = 200

_LENGTHS = struct.Struct(">II")
_LENGTH = struct.Struct(">I")
_START_SECONDS = 60.0
_WARM_UP = (
    '{"a": "甲", "b": 1}'.encode("utf-8-sig"),
    "甲,乙\n1,2\n".encode("gb18030"),
    "甲\t乙\n1\t2\n".encode("utf-16"),
    b"plain words\n",
)


class Sandbox:
    """One worker process. Safe to share between threads; files are read one after another."""

    def __init__(self, *, timeout_s: float = TIMEOUT_SECONDS) -> None:
        self._timeout_s = timeout_s
        self._worker: subprocess.Popen[bytes] | None = None
        self._served = 0
        self._lock = threading.Lock()

    def read(self, data: bytes, name: str = "") -> Reading:
        """Read one file.

        Errors: those of `carriers.reading.read`; `watermark.timeout` when it takes too long, `watermark.too_complex`
        when it asks for too much memory or brings the reader down.
        """
        if len(data) > MAX_BYTES:
            raise WatermarkError("watermark.too_large", limit_mb=MAX_BYTES >> 20)
        with self._lock:
            try:
                answer = self._ask(data, name)
            except BaseException:
                self._stop()
                raise
        if "error" in answer:
            facts = answer.get("facts", {})
            raise WatermarkError(
                str(answer["error"]), **{str(k): v for k, v in facts.items() if isinstance(v, str | int)}
            )
        try:
            return Reading.from_json(answer["reading"])
        except (KeyError, TypeError, ValueError) as error:
            raise WatermarkError("watermark.too_complex") from error

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, data: bytes, name: str) -> dict[str, Any]:
        if self._served >= FILES_PER_WORKER:
            self._stop()
        worker = self._worker or self._start()
        self._served += 1
        label = name.encode("utf-8", "replace")[-255:]
        deadline = time.monotonic() + self._timeout_s
        try:
            _send(worker, _LENGTHS.pack(len(label), len(data)) + label + data, deadline)
            (length,) = _LENGTH.unpack(_receive(worker, _LENGTH.size, deadline))
            if length > MAX_ANSWER_BYTES:
                raise WatermarkError("watermark.too_complex")
            answer: Any = json.loads(_receive(worker, length, deadline))
        except (EOFError, BrokenPipeError, ValueError) as error:
            worker.kill()
            timed_out = worker.wait() == -signal.SIGXCPU
            raise WatermarkError("watermark.timeout" if timed_out else "watermark.too_complex") from error
        if not isinstance(answer, dict):
            raise WatermarkError("watermark.too_complex")
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        # -I: neither environment nor the working directory decide what is imported; the paths are this process's own.
        code = f"import sys; sys.path[:] = {sys.path!r}; from watermark.sandbox import serve; serve()"
        worker = subprocess.Popen(  # noqa: S603 -- this interpreter, no shell, no outside input in the command
            [sys.executable, "-I", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
            close_fds=True,
            cwd="/",
            bufsize=0,
        )
        self._worker, self._served = worker, 0
        try:
            _receive(worker, 1, time.monotonic() + _START_SECONDS)
        except EOFError as error:
            raise WatermarkError("watermark.sandbox_unavailable") from error
        os.set_blocking(_pipe(worker.stdin).fileno(), False)
        return worker

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                pipe.close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # Popen was asked for pipes
    return stream


def _wait(reading: list[int], writing: list[int], deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0 or not any(select.select(reading, writing, [], left)):
        raise WatermarkError("watermark.timeout")


def _send(worker: subprocess.Popen[bytes], data: bytes, deadline: float) -> None:
    pipe = _pipe(worker.stdin).fileno()
    view = memoryview(data)
    while view:
        _wait([], [pipe], deadline)
        view = view[os.write(pipe, view[: 1 << 16]) :]


def _receive(worker: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
    pipe = _pipe(worker.stdout).fileno()
    parts: list[bytes] = []
    while count:
        _wait([pipe], [], deadline)
        part = os.read(pipe, min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


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
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a library prints must not pass for an answer
        os.dup2(null, stream)
    _warm_up()
    _lock_down()
    answers.write(b"+")
    answers.flush()
    while True:
        head = requests.read(_LENGTHS.size)
        if len(head) < _LENGTHS.size:
            return
        name_length, data_length = _LENGTHS.unpack(head)
        name = requests.read(name_length).decode("utf-8", "replace")
        _allow_cpu()
        answer = json.dumps(_answer(requests.read(data_length), name)).encode()
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


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

    from watermark.carriers.xlsx_writing import Grid, write_workbook

    read(write_workbook(Grid([["a"], ["b"]], [["1"]]), label="c"))
    for data in _WARM_UP:
        read(data)
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.Metadata = pdf.make_stream(b"<x/>")
        out = io.BytesIO()
        pdf.save(out)
    read(out.getvalue())


def _lock_down() -> None:
    import resource

    held = 0
    if sys.platform == "linux":
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    lowest_free = os.dup(0)
    os.close(lowest_free)
    # No number is left for a new file or socket: whatever takes the reader over can open nothing.
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, lowest_free))
    if sys.platform == "linux":  # elsewhere the address space cannot be bounded this way; time still is
        limit = held + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _allow_cpu() -> None:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))

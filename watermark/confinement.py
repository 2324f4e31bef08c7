"""A child process for untrusted bytes: no secrets, no environment, bounded memory and time, nothing but reckoning.

`Confined` keeps one child alive for many files and replaces it when a file kills it. What a file is read with is the
caller's: `serve` runs in the child and is given a function from bytes to bytes. Answers are read as untrusted bytes.

On Linux the child locks itself before the first file (`watermark.locks`): the kernel then refuses it files, sockets,
processes, signals and others' memory, so that a child that was taken over by a file can lie about that file (and,
until it is replaced, about the next ones) and do nothing else. Where the kernel has no filter of system calls, and on
other systems, only the limits hold: such a child reads its files as well, but could do what this process's user may.
`warn_unlocked` says so once in the log.
"""

import logging
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from watermark import locks
from watermark.locks import Lock

_LENGTHS = struct.Struct(">II")
_LENGTH = struct.Struct(">I")
_START_SECONDS = 60.0
_PIECE = 1 << 20
_FORBIDDEN = getattr(signal, "SIGSYS", None)
_READY, _READY_UNLOCKED = b"+", b"-"
_log = logging.getLogger("mydata.confinement")
_said = threading.Event()


def warn_unlocked(stand: frozenset[Lock] | None = None) -> None:
    """Say in the log, once in a process, that children are not locked (`stand`: by what they are; None: look)."""
    if Lock.FILTER not in (locks.offered() if stand is None else stand) and not _said.is_set():
        _said.set()
        _log.warning("untrusted files are read without a filter of system calls: this system has or allows none")


class Broken(StrEnum):
    """Why a child gave no answer: it took too long, the file brought it down, or it never stood."""

    TIMEOUT = "timeout"
    TOO_COMPLEX = "too_complex"
    UNAVAILABLE = "unavailable"


class ConfinedError(Exception):
    """A child gave no answer; `why` says how it ended. Nothing of the file is in it."""

    def __init__(self, why: Broken) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may take.

    Seconds by the clock (its parent looks) and of CPU for a file, address space beyond what it has when it is ready,
    bytes of an answer, files before it is replaced.
    """

    timeout_s: float
    cpu_s: int
    memory_bytes: int
    answer_bytes: int
    files: int


class Confined:
    """One child process. Safe to share between threads; files are read one after another."""

    def __init__(self, module: str, limits: Limits) -> None:
        """`module` has a function `serve()` that calls this module's `serve`; it is imported in the child."""
        self._module = module
        self._limits = limits
        self._worker: subprocess.Popen[bytes] | None = None
        self._served = 0
        self._lock = threading.Lock()

    def ask(self, data: bytes, label: bytes = b"") -> bytes:
        """What the child answers to one file. Raises ConfinedError; the next file gets a new child then."""
        with self._lock:
            try:
                return self._ask(data, label)
            except BaseException:
                self._stop()
                raise

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, data: bytes, label: bytes) -> bytes:
        if self._served >= self._limits.files:
            self._stop()
        worker = self._worker or self._start()
        self._served += 1
        deadline = time.monotonic() + self._limits.timeout_s
        try:
            _send(worker, _LENGTHS.pack(len(label), len(data)) + label, deadline)
            _send(worker, data, deadline)
            (length,) = _LENGTH.unpack(_receive(worker, _LENGTH.size, deadline))
            if length > self._limits.answer_bytes:
                raise ConfinedError(Broken.TOO_COMPLEX)
            return _receive(worker, length, deadline)
        except (EOFError, BrokenPipeError) as error:
            worker.kill()
            ended = -worker.wait()
            if ended == _FORBIDDEN:
                _log.error("a file had its reader ask the system for what no reader needs; the reader was ended")
            raise ConfinedError(Broken.TIMEOUT if ended == signal.SIGXCPU else Broken.TOO_COMPLEX) from error

    def _start(self) -> subprocess.Popen[bytes]:
        # -I: neither environment nor the working directory decide what is imported; the paths are this process's own.
        code = f"import sys; sys.path[:] = {sys.path!r}; from {self._module} import serve; serve()"
        try:
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
        except OSError as error:  # no room for a process, or no descriptor left
            raise ConfinedError(Broken.UNAVAILABLE) from error
        self._worker, self._served = worker, 0
        try:
            ready = _receive(worker, 1, time.monotonic() + _START_SECONDS)
        except (EOFError, ConfinedError) as error:
            # Whatever it was, it was not the file, which nobody has read yet.
            raise ConfinedError(Broken.UNAVAILABLE) from error
        if ready == _READY_UNLOCKED:
            warn_unlocked(frozenset())
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


def _wait(pipe: int, events: int, deadline: float) -> None:
    # Not `select.select`, which takes no descriptor above 1023: a service under load has such.
    left = deadline - time.monotonic()
    waiting = select.poll()
    waiting.register(pipe, events)
    if left <= 0 or not waiting.poll(left * 1000):
        raise ConfinedError(Broken.TIMEOUT)


def _send(worker: subprocess.Popen[bytes], data: bytes, deadline: float) -> None:
    pipe = _pipe(worker.stdin).fileno()
    view = memoryview(data)
    while view:
        _wait(pipe, select.POLLOUT, deadline)
        view = view[os.write(pipe, view[: 1 << 16]) :]


def _receive(worker: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
    pipe = _pipe(worker.stdout).fileno()
    parts: list[bytes] = []
    while count:
        _wait(pipe, select.POLLIN, deadline)
        part = os.read(pipe, min(count, _PIECE))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def serve(answer: Callable[[bytes, bytes], bytes], warm_up: Callable[[], None], limits: Limits) -> None:
    """The child: read requests from standard input until it ends. Not called in the parent.

    `warm_up` imports and initialises everything while files can still be opened; `answer` is given a file and its
    label, and raises nothing.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a library prints must not pass for an answer
        os.dup2(null, stream)
    warm_up()
    stand = _lock_down(limits.memory_bytes)
    answers.write(_READY if Lock.FILTER in stand else _READY_UNLOCKED)
    answers.flush()
    while True:
        head = requests.read(_LENGTHS.size)
        if len(head) < _LENGTHS.size:
            return
        label_length, data_length = _LENGTHS.unpack(head)
        label = requests.read(label_length)
        _allow_cpu(limits.cpu_s)
        found = answer(requests.read(data_length), label)
        answers.write(_LENGTH.pack(len(found)))
        answers.write(found)
        answers.flush()


def _lock_down(memory_bytes: int) -> frozenset[Lock]:
    """Set the limits, then the locks, of which it says which stand. The limits alone confine nobody who writes code.

    A descriptor that is closed makes room for another one, and much needs none.
    """
    import resource

    held = 0
    if sys.platform == "linux":
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    lowest_free = os.dup(0)
    os.close(lowest_free)
    stand = locks.lock_files()
    # No number is left for a new file or socket, for what a library would open by itself where nothing else refuses it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, lowest_free))
    if sys.platform == "linux":  # elsewhere the address space cannot be bounded this way; time still is
        limit = held + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return stand | locks.lock_calls()


def _allow_cpu(seconds: int) -> None:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))

"""What the machine gives: load, flush-to-disk latency, and the memory of processes while they work."""

import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PAGE = 4096
SAMPLE_S = 0.05
Say = Callable[[str], None]
"""Tells the reader what is going on."""


def describe() -> dict[str, object]:
    """Cores, load, processor and Python, so that a figure can be judged later."""
    one, five, fifteen = os.getloadavg()
    return {
        "cores": os.cpu_count(),
        "load_1_5_15_min": [round(one, 2), round(five, 2), round(fifteen, 2)],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
    }


def fsync_latencies_ms(folder: Path, count: int) -> list[float]:
    """Milliseconds that each of `count` writes of 4 KiB, each followed by fsync, took in `folder`."""
    path = folder / "fsync.probe"
    page = os.urandom(PAGE)
    taken = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(count):
            begun = time.perf_counter()
            os.write(descriptor, page)
            os.fsync(descriptor)
            taken.append((time.perf_counter() - begun) * 1000)
    finally:
        os.close(descriptor)
        path.unlink()
    return taken


def interpreter_ms(times: int = 15) -> float:
    """Milliseconds that a fixed loop of Python takes, the median of `times`.

    A core that other guests of the same host keep busy is slower without any load showing here: figures of one run
    compare only where this one does.
    """
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        seen: dict[int, int] = {}
        for number in range(100_000):
            seen[number & 1023] = seen.get(number & 1023, 0) + number
        taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)[times // 2]


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used; what other programs do leaves it nearly as it is."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@dataclass(slots=True)
class MemoryWatch:
    """Peak resident memory in MB by name of process; a process's own children (the reader of suspects) apart."""

    processes: dict[str, int]
    peak_mb: dict[str, float] = field(default_factory=dict)

    def sample(self) -> None:
        """Look once."""
        for name, pid in self.processes.items():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                self._note(name, process)
                for child in process.children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        self._note(f"{name}: child", child)

    def _note(self, name: str, process: psutil.Process) -> None:
        held = process.memory_info().rss / 2**20
        self.peak_mb[name] = max(held, self.peak_mb.get(name, 0.0))


@contextmanager
def watching(processes: dict[str, int]) -> Iterator[MemoryWatch]:
    """Sample the processes' memory twenty times a second while the block runs."""
    watch = MemoryWatch(processes)
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(SAMPLE_S):
            watch.sample()

    thread = threading.Thread(target=run, name="memory", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()
        watch.sample()

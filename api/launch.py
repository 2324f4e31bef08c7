"""`mydata up`: starts devnet, worker and service as children, watches them, and stops them together.

What an operator runs under systemd or a container platform are the same three commands; this supervisor is the
one-command form. A child that ends is started again (with a growing pause); everything it knew is on disk.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import httpx

from api import lifeline
from api.errors import ApiError, Kind

READY_TIMEOUT_S = 90.0
IN_USE = 75  # EX_TEMPFAIL: what a child needs is still in somebody's use
RESTART_PAUSE_S = (0.5, 1.0, 2.0, 5.0, 10.0)
SERVICE, GIVES_WAY = "service", 5


@dataclass(slots=True)
class Child:
    """One supervised process: its name, module and arguments, environment, log file, how often it was started again."""

    name: str
    module: list[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    next_start: float = 0.0

    def start(self) -> None:
        """Start the process in a group of its own, so that a terminal's Ctrl-C reaches only the supervisor.

        It ends with the supervisor, also where that is killed.
        """
        with self.log.open("ab") as log:
            self.process = lifeline.start(self.module, env=self.env, stdout=log, stderr=log, start_new_session=True)
        if self.name != SERVICE:
            # People wait for the service and for nobody else; on one machine the others give way to it.
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.process.pid, GIVES_WAY)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def ended_with(self) -> int | None:
        """The code of a process that has ended."""
        return None if self.process is None else self.process.poll()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ask it to end, then insist."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Stack:
    """The children of one data directory, started in order of dependence."""

    data_dir: Path
    env: dict[str, str]
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def add(self, name: str, *arguments: str) -> Child:
        """Register and start `python -m <arguments>`."""
        logs = self.data_dir / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        child = Child(name, list(arguments), self.env, logs / f"{name}.log")
        child.start()
        self.children.append(child)
        return child

    def watch(self, poll_s: float = 0.5) -> None:
        """Start again what ends, until `stop`."""
        while not self.stopping:
            for child in self.children:
                if child.running or self.stopping:
                    continue
                now = time.monotonic()
                if child.next_start == 0.0:
                    pause = RESTART_PAUSE_S[min(child.restarts, len(RESTART_PAUSE_S) - 1)]
                    child.next_start = now + pause
                    child.restarts += 1
                elif now >= child.next_start:
                    child.next_start = 0.0
                    child.start()
            time.sleep(poll_s)

    def stop(self) -> None:
        """Stop in reverse order: the service first, so that nothing new is promised while the rest goes down."""
        self.stopping = True
        for child in reversed(self.children):
            child.stop()


def stop_on_signals(stack: Stack) -> None:
    """SIGTERM and SIGINT end the watch; the caller's `finally` stops the children."""

    def handle(_signum: int, _frame: FrameType | None) -> None:
        stack.stopping = True

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def end_on_sigterm() -> None:
    """SIGTERM ends this process as an exception does, so that whatever it started is stopped and removed."""

    def handle(_signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, handle)


def free_port(preferred: int, host: str = "127.0.0.1") -> int:
    """`preferred` where nobody listens there, else any free port."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ApiError("launch.no_port", Kind.UNAVAILABLE)


def child_environment(data_dir: Path, **settings: str | int) -> dict[str, str]:
    """The environment of the children: this process's own, plus settings as MYDATA_ variables."""
    return {
        # glibc gives eight threads up to sixteen heaps, each with what its largest document once took.
        "MALLOC_ARENA_MAX": "2",
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "MYDATA_DATA_DIR": str(data_dir),
        **{f"MYDATA_{name.upper()}": str(value) for name, value in settings.items()},
    }


def wait_until(ready: Callable[[], bool], child: Child, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Poll until `ready`; `launch.child_failed` if the child ends first or time runs out. Its log says why."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if child.ended_with == IN_USE and time.monotonic() < deadline:
            # Whoever held it was killed with its supervisor and is ending just now; or will not, then time runs out.
            time.sleep(RESTART_PAUSE_S[0])
            child.start()
        if not child.running or time.monotonic() > deadline:
            raise ApiError("launch.child_failed", Kind.UNAVAILABLE, child=child.name)
        time.sleep(0.05)


def file_appears(path: Path) -> Callable[[], bool]:
    """True once the file is there and not empty."""
    return lambda: path.is_file() and path.stat().st_size > 0


def answers(url: str) -> Callable[[], bool]:
    """True once the address answers with 200."""

    def probe() -> bool:
        try:
            return httpx.get(url, timeout=2.0, trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    return probe

"""The run's PostgreSQL server: started by the first test that wants it, shared by all workers, gone with the run.

It sorts by the rules of Chinese (ICU) where it can, as a city's own server may: whatever relies on the order of bytes
must say so itself.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import IO

import psutil
import pytest

from api.demo.postgres import Server, missing
from api.errors import ApiError

LOCALE = "zh-Hans-CN"
_FILE = "postgres.json"
_ALIVE = "alive.lock"
_held: list[IO[bytes]] = []


def run_root(config: pytest.Config) -> Path:
    """The directory that all workers of this run share."""
    base: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # as xdist itself does
    return base.parent if hasattr(config, "workerinput") else base


def hold(root: Path) -> None:
    """Say that this run lives, until its first process is no more: then the server's guard ends the server."""
    lock = (root / _ALIVE).open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX)
    _held.append(lock)


def shared(root: Path) -> Server:
    """The run's server; skips the test that asks where there can be none."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with (root / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = root / _FILE
        if not known.exists():
            server = new_server(alive=root / _ALIVE)
            server.start()
            assert server.process is not None and server.guard is not None
            pids = {"pid": server.process.pid, "guard": server.guard.pid}
            # Not this process's to wait for: the run's first process ends both, after all workers.
            server.process.returncode = server.guard.returncode = 0
            known.write_text(json.dumps({"folder": str(server.folder), **pids}))
        return Server(Path(json.loads(known.read_text())["folder"]))


def new_server(alive: Path | None = None, **settings: str) -> Server:
    """A server of a test's own, not started yet; for tests that kill it."""
    try:
        return Server.create(locale=LOCALE, alive=alive, **settings)
    except ApiError:  # older than 15, or built without ICU
        return Server.create(alive=alive, **settings)


def end(root: Path) -> None:
    """Stop the run's server, if there was one, and the run."""
    _stop(root)
    for lock in _held:
        lock.close()


def _stop(root: Path) -> None:
    known = root / _FILE
    if not known.exists():
        return
    document = json.loads(known.read_text())
    known.unlink()
    with contextlib.suppress(ProcessLookupError):
        os.kill(document["guard"], signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(document["pid"])
        os.kill(process.pid, signal.SIGINT)
        deadline = time.monotonic() + 30
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.02)
    shutil.rmtree(document["folder"], ignore_errors=True)

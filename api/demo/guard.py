"""Ends a temporary PostgreSQL server whose owner is no more, and deletes its directory.

`python -m api.demo.guard FOLDER [LOCK]`. The owner ended when its lifeline does (`api.lifeline`), or, where a lock's
path is given, when the lock can be had: then several processes own the server together, one of which holds the lock.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from api.lifeline import GIVEN

PATIENCE_S = 30.0


def main() -> None:
    """Wait, then clean up. SIGTERM ends the guard alone: its owner has cleaned up by itself."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to everybody
    if len(sys.argv) > 2:
        with Path(sys.argv[2]).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
    else:
        os.read(int(os.environ[GIVEN]), 1)
    end(folder)


def end(folder: Path) -> None:
    """End the server of a directory, if one runs, and delete the directory."""
    pid = _pid(folder)
    if pid is not None:
        # SIGQUIT ends all of a server's processes at once, without a last checkpoint: nobody will read it again.
        for how, patience_s in ((signal.SIGQUIT, PATIENCE_S), (signal.SIGKILL, 0.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
            deadline = time.monotonic() + patience_s
            while _pid(folder) == pid and _lives(pid) and time.monotonic() < deadline:
                time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


def _pid(folder: Path) -> int | None:
    """The server's process, as it says itself."""
    try:
        return int((folder / "data" / "postmaster.pid").read_text("utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()

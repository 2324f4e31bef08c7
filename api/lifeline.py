"""Children that end with their parent, however that ends: also by SIGKILL, which nobody can answer.

The parent keeps the writing end of a pipe and every child inherits the reading end. Nothing is ever written: when the
parent is gone, the system closes the pipe, the child reads its end, asks itself to stop as SIGTERM does, and is gone
after `GRACE_S` in any case. That works on every Unix. Linux's PR_SET_PDEATHSIG would not do: it fires when the thread
that started the child ends, not the process.

`python -m api.lifeline MODULE ARGUMENTS…` runs a module so; its own children inherit nothing of it.
"""

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

GIVEN = "MYDATA_LIFELINE_FD"
"""The environment variable that names the reading end to a child."""

GRACE_S = 10.0
_ends: list[tuple[int, int]] = []
_making = threading.Lock()


def _reading_end() -> int:
    """The reading end of this process's pipe, whose writing end it keeps until it is no more."""
    with _making:
        if not _ends:
            _ends.append(os.pipe())  # neither end is inherited but where it is passed on by name
    return _ends[0][0]


def given(environment: Mapping[str, str]) -> tuple[dict[str, str], tuple[int, ...]]:
    """An environment and the descriptors to pass on, for a child that calls `watch`."""
    end = _reading_end()
    return {**environment, GIVEN: str(end)}, (end,)


def start(
    module: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    start_new_session: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `python -m <module and arguments>` as a child that ends with this process."""
    environment, ends = given(os.environ if env is None else env)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and modules
        [sys.executable, "-m", "api.lifeline", *module],
        env=environment,
        pass_fds=ends,
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=start_new_session,
    )


def watch() -> None:
    """End with whoever started this process, if it gave a lifeline; else nothing."""
    named = os.environ.pop(GIVEN, None)
    if named is not None:
        end = int(named)
        os.set_inheritable(end, False)
        threading.Thread(target=_wait, args=(end,), name="lifeline", daemon=True).start()


def _wait(end: int) -> None:
    with contextlib.suppress(OSError):
        os.read(end, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(128 + signal.SIGTERM)


def main() -> None:
    """Run a module as its own `__main__`, with what follows as its arguments."""
    watch()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

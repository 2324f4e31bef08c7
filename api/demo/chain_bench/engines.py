"""Engines for the benchmark: each `python -m devnet …` as a child, with the contracts and their parties on it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api import launch, lifeline

ENGINES = ("embedded", "anvil", "geth")
START_S = 120.0
GETH_NODES = 4


class EngineMissingError(Exception):
    """The engine cannot run here; the text says why."""


@contextmanager
def running(name: str, folder: Path) -> Iterator[str]:
    """The engine's JSON-RPC address while the block runs. Raises `EngineMissingError`."""
    folder.mkdir(parents=True, exist_ok=True)
    ready, said = folder / "ready", folder / "log"
    line = ["devnet", name, "--port", "0", "--ready-file", str(ready)]
    if name != "anvil":
        line += ["--data", str(folder / "chain")]
    if name == "geth":
        line += ["--nodes", str(GETH_NODES)]
    with said.open("ab") as log:
        process = lifeline.start(line, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + START_S
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                raise EngineMissingError(last[0] if last else f"{name} did not start")
            time.sleep(0.05)
        yield ready.read_text(encoding="utf-8").split()[0]
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(launch.READY_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

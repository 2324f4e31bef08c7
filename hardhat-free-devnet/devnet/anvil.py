"""The anvil engine: finds the binary, starts it with this network's rules, says when it is ready.

Fast, and able to be reorganised, but not durable: for tests and fault injection, never for data that matters.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from devnet.ready import announce

START_S = 20.0
STOP_S = 5.0
_POLL_S = 0.05
_PACKAGES = "node_modules/@foundry-rs/anvil-*/bin/anvil"


class AnvilMissingError(Exception):
    """No anvil binary was found; the text says where it was looked for."""


class AnvilFailedError(Exception):
    """anvil ended, or did not answer in time."""


def find() -> Path:
    """The binary: $ANVIL, else on PATH, else an npm package (scripts/install_anvil's, or in a node_modules above).

    Raises `AnvilMissingError`.
    """
    named = os.environ.get("ANVIL")
    if named:
        if os.access(named, os.X_OK) and Path(named).is_file():
            return Path(named)
        raise AnvilMissingError(f"ANVIL names {named}, which is no executable file")
    on_path = shutil.which("anvil")
    if on_path is not None:
        return Path(on_path)
    for folder in _folders():
        for candidate in sorted(folder.glob(_PACKAGES)):
            if os.access(candidate, os.X_OK):
                return candidate
    raise AnvilMissingError(
        "no anvil: set ANVIL, put it on PATH, or run scripts/install_anvil (npm package @foundry-rs/anvil-<platform>)"
    )


def _folders() -> Iterator[Path]:
    project = Path(__file__).resolve().parents[2]
    yield project / "build" / "npm"
    yield project
    here = Path.cwd()
    yield from (here, *here.parents)


def command(binary: Path, *, host: str, port: int, chain_id: int, interval_s: float) -> list[str]:
    """The command line: London, free gas, no funded accounts, as the embedded engine has it."""
    line = [str(binary), "--quiet", "--host", host, "--port", str(port), "--chain-id", str(chain_id)]
    line += ["--hardfork", "london", "--gas-price", "0", "--base-fee", "0", "--accounts", "0", "--order", "fifo"]
    if interval_s:
        line += ["--block-time", f"{interval_s:g}"]
    return line


def run(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    chain_id: int = 777001,
    interval_s: float = 0.0,
    ready_file: Path | None = None,
) -> None:
    """Run anvil until it ends or SIGTERM or SIGINT comes. Raises `AnvilMissingError` or `AnvilFailedError`."""
    binary = find()
    port = port or _free_port(host)
    url = f"http://{host}:{port}"
    child = subprocess.Popen(  # noqa: S603 - the binary is the operator's choice, the rest are numbers and constants
        command(binary, host=host, port=port, chain_id=chain_id, interval_s=interval_s), stdin=subprocess.DEVNULL
    )
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        child.terminate()

    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, stop)
    try:
        _await_answer(child, url, chain_id)
        announce(url, chain_id, ready_file)
        sys.stderr.write("anvil engine, for development only: it keeps nothing\n")
        child.wait()
    except AnvilFailedError:
        if not stopped:
            raise
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
    if not stopped:
        raise AnvilFailedError(f"anvil ended with code {child.returncode}")


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(child: subprocess.Popen[bytes], url: str, chain_id: int) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own http URL
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise AnvilFailedError(f"anvil ended with code {child.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=1.0) as response:  # noqa: S310 - our own http URL
                answered = json.load(response).get("result")
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(_POLL_S)
            continue
        if answered == hex(chain_id):
            return
        break
    raise AnvilFailedError(f"chain {chain_id} did not answer on {url} within {START_S:g} s")

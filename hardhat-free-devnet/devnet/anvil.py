"""The anvil engine: finds the binary, starts it with this network's rules, says when it is ready.

Fast, and able to be reorganised, but not durable: for tests and fault injection, never for data that matters.
"""

import ctypes
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
from collections.abc import Callable, Iterator
from pathlib import Path

from devnet.ready import announce

START_S = 20.0
STOP_S = 5.0
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.05
_LOOK_S = 1.0
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
        command(binary, host=host, port=port, chain_id=chain_id, interval_s=interval_s),
        stdin=subprocess.DEVNULL,
        preexec_fn=_end_with_parent(),  # noqa: PLW1509 - it calls one function of the C library, found beforehand
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
        _watch(child, url, mines_itself=not interval_s)
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


def _watch(child: subprocess.Popen[bytes], url: str, *, mines_itself: bool) -> None:
    """Wait for anvil's end, and make it mine where it has forgotten to.

    Mining on arrival, anvil may miss transactions that came close together and leave them in its pool until the next
    one arrives (foundry issue 10122). Two looks at the same head with something ready tell; a pause of mining that
    somebody has asked for is left alone.
    """
    before = None
    while True:
        try:
            child.wait(_LOOK_S if mines_itself else None)
        except subprocess.TimeoutExpired:
            head = _left_behind(url)
            if head is not None and head == before:
                _ask(url, "evm_mine")
            before = head
        else:
            return


def _left_behind(url: str) -> object:
    """The number of the newest block, where transactions are ready that mining on arrival should have taken."""
    status = _ask(url, "txpool_status")
    if (
        not isinstance(status, dict)
        or status.get("pending") in {None, "0x0"}
        or _ask(url, "anvil_getAutomine") is not True
    ):
        return None
    return _ask(url, "eth_blockNumber")


def _ask(url: str, method: str) -> object:
    """One call's result; None where there is no answer or an error."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own http URL
    try:
        with urllib.request.urlopen(request, timeout=_LOOK_S) as response:  # noqa: S310 - our own http URL
            answer: dict[str, object] = json.load(response)
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return answer.get("result")


def _end_with_parent() -> Callable[[], None] | None:
    """On Linux, what a child does so that the kernel ends it with this process, also where that is killed.

    It ends with the thread that started it; here that is the main thread, which waits for it.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(child: subprocess.Popen[bytes], url: str, chain_id: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise AnvilFailedError(f"anvil ended with code {child.returncode}")
        answered = _ask(url, "eth_chainId")
        if answered is None:
            time.sleep(_POLL_S)
            continue
        if answered == hex(chain_id):
            return
        break
    raise AnvilFailedError(f"chain {chain_id} did not answer on {url} within {START_S:g} s")

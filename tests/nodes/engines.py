"""Engines for tests: each started as its own process, as a user starts it, and reached by JSON-RPC over HTTP.

    with engines.embedded(tmp_path) as engine:
        engine.rpc("eth_chainId")

`start_embedded` and `start_anvil` return a running `Engine`, which its caller must stop. Without a binary `start_anvil`
raises `EngineMissingError`; `anvil_missing()` is the reason for a skip, or None.
"""

import atexit
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api import lifeline
from devnet import anvil

CHAIN_ID = 777001
START_S = 30.0
STOP_S = 15.0


class EngineMissingError(Exception):
    """The engine's program is not on this machine."""


class EngineFailedError(Exception):
    """The engine ended or did not get ready; its standard error is in the text."""


class RpcRefusedError(Exception):
    """An error answer."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: Any = error.get("data")


@dataclass
class Engine:
    """A running node. `name` is `embedded` or `anvil`; `log` holds its standard error."""

    name: str
    url: str
    chain_id: int
    process: subprocess.Popen[bytes]
    log: Path
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of a raw POST."""
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def rpc(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `RpcRefusedError` for an error answer."""
        answer = self._answer({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)})
        if "error" in answer:
            raise RpcRefusedError(answer["error"])
        return answer["result"]

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results of one batch in the order of `calls`; a refused one is its `RpcRefusedError`, not a raise."""
        requests = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": list(params)}
            for index, (method, params) in enumerate(calls)
        ]
        answers = {answer["id"]: answer for answer in self._answer(requests)}
        return [
            RpcRefusedError(answers[index]["error"]) if "error" in answers[index] else answers[index]["result"]
            for index in range(len(calls))
        ]

    def _answer(self, request: object) -> Any:
        status, body = self.post(json.dumps(request).encode())
        if status != 200:
            raise EngineFailedError(f"status {status}: {body[:200]!r}")
        return json.loads(body)

    def receipt(self, tx_hash: str, timeout_s: float = 20.0) -> dict[str, Any]:
        """Wait for a transaction's receipt."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            receipt = self.rpc("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(0.01)
        raise EngineFailedError(f"no receipt within {timeout_s} s\n{self.log.read_text()[-2000:]}")

    def stop(self) -> int:
        """End it with SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(STOP_S)

    def kill(self) -> None:
        """End it, and its children, with SIGKILL."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_S)

    @property
    def rss_bytes(self) -> int:
        """Resident memory of the engine's process (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024


def start_embedded(data_dir: Path, *, chain_id: int = CHAIN_ID, interval_s: float = 0.0) -> Engine:
    """The embedded engine on the chain in `data_dir`, which it creates if need be."""
    arguments = ["--data", str(data_dir), "--interval", str(interval_s)]
    return _start("embedded", arguments, chain_id)


def start_anvil(*, chain_id: int = CHAIN_ID, interval_s: float = 0.0) -> Engine:
    """A fresh anvil. Raises `EngineMissingError` where there is none."""
    reason = anvil_missing()
    if reason is not None:
        raise EngineMissingError(reason)
    return _start("anvil", ["--interval", str(interval_s)], chain_id)


def anvil_missing() -> str | None:
    """Why anvil cannot run here, or None."""
    try:
        anvil.find()
    except anvil.AnvilMissingError as missing:
        return str(missing)
    return None


def _start(name: str, arguments: Sequence[str], chain_id: int) -> Engine:
    scratch = Path(tempfile.mkdtemp(prefix="devnet-test-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)  # the log is read after the engine's end
    ready, log = scratch / "url", scratch / "stderr"
    line = [
        "devnet",
        name,
        "--port",
        "0",
        "--chain-id",
        str(chain_id),
        "--ready-file",
        str(ready),
    ]
    with log.open("wb") as stderr:
        process = lifeline.start([*line, *arguments], stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)
    deadline = time.monotonic() + START_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            if process.poll() is None:
                process.kill()
                process.wait()
            raise EngineFailedError(f"{name} did not get ready, code {process.returncode}: {log.read_text()}")
        time.sleep(0.02)
    return Engine(name, ready.read_text(), chain_id, process, log)


@contextmanager
def embedded(data_dir: Path, *, chain_id: int = CHAIN_ID, interval_s: float = 0.0) -> Iterator[Engine]:
    """`start_embedded`, stopped at the end unless it has ended already."""
    with _ending(start_embedded(data_dir, chain_id=chain_id, interval_s=interval_s)) as engine:
        yield engine


@contextmanager
def anvil_engine(*, chain_id: int = CHAIN_ID, interval_s: float = 0.0) -> Iterator[Engine]:
    """`start_anvil`, stopped at the end unless it has ended already."""
    with _ending(start_anvil(chain_id=chain_id, interval_s=interval_s)) as engine:
        yield engine


@contextmanager
def _ending(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        if engine.process.poll() is None:
            engine.stop()

"""Real engines as child processes: `python -m devnet embedded|anvil`, with the contracts on them."""

import hashlib
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from api import lifeline
from chain import calls
from chain.deploy import Deployment, deploy
from chain.identity import ChainIdentity
from chain.node import Web3Node
from chain.signer import LocalSigner

CHAIN_ID = 777001
START_S = 30.0


@dataclass
class Engine:
    """One devnet process; `start` and `kill` may alternate, on the same port and directory."""

    name: str
    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        line = ["devnet", self.name, "--port", str(self.port), "--chain-id", str(CHAIN_ID)]
        line += ["--ready-file", str(ready)]
        if self.name == "embedded":
            line += ["--data", str(self.folder / "chain")]
        with (self.folder / "log").open("ab") as log:
            # A group of its own: anvil is a child of the devnet process and must die with it.
            self.process = lifeline.start(line, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_S
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)
        self.port = int(ready.read_text().rsplit(":", 1)[1])

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, how)
            self.process.wait(timeout=20)
            self.process = None


@dataclass
class World:
    """A running engine with our contracts, an operator and a department that have no other use for their keys."""

    engine: Engine
    node: Web3Node
    deployment: Deployment
    operator: LocalSigner
    department: LocalSigner
    admins: tuple[LocalSigner, LocalSigner]
    identity: ChainIdentity = field(init=False)

    def __post_init__(self) -> None:
        self.identity = self.deployment.identity()

    def address(self, name: str) -> bytes:
        return self.deployment.addresses[name]


def key(label: str) -> LocalSigner:
    return LocalSigner(hashlib.sha256(label.encode()).digest())


def proposal(label: str, role: calls.Role, account: bytes) -> calls.PartyProposal:
    metadata = hashlib.sha256(b"published " + label.encode()).digest()
    return calls.PartyProposal(hashlib.sha256(label.encode()).digest(), role, account, bytes(32), metadata)


def settle(engine: Engine, timeout_s: float = 60.0) -> World:
    """Deploy on a running engine, with one operator and one department."""
    node = Web3Node(engine.url, timeout_s=20.0)
    operator, department, admins = key("operator"), key("department"), (key("admin 1"), key("admin 2"))
    parties = [
        proposal("operator", calls.Role.OPERATOR, operator.address),
        proposal("department", calls.Role.DEPARTMENT, department.address),
    ]
    deployment = deploy(node, key("deployer"), admins, parties, engine=engine.name, timeout_s=timeout_s)
    return World(engine, node, deployment, operator, department, admins)


class LossyProxy:
    """A TCP relay on loopback. While `swallow` is set, requests reach the node and the answers are lost."""

    def __init__(self, target_port: int) -> None:
        self.swallow = threading.Event()
        self.swallowed = 0
        self._target = target_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as node:
            for end in (client, node):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._answers, args=(node, client), daemon=True)
            back.start()
            with suppress(OSError):
                while data := client.recv(65536):
                    node.sendall(data)
                node.shutdown(socket.SHUT_WR)
            back.join(timeout=5)

    def _answers(self, node: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := node.recv(65536):
                if self.swallow.is_set():
                    self.swallowed += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

"""The geth engine: a real network of several sealers (Clique) on one machine, without fees.

What differs from geth's defaults, and why:

- v1.13.15 is the last release that seals blocks by itself (Clique).
- Rules up to Berlin: no base fee at all. With London rules and a base fee of 0, one block that is more than half full
  would make it 1, and it would never come down again.
- The price below which a sealer leaves transactions out cannot be 0 by option (geth puts its default in its place), so
  it is set over IPC before the node seals. Transactions come at price 0.
- `archive`: each block's state is written with it. Otherwise states stay in memory, and nodes that are all killed at
  once would fall back by many blocks. It also answers calls at any block.
- Nobody is discovered: the nodes are told of one another, and talk on loopback alone.

Clique wants more than half of the sealers: of four one may be away, with two away the chain stands until one is back.
Blocks may be reorganised, so whoever reads events waits for confirmations.
"""

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from eth_keys.datatypes import PrivateKey

from devnet.geth_genesis import BLOCK_GAS_LIMIT, GethFailedError, create

START_S = 60.0
STOP_S = 20.0
IPC_S = 20.0
MAX_NODES = 16
QUIET_POLLS = 10
_POLL_S = 0.1
_Arguments = ParamSpec("_Arguments")
_HOST = "127.0.0.1"


class GethMissingError(Exception):
    """No geth binary was found; the text says where it was looked for."""


def find() -> Path:
    """The binary: $GETH, else what scripts/install_geth built, else on PATH. Raises `GethMissingError`."""
    named = os.environ.get("GETH")
    if named:
        if os.access(named, os.X_OK) and Path(named).is_file():
            return Path(named)
        raise GethMissingError(f"GETH names {named}, which is no executable file")
    built = Path(__file__).resolve().parents[2] / "build" / "go" / "geth"
    if os.access(built, os.X_OK):
        return built
    on_path = shutil.which("geth")
    if on_path is not None:
        return Path(on_path)
    raise GethMissingError("no geth: set GETH, put v1.13.15 on PATH, or run scripts/install_geth (needs Go)")


@dataclass
class Node:
    """One sealer: its keys and places, and its process while it runs."""

    number: int
    folder: Path
    sealer: bytes
    enode_id: str
    http_port: int
    p2p_port: int
    ipc: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where JSON-RPC answers over HTTP."""
        return f"http://{_HOST}:{self.http_port}"

    @property
    def enode(self) -> str:
        """The address by which other nodes reach this one."""
        return f"enode://{self.enode_id}@{_HOST}:{self.p2p_port}?discport=0"

    def ask(self, method: str, *params: object) -> Any:  # noqa: ANN401 - whatever JSON the node answers
        """One call over IPC, where the namespaces `admin`, `miner` and `clique` are open. Raises `GethFailedError`."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(IPC_S)
                line.connect(str(self.ipc))
                line.sendall(body + b"\n")
                answer = b""
                while not answer.endswith(b"\n"):
                    part = line.recv(65_536)
                    if not part:
                        break
                    answer += part
            said = json.loads(answer)
        except (OSError, ValueError) as failed:
            raise GethFailedError(f"node {self.number} does not answer {method}: {failed}") from failed
        if "error" in said:
            raise GethFailedError(f"node {self.number} refuses {method}: {said['error'].get('message')}")
        return said["result"]


def _one_hand(
    act: Callable[Concatenate["Network", _Arguments], None],
) -> Callable[Concatenate["Network", _Arguments], None]:
    """The act under the network's lock."""

    @functools.wraps(act)
    def locked(network: "Network", /, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> None:
        with network.lock:
            act(network, *arguments, **named)

    return locked


@dataclass
class Network:
    """Sealers whose chain lies in `folder`; made by `network`."""

    binary: Path
    folder: Path
    chain_id: int
    nodes: list[Node]
    _ipc: tempfile.TemporaryDirectory[str] = field(repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    """Held while nodes are started, stopped, joined or parted: one hand at a time."""
    _dialled: dict[frozenset[int], int] = field(default_factory=dict, repr=False)  # who dialled last, by pair

    @_one_hand
    def start(self, numbers: Iterable[int] | None = None) -> None:
        """Start these nodes (all by default), join them to those that run, and let them seal."""
        chosen = [self.nodes[number] for number in (range(len(self.nodes)) if numbers is None else numbers)]
        for node in chosen:
            with (node.folder / "log").open("ab") as log:
                node.process = subprocess.Popen(  # noqa: S603 - the operator's binary, numbers and own paths
                    self._command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
        for node in chosen:
            self._await(node)
        self.join([node.number for node in chosen])
        for node in chosen:
            node.ask("miner_setGasPrice", "0x0")
            node.ask("miner_start")

    @_one_hand
    def stop(self, numbers: Iterable[int] | None = None, how: int = signal.SIGTERM) -> None:
        """End these nodes (all by default) and wait for their end; SIGKILL is allowed, for the state is on disk."""
        chosen = [self.nodes[number] for number in (range(len(self.nodes)) if numbers is None else numbers)]
        running = [(node, node.process) for node in chosen if node.process is not None]
        for _, process in running:
            process.send_signal(how)
        for node, process in running:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            node.process = None

    def close(self) -> None:
        """Stop everything and remove the sockets; the chain stays in `folder`."""
        self.stop()
        self._ipc.cleanup()

    def running(self) -> list[Node]:
        """The nodes whose process has not ended."""
        return [node for node in self.nodes if node.process is not None and node.process.poll() is None]

    @_one_hand
    def join(self, numbers: Iterable[int]) -> None:
        """Connect these nodes with all that run, and keep them connected.

        A node does not dial another one again within 35 s of the last time. So the other side dials each time.
        """
        for one in (self.nodes[number] for number in numbers):
            for other in self.running():
                if other is one or connected(one, other):
                    continue
                pair = frozenset((one.number, other.number))
                dials, waits = (other, one) if self._dialled.get(pair) == one.number else (one, other)
                dials.ask("admin_addPeer", waits.enode)
                self._dialled[pair] = dials.number

    @_one_hand
    def part(self, numbers: Iterable[int]) -> None:
        """Cut the connections between these nodes and all the others, and do not dial them again.

        A dial that was on its way when its peer was removed still connects; so this goes on until all is quiet.
        Raises `GethFailedError` where that does not come about.
        """
        side = set(numbers)
        pairs = [(one, other) for one in self.running() for other in self.running() if one.number in side]
        pairs = [(one, other) for one, other in pairs if other.number not in side]
        for one, other in pairs:
            one.ask("admin_removePeer", other.enode)
            other.ask("admin_removePeer", one.enode)
        deadline, quiet = time.monotonic() + START_S, 0
        while quiet < QUIET_POLLS:
            if time.monotonic() > deadline:
                raise GethFailedError("the nodes stay connected")
            quiet += 1
            for one, other in pairs:
                if connected(one, other):
                    quiet = 0
                    one.ask("admin_removePeer", other.enode)
                    other.ask("admin_removePeer", one.enode)
            time.sleep(2 * _POLL_S)

    @_one_hand
    def step_back(self, numbers: Iterable[int], block: int) -> None:
        """Make these nodes forget what lies above `block`, so that they take the others' chain.

        The way out where a network that was split in halves of equal weight stands after it was joined: each half then
        waits for a sealer of the other, which Clique does not resolve. What was in the forgotten blocks is sent again.
        The nodes are started anew, for a peer that remembers what another one once told of its head asks it for that
        head and for nothing else, also when the other one has forgotten it.
        """
        chosen = list(numbers)
        for number in chosen:
            self.nodes[number].ask("miner_stop")
            self.nodes[number].ask("debug_setHead", hex(block))
        self.stop(chosen)
        self.start(chosen)

    def _await(self, node: Node) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if node.process is None or node.process.poll() is not None:
                raise GethFailedError(f"node {node.number} ended: {_tail(node.folder / 'log')}")
            try:
                if node.ask("eth_chainId") == hex(self.chain_id):
                    return
            except GethFailedError:
                time.sleep(_POLL_S)
                continue
            raise GethFailedError(f"node {node.number} has another chain id than {self.chain_id}")
        raise GethFailedError(f"node {node.number} did not answer within {START_S:g} s: {_tail(node.folder / 'log')}")

    def _command(self, node: Node) -> list[str]:
        sealer = "0x" + node.sealer.hex()
        line = [str(self.binary), "--datadir", str(node.folder), "--networkid", str(self.chain_id)]
        line += ["--syncmode", "full", "--gcmode", "archive", "--state.scheme", "hash", "--snapshot=false"]
        line += ["--cache", "128", "--verbosity", "2", "--ipcpath", str(node.ipc)]
        line += ["--nodekey", str(node.folder / "nodekey"), "--port", str(node.p2p_port), "--nodiscover"]
        line += ["--nat", "none", "--netrestrict", "127.0.0.0/8", "--maxpeers", str(2 * MAX_NODES)]
        line += ["--http", "--http.addr", _HOST, "--http.port", str(node.http_port), "--http.api", "eth,net,web3"]
        line += ["--authrpc.port", "0", "--rpc.txfeecap", "0"]
        line += ["--unlock", sealer, "--password", str(self.folder / "password"), "--allow-insecure-unlock"]
        line += ["--miner.etherbase", sealer, "--miner.gaslimit", str(BLOCK_GAS_LIMIT)]
        # A relay offers its whole window at once.
        line += ["--txpool.accountslots", "1024", "--txpool.accountqueue", "4096"]
        line += ["--txpool.globalslots", "16384", "--txpool.globalqueue", "16384"]
        return line


def network(
    folder: Path,
    *,
    nodes: int = 4,
    port: int = 0,
    chain_id: int = 777001,
    period_s: int = 1,
    binary: Path | None = None,
) -> Network:
    """The network in `folder`, made there if it is new; nothing runs yet.

    Node i answers on `port` + i; with port 0 each has a free one. Raises `GethMissingError`, `GethFailedError`.
    """
    binary = binary or find()
    if not 1 <= nodes <= MAX_NODES:
        raise GethFailedError(f"1 to {MAX_NODES} nodes, not {nodes}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "genesis.json").is_file():
        create(folder, nodes, chain_id, period_s, binary)
    genesis = json.loads((folder / "genesis.json").read_text("utf-8"))
    sealers = [bytes.fromhex(text) for text in json.loads((folder / "sealers.json").read_text("utf-8"))]
    if genesis["config"]["chainId"] != chain_id or len(sealers) != nodes:
        raise GethFailedError(f"{folder} holds chain {genesis['config']['chainId']} of {len(sealers)} nodes")
    # A socket's path may have 107 characters, which a data directory's easily exceeds.
    sockets = tempfile.TemporaryDirectory(prefix="geth-")
    ports = _free_ports(2 * nodes)
    made = [
        Node(
            number=number,
            folder=folder / f"node{number}",
            sealer=sealer,
            enode_id=_public(bytes.fromhex((folder / f"node{number}" / "nodekey").read_text("ascii"))),
            http_port=port + number if port else ports[number],
            p2p_port=ports[nodes + number],
            ipc=Path(sockets.name) / str(number),
        )
        for number, sealer in enumerate(sealers)
    ]
    return Network(binary, folder, chain_id, made, sockets)


def connected(one: Node, other: Node) -> bool:
    """Whether `one` counts `other` among its peers. Raises `GethFailedError`."""
    return any(f"//{other.enode_id}@" in peer["enode"] for peer in one.ask("admin_peers"))


def _public(secret: bytes) -> str:
    return PrivateKey(secret).public_key.to_bytes().hex()


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server((_HOST, 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _tail(path: Path) -> str:
    return path.read_text("utf-8", "replace")[-1_000:] if path.is_file() else ""

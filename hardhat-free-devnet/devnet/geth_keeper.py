"""Sets a Clique network going again that is whole and yet stands.

Two sealers that seal the same height at about the same time make two blocks of equal weight. Each then prefers its own
and waits for a sealer who waits for the other one, which Clique does not resolve. On a busy machine, where blocks take
longer to their peers than the sealers' random wait differs, that comes about by chance, most easily at the start.
"""

import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from devnet.geth import Network, Node, connected
from devnet.geth import network as make_network
from devnet.geth_genesis import GethFailedError
from devnet.ready import announce

STANDS_S = 20.0
"""How long a chain of a block a second stands before somebody steps back."""

_LOOK_S = 2.0


@dataclass(frozen=True)
class _Head:
    node: Node
    number: int
    hash: str
    weight: int


def mend(network: Network) -> list[int]:
    """Let those that are on a lighter branch step back to where it parted from the heaviest; their numbers.

    Looks at the largest group of connected nodes. Of branches of equal weight the one of the lowest node stays. Nothing
    is done where all are of one mind. What stood in the forgotten blocks is offered again by whoever sent it. Raises
    `GethFailedError`.
    """
    with network.lock:
        heads = [_head(node) for node in _group(network)]
        if not heads:
            return []
        kept = max(heads, key=lambda head: (head.weight, -head.node.number))
        back = [head for head in heads if head.hash != kept.hash]
        if back:
            network.step_back([head.node.number for head in back], min(_parting(head, kept) for head in back))
        return [head.node.number for head in back]


class Keeper:
    """Looks after a network until it is left: `with Keeper(network): ...`.

    It steps in only where more than half of the sealers are connected, their heads differ, and none has grown for
    `stands_s` seconds.
    """

    def __init__(self, network: Network, stands_s: float = STANDS_S) -> None:
        self.mended = 0
        self._network = network
        self._stands_s = stands_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="geth-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        heads: dict[int, str] = {}
        since = time.monotonic()
        while not self._done.wait(_LOOK_S):
            try:
                with self._network.lock:
                    seen = {node.number: _head(node).hash for node in self._network.running()}
                    if seen != heads or not self._is_split():
                        heads, since = seen, time.monotonic()
                    elif time.monotonic() - since > self._stands_s:
                        self.mended += len(mend(self._network))
                        heads, since = {}, time.monotonic()
            except GethFailedError:
                # A node that is being stopped or started does not answer; the next look tells.
                since = time.monotonic()

    def _is_split(self) -> bool:
        group = _group(self._network)
        return 2 * len(group) > len(self._network.nodes) and len({_head(node).hash for node in group}) > 1


def _group(network: Network) -> list[Node]:
    """The largest set of running nodes that reach one another."""
    left = {node.number: node for node in network.running()}
    largest: list[Node] = []
    while left:
        group = [left.pop(min(left))]
        for one in group:
            reached = [number for number, node in left.items() if connected(one, node)]
            group += map(left.pop, reached)
        largest = max(largest, group, key=len)
    return largest


def _block(node: Node, at: str) -> dict[str, Any]:
    found = node.ask("eth_getBlockByNumber", at, False)
    if found is None:
        raise GethFailedError(f"node {node.number} has no block {at}")
    return dict(found)


def _head(node: Node) -> _Head:
    block = _block(node, "latest")
    return _Head(node, int(block["number"], 16), block["hash"], int(block["totalDifficulty"], 16))


def _parting(one: _Head, other: _Head) -> int:
    """The highest block that both branches share."""
    at = min(one.number, other.number)
    while at > 0 and _block(one.node, hex(at))["hash"] != _block(other.node, hex(at))["hash"]:
        at -= 1
    return at


def run(
    folder: Path,
    *,
    nodes: int = 4,
    port: int = 0,
    chain_id: int = 777001,
    period_s: int = 1,
    ready_file: Path | None = None,
) -> None:
    """Run the network until SIGTERM or SIGINT comes or its last node ends.

    Raises `GethMissingError`, `GethFailedError`.
    """
    done = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: done.set())
    net = make_network(folder, nodes=nodes, port=port, chain_id=chain_id, period_s=period_s)
    try:
        net.start()
        for node in net.nodes:
            sys.stderr.write(f"node {node.number}: {node.url} sealer 0x{node.sealer.hex()} ipc {node.ipc}\n")
        sys.stderr.write("geth engine, Clique: reorgs happen, wait for confirmations\n")
        announce(net.nodes[0].url, chain_id, ready_file)
        up = set(range(nodes))
        with Keeper(net, STANDS_S * period_s):
            while not done.wait(_LOOK_S / 20) and up:
                with net.lock:  # not while the keeper has some of them stopped
                    ended = up - {node.number for node in net.running()}
                for number in sorted(ended):
                    sys.stderr.write(f"node {number} has ended; the others go on\n")
                up -= ended
        if not up:
            raise GethFailedError("every node has ended")
    finally:
        net.close()

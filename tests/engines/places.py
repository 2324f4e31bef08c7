"""An engine with the contracts on it, whichever engine it is: what the suite runs against."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chain.calls import Role
from chain.deploy import admit_party
from chain.errors import NodeError
from chain.node import Web3Node
from chain.signer import LocalSigner
from devnet import geth
from devnet.geth_genesis import GethFailedError
from devnet.geth_keeper import Keeper
from tests.chain_effects.engines import CHAIN_ID, Engine, World, key, proposal, settle

PATIENCE_S = 180.0


@dataclass
class Place:
    """A deployed world, with the confirmations that its engine needs; `network` where there are several nodes."""

    world: World
    confirmations: int
    network: geth.Network | None = None

    @property
    def name(self) -> str:
        return self.world.engine.name

    @property
    def node(self) -> Web3Node:
        return self.world.node

    def party(self, label: str, role: Role) -> LocalSigner:
        """A new party of this role, admitted by both administrators."""
        signer = key(label)
        admit_party(
            self.node, self.world.deployment, self.world.admins, proposal(label, role, signer.address), timeout_s=120.0
        )
        return signer


@dataclass
class GethEngine:
    """What `settle` wants to know of an engine."""

    network: geth.Network
    name: str = "geth"

    @property
    def url(self) -> str:
        return self.network.nodes[0].url

    @property
    def port(self) -> int:
        return self.network.nodes[0].http_port


def one_process(name: str, folder: Path) -> Place:
    """The embedded engine or anvil; to be killed by its owner."""
    engine = Engine(name, folder)
    engine.start()
    return Place(settle(engine), confirmations=0)


@contextmanager
def four_sealers(folder: Path) -> Iterator[Place]:
    """Four geth nodes on this machine, kept going, the contracts deployed through the first."""
    network = geth.network(folder, nodes=4, chain_id=CHAIN_ID)
    try:
        network.start()
        with Keeper(network):
            yield Place(settle(GethEngine(network), timeout_s=PATIENCE_S), confirmations=3, network=network)
    finally:
        network.close()


def eventually(say: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until `say` holds; a node that does not answer just now says nothing."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            if say():
                return
        except (NodeError, GethFailedError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"not within {patience_s:g} s: {what}")


def height(node: geth.Node) -> int:
    return int(node.ask("eth_blockNumber"), 16)


def grows(node: geth.Node, by: int = 3) -> Callable[[], bool]:
    began = height(node)
    return lambda: height(node) >= began + by


def at_one(network: geth.Network) -> bool:
    """Whether all nodes agree on a block a little below the lowest head, and none is far from another."""
    heads = [height(node) for node in network.nodes]
    at = hex(max(0, min(heads) - 2))
    hashes = {node.ask("eth_getBlockByNumber", at, False)["hash"] for node in network.nodes}
    return max(heads) - min(heads) <= 3 and len(hashes) == 1

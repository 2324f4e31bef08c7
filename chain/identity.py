"""Which chain this is: chain id, genesis, contracts by address and code hash. A wrong one halts; nothing else does."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chain.errors import NodeError, RpcReason, WrongChainError
from chain.ports import Node


@dataclass(frozen=True, slots=True)
class ContractIdentity:
    """A deployed contract: 20-byte address and SHA-256 of its runtime code, as the trust file names them."""

    address: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """What must hold of a node before anything that it says is believed.

    `contracts` maps PartyRegistry, CertificateAnchors, Grants and ReceiptLog to where they stand;
    `first_block` is the first block that can hold their events.
    """

    chain_id: int
    genesis_hash: bytes
    contracts: Mapping[str, ContractIdentity]
    first_block: int = 0

    def address(self, name: str) -> bytes:
        """The 20-byte address of the contract called `name`; KeyError where the identity has none."""
        return self.contracts[name].address

    def check(self, node: Node) -> None:
        """Compare with what the node says now.

        Raises:
            WrongChainError: another chain id, another genesis, or a contract without its code.
            NodeError: the node does not answer; nothing is known.

        """
        chain_id = node.chain_id()
        if chain_id != self.chain_id:
            raise WrongChainError(f"chain id is {chain_id}, expected {self.chain_id}")
        try:
            genesis = node.block(0).hash
        except NodeError as error:
            if error.reason is RpcReason.NOT_FOUND:
                raise WrongChainError("the node has no block 0") from error
            raise
        if genesis != self.genesis_hash:
            raise WrongChainError(f"genesis is 0x{genesis.hex()}, expected 0x{self.genesis_hash.hex()}")
        for name, contract in self.contracts.items():
            found = code_hash(node.code(contract.address))
            if found != contract.code_hash:
                raise WrongChainError(f"{name} at 0x{contract.address.hex()} has code hash 0x{found.hex()}")


class ChainGuard:
    """Checks an identity at most once in `interval_s` seconds of `clock`, so that every step may ask for it."""

    def __init__(
        self,
        node: Node,
        identity: ChainIdentity,
        *,
        clock: Callable[[], float] = time.monotonic,
        interval_s: float = 2.0,
    ) -> None:
        self._node = node
        self._identity = identity
        self._clock = clock
        self._interval_s = interval_s
        self._held_at: float | None = None

    def check(self, *, now: bool = False) -> None:
        """Raise what `ChainIdentity.check` raises; `now` asks the node whatever the last answer's age."""
        if not now and self._held_at is not None and self._clock() - self._held_at < self._interval_s:
            return
        self._held_at = None
        asked_at = self._clock()
        self._identity.check(self._node)
        self._held_at = asked_at


def code_hash(runtime_code: bytes) -> bytes:
    """SHA-256 of a contract's runtime code, the form in which a trust file pins it."""
    return hashlib.sha256(runtime_code).digest()

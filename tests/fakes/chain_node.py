"""A chain in memory behind the `Node` port: pools, nonces, blocks, reorgs, and two contracts by their Python model.

It is there for what a real engine cannot be made to do on demand (reorg of any depth, a pool that forgets); everything
else is tested on real engines too. Contracts: CertificateAnchors.anchor without its roles, ReceiptLog.append with its
compare-and-swap and its proof check.
"""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import rlp
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_utils.crypto import keccak

from chain.calls import _function
from chain.errors import NodeError, ProofError, RpcReason
from chain.identity import ChainIdentity, ContractIdentity, code_hash
from chain.merkle import EMPTY_ROOT, verify_consistency
from chain.ports import BlockRef, LogEntry, TxReceipt

CODES = {name: f"code of {name}".encode() for name in ("PartyRegistry", "CertificateAnchors", "Grants", "ReceiptLog")}
ADDRESSES = {name: hashlib.sha256(name.encode()).digest()[:20] for name in CODES}
ANCHORED = keccak(b"Anchored(address,bytes32,uint64)")
APPENDED = keccak(b"CheckpointAppended(bytes32,uint64,uint32)")
ANCHOR = _function("CertificateAnchors", "anchor")
APPEND = _function("ReceiptLog", "append")
HEAD = _function("ReceiptLog", "head")


def revert_bytes(signature: str, *values: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return keccak(signature.encode())[:4] + (encode(types.split(","), values) if types else b"")


class RevertedError(Exception):
    def __init__(self, data: bytes) -> None:
        self.data = data


@dataclass
class Tx:
    raw: bytes
    hash: bytes
    sender: bytes
    nonce: int
    to: bytes
    data: bytes
    gas: int
    gas_price: int = 0


@dataclass
class State:
    nonces: dict[bytes, int] = field(default_factory=dict)
    anchors: set[tuple[bytes, bytes]] = field(default_factory=set)
    size: int = 0
    root: bytes = EMPTY_ROOT

    def run(self, sender: bytes, to: bytes, data: bytes, time_s: int) -> list[tuple[tuple[bytes, ...], bytes]]:
        """The events of a call, or `RevertedError`; the state is changed only when it returns."""
        if to == ADDRESSES["CertificateAnchors"] and data[:4] == ANCHOR.selector:
            roots, sizes = decode(ANCHOR.inputs, data[4:])
            for root in roots:
                if (sender, root) in self.anchors:
                    raise RevertedError(revert_bytes("AlreadyAnchored(address,bytes32)", sender, root))
            self.anchors.update((sender, root) for root in roots)
            return [
                ((ANCHORED, bytes(12) + sender, root), encode(["uint64"], [size]))
                for root, size in zip(roots, sizes, strict=True)
            ]
        if to == ADDRESSES["ReceiptLog"] and data[:4] == APPEND.selector:
            old_size, old_root, new_size, new_root, proof = decode(APPEND.inputs, data[4:])
            if (old_size, old_root) != (self.size, self.root):
                raise RevertedError(revert_bytes("StaleHead(uint64,bytes32)", self.size, self.root))
            try:
                verify_consistency(old_size, old_root, new_size, new_root, proof)
            except ProofError:
                raise RevertedError(revert_bytes("InconsistentProof()")) from None
            self.size, self.root = new_size, new_root
            return [((APPENDED, new_root), encode(["uint64", "uint32"], [new_size, 1]))]
        if to == sender and not data:
            return []
        raise RevertedError(b"")


@dataclass
class Block:
    ref: BlockRef
    txs: list[Tx]
    receipts: list[TxReceipt]
    logs: list[LogEntry]


def _fits(log: LogEntry, topics: Sequence[Sequence[bytes]]) -> bool:
    if len(log.topics) < len(topics):
        return False
    return all(not choices or topic in choices for topic, choices in zip(log.topics, topics, strict=False))


class FakeNode:
    """`Node` over a chain in memory. `auto_mine` mines after every send, as anvil does."""

    CHAIN_ID = 777001

    def __init__(self, *, auto_mine: bool = True, seed: bytes = b"") -> None:
        self.auto_mine = auto_mine
        self.seed = seed
        self.codes = {ADDRESSES[name]: code for name, code in CODES.items()}
        self.blocks: list[Block] = []
        self.pool: dict[bytes, Tx] = {}
        self.sent = 0
        self.price = 0
        self._salt = 0
        self._cached: tuple[bytes, State] = (b"", State())
        self._append([])

    def identity(self, first_block: int = 0) -> ChainIdentity:
        contracts = {name: ContractIdentity(ADDRESSES[name], code_hash(code)) for name, code in CODES.items()}
        return ChainIdentity(self.CHAIN_ID, self.blocks[0].ref.hash, contracts, first_block)

    # What a test does to the chain

    def mine(self) -> int:
        """One block of everything in the pool that is next in its sender's order; the number of transactions."""
        state = self._state()
        chosen: list[Tx] = []
        while found := [tx for tx in self.pool.values() if tx.nonce == state.nonces.get(tx.sender, 0)]:
            for tx in found:
                chosen.append(self.pool.pop(tx.hash))
                state.nonces[tx.sender] = tx.nonce + 1
        self._append(chosen)
        return len(chosen)

    def reorg(self, depth: int, *, grow: int = 0) -> None:
        """Drop `depth` blocks with their transactions and put `depth + grow` empty ones in their place."""
        del self.blocks[len(self.blocks) - depth :]
        self._salt += 1
        for _ in range(depth + grow):
            self._append([])

    def forget_pool(self) -> None:
        self.pool.clear()

    # Node

    def chain_id(self) -> int:
        return self.CHAIN_ID

    def block_number(self) -> int:
        return len(self.blocks) - 1

    def block(self, number: int) -> BlockRef:
        if not 0 <= number < len(self.blocks):
            raise NodeError(RpcReason.NOT_FOUND)
        return self.blocks[number].ref

    def headers(self, first: int, last: int) -> list[BlockRef]:
        return [self.block(number) for number in range(first, last + 1)]

    def gas_price(self) -> int:
        return self.price

    def client(self) -> str:
        return "Fake/1"

    def code(self, address: bytes, block: int | None = None) -> bytes:
        return self.codes.get(address, b"")

    def nonce(self, address: bytes) -> int:
        return self._state().nonces.get(address, 0)

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None) -> bytes:
        state = self._state(block)
        if data[:4] == HEAD.selector:
            return encode(HEAD.outputs, [state.size, state.root, 1, 0])
        try:
            state.run(sender or bytes(20), to, data, 0)
        except RevertedError as error:
            raise NodeError(RpcReason.REVERTED, "execution reverted", error.data) from None
        return b""

    def logs(
        self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Sequence[bytes]] = ()
    ) -> list[LogEntry]:
        found = [log for block in self.blocks[first : last + 1] for log in block.logs if log.address in addresses]
        return [log for log in found if _fits(log, topics)]

    def send_raw(self, raw: bytes) -> bytes:
        answer = self._accept(raw)
        if isinstance(answer, NodeError):
            raise answer
        return answer

    def send_raw_many(self, raws: Sequence[bytes]) -> list[bytes | NodeError]:
        return [self._accept(raw) for raw in raws]

    def receipt(self, tx_hash: bytes) -> TxReceipt | None:
        return next((r for block in self.blocks for r in block.receipts if r.tx_hash == tx_hash), None)

    def receipts(self, tx_hashes: Sequence[bytes]) -> list[TxReceipt | None]:
        known = {receipt.tx_hash: receipt for block in self.blocks for receipt in block.receipts}
        return [known.get(tx_hash) for tx_hash in tx_hashes]

    def _accept(self, raw: bytes) -> bytes | NodeError:
        self.sent += 1
        nonce, price, gas, to, _, data, *_ = rlp.decode(raw)
        sender = bytes.fromhex(Account.recover_transaction(raw)[2:])
        tx = Tx(
            raw,
            keccak(raw),
            sender,
            int.from_bytes(nonce, "big"),
            to,
            data,
            int.from_bytes(gas, "big"),
            int.from_bytes(price, "big"),
        )
        if tx.hash in self.pool:
            return NodeError(RpcReason.ALREADY_KNOWN)
        if tx.nonce < self.nonce(sender):
            return NodeError(RpcReason.NONCE_TOO_LOW)
        if tx.gas_price < self.price:
            return NodeError(RpcReason.UNDERPRICED)
        rivals = [other for other in self.pool.values() if (other.sender, other.nonce) == (sender, tx.nonce)]
        if any(tx.gas_price * 10 < other.gas_price * 11 or not tx.gas_price for other in rivals):
            return NodeError(RpcReason.REPLACEMENT)
        for other in rivals:
            del self.pool[other.hash]
        self.pool[tx.hash] = tx
        if self.auto_mine and tx.nonce == self.nonce(sender):
            self.mine()
        return tx.hash

    def _state(self, upto: int | None = None) -> State:
        """The state after block `upto`, by replay; a private copy."""
        if upto is None and self.blocks and self._cached[0] == self.blocks[-1].ref.hash:
            return copy.deepcopy(self._cached[1])
        state = State()
        for block in self.blocks if upto is None else self.blocks[: upto + 1]:
            for tx, receipt in zip(block.txs, block.receipts, strict=True):
                state.nonces[tx.sender] = tx.nonce + 1
                if receipt.succeeded:
                    state.run(tx.sender, tx.to, tx.data, block.ref.time_s)
        if upto is None and self.blocks:
            self._cached = (self.blocks[-1].ref.hash, copy.deepcopy(state))
        return state

    def _append(self, txs: list[Tx]) -> None:
        number = len(self.blocks)
        parent = self.blocks[-1].ref.hash if self.blocks else bytes(32)
        content = b"".join(tx.hash for tx in txs) + self._salt.to_bytes(8, "big") + self.seed
        block_hash = hashlib.sha256(parent + number.to_bytes(8, "big") + content).digest()
        block = Block(BlockRef(number, block_hash, parent, 1_700_000_000 + number), txs, [], [])
        state = self._state()
        for tx in txs:
            events, succeeded = [], True
            try:
                events = state.run(tx.sender, tx.to, tx.data, block.ref.time_s)
            except RevertedError:
                succeeded = False
            for topics, data in events:
                block.logs.append(LogEntry(tx.to, topics, data, number, block_hash, tx.hash, len(block.logs)))
            block.receipts.append(TxReceipt(tx.hash, number, block_hash, succeeded, 21_000, None))
        self.blocks.append(block)

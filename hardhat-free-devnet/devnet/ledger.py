"""The chain as the node reads it: its head, its headers, and its state at any block."""

import time

import rlp
from eth.abc import BlockHeaderAPI, SignedTransactionAPI, StateAPI
from eth.db.atomic import AtomicDB
from eth.exceptions import HeaderNotFound
from eth_typing import BlockNumber, Hash32

from devnet.rows import BlockRow, TransactionRow
from devnet.rules import chain_class, genesis_params
from devnet.store import Store, StoreError
from devnet.wire import SERVER_ERROR, RpcError, invalid, read_flag, read_hash, read_object, read_quantity

HEAD_TAGS = frozenset({"latest", "safe", "finalized"})


class Ledger:
    """Opens the chain in `store` at its head, or begins one. Raises `StoreError` when it has another chain id.

    One chain object reads what is committed, from any thread. The other, `writing`, belongs to whoever holds the
    miner's lock.
    """

    def __init__(self, store: Store, chain_id: int) -> None:
        self.store = store
        self.chain_id = chain_id
        chain = chain_class(chain_id)
        if store.meta("chain_id") is None:
            begun = chain.from_genesis(AtomicDB(store.pending), genesis_params(int(time.time())), {})
            genesis = begun.get_canonical_head()
            size = len(rlp.encode(begun.get_block_by_header(genesis)))
            store.commit(BlockRow(0, genesis.hash, size), meta=[("chain_id", str(chain_id))])
        elif store.meta("chain_id") != str(chain_id):
            raise StoreError(f"the chain in this directory has id {store.meta('chain_id')}, not {chain_id}")
        self._reading = chain(AtomicDB(store.committed))
        self.writing = chain(AtomicDB(store.pending))
        self.head: BlockHeaderAPI = self._reading.get_canonical_head()
        self.genesis_hash: Hash32 = self._reading.get_canonical_block_hash(BlockNumber(0))

    # -- headers

    def header_by_number(self, number: int) -> BlockHeaderAPI:
        """The canonical header at a height. Raises `RpcError` when there is none yet."""
        if number > self.head.block_number:
            raise RpcError(SERVER_ERROR, "header not found")
        return self._reading.get_canonical_block_header_by_number(BlockNumber(number))

    def header_by_hash(self, block_hash: Hash32) -> BlockHeaderAPI:
        """The header with a hash. Raises `RpcError` when there is none."""
        try:
            return self._reading.get_block_header_by_hash(block_hash)
        except HeaderNotFound:
            raise RpcError(SERVER_ERROR, "header not found") from None

    def next_header(self) -> BlockHeaderAPI:
        """The header that a block mined now would begin with: "pending" in a call."""
        head = self.head
        return self._reading.create_header_from_parent(
            head, timestamp=max(int(time.time()), head.timestamp), gas_limit=head.gas_limit
        )

    def header_at(self, block: object) -> BlockHeaderAPI:
        """The header that a block parameter means: a number, a tag, or an object of EIP-1898. Nothing means "latest".

        "safe" and "finalized" are the head: nothing here is ever undone. Raises `RpcError`.
        """
        if block is None or (isinstance(block, str) and block in HEAD_TAGS):
            return self.head
        if block == "pending":
            return self.next_header()
        if block == "earliest":
            return self.header_by_number(0)
        if isinstance(block, str):
            return self.header_by_number(read_quantity(block, "block"))
        named = read_object(block, "block")
        read_flag(named.get("requireCanonical", False), "requireCanonical")
        if set(named) == {"blockNumber"}:
            return self.header_by_number(read_quantity(named["blockNumber"], "blockNumber"))
        if set(named) <= {"blockHash", "requireCanonical"} and "blockHash" in named:
            return self.header_by_hash(read_hash(named["blockHash"], "blockHash"))
        raise invalid("block must name blockNumber or blockHash")

    # -- state and bodies

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """The state after `header`'s block, in that block's context. Private to the caller, never written back."""
        return self._reading.get_vm(header).state

    def mined(self, tx_hash: bytes) -> TransactionRow | None:
        """A mined transaction; one in a block above the head that was read is not there yet."""
        row = self.store.transaction(tx_hash)
        return row if row is not None and row.block <= self.head.block_number else None

    def transaction(self, row: TransactionRow) -> SignedTransactionAPI:
        """The transaction itself, from its block's trie."""
        return self._reading.get_canonical_transaction_by_index(BlockNumber(row.block), row.position)

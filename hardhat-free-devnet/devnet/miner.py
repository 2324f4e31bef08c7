"""Blocks: built from the pool, committed whole, by one thread at a time."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import rlp
from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, VirtualMachineAPI
from eth_utils.exceptions import ValidationError

from devnet.ledger import Ledger
from devnet.pool import Pool, Waiting
from devnet.rows import BlockRow, LogRow, TransactionRow
from devnet.rules import BLOCK_FILL_GAS
from devnet.views import contract_address, effective_gas_price

MAX_BLOCK_TRANSACTIONS = 1_000
MAX_BUILD_S = 1.0
RETRY_S = 0.5
MAX_STRIKES = 3
_WORD_BYTES = 32

log = logging.getLogger(__name__)


class _UnfitError(Exception):
    """One transaction stopped the block; the cause tells why."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.hash.hex())
        self.waiting = waiting


@dataclass(frozen=True, slots=True)
class _Applied:
    header: BlockHeaderAPI
    taken: Sequence[Waiting]
    receipts: Sequence[ReceiptAPI]


class Miner:
    """Mines whenever it is woken and something is ready; with `interval_s`, one block at most in that time.

    A failure never ends the thread and never empties the pool: the block is given up, what was in it stays queued, and
    the next attempt comes after `RETRY_S`. Only a transaction that the rules refuse leaves, or one that made the EVM
    itself fail `MAX_STRIKES` times.
    """

    def __init__(
        self, ledger: Ledger, pool: Pool, *, interval_s: float = 0.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._pool = pool
        self.interval_s = interval_s
        self._clock = clock
        self._mining = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._strikes: dict[bytes, int] = {}
        self.last_error: str | None = None
        self._thread = threading.Thread(target=self._work, name="miner", daemon=True)

    def start(self) -> None:
        """Begin to mine in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the block under construction and end the thread. What is queued is left to its senders."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Something was queued."""
        self._wake.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            while not self._stopping.wait(self.interval_s):
                try:
                    if self.mine() is None:
                        break
                except Exception as failed:
                    self.last_error = type(failed).__name__
                    log.exception("mining failed; the block is given up, the pool is kept")
                    self._stopping.wait(RETRY_S)

    def mine(self, *, allow_empty: bool = False) -> int | None:
        """Mine one block and return its number, or None when nothing is ready and it may not be empty.

        Before it returns the block is durable. Raises whatever stopped it; then nothing of the block remains.
        """
        with self._mining:
            while True:
                try:
                    return self._mine(allow_empty=allow_empty)
                except _UnfitError as unfit:
                    self._judge(unfit)
                finally:
                    self._ledger.store.rollback()

    def _mine(self, *, allow_empty: bool) -> int | None:
        ledger, parent = self._ledger, self._ledger.head
        header = ledger.writing.create_header_from_parent(
            parent, timestamp=max(int(self._clock()), parent.timestamp), gas_limit=parent.gas_limit
        )
        vm = ledger.writing.get_vm(header)
        applied = self._apply(vm, header)
        if not applied.taken and not allow_empty:
            return None
        transactions = tuple(waiting.transaction for waiting in applied.taken)
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(), applied.header, transactions, applied.receipts
        )
        block = vm.mine_block(filled).block
        ledger.writing.chaindb.persist_block(block)
        rows, logs = _rows(block, applied)
        ledger.store.commit(BlockRow(block.number, block.hash, len(rlp.encode(block))), rows, logs)
        with self._pool.lock:
            ledger.head = block.header
            self._pool.remove(applied.taken)
        for waiting in applied.taken:
            self._strikes.pop(waiting.hash, None)
        self.last_error = None
        return block.number

    def _apply(self, vm: VirtualMachineAPI, header: BlockHeaderAPI) -> _Applied:
        taken: list[Waiting] = []
        receipts: list[ReceiptAPI] = []
        promised = 0
        closes_at = time.monotonic() + MAX_BUILD_S
        for waiting in self._pool.ready(vm.state.get_nonce):
            promised += waiting.transaction.gas
            if promised > BLOCK_FILL_GAS or len(taken) == MAX_BLOCK_TRANSACTIONS or time.monotonic() > closes_at:
                break
            try:
                receipt, _ = vm.apply_transaction(header, waiting.transaction)
            except (sqlite3.Error, OSError, MemoryError):
                raise  # the machine's fault, not the transaction's
            except Exception as unfit:
                raise _UnfitError(waiting) from unfit
            header = vm.add_receipt_to_header(header, receipt)
            taken.append(waiting)
            receipts.append(receipt)
        return _Applied(header, taken, receipts)

    def _judge(self, unfit: _UnfitError) -> None:
        """Decide about a transaction that stopped a block; its block is built anew in any case."""
        waiting, cause = unfit.waiting, unfit.__cause__
        strikes = self._strikes[waiting.hash] = self._strikes.get(waiting.hash, 0) + 1
        refused = isinstance(cause, ValidationError)
        if refused or strikes >= MAX_STRIKES:
            del self._strikes[waiting.hash]
            self._pool.remove([waiting])
            log.warning("transaction 0x%s dropped: %s", waiting.hash.hex(), cause if refused else repr(cause))
            return
        log.error("transaction 0x%s made the EVM fail", waiting.hash.hex(), exc_info=cause)


def _rows(block: BlockAPI, applied: _Applied) -> tuple[list[TransactionRow], list[LogRow]]:
    rows: list[TransactionRow] = []
    logs: list[LogRow] = []
    before = 0
    for position, (waiting, receipt) in enumerate(zip(applied.taken, applied.receipts, strict=True)):
        transaction, first_log = waiting.transaction, len(logs)
        for event in receipt.logs:
            topics = tuple(topic.to_bytes(_WORD_BYTES, "big") for topic in event.topics)
            logs.append(LogRow(block.number, len(logs), position, waiting.hash, event.address, topics, event.data))
        rows.append(
            TransactionRow(
                hash=waiting.hash,
                block=block.number,
                position=position,
                sender=waiting.sender,
                recipient=transaction.to or None,
                contract=None if transaction.to else contract_address(waiting.sender, waiting.nonce),
                type=transaction.type_id or 0,
                gas_price=effective_gas_price(transaction),
                gas_used=receipt.gas_used - before,
                cumulative_gas=receipt.gas_used,
                succeeded=receipt.state_root == b"\x01",
                first_log=first_log,
                log_count=len(logs) - first_log,
            )
        )
        before = receipt.gas_used
    return rows, logs

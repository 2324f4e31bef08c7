"""Transactions that wait for a block: by sender, in nonce order, with gaps allowed and everything bounded.

The pool is in memory only. A client that must not lose a transaction keeps it and sends it again until it has a
receipt. A transaction leaves the pool only when its block is committed, or when the rules refuse it for good.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from eth.abc import SignedTransactionAPI
from eth_typing import Address, Hash32

MAX_TRANSACTIONS = 20_000
MAX_POOL_BYTES = 32 * 1024 * 1024
MAX_NONCE_AHEAD = 4096


class PoolRefusedError(Exception):
    """The pool does not take this transaction; the text is for the client, worded as geth words it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A checked transaction. `size` is the length of its raw form in bytes."""

    transaction: SignedTransactionAPI
    hash: Hash32
    sender: Address
    size: int

    @property
    def nonce(self) -> int:
        """The sender's nonce that it takes."""
        return self.transaction.nonce


class Pool:
    """All waiting transactions.

    `lock` also guards the step from one head to the next: a pending nonce is never computed from an old head and a pool
    already emptied.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._by_sender: OrderedDict[Address, dict[int, Waiting]] = OrderedDict()
        self._by_hash: dict[Hash32, Waiting] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    @property
    def size_bytes(self) -> int:
        """Raw bytes of all that waits."""
        return self._bytes

    @property
    def senders(self) -> int:
        """Senders with at least one waiting transaction."""
        return len(self._by_sender)

    def get(self, tx_hash: bytes) -> Waiting | None:
        """A waiting transaction by its hash."""
        with self.lock:
            return self._by_hash.get(Hash32(tx_hash))

    def add(self, waiting: Waiting, next_nonce: int) -> None:
        """Queue it; a nonce above `next_nonce` waits for the ones before it.

        Raises `PoolRefusedError` if it is queued already, its nonce is used, taken or too far ahead, or the pool is
        full. A taken nonce stays with the first: without fees nothing can outbid it.
        """
        with self.lock:
            if waiting.hash in self._by_hash:
                raise PoolRefusedError("already known")
            if waiting.nonce < next_nonce:
                raise PoolRefusedError(f"nonce too low: next nonce {next_nonce}, tx nonce {waiting.nonce}")
            if waiting.nonce > next_nonce + MAX_NONCE_AHEAD:
                raise PoolRefusedError(f"nonce too high: next nonce {next_nonce}, tx nonce {waiting.nonce}")
            queue = self._by_sender.get(waiting.sender, {})
            if waiting.nonce in queue:
                raise PoolRefusedError("replacement transaction underpriced")
            if len(self) >= MAX_TRANSACTIONS or self._bytes + waiting.size > MAX_POOL_BYTES:
                raise PoolRefusedError("txpool is full")
            queue[waiting.nonce] = waiting
            self._by_sender[waiting.sender] = queue
            self._by_hash[waiting.hash] = waiting
            self._bytes += waiting.size

    def remove(self, gone: Iterable[Waiting]) -> None:
        """Take out what a block holds or the rules refused. A sender just served goes behind the others."""
        with self.lock:
            for waiting in gone:
                if self._by_hash.pop(waiting.hash, None) is None:
                    continue
                self._bytes -= waiting.size
                queue = self._by_sender[waiting.sender]
                del queue[waiting.nonce]
                if queue:
                    self._by_sender.move_to_end(waiting.sender)
                else:
                    del self._by_sender[waiting.sender]

    def next_nonce(self, sender: Address, state_nonce: int) -> int:
        """The first nonce from `state_nonce` on that nothing queued takes."""
        with self.lock:
            queue = self._by_sender.get(sender, {})
            while state_nonce in queue:
                state_nonce += 1
            return state_nonce

    def ready(self, state_nonce: Callable[[Address], int]) -> Iterator[Waiting]:
        """What could go into a block now: for each sender the run of nonces that starts at its state's nonce."""
        with self.lock:
            senders = list(self._by_sender)
        for sender in senders:
            nonce = state_nonce(sender)
            while (waiting := self._at(sender, nonce)) is not None:
                yield waiting
                nonce += 1

    def _at(self, sender: Address, nonce: int) -> Waiting | None:
        with self.lock:
            return self._by_sender.get(sender, {}).get(nonce)

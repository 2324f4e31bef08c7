"""In-memory journal, log store and event sink that keep the ports' contracts to the letter."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from chain.merkle import BatchTree
from chain.ports import (
    BlockRef,
    ChainEvent,
    Cursor,
    Head,
    SignedTx,
    TxRow,
    TxState,
)


class MemoryJournal:
    """`TxJournal`; what it holds survives a "crash" of the relay, as a database would."""

    def __init__(self) -> None:
        self.rows: dict[str, TxRow] = {}
        self._lock = threading.Lock()

    def reserve(
        self, key: str, sender: bytes, to: bytes | None, sign: Callable[[int], SignedTx], *, first_nonce: int
    ) -> TxRow:
        with self._lock:
            if key in self.rows:
                return self.rows[key]
            used = [row.nonce for row in self.rows.values() if row.sender == sender]
            nonce = max(first_nonce, max(used, default=-1) + 1)
            tx = sign(nonce)
            row = TxRow(
                key, sender, nonce, to, tx.raw, tx.tx_hash, TxState.SIGNED, None, None, None, time.time_ns() // 10**6
            )
            self.rows[key] = row
            return row

    def unconfirmed(self, sender: bytes, limit: int) -> list[TxRow]:
        open_states = (TxState.SIGNED, TxState.SENT, TxState.MINED)
        with self._lock:
            rows = [row for row in self.rows.values() if row.sender == sender and row.state in open_states]
        return sorted(rows, key=lambda row: row.nonce)[:limit]

    def set_state(
        self,
        tx_hash: bytes,
        state: TxState,
        *,
        block_number: int | None = None,
        block_hash: bytes | None = None,
        error: str | None = None,
    ) -> None:
        with self._lock:
            key = next(key for key, row in self.rows.items() if row.tx_hash == tx_hash)
            row = self.rows[key]
            if row.state in (TxState.CONFIRMED, TxState.FAILED) and state is not row.state:
                raise AssertionError(f"{row.state} is final")
            self.rows[key] = replace(row, state=state, block_number=block_number, block_hash=block_hash, error=error)

    def reopen_above(self, number: int) -> None:
        with self._lock:
            for key, row in self.rows.items():
                if row.block_number is not None and row.block_number > number:
                    self.rows[key] = replace(row, state=TxState.SENT, block_number=None, block_hash=None, error=None)

    def get(self, key: str) -> TxRow | None:
        with self._lock:
            return self.rows.get(key)


class MemoryLog:
    """`LogStore` over leaf hashes in a list."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.checkpoints: dict[int, tuple[Head, str, str]] = {}

    def size(self) -> int:
        return len(self.leaves)

    def node(self, level: int, index: int) -> bytes:
        return BatchTree(self.leaves[index << level : (index + 1) << level]).root

    def last_checkpoint(self) -> Head | None:
        return self.checkpoints[max(self.checkpoints)][0] if self.checkpoints else None

    def add_checkpoint(self, head: Head, note: str, tx_key: str) -> None:
        self.checkpoints.setdefault(head.size, (head, note, tx_key))


class MemorySink:
    """`EventSink`; `events` is what stands applied now, `history` every cursor still remembered.

    `journal` shares its "database", so that a rewind opens transactions again.
    """

    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.journal = journal or MemoryJournal()
        self.events: list[ChainEvent] = []
        self.history: list[Cursor] = []

    def cursor(self) -> Cursor | None:
        return self.history[-1] if self.history else None

    def recent(self, limit: int) -> list[Cursor]:
        return self.history[::-1][:limit]

    def apply(self, events: Sequence[ChainEvent], upto: BlockRef) -> None:
        cursor = self.cursor()
        low = -1 if cursor is None else cursor.number
        assert all(low < event.block.number <= upto.number for event in events), "outside the range"
        self.events.extend(events)
        self.history.append(Cursor(upto.number, upto.hash))

    def rewind(self, to: Cursor | None) -> None:
        number = -1 if to is None else to.number
        self.history = [cursor for cursor in self.history if cursor.number <= number]
        self.events = [event for event in self.events if event.block.number <= number]
        self.journal.reopen_above(number)

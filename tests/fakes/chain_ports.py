"""In-memory journal, log store and event sink that keep the ports' contracts to the letter."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from chain.merkle import BatchTree
from chain.ports import (
    BlockRef,
    ChainEvent,
    Cursor,
    Head,
    SignedTx,
    TxCall,
    TxChange,
    TxRow,
    TxState,
)


class MemoryJournal:
    """`TxJournal`; what it holds survives a "crash" of the relay, as a database would."""

    def __init__(self) -> None:
        self.rows: dict[str, TxRow] = {}
        self.changes: dict[str, list[TxChange]] = {}
        self.leading = True
        self._lock = threading.Lock()

    def lead(self, sender: bytes) -> bool:
        return self.leading

    def reserve(self, key: str, sender: bytes, call: TxCall, *, first_nonce: int) -> TxRow:
        with self._lock:
            if key in self.rows:
                return self.rows[key]
            return self._insert(key, sender, self._next(sender, first_nonce), 0, call)

    def signed(self, key: str, tx: SignedTx) -> TxRow:
        with self._lock:
            if self.rows[key].state is TxState.PREPARED:
                self._put(replace(self.rows[key], raw=tx.raw, tx_hash=tx.tx_hash, state=TxState.SIGNED))
            return self.rows[key]

    def replace(self, old: TxRow, key: str, call: TxCall, *, error: str, first_nonce: int | None) -> TxRow:
        with self._lock:
            if key not in self.rows:
                if first_nonce is None:
                    same = [
                        row.bump for row in self.rows.values() if (row.sender, row.nonce) == (old.sender, old.nonce)
                    ]
                    self._insert(key, old.sender, old.nonce, max(same) + 1, call)
                else:
                    self._insert(key, old.sender, self._next(old.sender, first_nonce), 0, call)
            self._put(replace(self.rows[old.key], state=TxState.REPLACED, error=error, replaced_by=key))
            return self.rows[key]

    def unconfirmed(self, sender: bytes, limit: int) -> list[TxRow]:
        final = (TxState.CONFIRMED, TxState.REPLACED, TxState.FAILED)
        with self._lock:
            mine = sorted(
                (row for row in self.rows.values() if row.sender == sender), key=lambda row: (row.nonce, row.bump)
            )
        rows = [row for row in mine if row.state not in final][:limit]
        if rows:
            rows += [row for row in mine if row.state is TxState.REPLACED and row.nonce >= rows[0].nonce]
        return sorted(rows, key=lambda row: (row.nonce, row.bump))

    def set_state(
        self,
        row: TxRow,
        state: TxState,
        *,
        block_number: int | None = None,
        block_hash: bytes | None = None,
        error: str | None = None,
    ) -> bool:
        with self._lock:
            found = self.rows[row.key]
            if found.state is not row.state:
                return False
            if found.state in (TxState.CONFIRMED, TxState.FAILED) and state is not found.state:
                raise AssertionError(f"{found.state} is final")
            self._put(replace(found, state=state, block_number=block_number, block_hash=block_hash, error=error))
            return True

    def history(self, key: str) -> list[TxChange]:
        return self.changes.get(key, [])

    def reopen_above(self, number: int) -> None:
        with self._lock:
            for row in list(self.rows.values()):
                if row.block_number is not None and row.block_number > number:
                    self._put(replace(row, state=TxState.SENT, block_number=None, block_hash=None, error=None))

    def _next(self, sender: bytes, first_nonce: int) -> int:
        used = [row.nonce for row in self.rows.values() if row.sender == sender]
        return max(first_nonce, max(used, default=-1) + 1)

    def _insert(self, key: str, sender: bytes, nonce: int, bump: int, call: TxCall) -> TxRow:
        raw, at_ms = call.encode(nonce), time.time_ns() // 10**6
        row = TxRow(key, sender, nonce, bump, call.to, raw, b"", TxState.PREPARED, None, None, None, None, at_ms)
        self._put(row)
        return row

    def _put(self, row: TxRow) -> None:
        self.rows[row.key] = row
        change = TxChange(row.state, time.time_ns() // 10**6, row.block_number, row.error)
        self.changes.setdefault(row.key, []).append(change)

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

    def apply(self, events: Sequence[ChainEvent], upto: BlockRef, trail: Sequence[BlockRef] = ()) -> None:
        cursor = self.cursor()
        low = -1 if cursor is None else cursor.number
        assert all(low < event.block.number <= upto.number for event in events), "outside the range"
        self.events.extend(events)
        assert all(low < block.number < upto.number for block in trail), "outside the range"
        self.history.extend(Cursor(block.number, block.hash) for block in (*trail, upto))

    def rewind(self, to: Cursor | None) -> None:
        number = -1 if to is None else to.number
        self.history = [cursor for cursor in self.history if cursor.number <= number]
        self.events = [event for event in self.events if event.block.number <= number]
        self.journal.reopen_above(number)

"""Events from the chain into a sink: confirmed, in order, each once.

The sink's cursor is the newest applied block with its hash. A range is applied only if its blocks hang on one another
by their parents' hashes down to the cursor's block, and its last one is the same before and after its events were
read. So a reorg is seen at the latest on the next step, and undone by `EventSink.rewind` to the last block that both
chains have, for the sink remembers every block near the head.

What a crash means: before `apply` commits, the range is read again; after it, the cursor has moved with the events.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chain.errors import NodeError, RpcReason, WrongChainError
from chain.events import EventReader
from chain.identity import ChainGuard, ChainIdentity
from chain.points import reached
from chain.ports import BlockRef, ChainEvent, Cursor, EventSink, LogEntry, Node

RECENT_BLOCKS = 1024
TRAIL_BLOCKS = 128
"""So many blocks below a range's last one are remembered by hash: deeper than any reorg that is not an outage."""

RESET = "chain.reset"
ROLLED_BACK = "chain.rolled_back"
_ASK_LESS = frozenset({RpcReason.TOO_LARGE, RpcReason.REJECTED})


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one `Indexer.step` did.

    `cursor` is the newest applied block, None before the first; `rewound` counts blocks undone; `behind` the confirmed
    blocks that are still to be read, 0 when up to date; `time_s` is the time of the cursor's block, if it moved.
    """

    head: int
    cursor: int | None
    events: int = 0
    rewound: int = 0
    behind: int = 0
    time_s: int | None = None


class Indexer:
    """Follows the contracts of `identity`, `confirmations` blocks behind the head.

    One thread at a time; two indexers on one sink would be told apart by the sink only.

    Args:
        node: where to read.
        sink: what takes the events, one database transaction a range.
        identity: which chain and contracts; checked every `identity_interval_s` and at every doubt.
        confirmations: blocks on top of a block before it is applied (0 where the engine never reorganises).
        max_blocks: blocks read in one step; halved where the node finds a range too large.
        clock: seconds, monotonic.
        identity_interval_s: how long an identity that held is believed.
        shorter_grace_s: for so long a chain may be shorter than what was applied (a node catching up after a restart)
            before it counts as rolled back.

    """

    def __init__(
        self,
        node: Node,
        sink: EventSink,
        identity: ChainIdentity,
        *,
        confirmations: int = 0,
        max_blocks: int = 500,
        clock: Callable[[], float] = time.monotonic,
        identity_interval_s: float = 2.0,
        shorter_grace_s: float = 10.0,
    ) -> None:
        self._node = node
        self._sink = sink
        self._identity = identity
        self._confirmations = confirmations
        self._max_blocks = max_blocks
        self._span = max_blocks
        self._clock = clock
        self._guard = ChainGuard(node, identity, clock=clock, interval_s=identity_interval_s)
        self._shorter_grace_s = shorter_grace_s
        self._shorter_since: float | None = None
        self._addresses = [contract.address for contract in identity.contracts.values()]
        self._reader = EventReader({contract.address: name for name, contract in identity.contracts.items()})

    def step(self) -> Indexed:
        """Take in at most `max_blocks` further blocks, or undo what a reorg took away.

        Raises:
            WrongChainError: the node stands on another chain, was reset, or has lost applied blocks. Nothing was
                applied; anchoring halts until somebody has looked.
            NodeError: the node does not answer; again later.

        """
        self._guard.check()
        head = self._node.block_number()
        cursor = self._sink.cursor()
        if cursor is not None:
            moved = self._settle_fork(cursor, head)
            if moved is not None:
                return moved
        first = self._identity.first_block if cursor is None else cursor.number + 1
        target = head - self._confirmations
        if target < first:
            return Indexed(head, None if cursor is None else cursor.number)
        return self._advance(cursor, first, target, head)

    # Forks

    def _settle_fork(self, cursor: Cursor, head: int) -> Indexed | None:
        """None where the cursor's block still stands; else what was done about it."""
        if cursor.number <= head:
            self._shorter_since = None
            if self._node.block(cursor.number).hash == cursor.hash:
                return None
        # In doubt the identity is asked anew: a reset chain is no reorg and must not be "followed".
        self._guard.check(now=True)
        ancestor = self._common_ancestor(head)
        if ancestor is None:
            raise WrongChainError(
                f"none of the last applied blocks, up to {cursor.number}, stands on this chain", code=RESET
            )
        if cursor.number > head:
            return self._wait_for_longer(cursor, head)
        reached("indexer/rewind")
        self._sink.rewind(ancestor)
        reached("indexer/rewound")
        return Indexed(head, ancestor.number, rewound=cursor.number - ancestor.number)

    def _common_ancestor(self, head: int) -> Cursor | None:
        """The newest applied block that stands on the chain, by halving: what is below one that stands, stands."""
        applied = self._sink.recent(RECENT_BLOCKS)
        low, high = 0, len(applied)
        while low < high:
            middle = (low + high) // 2
            if applied[middle].number <= head and self._node.block(applied[middle].number).hash == applied[middle].hash:
                high = middle
            else:
                low = middle + 1
        return applied[low] if low < len(applied) else None

    def _wait_for_longer(self, cursor: Cursor, head: int) -> Indexed:
        """A chain that agrees but ends below the cursor: the node is catching up, or has lost blocks for good."""
        now = self._clock()
        if self._shorter_since is None:
            self._shorter_since = now
        if now - self._shorter_since >= self._shorter_grace_s:
            raise WrongChainError(
                f"the head is {head}, but blocks up to {cursor.number} were final: rolled back", code=ROLLED_BACK
            )
        return Indexed(head, cursor.number)

    # Ranges

    def _advance(self, cursor: Cursor | None, first: int, target: int, head: int) -> Indexed:
        last = min(target, first + self._span - 1)
        unmoved = Indexed(head, None if cursor is None else cursor.number, behind=target - first + 1)
        try:
            blocks = self._node.headers(first, last)
            if not _linked(cursor, blocks):
                # The chain moved while it was read: nothing is applied, the next step looks for the fork.
                return unmoved
            entries = self._node.logs(first, last, self._addresses)
        except NodeError as error:
            if error.reason in _ASK_LESS and self._span > 1 and last > first:
                # Engines limit range and answer, each in its own way; asking for half always helps in the end.
                self._span = max(1, (last - first + 1) // 2)
                return unmoved
            raise
        tip = blocks[-1]
        events = self._decode(entries, {block.number: block for block in blocks})
        if events is None or self._node.block(last).hash != tip.hash:
            return unmoved
        reached("indexer/apply")
        self._sink.apply(events, tip, blocks[-TRAIL_BLOCKS - 1 : -1])
        reached("indexer/applied")
        self._span = min(self._max_blocks, self._span * 2)
        return Indexed(head, tip.number, events=len(events), behind=target - tip.number, time_s=tip.time_s)

    def _decode(self, entries: Sequence[LogEntry], blocks: Mapping[int, BlockRef]) -> list[ChainEvent] | None:
        """Events with their blocks; None where an entry's block is none of these."""
        events = []
        for entry in sorted(entries, key=lambda entry: (entry.block_number, entry.log_index)):
            block = blocks.get(entry.block_number)
            if block is None or block.hash != entry.block_hash:
                return None
            event = self._reader.read(entry, block)
            if event is not None:
                events.append(event)
        return events


def _linked(cursor: Cursor | None, blocks: Sequence[BlockRef]) -> bool:
    """Whether each block hangs on the one before it, and the first one on the cursor's."""
    below = None if cursor is None else cursor.hash
    for block in blocks:
        if below is not None and block.parent_hash != below:
            return False
        below = block.hash
    return True

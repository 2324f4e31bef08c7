"""Heads that the receipt log had before: found in ReceiptLog's events by root, for only the present one is in storage.

Events are as firm as storage: the operator cannot take one back, and a validator who rewrites them rewrites the chain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from eth_utils.crypto import keccak

from chain.abi import load
from chain.calls import solidity_type
from chain.errors import FormatError, NodeError, RpcReason
from chain.events import EventReader
from chain.ports import BlockRef, Head, LogEntry, Node

CONTRACT = "ReceiptLog"
HEAD_EVENTS = ("CheckpointAppended", "EpochStarted")
_WIDEST = 1 << 62


@dataclass(frozen=True, slots=True)
class PastHead:
    """A head that the log has or had: the epoch it belongs to and the block that took it."""

    head: Head
    epoch: int
    block_number: int


def find_head(node: Node, contract: bytes, root: bytes, *, upto: int) -> PastHead | None:
    """The newest head with this root in blocks 0 to `upto`; None where there never was one.

    If one root was a head twice, as after the repair of a wrong size, the later record counts. Raises NodeError.
    """
    for entries in _windows(node, contract, [_signatures(), [root]], upto):
        if entries:
            return _read(contract, entries[-1])
    return None


def all_heads(node: Node, contract: bytes, *, upto: int) -> dict[bytes, PastHead]:
    """Every head by its root, the later record where one root was a head twice. Raises NodeError."""
    found: dict[bytes, PastHead] = {}
    for entries in _windows(node, contract, [_signatures()], upto):
        for entry in reversed(entries):
            past = _read(contract, entry)
            found.setdefault(past.head.root, past)
    return found


def _windows(node: Node, contract: bytes, topics: Sequence[Sequence[bytes]], upto: int) -> Iterator[list[LogEntry]]:
    """The matching events from the newest block downwards, in ranges as wide as the node answers for.

    Nodes bound the blocks or the events of one answer, each in its own way; the range is halved until it fits.
    """
    last, width = upto, _WIDEST
    while last >= 0:
        first = max(0, last - width + 1)
        try:
            entries = node.logs(first, last, [contract], topics)
        except NodeError as error:
            if error.reason is not RpcReason.REJECTED or first == last:
                raise
            width = (last - first + 1) // 2
            continue
        yield entries
        last = first - 1


def _read(contract: bytes, entry: LogEntry) -> PastHead:
    block = BlockRef(entry.block_number, entry.block_hash, b"", 0)
    try:
        event = EventReader({contract: CONTRACT}).read(entry, block)
    except FormatError as error:
        raise NodeError(RpcReason.MALFORMED, error.detail) from error
    if event is None or event.name not in HEAD_EVENTS:
        raise NodeError(RpcReason.MALFORMED, "an event that was not asked for")
    size, root, epoch = event.args["size"], event.args["root"], event.args["epoch"]
    assert isinstance(size, int)
    assert isinstance(root, bytes)
    assert isinstance(epoch, int)
    return PastHead(Head(size, root), epoch, entry.block_number)


@cache
def _signatures() -> tuple[bytes, ...]:
    return tuple(
        keccak(f"{item['name']}({','.join(solidity_type(part) for part in item['inputs'])})".encode())
        for item in load(CONTRACT).abi
        if item["type"] == "event" and item["name"] in HEAD_EVENTS
    )
